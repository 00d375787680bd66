/* One row of a profile. A wrong scale, sign, bit or unit moves real power, so what contradicts
 * itself is refused here, in the words of the file and with the remedy. */
#include "drivers/profile_private.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 24 * 3600 * 1000 };

static const char *const TABLES[] = {"holding", "input", NULL};
static const char *const ORDERS[] = {"ABCD", "CDAB", "BADC", "DCBA", NULL};

static int type_bits(enum register_type type)
{
    return 16 * register_type_words(type);
}

int profile_parse_pattern(const char *text, int bits, uint64_t *ret_pattern)
{
    char *end;
    if (strncmp(text, "0x", 2) != 0 || !isxdigit((unsigned char)text[2]))
        return ERROR_INVALID;
    errno = 0;
    unsigned long long pattern = strtoull(text + 2, &end, 16);
    if (*end != '\0' || errno != 0 || (bits < 64 && pattern >> bits != 0))
        return ERROR_INVALID;
    *ret_pattern = pattern;
    return 0;
}

/* Places */

static void load_modicon(struct conf_node *group, const char *key, struct register_place *ret_place)
{
    static const struct {
        int64_t first, last;
        enum register_table table;
    } RANGES[] = {
        {30001, 39999, TABLE_INPUT},
        {300001, 365536, TABLE_INPUT},
        {40001, 49999, TABLE_HOLDING},
        {400001, 465536, TABLE_HOLDING},
    };
    int64_t number = conf_integer(group, key, RANGES[0].first, 0, INT32_MAX);
    for (size_t i = 0; i < sizeof(RANGES) / sizeof(RANGES[0]); i++) {
        if (number < RANGES[i].first || number > RANGES[i].last)
            continue;
        ret_place->table = RANGES[i].table;
        ret_place->address = (uint16_t)(number - RANGES[i].first);
        return;
    }
    conf_error(group,
               "%s %lld is no modicon number: input registers are 30001 to 39999 or 300001 to "
               "365536, holding registers 40001 to 49999 or 400001 to 465536",
               key, (long long)number);
}

static uint16_t load_address(const struct profile_loader *loader, struct conf_node *group,
                             const char *key)
{
    int base = loader->addressing == ADDRESSING_ONE_BASED ? 1 : 0;
    return (uint16_t)(conf_integer(group, key, base, base, PROFILE_ADDRESS_MOST + base) - base);
}

void profile_load_place(const struct profile_loader *loader, struct conf_node *group,
                        struct register_place *ret_place)
{
    enum register_table table =
        (enum register_table)conf_choice(group, "table", TABLES, TABLE_HOLDING);
    *ret_place = (struct register_place){.table = table};
    if (!conf_has(group, "address")) {
        conf_error(group, "address is missing: say where the register is");
        return;
    }
    if (loader->addressing != ADDRESSING_MODICON) {
        ret_place->address = load_address(loader, group, "address");
        return;
    }
    load_modicon(group, "address", ret_place);
    if (conf_has(group, "table") && table != ret_place->table)
        conf_error(group,
                   "table is \"%s\", but the modicon number is of table \"%s\": take the "
                   "table out or mend the address",
                   TABLES[table], TABLES[ret_place->table]);
}

/* A register beside the row's own, which must be of the same table. */
static uint16_t load_companion(const struct profile_loader *loader, struct conf_node *group,
                               const char *key, const struct profile_row *row)
{
    if (loader->addressing != ADDRESSING_MODICON)
        return load_address(loader, group, key);
    struct register_place place = {.table = row->table};
    load_modicon(group, key, &place);
    if (place.table != row->table)
        conf_error(group, "%s is in table \"%s\", the row in \"%s\": they must come from one read",
                   key, TABLES[place.table], TABLES[row->table]);
    return place.address;
}

/* Numbers: type, bits, sign, scale */

static int load_type(struct conf_node *node, enum register_type *ret_type)
{
    if (!conf_has(node, "type"))
        conf_error(node, "type is missing: one of u16, i16, u32, i32, u64, i64, f32, f64");
    int type = conf_choice(node, "type", profile_type_names, -1);
    if (type < 0)
        return ERROR_INVALID;
    *ret_type = (enum register_type)type;
    return 0;
}

