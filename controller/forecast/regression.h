/* Regression of one track's hours on calendar, weather and its own past. Private. */
#ifndef TIDEWATT_FORECAST_REGRESSION_H
#define TIDEWATT_FORECAST_REGRESSION_H

#include <stddef.h>

#include "controller/forecast/terms.h"
#include "controller/forecast/forecast.h"
#include "controller/forecast/process.h"
#include "controller/forecast/residual.h"

struct regression_form {
    struct term_form terms;
    int lead_days;         /* days ahead with coefficients of their own; none beyond them */
    int32_t order;         /* of the process of what it leaves unexplained, h */
    double half_life_days; /* age at which a day counts half */
    bool
        by_hours; /* within a day ahead errors go on hour by hour (residual.h), if that is learnt */
};

struct regression {
    const struct regression_form *form;
    int32_t terms;
    float *sums;               /* [lead day][hour of day][ridge_sums] */
    float *coefficient;        /* [lead day][hour of day][terms] */
    struct residual *residual; /* NULL: the form has none */
    bool current[LEAD_DAYS][HOURS_A_DAY], solved[LEAD_DAYS][HOURS_A_DAY];
    /* What it would have said of the hours that have been, from what was known a day before. */
    float fit[HOURLY_KEPT];
    int32_t fit_hour[HOURLY_KEPT];
};

/* Hours of an outlook that begins within an hour. */
enum { REGRESSION_AHEAD = FORECAST_STEPS / STEPS_AN_HOUR + 1 };

/* Bytes of the room that a regression needs beside itself, and where it begins. */
size_t regression_room(const struct regression_form *form);
void regression_init(struct regression *regression, const struct regression_form *form, void *room);

/* The hour is over and its value is in `self`. `mix`: terms of the expected mix by day ahead, NULL
 * where the form has none. */
void regression_learn(struct regression *regression, const struct weather *weather,
                      const struct hourly *self, int64_t hour, const double (*mix)[MIX_TERMS]);

/* One hour, without what its process adds; NAN: unknown. */
double regression_value(struct regression *regression, const struct weather *weather,
                        const struct hourly *self, int64_t hour, int lead_day);

/* Hours from that of the outlook's first step on; NAN where it has nothing to say. `part` is the
 * mean of the first hour so far, NAN: not begun or unknown; `mix` is by hour. False: nothing at
 * all. */
bool regression_predict(struct regression *regression, const struct weather *weather,
                        const struct hourly *self, int64_t first_hour, double part,
                        const double (*mix)[MIX_TERMS], double ret_hour[REGRESSION_AHEAD]);

#endif
