/* Import of a new site's past: CSV with the columns time_utc,series,value, quarter-hour means,
 * oldest first, so that the first forecasts do not start from nothing. */
#ifndef TIDEWATT_CORE_HISTORY_H
#define TIDEWATT_CORE_HISTORY_H

#include "controller/base/error.h"
#include "controller/forecast/forecast.h"

/* Calls `take` for each row. Errors name file, line and what to do; rows before the error were
 * taken. Returns the number of rows or a negative error. */
int history_import(const char *path,
                   void (*take)(void *context, enum forecast_series series, int64_t step_start_ms,
                                double value),
                   void *context, struct error *error);

#endif
