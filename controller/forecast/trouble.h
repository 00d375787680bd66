/* Whether what comes still looks like what was said. Private. */
#ifndef TIDEWATT_FORECAST_TROUBLE_H
#define TIDEWATT_FORECAST_TROUBLE_H

#include "controller/forecast/forecast.h"

struct trouble {
    double miss;          /* distance to the median in half bands, lately: hours */
    double lately;        /* mean absolute error of the same hours */
    double recent, usual; /* mean absolute error of the hours ahead, of days and of weeks */
    double count;
    enum forecast_trouble state;
};

/* What came against an issue of some hours before: `half_band` is half of P5..P95. */
void trouble_judge(struct trouble *trouble, double error, double half_band);

#endif
