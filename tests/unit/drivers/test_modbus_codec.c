/* Frames: every reply that differs from its request in one field must be refused, by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "drivers/modbus_codec.h"

static const struct modbus_request READ = {
    .transaction = 0x1234, .unit = 7, .function = 3, .address = 100, .count = 2};

/* The reply of registers 0xAABB, 0xCCDD to READ. */
static const uint8_t REPLY[] = {0x12, 0x34, 0, 0, 0, 7, 7, 3, 4, 0xAA, 0xBB, 0xCC, 0xDD};

struct outcome {
    enum modbus_verdict verdict;
    size_t used;
    uint16_t registers[MODBUS_READ_MOST];
    uint8_t exception;
};

static struct outcome decode(const struct modbus_request *request, const uint16_t *written,
                             const uint8_t *bytes, size_t length)
{
    struct outcome outcome = {.used = 999};
    uint8_t *exact = malloc(length + 1);
    uint8_t *end = exact + 1; /* ends with the block: the sanitizer sees any byte beyond */
    memcpy(end, bytes, length);
    outcome.verdict = modbus_decode(request, written, end, length, &outcome.used, outcome.registers,
                                    &outcome.exception);
    free(exact);
    return outcome;
}

static enum modbus_verdict verdict_with(size_t at, uint8_t byte)
{
    uint8_t frame[sizeof(REPLY)];
    memcpy(frame, REPLY, sizeof(frame));
    frame[at] = byte;
    return decode(&READ, NULL, frame, sizeof(frame)).verdict;
}

static void encodes_read(void **state)
{
    (void)state;
    static const uint8_t EXPECTED[] = {0x12, 0x34, 0, 0, 0, 6, 7, 3, 0, 100, 0, 2};
    uint8_t frame[MODBUS_ADU_MOST];
    assert_int_equal(modbus_encode(&READ, NULL, frame), sizeof(EXPECTED));
    assert_memory_equal(frame, EXPECTED, sizeof(EXPECTED));
}

static void encodes_writes(void **state)
{
    (void)state;
    static const uint16_t VALUES[] = {0x0102, 0xFFFE};
    static const uint8_t ONE[] = {0, 9, 0, 0, 0, 6, 1, 6, 0x13, 0x88, 1, 2};
    static const uint8_t MANY[] = {0, 9, 0, 0, 0, 11, 1, 16, 0x13, 0x88, 0, 2, 4, 1, 2, 0xFF, 0xFE};
    struct modbus_request request = {
        .transaction = 9, .unit = 1, .function = 6, .address = 5000, .count = 1};
    uint8_t frame[MODBUS_ADU_MOST];
    assert_int_equal(modbus_encode(&request, VALUES, frame), sizeof(ONE));
    assert_memory_equal(frame, ONE, sizeof(ONE));
    request.function = 16;
    request.count = 2;
    assert_int_equal(modbus_encode(&request, VALUES, frame), sizeof(MANY));
    assert_memory_equal(frame, MANY, sizeof(MANY));
}

static void longest_frames_fit(void **state)
{
    (void)state;
    uint16_t values[MODBUS_WRITE_MOST] = {0};
    uint8_t frame[MODBUS_ADU_MOST];
    struct modbus_request request = {.function = 16, .count = MODBUS_WRITE_MOST};
    assert_int_equal(modbus_encode(&request, values, frame), 13 + 2 * MODBUS_WRITE_MOST);
}

static void accepts_exact_reply(void **state)
{
    (void)state;
    struct outcome got = decode(&READ, NULL, REPLY, sizeof(REPLY));
    assert_int_equal(got.verdict, MODBUS_REPLY);
    assert_int_equal(got.used, sizeof(REPLY));
    assert_int_equal(got.registers[0], 0xAABB);
    assert_int_equal(got.registers[1], 0xCCDD);
}

static void waits_for_every_byte(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof(REPLY); length++) {
        struct outcome got = decode(&READ, NULL, REPLY, length);
        assert_int_equal(got.verdict, MODBUS_INCOMPLETE);
        assert_int_equal(got.used, 0);
    }
}

static void takes_one_frame_of_two(void **state)
{
    (void)state;
    uint8_t two[2 * sizeof(REPLY)];
    memcpy(two, REPLY, sizeof(REPLY));
    memcpy(two + sizeof(REPLY), REPLY, sizeof(REPLY));
    struct outcome got = decode(&READ, NULL, two, sizeof(two));
    assert_int_equal(got.verdict, MODBUS_REPLY);
    assert_int_equal(got.used, sizeof(REPLY));
}

