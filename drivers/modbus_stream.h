/* A Modbus wire over TCP, with frames of Modbus TCP (MBAP) or of Modbus RTU (gateways that pass
 * serial frames through unchanged). */
#ifndef TIDEWATT_DRIVERS_MODBUS_STREAM_H
#define TIDEWATT_DRIVERS_MODBUS_STREAM_H

#include "controller/base/limits.h"
#include "drivers/modbus_port.h"

struct uv_loop_s;

enum modbus_framing { FRAMING_TCP, FRAMING_RTU };

struct modbus_stream_config {
    char host[LIMIT_NAME]; /* IPv4 or IPv6 literal, or a name (resolved off the loop) */
    uint16_t port;
    enum modbus_framing framing;
    uint32_t seed; /* of the jitter */
    int64_t connect_timeout_ms;
};

/* Starts to connect at once and for ever. NULL: out of memory. */
struct modbus_port *modbus_stream_create(struct uv_loop_s *loop,
                                         const struct modbus_stream_config *config,
                                         const struct port_events *events, void *context);

#endif
