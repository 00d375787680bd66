/* Base IT load: people's weekdays and weekends too, but services come and go, which changes the
 * level for good. A process of many hours would take the first such step for a pulse that ends like
 * the one and only it has seen, so this one is short. */
#include "controller/forecast/deviation.h"

static bool predict(const struct forecast_view *view, struct outlook *ret_outlook)
{
    static const struct daily_profile_form form = {
        .steps_per_bin = 1, .half_life_days = 14.0, .weekend_apart = true};
    struct daily_profile profile;
    if (!daily_profile_fit(&profile, &form, view))
        return false;
    deviation_project(&profile, view, 3, ret_outlook);
    return true;
}

const struct forecast_model load_model = {.name = "load", .predict = predict};
