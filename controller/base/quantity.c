/* The only place that knows units as people write them. Numbers are scanned by hand, because
 * strtod also takes "inf", "nan" and hexadecimal, none of which belongs near a power limit. */
#include "controller/base/quantity.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct dimension_row {
    const char *article, *name, *units; /* units: those to suggest */
};

static const struct dimension_row dimensions[] = {
    [DIMENSION_POWER] = {"a", "power", "W, kW, MW"},
    [DIMENSION_ENERGY] = {"an", "energy", "Wh, kWh, MWh"},
    [DIMENSION_DURATION] = {"a", "duration", "ms, s, min, h, d"},
    [DIMENSION_RATIO] = {"a", "ratio", "%, or a plain number"},
    [DIMENSION_TEMPERATURE] = {"a", "temperature", "C, °C"},
    [DIMENSION_POWER_RATE] = {"a", "power ramp", "W/s, kW/s, kW/min, MW/min"},
    [DIMENSION_TEMPERATURE_RATE] = {"a", "temperature ramp", "K/s, K/min, K/h"},
    [DIMENSION_PRICE] = {"an", "energy price", "/MWh, /kWh"},
    [DIMENSION_POWER_PRICE] = {"a", "power price", "/kW"},
    [DIMENSION_CARBON_PRICE] = {"a", "carbon price", "/t"},
    [DIMENSION_CARBON] = {"a", "carbon intensity", "g/kWh, kg/kWh, kg/MWh"},
    [DIMENSION_VOLTAGE] = {"a", "voltage", "mV, V, kV"},
    [DIMENSION_CURRENT] = {"a", "current", "mA, A, kA"},
    [DIMENSION_FREQUENCY] = {"a", "frequency", "mHz, Hz"},
    [DIMENSION_COUNT] = {"a", "count", "a plain number"},
    [DIMENSION_PRESSURE] = {"a", "pressure", "Pa, kPa, bar"},
    [DIMENSION_FLOW] = {"a", "flow", "l/min, l/s, m3/h"},
    [DIMENSION_SPEED] = {"a", "speed", "m/s, km/h"},
    [DIMENSION_IRRADIANCE] = {"an", "irradiance", "W/m2"},
    [DIMENSION_REACTIVE] = {"a", "reactive power", "var, kvar, Mvar"},
    [DIMENSION_APPARENT] = {"an", "apparent power", "VA, kVA, MVA"},
    [DIMENSION_ROTATION] = {"a", "rotation", "rpm"},
};

enum { DIMENSIONS = sizeof(dimensions) / sizeof(dimensions[0]) };

struct unit_row {
    const char *name;
    enum dimension dimension;
    double factor; /* to the base of the dimension */
    bool shown;    /* quantity_format may choose it; a dimension's shown units rise */
};

