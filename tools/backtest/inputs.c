/* See inputs.h. */
#include "tools/backtest/inputs.h"

#include <math.h>
#include <stdlib.h>

#include "controller/base/utc.h"
#include "tools/twin/csv.h"

static const double LENGTH_MOST_S = 366 * 86400.0, CPUS_MOST = 1e6;

/* ---- jobs ---- */

enum { JOB_ARRIVAL, JOB_LENGTH, JOB_CPUS, JOB_NUMBERS };
static const char *const job_columns[JOB_NUMBERS] = {"arrival_s", "length_s", "cpus"};

static int check_job(const struct csv *csv, const double *number, struct error *error)
{
    static const double least[JOB_NUMBERS] = {0, 1e-3, 1e-9};
    const double most[JOB_NUMBERS] = {LENGTH_MOST_S, LENGTH_MOST_S, CPUS_MOST};
    for (int i = 0; i < JOB_NUMBERS; i++) {
        if (number[i] < least[i] || number[i] > most[i])
            return error_set(error, ERROR_INVALID,
                             "%s:%d: %s is %g, it must be %s 0 and at most %g: correct the row or "
                             "take it out",
                             csv->path, csv->line, job_columns[i], number[i],
                             i == JOB_ARRIVAL ? "at least" : "above", most[i]);
    }
    return 0;
}

static struct trace_job make_job(const double *number, int line, const struct backtest_site *site)
{
    struct trace_job job = {.line = line,
                            .arrival_ms = llround(number[JOB_ARRIVAL] * SECOND_MS),
                            .length_ms = llround(number[JOB_LENGTH] * SECOND_MS),
                            .cpus = number[JOB_CPUS]};
    job.is_long = job.length_ms >= site->short_ms; /* as it was given: the grain moves no queue */
    job.wait_ms = job.is_long ? site->wait_long_ms : site->wait_short_ms;
    if (site->grain_ms > 0) {
        job.arrival_ms = utc_floor(job.arrival_ms, site->grain_ms);
        job.length_ms = utc_floor(job.length_ms + site->grain_ms - 1, site->grain_ms);
    }
    return job;
}

static int add_job(struct csv *csv, const int *columns, const struct backtest_site *site,
                   struct inputs *inputs, struct error *error)
{
    double number[JOB_NUMBERS];
    for (int i = 0; i < JOB_NUMBERS; i++)
        if (csv_number(csv, columns[i], &number[i], error) < 0)
            return ERROR_INVALID;
    if (check_job(csv, number, error) < 0)
        return ERROR_INVALID;
    int32_t count = inputs->job_count;
    if ((count & (count - 1)) == 0) { /* room doubles */
        size_t room = count > 0 ? 2 * (size_t)count : 1;
        struct trace_job *jobs = realloc(inputs->jobs, room * sizeof *jobs);
        if (!jobs)
            return error_set(error, ERROR_SYSTEM, "out of memory for %s", csv->path);
        inputs->jobs = jobs;
    }
    inputs->jobs[inputs->job_count++] = make_job(number, csv->line, site);
    return 0;
}

static int by_arrival(const void *a, const void *b)
{
    const struct trace_job *one = a, *other = b;
    return (one->arrival_ms > other->arrival_ms) - (one->arrival_ms < other->arrival_ms);
}

static void find_means(struct inputs *inputs)
{
    double sum[2] = {0, 0};
    int32_t count[2] = {0, 0};
    for (int32_t j = 0; j < inputs->job_count; j++) {
        int queue = inputs->jobs[j].is_long;
        sum[queue] += (double)inputs->jobs[j].length_ms;
        count[queue]++;
    }
    inputs->short_mean_ms = count[0] > 0 ? (int64_t)(sum[0] / count[0]) : 0;
    inputs->long_mean_ms = count[1] > 0 ? (int64_t)(sum[1] / count[1]) : 0;
}

static int load_jobs(const char *path, const struct backtest_site *site, struct inputs *inputs,
                     struct error *error)
{
    struct csv csv;
    int columns[JOB_NUMBERS];
    inputs->jobs_path = path;
    int result = csv_open(&csv, path, job_columns, JOB_NUMBERS, columns, error);
    while (result == 0 && (result = csv_row(&csv, error)) > 0)
        result = add_job(&csv, columns, site, inputs, error);
    csv_close(&csv);
    if (result == 0 && inputs->job_count == 0)
        return error_set(error, ERROR_INVALID, "%s: has no job: give it rows, or leave --jobs out",
                         path);
    if (result < 0)
        return result;
    qsort(inputs->jobs, (size_t)inputs->job_count, sizeof *inputs->jobs, by_arrival);
    find_means(inputs);
    return 0;
}

