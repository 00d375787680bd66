/* What one Modbus TCP read costs the controller, beside two clients that read the same registers of
 * the same devices one after the other: libmodbus, and bare send() and recv() without any checks.
 * The devices are a child process that answers at once, or DELAY_MS after each request.
 *
 *   bench_modbus [SECONDS [DEVICES [DELAY_MS]]]      seconds for each of the three clients */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <modbus.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "controller/base/limits.h"
#include "drivers/modbus_tcp.h"

enum {
    BLOCKS = 4,
    BLOCK_SPAN = 400, /* registers from block to block: too far to be joined */
    ROWS = 4,         /* u32 values in a block */
    REQUEST = 12,
    REPLY = 9 + 4 * ROWS,
    WARM_UP_ROUNDS = 3,
    TURNS = 5,
};

static int device_count;
static int64_t delay_ns, run_ns;

static void die(const char *what)
{
    fprintf(stderr, "bench_modbus: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t mono_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static double cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* ---- the devices ---- */

struct client {
    int64_t due_ns; /* of the reply; 0: nothing was asked */
    uint8_t request[REQUEST];
};

static struct pollfd *server_fds; /* the listening socket, then the clients */
static struct client *clients;    /* by place in server_fds */

static bool take_request(int place)
{
    struct client *client = &clients[place];
    if (recv(server_fds[place].fd, client->request, REQUEST, MSG_WAITALL) != REQUEST)
        return false;
    client->due_ns = mono_ns() + delay_ns;
    return true;
}

static void answer(int place)
{
    const uint8_t *request = clients[place].request;
    uint8_t reply[REPLY] = {request[0], request[1], 0, 0, 0, REPLY - 6, request[6], 3, 4 * ROWS};
    for (int i = 0; i < ROWS; i++)
        reply[12 + 4 * i] = (uint8_t)(40 + i);
    clients[place].due_ns = 0;
    if (send(server_fds[place].fd, reply, REPLY, MSG_NOSIGNAL) != REPLY)
        die("device: send");
}

static void welcome(int place)
{
    int one = 1, fd = accept(server_fds[0].fd, NULL, NULL);
    if (fd < 0)
        die("device: accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    server_fds[place] = (struct pollfd){.fd = fd, .events = POLLIN};
    clients[place].due_ns = 0;
}

/* Answers what is due; the time until the next is, NULL: nothing waits. */
static struct timespec *answer_due(int count, struct timespec *ret_wait)
{
    int64_t now_ns = mono_ns(), next_ns = INT64_MAX;
    for (int i = 1; i < count; i++) {
        if (clients[i].due_ns == 0)
            continue;
        if (clients[i].due_ns <= now_ns)
            answer(i);
        else if (clients[i].due_ns < next_ns)
            next_ns = clients[i].due_ns;
    }
    if (next_ns == INT64_MAX)
        return NULL;
    *ret_wait = (struct timespec){.tv_nsec = next_ns - now_ns};
    return ret_wait;
}

static void serve(int listener)
{
    int count = 1;
    server_fds = calloc((size_t)device_count + 1, sizeof *server_fds);
    clients = calloc((size_t)device_count + 1, sizeof *clients);
    server_fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (;;) {
        struct timespec wait;
        if (ppoll(server_fds, (nfds_t)count, answer_due(count, &wait), NULL) < 0)
            die("device: ppoll");
        for (int i = count - 1; i >= 1; i--) {
            if (!(server_fds[i].revents) || take_request(i))
                continue;
            close(server_fds[i].fd);
            count--;
            server_fds[i] = server_fds[count];
            clients[i] = clients[count];
        }
        if (server_fds[0].revents && count <= device_count)
            welcome(count++);
    }
}

static pid_t start_devices(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0 ||
        listen(listener, device_count) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        die("device");
    *ret_port = ntohs(address.sin_port);
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0)
        serve(listener);
    close(listener);
    return pid;
}

/* ---- what was measured ---- */

struct figures {
    int64_t reads;
    double wall_us, cpu_us;
};

struct stopwatch {
    int64_t start_ns;
    double start_cpu_us;
};

static void stopwatch_start(struct stopwatch *watch)
{
    watch->start_cpu_us = cpu_us();
    watch->start_ns = mono_ns();
}

static bool stopwatch_over(const struct stopwatch *watch)
{
    return mono_ns() - watch->start_ns >= run_ns;
}

static struct figures stopwatch_read(const struct stopwatch *watch, int64_t rounds)
{
    return (struct figures){.reads = rounds * device_count * BLOCKS,
                            .wall_us = (double)(mono_ns() - watch->start_ns) / 1e3,
                            .cpu_us = cpu_us() - watch->start_cpu_us};
}

/* ---- the controller's driver ---- */

struct master {
    uv_loop_t loop;
    uv_prepare_t prepare;
    struct driver *driver;
    int64_t samples, rounds, now_ms;
    bool warm;
    struct stopwatch watch;
    struct figures figures;
};

static void take_sample(void *context, const struct sample *sample)
{
    struct master *master = context;
    master->samples += sample->quality == QUALITY_GOOD;
}

static void take_link(void *context, int32_t device, enum link_state link, enum reason reason)
{
    (void)context;
    (void)device;
    if (link == LINK_DOWN) {
        fprintf(stderr, "bench_modbus: a device was lost: %s\n", reason_text(reason));
        exit(1);
    }
}

static void take_written(void *context, int32_t point, double value, enum reason reason)
{
    (void)context;
    (void)point;
    (void)value;
    (void)reason;
}

/* A round follows the round before it at once; the driver is never asked while one runs. */
static void next_round(uv_prepare_t *prepare)
{
    struct master *master = prepare->data;
    if (master->samples < (int64_t)device_count * BLOCKS * ROWS)
        return;
    master->samples = 0;
    master->rounds++;
    if (!master->warm && master->rounds == WARM_UP_ROUNDS) {
        master->warm = true;
        master->rounds = 0;
        stopwatch_start(&master->watch);
    }
    if (master->warm && stopwatch_over(&master->watch)) {
        master->figures = stopwatch_read(&master->watch, master->rounds);
        uv_stop(&master->loop);
        return;
    }
    master->now_ms += 1000;
    driver_poll(master->driver, master->now_ms);
}

static void fill_profile(struct profile *profile)
{
    *profile = (struct profile){.max_registers = 125, .reply_timeout_ms = 2000};
    for (int block = 0; block < BLOCKS; block++)
        for (int i = 0; i < ROWS; i++)
            profile->rows[profile->row_count++] =
                (struct profile_row){.point = (enum point_kind)(block * ROWS + i),
                                     .address = (uint16_t)(block * BLOCK_SPAN + 2 * i),
                                     .type = TYPE_U32,
                                     .factor = 1,
                                     .low = -HUGE_VAL,
                                     .high = HUGE_VAL};
}

static struct topology *fill_topology(const struct profile *profile, uint16_t port,
                                      struct modbus_device *devices)
{
    struct topology *topology = topology_create();
    struct error error;
    for (int d = 0; d < device_count; d++) {
        char name[LIMIT_NAME];
        snprintf(name, sizeof name, "m%d", d);
        if (topology_add_device(topology, name, ROLE_NONE, -1, 1000, &error) < 0)
            die(error.text);
        for (int r = 0; r < profile->row_count; r++) {
            struct point point = {.device = d, .kind = profile->rows[r].point};
            topology_add_point(topology, &point, &error);
        }
        devices[d] =
            (struct modbus_device){.device = d, .profile = profile, .port = port, .unit = 1};
        snprintf(devices[d].host, sizeof devices[d].host, "127.0.0.1");
    }
    return topology;
}

static struct figures run_driver(uint16_t port)
{
    static struct profile profile;
    struct master master = {.now_ms = 1000};
    struct clock clock;
    struct error error;
    struct driver_sink sink = {take_sample, take_link, take_written, &master};
    struct modbus_device *devices = calloc((size_t)device_count, sizeof *devices);
    fill_profile(&profile);
    struct topology *topology = fill_topology(&profile, port, devices);
    clock_init_real(&clock);
    uv_loop_init(&master.loop);
    if (modbus_tcp_create(&master.loop, &clock, topology, devices, device_count, &sink,
                          &master.driver, &error) < 0)
        die(error.text);
    uv_prepare_init(&master.loop, &master.prepare);
    master.prepare.data = &master;
    uv_prepare_start(&master.prepare, next_round);
    driver_poll(master.driver, master.now_ms);
    uv_run(&master.loop, UV_RUN_DEFAULT);
    driver_destroy(master.driver);
    uv_close((uv_handle_t *)&master.prepare, NULL);
    uv_run(&master.loop, UV_RUN_DEFAULT);
    uv_loop_close(&master.loop);
    topology_destroy(topology);
    free(devices);
    return master.figures;
}

/* ---- the peers ---- */

struct peer {
    const char *name;
    void *(*open)(uint16_t port);
    void (*read)(void *link, int block);
    void (*close)(void *link);
};

static void *libmodbus_open(uint16_t port)
{
    modbus_t *link = modbus_new_tcp("127.0.0.1", port);
    if (!link || modbus_connect(link) < 0 || modbus_set_slave(link, 1) < 0)
        die("libmodbus");
    return link;
}

static void libmodbus_read(void *link, int block)
{
    uint16_t registers[2 * ROWS];
    if (modbus_read_registers(link, block * BLOCK_SPAN, 2 * ROWS, registers) != 2 * ROWS)
        die("libmodbus: read");
}

static void libmodbus_close(void *link)
{
    modbus_close(link);
    modbus_free(link);
}

static void *bare_open(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, *link = malloc(sizeof *link);
    *link = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(*link, (struct sockaddr *)&address, sizeof address) < 0)
        die("bare client");
    setsockopt(*link, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return link;
}

static void bare_read(void *link, int block)
{
    uint16_t address = (uint16_t)(block * BLOCK_SPAN);
    uint8_t reply[REPLY],
        request[REQUEST] = {0, 1,       0, 0, 0, 6, 1, 3, (uint8_t)(address >> 8), (uint8_t)address,
                            0, 2 * ROWS};
    int fd = *(int *)link;
    if (send(fd, request, REQUEST, 0) != REQUEST || recv(fd, reply, REPLY, MSG_WAITALL) != REPLY)
        die("bare client: read");
}

static void bare_close(void *link)
{
    close(*(int *)link);
    free(link);
}

static const struct peer LIBMODBUS = {"libmodbus", libmodbus_open, libmodbus_read, libmodbus_close};
static const struct peer BARE = {"bare client", bare_open, bare_read, bare_close};

static void read_round(const struct peer *peer, void **links)
{
    for (int d = 0; d < device_count; d++)
        for (int block = 0; block < BLOCKS; block++)
            peer->read(links[d], block);
}

static struct figures run_peer(const struct peer *peer, uint16_t port)
{
    void **links = calloc((size_t)device_count, sizeof *links);
    struct stopwatch watch;
    int64_t rounds = 0;
    for (int d = 0; d < device_count; d++)
        links[d] = peer->open(port);
    read_round(peer, links);
    stopwatch_start(&watch);
    do {
        read_round(peer, links);
        rounds++;
    } while (!stopwatch_over(&watch));
    struct figures figures = stopwatch_read(&watch, rounds);
    for (int d = 0; d < device_count; d++)
        peer->close(links[d]);
    free(links);
    return figures;
}

/* ---- report ---- */

static double rate(const struct figures *f)
{
    return (double)f->reads / f->wall_us * 1e6;
}

static double cost_us(const struct figures *f)
{
    return f->cpu_us / (double)f->reads;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Other programs come and go: the clients take turns, and the middle of their turns counts. */
static double median(const struct figures turns[TURNS], double (*of)(const struct figures *))
{
    double values[TURNS];
    for (int i = 0; i < TURNS; i++)
        values[i] = of(&turns[i]);
    qsort(values, TURNS, sizeof *values, compare);
    return values[TURNS / 2];
}

/* A wide range says that the machine, not the client, made the figure. */
static void print_range(const char *name, const struct figures turns[TURNS])
{
    double least = INFINITY, most = 0;
    for (int i = 0; i < TURNS; i++) {
        least = fmin(least, cost_us(&turns[i]));
        most = fmax(most, cost_us(&turns[i]));
    }
    printf("%s: %.1f to %.1f us a read over the turns\n", name, least, most);
}

static void print_against(const char *name, const struct figures own[TURNS],
                          const struct figures peer[TURNS])
{
    double own_rate = median(own, rate), peer_rate = median(peer, rate);
    double own_us = median(own, cost_us), peer_us = median(peer, cost_us);
    char label[40], value[40], other[64];
    snprintf(label, sizeof label, "throughput, beside %s", name);
    snprintf(value, sizeof value, "%.0f reads/s", own_rate);
    snprintf(other, sizeof other, "%.0f reads/s", peer_rate);
    printf("%-34s  %20s  %-16s  %.2f\n", label, value, other, own_rate / peer_rate);
    snprintf(label, sizeof label, "processor, beside %s", name);
    snprintf(value, sizeof value, "%.1f us a read", own_us);
    snprintf(other, sizeof other, "%.1f us a read", peer_us);
    printf("%-34s  %20s  %-16s  %.2f\n", label, value, other, own_us / peer_us);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 3, delay_ms = argc > 3 ? atof(argv[3]) : 0;
    device_count = argc > 2 ? atoi(argv[2]) : 50;
    if (!(seconds > 0) || device_count < 1 || device_count > LIMIT_DEVICES || !(delay_ms >= 0) ||
        delay_ms >= 1000) {
        fprintf(stderr, "usage: bench_modbus [SECONDS [DEVICES [DELAY_MS]]]\n");
        return 2;
    }
    run_ns = (int64_t)(seconds / TURNS * 1e9);
    delay_ns = (int64_t)(delay_ms * 1e6);
    uint16_t port;
    pid_t devices = start_devices(&port);
    struct figures own[TURNS], libmodbus[TURNS], bare[TURNS];
    for (int i = 0; i < TURNS; i++) {
        own[i] = run_driver(port);
        libmodbus[i] = run_peer(&LIBMODBUS, port);
        bare[i] = run_peer(&BARE, port);
    }
    kill(devices, SIGTERM);
    waitpid(devices, NULL, 0);
    print_against(LIBMODBUS.name, own, libmodbus);
    print_against(BARE.name, own, bare);
    printf("%d devices of %d blocks of %d registers, answering after %g ms; median of %d turns\n",
           device_count, BLOCKS, 2 * ROWS, delay_ms, TURNS);
    print_range("driver", own);
    print_range(LIBMODBUS.name, libmodbus);
    print_range(BARE.name, bare);
    return 0;
}
