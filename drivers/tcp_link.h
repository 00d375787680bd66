/* One TCP connection that is made again for ever, on a libuv loop: name look-up off the loop,
 * bounded connect, growing jittered back-off, bytes in and out. Knows no protocol. */
#ifndef TIDEWATT_DRIVERS_TCP_LINK_H
#define TIDEWATT_DRIVERS_TCP_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/base/limits.h"

struct uv_loop_s;
struct tcp_link;

struct tcp_link_events {
    void (*up)(void *context);
    /* The connection ended, or an attempt failed. Not called for tcp_link_drop. */
    void (*down)(void *context);
    /* Bytes so far; returns how many were used up. The rest is offered again with more. */
    size_t (*received)(void *context, const uint8_t *bytes, size_t length);
};

struct tcp_link_config {
    char host[LIMIT_NAME];       /* literal or name */
    uint16_t port;
    int64_t connect_timeout_ms;  /* real; for look-up and connect together */
    uint32_t seed;               /* of the jitter */
    const struct tcp_link_events *events;
    void *context;
};

enum tcp_link_state {
    TCP_LINK_WAITING,            /* for its next attempt, or for a look-up that is overdue */
    TCP_LINK_CONNECTING,
    TCP_LINK_UP,
};

/* Starts to connect at once. NULL: out of memory. */
struct tcp_link *tcp_link_create(struct uv_loop_s *loop, const struct tcp_link_config *config);

/* Closes the socket at once; the memory goes when the loop has run its close callbacks. */
void tcp_link_destroy(struct tcp_link *link);

enum tcp_link_state tcp_link_state(const struct tcp_link *link);

/* false: the kernel did not take the bytes whole; drop the link. Only when UP. */
bool tcp_link_send(struct tcp_link *link, const uint8_t *bytes, size_t length);

/* Throws away the bytes that were received and not used up; whether there were any. Not from within
 * `received`. */
bool tcp_link_discard(struct tcp_link *link);

/* Closes an UP connection and connects again after the back-off. */
void tcp_link_drop(struct tcp_link *link);

/* The peer does what it is there for: the back-off starts small again. A peer that accepts and
 * then says nothing never gets here, so it is not hammered. */
void tcp_link_proven(struct tcp_link *link);

/* Real ms before attempt `attempt` (0: the first repetition): 250 ms * 2^attempt up to 30 s, within
 * 25 % either way. Advances the generator. */
int64_t tcp_link_backoff_ms(int attempt, uint32_t *random);

#endif
