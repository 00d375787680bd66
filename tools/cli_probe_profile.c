/* `tidewatt probe --profile`: each row of a profile against the device, each judged for itself as
 * the daemon would judge it. */
#include <math.h>
#include <string.h>

#include "tools/cli_probe.h"
#include "tools/cli_table.h"

enum { WORDS_MOST = 4 };

/* What became of one row. */
struct outcome {
    struct cli_read read;
    uint16_t raw[WORDS_MOST];
    int words;    /* 0: not read */
    bool decoded; /* there is a value, whatever its quality */
    double value;
    enum quality quality;
    enum reason reason;
};

/* The registers that were read last: rows of one block share one read. */
struct window {
    bool valid;
    enum register_table table;
    uint16_t address, count;
    struct cli_read read;
    uint16_t registers[CLI_READ_ROOM];
};

/* What the row must be read with: its span, or the block that the device serves only as a whole. */
static struct profile_block range_of(const struct profile *profile, const struct profile_row *row)
{
    struct profile_block range = {.table = row->table};

    profile_row_span(row, &range.address, &range.count);
    for (int i = 0; i < profile->block_count; i++) {
        const struct profile_block *block = &profile->blocks[i];
        if (block->table == range.table && block->address <= range.address &&
            range.address + range.count <= block->address + block->count)
            return *block;
    }
    return range;
}

static void look(struct cli_probe *probe, const struct profile_block *range, struct window *window)
{
    if (window->valid && window->table == range->table && window->address == range->address &&
        window->count == range->count)
        return;
    window->valid = true;
    window->table = range->table;
    window->address = range->address;
    window->count = range->count;
    window->read =
        cli_probe_read(probe, range->table, range->address, range->count, window->registers);
}

static enum reason failure_reason(struct cli_read read)
{
    switch (read.result) {
    case PORT_EXCEPTION:
        return REASON_DEVICE_EXCEPTION;
    case PORT_TIMEOUT:
        return REASON_TIMEOUT;
    case PORT_MISMATCH:
        return REASON_REPLY_MISMATCH;
    case PORT_REPLY:
    case PORT_LOST:
        break;
    }
    return REASON_DISCONNECTED;
}

/* The number that is outside the row's range: it tells what is wrong with row or device. */
static bool decode_anyway(const struct profile *profile, const struct profile_row *row,
                          const uint16_t *registers, double *ret_value)
{
    struct profile_row unbounded = *row;
    enum reason reason;

    unbounded.low = -HUGE_VAL;
    unbounded.high = HUGE_VAL;
    return profile_decode(profile, &unbounded, registers, ret_value, &reason) == QUALITY_GOOD;
}

static struct outcome examine(struct cli_probe *probe, const struct profile *profile,
                              const struct profile_row *row, struct window *window)
{
    struct outcome outcome = {.quality = QUALITY_MISSING, .reason = REASON_NEVER_READ};

    if (row->absent) {
        outcome.reason = REASON_NOT_OFFERED;
        return outcome;
    }
    if (row->write.write_only)
        return outcome;
    const struct profile_block range = range_of(profile, row);
    look(probe, &range, window);
    outcome.read = window->read;
    if (window->read.result != PORT_REPLY) {
        outcome.reason = failure_reason(window->read);
        return outcome;
    }
    const uint16_t *registers = window->registers + (row->address - range.address);
    outcome.words = register_type_words(row->type);
    memcpy(outcome.raw, registers, sizeof(*registers) * (size_t)outcome.words);
    outcome.quality = profile_decode(profile, row, registers, &outcome.value, &outcome.reason);
    outcome.decoded =
        outcome.quality == QUALITY_GOOD || (outcome.reason == REASON_OUT_OF_RANGE &&
                                            decode_anyway(profile, row, registers, &outcome.value));
    return outcome;
}

/* What the device says of itself */

static bool check_identity(struct cli_probe *probe, const struct profile_identity *identity)
{
    uint16_t registers[CLI_READ_ROOM];
    char found[PROFILE_TEXT], text[CLI_TEXT_ROOM];
    struct cli_read read =
        cli_probe_read(probe, identity->table, identity->address, identity->count, registers);

    if (read.result != PORT_REPLY) {
        fprintf(stderr, "tidewatt: identity: register %u is not read: %s\n", identity->address,
                cli_read_text(read, text));
        return false;
    }
    if (profile_identity_matches(identity, registers, found, sizeof(found)))
        return true;
    if (identity->is_text)
        fprintf(stderr, "tidewatt: identity: register %u says %s, the profile expects \"%s\"\n",
                identity->address, found, identity->text);
    else
        fprintf(stderr, "tidewatt: identity: register %u says %s, the profile expects %llu\n",
                identity->address, found, (unsigned long long)identity->number);
    return false;
}

static bool check_identities(struct cli_probe *probe, const struct profile *profile)
{
    bool matches = true;

    for (int i = 0; i < profile->identity_count; i++)
        matches = check_identity(probe, &profile->identities[i]) && matches;
    return matches;
}

/* Where the profile's SunSpec rows are on this device. */
static bool bind(struct cli_probe *probe, const struct profile *profile, struct profile *ret_bound)
{
    struct sunspec_walk walk;

    *ret_bound = *profile;
    if (!profile->sunspec)
        return true;
    cli_probe_walk(probe, &walk);
    if (walk.error.text[0] != '\0' && !probe->given_up)
        fprintf(stderr, "tidewatt: SunSpec: %s\n", walk.error.text);
    if (!walk.done)
        return false;
    sunspec_bind(&walk.chain, profile, ret_bound);
    return true;
}

/* Showing */

