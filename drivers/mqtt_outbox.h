/* Publications on their way to the broker: bounded, first in first out. A retained message says
 * what holds now, so a newer one of its topic takes its place. Not locked: the owner does. */
#ifndef TIDEWATT_DRIVERS_MQTT_OUTBOX_H
#define TIDEWATT_DRIVERS_MQTT_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outbox_message {
    struct outbox_message *next;
    uint64_t hash;               /* of the topic */
    const char *topic, *payload; /* both inside this allocation, with a NUL behind */
    size_t payload_length;
    int qos;
    bool retain;
};

struct outbox {
    struct outbox_message *first, **end;
    int length;
    uint64_t dropped; /* refused, or given up because the broker was away */
};

void outbox_init(struct outbox *outbox);
void outbox_finish(struct outbox *outbox);

/* Copies the message in. 0, or ERROR_INVALID (too long), ERROR_FULL, ERROR_SYSTEM (no memory);
 * all but 0 are counted as dropped. */
int outbox_put(struct outbox *outbox, const char *topic, const char *payload, int qos, bool retain);
int outbox_put_bytes(struct outbox *outbox, const char *topic, const void *payload, size_t length,
                     int qos, bool retain);
/* The oldest message, to be freed with free(); NULL when there is none. */
struct outbox_message *outbox_take(struct outbox *outbox);
/* The broker is away: what is not retained would be old news when it comes back. */
void outbox_drop_transient(struct outbox *outbox);

#endif
