/* Forecasts: quantiles per slot with an issue time, one interface for every model. Pure.
 *
 * Floor 3: no clock, files, threads or logging; time comes in as an argument. */
#ifndef TIDEWATT_FORECAST_FORECAST_H
#define TIDEWATT_FORECAST_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/error.h"
#include "controller/base/limits.h"

enum forecast_series {
    SERIES_PV,      /* W, on-site PV production */
    SERIES_WIND,    /* W, on-site wind production */
    SERIES_PRICE,   /* currency per MWh; may be negative */
    SERIES_CARBON,  /* g/kWh */
    SERIES_BASE_IT, /* W, IT load that is not a managed job */
    SERIES_TEMP,    /* degC outdoor dry bulb; may be negative */
    FORECAST_SERIES
};

enum { QUANTILES = 5, QUANTILE_MEDIAN = 2 };
extern const double forecast_quantiles[QUANTILES]; /* 0.05 0.25 0.50 0.75 0.95 */

const char *forecast_series_name(enum forecast_series series); /* "pv_w", "price_per_mwh", ... */

/* Quarter-hour means: the common grain of history. */
enum { FORECAST_STEP_MS = 900000, FORECAST_STEPS = 384 /* 96 h ahead */ };

struct forecast {
    enum forecast_series series;
    int64_t issue_ms; /* only what was known then went in */
    int64_t start_ms; /* of the first step, a multiple of FORECAST_STEP_MS */
    int32_t steps;    /* 0: nothing is known, no forecast (never invented) */
    char model[LIMIT_NAME];
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
};

/* All series of one site: history, models, scores. Memory is taken at creation. */
struct forecaster;

struct forecaster_config {
    double latitude_deg, longitude_deg; /* for the sun */
};

struct forecaster *forecaster_create(const struct forecaster_config *config, struct error *error);
void forecaster_destroy(struct forecaster *forecaster);

/* The mean of a quarter hour that has ended. Gaps may be left out; out of order is ignored.
 * Scores the forecasts that spoke of it. A value that is not finite is ignored. */
void forecaster_observe(struct forecaster *forecaster, enum forecast_series series,
                        int64_t step_start_ms, double value);

/* The latest instant value of a series: the first step starts from it. */
void forecaster_now(struct forecaster *forecaster, enum forecast_series series, int64_t now_ms,
                    double value);

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

/* Fills up to FORECAST_SERIES x SCORE_LEADS rows with count > 0; returns the number. */
int forecaster_scores(const struct forecaster *forecaster, struct forecast_score *ret_scores,
                      int most);

#endif
