/* What an evaluation reads: measured series by the hour, weather forecasts by issue, and what peers
 * forecast of the same. Errors name file and line; nothing is sorted or dropped on the quiet. */
#ifndef TIDEWATT_TOOLS_FORECAST_INPUTS_H
#define TIDEWATT_TOOLS_FORECAST_INPUTS_H

#include "controller/forecast/forecast.h"
#include "tools/backtest/track.h"
#include "tools/forecast/peer.h"
#include "tools/forecast/weather.h"

struct evaluation_paths {
    const char *grid, *weather, *price, *peer; /* NULL: there is none */
    bool lifecycle;                            /* the carbon column; else direct */
};

enum { EVALUATION_PEERS = 2 };

struct evaluation_inputs {
    struct track measured[FORECAST_TRACKS]; /* by the hour, in the track's unit */
    struct weather weather;
    struct peer peers[FORECAST_SERIES][EVALUATION_PEERS];
};

/* Finish the inputs also after an error. */
int evaluation_inputs_load(const struct evaluation_paths *paths, struct evaluation_inputs *ret_in,
                           struct error *error);
void evaluation_inputs_finish(struct evaluation_inputs *inputs);

/* From the first measured hour to the end of the last one. */
void evaluation_inputs_span(const struct evaluation_inputs *inputs, int64_t *ret_from_ms,
                            int64_t *ret_to_ms);

/* Makes something else of all that is known only after `at_ms`: of measured hours that end later
 * and of weather that is issued later. Forecasts issued until then must not change by it. */
void evaluation_inputs_shift(struct evaluation_inputs *inputs, int64_t at_ms);

#endif