static int bits_range(struct conf_node *node, int *ret_first, int *ret_last)
{
    const char *text = conf_string(node, "bits", "");
    int used = 0;
    if (conf_has(node, "bit") && conf_has(node, "bits"))
        conf_error(node, "bit and bits: keep one of them");
    if (conf_has(node, "bit")) {
        *ret_first = *ret_last = (int)conf_integer(node, "bit", 0, 0, 63);
        return 1;
    }
    if (text[0] == '\0')
        return 0;
    if (sscanf(text, "%2d..%2d%n", ret_first, ret_last, &used) == 2 && text[used] == '\0' &&
        *ret_first >= 0 && *ret_first <= *ret_last)
        return 1;
    conf_error(node,
               "bits \"%s\": write the lowest and the highest bit as \"3..5\", bit 0 is the "
               "least significant",
               text);
    return ERROR_INVALID;
}

static void load_bits(struct conf_node *node, struct profile_row *row)
{
    int first, last;
    if (bits_range(node, &first, &last) <= 0)
        return;
    if (register_type_is_float(row->type) || register_type_is_signed(row->type))
        conf_error(node, "bits are taken of an unsigned number: use type u16, u32 or u64, not %s",
                   register_type_name(row->type));
    if (last >= type_bits(row->type)) {
        conf_error(node, "bit %d: a %s has bits 0 to %d", last, register_type_name(row->type),
                   type_bits(row->type) - 1);
        return;
    }
    row->first_bit = (uint8_t)first;
    row->bit_count = (uint8_t)(last - first + 1);
}

static bool register_is_own(const struct profile_row *row, uint16_t address)
{
    return address >= row->address && address < row->address + register_type_words(row->type);
}

/* A sign bit in the number's own register is fine (sign and magnitude) when it is not of the
 * number. */
static bool sign_is_in_number(const struct profile_row *row)
{
    if (!register_is_own(row, row->sign_address))
        return false;
    return register_type_words(row->type) > 1 || row->bit_count == 0 ||
           (row->sign_bit >= row->first_bit && row->sign_bit < row->first_bit + row->bit_count);
}

static void load_sign(const struct profile_loader *loader, struct conf_node *node,
                      struct profile_row *row)
{
    struct conf_node *sign = conf_group(node, "negative_when", false);
    if (sign == NULL)
        return;
    if (!conf_has(sign, "address") || !conf_has(sign, "bit"))
        conf_error(sign, "address or bit is missing: say which bit is set while the value is "
                         "negative");
    row->sign_apart = true;
    row->sign_address = load_companion(loader, sign, "address", row);
    row->sign_bit = (uint8_t)conf_integer(sign, "bit", 0, 0, 15);
    if (register_type_is_signed(row->type))
        conf_error(sign,
                   "a %s has a sign of its own: use type u16, u32 or u64, or take "
                   "negative_when out",
                   register_type_name(row->type));
    if (sign_is_in_number(row))
        conf_error(sign,
                   "bit %d is part of the number: say with bits = \"...\" which bits are "
                   "the number",
                   row->sign_bit);
}

static double load_fixed_scale(struct conf_node *node)
{
    if (conf_has(node, "scale") && conf_has(node, "scale_exponent2"))
        conf_error(node, "scale and scale_exponent2: keep one of them");
    double scale = conf_number(node, "scale", 1, -1e12, 1e12);
    if (scale == 0) {
        conf_error(node, "scale is 0: every reading would be the same");
        scale = 1;
    }
    return ldexp(scale, (int)conf_integer(node, "scale_exponent2", 0, -60, 60));
}

static void load_scale_register(const struct profile_loader *loader, struct conf_node *node,
                                struct profile_row *row)
{
    if (!conf_has(node, "scale_register"))
        return;
    row->scaled = true;
    row->scale_address = load_companion(loader, node, "scale_register", row);
    if (register_is_own(row, row->scale_address))
        conf_error(node, "scale_register is a register of the value itself: mend one of the "
                         "addresses");
}

static double load_unit(struct conf_node *node, enum point_kind kind)
{
    double factor = 1;
    struct error error;
    if (point_unit_factor(kind, conf_string(node, "unit", ""), &factor, &error) < 0)
        conf_error(node, "unit %s: %s", conf_has(node, "unit") ? "does not fit" : "is missing",
                   error.text);
    return factor;
}

/* Sentinels */

static void load_invalid(struct conf_node *list, size_t index, struct profile_row *row)
{
    const char *text = conf_item_string(list, index);
    uint64_t pattern;
    if (text == NULL)
        return;
    if (register_type_is_float(row->type) && strcmp(text, "NaN") == 0)
        row->nan_invalid = true;
    else if (profile_parse_pattern(text, type_bits(row->type), &pattern) == 0)
        row->invalids[row->invalid_count++] = pattern;
    else
        conf_error(list,
                   "\"%s\" is no pattern of a %s: write at most %d hexadecimal digits as "
                   "\"0x...\"%s",
                   text, register_type_name(row->type), type_bits(row->type) / 4,
                   register_type_is_float(row->type) ? ", or \"NaN\"" : "");
}

