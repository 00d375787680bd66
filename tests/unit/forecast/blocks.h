/* Blocks of feeds for the tests of this folder. */
#ifndef TIDEWATT_TESTS_UNIT_FORECAST_BLOCKS_H
#define TIDEWATT_TESTS_UNIT_FORECAST_BLOCKS_H

#include <stdio.h>

#include "tests/unit/forecast/series.h"

enum { HOUR_STEPS = 4 };

/* `count` hours of one value, from one step on, made at another. */
static inline struct forecast_block block_of(int32_t track, enum block_kind kind, int64_t issue,
                                             int64_t start, int32_t count, double value)
{
    struct forecast_block block = {.track = track,
                                   .kind = kind,
                                   .source = "feed",
                                   .issue_ms = step_ms(issue),
                                   .start_ms = step_ms(start),
                                   .step_ms = HOUR_STEPS * FORECAST_STEP_MS,
                                   .count = count};
    for (int32_t i = 0; i < count; i++)
        block.value[i] = (float)value;
    return block;
}

#endif
