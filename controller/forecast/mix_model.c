/* Carbon intensity from the mix that is to be expected of the grid, each source with its own
 * regression and the process of what that leaves. */
#include "controller/forecast/mix.h"

#include <math.h>

#include "controller/forecast/hours_model.h"

static bool add_source(struct tracks *tracks, int32_t track, int64_t first_hour,
                       double hour[REGRESSION_AHEAD])
{
    double source[REGRESSION_AHEAD];
    if (!tracks_predict(tracks, track, REGRESSION_WEATHER, first_hour, NAN, source))
        return false;
    for (int32_t i = 0; i < REGRESSION_AHEAD; i++)
        hour[i] += isnan(source[i]) ? source[i] : fmax(source[i], 0.0);
    return true;
}

static bool predict(const struct forecast_view *view, struct outlook *ret_outlook)
{
    double total[REGRESSION_AHEAD] = {0}, others[REGRESSION_AHEAD] = {0}, hour[REGRESSION_AHEAD];
    int64_t first = hour_of_step(view->end_step);
    if (!add_source(view->tracks, INPUT_GRID_TOTAL, first, total) ||
        !add_source(view->tracks, INPUT_GRID_SOLAR, first, others) ||
        !add_source(view->tracks, INPUT_GRID_WIND, first, others) ||
        !add_source(view->tracks, INPUT_GRID_HYDRO, first, others) ||
        !add_source(view->tracks, INPUT_GRID_NUCLEAR, first, others))
        return false;
    bool any = false;
    for (int32_t i = 0; i < REGRESSION_AHEAD; i++) {
        double unused;
        struct mix mix = {.total = total[i], .others = others[i], .fossil = NAN};
        mix_intensity(view->tracks, first + i, first, &mix, &hour[i], &unused);
        any |= !isnan(hour[i]);
    }
    if (any)
        hours_spread(view, hour, ret_outlook);
    return any;
}

const struct forecast_model mix_model = {.name = "mix", .predict = predict};
