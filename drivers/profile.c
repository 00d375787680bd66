/* Register tables as data: loading with complete error texts, and raw registers to values and
 * back. A wrong scale, order or address in a profile moves real power, so everything that can be
 * checked without the device is checked here. */
#include "drivers/profile.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ADDRESS_MOST = 65535,
    READ_MOST = 125,
    TIMEOUT_MOST_MS = 60000,
    EVERY_MOST_MS = 24 * 3600 * 1000,
};

static const char *const TABLES[] = {"holding", "input", NULL};
static const char *const TYPES[] = {"u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", NULL};
static const char *const ORDERS[] = {"ABCD", "CDAB", "BADC", "DCBA", NULL};

/* How a profile's unit leads to a point's unit: the dimension both must share, and how much of the
 * dimension's base one point unit is. */
static const struct {
    enum dimension dimension;
    double base;
} UNITS[] = {
    [UNIT_NONE] = {DIMENSION_COUNT, 1},       [UNIT_W] = {DIMENSION_POWER, 1},
    [UNIT_VAR] = {DIMENSION_REACTIVE, 1},     [UNIT_VA] = {DIMENSION_APPARENT, 1},
    [UNIT_WH] = {DIMENSION_ENERGY, 1},        [UNIT_V] = {DIMENSION_VOLTAGE, 1},
    [UNIT_A] = {DIMENSION_CURRENT, 1},        [UNIT_HZ] = {DIMENSION_FREQUENCY, 1},
    [UNIT_PCT] = {DIMENSION_RATIO, 0.01},     [UNIT_S] = {DIMENSION_DURATION, 1000},
    [UNIT_DEGC] = {DIMENSION_TEMPERATURE, 1}, [UNIT_L_MIN] = {DIMENSION_FLOW, 1},
    [UNIT_W_M2] = {DIMENSION_IRRADIANCE, 1},  [UNIT_M_S] = {DIMENSION_SPEED, 1},
    [UNIT_PER_MWH] = {DIMENSION_PRICE, 1},    [UNIT_G_PER_KWH] = {DIMENSION_CARBON, 1},
};

int register_type_words(enum register_type type)
{
    static const int WORDS[] = {1, 1, 2, 2, 4, 4, 2, 4};
    return WORDS[type];
}

/* Raw patterns */

static uint16_t swap_bytes(uint16_t word)
{
    return (uint16_t)(word << 8 | word >> 8);
}

static bool order_swaps_bytes(enum word_order order)
{
    return order == ORDER_BADC || order == ORDER_DCBA;
}

static int order_place(enum word_order order, int word, int words)
{
    return order == ORDER_CDAB || order == ORDER_DCBA ? words - 1 - word : word;
}

static uint64_t raw_from_registers(const struct profile_row *row, const uint16_t *registers)
{
    int words = register_type_words(row->type);
    uint64_t raw = 0;
    for (int i = 0; i < words; i++) {
        uint16_t word = registers[order_place(row->order, i, words)];
        raw = raw << 16 | (order_swaps_bytes(row->order) ? swap_bytes(word) : word);
    }
    return raw;
}

static void raw_to_registers(const struct profile_row *row, uint64_t raw, uint16_t *ret_registers)
{
    int words = register_type_words(row->type);
    for (int i = words - 1; i >= 0; i--, raw >>= 16) {
        uint16_t word = (uint16_t)raw;
        ret_registers[order_place(row->order, i, words)] =
            order_swaps_bytes(row->order) ? swap_bytes(word) : word;
    }
}

static double raw_to_number(enum register_type type, uint64_t raw)
{
    float f32;
    double f64;
    uint32_t raw32 = (uint32_t)raw;

    switch (type) {
    case TYPE_I16:
        return (int16_t)raw;
    case TYPE_I32:
        return (int32_t)raw;
    case TYPE_I64:
        return (double)(int64_t)raw;
    case TYPE_F32:
        memcpy(&f32, &raw32, sizeof(f32));
        return (double)f32;
    case TYPE_F64:
        memcpy(&f64, &raw, sizeof(f64));
        return f64;
    case TYPE_U16:
    case TYPE_U32:
    case TYPE_U64:
        break;
    }
    return (double)raw;
}

