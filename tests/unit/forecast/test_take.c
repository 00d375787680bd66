/* Blocks of feeds: what each is worth, and that none of them spoils what sound ones say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/forecast/blocks.h"

static struct forecast last;

static struct forecaster *fresh(double latitude_deg)
{
    struct error error = {""};
    struct forecaster *forecaster = forecaster_create(
        &(struct forecaster_config){.latitude_deg = latitude_deg, .longitude_deg = 20.0}, &error);
    assert_non_null(forecaster);
    return forecaster;
}

static void observe(struct forecaster *forecaster, enum forecast_series series, int64_t from,
                    int64_t to)
{
    struct noise noise = {(uint64_t)from * 2862933555777941757u + 1};
    for (int64_t step = from; step < to; step++)
        forecaster_observe(forecaster, series, step_ms(step),
                           diurnal(step, 250.0, 50.0) + 5.0 * noise_normal(&noise));
}

static void issue(struct forecaster *forecaster, enum forecast_series series, int64_t step)
{
    forecaster_issue(forecaster, series, step_ms(step), &last);
    for (int i = 0; i < last.steps; i++)
        for (int q = 0; q < QUANTILES; q++) {
            assert_true(isfinite(last.value[i][q]));
            assert_true(q == 0 || last.value[i][q] >= last.value[i][q - 1]);
        }
}

static void took(struct forecaster *forecaster, struct forecast_block block, enum reason expected)
{
    assert_string_equal(reason_name(forecaster_take(forecaster, &block)), reason_name(expected));
}

static double highest(void)
{
    double most = 0.0;
    for (int i = 0; i < last.steps; i++)
        most = fmax(most, (double)last.value[i][QUANTILES - 1]);
    return most;
}

/* ---- verdicts ---- */

static void words_of_a_provider(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh(40.0);
    struct forecast_block block = block_of(SERIES_WIND, BLOCK_FORECAST, 8, 8, 24, 5.0);
    took(forecaster, block, REASON_NONE);
    took(forecaster, block, REASON_FEED_DUPLICATE);
    block.value[3] = 6.0f;
    took(forecaster, block, REASON_FEED_CONTRADICTORY);
    took(forecaster, block, REASON_FEED_DUPLICATE); /* the new word counts */
    took(forecaster, block_of(SERIES_WIND, BLOCK_FORECAST, 4, 8, 24, 7.0), REASON_FEED_LATE);
    block = block_of(SERIES_WIND, BLOCK_FORECAST, 12, 12, 24, 5.0);
    block.value[0] = NAN;
    took(forecaster, block, REASON_FEED_PARTIAL);
    forecaster_destroy(forecaster);
}

