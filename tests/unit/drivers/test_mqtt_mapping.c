/* Payloads of any form to verdicts: what is good, what is refused, and that the text says why. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/mqtt_mapping.h"

static const int64_t RECEIVED_MS = 1763764000000;

struct verdict {
    struct sample sample;
    struct error error;
};

static struct verdict read_bytes(const struct mqtt_mapping *mapping, const char *payload,
                                 size_t length, bool retained)
{
    struct mqtt_document document;
    struct verdict v = {.sample = {.point = 7, .value = -1}};
    enum quality quality;

    mqtt_document_open(&document, payload, length, retained, RECEIVED_MS);
    quality = mqtt_document_read(&document, mapping, &v.sample, &v.error);
    assert_int_equal(quality, v.sample.quality);
    mqtt_document_close(&document);
    assert_int_equal(v.sample.point, 7);
    assert_int_equal(v.sample.receive_ms, RECEIVED_MS);
    assert_true((v.sample.quality == QUALITY_GOOD) == (v.sample.reason == REASON_FRESH));
    assert_true(isfinite(v.sample.value) == (v.sample.quality == QUALITY_GOOD));
    assert_true(v.sample.quality == QUALITY_GOOD || v.error.text[0]);
    return v;
}

static struct verdict read_text(const struct mqtt_mapping *mapping, const char *payload)
{
    return read_bytes(mapping, payload, strlen(payload), false);
}

static struct mqtt_mapping mapping_of(enum mqtt_format format)
{
    struct mqtt_mapping mapping;

    mqtt_mapping_init(&mapping, format);
    return mapping;
}

static void expect_good(const struct mqtt_mapping *mapping, const char *payload, double value)
{
    struct verdict v = read_text(mapping, payload);

    if (v.sample.quality != QUALITY_GOOD || fabs(v.sample.value - value) > 1e-9 * fabs(value))
        fail_msg("%s: %s %.17g, %s", payload, quality_name(v.sample.quality), v.sample.value,
                 v.error.text);
}

static void expect_refused(const struct mqtt_mapping *mapping, const char *payload,
                           enum reason reason, const char *names)
{
    struct verdict v = read_text(mapping, payload);

    if (v.sample.reason != reason || !strstr(v.error.text, names))
        fail_msg("%s: %s, \"%s\" lacks \"%s\"", payload, reason_name(v.sample.reason), v.error.text,
                 names);
}

/* ---- the DSX contract -------------------------------------------------- */

static void dsx_value_has_its_source_time(void **state)
{
    struct mqtt_mapping dsx = mapping_of(MQTT_DSX);
    struct verdict v;

    (void)state;
    v = read_text(&dsx, "{\"value\":22.96,\"timestamp\":1743620423000,\"quality\":1,\"more\":[]}");
    assert_int_equal(v.sample.quality, QUALITY_GOOD);
    assert_int_equal(v.sample.source_ms, 1743620423000);
    dsx.factor = 1000;
    dsx.offset = -3;
    expect_good(&dsx, "{\"value\":-3,\"timestamp\":1743620423000,\"quality\":1}", -3003);
}

static void dsx_retained_value_is_as_old_as_it_says(void **state)
{
    static const char payload[] = "{\"value\":1,\"timestamp\":1743620423000,\"quality\":1}";
    struct mqtt_mapping dsx = mapping_of(MQTT_DSX);
    struct verdict v = read_bytes(&dsx, payload, strlen(payload), true);

    (void)state;
    assert_int_equal(v.sample.quality, QUALITY_GOOD);
    assert_int_equal(v.sample.source_ms, 1743620423000);
}

