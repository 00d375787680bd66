/* What the newest errors of a regression tell of the hours of the next day, hour by hour. Private.
 */
#ifndef TIDEWATT_FORECAST_RESIDUAL_H
#define TIDEWATT_FORECAST_RESIDUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RESIDUAL_TERMS = 6, RESIDUAL_SUMS = (RESIDUAL_TERMS + 1) * (RESIDUAL_TERMS + 2) / 2 };

/* [hour of the day that is spoken of][hours ahead] */
struct residual {
    float sums[24][24][RESIDUAL_SUMS];
};

/* Errors of the past by hour; NAN: unknown. */
typedef double (*residual_at)(const void *context, int64_t hour);

/* The error of `hour` is known. */
void residual_learn(struct residual *residual, residual_at at, const void *context, int64_t hour,
                    double half_life_days);
/* The 24 hours from `first_hour` on. False: the newest errors are unknown, or little was learnt. */
bool residual_predict(const struct residual *residual, residual_at at, const void *context,
                      int64_t first_hour, double ret_error[24]);

#endif