/* ---- all ---- */

const struct grid_column grid_columns[GRID_SOURCES] = {
    {"solar_mw", INPUT_GRID_SOLAR},   {"wind_mw", INPUT_GRID_WIND},
    {"hydro_mw", INPUT_GRID_HYDRO},   {"nuclear_mw", INPUT_GRID_NUCLEAR},
    {"fossil_mw", INPUT_GRID_FOSSIL}, {"total_mw", INPUT_GRID_TOTAL},
};

static int load_sources(const char *path, struct inputs *inputs, struct error *error)
{
    int result = 0;
    for (int i = 0; result == 0 && i < GRID_SOURCES; i++)
        if (track_file_has(path, grid_columns[i].name))
            result = track_load_power(&inputs->grid_mw[i], path, grid_columns[i].name, error);
    return result;
}

static int load_grid(const char *path, const struct backtest_site *site, struct inputs *inputs,
                     struct error *error)
{
    const char *carbon =
        site->carbon == CARBON_LIFECYCLE ? "carbon_lifecycle_g_per_kwh" : "carbon_direct_g_per_kwh";
    int result = track_load_carbon(&inputs->carbon, path, carbon, error);
    if (result == 0 && site->pv_share > 0)
        result = track_load_power(&inputs->solar_mw, path, "solar_mw", error);
    if (result == 0 && site->wind_share > 0)
        result = track_load_power(&inputs->wind_mw, path, "wind_mw", error);
    return result == 0 ? load_sources(path, inputs, error) : result;
}

static int load_all(const struct input_paths *paths, const struct backtest_site *site,
                    struct inputs *inputs, struct error *error)
{
    const struct track_clock clock = {site->price_zone_ms, site->price_summer};
    int result = 0;
    if (paths->grid)
        result = load_grid(paths->grid, site, inputs, error);
    if (result == 0 && paths->price)
        result = track_load_price(&inputs->price, paths->price, "price_eur_per_mwh", &clock, error);
    if (result == 0 && paths->weather)
        result = track_load_weather(&inputs->temp_c, paths->weather, error);
    if (result == 0 && paths->weather)
        result = weather_load(&inputs->weather, paths->weather, error);
    if (result == 0 && paths->jobs)
        result = load_jobs(paths->jobs, site, inputs, error);
    return result;
}

int inputs_load(const struct input_paths *paths, const struct backtest_site *site,
                struct inputs *ret_inputs, struct error *error)
{
    struct inputs inputs = {.jobs = NULL};
    if (!paths->grid && !paths->price)
        return error_set(error, ERROR_INVALID,
                         "nothing to plan by: name carbon intensity with --grid, prices with "
                         "--price, or both");
    if (!paths->grid && (site->pv_share > 0 || site->wind_share > 0))
        return error_set(error, ERROR_INVALID,
                         "pv_share and wind_share take their shape from --grid: name it");
    int result = load_all(paths, site, &inputs, error);
    if (result < 0)
        inputs_finish(&inputs);
    else
        *ret_inputs = inputs;
    return result;
}

void inputs_finish(struct inputs *inputs)
{
    track_finish(&inputs->carbon);
    track_finish(&inputs->solar_mw);
    track_finish(&inputs->wind_mw);
    track_finish(&inputs->price);
    track_finish(&inputs->temp_c);
    for (int i = 0; i < GRID_SOURCES; i++)
        track_finish(&inputs->grid_mw[i]);
    weather_finish(&inputs->weather);
    free(inputs->jobs);
    *inputs = (struct inputs){.jobs = NULL};
}

int inputs_check(const struct inputs *inputs, int64_t from_ms, int64_t to_ms, struct error *error)
{
    const struct track *const tracks[] = {&inputs->carbon, &inputs->solar_mw, &inputs->wind_mw,
                                          &inputs->price, &inputs->temp_c};
    for (size_t t = 0; t < sizeof tracks / sizeof *tracks; t++)
        if (track_check(tracks[t], from_ms, to_ms, error) < 0)
            return ERROR_INVALID;
    return 0;
}

int64_t inputs_span_ms(const struct inputs *inputs)
{
    int64_t span_ms = 0;
    for (int32_t j = 0; j < inputs->job_count; j++) {
        const struct trace_job *job = &inputs->jobs[j];
        int64_t due_ms = job->arrival_ms + job->length_ms + job->wait_ms;
        span_ms = due_ms > span_ms ? due_ms : span_ms;
    }
    return utc_floor(span_ms + HOUR_MS - 1, HOUR_MS);
}
