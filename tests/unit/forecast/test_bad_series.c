/* Series as they really come: with gaps, spikes, hours twice, clocks that jump, prices below 0,
 * nothing but zeros, a feed that dies. The forecast stays finite, in order, honestly wide, says why
 * it is less than it could be, and never falls silent once something was known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/forecast/series.h"

enum { WEEK = 7 * DAY_STEPS, SOUND = 3 * WEEK, STRIDE = 13 /* steps between issues */ };
enum { LOW_80 = 1, HIGH_80 = QUANTILES - 2 };

static const struct forecaster_config MADRID = {.latitude_deg = 40.4, .longitude_deg = -3.7};
static struct forecast last; /* issued most recently */

static struct forecaster *fresh(void)
{
    struct forecaster *forecaster = forecaster_create(&MADRID, NULL);
    assert_non_null(forecaster);
    return forecaster;
}

static bool may_be_negative(enum forecast_series series)
{
    return series == SERIES_PRICE || series == SERIES_PRICE_RT || series == SERIES_TEMP ||
           series == SERIES_WET_BULB;
}

static void issue(struct forecaster *forecaster, enum forecast_series series, int64_t step)
{
    forecaster_issue(forecaster, series, step_ms(step), &last);
    assert_int_equal(last.steps, FORECAST_STEPS);
    for (int32_t i = 0; i < FORECAST_STEPS; i++) {
        for (int q = 0; q < QUANTILES; q++) {
            assert_true(isfinite(last.value[i][q]));
            assert_true(q == 0 || last.value[i][q] >= last.value[i][q - 1]);
            assert_true(may_be_negative(series) || last.value[i][q] >= 0.0f);
        }
    }
}

/* Mean width of P10..P90 over the days [from, to) ahead. */
static double width(int from, int to)
{
    double sum = 0;
    for (int32_t i = from * DAY_STEPS; i < to * DAY_STEPS; i++)
        sum += (double)(last.value[i][HIGH_80] - last.value[i][LOW_80]);
    return sum / ((to - from) * DAY_STEPS);
}

static double median(int32_t ahead)
{
    return (double)last.value[ahead][QUANTILE_MEDIAN];
}

/* An ordinary series: the shape of the day and some noise. */
static double ordinary(int64_t step, struct noise *noise)
{
    return diurnal(step, 100.0, 40.0) + 5.0 * noise_normal(noise);
}

/* Steps [from, to) of `value`, with a forecast now and then. */
typedef double value_at(int64_t step, struct noise *noise);
static void go_on(struct forecaster *forecaster, enum forecast_series series, value_at *value,
                  int64_t from, int64_t to, struct noise *noise)
{
    for (int64_t step = from; step < to; step++) {
        forecaster_observe(forecaster, series, step_ms(step), value(step, noise));
        if (step % STRIDE == 0)
            issue(forecaster, series, step + 1);
    }
    issue(forecaster, series, to);
}

static struct forecaster *after_sound_weeks(enum forecast_series series, struct noise *noise)
{
    struct forecaster *forecaster = fresh();
    forecaster_observe(forecaster, series, step_ms(0), ordinary(0, noise));
    go_on(forecaster, series, ordinary, 1, SOUND, noise);
    return forecaster;
}

/* ---- what comes is wrong, or does not come ---- */

static double mostly_missing(int64_t step, struct noise *noise)
{
    double value = ordinary(step, noise);
    return noise_uniform(noise) < 0.7 ? (double)NAN : value;
}

static void gaps(void **state)
{
    (void)state;
    struct noise noise = {1};
    struct forecaster *forecaster = after_sound_weeks(SERIES_CARBON, &noise);
    go_on(forecaster, SERIES_CARBON, mostly_missing, SOUND, SOUND + WEEK, &noise);
    for (int32_t i = 0; i < FORECAST_STEPS; i++)
        assert_near(median(i), diurnal(SOUND + WEEK + i, 100.0, 40.0), 25.0);
    assert_true(width(0, 1) > 3.0);
    forecaster_destroy(forecaster);
}

static double spiky(int64_t step, struct noise *noise)
{
    double value = ordinary(step, noise);
    return noise_uniform(noise) < 0.01 ? 1e9 : value;
}

