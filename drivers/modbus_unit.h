/* One Modbus device as its master sees it: who it is, what it is asked next,
 * and what its answers mean. Knows nothing of wires, sockets and clocks:
 * requests go out and answers come in through modbus_wire.c, and time is an
 * argument.
 *
 * After its wire came up a device is asked who it is, and a SunSpec device
 * where its models are; nothing of it is believed before. Then set-points go
 * first (scale register, write, read-back), and the round of reads takes what
 * is left. */
#ifndef TIDEWATT_DRIVERS_MODBUS_UNIT_H
#define TIDEWATT_DRIVERS_MODBUS_UNIT_H

#include "drivers/driver.h"
#include "drivers/modbus_port.h"
#include "drivers/poll_tables.h"
#include "drivers/sunspec.h"

struct moment {
    int64_t real_ns; /* monotonic */
    int64_t site_ms;
};

enum unit_stage {
    UNIT_OFF,      /* its wire is down */
    UNIT_IDENTITY, /* is asked who it is */
    UNIT_WALK,     /* is asked for its SunSpec models */
    UNIT_READY,
};

enum unit_task {
    TASK_IDENTITY,
    TASK_WALK,
    TASK_READ,
    TASK_ENCODE, /* of a write: whether and how it can be written; takes no request */
    TASK_SCALE,  /* of a write: the exponent that its value is to be encoded with */
    TASK_WRITE,
    TASK_VERIFY,
};

struct unit_write {
    int row;
    double value;
};

struct modbus_unit {
    struct poll_tables *tables; /* of the driver, as is the sink */
    const struct driver_sink *sink;
    const char *name;
    int32_t device, first_point;
    uint8_t address;               /* on its wire */
    const struct profile *profile; /* as configured; that of the plan is bound */
    const struct poll_plan *plan;
    struct poll_state *poll;

    enum unit_stage stage;
    enum unit_task task; /* of the request that is out */
    bool out;
    int64_t sent_ns;
    int64_t rest_ns;  /* no request before */
    int64_t aside_ns; /* it is left alone until then */
    int attempts;     /* to get an answer, since the last one */
    uint32_t random;
    int identity;              /* of the profile's, that is asked next */
    struct sunspec_walk *walk; /* of a SunSpec device */
    struct poll_block block;   /* of TASK_READ */

    struct unit_write *queue; /* oldest first; the first one is under way */
    int queued, room;
    enum unit_task step; /* the next task of the first one: ENCODE, SCALE, WRITE or VERIFY */
    bool sent;           /* its value has left and may be in the register */
    int busy;            /* times that the device had no time for the step */
    uint16_t written[4]; /* its registers */
    int64_t wait_ns;     /* no request of it before */
    int64_t settled_ns;  /* the register shows the new value by then */

    struct device_health health;
    bool told;      /* the sink knows the link state */
    bool connected; /* at least once */
    bool tried;     /* has had its chance to answer since the wire came up */
};

/* ERROR_SYSTEM: out of memory. */
int unit_init(struct modbus_unit *unit, const char *name, int32_t device, int32_t first_point,
              uint8_t address, const struct profile *profile, struct poll_tables *tables,
              const struct driver_sink *sink, struct error *error);
void unit_finish(struct modbus_unit *unit);

/* The wire came up, or went down. */
void unit_up(struct modbus_unit *unit, struct moment now);
void unit_lost(struct modbus_unit *unit, struct moment now, enum reason reason);

/* It did not do what it should: its link is down, and it is left alone for a growing pause. */
void unit_set_aside(struct modbus_unit *unit, struct moment now, enum reason reason);

/* Begins a round; `reachable`: its wire is up or about to be. */
void unit_poll(struct modbus_unit *unit, struct moment now, bool reachable);

/* Queues a write as driver_write says. It leaves when the device is known to be the right one, and
 * is told WRITE_FAILED when it cannot. */
int unit_write(struct modbus_unit *unit, struct moment now, int row, double value, bool reachable,
               struct error *error);

/* What to send now, if there is anything; `urgent`: only for set-points. Its end must be told. */
bool unit_next(struct modbus_unit *unit, struct moment now, bool urgent,
               struct port_request *ret_request);
/* When there will be something to send; INT64_MAX: not before an event. */
int64_t unit_next_ns(const struct modbus_unit *unit);

/* The end of its request. TIMEOUT and LOST leave to the caller what becomes of the unit. */
void unit_done(struct modbus_unit *unit, struct moment now, enum port_result result,
               const uint16_t *registers, uint8_t exception);

#endif
