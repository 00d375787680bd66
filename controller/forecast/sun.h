/* Where the sun stands and what a cloudless sky would give. Private. */
#ifndef TIDEWATT_FORECAST_SUN_H
#define TIDEWATT_FORECAST_SUN_H

#include <stdint.h>

#include "controller/forecast/forecast.h"

/* Geometric elevation of the sun's centre above the horizon, without refraction. */
double sun_elevation_deg(double latitude_deg, double longitude_deg, int64_t at_ms);
/* Clear-sky irradiance on the horizontal. */
double sun_clear_sky_w_m2(double elevation_deg);

/* Means of a quarter hour of one place, computed once a step: the history and the horizon of
 * every forecast ask for the same steps again and again. */
enum { SUN_TABLE_STEPS = LIMIT_HISTORY_SLOTS + FORECAST_STEPS };
struct sun_table {
    double latitude_deg, longitude_deg;
    int64_t step[SUN_TABLE_STEPS];
    float clear_sky_w_m2[SUN_TABLE_STEPS];
};

void sun_table_init(struct sun_table *table, double latitude_deg, double longitude_deg);
double sun_table_clear_sky_w_m2(struct sun_table *table, int64_t step);

#endif
