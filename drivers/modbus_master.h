/* Modbus master for all devices on all wires: rounds of reads, writes with read-back, one
 * transaction in flight on each wire. Devices on one wire (a bus, a gateway) take turns; no device
 * on another wire ever waits for them. */
#ifndef TIDEWATT_DRIVERS_MODBUS_MASTER_H
#define TIDEWATT_DRIVERS_MODBUS_MASTER_H

#include "controller/base/clock.h"
#include "controller/plant/point.h"
#include "drivers/driver.h"
#include "drivers/modbus_serial.h"
#include "drivers/modbus_stream.h"
#include "drivers/profile.h"

struct uv_loop_s;

struct modbus_wire {
    bool is_serial;
    struct modbus_stream_config stream; /* unless serial; seed and time-out are set by the master */
    struct modbus_serial_config serial;
};

struct modbus_device {
    int32_t device;                /* index in the topology; its points were added row by row in
                                      the order of the profile: row r is point first_point + r */
    const struct profile *profile; /* outlives the driver */
    int32_t wire;                  /* index in the wires; several devices may share one */
    uint8_t unit;
};

/* `clock` gives samples their site time. Wires and devices are copied. */
int modbus_master_create(struct uv_loop_s *loop, const struct clock *clock,
                         const struct topology *topology, const struct modbus_wire *wires,
                         int wire_count, const struct modbus_device *devices, int count,
                         const struct driver_sink *sink, struct driver **ret_driver,
                         struct error *error);

#endif
