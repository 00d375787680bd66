/* Modbus frames, checked field by field: a device that answers something else than it was asked
 * must never be believed, so every way a reply can be wrong has its own verdict. */
#include "drivers/modbus_codec.h"

#include <assert.h>
#include <stdbool.h>

enum {
    AT_PROTOCOL = 2,
    AT_LENGTH = 4,
    AT_UNIT = 6,
    AT_FUNCTION = 7,
    AT_DATA = 8,
    COUNTED_MOST = 254, /* unit + PDU: what the length field counts */
    COUNTED_LEAST = 3,  /* unit, function and one byte */
    EXCEPTION_BIT = 0x80,
    WRITE_ONE = 6,
    WRITE_MANY = 16,
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
    return request->function == 3 || request->function == 4;
}

static size_t put_registers(uint8_t *bytes, const uint16_t *values, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++)
        put16(bytes + 2 * i, values[i]);
    return 2u * count;
}

size_t modbus_encode(const struct modbus_request *request, const uint16_t *values,
                     uint8_t ret_frame[MODBUS_ADU_MOST])
{
    assert(request->count >= 1);
    assert(request->count <= (is_read(request) ? MODBUS_READ_MOST : MODBUS_WRITE_MOST));
    assert(is_read(request) == (values == NULL));

    size_t length = AT_DATA;
    put16(ret_frame, request->transaction);
    put16(ret_frame + AT_PROTOCOL, 0);
    ret_frame[AT_UNIT] = request->unit;
    ret_frame[AT_FUNCTION] = request->function;
    put16(ret_frame + length, request->address);
    length += 2;
    if (request->function == WRITE_ONE) {
        assert(request->count == 1);
        length += put_registers(ret_frame + length, values, 1);
    } else {
        put16(ret_frame + length, request->count);
        length += 2;
    }
    if (request->function == WRITE_MANY) {
        ret_frame[length++] = (uint8_t)(2 * request->count);
        length += put_registers(ret_frame + length, values, request->count);
    }
    put16(ret_frame + AT_LENGTH, (uint16_t)(length - AT_UNIT));
    return length;
}

/* What the length field must say in a reply of this function, 0 when the function is foreign. */
static size_t counted_expected(const struct modbus_request *request, uint8_t function)
{
    if (function == (request->function | EXCEPTION_BIT))
        return 3;
    if (function != request->function)
        return 0;
    return is_read(request) ? 3u + 2u * request->count : 6u;
}

/* The frame is whole and its transaction, unit, function and length match. */
static enum modbus_verdict decode_body(const struct modbus_request *request,
                                       const uint16_t *written, const uint8_t *frame,
                                       uint16_t *ret_registers, uint8_t *ret_exception)
{
    if (frame[AT_FUNCTION] & EXCEPTION_BIT) {
        *ret_exception = frame[AT_DATA];
        return MODBUS_EXCEPTION;
    }
    if (is_read(request)) {
        if (frame[AT_DATA] != 2 * request->count)
            return MODBUS_WRONG_LENGTH;
        for (uint16_t i = 0; i < request->count; i++)
            ret_registers[i] = get16(frame + AT_DATA + 1 + 2 * i);
        return MODBUS_REPLY;
    }
    uint16_t echo = request->function == WRITE_ONE ? written[0] : request->count;
    bool same = get16(frame + AT_DATA) == request->address && get16(frame + AT_DATA + 2) == echo;
    return same ? MODBUS_REPLY : MODBUS_WRONG_ECHO;
}

enum modbus_verdict modbus_decode(const struct modbus_request *request, const uint16_t *written,
                                  const uint8_t *bytes, size_t length, size_t *ret_used,
                                  uint16_t *ret_registers, uint8_t *ret_exception)
{
    *ret_used = 0;
    if (length < AT_LENGTH)
        return MODBUS_INCOMPLETE;
    if (get16(bytes + AT_PROTOCOL) != 0)
        return MODBUS_WRONG_PROTOCOL;
    if (length < AT_UNIT)
        return MODBUS_INCOMPLETE;
    size_t counted = get16(bytes + AT_LENGTH);
    if (counted < COUNTED_LEAST || counted > COUNTED_MOST)
        return MODBUS_WRONG_LENGTH;

    bool ours = get16(bytes) == request->transaction;
    if (ours && length > AT_FUNCTION && bytes[AT_UNIT] == request->unit) {
        /* A lying length is seen from the header alone, before waiting for bytes it promises. */
        size_t expected = counted_expected(request, bytes[AT_FUNCTION]);
        if (expected != 0 && expected != counted)
            return MODBUS_WRONG_LENGTH;
    }
    if (length < AT_UNIT + counted)
        return MODBUS_INCOMPLETE;
    *ret_used = AT_UNIT + counted;
    if (!ours)
        return MODBUS_OTHER_TRANSACTION;
    if (bytes[AT_UNIT] != request->unit)
        return MODBUS_WRONG_UNIT;
    if (counted_expected(request, bytes[AT_FUNCTION]) == 0)
        return MODBUS_WRONG_FUNCTION;
    return decode_body(request, written, bytes, ret_registers, ret_exception);
}
