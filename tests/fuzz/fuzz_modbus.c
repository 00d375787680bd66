/* Any bytes as a reply, in a frame of Modbus TCP and of RTU: the decoders stay inside them, and
 * call a reply only what repeats the request's own fields. The same bytes are also sealed with a
 * right check sum, which no fuzzer would find. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/modbus_codec.h"
#include "drivers/modbus_rtu_codec.h"

enum { HEAD = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

static const uint16_t WRITTEN[MODBUS_WRITE_MOST] = {0x1234};

static int is_sound(enum modbus_verdict verdict)
{
    return verdict == MODBUS_REPLY || verdict == MODBUS_EXCEPTION;
}

static void try_tcp(const struct modbus_request *request, const uint8_t *reply, size_t length)
{
    int reads = request->function < 5;
    uint16_t registers[MODBUS_READ_MOST];
    uint8_t exception, frame[MODBUS_ADU_MOST];
    size_t used = 999, sent = modbus_encode(request, reads ? NULL : WRITTEN, frame);
    require(sent <= sizeof(frame) && sent == 6u + frame[5]);
    enum modbus_verdict verdict =
        modbus_decode(request, WRITTEN, reply, length, &used, registers, &exception);
    require(used <= length);
    require((verdict == MODBUS_INCOMPLETE) <= (used == 0));
    if (is_sound(verdict))
        require(memcmp(reply, frame, 4) == 0 && reply[6] == request->unit &&
                (reply[7] & 0x7F) == request->function && used == 6u + reply[5]);
    if (verdict == MODBUS_REPLY && reads)
        require(used == 9u + 2u * request->count && reply[8] == 2 * request->count);
}

static enum modbus_verdict try_rtu(const struct modbus_request *request, const uint8_t *reply,
                                   size_t length)
{
    int reads = request->function < 5;
    uint16_t registers[MODBUS_READ_MOST];
    uint8_t exception, frame[MODBUS_RTU_MOST];
    size_t used = 999, sent = modbus_rtu_encode(request, reads ? NULL : WRITTEN, frame);
    require(sent <= sizeof(frame) && modbus_rtu_check(frame, sent) == 0);
    enum modbus_verdict verdict =
        modbus_rtu_decode(request, WRITTEN, reply, length, &used, registers, &exception);
    require(used <= length);
    require((verdict == MODBUS_INCOMPLETE) <= (used == 0));
    if (used > 0)
        require(modbus_rtu_check(reply, used) == 0);
    if (is_sound(verdict))
        require(reply[0] == request->unit && (reply[1] & 0x7F) == request->function);
    if (verdict == MODBUS_REPLY && reads)
        require(used == 5u + 2u * request->count && reply[2] == 2 * request->count);
    return verdict;
}

static void try_sealed_rtu(const struct modbus_request *request, const uint8_t *reply,
                           size_t length)
{
    uint8_t frame[MODBUS_RTU_MOST];
    if (length < 3 || length > sizeof(frame) - 2)
        return;
    memcpy(frame, reply, length);
    uint16_t check = modbus_rtu_check(frame, length);
    frame[length] = (uint8_t)check;
    frame[length + 1] = (uint8_t)(check >> 8);
    enum modbus_verdict verdict = try_rtu(request, frame, length + 2);
    if (is_sound(verdict)) { /* and no longer so when one bit of it is another */
        frame[3] ^= 1; /* every frame has that byte */
        require(!is_sound(try_rtu(request, frame, length + 2)));
    }
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
    request.count = (uint16_t)(request.function == 6 ? 1 : 1 + data[5] % MODBUS_WRITE_MOST);
    try_tcp(&request, data + HEAD, size - HEAD);
    try_rtu(&request, data + HEAD, size - HEAD);
    try_sealed_rtu(&request, data + HEAD, size - HEAD);
    return 0;
}
