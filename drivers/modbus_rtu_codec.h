/* Frames of Modbus RTU (unit, PDU, CRC) where a stream carries them, as serial gateways do: bytes
 * in, bytes out. Pure.
 *
 * There is no length field and no transaction number: a frame ends where its function and byte
 * count say, and the check sum proves it. Which request a sound frame answers is not in it; see
 * modbus_stream.c. */
#ifndef TIDEWATT_DRIVERS_MODBUS_RTU_CODEC_H
#define TIDEWATT_DRIVERS_MODBUS_RTU_CODEC_H

#include "drivers/modbus_pdu.h"

enum { MODBUS_RTU_MOST = 256 }; /* bytes of a frame: unit + PDU 253 + CRC 2 */

uint16_t modbus_rtu_check(const uint8_t *bytes, size_t length); /* CRC-16, low byte sent first */

/* 8 bytes (reads, function 6) or 9 + 2*count (function 16); returns the length. */
size_t modbus_rtu_encode(const struct modbus_request *request, const uint16_t *values,
                         uint8_t ret_frame[MODBUS_RTU_MOST]);

/* Looks at the first frame in `bytes`; arguments and outputs as those of modbus_decode, but that
 * `transaction` plays no part. WRONG_CHECK (no frame begins here) and WRONG_LENGTH leave the stream
 * without a frame boundary and `ret_used` 0: it must be given time to fall silent. */
enum modbus_verdict modbus_rtu_decode(const struct modbus_request *request, const uint16_t *written,
                                      const uint8_t *bytes, size_t length, size_t *ret_used,
                                      uint16_t *ret_registers, uint8_t *ret_exception);

#endif
