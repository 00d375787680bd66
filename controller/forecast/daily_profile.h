/* A series as level + shape of the day + a deviation that fades: shared by the models of wind,
 * price, carbon, base load and temperature. Private. */
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
    struct daily_profile_form form;
    double level[DAY_KINDS];
    double shape[DAY_KINDS][STEPS_A_DAY]; /* around the day's own mean; by bin */
    double phi;                           /* what is left of a deviation after one step */
};

/* False when the past holds less than two days: a shape needs a whole day around each step. */
bool daily_profile_fit(struct daily_profile *profile, const struct daily_profile_form *form,
                       const struct forecast_view *view);
double daily_profile_at(const struct daily_profile *profile, int64_t step);
/* Profile + present deviation x phi^lead, errors pooled over all times. */
void daily_profile_project(const struct daily_profile *profile, const struct forecast_view *view,
                           struct outlook *ret_outlook);

#endif
