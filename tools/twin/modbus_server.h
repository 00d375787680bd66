/* All devices of the twin as Modbus TCP slaves on loopback: one port a device, several clients
 * each. The only user of libmodbus. */
#ifndef TIDEWATT_TWIN_MODBUS_SERVER_H
#define TIDEWATT_TWIN_MODBUS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/twin/devices.h"
#include "tools/twin/registers.h"

struct modbus_server_hooks {
    /* Before a request is answered: bring the registers up to date. */
    void (*refresh)(void *context, int device, struct registers *registers);
    void (*written)(void *context, int device, enum point_kind kind, double value);
    bool (*silent)(void *context, int device); /* requests are swallowed */
    void *context;
};

struct modbus_server;

/* `profiles` by device, they outlive the server. Device i listens on base_port + 1 + i. */
int modbus_server_create(uint16_t base_port, const struct profile *const profiles[TWIN_DEVICES],
                         const struct modbus_server_hooks *hooks, struct modbus_server **ret_server,
                         struct error *error);
void modbus_server_destroy(struct modbus_server *server);

/* Waits at most `timeout_ms` for requests and answers those that are complete; a client that
 * sends half a request or does not read delays nobody. Returns early on a signal. */
void modbus_server_run(struct modbus_server *server, int timeout_ms);

#endif
