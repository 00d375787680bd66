/* Forecasts: quantiles per slot with an issue time, one interface for every model. Pure.
 *
 * Floor 3: no clock, files, threads or logging; time comes in as an argument. */
#ifndef TIDEWATT_FORECAST_FORECAST_H
#define TIDEWATT_FORECAST_FORECAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/base/error.h"
#include "controller/base/limits.h"
#include "controller/base/reason.h"
#include "controller/forecast/block.h"

enum forecast_series {
    SERIES_PV,       /* W, on-site PV production */
    SERIES_WIND,     /* W, on-site wind production */
    SERIES_PRICE,    /* currency per MWh, day-ahead; may be negative */
    SERIES_CARBON,   /* g/kWh of the grid */
    SERIES_BASE_IT,  /* W, IT load that is not a managed job */
    SERIES_TEMP,     /* degC outdoor dry bulb; may be negative */
    SERIES_PRICE_RT, /* currency per MWh, real-time; may be negative */
    SERIES_WET_BULB, /* degC outdoor wet bulb; may be negative */
    SERIES_COP,      /* W of heat per W of chiller */
    SERIES_OVERHEAD, /* W, facility without IT */
    FORECAST_SERIES
};

/* What is looked at beside the series; numbered on from them, so that a track is either. */
enum forecast_input {
    INPUT_DEW_POINT = FORECAST_SERIES, /* degC; the air temperature is SERIES_TEMP */
    INPUT_GHI,                         /* W/m2, global horizontal irradiance */
    INPUT_WIND_SPEED,                  /* m/s at 10 m */
    INPUT_GRID_SOLAR,                  /* W, production of the grid by source, ... */
    INPUT_GRID_WIND,
    INPUT_GRID_HYDRO,
    INPUT_GRID_NUCLEAR,
    INPUT_GRID_FOSSIL,
    INPUT_GRID_TOTAL, /* ... and of all sources */
    FORECAST_TRACKS
};

enum { QUANTILES = 7, QUANTILE_MEDIAN = 3 };
extern const double forecast_quantiles[QUANTILES]; /* 0.05 0.10 0.25 0.50 0.75 0.90 0.95 */

const char *forecast_series_name(enum forecast_series series); /* "pv_w", "price_per_mwh", ... */
const char *forecast_track_name(int32_t track);                /* of inputs too: "ghi_w_m2", ... */
int32_t forecast_track_find(const char *name);                 /* -1: no such track */

/* Quarter-hour means: the common grain of history. */
enum { FORECAST_STEP_MS = 900000, FORECAST_STEPS = 384 /* 96 h ahead */ };

struct forecast {
    enum forecast_series series;
    int64_t issue_ms; /* only what was known then went in */
    int64_t start_ms; /* of the first step, a multiple of FORECAST_STEP_MS */
    int32_t steps;    /* 0: nothing is known, no forecast (never invented) */
    char model[LIMIT_NAME];
    enum reason reason; /* why it is less than it could be; NONE: nothing to say */
    float value[FORECAST_STEPS][QUANTILES]; /* ascending in each step */
};

/* Value of quantile `q` at the time, constant within a step; the first step holds before the
 * start, the last after the end. False when the forecast is empty. */
bool forecast_at(const struct forecast *forecast, int64_t at_ms, int q, double *ret_value);
/* Mean of the quantile over [start, end). */
bool forecast_mean(const struct forecast *forecast, int64_t start_ms, int64_t end_ms, int q,
                   double *ret_value);

/* The score of what came against what was believed, by lead, since the forecaster was created.
 * Only issued forecasts count. PV is scored while the sun is up: nights would flatter it. */
enum { SCORE_LEADS = 7 }; /* <=1 h, <=3 h, <=6 h, <=12 h, <=24 h, <=48 h, <=96 h */
extern const int forecast_lead_h[SCORE_LEADS];
struct forecast_score {
    enum forecast_series series;
    int lead; /* index into forecast_lead_h */
    int64_t count;
    double mae, pinball; /* series' unit; pinball is the mean over the quantiles */
    double bias;         /* mean of median - observed: positive is too high */
    double coverage;     /* share inside P5..P95 */
    double coverage_80;  /* share inside P10..P90 */
    double rank;         /* mean Spearman correlation of the hours of the next day, from issues at
                            midnight UTC, alike for all leads; NAN: none yet */
};

