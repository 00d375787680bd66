/* What every telemetry driver is to the controller: samples in, set-points out.
 *
 * A driver owns its devices' connections on the control thread's event loop (or a thread of its
 * own) and never blocks the loop. Filtering, ages and value checks live in the image, not here:
 * a driver only says what arrived, when, and whether the transaction was sound. */
#ifndef TIDEWATT_DRIVERS_DRIVER_H
#define TIDEWATT_DRIVERS_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/error.h"
#include "controller/base/reason.h"
#include "controller/plant/sample.h"

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_UP };

/* Counters of one device, for status and the store. */
struct device_health {
    enum link_state link;
    enum reason reason;  /* of the present link state */
    int64_t up_since_ms; /* site time of the last change */
    uint64_t requests, replies, timeouts, mismatches, exceptions, reconnects, writes;
    uint64_t overruns;   /* polls that found the round before them still running */
    double round_trip_ms; /* real ms, smoothed; 0: none yet */
};

/* Where drivers deliver. All calls happen on the control thread. A sink may call driver_write,
 * never driver_destroy. */
struct driver_sink {
    void (*sample)(void *context, const struct sample *sample);
    /* A device began or ceased to answer: LINK_UP with its first sound reply, LINK_DOWN when it is
     * lost or the first attempt failed. Attempts in between are seen in the health only. */
    void (*link)(void *context, int32_t device, enum link_state link, enum reason reason);
    /* Outcome of a set-point write: WRITE_CONFIRMED (read back), WRITE_REFUSED (by an exception),
     * WRITE_NOT_HELD (reads back another value), WRITE_UNANSWERED (sent, and nobody knows),
     * WRITE_FAILED (never sent), or WRITE_REPLACED (sent, and followed by a newer one of the same
     * point before it read back: neither good nor bad). One that was replaced before it was sent
     * has no outcome. */
    void (*written)(void *context, int32_t point, double value, enum reason reason);
    void *context;
};

struct driver;

struct driver_verbs {
    const char *name;
    void (*poll)(struct driver *driver, int64_t now_ms); /* once a tick: ask what is due */
    /* Queues a write; the outcome comes through the sink, before the return when the device is
     * down (a set-point is never kept for later). ERROR_INVALID: not a point of ours, not
     * writable, or a value that does not fit. */
    int (*write)(struct driver *driver, int32_t point, double value, struct error *error);
    bool (*health)(const struct driver *driver, int32_t device, struct device_health *ret_health);
    void (*destroy)(struct driver *driver); /* closes sockets at once */
};

struct driver {
    const struct driver_verbs *verbs;
};

static inline void driver_poll(struct driver *d, int64_t now_ms)
{
    d->verbs->poll(d, now_ms);
}
static inline int driver_write(struct driver *d, int32_t point, double value, struct error *e)
{
    return d->verbs->write(d, point, value, e);
}
static inline bool driver_health(const struct driver *d, int32_t device, struct device_health *h)
{
    return d->verbs->health(d, device, h);
}
static inline void driver_destroy(struct driver *d)
{
    d->verbs->destroy(d);
}

#endif
