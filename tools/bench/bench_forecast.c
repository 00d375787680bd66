/* What forecasting costs: ten series of a site with weather and the mix of the grid, a year of
 * quarter hours. Timed are all issues of a quarter hour; memory must not grow over the year.
 *
 *   bench_forecast [DAYS]   (365) */
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "controller/base/utc.h"
#include "controller/forecast/forecast.h"
#include "tools/bench/bench.h"

enum {
    STEPS_A_DAY = DAY_MS / FORECAST_STEP_MS,
    WARM_DAYS = 60,  /* until all is in use: from then on nothing may grow */
    TIMED_DAYS = 20, /* at the end */
    TIMED_MOST = TIMED_DAYS * STEPS_A_DAY,
    LEAD_HOURS = 96,
    HOUR_STEPS = HOUR_MS / FORECAST_STEP_MS,
};
static const int64_t START_MS = 1767225600000; /* 2026-01-01 */
static const double UPDATE_LIMIT_MS = 50, MEMORY_LIMIT_MIB = 8, MIB = 1 << 20;

static uint64_t noise_state = 1;

static double noise(void) /* -1 to 1 */
{
    noise_state = noise_state * 6364136223846793005u + 1442695040888963407u;
    return (double)(noise_state >> 11) / 4503599627370496.0 - 1;
}

/* A wave of the day and one of some days, in the size of the track. */
static double value_at(int32_t track, int64_t step)
{
    double day = sin(2 * M_PI * (double)step / STEPS_A_DAY - track);
    double days = sin(2 * M_PI * (double)step / (STEPS_A_DAY * (3.0 + track)));
    double level = track == SERIES_TEMP || track == SERIES_WET_BULB || track == INPUT_DEW_POINT
                       ? 15
                       : 100.0 * (track + 1);
    if (track == SERIES_PV || track == INPUT_GHI || track == INPUT_GRID_SOLAR)
        return fmax(0, level * (day + 0.2 * days));
    return level * (1 + 0.3 * day + 0.3 * days + 0.1 * noise());
}

static struct forecast_block block_of(int32_t track, enum block_kind kind, int64_t issue_step,
                                      int64_t start_step, int32_t count)
{
    struct forecast_block block = {
        .track = track,
        .kind = kind,
        .source = "bench",
        .issue_ms = START_MS + issue_step * FORECAST_STEP_MS,
        .start_ms = START_MS + start_step * FORECAST_STEP_MS,
        .step_ms = HOUR_MS,
        .count = count,
    };
    for (int32_t i = 0; i < count; i++)
        block.value[i] = (float)value_at(track, start_step + (int64_t)i * HOUR_STEPS);
    return block;
}

/* Weather four times a day; the mix of the grid each hour. */
static void feed(struct forecaster *forecaster, int64_t step)
{
    static const int32_t weather[] = {SERIES_TEMP, INPUT_DEW_POINT, INPUT_GHI, INPUT_WIND_SPEED};
    for (int i = 0; i < 4 && step % (STEPS_A_DAY / 4) == 0; i++) {
        struct forecast_block block = block_of(weather[i], BLOCK_FORECAST, step, step, LEAD_HOURS);
        forecaster_take(forecaster, &block);
    }
    for (int32_t track = INPUT_GRID_SOLAR; track <= INPUT_GRID_TOTAL && step % HOUR_STEPS == 0;
         track++) {
        struct forecast_block block = block_of(track, BLOCK_MEASURED, step, step - HOUR_STEPS, 1);
        forecaster_take(forecaster, &block);
    }
}

static void issue_all(struct forecaster *forecaster, int64_t step)
{
    static struct forecast forecast;
    for (int series = 0; series < FORECAST_SERIES; series++)
        forecaster_issue(forecaster, (enum forecast_series)series,
                         START_MS + step * FORECAST_STEP_MS, &forecast);
}

