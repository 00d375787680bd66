/* Where in a weather or market document times and values stand, and what they mean.
 *
 * Four forms cover what providers send: JSON with parallel arrays (times beside values), JSON rows
 * (an array of objects), JSON positions (ENTSO-E style periods of numbered points), CSV columns.
 * "Places" are JSON pointers in the first three and column names in the last. */
#ifndef TIDEWATT_DRIVERS_FEED_MAPPING_H
#define TIDEWATT_DRIVERS_FEED_MAPPING_H

#include "controller/forecast/block.h"
#include "drivers/feed_time.h"
#include "drivers/json_pointer.h"

enum feed_form { FEED_ARRAYS, FEED_ROWS, FEED_POSITIONS, FEED_CSV, FEED_FORMS };
enum feed_values {
    FEED_MEAN,        /* of the step that starts at the time */
    FEED_MEAN_BEFORE, /* of the step that ends at the time */
    FEED_INSTANT,     /* at the time; between two of them it changes evenly */
    FEED_VALUES
};
enum { FEED_PLACE = JSON_POINTER };

struct feed_track {
    int32_t track;
    enum block_kind kind;
    enum feed_values values;
    enum feed_form form;
    char each[FEED_PLACE];       /* JSON: the parts that have what follows; "*" is every item */
    char rows[FEED_PLACE];       /* rows, positions: the array, from there on */
    char time[FEED_PLACE];       /* arrays: of times; rows: in a row; CSV: column */
    char value[FEED_PLACE];      /* the same of values; positions: in a point */
    char position[FEED_PLACE];   /* positions: number in a point, from 1 */
    char start[FEED_PLACE];      /* positions: when the first one starts, ... */
    char end[FEED_PLACE];        /* ... when the last one ends: a number left out repeats the value
                                    before it (curve type A03); "": it is missing */
    char resolution[FEED_PLACE]; /* positions: "PT15M" */
    char issue[FEED_PLACE];      /* from the root; CSV: column. "": the document has none */
    char lead[FEED_PLACE];       /* CSV, instead of the time: hours after the issue */
    enum feed_time_form time_form;
    const struct feed_zone *zone; /* of times without one; NULL: they are refused */
    int64_t step_ms;              /* 0: the distance of the times */
    double factor, offset;        /* value * factor + offset: unit of the track */
};

struct feed_mapping {
    struct feed_track tracks[LIMIT_FEED_TRACKS];
    int count;
};

/* ERROR_INVALID, naming the option and the remedy. */
int feed_track_check(const struct feed_track *track, struct error *error);

#endif
