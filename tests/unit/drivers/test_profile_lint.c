/* Doubts about profiles: each rule speaks where it should, names the row and the remedy, and is
 * silent about a profile that is as it should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "drivers/profile_lint.h"

enum { FINDINGS = 8 };

struct findings {
    int count, warnings;
    char text[FINDINGS][LIMIT_ERROR_TEXT];
    enum lint_severity severity[FINDINGS];
};

static void take(void *context, enum lint_severity severity, const char *text)
{
    struct findings *findings = context;
    assert_true(findings->count < FINDINGS);
    snprintf(findings->text[findings->count], LIMIT_ERROR_TEXT, "%s", text);
    findings->severity[findings->count++] = severity;
}

static struct findings lint(const struct profile *profile)
{
    struct findings findings = {0};
    findings.warnings = profile_lint(profile, take, &findings);
    return findings;
}

static struct profile_row gauge(enum point_kind point, enum register_type type, double factor,
                                double low, double high)
{
    return (struct profile_row){
        .point = point, .type = type, .factor = factor, .low = low, .high = high, .address = 40};
}

/* A device with an identity: nothing to say about it but for its rows. */
static struct profile *device(void)
{
    static struct profile profile;
    memset(&profile, 0, sizeof(profile));
    profile.grade = GRADE_VENDOR_DOCUMENT;
    profile.identity_count = 1;
    profile.max_registers = 125;
    return &profile;
}

static struct profile *device_with(struct profile_row row)
{
    struct profile *profile = device();
    profile->rows[profile->row_count++] = row;
    return profile;
}

static void assert_silent(const struct profile *profile)
{
    struct findings findings = lint(profile);
    if (findings.count > 0)
        fail_msg("unexpected: %s", findings.text[0]);
    assert_int_equal(findings.warnings, 0);
}

static void assert_finds(const struct profile *profile, enum lint_severity severity,
                         const char *text)
{
    struct findings findings = lint(profile);
    if (findings.count != 1 || strstr(findings.text[0], text) == NULL)
        fail_msg("%d findings, \"%s\" instead of \"%s\"", findings.count, findings.text[0], text);
    assert_int_equal(findings.severity[0], severity);
    assert_int_equal(findings.warnings, severity == LINT_WARNING);
}

static void is_silent_about_a_good_profile(void **state)
{
    (void)state;
    struct profile *profile = device_with(gauge(POINT_POWER, TYPE_I32, 1, -3e6, 3e6));
    profile->rows[1] = gauge(POINT_SOC, TYPE_U16, 0.1, 0, 100);
    profile->rows[2] = gauge(POINT_TEMP_SUPPLY, TYPE_I16, 0.1, -20, 90);
    profile->rows[3] = gauge(POINT_ENERGY_IMPORT, TYPE_U32, 100, -HUGE_VAL, HUGE_VAL);
    profile->rows[3].rollover_milliwh = 429496729600000;
    profile->rows[4] = gauge(POINT_STATE, TYPE_U16, 1, 0, 9);
    profile->rows[4].label_count = 1;
    profile->rows[5] = gauge(POINT_TEMP_SUPPLY_SET, TYPE_I16, 0.1, 5, 40);
    profile->rows[5].write = (struct profile_write){
        .allowed = true, .function = 6, .low = 10, .high = 30, .per_hour = 12};
    profile->row_count = 6;
    assert_silent(profile);
}

static void asks_for_ranges(void **state)
{
    (void)state;
    assert_finds(device_with(gauge(POINT_POWER, TYPE_I32, 1, -HUGE_VAL, HUGE_VAL)), LINT_WARNING,
                 "power_w, holding 40: no low and high");
    assert_finds(device_with(gauge(POINT_TEMP_SUPPLY, TYPE_I16, 0.1, 0, HUGE_VAL)), LINT_WARNING,
                 "no high");
    assert_finds(device_with(gauge(POINT_SOC, TYPE_F32, 1, -HUGE_VAL, 100)), LINT_WARNING,
                 "no low:");
    assert_silent(device_with(gauge(POINT_VOLTAGE, TYPE_U16, 0.1, -HUGE_VAL, HUGE_VAL)));
}

