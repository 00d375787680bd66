/* The connection thread of the MQTT edge: resolves, connects, reads, parses and writes. The only
 * user of libmosquitto, whose own loops are not used: they end for good on some errors, and wait
 * by select(), which cannot hold descriptors above 1023. */
#include "drivers/mqtt_private.h"
#include "drivers/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mosquitto.h>
#include <mqtt_protocol.h>

#include "controller/base/log.h"

enum {
    BACK_OFF_LEAST_MS = 250,
    BACK_OFF_MOST_MS = 30000,
    LASTING_MS = 10000,   /* a connection that held this long starts the back-off afresh */
    CONNACK_MS = 10000,   /* from the first packet to the broker's consent */
    IDLE_MS = 500,        /* between looks at the keepalive */
    FAREWELL_MS = 500,    /* to hand over what is left when we stop */
    TOPICS_A_PACKET = 32, /* in one SUBSCRIBE */
    READS_A_TURN = 512,   /* packets read before we look at anything else */
    TICK_MS = 1000,       /* between looks at the Sparkplug sessions */
    SHORT_LIVES = 3,      /* so many connections cut short in a row are no accident */
    QOS_AT_LEAST_ONCE = 1,
};

/* ---- state ------------------------------------------------------------- */

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
    m->news = false;
    pthread_mutex_lock(&m->mutex);
    if (m->listening)
        uv_async_send(&m->async);
    pthread_mutex_unlock(&m->mutex);
}

/* Another client took our place: the broker said so, or nothing else explains what it did. */
static bool robbed(const struct mqtt *m)
{
    return m->taken_over || m->short_lives >= SHORT_LIVES;
}

static void set_link(struct mqtt *m, enum link_state link, const char *cause)
{
    bool changed;

    pthread_mutex_lock(&m->mutex);
    changed = m->health.link != link || strcmp(m->health.cause.text, cause) != 0;
    m->health.link = link;
    error_set(&m->health.cause, 0, "%s", cause);
    m->health.takeovers += link == LINK_DOWN && robbed(m);
    if (link == LINK_UP) {
        m->health.connects++;
        m->health.protocol = m->protocol;
    } else {
        outbox_drop_transient(&m->outbox);
    }
    pthread_mutex_unlock(&m->mutex);
    if (!changed)
        return;
    if (link == LINK_UP)
        log_info("MQTT broker %s:%u connected", m->config.host, m->config.port);
    else
        log_warning("MQTT broker %s:%u not connected: %s", m->config.host, m->config.port, cause);
    rouse_control(m);
}

/* ---- in ---------------------------------------------------------------- */

static void on_message(struct mosquitto *client, void *context,
                       const struct mosquitto_message *message)
{
    (void)client;
    intake_message(context, message->topic, message->payload, (size_t)message->payloadlen,
                   message->retain);
}

static void subscribe_all(struct mqtt *m)
{
    m->unanswered = m->filter_count;
    for (int32_t i = 0; i < m->filter_count; i += TOPICS_A_PACKET) {
        char *names[TOPICS_A_PACKET];
        int count = 0, message_id = 0;

        while (count < TOPICS_A_PACKET && i + count < m->filter_count) {
            names[count] = m->filters[i + count].text;
            count++;
        }
        mosquitto_subscribe_multiple(m->client, &message_id, count, names, QOS_AT_LEAST_ONCE, 0,
                                     NULL);
        m->filters[i].subscription = message_id;
    }
}

/* A broker refuses single topics by its access rules: their points would stay silent for ever. */
static void note_refused(struct mqtt *m, const char *topic)
{
    log_warning("MQTT broker %s:%u refuses our subscription to %s: check its access rules",
                m->config.host, m->config.port, topic);
    pthread_mutex_lock(&m->mutex);
    m->health.subscriptions_refused++;
    pthread_mutex_unlock(&m->mutex);
}