/* How one model does for one series and lead, and what it weighs there: the recent past counts. */
struct forecast_standing {
    enum forecast_series series;
    int lead;
    char model[LIMIT_NAME];
    double count;  /* of issues that were judged, older ones count less */
    double mae;    /* of these */
    double weight; /* in the forecast now; those of one series and lead add up to 1 */
};

/* All series of one site: history, models, scores. Memory is taken at creation. */
struct forecaster;

struct forecaster_config {
    double latitude_deg, longitude_deg; /* for the sun */
};

struct forecaster *forecaster_create(const struct forecaster_config *config, struct error *error);
void forecaster_destroy(struct forecaster *forecaster);
size_t forecaster_size_bytes(void); /* all that one takes, from its creation on */

/* The mean of a quarter hour that has ended. Gaps may be left out; out of order is ignored.
 * Scores the forecasts that spoke of it. A value that is not finite is ignored. */
void forecaster_observe(struct forecaster *forecaster, enum forecast_series series,
                        int64_t step_start_ms, double value);

/* History from before this time teaches the regressions, but no issues are rehearsed on it: what
 * weights and bands would learn from them has faded. For taking up long histories in seconds. */
void forecaster_rehearse_from(struct forecaster *forecaster, int64_t at_ms);

/* The latest instant value of a series: the first step starts from it. */
void forecaster_now(struct forecaster *forecaster, enum forecast_series series, int64_t now_ms,
                    double value);

/* A block that a feed brought. Measured values of series and inputs are history, forecasts of
 * weather feed the regressions, forecasts of a series are one more model of it, settled values
 * (an auction's) are what will be. NONE: taken whole. FEED_DUPLICATE: nothing new in it. FEED_LATE:
 * a newer issue speaks of the same time already, kept only for what that leaves open.
 * FEED_CONTRADICTORY: the same issue said otherwise before, the new word counts. FEED_INVALID: no
 * value in it is usable; nothing is taken. */
enum reason forecaster_take(struct forecaster *forecaster, const struct forecast_block *block);

/* How it stands with what was forecast for the last hours. */
enum forecast_trouble {
    FORECAST_SOUND,
    FORECAST_BUST,  /* the last hours lie far outside the band of what was said */
    FORECAST_DRIFT, /* for days errors are well above the usual ones */
};
struct forecast_state {
    enum forecast_trouble trouble;
    double error, usual; /* mean absolute errors that were compared; unit of the series */
};
void forecaster_state(const struct forecaster *forecaster, enum forecast_series series,
                      struct forecast_state *ret_state);

/* Issues a forecast of one series from `now_ms` and remembers it for scoring. */
void forecaster_issue(struct forecaster *forecaster, enum forecast_series series, int64_t now_ms,
                      struct forecast *ret_forecast);

/* One way the future may go, in all series at once. */
struct forecast_scenario {
    double weight; /* those of one call add up to 1 */
    int32_t steps; /* as the forecasts in force; start_ms as theirs */
    int64_t start_ms;
    float value[FORECAST_SERIES][FORECAST_STEPS]; /* of series without a forecast: NAN */
};
/* Up to `most` scenarios around the forecasts that are in force, in pairs: each pair follows how
 * this hour's forecasts went wrong on one of the past days, as it came and mirrored, all series
 * together, so that errors keep the way in which they hang together in time and between series.
 * Fewer days known: fewer scenarios, 0 when there is none. A series whose errors of that day are
 * not known is as forecast. Production and the like stay between 0 and the highest ever seen. */
int forecaster_scenarios(const struct forecaster *forecaster, int64_t now_ms,
                         struct forecast_scenario *ret_scenarios, int most);

/* Rows of one series, model by model and lead by lead; returns the number. */
enum { FORECAST_MODELS = 9 };
int forecaster_standings(const struct forecaster *forecaster, enum forecast_series series,
                         struct forecast_standing ret_rows[FORECAST_MODELS * SCORE_LEADS]);

/* Fills up to FORECAST_SERIES x SCORE_LEADS rows with count > 0; returns the number. */
int forecaster_scores(const struct forecaster *forecaster, struct forecast_score *ret_scores,
                      int most);

#endif
