/* The connection thread of the MQTT edge: resolves, connects, reads, parses and writes. The only
 * user of libmosquitto, whose own loops are not used: they end for good on some errors, and wait
 * by select(), which cannot hold descriptors above 1023. */
#include "drivers/mqtt_private.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mosquitto.h>

#include "controller/base/log.h"

enum {
    BACK_OFF_LEAST_MS = 250,
    BACK_OFF_MOST_MS = 30000,
    LASTING_MS = 10000,   /* a connection that held this long starts the back-off afresh */
    CONNACK_MS = 10000,   /* from the first packet to the broker's consent */
    IDLE_MS = 500,        /* between looks at the keepalive */
    FAREWELL_MS = 500,    /* to hand over what is left when we stop */
    TOPICS_A_PACKET = 32, /* in one SUBSCRIBE */
    QOS_AT_LEAST_ONCE = 1,
};

/* ---- in ---------------------------------------------------------------- */

static bool stopping(struct mqtt *m)
{
    bool result;

    pthread_mutex_lock(&m->mutex);
    result = m->stopping;
    pthread_mutex_unlock(&m->mutex);
    return result;
}

static void rouse_control(struct mqtt *m)
{
    pthread_mutex_lock(&m->mutex);
    if (m->listening)
        uv_async_send(&m->async);
    pthread_mutex_unlock(&m->mutex);
}

static void set_link(struct mqtt *m, enum link_state link, const char *cause)
{
    bool changed;

    pthread_mutex_lock(&m->mutex);
    changed = m->health.link != link || strcmp(m->health.cause.text, cause) != 0;
    m->health.link = link;
    error_set(&m->health.cause, 0, "%s", cause);
    if (link == LINK_UP)
        m->health.connects++;
    else
        outbox_drop_transient(&m->outbox);
    pthread_mutex_unlock(&m->mutex);
    if (!changed)
        return;
    if (link == LINK_UP)
        log_info("MQTT broker %s:%u connected", m->config.host, m->config.port);
    else
        log_warning("MQTT broker %s:%u not connected: %s", m->config.host, m->config.port, cause);
    rouse_control(m);
}

static void note_malformed(struct mqtt *m, const char *topic, struct error *why)
{
    error_prefix(why, 0, "topic %s", topic);
    pthread_mutex_lock(&m->mutex);
    m->health.malformed++;
    m->last_malformed = *why;
    pthread_mutex_unlock(&m->mutex);
}

static int compare_topics(const void *a, const void *b)
{
    return strcmp(((const struct topic *)a)->name, ((const struct topic *)b)->name);
}

/* The verdict about a payload, for each point that reads this topic. */
static void deliver(struct mqtt *m, const struct topic *topic, const struct sample *said)
{
    for (int32_t i = topic->first; i < topic->first + topic->count; i++) {
        struct sample sample = *said;

        sample.point = m->points[i].point;
        sample.value = said->value * m->points[i].factor + m->points[i].offset;
        if (said->quality == QUALITY_GOOD && !isfinite(sample.value)) {
            sample.quality = QUALITY_BAD;
            sample.reason = REASON_NOT_FINITE;
        }
        queue_push_shedding(m->samples, &sample);
    }
    rouse_control(m);
}

static void on_message(struct mosquitto *client, void *context,
                       const struct mosquitto_message *message)
{
    struct mqtt *m = context;
    const struct topic key = {.name = message->topic};
    const struct topic *topic =
        bsearch(&key, m->topics, (size_t)m->topic_count, sizeof(key), compare_topics);
    struct sample sample = {.receive_ms = clock_now_ms(&m->clock)};
    struct error why;

    (void)client;
    if (!topic)
        return;
    sample.source_ms = sample.receive_ms;
    sample.quality = mqtt_parse_value(message->payload, (size_t)message->payloadlen, &sample.value,
                                      &sample.source_ms, &sample.reason, &why);
    pthread_mutex_lock(&m->mutex);
    m->health.messages++;
    pthread_mutex_unlock(&m->mutex);
    if (sample.reason == REASON_MALFORMED)
        note_malformed(m, topic->name, &why);
    deliver(m, topic, &sample);
}

