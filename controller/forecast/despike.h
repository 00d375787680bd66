/* Keeps the minutes of a broken feed out of what models learn from. Private. */
#ifndef TIDEWATT_FORECAST_DESPIKE_H
#define TIDEWATT_FORECAST_DESPIKE_H

#include "controller/forecast/forecast_model.h"

/* Turns short stretches of the past that no weather and no market explains into gaps. */
void despike(struct forecast_view *view);

#endif