static void load_invalids(struct conf_node *node, struct profile_row *row)
{
    struct conf_node *list = conf_list(node, "invalid", false);
    if (conf_length(list) > PROFILE_INVALIDS) {
        conf_error(list, "more than %d patterns: keep the documented ones", PROFILE_INVALIDS);
        return;
    }
    for (size_t i = 0; i < conf_length(list); i++)
        load_invalid(list, i, row);
}

/* Labels */

/* Numbers a label can stand for: those of the row's bits. */
static uint64_t label_most(const struct profile_row *row)
{
    int bits = row->bit_count > 0       ? row->bit_count
               : row->sunspec_count > 0 ? 32
                                        : type_bits(row->type);
    return bits >= 32 ? UINT32_MAX : (UINT64_C(1) << bits) - 1;
}

static bool label_taken(const struct profile *profile, const struct profile_row *row, uint32_t raw)
{
    for (int i = 0; i < row->label_count; i++)
        if (profile->labels[row->first_label + i].raw == raw)
            return true;
    return false;
}

/* "3 = running" or "0x0003 = running". */
static int parse_label(const char *text, uint64_t most, struct profile_label *ret_label)
{
    char *end;
    if (!isdigit((unsigned char)text[0]))
        return ERROR_INVALID;
    errno = 0;
    unsigned long long raw = strtoull(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
    end += strspn(end, " ");
    if (*end != '=' || errno != 0 || raw > most)
        return ERROR_INVALID;
    const char *words = end + 1 + strspn(end + 1, " ");
    if (words[0] == '\0' || strlen(words) >= sizeof(ret_label->text))
        return ERROR_INVALID;
    ret_label->raw = (uint32_t)raw;
    strcpy(ret_label->text, words);
    return 0;
}

static void load_label(struct profile *profile, struct conf_node *list, size_t index,
                       struct profile_row *row)
{
    const char *text = conf_item_string(list, index);
    struct profile_label label;
    if (text == NULL)
        return;
    if (parse_label(text, label_most(row), &label) < 0) {
        conf_error(list,
                   "\"%s\" is no label: write a number from 0 to %llu, '=' and a text of at most "
                   "%d bytes, as in \"3 = running\"",
                   text, (unsigned long long)label_most(row), LIMIT_NAME - 1);
        return;
    }
    if (label_taken(profile, row, label.raw)) {
        conf_error(list, "\"%s\": the number has a label already", text);
        return;
    }
    profile->labels[profile->label_count++] = label;
    row->label_count++;
}

static void load_labels(struct profile *profile, struct conf_node *node, struct profile_row *row)
{
    struct conf_node *list = conf_list(node, "labels", false);
    if (list == NULL)
        return;
    if (point_kind_class(row->point) != POINT_CLASS_STATE)
        conf_error(list, "%s is no state: labels name the numbers of a state",
                   point_kind_name(row->point));
    if (register_type_is_float(row->type) || row->scaled || row->sign_apart || row->offset != 0 ||
        row->factor < 1 || row->factor > 1)
        conf_error(list, "labels name raw whole numbers: take scale, offset and negative_when out");
    if (conf_length(list) == 0 ||
        conf_length(list) > (size_t)(PROFILE_LABELS - profile->label_count)) {
        conf_error(list, "%zu labels: a row has at least 1, all rows together at most %d",
                   conf_length(list), PROFILE_LABELS);
        return;
    }
    row->first_label = (uint8_t)profile->label_count;
    for (size_t i = 0; i < conf_length(list); i++)
        load_label(profile, list, i, row);
}

/* Checks of values */

static double load_bound(struct conf_node *node, const char *key)
{
    if (!conf_has(node, key))
        conf_error(node, "%s is missing: a set-point needs its range in the point's unit", key);
    return conf_number(node, key, 0, -1e12, 1e12);
}

static int64_t load_duration(struct conf_node *node, const char *key, double most_ms)
{
    return llround(conf_quantity(node, key, DIMENSION_DURATION, 0, 0, most_ms));
}

static void load_rollover(struct conf_node *node, struct profile_row *row)
{
    double rollover_wh = conf_quantity(node, "rollover", DIMENSION_ENERGY, 0, 0.001, 9e15);
    row->rollover_milliwh = llround(rollover_wh * 1000);
    if (row->rollover_milliwh != 0 && point_kind_class(row->point) != POINT_CLASS_COUNTER)
        conf_error(node, "rollover belongs to a counter, %s is none", point_kind_name(row->point));
}

/* A state may rest for months and jump at once, a set-point moves as it is told. */
static void load_movement(struct conf_node *node, struct profile_row *row)
{
    enum point_class class = point_kind_class(row->point);

    row->rate_per_s = conf_number(node, "rate_per_s", 0, 0, 1e15);
    row->frozen_after_ms = load_duration(node, "frozen_after", 30.0 * DAY_MS);
    if (class != POINT_CLASS_GAUGE && row->rate_per_s > 0)
        conf_error(node, "rate_per_s belongs to an instant measurement, %s is none",
                   point_kind_name(row->point));
    if (class != POINT_CLASS_GAUGE && class != POINT_CLASS_COUNTER && row->frozen_after_ms > 0)
        conf_error(node, "frozen_after belongs to a measurement, %s is none",
                   point_kind_name(row->point));
    if (row->frozen_after_ms > 0 && row->frozen_after_ms <= row->every_ms)
        conf_error(node, "frozen_after is not longer than every: each reading would seem frozen");
}

static void load_checks(struct conf_node *node, struct profile_row *row)
{
    row->every_ms = load_duration(node, "every", DAY_MS);
    row->low = conf_number(node, "low", -HUGE_VAL, -1e18, 1e18);
    row->high = conf_number(node, "high", HUGE_VAL, -1e18, 1e18);
    if (row->low >= row->high)
        conf_error(node, "low is not below high: no reading would ever be plausible");
    load_rollover(node, row);
    load_movement(node, row);
}

/* Writing */

static void check_write(struct conf_node *node, const struct profile_row *row)
{
    const struct profile_write *write = &row->write;
    int words = row->sunspec_count > 0 ? 1 : register_type_words(row->type);

    if (write->low > write->high)
        conf_error(node, "low is above high: exchange them");
    if (write->function != 6 && write->function != 16)
        conf_error(node, "function is 6 (one register) or 16 (several)");
    if (write->function == 6 && words > 1)
        conf_error(node, "function 6 writes one register, this type has %d: use 16", words);
    if (row->table == TABLE_INPUT)
        conf_error(node, "input registers cannot be written: table must be \"holding\"");
    if (point_kind_class(row->point) != POINT_CLASS_SETPOINT)
        conf_error(node, "%s is a measurement: only set-points of schema/points.def are written",
                   point_kind_name(row->point));
    if (row->bit_count > 0)
        conf_error(node, "writing some bits of a register would clear the others: take write out");
    if (row->sign_apart)
        conf_error(node, "the sign is in another register, so a write would lose it: take write "
                         "out");
    if (write->write_only && write->settle_ms > 0)
        conf_error(node, "settle is a pause before the read-back: take it or readable = false out");
}

static void load_write(struct conf_node *node, struct profile_row *row)
{
    struct conf_node *write = conf_group(node, "write", false);
    if (write == NULL)
        return;
    bool single = row->sunspec_count == 0 && register_type_words(row->type) == 1;
    row->write = (struct profile_write){
        .allowed = true,
        .write_only = !conf_flag(write, "readable", true),
        .function = (int)conf_integer(write, "function", single ? 6 : 16, 6, 16),
        .low = load_bound(write, "low"),
        .high = load_bound(write, "high"),
        .settle_ms = load_duration(write, "settle", PROFILE_PAUSE_MOST_MS),
        .ramp_per_s = conf_number(write, "ramp_per_s", 0, 0, 1e15),
        .per_hour = conf_number(write, "writes_per_hour", 0, 0, 3600),
        .lifetime = conf_number(write, "writes_lifetime", 0, 0, 1e12),
    };
    check_write(write, row);
}

/* SunSpec */

static int parse_sunspec(const char *text, struct profile_sunspec *ret_sunspec)
{
    char *end;
    if (!isdigit((unsigned char)text[0]))
        return ERROR_INVALID;
    errno = 0;
    unsigned long model = strtoul(text, &end, 10);
    if (*end != '.' || errno != 0 || model < 1 || model >= UINT16_MAX)
        return ERROR_INVALID;
    if (end[1] == '\0' || strlen(end + 1) >= sizeof(ret_sunspec->point))
        return ERROR_INVALID;
    ret_sunspec->model = (uint16_t)model;
    strcpy(ret_sunspec->point, end + 1);
    return 0;
}

/* What the model says need not, and may not, be said again. */
static void refuse_model_keys(struct conf_node *node)
{
    static const char *const TEXTS[] = {"table", "type", "order", "unit", "bits"};
    static const char *const NUMBERS[] = {"address", "scale_exponent2", "scale_register", "bit"};
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
        if (conf_has(node, TEXTS[i]) && conf_string(node, TEXTS[i], NULL))
            conf_error(node, "sunspec says the %s: take %s out", TEXTS[i], TEXTS[i]);
    for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++)
        if (conf_has(node, NUMBERS[i]) && isfinite(conf_number(node, NUMBERS[i], 0, -1e300, 1e300)))
            conf_error(node, "sunspec says the %s: take %s out", NUMBERS[i], NUMBERS[i]);
    if (conf_list(node, "invalid", false))
        conf_error(node, "sunspec says what is invalid: take invalid out");
    if (conf_group(node, "negative_when", false))
        conf_error(node, "sunspec says the sign: take negative_when out");
}