static void subscribe_all(struct mqtt *m)
{
    for (int32_t i = 0; i < m->topic_count; i += TOPICS_A_PACKET) {
        char *names[TOPICS_A_PACKET];
        int count = 0, message_id = 0;

        while (count < TOPICS_A_PACKET && i + count < m->topic_count) {
            names[count] = (char *)m->topics[i + count].name;
            count++;
        }
        mosquitto_subscribe_multiple(m->client, &message_id, count, names, QOS_AT_LEAST_ONCE, 0,
                                     NULL);
        m->topics[i].subscription = message_id;
    }
}

/* A broker refuses single topics by its access rules: their points would stay silent for ever. */
static void on_subscribe(struct mosquitto *client, void *context, int message_id, int count,
                         const int *granted_qos)
{
    struct mqtt *m = context;

    (void)client;
    for (int32_t first = 0; first < m->topic_count; first += TOPICS_A_PACKET) {
        if (m->topics[first].subscription != message_id)
            continue;
        for (int i = 0; i < count && first + i < m->topic_count; i++) {
            if (granted_qos[i] > 2)
                log_warning("MQTT broker %s:%u refuses our subscription to %s: check its access "
                            "rules",
                            m->config.host, m->config.port, m->topics[first + i].name);
        }
        return;
    }
}

static void on_connect(struct mosquitto *client, void *context, int code)
{
    struct mqtt *m = context;

    if (code != 0) {
        set_link(m, LINK_DOWN, mosquitto_connack_string(code));
        return;
    }
    m->consented = true;
    subscribe_all(m);
    if (m->config.will_topic[0])
        mosquitto_publish(client, NULL, m->config.will_topic, (int)strlen("online"), "online",
                          QOS_AT_LEAST_ONCE, true);
    set_link(m, LINK_UP, "");
}

/* ---- out --------------------------------------------------------------- */

static struct flight *find_flight(struct mqtt *m, bool used, int message_id)
{
    for (int i = 0; i < LIMIT_IN_FLIGHT; i++) {
        struct flight *flight = &m->flights[i];

        if (flight->used == used && (!used || flight->message_id == message_id))
            return flight;
    }
    return NULL;
}

static void on_publish(struct mosquitto *client, void *context, int message_id)
{
    struct mqtt *m = context;
    struct flight *flight = find_flight(m, true, message_id);

    (void)client;
    if (!flight)
        return;
    flight->used = false;
    pthread_mutex_lock(&m->mutex);
    m->health.published++;
    pthread_mutex_unlock(&m->mutex);
}

static void count_dropped(struct mqtt *m)
{
    pthread_mutex_lock(&m->mutex);
    m->outbox.dropped++;
    pthread_mutex_unlock(&m->mutex);
}

/* The library forgets what it had not written at QoS 0; the rest it sends again by itself. */
static void land_lost_flights(struct mqtt *m)
{
    for (int i = 0; i < LIMIT_IN_FLIGHT; i++) {
        if (m->flights[i].used && m->flights[i].qos == 0) {
            m->flights[i].used = false;
            count_dropped(m);
        }
    }
}

static void hand_over(struct mqtt *m, struct flight *flight, const struct outbox_message *message)
{
    int code;

    *flight = (struct flight){.used = true, .qos = message->qos};
    code = mosquitto_publish(m->client, &flight->message_id, message->topic,
                             (int)message->payload_length, message->payload, message->qos,
                             message->retain);
    if (code == MOSQ_ERR_SUCCESS)
        return;
    /* NO_CONN above QoS 0: the library keeps the message; a second call would double it. */
    if (message->qos > 0 && (code == MOSQ_ERR_NO_CONN || code == MOSQ_ERR_CONN_LOST))
        return;
    flight->used = false;
    count_dropped(m);
}

/* Hands over as much as may be in flight; the rest waits in the outbox, where it is bounded. */
static void send_waiting(struct mqtt *m)
{
    struct flight *flight;

    while (m->consented && (flight = find_flight(m, false, 0))) {
        struct outbox_message *message;

        pthread_mutex_lock(&m->mutex);
        message = outbox_take(&m->outbox);
        pthread_mutex_unlock(&m->mutex);
        if (!message)
            return;
        hand_over(m, flight, message);
        free(message);
    }
}