static void dsx_source_disowns_its_value(void **state)
{
    struct mqtt_mapping dsx = mapping_of(MQTT_DSX);
    struct verdict v;

    (void)state;
    v = read_text(&dsx, "{\"value\":22.9,\"timestamp\":1743620423000,\"quality\":192}");
    assert_int_equal(v.sample.quality, QUALITY_BAD);
    assert_int_equal(v.sample.reason, REASON_SOURCE_SAYS_BAD);
    assert_int_equal(v.sample.source_ms, 1743620423000);
    v = read_text(&dsx, "{\"value\":null,\"timestamp\":1743620423000,\"quality\":0}");
    assert_int_equal(v.sample.quality, QUALITY_MISSING);
    assert_int_equal(v.sample.reason, REASON_SOURCE_SAYS_BAD);
}

static void dsx_malformed_payloads_say_what_is_wrong(void **state)
{
    static const char *const cases[][2] = {
        {"", "empty"},
        {"22.9", "\"/value\" is absent"},
        {"[1]", "\"/value\" is absent"},
        {"{\"value\":", "JSON"},
        {"{\"value\":NaN,\"timestamp\":1743620423000,\"quality\":1}", "JSON"},
        {"{\"value\":1e999,\"timestamp\":1743620423000,\"quality\":1}", "JSON"},
        {"{\"value\":99999999999999999999,\"timestamp\":1743620423000,\"quality\":1}", "JSON"},
        {"{\"value\":\"22.9\",\"timestamp\":1743620423000,\"quality\":1}",
         "\"/value\" is a string"},
        {"{\"value\":true,\"timestamp\":1743620423000,\"quality\":1}", "\"/value\" is true"},
        {"{\"timestamp\":1743620423000,\"quality\":1}", "\"/value\" is absent"},
        {"{\"value\":1,\"quality\":1}", "\"/timestamp\" is absent"},
        {"{\"value\":1,\"timestamp\":\"2026\",\"quality\":1}", "\"/timestamp\" is a string"},
        {"{\"value\":1,\"timestamp\":1743620423000.0,\"quality\":1}", "\"/timestamp\" is a real"},
        {"{\"value\":1,\"timestamp\":0,\"quality\":1}", "\"/timestamp\" is 0"},
        {"{\"value\":1,\"timestamp\":-5,\"quality\":1}", "\"/timestamp\" is -5"},
        {"{\"value\":1,\"timestamp\":1743620423,\"quality\":1}", "looks like seconds"},
        {"{\"value\":1,\"timestamp\":1743620423000000,\"quality\":1}", "no time between"},
        {"{\"value\":1,\"timestamp\":1743620423000}", "\"/quality\" is absent"},
        {"{\"value\":1,\"timestamp\":1743620423000,\"quality\":1.0}", "\"/quality\" is a real"},
        {"{\"value\":1,\"value\":2,\"timestamp\":1743620423000,\"quality\":1}", "duplicate"},
        {"{\"value\":1,\"timestamp\":1743620423000,\"quality\":1} trailing", "JSON"},
        {"\xff\xfe\x1b[2J", "JSON"},
    };
    struct mqtt_mapping dsx = mapping_of(MQTT_DSX);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_refused(&dsx, cases[i][0], REASON_MALFORMED, cases[i][1]);
        assert_null(strchr(read_text(&dsx, cases[i][0]).error.text, '\x1b'));
    }
}

static void too_long_a_payload_is_not_looked_at(void **state)
{
    static char payload[LIMIT_PAYLOAD + 64];
    struct mqtt_mapping dsx = mapping_of(MQTT_DSX);

    (void)state;
    memset(payload, ' ', sizeof(payload) - 1);
    memcpy(payload, "{\"value\":1,\"timestamp\":1743620423000,\"quality\":1}", 49);
    expect_refused(&dsx, payload, REASON_MALFORMED, "8255 bytes");
    payload[LIMIT_PAYLOAD] = '\0';
    expect_good(&dsx, payload, 1);
}

