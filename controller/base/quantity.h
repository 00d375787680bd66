/* Numbers with units, as people write them: "6.5kW", "4h", "2 MWh", "15 min", "90 %", "18 C".
 * The unit decides the dimension, so a power where an energy belongs is refused with a remedy. */
#ifndef TIDEWATT_BASE_QUANTITY_H
#define TIDEWATT_BASE_QUANTITY_H

#include "controller/base/error.h"

/* Dimensions and the SI-like base they are turned into. */
enum dimension {
    DIMENSION_POWER,            /* W   (W, kW, MW) */
    DIMENSION_ENERGY,           /* Wh  (Wh, kWh, MWh) */
    DIMENSION_DURATION,         /* ms  (ms, s, min, h, d) */
    DIMENSION_RATIO,            /* 1   (%, or a plain number) */
    DIMENSION_TEMPERATURE,      /* degC (C, °C) */
    DIMENSION_POWER_RATE,       /* W/s (W/s, kW/s, kW/min, MW/min) */
    DIMENSION_TEMPERATURE_RATE, /* K/s (K/s, K/min, K/h) */
    DIMENSION_PRICE,            /* currency/MWh (/MWh, /kWh) e.g. "95 /MWh" */
    DIMENSION_POWER_PRICE,      /* currency/kW (/kW) */
    DIMENSION_CARBON_PRICE,     /* currency/t (/t) */
    DIMENSION_CARBON,           /* g/kWh (g/kWh, kg/kWh, kg/MWh) */
    DIMENSION_VOLTAGE,
    DIMENSION_CURRENT,
    DIMENSION_FREQUENCY,
    DIMENSION_COUNT,
    DIMENSION_PRESSURE,   /* Pa (Pa, kPa, bar) */
    DIMENSION_FLOW,       /* l/min (l/min, m3/h) */
    DIMENSION_SPEED,      /* m/s */
    DIMENSION_IRRADIANCE, /* W/m2 */
    DIMENSION_REACTIVE,   /* var (var, kvar) */
    DIMENSION_APPARENT,   /* VA (VA, kVA) */
    DIMENSION_ROTATION,   /* rpm */
};

/* `text` must be a decimal number and a unit of the dimension. The error text goes on after a
 * subject: "must be a power (W, kW, MW), not an energy: \"1.2 MWh\"". */
int quantity_parse(const char *text, enum dimension dimension, double *ret_value,
                   struct error *error);

/* Factor from a bare unit name ("kW") to the base of its dimension; "" is a count. ERROR_INVALID if
 * unknown. */
int quantity_unit(const char *unit, enum dimension *ret_dimension, double *ret_factor,
                  struct error *error);

/* "6.5 kW", "412 W", "1.25 MWh", "15 min": three significant digits for people. NAN is "unknown",
 * INFINITY "unlimited". */
const char *quantity_format(double value, enum dimension dimension, char *buffer, int size);

const char *dimension_name(enum dimension dimension);  /* "power" */
const char *dimension_units(enum dimension dimension); /* "W, kW, MW" */

#endif
