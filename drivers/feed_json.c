/* Points out of JSON: parallel arrays, rows, or numbered positions of periods. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "controller/base/utc.h"
#include "drivers/feed_private.h"

struct reading {
    const struct feed_track *track;
    int64_t issue_ms;
    struct feed_points *points;
    int parts; /* of the document that `each` leads to */
    struct error *error;
};

static const char *kind_of(const json_t *value)
{
    static const char *const names[] = {"an object", "an array", "a string", "an integer",
                                        "a number",  "true",     "false",    "null"};
    return value ? names[json_typeof(value)] : "absent";
}

static int misplaced(struct reading *reading, const char *pointer, const json_t *got,
                     const char *wanted)
{
    return error_set(reading->error, ERROR_INVALID, "\"%s\" is %s; it must be %s", pointer,
                     kind_of(got), wanted);
}

/* ---- leaves ---- */

static int read_moment(struct reading *reading, const char *pointer, const json_t *time,
                       struct feed_moment *ret_moment)
{
    const struct feed_track *track = reading->track;
    int result;

    if (json_is_string(time))
        result = feed_time_text(json_string_value(time), track->time_form, track->zone, ret_moment,
                                reading->error);
    else if (json_is_number(time))
        result =
            feed_time_number(json_number_value(time), track->time_form, ret_moment, reading->error);
    else
        return misplaced(reading, pointer, time, "a time");
    return result < 0 ? error_prefix(reading->error, result, "\"%s\"", pointer) : 0;
}

/* A single time, not one of a series: which of two instants it is cannot be told. */
static int read_instant(struct reading *reading, const json_t *parent, const char *pointer,
                        int64_t *ret_ms)
{
    struct feed_moment moment;
    int result = read_moment(reading, pointer, json_pointer_get(parent, pointer), &moment);

    if (result < 0)
        return result;
    if (moment.count != 1)
        return error_set(reading->error, ERROR_INVALID,
                         "\"%s\" is a local time that clocks %s: it must have a zone", pointer,
                         moment.count ? "show twice" : "skip");
    *ret_ms = moment.utc_ms[0];
    return 0;
}

static double read_value(struct reading *reading, const json_t *value)
{
    const struct feed_track *track = reading->track;
    double number = (double)NAN;

    if (json_is_number(value))
        number = json_number_value(value);
    else if (json_is_string(value))
        number = feed_points_number(reading->points, json_string_value(value));
    else if (value && !json_is_null(value))
        feed_points_doubt(reading->points, "\"%s\" is %s and not a number", track->value,
                          kind_of(value));
    return number * track->factor + track->offset;
}

static int add_point(struct reading *reading, const struct feed_moment *moment, int64_t step_ms,
                     double value)
{
    const struct feed_point point = {.issue_ms = reading->issue_ms,
                                     .step_ms = step_ms,
                                     .moment = *moment,
                                     .order = reading->points->count,
                                     .value = value};
    return feed_points_add(reading->points, &point, reading->error);
}

/* ---- the forms ---- */

static int read_arrays(struct reading *reading, const json_t *part)
{
    const struct feed_track *track = reading->track;
    const json_t *times = json_pointer_get(part, track->time);
    const json_t *values = json_pointer_get(part, track->value);
    struct feed_moment moment;

    if (!json_is_array(times))
        return misplaced(reading, track->time, times, "an array of times");
    if (!json_is_array(values))
        return misplaced(reading, track->value, values, "an array of values");
    if (json_array_size(times) != json_array_size(values))
        return error_set(reading->error, ERROR_INVALID,
                         "\"%s\" has %zu times and \"%s\" %zu values", track->time,
                         json_array_size(times), track->value, json_array_size(values));
    for (size_t i = 0; i < json_array_size(times); i++) {
        if (read_moment(reading, track->time, json_array_get(times, i), &moment) < 0 ||
            add_point(reading, &moment, 0, read_value(reading, json_array_get(values, i))) < 0)
            return ERROR_INVALID;
    }
    return 0;
}

static int read_rows(struct reading *reading, const json_t *part)
{
    const struct feed_track *track = reading->track;
    const json_t *rows = json_pointer_get(part, track->rows), *row;
    struct feed_moment moment;
    size_t i;

    if (!json_is_array(rows))
        return misplaced(reading, track->rows, rows, "an array");
    json_array_foreach((json_t *)rows, i, row)
    {
        if (read_moment(reading, track->time, json_pointer_get(row, track->time), &moment) < 0 ||
            add_point(reading, &moment, 0,
                      read_value(reading, json_pointer_get(row, track->value))) < 0)
            return error_prefix(reading->error, ERROR_INVALID, "row %zu", i);
    }
    return 0;
}

struct period {
    int64_t start_ms, step_ms;
    int count;    /* 0: open, a number left out is missing */
    int position; /* the last one that was read */
    double value; /* its value */
};

