/* Sparkplug sessions, from payloads that a writer of its own makes: what is believed, when that
 * ends, and that nothing is delivered out of a session with a gap. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/sparkplug.h"

enum {
    INT8 = 1,
    INT16,
    INT32,
    INT64,
    UINT8,
    UINT16,
    UINT32,
    UINT64,
    FLOAT,
    DOUBLE,
    BOOLEAN,
    STRING,
};

static const int64_t NOW_MS = 1763764000000;

/* ---- a writer of payloads ------------------------------------------------ */

struct bytes {
    uint8_t at[4096];
    size_t length;
};

static void put_varint(struct bytes *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        out->at[out->length++] = (uint8_t)(value | 0x80);
    out->at[out->length++] = (uint8_t)value;
}

static void put_number(struct bytes *out, unsigned field, uint64_t value)
{
    put_varint(out, field << 3);
    put_varint(out, value);
}

static void put_bytes(struct bytes *out, unsigned field, const void *data, size_t length)
{
    put_varint(out, field << 3 | 2);
    put_varint(out, length);
    memcpy(out->at + out->length, data, length);
    out->length += length;
}

static void put_fixed(struct bytes *out, unsigned field, const void *data, size_t length)
{
    put_varint(out, field << 3 | (length == 8 ? 1 : 5));
    memcpy(out->at + out->length, data, length);
    out->length += length;
}

/* A metric under construction; zero members are left out. */
struct said {
    const char *name;
    int alias; /* -1: none */
    int64_t at_ms;
    unsigned datatype;
    bool historical, null;
    int quality; /* of the property; 0: none, -1: bad (0) */
    unsigned value_field;
    uint64_t whole;
    double real;
};

static void put_quality(struct bytes *out, int quality)
{
    struct bytes value = {.length = 0}, set = {.length = 0};

    put_number(&value, 1, INT32);
    put_number(&value, 3, quality < 0 ? 0 : (uint64_t)quality);
    put_bytes(&set, 1, "Quality", 7);
    put_bytes(&set, 2, value.at, value.length);
    put_bytes(out, 9, set.at, set.length);
}

static void put_metric(struct bytes *payload, const struct said *said)
{
    struct bytes out = {.length = 0};
    float real = (float)said->real;

    if (said->name)
        put_bytes(&out, 1, said->name, strlen(said->name));
    if (said->alias >= 0)
        put_number(&out, 2, (uint64_t)said->alias);
    if (said->at_ms)
        put_number(&out, 3, (uint64_t)said->at_ms);
    if (said->datatype)
        put_number(&out, 4, said->datatype);
    if (said->historical)
        put_number(&out, 5, 1);
    if (said->null)
        put_number(&out, 7, 1);
    if (said->quality)
        put_quality(&out, said->quality);
    if (said->value_field == 12)
        put_fixed(&out, 12, &real, 4);
    else if (said->value_field == 13)
        put_fixed(&out, 13, &said->real, 8);
    else if (said->value_field)
        put_number(&out, said->value_field, said->whole);
    put_bytes(payload, 2, out.at, out.length);
}

static struct said metric_double(const char *name, int alias, double value)
{
    return (struct said){.name = name,
                         .alias = alias,
                         .datatype = name ? DOUBLE : 0,
                         .value_field = 13,
                         .real = value};
}

static struct said metric_whole(const char *name, int alias, unsigned datatype, unsigned field,
                                uint64_t value)
{
    return (struct said){
        .name = name, .alias = alias, .datatype = datatype, .value_field = field, .whole = value};
}

/* ---- a session under test ------------------------------------------------ */

struct bench {
    struct sparkplug *sparkplug;
    struct sample last[16]; /* by point */
    int told[16];           /* samples by point */
    int commands;
    char topic[LIMIT_TOPIC];
    struct bytes command;
    int64_t now_ms;
    struct error error;
};

static void note_sample(void *context, const struct sample *sample)
{
    struct bench *bench = context;

    assert_true((sample->quality == QUALITY_GOOD) == (sample->reason == REASON_FRESH));
    assert_true((sample->quality == QUALITY_GOOD) == (bool)isfinite(sample->value));
    bench->last[sample->point] = *sample;
    bench->told[sample->point]++;
}

static void note_command(void *context, const char *topic, const void *payload, size_t length)
{
    struct bench *bench = context;

    bench->commands++;
    snprintf(bench->topic, sizeof(bench->topic), "%s", topic);
    memcpy(bench->command.at, payload, length);
    bench->command.length = length;
}

static void start_watching(struct bench *bench, const struct sparkplug_watch *watches, int count)
{
    const struct sparkplug_sink sink = {bench, note_sample, note_command};

    *bench = (struct bench){.now_ms = NOW_MS};
    assert_int_equal(sparkplug_create(watches, count, &sink, &bench->sparkplug, &bench->error), 0);
}

