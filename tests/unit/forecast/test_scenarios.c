/* Scenarios: real errors of the past, put on the forecasts of now, never outside what can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "controller/forecast/scenario.h"
#include "tests/unit/forecast/series.h"

static const struct forecaster_config MADRID = {.latitude_deg = 40.4, .longitude_deg = -3.7};
static struct forecast_scenario scenarios[LIMIT_SCENARIOS];

struct life {
    struct forecaster *forecaster;
    struct noise noise;
    int64_t step;
    double weather; /* shocks that all series share */
};

static struct life begin(void)
{
    struct error error;
    struct life life = {.forecaster = forecaster_create(&MADRID, &error), .noise = {91}};
    assert_non_null(life.forecaster);
    return life;
}

static double truth(const struct life *life, int series)
{
    double sun = fmax(0.0, -cos(2.0 * M_PI * (double)(life->step % DAY_STEPS) / DAY_STEPS));
    switch (series) {
    case SERIES_PV:
        return 500e3 * sun * fmin(1.0, fmax(0.1, 0.7 + 0.1 * life->weather));
    case SERIES_WIND:
        return fmax(0.0, 300e3 + 150e3 * life->weather);
    case SERIES_CARBON:
        return fmax(0.0, diurnal(life->step, 40.0, 20.0) - 20.0 * life->weather);
    case SERIES_TEMP:
        return diurnal(life->step, 15.0, 5.0) + 2.0 * life->weather;
    default:
        return (double)NAN; /* price and base load are not measured here */
    }
}

static void live_to(struct life *life, int64_t step, bool issue)
{
    struct forecast forecast;
    for (; life->step < step; life->step++) {
        life->weather = 0.98 * life->weather + 0.2 * noise_normal(&life->noise);
        for (int series = 0; series < FORECAST_SERIES; series++) {
            if (issue && life->step % 4 == 0)
                forecaster_issue(life->forecaster, series, step_ms(life->step), &forecast);
            forecaster_observe(life->forecaster, series, step_ms(life->step), truth(life, series));
        }
    }
}

static void issue_all(struct life *life, struct forecast ret_forecasts[FORECAST_SERIES])
{
    for (int series = 0; series < FORECAST_SERIES; series++)
        forecaster_issue(life->forecaster, series, step_ms(life->step), &ret_forecasts[series]);
}

static int ask(const struct life *life, int most)
{
    return forecaster_scenarios(life->forecaster, step_ms(life->step) + 1000, scenarios, most);
}

static void few_days_few_scenarios(void **state)
{
    (void)state;
    static struct forecast forecasts[FORECAST_SERIES];
    struct life life = begin();
    assert_int_equal(ask(&life, LIMIT_SCENARIOS), 0); /* no forecast is in force */
    live_to(&life, 3 * DAY_STEPS, true);
    issue_all(&life, forecasts);
    assert_int_equal(ask(&life, LIMIT_SCENARIOS), 0); /* no outlook of four days ago */
    live_to(&life, 5 * DAY_STEPS + 48, true);
    issue_all(&life, forecasts);
    assert_int_equal(ask(&life, LIMIT_SCENARIOS), 2); /* of PV; wind had no model of its own yet */
    for (int32_t i = 0; i < FORECAST_STEPS; i++)
        assert_true(scenarios[0].value[SERIES_WIND][i] ==
                    forecasts[SERIES_WIND].value[i][QUANTILE_MEDIAN]);
    live_to(&life, 7 * DAY_STEPS, true);
    issue_all(&life, forecasts);
    assert_int_equal(ask(&life, LIMIT_SCENARIOS), 2);
    life.step += 4 * DAY_STEPS;
    assert_int_equal(ask(&life, LIMIT_SCENARIOS), 0); /* forecasts of then are not in force */
    life.step -= 4 * DAY_STEPS;
    live_to(&life, 30 * DAY_STEPS, false);
    issue_all(&life, forecasts);
    assert_int_equal(ask(&life, LIMIT_SCENARIOS), LIMIT_SCENARIOS);
    assert_int_equal(ask(&life, 5), 4);
    assert_int_equal(ask(&life, 1), 0);
    forecaster_destroy(life.forecaster);
}

static void check_possible(const struct forecast_scenario *scenario,
                           const struct forecast forecasts[FORECAST_SERIES], double wind_most)
{
    assert_int_equal(scenario->steps, FORECAST_STEPS);
    assert_true(scenario->start_ms == forecasts[SERIES_PV].start_ms);
    for (int32_t i = 0; i < FORECAST_STEPS; i++) {
        float wind = scenario->value[SERIES_WIND][i], pv = scenario->value[SERIES_PV][i];
        assert_true(wind >= 0.0f && (double)wind <= wind_most + 1.0);
        assert_true(pv >= 0.0f && pv <= 500e3f);
        if (forecasts[SERIES_PV].value[i][QUANTILES - 1] == 0.0f)
            assert_true(pv == 0.0f); /* night */
        assert_true(scenario->value[SERIES_CARBON][i] >= 0.0f);
        assert_true(isfinite(scenario->value[SERIES_TEMP][i]));
        assert_true(isnan(scenario->value[SERIES_PRICE][i]));
    }
}

