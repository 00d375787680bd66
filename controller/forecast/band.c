/* Quantiles of past errors, lead by lead, blended with an assumed widening band as long as there
 * are fewer than two days of them. No distribution is fitted: wind and price errors are skewed.
 *
 * Errors of four weeks are not those of the next days. So each quantile's distance is stretched: by
 * a little after each value beyond it, and drawn in by much less after each within, so that in the
 * long run it holds as often as it says, whatever the series does (adaptive conformal inference:
 * Gibbs and Candes 2021; here on the distance, which may leave what the window has seen). */
#include "controller/forecast/band.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

const int32_t lead_sample_step[LEAD_SAMPLES] = {
    0,  1,  2,  3,  5,  7,  9,   11,  14,  17,  20,  23,  29,  35,
    41, 47, 59, 71, 83, 95, 119, 143, 167, 191, 239, 287, 335, 383,
};

enum { ERRORS_TRUSTED = 16 }; /* of two days */

/* Quantiles of the standard normal distribution at forecast_quantiles. */
static const double NORMAL[QUANTILES] = {-1.645, -1.282, -0.674, 0.0, 0.674, 1.282, 1.645};

static const double STRETCH_RATE = 0.1;
static const double STRETCH_MOST = 1.4; /* a factor of 4 either way */

void band_learn(struct band *band, int lead_sample, double error,
                const float said_offset[QUANTILES])
{
    assert(lead_sample >= 0 && lead_sample < LEAD_SAMPLES);
    for (int q = 0; q < QUANTILES; q++) {
        bool low = q < QUANTILE_MEDIAN;
        double share = low ? forecast_quantiles[q] : 1.0 - forecast_quantiles[q];
        bool beyond = low ? error < (double)said_offset[q] : error > (double)said_offset[q];
        double stretch = (double)band->stretch[lead_sample][q] + STRETCH_RATE * (beyond - share);
        band->stretch[lead_sample][q] = (float)fmin(STRETCH_MOST, fmax(-STRETCH_MOST, stretch));
    }
    error_window_add(&band->errors[lead_sample], (float)error);
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

/* Errors alike for weeks tell nothing of what may come. */
static const double LEAST_SHARE = 0.005; /* of what would be assumed */

/* Crossed quantiles are put in order, from the median outwards. */
static void put_in_order(double offset[QUANTILES])
{
    for (int q = QUANTILE_MEDIAN - 1; q >= 0; q--)
        offset[q] = fmin(offset[q], offset[q + 1]);
    for (int q = QUANTILE_MEDIAN + 1; q < QUANTILES; q++)
        offset[q] = fmax(offset[q], offset[q - 1]);
}

/* While errors are few, a lead is not surer than the one before it. */
static void learnt_offsets(const struct band *band, int sample, double assumed_deviation,
                           double ret_offset[QUANTILES])
{
    const struct error_window *errors = &band->errors[sample];
    double trust = fmin(1.0, (double)errors->count / ERRORS_TRUSTED);
    for (int q = 0; q < QUANTILES; q++) {
        double assumed = assumed_offset(lead_sample_step[sample], q, assumed_deviation);
        double learnt =
            errors->count > 0 ? error_window_quantile(errors, forecast_quantiles[q]) : 0.0;
        learnt *= exp((double)band->stretch[sample][q]);
        double offset = (1.0 - trust) * assumed + trust * learnt;
        double least = LEAST_SHARE * assumed;
        ret_offset[q] = q < QUANTILE_MEDIAN ? fmin(offset, least) : fmax(offset, least);
    }
    keep_point_inside(ret_offset);
    put_in_order(ret_offset);
}

static void widen(double offset[QUANTILES], const double other[QUANTILES])
{
    for (int q = 0; q < QUANTILES; q++)
        offset[q] = q < QUANTILE_MEDIAN ? fmin(offset[q], other[q]) : fmax(offset[q], other[q]);
}

/* Whatever lies beyond the last sample widens like a random walk. */
static void offsets_at(const double sample[LEAD_SAMPLES][QUANTILES], int32_t step, int *low,
                       float ret_offset[QUANTILES])
{
    int32_t last = lead_sample_step[LEAD_SAMPLES - 1];
    double beyond = step > last ? sqrt((double)step / last) : 1.0;
    step = step > last ? last : step;
    while (*low + 2 < LEAD_SAMPLES && step > lead_sample_step[*low + 1])
        ++*low;
    double part = (double)(step - lead_sample_step[*low]) /
                  (lead_sample_step[*low + 1] - lead_sample_step[*low]);
    for (int q = 0; q < QUANTILES; q++)
        ret_offset[q] =
            (float)(beyond * ((1.0 - part) * sample[*low][q] + part * sample[*low + 1][q]));
}

static void sample_offsets(const struct band *band, double assumed_deviation,
                           double ret_offset[LEAD_SAMPLES][QUANTILES])
{
    for (int i = 0; i < LEAD_SAMPLES; i++) {
        learnt_offsets(band, i, assumed_deviation, ret_offset[i]);
        if (i > 0 && band->errors[i].count < ERRORS_TRUSTED)
            widen(ret_offset[i], ret_offset[i - 1]);
    }
}

void band_offsets(const struct band *band, double assumed_deviation, int32_t old_steps,
                  float ret_offset[FORECAST_STEPS][QUANTILES])
{
    double offset[LEAD_SAMPLES][QUANTILES];
    sample_offsets(band, assumed_deviation, offset);
    int low = 0, low_old = 0;
    for (int32_t step = 0; step < FORECAST_STEPS; step++) {
        float old[QUANTILES];
        offsets_at(offset, step, &low, ret_offset[step]);
        offsets_at(offset, step + old_steps, &low_old, old);
        for (int q = 0; q < QUANTILES; q++) /* never surer than as if it were new */
            ret_offset[step][q] = q < QUANTILE_MEDIAN ? fminf(ret_offset[step][q], old[q])
                                                      : fmaxf(ret_offset[step][q], old[q]);
    }
}
