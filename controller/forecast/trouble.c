/* A bust is a matter of hours: the front came at another time than said. Drift is one of days: the
 * series no longer follows what was learnt. Each ends well below where it began. */
#include "controller/forecast/trouble.h"

#include <math.h>

static const double MISS_RATE = 0.2, RECENT_RATE = 0.009, USUAL_RATE = 0.0009; /* of a value */
static const double BUST_ABOVE = 2.0, BUST_UNTIL = 1.2;                        /* half bands */
static const double DRIFT_ABOVE = 1.8, DRIFT_UNTIL = 1.3; /* of the usual error */
static const double LEAST_COUNT = 336.0;                  /* two weeks: before, nothing is usual */
static const double MISS_MOST = 6.0; /* one hour alone is no bust, nor a drift */

static void average(double *mean, double rate, double count, double value)
{
    *mean += fmax(rate, 1.0 / count) * (value - *mean);
}

void trouble_judge(struct trouble *trouble, double error, double half_band)
{
    error = fabs(error);
    if (half_band > 0.0)
        error = fmin(error, MISS_MOST * half_band);
    trouble->count += 1.0;
    double miss = half_band > 0.0 ? error / half_band : 0.0;
    average(&trouble->miss, MISS_RATE, trouble->count, miss);
    average(&trouble->lately, MISS_RATE, trouble->count, error);
    average(&trouble->recent, RECENT_RATE, trouble->count, error);
    average(&trouble->usual, USUAL_RATE, trouble->count, error);
    bool bust = trouble->state == FORECAST_BUST;
    bool drift = trouble->state == FORECAST_DRIFT;
    if (trouble->count < LEAST_COUNT)
        return;
    bool matters = trouble->lately > trouble->usual; /* at dawn bands are as narrow as errors */
    if (matters && trouble->miss > (bust ? BUST_UNTIL : BUST_ABOVE))
        trouble->state = FORECAST_BUST;
    else if (trouble->recent > (drift ? DRIFT_UNTIL : DRIFT_ABOVE) * trouble->usual)
        trouble->state = FORECAST_DRIFT;
    else
        trouble->state = FORECAST_SOUND;
}