static void spikes(void **state)
{
    (void)state;
    struct noise noise = {2};
    for (int series = SERIES_WIND; series < FORECAST_SERIES; series++) {
        struct forecaster *forecaster = after_sound_weeks(series, &noise);
        go_on(forecaster, series, spiky, SOUND, SOUND + WEEK, &noise);
        for (int32_t i = DAY_STEPS; i < FORECAST_STEPS; i++) /* a day after the last one */
            assert_true(fabs(median(i)) < 400.0);
        forecaster_destroy(forecaster);
    }
}

static double no_number(int64_t step, struct noise *noise)
{
    static const double none[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    noise_uniform(noise);
    return none[step % 3];
}

static void no_numbers_are_as_nothing(void **state)
{
    (void)state;
    struct noise noise = {3}, again = {3};
    struct forecaster *forecaster = after_sound_weeks(SERIES_CARBON, &noise);
    struct forecaster *other = after_sound_weeks(SERIES_CARBON, &again);
    struct forecast silent;
    for (int64_t step = SOUND; step < SOUND + DAY_STEPS; step++)
        forecaster_observe(forecaster, SERIES_CARBON, step_ms(step), no_number(step, &noise));
    issue(other, SERIES_CARBON, SOUND + DAY_STEPS);
    silent = last;
    issue(forecaster, SERIES_CARBON, SOUND + DAY_STEPS);
    assert_memory_equal(silent.value, last.value, sizeof silent.value);
    forecaster_destroy(forecaster);
    forecaster_destroy(other);
}

/* A week without a value: still a forecast, wider than before, and it says so. */
static void dead_feed(void **state)
{
    (void)state;
    for (int series = SERIES_WIND; series < FORECAST_SERIES; series++) {
        struct noise noise = {4};
        struct forecaster *forecaster = after_sound_weeks(series, &noise);
        double before = width(0, 1);
        assert_int_equal(last.reason == REASON_FORECAST_SILENT, 0);
        assert_true(before > 0.0);
        for (int64_t step = SOUND; step < SOUND + WEEK; step += STRIDE)
            issue(forecaster, series, step);
        issue(forecaster, series, SOUND + WEEK);
        assert_int_equal(last.reason, REASON_FORECAST_SILENT);
        if (!(width(0, 1) > before))
            fail_msg("%s: the band is %g wide after a week of silence, was %g",
                     forecast_series_name(series), width(0, 1), before);
        go_on(forecaster, series, ordinary, SOUND + WEEK, SOUND + 2 * WEEK, &noise);
        assert_int_equal(last.reason == REASON_FORECAST_SILENT, 0);
        assert_true(fabs(median(24) - diurnal(SOUND + 2 * WEEK + 24, 100.0, 40.0)) < 40.0);
        forecaster_destroy(forecaster);
    }
}

/* ---- what comes is odd, and true ---- */

/* The first word about an hour counts, and nothing is learnt twice. */
static void hours_twice(void **state)
{
    (void)state;
    struct noise noise = {5};
    struct forecaster *once = fresh(), *twice = fresh();
    struct forecast first;
    for (int64_t step = 0; step < SOUND; step++) {
        double value = ordinary(step, &noise);
        forecaster_observe(once, SERIES_PRICE, step_ms(step), value);
        forecaster_observe(twice, SERIES_PRICE, step_ms(step), value);
        if (step % DAY_STEPS < 4)
            forecaster_observe(twice, SERIES_PRICE, step_ms(step), 3.0 * value);
        if (step % DAY_STEPS == 7) /* a clock that is set back repeats an hour */
            for (int64_t back = step - 3; back <= step; back++)
                forecaster_observe(twice, SERIES_PRICE, step_ms(back), -value);
    }
    issue(once, SERIES_PRICE, SOUND);
    first = last;
    issue(twice, SERIES_PRICE, SOUND);
    assert_memory_equal(first.value, last.value, sizeof first.value);
    forecaster_destroy(once);
    forecaster_destroy(twice);
}

static double an_hour_earlier(int64_t step, struct noise *noise)
{
    return ordinary(step + 4, noise);
}

/* People's clocks jump, UTC does not: the day's shape comes an hour earlier from one day to the
 * next, after an hour that the feed left out. */
static void summer_time(void **state)
{
    (void)state;
    struct noise noise = {6};
    struct forecaster *forecaster = after_sound_weeks(SERIES_BASE_IT, &noise);
    double before = width(0, 1), error = 0;
    go_on(forecaster, SERIES_BASE_IT, an_hour_earlier, SOUND + 4, SOUND + 2 * WEEK, &noise);
    for (int32_t i = 0; i < DAY_STEPS; i++)
        error += fabs(median(i) - diurnal(SOUND + 2 * WEEK + i + 4, 100.0, 40.0)) / DAY_STEPS;
    assert_true(error < 7.0); /* an hour off is 6.6 on average, plus noise of 5 in the inputs */
    assert_true(width(0, 1) > 0.5 * before && width(0, 1) < 4.0 * before);
    forecaster_destroy(forecaster);
}

static double below_zero(int64_t step, struct noise *noise)
{
    return ordinary(step, noise) - 140.0;
}

static void negative_prices(void **state)
{
    (void)state;
    static const enum forecast_series prices[] = {SERIES_PRICE, SERIES_PRICE_RT};
    for (int i = 0; i < 2; i++) {
        struct noise noise = {7};
        struct forecaster *forecaster = after_sound_weeks(prices[i], &noise);
        go_on(forecaster, prices[i], below_zero, SOUND, SOUND + 3 * WEEK, &noise);
        assert_true(median(72) < -50.0); /* 18:00 of an ordinary day is 60 */
        assert_true((double)last.value[72][0] < median(72));
        forecaster_destroy(forecaster);
    }
}

static double zero(int64_t step, struct noise *noise)
{
    (void)step;
    noise_uniform(noise);
    return 0.0;
}

/* A grid on wind alone for two weeks, after ordinary ones and from the start. */
static void zero_carbon(void **state)
{
    (void)state;
    struct noise noise = {8};
    struct forecaster *forecaster = after_sound_weeks(SERIES_CARBON, &noise);
    go_on(forecaster, SERIES_CARBON, zero, SOUND, SOUND + 2 * WEEK, &noise);
    assert_true(median(8) < 30.0);
    forecaster_destroy(forecaster);
    forecaster = fresh();
    go_on(forecaster, SERIES_CARBON, zero, 0, SOUND, &noise);
    for (int32_t i = 0; i < FORECAST_STEPS; i++)
        assert_near(median(i), 0.0, 1e-3);
    forecaster_destroy(forecaster);
}

static double constant(int64_t step, struct noise *noise)
{
    (void)step;
    noise_uniform(noise);
    return 400.0;
}

static void constant_series(void **state)
{
    (void)state;
    struct noise noise = {9};
    for (int series = SERIES_WIND; series < FORECAST_SERIES; series++) {
        struct forecaster *forecaster = fresh();
        forecaster_observe(forecaster, series, step_ms(0), 400.0);
        issue(forecaster, series, 1);
        assert_int_equal(last.reason, REASON_FORECAST_YOUNG);
        assert_true(width(0, 1) > 0.0); /* one value is no constant yet */
        go_on(forecaster, series, constant, 1, SOUND, &noise);
        assert_int_equal(last.reason, REASON_FORECAST_CONSTANT);
        for (int32_t i = 0; i < FORECAST_STEPS; i++)
            assert_near(median(i), 400.0, 0.5);
        if (!(width(0, 4) < 40.0))
            fail_msg("%s: the band is %g wide", forecast_series_name(series), width(0, 4));
        forecaster_destroy(forecaster);
    }
}

/* What stood still and moves again is not certain any more. */
static void constant_no_more(void **state)
{
    (void)state;
    struct noise noise = {10};
    struct forecaster *forecaster = fresh();
    go_on(forecaster, SERIES_CARBON, constant, 0, SOUND, &noise);
    go_on(forecaster, SERIES_CARBON, ordinary, SOUND, SOUND + WEEK, &noise);
    assert_int_equal(last.reason == REASON_FORECAST_CONSTANT, 0);
    assert_true(width(0, 1) > 10.0);
    forecaster_destroy(forecaster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps),
        cmocka_unit_test(spikes),
        cmocka_unit_test(no_numbers_are_as_nothing),
        cmocka_unit_test(dead_feed),
        cmocka_unit_test(hours_twice),
        cmocka_unit_test(summer_time),
        cmocka_unit_test(negative_prices),
        cmocka_unit_test(zero_carbon),
        cmocka_unit_test(constant_series),
        cmocka_unit_test(constant_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
