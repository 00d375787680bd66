/* Times in documents; see feed_time.h. */
#include "drivers/feed_time.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"
#include "drivers/text_scan.h"

enum { CIVIL = 32 }; /* bytes of date and time in a text, with the NUL */

static const int64_t BEYOND_MS = 4102444800000; /* 2100-01-01: the end of feed_zone */

static bool plausible(double utc_ms)
{
    return text_time_plausible(utc_ms) && utc_ms < (double)BEYOND_MS;
}

/* ---- local clocks ---- */

static bool shows(const struct feed_zone *zone, int i, int64_t utc_ms)
{
    return (i == 0 || utc_ms >= zone->shifts[i].from_ms) &&
           (i == zone->count - 1 || utc_ms < zone->shifts[i + 1].from_ms);
}

static void find_instants(const struct feed_zone *zone, int64_t civil_ms,
                          struct feed_moment *ret_moment)
{
    ret_moment->count = 0;
    for (int i = 0; i < zone->count && ret_moment->count < 2; i++) {
        int64_t utc_ms = civil_ms - zone->shifts[i].ahead_ms;
        if (shows(zone, i, utc_ms))
            ret_moment->utc_ms[ret_moment->count++] = utc_ms;
    }
}

/* ---- texts ---- */

static int refuse(const char *text, const char *remedy, struct error *error)
{
    char quoted[TEXT_EXCERPT];
    return error_set(error, ERROR_INVALID, "\"%s\" is no time from 2000 to 2099%s",
                     text_excerpt(text, strlen(text), quoted), remedy);
}

/* "2026-11-22T06:00[:SS[.fraction]]", a blank for the T, and the zone that follows. */
static int split_iso(const char *text, int64_t *ret_civil_ms, const char **ret_zone)
{
    const size_t minutes = strlen("2026-11-22T06:00"), seconds = strlen("2026-11-22T06:00:00");
    size_t length = strnlen(text, seconds), fraction = 0;
    int64_t fraction_ms = 0;
    char civil[CIVIL];

    if (length > minutes && text[minutes] != ':')
        length = minutes;
    if (text[length] == '.') {
        fraction = 1 + strspn(text + length + 1, "0123456789");
        for (size_t i = 1, digit_ms = 100; i < fraction && digit_ms > 0; i++, digit_ms /= 10)
            fraction_ms += (text[length + i] - '0') * (int64_t)digit_ms;
    }
    snprintf(civil, sizeof civil, "%.*sZ", (int)length, text);
    if (utc_parse(civil, ret_civil_ms, NULL) < 0)
        return ERROR_INVALID;
    *ret_civil_ms += fraction_ms;
    *ret_zone = text + length + fraction;
    return 0;
}

static int iso_text(const char *text, const struct feed_zone *zone, struct feed_moment *ret_moment,
                    struct error *error)
{
    int64_t civil_ms, ahead_ms;
    const char *suffix;

    if (split_iso(text, &civil_ms, &suffix) < 0)
        return refuse(text, ": write it as 2026-11-22T06:00:00Z", error);
    if (*suffix) {
        if (!text_utc_offset(suffix, &ahead_ms))
            return refuse(text, ": its zone must be \"Z\" or of the form \"+01:00\"", error);
        *ret_moment = (struct feed_moment){{civil_ms - ahead_ms, 0}, 1};
    } else if (zone) {
        find_instants(zone, civil_ms, ret_moment);
    } else {
        return refuse(text, ": it has no zone, set timezone", error);
    }
    return ret_moment->count == 0 || plausible((double)ret_moment->utc_ms[0])
               ? 0
               : refuse(text, "", error);
}

int feed_time_number(double number, enum feed_time_form form, struct feed_moment *ret_moment,
                     struct error *error)
{
    double ms = form == FEED_TIME_S ? number * SECOND_MS : number;

    if (form == FEED_TIME_ISO8601)
        return error_set(error, ERROR_INVALID,
                         "%.17g is a number: set time_form to \"s\" or \"ms\" since 1970", number);
    if (!plausible(ms))
        return error_set(error, ERROR_INVALID,
                         "%.17g is no time from 2000 to 2099 in %s since 1970: check time_form",
                         number, form == FEED_TIME_S ? "seconds" : "milliseconds");
    *ret_moment = (struct feed_moment){{llround(ms), 0}, 1};
    return 0;
}

int feed_time_text(const char *text, enum feed_time_form form, const struct feed_zone *zone,
                   struct feed_moment *ret_moment, struct error *error)
{
    size_t length = text_number_length(text);

    if (form == FEED_TIME_ISO8601)
        return iso_text(text, zone, ret_moment, error);
    if (length == 0 || text[length])
        return refuse(text, ": time_form asks for a number since 1970", error);
    return feed_time_number(strtod(text, NULL), form, ret_moment, error);
}

int feed_duration_text(const char *text, int64_t *ret_ms, struct error *error)
{
    char unit = 0, quoted[TEXT_EXCERPT];
    int count = 0, used = 0;
    bool of_day = strncmp(text, "PT", 2) == 0;

    if (sscanf(text, of_day ? "PT%4d%c%n" : "P%4d%c%n", &count, &unit, &used) == 2 && !text[used] &&
        count > 0 && strchr(of_day ? "HM" : "D", unit)) {
        *ret_ms = count * (int64_t)(unit == 'D' ? DAY_MS : unit == 'H' ? HOUR_MS : MINUTE_MS);
        if (*ret_ms <= DAY_MS)
            return 0;
    }
    return error_set(error, ERROR_INVALID, "\"%s\" is no resolution such as PT15M, PT1H or P1D",
                     text_excerpt(text, strlen(text), quoted));
}
