/* What the parts of the MQTT edge share: mqtt.c is the control thread's side; mqtt_connection.c and
 * mqtt_intake.c are the connection thread's. Between them passes what stands under the mutex, which
 * is never held across a system call that could wait. */
#ifndef TIDEWATT_DRIVERS_MQTT_PRIVATE_H
#define TIDEWATT_DRIVERS_MQTT_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include <uv.h>

#include "drivers/mqtt.h"
#include "drivers/mqtt_heartbeat.h"
#include "drivers/mqtt_inbox.h"
#include "drivers/mqtt_outbox.h"
#include "drivers/mqtt_raw.h"
#include "drivers/mqtt_writeback.h"

struct mosquitto;

enum { INTAKE_BATCH = 256 };

/* Points of one topic: points[first .. first + count). */
struct topic {
    const char *name;
    uint64_t hash;
    int32_t first, count;
};

/* What we subscribe to. */
struct filter {
    char *text;
    int subscription; /* message id of the SUBSCRIBE that asked for it; 0: granted or refused */
    bool raw;         /* its messages cross over as they are */
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
    struct topic *topics;
    int32_t topic_count;
    int32_t *topic_slots; /* hash table of topics, -1: free; a power of two */
    uint64_t topic_mask;
    int wake_fd;

    /* Control thread only. */
    uv_async_t async;
    const struct topology *topology;
    struct driver_sink sink;
    struct mqtt_listener listener;
    struct device_health *devices; /* by index in the topology */
    bool *has_points;              /* by index in the topology */
    enum link_state link_told;
    struct writebacks writes;
    struct heartbeat heartbeat;
    bool bms_silent;
    struct sample
        *dsx;     /* by point: the last sample of DSX points, point -1: none or another form */
    bool *is_dsx; /* by point */

    /* Under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t end_reached;
    struct outbox outbox;
    struct inbox inbox;
    struct raw_queue raw;
    struct mqtt_health health;
    struct error last_malformed;
    bool stopping;  /* the thread is to end */
    bool listening; /* the async handle is open */
    bool ended;

    /* Connection thread only. */
    struct mosquitto *client;
    struct mqtt_tls *tls;        /* NULL: none */
    struct sparkplug *sparkplug; /* NULL: none */
    struct filter *filters;
    int32_t filter_count;
    int32_t unanswered;                /* filters whose SUBACK has not come */
    int protocol;                      /* of this attempt */
    bool consented;                    /* CONNACK seen */
    bool version_refused;              /* by a broker that knows no MQTT 5 */
    bool cut_off;                      /* the broker hung up before any consent */
    bool taken_over;                   /* by another client of our name */
    bool news;                         /* the control thread has to be woken */
    int short_lives;                   /* connections in a row that the broker closed soon */
    uint64_t arrivals;                 /* messages so far */
    uint64_t uncounted;                /* of these, not in the health yet */
    struct sample batch[INTAKE_BATCH]; /* not in the inbox yet: locks are dear */
    int batch_count;
    int64_t ticked_ms;      /* real; when the Sparkplug sessions were last looked at */
    struct error refusal;   /* what the broker said against us */
    struct error complaint; /* the library's last word */
    struct flight flights[LIMIT_IN_FLIGHT];
};

/* ---- mqtt_connection.c: the only user of libmosquitto ---- */

bool mqtt_topic_in_full(const char *topic); /* fit to publish to: not empty, no wildcards */
bool mqtt_filter_valid(const char *filter); /* fit to subscribe to */
bool mqtt_filter_matches(const char *filter, const char *topic);
/* Makes the client from the configuration; it connects when the thread runs. */
int mqtt_client_create(struct mqtt *m, struct error *error);
void mqtt_client_destroy(struct mqtt *m);
/* The thread; gives its hold on `m` back when it ends. */
void *mqtt_connection_main(void *m);

/* ---- mqtt_intake.c: what arrives, without the connection ---- */

/* Sorts the points, indexes their topics and lists what to subscribe to. */
int intake_create(struct mqtt *m, struct error *error);
void intake_destroy(struct mqtt *m);
void intake_message(struct mqtt *m, const char *topic, const void *payload, size_t length,
                    bool retained);
void intake_flush(struct mqtt *m);      /* all that arrived is on its way to the control thread */
void intake_subscribed(struct mqtt *m); /* all subscriptions stand */
void intake_tick(struct mqtt *m);       /* about once a second while they do */

/* ---- mqtt.c ---- */

void mqtt_release(struct mqtt *m); /* the last holder frees */

#endif
