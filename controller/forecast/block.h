/* What a feed brings: values of one track from one issue of one source. */
#ifndef TIDEWATT_FORECAST_BLOCK_H
#define TIDEWATT_FORECAST_BLOCK_H

#include <stdint.h>

#include "controller/base/limits.h"

enum block_kind {
    BLOCK_FORECAST, /* what may come */
    BLOCK_SETTLED,  /* what will be: a price once the auction is over */
    BLOCK_MEASURED, /* what was */
};

struct forecast_block {
    int32_t track; /* an enum forecast_series or enum forecast_input, in its unit */
    enum block_kind kind;
    char source[LIMIT_NAME]; /* name of the feed */
    int64_t issue_ms;        /* when the source made it; measured: when it came */
    int64_t start_ms;        /* of the first step, on a quarter hour */
    int32_t step_ms;         /* each value is the mean of a step: whole quarter hours, a day most */
    int32_t count;
    float value[LIMIT_BLOCK]; /* NAN: left out */
};

#endif
