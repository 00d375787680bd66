/* The shared beginning of every command and its way to the daemon; see cli.h. */
#include "tools/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"
#include "controller/serve/api.h"

static const char UNKNOWN[] = "–";
static const double LEAST_PERCENT = 0.01; /* smaller shares are of no use as numbers */

int cli_usage(const struct cli_command *command, const char *text)
{
    fprintf(stderr, "tidewatt %s: %s\nTry: tidewatt %s --help\n", command->name, text,
            command->name);
    return CLI_USAGE;
}

static int print_help(const struct cli_command *command, const struct cli_option *options)
{
    printf("Usage: tidewatt %s [OPTION]...%s%s\n\n%s.\n\n", command->name,
           command->operands ? " " : "", command->operands ? command->operands : "",
           command->summary);
    cli_print_options(options, stdout);
    return 0;
}

int cli_begin(const struct cli_command *command, const struct cli_option *options, int argc,
              char **argv, int least_words, int most_words, struct cli_operands *ret_operands)
{
    struct error error;

    if (cli_parse(options, argc, argv, ret_operands, &error) < 0)
        return cli_usage(command, error.text);
    if (ret_operands->help)
        return print_help(command, options);
    if (ret_operands->count < least_words || ret_operands->count > most_words) {
        error_set(&error, 0, "expected %s, got %d word%s",
                  command->operands ? command->operands : "no further word", ret_operands->count,
                  ret_operands->count == 1 ? "" : "s");
        return cli_usage(command, error.text);
    }
    return CLI_GO_ON;
}

static const char *socket_path(const struct cli_common *common)
{
    const char *path = common->socket ? common->socket : getenv("TIDEWATT_SOCKET");

    return path && *path ? path : "/run/tidewatt/tidewatt.sock";
}

/* One request, one reply as text. */
static char *call(const struct cli_common *common, json_t *request, int *ret_exit)
{
    char *line = json_dumps(request, JSON_COMPACT), *reply = NULL;
    struct error error = {"out of memory"};

    json_decref(request);
    if (!line || api_call(socket_path(common), line, &reply, &error) < 0) {
        fprintf(stderr, "tidewatt: %s\n", error.text);
        *ret_exit = CLI_NO_DAEMON;
    }
    free(line);
    return reply;
}

json_t *cli_ask(const struct cli_common *common, json_t *request, int *ret_exit)
{
    char *text = call(common, request, ret_exit);
    json_t *reply = text ? json_loads(text, 0, NULL) : NULL;
    const bool accepted = json_is_true(json_object_get(reply, "ok"));

    if (text && common->json)
        puts(text);
    if (text && !reply) {
        fprintf(stderr, "tidewatt: %s does not speak our language\n", socket_path(common));
        *ret_exit = CLI_NO_DAEMON;
    } else if (reply && !accepted) {
        fprintf(stderr, "tidewatt: refused (%s): %s\n", cli_word(json_object_get(reply, "reason")),
                cli_word(json_object_get(reply, "error")));
        *ret_exit = CLI_REFUSED;
    }
    free(text);
    if (accepted)
        return reply;
    json_decref(reply);
    return NULL;
}

const char *cli_quantity(const json_t *value, enum dimension dimension, char buffer[CLI_TEXT_ROOM])
{
    if (!json_is_number(value))
        return UNKNOWN;
    return quantity_format(json_number_value(value), dimension, buffer, CLI_TEXT_ROOM);
}

const char *cli_number(const json_t *value, const char *format, char buffer[CLI_TEXT_ROOM])
{
    if (!json_is_number(value))
        return UNKNOWN;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(buffer, CLI_TEXT_ROOM, format, json_number_value(value));
#pragma GCC diagnostic pop
    return buffer;
}

const char *cli_share(const json_t *ratio, char buffer[CLI_TEXT_ROOM])
{
    if (!json_is_number(ratio))
        return UNKNOWN;
    const double percent = 100 * json_number_value(ratio);
    if (percent > 0 && percent < LEAST_PERCENT)
        snprintf(buffer, CLI_TEXT_ROOM, "< %g %%", LEAST_PERCENT);
    else
        snprintf(buffer, CLI_TEXT_ROOM, "%.3g %%", percent);
    return buffer;
}

const char *cli_word(const json_t *value)
{
    return json_is_string(value) ? json_string_value(value) : UNKNOWN;
}

int64_t cli_time_ms(const json_t *value)
{
    int64_t ms = 0;

    if (json_is_string(value) && utc_parse(json_string_value(value), &ms, NULL) < 0)
        return 0;
    return ms;
}

const char *cli_time(const json_t *value, char buffer[CLI_TEXT_ROOM])
{
    char text[UTC_TEXT];

    if (cli_time_ms(value) == 0)
        return UNKNOWN;
    utc_format(cli_time_ms(value), text);
    snprintf(buffer, CLI_TEXT_ROOM, "%.5s %.5s", text + 5, text + 11);
    return buffer;
}

int cli_day(const char *text, int64_t *ret_ms, struct error *error)
{
    char full[UTC_TEXT];

    if (strlen(text) == strlen("2021-01-01")) {
        snprintf(full, sizeof(full), "%sT00:00:00Z", text);
        text = full;
    }
    return utc_parse(text, ret_ms, error);
}
