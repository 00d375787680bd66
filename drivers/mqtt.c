/* The control thread's side of the MQTT edge: creation and end, samples and link changes to the
 * sink, set-points and publications to the outbox. Nothing here waits for the broker. */
#include "drivers/mqtt_private.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "controller/base/log.h"
#include "controller/plant/value_check.h"

enum {
    DESTROY_MS = 1000, /* the control thread waits no longer for the connection thread */
    DRAIN = 256,       /* samples taken from the inbox at once */
    DRAIN_MOST = 4096, /* ... and in one turn of the event loop, which has others to serve */
    RAW_MOST = 256,    /* whole messages in one turn: some are parsed */
};

static const struct driver_verbs verbs;

static struct mqtt *mqtt_of(const struct driver *driver)
{
    assert(driver->verbs == &verbs);
    return (struct mqtt *)driver;
}

static void mqtt_free(struct mqtt *m)
{
    mqtt_client_destroy(m);
    intake_destroy(m);
    inbox_finish(&m->inbox);
    raw_finish(&m->raw);
    outbox_finish(&m->outbox);
    writebacks_finish(&m->writes);
    heartbeat_finish(&m->heartbeat);
    if (m->wake_fd >= 0)
        close(m->wake_fd);
    pthread_cond_destroy(&m->end_reached);
    pthread_mutex_destroy(&m->mutex);
    free(m->points);
    free(m->devices);
    free(m->has_points);
    free(m->dsx);
    free(m->is_dsx);
    free(m);
}

void mqtt_release(struct mqtt *m)
{
    if (atomic_fetch_sub(&m->holders, 1) == 1)
        mqtt_free(m);
}

static int64_t real_ms(void)
{
    return clock_mono_ns() / 1000000;
}

static void wake_connection(struct mqtt *m)
{
    const uint64_t one = 1;

    if (write(m->wake_fd, &one, sizeof(one)) < 0)
        assert(errno == EAGAIN); /* it has been woken often enough */
}

/* ---- links ------------------------------------------------------------- */

static void tell_link(struct mqtt *m, enum link_state link)
{
    const enum reason reason = link == LINK_UP ? REASON_FRESH : REASON_DISCONNECTED;

    if (link == m->link_told)
        return;
    m->link_told = link;
    if (link == LINK_UP)
        heartbeat_listen(&m->heartbeat, real_ms());
    for (int32_t i = 0; i < m->topology->device_count; i++) {
        if (!m->has_points[i])
            continue;
        m->devices[i].link = link;
        m->devices[i].reason = reason;
        m->devices[i].up_since_ms = clock_now_ms(&m->clock);
        m->devices[i].reconnects += link == LINK_UP;
        m->sink.link(m->sink.context, i, link, reason);
    }
}

/* ---- set-points -------------------------------------------------------- */

static void tell_outcome(void *context, int32_t point, double value, enum reason reason)
{
    struct mqtt *m = context;

    m->sink.written(m->sink.context, point, value, reason);
}

static int publish(struct mqtt *m, const char *topic, const char *payload, int qos, bool retain)
{
    int result;

    pthread_mutex_lock(&m->mutex);
    result = outbox_put(&m->outbox, topic, payload, qos, retain);
    if (m->health.link == LINK_DOWN)
        outbox_drop_transient(&m->outbox);
    pthread_mutex_unlock(&m->mutex);
    wake_connection(m);
    return result;
}

/* At most once and not retained: a set-point must not be delivered after its time, neither by the
 * library when a connection comes back nor by the broker. Whether it arrived, its feedback says. */
