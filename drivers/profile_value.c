/* Raw registers to values and back. Pure: everything it needs is in the row and in the registers of
 * one read, so that a scale or sign can never come from another moment than the number itself. */
#include "drivers/profile.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "drivers/profile_private.h"

const char *const profile_type_names[] = {"u16", "i16", "u32", "i32", "u64",
                                          "i64", "f32", "f64", NULL};

int register_type_words(enum register_type type)
{
    static const int WORDS[] = {1, 1, 2, 2, 4, 4, 2, 4};
    return WORDS[type];
}

const char *register_type_name(enum register_type type)
{
    return profile_type_names[type];
}

bool register_type_is_float(enum register_type type)
{
    return type == TYPE_F32 || type == TYPE_F64;
}

bool register_type_is_signed(enum register_type type)
{
    return type == TYPE_I16 || type == TYPE_I32 || type == TYPE_I64;
}

/* Raw patterns */

static uint16_t swap_bytes(uint16_t word)
{
    return (uint16_t)(word << 8 | word >> 8);
}

static uint16_t word_in_order(enum word_order order, uint16_t word)
{
    return order == ORDER_BADC || order == ORDER_DCBA ? swap_bytes(word) : word;
}

static int order_place(enum word_order order, int word, int words)
{
    return order == ORDER_CDAB || order == ORDER_DCBA ? words - 1 - word : word;
}

static uint64_t raw_from_registers(const struct profile_row *row, const uint16_t *registers)
{
    int words = register_type_words(row->type);
    uint64_t raw = 0;
    for (int i = 0; i < words; i++)
        raw = raw << 16 | word_in_order(row->order, registers[order_place(row->order, i, words)]);
    return raw;
}

static void raw_to_registers(const struct profile_row *row, uint64_t raw, uint16_t *ret_registers)
{
    int words = register_type_words(row->type);
    for (int i = words - 1; i >= 0; i--, raw >>= 16)
        ret_registers[order_place(row->order, i, words)] = word_in_order(row->order, (uint16_t)raw);
}

static uint64_t low_bits(int count)
{
    return count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

/* The bits that are the row's number, moved down. */
static uint64_t field_of(const struct profile_row *row, uint64_t raw)
{
    return row->bit_count == 0 ? raw : raw >> row->first_bit & low_bits(row->bit_count);
}

static double field_to_number(enum register_type type, uint64_t field)
{
    float f32;
    double f64;
    uint32_t field32 = (uint32_t)field;

    switch (type) {
    case TYPE_I16:
        return (int16_t)field;
    case TYPE_I32:
        return (int32_t)field;
    case TYPE_I64:
        return (double)(int64_t)field;
    case TYPE_F32:
        memcpy(&f32, &field32, sizeof(f32));
        return (double)f32;
    case TYPE_F64:
        memcpy(&f64, &field, sizeof(f64));
        return f64;
    case TYPE_U16:
    case TYPE_U32:
    case TYPE_U64:
        break;
    }
    return (double)field;
}

static bool raw_is_invalid(const struct profile_row *row, uint64_t raw)
{
    for (int i = 0; i < row->invalid_count; i++)
        if (row->invalids[i] == raw)
            return true;
    return row->nan_invalid && isnan(field_to_number(row->type, raw));
}

/* Scales and signs */

/* value * 10^exponent; a division rounds better than a factor like 0.1. */
static double times_ten_to(double value, int exponent)
{
    static const double POWERS[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10};
    assert(exponent >= -PROFILE_SCALE_MOST && exponent <= PROFILE_SCALE_MOST);
    return exponent < 0 ? value / POWERS[-exponent] : value * POWERS[exponent];
}

static double number_to_value(const struct profile_row *row, double number, int scale)
{
    return times_ten_to(number * row->factor, scale) + row->offset;
}

static double value_to_number(const struct profile_row *row, double value, int scale)
{
    return times_ten_to((value - row->offset) / row->factor, -scale);
}

/* The row's other registers lie in the same read, before or behind its own. */
static uint16_t register_at(const struct profile_row *row, const uint16_t *registers,
                            uint16_t address)
{
    return word_in_order(row->order, registers[(int)address - (int)row->address]);
}

static bool scale_read(const struct profile_row *row, const uint16_t *registers, int *ret_scale)
{
    int scale = row->scaled ? (int16_t)register_at(row, registers, row->scale_address) : 0;
    if (scale < -PROFILE_SCALE_MOST || scale > PROFILE_SCALE_MOST)
        return false;
    *ret_scale = scale;
    return true;
}

static bool sign_is_negative(const struct profile_row *row, const uint16_t *registers)
{
    return row->sign_apart && register_at(row, registers, row->sign_address) >> row->sign_bit & 1;
}

void profile_row_span(const struct profile_row *row, uint16_t *ret_address, uint16_t *ret_count)
{
    int first = row->address;
    int last = row->address + register_type_words(row->type) - 1;
    const struct {
        bool used;
        int address;
    } others[] = {{row->scaled, row->scale_address}, {row->sign_apart, row->sign_address}};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (others[i].used && others[i].address < first)
            first = others[i].address;
        if (others[i].used && others[i].address > last)
            last = others[i].address;
    }
    assert(last - first < UINT16_MAX);
    *ret_address = (uint16_t)first;
    *ret_count = (uint16_t)(last - first + 1);
}

