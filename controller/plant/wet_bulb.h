/* Wet-bulb temperature from dry bulb and relative humidity. Pure.
 *
 * Stull, Wet-Bulb Temperature from Relative Humidity and Air Temperature, J. Appl. Meteor.
 * Climatol. 50 (2011), equation 1: an empirical fit at sea-level pressure, within -1.0 to +0.65 K
 * from 5 to 99 % and -20 to 50 degC, but for air both cold and dry. */
#ifndef TIDEWATT_PLANT_WET_BULB_H
#define TIDEWATT_PLANT_WET_BULB_H

/* NAN outside of that range; above 99 % the air counts as saturated. */
double wet_bulb_c(double temp_c, double humidity_pct);

#endif
