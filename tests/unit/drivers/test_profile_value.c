/* Profile rows: registers to values and back in every type, order, scale, field and sign, and what
 * must never become a value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/profile.h"

static struct profile_row row_of(enum register_type type, enum word_order order)
{
    return (struct profile_row){
        .point = POINT_POWER_SET,
        .type = type,
        .order = order,
        .factor = 1,
        .low = -HUGE_VAL,
        .high = HUGE_VAL,
        .write.allowed = true,
        .write.low = -1e18,
        .write.high = 1.9e19,
    };
}

static double decode_good(const struct profile_row *row, const uint16_t *registers)
{
    double value = (double)NAN;
    enum reason reason = REASON_NONE;
    assert_int_equal(profile_decode(NULL, row, registers, &value, &reason), QUALITY_GOOD);
    assert_int_equal(reason, REASON_FRESH);
    return value;
}

/* Decoding */

static void decodes_known_patterns(void **state)
{
    (void)state;
    static const struct {
        enum register_type type;
        enum word_order order;
        uint16_t registers[4];
        double value;
    } CASES[] = {
        {TYPE_U16, ORDER_ABCD, {0x8001}, 32769},
        {TYPE_I16, ORDER_ABCD, {0x8001}, -32767},
        {TYPE_U16, ORDER_BADC, {0x0180}, 32769},
        {TYPE_U16, ORDER_CDAB, {0x8001}, 32769},
        {TYPE_U32, ORDER_ABCD, {0x0001, 0x0203}, 0x00010203},
        {TYPE_U32, ORDER_CDAB, {0x0203, 0x0001}, 0x00010203},
        {TYPE_U32, ORDER_BADC, {0x0100, 0x0302}, 0x00010203},
        {TYPE_U32, ORDER_DCBA, {0x0302, 0x0100}, 0x00010203},
        {TYPE_I32, ORDER_CDAB, {0xFFFE, 0xFFFF}, -2},
        {TYPE_F32, ORDER_ABCD, {0x41C8, 0x0000}, 25},
        {TYPE_F32, ORDER_CDAB, {0x0000, 0x41C8}, 25},
        {TYPE_U64, ORDER_ABCD, {0, 0, 1, 2}, 65538},
        {TYPE_U64, ORDER_CDAB, {2, 1, 0, 0}, 65538},
        {TYPE_I64, ORDER_ABCD, {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFD}, -3},
        {TYPE_I64, ORDER_DCBA, {0xFDFF, 0xFFFF, 0xFFFF, 0xFFFF}, -3},
        {TYPE_F64, ORDER_ABCD, {0x4039, 0, 0, 0}, 25},
        {TYPE_F64, ORDER_BADC, {0x3940, 0, 0, 0}, 25},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct profile_row row = row_of(CASES[i].type, CASES[i].order);
        assert_true(decode_good(&row, CASES[i].registers) == CASES[i].value);
    }
}

static void applies_scale_and_offset(void **state)
{
    (void)state;
    struct profile_row row = row_of(TYPE_I16, ORDER_ABCD);
    row.factor = 0.1;
    row.offset = -40;
    assert_true(fabs(decode_good(&row, (uint16_t[]){650}) - 25) <= 1e-12);
}

static void refuses_what_is_no_value(void **state)
{
    (void)state;
    double value = 77;
    enum reason reason;
    struct profile_row row = row_of(TYPE_F32, ORDER_CDAB);
    row.low = -10;
    row.high = 10;
    row.invalids[0] = 0x7FC00000;
    row.invalid_count = 1;
    assert_int_equal(profile_decode(NULL, &row, (uint16_t[]){0, 0x7FC0}, &value, &reason),
                     QUALITY_MISSING);
    assert_int_equal(reason, REASON_SENTINEL);
    assert_int_equal(profile_decode(NULL, &row, (uint16_t[]){0, 0x7F80}, &value, &reason),
                     QUALITY_BAD);
    assert_int_equal(reason, REASON_NOT_FINITE);
    assert_int_equal(profile_decode(NULL, &row, (uint16_t[]){0, 0x41C8}, &value, &reason),
                     QUALITY_BAD);
    assert_int_equal(reason, REASON_OUT_OF_RANGE);
    assert_true(value == 77);
}

