/* See inputs.h. Files are read with the twin's readers. */
#include "tools/backtest/inputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"
#include "tools/twin/csv.h"
#include "tools/twin/series.h"

static const int64_t WEATHER_REACH_MS = 6 * (int64_t)HOUR_MS; /* rows so far apart still join */
static const double LENGTH_MOST_S = 366 * 86400.0, CPUS_MOST = 1e6;

/* ---- tracks ---- */

double track_at(const struct track *track, int64_t at_ms)
{
    int64_t hour = utc_floor(at_ms - track->start_ms, HOUR_MS) / HOUR_MS;
    return hour >= 0 && hour < track->hours ? track->value[hour] : (double)NAN;
}

static int track_open(struct track *track, const struct series *series, int64_t shift_ms,
                      struct error *error)
{
    int64_t last_ms = series->time_ms[series->count - 1] + shift_ms;
    track->start_ms = utc_floor(series->time_ms[0], HOUR_MS);
    track->hours = (int32_t)((last_ms - track->start_ms) / HOUR_MS) + 1;
    track->value = calloc((size_t)track->hours, sizeof *track->value);
    if (!track->value)
        return error_set(error, ERROR_SYSTEM, "out of memory for %s", track->path);
    for (int32_t h = 0; h < track->hours; h++)
        track->value[h] = (double)NAN;
    return 0;
}

static void put(struct track *track, int64_t at_ms, double value)
{
    int64_t hour = (at_ms - track->start_ms) / HOUR_MS;
    if (hour >= 0 && hour < track->hours)
        track->value[hour] = value;
}

static int fill_hourly(struct track *track, struct series *series, struct error *error)
{
    int result = track_open(track, series, 0, error);
    for (size_t i = 0; result == 0 && i < series->count; i++)
        put(track, series->time_ms[i], series->value[i]);
    series_finish(series);
    return result;
}

static int load_grid(const char *path, const char *column, struct track *track, struct error *error)
{
    struct series series;
    *track = (struct track){.path = path, .column = column};
    int result = series_load(&series, path, "time_utc", column, error);
    return result < 0 ? result : fill_hourly(track, &series, error);
}

/* ---- local clocks ---- */

/* 01:00 UTC of the last Sunday of a month of 31 days. */
static int64_t last_sunday_ms(int year, int month)
{
    char text[UTC_TEXT];
    int64_t ms = 0;
    snprintf(text, sizeof text, "%04d-%02d-31T01:00:00Z", year, month);
    utc_parse(text, &ms, NULL);
    int64_t days = utc_floor(ms, DAY_MS) / DAY_MS;
    return ms - (days + 4) % 7 * DAY_MS; /* 1970-01-01 was a Thursday */
}

static bool is_summer(int64_t at_ms)
{
    char text[UTC_TEXT];
    utc_format(at_ms, text);
    int year = atoi(text);
    return at_ms >= last_sunday_ms(year, 3) && at_ms < last_sunday_ms(year, 10);
}

/* A row of a local clock: the hour that the clock skips in spring never was, the one that it shows
 * twice in autumn holds for both. */
static void put_local(const struct backtest_site *site, struct track *track, int64_t local_ms,
                      double value)
{
    int64_t winter_ms = local_ms - site->price_zone_ms, summer_ms = winter_ms - HOUR_MS;
    if (site->price_summer && is_summer(summer_ms))
        put(track, summer_ms, value);
    if (!site->price_summer || !is_summer(winter_ms))
        put(track, winter_ms, value);
}

static bool has_column(const char *path, const char *column)
{
    struct csv csv;
    struct error ignored;
    int index;
    bool found = csv_open(&csv, path, &column, 1, &index, &ignored) == 0;
    csv_close(&csv);
    return found;
}

/* The column of times says which clock it is: time_utc or time_local. */
static int load_price(const char *path, const struct backtest_site *site, struct track *track,
                      struct error *error)
{
    const char *column = "price_eur_per_mwh";
    struct series series;
    if (has_column(path, "time_utc"))
        return load_grid(path, column, track, error);
    *track = (struct track){.path = path, .column = column};
    int result = series_load(&series, path, "time_local", column, error);
    if (result < 0)
        return result;
    result = track_open(track, &series, 2 * HOUR_MS, error);
    track->start_ms -= utc_floor(site->price_zone_ms + HOUR_MS, HOUR_MS);
    for (size_t i = 0; result == 0 && i < series.count; i++)
        put_local(site, track, series.time_ms[i], series.value[i]);
    series_finish(&series);
    return result;
}

