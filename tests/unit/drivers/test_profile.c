/* Profile files: every key, and every mistake with its line and the remedy. */
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

#define ORIGIN "source = \"s\"; grade = \"community\";"

/* Loads a profile of these rows (text of the list) with these further keys; where it comes from is
 * added unless they say so. */
static int load(const char *keys, const char *rows, struct profile *ret_profile,
                struct notes *ret_notes)
{
    char path[] = "/tmp/tidewatt-profile-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "profile: {\nname = \"x\"; %s %s\npoints: (\n%s\n);\n};\n",
            strstr(keys, "source") ? "" : ORIGIN, keys, rows);
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
    static struct profile profile;
    struct notes notes;
    assert_int_equal(
        load("maker = \"m\"; model = \"o\"; source = \"s\"; grade = \"hardware-tested\";"
             "addressing = \"one-based\"; max_registers = 60; fill_holes = 4;"
             "connect_delay = \"1 s\"; inter_request = \"5 ms\"; reply_timeout = \"2 s\";"
             "identity = ({ address = 31; type = \"u32\"; equals = \"0x53756E53\"; },"
             "  { table = \"input\"; address = 41; count = 8; text = \"SUN2000\"; });"
             "blocks = ({ address = 1; count = 20; },"
             "  { table = \"input\"; address = 1; count = 60; });",
             "{ point = \"energy_import_wh\"; table = \"input\"; address = 10; type = \"u32\";"
             "  order = \"CDAB\"; scale = 0.1; unit = \"kWh\"; offset = 5.0;"
             "  invalid = [\"0xFFFFFFFF\", \"0x80000000\"]; low = 0; high = 1e12; every = \"10 s\";"
             "  frozen_after = \"1 h\"; rollover = \"1000 kWh\"; },"
             "{ point = \"soc_pct\"; address = 1; type = \"u16\"; scale = 0.1; unit = \"%\"; },"
             "{ point = \"power_set_w\"; address = 3; type = \"i16\"; unit = \"kW\";"
             "  write = { low = -1000.0; high = 2000; readable = false; }; },"
             "{ point = \"power_set_revert_s\"; address = 4; type = \"u16\"; unit = \"s\";"
             "  write = { low = 0; high = 600; function = 16; settle = \"3 s\"; ramp_per_s = 7;"
             "    writes_per_hour = 12; writes_lifetime = 1e5; }; },"
             "{ point = \"state\"; address = 65536; type = \"u16\"; bits = \"3..5\";"
             "  labels = [\"0 = off\", \"0x3 = running\"]; },"
             "{ point = \"alarms\"; address = 65536; type = \"u16\"; bit = 7; },"
             "{ point = \"power_w\"; address = 21; type = \"u16\"; scale_exponent2 = -9;"
             "  unit = \"W\"; scale_register = 23; rate_per_s = 5000;"
             "  negative_when = { address = 20; bit = 1; }; },"
             "{ point = \"frequency_hz\"; address = 25; type = \"f32\"; unit = \"Hz\";"
             "  invalid = [\"NaN\", \"0x0\"]; }",
             &profile, &notes),
        0);
    assert_int_equal(profile.row_count, 8);
    assert_string_equal(profile.name, "x");
    assert_string_equal(profile.maker, "m");
    assert_string_equal(profile.model, "o");
    assert_string_equal(profile.source, "s");
    assert_int_equal(profile.grade, GRADE_HARDWARE_TESTED);
    assert_string_equal(profile_grade_name(profile.grade), "hardware-tested");
    assert_int_equal(profile.connect_delay_ms, 1000);
    assert_int_equal(profile.max_registers, 60);
    assert_int_equal(profile.fill_holes, 4);
    assert_int_equal(profile.inter_request_ms, 5);
    assert_int_equal(profile.reply_timeout_ms, 2000);
    assert_false(profile.sunspec);

