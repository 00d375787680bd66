/* Samples on their way from the MQTT connection thread to the control thread: first in, first out,
 * and bounded by construction.
 *
 * When no room is left, the oldest sample that has a newer one of the same point gives way: however
 * slow the reader, the newest of every point survives. What was shed is counted, and the next good
 * sample of that point carries REASON_OVERLOAD. Not locked: the owner does. Pure. */
#ifndef TIDEWATT_DRIVERS_MQTT_INBOX_H
#define TIDEWATT_DRIVERS_MQTT_INBOX_H

#include <stdint.h>

#include "controller/base/error.h"
#include "controller/plant/sample.h"

struct inbox_entry;

struct inbox {
    struct inbox_entry *entries;
    int32_t *newest; /* by point: the entry that came last, -1: none waits */
    int32_t capacity, touched, length;
    int32_t unused;            /* entries that were used and are free again */
    int32_t first, last;       /* in the order of arrival */
    int32_t oldest, spare_end; /* of these, those that have a newer one of their point */
    uint64_t shed;
};

/* Room for one sample of each point and `backlog` more. ERROR_SYSTEM: out of memory. */
int inbox_init(struct inbox *inbox, int32_t point_count, int32_t backlog, struct error *error);
void inbox_finish(struct inbox *inbox);

void inbox_put(struct inbox *inbox, const struct sample *sample);
/* The oldest samples, at most `most`; their number. */
int inbox_take(struct inbox *inbox, struct sample *ret_samples, int most);

#endif
