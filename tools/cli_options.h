/* Command-line options as tables: one row an option. The parser checks kinds and units, so that a
 * command sees values only; the same rows print the help. */
#ifndef TIDEWATT_TOOLS_CLI_OPTIONS_H
#define TIDEWATT_TOOLS_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "controller/base/error.h"

enum { CLI_WORDS = 128 }; /* most operands a command takes: files, from a shell pattern */

enum cli_kind {
    CLI_FLAG,     /* bool: true when given */
    CLI_CLEAR,    /* bool: false when given */
    CLI_TEXT,     /* const char * */
    CLI_POWER,    /* double, W; with a unit */
    CLI_DURATION, /* double, ms; with a unit */
    CLI_TIME,     /* struct cli_time */
    CLI_LIST,     /* struct cli_list: may be given several times */
};

enum { CLI_LIST_MOST = 8 };
struct cli_list {
    int count;
    const char *texts[CLI_LIST_MOST];
};

/* A time in full, or a distance from the site's present time. */
struct cli_time {
    bool given, relative;
    int64_t ms;
};

struct cli_option {
    const char *name; /* "power" for --power */
    enum cli_kind kind;
    void *target;
    const char *hint; /* what follows, for the help; NULL for flags */
    const char *help;
};

struct cli_operands {
    int count;
    const char *words[CLI_WORDS];
    char **rest; /* after "--", NULL-terminated; NULL when there was none */
    int rest_count;
    bool help; /* --help was given */
};

/* `options` ends with a row without a name; argv[0] is skipped. ERROR_INVALID with a text. */
int cli_parse(const struct cli_option *options, int argc, char **argv,
              struct cli_operands *ret_operands, struct error *error);

void cli_print_options(const struct cli_option *options, FILE *out);

#endif
