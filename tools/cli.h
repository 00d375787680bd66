/* What the commands of the tool share: how they begin, how they ask the daemon, and how they show
 * what may be unknown. Each command is one function in a file of its group. */
#ifndef TIDEWATT_TOOLS_CLI_H
#define TIDEWATT_TOOLS_CLI_H

#include <jansson.h>

#include "controller/base/quantity.h"
#include "tools/cli_options.h"

/* Exit codes, beside 0. */
enum {
    CLI_REFUSED = 1,   /* the daemon, or the check, said no */
    CLI_USAGE = 2,     /* the command line is wrong */
    CLI_NO_DAEMON = 3, /* nobody answers at the socket */
    CLI_GO_ON = -1,    /* cli_begin: no exit yet */
};

struct cli_command {
    const char *name;
    const char *operands; /* "ID", for the help */
    const char *summary;
    int (*run)(const struct cli_command *command, int argc, char **argv);
};

/* Options of every command that talks to the daemon. */
struct cli_common {
    const char *socket;
    bool json;
};
#define CLI_COMMON_OPTIONS(common)                                                                 \
    {"json", CLI_FLAG, &(common).json, NULL, "print the daemon's reply, for programs"},            \
    {                                                                                              \
        "socket", CLI_TEXT, &(common).socket, "PATH",                                              \
            "the daemon's socket (else $TIDEWATT_SOCKET, else /run/tidewatt/tidewatt.sock)"        \
    }
#define CLI_END_OF_OPTIONS                                                                         \
    {                                                                                              \
        NULL, CLI_FLAG, NULL, NULL, NULL                                                           \
    }

/* Parses; prints help or what is wrong. CLI_GO_ON, or the exit code. */
int cli_begin(const struct cli_command *command, const struct cli_option *options, int argc,
              char **argv, int least_words, int most_words, struct cli_operands *ret_operands);
/* Prints "tidewatt: text" and how to get help; returns CLI_USAGE. */
int cli_usage(const struct cli_command *command, const char *text);

/* Sends a request (reference taken) and returns the accepted reply (to be released), or NULL with
 * the exit code after having said why. With common->json the reply is printed as it came. */
json_t *cli_ask(const struct cli_common *common, json_t *request, int *ret_exit);

/* Text for people; "–" for null. The buffer is returned. */
enum { CLI_TEXT_ROOM = 64 };
const char *cli_quantity(const json_t *value, enum dimension dimension, char buffer[CLI_TEXT_ROOM]);
const char *cli_number(const json_t *value, const char *format, char buffer[CLI_TEXT_ROOM]);
const char *cli_share(const json_t *ratio, char buffer[CLI_TEXT_ROOM]); /* "0.98" as "98 %" */
const char *cli_word(const json_t *value);                              /* a string or "–" */
const char *cli_time(const json_t *value, char buffer[CLI_TEXT_ROOM]);  /* "06-15 12:00" */
int64_t cli_time_ms(const json_t *value);                               /* 0: null */
/* Reads "2021-01-01" or a full UTC time. */
int cli_day(const char *text, int64_t *ret_ms, struct error *error);

int cli_status(const struct cli_command *command, int argc, char **argv);
int cli_plan(const struct cli_command *command, int argc, char **argv);
int cli_jobs(const struct cli_command *command, int argc, char **argv);
int cli_submit(const struct cli_command *command, int argc, char **argv);
int cli_cancel(const struct cli_command *command, int argc, char **argv);
int cli_mode(const struct cli_command *command, int argc, char **argv);
int cli_check(const struct cli_command *command, int argc, char **argv);
int cli_backtest(const struct cli_command *command, int argc, char **argv);
int cli_profile(const struct cli_command *command, int argc, char **argv);
int cli_forecast(const struct cli_command *command, int argc, char **argv);
int cli_evaluate(const struct cli_command *command, int argc, char **argv); /* forecast --evaluate */
int cli_probe(const struct cli_command *command, int argc, char **argv);

#endif
