/* `tidewatt forecast` over a ledger without a daemon: tables, JSON and clear refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "controller/base/utc.h"
#include "controller/store/store.h"
#include "tools/cli.h"

static const int64_t T0 = INT64_C(1781481600000); /* 2026-06-15T00:00:00Z */

static struct {
    char folder[64], db[96], out[96], text[65536];
    struct topology *topology;
    struct store *store;
    struct tick_output *output;
} test;

static void post_forecast(int64_t issue_ms, float level)
{
    for (int s = 0; s < FORECAST_SERIES; s++) {
        struct forecast *f = &test.output->forecasts[s];
        *f = (struct forecast){.series = (enum forecast_series)s,
                               .issue_ms = issue_ms,
                               .start_ms = issue_ms,
                               .reason = s == SERIES_PV ? REASON_FORECAST_NO_WEATHER : REASON_NONE,
                               .steps = s == SERIES_COP ? 0 : FORECAST_STEPS};
        strcpy(f->model, s == SERIES_COP ? "none" : "blend");
        for (int i = 0; i < f->steps; i++)
            for (int q = 0; q < QUANTILES; q++)
                f->value[i][q] = level + (float)(i / 4 * 10 + q);
    }
    test.output->forecasts_issued = true;
    assert_true(store_post_tick(test.store, issue_ms, test.output));
}

static void open_ledger(void)
{
    struct store_config config = {.site = "test", .currency = "EUR", .version = "1"};
    struct error error;
    snprintf(config.path, sizeof config.path, "%s", test.db);
    if (store_open(&config, test.topology, &test.store, &error) < 0)
        fail_msg("%s", error.text);
}

static int begin(void **state)
{
    (void)state;
    strcpy(test.folder, "/tmp/tidewatt-cli-XXXXXX");
    assert_non_null(mkdtemp(test.folder));
    snprintf(test.db, sizeof test.db, "%s/ledger.db", test.folder);
    snprintf(test.out, sizeof test.out, "%s/out", test.folder);
    test.topology = topology_create();
    test.output = calloc(1, sizeof *test.output);
    open_ledger();
    return 0;
}

static int end(void **state)
{
    (void)state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", test.db, suffixes[i]);
        unlink(path);
    }
    unlink(test.out);
    topology_destroy(test.topology);
    free(test.output);
    return rmdir(test.folder);
}

static void fill(void)
{
    const struct forecast_score score = {.series = SERIES_CARBON,
                                         .lead = 2,
                                         .count = 40,
                                         .mae = 12.5,
                                         .bias = -3,
                                         .pinball = 4,
                                         .coverage = 0.91,
                                         .coverage_80 = 0.79,
                                         .rank = 0.66};
    struct forecast_block block = {.track = SERIES_CARBON,
                                   .source = "grid",
                                   .issue_ms = T0,
                                   .start_ms = T0,
                                   .step_ms = HOUR_MS,
                                   .count = 24};
    for (int i = 0; i < 24; i++)
        block.value[i] = (float)i;
    const struct tick_input input = {.now_ms = T0 + HOUR_MS, .blocks = &block, .block_count = 1};
    assert_true(store_post_blocks(test.store, &input, test.output));
    post_forecast(T0 + 14 * HOUR_MS, 100);
    post_forecast(T0 + 20 * HOUR_MS, 500);
    assert_true(
        store_post_history(test.store, T0 + 19 * HOUR_MS, SERIES_CARBON, T0 + 18 * HOUR_MS, 142.5));
    assert_true(store_post_scores(test.store, T0 + 20 * HOUR_MS, &score, 1));
    store_close(test.store);
}

/* Runs the command with both outputs in `test.text`; returns its exit code. */
static int run(const char *line)
{
    static const struct cli_command command = {"forecast", "[now]", "Shows", cli_forecast};
    static char words[512];
    char *argv[32], *save = NULL;
    int argc = 0, saved[2] = {dup(1), dup(2)};
    snprintf(words, sizeof words, "forecast --db %s %s", test.db, line);
    for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
        argv[argc++] = word;
    argv[argc] = NULL;
    fflush(NULL);
    assert_non_null(freopen(test.out, "w", stdout));
    dup2(1, 2);
    int code = cli_forecast(&command, argc, argv);
    fflush(NULL);
    dup2(saved[0], 1);
    dup2(saved[1], 2);
    close(saved[0]);
    close(saved[1]);
    FILE *file = fopen(test.out, "r");
    size_t length = fread(test.text, 1, sizeof test.text - 1, file);
    test.text[length] = '\0';
    fclose(file);
    return code;
}