/* Encoding */

static void round_trips_every_type_and_order(void **state)
{
    (void)state;
    srand(3);
    for (int i = 0; i < 20000; i++) {
        enum register_type type = (enum register_type)(i % 8);
        struct profile_row row = row_of(type, (enum word_order)(i / 8 % 4));
        bool is_signed = type != TYPE_U16 && type != TYPE_U32 && type != TYPE_U64;
        double value = rand() % 32768 - (is_signed ? 16384 : 0);
        uint16_t registers[4];
        assert_int_equal(profile_encode(&row, value, 0, registers, NULL), 0);
        assert_true(decode_good(&row, registers) == value);
    }
}

static void refuses_values_beyond_the_type(void **state)
{
    (void)state;
    static const struct {
        enum register_type type;
        double least, most;
    } RANGES[] = {
        {TYPE_U16, 0, 65535},
        {TYPE_I16, -32768, 32767},
        {TYPE_U32, 0, 4294967295.0},
        {TYPE_I32, -2147483648.0, 2147483647.0},
    };
    for (size_t i = 0; i < sizeof(RANGES) / sizeof(RANGES[0]); i++) {
        struct profile_row row = row_of(RANGES[i].type, ORDER_ABCD);
        uint16_t registers[4] = {0xABCD};
        assert_int_equal(profile_encode(&row, RANGES[i].least - 1, 0, registers, NULL),
                         ERROR_INVALID);
        assert_int_equal(profile_encode(&row, RANGES[i].most + 1, 0, registers, NULL),
                         ERROR_INVALID);
        assert_int_equal(registers[0], 0xABCD);
        assert_int_equal(profile_encode(&row, RANGES[i].least, 0, registers, NULL), 0);
        assert_true(decode_good(&row, registers) == RANGES[i].least);
        assert_int_equal(profile_encode(&row, RANGES[i].most, 0, registers, NULL), 0);
        assert_true(decode_good(&row, registers) == RANGES[i].most);
    }
    struct profile_row row = row_of(TYPE_U64, ORDER_ABCD);
    uint16_t registers[4];
    assert_int_equal(profile_encode(&row, 18446744073709551616.0, 0, registers, NULL),
                     ERROR_INVALID);
    row = row_of(TYPE_F32, ORDER_ABCD);
    row.write.high = 1e300;
    assert_int_equal(profile_encode(&row, 1e39, 0, registers, NULL), ERROR_INVALID);
}

static void refuses_values_outside_the_write_range(void **state)
{
    (void)state;
    struct profile_row row = row_of(TYPE_I32, ORDER_ABCD);
    struct error error = {""};
    uint16_t registers[4];
    row.write.low = -100;
    row.write.high = 100;
    assert_int_equal(profile_encode(&row, 100.5, 0, registers, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "write range"));
    assert_int_equal(profile_encode(&row, (double)NAN, 0, registers, &error), ERROR_INVALID);
    row.write.allowed = false;
    assert_int_equal(profile_encode(&row, 1, 0, registers, &error), ERROR_INVALID);
    row.write.allowed = true;
    row.invalids[0] = 50;
    row.invalid_count = 1;
    assert_int_equal(profile_encode(&row, 50, 0, registers, &error), ERROR_INVALID);
}

