/* What was believed, what providers said and what came: recorded, asked, and taken up again after a
 * restart in the order in which it became known. */
#include "tests/unit/store/fixture.h"

#include "controller/store/belief.h"
#include "tests/unit/store/query_folder.h"

#define T_AT (T0 + 14 * HOUR_MS)

static struct forecast_block make_block(int32_t track, enum block_kind kind, const char *source,
                                        int64_t issue_ms, int64_t start_ms, int32_t step_ms,
                                        int32_t count, float first)
{
    struct forecast_block block = {.track = track,
                                   .kind = kind,
                                   .issue_ms = issue_ms,
                                   .start_ms = start_ms,
                                   .step_ms = step_ms,
                                   .count = count};
    snprintf(block.source, sizeof block.source, "%s", source);
    for (int32_t i = 0; i < count; i++)
        block.value[i] = first + (float)i;
    return block;
}

static void post_blocks(struct store *store, struct site *site, int64_t now_ms,
                        const struct forecast_block *blocks, int count, enum reason verdict)
{
    const struct tick_input input = {.now_ms = now_ms, .blocks = blocks, .block_count = count};
    for (int i = 0; i < count; i++)
        site->output.block_verdicts[i] = verdict;
    assert_true(store_post_blocks(store, &input, &site->output));
}

static void post_forecast(struct store *store, struct site *site, int64_t issue_ms, float level)
{
    memset(&site->output, 0, sizeof site->output);
    for (int s = 0; s < FORECAST_SERIES; s++) {
        struct forecast *f = &site->output.forecasts[s];
        *f = (struct forecast){.series = (enum forecast_series)s,
                               .issue_ms = issue_ms,
                               .start_ms = utc_floor(issue_ms, QUARTER_MS),
                               .model = "test",
                               .reason = REASON_FORECAST_YOUNG,
                               .steps = s == SERIES_WIND ? 0 : FORECAST_STEPS};
        for (int i = 0; i < FORECAST_STEPS; i++)
            for (int q = 0; q < QUANTILES; q++)
                f->value[i][q] = level + (float)(i + q);
    }
    site->output.forecasts_issued = true;
    assert_true(store_post_tick(store, issue_ms, &site->output));
    site->output.forecasts_issued = false;
}

/* ---- what is written ---- */

static void test_what_providers_said_is_kept(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    struct forecast_block block =
        make_block(INPUT_GHI, BLOCK_FORECAST, "meteo", T0, T0 + HOUR_MS, HOUR_MS, 24, 100);
    block.value[3] = (float)NAN;
    post_blocks(store, &site, T_AT, &block, 1, REASON_FEED_PARTIAL);
    post_blocks(store, &site, T_AT + 1000, &block, 1, REASON_FEED_DUPLICATE);
    post_blocks(store, &site, T_AT + 2000, &block, 1, REASON_FEED_INVALID);
    store_close(store);
    assert_ask(&site, "SELECT count(*) FROM feed_issue", 3);
    assert_ask(&site, "SELECT count(*) FROM feed_value", 23); /* of the first alone, less a gap */
    assert_ask(&site,
               "SELECT value FROM v_feed_value WHERE series = 'ghi_w_m2' AND source = 'meteo'"
               " AND verdict = 'feed_partial' AND kind = 'forecast'"
               " AND issue_utc = '2026-06-15T00:00:00Z' AND received_utc = '2026-06-15T14:00:00Z'"
               " AND step_utc = '2026-06-15T05:00:00Z'",
               104);
    assert_ask(&site, "SELECT count(*) FROM forecast_history", 0);
    assert_sound(&site);
    site_end(&site);
}

static void test_measured_blocks_are_history(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    assert_true(store_post_history(store, T0 + QUARTER_MS, SERIES_CARBON, T0, 500));
    struct forecast_block blocks[] = {
        make_block(SERIES_CARBON, BLOCK_MEASURED, "grid", T_AT, T0, HOUR_MS, 2, 100),
        make_block(INPUT_GRID_WIND, BLOCK_MEASURED, "grid", T_AT, T0, HOUR_MS, 2, 7e9f)};
    post_blocks(store, &site, T_AT, blocks, 2, REASON_NONE);
    store_close(store);
    assert_ask(&site, "SELECT count(*) FROM forecast_history WHERE series = 3", 8);
    assert_ask(&site, "SELECT value FROM forecast_history WHERE series = 3 ORDER BY step_ms", 500);
    assert_ask(&site, "SELECT sum(value) FROM forecast_history WHERE series = 3 AND fed",
               3 * 100 + 4 * 101);
    assert_ask(&site,
               "SELECT count(*) FROM forecast_history JOIN series USING (series)"
               " WHERE name = 'grid_wind_w' AND known_ms = 1781532000000",
               8);
    site_end(&site);
}

