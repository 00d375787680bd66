/* ISO 8601 UTC text <-> milliseconds since 1970 (proleptic Gregorian, no leap seconds). Pure. */
#ifndef TIDEWATT_BASE_UTC_H
#define TIDEWATT_BASE_UTC_H

#include <stdint.h>

#include "controller/base/error.h"

enum {
    UTC_TEXT = 25, /* bytes of "2026-11-22T06:00:00.000Z" with the NUL */
    SECOND_MS = 1000,
    MINUTE_MS = 60000,
    QUARTER_MS = 900000,
    HOUR_MS = 3600000,
    DAY_MS = 86400000,
};

/* Accepts "YYYY-MM-DDTHH:MM[:SS[.mmm]]Z" (or a blank for the T). Refuses local times. */
int utc_parse(const char *text, int64_t *ret_ms, struct error *error);

/* Writes "YYYY-MM-DDTHH:MM:SSZ" (milliseconds only when not zero) and returns `buffer`. */
const char *utc_format(int64_t ms, char buffer[UTC_TEXT]);

int64_t utc_floor(int64_t ms,
                  int64_t step_ms); /* largest multiple of step not above ms, also for negatives */
int utc_day_of_year(int64_t ms);    /* 1..366 */

#endif