/* Points: 0 node power, 1 device power, 2 device count, 3 and 4 one metric of another device. */
static void start(struct bench *bench)
{
    static const struct sparkplug_watch watches[] = {
        {4, "site", "edge", "ups-2", "Power", 2, 100}, {0, "site", "edge", "", "Power", 1, 0},
        {2, "site", "edge", "ups-1", "Count", 1, 0},   {1, "site", "edge", "ups-1", "Power", 1, 0},
        {3, "site", "edge", "ups-2", "Power", 1, 0},
    };

    start_watching(bench, watches, 5);
}

static enum sparkplug_verdict send_bytes(struct bench *bench, const char *topic,
                                         const struct bytes *payload)
{
    char whole[LIMIT_TOPIC];

    snprintf(whole, sizeof(whole), "spBv1.0/site/%s", topic);
    bench->error.text[0] = '\0';
    return sparkplug_take(bench->sparkplug, whole, payload->at, payload->length, false,
                          bench->now_ms, &bench->error);
}

static enum sparkplug_verdict send(struct bench *bench, const char *topic, int seq,
                                   const struct said *metrics, int count)
{
    struct bytes payload = {.length = 0};

    put_number(&payload, 1, (uint64_t)bench->now_ms - 40);
    for (int i = 0; i < count; i++)
        put_metric(&payload, &metrics[i]);
    if (seq >= 0)
        put_number(&payload, 3, (uint64_t)seq);
    return send_bytes(bench, topic, &payload);
}

static enum sparkplug_verdict send_one(struct bench *bench, const char *topic, int seq,
                                       struct said metric)
{
    return send(bench, topic, seq, &metric, 1);
}

static void birth(struct bench *bench, int death_number)
{
    const struct said metrics[] = {
        metric_whole("bdSeq", -1, INT64, 11, (uint64_t)death_number),
        metric_whole("Node Control/Rebirth", -1, BOOLEAN, 14, 0),
        metric_double("Power", 1, 10),
        metric_double("Other", 2, 11),
    };

    assert_int_equal(send(bench, "NBIRTH/edge", 0, metrics, 4), SPARKPLUG_TAKEN);
}

static void birth_device(struct bench *bench, int seq)
{
    const struct said metrics[] = {
        metric_double("Power", 5, 20),
        metric_whole("Count", 6, UINT32, 10, 7),
        metric_double("Unwatched", 7, 1),
    };

    assert_int_equal(send(bench, "DBIRTH/edge/ups-1", seq, metrics, 3), SPARKPLUG_TAKEN);
}

static void start_born(struct bench *bench)
{
    start(bench);
    birth(bench, 3);
    birth_device(bench, 1);
}

static void finish(struct bench *bench)
{
    sparkplug_destroy(bench->sparkplug);
}

static void expect_verdict(const struct bench *bench, int point, enum quality quality,
                           enum reason reason)
{
    if (bench->last[point].quality != quality || bench->last[point].reason != reason)
        fail_msg("point %d: %s/%s, %s", point, quality_name(bench->last[point].quality),
                 reason_name(bench->last[point].reason), bench->error.text);
}

static void expect_good(const struct bench *bench, int point, double value)
{
    expect_verdict(bench, point, QUALITY_GOOD, REASON_FRESH);
    assert_true(bench->last[point].value == value);
}

/* ---- sessions ------------------------------------------------------------ */

static void births_and_data_become_values(void **state)
{
    struct bench b;

    (void)state;
    start_born(&b);
    expect_good(&b, 0, 10);
    expect_good(&b, 1, 20);
    expect_good(&b, 2, 7);
    assert_int_equal(b.last[0].source_ms, NOW_MS - 40);
    assert_int_equal(b.last[0].receive_ms, NOW_MS);
    assert_int_equal(send_one(&b, "NDATA/edge", 2, metric_double(NULL, 1, 12.5)), SPARKPLUG_TAKEN);
    expect_good(&b, 0, 12.5);
    assert_int_equal(send_one(&b, "DDATA/edge/ups-1", 3, metric_double(NULL, 5, -3)),
                     SPARKPLUG_TAKEN);
    expect_good(&b, 1, -3);
    assert_int_equal(send_one(&b, "DDATA/edge/ups-1", 4, metric_double("Power", -1, 4)),
                     SPARKPLUG_TAKEN);
    expect_good(&b, 1, 4);
    assert_int_equal(send_one(&b, "DDATA/edge/ups-1", 5, metric_double(NULL, 7, 4)),
                     SPARKPLUG_TAKEN);
    assert_int_equal(b.commands, 0);
    assert_int_equal(b.told[3], 0);
    finish(&b);
}

static void one_metric_may_be_several_points(void **state)
{
    struct bench b;

    (void)state;
    start_born(&b);
    assert_int_equal(send_one(&b, "DBIRTH/edge/ups-2", 2, metric_double("Power", 9, 5)),
                     SPARKPLUG_TAKEN);
    expect_good(&b, 3, 5);
    expect_good(&b, 4, 110);
    send_one(&b, "DDATA/edge/ups-2", 3, metric_double(NULL, 9, 6));
    expect_good(&b, 3, 6);
    expect_good(&b, 4, 112);
    finish(&b);
}

