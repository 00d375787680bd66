/* What it costs to remove heat, by the outdoor temperature: a chiller whose coefficient of
 * performance falls as it gets warmer outside, and free cooling while it is cold. Pure.
 *
 *   cop(T) = cop * exp(-cop_per_k * (T - 25 degC)), within [1, COOLING_COP_MOST]
 *   free share(T) = 1 below free_below_c, 0 above free_above_c, straight between
 *
 * The exponential is how data sheets of air-cooled chillers behave at a steady supply temperature
 * (2 to 3 % a kelvin); both lines of it are in the configuration. */
#ifndef TIDEWATT_PLANT_COOLING_MODEL_H
#define TIDEWATT_PLANT_COOLING_MODEL_H

enum { COOLING_COP_MOST = 15 };

struct cooling_model {
    double cop;       /* W of heat per W of chiller at 25 degC outdoors */
    double cop_per_k; /* share lost with every kelvin */
    double free_below_c, free_above_c;
    double free_cop; /* W of heat per W of pumps and fans */
};

/* The outdoor temperature of a cop that promises little, for when it is unknown. */
extern const double cooling_warm_c;

double cooling_model_cop(const struct cooling_model *model, double temp_outdoor_c);
double cooling_model_free_share(const struct cooling_model *model, double temp_outdoor_c);

#endif