static const struct unit_row units[] = {
    {"W", DIMENSION_POWER, 1, true},
    {"kW", DIMENSION_POWER, 1e3, true},
    {"MW", DIMENSION_POWER, 1e6, true},
    {"Wh", DIMENSION_ENERGY, 1, true},
    {"kWh", DIMENSION_ENERGY, 1e3, true},
    {"MWh", DIMENSION_ENERGY, 1e6, true},
    {"GWh", DIMENSION_ENERGY, 1e9, true},
    {"ms", DIMENSION_DURATION, 1, true},
    {"s", DIMENSION_DURATION, 1e3, true},
    {"min", DIMENSION_DURATION, 60e3, true},
    {"h", DIMENSION_DURATION, 3600e3, true},
    {"d", DIMENSION_DURATION, 86400e3, true},
    {"", DIMENSION_COUNT, 1, true}, /* before the ratio: a bare unit name "" is a count */
    {"%", DIMENSION_RATIO, 1e-2, true},
    {"", DIMENSION_RATIO, 1, false},
    {"C", DIMENSION_TEMPERATURE, 1, true},
    {"°C", DIMENSION_TEMPERATURE, 1, false},
    {"degC", DIMENSION_TEMPERATURE, 1, false},
    {"W/s", DIMENSION_POWER_RATE, 1, true},
    {"kW/s", DIMENSION_POWER_RATE, 1e3, true},
    {"MW/s", DIMENSION_POWER_RATE, 1e6, true},
    {"W/min", DIMENSION_POWER_RATE, 1.0 / 60, false},
    {"kW/min", DIMENSION_POWER_RATE, 1e3 / 60, false},
    {"MW/min", DIMENSION_POWER_RATE, 1e6 / 60, false},
    {"K/h", DIMENSION_TEMPERATURE_RATE, 1.0 / 3600, true},
    {"K/min", DIMENSION_TEMPERATURE_RATE, 1.0 / 60, true},
    {"K/s", DIMENSION_TEMPERATURE_RATE, 1, true},
    {"/MWh", DIMENSION_PRICE, 1, true},
    {"/kWh", DIMENSION_PRICE, 1e3, false},
    {"/kW", DIMENSION_POWER_PRICE, 1, true},
    {"/t", DIMENSION_CARBON_PRICE, 1, true},
    {"g/kWh", DIMENSION_CARBON, 1, true},
    {"kg/MWh", DIMENSION_CARBON, 1, false},
    {"kg/kWh", DIMENSION_CARBON, 1e3, false},
    {"mV", DIMENSION_VOLTAGE, 1e-3, false},
    {"V", DIMENSION_VOLTAGE, 1, true},
    {"kV", DIMENSION_VOLTAGE, 1e3, true},
    {"mA", DIMENSION_CURRENT, 1e-3, false},
    {"A", DIMENSION_CURRENT, 1, true},
    {"kA", DIMENSION_CURRENT, 1e3, true},
    {"mHz", DIMENSION_FREQUENCY, 1e-3, false},
    {"Hz", DIMENSION_FREQUENCY, 1, true},
    {"Pa", DIMENSION_PRESSURE, 1, true},
    {"kPa", DIMENSION_PRESSURE, 1e3, true},
    {"bar", DIMENSION_PRESSURE, 1e5, true},
    {"l/min", DIMENSION_FLOW, 1, true},
    {"l/s", DIMENSION_FLOW, 60, false},
    {"m3/h", DIMENSION_FLOW, 1000.0 / 60, false},
    {"m/s", DIMENSION_SPEED, 1, true},
    {"km/h", DIMENSION_SPEED, 1 / 3.6, false},
    {"W/m2", DIMENSION_IRRADIANCE, 1, true},
    {"var", DIMENSION_REACTIVE, 1, true},
    {"kvar", DIMENSION_REACTIVE, 1e3, true},
    {"Mvar", DIMENSION_REACTIVE, 1e6, true},
    {"VA", DIMENSION_APPARENT, 1, true},
    {"kVA", DIMENSION_APPARENT, 1e3, true},
    {"MVA", DIMENSION_APPARENT, 1e6, true},
    {"rpm", DIMENSION_ROTATION, 1, true},
};

enum { UNITS = sizeof(units) / sizeof(units[0]) };

static const struct dimension_row *dimension_row(enum dimension dimension)
{
    assert((unsigned)dimension < DIMENSIONS);
    return &dimensions[dimension];
}

const char *dimension_name(enum dimension dimension)
{
    return dimension_row(dimension)->name;
}

const char *dimension_units(enum dimension dimension)
{
    return dimension_row(dimension)->units;
}

static const struct unit_row *find_unit(const char *unit, enum dimension dimension)
{
    for (int i = 0; i < UNITS; i++)
        if (units[i].dimension == dimension && strcmp(units[i].name, unit) == 0)
            return &units[i];
    return NULL;
}

static const struct unit_row *find_unit_anywhere(const char *unit)
{
    for (int i = 0; i < UNITS; i++)
        if (strcmp(units[i].name, unit) == 0)
            return &units[i];
    return NULL;
}

int quantity_unit(const char *unit, enum dimension *ret_dimension, double *ret_factor,
                  struct error *error)
{
    const struct unit_row *row = find_unit_anywhere(unit);
    if (!row)
        return error_set(error, ERROR_INVALID, "unknown unit \"%s\"", unit);
    *ret_dimension = row->dimension;
    *ret_factor = row->factor;
    return 0;
}

static const char *skip_digits(const char *text)
{
    while (isdigit((unsigned char)*text))
        text++;
    return text;
}

/* The end of the decimal number that `text` starts with, NULL when there is none. */
static const char *scan_number(const char *text)
{
    const char *at = text + (*text == '+' || *text == '-');
    const char *whole_end = skip_digits(at);
    bool digits = whole_end > at;
    at = whole_end;
    if (*at == '.') {
        const char *fraction_end = skip_digits(at + 1);
        digits = digits || fraction_end > at + 1;
        at = fraction_end;
    }
    if (!digits)
        return NULL;
    if (*at == 'e' || *at == 'E') {
        const char *exponent = at + 1 + (at[1] == '+' || at[1] == '-');
        if (isdigit((unsigned char)*exponent))
            at = skip_digits(exponent);
    }
    return at;
}

static const char *skip_blanks(const char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    return text;
}