static const char *value_text(const struct profile *profile, int row, const struct outcome *outcome,
                              char buffer[CLI_TEXT_ROOM])
{
    const enum unit unit = point_kind_unit(profile->rows[row].point);

    if (!outcome->decoded)
        return "–";
    const char *label = profile_label_text(profile, row, outcome->value);
    snprintf(buffer, CLI_TEXT_ROOM, "%.10g%s%s%s%s", outcome->value, unit == UNIT_NONE ? "" : " ",
             unit_name(unit), label ? " " : "", label ? label : "");
    return buffer;
}

static const char *reason_cell(const struct outcome *outcome, bool write_only,
                               char buffer[CLI_TEXT_ROOM])
{
    if (write_only)
        return "write only";
    return outcome->reason == REASON_DEVICE_EXCEPTION ? cli_read_text(outcome->read, buffer)
                                                      : reason_name(outcome->reason);
}

static void add_row(struct cli_table *table, const struct profile *profile, int index,
                    const struct outcome *outcome)
{
    const struct profile_row *row = &profile->rows[index];
    char raw[CLI_RAW_ROOM], text[CLI_TEXT_ROOM];

    cli_cell(table, "%s", point_kind_name(row->point));
    if (row->absent)
        cli_cell(table, "–");
    else
        cli_cell(table, "%s %u", row->table == TABLE_HOLDING ? "holding" : "input", row->address);
    cli_cell(table, "%s", outcome->words ? cli_raw_text(outcome->raw, outcome->words, raw) : "–");
    cli_cell(table, "%s", value_text(profile, index, outcome, text));
    cli_cell(table, "%s", quality_name(outcome->quality));
    cli_cell(table, "%s", reason_cell(outcome, row->write.write_only, text));
}

static void print_table(const struct profile *profile, const struct outcome *outcomes)
{
    static const struct cli_column columns[] = {{"POINT", 'l'}, {"REGISTER", 'l'}, {"RAW", 'l'},
                                                {"VALUE", 'r'}, {"QUALITY", 'l'},  {"REASON", 'l'},
                                                {NULL, 0}};
    struct cli_table *table = cli_table_create(columns);

    for (int i = 0; i < profile->row_count; i++)
        add_row(table, profile, i, &outcomes[i]);
    cli_table_print(table, stdout);
    cli_table_destroy(table);
}

static json_t *row_json(const struct profile *profile, int index, const struct outcome *outcome)
{
    const struct profile_row *row = &profile->rows[index];
    const char *label =
        outcome->decoded ? profile_label_text(profile, index, outcome->value) : NULL;
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "point", point_kind_name(row->point),
                             "unit", unit_name(point_kind_unit(row->point)), "quality",
                             quality_name(outcome->quality), "reason", reason_name(outcome->reason),
                             "raw", cli_raw_json(outcome->raw, outcome->words), "value",
                             outcome->decoded ? json_real(outcome->value) : json_null());

    if (!row->absent)
        json_object_update_new(json, json_pack("{s:s, s:i}", "table",
                                               row->table == TABLE_HOLDING ? "holding" : "input",
                                               "address", row->address));
    if (label)
        json_object_set_new(json, "label", json_string(label));
    if (outcome->read.result == PORT_EXCEPTION)
        json_object_set_new(json, "exception", json_integer(outcome->read.exception));
    return json;
}

static void print_json(const struct profile *profile, const struct outcome *outcomes, bool identity)
{
    json_t *rows = json_array();

    for (int i = 0; i < profile->row_count; i++)
        json_array_append_new(rows, row_json(profile, i, &outcomes[i]));
    json_t *all = json_pack("{s:s, s:b, s:o}", "profile", profile->name, "identity", identity,
                            "points", rows);
    json_dumpf(all, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(all);
}

/* Whether a row is as the profile says: that a device has no value for it now, or does not offer
 * it, is not against the profile. */
static bool in_order(const struct profile_row *row, const struct outcome *outcome)
{
    return outcome->quality == QUALITY_GOOD || outcome->reason == REASON_SENTINEL ||
           outcome->reason == REASON_NOT_OFFERED || row->write.write_only;
}

/* No value counts of a device that is not the profile's. */
static void disown(struct outcome *outcome)
{
    if (outcome->decoded) {
        outcome->quality = QUALITY_BAD;
        outcome->reason = REASON_IDENTITY_MISMATCH;
    }
}

static int print_summary(const struct profile *profile, const struct outcome *outcomes, bool json)
{
    int good = 0, wrong = 0;

    for (int i = 0; i < profile->row_count; i++) {
        good += outcomes[i].quality == QUALITY_GOOD;
        wrong += !in_order(&profile->rows[i], &outcomes[i]);
    }
    if (!json)
        printf("\n%s: %d of %d points good, %d not as the profile says\n", profile->name, good,
               profile->row_count, wrong);
    return wrong;
}

int cli_probe_profile(struct cli_probe *probe, const struct profile *profile)
{
    static struct profile bound;
    static struct outcome outcomes[LIMIT_PROFILE_ROWS];
    struct window window = {0};

    if (!bind(probe, profile, &bound))
        return CLI_REFUSED;
    const bool identity = check_identities(probe, profile);
    for (int i = 0; i < bound.row_count; i++) {
        outcomes[i] = examine(probe, &bound, &bound.rows[i], &window);
        if (!identity)
            disown(&outcomes[i]);
    }
    if (!probe->heard)
        return CLI_NO_DAEMON;
    if (probe->json)
        print_json(&bound, outcomes, identity);
    else
        print_table(&bound, outcomes);
    return print_summary(&bound, outcomes, probe->json) == 0 && identity ? 0 : CLI_REFUSED;
}