static void on_subscribe(struct mosquitto *client, void *context, int message_id, int count,
                         const int *granted_qos)
{
    struct mqtt *m = context;
    int32_t first = 0;

    (void)client;
    while (first < m->filter_count && m->filters[first].subscription != message_id)
        first += TOPICS_A_PACKET;
    if (first >= m->filter_count)
        return;
    m->filters[first].subscription = 0;
    for (int i = 0; i < count && first + i < m->filter_count; i++) {
        if (granted_qos[i] > 2)
            note_refused(m, m->filters[first + i].text);
    }
    m->unanswered -= count;
    if (m->unanswered <= 0)
        intake_subscribed(m);
}

/* ---- the broker's word ------------------------------------------------- */

static void refuse(struct mqtt *m, int code)
{
    const char *name = m->config.client_id;

    switch (code) {
    case CONNACK_REFUSED_PROTOCOL_VERSION:
    case MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION:
        m->version_refused = m->protocol == MQTT_PROTOCOL_V5;
        error_set(&m->refusal, 0, "the broker knows neither MQTT 5 nor MQTT 3.1.1");
        return;
    case CONNACK_REFUSED_IDENTIFIER_REJECTED:
    case MQTT_RC_CLIENTID_NOT_VALID:
        error_set(&m->refusal, 0,
                  "the broker does not accept the client id \"%s\": set "
                  "mqtt.client_id to one that it allows",
                  name);
        return;
    case CONNACK_REFUSED_BAD_USERNAME_PASSWORD:
    case MQTT_RC_BAD_USERNAME_OR_PASSWORD:
        error_set(&m->refusal, 0,
                  "the broker refuses our credentials: check mqtt.username and "
                  "the password or password_file");
        return;
    case CONNACK_REFUSED_NOT_AUTHORIZED:
    case MQTT_RC_NOT_AUTHORIZED:
        error_set(&m->refusal, 0,
                  "the broker does not let us in: check mqtt.username, the "
                  "password or password_file, and the broker's access rules");
        return;
    case MQTT_RC_SESSION_TAKEN_OVER:
        m->taken_over = true;
        error_set(&m->refusal, 0,
                  "another client took over by using our client id \"%s\": give "
                  "each program its own mqtt.client_id",
                  name);
        return;
    default:
        error_set(&m->refusal, 0, "the broker says: %s", mosquitto_reason_string(code));
    }
}

static void on_connect(struct mosquitto *client, void *context, int code)
{
    struct mqtt *m = context;

    if (code != 0) {
        refuse(m, code);
        return;
    }
    m->consented = true;
    subscribe_all(m);
    if (m->config.will_topic[0])
        mosquitto_publish(client, NULL, m->config.will_topic, (int)strlen("online"), "online",
                          QOS_AT_LEAST_ONCE, true);
    set_link(m, LINK_UP, "");
}

/* Small codes are the library's own, and told by the call that failed. */
static void on_disconnect(struct mosquitto *client, void *context, int code)
{
    (void)client;
    if (code >= MQTT_RC_UNSPECIFIED)
        refuse(context, code);
}

static void on_log(struct mosquitto *client, void *context, int level, const char *text)
{
    struct mqtt *m = context;

    (void)client;
    if (level == MOSQ_LOG_ERR)
        error_set(&m->complaint, 0, "%s", text);
}

static bool hung_up(int code, int system_error)
{
    return code == MOSQ_ERR_CONN_LOST ||
           (code == MOSQ_ERR_ERRNO && (system_error == 0 || system_error == EPROTO ||
                                       system_error == ECONNRESET || system_error == EPIPE));
}