static int read_period(struct reading *reading, const json_t *part, struct period *ret_period)
{
    const struct feed_track *track = reading->track;
    const json_t *resolution = json_pointer_get(part, track->resolution);
    int64_t end_ms;

    *ret_period = (struct period){.value = (double)NAN};
    if (!json_is_string(resolution))
        return misplaced(reading, track->resolution, resolution, "a text such as \"PT60M\"");
    if (feed_duration_text(json_string_value(resolution), &ret_period->step_ms, reading->error) <
            0 ||
        read_instant(reading, part, track->start, &ret_period->start_ms) < 0)
        return ERROR_INVALID;
    if (!*track->end)
        return 0;
    if (read_instant(reading, part, track->end, &end_ms) < 0)
        return ERROR_INVALID;
    if (end_ms <= ret_period->start_ms ||
        (end_ms - ret_period->start_ms) / ret_period->step_ms > LIMIT_FEED_VALUES)
        return error_set(reading->error, ERROR_INVALID,
                         "\"%s\" must be after \"%s\", and not by years", track->end, track->start);
    ret_period->count = (int)((end_ms - ret_period->start_ms) / ret_period->step_ms);
    return 0;
}

/* The value holds until the next number where the period says when it ends. */
static int hold_until(struct reading *reading, struct period *period, int position)
{
    for (int at = period->position; at > 0 && at < position; at++) {
        const struct feed_moment moment = {{period->start_ms + (at - 1) * period->step_ms, 0}, 1};
        if ((at == period->position || period->count > 0) &&
            add_point(reading, &moment, period->step_ms, period->value) < 0)
            return ERROR_INVALID;
    }
    return 0;
}

/* Converters from XML write numbers as texts. */
static int read_position(const json_t *number)
{
    const char *text = json_string_value(number);
    int position = 0, used = 0;

    if (json_is_integer(number))
        return json_integer_value(number) > 0 && json_integer_value(number) <= LIMIT_FEED_VALUES
                   ? (int)json_integer_value(number)
                   : 0;
    return text && sscanf(text, "%6d%n", &position, &used) == 1 && !text[used] ? position : 0;
}

static int read_positions(struct reading *reading, const json_t *part)
{
    const struct feed_track *track = reading->track;
    const json_t *rows = json_pointer_get(part, track->rows), *row;
    struct period period;
    size_t i;

    if (!json_is_array(rows))
        return misplaced(reading, track->rows, rows, "an array");
    if (read_period(reading, part, &period) < 0)
        return ERROR_INVALID;
    json_array_foreach((json_t *)rows, i, row)
    {
        int position = read_position(json_pointer_get(row, track->position));
        if (position <= period.position || position > LIMIT_FEED_VALUES ||
            (period.count > 0 && position > period.count))
            return error_set(reading->error, ERROR_INVALID,
                             "row %zu: \"%s\" must count up from 1 to the end of the period", i,
                             track->position);
        if (hold_until(reading, &period, position) < 0)
            return ERROR_INVALID;
        period.position = position;
        period.value = read_value(reading, json_pointer_get(row, track->value));
    }
    return hold_until(reading, &period, period.count > 0 ? period.count + 1 : period.position + 1);
}

/* ---- the parts ---- */

static int read_part(struct reading *reading, const json_t *part)
{
    static int (*const readers[FEED_FORMS])(struct reading *, const json_t *) = {
        [FEED_ARRAYS] = read_arrays, [FEED_ROWS] = read_rows, [FEED_POSITIONS] = read_positions};
    reading->parts++;
    return readers[reading->track->form](reading, part);
}

/* A "*" is every item of an array. What is no array is the one item: converters from XML make none
 * of an element that comes once. */
static int read_parts(struct reading *reading, const json_t *root, const char *pointer)
{
    char token[JSON_POINTER];
    const json_t *item;
    size_t i;

    while (root && *pointer) {
        pointer = json_pointer_token(pointer, token);
        if (strcmp(token, "*") != 0) {
            root = json_pointer_child(root, token);
            continue;
        }
        if (!json_is_array(root))
            continue;
        json_array_foreach((json_t *)root, i,
                           item) if (read_parts(reading, item, pointer) < 0) return ERROR_INVALID;
        return 0;
    }
    return root ? read_part(reading, root) : 0;
}

int feed_json_points(const struct feed_track *track, const json_t *root, int64_t issue_ms,
                     struct feed_points *points, struct error *error)
{
    struct reading reading = {track, issue_ms, points, 0, error};

    if (*track->issue && read_instant(&reading, root, track->issue, &reading.issue_ms) < 0)
        return ERROR_INVALID;
    if (read_parts(&reading, root, track->each) < 0)
        return ERROR_INVALID;
    return reading.parts > 0 ? 0 : misplaced(&reading, track->each, NULL, "in the document");
}