static int verb_write(struct driver *driver, int32_t point, double value, struct error *error)
{
    struct mqtt *m = mqtt_of(driver);
    struct writeback *write = writebacks_find(&m->writes, point);
    const int64_t now_ms = clock_now_ms(&m->clock);
    char payload[128], name[2 * LIMIT_NAME];

    if (!write) {
        topology_point_name(m->topology, point, name, sizeof(name));
        return error_set(error, ERROR_INVALID,
                         "%s is only read over MQTT: give it a write topic in the configuration",
                         name);
    }
    if (writeback_encode(write, value, now_ms, payload, sizeof(payload), error) < 0)
        return ERROR_INVALID;
    if (m->link_told != LINK_UP || publish(m, write->point->write.topic, payload, 0, false) < 0) {
        tell_outcome(m, point, value, REASON_WRITE_FAILED);
        return 0;
    }
    m->devices[m->topology->points[point].device].writes++;
    writeback_begin(&m->writes, write, value, now_ms, real_ms(), tell_outcome, m);
    return 0;
}

/* ---- samples ----------------------------------------------------------- */

/* Was a newer one kept already? What is ahead of our clock is no measure of that. */
static bool overtaken(const struct mqtt *m, const struct sample *sample)
{
    const struct sample *kept = &m->dsx[sample->point];
    const struct point *point = &m->topology->points[sample->point];

    return kept->point >= 0 && kept->quality == QUALITY_GOOD && sample->quality == QUALITY_GOOD &&
           sample->source_ms < kept->source_ms &&
           kept->source_ms <= sample->receive_ms + value_skew_ms(point);
}

static void deliver(struct mqtt *m, struct sample *sample)
{
    struct device_health *device = &m->devices[m->topology->points[sample->point].device];

    device->replies++;
    device->mismatches += sample->reason == REASON_MALFORMED;
    writebacks_observe(&m->writes, sample, tell_outcome, m);
    if (m->is_dsx[sample->point]) {
        if (!overtaken(m, sample))
            m->dsx[sample->point] = *sample;
        if (m->bms_silent) {
            sample->quality = QUALITY_BAD;
            sample->reason = REASON_SOURCE_DEAD;
            sample->value = (double)NAN;
        }
    }
    m->sink.sample(m->sink.context, sample);
}

/* True when all were taken. */
static bool take_samples(struct mqtt *m)
{
    struct sample samples[DRAIN];

    for (int taken = 0; taken < DRAIN_MOST; taken += DRAIN) {
        int count;

        pthread_mutex_lock(&m->mutex);
        count = inbox_take(&m->inbox, samples, DRAIN);
        pthread_mutex_unlock(&m->mutex);
        for (int i = 0; i < count; i++)
            deliver(m, &samples[i]);
        if (count < DRAIN)
            return true;
    }
    return false;
}

/* ---- the building-management system ------------------------------------ */

static void disown_points(struct mqtt *m, int64_t now_ms)
{
    for (int32_t i = 0; i < m->topology->point_count; i++) {
        const struct sample dead = {
            .point = i,
            .quality = QUALITY_BAD,
            .reason = REASON_SOURCE_DEAD,
            .value = (double)NAN,
            .source_ms = now_ms,
            .receive_ms = now_ms,
        };

        if (m->is_dsx[i])
            m->sink.sample(m->sink.context, &dead);
    }
}

/* What was received before now must not come to the sink after what we say of now: it would look
 * as if the clock had been set back. More than the inbox holds is not waited for. */
static void take_what_waits(struct mqtt *m)
{
    for (int turns = m->inbox.capacity / DRAIN_MOST; !take_samples(m) && turns > 0; turns--)
        ;
}

/* What was said last holds again, as old as it is. */
static void restore_points(struct mqtt *m, int64_t now_ms)
{
    for (int32_t i = 0; i < m->topology->point_count; i++) {
        if (!m->is_dsx[i] || m->dsx[i].point < 0)
            continue;
        m->dsx[i].receive_ms = now_ms;
        m->sink.sample(m->sink.context, &m->dsx[i]);
    }
}

