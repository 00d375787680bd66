/* Short lists as JSON, written in one pass into the caller's buffer; see json_cell.h. */
#include "controller/store/json_cell.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

struct text {
    char *at;
    size_t size, used;
    bool more; /* not the first of its list */
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text->at + text->used, text->size - text->used, format, arguments);
    va_end(arguments);
    text->used += (size_t)length;
    assert(text->used < text->size);
}

static const char *comma(struct text *text)
{
    const char *result = text->more ? "," : "";
    text->more = true;
    return result;
}

const char *json_levels(const struct job *job, char buffer[JSON_CELL])
{
    struct text text = {.at = buffer, .size = JSON_CELL};
    add(&text, "[");
    for (int32_t i = 0; i < job->level_count; i++)
        add(&text, "%s{\"power_w\":%.12g,\"speed\":%.12g,\"accelerators\":%d}", comma(&text),
            job->levels[i].power_w, job->levels[i].speed, job->levels[i].accelerators);
    add(&text, "]");
    return buffer;
}

const char *json_classes(const struct identity *identity, uint32_t mask, char buffer[JSON_CELL])
{
    struct text text = {.at = buffer, .size = JSON_CELL};
    add(&text, "[");
    for (int32_t i = 0; i < identity->accelerator_count; i++) {
        if (mask >> i & 1)
            add(&text, "%s\"%s\"", comma(&text), identity->accelerators[i]);
    }
    add(&text, "]");
    return buffer;
}

const char *json_accelerators(const struct identity *identity,
                              const int32_t counts[LIMIT_ACCELERATORS], char buffer[JSON_CELL])
{
    struct text text = {.at = buffer, .size = JSON_CELL};
    add(&text, "{");
    for (int32_t i = 0; i < identity->accelerator_count; i++) {
        if (counts[i] > 0)
            add(&text, "%s\"%s\":%d", comma(&text), identity->accelerators[i], counts[i]);
    }
    add(&text, "}");
    return buffer;
}

enum { WHY_ENTRY = 32 }; /* "[1781481600000,101]," and room to spare */

size_t json_why_size(const struct plan_extract *jobs)
{
    return ((size_t)jobs->slot_count + 1) * WHY_ENTRY;
}

const char *json_why(const struct plan_extract *jobs, int32_t job, char *buffer)
{
    struct text text = {.at = buffer, .size = json_why_size(jobs)};
    const uint16_t *why = &jobs->why[(size_t)job * (size_t)jobs->slot_count];
    int last = -1;
    add(&text, "[");
    for (int32_t s = 0; s < jobs->slot_count; s++) {
        if (why[s] != last)
            add(&text, "%s[%lld,%d]", comma(&text), (long long)jobs->slot_ms[s], why[s]);
        last = why[s];
    }
    add(&text, "]");
    return buffer;
}