static void load_sunspec(const struct profile_loader *loader, struct conf_node *node,
                         struct profile_row *row)
{
    struct conf_node *list = conf_list(node, "sunspec", true);
    if (list == NULL)
        return;
    if (conf_length(list) < 1 || conf_length(list) > PROFILE_SUNSPEC) {
        conf_error(node, "sunspec names 1 to %d points, the best first", PROFILE_SUNSPEC);
        return;
    }
    for (size_t i = 0; i < conf_length(list); i++) {
        const char *text = conf_item_string(list, i);
        if (text && parse_sunspec(text, &row->sunspec[row->sunspec_count++]) < 0)
            conf_error(list, "\"%s\" is no SunSpec point: write model and point as \"103.W\"",
                       text);
    }
    if (!loader->profile->sunspec)
        conf_error(node, "a SunSpec row in a profile without sunspec = true: add it");
    refuse_model_keys(node);
    row->factor = load_fixed_scale(node); /* the model's scale and unit join it when it is bound */
}

/* Rows */

static int load_point(struct conf_node *node, enum point_kind *ret_kind)
{
    const char *name = conf_string_required(node, "point");
    if (point_kind_find(name, ret_kind) == 0)
        return 0;
    if (name[0] != '\0')
        conf_error(node, "no point is called \"%s\": the names are in schema/points.def", name);
    return ERROR_INVALID;
}

