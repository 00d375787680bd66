/* See wet_bulb.h. */
#include "controller/plant/wet_bulb.h"

#include <math.h>
#include <stdbool.h>

static const double LEAST_PCT = 5.0, FITTED_PCT = 99.0, MOST_PCT = 100.0;
static const double COLDEST_C = -20.0, WARMEST_C = 50.0;

/* Figure 3 of the paper: below this line from (-20 degC, 60 %) to (10 degC, 5 %) the fit is off. */
static bool cold_and_dry(double temp_c, double humidity_pct)
{
    return temp_c < 10.0 && humidity_pct < 5.0 + (10.0 - temp_c) * 55.0 / 30.0;
}

double wet_bulb_c(double temp_c, double humidity_pct)
{
    double rh = humidity_pct;
    bool fits = temp_c >= COLDEST_C && temp_c <= WARMEST_C && rh >= LEAST_PCT && rh <= MOST_PCT;
    if (!fits || cold_and_dry(temp_c, rh))
        return (double)NAN;
    if (rh > FITTED_PCT)
        return temp_c;
    return temp_c * atan(0.151977 * sqrt(rh + 8.313659)) + atan(temp_c + rh) - atan(rh - 1.676331) +
           0.00391838 * pow(rh, 1.5) * atan(0.023101 * rh) - 4.686035;
}
