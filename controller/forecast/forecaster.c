/* The set of all series of a site: keeps their history, asks their models, puts the learnt band
 * around the answer, remembers what was said and scores it when the truth arrives.
 *
 * The band needs the model's own errors. A history that is imported without issues is therefore
 * replayed while it comes in: before the observations on the hour, the model is asked what it would
 * have said from what was known until then. */
#include "controller/forecast/forecast.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"
#include "controller/forecast/despike.h"
#include "controller/forecast/forecast_model.h"
#include "controller/forecast/scenario.h"
#include "controller/forecast/score.h"

/* What sets one series apart from another. */
struct series_form {
    const struct forecast_model *model;
    bool never_negative;
    bool solar; /* zero while the sun is down; its model's spread follows the value */
    /* Standard deviation to be assumed 24 h ahead until errors are known: a share of the level
     * plus a fixed part in the series' unit. Rough and wide on purpose; two days of errors
     * replace them. */
    double assumed_share, assumed_least;
};

static const struct series_form forms[FORECAST_SERIES] = {
    [SERIES_PV] = {&clear_sky_model, true, true, 0.5, 1000.0},
    [SERIES_WIND] = {&wind_model, true, false, 0.6, 1000.0},
    [SERIES_PRICE] = {&seasonal_model, false, false, 0.3, 10.0},
    [SERIES_CARBON] = {&seasonal_model, true, false, 0.2, 20.0},
    [SERIES_BASE_IT] = {&load_model, true, false, 0.2, 1000.0},
    [SERIES_TEMP] = {&temperature_model, false, false, 0.0, 4.0},
};

/* No unit of ours reaches this; it keeps every sum and difference finite. */
static const double PLAUSIBLE_MOST = 1e15;
/* A solar error of so many spreads says that the plant was not yet known, not how wide its band
 * is; without the cut, commissioning would stretch the band for two weeks. */
static const double SOLAR_SPREADS_MOST = 10.0;

struct series_state {
    struct history history;
    bool now_known;
    int64_t now_ms;
    double now;
    struct memory memory;
    struct band band;
    struct score_sum score[SCORE_LEADS];
    struct scenario_source source;
};

struct forecaster {
    struct sun_table sun;
    struct series_state series[FORECAST_SERIES];
    /* The question asked last and its answer: working space, not state. */
    struct forecast_view view;
    struct outlook outlook;
    float offset[FORECAST_STEPS][QUANTILES];
};

_Static_assert(sizeof(struct forecaster) < 8 * 1024 * 1024, "a small part of the process");

struct forecaster *forecaster_create(const struct forecaster_config *config, struct error *error)
{
    if (!(fabs(config->latitude_deg) <= 90.0) || !(fabs(config->longitude_deg) <= 180.0)) {
        error_set(error, ERROR_INVALID,
                  "site position %g, %g is no place on Earth: give latitude -90..90 and "
                  "longitude -180..180 in degrees",
                  config->latitude_deg, config->longitude_deg);
        return NULL;
    }
    struct forecaster *forecaster = calloc(1, sizeof(*forecaster));
    if (!forecaster) {
        error_set(error, ERROR_SYSTEM, "out of memory for the forecasts (%zu bytes)",
                  sizeof(*forecaster));
        return NULL;
    }
    sun_table_init(&forecaster->sun, config->latitude_deg, config->longitude_deg);
    for (int i = 0; i < FORECAST_SERIES; i++)
        history_init(&forecaster->series[i].history);
    return forecaster;
}

void forecaster_destroy(struct forecaster *forecaster)
{
    free(forecaster);
}

static bool plausible(double value)
{
    return fabs(value) <= PLAUSIBLE_MOST; /* false for NAN */
}

/* A meter that reads a little below zero at night is not a negative production. */
static double floored(enum forecast_series series, double value)
{
    return forms[series].never_negative ? fmax(0.0, value) : value;
}

/* The newest value known; false: none within the history's length. */
static bool find_present(const struct series_state *state, int64_t now_ms,
                         struct forecast_view *view)
{
    int32_t newest = LIMIT_HISTORY_SLOTS - 1;
    while (newest >= 0 && isnan(view->past[newest]))
        newest--;
    int64_t newest_step = forecast_view_step(view, newest);
    int64_t now_step = step_of(state->now_ms);
    if (state->now_known && state->now_ms <= now_ms && now_step > newest_step) {
        view->present = state->now;
        view->present_step = now_step;
        return true;
    }
    if (newest < 0)
        return false;
    view->present = (double)view->past[newest];
    view->present_step = newest_step;
    return true;
}

static void darken_nights(struct forecaster *forecaster)
{
    for (int32_t i = 0; i < FORECAST_STEPS; i++) {
        if (sun_table_clear_sky_w_m2(&forecaster->sun, forecaster->view.end_step + i) > 0.0)
            continue;
        forecaster->outlook.point[i] = 0.0f;
        forecaster->outlook.spread[i] = 0.0f;
    }
}