static bool raw_is_invalid(const struct profile_row *row, uint64_t raw)
{
    for (int i = 0; i < row->invalid_count; i++)
        if (row->invalids[i] == raw)
            return true;
    return false;
}

enum quality profile_decode(const struct profile *profile, const struct profile_row *row,
                            const uint16_t *registers, double *ret_value, enum reason *ret_reason)
{
    (void)profile;
    uint64_t raw = raw_from_registers(row, registers);
    if (raw_is_invalid(row, raw)) {
        *ret_reason = REASON_SENTINEL;
        return QUALITY_MISSING;
    }
    double value = raw_to_number(row->type, raw) * row->factor + row->offset;
    if (!isfinite(value)) {
        *ret_reason = REASON_NOT_FINITE;
        return QUALITY_BAD;
    }
    if (value < row->low || value > row->high) {
        *ret_reason = REASON_OUT_OF_RANGE;
        return QUALITY_BAD;
    }
    *ret_value = value;
    *ret_reason = REASON_FRESH;
    return QUALITY_GOOD;
}

/* Writing */

static bool number_writable(const struct profile_row *row, double number)
{
    double value = number * row->factor + row->offset;
    double slack = fabs(row->factor) * 1e-6; /* of a step: rounding of the scale itself */
    return value >= row->write.low - slack && value <= row->write.high + slack;
}

/* The nearest whole number whose value is inside the write range. */
static int number_round(const struct profile_row *row, double number, double *ret_number)
{
    double nearest = nearbyint(number);
    if (!number_writable(row, nearest))
        nearest += nearest > number ? -1 : 1;
    if (!number_writable(row, nearest))
        return ERROR_INVALID;
    *ret_number = nearest;
    return 0;
}

/* First number above the type's range, and its least number. */
static void integer_range(enum register_type type, double *ret_least, double *ret_beyond)
{
    int bits = 16 * register_type_words(type);
    bool is_signed = type == TYPE_I16 || type == TYPE_I32 || type == TYPE_I64;
    *ret_least = is_signed ? -ldexp(1, bits - 1) : 0;
    *ret_beyond = ldexp(1, is_signed ? bits - 1 : bits);
}

static int number_to_raw(const struct profile_row *row, double number, uint64_t *ret_raw)
{
    if (row->type == TYPE_F64) {
        memcpy(ret_raw, &number, sizeof(number));
        return 0;
    }
    if (row->type == TYPE_F32) {
        float f32 = (float)number;
        uint32_t raw32;
        memcpy(&raw32, &f32, sizeof(raw32));
        *ret_raw = raw32;
        return isfinite(f32) ? 0 : ERROR_INVALID;
    }
    double least, beyond;
    integer_range(row->type, &least, &beyond);
    if (number_round(row, number, &number) < 0 || number < least || number >= beyond)
        return ERROR_INVALID;
    *ret_raw = number < 0 ? (uint64_t)(int64_t)number : (uint64_t)number;
    if (register_type_words(row->type) < 4)
        *ret_raw &= (UINT64_C(1) << (16 * register_type_words(row->type))) - 1;
    return 0;
}

int profile_encode(const struct profile_row *row, double value, int scale, uint16_t *ret_registers,
                   struct error *error)
{
    const char *name = point_kind_name(row->point);
    uint64_t raw;