static void deep_nesting_is_a_verdict(void **state)
{
    static char payload[LIMIT_PAYLOAD];
    struct mqtt_mapping json = mapping_of(MQTT_JSON);

    (void)state;
    memset(payload, '[', sizeof(payload));
    assert_int_equal(read_bytes(&json, payload, sizeof(payload), false).sample.reason,
                     REASON_MALFORMED);
    for (size_t i = 0; i + 5 <= sizeof(payload); i += 5)
        memcpy(payload + i, "{\"a\":", 5);
    assert_int_equal(read_bytes(&json, payload, sizeof(payload), false).sample.reason,
                     REASON_MALFORMED);
}

/* Any number that goes in comes out the same; damage never touches more than the verdict. */
static void random_values_survive_and_random_damage_is_a_verdict(void **state)
{
    struct mqtt_mapping dsx = mapping_of(MQTT_DSX);

    (void)state;
    srand(7);
    for (int i = 0; i < 20000; i++) {
        double value = (rand() - RAND_MAX / 2) / 1024.0;
        int64_t at_ms = 1700000000000 + rand();
        char payload[128];
        int length =
            snprintf(payload, sizeof(payload), "{\"value\":%.17g,\"timestamp\":%lld,\"quality\":1}",
                     value, (long long)at_ms);
        struct verdict v = read_text(&dsx, payload);

        assert_int_equal(v.sample.quality, QUALITY_GOOD);
        assert_true(v.sample.value == value && v.sample.source_ms == at_ms);
        payload[rand() % length] = (char)(1 + rand() % 255);
        read_text(&dsx, payload);
    }
}

/* ---- any JSON ---------------------------------------------------------- */

static void pointers_lead_as_rfc_6901_says(void **state)
{
    static const char payload[] =
        "{\"foo\":[10,20],\"\":0.5,\"a/b\":1,\"c%d\":2,\"m~n\":8,\" \":7,\"k\\\"l\":6,"
        "\"~1\":9,\"deep\":{\"0\":{\"x\":[[3],4]}}}";
    static const struct {
        const char *pointer;
        double value;
    } cases[] = {
        {"/foo/0", 10},       {"/foo/1", 20}, {"/", 0.5},   {"/a~1b", 1}, {"/c%d", 2},
        {"/m~0n", 8},         {"/ ", 7},      {"/k\"l", 6}, {"/~01", 9},  {"/deep/0/x/1", 4},
        {"/deep/0/x/0/0", 3},
    };
    static const char *const nowhere[] = {"/foo/2",           "/foo/-",  "/foo/01",
                                          "/foo/99999999999", "/foo/",   "/bar",
                                          "/foo/0/x",         "/deep/x", "/foo/ 1"};
    struct mqtt_mapping json = mapping_of(MQTT_JSON);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        strcpy(json.value, cases[i].pointer);
        assert_int_equal(mqtt_mapping_check(&json, NULL), 0);
        expect_good(&json, payload, cases[i].value);
    }
    for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
        strcpy(json.value, nowhere[i]);
        expect_refused(&json, payload, REASON_MALFORMED, nowhere[i]);
    }
    json.value[0] = '\0';
    expect_good(&json, " 17 ", 17);
    expect_refused(&json, "{}", REASON_MALFORMED, "\"\" is an object");
}

static void one_document_serves_many_mappings(void **state)
{
    static const char payload[] = "{\"l1\":{\"w\":100},\"l2\":{\"w\":null},\"l3\":{\"w\":\"x\"}}";
    static const enum quality wanted[] = {QUALITY_GOOD, QUALITY_MISSING, QUALITY_BAD};
    struct mqtt_mapping json = mapping_of(MQTT_JSON);
    struct mqtt_document document;
    struct sample sample = {.point = 1};
    struct error error;

    (void)state;
    mqtt_document_open(&document, payload, strlen(payload), false, RECEIVED_MS);
    for (int i = 0; i < 3; i++) {
        snprintf(json.value, sizeof(json.value), "/l%d/w", i + 1);
        assert_int_equal(mqtt_document_read(&document, &json, &sample, &error), wanted[i]);
    }
    mqtt_document_close(&document);
    mqtt_document_open(&document, "20 %", 4, false, RECEIVED_MS);
    assert_int_equal(mqtt_document_read(&document, &json, &sample, &error), QUALITY_BAD);
    json = mapping_of(MQTT_PLAIN);
    strcpy(json.suffix, "%");
    assert_int_equal(mqtt_document_read(&document, &json, &sample, NULL), QUALITY_GOOD);
    mqtt_document_close(&document);
}