static const int64_t WITHOUT_NOW = INT64_MIN;

/* Asks for the outlook from `end_step`, knowing what had ended before it and the instant value up
 * to `now_ms`. Returns the model that answered; NULL: nothing is known. */
static const struct forecast_model *ask(struct forecaster *forecaster, enum forecast_series series,
                                        int64_t end_step, int64_t now_ms)
{
    struct series_state *state = &forecaster->series[series];
    struct forecast_view *view = &forecaster->view;
    view->end_step = end_step;
    view->sun = &forecaster->sun;
    view->known = history_before(&state->history, end_step, view->past);
    if (!find_present(state, now_ms, view))
        return NULL;
    despike(view);
    const struct forecast_model *model = forms[series].model;
    if (!model->predict(view, &forecaster->outlook)) {
        model = &persistence_model;
        model->predict(view, &forecaster->outlook);
    }
    if (forms[series].solar)
        darken_nights(forecaster);
    return model;
}

static double assumed_deviation(const struct series_form *form, const struct forecast_model *model,
                                const struct outlook *outlook)
{
    if (form->solar && model == form->model)
        return form->assumed_share;
    double level = 0.0;
    for (int32_t i = 0; i < FORECAST_STEPS; i++)
        level = fmax(level, fabs((double)outlook->point[i]));
    return form->assumed_share * level + form->assumed_least;
}

static float bounded(enum forecast_series series, double value)
{
    return (float)fmin(PLAUSIBLE_MOST, fmax(-PLAUSIBLE_MOST, floored(series, value)));
}

static void remember(struct forecaster *forecaster, enum forecast_series series,
                     const struct forecast_model *model, const struct forecast *issued)
{
    const struct outlook *outlook = &forecaster->outlook;
    struct remembered_issue *slot =
        memory_slot(&forecaster->series[series].memory, forecaster->view.end_step);
    slot->held = true;
    slot->issued = issued != NULL;
    slot->learnable = model == forms[series].model;
    if (slot->learnable)
        recall_keep(&forecaster->series[series].source.recall, forecaster->view.end_step, outlook);
    slot->start_step = forecaster->view.end_step;
    for (int i = 0; i < LEAD_SAMPLES; i++) {
        struct belief *belief = &slot->belief[i];
        int32_t step = lead_sample_step[i];
        belief->point = outlook->point[step];
        belief->spread = outlook->spread[step];
        if (issued)
            memcpy(belief->quantile, issued->value[step], sizeof(belief->quantile));
    }
}

/* The band learns from issues on the hour: four times as many would tell it little more. */
static bool on_the_hour(int64_t step)
{
    return step % STEPS_AN_HOUR == 0;
}

/* Compares the observation with all that was said about its step. */
static void judge(struct forecaster *forecaster, enum forecast_series series, int64_t step,
                  double observed)
{
    struct series_state *state = &forecaster->series[series];
    double most = forms[series].solar ? SOLAR_SPREADS_MOST : 2.0 * PLAUSIBLE_MOST;
    for (int i = 0; i < LEAD_SAMPLES; i++) {
        const struct remembered_issue *issue =
            memory_find(&state->memory, step - lead_sample_step[i]);
        if (!issue)
            continue;
        const struct belief *belief = &issue->belief[i];
        if (!(belief->spread > 0.0f))
            continue; /* the sun was down: nobody earns a score for that */
        if (issue->issued)
            score_add(&state->score[i / LEAD_SAMPLES_A_CLASS], belief, observed);
        if (issue->learnable && on_the_hour(issue->start_step))
            band_learn(&state->band, i, (observed - (double)belief->point) / (double)belief->spread,
                       most);
    }
}

void forecaster_observe(struct forecaster *forecaster, enum forecast_series series,
                        int64_t step_start_ms, double value)
{
    assert(series >= 0 && series < FORECAST_SERIES);
    struct series_state *state = &forecaster->series[series];
    int64_t step = step_of(step_start_ms);
    if (!plausible(value) || !history_accepts(&state->history, step))
        return;
    double observed = floored(series, value);
    if (on_the_hour(step) && !memory_find(&state->memory, step)) {
        const struct forecast_model *model = ask(forecaster, series, step, WITHOUT_NOW);
        if (model)
            remember(forecaster, series, model, NULL);
    }
    judge(forecaster, series, step, observed);
    history_add(&state->history, step, observed);
}

void forecaster_now(struct forecaster *forecaster, enum forecast_series series, int64_t now_ms,
                    double value)
{
    assert(series >= 0 && series < FORECAST_SERIES);
    struct series_state *state = &forecaster->series[series];
    if (!plausible(value) || (state->now_known && now_ms < state->now_ms))
        return;
    state->now_known = true;
    state->now_ms = now_ms;
    state->now = floored(series, value);
}

