/* Modbus requests and replies as every transport carries them: function, addresses, registers, and
 * no frame around them. Bytes in, bytes out. Pure. */
#ifndef TIDEWATT_DRIVERS_MODBUS_PDU_H
#define TIDEWATT_DRIVERS_MODBUS_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MODBUS_PDU_MOST = 253,  /* bytes */
    MODBUS_READ_MOST = 125, /* registers */
    MODBUS_WRITE_MOST = 123,
    MODBUS_READ_COILS = 1, /* bits; asked of one only, and its value is not looked at */
    MODBUS_READ_DISCRETE = 2,
    MODBUS_READ_HOLDING = 3,
    MODBUS_READ_INPUT = 4,
    MODBUS_WRITE_ONE = 6,
    MODBUS_WRITE_MANY = 16,
    MODBUS_EXCEPTION_BIT = 0x80, /* of the function in a refusal */
};

/* Codes of a refusal. */
enum {
    MODBUS_ILLEGAL_FUNCTION = 1,
    MODBUS_ILLEGAL_ADDRESS = 2,
    MODBUS_ILLEGAL_VALUE = 3,
    MODBUS_DEVICE_FAILURE = 4,
    MODBUS_ACKNOWLEDGE = 5, /* accepted, and takes long */
    MODBUS_DEVICE_BUSY = 6,
    MODBUS_GATEWAY_NO_PATH = 10,   /* of a gateway: it cannot reach the unit, */
    MODBUS_GATEWAY_NO_ANSWER = 11, /* or the unit does not answer it */
};

struct modbus_request {
    uint16_t transaction; /* of Modbus TCP */
    uint8_t unit;
    uint8_t function; /* 1, 2, 3, 4, 6 or 16 */
    uint16_t address;
    uint16_t count; /* registers, or bits: 1 */
};

enum modbus_verdict {
    MODBUS_INCOMPLETE,        /* more bytes are needed */
    MODBUS_REPLY,             /* matches; registers or confirmation decoded */
    MODBUS_EXCEPTION,         /* matches; the device refused with a code */
    MODBUS_OTHER_TRANSACTION, /* a well-formed frame of another transaction: late or swapped */
    MODBUS_WRONG_PROTOCOL,
    MODBUS_WRONG_UNIT,
    MODBUS_WRONG_FUNCTION,
    MODBUS_WRONG_LENGTH,
    MODBUS_WRONG_ECHO,  /* a write confirmed another address, count or value */
    MODBUS_WRONG_CHECK, /* the check sum is wrong, or no frame begins here */
};

/* 5 bytes for reads and function 6, 6 + 2 * count for function 16; returns the length. `values`:
 * registers to write, NULL for reads. */
size_t modbus_pdu_encode(const struct modbus_request *request, const uint16_t *values,
                         uint8_t ret_pdu[MODBUS_PDU_MOST]);

/* Bytes of the reply that has this function: of a reply to the request or of its refusal. 0 when
 * the function is neither. */
size_t modbus_pdu_reply_length(const struct modbus_request *request, uint8_t function);

/* A PDU whose function and length match the request: REPLY, EXCEPTION, WRONG_LENGTH (its byte
 * count contradicts it) or WRONG_ECHO. `written`: the registers of a write, not looked at for
 * reads. `ret_registers` (room for 125) and `ret_exception` are touched only with REPLY (of
 * registers) and EXCEPTION. */
enum modbus_verdict modbus_pdu_decode(const struct modbus_request *request, const uint16_t *written,
                                      const uint8_t *pdu, uint16_t *ret_registers,
                                      uint8_t *ret_exception);

#endif
