/* Forecasts know nothing of what comes after them: the future is made another, and all that was
 * issued before stays what it was, bit for bit. On synthetic series with weather and the mix of the
 * grid, and on measured ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "controller/base/utc.h"
#include "tests/unit/forecast/measured.h"
#include "tests/unit/forecast/series.h"
#include "tools/forecast/future.h"

enum { DAYS = 20, HOURS = DAYS * 24 };

/* ---- synthetic ---- */

static void fill_track(struct track *track, double level, double swing, struct noise *noise)
{
    *track = (struct track){
        .start_ms = MONDAY_MS, .hours = HOURS, .value = malloc(HOURS * sizeof(double))};
    double drift = 0;
    for (int32_t i = 0; i < HOURS; i++) {
        drift = 0.9 * drift + 0.1 * level * noise_normal(noise);
        track->value[i] = fmax(0.0, diurnal(i * 4L, level, swing) + drift);
    }
}

static void fill_weather(struct weather *weather, struct noise *noise)
{
    *weather =
        (struct weather){.count = DAYS, .issues = malloc(DAYS * sizeof(struct weather_issue))};
    for (int day = 0; day < DAYS; day++) {
        struct weather_issue *issue = &weather->issues[day];
        issue->issue_ms = MONDAY_MS + day * (int64_t)DAY_MS;
        for (int value = 0; value < WEATHER_VALUES; value++)
            for (int lead = 0; lead < WEATHER_LEADS; lead++)
                issue->value[value][lead] =
                    (float)diurnal(lead * 12L, 20.0, 10.0 + noise_normal(noise));
    }
}

static void fill_inputs(struct evaluation_inputs *inputs)
{
    struct noise noise = {5};
    *inputs = (struct evaluation_inputs){0};
    for (int32_t track = 0; track < FORECAST_TRACKS; track++)
        if (track < FORECAST_SERIES || track >= INPUT_GRID_SOLAR)
            fill_track(&inputs->measured[track], 100.0, 60.0, &noise);
    fill_weather(&inputs->weather, &noise);
}

/* Each origin is the middle of its test: while the forecaster is young, and later. */
static void synthetic_series(void **state)
{
    (void)state;
    static const int tests[][2] = {{1, 7}, {9, 15}};
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        struct evaluation_inputs inputs;
        struct error error = {""};
        struct evaluation_request request = {
            .from_ms = MONDAY_MS + tests[i][0] * (int64_t)DAY_MS,
            .to_ms = MONDAY_MS + (tests[i][1] + 4) * (int64_t)DAY_MS,
            .issue_hour = (int32_t)(i * 15),
            .site = {40.4, -3.7},
        };
        fill_inputs(&inputs);
        for (int series = 0; series < FORECAST_SERIES; series++)
            request.series[series] = true;
        if (future_check(&inputs, &request, stdout, &error) < 0)
            fail_msg("%s", error.text);
        evaluation_inputs_finish(&inputs);
    }
}

/* ---- measured ---- */

static void measured_series(void **state)
{
    (void)state;
    struct evaluation_inputs inputs;
    struct evaluation_request request = {.site = {40.4, -3.7}};
    struct error error = {""};
    measured_load(&inputs, "2021-04-01T00:00:00Z", 36);
    evaluation_choose_all(&inputs, &request);
    request.from_ms = inputs.measured[SERIES_CARBON].start_ms + 28 * (int64_t)DAY_MS;
    request.to_ms = request.from_ms + 8 * (int64_t)DAY_MS;
    if (future_check(&inputs, &request, stdout, &error) < 0)
        fail_msg("%s", error.text);
    evaluation_inputs_finish(&inputs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(synthetic_series),
        cmocka_unit_test(measured_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