/* The step of a register may be coarse; what is written never leaves the write range. */
static void rounding_stays_in_the_write_range(void **state)
{
    (void)state;
    srand(4);
    for (int i = 0; i < 20000; i++) {
        struct profile_row row = row_of(TYPE_I16, ORDER_ABCD);
        row.factor = (rand() % 2 ? 1 : -1) * (1 + rand() % 500) / 10.0;
        row.offset = rand() % 100 / 7.0;
        row.write.low = -(rand() % 1000) - 0.3;
        row.write.high = rand() % 1000 + 0.7;
        double value = row.write.low + (row.write.high - row.write.low) * rand() / RAND_MAX;
        uint16_t registers[4];
        if (profile_encode(&row, value, 0, registers, NULL) < 0)
            continue; /* the range holds no step near the value */
        double written = decode_good(&row, registers);
        double slack = fabs(row.factor) * 1e-5;
        assert_true(written >= row.write.low - slack && written <= row.write.high + slack);
        assert_true(fabs(written - value) <= fabs(row.factor) * 1.00001);
    }
    struct profile_row row = row_of(TYPE_U16, ORDER_ABCD);
    uint16_t registers[4];
    row.factor = 0.1;
    row.write.high = 0.3; /* 3 * 0.1 is a little more than 0.3 */
    assert_int_equal(profile_encode(&row, 0.3, 0, registers, NULL), 0);
    assert_int_equal(registers[0], 3);
}

/* Scale registers, fields, signs, labels */

static enum quality decode(const struct profile_row *row, const uint16_t *registers,
                           enum reason *ret_reason)
{
    double value = 77;
    enum quality quality = profile_decode(NULL, row, registers, &value, ret_reason);
    if (quality != QUALITY_GOOD)
        assert_true(value == 77); /* untouched */
    return quality;
}

static void scales_by_a_register(void **state)
{
    (void)state;
    enum reason reason;
    struct profile_row row = row_of(TYPE_I16, ORDER_ABCD);
    row.scaled = true;
    row.address = 100;
    row.scale_address = 98;
    uint16_t registers[3] = {(uint16_t)-1, 0, (uint16_t)-2305}; /* 98, 99, 100 */
    assert_true(decode_good(&row, &registers[2]) == -230.5);
    row.scale_address = 101;
    assert_true(decode_good(&row, (uint16_t[]){2305, 3}) == 2305000);
    for (int scale = -10; scale <= 10; scale++) {
        double value = decode_good(&row, (uint16_t[]){7, (uint16_t)scale});
        assert_true(fabs(value / pow(10, scale) - 7) < 1e-14 * 7);
    }
    static const uint16_t NO_SCALES[] = {0x8000, 11, (uint16_t)-11, 0x7FFF};
    for (size_t i = 0; i < sizeof(NO_SCALES) / sizeof(NO_SCALES[0]); i++) {
        assert_int_equal(decode(&row, (uint16_t[]){7, NO_SCALES[i]}, &reason), QUALITY_MISSING);
        assert_int_equal(reason, REASON_SENTINEL);
    }
    row.order = ORDER_BADC; /* the device swaps the bytes of every word */
    assert_true(decode_good(&row, (uint16_t[]){0x0700, 0x0200}) == 700);
}

static void takes_fields_of_a_number(void **state)
{
    (void)state;
    enum reason reason;
    struct profile_row row = row_of(TYPE_U16, ORDER_ABCD);
    row.first_bit = 3;
    row.bit_count = 3;
    assert_true(decode_good(&row, (uint16_t[]){0xFFEF}) == 5);
    row.first_bit = 15;
    row.bit_count = 1;
    assert_true(decode_good(&row, (uint16_t[]){0x8000}) == 1);
    assert_true(decode_good(&row, (uint16_t[]){0x7FFF}) == 0);
    row.type = TYPE_U64;
    row.first_bit = 0;
    row.bit_count = 64;
    assert_true(decode_good(&row, (uint16_t[]){0, 1, 0, 0}) == 4294967296.0);
    row.type = TYPE_U32;
    row.order = ORDER_CDAB;
    row.first_bit = 16;
    row.bit_count = 16;
    assert_true(decode_good(&row, (uint16_t[]){7, 9}) == 9);
    row.invalids[0] = 0x00090007; /* sentinels are patterns of the whole number */
    row.invalid_count = 1;
    assert_int_equal(decode(&row, (uint16_t[]){7, 9}, &reason), QUALITY_MISSING);
}

