/* See faults.h. */
#include "tools/twin/faults.h"

#include <stdio.h>
#include <string.h>

#include "controller/base/utc.h"
#include "tools/twin/devices.h"

static int parse(const char *text, struct fault *fault, struct error *error)
{
    char name[LIMIT_NAME], from[LIMIT_NAME + 1], to[LIMIT_NAME + 1];
    int used = 0;

    /* times hold colons of their own; each ends in Z */
    if (sscanf(text, "%47[^:]:silent:%47[^Z]Z:%47[^Z]Z%n", name, from, to, &used) != 3 ||
        text[used] != '\0' || used == 0)
        return error_set(error, ERROR_INVALID,
                         "--fault %s: write NAME:silent:FROM:TO with times like "
                         "2026-06-15T12:00:00Z",
                         text);
    strcat(from, "Z");
    strcat(to, "Z");
    fault->device = twin_device_find(name);
    if (fault->device < 0)
        return error_set(error, ERROR_INVALID, "--fault %s: no device is called %s", text, name);
    if (utc_parse(from, &fault->from_ms, error) < 0 || utc_parse(to, &fault->to_ms, error) < 0)
        return error_prefix(error, ERROR_INVALID, "--fault %s", text);
    if (fault->from_ms >= fault->to_ms)
        return error_set(error, ERROR_INVALID, "--fault %s: it ends before it begins", text);
    return 0;
}

int faults_parse(struct faults *faults, const struct option_list *texts, struct error *error)
{
    int result = 0;

    faults->count = texts->count;
    for (int i = 0; result == 0 && i < texts->count; i++)
        result = parse(texts->items[i], &faults->table[i], error);
    return result;
}

bool faults_silent(const struct faults *faults, int device, int64_t site_ms)
{
    for (int i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->table[i];

        if (fault->device == device && site_ms >= fault->from_ms && site_ms < fault->to_ms)
            return true;
    }
    return false;
}