static void compares_ranges_with_the_type(void **state)
{
    (void)state;
    assert_finds(device_with(gauge(POINT_POWER, TYPE_U16, 1, -5000, 5000)), LINT_WARNING,
                 "a u16 is never");
    assert_finds(device_with(gauge(POINT_POWER, TYPE_I16, 1, -1e6, 1e6)), LINT_NOTE,
                 "exclude nothing that the register can say (-32768 to 32767 W)");
    assert_finds(device_with(gauge(POINT_POWER, TYPE_U16, 1, 1e5, 1e6)), LINT_WARNING,
                 "exclude all");
    assert_finds(device_with(gauge(POINT_SOC, TYPE_U16, 1, 0, 1000)), LINT_WARNING,
                 "ten times too large");

    struct profile_row row = gauge(POINT_POWER, TYPE_U16, 1, -5000, 5000);
    row.sign_apart = true;
    assert_silent(device_with(row));
    row = gauge(POINT_TEMP_SUPPLY, TYPE_U16, 0.1, -20, 90);
    row.offset = -40;
    assert_silent(device_with(row));
    row = gauge(POINT_POWER, TYPE_U16, 1, -1e6, 1e6);
    row.scaled = true; /* only the device knows */
    assert_silent(device_with(row));
    row.factor = -1;
    assert_silent(device_with(row));
}

static void weighs_checks_of_movement(void **state)
{
    (void)state;
    struct profile_row row = gauge(POINT_POWER, TYPE_I32, 1, -1000, 1000);
    row.rate_per_s = 2000;
    assert_finds(device_with(row), LINT_WARNING, "whole range");
    row.rate_per_s = 1999;
    assert_silent(device_with(row));
    row = gauge(POINT_SOC, TYPE_U16, 1, 0, 100);
    row.frozen_after_ms = 600000;
    assert_finds(device_with(row), LINT_WARNING, "rests");
    row = gauge(POINT_FREQUENCY, TYPE_U16, 0.01, 40, 70);
    row.frozen_after_ms = 600000;
    assert_silent(device_with(row));
}

static void doubts_scaled_floats(void **state)
{
    (void)state;
    assert_finds(device_with(gauge(POINT_POWER, TYPE_F32, 2.5, -1e6, 1e6)), LINT_WARNING,
                 "no power of ten");
    assert_silent(device_with(gauge(POINT_POWER, TYPE_F32, -1000, -1e6, 1e6)));
    assert_silent(device_with(gauge(POINT_FLOW, TYPE_F32, 1000.0 / 60, 0, 1e4)));
}

static void reckons_when_counters_turn(void **state)
{
    (void)state;
    struct profile_row row = gauge(POINT_ENERGY_IMPORT, TYPE_U32, 1, -HUGE_VAL, HUGE_VAL);
    assert_finds(device_with(row), LINT_WARNING, "rollover = \"4294967296 Wh\"");
    struct profile *profile = device_with(row);
    assert_non_null(strstr(lint(profile).text[0], " 18 days"));
    profile->rows[profile->row_count++] = gauge(POINT_POWER, TYPE_I32, 1, -3e4, 2e4);
    assert_non_null(strstr(lint(profile).text[0], "5965 days")); /* by its own power */
    profile->rows[1].high = profile->rows[1].low = 1e4;
    assert_silent(profile); /* 49 years */

    row.factor = 1000; /* kWh: 49 years at 10 MW */
    assert_silent(device_with(row));
    row.type = TYPE_U64;
    row.factor = 1;
    assert_silent(device_with(row));
    row.type = TYPE_U32;
    row.rollover_milliwh = 4294967297500;
    assert_finds(device_with(row), LINT_WARNING, "beyond the 4294967296 Wh");
    row.rollover_milliwh = 4294967296000;
    assert_silent(device_with(row));
    row.type = TYPE_U16;
    row.factor = 1000;
    row.rollover_milliwh = 65536000000;
    assert_finds(device_with(row), LINT_NOTE, "6.55 hours");
    row.type = TYPE_F32;
    assert_finds(device_with(row), LINT_NOTE, "24 bits");
}

