/* The profiles of real devices: every file loads, is what the catalogue says it is, and turns
 * register words that its source documents into the value that they mean. The words are given by
 * wire address, so that a wrong base, order, scale or sign is found. */
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

#include "drivers/profile_lint.h"
#include "tests/unit/drivers/profile_folder.h"

enum { LEAST_DEVICES = 14, WORDS = 4, SPAN_MOST = 125 };

struct word {
    uint16_t address, value;
};

struct vector {
    const char *profile;
    enum point_kind point;
    struct word words[WORDS]; /* by wire address, a zero address ends; all others read as 0 */
    enum reason reason;       /* FRESH: the value counts */
    double value;
};

/* Readings as the sources give or imply them. */
static const struct vector VECTORS[] = {
    {"raritan-px", POINT_POWER, {{12306, 0x459C}, {12307, 0x4000}}, REASON_FRESH, 5000},
    {"raritan-px", POINT_POWER, {{12306, 0x7FC0}, {12307, 0}}, REASON_SENTINEL, 0},
    {"raritan-px", POINT_FREQUENCY, {{12322, 0x4248}}, REASON_FRESH, 50},
    {"schneider-pm5000", POINT_POWER, {{3059, 0x42F6}, {3060, 0xE979}}, REASON_FRESH, 123456},
    {"schneider-pm5000", POINT_VOLTAGE, {{3035, 0x4366}}, REASON_FRESH, 230},
    {"schneider-pm5000", POINT_VOLTAGE, {{3035, 0xFFFF}, {3036, 0xFFFF}}, REASON_SENTINEL, 0},
    {"schneider-pm5000", POINT_ENERGY_IMPORT, {{3205, 1}, {3206, 2}}, REASON_FRESH, 65538},
    {"schneider-pm5000", POINT_ENERGY_EXPORT, {{3207, 0x8000}}, REASON_SENTINEL, 0},
    {"janitza-umg96rm-e", POINT_POWER, {{19026, 0xC59C}, {19027, 0x4000}}, REASON_FRESH, -5000},
    {"janitza-umg96rm-e",
     POINT_ENERGY_IMPORT,
     {{19068, 0x4974}, {19069, 0x2400}},
     REASON_FRESH,
     1e6},
    {"abb-b-series", POINT_VOLTAGE_L1, {{0x5B01, 2305}}, REASON_FRESH, 230.5},
    {"abb-b-series", POINT_POWER, {{0x5B14, 0xFFFF}, {0x5B15, 0xD8F0}}, REASON_FRESH, -100},
    {"abb-b-series", POINT_POWER, {{0x5B14, 0x7FFF}, {0x5B15, 0xFFFF}}, REASON_SENTINEL, 0},
    {"abb-b-series", POINT_FREQUENCY, {{0x5B2C, 4998}}, REASON_FRESH, 49.98},
    {"abb-b-series", POINT_ENERGY_IMPORT, {{0x5003, 12345}}, REASON_FRESH, 123450},
    {"carlo-gavazzi-em340", POINT_VOLTAGE_L1, {{0, 2301}, {1, 0}}, REASON_FRESH, 230.1},
    {"carlo-gavazzi-em340", POINT_POWER, {{0x28, 0xD8F0}, {0x29, 0xFFFF}}, REASON_FRESH, -1000},
    {"carlo-gavazzi-em340", POINT_ENERGY_IMPORT, {{0x34, 0x86A0}, {0x35, 1}}, REASON_FRESH, 1e7},
    {"eastron-sdm630", POINT_VOLTAGE_L1, {{0, 0x4366}, {1, 0x3334}}, REASON_FRESH, 230.2000122},
    {"eastron-sdm630", POINT_ENERGY_IMPORT, {{0x48, 0x42C8}}, REASON_FRESH, 100000},
    {"siemens-pac2200", POINT_POWER, {{65, 0x447A}}, REASON_FRESH, 1000},
    {"siemens-pac2200", POINT_ENERGY_IMPORT, {{801, 0x412E}, {802, 0x8480}}, REASON_FRESH, 1e6},
    {"apc-smart-ups", POINT_STATE, {{1, 0x0002}}, REASON_FRESH, 1},
    {"apc-smart-ups", POINT_STATE, {{1, 0x2004}}, REASON_FRESH, 2},
    {"apc-smart-ups", POINT_RUNTIME, {{128, 0}, {129, 1800}}, REASON_FRESH, 1800},
    {"apc-smart-ups", POINT_SOC, {{130, 0xC800}}, REASON_FRESH, 100},
    {"apc-smart-ups", POINT_TEMP_BATTERY, {{135, 0xFF80}}, REASON_FRESH, -1},
    {"apc-smart-ups", POINT_LOAD, {{136, 0x1E80}}, REASON_FRESH, 30.5},
    {"apc-smart-ups", POINT_VOLTAGE, {{142, 0x3980}}, REASON_FRESH, 230},
    {"apc-smart-ups", POINT_FREQUENCY, {{144, 0x1900}}, REASON_FRESH, 50},
    {"byd-c130", POINT_VOLTAGE, {{0x2100, 7523}}, REASON_FRESH, 752.3},
    {"byd-c130", POINT_CURRENT, {{0x2101, 0xFF9C}}, REASON_FRESH, -10},
    {"byd-c130", POINT_STATE, {{0x2102, 2}}, REASON_FRESH, 2},
    {"byd-c130", POINT_STATE, {{0x2102, 3}}, REASON_UNKNOWN_STATE, 0},
    {"byd-c130", POINT_CURRENT_CHARGE_MAX, {{0x216C, 1250}}, REASON_FRESH, 125},
    {"huawei-luna2000", POINT_POWER, {{37765, 0}, {37766, 0x01C5}}, REASON_FRESH, -453},
    {"huawei-luna2000", POINT_POWER, {{37765, 0x7FFF}, {37766, 0xFFFF}}, REASON_SENTINEL, 0},
    {"huawei-luna2000", POINT_SOC, {{37760, 875}}, REASON_FRESH, 87.5},
    {"huawei-luna2000", POINT_ENERGY_EXPORT, {{37782, 4}, {37783, 0x9AF6}}, REASON_FRESH, 3018140},
    {"huawei-sun2000", POINT_POWER, {{32080, 0}, {32081, 4000}}, REASON_FRESH, 4000},
    {"huawei-sun2000", POINT_FREQUENCY, {{32085, 5001}}, REASON_FRESH, 50.01},
    {"huawei-power-sensor", POINT_POWER, {{37113, 0xFFFF}, {37114, 0xFF38}}, REASON_FRESH, 200},
    {"huawei-power-sensor", POINT_ENERGY_IMPORT, {{37121, 1}, {37122, 0}}, REASON_FRESH, 655360},
    {"sungrow-sh-hybrid", POINT_POWER, {{13000, 0x0002}, {13021, 2500}}, REASON_FRESH, -2500},
    {"sungrow-sh-hybrid", POINT_POWER, {{13000, 0x0004}, {13021, 2500}}, REASON_FRESH, 2500},
    {"sungrow-sh-hybrid", POINT_POWER, {{13000, 2}, {13021, 0xF63C}}, REASON_OUT_OF_RANGE, 0},
    {"sungrow-sh-hybrid", POINT_ENERGY_EXPORT, {{13026, 0x86A0}, {13027, 1}}, REASON_FRESH, 1e7},
    {"sungrow-sh-pv", POINT_POWER, {{5016, 0x1170}, {5017, 1}}, REASON_FRESH, 70000},
    {"sungrow-sh-grid", POINT_POWER, {{13009, 1000}, {13010, 0}}, REASON_FRESH, -1000},
    {"sungrow-sh-grid", POINT_POWER, {{13009, 0xFC18}, {13010, 0xFFFF}}, REASON_FRESH, 1000},
    {"victron-gx", POINT_POWER, {{842, 0xFC18}}, REASON_FRESH, 1000},
    {"victron-gx", POINT_CURRENT, {{841, 105}}, REASON_FRESH, -10.5},
    {"victron-gx", POINT_STATE, {{844, 2}}, REASON_FRESH, 2},
    {"liebert-hpc", POINT_TEMP_RETURN, {{490, 215}}, REASON_FRESH, 21.5},
    {"liebert-hpc", POINT_TEMP_OUTDOOR, {{505, 0xFFCE}}, REASON_FRESH, -5},
    {"liebert-hpc", POINT_STATE, {{483, 2}}, REASON_FRESH, 2},
    {"liebert-hpc", POINT_TEMP_SUPPLY_SET, {{473, 18}}, REASON_FRESH, 18},
    {"aermec-pco5", POINT_TEMP_SUPPLY, {{1, 72}}, REASON_FRESH, 7.2},
    {"aermec-pco5", POINT_TEMP_OUTDOOR, {{11, 0xFFF6}}, REASON_FRESH, -1},
    {"liebert-crac", POINT_TEMP_SUPPLY_SET, {{22, 225}}, REASON_FRESH, 22.5},
    {"liebert-crac", POINT_HUMIDITY, {{129, 453}}, REASON_FRESH, 45.3},
    {"liebert-crv", POINT_TEMP_SUPPLY, {{443, 121}}, REASON_FRESH, 12.1},
    {"liebert-crv", POINT_FAN_SPEED, {{450, 101}}, REASON_OUT_OF_RANGE, 0},
    {"liebert-dcd", POINT_TEMP_SUPPLY, {{130, 0x0000}, {131, 0x4150}}, REASON_FRESH, 13},
    {"liebert-dcd", POINT_TEMP_RETURN, {{134, 0xCCCD}, {135, 0x4188}}, REASON_FRESH, 17.1},
    {"liebert-dcd", POINT_TEMP_RETURN, {{134, 0xFFFF}, {135, 0xFFFF}}, REASON_SENTINEL, 0},
    {"liebert-dcd", POINT_VALVE, {{162, 20}}, REASON_FRESH, 20},
    {"schneider-inrow-rc", POINT_TEMP_SUPPLY_SET, {{7, 0}, {8, 680}}, REASON_FRESH, 20},
    {"schneider-inrow-rc", POINT_POWER_COOLING, {{1, 0}, {2, 153}}, REASON_FRESH, 15300},
    {"ocp-orv3-rpu", POINT_FLOW, {{36864, 1207}}, REASON_FRESH, 120.7},
    {"ocp-orv3-rpu", POINT_TEMP_SUPPLY, {{36865, 312}}, REASON_FRESH, 31.2},
    {"plc-cdu-fx5", POINT_TEMP_SUPPLY_SET, {{601, 3255}}, REASON_FRESH, 25.5},
    {"plc-cdu-fx5", POINT_FLOW_SET, {{602, 3300}}, REASON_FRESH, 30},
    {"plc-cdu-fx5", POINT_FLOW_SET, {{602, 0}}, REASON_OUT_OF_RANGE, 0},
};

