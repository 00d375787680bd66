/* Units as people write them against the base units of points: one place for profiles (Modbus)
 * and for topics (MQTT). */
#include <stddef.h>

#include "controller/base/quantity.h"
#include "controller/plant/point.h"

/* The dimension whose base is the unit; -1 for plain numbers (states). */
static int unit_dimension(enum unit unit)
{
    switch (unit) {
    case UNIT_W:
        return DIMENSION_POWER;
    case UNIT_VAR:
        return DIMENSION_REACTIVE;
    case UNIT_VA:
        return DIMENSION_APPARENT;
    case UNIT_WH:
        return DIMENSION_ENERGY;
    case UNIT_V:
        return DIMENSION_VOLTAGE;
    case UNIT_A:
        return DIMENSION_CURRENT;
    case UNIT_HZ:
        return DIMENSION_FREQUENCY;
    case UNIT_PCT:
        return DIMENSION_RATIO;
    case UNIT_S:
        return DIMENSION_DURATION;
    case UNIT_DEGC:
        return DIMENSION_TEMPERATURE;
    case UNIT_L_MIN:
        return DIMENSION_FLOW;
    case UNIT_W_M2:
        return DIMENSION_IRRADIANCE;
    case UNIT_M_S:
        return DIMENSION_SPEED;
    case UNIT_PER_MWH:
        return DIMENSION_PRICE;
    case UNIT_G_PER_KWH:
        return DIMENSION_CARBON;
    case UNIT_NONE:
        return -1;
    }
    return -1;
}

/* Points count percent and seconds where quantities count ratios and milliseconds. */
static double base_per_quantity(enum unit unit)
{
    if (unit == UNIT_PCT)
        return 100;
    if (unit == UNIT_S)
        return 1e-3;
    return 1;
}

int point_unit_factor(enum point_kind kind, const char *unit, double *ret_factor,
                      struct error *error)
{
    enum unit base = point_kind_unit(kind);
    int wanted = unit_dimension(base);
    if (wanted < 0) {
        if (*unit)
            return error_set(error, ERROR_INVALID,
                             "point %s is a plain number: leave the unit \"%s\" out",
                             point_kind_name(kind), unit);
        *ret_factor = 1;
        return 0;
    }
    enum dimension found;
    double factor;
    if (quantity_unit(unit, &found, &factor, NULL) < 0 || (int)found != wanted)
        return error_set(error, ERROR_INVALID,
                         "point %s is of %s: its unit must be one of %s, not \"%s\"",
                         point_kind_name(kind), dimension_name((enum dimension)wanted),
                         dimension_units((enum dimension)wanted), unit);
    *ret_factor = factor * base_per_quantity(base);
    return 0;
}
