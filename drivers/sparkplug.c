/* Sparkplug payloads: bytes to plain structs and back. The only user of protobuf-c. What a message
 * takes when unpacked is bounded by an arena, because two bytes of it may be a whole metric. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <schema/mqtt/sparkplug.pb-c.h>

#include "drivers/sparkplug_private.h"

#define REBIRTH_METRIC "Node Control/Rebirth"

enum {
    ARENA = 4 << 20,       /* bytes that one message may take when unpacked */
    QUALITY_IS_GOOD = 192, /* of the property "Quality"; 0 is bad, 500 stale */
};

enum datatype {
    TYPE_INT8 = 1,
    TYPE_INT16,
    TYPE_INT32,
    TYPE_INT64,
    TYPE_UINT8,
    TYPE_UINT16,
    TYPE_UINT32,
    TYPE_UINT64,
    TYPE_FLOAT,
    TYPE_DOUBLE,
    TYPE_BOOLEAN,
};

struct sparkplug_codec {
    ProtobufCAllocator allocator;
    struct sparkplug_payload payload;
    uint8_t *arena;
    size_t used;
};

/* ---- memory of one message ------------------------------------------------ */

static void *arena_alloc(void *context, size_t size)
{
    struct sparkplug_codec *codec = context;
    uint8_t *at = codec->arena + codec->used;

    size = (size + 15) & ~(size_t)15;
    if (size > ARENA - codec->used)
        return NULL;
    codec->used += size;
    return at;
}

static void arena_free(void *context, void *pointer)
{
    (void)context;
    (void)pointer;
}

struct sparkplug_codec *sparkplug_codec_create(void)
{
    struct sparkplug_codec *codec = calloc(1, sizeof(*codec));

    if (!codec)
        return NULL;
    codec->allocator =
        (ProtobufCAllocator){.alloc = arena_alloc, .free = arena_free, .allocator_data = codec};
    codec->arena = malloc(ARENA);
    if (!codec->arena) {
        free(codec);
        return NULL;
    }
    return codec;
}

void sparkplug_codec_destroy(struct sparkplug_codec *codec)
{
    if (codec)
        free(codec->arena);
    free(codec);
}

/* ---- bytes to structs ----------------------------------------------------- */

static enum sparkplug_said read_quality(const Sparkplug__PropertySet *properties)
{
    enum sparkplug_said said = QUALITY_UNSAID;

    for (size_t i = 0; properties && i < properties->n_keys && i < properties->n_values; i++) {
        const ProtobufCBinaryData *key = &properties->keys[i];
        const Sparkplug__PropertyValue *value = properties->values[i];
        bool narrow = value->value_case == SPARKPLUG__PROPERTY_VALUE__VALUE_INT_VALUE;
        bool wide = value->value_case == SPARKPLUG__PROPERTY_VALUE__VALUE_LONG_VALUE;

        if (key->len != strlen("Quality") ||
            strncasecmp((const char *)key->data, "Quality", key->len) != 0)
            continue;
        said = (narrow && value->int_value == QUALITY_IS_GOOD) ||
                       (wide && value->long_value == QUALITY_IS_GOOD)
                   ? QUALITY_SAID_GOOD
                   : QUALITY_SAID_BAD;
    }
    return said;
}

static void read_value(const Sparkplug__Metric *from, struct sparkplug_metric *metric)
{
    switch (from->value_case) {
    case SPARKPLUG__METRIC__VALUE_INT_VALUE:
        metric->carrier = CARRIER_INT;
        metric->whole = from->int_value;
        return;
    case SPARKPLUG__METRIC__VALUE_LONG_VALUE:
        metric->carrier = CARRIER_LONG;
        metric->whole = from->long_value;
        return;
    case SPARKPLUG__METRIC__VALUE_FLOAT_VALUE:
        metric->carrier = CARRIER_REAL;
        metric->real = (double)from->float_value;
        return;
    case SPARKPLUG__METRIC__VALUE_DOUBLE_VALUE:
        metric->carrier = CARRIER_REAL;
        metric->real = from->double_value;
        return;
    case SPARKPLUG__METRIC__VALUE_BOOLEAN_VALUE:
        metric->carrier = CARRIER_BOOLEAN;
        metric->real = from->boolean_value ? 1 : 0;
        return;
    case SPARKPLUG__METRIC__VALUE__NOT_SET:
    case _SPARKPLUG__METRIC__VALUE__CASE_IS_INT_SIZE:
        metric->carrier = CARRIER_NONE;
        return;
    }
}

static void read_metric(const Sparkplug__Metric *from, struct sparkplug_metric *metric)
{
    *metric =
        (struct sparkplug_metric){.name = from->name.data,
                                  .name_length = from->name.len,
                                  .has_alias = from->has_alias,
                                  .alias = from->alias,
                                  .has_time = from->has_timestamp,
                                  .time_ms = from->timestamp,
                                  .datatype = from->has_datatype ? from->datatype : 0,
                                  .is_historical = from->has_is_historical && from->is_historical,
                                  .is_null = from->has_is_null && from->is_null,
                                  .quality = read_quality(from->properties)};
    read_value(from, metric);
}

