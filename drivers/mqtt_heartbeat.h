/* Heartbeats of the DSX building-management contract, both ways, for one integration (us).
 *
 * The BMS says its time every 10 s; we say it back on the echo topic, and say ours. Which topics
 * are ours to publish is told by the BMS's retained metadata and by nothing else. While the BMS has
 * not been heard for HEARTBEAT_SILENCE_MS, its values cannot be trusted: they may be stored
 * messages of a system that is gone. A retained heartbeat, and one that repeats itself, is no sign
 * of life. Pure but for the memory of the metadata; the control thread's. Times are real ms. */
#ifndef TIDEWATT_DRIVERS_MQTT_HEARTBEAT_H
#define TIDEWATT_DRIVERS_MQTT_HEARTBEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/dsx_metadata.h"

enum {
    HEARTBEAT_MS = 10000,
    HEARTBEAT_SILENCE_MS = 30000,
    HEARTBEAT_PAYLOAD = 128, /* bytes that a heartbeat fits in */
};

struct heartbeat {
    struct dsx *metadata; /* of heartbeats only; NULL: we are no integration */
    bool news;            /* in the metadata: the topics are to be found again */
    uint64_t refused;     /* metadata that found no room */
    struct dsx_heartbeats topics;
    double value; /* the BMS's last word ... */
    int64_t source_ms;
    bool to_echo, lost;
    int64_t heard_ms; /* when that was, or since when we listen */
    int64_t said_ms;  /* our own, last; 0: never */
};

/* `integration` "": no heartbeats, and never lost. */
int heartbeat_init(struct heartbeat *heartbeat, const char *integration, struct error *error);
void heartbeat_finish(struct heartbeat *heartbeat);
/* What to subscribe to; NULL at the end. */
const char *heartbeat_filter(int index);

/* We begin to listen (again): silence counts from now. */
void heartbeat_listen(struct heartbeat *heartbeat, int64_t real_ms);
/* Any message; others than heartbeats and their metadata are ignored. What metadata says counts
 * from heartbeat_settle on, which is for the end of a batch: it looks at all metadata. */
void heartbeat_take(struct heartbeat *heartbeat, const char *topic, const void *payload,
                    size_t length, bool retained, int64_t now_ms, int64_t real_ms);
void heartbeat_settle(struct heartbeat *heartbeat);
/* The next message to be published, QoS 0 and not retained; false: none is due. */
bool heartbeat_next(struct heartbeat *heartbeat, int64_t now_ms, int64_t real_ms,
                    const char **ret_topic, char ret_payload[HEARTBEAT_PAYLOAD]);
/* Whether it has fallen silent while we listened, and was not heard since. */
bool heartbeat_lost(struct heartbeat *heartbeat, int64_t real_ms);

#endif
