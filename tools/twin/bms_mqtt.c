/* See bms_mqtt.h. libmosquitto's own loop thread ends for good on some errors, so this one runs
 * the loop and starts over whatever the error was. Messages cross to the twin in a queue. */
#include "tools/twin/bms_mqtt.h"

#include <errno.h>
#include <mosquitto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controller/base/log.h"
#include "controller/base/queue.h"
#include "controller/base/utc.h"
#include "tools/twin/bms_points.h"

enum {
    KEEPALIVE_S = 10,
    LOOP_MS = 100,
    RETRY_FIRST_MS = 200,
    RETRY_MOST_MS = 5000,
    INBOX = 2 * LIMIT_JOBS,
    JOB_PAYLOAD_MOST = 1024,
};
static const int64_t METADATA_EVERY_MS = 100 * SECOND_MS;

struct inbox_entry {
    bool connected; /* no message: a new connection */
    char topic[LIMIT_TOPIC];
    char payload[JOB_PAYLOAD_MOST];
    int length;
};

struct bms_mqtt {
    char host[LIMIT_NAME], site[LIMIT_NAME];
    uint16_t port;
    int64_t value_every_ms;
    struct mosquitto *mosquitto;
    struct queue *inbox;
    pthread_t thread;
    bool thread_runs;
    atomic_bool stopping, online;
    int64_t metadata_due_ms, value_due_ms;
};

static void on_connect(struct mosquitto *mosquitto, void *context, int code)
{
    struct bms_mqtt *bms = context;
    struct inbox_entry entry = {.connected = true};
    char topic[LIMIT_TOPIC];

    if (code != 0) {
        log_warning("broker %s:%u refuses: %s", bms->host, bms->port,
                    mosquitto_connack_string(code));
        return;
    }
    queue_push_shedding(bms->inbox, &entry);
    snprintf(topic, sizeof(topic), "tidewatt/%s/jobs/+", bms->site);
    mosquitto_subscribe(mosquitto, NULL, topic, 1);
    atomic_store(&bms->online, true);
    log_info("broker %s:%u connected", bms->host, bms->port);
}

static void on_disconnect(struct mosquitto *mosquitto, void *context, int code)
{
    struct bms_mqtt *bms = context;

    (void)mosquitto;
    atomic_store(&bms->online, false);
    if (code != 0)
        log_warning("broker %s:%u lost: %s", bms->host, bms->port, mosquitto_strerror(code));
}

static void on_message(struct mosquitto *mosquitto, void *context,
                       const struct mosquitto_message *message)
{
    struct bms_mqtt *bms = context;
    struct inbox_entry entry = {.length = message->payloadlen};

    (void)mosquitto;
    if (strlen(message->topic) >= sizeof(entry.topic) || entry.length > JOB_PAYLOAD_MOST) {
        log_warning("%.60s: %d bytes are too many for a job state, ignored", message->topic,
                    entry.length);
        return;
    }
    strcpy(entry.topic, message->topic);
    if (entry.length > 0)
        memcpy(entry.payload, message->payload, (size_t)entry.length);
    queue_push_shedding(bms->inbox, &entry);
}

static void pause_ms(struct bms_mqtt *bms, int ms)
{
    for (; ms > 0 && !atomic_load(&bms->stopping); ms -= LOOP_MS)
        nanosleep(&(struct timespec){.tv_nsec = LOOP_MS * 1000000L}, NULL);
}

static void *run(void *context)
{
    struct bms_mqtt *bms = context;
    int retry_ms = RETRY_FIRST_MS;

    while (!atomic_load(&bms->stopping)) {
        int code = mosquitto_connect(bms->mosquitto, bms->host, bms->port, KEEPALIVE_S);

        if (code != MOSQ_ERR_SUCCESS && retry_ms == RETRY_FIRST_MS)
            log_warning("broker %s:%u: %s; trying again", bms->host, bms->port,
                        code == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(code));
        while (code == MOSQ_ERR_SUCCESS && !atomic_load(&bms->stopping)) {
            code = mosquitto_loop(bms->mosquitto, LOOP_MS, 1);
            if (atomic_load(&bms->online))
                retry_ms = RETRY_FIRST_MS;
        }
        atomic_store(&bms->online, false);
        pause_ms(bms, retry_ms);
        retry_ms = 2 * retry_ms < RETRY_MOST_MS ? 2 * retry_ms : RETRY_MOST_MS;
    }
    return NULL;
}

