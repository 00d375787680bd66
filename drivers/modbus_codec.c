/* Modbus TCP frames, checked field by field: a device that answers something else than it was
 * asked must never be believed, so every way a reply can be wrong has its own verdict. */
#include "drivers/modbus_codec.h"

enum {
    AT_PROTOCOL = 2,
    AT_LENGTH = 4,
    AT_UNIT = 6,
    AT_PDU = 7,
    COUNTED_MOST = 254, /* unit + PDU: what the length field counts */
    COUNTED_LEAST = 3,  /* unit, function and one byte */
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

size_t modbus_encode(const struct modbus_request *request, const uint16_t *values,
                     uint8_t ret_frame[MODBUS_ADU_MOST])
{
    size_t length = modbus_pdu_encode(request, values, ret_frame + AT_PDU);
    put16(ret_frame, request->transaction);
    put16(ret_frame + AT_PROTOCOL, 0);
    put16(ret_frame + AT_LENGTH, (uint16_t)(length + 1));
    ret_frame[AT_UNIT] = request->unit;
    return AT_PDU + length;
}

/* What the length field must say in a reply of this function, 0 when the function is foreign. */
static size_t counted_expected(const struct modbus_request *request, uint8_t function)
{
    size_t length = modbus_pdu_reply_length(request, function);
    return length == 0 ? 0 : length + 1;
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
    if (ours && length > AT_PDU && bytes[AT_UNIT] == request->unit) {
        /* A lying length is seen from the header alone, before waiting for bytes it promises. */
        size_t expected = counted_expected(request, bytes[AT_PDU]);
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
    if (counted_expected(request, bytes[AT_PDU]) == 0)
        return MODBUS_WRONG_FUNCTION;
    return modbus_pdu_decode(request, written, bytes + AT_PDU, ret_registers, ret_exception);
}