static void watch_bms(struct mqtt *m)
{
    const int64_t real = real_ms();
    char payload[HEARTBEAT_PAYLOAD];
    const char *topic;
    bool silent;

    if (m->link_told != LINK_UP)
        return; /* its silence says nothing while nobody is heard */
    while (heartbeat_next(&m->heartbeat, clock_now_ms(&m->clock), real, &topic, payload))
        publish(m, topic, payload, 0, false);
    silent = heartbeat_lost(&m->heartbeat, real);
    if (silent == m->bms_silent)
        return;
    take_what_waits(m);
    m->bms_silent = silent;
    if (silent) {
        log_warning("MQTT: no heartbeat of the building-management system for %d s: its values "
                    "are not trusted",
                    HEARTBEAT_SILENCE_MS / 1000);
        disown_points(m, clock_now_ms(&m->clock));
    } else {
        log_info("MQTT: the building-management system is heard again");
        restore_points(m, clock_now_ms(&m->clock));
    }
}

/* ---- raw messages ------------------------------------------------------ */

static bool wanted(const struct mqtt *m, const char *topic)
{
    for (int i = 0; i < LIMIT_RAW_FILTERS && m->config.raw[i][0]; i++) {
        if (mqtt_filter_matches(m->config.raw[i], topic))
            return true;
    }
    return false;
}

static void settle_heartbeats(struct mqtt *m, bool were_refused)
{
    heartbeat_settle(&m->heartbeat);
    if (m->heartbeat.refused > 0 && !were_refused)
        log_warning("MQTT: building management describes more than %d heartbeats: those beyond are "
                    "not looked at; remove retained metadata below BMS/v1/PUB/Metadata/System that "
                    "nobody needs",
                    LIMIT_HEARTBEATS);
}

/* True when all were taken. */
static bool take_raw(struct mqtt *m)
{
    const bool were_refused = m->heartbeat.refused > 0;
    struct raw_message *message, *next;
    bool all;

    pthread_mutex_lock(&m->mutex);
    message = raw_take(&m->raw, RAW_MOST);
    all = m->raw.count == 0;
    pthread_mutex_unlock(&m->mutex);
    for (; message; message = next) {
        next = message->next;
        heartbeat_take(&m->heartbeat, message->topic, message->payload, message->length,
                       message->retained, clock_now_ms(&m->clock), real_ms());
        if (m->listener.message && wanted(m, message->topic))
            m->listener.message(m->listener.context, message->topic, message->payload,
                                message->length, message->retained);
        free(message);
    }
    settle_heartbeats(m, were_refused);
    return all;
}

/* ---- the driver -------------------------------------------------------- */

/* What the connection thread had to say, in an order that makes sense to the reader. */
static void take_news(struct mqtt *m)
{
    enum link_state link;
    bool all;

    pthread_mutex_lock(&m->mutex);
    link = m->health.link;
    pthread_mutex_unlock(&m->mutex);
    if (link == LINK_UP)
        tell_link(m, LINK_UP);
    all = take_raw(m);
    watch_bms(m);
    if (!take_samples(m) || !all)
        uv_async_send(&m->async);
    if (link == LINK_DOWN)
        tell_link(m, LINK_DOWN);
}

static void on_async(uv_async_t *async)
{
    take_news(async->data);
}

static void verb_poll(struct driver *driver, int64_t now_ms)
{
    struct mqtt *m = mqtt_of(driver);

    (void)now_ms;
    take_news(m);
    writebacks_expire(&m->writes, real_ms(), tell_outcome, m);
}

static bool verb_health(const struct driver *driver, int32_t device,
                        struct device_health *ret_health)
{
    const struct mqtt *m = mqtt_of(driver);

    if (device < 0 || device >= m->topology->device_count || !m->has_points[device])
        return false;
    *ret_health = m->devices[device];
    return true;
}

int mqtt_publish(struct driver *driver, const char *topic, const char *payload, int qos,
                 bool retain)
{
    struct mqtt *m = mqtt_of(driver);

    if (mqtt_topic_in_full(topic))
        return publish(m, topic, payload, qos, retain);
    pthread_mutex_lock(&m->mutex);
    m->outbox.dropped++;
    pthread_mutex_unlock(&m->mutex);
    return ERROR_INVALID;
}

