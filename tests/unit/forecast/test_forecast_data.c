/* Measured carbon intensity of the Spanish grid: the forecast must beat the day before.
 * The models' constants were compared on months of 2020 and 2021, so this is no blind test of them.
 * Needs the reference series ($TIDEWATT_DATA, else ../shared/data beside the sources). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>

#include "controller/base/utc.h"
#include "controller/forecast/forecast.h"
#include "tests/unit/forecast/source_root.h"

enum { HOURS = 365 * 24, STEPS = HOURS * 4, DAY_STEPS = 96, STRIDE = 12 };
static const int64_t YEAR_2021_MS = 1609459200000;
static double carbon[STEPS]; /* each hour holds for its four quarters */

static FILE *open_series(void)
{
    const char *data = getenv("TIDEWATT_DATA");
    char path[LIMIT_PATH];
    snprintf(path, sizeof(path), "%s/grid/ES.csv", data ? data : SOURCE_ROOT "/../shared/data");
    FILE *file = fopen(path, "r");
    if (!file)
        print_message("skipped: no %s; set TIDEWATT_DATA to the reference series\n", path);
    return file;
}

static void read_series(FILE *file)
{
    char line[256], at[UTC_TEXT];
    for (int32_t i = 0; i < STEPS; i++)
        carbon[i] = (double)NAN;
    while (fgets(line, sizeof(line), file)) {
        double value;
        int64_t at_ms;
        if (sscanf(line, "%24[^,],%lf", at, &value) != 2 || utc_parse(at, &at_ms, NULL) < 0)
            continue;
        int64_t step = (at_ms - YEAR_2021_MS) / FORECAST_STEP_MS;
        for (int64_t i = step; i < step + 4 && i >= 0 && i < STEPS; i++)
            carbon[i] = value;
    }
}

struct comparison {
    double forecast, day_before, persistence;
    int64_t count;
};

static void compare(struct comparison *sum, const struct forecast *forecast, int32_t origin)
{
    for (int32_t i = 0; i < FORECAST_STEPS && origin + i < STEPS; i++) {
        double came = carbon[origin + i];
        double day_before = carbon[origin + i - (i / DAY_STEPS + 1) * DAY_STEPS];
        double last = carbon[origin - 1];
        if (isnan(came) || isnan(day_before) || isnan(last))
            continue;
        sum->forecast += fabs((double)forecast->value[i][QUANTILE_MEDIAN] - came);
        sum->day_before += fabs(day_before - came);
        sum->persistence += fabs(last - came);
        sum->count++;
    }
}

static void beats_the_day_before(void **state)
{
    (void)state;
    FILE *file = open_series();
    if (!file)
        skip();
    read_series(file);
    fclose(file);
    struct comparison sum = {0};
    struct forecaster *forecaster =
        forecaster_create(&(struct forecaster_config){40.4, -3.7}, NULL);
    for (int32_t step = 0; step < STEPS; step++) {
        struct forecast forecast;
        int64_t at_ms = YEAR_2021_MS + (int64_t)step * FORECAST_STEP_MS;
        if (step >= LIMIT_HISTORY_SLOTS && step % STRIDE == 0) {
            forecaster_issue(forecaster, SERIES_CARBON, at_ms, &forecast);
            compare(&sum, &forecast, step);
        }
        forecaster_observe(forecaster, SERIES_CARBON, at_ms, carbon[step]);
    }
    struct forecast_score scores[SCORE_LEADS];
    int rows = forecaster_scores(forecaster, scores, SCORE_LEADS);
    forecaster_destroy(forecaster);
    print_message("mean absolute error over 96 h, g/kWh: %.2f; day before %.2f; persistence %.2f\n",
                  sum.forecast / (double)sum.count, sum.day_before / (double)sum.count,
                  sum.persistence / (double)sum.count);
    assert_true(sum.forecast < 0.8 * sum.day_before);
    assert_true(sum.forecast < 0.8 * sum.persistence);
    assert_int_equal(rows, SCORE_LEADS);
    for (int i = 0; i < rows; i++)
        assert_true(scores[i].coverage > 0.75 && scores[i].coverage < 0.97);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(beats_the_day_before)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
