/* Profiles: registers to values and back in every type and order, and files that must be refused
 * with the line and the remedy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/profile.h"
#include "tests/unit/drivers/profile_folder.h"

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

/* Loading */

struct notes {
    int count;
    char text[8][512];
};

static void take_note(void *context, const char *text)
{
    struct notes *notes = context;
    if (notes->count < 8)
        snprintf(notes->text[notes->count], sizeof(notes->text[0]), "%s", text);
    notes->count++;
}

/* Loads a profile of these rows (text of the list) with these further keys. */
static int load(const char *keys, const char *rows, struct profile *ret_profile,
                struct notes *ret_notes)
{
    char path[] = "/tmp/tidewatt-profile-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "profile: {\nname = \"x\"; %s\npoints: (\n%s\n);\n};\n", keys, rows);
    close(fd);
    struct error error = {""};
    ret_notes->count = 0;
    int result = profile_load(path, ret_profile, &error, take_note, ret_notes);
    unlink(path);
    if (result < 0)
        assert_string_equal(error.text, ret_notes->text[0]);
    return result;
}

#define POWER "{ point = \"power_w\"; address = 8; type = \"i32\"; unit = \"kW\"; }"

static void loads_every_key(void **state)
{
    (void)state;
    struct profile profile;
    struct notes notes;
    assert_int_equal(
        load("maker = \"m\"; model = \"o\"; source = \"s\"; grade = \"tested\"; address_base = 1;"
             "max_registers = 60; fill_holes = 4; inter_request = \"5 ms\"; reply_timeout = \"2 "
             "s\";",
             "{ point = \"energy_import_wh\"; table = \"input\"; address = 10; type = \"u32\";"
             "  order = \"CDAB\"; scale = 0.1; unit = \"kWh\"; offset = 5.0;"
             "  invalid = [\"0xFFFFFFFF\", \"0x80000000\"]; low = 0; high = 1e12; every = \"10 s\";"
             "  rollover = \"1000 kWh\"; },"
             "{ point = \"soc_pct\"; address = 1; type = \"u16\"; scale = 0.1; unit = \"%\"; },"
             "{ point = \"power_set_w\"; address = 3; type = \"i16\"; unit = \"kW\";"
             "  write = { low = -1000.0; high = 2000; readable = false; }; },"
             "{ point = \"power_set_revert_s\"; address = 4; type = \"u16\"; unit = \"s\";"
             "  write = { low = 0; high = 600; function = 16; }; },"
             "{ point = \"state\"; address = 65536; type = \"u16\"; }",
             &profile, &notes),
        0);
    assert_int_equal(profile.row_count, 5);
    assert_int_equal(profile.max_registers, 60);
    assert_int_equal(profile.fill_holes, 4);
    assert_int_equal(profile.inter_request_ms, 5);
    assert_int_equal(profile.reply_timeout_ms, 2000);
    const struct profile_row *row = &profile.rows[0];
    assert_int_equal(row->point, POINT_ENERGY_IMPORT);
    assert_int_equal(row->table, TABLE_INPUT);
    assert_int_equal(row->address, 9);
    assert_int_equal(row->order, ORDER_CDAB);
    assert_true(fabs(row->factor - 100) <= 1e-9);
    assert_true(fabs(row->offset - 5) <= 0);
    assert_int_equal(row->invalid_count, 2);
    assert_int_equal(row->invalids[1], 0x80000000);
    assert_int_equal(row->every_ms, 10000);
    assert_int_equal(row->rollover_milliwh, 1000000000);
    assert_true(fabs(profile.rows[1].factor - 0.1) <= 1e-12);
    assert_int_equal(profile.rows[1].table, TABLE_HOLDING);
    assert_int_equal(profile.rows[2].write.function, 6);
    assert_true(profile.rows[2].write.write_only);
    assert_true(fabs(profile.rows[2].write.high - 2000) <= 0);
    assert_true(fabs(profile.rows[3].factor - 1) <= 1e-12);
    assert_int_equal(profile.rows[3].write.function, 16);
    assert_int_equal(profile.rows[4].address, 65535);
}