/* Why a connection ended, in words that say what to do. */
static void explain(struct mqtt *m, int code, int system_error, struct error *ret_cause)
{
    if (m->refusal.text[0])
        *ret_cause = m->refusal;
    else if (m->tls && mqtt_tls_refusal(m->tls)[0])
        error_set(ret_cause, 0, "%s", mqtt_tls_refusal(m->tls));
    else if (code == MOSQ_ERR_TLS || (m->complaint.text[0] && m->tls))
        error_set(ret_cause, 0, "TLS: %s", m->complaint.text);
    else if (m->tls && !m->consented && hung_up(code, system_error))
        error_set(ret_cause, 0,
                  "TLS: the broker hung up without a reason; if it asks for a client "
                  "certificate, set mqtt.cert_file and mqtt.key_file");
    else if (code == MOSQ_ERR_KEEPALIVE)
        error_set(ret_cause, 0, "the broker has not answered for %d s", m->config.keepalive_s);
    else if (robbed(m))
        error_set(ret_cause, 0,
                  "the broker has closed the connection %d times soon after "
                  "accepting it; another client may be using our client id \"%s\"",
                  m->short_lives, m->config.client_id);
    else if (hung_up(code, system_error))
        error_set(ret_cause, 0, "the broker closed the connection");
    else
        error_set(ret_cause, 0, "%s",
                  code == MOSQ_ERR_ERRNO ? strerror(system_error) : mosquitto_strerror(code));
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

/* Reads what has come, but not for ever: others wait too. The library reads one packet a call. */
static int read_packets(struct mqtt *m)
{
    int code = MOSQ_ERR_SUCCESS;
    uint64_t before;

    for (int i = 0; i < READS_A_TURN && code == MOSQ_ERR_SUCCESS; i++) {
        before = m->arrivals;
        errno = 0; /* the library looks at it after an end of file, too */
        code = mosquitto_loop_read(m->client, 1);
        if (m->arrivals == before)
            break;
    }
    intake_flush(m);
    return code;
}

/* What ended the socket; the library would go on asking one that failed to connect under TLS. */
static int socket_failure(int fd)
{
    int failure = 0;
    socklen_t size = sizeof(failure);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) < 0 ? errno : failure;
}

