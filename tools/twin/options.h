/* Command-line options from a table: one row an option. */
#ifndef TIDEWATT_TWIN_OPTIONS_H
#define TIDEWATT_TWIN_OPTIONS_H

#include "controller/base/error.h"

enum option_kind {
    OPTION_TEXT,     /* const char * */
    OPTION_LIST,     /* struct option_list: may be given several times */
    OPTION_NUMBER,   /* double, within least..most */
    OPTION_INTEGER,  /* int64_t, within least..most */
    OPTION_TIME,     /* int64_t, UTC ms */
    OPTION_DURATION, /* int64_t, ms, within least..most */
};

enum { OPTION_LIST_MOST = 16 };
struct option_list {
    const char *items[OPTION_LIST_MOST];
    int count;
};

struct option_row {
    const char *name; /* without the dashes; NULL ends the table */
    enum option_kind kind;
    const char *argument; /* its name in the help */
    const char *help;
    void *target; /* keeps its value when the option is not given */
    double least, most;
};

enum { OPTIONS_HELP_SHOWN = 1 };

/* Reads "--name value" and "--name=value". OPTIONS_HELP_SHOWN after --help or --version. */
int options_parse(const struct option_row *table, const char *program, const char *purpose,
                  int argc, char **argv, struct error *error);

#endif