static void without_a_time_only_live_messages_are_fresh(void **state)
{
    static const char payload[] = "{\"value\":5}";
    struct mqtt_mapping json = mapping_of(MQTT_JSON), plain = mapping_of(MQTT_PLAIN);
    struct verdict v = read_text(&json, payload);

    (void)state;
    assert_int_equal(v.sample.source_ms, RECEIVED_MS);
    v = read_bytes(&json, payload, strlen(payload), true);
    assert_int_equal(v.sample.quality, QUALITY_BAD);
    assert_int_equal(v.sample.reason, REASON_RETAINED);
    assert_int_equal(read_bytes(&plain, "5", 1, true).sample.reason, REASON_RETAINED);
    strcpy(json.time, "/t");
    v = read_bytes(&json, "{\"value\":5,\"t\":1743620423000}", 29, true);
    assert_int_equal(v.sample.quality, QUALITY_GOOD);
    assert_int_equal(v.sample.source_ms, 1743620423000);
}

static void expect_time(const struct mqtt_mapping *mapping, const char *time, int64_t at_ms)
{
    char payload[128];
    struct verdict v;

    snprintf(payload, sizeof(payload), "{\"value\":5,\"t\":%s}", time);
    v = read_text(mapping, payload);
    if (v.sample.quality != QUALITY_GOOD || v.sample.source_ms != at_ms)
        fail_msg("%s: %lld, %s", time, (long long)v.sample.source_ms, v.error.text);
}

static void expect_no_time(const struct mqtt_mapping *mapping, const char *time, const char *names)
{
    char payload[128];

    snprintf(payload, sizeof(payload), "{\"value\":5,\"t\":%s}", time);
    expect_refused(mapping, payload, REASON_MALFORMED, names);
    assert_int_equal(read_text(mapping, payload).sample.source_ms, RECEIVED_MS);
}

static void numeric_times_in_their_unit_only(void **state)
{
    struct mqtt_mapping json = mapping_of(MQTT_JSON);

    (void)state;
    strcpy(json.time, "/t");
    expect_time(&json, "1743620423000", 1743620423000);
    expect_time(&json, "1743620423000.4", 1743620423000);
    expect_no_time(&json, "1743620423", "looks like seconds");
    expect_no_time(&json, "1743620423000000", "no time");
    expect_no_time(&json, "1e300", "no time");
    expect_no_time(&json, "null", "is null");
    expect_no_time(&json, "\"1743620423000\"", "is a string");
    json.number_as_text = true;
    expect_time(&json, "\"1743620423000\"", 1743620423000);
    expect_no_time(&json, "\"nan\"", "nan");
    json.time_form = MQTT_TIME_S;
    expect_time(&json, "1743620423", 1743620423000);
    expect_time(&json, "1743620423.25", 1743620423250);
    expect_no_time(&json, "1743620423000", "looks like milliseconds");
    expect_no_time(&json, "0", "no time");
}

