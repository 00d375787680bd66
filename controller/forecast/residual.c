/* An autoregressive process is the same at all times of day; what the morning's error tells of the
 * evening is not. So the errors of the 24 hours after an issue are regressed, each for itself, on
 * the last three known then, that of a day before and the mean of the last day. Nothing has to be
 * remembered of the issues: all of it follows from the errors. */
#include "controller/forecast/residual.h"

#include <math.h>
#include <string.h>

#include "controller/forecast/ridge.h"

static const double PRIOR_DAYS = 5.0, LEAST_DAYS = 30.0;
static const float NEIGHBOUR_SHARE = 0.5f;

/* What is known before `first_hour`, of `hour`. */
static bool fill(residual_at at, const void *context, int64_t first_hour, int64_t hour, double mean,
                 double term[RESIDUAL_TERMS])
{
    term[0] = 1.0;
    for (int back = 1; back <= 3; back++)
        term[back] = at(context, first_hour - back);
    term[4] = at(context, hour - 24);
    term[5] = mean;
    for (int i = 0; i < RESIDUAL_TERMS; i++)
        if (isnan(term[i]))
            return false;
    return true;
}

static double mean_before(residual_at at, const void *context, int64_t hour)
{
    double sum = 0.0;
    int known = 0;
    for (int back = 1; back <= 24; back++) {
        double error = at(context, hour - back);
        if (isnan(error))
            continue;
        sum += error;
        known++;
    }
    return known >= 12 ? sum / known : (double)NAN;
}

static int hour_of_day(int64_t hour)
{
    return (int)((hour % 24 + 24) % 24);
}

void residual_learn(struct residual *residual, residual_at at, const void *context, int64_t hour,
                    double half_life_days)
{
    double fade = exp2(-1.0 / half_life_days), term[RESIDUAL_TERMS + 1];
    term[RESIDUAL_TERMS] = at(context, hour);
    for (int ahead = 0; ahead < 24; ahead++) {
        int64_t first = hour - ahead;
        if (!fill(at, context, first, hour, mean_before(at, context, first), term))
            continue;
        float *sum = residual->sums[hour_of_day(hour)][ahead];
        for (int i = 0; i <= RESIDUAL_TERMS; i++)
            for (int j = i; j <= RESIDUAL_TERMS; j++, sum++)
                *sum = (float)((double)*sum * fade + term[i] * term[j]);
    }
}

bool residual_predict(const struct residual *residual, residual_at at, const void *context,
                      int64_t first_hour, double ret_error[24])
{
    double error[24], term[RESIDUAL_TERMS], mean = mean_before(at, context, first_hour);
    for (int ahead = 0; ahead < 24; ahead++) {
        float sums[RESIDUAL_SUMS];
        float coefficient[RIDGE_TERMS];
        const float *own = residual->sums[hour_of_day(first_hour + ahead)][ahead];
        const float *before = residual->sums[hour_of_day(first_hour + ahead - 1)][ahead];
        const float *after = residual->sums[hour_of_day(first_hour + ahead + 1)][ahead];
        for (int i = 0; i < RESIDUAL_SUMS; i++)
            sums[i] = own[i] + NEIGHBOUR_SHARE * (before[i] + after[i]);
        if ((double)sums[0] < LEAST_DAYS ||
            !fill(at, context, first_hour, first_hour + ahead, mean, term) ||
            !ridge_solve(sums, RESIDUAL_TERMS, PRIOR_DAYS, coefficient))
            return false;
        error[ahead] = 0.0;
        for (int i = 0; i < RESIDUAL_TERMS; i++)
            error[ahead] += (double)coefficient[i] * term[i];
    }
    memcpy(ret_error, error, sizeof(error));
    return true;
}
