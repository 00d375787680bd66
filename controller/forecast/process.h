/* How hourly deviations from what is usual go on. Private. */
#ifndef TIDEWATT_FORECAST_PROCESS_H
#define TIDEWATT_FORECAST_PROCESS_H

#include "controller/forecast/forecast_model.h"

enum {
    PROCESS_ORDER_MOST = 50, /* two days and a little */
    PROCESS_LAGS = 56,       /* 0 to the order, rounded up to whole lanes */
    PROCESS_HOURS_MOST = LIMIT_HISTORY_SLOTS / STEPS_AN_HOUR + 2, /* first and last may be cut */
    PROCESS_AHEAD_MOST = PROCESS_HOURS_MOST + FORECAST_STEPS / STEPS_AN_HOUR,
};

struct deviations {
    int32_t count;                                   /* hours up to the present one */
    int32_t known;                                   /* of them */
    double value[PROCESS_HOURS_MOST + PROCESS_LAGS]; /* 0: unknown, and from `count` on */
};

/* The newest of the past, then what is left of it all in each of the `count` - 1 hours after. */
void process_project(const struct deviations *past, int32_t order_most, int32_t count,
                     double ret_deviation[PROCESS_AHEAD_MOST]);

#endif
