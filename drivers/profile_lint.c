/* Doubts about a profile, one rule a function: see profile_lint.h. A rule earns its place by being
 * right nearly always; what depends on the site is not asked here. */
#include "drivers/profile_lint.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "controller/base/quantity.h"

static const double SITE_POWER_W = 10e6; /* where a row does not say how much its device can do */
static const double ROLLOVER_YEARS = 20; /* a device's life */
static const double TURN_HOURS = 48;     /* an outage so long must not hide a turn of a counter */
static const double HOURS_A_YEAR = 8766;
static const double FULL_PCT = 110; /* beyond it no state of charge is meant */

struct lint {
    const struct profile *profile;
    lint_note *note;
    void *context;
    int warnings;
};

const char *lint_severity_name(enum lint_severity severity)
{
    return severity == LINT_WARNING ? "warning" : "note";
}

static void row_text(const struct profile_row *row, char *buffer, size_t size)
{
    const char *name = point_kind_name(row->point);
    if (row->sunspec_count > 0)
        snprintf(buffer, size, "%s, %u.%s: ", name, row->sunspec[0].model, row->sunspec[0].point);
    else
        snprintf(buffer, size, "%s, %s %u: ", name, row->table == TABLE_INPUT ? "input" : "holding",
                 row->address);
}

