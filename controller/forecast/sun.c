/* Sun geometry after the Astronomical Almanac's low-precision formulas (J. J. Michalsky, Solar
 * Energy 40, 1988): within 0.01 degree until 2050, far better than any PV forecast needs. */
#include "controller/forecast/sun.h"

#include <math.h>

#include "controller/base/utc.h"

static const double DEGREE = M_PI / 180.0;
static const int64_t J2000_MS = 946728000000; /* 2000-01-01T12:00Z */

double sun_elevation_deg(double latitude_deg, double longitude_deg, int64_t at_ms)
{
    double days = (double)(at_ms - J2000_MS) / DAY_MS;
    double hour = (double)(at_ms - utc_floor(at_ms, DAY_MS)) / HOUR_MS;
    double mean_longitude = 280.460 + 0.9856474 * days;
    double anomaly = (357.528 + 0.9856003 * days) * DEGREE;
    double ecliptic = (mean_longitude + 1.915 * sin(anomaly) + 0.020 * sin(2.0 * anomaly)) * DEGREE;
    double obliquity = (23.439 - 4e-7 * days) * DEGREE;
    double ascension = atan2(cos(obliquity) * sin(ecliptic), cos(ecliptic));
    double declination = asin(sin(obliquity) * sin(ecliptic));
    double sidereal_hour = 6.697375 + 0.0657098242 * days + hour + longitude_deg / 15.0;
    double hour_angle = sidereal_hour * 15.0 * DEGREE - ascension;
    double latitude = latitude_deg * DEGREE;
    double sine =
        sin(declination) * sin(latitude) + cos(declination) * cos(latitude) * cos(hour_angle);
    return asin(fmax(-1.0, fmin(1.0, sine))) / DEGREE;
}

/* B. Haurwitz, "Insolation in relation to cloudiness and cloud density", J. Meteorology 2, 1945:
 * of the clear-sky models that need only the zenith angle the best against measurements
 * (Reno, Hansen and Stein, SAND2012-2389). */
double sun_clear_sky_w_m2(double elevation_deg)
{
    if (!(elevation_deg > 0.0))
        return 0.0;
    double cos_zenith = sin(elevation_deg * DEGREE);
    return 1098.0 * cos_zenith * exp(-0.059 / cos_zenith);
}

void sun_table_init(struct sun_table *table, double latitude_deg, double longitude_deg)
{
    table->latitude_deg = latitude_deg;
    table->longitude_deg = longitude_deg;
    for (int32_t i = 0; i < SUN_TABLE_STEPS; i++)
        table->step[i] = INT64_MIN;
}

/* Three points of the quarter hour: sunrise and sunset fall inside a step. */
static double step_mean_w_m2(const struct sun_table *table, int64_t step)
{
    enum { POINTS = 3 };
    double sum = 0.0;
    for (int i = 0; i < POINTS; i++) {
        int64_t at_ms = step * FORECAST_STEP_MS + FORECAST_STEP_MS * (2 * i + 1) / (2 * POINTS);
        sum +=
            sun_clear_sky_w_m2(sun_elevation_deg(table->latitude_deg, table->longitude_deg, at_ms));
    }
    return sum / POINTS;
}

double sun_table_clear_sky_w_m2(struct sun_table *table, int64_t step)
{
    int64_t rest = step % SUN_TABLE_STEPS;
    int64_t at = rest < 0 ? rest + SUN_TABLE_STEPS : rest;
    if (table->step[at] != step) {
        table->clear_sky_w_m2[at] = (float)step_mean_w_m2(table, step);
        table->step[at] = step;
    }
    return (double)table->clear_sky_w_m2[at];
}
