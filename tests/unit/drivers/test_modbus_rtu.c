/* RTU frames: only what repeats unit, function and length under a right check sum is a reply, and a
 * late reply is never taken for a new one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "drivers/modbus_rtu_codec.h"
#include "drivers/rtu_owed.h"

static const struct modbus_request READ = {.unit = 7, .function = 3, .address = 100, .count = 2};

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
    outcome.verdict = modbus_rtu_decode(request, written, end, length, &outcome.used,
                                        outcome.registers, &outcome.exception);
    free(exact);
    return outcome;
}

static size_t seal(uint8_t *frame, size_t length)
{
    uint16_t check = modbus_rtu_check(frame, length);
    frame[length] = (uint8_t)check;
    frame[length + 1] = (uint8_t)(check >> 8);
    return length + 2;
}

/* The reply of registers 0xAABB, 0xCCDD to READ. */
static size_t make_reply(uint8_t frame[MODBUS_RTU_MOST])
{
    static const uint8_t REPLY[] = {7, 3, 4, 0xAA, 0xBB, 0xCC, 0xDD};
    memcpy(frame, REPLY, sizeof(REPLY));
    return seal(frame, sizeof(REPLY));
}

/* The frame that the serial line guide of the protocol shows, and its check sum. */
static void encodes_with_the_known_check_sum(void **unused)
{
    (void)unused;
    static const uint8_t EXPECTED[] = {1, 3, 0, 0, 0, 10, 0xC5, 0xCD};
    const struct modbus_request request = {.unit = 1, .function = 3, .address = 0, .count = 10};
    uint8_t frame[MODBUS_RTU_MOST];
    assert_int_equal(modbus_rtu_encode(&request, NULL, frame), sizeof(EXPECTED));
    assert_memory_equal(frame, EXPECTED, sizeof(EXPECTED));
}

static void longest_frames_fit(void **unused)
{
    (void)unused;
    uint16_t values[MODBUS_WRITE_MOST] = {0};
    uint8_t frame[MODBUS_RTU_MOST];
    struct modbus_request request = {.function = 16, .count = MODBUS_WRITE_MOST};
    assert_int_equal(modbus_rtu_encode(&request, values, frame), 9 + 2 * MODBUS_WRITE_MOST);
}

static void accepts_exact_reply_and_waits_for_every_byte(void **unused)
{
    (void)unused;
    uint8_t frame[MODBUS_RTU_MOST];
    size_t length = make_reply(frame);
    for (size_t part = 0; part < length; part++)
        assert_int_equal(decode(&READ, NULL, frame, part).verdict, MODBUS_INCOMPLETE);
    struct outcome got = decode(&READ, NULL, frame, length);
    assert_int_equal(got.verdict, MODBUS_REPLY);
    assert_int_equal(got.used, length);
    assert_int_equal(got.registers[0], 0xAABB);
    assert_int_equal(got.registers[1], 0xCCDD);
}

