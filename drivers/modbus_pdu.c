/* The part of a frame that every transport shares, and the one place that knows its layout. */
#include "drivers/modbus_pdu.h"

#include <assert.h>

enum {
    AT_DATA = 1, /* behind the function */
    EXCEPTION_LENGTH = 2,
    ECHO_LENGTH = 5,
};

static uint16_t get16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void put16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static bool is_read(const struct modbus_request *request)
{
    return request->function <= MODBUS_READ_INPUT;
}

static bool is_of_bits(const struct modbus_request *request)
{
    return request->function <= MODBUS_READ_DISCRETE;
}

/* Data bytes in the reply to a read. */
static size_t read_bytes(const struct modbus_request *request)
{
    return is_of_bits(request) ? (request->count + 7u) / 8 : 2u * request->count;
}

size_t modbus_pdu_encode(const struct modbus_request *request, const uint16_t *values,
                         uint8_t ret_pdu[MODBUS_PDU_MOST])
{
    assert(request->count >= 1);
    assert(request->count <= (is_read(request) ? MODBUS_READ_MOST : MODBUS_WRITE_MOST));
    assert(is_read(request) == (values == NULL));
    assert(request->function != MODBUS_WRITE_ONE || request->count == 1);

    bool writes_one = request->function == MODBUS_WRITE_ONE;
    size_t length = 5;
    ret_pdu[0] = request->function;
    put16(ret_pdu + AT_DATA, request->address);
    put16(ret_pdu + AT_DATA + 2, writes_one ? values[0] : request->count);
    if (request->function != MODBUS_WRITE_MANY)
        return length;
    ret_pdu[length++] = (uint8_t)(2 * request->count);
    for (uint16_t i = 0; i < request->count; i++, length += 2)
        put16(ret_pdu + length, values[i]);
    return length;
}

size_t modbus_pdu_reply_length(const struct modbus_request *request, uint8_t function)
{
    if (function == (request->function | MODBUS_EXCEPTION_BIT))
        return EXCEPTION_LENGTH;
    if (function != request->function)
        return 0;
    return is_read(request) ? 2 + read_bytes(request) : ECHO_LENGTH;
}

enum modbus_verdict modbus_pdu_decode(const struct modbus_request *request, const uint16_t *written,
                                      const uint8_t *pdu, uint16_t *ret_registers,
                                      uint8_t *ret_exception)
{
    if (pdu[0] & MODBUS_EXCEPTION_BIT) {
        *ret_exception = pdu[AT_DATA];
        return MODBUS_EXCEPTION;
    }
    if (is_read(request)) {
        if (pdu[AT_DATA] != read_bytes(request))
            return MODBUS_WRONG_LENGTH;
        for (uint16_t i = 0; i < request->count && !is_of_bits(request); i++)
            ret_registers[i] = get16(pdu + AT_DATA + 1 + 2 * i);
        return MODBUS_REPLY;
    }
    uint16_t echo = request->function == MODBUS_WRITE_ONE ? written[0] : request->count;
    bool same = get16(pdu + AT_DATA) == request->address && get16(pdu + AT_DATA + 2) == echo;
    return same ? MODBUS_REPLY : MODBUS_WRONG_ECHO;
}
