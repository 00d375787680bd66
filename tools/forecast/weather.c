/* See weather.h. */
#include "tools/forecast/weather.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "controller/base/utc.h"
#include "tools/twin/csv.h"

enum { TEMP, DEW_POINT, GHI, WIND };
const int32_t weather_tracks[WEATHER_VALUES] = {SERIES_TEMP, INPUT_DEW_POINT, INPUT_GHI,
                                                INPUT_WIND_SPEED};
enum {
    LAST_LEAD_H = (WEATHER_LEADS - 1) * WEATHER_STEP_H,
    COLUMNS = 2 + WEATHER_VALUES,
    DAY_H = 24
};

/* ---- reading ---- */

static int add_issue(struct weather *weather, int64_t issue_ms, struct error *error)
{
    if (weather->count == weather->room) {
        int32_t room = weather->room > 0 ? 2 * weather->room : 256;
        struct weather_issue *issues =
            realloc(weather->issues, (size_t)room * sizeof *weather->issues);
        if (!issues)
            return error_set(error, ERROR_SYSTEM, "out of memory for %s", weather->path);
        weather->issues = issues;
        weather->room = room;
    }
    struct weather_issue *issue = &weather->issues[weather->count++];
    issue->issue_ms = issue_ms;
    for (int value = 0; value < WEATHER_VALUES; value++)
        for (int lead = 0; lead < WEATHER_LEADS; lead++)
            issue->value[value][lead] = NAN;
    return 0;
}

static int find_lead(const struct csv *csv, int column, int *ret_lead, struct error *error)
{
    double lead_h;
    if (csv_number(csv, column, &lead_h, error) < 0)
        return ERROR_INVALID;
    if (!(lead_h >= 0 && lead_h <= LAST_LEAD_H) || fmod(lead_h, WEATHER_STEP_H) != 0)
        return error_set(error, ERROR_INVALID,
                         "%s:%d: lead_h is %g, allowed are 0, 3, 6 ... %d: correct the row",
                         csv->path, csv->line, lead_h, LAST_LEAD_H);
    *ret_lead = (int)lead_h / WEATHER_STEP_H;
    return 0;
}

static int take_row(const struct csv *csv, const int *columns, struct weather *weather,
                    struct error *error)
{
    int64_t issue_ms;
    int lead = 0;
    if (csv_time(csv, columns[0], &issue_ms, error) < 0 ||
        find_lead(csv, columns[1], &lead, error) < 0)
        return ERROR_INVALID;
    int64_t last_ms = weather->count > 0 ? weather->issues[weather->count - 1].issue_ms : INT64_MIN;
    if (issue_ms < last_ms)
        return error_set(error, ERROR_INVALID,
                         "%s:%d: issue_utc comes after a later one: sort the rows by issue_utc",
                         csv->path, csv->line);
    if (issue_ms % HOUR_MS != 0)
        return error_set(error, ERROR_INVALID, "%s:%d: issue_utc is no full hour", csv->path,
                         csv->line);
    if (issue_ms > last_ms && add_issue(weather, issue_ms, error) < 0)
        return ERROR_SYSTEM;
    for (int value = 0; value < WEATHER_VALUES; value++) {
        double number;
        if (csv_text(csv, columns[2 + value])[0] == '\0')
            continue;
        if (csv_number(csv, columns[2 + value], &number, error) < 0)
            return ERROR_INVALID;
        weather->issues[weather->count - 1].value[value][lead] = (float)number;
    }
    return 0;
}

int weather_load(struct weather *ret_weather, const char *path, struct error *error)
{
    static const char *const names[COLUMNS] = {"issue_utc",  "lead_h",   "temp_c",
                                               "dewpoint_c", "ghi_w_m2", "wind_m_s"};
    struct csv csv;
    int columns[COLUMNS];
    *ret_weather = (struct weather){.path = path};
    int result = csv_open(&csv, path, names, COLUMNS, columns, error);
    while (result == 0 && (result = csv_row(&csv, error)) > 0)
        result = take_row(&csv, columns, ret_weather, error);
    csv_close(&csv);
    if (result == 0 && ret_weather->count == 0)
        return error_set(error, ERROR_INVALID, "%s: has no row below its header", path);
    return result;
}

void weather_finish(struct weather *weather)
{
    free(weather->issues);
    *weather = (struct weather){.path = NULL};
}

/* ---- blocks ---- */

/* The hour between two leads that the instants' straight line crosses in its middle. */
static float hour_mean(const float *lead, int32_t hour)
{
    float before = lead[hour / WEATHER_STEP_H], after = lead[hour / WEATHER_STEP_H + 1];
    float share = ((float)(hour % WEATHER_STEP_H) + 0.5f) / (float)WEATHER_STEP_H;
    return before + share * (after - before);
}

/* A mean of 6 h says what its second half was, once the first is known. */
static float three_hours_mean(const float *lead, int32_t step)
{
    if (step % 2 == 0)
        return lead[step + 1];
    float second = 2.0f * lead[step + 1] - lead[step];
    return second < 0.0f ? 0.0f : second; /* unknown stays unknown */
}

void weather_block(const struct weather_issue *issue, int value, struct forecast_block *ret_block)
{
    const float *lead = issue->value[value];
    int32_t step_h = value == GHI ? WEATHER_STEP_H : 1;
    *ret_block = (struct forecast_block){
        .track = weather_tracks[value],
        .kind = BLOCK_FORECAST,
        .source = "weather",
        .issue_ms = issue->issue_ms,
        .start_ms = issue->issue_ms,
        .step_ms = step_h * HOUR_MS,
        .count = LAST_LEAD_H / step_h,
    };
    for (int32_t i = 0; i < ret_block->count; i++)
        ret_block->value[i] = value == GHI ? three_hours_mean(lead, i) : hour_mean(lead, i);
}

/* ---- in place of a thermometer ---- */

int weather_first_days(const struct weather *weather, struct track *ret_temp_c, struct error *error)
{
    const struct weather_issue *issues = weather->issues;
    int64_t start_ms = issues[0].issue_ms;
    int64_t hours = (issues[weather->count - 1].issue_ms - start_ms) / HOUR_MS + DAY_H;
    *ret_temp_c = (struct track){.path = weather->path, .column = "temp_c", .start_ms = start_ms};
    ret_temp_c->value = malloc((size_t)hours * sizeof *ret_temp_c->value);
    if (!ret_temp_c->value)
        return error_set(error, ERROR_SYSTEM, "out of memory for %s", weather->path);
    ret_temp_c->hours = ret_temp_c->room = (int32_t)hours;
    for (int64_t i = 0; i < hours; i++)
        ret_temp_c->value[i] = (double)NAN;
    for (int32_t i = 0; i < weather->count; i++) /* a later issue writes over the one before */
        for (int32_t hour = 0; hour < DAY_H; hour++)
            ret_temp_c->value[(issues[i].issue_ms - start_ms) / HOUR_MS + hour] =
                (double)hour_mean(issues[i].value[TEMP], hour);
    return 0;
}
