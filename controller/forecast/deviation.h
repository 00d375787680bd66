/* How a series goes on beside its typical day. Private. */
#ifndef TIDEWATT_FORECAST_DEVIATION_H
#define TIDEWATT_FORECAST_DEVIATION_H

#include "controller/forecast/daily_profile.h"

/* Two days and a little: a flat optimum. 26 did worse for the carbon of ES, 170 for that of NL. */
enum { DEVIATION_HOURS_MOST = 50 };

/* Typical day + what is left of the deviations of the last `hours`; errors pooled over all times.
 */
void deviation_project(const struct daily_profile *profile, const struct forecast_view *view,
                       int32_t hours, struct outlook *ret_outlook);

#endif