static void iso_times_need_a_zone(void **state)
{
    static const char *const wrong[] = {
        "\"2026-11-22T06:00:00\"",
        "\"2026-11-22\"",
        "\"2026-13-22T06:00:00Z\"",
        "\"2026-11-22T06:00:00.Z\"",
        "\"2026-11-22T06:00:00+2\"",
        "\"2026-11-22T06:00:00+25:00\"",
        "\"2026-11-22T06:00:00+02:0\"",
        "\"1970-01-01T00:00:00Z\"",
        "\"2026-11-22T06:00:00Z \"",
        "\"2026-11-22T06:00:00+ 2:00\"",
        "\"\"",
        "1743620423000",
    };
    struct mqtt_mapping json = mapping_of(MQTT_JSON);

    (void)state;
    strcpy(json.time, "/t");
    json.time_form = MQTT_TIME_ISO8601;
    expect_time(&json, "\"2026-11-22T06:00:00Z\"", 1795327200000);
    expect_time(&json, "\"2026-11-22 06:00:00.5Z\"", 1795327200500);
    expect_time(&json, "\"2026-11-22T06:00:00.123456789Z\"", 1795327200123);
    expect_time(&json, "\"2026-11-22T08:00:00+02:00\"", 1795327200000);
    expect_time(&json, "\"2026-11-22T01:30:00.001-04:30\"", 1795327200001);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_no_time(&json, wrong[i], "\"/t\"");
}

static void quality_is_good_only_as_configured(void **state)
{
    static const struct {
        const char *good, *quality;
        bool is_good;
    } cases[] = {
        {"1", "1", true},         {"1", "1.0", true},         {"1", "0", false},
        {"1", "\"1\"", true},     {"1", "true", false},       {"true", "true", true},
        {"true", "false", false}, {"Good", "\"Good\"", true}, {"Good", "\"good\"", false},
        {"Good", "0", false},     {"192", "192", true},       {"192", "64", false},
        {"null", "null", true},   {"0", "null", false},       {"true", "1", false},
    };
    struct mqtt_mapping json = mapping_of(MQTT_JSON);
    char payload[64];

    (void)state;
    strcpy(json.quality, "/q");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        strcpy(json.quality_good, cases[i].good);
        snprintf(payload, sizeof(payload), "{\"value\":5,\"q\":%s}", cases[i].quality);
        if (cases[i].is_good)
            expect_good(&json, payload, 5);
        else
            expect_refused(&json, payload, REASON_SOURCE_SAYS_BAD, "\"/q\"");
    }
    expect_refused(&json, "{\"value\":5}", REASON_MALFORMED, "\"/q\" is absent");
    expect_refused(&json, "{\"value\":5,\"q\":[1]}", REASON_MALFORMED, "\"/q\" is an array");
}

static void strings_are_numbers_only_when_the_mapping_says_so(void **state)
{
    struct mqtt_mapping json = mapping_of(MQTT_JSON);

    (void)state;
    expect_refused(&json, "{\"value\":\"5\"}", REASON_MALFORMED, "\"/value\" is a string");
    json.number_as_text = true;
    expect_good(&json, "{\"value\":\"5\"}", 5);
    expect_good(&json, "{\"value\":5}", 5);
    expect_refused(&json, "{\"value\":\"0x5\"}", REASON_MALFORMED, "0x5");
    expect_refused(&json, "{\"value\":\"NaN\"}", REASON_NOT_FINITE, "\"/value\"");
    expect_refused(&json, "{\"value\":\"\"}", REASON_MALFORMED, "no decimal number");
    strcpy(json.suffix, "kW");
    expect_good(&json, "{\"value\":\"5 kW\"}", 5);
}

static void words_stand_for_numbers(void **state)
{
    struct mqtt_mapping json = mapping_of(MQTT_JSON);

    (void)state;
    expect_refused(&json, "{\"value\":true}", REASON_MALFORMED, "\"/value\" is true");
    json.words[0] = (struct mqtt_word){"true", 1};
    json.words[1] = (struct mqtt_word){"off", 0};
    expect_good(&json, "{\"value\":true}", 1);
    expect_good(&json, "{\"value\":\"off\"}", 0);
    expect_good(&json, "{\"value\":3}", 3);
    expect_refused(&json, "{\"value\":\"Off\"}", REASON_UNKNOWN_STATE, "Off");
    expect_refused(&json, "{\"value\":false}", REASON_MALFORMED, "is false");
    json.format = MQTT_PLAIN;
    expect_good(&json, "off\n", 0);
    expect_good(&json, "2", 2);
    expect_refused(&json, "on", REASON_UNKNOWN_STATE, "on");
}

