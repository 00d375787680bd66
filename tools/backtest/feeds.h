/* What feeds would have brought: weather forecasts as they were issued, and the grid's generation
 * by source as it was measured, each hour when it had ended. Never earlier. */
#ifndef TIDEWATT_TOOLS_BACKTEST_FEEDS_H
#define TIDEWATT_TOOLS_BACKTEST_FEEDS_H

#include "controller/core/cycle.h"
#include "tools/backtest/inputs.h"

struct feeds {
    bool began;
    int64_t hour_ms; /* first hour that was not told of the grid */
    int32_t issue;   /* first that was not told of the weather */
    int count;
    struct forecast_block blocks[LIMIT_BLOCKS];
};

/* What came until this moment and was not told yet; the first time the newest alone. */
void feeds_update(struct feeds *feeds, const struct inputs *inputs, int64_t now_ms);

#endif
