/* Levels and accelerators are small texts of several parts: taken apart here, each with its unit.
 */
#include "tools/cli_levels.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/limits.h"
#include "controller/base/quantity.h"

enum { PART_ROOM = 64 };

/* Copies the characters before `end`. */
static int part(const char *text, const char *end, char ret_part[PART_ROOM], struct error *error)
{
    size_t length = (size_t)(end - text);
    if (length == 0 || length >= PART_ROOM)
        return error_set(error, ERROR_INVALID, "\"%.40s\": a part is missing or too long", text);
    memcpy(ret_part, text, length);
    ret_part[length] = '\0';
    return 0;
}

static int read_count(const char *text, long *ret_count, struct error *error)
{
    char *end;
    errno = 0;
    long count = strtol(text, &end, 10);
    if (end == text || *end || errno || count < 1 || count > INT_MAX)
        return error_set(error, ERROR_INVALID, "\"%s\" is no number of accelerators", text);
    *ret_count = count;
    return 0;
}

static int add_level(const char *text, json_t *levels, struct error *error)
{
    char power[PART_ROOM], speed[PART_ROOM];
    double power_w, share;
    long count = 0;
    const char *equals = strchr(text, '='), *colon = equals ? strchr(equals, ':') : NULL;
    if (!equals)
        return error_set(error, ERROR_INVALID, "--level \"%s\": say POWER=SPEED, e.g. 4.5kW=85%%",
                         text);
    if (part(text, equals, power, error) < 0 ||
        part(equals + 1, colon ? colon : equals + strlen(equals), speed, error) < 0 ||
        quantity_parse(power, DIMENSION_POWER, &power_w, error) < 0 ||
        quantity_parse(speed, DIMENSION_RATIO, &share, error) < 0 ||
        (colon && read_count(colon + 1, &count, error) < 0))
        return error_prefix(error, ERROR_INVALID, "--level");
    json_t *level = json_pack("{s:f, s:f}", "power_w", power_w, "speed", share);
    if (colon)
        json_object_set_new(level, "accelerators", json_integer(count));
    json_array_append_new(levels, level);
    return 0;
}

int cli_levels(const struct cli_list *list, json_t *request, struct error *error)
{
    if (list->count == 0)
        return 0;
    if (list->count >= LIMIT_LEVELS)
        return error_set(error, ERROR_INVALID, "--level: a job has at most %d beside the full one",
                         LIMIT_LEVELS - 1);
    json_t *levels = json_array();
    json_object_set_new(request, "levels", levels);
    for (int i = 0; i < list->count; i++)
        if (add_level(list->texts[i], levels, error) < 0)
            return ERROR_INVALID;
    return 0;
}

int cli_accelerators(const struct cli_list *list, json_t *request, struct error *error)
{
    if (list->count == 0)
        return 0;
    if (list->count > 1)
        return error_set(error, ERROR_INVALID,
                         "--accelerators is there twice: a job runs on N of any of its classes, "
                         "said once, e.g. h100,a100:8");
    const char *text = list->texts[0], *colon = strchr(text, ':'), *end = text;
    long count;
    if (!colon || colon == text)
        return error_set(error, ERROR_INVALID,
                         "--accelerators \"%s\": say CLASS:NUMBER, e.g. h100,a100:8", text);
    if (read_count(colon + 1, &count, error) < 0)
        return error_prefix(error, ERROR_INVALID, "--accelerators");
    json_t *classes = json_array();
    json_object_set_new(request, "accelerator_classes", classes);
    json_object_set_new(request, "accelerators", json_integer(count));
    for (const char *at = text; end < colon; at = end + 1) {
        char name[PART_ROOM];
        const char *comma = memchr(at, ',', (size_t)(colon - at));
        end = comma ? comma : colon;
        if (end == at)
            return error_set(error, ERROR_INVALID,
                             "--accelerators \"%s\": a class is missing beside a comma", text);
        if (part(at, end, name, error) < 0)
            return error_prefix(error, ERROR_INVALID, "--accelerators");
        json_array_append_new(classes, json_string(name));
    }
    return 0;
}
