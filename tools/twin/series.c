/* See series.h. */
#include "tools/twin/series.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "controller/base/utc.h"
#include "tools/twin/csv.h"

enum { LEAD_STEP_H = 3, LEADS_OF_DAY_H = 24 };

void series_finish(struct series *series)
{
    free(series->time_ms);
    free(series->value);
    *series = (struct series){0};
}

static int grow(struct series *series)
{
    size_t room = series->room == 0 ? 1024 : 2 * series->room;
    int64_t *time_ms = realloc(series->time_ms, room * sizeof(*time_ms));
    double *value;

    if (time_ms == NULL)
        return -1;
    series->time_ms = time_ms;
    value = realloc(series->value, room * sizeof(*value));
    if (value == NULL)
        return -1;
    series->value = value;
    series->room = room;
    return 0;
}

int series_add(struct series *series, int64_t time_ms, double value, struct error *error)
{
    if (series->count > 0 && time_ms <= series->time_ms[series->count - 1])
        return 0;
    if (series->count == series->room && grow(series) < 0)
        return error_set(error, ERROR_SYSTEM, "out of memory for a series");
    series->time_ms[series->count] = time_ms;
    series->value[series->count++] = value;
    return 0;
}

/* Index of the last row not after the time; 0 when all are. */
static size_t row_at(const struct series *series, int64_t time_ms)
{
    size_t low = 0, high = series->count;

    assert(series->count > 0);
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (series->time_ms[middle] <= time_ms)
            low = middle;
        else
            high = middle;
    }
    return low;
}

double series_hold(const struct series *series, int64_t time_ms)
{
    return series->value[row_at(series, time_ms)];
}

double series_linear(const struct series *series, int64_t time_ms)
{
    size_t row = row_at(series, time_ms);
    double share;

    if (row + 1 == series->count || time_ms <= series->time_ms[row])
        return series->value[row];
    share = (double)(time_ms - series->time_ms[row]) /
            (double)(series->time_ms[row + 1] - series->time_ms[row]);
    return series->value[row] + share * (series->value[row + 1] - series->value[row]);
}

bool series_gap(const struct series *series, int64_t since_ms, int64_t longer_ms,
                struct series_gap *ret_gap)
{
    for (size_t row = row_at(series, since_ms); row + 1 < series->count; row++) {
        if (series->time_ms[row + 1] - series->time_ms[row] <= longer_ms)
            continue;
        *ret_gap = (struct series_gap){series->time_ms[row], series->time_ms[row + 1]};
        return true;
    }
    return false;
}

static int load_rows(struct csv *csv, const int columns[2], struct series *series,
                     struct error *error)
{
    int result;

    while ((result = csv_row(csv, error)) > 0) {
        int64_t time_ms;
        double value;

        if (csv_text(csv, columns[1])[0] == '\0')
            continue;
        if ((result = csv_time(csv, columns[0], &time_ms, error)) < 0 ||
            (result = csv_number(csv, columns[1], &value, error)) < 0 ||
            (result = series_add(series, time_ms, value, error)) < 0)
            return result;
    }
    if (result == 0 && series->count == 0)
        return error_set(error, ERROR_INVALID, "%s: has no row with a value", csv->path);
    return result;
}

int series_load(struct series *ret_series, const char *path, const char *time_column,
                const char *value_column, struct error *error)
{
    const char *const names[2] = {time_column, value_column};
    struct series series = {0};
    struct csv csv;
    int columns[2];
    int result = csv_open(&csv, path, names, 2, columns, error);

    if (result == 0)
        result = load_rows(&csv, columns, &series, error);
    csv_close(&csv);
    if (result < 0)
        series_finish(&series);
    else
        *ret_series = series;
    return result;
}

/* Weather */

enum { WEATHER_ISSUE, WEATHER_LEAD, WEATHER_TEMP, WEATHER_IRRADIANCE, WEATHER_WIND };
static const char *const WEATHER_COLUMNS[] = {"issue_utc", "lead_h", "temp_c", "ghi_w_m2",
                                              "wind_m_s"};
enum { WEATHER_COUNT = sizeof(WEATHER_COLUMNS) / sizeof(WEATHER_COLUMNS[0]) };

struct weather {
    struct series *temp_c, *wind_m_s, *irradiance_w_m2;
    double first_half_w_m2; /* irradiance of the 3 h before, half of a 6 h mean; NAN: not known */
};

