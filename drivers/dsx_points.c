/* Which points of the DSX contract are points of ours. The contract names few things exactly: where
 * a temperature is measured stands in words of a list, so words are looked for; what stays unclear
 * is left to a person. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "drivers/dsx_private.h"

enum { WORDS = 6 };

/* A row fits when the point type is the same, each list of words that is not empty has one in the
 * process area, and the point is a set-point as the row's is. The first row that fits counts. */
struct point_row {
    const char *point_type;
    const char *words[WORDS], *more_words[WORDS];
    enum point_kind kind;
};

#define SUPPLY                                                                                     \
    {                                                                                              \
        "supply", "leaving", "outlet"                                                              \
    }
#define RETURN                                                                                     \
    {                                                                                              \
        "return", "entering"                                                                       \
    }
#define OUT_OF                                                                                     \
    {                                                                                              \
        "export", "exported", "discharge", "discharged", "produced"                                \
    }

static const struct point_row rows[] = {
    {"ActivePower", {0}, {0}, POINT_POWER},
    {"ApparentPower", {0}, {0}, POINT_POWER_APPARENT},
    {"Voltage", {0}, {0}, POINT_VOLTAGE},
    {"Frequency", {0}, {0}, POINT_FREQUENCY},
    {"Current", {0}, {0}, POINT_CURRENT},
    {"PhaseCurrent", {0}, {0}, POINT_CURRENT},
    {"RackPower", {0}, {0}, POINT_POWER},
    {"RackLiquidSupplyTemperature", {0}, {0}, POINT_TEMP_SUPPLY},
    {"RackLiquidReturnTemperature", {0}, {0}, POINT_TEMP_RETURN},
    {"RackLiquidFlow", {0}, {0}, POINT_FLOW},
    {"RackControlValvePosition", {0}, {0}, POINT_VALVE},
    {"LiquidTemperatureSpRequest", {0}, {0}, POINT_TEMP_SUPPLY_SET},
    {"LiquidTemperature", SUPPLY, {0}, POINT_TEMP_SUPPLY},
    {"LiquidTemperature", SUPPLY, {0}, POINT_TEMP_SUPPLY_SET},
    {"LiquidTemperature", RETURN, {0}, POINT_TEMP_RETURN},
    {"AirTemperature", {"outdoor", "outside", "ambient"}, {0}, POINT_TEMP_OUTDOOR},
    {"AirTemperature", {"inlet", "cold"}, {0}, POINT_TEMP_INLET},
    {"AirTemperature", SUPPLY, {0}, POINT_TEMP_SUPPLY},
    {"AirTemperature", SUPPLY, {0}, POINT_TEMP_SUPPLY_SET},
    {"AirTemperature", RETURN, {0}, POINT_TEMP_RETURN},
    {"AirRelativeHumidity", RETURN, {0}, POINT_HUMIDITY},
    {"LiquidFlow", {0}, {0}, POINT_FLOW},
    {"LiquidFlow", {0}, {0}, POINT_FLOW_SET},
    {"PumpSpeed", {0}, {0}, POINT_PUMP_SPEED},
    {"FanSpeed", {0}, {0}, POINT_FAN_SPEED},
    {"ValvePosition", {0}, {0}, POINT_VALVE},
    {"Status", {0}, {0}, POINT_STATE},
    {"GenericPoint", {"soc", "charge"}, {"soc", "state"}, POINT_SOC},
    {"GenericPoint", {"soh", "health"}, {"soh", "state"}, POINT_SOH},
    {"GenericPoint", {"energy"}, OUT_OF, POINT_ENERGY_EXPORT},
    {"GenericPoint", {"energy"}, {0}, POINT_ENERGY_IMPORT},
    {"GenericPoint", {"power"}, {"active", "real", "total", "output"}, POINT_POWER},
    {"GenericPoint", {"power"}, {0}, POINT_POWER_SET},
};

/* Units of the field, as the configuration writes them. */
static const struct {
    const char *theirs, *ours;
    double scale, offset;
} units[] = {
    {"LPM", "l/min", 1, 0},
    {"L/min", "l/min", 1, 0},
    {"CMH", "m3/h", 1, 0},
    {"m³/h", "m3/h", 1, 0},
    {"GPM", "l/min", 3.785411784, 0},
    {"kVAR", "kvar", 1, 0},
    {"Amps", "A", 1, 0},
    {"Volts", "V", 1, 0},
    {"percent", "%", 1, 0},
    {"F", "C", 5.0 / 9, -160.0 / 9},
    {"degF", "C", 5.0 / 9, -160.0 / 9},
    {"°F", "C", 5.0 / 9, -160.0 / 9},
};

