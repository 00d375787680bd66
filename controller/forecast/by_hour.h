/* At which hours of the day errors are large. Private. */
#ifndef TIDEWATT_FORECAST_BY_HOUR_H
#define TIDEWATT_FORECAST_BY_HOUR_H

#include <stdint.h>

struct by_hour {
    float error[24]; /* mean absolute error by hour of the day, UTC */
    float count;
};

void by_hour_learn(struct by_hour *by_hour, int64_t step, double error);
/* What the unit of errors is multiplied with at the step; 1 on the mean of a day. */
float by_hour_scale(const struct by_hour *by_hour, int64_t step);

#endif