/* ---- plain text -------------------------------------------------------- */

static void plain_numbers_are_strict(void **state)
{
    static const char *const wrong[] = {"0x10",  "1,5",  "1.5.2", "12 kW", "1e",  "1e+",
                                        "--1",   "+",    ".",     "1 2",   "abc", "  ",
                                        "1_000", "1e5x", "½",     "true"};
    static const char *const no_numbers[] = {"nan",  "NaN",       "-nan",  "inf",
                                             "-INF", "+Infinity", "1e999", "-1e999"};
    struct mqtt_mapping plain = mapping_of(MQTT_PLAIN);

    (void)state;
    expect_good(&plain, "22.5", 22.5);
    expect_good(&plain, " -0.5e-3\r\n", -0.0005);
    expect_good(&plain, "+7", 7);
    expect_good(&plain, ".5", 0.5);
    expect_good(&plain, "5.", 5);
    expect_good(&plain, "0010", 10);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_refused(&plain, wrong[i], REASON_MALFORMED, "no decimal number");
    for (size_t i = 0; i < sizeof(no_numbers) / sizeof(no_numbers[0]); i++)
        expect_refused(&plain, no_numbers[i], REASON_NOT_FINITE, no_numbers[i]);
    expect_refused(&plain, "", REASON_MALFORMED, "empty");
    assert_int_equal(read_bytes(&plain, "5\0006", 3, false).sample.reason, REASON_MALFORMED);
    assert_int_equal(read_bytes(&plain, "5\0", 2, false).sample.reason, REASON_MALFORMED);
}

static void a_unit_is_the_one_configured_or_the_number_is_refused(void **state)
{
    struct mqtt_mapping plain = mapping_of(MQTT_PLAIN);

    (void)state;
    strcpy(plain.suffix, "kW");
    expect_good(&plain, "1.5 kW", 1.5);
    expect_good(&plain, "1.5kW", 1.5);
    expect_refused(&plain, "950 W", REASON_MALFORMED, "followed by kW");
    expect_refused(&plain, "1.5", REASON_MALFORMED, "followed by kW");
    expect_refused(&plain, "kW", REASON_MALFORMED, "kW");
    expect_refused(&plain, "1.5 kWh", REASON_MALFORMED, "kW");
}

static void factor_and_offset_must_not_lead_out_of_the_numbers(void **state)
{
    struct mqtt_mapping plain = mapping_of(MQTT_PLAIN);

    (void)state;
    plain.factor = 1e200;
    expect_refused(&plain, "1e200", REASON_NOT_FINITE, "not finite");
    plain.factor = 0.1;
    plain.offset = -40;
    expect_good(&plain, "625", 22.5);
}

static void a_long_text_is_quoted_in_part_and_without_control_bytes(void **state)
{
    struct mqtt_mapping plain = mapping_of(MQTT_PLAIN);
    struct verdict v =
        read_text(&plain, "\x1b[31mThe quick brown fox jumps over the lazy dog again");

    (void)state;
    assert_non_null(strstr(v.error.text, "?[31mThe quick"));
    assert_non_null(strstr(v.error.text, "...\""));
}

/* ---- mappings ---------------------------------------------------------- */

static void expect_wrong(const struct mqtt_mapping *mapping, const char *names)
{
    struct error error = {"accepted"};

    assert_int_equal(mqtt_mapping_check(mapping, &error), ERROR_INVALID);
    if (!strstr(error.text, names))
        fail_msg("\"%s\" lacks \"%s\"", error.text, names);
}