void mqtt_listen(struct driver *driver, const struct mqtt_listener *listener)
{
    mqtt_of(driver)->listener = *listener;
}

void mqtt_health(const struct driver *driver, struct mqtt_health *ret_health)
{
    struct mqtt *m = mqtt_of(driver);

    pthread_mutex_lock(&m->mutex);
    *ret_health = m->health;
    ret_health->publications_dropped = m->outbox.dropped;
    ret_health->samples_dropped = m->inbox.shed;
    ret_health->raw_dropped = m->raw.shed;
    pthread_mutex_unlock(&m->mutex);
    ret_health->bms_silent = m->bms_silent;
}

uint64_t mqtt_malformed(const struct driver *driver, struct error *ret_last)
{
    struct mqtt *m = mqtt_of(driver);
    uint64_t count;

    pthread_mutex_lock(&m->mutex);
    count = m->health.malformed;
    *ret_last = m->last_malformed;
    pthread_mutex_unlock(&m->mutex);
    return count;
}

static void on_async_closed(uv_handle_t *handle)
{
    mqtt_release(handle->data);
}

/* The thread may sit in a name look-up that cannot be broken off: it is left behind then, and
 * frees everything when it comes back. */
static void verb_destroy(struct driver *driver)
{
    struct mqtt *m = mqtt_of(driver);
    struct timespec until;
    int code = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DESTROY_MS / 1000;
    pthread_mutex_lock(&m->mutex);
    m->stopping = true;
    m->listening = false;
    wake_connection(m);
    while (!m->ended && code == 0)
        code = pthread_cond_timedwait(&m->end_reached, &m->mutex, &until);
    pthread_mutex_unlock(&m->mutex);
    uv_close((uv_handle_t *)&m->async, on_async_closed);
}

static const struct driver_verbs verbs = {
    .name = "mqtt",
    .poll = verb_poll,
    .write = verb_write,
    .health = verb_health,
    .destroy = verb_destroy,
};

/* ---- creation ---------------------------------------------------------- */

int mqtt_config_check(const struct mqtt_config *config, struct error *error)
{
    if (!config->host[0])
        return error_set(error, ERROR_INVALID, "mqtt: host is empty: name the broker");
    if (config->port == 0)
        return error_set(error, ERROR_INVALID,
                         "mqtt: port is 0: brokers usually listen on 1883, with TLS on 8883");
    if (config->keepalive_s < 5 || config->keepalive_s > 65535)
        return error_set(error, ERROR_INVALID, "mqtt: keepalive of %d s is not within 5 to 65535 s",
                         config->keepalive_s);
    if (config->will_topic[0] && !mqtt_topic_in_full(config->will_topic))
        return error_set(error, ERROR_INVALID, "mqtt: %s is no topic to publish to",
                         config->will_topic);
    if (config->password[0] && config->password_file[0])
        return error_set(error, ERROR_INVALID, "mqtt: give password or password_file, not both");
    if (!config->username[0] && (config->password[0] || config->password_file[0]))
        return error_set(error, ERROR_INVALID, "mqtt: a password needs a username");
    return mqtt_security_check(&config->security, error);
}

static int adopt_point(struct mqtt *m, const struct mqtt_point *point, struct error *error)
{
    const struct topology *topology = m->topology;

    assert(point->point >= 0 && point->point < topology->point_count);
    if (mqtt_mapping_check(&point->mapping, error) < 0)
        return error_prefix(error, ERROR_INVALID, "mqtt: topic %s",
                            point->topic[0] ? point->topic : point->write.topic);
    if (point->write.topic[0] && !mqtt_topic_in_full(point->write.topic))
        return error_set(error, ERROR_INVALID, "mqtt: %s is no topic to publish to",
                         point->write.topic);
    m->has_points[topology->points[point->point].device] = true;
    m->is_dsx[point->point] =
        m->config.integration[0] && point->topic[0] && point->mapping.format == MQTT_DSX;
    m->dsx[point->point].point = -1;
    return 0;
}

