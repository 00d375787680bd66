/* Whole messages on their way from the MQTT connection thread to a listener on the control thread:
 * first in, first out, bounded by number and bytes; the oldest give way and are counted, as are
 * those that are too long by themselves. Not locked: the owner does. */
#ifndef TIDEWATT_DRIVERS_MQTT_RAW_H
#define TIDEWATT_DRIVERS_MQTT_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raw_message {
    struct raw_message *next;
    const char *topic; /* both inside this allocation */
    const void *payload;
    size_t length;
    bool retained;
};

struct raw_queue {
    struct raw_message *first, **end;
    int count;
    size_t bytes;
    uint64_t shed; /* oldest first, too long, or no memory */
};

void raw_init(struct raw_queue *queue);
void raw_finish(struct raw_queue *queue);
void raw_put(struct raw_queue *queue, const char *topic, const void *payload, size_t length,
             bool retained);
/* The oldest that wait, at most `most`, to be freed one by one with free(); NULL: none. */
struct raw_message *raw_take(struct raw_queue *queue, int most);

#endif
