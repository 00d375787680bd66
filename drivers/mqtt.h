/* MQTT edge: one supervised broker connection for telemetry in, set-points and publications out.
 *
 * libmosquitto runs on a thread of its own (name look-ups and connects block there, never on the
 * control thread); messages are parsed there into samples and cross over through bounded queues.
 * The connection is made again for ever with growing, jittered back-off, whatever the error.
 *
 * Points are read in the forms of drivers/mqtt_mapping.h and drivers/sparkplug.h; the contract is
 * schema/mqtt/README.md. A retained or repeated message is as old as its time says, never fresh by
 * arrival. */
#ifndef TIDEWATT_DRIVERS_MQTT_H
#define TIDEWATT_DRIVERS_MQTT_H

#include <stddef.h>

#include "controller/base/clock.h"
#include "controller/plant/point.h"
#include "drivers/driver.h"
#include "drivers/mqtt_mapping.h"
#include "drivers/mqtt_tls.h"
#include "drivers/sparkplug.h"

struct uv_loop_s;

enum {
    MQTT_HOST = 256,        /* bytes of a broker's name, with the NUL */
    MQTT_SECRET = 256,      /* bytes of a password, with the NUL */
    MQTT_ANSWER_MS = 30000, /* real ms in which a set-point must be confirmed, unless said else */
};

/* How a point is written; formats dsx and plain. */
struct mqtt_write {
    char topic[LIMIT_TOPIC]; /* e.g. BMS/v1/{integration}/Value/...; "": the point is read only */
    bool has_feedback;       /* another point than the written one says what became of it */
    int32_t feedback;        /* that point, an index in the topology */
    double tolerance;        /* base unit: how far it may be off and still be the set-point */
    int answer_ms;           /* real ms; 0: MQTT_ANSWER_MS */
};

struct mqtt_point {
    int32_t point; /* index in the topology */
    /* Where its values are: a topic in full; Sparkplug: "group/node" or "group/node/device"; "":
     * the point is only written. */
    char topic[LIMIT_TOPIC];
    struct mqtt_mapping mapping;
    struct mqtt_write write;
};

struct mqtt_config {
    char host[MQTT_HOST];
    uint16_t port;
    char client_id[LIMIT_NAME];
    char username[LIMIT_NAME], password[MQTT_SECRET]; /* empty: none */
    char password_file[LIMIT_PATH]; /* its first line is the password; read at each connection */
    struct mqtt_security security;
    int keepalive_s;              /* real seconds */
    char will_topic[LIMIT_TOPIC]; /* retained "offline" when we die; empty: none */
    char integration[LIMIT_NAME]; /* our name in the DSX contract: heartbeats; empty: none */
    /* Messages of these topics are handed to the raw listener, whatever they are; up to "". */
    char raw[LIMIT_RAW_FILTERS][LIMIT_TOPIC];
};

/* ERROR_INVALID names the option that is wrong, and what to do. */
int mqtt_config_check(const struct mqtt_config *config, struct error *error);

/* Devices with points here are reported LINK_UP while the broker is connected. ERROR_INVALID names
 * the option that is wrong. */
int mqtt_create(struct uv_loop_s *loop, const struct clock *clock, const struct topology *topology,
                const struct mqtt_config *config, const struct mqtt_point *points, int count,
                const struct driver_sink *sink, struct driver **ret_driver, struct error *error);

/* Messages of the raw filters, on the control thread, in the order of their arrival. One that
 * several filters match may come several times. When they come faster than they are taken, the
 * oldest give way and are counted (health: raw_dropped). */
struct mqtt_listener {
    void (*message)(void *context, const char *topic, const void *payload, size_t length,
                    bool retained);
    void *context;
};
void mqtt_listen(struct driver *driver, const struct mqtt_listener *listener); /* once, at first */

/* Hands a message to the connection thread. While disconnected, retained messages wait (newest
 * per topic) and others are dropped and counted. Never blocks. 0: taken; ERROR_INVALID: topic or
 * payload too long or not publishable; ERROR_FULL: LIMIT_OUTBOX messages wait. All but 0 count. */
int mqtt_publish(struct driver *driver, const char *topic, const char *payload, int qos,
                 bool retain);

/* The broker connection itself, for status: it matters even where no device depends on it. */
struct mqtt_health {
    enum link_state link;
    struct error cause;             /* why it is not up, and what to do; empty while it is */
    int protocol;                   /* 5: MQTT 5, 4: MQTT 3.1.1 (the broker knows no other) */
    uint64_t messages;              /* received on our topics */
    uint64_t malformed;             /* of these */
    uint64_t samples_dropped;       /* the control thread was too slow: older ones of a point */
    uint64_t raw_dropped;           /* the same of raw messages */
    uint64_t published;             /* handed to the broker and through */
    uint64_t publications_dropped;  /* refused, or not retained while disconnected */
    uint64_t subscriptions_refused; /* by the broker's access rules */
    uint64_t connects;
    uint64_t takeovers; /* times another client took our place, or seems to, by our client id */
    bool bms_silent;    /* no DSX heartbeat: its points are BAD/SOURCE_DEAD */
    struct sparkplug_health sparkplug;
};
void mqtt_health(const struct driver *driver, struct mqtt_health *ret_health);

/* Malformed payloads so far, and the last error text with its topic (for status). */
uint64_t mqtt_malformed(const struct driver *driver, struct error *ret_last);

#endif