static int allocate(struct mqtt *m, struct error *error)
{
    const size_t device_count = (size_t)m->topology->device_count + 1;
    const size_t topology_points = (size_t)m->topology->point_count + 1;

    m->points = calloc((size_t)m->point_count + 1, sizeof(*m->points)); /* 0 may be NULL */
    m->devices = calloc(device_count, sizeof(*m->devices));
    m->has_points = calloc(device_count, sizeof(*m->has_points));
    m->dsx = calloc(topology_points, sizeof(*m->dsx));
    m->is_dsx = calloc(topology_points, sizeof(*m->is_dsx));
    m->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!m->points || !m->devices || !m->has_points || !m->dsx || !m->is_dsx || m->wake_fd < 0)
        return error_set(error, ERROR_SYSTEM, "mqtt: %s", strerror(errno));
    for (int32_t i = 0; i < m->topology->device_count; i++)
        m->devices[i].link = LINK_CONNECTING;
    return inbox_init(&m->inbox, m->topology->point_count, LIMIT_SAMPLE_QUEUE, error);
}

static int prepare(struct mqtt *m, const struct mqtt_point *points, struct error *error)
{
    int code = allocate(m, error);

    for (int32_t i = 0; i < m->point_count && code == 0; i++) {
        m->points[i] = points[i];
        code = adopt_point(m, &m->points[i], error);
    }
    if (code == 0)
        code = intake_create(m, error); /* which sorts the points: before any pointer to one */
    if (code == 0)
        code =
            writebacks_init(&m->writes, m->points, m->point_count, m->topology->point_count, error);
    if (code == 0)
        code = heartbeat_init(&m->heartbeat, m->config.integration, error);
    return code < 0 ? code : mqtt_client_create(m, error);
}

/* Signals are for the control thread; a broken pipe is told by the write itself. */
static int start_thread(struct mqtt *m, struct error *error)
{
    pthread_t thread;
    sigset_t all, before;
    int code;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&thread, NULL, mqtt_connection_main, m);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code)
        return error_set(error, ERROR_SYSTEM, "mqtt: pthread_create: %s", strerror(code));
    pthread_detach(thread);
    return 0;
}

static int start(struct mqtt *m, struct uv_loop_s *loop, struct error *error)
{
    int code = uv_async_init(loop, &m->async, on_async);

    if (code) {
        mqtt_free(m);
        return error_set(error, ERROR_SYSTEM, "mqtt: uv_async_init: %s", uv_strerror(code));
    }
    m->async.data = m;
    m->listening = true;
    atomic_store(&m->holders, 2);
    code = start_thread(m, error);
    if (code < 0) { /* there is only the control side, and its handle has to be closed */
        atomic_store(&m->holders, 1);
        uv_close((uv_handle_t *)&m->async, on_async_closed);
    }
    return code;
}

int mqtt_create(struct uv_loop_s *loop, const struct clock *clock, const struct topology *topology,
                const struct mqtt_config *config, const struct mqtt_point *points, int count,
                const struct driver_sink *sink, struct driver **ret_driver, struct error *error)
{
    struct mqtt *m;
    int code = mqtt_config_check(config, error);

    if (code < 0)
        return code;
    m = calloc(1, sizeof(*m));
    if (!m)
        return error_set(error, ERROR_SYSTEM, "mqtt: out of memory");
    m->driver.verbs = &verbs;
    m->clock = *clock;
    m->config = *config;
    m->topology = topology;
    m->point_count = count;
    m->sink = *sink;
    m->wake_fd = -1;
    m->health.link = m->link_told = LINK_CONNECTING;
    pthread_mutex_init(&m->mutex, NULL);
    pthread_cond_init(&m->end_reached, NULL);
    outbox_init(&m->outbox);
    raw_init(&m->raw);
    code = prepare(m, points, error);
    if (code < 0) {
        mqtt_free(m);
        return code;
    }
    code = start(m, loop, error);
    if (code == 0)
        *ret_driver = &m->driver;
    return code;
}
