/* What a regression looks at for one hour to come: calendar, weather, its own past. Private. */
#ifndef TIDEWATT_FORECAST_TERMS_H
#define TIDEWATT_FORECAST_TERMS_H

#include "controller/forecast/hourly.h"
#include "controller/forecast/ridge.h"
#include "controller/forecast/weather.h"

enum weather_terms {
    WEATHER_NONE,
    WEATHER_GENERAL,
    WEATHER_RICH, /* and the hours before and after */
    WEATHER_OF_WIND,
    WEATHER_OF_SUN,
};

struct term_form {
    enum weather_terms weather;
    bool lags;      /* own values of the days before, for hours less than a day ahead */
    bool mix;       /* what the expected mix of sources makes of it */
    bool logarithm; /* of the track's values */
};

enum { MIX_TERMS = 2 };

struct term_source {
    const struct weather *weather;
    const struct hourly *self;
    int64_t hour;      /* that is spoken of */
    int lead_day;      /* only what was known so many days before goes in */
    const double *mix; /* [MIX_TERMS], where the form wants them */
};

/* A track's value as the form sees it, and back. */
double terms_transform(const struct term_form *form, const struct hourly *self, double value);
double terms_restore(const struct term_form *form, const struct hourly *self, double value);

/* Number of terms, the constant 1 first; at most RIDGE_TERMS. */
int32_t terms_count(const struct term_form *form);
/* False: a part is unknown. */
bool terms_fill(const struct term_form *form, const struct term_source *source,
                double ret_term[RIDGE_TERMS]);

#endif