    (void)scale;
    if (!row->write.allowed)
        return error_set(error, ERROR_INVALID, "%s: the profile has no write range for it", name);
    if (!(value >= row->write.low && value <= row->write.high))
        return error_set(error, ERROR_INVALID, "%s: %g is outside the write range %g to %g", name,
                         value, row->write.low, row->write.high);
    if (number_to_raw(row, (value - row->offset) / row->factor, &raw) < 0)
        return error_set(error, ERROR_INVALID, "%s: %g does not fit register %u of type %s", name,
                         value, row->address, TYPES[row->type]);
    if (raw_is_invalid(row, raw))
        return error_set(error, ERROR_INVALID,
                         "%s: %g is the pattern that register %u uses for \"not available\"", name,
                         value, row->address);
    raw_to_registers(row, raw, ret_registers);
    return 0;
}

/* Loading */

static void load_name(struct conf_node *group, const char *key, const char *text, char *ret_name,
                      size_t size)
{
    if (strlen(text) >= size)
        conf_error(group, "%s is longer than %zu bytes: shorten it", key, size - 1);
    else
        strcpy(ret_name, text);
}

static int load_point(struct conf_node *node, enum point_kind *ret_kind)
{
    const char *name = conf_string_required(node, "point");
    if (name == NULL)
        return ERROR_INVALID;
    if (point_kind_find(name, ret_kind) == 0)
        return 0;
    conf_error(node, "no point is called \"%s\": the names are in schema/points.def", name);
    return ERROR_INVALID;
}

static double load_unit(struct conf_node *node, enum point_kind kind)
{
    enum unit unit = point_kind_unit(kind);
    const char *name = conf_string(node, "unit", "");
    enum dimension dimension;
    double factor;
    struct error error;

    if (unit == UNIT_NONE) {
        if (name[0] != '\0')
            conf_error(node, "%s has no unit: remove unit = \"%s\"", point_kind_name(kind), name);
        return 1;
    }
    const char *choices = dimension_units(UNITS[unit].dimension);
    if (name[0] == '\0') {
        conf_error(node, "unit is missing: say which of %s the register counts in", choices);
        return 1;
    }
    if (quantity_unit(name, &dimension, &factor, &error) < 0 ||
        dimension != UNITS[unit].dimension) {
        conf_error(node, "unit \"%s\" does not fit %s: use one of %s", name, point_kind_name(kind),
                   choices);
        return 1;
    }
    return factor / UNITS[unit].base;
}

static void load_invalid(struct conf_node *list, size_t index, struct profile_row *row)
{
    const char *text = conf_item_string(list, index);
    if (text == NULL)
        return;
    char *end;
    errno = 0;
    unsigned long long raw = strtoull(text, &end, 16);
    int bits = 16 * register_type_words(row->type);
    if (strncmp(text, "0x", 2) != 0 || text[2] == '\0' || *end != '\0' || errno != 0 ||
        (bits < 64 && raw >> bits != 0))
        conf_error(list,
                   "\"%s\" is no pattern of a %s: write at most %d hexadecimal digits as "
                   "\"0x...\"",
                   text, TYPES[row->type], bits / 4);
    else
        row->invalids[row->invalid_count++] = raw;
}

static void load_invalids(struct conf_node *node, struct profile_row *row)
{
    struct conf_node *list = conf_list(node, "invalid", false);
    if (list == NULL)
        return;
    if (conf_length(list) > PROFILE_INVALIDS) {
        conf_error(list, "more than %d patterns: keep the documented ones", PROFILE_INVALIDS);
        return;
    }
    for (size_t i = 0; i < conf_length(list); i++)
        load_invalid(list, i, row);
}

static double load_bound(struct conf_node *node, const char *key)
{
    if (!conf_has(node, key))
        conf_error(node, "%s is missing: a set-point needs its range in the point's unit", key);
    return conf_number(node, key, 0, -1e12, 1e12);
}