enum { VECTOR_COUNT = sizeof(VECTORS) / sizeof(VECTORS[0]) };

static struct profile profile;

static void print_note(void *context, const char *text)
{
    (void)context;
    print_error("%s\n", text);
}

static void load_path(const char *path)
{
    struct error error;

    if (profile_load(path, &profile, &error, print_note, NULL) < 0)
        fail_msg("%s", error.text);
}

static void load(const char *name)
{
    char path[LIMIT_PATH];

    snprintf(path, sizeof(path), "%s/%s.cfg", PROFILE_FOLDER, name);
    load_path(path);
}

static int row_index(enum point_kind point)
{
    for (int i = 0; i < profile.row_count; i++)
        if (profile.rows[i].point == point)
            return i;
    fail_msg("%s has no %s", profile.name, point_kind_name(point));
    return -1;
}

/* Every shipped file but the twin's own and those without addresses. */
static bool is_device(const char *path)
{
    return !strstr(path, "/twin-") && !strstr(path, "/sunspec-");
}

static void each_file(void (*check)(const char *path))
{
    glob_t found;

    assert_int_equal(glob(PROFILE_FOLDER "/*.cfg", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        load_path(found.gl_pathv[i]);
        check(found.gl_pathv[i]);
    }
    globfree(&found);
}

static void (*device_check)(const char *path);

static void check_if_device(const char *path)
{
    if (is_device(path))
        device_check(path);
}

static void each_device(void (*check)(const char *path))
{
    device_check = check;
    each_file(check_if_device);
}

/* Files */

struct doubts {
    int count;
    char last[LIMIT_ERROR_TEXT];
};

static void note_doubt(void *context, enum lint_severity severity, const char *text)
{
    struct doubts *doubts = context;

    if (severity != LINT_WARNING)
        return;
    doubts->count++;
    snprintf(doubts->last, sizeof(doubts->last), "%s", text);
}

/* Two units that take set-points have nothing to be known by; their files say so. */
static int doubts_known(void)
{
    return !strcmp(profile.name, "liebert-hpc") || !strcmp(profile.name, "plc-cdu-fx5") ? 1 : 0;
}

static void check_doubts(const char *path)
{
    struct doubts doubts = {0};

    int count = profile_lint(&profile, note_doubt, &doubts);
    assert_int_equal(count, doubts.count);
    if (doubts.count != doubts_known())
        fail_msg("%s: %d doubts, the last: %s", path, doubts.count, doubts.last);
}

static void each_stands_up_to_lint(void **state)
{
    (void)state;
    each_device(check_doubts);
}

static void check_name(const char *path)
{
    char expected[LIMIT_PATH];

    snprintf(expected, sizeof(expected), "/%s.cfg", profile.name);
    assert_non_null(strstr(path, expected));
}

static void every_file_loads_by_its_name(void **state)
{
    (void)state;
    each_file(check_name);
}

static void check_origin(const char *path)
{
    if (!profile.maker[0] || !profile.model[0] || !profile.source[0])
        fail_msg("%s does not say what it is for and where it comes from", path);
    assert_true(profile.grade == GRADE_COMMUNITY || profile.grade == GRADE_VENDOR_DOCUMENT ||
                profile.grade == GRADE_HARDWARE_TESTED);
}

static void each_names_its_origin(void **state)
{
    (void)state;
    each_device(check_origin);
}

static void check_opening(const char *path)
{
    char line[256] = "";
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    if (line[0] != '#')
        fail_msg("%s does not open with a comment", path);
    bool left_out = false, warnings = false;
    while (line[0] == '#' && fgets(line, sizeof(line), file)) {
        left_out |= strstr(line, "Left out:") != NULL;
        warnings |= strstr(line, "Warnings:") != NULL;
    }
    fclose(file);
    if (!left_out || !warnings)
        fail_msg("%s must say what is left out and what to beware of", path);
}

static void each_says_what_to_beware_of(void **state)
{
    (void)state;
    each_device(check_opening);
}

static void check_bounds(const char *path)
{
    for (int i = 0; i < profile.row_count; i++) {
        const struct profile_row *row = &profile.rows[i];
        enum point_class class = point_kind_class(row->point);
        if (class == POINT_CLASS_GAUGE && (isinf(row->low) || isinf(row->high)))
            fail_msg("%s: %s has no plausible range", path, point_kind_name(row->point));
        if (row->write.allowed && (row->write.ramp_per_s <= 0 || row->write.per_hour <= 0))
            fail_msg("%s: %s is written without ramp or budget", path, point_kind_name(row->point));
    }
}

static void each_measurement_is_bounded(void **state)
{
    (void)state;
    each_device(check_bounds);
}

/* The catalogue */

static char catalogue[64 * 1024];

static int read_catalogue(void **state)
{
    (void)state;
    FILE *file = fopen(PROFILE_FOLDER "/DEVICES.md", "r");
    if (!file)
        return -1;
    size_t size = fread(catalogue, 1, sizeof(catalogue) - 1, file);
    catalogue[size] = '\0';
    fclose(file);
    return 0;
}

static const char *listed(const char *name, char *ret_line, size_t size)
{
    char key[LIMIT_NAME + 8];

    snprintf(key, sizeof(key), "| `%s` |", name);
    const char *line = strstr(catalogue, key);
    if (!line)
        return NULL;
    snprintf(ret_line, size, "%.*s", (int)strcspn(line, "\n"), line);
    return ret_line;
}

static void check_listed(const char *path)
{
    char line[512], grade[64];

    if (!listed(profile.name, line, sizeof(line)))
        fail_msg("%s is not listed in DEVICES.md", path);
    snprintf(grade, sizeof(grade), "| %s |", profile_grade_name(profile.grade));
    if (!strstr(line, grade))
        fail_msg("DEVICES.md says another grade than %s", path);
    bool written = false;
    for (int i = 0; i < profile.row_count; i++)
        written |= profile.rows[i].write.allowed;
    static const char none[] = "| – |";
    if (written == !strcmp(line + strlen(line) - strlen(none), none))
        fail_msg("DEVICES.md is wrong about the control of %s", path);
}

static void each_is_listed(void **state)
{
    (void)state;
    each_device(check_listed);
}

static int lines_with(const char *text)
{
    int count = 0;

    for (const char *at = catalogue; (at = strstr(at, text)); at++)
        count++;
    return count;
}

static void what_is_listed_is_shipped(void **state)
{
    (void)state;
    int count = 0;
    for (const char *at = catalogue; (at = strstr(at, "\n| `")); count++) {
        char name[LIMIT_NAME] = "";
        at += strlen("\n| `");
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, "`"), at);
        load(name);
        assert_string_equal(profile.name, name);
    }
    assert_true(count >= LEAST_DEVICES);
}

