/* Errors carry text because the person who reads them must know what to do next. */
#include "controller/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *error, int code, const char *format, ...)
{
    if (!error)
        return code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return code;
}

int error_prefix(struct error *error, int code, const char *format, ...)
{
    if (!error)
        return code;
    struct error whole;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(whole.text, sizeof whole.text, format, arguments);
    va_end(arguments);
    size_t used = strlen(whole.text);
    snprintf(whole.text + used, sizeof whole.text - used, ": %s", error->text);
    *error = whole;
    return code;
}