static void load_write(struct conf_node *node, struct profile_row *row)
{
    struct conf_node *write = conf_group(node, "write", false);
    if (write == NULL)
        return;
    int words = register_type_words(row->type);
    row->write.allowed = true;
    row->write.low = load_bound(write, "low");
    row->write.high = load_bound(write, "high");
    row->write.function = (int)conf_integer(write, "function", words == 1 ? 6 : 16, 6, 16);
    row->write.write_only = !conf_flag(write, "readable", true);
    if (row->write.low > row->write.high)
        conf_error(write, "low is above high: exchange them");
    if (row->write.function != 6 && row->write.function != 16)
        conf_error(write, "function is 6 (one register) or 16 (several)");
    if (row->write.function == 6 && words > 1)
        conf_error(write, "function 6 writes one register, this type has %d: use 16", words);
    if (row->table == TABLE_INPUT)
        conf_error(write, "input registers cannot be written: table must be \"holding\"");
    if (point_kind_class(row->point) != POINT_CLASS_SETPOINT)
        conf_error(write, "%s is a measurement: only set-points of schema/points.def are written",
                   point_kind_name(row->point));
}

static void load_rollover(struct conf_node *node, struct profile_row *row)
{
    double rollover_wh = conf_quantity(node, "rollover", DIMENSION_ENERGY, 0, 0.001, 9e15);
    row->rollover_milliwh = llround(rollover_wh * 1000);
    if (row->rollover_milliwh != 0 && point_kind_class(row->point) != POINT_CLASS_COUNTER)
        conf_error(node, "rollover belongs to a counter, %s is none", point_kind_name(row->point));
}

static void load_conversion(struct conf_node *node, struct profile_row *row)
{
    double scale = conf_number(node, "scale", 1, -1e12, 1e12);
    if (scale == 0)
        conf_error(node, "scale is 0: every reading would be the same");
    row->factor = scale * load_unit(node, row->point);
    row->offset = conf_number(node, "offset", 0, -1e12, 1e12);
    row->low = conf_number(node, "low", -HUGE_VAL, -1e18, 1e18);
    row->high = conf_number(node, "high", HUGE_VAL, -1e18, 1e18);
    if (row->low >= row->high)
        conf_error(node, "low is not below high: no reading would ever be plausible");
}

static void load_place(struct conf_node *node, int address_base, int max_registers,
                       struct profile_row *row)
{
    int words = register_type_words(row->type);
    if (!conf_has(node, "address"))
        conf_error(node, "address is missing: say where the register is");
    int64_t wire =
        conf_integer(node, "address", address_base, address_base, ADDRESS_MOST + address_base) -
        address_base;
    if (wire + words - 1 > ADDRESS_MOST)
        conf_error(node, "a %s at this address ends beyond register %d", TYPES[row->type],
                   ADDRESS_MOST);
    if (words > max_registers)
        conf_error(node, "a %s has %d registers, more than max_registers of this profile",
                   TYPES[row->type], words);
    row->address = (uint16_t)wire;
}

static int load_type(struct conf_node *node, enum register_type *ret_type)
{
    if (!conf_has(node, "type"))
        conf_error(node, "type is missing: one of u16, i16, u32, i32, u64, i64, f32, f64");
    int type = conf_choice(node, "type", TYPES, -1);
    if (type < 0)
        return ERROR_INVALID;
    *ret_type = (enum register_type)type;
    return 0;
}

static int load_row(struct conf_node *node, const struct profile *profile, int address_base,
                    struct profile_row *ret_row)
{
    struct profile_row row = {0};
    if (load_point(node, &row.point) < 0 || load_type(node, &row.type) < 0)
        return ERROR_INVALID;
    row.table = (enum register_table)conf_choice(node, "table", TABLES, TABLE_HOLDING);
    row.order = (enum word_order)conf_choice(node, "order", ORDERS, ORDER_ABCD);
    row.every_ms =
        llround(conf_quantity(node, "every", DIMENSION_DURATION, 0, 0, (double)EVERY_MOST_MS));
    load_place(node, address_base, profile->max_registers, &row);
    load_conversion(node, &row);
    load_invalids(node, &row);
    load_rollover(node, &row);
    load_write(node, &row);
    *ret_row = row;
    return 0;
}