static double heap_mib(void)
{
    struct mallinfo2 info = mallinfo2();
    return (double)(info.uordblks + info.hblkhd) / MIB;
}

/* ---- figures ---- */

struct timing {
    int count;
    double update_ms[TIMED_MOST], quarter_ms[TIMED_MOST];
};

static int by_value(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static void row(const char *figure, double value, const char *unit, double limit)
{
    char text[64], beside[64];
    snprintf(text, sizeof text, "%.2f %s", value, unit);
    snprintf(beside, sizeof beside, "limit %g %s", limit, unit);
    print_row(figure, text, isnan(limit) ? NULL : beside, value / limit);
}

static void report(struct timing *timing, double created_mib)
{
    static const double none = (double)NAN;
    double *update_ms = timing->update_ms, *quarter_ms = timing->quarter_ms;
    int count = timing->count;
    qsort(update_ms, (size_t)count, sizeof *update_ms, by_value);
    qsort(quarter_ms, (size_t)count, sizeof *quarter_ms, by_value);
    row("update of 10 series x 96 h, median", update_ms[count / 2], "ms", UPDATE_LIMIT_MS);
    row("update, worst", update_ms[count - 1], "ms", none);
    row("with feeds and values, median", quarter_ms[count / 2], "ms", none);
    row("with feeds and values, worst", quarter_ms[count - 1], "ms", none);
    row("memory of the forecaster", created_mib, "MiB", MEMORY_LIMIT_MIB);
}

static void run_quarter(struct forecaster *forecaster, int64_t step, bool issues,
                        struct timing *timing)
{
    int64_t start_ns = mono_ns(), fed_ns;
    feed(forecaster, step);
    for (int series = 0; series < FORECAST_SERIES; series++)
        forecaster_observe(forecaster, (enum forecast_series)series,
                           START_MS + (step - 1) * FORECAST_STEP_MS, value_at(series, step - 1));
    fed_ns = mono_ns();
    if (issues)
        issue_all(forecaster, step);
    if (!timing)
        return;
    timing->update_ms[timing->count] = (double)(mono_ns() - fed_ns) / 1e6;
    timing->quarter_ms[timing->count++] = (double)(mono_ns() - start_ns) / 1e6;
}

int main(int argc, char **argv)
{
    static struct timing timing;
    int days = argc > 1 ? atoi(argv[1]) : 365;
    if (argc > 2 || days <= WARM_DAYS + TIMED_DAYS) {
        fprintf(stderr, "usage: bench_forecast [DAYS], more than %d\n", WARM_DAYS + TIMED_DAYS);
        return 2;
    }
    resident_mib(); /* what reading it takes is taken now */
    double heap_before = heap_mib(), warm_heap = 0, warm_resident = 0;
    struct forecaster *forecaster =
        forecaster_create(&(struct forecaster_config){40.4, -3.7}, NULL);
    if (!forecaster)
        die("forecaster_create");
    double created = heap_mib() - heap_before;
    for (int64_t step = 1; step <= days * (int64_t)STEPS_A_DAY; step++) {
        bool timed = step > (days - TIMED_DAYS) * (int64_t)STEPS_A_DAY;
        /* Hourly issues before the timed days: all of a year would take half an hour. */
        run_quarter(forecaster, step, timed || step % HOUR_STEPS == 0, timed ? &timing : NULL);
        if (step == WARM_DAYS * STEPS_A_DAY) {
            warm_heap = heap_mib();
            warm_resident = resident_mib();
        }
    }
    double heap_grown = heap_mib() - warm_heap, grown = resident_mib() - warm_resident;
    report(&timing, created);
    printf("In the %d days after the first %d the heap grew by %.0f bytes, resident memory by "
           "%.2f MiB\n",
           days - WARM_DAYS, WARM_DAYS, heap_grown * MIB, grown);
    forecaster_destroy(forecaster);
    return heap_grown > 0;
}
