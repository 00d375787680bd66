/* A value far outside all that was seen lately is cut to the edge of it: one misplaced decimal
 * point would bend a regression for months. Each cut value widens what was seen, so what lasts
 * gets through within hours. */
#include "controller/forecast/hourly.h"

#include "controller/base/utc.h"

enum { TRUSTED_HOURS = 72 };
static const double REACH_DEVIATIONS = 5.0; /* from the mean: always believed */
static const double REACH_RANGES = 0.5;     /* beyond the edges of what was seen: too, unless told otherwise */
static const double FADE = 0.9985;          /* of an hour in the running means: half in 19 days */

int64_t hour_of_step(int64_t step)
{
    return utc_floor(step, STEPS_AN_HOUR) / STEPS_AN_HOUR;
}

void hourly_init(struct hourly *hourly)
{
    *hourly = (struct hourly){.room = REACH_RANGES};
    for (int32_t i = 0; i < HOURLY_KEPT; i++)
        hourly->value[i] = NAN;
}

void hourly_range(const struct hourly *hourly, double *ret_least, double *ret_most)
{
    float least = INFINITY, most = -INFINITY;
    for (int32_t i = 0; i < HOURLY_KEPT; i++) { /* comparisons with NAN are false */
        least = hourly->value[i] < least ? hourly->value[i] : least;
        most = hourly->value[i] > most ? hourly->value[i] : most;
    }
    *ret_least = (double)least;
    *ret_most = (double)most;
}

/* What is 0 for most of the time lies many mean deviations off when it is not, and what was
 * constant has none: a series that never moved is taken at its word when it does. */
static double cut(const struct hourly *hourly, double value)
{
    double least, most;
    hourly_range(hourly, &least, &most);
    double room = hourly->room * (most > least ? most - least : fabs(most));
    return room > 0.0 && isfinite(room) ? fmin(most + room, fmax(least - room, value)) : value;
}

static double within_reach(struct hourly *hourly, double value)
{
    double reach = REACH_DEVIATIONS * hourly->deviation;
    if (hourly->seen >= TRUSTED_HOURS && fabs(value - hourly->mean) > reach)
        value = cut(hourly, value);
    if (hourly->seen == 0)
        hourly->reference = value;
    hourly->seen += hourly->seen < HOURLY_KEPT;
    double part = fmax(1.0 - FADE, 1.0 / hourly->seen);
    hourly->mean += part * (value - hourly->mean);
    hourly->deviation += part * (fabs(value - hourly->mean) - hourly->deviation);
    return value;
}

static void close_hour(struct hourly *hourly)
{
    hourly->value[hourly_position(hourly->newest)] =
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
        hourly->value[hourly_position(gap)] = NAN;
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