static void takes_the_sign_from_elsewhere(void **state)
{
    (void)state;
    struct profile_row row = row_of(TYPE_U16, ORDER_ABCD);
    row.address = 13021;
    row.sign_apart = true;
    row.sign_address = 13020;
    row.sign_bit = 1;
    uint16_t registers[2] = {0x0002, 500};
    assert_true(decode_good(&row, &registers[1]) == -500);
    registers[0] = 0xFFFD;
    assert_true(decode_good(&row, &registers[1]) == 500);
    row.sign_address = 13021; /* sign and magnitude in one */
    row.sign_bit = 15;
    row.bit_count = 15;
    assert_true(decode_good(&row, (uint16_t[]){0x8001}) == -1);
    assert_int_equal(profile_encode(&row, -1, 0, registers, NULL), ERROR_INVALID);
    row.type = TYPE_F32;
    assert_int_equal(profile_encode(&row, -1, 0, registers, NULL), ERROR_INVALID);
}

static void tells_sentinels_from_broken_floats(void **state)
{
    (void)state;
    enum reason reason;
    struct profile_row row = row_of(TYPE_F32, ORDER_ABCD);
    assert_int_equal(decode(&row, (uint16_t[]){0xFFC0, 1}, &reason), QUALITY_BAD);
    assert_int_equal(reason, REASON_NOT_FINITE);
    row.nan_invalid = true;
    assert_int_equal(decode(&row, (uint16_t[]){0xFFC0, 1}, &reason), QUALITY_MISSING);
    assert_int_equal(reason, REASON_SENTINEL);
    assert_int_equal(decode(&row, (uint16_t[]){0x7F80, 0}, &reason), QUALITY_BAD);
    assert_int_equal(reason, REASON_NOT_FINITE);
    row.type = TYPE_F64;
    assert_int_equal(decode(&row, (uint16_t[]){0x7FF8, 0, 0, 1}, &reason), QUALITY_MISSING);
}

static void knows_no_state_without_label(void **state)
{
    (void)state;
    static struct profile profile = {
        .row_count = 2,
        .label_count = 3,
        .labels = {{7, "other row"}, {0, "off"}, {3, "running"}},
        .rows = {{.point = POINT_ALARMS, .factor = 1, .low = 0, .high = 9, .label_count = 1},
                 {.point = POINT_STATE,
                  .factor = 1,
                  .low = 0,
                  .high = 9,
                  .first_label = 1,
                  .label_count = 2}},
    };
    double value = 77;
    enum reason reason;
    assert_int_equal(profile_decode(&profile, &profile.rows[1], (uint16_t[]){7}, &value, &reason),
                     QUALITY_BAD);
    assert_int_equal(reason, REASON_UNKNOWN_STATE);
    assert_true(value == 77);
    assert_int_equal(profile_decode(&profile, &profile.rows[1], (uint16_t[]){3}, &value, &reason),
                     QUALITY_GOOD);
    assert_string_equal(profile_label_text(&profile, 1, value), "running");
    assert_null(profile_label_text(&profile, 1, 7));
    assert_string_equal(profile_label_text(&profile, 0, 7), "other row");
}

static void says_what_the_device_does_not_offer(void **state)
{
    (void)state;
    enum reason reason;
    struct profile_row row = row_of(TYPE_U16, ORDER_ABCD);
    row.absent = true;
    assert_int_equal(decode(&row, NULL, &reason), QUALITY_MISSING);
    assert_int_equal(reason, REASON_NOT_OFFERED);
}