static void every_kind_is_covered(void **state)
{
    (void)state;
    static const char *const KINDS[] = {"rack PDU", "UPS",         "battery", "chiller",
                                        "CRAC",     "rack cooler", "CDU",     NULL};
    for (int i = 0; KINDS[i]; i++) {
        char cell[32];
        snprintf(cell, sizeof(cell), "| %s |", KINDS[i]);
        assert_true(lines_with(cell) >= 1);
    }
    assert_true(lines_with("| power meter |") >= 2);
    assert_true(lines_with("| hybrid inverter |") >= 2);
}

static enum word_order order_of(const char *name)
{
    load(name);
    return profile.rows[row_index(POINT_ENERGY_EXPORT)].order;
}

static void hybrid_inverters_come_in_two_word_orders(void **state)
{
    (void)state;
    assert_int_equal(order_of("huawei-luna2000"), ORDER_ABCD);
    assert_int_equal(order_of("sungrow-sh-hybrid"), ORDER_CDAB);
}

/* Values */

/* The row's own first register in a read that covers its span. */
static const uint16_t *place_words(const struct profile_row *row, const struct vector *vector,
                                   uint16_t *span)
{
    uint16_t address, count;

    profile_row_span(row, &address, &count);
    assert_true(count <= SPAN_MOST);
    memset(span, 0, count * sizeof(span[0]));
    for (int i = 0; i < WORDS; i++) {
        const struct word *word = &vector->words[i];
        if (i > 0 && word->address == 0 && word->value == 0)
            break;
        if (word->address < address || word->address >= address + count)
            fail_msg("%s: register %u is none of %s", vector->profile, word->address,
                     point_kind_name(vector->point));
        span[word->address - address] = word->value;
    }
    return span + (row->address - address);
}

