/* See track.h. */
#include "tools/backtest/track.h"

#include <math.h>
#include <stdlib.h>

#include "controller/base/utc.h"
#include "tools/twin/csv.h"
#include "tools/twin/series.h"

static const int64_t WEATHER_REACH_MS = 6 * (int64_t)HOUR_MS; /* rows so far apart still join */
static const double CARBON_MOST_G = 1e5, POWER_MOST_MW = 1e7, PRICE_MOST = 1e6;
enum { HOURS_MOST = 100 * 366 * 24, HOURS_FIRST = 1024 };

double track_at(const struct track *track, int64_t at_ms)
{
    int64_t hour = utc_floor(at_ms - track->start_ms, HOUR_MS) / HOUR_MS;
    return hour >= 0 && hour < track->hours ? track->value[hour] : (double)NAN;
}

static int make_room(struct track *track, int32_t hours, struct error *error)
{
    int32_t room = track->room > 0 ? track->room : HOURS_FIRST;
    while (room < hours)
        room *= 2;
    double *value = realloc(track->value, (size_t)room * sizeof *value);
    if (!value)
        return error_set(error, ERROR_SYSTEM, "out of memory for %s", track->path);
    track->value = value;
    track->room = room;
    return 0;
}

/* Not before the first hour that was put. */
static int put(struct track *track, int64_t at_ms, double value, struct error *error)
{
    char text[UTC_TEXT];
    if (track->hours == 0)
        track->start_ms = at_ms;
    int64_t hour = (at_ms - track->start_ms) / HOUR_MS;
    if (hour >= HOURS_MOST)
        return error_set(error, ERROR_INVALID, "%s: %s is more than a century after its first row",
                         track->path, utc_format(at_ms, text));
    if (hour >= track->room && make_room(track, (int32_t)hour + 1, error) < 0)
        return ERROR_SYSTEM;
    while (track->hours <= hour)
        track->value[track->hours++] = (double)NAN;
    track->value[hour] = value;
    return 0;
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

/* The times in UTC at which the clock shows this: none for the hour that it skips in spring, two
 * for the one that it shows twice in autumn. */
static int clock_times(const struct track_clock *clock, int64_t shown_ms, int64_t ret_ms[2])
{
    int64_t winter_ms = shown_ms - clock->zone_ms, summer_ms = winter_ms - HOUR_MS;
    int count = 0;
    if (clock->summer && is_summer(summer_ms))
        ret_ms[count++] = summer_ms;
    if (!clock->summer || !is_summer(winter_ms))
        ret_ms[count++] = winter_ms;
    return count;
}

/* ---- rows ---- */

struct reader {
    struct csv csv;
    const struct track_clock *clock;
    double least, most;
    int64_t last_ms; /* as the file shows it */
    bool repeated;   /* the last row's hour was there before */
};

static int refuse_time(const struct reader *reader, int64_t at_ms, const char *why,
                       struct error *error)
{
    char text[UTC_TEXT];
    utc_format(at_ms, text);
    return error_set(error, ERROR_INVALID, "%s:%d: %.10s %.8s %s", reader->csv.path,
                     reader->csv.line, text, text + 11, why);
}

/* A row that is there again is the second of the two hours, where a clock shows one twice. */
static int check_time(struct reader *reader, int64_t at_ms, int times, struct error *error)
{
    bool again = at_ms == reader->last_ms;
    if (at_ms % HOUR_MS != 0)
        return refuse_time(reader, at_ms,
                           "is no full hour: give each full hour one row, with its mean", error);
    if (again && (times < 2 || reader->repeated))
        return refuse_time(reader, at_ms, "is there twice: take one of the rows out", error);
    if (at_ms < reader->last_ms)
        return refuse_time(reader, at_ms, "comes after a later hour: sort the rows by time", error);
    reader->repeated = again;
    reader->last_ms = at_ms;
    return 0;
}

static int read_value(const struct reader *reader, int column, double *ret_value,
                      struct error *error)
{
    const struct csv *csv = &reader->csv;
    if (csv_number(csv, column, ret_value, error) < 0)
        return ERROR_INVALID;
    if (*ret_value >= reader->least && *ret_value <= reader->most)
        return 0;
    return error_set(error, ERROR_INVALID,
                     "%s:%d: %s is %g, allowed is %g to %g: correct the row, or leave the value "
                     "empty",
                     csv->path, csv->line, csv->names[column], *ret_value, reader->least,
                     reader->most);
}

/* A row without a value is a gap. */
static int take_row(struct reader *reader, const int *columns, struct track *track,
                    struct error *error)
{
    int64_t shown_ms, at_ms[2];
    double value;
    if (csv_time(&reader->csv, columns[0], &shown_ms, error) < 0)
        return ERROR_INVALID;
    int count = clock_times(reader->clock, shown_ms, at_ms);
    if (check_time(reader, shown_ms, count, error) < 0)
        return ERROR_INVALID;
    if (csv_text(&reader->csv, columns[1])[0] == '\0')
        return 0;
    int result = read_value(reader, columns[1], &value, error);
    for (int i = reader->repeated ? 1 : 0; result == 0 && i < count; i++)
        result = put(track, at_ms[i], value, error);
    return result;
}

static int load(struct track *track, struct reader *reader, const char *time_column,
                struct error *error)
{
    const char *const names[] = {time_column, track->column};
    int columns[2];
    int result = csv_open(&reader->csv, track->path, names, 2, columns, error);
    reader->last_ms = INT64_MIN;
    while (result == 0 && (result = csv_row(&reader->csv, error)) > 0)
        result = take_row(reader, columns, track, error);
    csv_close(&reader->csv);
    if (result == 0 && track->hours == 0)
        return error_set(error, ERROR_INVALID, "%s: has no row with a value in %s", track->path,
                         track->column);
    return result;
}

/* ---- files ---- */

static const struct track_clock utc = {0, false};

int track_load_carbon(struct track *ret_track, const char *path, const char *column,
                      struct error *error)
{
    struct reader reader = {.clock = &utc, .least = 0, .most = CARBON_MOST_G};
    *ret_track = (struct track){.path = path, .column = column};
    return load(ret_track, &reader, "time_utc", error);
}

int track_load_power(struct track *ret_track, const char *path, const char *column,
                     struct error *error)
{
    struct reader reader = {.clock = &utc, .least = 0, .most = POWER_MOST_MW};
    *ret_track = (struct track){.path = path, .column = column};
    return load(ret_track, &reader, "time_utc", error);
}

bool track_file_has(const char *path, const char *column)
{
    struct csv csv;
    struct error ignored;
    int index;
    bool found = csv_open(&csv, path, &column, 1, &index, &ignored) == 0;
    csv_close(&csv);
    return found;
}

int track_load_price(struct track *ret_track, const char *path, const char *column,
                     const struct track_clock *clock, struct error *error)
{
    bool local = !track_file_has(path, "time_utc");
    struct reader reader = {
        .clock = local ? clock : &utc, .least = -PRICE_MOST, .most = PRICE_MOST};
    *ret_track = (struct track){.path = path, .column = column};
    if (track_file_has(path, "time_local") && local && clock->zone_ms % HOUR_MS != 0)
        return error_set(error, ERROR_INVALID,
                         "%s: the hours of its time_local are no hours of UTC with price_zone_min "
                         "%lld: give full hours, or a file with time_utc",
                         path, (long long)(clock->zone_ms / MINUTE_MS));
    return load(ret_track, &reader, local ? "time_local" : "time_utc", error);
}

int track_load_weather(struct track *ret_track, const char *path, struct error *error)
{
    struct series temp_c = {0}, wind = {0}, irradiance = {0};
    *ret_track = (struct track){.path = path, .column = "temp_c"};
    int result = series_load_weather(&temp_c, &wind, &irradiance, path, error);
    for (size_t i = 0; result == 0 && i + 1 < temp_c.count; i++) {
        if (temp_c.time_ms[i + 1] - temp_c.time_ms[i] > WEATHER_REACH_MS)
            continue;
        int64_t at = utc_floor(temp_c.time_ms[i] + HOUR_MS - 1, HOUR_MS);
        for (; result == 0 && at < temp_c.time_ms[i + 1]; at += HOUR_MS)
            result = put(ret_track, at, series_linear(&temp_c, at), error);
    }
    series_finish(&temp_c);
    series_finish(&wind);
    series_finish(&irradiance);
    return result;
}

void track_finish(struct track *track)
{
    free(track->value);
    *track = (struct track){.path = NULL};
}

int track_check(const struct track *track, int64_t from_ms, int64_t to_ms, struct error *error)
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
