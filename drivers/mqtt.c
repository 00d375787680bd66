/* The control thread's side of the MQTT edge: creation and end, samples and link changes to the
 * sink, publications to the outbox. Nothing here waits for the broker. */
#include "drivers/mqtt_private.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    DESTROY_MS = 1000, /* the control thread waits no longer for the connection thread */
    DRAIN = 256,       /* samples taken from the queue at once */
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
    if (m->samples)
        queue_destroy(m->samples);
    if (m->wake_fd >= 0)
        close(m->wake_fd);
    outbox_finish(&m->outbox);
    pthread_cond_destroy(&m->end_reached);
    pthread_mutex_destroy(&m->mutex);
    free(m->points);
    free(m->topics);
    free(m->devices);
    free(m->has_points);
    free(m);
}

void mqtt_release(struct mqtt *m)
{
    if (atomic_fetch_sub(&m->holders, 1) == 1)
        mqtt_free(m);
}

/* ---- in and out ----------------------------------------------------------------------- */

static void tell_link(struct mqtt *m, enum link_state link)
{
    const enum reason reason = link == LINK_UP ? REASON_FRESH : REASON_DISCONNECTED;

    if (link == m->link_told)
        return;
    m->link_told = link;
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

static void take_samples(struct mqtt *m)
{
    struct sample samples[DRAIN];
    size_t count;

    while ((count = queue_pop(m->samples, samples, DRAIN)) > 0) {
        for (size_t i = 0; i < count; i++) {
            int32_t device = m->topology->points[samples[i].point].device;

            m->devices[device].replies++;
            m->devices[device].mismatches += samples[i].reason == REASON_MALFORMED;
            m->sink.sample(m->sink.context, &samples[i]);
        }
        if (count < DRAIN)
            return;
    }
}

/* What the connection thread had to say, in an order that makes sense to the reader. */
static void take_news(struct mqtt *m)
{
    struct mqtt_health health;

    mqtt_health(&m->driver, &health);
    if (health.link == LINK_UP)
        tell_link(m, LINK_UP);
    take_samples(m);
    if (health.link == LINK_DOWN)
        tell_link(m, LINK_DOWN);
}

static void on_async(uv_async_t *async)
{
    take_news(async->data);
}

static void verb_poll(struct driver *driver, int64_t now_ms)
{
    (void)now_ms;
    take_news(mqtt_of(driver));
}

static int verb_write(struct driver *driver, int32_t point, double value, struct error *error)
{
    char name[2 * LIMIT_NAME];

    (void)value;
    topology_point_name(mqtt_of(driver)->topology, point, name, sizeof(name));
    return error_set(error, ERROR_INVALID,
                     "%s is read over MQTT, where values belong to their publisher; give the "
                     "set-point to a Modbus device",
                     name);
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

static void wake_connection(struct mqtt *m)
{
    const uint64_t one = 1;

    if (write(m->wake_fd, &one, sizeof(one)) < 0)
        assert(errno == EAGAIN); /* it has been woken often enough */
}

int mqtt_publish(struct driver *driver, const char *topic, const char *payload, int qos,
                 bool retain)
{
    struct mqtt *m = mqtt_of(driver);
    int result;

    pthread_mutex_lock(&m->mutex);
    if (!mqtt_topic_in_full(topic)) {
        m->outbox.dropped++;
        result = ERROR_INVALID;
    } else {
        result = outbox_put(&m->outbox, topic, payload, qos, retain);
        if (m->health.link == LINK_DOWN)
            outbox_drop_transient(&m->outbox);
    }
    pthread_mutex_unlock(&m->mutex);
    wake_connection(m);
    return result;
}

void mqtt_health(const struct driver *driver, struct mqtt_health *ret_health)
{
    struct mqtt *m = mqtt_of(driver);

    pthread_mutex_lock(&m->mutex);
    *ret_health = m->health;
    ret_health->publications_dropped = m->outbox.dropped;
    pthread_mutex_unlock(&m->mutex);
    ret_health->samples_dropped = queue_refused(m->samples);
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

/* ---- creation ----------------------------------------------------------------------------- */

static int check_config(const struct mqtt_config *config, struct error *error)
{
    if (!config->host[0])
        return error_set(error, ERROR_INVALID, "mqtt: host is empty: name the broker");
    if (config->port == 0)
        return error_set(error, ERROR_INVALID, "mqtt: port is 0: brokers usually listen on 1883");
    if (config->keepalive_s < 5 || config->keepalive_s > 65535)
        return error_set(error, ERROR_INVALID, "mqtt: keepalive of %d s is not within 5 to 65535 s",
                         config->keepalive_s);
    if (config->will_topic[0] && !mqtt_topic_in_full(config->will_topic))
        return error_set(error, ERROR_INVALID, "mqtt: %s is no topic to publish to",
                         config->will_topic);
    return 0;
}

static int compare_points(const void *a, const void *b)
{
    const struct mqtt_point *left = a, *right = b;
    int order = strcmp(left->topic, right->topic);

    return order ? order : (left->point > right->point) - (left->point < right->point);
}

/* Sorts the points and lays the topics over them. */
static int index_topics(struct mqtt *m, struct error *error)
{
    if (m->point_count > 0)
        qsort(m->points, (size_t)m->point_count, sizeof(*m->points), compare_points);
    for (int32_t i = 0; i < m->point_count; i++) {
        const struct mqtt_point *point = &m->points[i];

        if (!mqtt_topic_in_full(point->topic))
            return error_set(error, ERROR_INVALID,
                             "mqtt: topic \"%s\" must be given in full, without + and #",
                             point->topic);
        if (i == 0 || strcmp(point->topic, m->points[i - 1].topic) != 0)
            m->topics[m->topic_count++] = (struct topic){.name = point->topic, .first = i};
        m->topics[m->topic_count - 1].count++;
        m->has_points[m->topology->points[point->point].device] = true;
    }
    return 0;
}

static int allocate(struct mqtt *m, const struct mqtt_point *points, struct error *error)
{
    const size_t device_count = (size_t)m->topology->device_count + 1;
    const size_t point_count = (size_t)m->point_count + 1; /* calloc(0) may be NULL */

    m->points = calloc(point_count, sizeof(*m->points));
    m->topics = calloc(point_count, sizeof(*m->topics));
    m->devices = calloc(device_count, sizeof(*m->devices));
    m->has_points = calloc(device_count, sizeof(*m->has_points));
    m->samples = queue_create(sizeof(struct sample), LIMIT_SAMPLE_QUEUE);
    m->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!m->points || !m->topics || !m->devices || !m->has_points || !m->samples || m->wake_fd < 0)
        return error_set(error, ERROR_SYSTEM, "mqtt: %s", strerror(errno));
    for (int32_t i = 0; i < m->point_count; i++) {
        assert(points[i].point >= 0 && points[i].point < m->topology->point_count);
        m->points[i] = points[i];
    }
    for (int32_t i = 0; i < m->topology->device_count; i++)
        m->devices[i].link = LINK_CONNECTING;
    return index_topics(m, error);
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

    if (code)
        return error_set(error, ERROR_SYSTEM, "mqtt: uv_async_init: %s", uv_strerror(code));
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
    int code = check_config(config, error);

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
    code = allocate(m, points, error);
    if (code == 0)
        code = mqtt_client_create(m, error);
    if (code < 0) {
        mqtt_free(m);
        return code;
    }
    code = start(m, loop, error);
    if (code == 0)
        *ret_driver = &m->driver;
    return code;
}
