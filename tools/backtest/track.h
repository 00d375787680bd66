/* A measured series by the hour, from a file. What is not one row an hour in rising order is
 * refused with file and line: nothing is averaged, sorted or dropped on the quiet. */
#ifndef TIDEWATT_TOOLS_BACKTEST_TRACK_H
#define TIDEWATT_TOOLS_BACKTEST_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/error.h"

/* What is known of each hour; NAN: nothing. */
struct track {
    const char *path, *column; /* where it is from; NULL: there is none */
    int64_t start_ms;
    int32_t hours, room;
    double *value; /* owned */
};

/* NAN outside and in gaps. */
double track_at(const struct track *track, int64_t at_ms);

/* A clock on the wall. */
struct track_clock {
    int64_t zone_ms; /* ahead of UTC in winter */
    bool summer;     /* and an hour more in European summer */
};

/* Finish the track also after an error. */
int track_load_carbon(struct track *ret_track, const char *path, const char *column,
                      struct error *error);
int track_load_power(struct track *ret_track, const char *path, const char *column,
                     struct error *error);
/* By time_utc, or by time_local of the clock. */
int track_load_price(struct track *ret_track, const char *path, const char *column,
                     const struct track_clock *clock, struct error *error);
int track_load_weather(struct track *ret_track, const char *path, struct error *error);
void track_finish(struct track *track);

bool track_file_has(const char *path, const char *column); /* false also: no such file */

/* ERROR_INVALID, naming the hour, when there is a gap inside [from, to). No gap where there is no
 * file. */
int track_check(const struct track *track, int64_t from_ms, int64_t to_ms, struct error *error);

#endif
