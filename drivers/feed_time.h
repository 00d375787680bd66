/* Times as documents write them, local ones included. Pure but for feed_zone_load. */
#ifndef TIDEWATT_DRIVERS_FEED_TIME_H
#define TIDEWATT_DRIVERS_FEED_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/base/error.h"

enum feed_time_form { FEED_TIME_ISO8601, FEED_TIME_S, FEED_TIME_MS, FEED_TIME_FORMS };

/* When a place's clocks were how far ahead of UTC, 2000 to 2099. */
enum { FEED_SHIFTS = 1024 };
struct feed_zone {
    char name[LIMIT_NAME];
    int count;
    struct feed_shift {
        int64_t from_ms; /* UTC; the first one counts before that too */
        int64_t ahead_ms;
    } shifts[FEED_SHIFTS];
};

/* From the time zone data of the system ("Europe/Madrid"). Before threads start: the C library has
 * zones in the environment only. ERROR_INVALID: there is no such zone. */
int feed_zone_load(struct feed_zone *zone, const char *name, struct error *error);

/* A time as written: UTC, or up to two instants at which local clocks show it. */
struct feed_moment {
    int64_t utc_ms[2]; /* the earlier first */
    int count;         /* 0: clocks skip that time; 2: they show it twice */
};

/* ERROR_INVALID: no time from 2000 to 2099, or one without a zone where `zone` is NULL. */
int feed_time_text(const char *text, enum feed_time_form form, const struct feed_zone *zone,
                   struct feed_moment *ret_moment, struct error *error);
int feed_time_number(double number, enum feed_time_form form, struct feed_moment *ret_moment,
                     struct error *error);

/* "PT60M", "PT1H", "P1D"; ERROR_INVALID: nothing of the kind. */
int feed_duration_text(const char *text, int64_t *ret_ms, struct error *error);

#endif