static int start(struct bms_mqtt *bms, struct error *error)
{
    mosquitto_lib_init();
    bms->inbox = queue_create(sizeof(struct inbox_entry), INBOX);
    bms->mosquitto = mosquitto_new(NULL, true, bms);
    if (bms->inbox == NULL || bms->mosquitto == NULL)
        return error_set(error, ERROR_SYSTEM, "out of memory for the MQTT client");
    mosquitto_threaded_set(bms->mosquitto, true);
    mosquitto_connect_callback_set(bms->mosquitto, on_connect);
    mosquitto_disconnect_callback_set(bms->mosquitto, on_disconnect);
    mosquitto_message_callback_set(bms->mosquitto, on_message);
    if (pthread_create(&bms->thread, NULL, run, bms) != 0)
        return error_set(error, ERROR_SYSTEM, "cannot start the MQTT thread");
    bms->thread_runs = true;
    return 0;
}

int bms_mqtt_create(const struct bms_mqtt_config *config, struct bms_mqtt **ret_bms,
                    struct error *error)
{
    struct bms_mqtt *bms = calloc(1, sizeof(*bms));
    int result;

    if (bms == NULL)
        return error_set(error, ERROR_SYSTEM, "out of memory for the MQTT client");
    snprintf(bms->host, sizeof(bms->host), "%s", config->host);
    snprintf(bms->site, sizeof(bms->site), "%s", config->site);
    bms->port = config->port;
    bms->value_every_ms = config->value_every_ms;
    result = start(bms, error);
    if (result < 0)
        bms_mqtt_destroy(bms);
    else
        *ret_bms = bms;
    return result;
}

void bms_mqtt_destroy(struct bms_mqtt *bms)
{
    if (bms == NULL)
        return;
    atomic_store(&bms->stopping, true);
    if (bms->thread_runs)
        pthread_join(bms->thread, NULL);
    mosquitto_destroy(bms->mosquitto);
    if (bms->inbox != NULL)
        queue_destroy(bms->inbox);
    mosquitto_lib_cleanup();
    free(bms);
}

void bms_mqtt_take_jobs(struct bms_mqtt *bms, struct jobs *jobs)
{
    struct inbox_entry entry;
    struct error error;

    while (queue_pop(bms->inbox, &entry, 1) == 1) {
        if (entry.connected) {
            jobs->count = 0;
            bms->metadata_due_ms = 0; /* the broker may have forgotten it */
        } else if (jobs_apply(jobs, entry.topic, entry.payload, (size_t)entry.length, &error) < 0) {
            log_warning("%s; ignored", error.text);
        }
    }
}

static void publish(struct bms_mqtt *bms, const char *topic, const char *payload, bool retain)
{
    /* lost while the broker is away: the next round follows in seconds */
    (void)mosquitto_publish(bms->mosquitto, NULL, topic, (int)strlen(payload), payload, 0, retain);
}

void bms_mqtt_publish(struct bms_mqtt *bms, const struct plant *plant,
                      const struct outside *outside)
{
    int64_t now_ms = plant->time_ms;
    bool metadata_due = now_ms >= bms->metadata_due_ms, value_due = now_ms >= bms->value_due_ms;
    char topic[LIMIT_TOPIC], payload[BMS_PAYLOAD];

    if (!atomic_load(&bms->online))
        return;
    for (int point = 0; metadata_due && point < BMS_POINTS; point++) {
        bms_metadata_topic(bms->site, point, topic, sizeof(topic));
        bms_metadata(bms->site, point, payload);
        publish(bms, topic, payload, true);
    }
    for (int point = 0; value_due && point < BMS_POINTS; point++) {
        if (!bms_publishes(point))
            continue;
        bms_value_topic(bms->site, point, topic, sizeof(topic));
        bms_value(plant, outside, point, payload);
        publish(bms, topic, payload, false);
    }
    if (metadata_due)
        bms->metadata_due_ms = now_ms + METADATA_EVERY_MS;
    if (value_due)
        bms->value_due_ms = now_ms + bms->value_every_ms;
}
