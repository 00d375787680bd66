/* The broker is mosquitto as it is installed; the publisher writes ready-made QoS 0 packets, so
 * that the broker and its readers are the limit. */
#include "tools/bench/bench_broker.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench/bench.h"

enum {
    PACKET = 4096,
    SLICE_US = 2000, /* what is due is sent so often */
    START_STEP_US = 10000,
    START_STEPS = 500,
};

/* ---- the broker ---- */

static int connect_broker(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static uint16_t choose_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, size) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        die("bind");
    close(fd);
    return ntohs(address.sin_port);
}

static void write_config(const char *path, int fd, uint16_t port)
{
    FILE *file = fdopen(fd, "w");
    if (!file)
        die(path);
    fprintf(file,
            "listener %u 127.0.0.1\nallow_anonymous true\nlog_dest none\n"
            "max_queued_messages 100000\n%s",
            port, getuid() == 0 ? "user root\n" : "");
    fclose(file);
}

static void run_broker(const char *config)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (freopen("/dev/null", "w", stderr))
        execl("/usr/sbin/mosquitto", "mosquitto", "-c", config, (char *)NULL);
    _exit(127);
}

pid_t broker_start(uint16_t *ret_port)
{
    char path[] = "/tmp/bench-mqtt-XXXXXX";
    int client = -1;
    *ret_port = choose_port();
    write_config(path, mkstemp(path), *ret_port);
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0)
        run_broker(path);
    for (int step = 0; client < 0 && step < START_STEPS; step++) {
        usleep(START_STEP_US);
        client = connect_broker(*ret_port);
    }
    unlink(path);
    if (client < 0)
        die("mosquitto does not answer");
    close(client);
    return pid;
}

void broker_stop(pid_t broker)
{
    kill(broker, SIGTERM);
    waitpid(broker, NULL, 0);
}

/* ---- the publisher ---- */

static size_t format_payload(char *text, size_t size, int values, int64_t number, int64_t now_ms)
{
    if (values == 1)
        return (size_t)snprintf(text, size, "{\"value\":%lld,\"timestamp\":%lld,\"quality\":1}",
                                (long long)number, (long long)now_ms);
    size_t length = (size_t)snprintf(text, size, "{\"at\":%lld", (long long)now_ms);
    for (int i = 0; i < values; i++)
        length += (size_t)snprintf(text + length, size - length, ",\"v%d\":%lld", i,
                                   (long long)number + i);
    return length + (size_t)snprintf(text + length, size - length, "}");
}

/* One PUBLISH of QoS 0; its length. */
static size_t make_packet(uint8_t *packet, const struct load *load, int64_t number, int64_t now_ms)
{
    char topic[64], payload[PACKET - 128];
    size_t topic_length =
        (size_t)snprintf(topic, sizeof topic, "site/%lld", (long long)number % load->topics);
    size_t length = format_payload(payload, sizeof payload, load->values, number, now_ms), at = 0;
    size_t rest = 2 + topic_length + length;
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

static int64_t utc_ms(void)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    return wall.tv_sec * INT64_C(1000) + wall.tv_nsec / 1000000;
}

/* Sends what is due until all is sent; the number of messages is its result. */
static int64_t publish(int fd, const struct load *load)
{
    static uint8_t buffer[1 << 20];
    const double per_s = (double)load->values_per_s / load->values;
    const int64_t most = (int64_t)(per_s * load->seconds), begin_ns = mono_ns();
    int64_t sent = 0;
    while (sent < most) {
        int64_t due = (int64_t)((double)(mono_ns() - begin_ns) / 1e9 * per_s), now_ms = utc_ms();
        size_t length = 0;
        for (; sent < due && sent < most && length < sizeof buffer - PACKET; sent++)
            length += make_packet(buffer + length, load, sent, now_ms);
        send_all(fd, buffer, length);
        usleep(SLICE_US);
    }
    return sent;
}

struct published {
    int64_t messages;
    double seconds;
};

static void run_publisher(uint16_t port, const struct load *load, int result)
{
    static const uint8_t hello[] = {0x10, 16, 0, 4, 'M', 'Q', 'T', 'T', 4,
                                    2,    0,  0, 0, 4,   'p', 'u', 'b', 's'};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = connect_broker(port);
    send_all(fd, hello, sizeof hello);
    sleep(SETTLE_S);
    int64_t begin_ns = mono_ns();
    struct published published = {.messages = publish(fd, load)};
    published.seconds = (double)(mono_ns() - begin_ns) / 1e9;
    sleep(SETTLE_S);
    if (write(result, &published, sizeof published) != sizeof published)
        die("publisher");
    _exit(0);
}

struct publisher publisher_start(uint16_t port, const struct load *load)
{
    int ends[2];
    if (pipe(ends) < 0)
        die("pipe");
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0)
        run_publisher(port, load, ends[1]);
    close(ends[1]);
    return (struct publisher){.pid = pid, .result = ends[0]};
}

bool publisher_done(const struct publisher *publisher)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)publisher->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
           info.si_pid != 0;
}

void publisher_finish(struct publisher *publisher, int64_t *ret_messages, double *ret_seconds)
{
    struct published published;
    if (read(publisher->result, &published, sizeof published) != sizeof published)
        die("the publisher failed");
    close(publisher->result);
    waitpid(publisher->pid, NULL, 0);
    *ret_messages = published.messages;
    *ret_seconds = published.seconds;
}
