/* A mosquitto broker and a publisher of many values a second, both child processes. */
#ifndef TIDEWATT_BENCH_BROKER_H
#define TIDEWATT_BENCH_BROKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    VALUES_MOST = 64,
    SETTLE_S = 1, /* for subscriptions before, and stragglers after the publishing */
};

/* Topics site/0, site/1, ... in turn. One value a message: the payload of the DSX contract, else
 * JSON with the values v0, v1, ... and their time "at". Message n brings the values n, n + 1, ...
 */
struct load {
    int seconds, values_per_s, topics, values; /* `values` a message */
};

pid_t broker_start(uint16_t *ret_port);
void broker_stop(pid_t broker);

struct publisher {
    pid_t pid;
    int result; /* pipe */
};
struct publisher publisher_start(uint16_t port, const struct load *load);
bool publisher_done(const struct publisher *publisher);
void publisher_finish(struct publisher *publisher, int64_t *ret_messages, double *ret_seconds);

#endif
