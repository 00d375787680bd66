/* The set of all series of a site: what its three files share.
 *
 * forecaster.c asks and issues, forecaster_learn.c takes in what came, forecaster_tell.c says how
 * good it was and how else it may go. */
#ifndef TIDEWATT_FORECAST_FORECASTER_PRIVATE_H
#define TIDEWATT_FORECAST_FORECASTER_PRIVATE_H

#include "controller/forecast/by_hour.h"
#include "controller/forecast/forecast_model.h"
#include "controller/forecast/provided.h"
#include "controller/forecast/rank.h"
#include "controller/forecast/scenario.h"
#include "controller/forecast/score.h"
#include "controller/forecast/tournament.h"
#include "controller/forecast/tracks.h"
#include "controller/forecast/trouble.h"

/* What sets one series apart from another. */
struct series_form {
    const struct forecast_model *model; /* its own, from its past alone */
    bool never_negative;
    bool solar; /* zero while the sun is down; its model's spread follows the value */
    /* Standard deviation to be assumed 24 h ahead until errors are known: a share of the level
     * plus a fixed part in the series' unit. Rough and wide on purpose; two days of errors
     * replace them. */
    double assumed_share, assumed_least;
};
extern const struct series_form series_forms[FORECAST_SERIES];

struct series_state {
    struct history history; /* settled values too: it may reach beyond now */
    bool now_known;
    int64_t now_ms;
    double now;
    struct memory memory;
    struct band band;
    struct tournament tournament;
    struct trouble trouble;
    struct by_hour by_hour;
    struct rank rank;
    struct score_sum score[SCORE_LEADS];
    struct scenario_source source;
    struct provided provided[PROVIDERS];
};

struct forecaster {
    struct sun_table sun;
    struct tracks tracks;
    struct series_state series[FORECAST_SERIES];
    struct recall recall[RECALLED_SERIES];
    int64_t clock_step; /* newest quarter hour that was measured; INT64_MIN: none */
    int64_t rehearse_from_ms;
    int64_t asked_ms; /* when a forecast was issued last; INT64_MIN: never, history is replayed */
    /* The question asked last and its answer: working space, not state. */
    struct forecast_view view;
    struct outlook said[FORECAST_MODELS];
    bool has_said[FORECAST_MODELS];
    struct outlook outlook;
    float offset[FORECAST_STEPS][QUANTILES];
    float hour_scale[FORECAST_STEPS]; /* of the unit of errors, by hour of the day */
    void *regressions; /* their room */
};

/* An answer to what is to come. */
struct answer {
    bool known;        /* false: nothing at all */
    bool young;        /* a stand-in speaks, because the series' own model cannot yet */
    int32_t old_steps; /* how far the newest value lies back beyond the usual */
    const char *model; /* the name of the one with the most weight within the next day */
};

/* Asks all models for what is to come from `start_step` on, knowing what had ended before it (and
 * what is settled beyond), and the instant value up to `now_ms`. The answer is in the forecaster's
 * outlook and offsets. */
struct answer forecaster_ask(struct forecaster *forecaster, enum forecast_series series,
                             int64_t start_step, int64_t now_ms);
#define WITHOUT_NOW INT64_MIN

/* Keeps what was asked last, to learn from it. `issued`: it was told. */
void forecaster_remember(struct forecaster *forecaster, enum forecast_series series,
                         int64_t start_step, const struct answer *answer, bool issued);

/* NULL: the models of the series end before this one. */
const struct forecast_model *forecaster_model(enum forecast_series series, int model);
const char *forecaster_model_name(const struct forecaster *forecaster, enum forecast_series series,
                                  int model);

float forecaster_bounded(enum forecast_series series, double value);

/* NULL: errors of this series are not recalled. */
static inline struct recall *recall_of(struct forecaster *forecaster, enum forecast_series series)
{
    return (int)series < RECALLED_SERIES ? &forecaster->recall[series] : NULL;
}

#endif
