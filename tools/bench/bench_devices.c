/* The devices: one process, one poll() loop, so that they cost the machine little. */
#include "tools/bench/bench_devices.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REGISTERS_MOST = 125 };

static int device_count;
static int64_t delay_ns;
static _Atomic int64_t *reads; /* shared by the devices and the benchmark */

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
    if (recv(server_fds[place].fd, client->request, REQUEST, MSG_WAITALL) != REQUEST ||
        client->request[11] > REGISTERS_MOST)
        return false;
    client->due_ns = client->request[6] == DEAD_UNIT ? 0 : mono_ns() + delay_ns;
    return true;
}

static void answer(int place)
{
    const uint8_t *request = clients[place].request;
    uint8_t bytes = (uint8_t)(2 * request[11]);
    uint8_t reply[9 + 2 * REGISTERS_MOST] = {request[0],           request[1], 0, 0,    0,
                                             (uint8_t)(3 + bytes), request[6], 3, bytes};
    for (int i = 3; i < bytes; i += 4)
        reply[9 + i] = (uint8_t)(40 + i);
    clients[place].due_ns = 0;
    if (send(server_fds[place].fd, reply, 9 + (size_t)bytes, MSG_NOSIGNAL) == 9 + bytes)
        atomic_fetch_add_explicit(reads, 1, memory_order_relaxed);
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
    prctl(PR_SET_PDEATHSIG, SIGKILL);
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

pid_t start_devices(int count, int64_t reply_delay_ns, uint16_t *ret_port)
{
    device_count = count;
    delay_ns = reply_delay_ns;
    reads = mmap(NULL, sizeof *reads, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (reads == MAP_FAILED || listener < 0 ||
        bind(listener, (struct sockaddr *)&address, length) < 0 ||
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

void stop_devices(pid_t pid)
{
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

int64_t device_reads(void)
{
    return atomic_load_explicit(reads, memory_order_relaxed);
}

/* ---- the controller's view ---- */

static void fill_profile(struct profile *profile, int blocks)
{
    *profile = (struct profile){.max_registers = 125, .reply_timeout_ms = REPLY_TIMEOUT_MS};
    for (int block = 0; block < blocks; block++)
        for (int i = 0; i < ROWS; i++)
            profile->rows[profile->row_count++] =
                (struct profile_row){.point = (enum point_kind)(block * ROWS + i),
                                     .address = (uint16_t)(block * BLOCK_SPAN + 2 * i),
                                     .type = TYPE_U32,
                                     .factor = 1,
                                     .low = -HUGE_VAL,
                                     .high = HUGE_VAL};
}

static void add_device(struct bench_site *site, int d, bool dead, uint16_t port)
{
    struct error error;
    char name[LIMIT_NAME];
    snprintf(name, sizeof name, "m%d", d);
    if (topology_add_device(site->topology, name, ROLE_NONE, -1, 1000, &error) < 0)
        die(error.text);
    for (int r = 0; r < site->profile.row_count; r++) {
        struct point point = {.device = d, .kind = site->profile.rows[r].point};
        if (topology_add_point(site->topology, &point, &error) < 0)
            die(error.text);
    }
    site->wires[d] = (struct modbus_wire){.stream = {.host = "127.0.0.1", .port = port}};
    site->devices[d] = (struct modbus_device){
        .device = d, .profile = &site->profile, .wire = d, .unit = dead ? DEAD_UNIT : 1};
}

void site_init(struct bench_site *site, int count, int dead, int blocks, uint16_t port)
{
    *site = (struct bench_site){.count = count,
                                .topology = topology_create(),
                                .wires = calloc((size_t)count, sizeof *site->wires),
                                .devices = calloc((size_t)count, sizeof *site->devices)};
    if (!site->topology || !site->wires || !site->devices)
        die("site");
    fill_profile(&site->profile, blocks);
    for (int d = 0; d < count; d++)
        add_device(site, d, d < dead, port);
}

void site_finish(struct bench_site *site)
{
    topology_destroy(site->topology);
    free(site->wires);
    free(site->devices);
}

void ignore_link(void *context, int32_t device, enum link_state link, enum reason reason)
{
    (void)context, (void)device, (void)link, (void)reason;
}

void ignore_written(void *context, int32_t point, double value, enum reason reason)
{
    (void)context, (void)point, (void)value, (void)reason;
}