static void assert_says(const char *words)
{
    if (!strstr(test.text, words))
        fail_msg("\"%s\" is not in: %s", words, test.text);
}

static void now_is_shown_with_its_reasons(void **state)
{
    (void)state;
    fill();
    assert_int_equal(run("now"), 0);
    assert_says("Forecasts of 2026-06-15T20:00:00Z");
    assert_says("carbon_g_per_kwh");
    assert_says("142.5");                    /* measured last */
    assert_says("511.0 < 513.0 < 515.0");    /* in 1 h */
    assert_says("561.0 < 563.0 < 565.0");    /* in 6 h */
    assert_says("1.2 < 1.2 < 1.2 kW");       /* of power, in 72 h */
    assert_says("1221.0 < 1223.0 < 1225.0"); /* in 72 h */
    assert_says("made from the past alone");
    assert_says("nothing was ever measured of it");
}

static void a_series_reaches_four_days(void **state)
{
    (void)state;
    fill();
    assert_int_equal(run("--series carbon_g_per_kwh --json"), 0);
    json_t *answer = json_loads(test.text, 0, NULL);
    json_t *object = json_array_get(json_object_get(answer, "forecasts"), 0);
    json_t *steps = json_object_get(object, "steps");
    assert_int_equal(json_array_size(steps), 24 + 90);
    json_t *last = json_array_get(steps, 113);
    assert_string_equal(json_string_value(json_object_get(last, "at")), "2026-06-19T19:00:00Z");
    assert_true(json_number_value(json_object_get(last, "p90")) == 500 + 950 + 5);
    assert_true(json_is_null(json_object_get(last, "came")));
    json_decref(answer);
}

static void the_past_is_told_beside_what_came(void **state)
{
    (void)state;
    fill();
    assert_int_equal(run("--history --at 14:00 --about 18:00 --series carbon_g_per_kwh"), 0);
    assert_says("at 2026-06-15T14:00:00Z about 2026-06-15T18:00:00Z");
    assert_says("141.0 < 143.0 < 145.0  142.5  yes");
    assert_says("grid said");
    assert_says("18.0");
    assert_int_equal(run("--history --at 2026-06-15T15:30Z --series carbon_g_per_kwh"), 0);
    assert_says("as forecast at 2026-06-15T14:00:00Z");
    assert_int_equal(run("--history --at 13:00 --about 18:00"), 0); /* nothing was said yet */
    assert_says("no forecast was made by then");
    assert_null(strstr(test.text, "06-15 13:00"));
}

static void scores_are_shown(void **state)
{
    (void)state;
    fill();
    assert_int_equal(run("--scores"), 0);
    assert_says("carbon_g_per_kwh   6 h  12.5  -3.0      4.0    91 %     79 %  0.66     40");
    assert_int_equal(run("--scores --series pv_w"), 0);
    assert_says("no score yet");
}

static void refusals_say_what_to_do(void **state)
{
    (void)state;
    store_close(test.store);
    assert_int_equal(run("now"), CLI_REFUSED);
    assert_says("no forecast was made yet");
    open_ledger();
    fill();
    assert_int_equal(run("--series moon"), CLI_USAGE);
    assert_says("unknown series \"moon\": pv_w wind_w price_per_mwh");
    assert_int_equal(run("--series ghi_w_m2"), CLI_USAGE); /* an input is no series */
    assert_int_equal(run("later"), CLI_USAGE);
    assert_int_equal(run("--history"), CLI_USAGE);
    assert_int_equal(run("--at 14:00"), CLI_USAGE);
    assert_int_equal(run("--history --at 14:00"), CLI_USAGE);
    assert_int_equal(run("--history --at 25:00 --about 18:00"), CLI_REFUSED);
    assert_says("no time of day");
    assert_int_equal(run("--db /nonexistent"), CLI_REFUSED);
    assert_says("cannot be read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(now_is_shown_with_its_reasons, begin, end),
        cmocka_unit_test_setup_teardown(a_series_reaches_four_days, begin, end),
        cmocka_unit_test_setup_teardown(the_past_is_told_beside_what_came, begin, end),
        cmocka_unit_test_setup_teardown(scores_are_shown, begin, end),
        cmocka_unit_test_setup_teardown(refusals_say_what_to_do, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
