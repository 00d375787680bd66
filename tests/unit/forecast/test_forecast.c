/* Reading forecasts: a value at a time, a mean over an interval. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/forecast/series.h"

static struct forecast ramp(void)
{
    struct forecast forecast = {.start_ms = MONDAY_MS, .steps = FORECAST_STEPS};
    for (int32_t i = 0; i < FORECAST_STEPS; i++) {
        for (int q = 0; q < QUANTILES; q++)
            forecast.value[i][q] = (float)(10 * i + q);
    }
    return forecast;
}

static const double LAST = FORECAST_STEPS - 1;

static double mean(const struct forecast *forecast, double from_step, double to_step)
{
    double value = -1.0;
    assert_true(forecast_mean(forecast, MONDAY_MS + (int64_t)(from_step * FORECAST_STEP_MS),
                              MONDAY_MS + (int64_t)(to_step * FORECAST_STEP_MS), 0, &value));
    return value;
}

static void value_at_a_time(void **state)
{
    (void)state;
    struct forecast forecast = ramp();
    double value;
    assert_true(forecast_at(&forecast, MONDAY_MS, 3, &value));
    assert_true(value == 3.0);
    assert_true(forecast_at(&forecast, MONDAY_MS + FORECAST_STEP_MS - 1, 0, &value));
    assert_true(value == 0.0);
    assert_true(forecast_at(&forecast, MONDAY_MS + FORECAST_STEP_MS, 0, &value));
    assert_true(value == 10.0);
    assert_true(forecast_at(&forecast, MONDAY_MS - 1, 0, &value));
    assert_true(value == 0.0);
    assert_true(forecast_at(&forecast, MONDAY_MS + 1000 * (int64_t)FORECAST_STEP_MS, 0, &value));
    assert_true(value == (10.0 * LAST));
}

static void mean_over_an_interval(void **state)
{
    (void)state;
    struct forecast forecast = ramp();
    assert_near(mean(&forecast, 0.0, 2.0), 5.0, 1e-9);
    assert_near(mean(&forecast, 0.5, 1.5), 5.0, 1e-9);
    assert_near(mean(&forecast, 0.75, 1.0), 0.0, 1e-9);
    assert_near(mean(&forecast, 1.0, 4.0 / 3.0), 10.0, 1e-9);
    assert_near(mean(&forecast, -2.0, 1.0), 0.0, 1e-9);
    assert_near(mean(&forecast, LAST, 500.0), (10.0 * LAST), 1e-9);
    assert_near(mean(&forecast, LAST - 1, LAST + 2), 10.0 * LAST - 10.0 / 3.0, 1e-9);
    assert_near(mean(&forecast, 5.0, 5.0), 50.0, 1e-9);
}

static void mean_is_the_integral(void **state)
{
    (void)state;
    struct forecast forecast = ramp();
    struct noise noise = {3};
    for (int round = 0; round < 200; round++) {
        int64_t a = (int64_t)(noise_uniform(&noise) * 3000) - 100;
        int64_t minutes = 1 + (int64_t)(noise_uniform(&noise) * 400);
        double sum = 0.0, got;
        for (int64_t m = a; m < a + minutes; m++) {
            double value;
            forecast_at(&forecast, MONDAY_MS + m * 60000, 1, &value);
            sum += value;
        }
        assert_true(forecast_mean(&forecast, MONDAY_MS + a * 60000,
                                  MONDAY_MS + (a + minutes) * 60000, 1, &got));
        assert_near(got, sum / (double)minutes, 1e-6);
    }
}

static void nothing_from_an_empty_one(void **state)
{
    (void)state;
    struct forecast forecast = ramp();
    forecast.steps = 0;
    double value = 42.0;
    assert_false(forecast_at(&forecast, MONDAY_MS, 2, &value));
    assert_false(forecast_mean(&forecast, MONDAY_MS, MONDAY_MS + 1, 2, &value));
    assert_true(value == 42.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_at_a_time),
        cmocka_unit_test(mean_over_an_interval),
        cmocka_unit_test(mean_is_the_integral),
        cmocka_unit_test(nothing_from_an_empty_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
