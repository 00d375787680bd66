/* See options.h. */
#include "tools/twin/options.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/quantity.h"
#include "controller/base/utc.h"

static void show_help(const struct option_row *table, const char *program, const char *purpose)
{
    printf("usage: %s [--OPTION VALUE]...\n%s\n\n", program, purpose);
    for (const struct option_row *row = table; row->name != NULL; row++) {
        int width = printf("  --%s %s", row->name, row->argument);

        printf("%*s%s\n", width < 32 ? 32 - width : 1, "", row->help);
    }
    printf("  --version%21s%s\n  --help%24s%s\n", "", "print the version and exit", "",
           "print this text and exit");
}

static int check_range(const struct option_row *row, double value, const char *text,
                       struct error *error)
{
    if (value >= row->least && value <= row->most)
        return 0;
    return error_set(error, ERROR_INVALID, "--%s %s: must be from %.12g to %.12g", row->name, text,
                     row->least, row->most);
}

static int read_number(const struct option_row *row, const char *text, double *ret_value,
                       struct error *error)
{
    char *end;

    *ret_value = strtod(text, &end);
    if (end == text || *end != '\0')
        return error_set(error, ERROR_INVALID, "--%s %s: must be a number", row->name, text);
    if (row->kind == OPTION_INTEGER && *ret_value != floor(*ret_value))
        return error_set(error, ERROR_INVALID, "--%s %s: must be a whole number", row->name, text);
    return check_range(row, *ret_value, text, error);
}

static int read_duration(const struct option_row *row, const char *text, double *ret_ms,
                         struct error *error)
{
    if (quantity_parse(text, DIMENSION_DURATION, ret_ms, error) < 0)
        return error_prefix(error, ERROR_INVALID, "--%s", row->name);
    return check_range(row, *ret_ms, text, error);
}

static int add_item(const struct option_row *row, const char *text, struct error *error)
{
    struct option_list *list = row->target;

    if (list->count == OPTION_LIST_MOST)
        return error_set(error, ERROR_FULL, "--%s: given more than %d times", row->name,
                         OPTION_LIST_MOST);
    list->items[list->count++] = text;
    return 0;
}

static int take(const struct option_row *row, const char *text, struct error *error)
{
    double value;
    int result = 0;

    switch (row->kind) {
    case OPTION_TEXT:
        *(const char **)row->target = text;
        break;
    case OPTION_LIST:
        return add_item(row, text, error);
    case OPTION_TIME:
        if (utc_parse(text, row->target, error) < 0)
            return error_prefix(error, ERROR_INVALID, "--%s", row->name);
        break;
    case OPTION_NUMBER:
        if ((result = read_number(row, text, &value, error)) == 0)
            *(double *)row->target = value;
        break;
    case OPTION_INTEGER:
        if ((result = read_number(row, text, &value, error)) == 0)
            *(int64_t *)row->target = (int64_t)value;
        break;
    case OPTION_DURATION:
        if ((result = read_duration(row, text, &value, error)) == 0)
            *(int64_t *)row->target = llround(value);
        break;
    }
    return result;
}

static const struct option_row *find_row(const struct option_row *table, const char *name,
                                         size_t length)
{
    for (; table->name != NULL; table++)
        if (strlen(table->name) == length && strncmp(table->name, name, length) == 0)
            return table;
    return NULL;
}

int options_parse(const struct option_row *table, const char *program, const char *purpose,
                  int argc, char **argv, struct error *error)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i] + 2;
        size_t length = strncmp(argv[i], "--", 2) == 0 ? strcspn(name, "=") : 0;
        const struct option_row *row = length > 0 ? find_row(table, name, length) : NULL;
        const char *value;
        int result;

        if (strcmp(argv[i], "--help") == 0) {
            show_help(table, program, purpose);
            return OPTIONS_HELP_SHOWN;
        }
        if (strcmp(argv[i], "--version") == 0) {
            printf("%s %s\n", program, TIDEWATT_VERSION);
            return OPTIONS_HELP_SHOWN;
        }
        if (row == NULL)
            return error_set(error, ERROR_INVALID, "%s: unknown; %s --help lists the options",
                             argv[i], program);
        value = name[length] == '=' ? name + length + 1 : argv[++i];
        if (value == NULL)
            return error_set(error, ERROR_INVALID, "--%s: %s is missing", row->name, row->argument);
        if ((result = take(row, value, error)) < 0)
            return result;
    }
    return 0;
}
