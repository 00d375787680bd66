/* Measured generation and carbon intensity of the Spanish grid, with weather forecasts: the
 * forecast must be well ahead of the day before, better for the weather it is told, and as wide as
 * it says. A look at two spring months, far from a benchmark: that is tools/bench/forecast.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/forecast/measured.h"
#include "tools/forecast/evaluate.h"

enum { DAYS = 150, TEST_DAYS = 60 };

static void walk(bool with_weather, struct evaluation *ret_evaluation)
{
    struct evaluation_inputs inputs;
    struct evaluation_request request = {
        .series = {[SERIES_CARBON] = true, [SERIES_WIND] = true},
        .site = {40.4, -3.7},
    };
    struct error error = {""};
    measured_load(&inputs, "2021-01-01T00:00:00Z", DAYS);
    if (!with_weather)
        weather_finish(&inputs.weather);
    request.to_ms = inputs.measured[SERIES_CARBON].start_ms + DAYS * (int64_t)DAY_MS;
    request.from_ms = request.to_ms - TEST_DAYS * (int64_t)DAY_MS;
    if (evaluate(&inputs, &request, ret_evaluation, &error) < 0)
        fail_msg("%s", error.text);
    evaluation_inputs_finish(&inputs);
}

static double ratio(const struct evaluation *evaluation, enum forecast_series series, int day)
{
    return metric_ratio(&evaluation->series[series].lead_day[day], RIVAL_DAY);
}

static void beats_the_day_before(void **state)
{
    (void)state;
    static const enum forecast_series series[] = {SERIES_CARBON, SERIES_WIND};
    struct evaluation told, untold;
    walk(true, &told);
    walk(false, &untold);
    for (int i = 0; i < 2; i++) {
        const struct series_evaluation *one = &told.series[series[i]];
        double coverage = metric_coverage_80(&one->lead_day[EVALUATION_ALL]);
        double of_day = ratio(&told, series[i], 0),
               of_all = ratio(&told, series[i], EVALUATION_ALL);
        double alone = ratio(&untold, series[i], EVALUATION_ALL);
        print_message("%s: MAE of the day before's: %.2f on day 1, %.2f in all, %.2f without "
                      "weather; %.0f %% in P10-P90\n",
                      forecast_series_name(series[i]), of_day, of_all, alone, 100 * coverage);
        assert_int_equal(one->silent, 0);
        assert_true(of_day < 0.7);
        assert_true(of_all < 0.8 && of_all < alone);
        assert_true(alone < 0.9);
        assert_true(coverage > 0.65 && coverage < 0.92);
        assert_true(one->rank > 0.5 * (double)one->ranked);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(beats_the_day_before)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
