/* Numbers and times in text that others wrote, scanned by hand: strtod also takes hexadecimal,
 * "nan" and "inf", and seconds taken for milliseconds make a value of today one of 1970. Pure. */
#ifndef TIDEWATT_DRIVERS_TEXT_SCAN_H
#define TIDEWATT_DRIVERS_TEXT_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_EXCERPT = 44 }; /* bytes of foreign text that are quoted in an error, with the NUL */

/* Fit for a log line: what others wrote must not move a terminal's cursor. */
const char *text_excerpt(const char *text, size_t length, char buffer[TEXT_EXCERPT]);

/* Length of the decimal number at the start of the text, 0 when there is none. */
size_t text_number_length(const char *text);

/* "Z" or "+02:00", the whole text. */
bool text_utc_offset(const char *text, int64_t *ret_ms);

/* From 2000 to 2199. */
bool text_time_plausible(double utc_ms);

#endif