static void spans_all_that_a_row_needs(void **state)
{
    (void)state;
    static const struct {
        uint16_t address;
        int scale, sign; /* -1: none */
        uint16_t first, count;
    } CASES[] = {
        {10, -1, -1, 10, 2},  {10, 12, -1, 10, 3},       {10, 5, -1, 5, 7},
        {10, -1, 20, 10, 11}, {10, 5, 20, 5, 16},        {10, 20, 5, 5, 16},
        {10, 0, -1, 0, 12},   {65534, -1, -1, 65534, 2}, {65534, 65533, -1, 65533, 3},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct profile_row row = row_of(TYPE_U32, ORDER_ABCD);
        uint16_t first, count;
        row.address = CASES[i].address;
        row.scaled = CASES[i].scale >= 0;
        row.scale_address = (uint16_t)CASES[i].scale;
        row.sign_apart = CASES[i].sign >= 0;
        row.sign_address = (uint16_t)(row.sign_apart ? CASES[i].sign : 0); /* unused: no matter */
        profile_row_span(&row, &first, &count);
        assert_int_equal(first, CASES[i].first);
        assert_int_equal(count, CASES[i].count);
    }
}

/* A row of any form around register 8 of 16, its companions anywhere beside it. */
static struct profile_row random_row(void)
{
    struct profile_row row =
        row_of((enum register_type)(rand() % 8), (enum word_order)(rand() % 4));
    int words = register_type_words(row.type);
    row.address = 8;
    row.write.low = -HUGE_VAL;
    row.write.high = HUGE_VAL;
    row.factor = ldexp(1, rand() % 19 - 9) * (rand() % 2 ? 1 : -1);
    row.offset = rand() % 3 - 1;
    row.scaled = rand() % 2;
    row.scale_address = (uint16_t)(rand() % 8);
    if (register_type_is_float(row.type) || register_type_is_signed(row.type))
        return row;
    row.sign_apart = rand() % 2;
    row.sign_address = (uint16_t)(8 + words + rand() % 4);
    row.sign_bit = (uint8_t)(rand() % 16);
    if (rand() % 2) {
        row.first_bit = (uint8_t)(rand() % (16 * words));
        row.bit_count = (uint8_t)(1 + rand() % (16 * words - row.first_bit));
    }
    return row;
}

/* A whole number that the row can say, within what a double and an f32 hold exactly. */
static double random_number(const struct profile_row *row)
{
    double least = -8388608, beyond = 8388608;
    if (!register_type_is_float(row->type))
        profile_row_numbers(row, &least, &beyond);
    least = fmax(least, -8388608);
    beyond = fmin(beyond, 8388608);
    return floor(least + (beyond - least) * (rand() / (RAND_MAX + 1.0)));
}

/* A word as a device of this order sends it. */
static uint16_t ordered(enum word_order order, uint16_t word)
{
    bool swapped = order == ORDER_BADC || order == ORDER_DCBA;
    return swapped ? (uint16_t)(word << 8 | word >> 8) : word;
}

static void round_trips_every_form_of_row(void **state)
{
    (void)state;
    srand(5);
    for (int i = 0; i < 100000; i++) {
        struct profile_row row = random_row();
        int scale = row.scaled ? rand() % 21 - 10 : 0;
        double number = random_number(&row);
        double step = row.factor * pow(10, scale);
        double value = number * step + row.offset;
        uint16_t registers[16];
        for (int r = 0; r < 16; r++)
            registers[r] = (uint16_t)rand();
        if (profile_encode(&row, value, scale, &registers[8], NULL) < 0)
            fail_msg("row %d: %g is not encoded", i, value);
        if (row.scaled)
            registers[row.scale_address] = ordered(row.order, (uint16_t)scale);
        if (row.sign_apart && rand() % 2) {
            registers[row.sign_address] |= ordered(row.order, (uint16_t)(1 << row.sign_bit));
            value = row.offset - number * step;
        } else if (row.sign_apart) {
            registers[row.sign_address] &= ordered(row.order, (uint16_t) ~(1 << row.sign_bit));
        }
        double slack = 1e-9 * (fabs(step) + fabs(value));
        assert_true(fabs(decode_good(&row, &registers[8]) - value) <= slack);
    }
}

