/* What it costs the controller to take values in over MQTT from a mosquitto broker, beside a bare
 * libmosquitto client of the same messages that looks at nothing. Publishers are child processes
 * that write ready-made QoS 0 packets; the broker is the limit when neither reader drops anything.
 *
 *   bench_mqtt [SECONDS [VALUES_PER_S [TOPICS [VALUES_A_MESSAGE]]]]
 *
 * With one value a message the form is that of the DSX contract, else JSON by pointers. */
#include <arpa/inet.h>
#include <errno.h>
#include <mosquitto.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "drivers/mqtt.h"

enum {
    VALUES_MOST = 64,
    PACKET = 4096,
    SLICE_US = 2000, /* publishers send what is due so often */
    SETTLE_S = 1,    /* for subscriptions before, and stragglers afterwards */
};

static int run_s = 5, rate = 100000, topics = 10000, values = 1;
static uint16_t port;

static void die(const char *what)
{
    fprintf(stderr, "bench_mqtt: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- the broker ---- */

static int connect_broker(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void choose_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (struct sockaddr *)&address, size) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        die("bind");
    port = ntohs(address.sin_port);
    close(fd);
}

static pid_t start_broker(void)
{
    char path[] = "/tmp/bench-mqtt-XXXXXX";
    int fd = mkstemp(path), client = -1;
    pid_t pid;

    choose_port();
    dprintf(fd,
            "listener %u 127.0.0.1\nallow_anonymous true\nlog_dest none\nmax_queued_messages "
            "100000\n%s",
            port, getuid() == 0 ? "user root\n" : "");
    close(fd);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/usr/sbin/mosquitto", "mosquitto", "-c", path, (char *)NULL);
        _exit(127);
    }
    for (int waited = 0; client < 0 && waited < 500; waited++) {
        usleep(10000);
        client = connect_broker();
    }
    unlink(path);
    if (client < 0)
        die("mosquitto does not answer");
    close(client);
    return pid;
}

/* ---- the publisher ---- */

static size_t format_payload(char *text, size_t size, long number, long long now_ms)
{
    size_t length;

    if (values == 1)
        return (size_t)snprintf(text, size, "{\"value\":%ld,\"timestamp\":%lld,\"quality\":1}",
                                number, now_ms);
    length = (size_t)snprintf(text, size, "{\"at\":%lld", now_ms);
    for (int i = 0; i < values; i++)
        length += (size_t)snprintf(text + length, size - length, ",\"v%d\":%ld", i, number + i);
    return length + (size_t)snprintf(text + length, size - length, "}");
}

/* One PUBLISH of QoS 0; its length. */
static size_t make_packet(uint8_t *packet, long number, long long now_ms)
{
    char topic[64], payload[PACKET - 128];
    size_t topic_length = (size_t)sprintf(topic, "site/%ld", number % topics);
    size_t length = format_payload(payload, sizeof(payload), number, now_ms), rest, at = 0;

    rest = 2 + topic_length + length;
    packet[at++] = 0x30;
    for (; rest >= 128; rest >>= 7)
        packet[at++] = (uint8_t)(rest | 128);
    packet[at++] = (uint8_t)rest;
    packet[at++] = (uint8_t)(topic_length >> 8);
    packet[at++] = (uint8_t)topic_length;
    memcpy(packet + at, topic, topic_length);
    memcpy(packet + at + topic_length, payload, length);
    return at + topic_length + length;
}

static void send_all(int fd, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

        if (sent <= 0)
            die("send");
        bytes += sent;
        length -= (size_t)sent;
    }
}

/* Sends `rate` values a second for the time of the run; the number of messages is its result. */
static long publish(int fd)
{
    static uint8_t buffer[1 << 20];
    const long most = (long)rate / values * run_s;
    const double begin_s = now_s();
    struct timespec wall;
    long sent = 0;

    while (sent < most && now_s() - begin_s < 4 * run_s) {
        long due = (long)((now_s() - begin_s) * rate / values);
        size_t length = 0;

        clock_gettime(CLOCK_REALTIME, &wall);
        for (; sent < due && sent < most && length < sizeof(buffer) - PACKET; sent++)
            length +=
                make_packet(buffer + length, sent, wall.tv_sec * 1000LL + wall.tv_nsec / 1000000);
        send_all(fd, buffer, length);
        usleep(SLICE_US);
    }
    return sent;
}

struct publisher {
    pid_t pid;
    int result; /* pipe: messages sent and seconds taken */
};

static struct publisher start_publisher(void)
{
    static const uint8_t hello[] = {0x10, 16, 0, 4, 'M', 'Q', 'T', 'T', 4,
                                    2,    0,  0, 0, 4,   'p', 'u', 'b', 's'};
    struct publisher publisher;
    int ends[2];

    if (pipe(ends) < 0)
        die("pipe");
    publisher.result = ends[0];
    publisher.pid = fork();
    if (publisher.pid == 0) {
        int fd = connect_broker();
        double taken[2], begin_s;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        send_all(fd, hello, sizeof(hello));
        sleep(SETTLE_S);
        begin_s = now_s();
        taken[0] = (double)publish(fd);
        taken[1] = now_s() - begin_s;
        sleep(SETTLE_S);
        if (write(ends[1], taken, sizeof(taken)) < 0)
            die("write");
        _exit(0);
    }
    close(ends[1]);
    return publisher;
}

/* ---- figures ---- */

struct figures {
    double sent, seconds, received, cpu_s;
};