static void only_what_can_be(void **state)
{
    (void)state;
    static struct forecast forecasts[FORECAST_SERIES];
    struct life life = begin();
    double wind_most = 0.0;
    for (int64_t step = 1; step <= 30 * DAY_STEPS + 7; step++) {
        live_to(&life, step, false);
        wind_most = fmax(wind_most, 300e3 + 150e3 * life.weather);
    }
    issue_all(&life, forecasts);
    double weight = 0.0;
    int count = ask(&life, LIMIT_SCENARIOS);
    assert_int_equal(count, LIMIT_SCENARIOS);
    for (int i = 0; i < count; i++) {
        weight += scenarios[i].weight;
        check_possible(&scenarios[i], forecasts, wind_most);
    }
    assert_near(weight, 1.0, 1e-9);
    for (int i = 0; i < count; i += 2) { /* a pair lies around the forecast */
        for (int32_t s = 0; s < FORECAST_STEPS; s++) {
            float mean =
                (scenarios[i].value[SERIES_TEMP][s] + scenarios[i + 1].value[SERIES_TEMP][s]) /
                2.0f;
            assert_near(mean, forecasts[SERIES_TEMP].value[s][QUANTILE_MEDIAN], 1e-3);
        }
        double sun = 0.0, expected = 0.0;
        for (int32_t s = 0; s < FORECAST_STEPS; s++) {
            sun +=
                (double)(scenarios[i].value[SERIES_PV][s] + scenarios[i + 1].value[SERIES_PV][s]) /
                2.0;
            expected += (double)forecasts[SERIES_PV].value[s][QUANTILE_MEDIAN];
        }
        assert_near(sun, expected, 0.1 * expected);
    }
    forecaster_destroy(life.forecaster);
}

/* Hour by hour what the forecast of four days ago missed, issued now at a quarter to. */
static void repeats_real_errors(void **state)
{
    (void)state;
    static struct forecast forecasts[FORECAST_SERIES], then[FORECAST_SERIES];
    static double came[FORECAST_STEPS];
    struct life life = begin();
    live_to(&life, 20 * DAY_STEPS, false);
    issue_all(&life, then);
    for (int32_t i = 0; i < 4 * DAY_STEPS + 3; i++) {
        live_to(&life, life.step + 1, false);
        if (i < FORECAST_STEPS)
            came[i] = 2.0 * life.weather + diurnal(life.step - 1, 15.0, 5.0);
    }
    issue_all(&life, forecasts);
    assert_int_equal(ask(&life, 2), 2);
    for (int32_t i = 0; i < FORECAST_STEPS - 4; i++) {
        int32_t hour = (i + 3) / 4;
        double error = 0.0;
        for (int32_t q = 4 * hour; q < 4 * hour + 4; q++)
            error += (came[q] - (double)then[SERIES_TEMP].value[q][QUANTILE_MEDIAN]) / 4.0;
        double expected = (double)forecasts[SERIES_TEMP].value[i][QUANTILE_MEDIAN];
        assert_near(scenarios[0].value[SERIES_TEMP][i], expected + error, 1e-2);
        assert_near(scenarios[1].value[SERIES_TEMP][i], expected - error, 1e-2);
    }
    forecaster_destroy(life.forecaster);
}

/* Wind and temperature are moved by the same shocks here, so they go wrong together. */
static void series_go_wrong_together(void **state)
{
    (void)state;
    static struct forecast forecasts[FORECAST_SERIES];
    struct life life = begin();
    live_to(&life, 40 * DAY_STEPS, false);
    issue_all(&life, forecasts);
    double both = 0.0, wind_square = 0.0, temp_square = 0.0;
    int count = ask(&life, LIMIT_SCENARIOS);
    for (int n = 0; n < count; n++) {
        for (int32_t i = 0; i < FORECAST_STEPS; i++) {
            double wind = (double)(scenarios[n].value[SERIES_WIND][i] -
                                   forecasts[SERIES_WIND].value[i][QUANTILE_MEDIAN]);
            double temp = (double)(scenarios[n].value[SERIES_TEMP][i] -
                                   forecasts[SERIES_TEMP].value[i][QUANTILE_MEDIAN]);
            both += wind * temp;
            wind_square += wind * wind;
            temp_square += temp * temp;
        }
    }
    assert_true(both / sqrt(wind_square * temp_square) > 0.8);
    forecaster_destroy(life.forecaster);
}

static void import_equals_life(void **state)
{
    (void)state;
    static struct forecast forecasts[FORECAST_SERIES];
    static struct forecast_scenario lived_through[LIMIT_SCENARIOS];
    struct life lived = begin(), imported = begin();
    live_to(&lived, 12 * DAY_STEPS, true);
    live_to(&imported, 12 * DAY_STEPS, false);
    issue_all(&lived, forecasts);
    int count = ask(&lived, LIMIT_SCENARIOS);
    memcpy(lived_through, scenarios, sizeof(scenarios));
    issue_all(&imported, forecasts);
    assert_int_equal(ask(&imported, LIMIT_SCENARIOS), count);
    assert_int_equal(count, 6);
    for (int i = 0; i < count; i++)
        assert_memory_equal(lived_through[i].value[SERIES_WIND], scenarios[i].value[SERIES_WIND],
                            sizeof(scenarios[i].value[SERIES_WIND]));
    forecaster_destroy(lived.forecaster);
    forecaster_destroy(imported.forecaster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_days_few_scenarios), cmocka_unit_test(only_what_can_be),
        cmocka_unit_test(repeats_real_errors),    cmocka_unit_test(series_go_wrong_together),
        cmocka_unit_test(import_equals_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