/* The number in a column; NAN when the cell is empty. */
static int number_or_nan(const struct csv *csv, int column, double *ret_value, struct error *error)
{
    *ret_value = NAN;
    return csv_text(csv, column)[0] == '\0' ? 0 : csv_number(csv, column, ret_value, error);
}

static int add_known(struct series *series, int64_t time_ms, double value, struct error *error)
{
    return isnan(value) ? 0 : series_add(series, time_ms, value, error);
}

/* Radiation means start anew every 6 h: at leads 6, 12, ... they span 6 h, between them 3 h. Where
 * the first half is not known, the mean of both stands for each. */
static int add_irradiance(struct weather *weather, int64_t issue_ms, int lead_h, double mean_w_m2,
                          struct error *error)
{
    int64_t start_ms = issue_ms + (lead_h - LEAD_STEP_H) * (int64_t)HOUR_MS;
    double first_w_m2 = weather->first_half_w_m2;
    bool spans_both = lead_h % (2 * LEAD_STEP_H) == 0;

    weather->first_half_w_m2 = spans_both ? NAN : mean_w_m2;
    if (!spans_both || isnan(mean_w_m2))
        return add_known(weather->irradiance_w_m2, start_ms, mean_w_m2, error);
    if (!isnan(first_w_m2))
        return series_add(weather->irradiance_w_m2, start_ms, fmax(0, 2 * mean_w_m2 - first_w_m2),
                          error);
    int result = series_add(weather->irradiance_w_m2, start_ms - LEAD_STEP_H * (int64_t)HOUR_MS,
                            mean_w_m2, error);
    return result < 0 ? result : series_add(weather->irradiance_w_m2, start_ms, mean_w_m2, error);
}

static int add_weather(struct csv *csv, const int *columns, struct weather *weather,
                       struct error *error)
{
    int64_t issue_ms, time_ms;
    double lead, temp_c, wind_m_s, w_m2;
    int result;

    if ((result = csv_number(csv, columns[WEATHER_LEAD], &lead, error)) < 0)
        return result;
    if (lead < 0 || lead > LEADS_OF_DAY_H)
        return 0;
    if ((result = csv_time(csv, columns[WEATHER_ISSUE], &issue_ms, error)) < 0 ||
        (result = number_or_nan(csv, columns[WEATHER_TEMP], &temp_c, error)) < 0 ||
        (result = number_or_nan(csv, columns[WEATHER_WIND], &wind_m_s, error)) < 0)
        return result;
    time_ms = issue_ms + (int64_t)(lead * HOUR_MS);
    if (lead == 0)
        weather->first_half_w_m2 = NAN;
    if ((result = add_known(weather->temp_c, time_ms, temp_c, error)) < 0 ||
        (result = add_known(weather->wind_m_s, time_ms, wind_m_s, error)) < 0 || lead == 0)
        return result;
    if ((result = number_or_nan(csv, columns[WEATHER_IRRADIANCE], &w_m2, error)) < 0)
        return result;
    return add_irradiance(weather, issue_ms, (int)lead, w_m2, error);
}

static int refuse_empty(const struct weather *weather, const char *path, struct error *error)
{
    int column = weather->temp_c->count == 0     ? WEATHER_TEMP
                 : weather->wind_m_s->count == 0 ? WEATHER_WIND
                                                 : WEATHER_IRRADIANCE;

    if (column == WEATHER_IRRADIANCE && weather->irradiance_w_m2->count > 0)
        return 0;
    return error_set(error, ERROR_INVALID, "%s: column %s has no value", path,
                     WEATHER_COLUMNS[column]);
}

int series_load_weather(struct series *ret_temp_c, struct series *ret_wind_m_s,
                        struct series *ret_irradiance_w_m2, const char *path, struct error *error)
{
    struct weather weather = {ret_temp_c, ret_wind_m_s, ret_irradiance_w_m2, NAN};
    struct csv csv;
    int columns[WEATHER_COUNT];
    int result = csv_open(&csv, path, WEATHER_COLUMNS, WEATHER_COUNT, columns, error);

    while (result >= 0 && (result = csv_row(&csv, error)) > 0)
        result = add_weather(&csv, columns, &weather, error);
    csv_close(&csv);
    return result < 0 ? result : refuse_empty(&weather, path, error);
}
