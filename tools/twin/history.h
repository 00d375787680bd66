/* The past before the start, as quarter-hour means of the series that the controller forecasts,
 * so that a fresh controller has something to learn from. */
#ifndef TIDEWATT_TWIN_HISTORY_H
#define TIDEWATT_TWIN_HISTORY_H

#include <stdint.h>

#include "tools/twin/exogenous.h"

/* Writes CSV "time_utc,series,value" for the `days` before `end_ms`, oldest first. */
int history_write(const char *path, struct exogenous *exogenous, int64_t end_ms, int64_t days,
                  struct error *error);

#endif
