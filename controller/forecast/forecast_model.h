/* What a model is to the forecaster: the past in, one outlook out. Private to this room.
 *
 * A model gives the most likely value of each step; the forecaster learns how much to believe it,
 * and the quantiles around the answer, from the errors that were made before. */
#ifndef TIDEWATT_FORECAST_FORECAST_MODEL_H
#define TIDEWATT_FORECAST_FORECAST_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/forecast/forecast.h"
#include "controller/forecast/history.h"
#include "controller/forecast/sun.h"

struct tracks;
struct provided;

/* All that a model may know when it is asked: what ended before the first step, and the newest
 * value. `past[LIMIT_HISTORY_SLOTS - 1]` is the step just before `end_step`. */
struct forecast_view {
    enum forecast_series series;
    int64_t end_step;     /* first step of the forecast */
    int64_t present_step; /* of the newest value; at most end_step */
    double present;
    int32_t known; /* finite entries of `past` */
    float past[LIMIT_HISTORY_SLOTS];
    struct sun_table *sun;
    /* Of the sun's series: times of the day at which nothing is produced while it is down, and
     * whether these are all such times. */
    bool dark[STEPS_A_DAY], dark_nights;
    bool flat_hours;                 /* values change with the hour only */
    struct tracks *tracks;           /* weather to come, and what regressions have learnt */
    const struct provided *provided; /* what providers say: a table */
};

struct outlook {
    float point[FORECAST_STEPS]; /* NAN: nothing to say, but of the series' own model */
    /* Unit in which errors of a step are pooled with those of other steps: a PV error at dawn is
     * not one at noon. 1 where errors are alike at all times, 0 where the value is certain. That of
     * the series' own model counts. */
    float spread[FORECAST_STEPS];
};

struct forecast_model {
    const char *name; /* NULL: that of the provider */
    /* False, output untouched: the past does not suffice. */
    bool (*predict)(const struct forecast_view *view, struct outlook *ret_outlook);
};

/* A series' own one, from its past alone. */
extern const struct forecast_model clear_sky_model; /* PV */
extern const struct forecast_model wind_model;
extern const struct forecast_model seasonal_model; /* price, carbon */
extern const struct forecast_model load_model;     /* base IT load */
extern const struct forecast_model temperature_model;
extern const struct forecast_model persistence_model; /* any: the newest value stays; never false */
/* Those that take part beside it. */
extern const struct forecast_model weather_model;
extern const struct forecast_model weather_lags_model;
extern const struct forecast_model lags_model;
extern const struct forecast_model mix_model;   /* carbon */
extern const struct forecast_model level_model; /* carbon */
extern const struct forecast_model day_before_model;
extern const struct forecast_model provider_models[];

/* Step number of an entry of `past`. */
static inline int64_t forecast_view_step(const struct forecast_view *view, int32_t index)
{
    return view->end_step - LIMIT_HISTORY_SLOTS + index;
}

#endif