static void test_judgement_is_kept(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    const struct forecast_score scores[] = {{.series = SERIES_PV,
                                             .lead = 2,
                                             .count = 5,
                                             .mae = 1,
                                             .pinball = 0.5,
                                             .coverage = 0.9,
                                             .coverage_80 = 0.8,
                                             .rank = 0.7},
                                            {.series = SERIES_PV, .lead = 3, .rank = (double)NAN}};
    assert_true(store_post_scores(store, T0, scores, 2));
    store_close(store);
    assert_ask(&site, "SELECT coverage_80 FROM v_forecast_score WHERE lead_h = 6", 0.8);
    assert_ask(&site, "SELECT rank FROM v_forecast_score WHERE lead_h = 6", 0.7);
    assert_unknown(&site, "SELECT rank FROM v_forecast_score WHERE lead_h = 12");
    site_end(&site);
}

static void test_what_providers_said_is_kept_as_long_as_quarters(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    site.config.minute_keep_ms = HOUR_MS;
    site.config.quarter_keep_ms = 2 * (int64_t)DAY_MS;
    struct store *store = open_store(&site);
    struct forecast_block block =
        make_block(INPUT_GHI, BLOCK_FORECAST, "meteo", T0, T0, HOUR_MS, 24, 1);
    post_blocks(store, &site, T0, &block, 1, REASON_NONE);
    post_blocks(store, &site, T0 + DAY_MS, &block, 1, REASON_FEED_LATE);
    /* Retention goes slice by slice with the images. */
    for (int i = 0; i < 100 && store_flush(store, NULL) == 0; i++) {
        int32_t point = point_of(&site, "battery", POINT_SOC);
        int64_t now_ms = T0 + 2 * (int64_t)DAY_MS + HOUR_MS + i * (int64_t)MINUTE_MS;
        image_apply(&site.image, &(struct sample){.point = point,
                                                  .value = 50,
                                                  .quality = QUALITY_GOOD,
                                                  .source_ms = now_ms,
                                                  .receive_ms = now_ms});
        site.image.frozen_ms = now_ms;
        assert_true(store_post_image(store, &site.image));
    }
    store_close(store);
    assert_ask(&site, "SELECT count(*) FROM feed_issue", 1);
    assert_ask(&site, "SELECT count(*) FROM feed_value", 24);
    site_end(&site);
}

/* ---- what is asked ---- */

struct asked {
    int steps, words;
    struct belief_step step;
    struct belief_word word;
};

static void on_step(void *context, const struct belief_step *step)
{
    struct asked *asked = context;
    asked->steps++;
    asked->step = *step;
}

static void on_word(void *context, const struct belief_word *word)
{
    struct asked *asked = context;
    asked->words++;
    asked->word = *word;
}

/* What did we believe at 14:00 about 18:00, and what came? */
static void test_a_belief_of_the_past_is_found(void **state)
{
    (void)state;
    struct site site;
    struct error error;
    struct belief *belief = NULL;
    struct asked asked = {0};
    site_begin(&site);
    struct store *store = open_store(&site);
    int64_t about_ms = T0 + 18 * HOUR_MS;
    struct forecast_block block =
        make_block(SERIES_PRICE, BLOCK_FORECAST, "market", T0, T0, HOUR_MS, 48, 0);
    post_blocks(store, &site, T0 + 10 * HOUR_MS, &block, 1, REASON_NONE);
    block.issue_ms = T0 + HOUR_MS;
    block.value[18] = 99;
    post_blocks(store, &site, T_AT - 1, &block, 1, REASON_NONE);
    block.value[18] = 77; /* said after 14:00 */
    post_blocks(store, &site, T_AT + 1, &block, 1, REASON_FEED_CONTRADICTORY);
    post_forecast(store, &site, T_AT - QUARTER_MS, 100);
    post_forecast(store, &site, T_AT - 1000, 200);
    post_forecast(store, &site, T_AT + 1000, 300);
    assert_true(store_post_history(store, about_ms + QUARTER_MS, SERIES_PRICE, about_ms, 222));
    assert_int_equal(store_flush(store, &error), 0);
    assert_int_equal(belief_open(site.config.path, &belief, &error), 0); /* beside the writer */
    assert_int_equal(
        belief_steps(belief, SERIES_PRICE, T_AT, about_ms, about_ms + 1, on_step, &asked, &error),
        1);
    assert_int_equal(asked.step.issue_ms, T_AT - 1000);
    assert_float_equal(asked.step.quantile[QUANTILE_MEDIAN], 200 + 17 + 3, 1e-9);
    assert_float_equal(asked.step.quantile[1], 200 + 17 + 1, 1e-9);
    assert_true(asked.step.came == 222);
    assert_int_equal(
        belief_words(belief, SERIES_PRICE, T_AT, about_ms + 10, on_word, &asked, &error), 1);
    assert_true(asked.word.value == 99 && asked.word.step_ms == about_ms);
    assert_int_equal(
        belief_words(belief, SERIES_PRICE, T_AT + 1, about_ms, on_word, &asked, &error), 1);
    assert_true(asked.word.value == 77);
    assert_int_equal(belief_words(belief, SERIES_PV, T_AT, about_ms, on_word, &asked, &error), 0);
    assert_int_equal(belief_steps(belief, SERIES_PRICE, T0, 0, INT64_MAX, on_step, &asked, &error),
                     0); /* nobody believed anything yet */
    belief_close(belief);
    store_close(store);
    assert_ask(&site,
               "SELECT inside_80 FROM v_forecast_vs_actual WHERE series = 'price_per_mwh'"
               " AND actual IS NOT NULL AND reason = 'forecast_young' ORDER BY issue_ms DESC"
               " LIMIT 1 OFFSET 1",
               1);
    site_end(&site);
}

