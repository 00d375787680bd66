/* The planner needs the slope of facility power over IT power and outdoor temperature; the meters
 * know it better than any data sheet. */
#include "controller/plant/overhead.h"

#include <math.h>

static const double REFERENCE_C = 15;
static const double PRIOR_SLOPE_PER_K = 0.004; /* compressor work rises 2-4 % per kelvin */
static const double PRIOR_WEIGHT = 8;          /* as much as eight quarter hours */
static const double PRIOR_SPREAD_K2 = 25;
static const double KEEP = 1 - 1.0 / 672; /* a week of quarter hours */
static const double RATIO_LEAST = 0.01, RATIO_MOST = 1.5;

void overhead_init(struct overhead *overhead, double fixed_w, double prior_ratio)
{
    *overhead = (struct overhead){
        .fixed_w = fixed_w,
        .weight = PRIOR_WEIGHT,
        .sum_r = PRIOR_WEIGHT * prior_ratio,
        .sum_tt = PRIOR_WEIGHT * PRIOR_SPREAD_K2,
        .sum_tr = PRIOR_WEIGHT * PRIOR_SPREAD_K2 * PRIOR_SLOPE_PER_K,
    };
}

void overhead_learn(struct overhead *overhead, double temp_outdoor_c, double facility_w,
                    double it_w)
{
    double ratio = (facility_w - overhead->fixed_w) / it_w - 1;
    if (!(it_w > 0) || !isfinite(ratio) || !isfinite(temp_outdoor_c))
        return;
    double t = temp_outdoor_c - REFERENCE_C;
    ratio = fmin(fmax(ratio, RATIO_LEAST), RATIO_MOST);
    overhead->weight = overhead->weight * KEEP + 1;
    overhead->sum_t = overhead->sum_t * KEEP + t;
    overhead->sum_r = overhead->sum_r * KEEP + ratio;
    overhead->sum_tt = overhead->sum_tt * KEEP + t * t;
    overhead->sum_tr = overhead->sum_tr * KEEP + t * ratio;
}

double overhead_ratio(const struct overhead *overhead, double temp_outdoor_c)
{
    double mean_t = overhead->sum_t / overhead->weight;
    double mean_r = overhead->sum_r / overhead->weight;
    double variance = overhead->sum_tt / overhead->weight - mean_t * mean_t;
    double covariance = overhead->sum_tr / overhead->weight - mean_t * mean_r;
    double slope = variance > 1e-6 ? fmax(covariance / variance, 0) : PRIOR_SLOPE_PER_K;
    double t = isfinite(temp_outdoor_c) ? temp_outdoor_c - REFERENCE_C : mean_t;
    return fmin(fmax(mean_r + slope * (t - mean_t), RATIO_LEAST), RATIO_MOST);
}
