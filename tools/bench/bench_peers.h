/* Other clients that read the devices of a benchmark, to be put beside the controller's driver. */
#ifndef TIDEWATT_BENCH_PEERS_H
#define TIDEWATT_BENCH_PEERS_H

#include <stdbool.h>
#include <stdint.h>

enum { WARM_UP_ROUNDS = 3 };

struct figures {
    int64_t reads;
    double wall_us, cpu_us;
    double resident_mib; /* 0: shares our process */
};

struct stopwatch {
    int64_t start_ns, run_ns;
    double start_cpu_us;
};

void stopwatch_start(struct stopwatch *watch, int64_t run_ns);
bool stopwatch_over(const struct stopwatch *watch);
struct figures stopwatch_read(const struct stopwatch *watch, int64_t reads);

/* What every client is to do: read all blocks of all devices, again and again. */
struct task {
    uint16_t port;
    int devices;
    int64_t run_ns;
};

/* Blocking, device after device, block after block: libmodbus, and bare send() and recv(). */
struct figures run_libmodbus(const struct task *task);
struct figures run_bare(const struct task *task);
/* The driver's own requests, one in flight a connection, by bare send() and recv() on epoll. */
struct figures run_epoll(const struct task *task);
/* The modbus plugin of collectd, a process of its own. It reads no blocks: one value a request, the
 * first of each block. */
struct figures run_collectd(const struct task *task);

/* One sweep of libmodbus over the first block of each device, the first `dead` of them dead; how
 * long it took. */
double sweep_libmodbus_ms(const struct task *task, int dead);

#endif
