/* All tracks by the hour, the weather to come, and the regressions that learn from them. Private.
 */
#ifndef TIDEWATT_FORECAST_TRACKS_H
#define TIDEWATT_FORECAST_TRACKS_H

#include "controller/forecast/regression.h"

enum regression_kind {
    REGRESSION_WEATHER,      /* what the weather of the hour makes of it */
    REGRESSION_WEATHER_LAGS, /* and what the day before tells; a day ahead */
    REGRESSION_LAGS,         /* without any weather; a day ahead */
    REGRESSION_LEVEL,        /* carbon: of the weather alone, not of its logarithm or the mix */
    REGRESSION_KINDS
};

struct tracks {
    struct weather weather;
    struct hourly hourly[FORECAST_TRACKS];
    struct regression *regression[FORECAST_TRACKS][REGRESSION_KINDS]; /* NULL: there is none */
    bool mix_known; /* of the grid, at some time: until then it is told to nobody */
};

size_t tracks_room(void); /* bytes that regressions need */
void tracks_init(struct tracks *tracks, void *room);
/* The mean of a quarter hour, in order of time in each track. */
void tracks_add(struct tracks *tracks, int32_t track, int64_t step, double value);
/* Hours from that of `first_hour` on; see regression_predict. False: no such regression, or
 * nothing to say. */
bool tracks_predict(struct tracks *tracks, int32_t track, enum regression_kind kind,
                    int64_t first_hour, double part, double ret_hour[REGRESSION_AHEAD]);

#endif