static void seq_goes_round_after_255(void **state)
{
    struct bench b;

    (void)state;
    start_born(&b);
    for (int i = 2; i < 600; i++) {
        assert_int_equal(send_one(&b, "NDATA/edge", i % 256, metric_double(NULL, 1, i)),
                         SPARKPLUG_TAKEN);
        expect_good(&b, 0, i);
    }
    finish(&b);
}

static void a_gap_ends_the_session_until_a_rebirth(void **state)
{
    struct bench b;

    (void)state;
    start_born(&b);
    assert_int_equal(send_one(&b, "NDATA/edge", 3, metric_double(NULL, 1, 99)), SPARKPLUG_GAPPED);
    for (int i = 0; i < 3; i++)
        expect_verdict(&b, i, QUALITY_BAD, REASON_SEQUENCE_GAP);
    assert_int_equal(b.commands, 1);
    assert_string_equal(b.topic, "spBv1.0/site/NCMD/edge");
    assert_int_equal(send_one(&b, "NDATA/edge", 4, metric_double(NULL, 1, 98)), SPARKPLUG_IGNORED);
    expect_verdict(&b, 0, QUALITY_BAD, REASON_SEQUENCE_GAP);
    birth(&b, 3);
    expect_good(&b, 0, 10);
    expect_verdict(&b, 1, QUALITY_BAD, REASON_SEQUENCE_GAP);
    birth_device(&b, 1);
    expect_good(&b, 1, 20);
    finish(&b);
}

static void repeated_and_missing_seq_are_gaps(void **state)
{
    static const int wrong[] = {1, -1, 255, 258};
    struct bench b;

    (void)state;
    for (int i = 0; i < 4; i++) {
        start_born(&b);
        assert_int_equal(send_one(&b, "NDATA/edge", wrong[i], metric_double(NULL, 1, 1)),
                         SPARKPLUG_GAPPED);
        expect_verdict(&b, 0, QUALITY_BAD, REASON_SEQUENCE_GAP);
        finish(&b);
    }
}

static void data_before_a_birth_asks_for_one(void **state)
{
    struct bench b;

    (void)state;
    start(&b);
    assert_int_equal(send_one(&b, "NDATA/edge", 7, metric_double("Power", -1, 1)),
                     SPARKPLUG_IGNORED);
    assert_int_equal(send_one(&b, "DBIRTH/edge/ups-1", 8, metric_double("Power", 5, 1)),
                     SPARKPLUG_IGNORED);
    assert_int_equal(b.commands, 1);
    assert_int_equal(b.told[0] + b.told[1], 0);
    finish(&b);
}

static void rebirths_are_asked_for_at_intervals(void **state)
{
    struct bench b;

    (void)state;
    start(&b);
    sparkplug_connected(b.sparkplug, b.now_ms);
    assert_int_equal(b.commands, 1);
    sparkplug_tick(b.sparkplug, b.now_ms + SPARKPLUG_REBIRTH_MS - 1);
    assert_int_equal(b.commands, 1);
    sparkplug_tick(b.sparkplug, b.now_ms + SPARKPLUG_REBIRTH_MS);
    assert_int_equal(b.commands, 2);
    sparkplug_tick(b.sparkplug, b.now_ms - 1); /* our clock stepped back */
    assert_int_equal(b.commands, 3);
    birth(&b, 0);
    sparkplug_tick(b.sparkplug, b.now_ms + 10 * SPARKPLUG_REBIRTH_MS);
    assert_int_equal(b.commands, 3);
    finish(&b);
}

static void after_a_reconnection_nothing_counts_before_a_birth(void **state)
{
    struct bench b;

    (void)state;
    start_born(&b);
    sparkplug_connected(b.sparkplug, b.now_ms);
    expect_good(&b, 0, 10); /* it ages by itself */
    assert_int_equal(send_one(&b, "NDATA/edge", 2, metric_double(NULL, 1, 12)), SPARKPLUG_IGNORED);
    expect_good(&b, 0, 10);
    finish(&b);
}

static void a_rebirth_request_is_the_command_of_the_specification(void **state)
{
    struct bytes metric = {.length = 0}, wanted = {.length = 0};
    uint8_t payload[SPARKPLUG_COMMAND];
    size_t length = sparkplug_encode_rebirth(NOW_MS, payload);

    (void)state;
    put_bytes(&metric, 1, "Node Control/Rebirth", 20);
    put_number(&metric, 3, (uint64_t)NOW_MS);
    put_number(&metric, 4, BOOLEAN);
    put_number(&metric, 14, 1);
    put_number(&wanted, 1, (uint64_t)NOW_MS);
    put_bytes(&wanted, 2, metric.at, metric.length);
    assert_int_equal(length, wanted.length);
    assert_memory_equal(payload, wanted.at, length);
}