/* ---- weather ---- */

static int load_weather(const char *path, struct track *track, struct error *error)
{
    struct series temp_c = {0}, wind = {0}, irradiance = {0};
    *track = (struct track){.path = path, .column = "temp_c"};
    int result = series_load_weather(&temp_c, &wind, &irradiance, path, error);
    if (result == 0)
        result = track_open(track, &temp_c, 0, error);
    for (size_t i = 0; result == 0 && i + 1 < temp_c.count; i++) {
        if (temp_c.time_ms[i + 1] - temp_c.time_ms[i] > WEATHER_REACH_MS)
            continue;
        for (int64_t at = temp_c.time_ms[i]; at < temp_c.time_ms[i + 1]; at += HOUR_MS)
            put(track, at, series_linear(&temp_c, at));
    }
    series_finish(&temp_c);
    series_finish(&wind);
    series_finish(&irradiance);
    return result;
}

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

static struct trace_job make_job(const double *number, const struct backtest_site *site)
{
    struct trace_job job = {.arrival_ms = llround(number[JOB_ARRIVAL] * SECOND_MS),
                            .length_ms = llround(number[JOB_LENGTH] * SECOND_MS),
                            .cpus = number[JOB_CPUS]};
    job.wait_ms = job.length_ms < site->short_ms ? site->wait_short_ms : site->wait_long_ms;
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
    inputs->jobs[inputs->job_count++] = make_job(number, site);
    return 0;
}

static int by_arrival(const void *a, const void *b)
{
    const struct trace_job *one = a, *other = b;
    return (one->arrival_ms > other->arrival_ms) - (one->arrival_ms < other->arrival_ms);
}

static void find_means(const struct backtest_site *site, struct inputs *inputs)
{
    double sum[2] = {0, 0};
    int32_t count[2] = {0, 0};
    for (int32_t j = 0; j < inputs->job_count; j++) {
        int queue = inputs->jobs[j].length_ms >= site->short_ms;
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
    find_means(site, inputs);
    return 0;
}

/* ---- all ---- */

static int load_all(const struct input_paths *paths, const struct backtest_site *site,
                    struct inputs *inputs, struct error *error)
{
    const char *carbon =
        site->carbon == CARBON_LIFECYCLE ? "carbon_lifecycle_g_per_kwh" : "carbon_direct_g_per_kwh";
    int result = 0;
    if (paths->grid)
        result = load_grid(paths->grid, carbon, &inputs->carbon, error);
    if (result == 0 && paths->grid && site->pv_share > 0)
        result = load_grid(paths->grid, "solar_mw", &inputs->solar_mw, error);
    if (result == 0 && paths->grid && site->wind_share > 0)
        result = load_grid(paths->grid, "wind_mw", &inputs->wind_mw, error);
    if (result == 0 && paths->price)
        result = load_price(paths->price, site, &inputs->price, error);
    if (result == 0 && paths->weather)
        result = load_weather(paths->weather, &inputs->temp_c, error);
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
    free(inputs->carbon.value);
    free(inputs->solar_mw.value);
    free(inputs->wind_mw.value);
    free(inputs->price.value);
    free(inputs->temp_c.value);
    free(inputs->jobs);
    *inputs = (struct inputs){.jobs = NULL};
}

static int check_track(const struct track *track, int64_t from_ms, int64_t to_ms,
                       struct error *error)
{
    char text[UTC_TEXT];
    if (!track->path)
        return 0;
    for (int64_t at = utc_floor(from_ms, HOUR_MS); at < to_ms; at += HOUR_MS) {
        if (isnan(track_at(track, at)))
            return error_set(error, ERROR_INVALID,
                             "%s: has no %s for the hour %s, which the window needs: move the "
                             "window or complete the file",
                             track->path, track->column, utc_format(at, text));
    }
    return 0;
}

int inputs_check(const struct inputs *inputs, int64_t from_ms, int64_t to_ms, struct error *error)
{
    const struct track *const tracks[] = {&inputs->carbon, &inputs->solar_mw, &inputs->wind_mw,
                                          &inputs->price, &inputs->temp_c};
    for (size_t t = 0; t < sizeof tracks / sizeof *tracks; t++)
        if (check_track(tracks[t], from_ms, to_ms, error) < 0)
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
