/* The evening's price is less sure than the night's: errors are pooled in units of what is usual at
 * their hour of the day, drawn towards the mean of the day, because few days tell it. */
#include "controller/forecast/by_hour.h"

#include <math.h>

#include "controller/forecast/hourly.h"

static const float RATE = 0.026f;        /* of a value; an hour gets one or two a day */
static const float LEAST_COUNT = 450.0f; /* two weeks */
static const float OWN_SHARE = 0.7f;

void by_hour_learn(struct by_hour *by_hour, int64_t step, double error)
{
    int64_t hour = hour_of_step(step);
    float *mean = &by_hour->error[(hour % 24 + 24) % 24];
    by_hour->count += 1.0f;
    *mean += fmaxf(RATE, 24.0f / (24.0f + by_hour->count)) * ((float)fabs(error) - *mean);
}

float by_hour_scale(const struct by_hour *by_hour, int64_t step)
{
    int64_t hour = hour_of_step(step);
    float mean = 0.0f;
    for (int i = 0; i < 24; i++)
        mean += by_hour->error[i] / 24.0f;
    if (by_hour->count < LEAST_COUNT || !(mean > 0.0f))
        return 1.0f;
    return 1.0f - OWN_SHARE + OWN_SHARE * by_hour->error[(hour % 24 + 24) % 24] / mean;
}