/* Splits "6.5 kW" into its number and unit; the unit is "" for a bare number. */
static int split(const char *text, double *ret_number, char *ret_unit, size_t unit_size)
{
    char number[64];
    const char *start = skip_blanks(text);
    const char *end = scan_number(start);
    if (!end || (size_t)(end - start) >= sizeof(number))
        return ERROR_INVALID;
    memcpy(number, start, (size_t)(end - start));
    number[end - start] = '\0';

    const char *unit = skip_blanks(end);
    size_t length = strlen(unit);
    while (length > 0 && (unit[length - 1] == ' ' || unit[length - 1] == '\t'))
        length--;
    double value = strtod(number, NULL);
    if (length >= unit_size || !isfinite(value))
        return ERROR_INVALID;
    memcpy(ret_unit, unit, length);
    ret_unit[length] = '\0';
    *ret_number = value;
    return 0;
}

/* A unit of the dimension that differs from `unit` by upper and lower case only. */
static const char *same_but_case(const char *unit, enum dimension dimension)
{
    for (int i = 0; i < UNITS; i++)
        if (units[i].dimension == dimension && strcasecmp(units[i].name, unit) == 0)
            return units[i].name;
    return NULL;
}

static int refuse_unit(const char *text, const char *unit, enum dimension dimension,
                       struct error *error)
{
    const struct dimension_row *wanted = dimension_row(dimension);
    const struct unit_row *other = find_unit_anywhere(unit);
    const char *near = same_but_case(unit, dimension);

    if (*unit == '\0')
        return error_set(error, ERROR_INVALID, "must be %s %s with its unit (%s): \"%.80s\"",
                         wanted->article, wanted->name, wanted->units, text);
    if (other && other->dimension != dimension)
        return error_set(error, ERROR_INVALID, "must be %s %s (%s), not %s %s: \"%.80s\"",
                         wanted->article, wanted->name, wanted->units,
                         dimension_row(other->dimension)->article, dimension_name(other->dimension),
                         text);
    if (near)
        return error_set(error, ERROR_INVALID,
                         "must be %s %s (%s); unknown unit in \"%.80s\": did you mean \"%s\"?",
                         wanted->article, wanted->name, wanted->units, text, near);
    return error_set(error, ERROR_INVALID, "must be %s %s (%s); unknown unit in \"%.80s\"",
                     wanted->article, wanted->name, wanted->units, text);
}

int quantity_parse(const char *text, enum dimension dimension, double *ret_value,
                   struct error *error)
{
    const struct dimension_row *wanted = dimension_row(dimension);
    double number;
    char unit[32];

    if (split(text, &number, unit, sizeof(unit)) < 0)
        return error_set(error, ERROR_INVALID,
                         "must be %s %s, a decimal number and a unit (%s): \"%.80s\"",
                         wanted->article, wanted->name, wanted->units, text);
    const struct unit_row *row = find_unit(unit, dimension);
    if (!row)
        return refuse_unit(text, unit, dimension, error);
    double value = number * row->factor;
    if (!isfinite(value))
        return error_set(error, ERROR_INVALID, "is too large: \"%.80s\"", text);
    *ret_value = value;
    return 0;
}

static double three_digits(double value)
{
    char text[32];
    snprintf(text, sizeof(text), "%.2e", value);
    return strtod(text, NULL);
}

/* The largest shown unit in which the value is at least 1, else the smallest. */
static const struct unit_row *unit_to_show(double value, enum dimension dimension)
{
    const struct unit_row *chosen = NULL;
    for (int i = 0; i < UNITS; i++) {
        if (units[i].dimension != dimension || !units[i].shown)
            continue;
        if (!chosen || fabs(three_digits(value / units[i].factor)) >= 1)
            chosen = &units[i];
    }
    assert(chosen); /* every dimension has a shown unit */
    return chosen;
}

const char *quantity_format(double value, enum dimension dimension, char *buffer, int size)
{
    assert(size > 0);
    if (!isfinite(value)) {
        snprintf(buffer, (size_t)size, "%s",
                 isnan(value) ? "unknown" : (value > 0 ? "unlimited" : "-unlimited"));
        return buffer;
    }
    const struct unit_row *unit = unit_to_show(value, dimension);
    double shown = value / unit->factor;
    const char *gap = *unit->name ? " " : "";
    /* "%g" turns to exponents from 1000 on, which people do not read. */
    if (fabs(shown) >= 999.5)
        snprintf(buffer, (size_t)size, "%.0f%s%s", shown, gap, unit->name);
    else
        snprintf(buffer, (size_t)size, "%.3g%s%s", shown, gap, unit->name);
    return buffer;
}
