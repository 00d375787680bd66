/* Own calendar arithmetic because the pure rooms need it without locale, time zone or errno. */
#include "controller/base/utc.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Days since 1970-01-01 of a proleptic Gregorian date: years start in March, so the leap day is
 * the last day of the year and every 400 years repeat. */
static int64_t days_from_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *ret_day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *ret_month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

static bool digits(const char **text, int count, int *ret_number)
{
    int number = 0;
    for (int i = 0; i < count; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        number = number * 10 + (**text - '0');
    }
    *ret_number = number;
    return true;
}

static bool literal(const char **text, const char *allowed)
{
    if (!**text || !strchr(allowed, **text))
        return false;
    (*text)++;
    return true;
}

/* The optional ":SS[.mmm]". */
static bool seconds(const char **text, int *ret_second, int *ret_milli)
{
    *ret_second = *ret_milli = 0;
    if (**text != ':')
        return true;
    (*text)++;
    if (!digits(text, 2, ret_second))
        return false;
    if (**text != '.')
        return true;
    (*text)++;
    return digits(text, 3, ret_milli);
}

int utc_parse(const char *text, int64_t *ret_ms, struct error *error)
{
    int year, month, day, hour, minute, second, milli;
    const char *at = text;
    bool sound = digits(&at, 4, &year) && literal(&at, "-") && digits(&at, 2, &month) &&
                 literal(&at, "-") && digits(&at, 2, &day) && literal(&at, "T ") &&
                 digits(&at, 2, &hour) && literal(&at, ":") && digits(&at, 2, &minute) &&
                 seconds(&at, &second, &milli) && literal(&at, "Z") && *at == '\0';
    if (!sound)
        return error_set(error, ERROR_INVALID,
                         "\"%s\" is not a UTC time: write it as 2026-11-22T06:00:00Z", text);
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    bool exists = month >= 1 && month <= 12 && day >= 1 && hour <= 23 && minute <= 59 &&
                  second <= 59 && day <= month_days[month - 1] + (month == 2 && leap);
    if (!exists)
        return error_set(error, ERROR_INVALID, "\"%s\": there is no such date or time", text);
    *ret_ms = days_from_date(year, month, day) * DAY_MS + hour * (int64_t)HOUR_MS +
              minute * (int64_t)MINUTE_MS + second * (int64_t)SECOND_MS + milli;
    return 0;
}

int64_t utc_floor(int64_t ms, int64_t step_ms)
{
    int64_t rest = ms % step_ms;
    return ms - (rest < 0 ? rest + step_ms : rest);
}

const char *utc_format(int64_t ms, char buffer[UTC_TEXT])
{
    int64_t midnight_ms = utc_floor(ms, DAY_MS);
    int64_t year;
    int month, day;
    date_from_days(midnight_ms / DAY_MS, &year, &month, &day);
    unsigned of_day = (unsigned)(ms - midnight_ms);
    int used =
        snprintf(buffer, UTC_TEXT, "%04d-%02d-%02dT%02u:%02u:%02u", (int)year % 10000, month, day,
                 of_day / HOUR_MS % 24, of_day / MINUTE_MS % 60, of_day / SECOND_MS % 60);
    if (of_day % SECOND_MS)
        used += snprintf(buffer + used, (size_t)(UTC_TEXT - used), ".%03u", of_day % SECOND_MS);
    snprintf(buffer + used, (size_t)(UTC_TEXT - used), "Z");
    return buffer;
}

int utc_day_of_year(int64_t ms)
{
    int64_t days = utc_floor(ms, DAY_MS) / DAY_MS;
    int64_t year;
    int month, day;
    date_from_days(days, &year, &month, &day);
    return (int)(days - days_from_date(year, 1, 1)) + 1;
}
