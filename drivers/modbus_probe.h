/* One device asked question by question, for a program that may wait for the answers (`tidewatt
 * probe`): a port with a loop of its own. It only reads. */
#ifndef TIDEWATT_DRIVERS_MODBUS_PROBE_H
#define TIDEWATT_DRIVERS_MODBUS_PROBE_H

#include "drivers/modbus_master.h"

struct modbus_probe;

struct modbus_probe_config {
    struct modbus_wire wire;
    uint8_t unit;
    int64_t connect_timeout_ms;
    int64_t connect_delay_ms, inter_request_ms, reply_timeout_ms; /* as in a profile */
};

/* Makes the connection. ERROR_UNREACHABLE: nobody is there; the text says what was tried. */
int modbus_probe_open(const struct modbus_probe_config *config, struct modbus_probe **ret_probe,
                      struct error *error);
void modbus_probe_close(struct modbus_probe *probe);

/* Reads with function 3 or 4. `ret_registers` is touched only with PORT_REPLY, `ret_exception` only
 * with PORT_EXCEPTION. After a reply that did not come or did not match, the next read makes the
 * connection again first. */
enum port_result modbus_probe_read(struct modbus_probe *probe, int function, uint16_t address,
                                   uint16_t count, uint16_t *ret_registers, uint8_t *ret_exception);

#endif
