/* How far around a point forecast the quantiles lie, by lead: learnt from the model's own errors,
 * assumed while there are few. Private. */
#ifndef TIDEWATT_FORECAST_BAND_H
#define TIDEWATT_FORECAST_BAND_H

#include "controller/forecast/error_window.h"
#include "controller/forecast/forecast.h"

/* Errors are looked at for some steps of the horizon, four in each lead class of the scores; the
 * steps between are interpolated. */
enum { LEAD_SAMPLES = 28, LEAD_SAMPLES_A_CLASS = LEAD_SAMPLES / SCORE_LEADS };
extern const int32_t lead_sample_step[LEAD_SAMPLES]; /* ascending; the last is FORECAST_STEPS - 1 */

struct band {
    struct error_window errors[LEAD_SAMPLES]; /* observed - point, in units of the spread */
    /* Logarithm of what each quantile's distance is stretched by, to be kept in the long run. */
    float stretch[LEAD_SAMPLES][QUANTILES];
};

void band_learn(struct band *band, int lead_sample, double error,
                const float said_offset[QUANTILES]);
/* Offsets in units of the spread, ascending in each step. `assumed_deviation` is the standard
 * deviation at 24 h to be assumed as long as too few errors are known; `old_steps` is how far the
 * newest value lies back beyond the usual: what is old is as unsure as what is far. */
void band_offsets(const struct band *band, double assumed_deviation, int32_t old_steps,
                  float ret_offset[FORECAST_STEPS][QUANTILES]);

#endif
