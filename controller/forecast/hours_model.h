/* Hours as an outlook of quarter hours. Private. */
#ifndef TIDEWATT_FORECAST_HOURS_MODEL_H
#define TIDEWATT_FORECAST_HOURS_MODEL_H

#include "controller/forecast/forecast_model.h"
#include "controller/forecast/tracks.h"

/* Hours from that of the view's first step on; NAN stays NAN. */
void hours_spread(const struct forecast_view *view, const double hour[REGRESSION_AHEAD],
                  struct outlook *ret_outlook);

#endif
