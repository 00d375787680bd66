/* The clients that share the benchmark's process. None of them checks or decodes what it reads. */
#include "tools/bench/bench_peers.h"

#include <arpa/inet.h>
#include <modbus.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tools/bench/bench_devices.h"

enum { EVENTS = 64 };

void stopwatch_start(struct stopwatch *watch, int64_t run_ns)
{
    *watch = (struct stopwatch){.run_ns = run_ns, .start_cpu_us = cpu_us(), .start_ns = mono_ns()};
}

bool stopwatch_over(const struct stopwatch *watch)
{
    return mono_ns() - watch->start_ns >= watch->run_ns;
}

struct figures stopwatch_read(const struct stopwatch *watch, int64_t reads)
{
    return (struct figures){.reads = reads,
                            .wall_us = (double)(mono_ns() - watch->start_ns) / 1e3,
                            .cpu_us = cpu_us() - watch->start_cpu_us};
}

/* Rounds until the time is over. */
static struct figures run_rounds(const struct task *task, void (*round)(void *client), void *client)
{
    struct stopwatch watch;
    int64_t rounds = 0;
    for (int i = 0; i < WARM_UP_ROUNDS; i++)
        round(client);
    stopwatch_start(&watch, task->run_ns);
    do {
        round(client);
        rounds++;
    } while (!stopwatch_over(&watch));
    return stopwatch_read(&watch, rounds * task->devices * BLOCKS);
}

/* ---- libmodbus ---- */

struct libmodbus_client {
    int devices;
    modbus_t **links;
};

static modbus_t *libmodbus_open(uint16_t port, int unit)
{
    modbus_t *link = modbus_new_tcp("127.0.0.1", port);
    if (!link || modbus_connect(link) < 0 || modbus_set_slave(link, unit) < 0 ||
        modbus_set_response_timeout(link, 0, REPLY_TIMEOUT_MS * 1000) < 0)
        die("libmodbus");
    return link;
}

static struct libmodbus_client libmodbus_connect(const struct task *task, int dead)
{
    struct libmodbus_client client = {task->devices,
                                      calloc((size_t)task->devices, sizeof(modbus_t *))};
    for (int d = 0; d < task->devices; d++)
        client.links[d] = libmodbus_open(task->port, d < dead ? DEAD_UNIT : 1);
    return client;
}

static void libmodbus_close(struct libmodbus_client *client)
{
    for (int d = 0; d < client->devices; d++) {
        modbus_close(client->links[d]);
        modbus_free(client->links[d]);
    }
    free(client->links);
}

static bool libmodbus_read(modbus_t *link, int block)
{
    uint16_t registers[2 * ROWS];
    return modbus_read_registers(link, block * BLOCK_SPAN, 2 * ROWS, registers) == 2 * ROWS;
}

static void libmodbus_round(void *context)
{
    const struct libmodbus_client *client = context;
    for (int d = 0; d < client->devices; d++)
        for (int block = 0; block < BLOCKS; block++)
            if (!libmodbus_read(client->links[d], block))
                die("libmodbus: read");
}

struct figures run_libmodbus(const struct task *task)
{
    struct libmodbus_client client = libmodbus_connect(task, 0);
    struct figures figures = run_rounds(task, libmodbus_round, &client);
    libmodbus_close(&client);
    return figures;
}

double sweep_libmodbus_ms(const struct task *task, int dead)
{
    struct libmodbus_client client = libmodbus_connect(task, dead);
    int64_t start_ns = mono_ns();
    for (int d = 0; d < client.devices; d++)
        if (libmodbus_read(client.links[d], 0) != (d >= dead))
            die("libmodbus: sweep");
    double took_ms = (double)(mono_ns() - start_ns) / 1e6;
    libmodbus_close(&client);
    return took_ms;
}

/* ---- bare sockets ---- */

struct bare_client {
    int devices, epoll; /* epoll: -1 when the client waits for each reply */
    int *fds, *block;   /* by device */
};

static int bare_open(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("bare client");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static struct bare_client bare_connect(const struct task *task, int epoll)
{
    struct bare_client client = {task->devices, epoll,
                                 calloc((size_t)task->devices, sizeof *client.fds),
                                 calloc((size_t)task->devices, sizeof *client.block)};
    for (int d = 0; d < task->devices; d++)
        client.fds[d] = bare_open(task->port);
    return client;
}

static void bare_close(struct bare_client *client)
{
    for (int d = 0; d < client->devices; d++)
        close(client->fds[d]);
    free(client->fds);
    free(client->block);
}

static void ask(int fd, int block)
{
    uint16_t address = (uint16_t)(block * BLOCK_SPAN);
    uint8_t request[REQUEST] = {
        0, 1, 0, 0, 0, 6, 1, 3, (uint8_t)(address >> 8), (uint8_t)address, 0, 2 * ROWS};
    if (send(fd, request, REQUEST, 0) != REQUEST)
        die("bare client: send");
}

static void take(int fd)
{
    uint8_t reply[REPLY];
    if (recv(fd, reply, REPLY, 0) != REPLY)
        die("bare client: recv");
}

static void bare_round(void *context)
{
    const struct bare_client *client = context;
    for (int d = 0; d < client->devices; d++)
        for (int block = 0; block < BLOCKS; block++) {
            ask(client->fds[d], block);
            take(client->fds[d]);
        }
}

struct figures run_bare(const struct task *task)
{
    struct bare_client client = bare_connect(task, -1);
    struct figures figures = run_rounds(task, bare_round, &client);
    bare_close(&client);
    return figures;
}

static void epoll_round(void *context)
{
    struct bare_client *client = context;
    struct epoll_event events[EVENTS];
    for (int d = 0; d < client->devices; d++) {
        client->block[d] = 0;
        ask(client->fds[d], 0);
    }
    for (int left = client->devices * BLOCKS; left > 0;) {
        int count = epoll_wait(client->epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++, left--) {
            uint32_t d = events[i].data.u32;
            take(client->fds[d]);
            if (++client->block[d] < BLOCKS)
                ask(client->fds[d], client->block[d]);
        }
    }
}

struct figures run_epoll(const struct task *task)
{
    struct bare_client client = bare_connect(task, epoll_create1(0));
    for (int d = 0; d < task->devices; d++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)d};
        if (epoll_ctl(client.epoll, EPOLL_CTL_ADD, client.fds[d], &event) < 0)
            die("epoll");
    }
    struct figures figures = run_rounds(task, epoll_round, &client);
    bare_close(&client);
    close(client.epoll);
    return figures;
}
