/* One track by the hour, as regressions want it: short spikes are cut. Private. */
#ifndef TIDEWATT_FORECAST_HOURLY_H
#define TIDEWATT_FORECAST_HOURLY_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "controller/forecast/history.h"

enum { HOURLY_KEPT = LIMIT_HISTORY_SLOTS / STEPS_AN_HOUR, HOURS_A_DAY = 24 };

struct hourly {
    bool started;
    int64_t newest_step;      /* quarter hour that came last */
    int64_t newest;           /* hour since 1970 whose quarters come in now, or came last */
    double sum;               /* of its quarters */
    int32_t quarters;         /* of them known */
    double mean, deviation;   /* running mean and mean deviation, to tell spikes */
    double reference;         /* its first value: differences to it keep their precision */
    double room;              /* beyond what was seen, in ranges of it, that is believed at once */
    int32_t seen;             /* hours that went in, to HOURLY_KEPT */
    float value[HOURLY_KEPT]; /* NAN: gap; the newest hour only once it is over */
};

int64_t hour_of_step(int64_t step);

void hourly_init(struct hourly *hourly);
/* The next quarter hour. True when it is the last one known of an hour that is over thereby: the
 * hour before a newer one, or with its fourth quarter; its number and mean are returned. */
bool hourly_add(struct hourly *hourly, int64_t step, double value, int64_t *ret_hour);
/* Of all that is kept; nothing is: INFINITY to -INFINITY. */
void hourly_range(const struct hourly *hourly, double *ret_least, double *ret_most);
static inline int32_t hourly_position(int64_t hour)
{
    return (int32_t)((uint32_t)hour % HOURLY_KEPT); /* hours since 1970 fit for ever */
}

/* NAN: a gap, too old or not yet over. */
static inline double hourly_at(const struct hourly *hourly, int64_t hour)
{
    bool kept = hourly->started && hour <= hourly->newest && hour > hourly->newest - HOURLY_KEPT;
    return kept ? (double)hourly->value[hourly_position(hour)] : (double)NAN;
}

#endif
