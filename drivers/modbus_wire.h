/* The devices on one wire and the port that they share: who asks next, and what
 * a silence means.
 *
 * One request is out at a time; set-points go first, then devices take turns, a
 * request each. A device that does not answer is left alone for a growing
 * pause, so that it costs the others at most one reply time-out in each. Knows
 * no sockets and no clock: time is an argument. */
#ifndef TIDEWATT_DRIVERS_MODBUS_WIRE_H
#define TIDEWATT_DRIVERS_MODBUS_WIRE_H

#include "drivers/modbus_unit.h"

struct wire {
    struct modbus_port *port;
    bool keeps;                 /* a serial line: to open it again mends nothing */
    struct modbus_unit **units; /* in turn */
    int count;
    int turn;                     /* who asked last */
    struct modbus_unit *out;      /* whose request is out */
    struct modbus_unit *answerer; /* whose answer was the last since the port came up */
};

bool wire_reachable(const struct wire *wire); /* up, or about to be */

/* What the port tells. */
void wire_up(struct wire *wire, struct moment now);
void wire_down(struct wire *wire, struct moment now, enum reason reason);
void wire_done(struct wire *wire, struct moment now, enum port_result result,
               const uint16_t *registers, uint8_t exception);

/* Sends the next request if there is one and the port is free. */
void wire_advance(struct wire *wire, struct moment now);
/* When wire_advance should be called again; INT64_MAX: not before an event. */
int64_t wire_next_ns(const struct wire *wire);

#endif