static void refuses_with_line_and_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *keys, *rows, *line, *text;
    } CASES[] = {
        {"", POWER ",\n{ point = \"voltage_v\"; address = 9; type = \"u16\"; unit = \"V\"; }",
         ":5:", "overlap"},
        {"", POWER ",\n{ point = \"power_w\"; address = 90; type = \"u16\"; unit = \"W\"; }",
         ":5:", "twice"},
        {"", "{ point = \"power_w\"; address = 8; type = \"i32\"; unit = \"V\"; }", ":4:", "kW"},
        {"", "{ point = \"power_w\"; address = 8; type = \"i32\"; }", ":4:", "kW"},
        {"", "{ point = \"state\"; address = 8; type = \"u16\"; unit = \"W\"; }", ":4:", "remove"},
        {"", "{ point = \"powr_w\"; address = 8; type = \"i32\"; unit = \"W\"; }",
         ":4:", "points.def"},
        {"", "{ point = \"power_w\"; address = 65535; type = \"i32\"; unit = \"W\"; }",
         ":4:", "65535"},
        {"", "{ point = \"power_w\"; address = 70000; type = \"i32\"; unit = \"W\"; }",
         ":4:", "65535"},
        {"", "{ point = \"power_w\"; type = \"i32\"; unit = \"W\"; }", ":4:", "address"},
        {"", "{ point = \"power_w\"; address = 1; unit = \"W\"; }", ":4:", "type"},
        {"", "{ point = \"power_w\"; address = 1; type = \"i33\"; unit = \"W\"; }", ":4:", "i32"},
        {"", "{ point = \"power_w\"; address = 1; type = \"i32\"; unit = \"W\"; scael = 2.0; }",
         ":4:", "scale"},
        {"", "{ point = \"power_w\"; address = 1; type = \"i32\"; unit = \"W\"; scale = 0; }",
         ":4:", "scale"},
        {"",
         "{ point = \"power_w\"; address = 1; type = \"i16\"; unit = \"W\";"
         " invalid = [\"0x80000000\"]; }",
         ":4:", "0x"},
        {"",
         "{ point = \"power_w\"; address = 1; type = \"i16\"; unit = \"W\";"
         " rollover = \"5 kWh\"; }",
         ":4:", "counter"},
        {"",
         "{ point = \"power_w\"; address = 1; type = \"i16\"; unit = \"W\";"
         " write = { low = 0; high = 1; }; }",
         ":4:", "set-point"},
        {"",
         "{ point = \"power_set_w\"; address = 1; type = \"i32\"; unit = \"W\";"
         " write = { low = 0; high = 1; function = 6; }; }",
         ":4:", "16"},
        {"",
         "{ point = \"power_set_w\"; address = 1; type = \"i16\"; unit = \"W\";"
         " write = { low = 0; }; }",
         ":4:", "high is missing"},
        {"",
         "{ point = \"power_set_w\"; table = \"input\"; address = 1; type = \"i16\";"
         " unit = \"W\"; write = { low = 0; high = 1; }; }",
         ":4:", "holding"},
        {"max_registers = 1;", POWER, ":4:", "max_registers"},
        {"max_registers = 126;", POWER, ":2:", "125"},
        {"reply_timeout = 500;", POWER, ":2:", "ms"},
        {"", "", ":3:", "128"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct profile profile = {.row_count = 55};
        struct notes notes;
        assert_int_equal(load(CASES[i].keys, CASES[i].rows, &profile, &notes), ERROR_INVALID);
        assert_int_equal(profile.row_count, 55);
        if (strstr(notes.text[0], CASES[i].line) == NULL ||
            strstr(notes.text[0], CASES[i].text) == NULL)
            fail_msg("case %zu: \"%s\" lacks \"%s\" or \"%s\"", i, notes.text[0], CASES[i].line,
                     CASES[i].text);
    }
}

static void reports_every_problem(void **state)
{
    (void)state;
    struct profile profile;
    struct notes notes;
    assert_int_equal(load("fill_holes = 999;",
                          "{ point = \"power_w\"; address = 1; type = \"i16\"; unit = \"V\"; },\n"
                          "{ point = \"nonsense\"; address = 1; type = \"i16\"; unit = \"V\"; }",
                          &profile, &notes),
                     ERROR_INVALID);
    assert_true(notes.count >= 3);
}

static void names_a_missing_file(void **state)
{
    (void)state;
    struct profile profile;
    struct error error;
    assert_true(profile_load("/nonexistent/p.cfg", &profile, &error, NULL, NULL) < 0);
    assert_non_null(strstr(error.text, "/nonexistent/p.cfg"));
}

static void print_note(void *context, const char *text)
{
    (void)context;
    print_error("%s\n", text);
}

static void every_shipped_profile_loads(void **state)
{
    (void)state;
    glob_t files;
    assert_int_equal(glob(PROFILE_FOLDER "/*.cfg", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct profile profile;
        char name[LIMIT_NAME + 8];
        assert_int_equal(profile_load(files.gl_pathv[i], &profile, NULL, print_note, NULL), 0);
        snprintf(name, sizeof(name), "/%s.cfg", profile.name);
        assert_non_null(strstr(files.gl_pathv[i], name)); /* files are found by name */
    }
    globfree(&files);
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
        cmocka_unit_test(loads_every_key),
        cmocka_unit_test(refuses_with_line_and_remedy),
        cmocka_unit_test(reports_every_problem),
        cmocka_unit_test(names_a_missing_file),
        cmocka_unit_test(every_shipped_profile_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