static void finish_publisher(struct publisher *publisher, struct figures *ret_figures)
{
    double taken[2] = {0, 1};

    if (read(publisher->result, taken, sizeof(taken)) < 0)
        die("read");
    close(publisher->result);
    waitpid(publisher->pid, NULL, 0);
    ret_figures->sent = taken[0] * values;
    ret_figures->seconds = taken[1];
}

static bool publisher_done(const struct publisher *publisher)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_PID, (id_t)publisher->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
           info.si_pid != 0;
}

static void row(const char *what, double value, const char *unit)
{
    printf("%s  %.4g %s\n", what, value, unit);
}

/* ---- our edge ---- */

static uint64_t samples;

static void take_sample(void *context, const struct sample *sample)
{
    (void)context;
    samples += sample->quality == QUALITY_GOOD;
}

static void take_link(void *context, int32_t device, enum link_state link, enum reason reason)
{
    (void)context, (void)device, (void)link, (void)reason;
}

static struct mqtt_point *make_points(int count)
{
    struct mqtt_point *points = calloc((size_t)count, sizeof(*points));

    for (int i = 0; i < count; i++) {
        points[i].point = i;
        snprintf(points[i].topic, sizeof(points[i].topic), "site/%d", i / values);
        mqtt_mapping_init(&points[i].mapping, values == 1 ? MQTT_DSX : MQTT_JSON);
        if (values == 1)
            continue;
        snprintf(points[i].mapping.value, sizeof(points[i].mapping.value), "/v%d", i % values);
        strcpy(points[i].mapping.time, "/at");
    }
    return points;
}

static void measure_edge(struct figures *ret_figures, struct mqtt_health *ret_health)
{
    const struct driver_sink sink = {.sample = take_sample, .link = take_link};
    struct mqtt_config config = {.host = "127.0.0.1", .port = port, .keepalive_s = 60};
    int count = topics * values;
    struct mqtt_point *points = make_points(count);
    struct point *plant = calloc((size_t)count, sizeof(*plant));
    struct device device = {.point_count = count};
    struct topology topology = {
        .devices = &device, .device_count = 1, .points = plant, .point_count = count};
    struct publisher publisher;
    struct driver *driver;
    struct clock clock;
    struct error error;
    uv_loop_t loop;
    double cpu;

    uv_loop_init(&loop);
    clock_init_real(&clock);
    if (mqtt_create(&loop, &clock, &topology, &config, points, count, &sink, &driver, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    cpu = cpu_s();
    publisher = start_publisher();
    while (!publisher_done(&publisher)) {
        uv_run(&loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    uv_run(&loop, UV_RUN_NOWAIT);
    ret_figures->cpu_s = cpu_s() - cpu;
    ret_figures->received = (double)samples;
    finish_publisher(&publisher, ret_figures);
    mqtt_health(driver, ret_health);
    driver_destroy(driver);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    free(points);
    free(plant);
}

/* ---- the bare client ---- */

static void count_message(struct mosquitto *client, void *context,
                          const struct mosquitto_message *message)
{
    (void)client, (void)message;
    ++*(double *)context;
}

static void measure_bare(struct figures *ret_figures)
{
    double messages = 0, cpu = cpu_s();
    struct mosquitto *client = mosquitto_new(NULL, true, &messages);
    struct publisher publisher;

    mosquitto_message_callback_set(client, count_message);
    if (mosquitto_connect(client, "127.0.0.1", port, 60) != MOSQ_ERR_SUCCESS)
        die("connect");
    mosquitto_subscribe(client, NULL, "site/#", 1);
    publisher = start_publisher();
    while (!publisher_done(&publisher))
        mosquitto_loop(client, 10, 1);
    ret_figures->cpu_s = cpu_s() - cpu;
    ret_figures->received = messages * values;
    finish_publisher(&publisher, ret_figures);
    mosquitto_destroy(client);
}

int main(int argc, char **argv)
{
    struct figures edge = {0}, bare = {0};
    struct mqtt_health health;
    struct rusage usage;
    pid_t broker;

    if ((argc > 1 && (run_s = atoi(argv[1])) < 1) || (argc > 2 && (rate = atoi(argv[2])) < 1) ||
        (argc > 3 && (topics = atoi(argv[3])) < 1) ||
        (argc > 4 && ((values = atoi(argv[4])) < 1 || values > VALUES_MOST)) || argc > 5) {
        fprintf(stderr, "usage: bench_mqtt [SECONDS [VALUES_PER_S [TOPICS [VALUES_A_MESSAGE]]]]\n");
        return 2;
    }
    mosquitto_lib_init();
    broker = start_broker();
    measure_edge(&edge, &health);
    getrusage(RUSAGE_SELF, &usage);
    measure_bare(&bare);
    kill(broker, SIGKILL);
    waitpid(broker, NULL, 0);
    row("values sent a second", edge.sent / edge.seconds, "1/s");
    row("values taken in", edge.received / edge.sent * 100, "%");
    row("values shed by us", (double)health.samples_dropped, "");
    row("processor a value", edge.cpu_s / edge.received * 1e6, "us");
    row("processor of one core", edge.cpu_s / edge.seconds * 100, "%");
    row("peak memory", (double)usage.ru_maxrss / 1024, "MiB");
    row("bare client: values sent a second", bare.sent / bare.seconds, "1/s");
    row("bare client: values taken in", bare.received / bare.sent * 100, "%");
    row("bare client: processor a value", bare.cpu_s / bare.received * 1e6, "us");
    return edge.received + (double)health.samples_dropped < edge.sent;
}