/* Whatever a device says: what is GOOD is finite and plausible. */
static void believes_only_plausible_values(void **state)
{
    (void)state;
    srand(6);
    for (int i = 0; i < 100000; i++) {
        struct profile_row row = random_row();
        uint16_t registers[16];
        double value;
        enum reason reason;
        row.low = -1000;
        row.high = 1000;
        for (int r = 0; r < 16; r++)
            registers[r] = (uint16_t)rand();
        if (profile_decode(NULL, &row, &registers[8], &value, &reason) == QUALITY_GOOD)
            assert_true(value >= -1000 && value <= 1000);
        else
            assert_true(reason == REASON_SENTINEL || reason == REASON_NOT_FINITE ||
                        reason == REASON_OUT_OF_RANGE);
    }
}

static void refuses_to_write_without_a_scale(void **state)
{
    (void)state;
    struct profile_row row = row_of(TYPE_I16, ORDER_ABCD);
    struct error error;
    uint16_t registers[4];
    row.scaled = true;
    assert_int_equal(profile_encode(&row, 1000, -32768, registers, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "no scale"));
    assert_int_equal(profile_encode(&row, 1000, 2, registers, NULL), 0);
    assert_int_equal(registers[0], 10);
    assert_int_equal(profile_encode(&row, 1000, -3, registers, NULL), ERROR_INVALID);
}

/* Identity */

static void compares_numbers(void **state)
{
    (void)state;
    char found[40];
    struct profile_identity identity = {.count = 2, .number = 0x53756E53};
    assert_true(
        profile_identity_matches(&identity, (uint16_t[]){0x5375, 0x6E53}, found, sizeof(found)));
    assert_false(
        profile_identity_matches(&identity, (uint16_t[]){0x6E53, 0x5375}, found, sizeof(found)));
    assert_string_equal(found, "0x6E535375");
    identity = (struct profile_identity){.count = 1, .number = 7};
    assert_false(profile_identity_matches(&identity, (uint16_t[]){0x17}, found, sizeof(found)));
    assert_string_equal(found, "0x0017");
    identity = (struct profile_identity){.count = 4, .number = 0x0001000200030004};
    assert_true(
        profile_identity_matches(&identity, (uint16_t[]){1, 2, 3, 4}, found, sizeof(found)));
}

static void compares_how_texts_begin(void **state)
{
    (void)state;
    char found[40];
    struct profile_identity identity = {.count = 5, .is_text = true, .text = "SUN2000"};
    const uint16_t same[] = {0x5355, 0x4E32, 0x3030, 0x302D, 0x4B00};  /* SUN2000-K */
    const uint16_t other[] = {0x4C55, 0x4E41, 0x3900, 0x0720, 0x0000}; /* LUNA9 */
    assert_true(profile_identity_matches(&identity, same, found, sizeof(found)));
    assert_string_equal(found, "\"SUN2000-K\"");
    assert_false(profile_identity_matches(&identity, other, found, sizeof(found)));
    assert_string_equal(found, "\"LUNA9..\"");
    assert_false(profile_identity_matches(&identity, (uint16_t[]){0, 0, 0, 0, 0}, found, 4));
    assert_string_equal(found, "\"\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_known_patterns),
        cmocka_unit_test(applies_scale_and_offset),
        cmocka_unit_test(refuses_what_is_no_value),
        cmocka_unit_test(round_trips_every_type_and_order),
        cmocka_unit_test(refuses_values_beyond_the_type),
        cmocka_unit_test(refuses_values_outside_the_write_range),
        cmocka_unit_test(rounding_stays_in_the_write_range),
        cmocka_unit_test(scales_by_a_register),
        cmocka_unit_test(takes_fields_of_a_number),
        cmocka_unit_test(takes_the_sign_from_elsewhere),
        cmocka_unit_test(tells_sentinels_from_broken_floats),
        cmocka_unit_test(knows_no_state_without_label),
        cmocka_unit_test(says_what_the_device_does_not_offer),
        cmocka_unit_test(spans_all_that_a_row_needs),
        cmocka_unit_test(round_trips_every_form_of_row),
        cmocka_unit_test(believes_only_plausible_values),
        cmocka_unit_test(refuses_to_write_without_a_scale),
        cmocka_unit_test(compares_numbers),
        cmocka_unit_test(compares_how_texts_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
