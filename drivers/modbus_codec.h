/* Modbus application protocol: bytes in, bytes out. Pure, no sockets.
 *
 * A reply counts only if transaction, protocol, unit, function and lengths all match the request
 * it is checked against; everything else has its own verdict. */
#ifndef TIDEWATT_DRIVERS_MODBUS_CODEC_H
#define TIDEWATT_DRIVERS_MODBUS_CODEC_H

#include <stddef.h>
#include <stdint.h>

enum {
    MODBUS_ADU_MOST = 260,       /* bytes of a TCP frame: MBAP 7 + PDU 253 */
    MODBUS_READ_MOST = 125,      /* registers */
    MODBUS_WRITE_MOST = 123,
};

struct modbus_request {
    uint16_t transaction;
    uint8_t unit;
    uint8_t function;            /* 3, 4, 6 or 16 */
    uint16_t address;
    uint16_t count;              /* registers */
};

enum modbus_verdict {
    MODBUS_INCOMPLETE,           /* more bytes are needed */
    MODBUS_REPLY,                /* matches; registers or confirmation decoded */
    MODBUS_EXCEPTION,            /* matches; the device refused with a code */
    MODBUS_OTHER_TRANSACTION,    /* a well-formed frame of another transaction: late or swapped */
    MODBUS_WRONG_PROTOCOL, MODBUS_WRONG_UNIT, MODBUS_WRONG_FUNCTION, MODBUS_WRONG_LENGTH,
    MODBUS_WRONG_ECHO,           /* a write confirmed another address, count or value */
};

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
