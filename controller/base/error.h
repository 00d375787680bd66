/* Errors as text for people: what went wrong, where (file, line, topic, register), what to do.
 *
 * Convention of the whole code: 0 is success; negative is fatal to the call and carries a text;
 * positive is an enumeration of the module, to be handled on the spot. */
#ifndef TIDEWATT_BASE_ERROR_H
#define TIDEWATT_BASE_ERROR_H

#include "controller/base/limits.h"

struct error {
    char text[LIMIT_ERROR_TEXT];
};

enum {
    ERROR_INVALID = -1,     /* the input is wrong; the text says what to change */
    ERROR_SYSTEM = -2,      /* the operating system refused; the text names call and cause */
    ERROR_FULL = -3,        /* a table of limits.h is full */
    ERROR_NEWER = -4,       /* written by a newer version */
    ERROR_UNREACHABLE = -5, /* a peer does not answer */
};

/* Formats the text (`error` may be NULL) and returns `code`. */
int error_set(struct error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text that is there and returns `code`. */
int error_prefix(struct error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
