/* MQTT edge: one supervised broker connection for telemetry in and publications out.
 *
 * libmosquitto runs on a thread of its own (name look-ups and connects block there, never on the
 * control thread); messages are parsed there into samples and cross over in a bounded queue.
 * The connection is made again for ever with growing back-off, whatever the error.
 *
 * Building-management points follow the DSX BMS contract (schema/mqtt/README.md):
 *   BMS/v1/PUB/Value/{objectType}/{pointType}/{tagPath}   {"value":22.9,"timestamp":ms,"quality":1}
 * A retained or repeated message is as old as its timestamp says, never fresh by arrival. */
#ifndef TIDEWATT_DRIVERS_MQTT_H
#define TIDEWATT_DRIVERS_MQTT_H

#include <stddef.h>

#include "controller/base/clock.h"
#include "controller/plant/point.h"
#include "drivers/driver.h"

struct uv_loop_s;

struct mqtt_point {
    int32_t point;           /* index in the topology */
    char topic[LIMIT_TOPIC]; /* the value topic */
    double factor, offset;   /* payload value * factor + offset = base unit */
};

struct mqtt_config {
    char host[LIMIT_NAME];
    uint16_t port;
    char client_id[LIMIT_NAME];
    char username[LIMIT_NAME], password[LIMIT_NAME]; /* empty: none */
    int keepalive_s;                                 /* real seconds */
    char will_topic[LIMIT_TOPIC]; /* retained "offline" when we die; empty: none */
};

/* Devices with points here are reported LINK_UP while the broker is connected. */
int mqtt_create(struct uv_loop_s *loop, const struct clock *clock, const struct topology *topology,
                const struct mqtt_config *config, const struct mqtt_point *points, int count,
                const struct driver_sink *sink, struct driver **ret_driver, struct error *error);

/* Hands a message to the connection thread. While disconnected, retained messages wait (newest
 * per topic) and others are dropped and counted. Never blocks. 0: taken; ERROR_INVALID: topic or
 * payload too long or not publishable; ERROR_FULL: LIMIT_OUTBOX messages wait. All but 0 count. */
int mqtt_publish(struct driver *driver, const char *topic, const char *payload, int qos,
                 bool retain);

/* The broker connection itself, for status: it matters even where no device depends on it. */
struct mqtt_health {
    enum link_state link;
    struct error cause;            /* why it is not up; empty while it is */
    uint64_t messages;             /* received on our topics */
    uint64_t malformed;            /* of these */
    uint64_t samples_dropped;      /* the control thread was too slow: oldest first */
    uint64_t published;            /* handed to the broker and through */
    uint64_t publications_dropped; /* refused, or not retained while disconnected */
    uint64_t connects;
};
void mqtt_health(const struct driver *driver, struct mqtt_health *ret_health);

/* Pure: a DSX value payload to a verdict; BAD/MALFORMED with `ret_error` naming what is wrong. */
enum quality mqtt_parse_value(const char *payload, size_t length, double *ret_value,
                              int64_t *ret_source_ms, enum reason *ret_reason,
                              struct error *ret_error);

/* Malformed payloads so far, and the last error text with its topic (for status). */
uint64_t mqtt_malformed(const struct driver *driver, struct error *ret_last);

#endif