static void counts_writes(void **state)
{
    (void)state;
    struct profile_row row = gauge(POINT_TEMP_SUPPLY_SET, TYPE_I16, 0.1, 5, 40);
    row.write = (struct profile_write){.allowed = true, .low = 10, .high = 30};
    assert_finds(device_with(row), LINT_WARNING, "writes_per_hour");
    struct profile *profile = device_with(row);
    profile->grade = GRADE_SIMULATED;
    assert_silent(profile);
    row.write.lifetime = 1e5;
    assert_silent(device_with(row));
    row.write.write_only = true;
    assert_finds(device_with(row), LINT_NOTE, "no read-back");
}

static void wants_power_to_let_go(void **state)
{
    (void)state;
    struct profile_row row = gauge(POINT_POWER_SET, TYPE_I32, 1, -1e6, 1e6);
    row.write = (struct profile_write){.allowed = true, .low = -1e6, .high = 1e6, .per_hour = 60};
    struct profile *profile = device_with(row);
    assert_finds(profile, LINT_WARNING, "power_set_revert_s");
    row.point = POINT_POWER_SET_REVERT;
    profile->rows[profile->row_count++] = row;
    assert_silent(profile);
}

static void wants_to_know_the_device(void **state)
{
    (void)state;
    struct profile *profile = device_with(gauge(POINT_VOLTAGE, TYPE_U16, 0.1, 0, 500));
    profile->identity_count = 0;
    assert_finds(profile, LINT_NOTE, "no identity");
    profile->sunspec = true;
    assert_silent(profile);
    profile->sunspec = false;
    struct profile_row row = gauge(POINT_TEMP_SUPPLY_SET, TYPE_I16, 0.1, 5, 40);
    row.write = (struct profile_write){.allowed = true, .low = 10, .high = 30, .per_hour = 1};
    profile->rows[profile->row_count++] = row;
    assert_finds(profile, LINT_WARNING, "read and written");
}

static void wants_states_named(void **state)
{
    (void)state;
    assert_finds(device_with(gauge(POINT_STATE, TYPE_U16, 1, 0, 9)), LINT_NOTE, "no labels");
    assert_silent(device_with(gauge(POINT_ALARMS, TYPE_U16, 1, 0, 9)));
}

static void compares_blocks_with_rows(void **state)
{
    (void)state;
    struct profile *profile = device_with(gauge(POINT_VOLTAGE, TYPE_U32, 0.1, 0, 500));
    profile->block_count = 1;
    profile->blocks[0] = (struct profile_block){.address = 30, .count = 12};
    assert_silent(profile);
    profile->blocks[0].count = 11;
    assert_finds(profile, LINT_WARNING, "partly in block 0 (30 to 40)");
    profile->blocks[0].count = 10;
    assert_finds(profile, LINT_WARNING, "has no row");
    profile->blocks[0] = (struct profile_block){.table = TABLE_INPUT, .address = 30, .count = 12};
    assert_finds(profile, LINT_WARNING, "has no row");
}

static void takes_sunspec_rows_as_they_come(void **state)
{
    (void)state;
    struct profile_row row = gauge(POINT_POWER, TYPE_U16, -1, -1e9, 1e9);
    row.sunspec_count = 1;
    row.sunspec[0] = (struct profile_sunspec){103, "W"};
    struct profile *profile = device_with(row);
    profile->sunspec = true;
    assert_silent(profile);
    profile->rows[0].high = HUGE_VAL;
    assert_finds(profile, LINT_NOTE, "power_w, 103.W: no high");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_silent_about_a_good_profile),
        cmocka_unit_test(asks_for_ranges),
        cmocka_unit_test(compares_ranges_with_the_type),
        cmocka_unit_test(weighs_checks_of_movement),
        cmocka_unit_test(doubts_scaled_floats),
        cmocka_unit_test(reckons_when_counters_turn),
        cmocka_unit_test(counts_writes),
        cmocka_unit_test(wants_power_to_let_go),
        cmocka_unit_test(wants_to_know_the_device),
        cmocka_unit_test(wants_states_named),
        cmocka_unit_test(compares_blocks_with_rows),
        cmocka_unit_test(takes_sunspec_rows_as_they_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
