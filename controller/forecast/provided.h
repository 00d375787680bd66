/* What providers forecast of one series. Private. */
#ifndef TIDEWATT_FORECAST_PROVIDED_H
#define TIDEWATT_FORECAST_PROVIDED_H

#include <stdbool.h>

#include "controller/forecast/forecast.h"
#include "controller/forecast/weather.h"

enum { PROVIDERS = 2, PROVIDED_STEPS = 768 };

struct provided {
    char source[LIMIT_NAME]; /* empty: free */
    int64_t newest_issue_ms;
    struct {
        float value;
        int32_t step, issue_min;
    } said[PROVIDED_STEPS];
};

/* The place of a source that speaks at `issue_ms`, its own or that of one which has been silent for
 * two weeks then. NULL: the table is full of others. */
struct provided *provided_of(struct provided table[PROVIDERS], const char *source, int64_t issue_ms,
                             bool *ret_new);
void provided_take(struct provided *provided, const struct forecast_block *block,
                   struct weather_intake *ret_intake);
/* NAN: nothing was said about it. */
float provided_at(const struct provided *provided, int64_t step);

#endif
