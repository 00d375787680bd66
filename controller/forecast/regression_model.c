/* The regressions as models: hours become quarter hours. What is
 * constant within its hours stays so; the sun follows its height; all else goes on smoothly. */
#include "controller/forecast/hours_model.h"

#include <math.h>

static double smooth(const double hour[REGRESSION_AHEAD], int32_t at, int32_t quarter)
{
    double from_centre = (quarter + 0.5) / STEPS_AN_HOUR - 0.5;
    int32_t beside = from_centre < 0.0 ? at - 1 : at + 1;
    if (beside < 0 || beside >= REGRESSION_AHEAD || isnan(hour[beside]))
        return hour[at];
    return hour[at] + fabs(from_centre) * (hour[beside] - hour[at]);
}

static double sunny(struct sun_table *sun, double hour, int64_t step)
{
    double all = 0.0;
    int64_t first = hour_of_step(step) * STEPS_AN_HOUR;
    for (int64_t s = first; s < first + STEPS_AN_HOUR; s++)
        all += sun_table_clear_sky_w_m2(sun, s);
    return all > 0.0 ? hour * STEPS_AN_HOUR * sun_table_clear_sky_w_m2(sun, step) / all : 0.0;
}

void hours_spread(const struct forecast_view *view, const double hour[REGRESSION_AHEAD],
                  struct outlook *ret_outlook)
{
    int64_t first_hour = hour_of_step(view->end_step);
    for (int32_t i = 0; i < FORECAST_STEPS; i++) {
        int64_t step = view->end_step + i;
        int32_t at = (int32_t)(hour_of_step(step) - first_hour);
        double value = hour[at];
        if (view->dark_nights && !view->flat_hours)
            value = sunny(view->sun, hour[at], step);
        else if (!view->flat_hours)
            value = smooth(hour, at, (int32_t)(step - hour_of_step(step) * STEPS_AN_HOUR));
        ret_outlook->point[i] = (float)value;
        ret_outlook->spread[i] = 1.0f;
    }
}

/* Mean of the hour under way so far; NAN: it has not begun, or says too little. */
static double part_of_hour(const struct forecast_view *view)
{
    int64_t first = hour_of_step(view->end_step) * STEPS_AN_HOUR;
    if ((view->dark_nights && !view->flat_hours) || view->present_step < first)
        return NAN;
    double sum = 0.0;
    int32_t known = 0;
    for (int64_t step = first; step < view->end_step; step++) {
        double value = (double)view->past[LIMIT_HISTORY_SLOTS - (view->end_step - step)];
        if (isnan(value))
            continue;
        sum += value;
        known++;
    }
    if (view->present_step >= view->end_step) {
        sum += view->present;
        known++;
    }
    return known > 0 ? sum / known : (double)NAN;
}

static bool predict(const struct forecast_view *view, enum regression_kind kind,
                    struct outlook *ret_outlook)
{
    double hour[REGRESSION_AHEAD];
    if (!tracks_predict(view->tracks, (int32_t)view->series, kind, hour_of_step(view->end_step),
                        part_of_hour(view), hour))
        return false;
    hours_spread(view, hour, ret_outlook);
    return true;
}

static bool predict_weather(const struct forecast_view *view, struct outlook *ret_outlook)
{
    return predict(view, REGRESSION_WEATHER, ret_outlook);
}

static bool predict_weather_lags(const struct forecast_view *view, struct outlook *ret_outlook)
{
    return predict(view, REGRESSION_WEATHER_LAGS, ret_outlook);
}

static bool predict_lags(const struct forecast_view *view, struct outlook *ret_outlook)
{
    return predict(view, REGRESSION_LAGS, ret_outlook);
}

static bool predict_level(const struct forecast_view *view, struct outlook *ret_outlook)
{
    return predict(view, REGRESSION_LEVEL, ret_outlook);
}

const struct forecast_model weather_model = {.name = "weather", .predict = predict_weather};
const struct forecast_model weather_lags_model = {.name = "weather_lags",
                                                  .predict = predict_weather_lags};
const struct forecast_model lags_model = {.name = "lags", .predict = predict_lags};
const struct forecast_model level_model = {.name = "level", .predict = predict_level};