/* ---- words --------------------------------------------------------------- */

/* Length of the word at the start: letters of one case, an initial capital before small ones. */
static size_t word_length(const char *text)
{
    size_t length = 1;

    if (isupper((unsigned char)text[0]) && isupper((unsigned char)text[1])) {
        while (isupper((unsigned char)text[length]) && !islower((unsigned char)text[length + 1]))
            length++;
        return length;
    }
    while (islower((unsigned char)text[length]))
        length++;
    return length;
}

static bool is_word(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && strncasecmp(text, word, length) == 0;
}

bool dsx_has_word(const char *text, const char *const *words)
{
    while (*text) {
        size_t length = isalpha((unsigned char)*text) ? word_length(text) : 1;

        for (int i = 0; i < WORDS && words[i]; i++) {
            if (is_word(text, length, words[i]))
                return true;
        }
        text += length;
    }
    return false;
}

/* ---- points -------------------------------------------------------------- */

static bool fits(const struct point_row *row, const struct dsx_entry *entry)
{
    bool setpoint = entry->is_setpoint || strstr(entry->point_type, "SpRequest");

    return strcmp(row->point_type, entry->point_type) == 0 &&
           (!row->words[0] || dsx_has_word(entry->area, row->words)) &&
           (!row->more_words[0] || dsx_has_word(entry->area, row->more_words)) &&
           setpoint == (point_kind_class(row->kind) == POINT_CLASS_SETPOINT);
}

/* A current or voltage of one phase; ERROR_INVALID: of anything else there is none. */
static int kind_of_phase(const char *phase, enum point_kind *kind)
{
    static const enum point_kind currents[] = {POINT_CURRENT_L1, POINT_CURRENT_L2,
                                               POINT_CURRENT_L3};
    static const enum point_kind voltages[] = {POINT_VOLTAGE_L1, POINT_VOLTAGE_L2,
                                               POINT_VOLTAGE_L3};
    const char *found = strlen(phase) == 1 ? strchr("A1B2C3", *phase) : NULL;
    int index = found ? (int)(found - "A1B2C3") / 2 : -1;

    if (index < 0 || (*kind != POINT_CURRENT && *kind != POINT_VOLTAGE))
        return ERROR_INVALID;
    *kind = *kind == POINT_CURRENT ? currents[index] : voltages[index];
    return 0;
}

/* A heat exchanger has two circuits; the one towards the racks is meant. */
static bool is_other_circuit(const struct dsx_entry *entry)
{
    static const char *const far_side[WORDS] = {"primary", "facility"};
    static const char *const condenser[WORDS] = {"condenser"};
    bool exchanges =
        strcmp(entry->object_type, "CDU") == 0 || strcmp(entry->object_type, "HX") == 0;

    return dsx_has_word(entry->area, condenser) ||
           (exchanges && dsx_has_word(entry->area, far_side));
}

static int map_unit(const struct dsx_entry *entry, struct dsx_point *point, struct error *error)
{
    double factor;

    point->scale = 1;
    point->offset = 0;
    snprintf(point->unit, sizeof(point->unit), "%s", entry->unit);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(units[i].theirs, entry->unit) != 0)
            continue;
        point->scale = units[i].scale;
        point->offset = units[i].offset;
        strcpy(point->unit, units[i].ours);
    }
    return point_unit_factor(point->kind, point->unit, &factor, error);
}

static const struct point_row *find_row(const struct dsx_entry *entry)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (fits(&rows[i], entry))
            return &rows[i];
    }
    return NULL;
}

int dsx_map_point(const struct dsx_entry *entry, struct dsx_point *ret_point, struct error *error)
{
    static const char *const bounds[WORDS] = {"limit", "max", "maximum", "rated", "rating"};
    const struct point_row *row = find_row(entry);
    struct dsx_point point = *ret_point;
    int rc;

    if (!row || dsx_has_word(entry->area, bounds))
        return error_set(error, ERROR_INVALID, "no point of Tidewatt's is %s%s%s%s%s",
                         entry->point_type, *entry->area ? " of \"" : "", entry->area,
                         *entry->area ? "\"" : "", entry->is_setpoint ? " (set-point)" : "");
    if (is_other_circuit(entry))
        return error_set(error, ERROR_INVALID, "not the circuit towards the racks: \"%s\"",
                         entry->area);
    point.kind = row->kind;
    if (*entry->phase && kind_of_phase(entry->phase, &point.kind) < 0)
        return error_set(error, ERROR_INVALID, "%s of phase %s only", entry->point_type,
                         entry->phase);
    rc = map_unit(entry, &point, error);
    if (rc == 0)
        *ret_point = point;
    return rc;
}