/* Labels */

static const struct profile_label *label_find(const struct profile *profile,
                                              const struct profile_row *row, uint64_t raw)
{
    for (int i = 0; i < row->label_count; i++)
        if (profile->labels[row->first_label + i].raw == raw)
            return &profile->labels[row->first_label + i];
    return NULL;
}

const char *profile_label_text(const struct profile *profile, int row, double value)
{
    assert(row >= 0 && row < profile->row_count);
    if (!(value >= 0 && value <= UINT32_MAX) || value > floor(value))
        return NULL;
    const struct profile_label *label = label_find(profile, &profile->rows[row], (uint64_t)value);
    return label ? label->text : NULL;
}

/* Reading */

static enum quality refuse(enum quality quality, enum reason reason, enum reason *ret_reason)
{
    *ret_reason = reason;
    return quality;
}

enum quality profile_decode(const struct profile *profile, const struct profile_row *row,
                            const uint16_t *registers, double *ret_value, enum reason *ret_reason)
{
    assert(row->label_count == 0 || profile);
    if (row->absent)
        return refuse(QUALITY_MISSING, REASON_NOT_OFFERED, ret_reason);
    uint64_t raw = raw_from_registers(row, registers);
    int scale;
    if (raw_is_invalid(row, raw) || !scale_read(row, registers, &scale))
        return refuse(QUALITY_MISSING, REASON_SENTINEL, ret_reason);
    uint64_t field = field_of(row, raw);
    if (row->label_count > 0 && !label_find(profile, row, field))
        return refuse(QUALITY_BAD, REASON_UNKNOWN_STATE, ret_reason);
    double number = field_to_number(row->type, field);
    if (sign_is_negative(row, registers))
        number = -number;
    double value = number_to_value(row, number, scale);
    if (!isfinite(value))
        return refuse(QUALITY_BAD, REASON_NOT_FINITE, ret_reason);
    if (value < row->low || value > row->high)
        return refuse(QUALITY_BAD, REASON_OUT_OF_RANGE, ret_reason);
    *ret_value = value;
    *ret_reason = REASON_FRESH;
    return QUALITY_GOOD;
}

/* Writing */

static bool number_writable(const struct profile_row *row, double number, int scale)
{
    double value = number_to_value(row, number, scale);
    double step = times_ten_to(fabs(row->factor), scale);
    double slack = step * 1e-6; /* rounding of the scale itself */
    return value >= row->write.low - slack && value <= row->write.high + slack;
}

/* The nearest whole number whose value is inside the write range. */
static int number_round(const struct profile_row *row, double number, int scale, double *ret_number)
{
    double nearest = nearbyint(number);
    if (!number_writable(row, nearest, scale))
        nearest += nearest > number ? -1 : 1;
    if (!number_writable(row, nearest, scale))
        return ERROR_INVALID;
    *ret_number = nearest;
    return 0;
}