    assert_int_equal(profile.identity_count, 2);
    assert_int_equal(profile.identities[0].table, TABLE_HOLDING);
    assert_int_equal(profile.identities[0].address, 30);
    assert_int_equal(profile.identities[0].count, 2);
    assert_false(profile.identities[0].is_text);
    assert_int_equal(profile.identities[0].number, 0x53756E53);
    assert_int_equal(profile.identities[1].table, TABLE_INPUT);
    assert_int_equal(profile.identities[1].address, 40);
    assert_int_equal(profile.identities[1].count, 8);
    assert_true(profile.identities[1].is_text);
    assert_string_equal(profile.identities[1].text, "SUN2000");
    assert_int_equal(profile.block_count, 2);
    assert_int_equal(profile.blocks[0].address, 0);
    assert_int_equal(profile.blocks[1].table, TABLE_INPUT);
    assert_int_equal(profile.blocks[1].count, 60);

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
    assert_int_equal(row->frozen_after_ms, 3600000);
    assert_int_equal(row->rollover_milliwh, 1000000000);
    assert_true(fabs(profile.rows[1].factor - 0.1) <= 1e-12);
    assert_int_equal(profile.rows[1].table, TABLE_HOLDING);
    assert_int_equal(profile.rows[2].write.function, 6);
    assert_true(profile.rows[2].write.write_only);
    assert_true(fabs(profile.rows[2].write.high - 2000) <= 0);
    assert_true(fabs(profile.rows[3].factor - 1) <= 1e-12);
    assert_int_equal(profile.rows[3].write.function, 16);
    assert_int_equal(profile.rows[3].write.settle_ms, 3000);
    assert_true(fabs(profile.rows[3].write.ramp_per_s - 7) <= 0);
    assert_true(fabs(profile.rows[3].write.per_hour - 12) <= 0);
    assert_true(fabs(profile.rows[3].write.lifetime - 1e5) <= 0);

    row = &profile.rows[4];
    assert_int_equal(row->address, 65535);
    assert_int_equal(row->first_bit, 3);
    assert_int_equal(row->bit_count, 3);
    assert_int_equal(row->label_count, 2);
    assert_string_equal(profile_label_text(&profile, 4, 3), "running");
    assert_string_equal(profile_label_text(&profile, 4, 0), "off");
    assert_null(profile_label_text(&profile, 4, 1));
    assert_null(profile_label_text(&profile, 4, 0.5));
    assert_null(profile_label_text(&profile, 4, -1));
    assert_null(profile_label_text(&profile, 4, (double)NAN));
    assert_null(profile_label_text(&profile, 5, 1));
    assert_int_equal(profile.rows[5].first_bit, 7);
    assert_int_equal(profile.rows[5].bit_count, 1);

    row = &profile.rows[6];
    assert_true(fabs(row->factor - 1.0 / 512) <= 0);
    assert_true(row->scaled && row->sign_apart);
    assert_int_equal(row->scale_address, 22);
    assert_int_equal(row->sign_address, 19);
    assert_int_equal(row->sign_bit, 1);
    assert_true(fabs(row->rate_per_s - 5000) <= 0);
    assert_true(profile.rows[7].nan_invalid);
    assert_int_equal(profile.rows[7].invalid_count, 1);
}

static void tells_the_table_from_modicon_numbers(void **state)
{
    (void)state;
    static struct profile profile;
    struct notes notes;
    assert_int_equal(
        load("addressing = \"modicon\";"
             "identity = ({ address = 400010; type = \"u16\"; equals = \"0x1\"; });"
             "blocks = ({ address = 30001; count = 4; });",
             "{ point = \"power_w\"; address = 30001; type = \"i32\"; unit = \"W\"; },"
             "{ point = \"voltage_v\"; address = 39999; type = \"u16\"; unit = \"V\"; },"
             "{ point = \"current_a\"; address = 365536; type = \"u16\"; unit = \"A\"; },"
             "{ point = \"soc_pct\"; address = 40001; table = \"holding\"; type = \"u16\";"
             "  unit = \"%\"; scale_register = 400003; },"
             "{ point = \"state\"; address = 465536; type = \"u16\"; }",
             &profile, &notes),
        0);
    static const struct {
        enum register_table table;
        uint16_t address;
    } PLACES[] = {{TABLE_INPUT, 0},
                  {TABLE_INPUT, 9998},
                  {TABLE_INPUT, 65535},
                  {TABLE_HOLDING, 0},
                  {TABLE_HOLDING, 65535}};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(profile.rows[i].table, PLACES[i].table);
        assert_int_equal(profile.rows[i].address, PLACES[i].address);
    }
    assert_int_equal(profile.rows[3].scale_address, 2);
    assert_int_equal(profile.identities[0].table, TABLE_HOLDING);
    assert_int_equal(profile.identities[0].address, 9);
    assert_int_equal(profile.blocks[0].table, TABLE_INPUT);
    assert_int_equal(profile.blocks[0].address, 0);
}