/* ---- deaths -------------------------------------------------------------- */

static void a_will_counts_only_for_its_own_birth(void **state)
{
    struct bench b;

    (void)state;
    start_born(&b);
    assert_int_equal(send_one(&b, "NDEATH/edge", -1, metric_whole("bdSeq", -1, INT64, 11, 2)),
                     SPARKPLUG_IGNORED);
    expect_good(&b, 0, 10);
    assert_int_equal(send_one(&b, "NDEATH/edge", -1, metric_whole("bdSeq", -1, UINT64, 11, 3)),
                     SPARKPLUG_TAKEN);
    for (int i = 0; i < 3; i++)
        expect_verdict(&b, i, QUALITY_BAD, REASON_SOURCE_DEAD);
    sparkplug_tick(b.sparkplug, b.now_ms + 10 * SPARKPLUG_REBIRTH_MS);
    assert_int_equal(b.commands, 0); /* it knows that it must be born again */
    assert_int_equal(send_one(&b, "NDATA/edge", 2, metric_double(NULL, 1, 1)), SPARKPLUG_IGNORED);
    expect_verdict(&b, 0, QUALITY_BAD, REASON_SOURCE_DEAD);
    finish(&b);
}

static void a_will_of_unknown_birth_counts(void **state)
{
    struct bench b;

    (void)state;
    start(&b);
    assert_int_equal(send_one(&b, "NBIRTH/edge", 0, metric_double("Power", 1, 10)),
                     SPARKPLUG_TAKEN);
    assert_int_equal(send_one(&b, "NDEATH/edge", -1, metric_whole("bdSeq", -1, INT64, 11, 2)),
                     SPARKPLUG_TAKEN);
    expect_verdict(&b, 0, QUALITY_BAD, REASON_SOURCE_DEAD);
    birth(&b, 3);
    assert_int_equal(send(&b, "NDEATH/edge", -1, NULL, 0), SPARKPLUG_TAKEN);
    expect_verdict(&b, 0, QUALITY_BAD, REASON_SOURCE_DEAD);
    finish(&b);
}

static void a_device_dies_alone(void **state)
{
    struct bench b;

    (void)state;
    start_born(&b);
    assert_int_equal(send(&b, "DDEATH/edge/ups-1", 2, NULL, 0), SPARKPLUG_TAKEN);
    expect_good(&b, 0, 10);
    expect_verdict(&b, 1, QUALITY_BAD, REASON_SOURCE_DEAD);
    assert_int_equal(b.told[3], 0);
    assert_int_equal(send_one(&b, "NDATA/edge", 3, metric_double(NULL, 1, 12)), SPARKPLUG_TAKEN);
    assert_int_equal(send_one(&b, "DDATA/edge/ups-1", 4, metric_double(NULL, 5, 1)),
                     SPARKPLUG_GAPPED);
    finish(&b);
}

/* ---- aliases ------------------------------------------------------------- */

static void an_unknown_alias_ends_the_session_before_any_value(void **state)
{
    const struct said metrics[] = {metric_double(NULL, 1, 55), metric_double(NULL, 77, 1)};
    struct bench b;

    (void)state;
    start_born(&b);
    assert_int_equal(send(&b, "NDATA/edge", 2, metrics, 2), SPARKPLUG_GAPPED);
    expect_verdict(&b, 0, QUALITY_BAD, REASON_SEQUENCE_GAP);
    assert_int_equal(b.told[0], 2);
    finish(&b);
}

static void an_alias_of_another_device_is_none_of_this_one(void **state)
{
    struct bench b;

    (void)state;
    start_born(&b);
    assert_int_equal(send_one(&b, "DDATA/edge/ups-2", 2, metric_double(NULL, 5, 1)),
                     SPARKPLUG_GAPPED);
    finish(&b);
}

static void a_new_birth_of_a_device_gives_its_aliases_new_meaning(void **state)
{
    const struct said swapped[] = {metric_double("Power", 6, 30),
                                   metric_whole("Count", 8, UINT32, 10, 8)};
    struct bench b;

    (void)state;
    start_born(&b);
    assert_int_equal(send(&b, "DBIRTH/edge/ups-1", 2, swapped, 2), SPARKPLUG_TAKEN);
    assert_int_equal(send_one(&b, "DDATA/edge/ups-1", 3, metric_double(NULL, 6, 31)),
                     SPARKPLUG_TAKEN);
    expect_good(&b, 1, 31);
    expect_good(&b, 2, 8);
    assert_int_equal(send_one(&b, "DDATA/edge/ups-1", 4, metric_double(NULL, 5, 31)),
                     SPARKPLUG_GAPPED); /* nobody's any more */
    finish(&b);
}

