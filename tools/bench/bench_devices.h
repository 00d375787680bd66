/* Modbus TCP devices of a benchmark: a child process that answers each request after a fixed time,
 * and the controller's view of them. */
#ifndef TIDEWATT_BENCH_DEVICES_H
#define TIDEWATT_BENCH_DEVICES_H

#include <stdint.h>
#include <sys/types.h>

#include "drivers/modbus_master.h"
#include "tools/bench/bench.h"

enum {
    BLOCKS = 4,
    BLOCK_SPAN = 400, /* registers from block to block: too far to be joined */
    ROWS = 4,         /* u32 values in a block */
    REQUEST = 12,
    REPLY = 9 + 4 * ROWS, /* to a read of a whole block */
    DEAD_UNIT = 2,        /* never answers */
    REPLY_TIMEOUT_MS = 500,
};

/* Room for `count` connections at once. */
pid_t start_devices(int count, int64_t delay_ns, uint16_t *ret_port);
void stop_devices(pid_t pid);
/* Requests answered so far, whoever sent them. */
int64_t device_reads(void);

/* As many devices as the controller sees them, each on a connection of its own; the first `dead`
 * are dead. Their blocks cannot be read together. */
struct bench_site {
    struct profile profile;
    struct topology *topology;
    struct modbus_wire *wires;
    struct modbus_device *devices;
    int count;
};
void site_init(struct bench_site *site, int count, int dead, int blocks, uint16_t port);
void site_finish(struct bench_site *site);

/* What a sink has to have and no benchmark looks at. */
void ignore_link(void *context, int32_t device, enum link_state link, enum reason reason);
void ignore_written(void *context, int32_t point, double value, enum reason reason);

#endif