/* The read that serves the row must be one that the device answers. */
static void check_span(const struct profile_loader *loader, struct conf_node *node,
                       const struct profile_row *row)
{
    int words = register_type_words(row->type), most = loader->profile->max_registers;
    uint16_t address, count;

    if (row->address + words - 1 > PROFILE_ADDRESS_MOST) {
        conf_error(node, "a %s at this address ends beyond register %d",
                   register_type_name(row->type), PROFILE_ADDRESS_MOST);
        return;
    }
    if (words > most) {
        conf_error(node, "a %s has %d registers, more than max_registers of this profile",
                   register_type_name(row->type), words);
        return;
    }
    profile_row_span(row, &address, &count);
    if (count > most)
        conf_error(node,
                   "value, scale register and sign lie over %u registers, more than "
                   "max_registers %d: they must come from one read",
                   count, most);
}

static int load_registers(const struct profile_loader *loader, struct conf_node *node,
                          struct profile_row *row)
{
    struct register_place place;
    if (load_type(node, &row->type) < 0)
        return ERROR_INVALID;
    profile_load_place(loader, node, &place);
    row->table = place.table;
    row->address = place.address;
    row->order = (enum word_order)conf_choice(node, "order", ORDERS, ORDER_ABCD);
    load_bits(node, row);
    load_sign(loader, node, row);
    load_scale_register(loader, node, row);
    row->factor = load_fixed_scale(node) * load_unit(node, row->point);
    load_invalids(node, row);
    check_span(loader, node, row);
    return 0;
}

int profile_load_row(const struct profile_loader *loader, struct conf_node *node,
                     struct profile_row *ret_row)
{
    struct profile_row row = {0};
    if (load_point(node, &row.point) < 0)
        return ERROR_INVALID;
    if (conf_has(node, "sunspec"))
        load_sunspec(loader, node, &row);
    else if (load_registers(loader, node, &row) < 0)
        return ERROR_INVALID;
    row.offset = conf_number(node, "offset", 0, -1e12, 1e12);
    load_labels(loader->profile, node, &row);
    load_checks(node, &row);
    load_write(node, &row);
    *ret_row = row;
    return 0;
}