static void an_alias_that_a_new_birth_drops_is_nobodys(void **state)
{
    struct bench b;

    (void)state;
    start(&b);
    birth(&b, 3);
    send_one(&b, "DBIRTH/edge/ups-1", 1, metric_double("Power", 0, 1));
    send_one(&b, "DBIRTH/edge/ups-1", 2, metric_double("Power", -1, 2));
    assert_int_equal(send_one(&b, "DDATA/edge/ups-1", 3, metric_double(NULL, 0, 3)),
                     SPARKPLUG_GAPPED);
    expect_verdict(&b, 1, QUALITY_BAD, REASON_SEQUENCE_GAP);
    finish(&b);
}

static void one_birth_must_not_contradict_itself(void **state)
{
    const struct said one_alias[] = {metric_double("Power", 1, 1), metric_double("Other", 1, 2)};
    const struct said one_name[] = {metric_double("Power", 1, 1), metric_double("Power", 2, 2)};
    struct said nameless = metric_double(NULL, 1, 1);
    struct bench b;

    (void)state;
    start(&b);
    assert_int_equal(send(&b, "NBIRTH/edge", 0, one_alias, 2), SPARKPLUG_MALFORMED);
    assert_non_null(strstr(b.error.text, "alias 1"));
    assert_int_equal(send(&b, "NBIRTH/edge", 0, one_name, 2), SPARKPLUG_MALFORMED);
    assert_int_equal(send(&b, "NBIRTH/edge", 0, &nameless, 1), SPARKPLUG_MALFORMED);
    expect_verdict(&b, 0, QUALITY_BAD, REASON_SEQUENCE_GAP);
    assert_int_equal(send_one(&b, "NDATA/edge", 1, metric_double(NULL, 1, 1)), SPARKPLUG_IGNORED);
    finish(&b);
}

static void too_many_aliases_are_refused(void **state)
{
    static uint8_t payload[LIMIT_SPARKPLUG_PAYLOAD];
    struct bench b;
    size_t length = 0;

    (void)state;
    start(&b);
    for (int i = 0; i <= LIMIT_SPARKPLUG_METRICS; i++) {
        struct bytes metric = {.length = 0};
        struct said said = metric_double("x", i, 1);

        put_metric(&metric, &said);
        memcpy(payload + length, metric.at, metric.length);
        length += metric.length;
    }
    memcpy(payload + length, "\x18\x00", 2); /* seq 0 */
    assert_int_equal(sparkplug_take(b.sparkplug, "spBv1.0/site/NBIRTH/edge", payload, length + 2,
                                    false, NOW_MS, &b.error),
                     SPARKPLUG_MALFORMED);
    assert_non_null(strstr(b.error.text, "4096 aliases"));
    assert_int_equal(sparkplug_take(b.sparkplug, "spBv1.0/site/NBIRTH/edge", payload,
                                    LIMIT_SPARKPLUG_PAYLOAD + 1, false, NOW_MS, &b.error),
                     SPARKPLUG_MALFORMED);
    finish(&b);
}

/* ---- values -------------------------------------------------------------- */

static void metrics_that_a_birth_leaves_out_are_not_offered(void **state)
{
    struct bench b;

    (void)state;
    start_born(&b);
    assert_int_equal(send_one(&b, "DBIRTH/edge/ups-1", 2, metric_double("Power", 5, 1)),
                     SPARKPLUG_TAKEN);
    expect_good(&b, 1, 1);
    expect_verdict(&b, 2, QUALITY_MISSING, REASON_NOT_OFFERED);
    finish(&b);
}

static void null_historical_and_disowned_values(void **state)
{
    struct said null = {.alias = 1, .null = true};
    struct said old = metric_double(NULL, 1, 1), bad = metric_double(NULL, 1, 2);
    struct bench b;

    (void)state;
    start_born(&b);
    old.historical = true;
    assert_int_equal(send_one(&b, "NDATA/edge", 2, old), SPARKPLUG_TAKEN);
    expect_good(&b, 0, 10);
    assert_int_equal(send_one(&b, "NDATA/edge", 3, null), SPARKPLUG_TAKEN);
    expect_verdict(&b, 0, QUALITY_MISSING, REASON_SOURCE_SAYS_BAD);
    bad.quality = -1;
    send_one(&b, "NDATA/edge", 4, bad);
    expect_verdict(&b, 0, QUALITY_BAD, REASON_SOURCE_SAYS_BAD);
    send_one(&b, "NDATA/edge", 5, metric_double(NULL, 1, 3)); /* nothing new about the quality */
    expect_verdict(&b, 0, QUALITY_BAD, REASON_SOURCE_SAYS_BAD);
    bad.quality = 500;
    send_one(&b, "NDATA/edge", 6, bad);
    expect_verdict(&b, 0, QUALITY_BAD, REASON_SOURCE_SAYS_BAD);
    bad.quality = 192;
    send_one(&b, "NDATA/edge", 7, bad);
    expect_good(&b, 0, 2);
    finish(&b);
}