static void check_vector(const struct vector *vector)
{
    uint16_t span[SPAN_MOST];
    double value = (double)NAN;
    enum reason reason = REASON_NONE;

    load(vector->profile);
    const struct profile_row *row = &profile.rows[row_index(vector->point)];
    profile_decode(&profile, row, place_words(row, vector, span), &value, &reason);
    if (reason != vector->reason)
        fail_msg("%s %s: reason %d instead of %d", vector->profile, point_kind_name(vector->point),
                 reason, vector->reason);
    if (reason == REASON_FRESH &&
        !(fabs(value - vector->value) <= 1e-6 * fmax(1, fabs(vector->value))))
        fail_msg("%s %s: %.9g instead of %.9g", vector->profile, point_kind_name(vector->point),
                 value, vector->value);
}

static void documented_words_give_documented_values(void **state)
{
    (void)state;
    for (int i = 0; i < VECTOR_COUNT; i++)
        check_vector(&VECTORS[i]);
}

static void check_has_vector(const char *path)
{
    for (int i = 0; i < VECTOR_COUNT; i++)
        if (!strcmp(VECTORS[i].profile, profile.name) && VECTORS[i].reason == REASON_FRESH)
            return;
    fail_msg("%s has no known reading in this test", path);
}

static void each_has_a_known_reading(void **state)
{
    (void)state;
    each_device(check_has_vector);
}