/* ---- the connection ---------------------------------------------------- */

/* Waits for the socket or a wake-up and lets the library work. 0 or its error code. */
static int turn(struct mqtt *m, int timeout_ms)
{
    int code = MOSQ_ERR_SUCCESS;
    uint64_t count;
    struct pollfd fds[2] = {
        {.fd = m->wake_fd, .events = POLLIN},
        {.fd = mosquitto_socket(m->client), .events = POLLIN},
    };

    if (fds[1].fd < 0)
        return MOSQ_ERR_CONN_LOST;
    if (mosquitto_want_write(m->client))
        fds[1].events |= POLLOUT;
    if (poll(fds, 2, timeout_ms) < 0 && errno != EINTR)
        return MOSQ_ERR_ERRNO;
    if ((fds[0].revents & POLLIN) && read(m->wake_fd, &count, sizeof(count)) < 0)
        return MOSQ_ERR_ERRNO;
    if (fds[1].revents & POLLOUT)
        code = mosquitto_loop_write(m->client, 1);
    if (code == MOSQ_ERR_SUCCESS && (fds[1].revents & (POLLIN | POLLERR | POLLHUP)))
        code = mosquitto_loop_read(m->client, 1);
    if (code == MOSQ_ERR_SUCCESS)
        code = mosquitto_loop_misc(m->client);
    return code;
}

static int64_t real_ms(void)
{
    return clock_mono_ns() / 1000000;
}

/* Says that we stop and hands over what still waits, for a bounded time. */
static void farewell(struct mqtt *m)
{
    const int64_t end_ms = real_ms() + FAREWELL_MS;
    int code = MOSQ_ERR_SUCCESS;
    bool empty = false;

    if (m->config.will_topic[0]) {
        pthread_mutex_lock(&m->mutex);
        outbox_put(&m->outbox, m->config.will_topic, "offline", QOS_AT_LEAST_ONCE, true);
        pthread_mutex_unlock(&m->mutex);
    }
    while (code == MOSQ_ERR_SUCCESS && !empty && real_ms() < end_ms) {
        send_waiting(m);
        pthread_mutex_lock(&m->mutex);
        empty = m->outbox.length == 0;
        pthread_mutex_unlock(&m->mutex);
        for (int i = 0; i < LIMIT_IN_FLIGHT; i++)
            empty = empty && !m->flights[i].used;
        if (!empty)
            code = turn(m, 20);
    }
    mosquitto_disconnect(m->client);
}

/* Stays until the connection ends or we stop; `ret_cause` in words. */
static void serve(struct mqtt *m, struct error *ret_cause)
{
    const int64_t consent_by_ms = real_ms() + CONNACK_MS;
    int code;

    while (!stopping(m)) {
        code = turn(m, IDLE_MS);
        if (code != MOSQ_ERR_SUCCESS) {
            error_set(ret_cause, 0, "%s",
                      code == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(code));
            return;
        }
        if (!m->consented && real_ms() > consent_by_ms) {
            error_set(ret_cause, 0, "no answer to our CONNECT within %d s", CONNACK_MS / 1000);
            return;
        }
        send_waiting(m);
    }
    if (m->consented)
        farewell(m);
}

/* The numeric form of one of the broker's addresses, a different one at each attempt: a
 * connection that is not waited for cannot fall back to the next address by itself. */
