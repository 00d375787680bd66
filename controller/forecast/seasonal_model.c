/* Price and carbon intensity: people's days and weeks shape both, so a typical weekday and weekend
 * day, and the deviations of the last two days from it. */
#include "controller/forecast/deviation.h"

static bool predict(const struct forecast_view *view, struct outlook *ret_outlook)
{
    static const struct daily_profile_form form = {
        .steps_per_bin = 1, .half_life_days = 14.0, .weekend_apart = true};
    struct daily_profile profile;
    if (!daily_profile_fit(&profile, &form, view))
        return false;
    deviation_project(&profile, view, PROCESS_ORDER_MOST, ret_outlook);
    return true;
}

const struct forecast_model seasonal_model = {.name = "seasonal", .predict = predict};
