/* What the controller is told of the future. The value of the hour under way counts as known: the
 * series are of hours, and a site reads its present one. */
#ifndef TIDEWATT_TOOLS_BACKTEST_OUTLOOK_H
#define TIDEWATT_TOOLS_BACKTEST_OUTLOOK_H

#include "controller/core/cycle.h"
#include "tools/backtest/feeds.h"
#include "tools/backtest/world.h"

enum outlook_kind {
    OUTLOOK_MODEL,       /* the cycle's own forecaster */
    OUTLOOK_PERSISTENCE, /* the last 24 hours again */
    OUTLOOK_PERFECT,
};

extern const char *const outlook_names[]; /* by kind, NULL-terminated */

struct outlook {
    enum outlook_kind kind;
    int count; /* of forecasts that are provided */
    struct forecast forecasts[FORECAST_SERIES];
};

/* Brings the forecasts up to the world's present time. */
void outlook_update(struct outlook *outlook, const struct world *world);

/* Gives the forecaster what came before the window, in the order in which it was known. */
void outlook_history(struct cycle *cycle, const struct world *world, struct feeds *feeds,
                     int64_t from_ms);

#endif