static void metric_times_come_first_and_must_be_times(void **state)
{
    struct said timed = metric_double(NULL, 1, 5);
    struct bench b;

    (void)state;
    start_born(&b);
    timed.at_ms = NOW_MS - 5000;
    send_one(&b, "NDATA/edge", 2, timed);
    expect_good(&b, 0, 5);
    assert_int_equal(b.last[0].source_ms, NOW_MS - 5000);
    timed.at_ms = NOW_MS / 1000;
    assert_int_equal(send_one(&b, "NDATA/edge", 3, timed), SPARKPLUG_MALFORMED);
    expect_verdict(&b, 0, QUALITY_BAD, REASON_MALFORMED);
    timed.at_ms = -1;
    assert_int_equal(send_one(&b, "NDATA/edge", 4, timed), SPARKPLUG_MALFORMED);
    assert_int_equal(send_one(&b, "NDATA/edge", 5, metric_double(NULL, 1, 6)), SPARKPLUG_TAKEN);
    expect_good(&b, 0, 6);
    finish(&b);
}

static void every_number_type_is_read_and_no_other(void **state)
{
    static const struct {
        unsigned datatype, field;
        uint64_t raw;
        double value; /* NAN: refused */
    } cases[] = {
        {INT8, 10, 5, 5},
        {INT8, 10, 0xFB, -5},
        {INT8, 10, 0xFFFFFFFB, -5},
        {INT8, 11, UINT64_MAX - 4, -5},
        {INT8, 10, 127, 127},
        {INT8, 10, 256, NAN},
        {INT16, 10, 0xFFFB, -5},
        {INT16, 10, 0x8000, -32768},
        {INT16, 10, 65536, NAN},
        {INT32, 10, 0xFFFFFFFB, -5},
        {INT32, 11, 0xFFFFFFFB, -5},
        {INT32, 11, UINT64_MAX, -1},
        {INT32, 11, UINT64_C(1) << 32, NAN},
        {INT64, 11, UINT64_MAX - 4, -5},
        {INT64, 11, INT64_MAX, 9223372036854775807.0},
        {INT64, 10, 5, NAN},
        {UINT8, 10, 255, 255},
        {UINT8, 10, 256, NAN},
        {UINT16, 10, 65535, 65535},
        {UINT32, 10, 0xFFFFFFFB, 4294967291.0},
        {UINT32, 11, 0xFFFFFFFB, 4294967291.0},
        {UINT32, 11, UINT64_C(1) << 32, NAN},
        {UINT64, 11, UINT64_C(1) << 53, 9007199254740992.0},
        {UINT64, 10, 8, 8},
        {BOOLEAN, 14, 1, 1},
        {BOOLEAN, 14, 0, 0},
        {BOOLEAN, 10, 1, NAN},
        {DOUBLE, 10, 1, NAN},
        {FLOAT, 11, 1, NAN},
        {STRING, 10, 1, NAN},
        {0, 10, 1, NAN},
        {99, 10, 1, NAN},
        {INT32, 14, 1, NAN},
        {INT32, 0, 0, NAN},
    };
    struct bench b;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct said said =
            metric_whole("Power", 1, cases[i].datatype, cases[i].field, cases[i].raw);

        start(&b);
        send_one(&b, "NBIRTH/edge", 0, said);
        if (isnan(cases[i].value)) {
            expect_verdict(&b, 0, QUALITY_BAD, REASON_MALFORMED);
            assert_non_null(strstr(b.error.text, "\"Power\""));
        } else if (b.last[0].quality != QUALITY_GOOD || b.last[0].value != cases[i].value) {
            fail_msg("case %zu: %.17g, %s", i, b.last[0].value, b.error.text);
        }
        finish(&b);
    }
}

static void reals_are_read_and_infinities_refused(void **state)
{
    struct said single = {
        .name = "Power", .alias = 1, .datatype = FLOAT, .value_field = 12, .real = 0.5};
    struct bench b;

    (void)state;
    start(&b);
    send_one(&b, "NBIRTH/edge", 0, single);
    expect_good(&b, 0, 0.5);
    single.real = (double)INFINITY;
    assert_int_equal(send_one(&b, "NDATA/edge", 1, single), SPARKPLUG_TAKEN);
    expect_verdict(&b, 0, QUALITY_BAD, REASON_NOT_FINITE);
    assert_int_equal(send_one(&b, "NDATA/edge", 2, metric_double(NULL, 1, 1)), SPARKPLUG_TAKEN);
    expect_good(&b, 0, 1); /* a float may come as a double */
    single.datatype = INT32;
    assert_int_equal(send_one(&b, "NDATA/edge", 3, single), SPARKPLUG_MALFORMED);
    finish(&b);
}

/* ---- damage -------------------------------------------------------------- */

static void an_unreadable_payload_ends_the_session(void **state)
{
    struct bytes garbage = {.at = {0x12, 0x7f, 0x01}, .length = 3};
    struct bench b;

    (void)state;
    start_born(&b);
    assert_int_equal(send_bytes(&b, "NDATA/edge", &garbage), SPARKPLUG_MALFORMED);
    expect_verdict(&b, 0, QUALITY_BAD, REASON_SEQUENCE_GAP);
    assert_int_equal(b.commands, 1);
    finish(&b);
}

