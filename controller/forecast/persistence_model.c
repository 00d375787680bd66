/* The newest value stays: all that can honestly be said in the first day of a series, and the
 * yardstick for every other model. */
#include "controller/forecast/forecast_model.h"

static bool predict(const struct forecast_view *view, struct outlook *ret_outlook)
{
    for (int32_t i = 0; i < FORECAST_STEPS; i++) {
        ret_outlook->point[i] = (float)view->present;
        ret_outlook->spread[i] = 1.0f;
    }
    return true;
}

const struct forecast_model persistence_model = {.name = "persistence", .predict = predict};
