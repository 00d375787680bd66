/* Exchanges on a serial line that is open, one after the other, by a worker thread that may block:
 * silence between frames, deadlines, replies judged. Everything here but the strays belongs to that
 * thread. Knows neither threads nor how a line is opened. */
#ifndef TIDEWATT_DRIVERS_MODBUS_BUS_H
#define TIDEWATT_DRIVERS_MODBUS_BUS_H

#include <stdatomic.h>
#include <stddef.h>

#include "drivers/modbus_pdu.h"
#include "drivers/modbus_port.h"
#include "drivers/modbus_serial.h"
#include "drivers/rtu_owed.h"

enum { MODBUS_BUS_HEARD = 512 }; /* bytes kept; a frame has 256 */

struct modbus_bus_owner {
    int wake_fd; /* an eventfd, read here: ends every wait */
    /* Asked after each wake-up: whether the line is wanted any longer. */
    bool (*wanted)(void *context);
    /* Sends unit and PDU as a frame. false: it did not leave whole. */
    bool (*send)(void *context, const uint8_t *bytes, size_t length);
    void *context;
};

struct modbus_bus {
    struct modbus_bus_owner owner;
    int fd;                      /* of the line, -1: none */
    int64_t character_ns;        /* on the wire */
    int64_t silence_ns;          /* between frames */
    int64_t busy_ns;             /* when the line was last known not to be silent */
    bool garbled;                /* the next request waits for a longer silence */
    struct modbus_request last;  /* that was sent */
    struct rtu_owed owed;        /* outlives a line that comes back */
    atomic_uint_fast64_t strays; /* sound frames that answered nothing; read by any thread */
    uint8_t heard[MODBUS_BUS_HEARD];
    size_t length; /* of it */
};

/* How a wait ended. */
enum modbus_bus_waking {
    BUS_TIME,
    BUS_BYTES, /* can be read */
    BUS_TOLD,  /* by wake_fd */
    BUS_LOST,  /* the line is gone */
};

bool modbus_bus_known_baud(int baud);

void modbus_bus_init(struct modbus_bus *bus, const struct modbus_serial_config *config,
                     const struct modbus_bus_owner *owner);
void modbus_bus_open(struct modbus_bus *bus, int fd);
void modbus_bus_close(struct modbus_bus *bus);

/* Until `until_ns` (monotonic) at most; takes a look at the line in any case. */
enum modbus_bus_waking modbus_bus_wait(struct modbus_bus *bus, int64_t until_ns);

/* Hears what comes while nobody waits for it. false: the line is gone, or not wanted. */
bool modbus_bus_hear(struct modbus_bus *bus);

/* One transaction. PORT_LOST: the line is gone, or not wanted. The request is not sent when its
 * unit owes an older reply and does not settle that first. `ret_registers` has room for 125;
 * outputs are to be used with PORT_REPLY (of a read) and PORT_EXCEPTION only. */
enum port_result modbus_bus_transact(struct modbus_bus *bus, const struct port_request *request,
                                     uint16_t *ret_registers, uint8_t *ret_exception);

#endif
