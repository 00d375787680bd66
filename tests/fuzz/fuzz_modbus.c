/* Any bytes as a reply: the decoder stays inside them, and calls a reply only what repeats the
 * request's own fields. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/modbus_codec.h"

enum { HEAD = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t FUNCTIONS[] = {3, 4, 6, 16};
    if (size < HEAD)
        return 0;
    struct modbus_request request = {
        .transaction = data[0],
        .unit = data[1],
        .function = FUNCTIONS[data[2] % 4],
        .address = (uint16_t)(data[3] << 8 | data[4]),
    };
    int reads = request.function < 5;
    request.count = (uint16_t)(request.function == 6 ? 1 : 1 + data[5] % MODBUS_WRITE_MOST);
    const uint16_t written[MODBUS_WRITE_MOST] = {0x1234};
    uint16_t registers[MODBUS_READ_MOST];
    uint8_t exception, frame[MODBUS_ADU_MOST];
    size_t used = 999, sent = modbus_encode(&request, reads ? NULL : written, frame);
    require(sent <= sizeof(frame) && sent == 6u + frame[5]);

    const uint8_t *reply = data + HEAD;
    size_t length = size - HEAD;
    enum modbus_verdict verdict =
        modbus_decode(&request, written, reply, length, &used, registers, &exception);
    require(used <= length);
    require((verdict == MODBUS_INCOMPLETE) <= (used == 0));
    if (verdict == MODBUS_REPLY || verdict == MODBUS_EXCEPTION)
        require(memcmp(reply, frame, 4) == 0 && reply[6] == request.unit &&
                (reply[7] & 0x7F) == request.function && used == 6u + reply[5]);
    if (verdict == MODBUS_REPLY && reads)
        require(used == 9u + 2u * request.count && reply[8] == 2 * request.count);
    return 0;
}
