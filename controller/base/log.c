/* Log lines carry a priority that the journal understands; a terminal sees a word instead. */
#include "controller/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static enum log_level most_verbose_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level most_verbose)
{
    most_verbose_level = most_verbose;
}

static const char *level_word(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "error: ";
    case LOG_LEVEL_WARNING:
        return "warning: ";
    case LOG_LEVEL_INFO:
        return "";
    case LOG_LEVEL_DEBUG:
        return "debug: ";
    }
    return "";
}

void log_line(enum log_level level, const char *format, ...)
{
    if (level > most_verbose_level)
        return;
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    static int terminal = -1;
    if (terminal < 0)
        terminal = isatty(STDERR_FILENO);
    if (terminal)
        fprintf(stderr, "%s%s\n", level_word(level), line);
    else
        fprintf(stderr, "<%d>%s%s\n", (int)level, level_word(level), line);
}
