/* The same hour of the last whole day that is known: the naive forecast of prices and loads, which
 * every other model has to beat. */
#include "controller/forecast/forecast_model.h"

#include <math.h>

static bool predict(const struct forecast_view *view, struct outlook *ret_outlook)
{
    bool any = false;
    for (int32_t i = 0; i < STEPS_A_DAY && !any; i++)
        any = !isnan(view->past[LIMIT_HISTORY_SLOTS - 1 - i]);
    for (int32_t i = 0; any && i < FORECAST_STEPS; i++) {
        ret_outlook->point[i] = view->past[LIMIT_HISTORY_SLOTS - STEPS_A_DAY + i % STEPS_A_DAY];
        ret_outlook->spread[i] = 1.0f;
    }
    return any;
}

const struct forecast_model day_before_model = {.name = "day_before", .predict = predict};