static const struct sparkplug_payload *read_payload(struct sparkplug_codec *codec,
                                                    const Sparkplug__Payload *from)
{
    codec->payload = (struct sparkplug_payload){.has_time = from->has_timestamp,
                                                .time_ms = from->timestamp,
                                                .has_seq = from->has_seq,
                                                .seq = from->seq,
                                                .count = from->n_metrics};
    codec->payload.metrics = arena_alloc(codec, from->n_metrics * sizeof(struct sparkplug_metric));
    if (!codec->payload.metrics)
        return NULL;
    for (size_t i = 0; i < from->n_metrics; i++)
        read_metric(from->metrics[i], &codec->payload.metrics[i]);
    return &codec->payload;
}

const struct sparkplug_payload *sparkplug_unpack(struct sparkplug_codec *codec, const void *bytes,
                                                 size_t length, struct error *error)
{
    const struct sparkplug_payload *payload = NULL;
    Sparkplug__Payload *unpacked;

    if (length > LIMIT_SPARKPLUG_PAYLOAD) {
        error_set(error, ERROR_INVALID, "%zu bytes are more than the %d that are looked at", length,
                  LIMIT_SPARKPLUG_PAYLOAD);
        return NULL;
    }
    codec->used = 0;
    unpacked =
        sparkplug__payload__unpack(&codec->allocator, length, length ? bytes : (const void *)"");
    if (unpacked)
        payload = read_payload(codec, unpacked);
    if (!payload)
        error_set(error, ERROR_INVALID, "no Sparkplug payload in these %zu bytes", length);
    return payload;
}

/* ---- numbers --------------------------------------------------------------- */

static int64_t sign_extend(uint64_t raw, int bits)
{
    uint64_t sign = UINT64_C(1) << (bits - 1);
    uint64_t kept = bits == 64 ? raw : raw & ((UINT64_C(1) << bits) - 1);

    return (int64_t)((kept ^ sign) - sign);
}

/* Writers differ in how wide they sign-extend a negative number, so any width from the type's to
 * the carrier's is taken. A 64-bit type needs its 64 bits. */
static bool signed_value(const struct sparkplug_metric *said, int bits, double *ret_value)
{
    bool wide = said->carrier == CARRIER_LONG;
    uint64_t raw = said->whole;
    int64_t value = sign_extend(raw, wide ? 64 : 32);
    int64_t most = (int64_t)(UINT64_MAX >> (65 - bits));

    if (bits > 32 && !wide)
        return false;
    if (value > most || value < -most - 1) {
        if (raw >> bits)
            return false;
        value = sign_extend(raw, bits);
    }
    *ret_value = (double)value;
    return true;
}

static bool unsigned_value(const struct sparkplug_metric *said, int bits, double *ret_value)
{
    uint64_t raw = said->whole;

    if (bits < 64 && raw >> bits)
        return false;
    *ret_value = (double)raw;
    return true;
}

bool sparkplug_number(const struct sparkplug_metric *said, uint32_t datatype, double *ret_value)
{
    static const int bits[] = {0, 8, 16, 32, 64, 8, 16, 32, 64};
    bool whole = said->carrier == CARRIER_INT || said->carrier == CARRIER_LONG;
    bool real = datatype == TYPE_FLOAT || datatype == TYPE_DOUBLE;

    if (datatype >= TYPE_INT8 && datatype <= TYPE_INT64)
        return whole && signed_value(said, bits[datatype], ret_value);
    if (datatype >= TYPE_UINT8 && datatype <= TYPE_UINT64)
        return whole && unsigned_value(said, bits[datatype], ret_value);
    if (said->carrier != (real ? CARRIER_REAL : CARRIER_BOOLEAN) ||
        (!real && datatype != TYPE_BOOLEAN))
        return false;
    *ret_value = said->real;
    return true;
}

/* ---- structs to bytes ------------------------------------------------------ */

size_t sparkplug_encode_rebirth(int64_t now_ms, uint8_t ret_payload[SPARKPLUG_COMMAND])
{
    Sparkplug__Metric metric = SPARKPLUG__METRIC__INIT;
    Sparkplug__Metric *metrics[] = {&metric};
    Sparkplug__Payload payload = SPARKPLUG__PAYLOAD__INIT;

    metric.has_name = metric.has_timestamp = metric.has_datatype = true;
    metric.name.data = (uint8_t *)REBIRTH_METRIC;
    metric.name.len = strlen(REBIRTH_METRIC);
    metric.timestamp = payload.timestamp = (uint64_t)now_ms;
    metric.datatype = TYPE_BOOLEAN;
    metric.value_case = SPARKPLUG__METRIC__VALUE_BOOLEAN_VALUE;
    metric.boolean_value = true;
    payload.has_timestamp = true;
    payload.metrics = metrics;
    payload.n_metrics = 1;
    assert(sparkplug__payload__get_packed_size(&payload) <= SPARKPLUG_COMMAND);
    return sparkplug__payload__pack(&payload, ret_payload);
}