static void takes_sunspec_points(void **state)
{
    (void)state;
    static struct profile profile;
    struct notes notes;
    assert_int_equal(
        load("sunspec = true;",
             "{ point = \"power_w\"; sunspec = [\"103.W\", \"701.W\"]; scale = -1.0; low = -1e6;"
             "  high = 1e6; },"
             "{ point = \"state\"; sunspec = [\"103.St\"]; labels = [\"1 = off\"]; },"
             "{ point = \"voltage_v\"; address = 5; type = \"u16\"; unit = \"V\"; }",
             &profile, &notes),
        0);
    assert_true(profile.sunspec);
    assert_int_equal(profile.rows[0].sunspec_count, 2);
    assert_int_equal(profile.rows[0].sunspec[1].model, 701);
    assert_string_equal(profile.rows[0].sunspec[1].point, "W");
    assert_true(fabs(profile.rows[0].factor + 1) <= 0);
    assert_true(fabs(profile.rows[1].factor - 1) <= 0);
    assert_int_equal(profile.rows[2].sunspec_count, 0);
}

/* Neither bits of one register nor the registers of scales and signs are values twice. */
static void lets_rows_share_registers(void **state)
{
    (void)state;
    static struct profile profile;
    struct notes notes;
    assert_int_equal(load("",
                          "{ point = \"state\"; address = 5; type = \"u16\"; bits = \"0..3\"; },"
                          "{ point = \"alarms\"; address = 5; type = \"u16\"; bits = \"4..15\"; },"
                          "{ point = \"power_w\"; address = 6; type = \"u16\"; unit = \"W\";"
                          "  scale_register = 8; negative_when = { address = 5; bit = 2; }; },"
                          "{ point = \"voltage_v\"; address = 7; type = \"u16\"; unit = \"V\";"
                          "  scale_register = 8; },"
                          "{ point = \"current_a\"; address = 9; type = \"u16\"; bits = \"0..14\";"
                          "  unit = \"A\"; negative_when = { address = 9; bit = 15; }; }",
                          &profile, &notes),
                     0);
}

