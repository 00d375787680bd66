/* Empirical quantiles of past errors, blended with an assumed widening band as long as there are
 * fewer than two days of them. No distribution is fitted: wind and price errors are skewed. */
#include "controller/forecast/band.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

const int32_t lead_sample_step[LEAD_SAMPLES] = {
    0,  1,  2,  3,  5,  7,  9,   11,  14,  17,  20,  23,  29,  35,
    41, 47, 59, 71, 83, 95, 119, 143, 167, 191, 239, 287, 335, 383,
};

enum { ERRORS_TRUSTED = 48 };

/* Quantiles of the standard normal distribution at forecast_quantiles. */
static const double NORMAL[QUANTILES] = {-1.645, -0.674, 0.0, 0.674, 1.645};

void band_learn(struct band *band, int lead_sample, double error, double most)
{
    assert(lead_sample >= 0 && lead_sample < LEAD_SAMPLES);
    error_window_add(&band->errors[lead_sample], (float)fmax(-most, fmin(most, error)));
}

/* A random walk widens with the root of the lead. */
static double assumed_offset(int32_t step, int q, double assumed_deviation)
{
    double days = (double)(step + 1) * FORECAST_STEP_MS / 86400000.0;
    return NORMAL[q] * assumed_deviation * sqrt(days);
}

/* The model's point is the median. The median of some weeks' errors, lead by lead, would move it by
 * chance: on measured carbon (ES, NL, CISO 2021) that cost 1 to 8 % of the mean absolute error. */
static void keep_point_inside(double offset[QUANTILES])
{
    offset[QUANTILE_MEDIAN] = 0.0;
    for (int q = 0; q < QUANTILE_MEDIAN; q++)
        offset[q] = fmin(0.0, offset[q]);
    for (int q = QUANTILE_MEDIAN + 1; q < QUANTILES; q++)
        offset[q] = fmax(0.0, offset[q]);
}

/* Offsets of one sampled lead. While errors are few, it is not surer than the lead before it. */
static void sample_offsets(const struct band *band, int sample, double assumed_deviation,
                           const double *before, double ret_offset[QUANTILES])
{
    const struct error_window *errors = &band->errors[sample];
    double trust = fmin(1.0, (double)errors->count / ERRORS_TRUSTED);
    for (int q = 0; q < QUANTILES; q++) {
        double assumed = assumed_offset(lead_sample_step[sample], q, assumed_deviation);
        if (before && q < QUANTILE_MEDIAN)
            assumed = fmin(assumed, before[q]);
        if (before && q > QUANTILE_MEDIAN)
            assumed = fmax(assumed, before[q]);
        double learnt =
            errors->count > 0 ? error_window_quantile(errors, forecast_quantiles[q]) : 0.0;
        ret_offset[q] = (1.0 - trust) * assumed + trust * learnt;
    }
    keep_point_inside(ret_offset);
}

void band_offsets(const struct band *band, double assumed_deviation,
                  float ret_offset[FORECAST_STEPS][QUANTILES])
{
    double offset[LEAD_SAMPLES][QUANTILES];
    for (int i = 0; i < LEAD_SAMPLES; i++)
        sample_offsets(band, i, assumed_deviation, i > 0 ? offset[i - 1] : NULL, offset[i]);
    int low = 0;
    for (int32_t step = 0; step < FORECAST_STEPS; step++) {
        if (low + 2 < LEAD_SAMPLES && step > lead_sample_step[low + 1])
            low++;
        double part = (double)(step - lead_sample_step[low]) /
                      (lead_sample_step[low + 1] - lead_sample_step[low]);
        for (int q = 0; q < QUANTILES; q++)
            ret_offset[step][q] =
                (float)((1.0 - part) * offset[low][q] + part * offset[low + 1][q]);
    }
}
