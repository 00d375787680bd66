/* Frames of Modbus TCP: bytes in, bytes out. Pure, no sockets.
 *
 * A reply counts only if transaction, protocol, unit, function and lengths all match the request
 * it is checked against; everything else has its own verdict. */
#ifndef TIDEWATT_DRIVERS_MODBUS_CODEC_H
#define TIDEWATT_DRIVERS_MODBUS_CODEC_H

#include "drivers/modbus_pdu.h"

enum { MODBUS_ADU_MOST = 260 }; /* bytes of a frame: MBAP 7 + PDU 253 */

/* Frames of 12 bytes (reads), 12 (function 6) or 13 + 2*count (function 16); returns the length.
 * `values`: registers to write, NULL for reads. */
size_t modbus_encode(const struct modbus_request *request, const uint16_t *values,
                     uint8_t ret_frame[MODBUS_ADU_MOST]);

/* Looks at the first frame in `bytes`. `written`: the registers of a write; not
 * looked at for reads.
 * `ret_used`: bytes that frame took; 0 if INCOMPLETE. WRONG_PROTOCOL and WRONG_LENGTH leave the
 * stream without a frame boundary: the connection must be closed. `ret_registers` (room for 125)
 * and `ret_exception` are touched only with REPLY (of a read) and EXCEPTION. */
enum modbus_verdict modbus_decode(const struct modbus_request *request, const uint16_t *written,
                                  const uint8_t *bytes, size_t length, size_t *ret_used,
                                  uint16_t *ret_registers, uint8_t *ret_exception);

#endif
