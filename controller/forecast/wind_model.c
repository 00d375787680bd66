/* Wind: what blows now goes on blowing for some hours and then is anybody's guess, so persistence
 * that decays to the history's mean by time of day. Its day is faint: coarse bins keep noise out.
 */
#include "controller/forecast/deviation.h"

static bool predict(const struct forecast_view *view, struct outlook *ret_outlook)
{
    static const struct daily_profile_form form = {
        .steps_per_bin = STEPS_AN_HOUR, .half_life_days = 28.0, .weekend_apart = false};
    struct daily_profile profile;
    if (!daily_profile_fit(&profile, &form, view))
        return false;
    deviation_project(&profile, view, PROCESS_ORDER_MOST, ret_outlook);
    return true;
}

const struct forecast_model wind_model = {.name = "wind", .predict = predict};