/* Waits for the socket or a wake-up and lets the library work. 0 or its error code. */
static int turn(struct mqtt *m, int timeout_ms)
{
    int code = MOSQ_ERR_SUCCESS, failure = 0;
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
    if (fds[1].revents & POLLERR)
        failure = socket_failure(fds[1].fd);
    if (fds[1].revents & (POLLIN | POLLERR | POLLHUP))
        code = read_packets(m); /* first: the last word of a lost broker may say why */
    if (code == MOSQ_ERR_SUCCESS && failure) {
        errno = failure;
        return MOSQ_ERR_ERRNO;
    }
    if (code == MOSQ_ERR_SUCCESS && (fds[1].revents & POLLOUT))
        code = mosquitto_loop_write(m->client, 1);
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

static void tick(struct mqtt *m)
{
    const int64_t now_ms = real_ms();

    if (!m->consented || now_ms - m->ticked_ms < TICK_MS)
        return;
    m->ticked_ms = now_ms;
    intake_tick(m);
}

/* Stays until the connection ends or we stop; `ret_cause` in words. */
static void serve(struct mqtt *m, struct error *ret_cause)
{
    const int64_t began_ms = real_ms();
    int code = MOSQ_ERR_SUCCESS, system_error;

    while (!stopping(m)) {
        code = turn(m, IDLE_MS);
        system_error = errno;
        if (m->news)
            rouse_control(m);
        if (code != MOSQ_ERR_SUCCESS)
            break;
        if (!m->consented && real_ms() - began_ms > CONNACK_MS) {
            error_set(ret_cause, 0, "no answer to our CONNECT within %d s", CONNACK_MS / 1000);
            return;
        }
        tick(m);
        send_waiting(m);
    }
    if (code == MOSQ_ERR_SUCCESS) {
        if (m->consented)
            farewell(m);
        return;
    }
    m->short_lives =
        m->consented && hung_up(code, system_error) && real_ms() - began_ms < LASTING_MS
            ? m->short_lives + 1
            : 0;
    m->cut_off = !m->consented && hung_up(code, system_error);
    explain(m, code, system_error, ret_cause);
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

/* ---- one connection ---------------------------------------------------- */

/* The file is read at each connection, so that a password can be changed. */
static int set_credentials(struct mqtt *m, struct error *error)
{
    char password[MQTT_SECRET];
    int code;

    if (!m->config.username[0])
        return 0;
    strcpy(password, m->config.password);
    if (m->config.password_file[0] &&
        secret_file_read(m->config.password_file, "mqtt.password_file", password, sizeof(password),
                         error) < 0)
        return ERROR_INVALID;
    code = mosquitto_username_pw_set(m->client, m->config.username, password);
    explicit_bzero(password, sizeof(password));
    if (code != MOSQ_ERR_SUCCESS)
        return error_set(error, ERROR_INVALID, "mqtt: credentials: %s", mosquitto_strerror(code));
    return 0;
}

/* MQTT 5 lets us say how large a packet may be, without which the library takes 256 MiB into
 * memory. Only the blocking connect takes properties, and it keeps them for all later connects, so
 * it is called with a port that is none. */
static int set_protocol(struct mqtt *m, struct error *error)
{
    enum { NO_PORT = -1 };
    mosquitto_property *properties = NULL;
    int code = mosquitto_int_option(m->client, MOSQ_OPT_PROTOCOL_VERSION, m->protocol);

    if (code == MOSQ_ERR_SUCCESS && m->protocol == MQTT_PROTOCOL_V5)
        code = mosquitto_property_add_int32(&properties, MQTT_PROP_MAXIMUM_PACKET_SIZE,
                                            LIMIT_MQTT_PACKET);
    if (code == MOSQ_ERR_SUCCESS)
        mosquitto_connect_bind_v5(m->client, m->config.host, NO_PORT, m->config.keepalive_s, NULL,
                                  properties);
    mosquitto_property_free_all(&properties);
    if (code != MOSQ_ERR_SUCCESS)
        return error_set(error, ERROR_SYSTEM, "protocol: %s", mosquitto_strerror(code));
    return 0;
}

static int prepare(struct mqtt *m, unsigned attempt, char *ret_address, socklen_t size,
                   struct error *error)
{
    m->consented = m->version_refused = m->taken_over = m->cut_off = false;
    m->refusal.text[0] = m->complaint.text[0] = '\0';
    if (m->tls && mqtt_tls_reload(m->tls, error) < 0)
        return ERROR_INVALID;
    if (set_credentials(m, error) < 0 || set_protocol(m, error) < 0)
        return ERROR_INVALID;
    return resolve(m->config.host, attempt, ret_address, size, error);
}

/* One connection from the first packet to its end. */
static void attempt_connection(struct mqtt *m, unsigned attempt, struct error *ret_cause)
{
    char address[NI_MAXHOST];
    int code;

    if (prepare(m, attempt, address, sizeof(address), ret_cause) < 0)
        return;
    errno = 0;
    code = mosquitto_connect_async(m->client, address, m->config.port, m->config.keepalive_s);
    if (code > 0) {
        explain(m, code, errno, ret_cause);
        return;
    }
    /* Jobs are started from this process and must not inherit the connection. */
    if (mosquitto_socket(m->client) >= 0)
        fcntl(mosquitto_socket(m->client), F_SETFD, FD_CLOEXEC);
    serve(m, ret_cause);
    m->consented = false;
    land_lost_flights(m);
}

/* MQTT 5 first each time. A broker that refuses it, or hangs up on it, is asked in MQTT 3.1.1. */
static int next_protocol(const struct mqtt *m)
{
    const bool older = m->version_refused || (m->cut_off && m->protocol == MQTT_PROTOCOL_V5);

    return older ? MQTT_PROTOCOL_V311 : MQTT_PROTOCOL_V5;
}

/* A quarter more or less, so that the clients of a broker do not come back all at once. */
static int64_t jittered(int64_t back_off_ms)
{
    return back_off_ms * 3 / 4 + arc4random_uniform((uint32_t)back_off_ms / 2 + 1);
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
static void connect_for_ever(struct mqtt *m)
{
    int64_t back_off_ms = BACK_OFF_LEAST_MS;

    for (unsigned attempt = 0; !stopping(m); attempt++) {
        struct error cause = {"stopped"};
        int64_t began_ms = real_ms();
        bool again;

        attempt_connection(m, attempt, &cause);
        if (stopping(m))
            return;
        again = m->version_refused && m->protocol == MQTT_PROTOCOL_V5;
        m->protocol = next_protocol(m);
        if (again)
            continue;
        set_link(m, LINK_DOWN, cause.text);
        if (real_ms() - began_ms >= LASTING_MS && !robbed(m))
            back_off_ms = BACK_OFF_LEAST_MS;
        rest(m, jittered(back_off_ms));
        back_off_ms = back_off_ms * 2 < BACK_OFF_MOST_MS ? back_off_ms * 2 : BACK_OFF_MOST_MS;
    }
}

void *mqtt_connection_main(void *context)
{
    struct mqtt *m = context;

    connect_for_ever(m);
    pthread_mutex_lock(&m->mutex);
    m->ended = true;
    pthread_cond_signal(&m->end_reached);
    pthread_mutex_unlock(&m->mutex);
    mqtt_release(m);
    return NULL;
}

/* ---- the client -------------------------------------------------------- */

bool mqtt_topic_in_full(const char *topic)
{
    return topic[0] && mosquitto_pub_topic_check(topic) == MOSQ_ERR_SUCCESS;
}

bool mqtt_filter_valid(const char *filter)
{
    return filter[0] && mosquitto_sub_topic_check(filter) == MOSQ_ERR_SUCCESS;
}

bool mqtt_filter_matches(const char *filter, const char *topic)
{
    bool matches = false;

    return mosquitto_topic_matches_sub(filter, topic, &matches) == MOSQ_ERR_SUCCESS && matches;
}

/* What is wrong with files is told at the start, not only at the first connection. */
static int configure(struct mqtt *m, struct error *error)
{
    int code = MOSQ_ERR_SUCCESS;

    if (m->config.security.tls) {
        if (mqtt_tls_create(&m->config.security, m->config.host, &m->tls, error) < 0)
            return ERROR_INVALID;
        code = mosquitto_void_option(m->client, MOSQ_OPT_SSL_CTX, mqtt_tls_context(m->tls));
        if (code == MOSQ_ERR_SUCCESS) /* the library is not to set anything over it */
            code = mosquitto_int_option(m->client, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
    }
    if (code == MOSQ_ERR_SUCCESS && m->config.will_topic[0])
        code = mosquitto_will_set(m->client, m->config.will_topic, (int)strlen("offline"),
                                  "offline", QOS_AT_LEAST_ONCE, true);
    if (code != MOSQ_ERR_SUCCESS)
        return error_set(error, ERROR_INVALID, "mqtt: %s", mosquitto_strerror(code));
    return set_credentials(m, error);
}

int mqtt_client_create(struct mqtt *m, struct error *error)
{
    mosquitto_lib_init();
    m->protocol = MQTT_PROTOCOL_V5;
    m->client = mosquitto_new(m->config.client_id[0] ? m->config.client_id : NULL, true, m);
    if (!m->client)
        return error_set(error, ERROR_SYSTEM, "mqtt: %s", strerror(errno));
    mosquitto_connect_callback_set(m->client, on_connect);
    mosquitto_disconnect_callback_set(m->client, on_disconnect);
    mosquitto_message_callback_set(m->client, on_message);
    mosquitto_subscribe_callback_set(m->client, on_subscribe);
    mosquitto_publish_callback_set(m->client, on_publish);
    mosquitto_log_callback_set(m->client, on_log);
    return configure(m, error);
}

void mqtt_client_destroy(struct mqtt *m)
{
    if (m->client)
        mosquitto_destroy(m->client);
    mqtt_tls_destroy(m->tls);
}
