/* Time zones by the C library, which knows one at a time and only by the environment: the clock
 * changes of a century are asked for once, at the start. */
#include "drivers/feed_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controller/base/utc.h"

static const int64_t FIRST_MS = 946684800000;   /* 2000-01-01 */
static const int64_t BEYOND_MS = 4102444800000; /* 2100-01-01 */

static int64_t ahead_at(int64_t utc_ms)
{
    time_t utc_s = (time_t)(utc_ms / SECOND_MS);
    struct tm local;
    localtime_r(&utc_s, &local);
    return local.tm_gmtoff * (int64_t)SECOND_MS;
}

/* The first second of the day at which clocks are as at its end. */
static int64_t find_change(int64_t before_ms, int64_t after_ms)
{
    const int64_t new_ahead_ms = ahead_at(after_ms);
    while (after_ms - before_ms > SECOND_MS) {
        int64_t middle_ms = utc_floor((before_ms + after_ms) / 2, SECOND_MS);
        if (ahead_at(middle_ms) == new_ahead_ms)
            after_ms = middle_ms;
        else
            before_ms = middle_ms;
    }
    return after_ms;
}

static void list_shifts(struct feed_zone *zone)
{
    zone->shifts[0] = (struct feed_shift){FIRST_MS, ahead_at(FIRST_MS)};
    zone->count = 1;
    for (int64_t day_ms = FIRST_MS + DAY_MS; day_ms < BEYOND_MS && zone->count < FEED_SHIFTS;
         day_ms += DAY_MS) {
        int64_t ahead_ms = ahead_at(day_ms);
        if (ahead_ms != zone->shifts[zone->count - 1].ahead_ms)
            zone->shifts[zone->count++] =
                (struct feed_shift){find_change(day_ms - DAY_MS, day_ms), ahead_ms};
    }
}

/* The library takes any name that it does not know for UTC. */
static bool is_known(const char *name)
{
    char path[LIMIT_PATH];
    bool odd = !*name || *name == '/' || strstr(name, "..") || name[strlen(name) - 1] == '/';
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    return strcmp(name, "UTC") == 0 || (!odd && access(path, R_OK) == 0);
}

int feed_zone_load(struct feed_zone *zone, const char *name, struct error *error)
{
    const char *set = getenv("TZ");
    char *before = set ? strdup(set) : NULL;

    if (strlen(name) >= sizeof zone->name || !is_known(name)) {
        free(before);
        return error_set(error, ERROR_INVALID,
                         "timezone \"%.40s\" is not known here: write \"UTC\" or a name such as "
                         "\"Europe/Madrid\" (package tzdata)",
                         name);
    }
    snprintf(zone->name, sizeof zone->name, "%s", name);
    setenv("TZ", name, 1);
    tzset();
    list_shifts(zone);
    if (before)
        setenv("TZ", before, 1);
    else
        unsetenv("TZ");
    tzset();
    free(before);
    return 0;
}