static void test_the_query_file_tells_the_same(void **state)
{
    (void)state;
    struct site site;
    char command[1024], line[512];
    bool believed = false, said = false;
    if (system("command -v sqlite3 >/dev/null") != 0)
        skip();
    site_begin(&site);
    struct store *store = open_store(&site);
    struct forecast_block block =
        make_block(SERIES_PRICE, BLOCK_FORECAST, "market", T0, T0, HOUR_MS, 48, 0);
    post_blocks(store, &site, T_AT, &block, 1, REASON_NONE);
    post_forecast(store, &site, T_AT, 200);
    post_forecast(store, &site, T_AT + HOUR_MS, 300);
    assert_true(
        store_post_history(store, T0 + DAY_MS, SERIES_PRICE, T0 + 18 * (int64_t)HOUR_MS, 222));
    store_close(store);
    snprintf(command, sizeof command,
             "sqlite3 -cmd '.parameter init'"
             " -cmd \".parameter set :at '\\\"2026-06-15T14:00:00Z\\\"'\" %s < %s/belief.sql 2>&1",
             site.config.path, QUERY_FOLDER);
    FILE *shell = popen(command, "r");
    assert_non_null(shell);
    while (fgets(line, sizeof line, shell)) {
        bool price = strncmp(line, "price_per_mwh", 13) == 0;
        believed |= price && strstr(line, "219.0") && strstr(line, "222.0");
        said |= price && strstr(line, "market") && strstr(line, "18.0  222.0");
    }
    assert_int_equal(pclose(shell), 0);
    assert_true(believed && said);
    site_end(&site);
}

static void test_what_is_no_ledger_is_refused(void **state)
{
    (void)state;
    struct site site;
    struct error error;
    struct belief *belief = NULL;
    site_begin(&site);
    assert_true(belief_open(site.config.path, &belief, &error) < 0);
    assert_non_null(strstr(error.text, "cannot be read"));
    tell(&site, "CREATE TABLE other (a INTEGER)");
    assert_true(belief_open(site.config.path, &belief, &error) < 0);
    assert_non_null(strstr(error.text, "no ledger"));
    tell(&site, "CREATE TABLE schema_migration (version INTEGER);"
                "INSERT INTO schema_migration VALUES (4)");
    assert_true(belief_open(site.config.path, &belief, &error) < 0);
    assert_non_null(strstr(error.text, "start tidewattd once"));
    site_end(&site);
}

/* ---- what comes back ---- */

struct word {
    bool block;
    int32_t track;
    int64_t start_ms;
    float first, last;
    int32_t count;
};

enum { WORDS = 4096 };
struct heard {
    int count;
    struct word words[WORDS];
    struct forecaster *forecaster;
};

static void hear_history(void *context, enum forecast_series series, int64_t step_ms, double value)
{
    struct heard *heard = context;
    assert_in_range(heard->count, 0, WORDS - 1);
    heard->words[heard->count++] =
        (struct word){false, (int32_t)series, step_ms, (float)value, (float)value, 1};
    forecaster_observe(heard->forecaster, series, step_ms, value);
}

static void hear_block(void *context, const struct forecast_block *block)
{
    struct heard *heard = context;
    assert_in_range(heard->count, 0, WORDS - 1);
    heard->words[heard->count++] = (struct word){
        true,        block->track, block->start_ms, block->value[0], block->value[block->count - 1],
        block->count};
    forecaster_take(heard->forecaster, block);
}

