/* Modbus RTU frames in a stream. */
#include "drivers/modbus_rtu_codec.h"

enum {
    AT_PDU = 1,
    CHECK = 2,
    EXCEPTION_LENGTH = 5, /* whole frames */
    ECHO_LENGTH = 8,
};

uint16_t modbus_rtu_check(const uint8_t *bytes, size_t length)
{
    uint16_t check = 0xFFFF;
    for (size_t i = 0; i < length; i++) {
        check ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            check = (uint16_t)(check & 1 ? check >> 1 ^ 0xA001 : check >> 1);
    }
    return check;
}

size_t modbus_rtu_encode(const struct modbus_request *request, const uint16_t *values,
                         uint8_t ret_frame[MODBUS_RTU_MOST])
{
    ret_frame[0] = request->unit;
    size_t length = AT_PDU + modbus_pdu_encode(request, values, ret_frame + AT_PDU);
    uint16_t check = modbus_rtu_check(ret_frame, length);
    ret_frame[length] = (uint8_t)check;
    ret_frame[length + 1] = (uint8_t)(check >> 8);
    return length + CHECK;
}

/* Length of the reply that begins with these bytes (three at least), 0 when none begins so. */
static size_t frame_length(const uint8_t *bytes)
{
    uint8_t function = bytes[AT_PDU], count = bytes[AT_PDU + 1];
    switch (function & ~MODBUS_EXCEPTION_BIT) {
    case MODBUS_READ_COILS:
    case MODBUS_READ_DISCRETE:
    case MODBUS_READ_HOLDING:
    case MODBUS_READ_INPUT:
    case MODBUS_WRITE_ONE:
    case MODBUS_WRITE_MANY:
        break;
    default:
        return 0;
    }
    if (function & MODBUS_EXCEPTION_BIT)
        return EXCEPTION_LENGTH;
    if (function == MODBUS_WRITE_ONE || function == MODBUS_WRITE_MANY)
        return ECHO_LENGTH;
    bool possible = count >= 1 && count <= 2 * MODBUS_READ_MOST;
    return possible ? 3u + count + CHECK : 0;
}

static bool check_holds(const uint8_t *frame, size_t length)
{
    uint16_t check = modbus_rtu_check(frame, length - CHECK);
    return frame[length - 2] == (uint8_t)check && frame[length - 1] == check >> 8;
}

enum modbus_verdict modbus_rtu_decode(const struct modbus_request *request, const uint16_t *written,
                                      const uint8_t *bytes, size_t length, size_t *ret_used,
                                      uint16_t *ret_registers, uint8_t *ret_exception)
{
    *ret_used = 0;
    if (length < AT_PDU + 2)
        return MODBUS_INCOMPLETE;
    size_t frame = frame_length(bytes);
    if (frame == 0)
        return MODBUS_WRONG_CHECK;
    size_t expected = modbus_pdu_reply_length(request, bytes[AT_PDU]);
    if (bytes[0] == request->unit && expected != 0 && frame != AT_PDU + expected + CHECK)
        return MODBUS_WRONG_LENGTH; /* seen before waiting for bytes that it promises */
    if (length < frame)
        return MODBUS_INCOMPLETE;
    if (!check_holds(bytes, frame))
        return MODBUS_WRONG_CHECK;
    *ret_used = frame;
    if (bytes[0] != request->unit)
        return MODBUS_WRONG_UNIT;
    if (expected == 0)
        return MODBUS_WRONG_FUNCTION;
    return modbus_pdu_decode(request, written, bytes + AT_PDU, ret_registers, ret_exception);
}