static void set_points_are_written_as_documented(void **state)
{
    (void)state;
    static const struct {
        const char *profile;
        enum point_kind point;
        double value;
        uint16_t word;
    } CASES[] = {
        {"plc-cdu-fx5", POINT_TEMP_SUPPLY_SET, 25.5, 3255},
        {"plc-cdu-fx5", POINT_FLOW_SET, 30, 3300},
        {"liebert-hpc", POINT_TEMP_SUPPLY_SET, 18.4, 18},
        {"liebert-crac", POINT_TEMP_SUPPLY_SET, 22.5, 225},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        uint16_t word = 0;
        load(CASES[i].profile);
        const struct profile_row *row = &profile.rows[row_index(CASES[i].point)];
        assert_int_equal(profile_encode(row, CASES[i].value, 0, &word, NULL), 0);
        assert_int_equal(word, CASES[i].word);
        assert_true(profile_encode(row, row->write.high + 1, 0, &word, NULL) < 0);
        assert_int_equal(word, CASES[i].word);
    }
}

/* Identity */

static void a_huawei_inverter_is_known_by_its_model(void **state)
{
    (void)state;
    static const uint16_t model[15] = {21333, 20018, 12336, 12333, 14411, 21580, 11597, 12544};
    static const uint16_t other[15] = {0x534D, 0x4131}; /* "SMA1" */
    char found[64];
    load("huawei-luna2000");
    assert_int_equal(profile.identity_count, 1);
    assert_true(profile_identity_matches(&profile.identities[0], model, found, sizeof(found)));
    assert_false(profile_identity_matches(&profile.identities[0], other, found, sizeof(found)));
    assert_non_null(strstr(found, "SMA1"));
}

