/* Forecasts that others made of the same series, for the same issues and hours. */
#ifndef TIDEWATT_TOOLS_FORECAST_PEER_H
#define TIDEWATT_TOOLS_FORECAST_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/limits.h"
#include "tools/backtest/track.h"

struct peer_row {
    int64_t issue_ms, at_ms;
    double forecast;
};

struct peer {
    char name[LIMIT_NAME]; /* "": there is none */
    const char *note;      /* for the reader; NULL: nothing */
    int32_t count, room;
    struct peer_row *rows; /* owned, by issue and time */
    int32_t disputed;      /* rows left out: what they say that came is not what came */
};

/* A file with issue_utc, lead_h, time_utc, actual and forecast, the last two with a unit in the
 * name. Rows whose actual is not that of `measured` are counted as disputed and left out: they
 * speak of another hour. Finish the peer also after an error. */
int peer_load(struct peer *ret_peer, const char *path, const struct track *measured,
              struct error *error);
/* A day-ahead forecast in a column beside the series: issued at each midnight. */
int peer_load_day_ahead(struct peer *ret_peer, const char *path, const char *column,
                        const char *name, const char *note, struct error *error);
void peer_finish(struct peer *peer);

/* False: it says nothing about the hour. */
bool peer_at(const struct peer *peer, int64_t issue_ms, int64_t at_ms, double *ret_forecast);

#endif
