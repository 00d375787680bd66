/* Price, carbon intensity and base IT load: people's days and weeks shape all three, so a typical
 * weekday and weekend day, and today's deviation from it while it lasts. */
#include "controller/forecast/daily_profile.h"

static bool predict(const struct forecast_view *view, struct outlook *ret_outlook)
{
    static const struct daily_profile_form form = {
        .steps_per_bin = 1, .half_life_days = 7.0, .weekend_apart = true};
    struct daily_profile profile;
    if (!daily_profile_fit(&profile, &form, view))
        return false;
    daily_profile_project(&profile, view, ret_outlook);
    return true;
}

const struct forecast_model seasonal_model = {.name = "seasonal", .predict = predict};
