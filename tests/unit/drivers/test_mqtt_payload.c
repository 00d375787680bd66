/* Payloads of the building-management contract, and the outbox of the MQTT edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/mqtt.h"
#include "drivers/mqtt_outbox.h"

static const double UNTOUCHED = -12345.0;

struct verdict {
    enum quality quality;
    enum reason reason;
    double value;
    int64_t source_ms;
    struct error error;
};

static struct verdict parse(const char *payload)
{
    struct verdict v = {.value = UNTOUCHED, .source_ms = -1};

    v.quality =
        mqtt_parse_value(payload, strlen(payload), &v.value, &v.source_ms, &v.reason, &v.error);
    return v;
}

static void good_value_has_its_source_time(void **state)
{
    struct verdict v = parse("{\"value\":22.96,\"timestamp\":1743620423000,\"quality\":1}");

    (void)state;
    assert_int_equal(v.quality, QUALITY_GOOD);
    assert_int_equal(v.reason, REASON_FRESH);
    assert_true(v.value > 22.95 && v.value < 22.97);
    assert_int_equal(v.source_ms, 1743620423000);
}

static void whole_numbers_and_unknown_keys_are_fine(void **state)
{
    struct verdict v = parse("{\"value\":-3,\"timestamp\":5,\"quality\":1,\"unit\":\"degC\"}");

    (void)state;
    assert_int_equal(v.quality, QUALITY_GOOD);
    assert_true(v.value == -3.0);
}

static void source_disowns_its_value(void **state)
{
    struct verdict v = parse("{\"value\":22.9,\"timestamp\":77,\"quality\":0}");

    (void)state;
    assert_int_equal(v.quality, QUALITY_BAD);
    assert_int_equal(v.reason, REASON_SOURCE_SAYS_BAD);
    assert_int_equal(v.source_ms, 77);
    assert_true(v.value == UNTOUCHED);
    v = parse("{\"value\":22.9,\"timestamp\":77,\"quality\":192}");
    assert_int_equal(v.quality, QUALITY_BAD);
}

static void null_is_missing_and_never_zero(void **state)
{
    struct verdict v = parse("{\"value\":null,\"timestamp\":77,\"quality\":1}");

    (void)state;
    assert_int_equal(v.quality, QUALITY_MISSING);
    assert_int_equal(v.reason, REASON_SOURCE_SAYS_BAD);
    assert_true(v.value == UNTOUCHED);
}

static void malformed_payloads_say_what_is_wrong(void **state)
{
    static const struct {
        const char *payload, *names;
    } cases[] = {
        {"", "empty"},
        {"22.9", "JSON"},
        {"[1]", "value"},
        {"{\"value\":", "JSON"},
        {"{\"value\":NaN,\"timestamp\":1,\"quality\":1}", "JSON"},
        {"{\"value\":1e999,\"timestamp\":1,\"quality\":1}", "JSON"},
        {"{\"value\":\"22.9\",\"timestamp\":1,\"quality\":1}", "\"value\" is a string"},
        {"{\"value\":true,\"timestamp\":1,\"quality\":1}", "\"value\" is true"},
        {"{\"timestamp\":1,\"quality\":1}", "\"value\" is absent"},
        {"{\"value\":1,\"quality\":1}", "\"timestamp\" is absent"},
        {"{\"value\":1,\"timestamp\":\"2026\",\"quality\":1}", "\"timestamp\" is a string"},
        {"{\"value\":1,\"timestamp\":1.5,\"quality\":1}", "\"timestamp\" is a real"},
        {"{\"value\":1,\"timestamp\":0,\"quality\":1}", "\"timestamp\" is 0"},
        {"{\"value\":1,\"timestamp\":1}", "\"quality\" is absent"},
        {"{\"value\":1,\"timestamp\":1,\"quality\":null}", "\"quality\" is null"},
        {"{\"value\":1,\"value\":2,\"timestamp\":1,\"quality\":1}", "duplicate"},
        {"{\"value\":1,\"timestamp\":1,\"quality\":1} trailing", "JSON"},
        {"\xff\xfe", "JSON"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct verdict v = parse(cases[i].payload);

        assert_int_equal(v.quality, QUALITY_BAD);
        assert_int_equal(v.reason, REASON_MALFORMED);
        assert_true(v.value == UNTOUCHED);
        assert_int_equal(v.source_ms, -1);
        if (!strstr(v.error.text, cases[i].names))
            fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].payload, v.error.text, cases[i].names);
    }
}

static void too_long_a_payload_is_not_looked_at(void **state)
{
    static char payload[LIMIT_PAYLOAD + 64];
    struct verdict v;

    (void)state;
    memset(payload, ' ', sizeof(payload) - 1);
    memcpy(payload, "{\"value\":1,\"timestamp\":1,\"quality\":1}", 37);
    v = parse(payload);
    assert_int_equal(v.reason, REASON_MALFORMED);
    assert_non_null(strstr(v.error.text, "8255 bytes"));
    payload[LIMIT_PAYLOAD] = '\0';
    assert_int_equal(parse(payload).quality, QUALITY_GOOD);
}

/* Any number that goes in as JSON comes out the same; damage never yields a good value that
 * differs from it silently in type, and never touches the outputs. */
