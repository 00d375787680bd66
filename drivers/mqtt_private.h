/* What the two halves of the MQTT edge share: mqtt.c is the control thread's side, and
 * mqtt_connection.c the connection thread's. Between them pass a bounded queue of samples, and
 * what stands under the mutex, which is never held across a system call that could wait. */
#ifndef TIDEWATT_DRIVERS_MQTT_PRIVATE_H
#define TIDEWATT_DRIVERS_MQTT_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include <uv.h>

#include "controller/base/queue.h"
#include "drivers/mqtt.h"
#include "drivers/mqtt_outbox.h"

struct mosquitto;

/* Points of one topic: points[first .. first + count). */
struct topic {
    const char *name;
    int32_t first, count;
    int subscription; /* message id of the SUBSCRIBE that asked for it */
};

/* A publication inside the library. */
struct flight {
    bool used;
    int message_id, qos;
};

struct mqtt {
    struct driver driver;
    atomic_int holders; /* control side and connection thread; the last one frees */

    /* Fixed after creation. */
    struct clock clock;
    struct mqtt_config config;
    struct mqtt_point *points; /* by topic */
    int32_t point_count;
    struct topic *topics; /* sorted */
    int32_t topic_count;
    int wake_fd;
    struct queue *samples;

    /* Control thread only. */
    uv_async_t async;
    const struct topology *topology;
    struct driver_sink sink;
    struct device_health *devices; /* by index in the topology */
    bool *has_points;              /* by index in the topology */
    enum link_state link_told;

    /* Under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t end_reached;
    struct outbox outbox;
    struct mqtt_health health;
    struct error last_malformed;
    bool stopping;  /* the thread is to end */
    bool listening; /* the async handle is open */
    bool ended;

    /* Connection thread only. */
    struct mosquitto *client;
    bool consented; /* CONNACK seen */
    struct flight flights[LIMIT_IN_FLIGHT];
};

/* ---- mqtt_connection.c: the only user of libmosquitto ---- */

bool mqtt_topic_in_full(const char *topic); /* fit to publish to: not empty, no wildcards */
/* Makes the client from the configuration; it connects when the thread runs. */
int mqtt_client_create(struct mqtt *m, struct error *error);
void mqtt_client_destroy(struct mqtt *m);
/* The thread; gives its hold on `m` back when it ends. */
void *mqtt_connection_main(void *m);

/* ---- mqtt.c ---- */

void mqtt_release(struct mqtt *m); /* the last holder frees */

#endif
