/* The bounded inbox of the MQTT edge; see mqtt_inbox.h. Every step takes constant time. */
#include "drivers/mqtt_inbox.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

enum { NONE = -1 };

struct inbox_entry {
    struct sample sample;
    int32_t before, after;             /* in the order of arrival */
    int32_t newer;                     /* the next one of the same point */
    int32_t spare_before, spare_after; /* among those that have a newer one */
};

int inbox_init(struct inbox *inbox, int32_t point_count, int32_t backlog, struct error *error)
{
    assert(point_count >= 0 && backlog > 0);
    *inbox = (struct inbox){
        .capacity = point_count + backlog,
        .unused = NONE,
        .first = NONE,
        .last = NONE,
        .oldest = NONE,
        .spare_end = NONE,
    };
    inbox->entries = calloc((size_t)inbox->capacity, sizeof(*inbox->entries));
    inbox->newest = malloc(((size_t)point_count + 1) * sizeof(*inbox->newest));
    if (!inbox->entries || !inbox->newest)
        return error_set(error, ERROR_SYSTEM, "no memory for %d samples", inbox->capacity);
    for (int32_t i = 0; i < point_count; i++)
        inbox->newest[i] = NONE;
    return 0;
}

void inbox_finish(struct inbox *inbox)
{
    free(inbox->entries);
    free(inbox->newest);
    inbox->entries = NULL;
    inbox->newest = NULL;
}

/* ---- lists ------------------------------------------------------------- */

static void unlink_spare(struct inbox *inbox, int32_t at)
{
    struct inbox_entry *entry = &inbox->entries[at];

    if (entry->spare_before == NONE)
        inbox->oldest = entry->spare_after;
    else
        inbox->entries[entry->spare_before].spare_after = entry->spare_after;
    if (entry->spare_after == NONE)
        inbox->spare_end = entry->spare_before;
    else
        inbox->entries[entry->spare_after].spare_before = entry->spare_before;
}

static void append_spare(struct inbox *inbox, int32_t at)
{
    struct inbox_entry *entry = &inbox->entries[at];

    entry->spare_before = inbox->spare_end;
    entry->spare_after = NONE;
    if (inbox->spare_end == NONE)
        inbox->oldest = at;
    else
        inbox->entries[inbox->spare_end].spare_after = at;
    inbox->spare_end = at;
}

/* Out of the order of arrival, and free for the next. */
static void release(struct inbox *inbox, int32_t at)
{
    struct inbox_entry *entry = &inbox->entries[at];

    if (entry->before == NONE)
        inbox->first = entry->after;
    else
        inbox->entries[entry->before].after = entry->after;
    if (entry->after == NONE)
        inbox->last = entry->before;
    else
        inbox->entries[entry->after].before = entry->before;
    entry->after = inbox->unused;
    inbox->unused = at;
    inbox->length--;
}

/* ---- in and out -------------------------------------------------------- */

/* A later arrival with an earlier source time was overtaken on its way: the better one stays. */
static bool overtaken(const struct sample *older, const struct sample *newer)
{
    return older->quality == QUALITY_GOOD && newer->quality == QUALITY_GOOD &&
           newer->source_ms < older->source_ms;
}

static void shed_oldest(struct inbox *inbox)
{
    int32_t at = inbox->oldest;
    struct inbox_entry *entry, *newer;

    assert(at != NONE); /* more entries than points: some point has two */
    entry = &inbox->entries[at];
    newer = &inbox->entries[entry->newer];
    if (overtaken(&entry->sample, &newer->sample))
        newer->sample = entry->sample;
    if (newer->sample.quality == QUALITY_GOOD)
        newer->sample.reason = REASON_OVERLOAD;
    unlink_spare(inbox, at);
    release(inbox, at);
    inbox->shed++;
}

static int32_t claim(struct inbox *inbox)
{
    int32_t at;

    if (inbox->length == inbox->capacity)
        shed_oldest(inbox);
    at = inbox->unused;
    if (at == NONE)
        return inbox->touched++;
    inbox->unused = inbox->entries[at].after;
    return at;
}

void inbox_put(struct inbox *inbox, const struct sample *sample)
{
    int32_t at = claim(inbox);
    int32_t superseded = inbox->newest[sample->point];
    struct inbox_entry *entry = &inbox->entries[at];

    *entry = (struct inbox_entry){
        .sample = *sample, .before = inbox->last, .after = NONE, .newer = NONE};
    if (inbox->last == NONE)
        inbox->first = at;
    else
        inbox->entries[inbox->last].after = at;
    inbox->last = at;
    inbox->length++;
    inbox->newest[sample->point] = at;
    if (superseded == NONE)
        return;
    inbox->entries[superseded].newer = at;
    append_spare(inbox, superseded);
}

int inbox_take(struct inbox *inbox, struct sample *ret_samples, int most)
{
    int count = 0;

    while (count < most && inbox->first != NONE) {
        int32_t at = inbox->first;
        const struct inbox_entry *entry = &inbox->entries[at];

        ret_samples[count++] = entry->sample;
        if (entry->newer != NONE)
            unlink_spare(inbox, at);
        else
            inbox->newest[entry->sample.point] = NONE;
        release(inbox, at);
    }
    return count;
}
