/* A provider's own forecast, taken as it is: the tournament tells what it is worth. But a trusted
 * one that speaks in another unit from today on is not followed until that is found out: what lies
 * farther outside of all that was seen than its whole range is not heard. */
#include <math.h>
#include <stddef.h>

#include "controller/forecast/forecast_model.h"
#include "controller/forecast/provided.h"

enum { TRUSTED_STEPS = 7 * STEPS_A_DAY };

struct reach {
    float least, most;
};

static struct reach reach_of(const struct forecast_view *view)
{
    struct reach seen = {INFINITY, -INFINITY};
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++) { /* comparisons with NAN are false */
        seen.least = view->past[i] < seen.least ? view->past[i] : seen.least;
        seen.most = view->past[i] > seen.most ? view->past[i] : seen.most;
    }
    float range = seen.most - seen.least;
    if (view->known < TRUSTED_STEPS || !(range > 0.0f))
        return (struct reach){-INFINITY, INFINITY};
    return (struct reach){seen.least - range, seen.most + range};
}

static bool say(const struct forecast_view *view, const struct provided *provided,
                struct outlook *ret_outlook)
{
    bool any = false;
    for (int32_t i = 0; i < FORECAST_STEPS && !any; i++)
        any = !isnan(provided_at(provided, view->end_step + i));
    if (!any)
        return false;
    struct reach reach = reach_of(view);
    for (int32_t i = 0; i < FORECAST_STEPS; i++) {
        float value = provided_at(provided, view->end_step + i);
        ret_outlook->point[i] = value >= reach.least && value <= reach.most ? value : NAN;
        ret_outlook->spread[i] = 1.0f;
    }
    return true;
}

static bool first(const struct forecast_view *view, struct outlook *ret_outlook)
{
    return say(view, &view->provided[0], ret_outlook);
}

static bool second(const struct forecast_view *view, struct outlook *ret_outlook)
{
    return say(view, &view->provided[1], ret_outlook);
}

const struct forecast_model provider_models[PROVIDERS] = {{NULL, first}, {NULL, second}};
