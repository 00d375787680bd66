/* What a series' own model said on the hours of the last weeks, and how it went wrong. Private. */
#ifndef TIDEWATT_FORECAST_RECALL_H
#define TIDEWATT_FORECAST_RECALL_H

#include "controller/forecast/forecast_model.h"

/* Of the series that plans are made from: those of the first numbers. */
enum { RECALLED_SERIES = SERIES_TEMP + 1 };
enum {
    RECALL_ISSUES = 20 * STEPS_A_DAY / STEPS_A_MEMORY,
    OUTLOOK_HOURS = FORECAST_STEPS / STEPS_AN_HOUR,
};

struct recalled {
    bool held;
    int64_t start_step;
    float point[OUTLOOK_HOURS], spread[OUTLOOK_HOURS]; /* means of hours */
};

struct recall {
    struct recalled outlook[RECALL_ISSUES];
};

/* Only outlooks of remembered issues are kept; a second one of the same step replaces it. */
void recall_keep(struct recall *recall, int64_t start_step, const struct outlook *outlook);
/* observed - point of each hour in units of the spread, 0 where it is not known. False: no outlook
 * started there, or nothing of what came is known. */
bool recall_errors(const struct recall *recall, const struct history *history, int64_t start_step,
                   float ret_error[OUTLOOK_HOURS]);

#endif
