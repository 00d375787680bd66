/* One wire that carries one Modbus transaction at a time: a TCP connection (one device, or a
 * gateway with several units behind it) or a serial bus. What the master needs of every transport,
 * and all that it knows of one.
 *
 * A port judges the form of replies: whatever does not match the request never becomes PORT_REPLY.
 * It does not know profiles, rounds or points. All calls happen on the control thread. */
#ifndef TIDEWATT_DRIVERS_MODBUS_PORT_H
#define TIDEWATT_DRIVERS_MODBUS_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/reason.h"

enum port_state {
    PORT_WAITING, /* for its next attempt */
    PORT_CONNECTING,
    PORT_UP,
};

enum port_result {
    PORT_REPLY,     /* matches in every field */
    PORT_EXCEPTION, /* matches; the device refused with a code */
    PORT_TIMEOUT,   /* no whole matching reply in time */
    PORT_MISMATCH,  /* an answer to something else, from somebody else, or garbled */
    PORT_LOST,      /* the wire went down while the request was out */
};

struct port_request {
    uint8_t unit;
    uint8_t function; /* 3, 4, 6 or 16 */
    uint16_t address;
    uint16_t count;         /* registers */
    const uint16_t *values; /* to be written, copied; NULL for reads */
    int64_t timeout_ms;     /* real, for the whole reply, however many pieces it comes in */
};

struct port_events {
    void (*up)(void *context);
    /* Also when an attempt failed. A request in flight was told PORT_LOST, or its own end, before.
     */
    void (*down)(void *context, enum reason reason);
    /* The one end of each request. `registers`: of a read that got PORT_REPLY, valid during the
     * call; `exception`: with PORT_EXCEPTION. Calling port_request from here is allowed. */
    void (*done)(void *context, enum port_result result, const uint16_t *registers,
                 uint8_t exception);
};

struct modbus_port;

struct port_verbs {
    enum port_state (*state)(const struct modbus_port *port);
    /* Only when PORT_UP and nothing is in flight. May tell `done` before it returns. */
    void (*request)(struct modbus_port *port, const struct port_request *request);
    /* Gives the wire up and makes it again after a growing pause: its answers can no longer be
     * trusted. Tells neither `done` nor `down`. */
    void (*drop)(struct modbus_port *port);
    /* The other side does what it is there for: the pause starts small again. */
    void (*proven)(struct modbus_port *port);
    /* Frames seen that belonged to no request in flight (late, repeated), since the start. */
    uint64_t (*strays)(const struct modbus_port *port);
    /* Closes at once; no event follows. */
    void (*destroy)(struct modbus_port *port);
};

struct modbus_port {
    const struct port_verbs *verbs;
};

#endif