static void not_usable(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh(40.0);
    static const struct {
        const char *what;
        int32_t track;
        enum block_kind kind;
        int64_t start_ms, issue_ms;
        int32_t step_ms, count;
        double value;
    } bad[] = {
        {"track", FORECAST_TRACKS, BLOCK_MEASURED, 900000, 900000, 900000, 1, 1},
        {"negative track", -1, BLOCK_MEASURED, 900000, 900000, 900000, 1, 1},
        {"step", SERIES_WIND, BLOCK_FORECAST, 900000, 900000, 300000, 1, 1},
        {"long step", SERIES_WIND, BLOCK_FORECAST, 900000, 900000, 172800000, 1, 1},
        {"start", SERIES_WIND, BLOCK_FORECAST, 900001, 900000, 900000, 1, 1},
        {"before 1970", SERIES_WIND, BLOCK_FORECAST, -900000, 900000, 900000, 1, 1},
        {"end of time", SERIES_WIND, BLOCK_FORECAST, INT64_MAX / 900000 * 900000, 1, 900000, 9, 1},
        {"issue", SERIES_WIND, BLOCK_FORECAST, 900000, INT64_MAX, 900000, 1, 1},
        {"count", SERIES_WIND, BLOCK_FORECAST, 900000, 900000, 900000, LIMIT_BLOCK + 1, 1},
        {"none", SERIES_WIND, BLOCK_FORECAST, 900000, 900000, 900000, 0, 1},
        {"no number", SERIES_WIND, BLOCK_FORECAST, 900000, 900000, 900000, 3, NAN},
        {"infinite", SERIES_WIND, BLOCK_FORECAST, 900000, 900000, 900000, 3, INFINITY},
        {"kelvin", SERIES_TEMP, BLOCK_FORECAST, 900000, 900000, 900000, 3, 288.0},
        {"settled weather", INPUT_GHI, BLOCK_SETTLED, 900000, 900000, 900000, 3, 1},
        {"mix to come", INPUT_GRID_WIND, BLOCK_FORECAST, 900000, 900000, 900000, 3, 1},
        {"measured tomorrow", SERIES_WIND, BLOCK_MEASURED, 900000000, 900000, 900000, 3, 1},
        {"settled for long", SERIES_PRICE, BLOCK_SETTLED, 900000000, 900000, 900000, 3, 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct forecast_block block = {.track = bad[i].track,
                                       .kind = bad[i].kind,
                                       .issue_ms = bad[i].issue_ms,
                                       .start_ms = bad[i].start_ms,
                                       .step_ms = bad[i].step_ms,
                                       .count = bad[i].count};
        for (int32_t k = 0; k < LIMIT_BLOCK; k++)
            block.value[k] = (float)bad[i].value;
        if (forecaster_take(forecaster, &block) != REASON_FEED_INVALID)
            fail_msg("%s was taken", bad[i].what);
    }
    forecaster_destroy(forecaster);
}

/* ---- the site's own values and a feed's ---- */

static void own_values_first(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh(40.0), *alone = fresh(40.0);
    static struct forecast expected;
    observe(forecaster, SERIES_CARBON, 0, 5 * DAY_STEPS);
    observe(alone, SERIES_CARBON, 0, 5 * DAY_STEPS);
    took(forecaster, block_of(SERIES_CARBON, BLOCK_MEASURED, 5 * DAY_STEPS, 4 * DAY_STEPS, 24, 9.0),
         REASON_FEED_DUPLICATE);
    issue(alone, SERIES_CARBON, 5 * DAY_STEPS);
    expected = last;
    issue(forecaster, SERIES_CARBON, 5 * DAY_STEPS);
    assert_memory_equal(&last, &expected, sizeof last);
    forecaster_destroy(alone);
    forecaster_destroy(forecaster);
}

/* A wrong time zone or year in what was "measured" does not make own values old news. */
static void measured_in_the_future(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh(40.0);
    int64_t now = 10 * DAY_STEPS;
    observe(forecaster, SERIES_CARBON, 0, now);
    struct forecast_block block = block_of(SERIES_CARBON, BLOCK_MEASURED, now, now - 4, 48, 900.0);
    took(forecaster, block, REASON_FEED_PARTIAL); /* the hour that has begun, at best */
    took(forecaster, block_of(SERIES_CARBON, BLOCK_MEASURED, now, now + 35040, 4, 1.0),
         REASON_FEED_INVALID);
    observe(forecaster, SERIES_CARBON, now + 4, now + 8);
    issue(forecaster, SERIES_CARBON, now + 8);
    assert_int_equal(last.reason, REASON_NONE);
    assert_true((double)last.value[0][QUANTILE_MEDIAN] < 400.0);
    forecaster_destroy(forecaster);
}

/* ---- settled ---- */

static void settled_with_a_gap(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh(40.0);
    int64_t now = 10 * DAY_STEPS;
    observe(forecaster, SERIES_PRICE, 0, now);
    struct forecast_block block = block_of(SERIES_PRICE, BLOCK_SETTLED, now, now, 24, 77.0);
    block.value[12] = NAN;
    took(forecaster, block, REASON_FEED_PARTIAL);
    issue(forecaster, SERIES_PRICE, now);
    for (int i = 0; i < DAY_STEPS; i++) {
        bool gap = i / 4 == 12;
        assert_true(gap || last.value[i][0] == 77.0f);
        assert_true(gap || last.value[i][QUANTILES - 1] == 77.0f);
        assert_true(!gap || last.value[i][0] < last.value[i][QUANTILES - 1]);
        assert_true((double)last.value[i][0] > 0.0);
    }
    block.value[12] = 77.0f;
    block.value[3] = 80.0f; /* revised */
    took(forecaster, block, REASON_FEED_CONTRADICTORY);
    issue(forecaster, SERIES_PRICE, now);
    for (int i = 0; i < DAY_STEPS; i++)
        assert_true(last.value[i][1] == (i / 4 == 3 ? 80.0f : 77.0f));
    forecaster_destroy(forecaster);
}

/* A tariff that is known for weeks does not push the past out. */
static void settled_for_weeks(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh(40.0);
    int64_t now = 20 * DAY_STEPS;
    observe(forecaster, SERIES_PRICE, 0, now);
    for (int part = 0; part < 10; part++)
        forecaster_take(forecaster, &(struct forecast_block){0});
    for (int part = 0; part < 6; part++) {
        struct forecast_block block =
            block_of(SERIES_PRICE, BLOCK_SETTLED, now, now + part * 14 * DAY_STEPS, 14 * 24, 60.0);
        took(forecaster, block, part == 0 ? REASON_FEED_PARTIAL : REASON_FEED_INVALID);
    }
    issue(forecaster, SERIES_PRICE, now);
    for (int i = 0; i < FORECAST_STEPS; i++)
        assert_true(last.value[i][QUANTILE_MEDIAN] == 60.0f);
    forecaster_destroy(forecaster);
}

/* ---- weather and providers ---- */

/* One block of a broken clock does not make the sound ones after it late. */
static void issue_to_come(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh(40.0);
    int64_t now = 3 * DAY_STEPS;
    observe(forecaster, SERIES_WIND, 0, now);
    issue(forecaster, SERIES_WIND, now);
    took(forecaster, block_of(SERIES_TEMP, BLOCK_FORECAST, now + 5 * DAY_STEPS, now, 96, -30.0),
         REASON_FEED_INVALID);
    took(forecaster, block_of(SERIES_TEMP, BLOCK_FORECAST, now, now, 96, 15.0), REASON_NONE);
    forecaster_destroy(forecaster);
}

static void provide(struct forecaster *forecaster, enum forecast_series series, int64_t issue_step,
                    const char *source, double factor)
{
    struct forecast_block block = block_of(series, BLOCK_FORECAST, issue_step, issue_step, 96, 0.0);
    snprintf(block.source, sizeof block.source, "%s", source);
    for (int hour = 0; hour < 96; hour++)
        block.value[hour] = (float)(factor * diurnal(issue_step + hour * 4L, 250.0, 50.0));
    forecaster_take(forecaster, &block);
}

static double weight_of(const struct forecaster *forecaster, enum forecast_series series, int lead,
                        const char *model)
{
    static struct forecast_standing rows[FORECAST_MODELS * SCORE_LEADS];
    int count = forecaster_standings(forecaster, series, rows);
    for (int i = 0; i < count; i++)
        if (rows[i].lead == lead && strcmp(rows[i].model, model) == 0)
            return rows[i].weight;
    return (double)NAN; /* was never judged */
}

/* A trusted provider speaks in another unit from one day on. What comes has a level of its own each
 * day, which only the provider knows. */
static void absurd_provider(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh(40.0);
    int64_t days = 20;
    struct noise noise = {5};
    for (int64_t day = 0; day < days; day++) {
        double level = 1.0 + 0.5 * noise_uniform(&noise);
        provide(forecaster, SERIES_CARBON, day * DAY_STEPS, "known", level);
        for (int64_t step = day * DAY_STEPS; step < (day + 1) * DAY_STEPS; step++)
            forecaster_observe(forecaster, SERIES_CARBON, step_ms(step),
                               level * diurnal(step, 250.0, 50.0));
    }
    assert_true(weight_of(forecaster, SERIES_CARBON, 3, "known") > 0.1);
    provide(forecaster, SERIES_CARBON, days * DAY_STEPS, "known", 1e6);
    issue(forecaster, SERIES_CARBON, days * DAY_STEPS);
    assert_true(highest() < 700.0);
    forecaster_destroy(forecaster);
}

/* Nor one that is absurd about what never moves. */
static void absurd_about_a_constant(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh(40.0);
    for (int64_t step = 0; step < 20 * DAY_STEPS; step++) {
        if (step % DAY_STEPS == 0)
            provide(forecaster, SERIES_BASE_IT, step, "known", 1e6);
        forecaster_observe(forecaster, SERIES_BASE_IT, step_ms(step), 5000.0);
    }
    issue(forecaster, SERIES_BASE_IT, 20 * DAY_STEPS);
    assert_true(highest() < 6000.0);
    forecaster_destroy(forecaster);
}

/* There is room for two; one that has been silent for two weeks makes it for another. */
static void third_provider(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh(40.0);
    for (int64_t day = 0; day < 30; day++) {
        struct forecast_block third =
            block_of(SERIES_CARBON, BLOCK_FORECAST, day * DAY_STEPS, day * DAY_STEPS, 96, 250.0);
        snprintf(third.source, sizeof third.source, "third");
        if (day < 10)
            provide(forecaster, SERIES_CARBON, day * DAY_STEPS, "first", 1.0);
        provide(forecaster, SERIES_CARBON, day * DAY_STEPS, "second", 1.02);
        if (day == 20)
            took(forecaster, third, REASON_FEED_INVALID);
        if (day == 28)
            took(forecaster, third, REASON_NONE);
        observe(forecaster, SERIES_CARBON, day * DAY_STEPS, (day + 1) * DAY_STEPS);
    }
    assert_true(isnan(weight_of(forecaster, SERIES_CARBON, 3, "first"))); /* its merits left, too */
    assert_false(isnan(weight_of(forecaster, SERIES_CARBON, 3, "second")));
    forecaster_destroy(forecaster);
}

/* ---- all together ---- */

static void feed_day(struct forecaster *forecaster, int64_t day, struct noise *noise)
{
    static const int32_t weather[] = {SERIES_TEMP, INPUT_DEW_POINT, INPUT_GHI, INPUT_WIND_SPEED};
    for (int i = 0; i < 4; i++) {
        struct forecast_block block =
            block_of(weather[i], BLOCK_FORECAST, day * DAY_STEPS, day * DAY_STEPS, 110, 0.0);
        for (int hour = 0; hour < 110; hour++)
            block.value[hour] = (float)(10.0 + 5.0 * noise_uniform(noise));
        forecaster_take(forecaster, &block);
    }
    provide(forecaster, SERIES_CARBON, day * DAY_STEPS, "known", 1.01);
}

/* The mix of the hour that has ended. */
static void feed_hour(struct forecaster *forecaster, int64_t step, struct noise *noise)
{
    for (int32_t track = INPUT_GRID_SOLAR; track <= INPUT_GRID_TOTAL; track++) {
        struct forecast_block block =
            block_of(track, BLOCK_MEASURED, step, step - 4, 1,
                     1e9 * (track - INPUT_GRID_SOLAR + 1) * (1.0 + 0.1 * noise_uniform(noise)));
        if (step > 15 * DAY_STEPS && (step < 20 * DAY_STEPS || step > 21 * DAY_STEPS))
            forecaster_take(forecaster, &block); /* begins late, and has a hole */
    }
}

static void walk(struct forecaster *forecaster, int64_t days, bool issues)
{
    struct noise noise = {77};
    for (int64_t step = 1; step <= days * DAY_STEPS; step++) {
        if (step % DAY_STEPS == 0)
            feed_day(forecaster, step / DAY_STEPS, &noise);
        if (step % 4 == 0)
            feed_hour(forecaster, step, &noise);
        observe(forecaster, SERIES_CARBON, step - 1, step);
        observe(forecaster, SERIES_WIND, step - 1, step);
        if (issues && step % 4 == 0)
            issue(forecaster, SERIES_CARBON, step);
    }
}

/* Values and blocks alone make the state: a replay says the same, and so does one that lived. */
static void replay_says_the_same(void **state)
{
    (void)state;
    enum { DAYS = 45 };
    struct forecaster *first = fresh(40.0), *second = fresh(40.0), *lived = fresh(40.0);
    static struct forecast expected;
    walk(first, DAYS, false);
    walk(second, DAYS, false);
    walk(lived, DAYS, true);
    issue(first, SERIES_CARBON, DAYS * DAY_STEPS);
    expected = last;
    issue(second, SERIES_CARBON, DAYS * DAY_STEPS);
    assert_memory_equal(&last, &expected, sizeof last);
    issue(lived, SERIES_CARBON, DAYS * DAY_STEPS);
    assert_memory_equal(&last, &expected, sizeof last);
    forecaster_destroy(first);
    forecaster_destroy(second);
    forecaster_destroy(lived);
}

/* North of the polar circle: no day, then no night, and the plant comes back in spring. */
static void midnight_sun(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh(70.0);
    int64_t winter = 170 * DAY_STEPS; /* December 2026 */
    for (int64_t step = winter; step < winter + 200 * DAY_STEPS; step++) {
        double day = (double)(step - winter) / DAY_STEPS;
        double height = sin(2.0 * M_PI * (day - 90.0) / 365.0) * 0.37 -
                        0.34 * cos(2.0 * M_PI * (double)(step % DAY_STEPS + 5) / DAY_STEPS);
        forecaster_observe(forecaster, SERIES_PV, step_ms(step), 1e4 * fmax(0.0, height));
        if (step % (5 * DAY_STEPS) == 40)
            issue(forecaster, SERIES_PV, step + 1);
        if (step == winter + 15 * DAY_STEPS + 40)
            assert_true(highest() < 3000.0);
    }
    issue(forecaster, SERIES_PV, winter + 200 * DAY_STEPS);
    assert_true((double)last.value[48][QUANTILE_MEDIAN] > 1000.0);
    assert_true((double)last.value[0][QUANTILES - 1] > 0.0); /* at midnight, too */
    forecaster_destroy(forecaster);
}

/* Far beyond 2038. */
static void far_years(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh(40.0);
    int64_t century = 100 * 365 * (int64_t)DAY_STEPS;
    for (int64_t step = century; step < century + 10 * DAY_STEPS; step++) {
        if (step % DAY_STEPS == 0)
            provide(forecaster, SERIES_CARBON, step, "known", 1.0);
        observe(forecaster, SERIES_CARBON, step, step + 1);
    }
    issue(forecaster, SERIES_CARBON, century + 10 * DAY_STEPS);
    assert_true(highest() < 400.0);
    assert_false(isnan(weight_of(forecaster, SERIES_CARBON, 3, "known")));
    forecaster_destroy(forecaster);
}

/* Nobody measures the carbon of the grid, but a provider speaks of it. */
static void never_measured(void **state)
{
    (void)state;
    struct forecaster *forecaster = fresh(40.0);
    provide(forecaster, SERIES_CARBON, 0, "known", 1.0);
    issue(forecaster, SERIES_CARBON, 8);
    assert_int_equal(last.steps, FORECAST_STEPS);
    assert_string_equal(last.model, "known");
    assert_int_equal(last.reason, REASON_FORECAST_YOUNG);
    assert_true(fabs((double)last.value[40][QUANTILE_MEDIAN] - diurnal(48, 250.0, 50.0)) < 1.0);
    assert_true(last.value[40][0] < last.value[40][QUANTILE_MEDIAN]);
    /* Its last word holds on, less surely. */
    assert_true(last.value[383][QUANTILE_MEDIAN] == last.value[376][QUANTILE_MEDIAN]);
    assert_true(last.value[383][QUANTILES - 1] > last.value[40][QUANTILES - 1]);
    issue(forecaster, SERIES_WIND, 8);
    assert_int_equal(last.steps, 0);
    forecaster_destroy(forecaster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_a_provider),
        cmocka_unit_test(not_usable),
        cmocka_unit_test(own_values_first),
        cmocka_unit_test(measured_in_the_future),
        cmocka_unit_test(settled_with_a_gap),
        cmocka_unit_test(settled_for_weeks),
        cmocka_unit_test(issue_to_come),
        cmocka_unit_test(absurd_provider),
        cmocka_unit_test(absurd_about_a_constant),
        cmocka_unit_test(third_provider),
        cmocka_unit_test(replay_says_the_same),
        cmocka_unit_test(midnight_sun),
        cmocka_unit_test(far_years),
        cmocka_unit_test(never_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
