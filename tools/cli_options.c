/* The option parser of the command-line tool; see cli_options.h. */
#include "tools/cli_options.h"

#include <string.h>

#include "controller/base/quantity.h"
#include "controller/base/utc.h"

static bool takes_value(const struct cli_option *option)
{
    return option->kind != CLI_FLAG && option->kind != CLI_CLEAR;
}

static int read_quantity(const char *text, enum dimension dimension, double *ret_value,
                         struct error *error)
{
    double value = 0;

    if (quantity_parse(text, dimension, &value, error) < 0)
        return ERROR_INVALID;
    if (!(value > 0))
        return error_set(error, ERROR_INVALID, "\"%s\" must be above 0", text);
    *ret_value = value;
    return 0;
}

static int read_time(const char *text, struct cli_time *ret_time, struct error *error)
{
    struct cli_time result = {.given = true, .relative = text[0] == '+'};
    double distance_ms = 0;

    if (result.relative) {
        if (read_quantity(text + 1, DIMENSION_DURATION, &distance_ms, error) < 0)
            return ERROR_INVALID;
        result.ms = (int64_t)distance_ms;
    } else if (utc_parse(text, &result.ms, error) < 0) {
        return ERROR_INVALID;
    }
    *ret_time = result;
    return 0;
}

static int add_text(struct cli_list *list, const char *text, struct error *error)
{
    if (list->count == CLI_LIST_MOST)
        return error_set(error, ERROR_INVALID, "given more than %d times", CLI_LIST_MOST);
    list->texts[list->count++] = text;
    return 0;
}

static int store(const struct cli_option *option, const char *text, struct error *error)
{
    int code = 0;

    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)option->target = true;
        break;
    case CLI_CLEAR:
        *(bool *)option->target = false;
        break;
    case CLI_TEXT:
        *(const char **)option->target = text;
        break;
    case CLI_POWER:
        code = read_quantity(text, DIMENSION_POWER, option->target, error);
        break;
    case CLI_DURATION:
        code = read_quantity(text, DIMENSION_DURATION, option->target, error);
        break;
    case CLI_TIME:
        code = read_time(text, option->target, error);
        break;
    case CLI_LIST:
        code = add_text(option->target, text, error);
        break;
    }
    return code < 0 ? error_prefix(error, code, "--%s", option->name) : 0;
}

static const struct cli_option *find(const struct cli_option *options, const char *name,
                                     size_t length)
{
    for (; options->name; options++) {
        if (strlen(options->name) == length && !strncmp(options->name, name, length))
            return options;
    }
    return NULL;
}

/* One "--name", "--name value" or "--name=value" at argv[*index], which moves on with it. */
static int read_option(const struct cli_option *options, int argc, char **argv, int *index,
                       struct error *error)
{
    const char *name = argv[*index] + 2, *equals = strchr(name, '=');
    const size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct cli_option *option = find(options, name, length);

    if (!option)
        return error_set(error, ERROR_INVALID, "unknown option %s", argv[*index]);
    if (!takes_value(option)) {
        if (equals)
            return error_set(error, ERROR_INVALID, "--%s takes no value", option->name);
        return store(option, NULL, error);
    }
    if (equals)
        return store(option, equals + 1, error);
    if (*index + 1 >= argc)
        return error_set(error, ERROR_INVALID, "--%s needs a value: %s", option->name,
                         option->hint);
    return store(option, argv[++*index], error);
}

static int read_word(const char *word, struct cli_operands *operands, struct error *error)
{
    if (word[0] == '-' && word[1])
        return error_set(error, ERROR_INVALID, "unknown option %s", word);
    if (operands->count == CLI_WORDS)
        return error_set(error, ERROR_INVALID, "\"%s\" is one word too many", word);
    operands->words[operands->count++] = word;
    return 0;
}

int cli_parse(const struct cli_option *options, int argc, char **argv,
              struct cli_operands *ret_operands, struct error *error)
{
    struct cli_operands operands = {0};
    int code = 0;

    for (int i = 1; i < argc && code == 0; i++) {
        if (!strcmp(argv[i], "--")) {
            operands.rest = argv + i + 1;
            operands.rest_count = argc - i - 1;
            break;
        }
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            operands.help = true;
        else if (!strncmp(argv[i], "--", 2))
            code = read_option(options, argc, argv, &i, error);
        else
            code = read_word(argv[i], &operands, error);
    }
    if (code == 0)
        *ret_operands = operands;
    return code;
}

void cli_print_options(const struct cli_option *options, FILE *out)
{
    for (; options->name; options++) {
        char left[64];

        snprintf(left, sizeof(left), "--%s%s%s", options->name, options->hint ? " " : "",
                 options->hint ? options->hint : "");
        fprintf(out, "  %-24s %s\n", left, options->help);
    }
}
