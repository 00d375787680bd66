/* A value far outside all that was seen lately is cut to the edge of it: one misplaced decimal
 * point would bend a regression for months. What lasts moves the edge within days. */
#include "controller/forecast/hourly.h"

#include <math.h>

#include "controller/base/utc.h"

enum { TRUSTED_HOURS = 72 };
static const double REACH_DEVIATIONS = 5.0;
static const double FADE = 0.9985; /* of an hour in the running means: half in 19 days */

int64_t hour_of_step(int64_t step)
{
    return utc_floor(step, STEPS_AN_HOUR) / STEPS_AN_HOUR;
}

static int32_t position(int64_t hour)
{
    return (int32_t)((uint32_t)hour % HOURLY_KEPT); /* hours since 1970 fit for ever */
}

void hourly_init(struct hourly *hourly)
{
    *hourly = (struct hourly){.started = false};
    for (int32_t i = 0; i < HOURLY_KEPT; i++)
        hourly->value[i] = NAN;
}

static double within_reach(struct hourly *hourly, double value)
{
    double most = REACH_DEVIATIONS * hourly->deviation;
    if (hourly->seen >= TRUSTED_HOURS)
        value = fmin(hourly->mean + most, fmax(hourly->mean - most, value));
    hourly->seen += hourly->seen < HOURLY_KEPT;
    double part = fmax(1.0 - FADE, 1.0 / hourly->seen);
    hourly->mean += part * (value - hourly->mean);
    hourly->deviation += part * (fabs(value - hourly->mean) - hourly->deviation);
    return value;
}

static void close_hour(struct hourly *hourly)
{
    hourly->value[position(hourly->newest)] =
        (float)within_reach(hourly, hourly->sum / hourly->quarters);
    hourly->sum = 0.0;
    hourly->quarters = 0;
}

static void open_hour(struct hourly *hourly, int64_t hour)
{
    int64_t from = hourly->started ? hourly->newest + 1 : hour;
    if (hour - from >= HOURLY_KEPT)
        from = hour - HOURLY_KEPT + 1;
    for (int64_t gap = from; gap <= hour; gap++)
        hourly->value[position(gap)] = NAN;
    hourly->started = true;
    hourly->newest = hour;
}

bool hourly_add(struct hourly *hourly, int64_t step, double value, int64_t *ret_hour)
{
    int64_t hour = hour_of_step(step);
    bool closed = hourly->started && hour > hourly->newest && hourly->quarters > 0;
    if (closed) { /* its last quarters never came */
        *ret_hour = hourly->newest;
        close_hour(hourly);
    }
    if (!hourly->started || hour > hourly->newest)
        open_hour(hourly, hour);
    hourly->newest_step = step;
    hourly->sum += value;
    hourly->quarters++;
    if (closed || step % STEPS_AN_HOUR != STEPS_AN_HOUR - 1)
        return closed;
    *ret_hour = hour;
    close_hour(hourly);
    return true;
}

double hourly_at(const struct hourly *hourly, int64_t hour)
{
    bool kept = hourly->started && hour <= hourly->newest && hour > hourly->newest - HOURLY_KEPT;
    return kept ? (double)hourly->value[position(hour)] : (double)NAN;
}
