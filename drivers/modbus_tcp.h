/* Modbus TCP master for many devices on one libuv loop. One driver for all Modbus TCP devices. */
#ifndef TIDEWATT_DRIVERS_MODBUS_TCP_H
#define TIDEWATT_DRIVERS_MODBUS_TCP_H

#include "controller/base/clock.h"
#include "controller/plant/point.h"
#include "drivers/driver.h"
#include "drivers/profile.h"

struct uv_loop_s;

struct modbus_device {
    int32_t device;                /* index in the topology; its points were added row by row in
                                      the order of the profile: row r is point first_point + r */
    const struct profile *profile; /* outlives the driver */
    char host[LIMIT_NAME];         /* IPv4 or IPv6 literal, or a name (resolved off the loop) */
    uint16_t port;
    uint8_t unit;
};

/* `clock` gives samples their site time. Reconnects with growing, jittered back-off. */
int modbus_tcp_create(struct uv_loop_s *loop, const struct clock *clock,
                      const struct topology *topology, const struct modbus_device *devices,
                      int count, const struct driver_sink *sink, struct driver **ret_driver,
                      struct error *error);

#endif
