/* A Modbus RTU bus on a serial line, by libmodbus on a worker thread: its calls block, and so never
 * run on the control thread. */
#ifndef TIDEWATT_DRIVERS_MODBUS_SERIAL_H
#define TIDEWATT_DRIVERS_MODBUS_SERIAL_H

#include "drivers/modbus_port.h"

struct uv_loop_s;

enum serial_parity { PARITY_NONE, PARITY_EVEN, PARITY_ODD };

struct modbus_serial_config {
    char path[256]; /* "/dev/ttyUSB0" */
    int baud;       /* 1200 to 115200 */
    enum serial_parity parity;
    int stop_bits; /* 1 or 2 */
    uint32_t seed; /* of the jitter */
};

/* A request's time-out is the device's: the time that the frames take at this speed comes on top. A
 * unit that owes an older reply is asked a question first (rtu_owed.h), which may take as long
 * again, and is not sent the request unless it answers.
 *
 * Opens the line on the worker, and again for ever after it was lost (an adapter unplugged). NULL:
 * out of memory or threads. */
struct modbus_port *modbus_serial_create(struct uv_loop_s *loop,
                                         const struct modbus_serial_config *config,
                                         const struct port_events *events, void *context);

#endif