static void others_and_stored_messages_are_ignored(void **state)
{
    static const char *const topics[] = {
        "NDATA/other",
        "NCMD/edge",
        "DCMD/edge/ups-1",
        "NDATA/edge/ups-1",
        "DDATA/edge",
        "NDATA/edge/ups-1/x/y",
        "NDATA/edg",
        "NDATA/edge2",
        "NDATA",
        "",
        "NDATA/",
        "STATE/edge",
        "DDATA/edge/a/b/c",
    };
    struct bytes nothing = {.length = 0};
    struct bench b;

    (void)state;
    start_born(&b);
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
        assert_int_equal(send_bytes(&b, topics[i], &nothing), SPARKPLUG_IGNORED);
    assert_int_equal(
        sparkplug_take(b.sparkplug, "spBv1.0/site/NDATA/edge", "x", 1, true, NOW_MS, &b.error),
        SPARKPLUG_IGNORED);
    assert_int_equal(send_one(&b, "NDATA/edge", 2, metric_double(NULL, 1, 12)), SPARKPLUG_TAKEN);
    assert_true(sparkplug_is_topic("spBv1.0/a/NDATA/b"));
    assert_false(sparkplug_is_topic("spBv1.1/a/NDATA/b"));
    finish(&b);
}

/* ---- properties ---------------------------------------------------------- */

/* An edge node that counts its messages, and a network that loses, doubles and swaps them.
 * `sound`: since the last NBIRTH every message arrived, once and in order, up to the newest. */
struct network {
    struct bench bench;
    int sent, arrived, held; /* numbers of messages since the birth; held: 0, none */
    bool sound;
};

static void deliver(struct network *n, int number)
{
    double value = n->bench.now_ms + number;
    int told = n->bench.told[0];

    n->sound = n->sound && number == n->arrived + 1;
    n->arrived = number;
    send_one(&n->bench, "NDATA/edge", number % 256, metric_double(NULL, 1, value));
    if (n->sound)
        expect_good(&n->bench, 0, value);
    else if (n->bench.told[0] > told)
        assert_int_not_equal(n->bench.last[0].quality, QUALITY_GOOD);
}

static void give_birth(struct network *n)
{
    birth(&n->bench, 1);
    n->sent = n->arrived = n->held = 0;
    n->sound = true;
}

enum fate { LOST, HELD_BACK, DOUBLED, FATES = 60 }; /* the rest arrives */

static void send_next(struct network *n, int fate)
{
    int held = n->held;

    n->sent++;
    if (fate == HELD_BACK && !held) {
        n->held = n->sent;
        return;
    }
    if (fate != LOST)
        deliver(n, n->sent);
    if (fate == DOUBLED)
        deliver(n, n->sent);
    if (held)
        deliver(n, held);
    n->held = 0;
}

static void nothing_comes_out_of_a_session_with_a_gap(void **state)
{
    struct network n = {.sound = false};
    int births = 0;

    (void)state;
    srand(11);
    start(&n.bench);
    for (int i = 0; i < 200000; i++) {
        int asked = n.bench.commands;

        n.bench.now_ms += 500;
        send_next(&n, rand() % FATES);
        sparkplug_tick(n.bench.sparkplug, n.bench.now_ms);
        if (n.bench.commands > asked && rand() % 3) { /* requests are lost, too */
            give_birth(&n);
            births++;
        }
    }
    assert_true(n.bench.told[0] > 50000 && births > 1000);
    finish(&n.bench);
}

static void random_damage_is_never_a_value_beyond_the_session(void **state)
{
    struct bench b;

    (void)state;
    srand(5);
    start_born(&b);
    for (int i = 0; i < 50000; i++) {
        struct bytes payload = {.length = 0};
        struct said said = metric_double(i % 2 ? "Power" : NULL, 1, i);

        put_number(&payload, 1, (uint64_t)NOW_MS);
        put_metric(&payload, &said);
        put_number(&payload, 3, i % 7 == 0 ? 0 : (uint64_t)rand() % 4);
        for (int k = rand() % 4; k > 0; k--)
            payload.at[(size_t)rand() % payload.length] = (uint8_t)rand();
        payload.length -= (size_t)(rand() % 3);
        send_bytes(&b,
                   i % 7 == 0 ? "NBIRTH/edge"
                   : i % 5    ? "NDATA/edge"
                              : "DBIRTH/edge/ups-1",
                   &payload);
    }
    finish(&b);
}

/* ---- watches ------------------------------------------------------------- */