/* About a row, or the whole profile where it is NULL. */
static void find(struct lint *lint, enum lint_severity severity, const struct profile_row *row,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

static void find(struct lint *lint, enum lint_severity severity, const struct profile_row *row,
                 const char *format, ...)
{
    char text[LIMIT_ERROR_TEXT] = "";
    va_list arguments;

    if (row)
        row_text(row, text, sizeof(text));
    size_t used = strlen(text);
    va_start(arguments, format);
    vsnprintf(text + used, sizeof(text) - used, format, arguments);
    va_end(arguments);
    lint->note(lint->context, severity, text);
    lint->warnings += severity == LINT_WARNING;
}

/* Least and greatest value that the registers can say; false where only the device knows. */
static bool sayable(const struct profile_row *row, double *ret_least, double *ret_most)
{
    double least, beyond;
    if (row->sunspec_count > 0 || row->scaled || register_type_is_float(row->type))
        return false;
    profile_row_numbers(row, &least, &beyond);
    if (row->sign_apart)
        least = -(beyond - 1);
    double a = least * row->factor + row->offset, b = (beyond - 1) * row->factor + row->offset;
    *ret_least = fmin(a, b);
    *ret_most = fmax(a, b);
    return true;
}

/* Ranges */

/* What control and accounts lean on. */
static bool wants_range(const struct profile_row *row)
{
    enum unit unit = point_kind_unit(row->point);
    return point_kind_class(row->point) == POINT_CLASS_GAUGE &&
           (unit == UNIT_W || unit == UNIT_DEGC || unit == UNIT_PCT);
}

static void check_range(struct lint *lint, const struct profile_row *row)
{
    double least, most;
    const char *unit = unit_name(point_kind_unit(row->point));

    if (wants_range(row) && (isinf(row->low) || isinf(row->high))) {
        /* a SunSpec profile is for devices of any size */
        find(lint, row->sunspec_count > 0 ? LINT_NOTE : LINT_WARNING, row,
             "no %s: a misread register passes as a value; give what the device can have at most, "
             "in %s",
             !isinf(row->low)    ? "high"
             : !isinf(row->high) ? "low"
                                 : "low and high",
             unit);
        return;
    }
    if (isinf(row->low) || isinf(row->high) || !sayable(row, &least, &most))
        return;
    if (row->low > most || row->high < least)
        find(lint, LINT_WARNING, row,
             "low and high exclude all that the register can say (%g to %g %s): check type, scale "
             "and unit",
             least, most, unit);
    else if (row->low < 0 && least >= 0)
        find(lint, LINT_WARNING, row,
             "low is negative, but a %s is never: use a signed type or negative_when, or low = %g",
             register_type_name(row->type), least);
    else if (wants_range(row) && row->low <= least && row->high >= most)
        find(lint, LINT_NOTE, row,
             "low and high exclude nothing that the register can say (%g to %g %s): narrow them",
             least, most, unit);
}

static void check_share(struct lint *lint, const struct profile_row *row)
{
    if ((row->point == POINT_SOC || row->point == POINT_SOH) && isfinite(row->high) &&
        row->high > FULL_PCT)
        find(lint, LINT_WARNING, row,
             "high is %g %%, a full battery says 100: is the scale ten times too large?",
             row->high);
}

static void check_rate(struct lint *lint, const struct profile_row *row)
{
    if (row->rate_per_s > 0 && row->rate_per_s >= row->high - row->low)
        find(lint, LINT_WARNING, row,
             "rate_per_s lets the whole range pass within a second and so checks nothing: lower "
             "it or take it out");
}

/* Values that rest although all is well. */
static void check_frozen(struct lint *lint, const struct profile_row *row)
{
    if (row->frozen_after_ms > 0 &&
        (row->point == POINT_SOC || row->point == POINT_SOH || row->point == POINT_ENERGY_EXPORT))
        find(lint, LINT_WARNING, row,
             "frozen_after: it rests while a battery rests or the sun is down; put the check on "
             "a value that always moves (voltage, frequency)");
}

/* A float holds the value in its unit; a scale beside powers of ten belongs to another table. */
static void check_float_scale(struct lint *lint, const struct profile_row *row)
{
    enum unit unit = point_kind_unit(row->point);
    double digits = log10(fabs(row->factor));
    if (row->sunspec_count > 0 || !register_type_is_float(row->type) || unit == UNIT_S ||
        unit == UNIT_L_MIN || fabs(digits - nearbyint(digits)) < 1e-9)
        return;
    find(lint, LINT_WARNING, row,
         "a %s with a scale that is no power of ten: is the type that of another firmware or "
         "table?",
         register_type_name(row->type));
}

/* Counters */

/* The most that the device's power can be. */
static double power_most(const struct profile *profile)
{
    for (int i = 0; i < profile->row_count; i++) {
        const struct profile_row *row = &profile->rows[i];
        if (row->point == POINT_POWER && isfinite(row->high) && isfinite(row->low))
            return fmax(fabs(row->low), fabs(row->high));
    }
    return SITE_POWER_W;
}

static void check_unknown_rollover(struct lint *lint, const struct profile_row *row, double span_wh)
{
    char span_text[40], power_text[40];
    double power_w = power_most(lint->profile), hours = span_wh / power_w;

    if (hours > ROLLOVER_YEARS * HOURS_A_YEAR)
        return;
    quantity_format(span_wh, DIMENSION_ENERGY, span_text, sizeof(span_text));
    quantity_format(power_w, DIMENSION_POWER, power_text, sizeof(power_text));
    find(lint, LINT_WARNING, row,
         "no rollover, but at %s the register is full (%s) after %.*f days: add rollover = "
         "\"%.15g Wh\", or where the document says that it turns",
         power_text, span_text, hours < 240 ? 1 : 0, hours / 24, span_wh);
}

static void check_counter(struct lint *lint, const struct profile_row *row)
{
    double least, most, rollover_wh = (double)row->rollover_milliwh / 1000;
    if (point_kind_class(row->point) != POINT_CLASS_COUNTER || !sayable(row, &least, &most))
        return;
    double step = fabs(row->factor), span_wh = most - row->offset + step;
    if (rollover_wh <= 0) {
        check_unknown_rollover(lint, row, span_wh);
        return;
    }
    if (rollover_wh > span_wh + step)
        find(lint, LINT_WARNING, row,
             "rollover is beyond the %.15g Wh that the register can count to: check scale and unit",
             span_wh);
    double hours = rollover_wh / power_most(lint->profile);
    if (hours < TURN_HOURS)
        find(lint, LINT_NOTE, row,
             "turns over every %.3g hours at full power: a longer outage hides a turn; take a "
             "wider counter if the device has one",
             hours);
}

static void check_float_counter(struct lint *lint, const struct profile_row *row)
{
    if (row->sunspec_count == 0 && row->type == TYPE_F32 &&
        point_kind_class(row->point) == POINT_CLASS_COUNTER)
        find(
            lint, LINT_NOTE, row,
            "an f32 has 24 bits: at 1 GWh it moves in steps of some 60 Wh; take an integer counter "
            "if the device has one");
}

/* Set-points */

static bool is_simulated(const struct profile *profile)
{
    return profile->grade == GRADE_SIMULATED;
}

static void check_write(struct lint *lint, const struct profile_row *row)
{
    const struct profile_write *write = &row->write;
    if (!write->allowed)
        return;
    if (write->per_hour <= 0 && write->lifetime <= 0 && !is_simulated(lint->profile))
        find(lint, LINT_WARNING, row,
             "written without a budget: flash behind a register wears out after some 100,000 "
             "writes; give writes_per_hour, and writes_lifetime where it is known");
    if (write->write_only)
        find(lint, LINT_NOTE, row,
             "no read-back: whether the device holds the set-point is only seen by its effect");
}

static bool writes_point(const struct profile *profile, enum point_kind point)
{
    for (int i = 0; i < profile->row_count; i++)
        if (profile->rows[i].point == point && profile->rows[i].write.allowed)
            return true;
    return false;
}

static void check_reversion(struct lint *lint)
{
    if (writes_point(lint->profile, POINT_POWER_SET) &&
        !writes_point(lint->profile, POINT_POWER_SET_REVERT))
        find(lint, LINT_WARNING, NULL,
             "power_set_w is written without power_set_revert_s: if Tidewatt dies, the device "
             "holds the last power; add the register after which it lets go, if it has one");
}

/* Device */

static bool writes_any(const struct profile *profile)
{
    for (int i = 0; i < profile->row_count; i++)
        if (profile->rows[i].write.allowed)
            return true;
    return false;
}

static void check_identity(struct lint *lint)
{
    const struct profile *profile = lint->profile;
    if (profile->identity_count > 0 || profile->sunspec || is_simulated(profile))
        return;
    bool writes = writes_any(profile);
    find(lint, writes ? LINT_WARNING : LINT_NOTE, NULL,
         "no identity: another device at this address would be %s unnoticed; add a register that "
         "says what it is",
         writes ? "read and written" : "read");
}

static void check_label(struct lint *lint, const struct profile_row *row)
{
    if (row->point == POINT_STATE && row->label_count == 0)
        find(lint, LINT_NOTE, row,
             "no labels: people see a bare number, and an undocumented one passes as a state");
}

/* Blocks */

static bool block_has(const struct profile_block *block, enum register_table table, int address)
{
    return table == block->table && address >= block->address &&
           address < block->address + block->count;
}

static void check_block_edge(struct lint *lint, const struct profile_row *row)
{
    uint16_t address, count;
    profile_row_span(row, &address, &count);
    for (int i = 0; i < lint->profile->block_count; i++) {
        const struct profile_block *block = &lint->profile->blocks[i];
        if (block_has(block, row->table, address) !=
            block_has(block, row->table, address + count - 1)) {
            find(lint, LINT_WARNING, row,
                 "is partly in block %d (%u to %d) and partly not: mend the block or the address",
                 i, block->address, block->address + block->count - 1);
            return;
        }
    }
}

static bool block_serves(const struct profile_block *block, const struct profile *profile)
{
    for (int i = 0; i < profile->row_count; i++)
        if (profile->rows[i].sunspec_count == 0 &&
            block_has(block, profile->rows[i].table, profile->rows[i].address))
            return true;
    return false;
}

static void check_blocks(struct lint *lint)
{
    const struct profile *profile = lint->profile;
    for (int i = 0; i < profile->block_count; i++)
        if (!block_serves(&profile->blocks[i], profile))
            find(lint, LINT_WARNING, NULL,
                 "block %d (%u to %d) has no row: check its table and address, or take it out", i,
                 profile->blocks[i].address,
                 profile->blocks[i].address + profile->blocks[i].count - 1);
}

int profile_lint(const struct profile *profile, lint_note *note, void *context)
{
    static void (*const ROW_RULES[])(struct lint *, const struct profile_row *) = {
        check_range,   check_share,         check_rate,  check_frozen, check_float_scale,
        check_counter, check_float_counter, check_write, check_label,
    };
    struct lint lint = {.profile = profile, .note = note, .context = context};

    check_identity(&lint);
    check_reversion(&lint);
    check_blocks(&lint);
    for (int i = 0; i < profile->row_count; i++) {
        for (size_t rule = 0; rule < sizeof(ROW_RULES) / sizeof(ROW_RULES[0]); rule++)
            ROW_RULES[rule](&lint, &profile->rows[i]);
        if (profile->rows[i].sunspec_count == 0)
            check_block_edge(&lint, &profile->rows[i]);
    }
    return lint.warnings;
}