void profile_row_numbers(const struct profile_row *row, double *ret_least, double *ret_beyond)
{
    assert(!register_type_is_float(row->type));
    bool is_signed = register_type_is_signed(row->type) && row->bit_count == 0;
    int bits = row->bit_count > 0 ? row->bit_count : 16 * register_type_words(row->type);
    *ret_least = is_signed ? -ldexp(1, bits - 1) : 0;
    *ret_beyond = ldexp(1, is_signed ? bits - 1 : bits);
}

static int float_to_raw(enum register_type type, double number, uint64_t *ret_raw)
{
    float f32 = (float)number;
    uint32_t raw32;

    if (type == TYPE_F64) {
        memcpy(ret_raw, &number, sizeof(number));
        return isfinite(number) ? 0 : ERROR_INVALID;
    }
    memcpy(&raw32, &f32, sizeof(raw32));
    *ret_raw = raw32;
    return isfinite(f32) ? 0 : ERROR_INVALID;
}

static int number_to_raw(const struct profile_row *row, double number, int scale, uint64_t *ret_raw)
{
    if (row->sign_apart && number < 0)
        return ERROR_INVALID; /* its sign is in a register that is not ours to write */
    if (register_type_is_float(row->type))
        return float_to_raw(row->type, number, ret_raw);
    double least, beyond;
    profile_row_numbers(row, &least, &beyond);
    if (number_round(row, number, scale, &number) < 0 || number < least || number >= beyond)
        return ERROR_INVALID;
    uint64_t whole = number < 0 ? (uint64_t)(int64_t)number : (uint64_t)number;
    *ret_raw = (whole & low_bits(16 * register_type_words(row->type))) << row->first_bit;
    return 0;
}

int profile_encode(const struct profile_row *row, double value, int scale, uint16_t *ret_registers,
                   struct error *error)
{
    const char *name = point_kind_name(row->point);
    uint64_t raw;

    if (!row->write.allowed)
        return error_set(error, ERROR_INVALID, "%s: the profile has no write range for it", name);
    if (!(value >= row->write.low && value <= row->write.high))
        return error_set(error, ERROR_INVALID, "%s: %g is outside the write range %g to %g", name,
                         value, row->write.low, row->write.high);
    if (scale < -PROFILE_SCALE_MOST || scale > PROFILE_SCALE_MOST)
        return error_set(error, ERROR_INVALID,
                         "%s: register %u says 10^%d, which is no scale: nothing is written", name,
                         row->scale_address, scale);
    if (number_to_raw(row, value_to_number(row, value, scale), scale, &raw) < 0)
        return error_set(error, ERROR_INVALID, "%s: %g does not fit register %u of type %s", name,
                         value, row->address, profile_type_names[row->type]);
    if (raw_is_invalid(row, raw))
        return error_set(error, ERROR_INVALID,
                         "%s: %g is the pattern that register %u uses for \"not available\"", name,
                         value, row->address);
    raw_to_registers(row, raw, ret_registers);
    return 0;
}

/* Identity */

/* The ASCII of the registers; what cannot be shown becomes '.', padding at the end is cut. */
static void text_of(const struct profile_identity *identity, const uint16_t *registers,
                    char text[2 * PROFILE_IDENTITY_REGISTERS + 1])
{
    int length = 0;
    for (int i = 0; i < 2 * identity->count; i++) {
        unsigned char byte = (unsigned char)(registers[i / 2] >> (i % 2 == 0 ? 8 : 0));
        text[i] = (char)(byte >= ' ' && byte <= '~' ? byte : '.');
        if (byte != '\0' && byte != ' ')
            length = i + 1;
    }
    text[length] = '\0';
}

bool profile_identity_matches(const struct profile_identity *identity, const uint16_t *registers,
                              char *ret_found, size_t size)
{
    assert(identity->count >= 1 && identity->count <= PROFILE_IDENTITY_REGISTERS);
    if (identity->is_text) {
        char text[2 * PROFILE_IDENTITY_REGISTERS + 1];
        text_of(identity, registers, text);
        snprintf(ret_found, size, "\"%s\"", text);
        return strncmp(text, identity->text, strlen(identity->text)) == 0;
    }
    uint64_t number = 0;
    for (int i = 0; i < identity->count; i++)
        number = number << 16 | registers[i];
    snprintf(ret_found, size, "0x%0*llX", 4 * identity->count, (unsigned long long)number);
    return number == identity->number;
}