static void names_each_mismatch(void **state)
{
    (void)state;
    assert_int_equal(verdict_with(1, 0x35), MODBUS_OTHER_TRANSACTION);
    assert_int_equal(verdict_with(2, 1), MODBUS_WRONG_PROTOCOL);
    assert_int_equal(verdict_with(3, 1), MODBUS_WRONG_PROTOCOL);
    assert_int_equal(verdict_with(4, 1), MODBUS_WRONG_LENGTH);
    assert_int_equal(verdict_with(5, 8), MODBUS_WRONG_LENGTH); /* longer than what follows */
    assert_int_equal(verdict_with(5, 6), MODBUS_WRONG_LENGTH);
    assert_int_equal(verdict_with(5, 2), MODBUS_WRONG_LENGTH);
    assert_int_equal(verdict_with(6, 8), MODBUS_WRONG_UNIT);
    assert_int_equal(verdict_with(7, 4), MODBUS_WRONG_FUNCTION);
    assert_int_equal(verdict_with(7, 0x84), MODBUS_WRONG_FUNCTION);
    assert_int_equal(verdict_with(8, 2), MODBUS_WRONG_LENGTH);
    assert_int_equal(verdict_with(8, 6), MODBUS_WRONG_LENGTH);
}

/* Any one byte changed ahead of the data must not be a reply: seeded, every field is hit. */
static void no_changed_header_is_a_reply(void **state)
{
    (void)state;
    srand(2);
    for (int i = 0; i < 20000; i++) {
        size_t at = (size_t)rand() % 9;
        uint8_t byte = (uint8_t)(REPLY[at] ^ (1 + rand() % 255));
        assert_int_not_equal(verdict_with(at, byte), MODBUS_REPLY);
    }
}

static void foreign_frame_is_skipped_whole(void **state)
{
    (void)state;
    static const uint8_t LATE[] = {0x12, 0x33, 0, 0, 0, 5, 7, 3, 2, 1, 1, 0x12};
    struct outcome got = decode(&READ, NULL, LATE, sizeof(LATE));
    assert_int_equal(got.verdict, MODBUS_OTHER_TRANSACTION);
    assert_int_equal(got.used, 11);
}

static void reports_exception(void **state)
{
    (void)state;
    static const uint8_t REFUSED[] = {0x12, 0x34, 0, 0, 0, 3, 7, 0x83, 2};
    struct outcome got = decode(&READ, NULL, REFUSED, sizeof(REFUSED));
    assert_int_equal(got.verdict, MODBUS_EXCEPTION);
    assert_int_equal(got.exception, 2);
    assert_int_equal(got.used, sizeof(REFUSED));
}

static void checks_write_echo(void **state)
{
    (void)state;
    const uint16_t value = 0x0102;
    struct modbus_request request = {
        .transaction = 9, .unit = 1, .function = 6, .address = 5000, .count = 1};
    uint8_t echo[] = {0, 9, 0, 0, 0, 6, 1, 6, 0x13, 0x88, 1, 2};
    assert_int_equal(decode(&request, &value, echo, sizeof(echo)).verdict, MODBUS_REPLY);
    echo[11] = 3;
    assert_int_equal(decode(&request, &value, echo, sizeof(echo)).verdict, MODBUS_WRONG_ECHO);
    echo[11] = 2;
    echo[9] = 0x89;
    assert_int_equal(decode(&request, &value, echo, sizeof(echo)).verdict, MODBUS_WRONG_ECHO);

    request.function = 16;
    uint8_t count_echo[] = {0, 9, 0, 0, 0, 6, 1, 16, 0x13, 0x88, 0, 1};
    assert_int_equal(decode(&request, &value, count_echo, sizeof(count_echo)).verdict,
                     MODBUS_REPLY);
    count_echo[11] = 2;
    assert_int_equal(decode(&request, &value, count_echo, sizeof(count_echo)).verdict,
                     MODBUS_WRONG_ECHO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_read),
        cmocka_unit_test(encodes_writes),
        cmocka_unit_test(longest_frames_fit),
        cmocka_unit_test(accepts_exact_reply),
        cmocka_unit_test(waits_for_every_byte),
        cmocka_unit_test(takes_one_frame_of_two),
        cmocka_unit_test(names_each_mismatch),
        cmocka_unit_test(no_changed_header_is_a_reply),
        cmocka_unit_test(foreign_frame_is_skipped_whole),
        cmocka_unit_test(reports_exception),
        cmocka_unit_test(checks_write_echo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