/* What stands beside a mistake is right: nothing else is said about it. */
static void a_mistake_draws_no_others_after_it(void **state)
{
    (void)state;
    static const char *const ROWS[] = {
        "{ point = \"power_q\"; address = 1; type = \"i32\"; unit = \"W\"; high = 9.0; }",
        "{ point = \"power_w\"; address = 1; type = \"i33\"; unit = \"W\"; high = 9.0; }",
        "{ point = \"voltage_v\"; address = 0; type = \"u16\"; unit = \"V\"; },\n"
        "{ point = \"power_w\"; type = \"i32\"; unit = \"W\"; }",
    };
    static struct profile profile;
    struct notes notes;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        assert_int_equal(load("", ROWS[i], &profile, &notes), ERROR_INVALID);
        if (notes.count != 1)
            fail_msg("%s: also %s", ROWS[i], notes.text[1]);
    }
    assert_int_equal(load("",
                          "{ point = \"voltage_v\"; address = 0; type = \"u16\"; unit = \"V\"; },\n"
                          "{ point = \"power_w\"; adress = 9; type = \"i32\"; unit = \"W\"; }",
                          &profile, &notes),
                     ERROR_INVALID);
    assert_int_equal(notes.count, 2);
    assert_non_null(strstr(notes.text[0], ":5: profile.points.[1]: address is missing"));
    assert_non_null(strstr(notes.text[1], "'adress': did you mean 'address'?"));
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
        {"", "{ point = \"state\"; address = 8; type = \"u16\"; unit = \"W\"; }",
         ":4:", "leave the unit"},
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
        {"source = \"s\";", POWER, ":1:", "grade is missing"},
        {"source = \"s\"; grade = \"tested\";", POWER, ":2:", "hardware-tested"},
        {"source = \"\"; grade = \"community\";", POWER, ":2:", "source"},
        {"grade = \"community\"; #source\n", POWER, ":1:", "source"},
        {"address_base = 1;", POWER, ":2:", "unknown key"},
        {"connect_delay = \"2 min\";", POWER, ":2:", "connect_delay"},
        {"sunspec = true;", POWER, ":3:", "sunspec = true"},
        /* addressing */
        {"addressing = \"one-based\";", "{ point = \"state\"; address = 0; type = \"u16\"; }",
         ":4:", "from 1 to 65536"},
        {"addressing = \"modicon\";", "{ point = \"state\"; address = 50001; type = \"u16\"; }",
         ":4:", "40001 to 49999"},
        {"addressing = \"modicon\";", "{ point = \"state\"; address = 365537; type = \"u16\"; }",
         ":4:", "365536"},
        {"addressing = \"modicon\";",
         "{ point = \"state\"; table = \"input\"; address = 40001; type = \"u16\"; }",
         ":4:", "take the table out"},
        {"addressing = \"modicon\";",
         "{ point = \"power_w\"; address = 40001; type = \"u16\"; unit = \"W\";"
         " scale_register = 30002; }",
         ":4:", "one read"},
        /* scales */
        {"",
         "{ point = \"power_w\"; address = 1; type = \"u16\"; unit = \"W\"; scale = 2.0;"
         " scale_exponent2 = -3; }",
         ":4:", "keep one"},
        {"",
         "{ point = \"power_w\"; address = 1; type = \"u32\"; unit = \"W\"; scale_register = 2; }",
         ":4:", "scale_register"},
        {"",
         "{ point = \"power_w\"; address = 1; type = \"u32\"; unit = \"W\";"
         " scale_register = 126; }",
         ":4:", "one read"},
        {"",
         "{ point = \"power_w\"; address = 1; type = \"u16\"; unit = \"W\";"
         " negative_when = { address = 500; bit = 1; }; }",
         ":4:", "one read"},
        /* bits */
        {"", "{ point = \"state\"; address = 1; type = \"u16\"; bit = 16; }", ":4:", "0 to 15"},
        {"", "{ point = \"state\"; address = 1; type = \"u16\"; bits = \"5..3\"; }", ":4:", "3..5"},
        {"", "{ point = \"state\"; address = 1; type = \"u16\"; bits = \"3..5x\"; }",
         ":4:", "3..5"},
        {"", "{ point = \"state\"; address = 1; type = \"u16\"; bit = 1; bits = \"3..5\"; }",
         ":4:", "keep one"},
        {"", "{ point = \"state\"; address = 1; type = \"i16\"; bit = 1; }", ":4:", "unsigned"},
        {"",
         "{ point = \"state\"; address = 1; type = \"u16\"; bits = \"0..4\"; },"
         "{ point = \"alarms\"; address = 1; type = \"u16\"; bits = \"4..6\"; }",
         ":4:", "overlap"},
        {"",
         "{ point = \"state\"; address = 1; type = \"u16\"; bits = \"0..4\"; },"
         "{ point = \"alarms\"; address = 1; type = \"u16\"; }",
         ":4:", "overlap"},
        {"",
         "{ point = \"state\"; address = 1; type = \"u16\"; bits = \"0..4\"; },"
         "{ point = \"alarms\"; address = 1; type = \"u32\"; bits = \"5..6\"; }",
         ":4:", "overlap"},
        /* signs */
        {"",
         "{ point = \"power_w\"; address = 1; type = \"i16\"; unit = \"W\";"
         " negative_when = { address = 2; bit = 1; }; }",
         ":4:", "sign of its own"},
        {"",
         "{ point = \"power_w\"; address = 1; type = \"u16\"; unit = \"W\";"
         " negative_when = { address = 1; bit = 15; }; }",
         ":4:", "part of the number"},
        {"",
         "{ point = \"power_w\"; address = 1; type = \"u16\"; unit = \"W\";"
         " negative_when = { address = 2; }; }",
         ":4:", "bit is missing"},
        /* sentinels */
        {"", "{ point = \"state\"; address = 1; type = \"u16\"; invalid = [\"NaN\"]; }",
         ":4:", "hexadecimal"},
        {"",
         "{ point = \"power_w\"; address = 1; type = \"f32\"; unit = \"W\"; invalid = [\"0x\"]; }",
         ":4:", "or \"NaN\""},
        {"",
         "{ point = \"state\"; address = 1; type = \"u16\";"
         " invalid = [\"0x1\", \"0x2\", \"0x3\", \"0x4\", \"0x5\"]; }",
         ":4:", "more than 4"},
        /* labels */
        {"",
         "{ point = \"power_w\"; address = 1; type = \"u16\"; unit = \"W\"; labels = [\"0 = a\"]; "
         "}",
         ":4:", "no state"},
        {"", "{ point = \"state\"; address = 1; type = \"u16\"; labels = [\"off\"]; }",
         ":4:", "3 = running"},
        {"", "{ point = \"state\"; address = 1; type = \"u16\"; labels = [\"65536 = a\"]; }",
         ":4:", "0 to 65535"},
        {"", "{ point = \"state\"; address = 1; type = \"u16\"; bit = 0; labels = [\"2 = a\"]; }",
         ":4:", "0 to 1"},
        {"", "{ point = \"state\"; address = 1; type = \"u16\"; labels = [\"1 = a\", \"1 = b\"]; }",
         ":4:", "already"},
        {"", "{ point = \"state\"; address = 1; type = \"u16\"; labels = [\"1 =\"]; }",
         ":4:", "text"},
        {"", "{ point = \"state\"; address = 1; type = \"u16\"; labels = []; }", ":4:", "at least"},
        {"",
         "{ point = \"state\"; address = 1; type = \"u16\"; scale = 2.0; labels = [\"1 = a\"]; }",
         ":4:", "take scale"},
        /* checks */
        {"", "{ point = \"state\"; address = 1; type = \"u16\"; rate_per_s = 1.0; }",
         ":4:", "rate_per_s"},
        {"", "{ point = \"state\"; address = 1; type = \"u16\"; frozen_after = \"1 h\"; }",
         ":4:", "frozen_after"},
        {"",
         "{ point = \"power_w\"; address = 1; type = \"u16\"; unit = \"W\"; every = \"1 min\";"
         " frozen_after = \"1 min\"; }",
         ":4:", "not longer than every"},
        /* writes */
        {"",
         "{ point = \"power_set_w\"; address = 1; type = \"u16\"; unit = \"W\"; bits = \"0..3\";"
         " write = { low = 0; high = 1; }; }",
         ":4:", "clear the others"},
        {"",
         "{ point = \"power_set_w\"; address = 1; type = \"u16\"; unit = \"W\";"
         " negative_when = { address = 2; bit = 1; }; write = { low = 0; high = 1; }; }",
         ":4:", "lose it"},
        {"",
         "{ point = \"power_set_w\"; address = 1; type = \"u16\"; unit = \"W\";"
         " write = { low = 0; high = 1; readable = false; settle = \"1 s\"; }; }",
         ":4:", "settle"},
        {"",
         "{ point = \"power_set_w\"; address = 1; type = \"u16\"; unit = \"W\";"
         " write = { low = 2; high = 1; }; }",
         ":4:", "exchange"},
        {"",
         "{ point = \"power_set_w\"; address = 1; type = \"u16\"; unit = \"W\";"
         " write = { low = 0; high = 1; function = 7; }; }",
         ":4:", "6 (one register)"},
        /* identity and blocks */
        {"identity = ({ address = 1; });", POWER, ":2:", "either text"},
        {"identity = ({ type = \"u16\"; equals = \"0x1\"; });", POWER, ":2:", "address"},
        {"identity = ({ address = 1; equals = \"0x1\"; });", POWER, ":2:", "u64"},
        {"identity = ({ address = 1; type = \"u16\"; equals = \"0x10000\"; });", POWER,
         ":2:", "4 hexadecimal"},
        {"identity = ({ address = 1; type = \"u16\"; equals = \"1\"; });", POWER, ":2:", "0x"},
        {"identity = ({ address = 1; text = \"ab\"; });", POWER, ":2:", "count is missing"},
        {"identity = ({ address = 1; text = \"abc\"; count = 1; });", POWER, ":2:", "two letters"},
        {"identity = ({ address = 65535; text = \"abc\"; count = 2; });", POWER, ":2:", "65535"},
        {"max_registers = 4; identity = ({ address = 1; text = \"abc\"; count = 5; });", POWER,
         ":2:", "max_registers"},
        {"identity = ({ address = 1; type = \"u16\"; equals = \"0x1\"; },"
         " { address = 2; type = \"u16\"; equals = \"0x1\"; },"
         " { address = 3; type = \"u16\"; equals = \"0x1\"; });",
         POWER, ":2:", "keep the 2"},
        {"blocks = ({ address = 1; });", POWER, ":2:", "count is missing"},
        {"blocks = ({ address = 65530; count = 7; });", POWER, ":2:", "65535"},
        {"max_registers = 50; blocks = ({ address = 1; count = 51; });", POWER,
         ":2:", "max_registers"},
        {"blocks = ({ address = 1; count = 10; }, { address = 10; count = 2; });", POWER,
         ":2:", "overlaps block 0"},
        /* SunSpec */
        {"", "{ point = \"power_w\"; sunspec = [\"103.W\"]; }", ":4:", "sunspec = true"},
        {"sunspec = true;", "{ point = \"power_w\"; sunspec = [\"W\"]; }", ":4:", "103.W"},
        {"sunspec = true;", "{ point = \"power_w\"; sunspec = []; }", ":4:", "1 to 4"},
        {"sunspec = true;", "{ point = \"power_w\"; sunspec = [\"103.Watt\"]; }", ":4:", "Watt"},
        {"sunspec = true;", "{ point = \"power_w\"; sunspec = [\"103.Hz\"]; }",
         ":4:", "is of power"},
        {"sunspec = true;", "{ point = \"power_w\"; sunspec = \"103.W\"; }", ":4:", "a list"},
        {"sunspec = true;", "{ point = \"power_w\"; sunspec = [\"103.W\"]; address = 7; }",
         ":4:", "take address out"},
        {"sunspec = true;", "{ point = \"power_w\"; sunspec = [\"103.W\"]; unit = \"kW\"; }",
         ":4:", "take unit out"},
        {"sunspec = true;", "{ point = \"power_w\"; sunspec = [\"103.W\"]; invalid = [\"0x1\"]; }",
         ":4:", "take invalid out"},
        {"sunspec = true;",
         "{ point = \"power_w\"; sunspec = [\"103.W\"];"
         " negative_when = { address = 1; bit = 1; }; }",
         ":4:", "take negative_when out"},
        {"sunspec = true;",
         "{ point = \"power_w\"; sunspec = [\"103.W\"]; },"
         "{ point = \"power_dc_w\"; sunspec = [\"103.W\"]; }",
         ":4:", "name it once"},
        {"", "", ":3:", "128"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        static struct profile profile;
        struct notes notes;
        profile.row_count = 55;
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
    static struct profile profile;
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
    static struct profile profile;
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
        static struct profile profile;
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
        cmocka_unit_test(loads_every_key),
        cmocka_unit_test(tells_the_table_from_modicon_numbers),
        cmocka_unit_test(takes_sunspec_points),
        cmocka_unit_test(lets_rows_share_registers),
        cmocka_unit_test(a_mistake_draws_no_others_after_it),
        cmocka_unit_test(refuses_with_line_and_remedy),
        cmocka_unit_test(reports_every_problem),
        cmocka_unit_test(names_a_missing_file),
        cmocka_unit_test(every_shipped_profile_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