static void random_values_survive_and_random_damage_is_a_verdict(void **state)
{
    (void)state;
    srand(7);
    for (int i = 0; i < 20000; i++) {
        double value = (rand() - RAND_MAX / 2) / 1024.0;
        int64_t at_ms = 1700000000000 + rand();
        char payload[128];
        int length =
            snprintf(payload, sizeof(payload), "{\"value\":%.17g,\"timestamp\":%lld,\"quality\":1}",
                     value, (long long)at_ms);
        struct verdict v = parse(payload);

        assert_int_equal(v.quality, QUALITY_GOOD);
        assert_true(v.value == value && v.source_ms == at_ms);
        payload[rand() % length] = (char)(1 + rand() % 255);
        v = parse(payload);
        if (v.reason == REASON_MALFORMED)
            assert_true(v.error.text[0] && v.value == UNTOUCHED && v.source_ms == -1);
        else
            assert_true(v.source_ms > 0);
    }
}

static void expect_next(struct outbox *outbox, const char *topic, const char *payload)
{
    struct outbox_message *message = outbox_take(outbox);

    assert_non_null(message);
    assert_string_equal(message->topic, topic);
    assert_string_equal(message->payload, payload);
    free(message);
}

static void outbox_keeps_the_newest_retained_in_order(void **state)
{
    struct outbox outbox;

    (void)state;
    outbox_init(&outbox);
    assert_int_equal(outbox_put(&outbox, "a", "1", 1, true), 0);
    assert_int_equal(outbox_put(&outbox, "b", "2", 0, false), 0);
    assert_int_equal(outbox_put(&outbox, "b", "3", 0, false), 0);
    assert_int_equal(outbox_put(&outbox, "a", "4", 1, true), 0);
    assert_int_equal(outbox.length, 3);
    expect_next(&outbox, "b", "2");
    expect_next(&outbox, "b", "3");
    expect_next(&outbox, "a", "4");
    assert_null(outbox_take(&outbox));
    assert_int_equal(outbox_put(&outbox, "c", "5", 0, true), 0);
    expect_next(&outbox, "c", "5");
    assert_int_equal(outbox.dropped, 0);
    outbox_finish(&outbox);
}

static void outbox_drops_what_would_be_old_news(void **state)
{
    struct outbox outbox;

    (void)state;
    outbox_init(&outbox);
    outbox_put(&outbox, "a", "1", 1, false);
    outbox_put(&outbox, "b", "2", 1, true);
    outbox_put(&outbox, "c", "3", 1, false);
    outbox_drop_transient(&outbox);
    assert_int_equal(outbox.dropped, 2);
    outbox_put(&outbox, "d", "4", 1, false);
    expect_next(&outbox, "b", "2");
    expect_next(&outbox, "d", "4");
    outbox_finish(&outbox);
}

static void outbox_refuses_beyond_its_bounds(void **state)
{
    static char longest[LIMIT_PAYLOAD + 2], topic[LIMIT_TOPIC + 1];
    struct outbox outbox;
    char name[16];

    (void)state;
    outbox_init(&outbox);
    memset(longest, 'x', LIMIT_PAYLOAD + 1);
    memset(topic, 't', LIMIT_TOPIC);
    assert_int_equal(outbox_put(&outbox, "a", longest, 0, false), ERROR_INVALID);
    assert_int_equal(outbox_put(&outbox, topic, "1", 0, false), ERROR_INVALID);
    for (int i = 0; i < LIMIT_OUTBOX; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        assert_int_equal(outbox_put(&outbox, name, "1", 1, true), 0);
    }
    assert_int_equal(outbox_put(&outbox, "one more", "1", 1, true), ERROR_FULL);
    assert_int_equal(outbox_put(&outbox, "t17", "2", 1, true), 0);
    assert_int_equal(outbox.dropped, 3);
    assert_int_equal(outbox.length, LIMIT_OUTBOX);
    outbox_finish(&outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_value_has_its_source_time),
        cmocka_unit_test(whole_numbers_and_unknown_keys_are_fine),
        cmocka_unit_test(source_disowns_its_value),
        cmocka_unit_test(null_is_missing_and_never_zero),
        cmocka_unit_test(malformed_payloads_say_what_is_wrong),
        cmocka_unit_test(too_long_a_payload_is_not_looked_at),
        cmocka_unit_test(random_values_survive_and_random_damage_is_a_verdict),
        cmocka_unit_test(outbox_keeps_the_newest_retained_in_order),
        cmocka_unit_test(outbox_drops_what_would_be_old_news),
        cmocka_unit_test(outbox_refuses_beyond_its_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