static void a_room_cooler_is_known_by_its_class(void **state)
{
    (void)state;
    char found[64];
    load("liebert-crac");
    assert_int_equal(profile.identities[0].address, 256);
    assert_true(
        profile_identity_matches(&profile.identities[0], (uint16_t[]){2}, found, sizeof(found)));
    assert_false(
        profile_identity_matches(&profile.identities[0], (uint16_t[]){1}, found, sizeof(found)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_loads_by_its_name),
        cmocka_unit_test(each_stands_up_to_lint),
        cmocka_unit_test(each_names_its_origin),
        cmocka_unit_test(each_says_what_to_beware_of),
        cmocka_unit_test(each_measurement_is_bounded),
        cmocka_unit_test(each_is_listed),
        cmocka_unit_test(what_is_listed_is_shipped),
        cmocka_unit_test(every_kind_is_covered),
        cmocka_unit_test(hybrid_inverters_come_in_two_word_orders),
        cmocka_unit_test(documented_words_give_documented_values),
        cmocka_unit_test(each_has_a_known_reading),
        cmocka_unit_test(set_points_are_written_as_documented),
        cmocka_unit_test(a_huawei_inverter_is_known_by_its_model),
        cmocka_unit_test(a_room_cooler_is_known_by_its_class),
    };
    return cmocka_run_group_tests(tests, read_catalogue, NULL);
}
