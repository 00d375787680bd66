/* What a series' own model said on the hours of the last weeks, and how it went wrong. Private. */
#ifndef TIDEWATT_FORECAST_RECALL_H
#define TIDEWATT_FORECAST_RECALL_H

#include "controller/forecast/forecast_model.h"

enum { RECALL_HOURS = 20 * 24, OUTLOOK_HOURS = FORECAST_STEPS / STEPS_AN_HOUR };

struct recalled {
    bool held;
    int64_t start_step;
    float point[OUTLOOK_HOURS], spread[OUTLOOK_HOURS]; /* means of hours */
};

struct recall {
    struct recalled outlook[RECALL_HOURS];
};

/* Only outlooks that start on the hour are kept; a second one of the same hour replaces it. */
void recall_keep(struct recall *recall, int64_t start_step, const struct outlook *outlook);
/* observed - point of each hour in units of the spread, 0 where it is not known. False: no outlook
 * started there, or nothing of what came is known. */
bool recall_errors(const struct recall *recall, const struct history *history, int64_t start_step,
                   float ret_error[OUTLOOK_HOURS]);

#endif
