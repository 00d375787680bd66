/* Numbers and times in text; see text_scan.h. */
#include "drivers/text_scan.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "controller/base/utc.h"

static const int64_t TIME_LEAST_MS = 946684800000;   /* 2000-01-01 */
static const int64_t TIME_BEYOND_MS = 7258118400000; /* 2200-01-01 */

const char *text_excerpt(const char *text, size_t length, char buffer[TEXT_EXCERPT])
{
    static const char dots[] = "...";
    size_t shown = length < TEXT_EXCERPT - sizeof(dots) ? length : TEXT_EXCERPT - sizeof(dots);

    for (size_t i = 0; i < shown; i++)
        buffer[i] = isprint((unsigned char)text[i]) ? text[i] : '?';
    strcpy(buffer + shown, shown < length ? dots : "");
    return buffer;
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

size_t text_number_length(const char *text)
{
    size_t at = *text == '-' || *text == '+';
    size_t whole = digits(text + at), fraction = 0, exponent;

    at += whole;
    if (text[at] == '.') {
        fraction = digits(text + at + 1);
        at += 1 + fraction;
    }
    if (whole + fraction == 0)
        return 0;
    if (text[at] == 'e' || text[at] == 'E') {
        size_t sign = text[at + 1] == '-' || text[at + 1] == '+';

        exponent = digits(text + at + 1 + sign);
        if (exponent == 0)
            return 0;
        at += 1 + sign + exponent;
    }
    return at;
}

bool text_utc_offset(const char *text, int64_t *ret_ms)
{
    int hours, minutes, used = 0;

    if (strcmp(text, "Z") == 0) {
        *ret_ms = 0;
        return true;
    }
    if (strspn(text, "+-") != 1 || strspn(text + 1, "0123456789:") != strlen("00:00") ||
        sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || text[1 + used] ||
        hours > 14 || minutes > 59)
        return false;
    *ret_ms = hours * (int64_t)HOUR_MS + minutes * (int64_t)MINUTE_MS;
    if (*text == '-')
        *ret_ms = -*ret_ms;
    return true;
}

bool text_time_plausible(double utc_ms)
{
    return utc_ms >= (double)TIME_LEAST_MS && utc_ms < (double)TIME_BEYOND_MS;
}