static void addresses_are_read_or_refused(void **state)
{
    static const char *const wrong[] = {
        "", "site", "site/", "/edge", "site//ups", "si+te/edge", "site/edge/#", "site/edge/ups/x"};
    struct sparkplug_watch watch = {.point = 3};
    struct error error;

    (void)state;
    assert_int_equal(sparkplug_watch_address(&watch, "site/edge/ups 1", &error), 0);
    assert_string_equal(watch.group, "site");
    assert_string_equal(watch.node, "edge");
    assert_string_equal(watch.device, "ups 1");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (sparkplug_watch_address(&watch, wrong[i], &error) != ERROR_INVALID)
            fail_msg("\"%s\" was taken", wrong[i]);
        assert_string_equal(watch.device, "ups 1");
    }
    assert_int_equal(sparkplug_watch_address(&watch, "a/b", &error), 0);
    assert_string_equal(watch.device, "");
    assert_int_equal(watch.point, 3);
}

static void wrong_watches_are_refused_with_their_name(void **state)
{
    static const struct sparkplug_watch twice[] = {{1, "a", "b", "", "Power", 1, 0},
                                                   {1, "a", "b", "", "Power", 1, 0}};
    static const struct sparkplug_watch slash[] = {{1, "a/c", "b", "", "Power", 1, 0}};
    const struct sparkplug_sink sink = {0};
    struct sparkplug *sparkplug;
    struct error error;

    (void)state;
    assert_int_equal(sparkplug_create(twice, 2, &sink, &sparkplug, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "Power"));
    assert_int_equal(sparkplug_create(slash, 1, &sink, &sparkplug, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "a/c"));
}

static void nodes_are_subscribed_to_and_counted(void **state)
{
    static const struct sparkplug_watch watches[] = {{0, "b", "n1", "", "P", 1, 0},
                                                     {1, "a", "n2", "d", "P", 1, 0},
                                                     {2, "a", "n1", "d", "P", 1, 0}};
    static const char *const wanted[] = {"spBv1.0/a/+/n1", "spBv1.0/a/+/n1/+",
                                         "spBv1.0/a/+/n2", "spBv1.0/a/+/n2/+",
                                         "spBv1.0/b/+/n1", "spBv1.0/b/+/n1/+"};
    struct sparkplug_health health;
    char filter[LIMIT_TOPIC];
    struct bench b;

    (void)state;
    start_watching(&b, watches, 3);
    for (int i = 0; i < 6; i++) {
        assert_true(sparkplug_subscription(b.sparkplug, i, filter, sizeof(filter)));
        assert_string_equal(filter, wanted[i]);
    }
    assert_false(sparkplug_subscription(b.sparkplug, 6, filter, sizeof(filter)));
    sparkplug_health(b.sparkplug, &health);
    assert_int_equal(health.nodes, 3);
    assert_int_equal(health.born, 0);
    sparkplug_take(b.sparkplug, "spBv1.0/a/NBIRTH/n2", "\x18\x00", 2, false, NOW_MS, &b.error);
    sparkplug_health(b.sparkplug, &health);
    assert_int_equal(health.born, 1);
    finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(births_and_data_become_values),
        cmocka_unit_test(one_metric_may_be_several_points),
        cmocka_unit_test(seq_goes_round_after_255),
        cmocka_unit_test(a_gap_ends_the_session_until_a_rebirth),
        cmocka_unit_test(repeated_and_missing_seq_are_gaps),
        cmocka_unit_test(data_before_a_birth_asks_for_one),
        cmocka_unit_test(rebirths_are_asked_for_at_intervals),
        cmocka_unit_test(after_a_reconnection_nothing_counts_before_a_birth),
        cmocka_unit_test(a_rebirth_request_is_the_command_of_the_specification),
        cmocka_unit_test(a_will_counts_only_for_its_own_birth),
        cmocka_unit_test(a_will_of_unknown_birth_counts),
        cmocka_unit_test(a_device_dies_alone),
        cmocka_unit_test(an_unknown_alias_ends_the_session_before_any_value),
        cmocka_unit_test(an_alias_of_another_device_is_none_of_this_one),
        cmocka_unit_test(a_new_birth_of_a_device_gives_its_aliases_new_meaning),
        cmocka_unit_test(an_alias_that_a_new_birth_drops_is_nobodys),
        cmocka_unit_test(one_birth_must_not_contradict_itself),
        cmocka_unit_test(too_many_aliases_are_refused),
        cmocka_unit_test(metrics_that_a_birth_leaves_out_are_not_offered),
        cmocka_unit_test(null_historical_and_disowned_values),
        cmocka_unit_test(metric_times_come_first_and_must_be_times),
        cmocka_unit_test(every_number_type_is_read_and_no_other),
        cmocka_unit_test(reals_are_read_and_infinities_refused),
        cmocka_unit_test(an_unreadable_payload_ends_the_session),
        cmocka_unit_test(others_and_stored_messages_are_ignored),
        cmocka_unit_test(nothing_comes_out_of_a_session_with_a_gap),
        cmocka_unit_test(random_damage_is_never_a_value_beyond_the_session),
        cmocka_unit_test(addresses_are_read_or_refused),
        cmocka_unit_test(wrong_watches_are_refused_with_their_name),
        cmocka_unit_test(nodes_are_subscribed_to_and_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
