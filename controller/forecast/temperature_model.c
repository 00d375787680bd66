/* Outdoor temperature: a warm morning means a warm afternoon, so the deviation from the daily
 * course of the last days persists. The weather knows no weekend. */
#include "controller/forecast/deviation.h"

static bool predict(const struct forecast_view *view, struct outlook *ret_outlook)
{
    static const struct daily_profile_form form = {
        .steps_per_bin = 1, .half_life_days = 7.0, .weekend_apart = false};
    struct daily_profile profile;
    if (!daily_profile_fit(&profile, &form, view))
        return false;
    deviation_project(&profile, view, PROCESS_ORDER_MOST, ret_outlook);
    return true;
}

const struct forecast_model temperature_model = {.name = "temperature", .predict = predict};
