/* How a series goes on beside its typical day. Private. */
#ifndef TIDEWATT_FORECAST_DEVIATION_H
#define TIDEWATT_FORECAST_DEVIATION_H

#include "controller/forecast/daily_profile.h"
#include "controller/forecast/process.h"

/* Typical day + what is left of the deviations of the last `order` hours; errors pooled over all
 * times. */
void deviation_project(const struct daily_profile *profile, const struct forecast_view *view,
                       int32_t order, struct outlook *ret_outlook);

#endif