static void fill(struct forecaster *forecaster, enum forecast_series series,
                 const struct forecast_model *model, struct forecast *ret_forecast)
{
    const struct outlook *outlook = &forecaster->outlook;
    band_offsets(&forecaster->series[series].band,
                 assumed_deviation(&forms[series], model, outlook), forecaster->offset);
    for (int32_t step = 0; step < FORECAST_STEPS; step++) {
        for (int q = 0; q < QUANTILES; q++) {
            double value = (double)outlook->point[step] +
                           (double)forecaster->offset[step][q] * (double)outlook->spread[step];
            ret_forecast->value[step][q] = bounded(series, value);
        }
    }
}

void forecaster_issue(struct forecaster *forecaster, enum forecast_series series, int64_t now_ms,
                      struct forecast *ret_forecast)
{
    assert(series >= 0 && series < FORECAST_SERIES);
    int64_t start_step = step_of(now_ms);
    const struct forecast_model *model = ask(forecaster, series, start_step, now_ms);
    *ret_forecast = (struct forecast){
        .series = series,
        .issue_ms = now_ms,
        .start_ms = start_step * FORECAST_STEP_MS,
        .steps = model ? FORECAST_STEPS : 0,
    };
    snprintf(ret_forecast->model, sizeof(ret_forecast->model), "%s", model ? model->name : "none");
    if (!model)
        return;
    fill(forecaster, series, model, ret_forecast);
    remember(forecaster, series, model, ret_forecast);
    struct scenario_source *source = &forecaster->series[series].source;
    source->issued = *ret_forecast;
    memcpy(source->spread, forecaster->outlook.spread, sizeof(source->spread));
}

static bool in_force(const struct forecast *forecast, int64_t now_ms)
{
    int64_t age_ms = now_ms - forecast->start_ms;
    return forecast->steps > 0 && age_ms >= 0 &&
           age_ms < forecast->steps * (int64_t)FORECAST_STEP_MS;
}

/* Both ways of one past day. False: no series knows how it went wrong then. */
static bool follow_day(const struct forecaster *forecaster, int64_t now_ms, int64_t start_step,
                       int32_t days_ago, struct forecast_scenario ret_both[2])
{
    bool any = false;
    int64_t origin = utc_floor(start_step, STEPS_AN_HOUR) - (int64_t)days_ago * STEPS_A_DAY;
    for (int series = 0; series < FORECAST_SERIES; series++) {
        const struct series_state *state = &forecaster->series[series];
        float errors[OUTLOOK_HOURS];
        bool forecast = in_force(&state->source.issued, now_ms);
        bool known =
            forecast && recall_errors(&state->source.recall, &state->history, origin, errors);
        /* What was never seen yet is possible, but no ground to plan on. */
        float most =
            known && forms[series].never_negative ? history_most(&state->history) : INFINITY;
        float least = forms[series].never_negative ? 0.0f : -INFINITY;
        for (int way = 0; way < 2; way++) {
            float *value = ret_both[way].value[series];
            if (forecast)
                scenario_write(&state->source, start_step, known ? errors : NULL,
                               way == 0 ? 1.0f : -1.0f, least, most, value);
            for (int32_t i = 0; i < FORECAST_STEPS && !forecast; i++)
                value[i] = NAN;
        }
        any |= known;
    }
    return any;
}

int forecaster_scenarios(const struct forecaster *forecaster, int64_t now_ms,
                         struct forecast_scenario *ret_scenarios, int most)
{
    int count = 0;
    int64_t start_step = INT64_MIN;
    for (int series = 0; series < FORECAST_SERIES; series++) {
        const struct forecast *issued = &forecaster->series[series].source.issued;
        if (in_force(issued, now_ms) && step_of(issued->start_ms) > start_step)
            start_step = step_of(issued->start_ms);
    }
    if (start_step == INT64_MIN)
        return 0;
    for (int day = 0; day < SCENARIO_DAYS && count + 2 <= most; day++)
        if (follow_day(forecaster, now_ms, start_step, scenario_days_ago[day],
                       &ret_scenarios[count]))
            count += 2;
    for (int i = 0; i < count; i++) {
        ret_scenarios[i].weight = 1.0 / count;
        ret_scenarios[i].steps = FORECAST_STEPS;
        ret_scenarios[i].start_ms = start_step * FORECAST_STEP_MS;
    }
    return count;
}

int forecaster_scores(const struct forecaster *forecaster, struct forecast_score *ret_scores,
                      int most)
{
    int rows = 0;
    for (int series = 0; series < FORECAST_SERIES; series++) {
        for (int lead = 0; lead < SCORE_LEADS; lead++) {
            const struct score_sum *sum = &forecaster->series[series].score[lead];
            if (sum->count > 0 && rows < most)
                score_read(sum, (enum forecast_series)series, lead, &ret_scores[rows++]);
        }
    }
    return rows;
}