static struct forecaster *make_forecaster(void)
{
    const struct forecaster_config config = {47, 8};
    struct forecaster *forecaster = forecaster_create(&config, NULL);
    assert_non_null(forecaster);
    return forecaster;
}

/* A fortnight of quarter hours, weather that is issued every six hours and comes late, a grid's
 * mix that is measured an hour behind, and settled prices. */
static void live(struct store *store, struct site *site, struct heard *heard)
{
    uint32_t random = 7;
    int64_t end_ms = T0 + 9 * (int64_t)DAY_MS;
    for (int64_t now_ms = T0; now_ms < end_ms; now_ms += QUARTER_MS) {
        struct forecast_block blocks[4];
        int count = 0;
        if (now_ms % (6 * HOUR_MS) == QUARTER_MS)
            blocks[count++] =
                make_block(INPUT_GHI, BLOCK_FORECAST, "meteo", now_ms - QUARTER_MS,
                           now_ms - QUARTER_MS, HOUR_MS, 96, (float)(next_random(&random) % 500));
        if (now_ms % HOUR_MS == 0)
            blocks[count++] =
                make_block(INPUT_GRID_WIND, BLOCK_MEASURED, "grid", now_ms, now_ms - 2 * HOUR_MS,
                           HOUR_MS, 1, (float)(next_random(&random) % 9000));
        if (now_ms % HOUR_MS == 0) /* a series of the site that a provider measures */
            blocks[count++] =
                make_block(SERIES_CARBON, BLOCK_MEASURED, "grid", now_ms, now_ms - HOUR_MS, HOUR_MS,
                           1, (float)(next_random(&random) % 500));
        if (now_ms % DAY_MS == 12 * HOUR_MS)
            blocks[count++] =
                make_block(SERIES_PRICE, BLOCK_SETTLED, "market", now_ms, now_ms + 12 * HOUR_MS,
                           HOUR_MS, 24, (float)(next_random(&random) % 100));
        for (int i = 0; i < count; i++)
            hear_block(heard, &blocks[i]);
        post_blocks(store, site, now_ms, blocks, count, REASON_NONE);
        double value = 1000.0 + next_random(&random) % 1000 / 7.0;
        hear_history(heard, SERIES_BASE_IT, now_ms - QUARTER_MS, value);
        assert_true(store_post_history(store, now_ms, SERIES_BASE_IT, now_ms - QUARTER_MS, value));
        hear_history(heard, SERIES_TEMP, now_ms - QUARTER_MS, value / 100);
        assert_true(
            store_post_history(store, now_ms, SERIES_TEMP, now_ms - QUARTER_MS, value / 100));
    }
}

static void test_a_restart_knows_what_an_unbroken_run_knows(void **state)
{
    (void)state;
    static struct heard lived, resumed;
    static struct forecast expected, found;
    struct site site;
    struct error error;
    site_begin(&site);
    site.config.patient = true;
    struct store *store = open_store(&site);
    lived = (struct heard){.forecaster = make_forecaster()};
    resumed = (struct heard){.forecaster = make_forecaster()};
    live(store, &site, &lived);
    store_close(store);
    store = open_store(&site);
    const struct store_recovery calls = {
        .history = hear_history, .block = hear_block, .context = &resumed};
    int64_t now_ms = T0 + 9 * (int64_t)DAY_MS;
    assert_int_equal(store_recover(store, now_ms, &calls, &error), 0);
    store_close(store);
    assert_int_equal(resumed.count, lived.count);
    for (int i = 0; i < lived.count; i++)
        assert_memory_equal(&resumed.words[i], &lived.words[i], sizeof lived.words[i]);
    for (int s = 0; s < FORECAST_SERIES; s++) {
        forecaster_issue(lived.forecaster, (enum forecast_series)s, now_ms, &expected);
        forecaster_issue(resumed.forecaster, (enum forecast_series)s, now_ms, &found);
        assert_int_equal(found.steps, expected.steps);
        assert_memory_equal(found.value, expected.value, sizeof found.value);
        assert_string_equal(found.model, expected.model);
    }
    forecaster_destroy(lived.forecaster);
    forecaster_destroy(resumed.forecaster);
    site_end(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_providers_said_is_kept),
        cmocka_unit_test(test_measured_blocks_are_history),
        cmocka_unit_test(test_judgement_is_kept),
        cmocka_unit_test(test_what_providers_said_is_kept_as_long_as_quarters),
        cmocka_unit_test(test_a_belief_of_the_past_is_found),
        cmocka_unit_test(test_the_query_file_tells_the_same),
        cmocka_unit_test(test_what_is_no_ledger_is_refused),
        cmocka_unit_test(test_a_restart_knows_what_an_unbroken_run_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