static void no_changed_bit_is_a_reply(void **unused)
{
    (void)unused;
    uint8_t frame[MODBUS_RTU_MOST];
    size_t length = make_reply(frame);
    for (size_t bit = 0; bit < 8 * length; bit++) {
        frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(decode(&READ, NULL, frame, length).verdict, MODBUS_REPLY);
        frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static enum modbus_verdict verdict_of(const uint8_t *bytes, size_t length, size_t *ret_used)
{
    uint8_t frame[MODBUS_RTU_MOST];
    memcpy(frame, bytes, length);
    struct outcome got = decode(&READ, NULL, frame, seal(frame, length));
    *ret_used = got.used;
    return got.verdict;
}

static void names_each_mismatch(void **unused)
{
    (void)unused;
    static const uint8_t UNIT[] = {8, 3, 4, 1, 2, 3, 4}, FUNCTION[] = {7, 4, 4, 1, 2, 3, 4},
                         SHORT[] = {7, 3, 2, 1, 2}, FOREIGN[] = {7, 0x2B, 4, 1, 2, 3, 4},
                         REFUSED[] = {7, 0x83, 2}, OTHER_REFUSED[] = {7, 0x84, 2};
    size_t used;
    assert_int_equal(verdict_of(UNIT, sizeof(UNIT), &used), MODBUS_WRONG_UNIT);
    assert_int_equal(used, sizeof(UNIT) + 2); /* skipped whole */
    assert_int_equal(verdict_of(FUNCTION, sizeof(FUNCTION), &used), MODBUS_WRONG_FUNCTION);
    assert_int_equal(used, sizeof(FUNCTION) + 2);
    assert_int_equal(verdict_of(SHORT, sizeof(SHORT), &used), MODBUS_WRONG_LENGTH);
    assert_int_equal(used, 0);
    assert_int_equal(verdict_of(FOREIGN, sizeof(FOREIGN), &used), MODBUS_WRONG_CHECK);
    assert_int_equal(verdict_of(OTHER_REFUSED, sizeof(OTHER_REFUSED), &used),
                     MODBUS_WRONG_FUNCTION);
    assert_int_equal(verdict_of(REFUSED, sizeof(REFUSED), &used), MODBUS_EXCEPTION);
    uint8_t frame[MODBUS_RTU_MOST];
    size_t length = make_reply(frame);
    frame[length - 1] ^= 1;
    assert_int_equal(decode(&READ, NULL, frame, length).verdict, MODBUS_WRONG_CHECK);
}

static void checks_write_echo(void **unused)
{
    (void)unused;
    const uint16_t value = 0x0102;
    const struct modbus_request request = {.unit = 1, .function = 6, .address = 5000, .count = 1};
    uint8_t echo[MODBUS_RTU_MOST] = {1, 6, 0x13, 0x88, 1, 2};
    assert_int_equal(decode(&request, &value, echo, seal(echo, 6)).verdict, MODBUS_REPLY);
    echo[5] = 3;
    assert_int_equal(decode(&request, &value, echo, seal(echo, 6)).verdict, MODBUS_WRONG_ECHO);
}

/* What is owed: a unit that answers in order, any answer of which may come late or never. The model
 * knows to which request each answer belongs; the master must never take one for another. */

enum { OUTSTANDING = 64, UNIT = 9 };

struct line {
    struct {
        uint8_t function;
        int request;        /* number of the request that it answers; 0: of a question */
    } answers[OUTSTANDING]; /* not yet given, oldest first */
    int count;
};

static void ask(struct line *line, uint8_t function, int request)
{
    if (line->count < OUTSTANDING && rand() % 5 != 0) { /* else the unit did not hear it */
        line->answers[line->count].function = function;
        line->answers[line->count++].request = request;
    }
}

/* The next answer that comes in before the master's patience ends; false: none. */
static bool hear(struct line *line, uint8_t *ret_function, int *ret_request)
{
    if (line->count == 0 || rand() % 3 == 0)
        return false;
    *ret_function = line->answers[0].function;
    *ret_request = line->answers[0].request;
    line->count--;
    memmove(line->answers, line->answers + 1, sizeof(line->answers[0]) * (size_t)line->count);
    return true;
}

static void no_late_answer_is_taken_for_another(void **unused)
{
    (void)unused;
    srand(11);
    int taken = 0;
    for (int run = 0; run < 300; run++) {
        struct rtu_owed owed = {0};
        struct line line = {.count = 0};
        int64_t now_ns = 1000;
        for (int request = 1; request < 200; request++) {
            static const uint8_t FUNCTIONS[] = {3, 3, 3, 4, 16};
            bool asks = rtu_owed_must_ask(&owed, UNIT, ++now_ns);
            uint8_t function = asks ? rtu_owed_function(&owed, UNIT) : FUNCTIONS[rand() % 5];
            ask(&line, function, asks ? 0 : request);
            uint8_t heard;
            int answers;
            bool answered = false;
            while (!answered && hear(&line, &heard, &answers))
                answered = heard == function; /* others are late ones */
            if (answered && asks) {
                rtu_owed_question_answered(&owed, UNIT);
            } else if (answered) {
                assert_int_equal(answers, request);
                taken++;
                rtu_owed_request_answered(&owed, UNIT);
            } else if (asks) {
                rtu_owed_question(&owed, UNIT, now_ns);
            } else {
                rtu_owed_request(&owed, UNIT, now_ns);
            }
        }
    }
    assert_true(taken > 300 * 20); /* and the unit is of use */
}

static void a_unit_that_never_answers_the_question_is_believed_again(void **unused)
{
    (void)unused;
    struct rtu_owed owed = {0};
    const int64_t later_ns = RTU_OWED_MS * INT64_C(1000000);
    rtu_owed_request(&owed, UNIT, 1000);
    assert_true(rtu_owed_must_ask(&owed, UNIT, 1000));
    assert_true(rtu_owed_any(&owed, UNIT, later_ns));
    assert_false(rtu_owed_must_ask(&owed, UNIT + 1, 1000)); /* others are not suspected */
    rtu_owed_question(&owed, UNIT, 1000 + later_ns / 2); /* asked in vain: no younger a debt */
    assert_false(rtu_owed_must_ask(&owed, UNIT, 1000 + later_ns));
    assert_true(rtu_owed_any(&owed, UNIT, 1000 + later_ns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_with_the_known_check_sum),
        cmocka_unit_test(longest_frames_fit),
        cmocka_unit_test(accepts_exact_reply_and_waits_for_every_byte),
        cmocka_unit_test(no_changed_bit_is_a_reply),
        cmocka_unit_test(names_each_mismatch),
        cmocka_unit_test(checks_write_echo),
        cmocka_unit_test(no_late_answer_is_taken_for_another),
        cmocka_unit_test(a_unit_that_never_answers_the_question_is_believed_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