static void mappings_are_checked_with_a_remedy(void **state)
{
    struct mqtt_mapping m = mapping_of(MQTT_JSON);

    (void)state;
    for (int i = 0; i < MQTT_SPARKPLUG; i++) {
        m = mapping_of((enum mqtt_format)i);
        assert_int_equal(mqtt_mapping_check(&m, NULL), 0);
        strcpy(m.metric, "x");
        expect_wrong(&m, "metric");
    }
    m = mapping_of(MQTT_SPARKPLUG);
    expect_wrong(&m, "needs the name of a metric");
    strcpy(m.metric, "Power/W");
    assert_int_equal(mqtt_mapping_check(&m, NULL), 0);
    strcpy(m.words[0].text, "on");
    expect_wrong(&m, "words");
    m = mapping_of(MQTT_JSON);
    strcpy(m.value, "value");
    expect_wrong(&m, "\"/value\"");
    strcpy(m.value, "/a~2");
    expect_wrong(&m, "~0");
    strcpy(m.value, "/a~");
    expect_wrong(&m, "~0");
    m = mapping_of(MQTT_JSON);
    strcpy(m.quality, "/q");
    expect_wrong(&m, "takes both");
    m = mapping_of(MQTT_JSON);
    strcpy(m.suffix, "kW");
    expect_wrong(&m, "numbers in quotes");
    m = mapping_of(MQTT_PLAIN);
    strcpy(m.time, "/t");
    expect_wrong(&m, "format \"plain\" has no time pointer");
    m = mapping_of(MQTT_DSX);
    m.factor = 0;
    expect_wrong(&m, "factor");
    m = mapping_of(MQTT_PLAIN);
    m.words[0] = m.words[1] = (struct mqtt_word){"on", 1};
    expect_wrong(&m, "two numbers");
}

static void names_are_found_again(void **state)
{
    enum mqtt_format format;
    enum mqtt_time_form form;

    (void)state;
    for (int i = 0; i < MQTT_FORMATS; i++) {
        assert_int_equal(mqtt_format_find(mqtt_format_name((enum mqtt_format)i), &format), 0);
        assert_int_equal(format, i);
    }
    for (int i = 0; i < MQTT_TIME_FORMS; i++) {
        assert_int_equal(mqtt_time_form_find(mqtt_time_form_name((enum mqtt_time_form)i), &form),
                         0);
        assert_int_equal(form, i);
    }
    assert_int_equal(mqtt_format_find("xml", &format), ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dsx_value_has_its_source_time),
        cmocka_unit_test(dsx_retained_value_is_as_old_as_it_says),
        cmocka_unit_test(dsx_source_disowns_its_value),
        cmocka_unit_test(dsx_malformed_payloads_say_what_is_wrong),
        cmocka_unit_test(too_long_a_payload_is_not_looked_at),
        cmocka_unit_test(deep_nesting_is_a_verdict),
        cmocka_unit_test(random_values_survive_and_random_damage_is_a_verdict),
        cmocka_unit_test(pointers_lead_as_rfc_6901_says),
        cmocka_unit_test(one_document_serves_many_mappings),
        cmocka_unit_test(without_a_time_only_live_messages_are_fresh),
        cmocka_unit_test(numeric_times_in_their_unit_only),
        cmocka_unit_test(iso_times_need_a_zone),
        cmocka_unit_test(quality_is_good_only_as_configured),
        cmocka_unit_test(strings_are_numbers_only_when_the_mapping_says_so),
        cmocka_unit_test(words_stand_for_numbers),
        cmocka_unit_test(plain_numbers_are_strict),
        cmocka_unit_test(a_unit_is_the_one_configured_or_the_number_is_refused),
        cmocka_unit_test(factor_and_offset_must_not_lead_out_of_the_numbers),
        cmocka_unit_test(a_long_text_is_quoted_in_part_and_without_control_bytes),
        cmocka_unit_test(mappings_are_checked_with_a_remedy),
        cmocka_unit_test(names_are_found_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