static bool rows_overlap(const struct profile_row *a, const struct profile_row *b)
{
    return a->table == b->table && a->address < b->address + register_type_words(b->type) &&
           b->address < a->address + register_type_words(a->type);
}

/* Against the rows before it; `places` are their nodes. */
static void check_row(const struct profile *profile, struct conf_node *const *places, int index)
{
    const struct profile_row *row = &profile->rows[index];
    char where[LIMIT_PATH];

    for (int i = 0; i < index; i++) {
        const struct profile_row *other = &profile->rows[i];
        if (other->point == row->point)
            conf_error(places[index], "%s is there twice, first at %s", point_kind_name(row->point),
                       conf_where(places[i], where, sizeof(where)));
        if (rows_overlap(row, other))
            conf_error(places[index], "registers overlap those of %s at %s: check address and type",
                       point_kind_name(other->point), conf_where(places[i], where, sizeof(where)));
    }
}

static void load_rows(struct conf_node *group, int address_base, struct profile *profile)
{
    struct conf_node *places[LIMIT_PROFILE_ROWS];
    struct conf_node *list = conf_list(group, "points", true);
    if (list == NULL)
        return;
    size_t count = conf_length(list);
    if (count == 0 || count > LIMIT_PROFILE_ROWS) {
        conf_error(list, "%zu points: a profile has 1 to %d", count, LIMIT_PROFILE_ROWS);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        int index = profile->row_count;
        places[index] = conf_item(list, i);
        if (load_row(places[index], profile, address_base, &profile->rows[index]) < 0)
            continue;
        check_row(profile, places, index);
        profile->row_count++;
    }
}

static void load_group(struct conf_node *group, struct profile *profile)
{
    const char *name = conf_string_required(group, "name");
    if (name != NULL)
        load_name(group, "name", name, profile->name, sizeof(profile->name));
    load_name(group, "source", conf_string(group, "source", ""), profile->source,
              sizeof(profile->source));
    (void)conf_string(group, "grade", "");
    /* For people only. */
    (void)conf_string(group, "maker", "");
    (void)conf_string(group, "model", "");

    int address_base = (int)conf_integer(group, "address_base", 0, 0, 1);
    profile->max_registers = (int)conf_integer(group, "max_registers", READ_MOST, 1, READ_MOST);
    profile->fill_holes = (int)conf_integer(group, "fill_holes", 0, 0, READ_MOST);
    profile->inter_request_ms =
        llround(conf_quantity(group, "inter_request", DIMENSION_DURATION, 0, 0, TIMEOUT_MOST_MS));
    profile->reply_timeout_ms = llround(
        conf_quantity(group, "reply_timeout", DIMENSION_DURATION, 1000, 10, TIMEOUT_MOST_MS));
    load_rows(group, address_base, profile);
}

/* Passes the problems on; 0 when there are none. */
static int report(struct conf *conf, struct error *error,
                  void (*note)(void *context, const char *text), void *context)
{
    size_t count = conf_finish(conf);
    if (count == 0)
        return 0;
    for (size_t i = 0; i < count && note != NULL; i++)
        note(context, conf_error_text(conf, i));
    return error_set(error, ERROR_INVALID, "%s", conf_error_text(conf, 0));
}

int profile_load(const char *path, struct profile *ret_profile, struct error *error,
                 void (*note)(void *context, const char *text), void *context)
{
    struct error open_error;
    struct conf *conf = conf_open(path, &open_error);
    if (conf == NULL) {
        if (note != NULL)
            note(context, open_error.text);
        return error_set(error, ERROR_INVALID, "%s", open_error.text);
    }
    struct profile profile = {0};
    struct conf_node *group = conf_group(conf_root(conf), "profile", true);
    if (group != NULL)
        load_group(group, &profile);
    int result = report(conf, error, note, context);
    conf_close(conf);
    if (result == 0)
        *ret_profile = profile;
    return result;
}