static int resolve(const char *host, unsigned attempt, char *ret_address, socklen_t size,
                   struct error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *all, *one;
    unsigned count = 0;
    int code = getaddrinfo(host, NULL, &hints, &all);

    if (code)
        return error_set(error, ERROR_UNREACHABLE, "name look-up: %s", gai_strerror(code));
    for (one = all; one; one = one->ai_next)
        count++;
    one = all;
    for (unsigned i = attempt % count; i > 0; i--)
        one = one->ai_next;
    code = getnameinfo(one->ai_addr, one->ai_addrlen, ret_address, size, NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(all);
    if (code)
        return error_set(error, ERROR_UNREACHABLE, "address: %s", gai_strerror(code));
    return 0;
}

/* One connection from the first packet to its end. */
static void attempt_connection(struct mqtt *m, unsigned attempt, struct error *ret_cause)
{
    char address[NI_MAXHOST];
    int code;

    m->consented = false;
    if (resolve(m->config.host, attempt, address, sizeof(address), ret_cause) < 0)
        return;
    code = mosquitto_connect_async(m->client, address, m->config.port, m->config.keepalive_s);
    if (code > 0) {
        error_set(ret_cause, 0, "%s",
                  code == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(code));
        return;
    }
    /* Jobs are started from this process and must not inherit the connection. */
    if (mosquitto_socket(m->client) >= 0)
        fcntl(mosquitto_socket(m->client), F_SETFD, FD_CLOEXEC);
    serve(m, ret_cause);
    m->consented = false;
    land_lost_flights(m);
}

static void rest(struct mqtt *m, int64_t duration_ms)
{
    const int64_t end_ms = real_ms() + duration_ms;
    int64_t left_ms;
    uint64_t count;

    while (!stopping(m) && (left_ms = end_ms - real_ms()) > 0) {
        struct pollfd fd = {.fd = m->wake_fd, .events = POLLIN};

        if (poll(&fd, 1, (int)left_ms) > 0 && read(m->wake_fd, &count, sizeof(count)) < 0)
            return;
    }
}

/* For ever, whatever the error: what is wrong today may be put right at the broker tomorrow. */
void *mqtt_connection_main(void *context)
{
    struct mqtt *m = context;
    int64_t back_off_ms = BACK_OFF_LEAST_MS;

    for (unsigned attempt = 0; !stopping(m); attempt++) {
        struct error cause = {"stopped"};
        int64_t began_ms = real_ms();

        attempt_connection(m, attempt, &cause);
        if (stopping(m))
            break;
        set_link(m, LINK_DOWN, cause.text);
        if (real_ms() - began_ms >= LASTING_MS)
            back_off_ms = BACK_OFF_LEAST_MS;
        rest(m, back_off_ms);
        back_off_ms = back_off_ms * 2 < BACK_OFF_MOST_MS ? back_off_ms * 2 : BACK_OFF_MOST_MS;
    }
    pthread_mutex_lock(&m->mutex);
    m->ended = true;
    pthread_cond_signal(&m->end_reached);
    pthread_mutex_unlock(&m->mutex);
    mqtt_release(m);
    return NULL;
}

/* ---- the client ----------------------------------------------------------------------------- */

bool mqtt_topic_in_full(const char *topic)
{
    return topic[0] && mosquitto_pub_topic_check(topic) == MOSQ_ERR_SUCCESS;
}

static int configure(struct mqtt *m, struct error *error)
{
    int code = MOSQ_ERR_SUCCESS;

    if (m->config.username[0])
        code = mosquitto_username_pw_set(m->client, m->config.username, m->config.password);
    if (code == MOSQ_ERR_SUCCESS && m->config.will_topic[0])
        code = mosquitto_will_set(m->client, m->config.will_topic, (int)strlen("offline"),
                                  "offline", QOS_AT_LEAST_ONCE, true);
    if (code != MOSQ_ERR_SUCCESS)
        return error_set(error, ERROR_INVALID, "mqtt: %s", mosquitto_strerror(code));
    return 0;
}

int mqtt_client_create(struct mqtt *m, struct error *error)
{
    mosquitto_lib_init();
    m->client = mosquitto_new(m->config.client_id[0] ? m->config.client_id : NULL, true, m);
    if (!m->client)
        return error_set(error, ERROR_SYSTEM, "mqtt: %s", strerror(errno));
    mosquitto_connect_callback_set(m->client, on_connect);
    mosquitto_message_callback_set(m->client, on_message);
    mosquitto_subscribe_callback_set(m->client, on_subscribe);
    mosquitto_publish_callback_set(m->client, on_publish);
    return configure(m, error);
}

void mqtt_client_destroy(struct mqtt *m)
{
    if (m->client)
        mosquitto_destroy(m->client);
}
