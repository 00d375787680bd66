/* A series as level + shape of the day + what weekends change: shared by the models of wind, price,
 * carbon, base load and temperature. Private. */
#ifndef TIDEWATT_FORECAST_DAILY_PROFILE_H
#define TIDEWATT_FORECAST_DAILY_PROFILE_H

#include "controller/forecast/forecast_model.h"

/* How a model wants its typical day. */
struct daily_profile_form {
    int32_t steps_per_bin; /* grain of the day: 1 quarter hours, STEPS_AN_HOUR hours, ... */
    double half_life_days; /* age at which a day counts half */
    bool weekend_apart;    /* once the past holds enough of both */
};

enum day_kind { DAY_WEEKDAY, DAY_WEEKEND, DAY_KINDS };

struct daily_profile {
    double level;
    double shape[STEPS_A_DAY];             /* around the day's own mean */
    double weekly[DAY_KINDS][STEPS_A_DAY]; /* what the kind of day adds */
};

/* Goes through steps without a division each: time and kind of day of one step after the other. */
struct day_walk {
    int32_t time;    /* step within its UTC day */
    int32_t weekday; /* 0 is Monday */
};
struct day_walk day_walk_from(int64_t step);

static inline void day_walk_on(struct day_walk *walk)
{
    if (++walk->time < STEPS_A_DAY)
        return;
    walk->time = 0;
    walk->weekday = walk->weekday == 6 ? 0 : walk->weekday + 1;
}

static inline enum day_kind day_walk_kind(struct day_walk walk)
{
    return walk.weekday >= 5 ? DAY_WEEKEND : DAY_WEEKDAY;
}

/* False when the past holds less than two days: a shape needs a whole day around each step. */
bool daily_profile_fit(struct daily_profile *profile, const struct daily_profile_form *form,
                       const struct forecast_view *view);

static inline double daily_profile_at(const struct daily_profile *profile, struct day_walk walk)
{
    return profile->level + profile->shape[walk.time] +
           profile->weekly[day_walk_kind(walk)][walk.time];
}

#endif
