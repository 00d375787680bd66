/* The set of all series of a site: asks their models, weighs the answers, puts the learnt band
 * around them and remembers what was said, to score it when the truth arrives.
 *
 * The band and the weights need errors that were really made. A history that is imported without
 * issues is therefore replayed while it comes in: every three hours, before the observations, the
 * models are asked what they would have said from what was known until then. */
#include "controller/forecast/forecaster_private.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"
#include "controller/forecast/daily_profile.h"
#include "controller/forecast/despike.h"

const struct series_form series_forms[FORECAST_SERIES] = {
    [SERIES_PV] = {&clear_sky_model, true, true, 0.5, 1000.0},
    [SERIES_WIND] = {&wind_model, true, false, 0.6, 1000.0},
    [SERIES_PRICE] = {&seasonal_model, false, false, 0.3, 10.0},
    [SERIES_CARBON] = {&seasonal_model, true, false, 0.2, 20.0},
    [SERIES_BASE_IT] = {&load_model, true, false, 0.2, 1000.0},
    [SERIES_TEMP] = {&temperature_model, false, false, 0.0, 4.0},
    [SERIES_PRICE_RT] = {&seasonal_model, false, false, 0.5, 15.0},
    [SERIES_WET_BULB] = {&temperature_model, false, false, 0.0, 3.0},
    [SERIES_COP] = {&load_model, true, false, 0.2, 0.5},
    [SERIES_OVERHEAD] = {&load_model, true, false, 0.2, 1000.0},
};

/* No unit of ours reaches this; it keeps every sum and difference finite. */
static const double PLAUSIBLE_MOST = 1e15;
/* Silence of a series beyond which the reason is told. */
enum { SILENT_STEPS = 6 * STEPS_AN_HOUR, LEARNABLE_OLD_STEPS = 6 * STEPS_AN_HOUR };

/* Where the weights of each lead class hold; between them they change little by little. */
static const int32_t class_middle_step[SCORE_LEADS] = {2, 8, 18, 36, 72, 144, 288};
enum { LEAD_OF_THE_DAY = 4 };

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
    forecaster->regressions = malloc(tracks_room());
    if (!forecaster->regressions) {
        error_set(error, ERROR_SYSTEM, "out of memory for the regressions (%zu bytes)",
                  tracks_room());
        forecaster_destroy(forecaster);
        return NULL;
    }
    sun_table_init(&forecaster->sun, config->latitude_deg, config->longitude_deg);
    tracks_init(&forecaster->tracks, forecaster->regressions);
    forecaster->clock_step = INT64_MIN;
    forecaster->asked_ms = INT64_MIN;
    for (int i = 0; i < FORECAST_SERIES; i++)
        history_init(&forecaster->series[i].history);
    return forecaster;
}

void forecaster_destroy(struct forecaster *forecaster)
{
    if (forecaster)
        free(forecaster->regressions);
    free(forecaster);
}

size_t forecaster_size_bytes(void)
{
    return sizeof(struct forecaster) + tracks_room();
}

const struct forecast_model *forecaster_model(enum forecast_series series, int model)
{
    static const struct forecast_model *const beside[FORECAST_MODELS] = {
        NULL,         &weather_model,    &weather_lags_model, &lags_model,        &mix_model,
        &level_model, &day_before_model, &provider_models[0], &provider_models[1]};
    assert(model >= 0 && model < FORECAST_MODELS);
    bool of_grid = beside[model] == &mix_model || beside[model] == &level_model;
    if (of_grid && series != SERIES_CARBON)
        return NULL;
    return model == 0 ? series_forms[series].model : beside[model];
}

const char *forecaster_model_name(const struct forecaster *forecaster, enum forecast_series series,
                                  int model)
{
    const struct forecast_model *of = forecaster_model(series, model);
    return of->name ? of->name : forecaster->series[series].provided[of - provider_models].source;
}

float forecaster_bounded(enum forecast_series series, double value)
{
    double least = series_forms[series].never_negative ? 0.0 : -PLAUSIBLE_MOST;
    return (float)fmin(PLAUSIBLE_MOST, fmax(least, value));
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

/* Thermal solar plants, and regions wider than a site, produce while the sun is down here: a time
 * of the day is dark when it was so lately. */
static const double DARK_SHARE = 0.002; /* of the mean production */
enum { DARK_DAYS = 14 };

static void find_dark_times(struct forecaster *forecaster, struct forecast_view *view)
{
    double night[STEPS_A_DAY] = {0}, all = 0.0;
    int32_t nights[STEPS_A_DAY] = {0}, known = 0;
    struct day_walk walk =
        day_walk_from(forecast_view_step(view, LIMIT_HISTORY_SLOTS - DARK_DAYS * STEPS_A_DAY));
    for (int32_t i = LIMIT_HISTORY_SLOTS - DARK_DAYS * STEPS_A_DAY; i < LIMIT_HISTORY_SLOTS;
         i++, day_walk_on(&walk)) {
        if (isnan(view->past[i]))
            continue;
        all += (double)view->past[i];
        known++;
        if (sun_table_clear_sky_w_m2(&forecaster->sun, forecast_view_step(view, i)) > 0.0)
            continue;
        night[walk.time] += (double)view->past[i];
        nights[walk.time]++;
    }
    view->dark_nights = true;
    for (int32_t time = 0; time < STEPS_A_DAY; time++) {
        view->dark[time] =
            nights[time] == 0 || night[time] * known <= DARK_SHARE * all * nights[time];
        view->dark_nights &= view->dark[time];
    }
}

/* Markets and grid data know hours only; what comes that way must not be given a shape within. */
static bool hours_are_flat(const struct forecast_view *view)
{
    double within = 0.0, between = 0.0;
    int64_t quarter =
        forecast_view_step(view, 1) - hour_of_step(forecast_view_step(view, 1)) * STEPS_AN_HOUR;
    for (int32_t i = 1; i < LIMIT_HISTORY_SLOTS; i++, quarter = (quarter + 1) % STEPS_AN_HOUR) {
        double change = fabs((double)view->past[i] - (double)view->past[i - 1]);
        if (!isnan(change))
            *(quarter == 0 ? &between : &within) += change;
    }
    return within <= 0.05 * between && between > 0.0;
}

/* Asks each model. The first always answers: the series' own, or persistence in its place. */
static void ask_models(struct forecaster *forecaster, enum forecast_series series, bool *ret_young)
{
    const struct forecast_view *view = &forecaster->view;
    for (int i = 0; i < FORECAST_MODELS; i++) {
        const struct forecast_model *model = forecaster_model(series, i);
        forecaster->has_said[i] = model && model->predict(view, &forecaster->said[i]);
    }
    *ret_young = !forecaster->has_said[0];
    if (*ret_young)
        forecaster->has_said[0] = persistence_model.predict(view, &forecaster->said[0]);
}

struct weights {
    double of[FORECAST_MODELS];
    double ratio[FORECAST_MODELS]; /* errors relative to the first model's */
};

/* Between two classes of leads. */
static void weights_at(const struct weights by_lead[SCORE_LEADS], int32_t step, int *low,
                       struct weights *ret_weights)
{
    while (*low + 2 < SCORE_LEADS && step > class_middle_step[*low + 1])
        ++*low;
    double part = (double)(step - class_middle_step[*low]) /
                  (class_middle_step[*low + 1] - class_middle_step[*low]);
    part = fmin(1.0, fmax(0.0, part));
    const struct weights *a = &by_lead[*low], *b = &by_lead[*low + 1];
    for (int i = 0; i < FORECAST_MODELS; i++) {
        ret_weights->of[i] = (1.0 - part) * a->of[i] + part * b->of[i];
        ret_weights->ratio[i] = (1.0 - part) * a->ratio[i] + part * b->ratio[i];
    }
}

/* The mean of those that speak of the step. What is missing makes it less sure: errors are expected
 * to be as much larger as those of the ones that are left were. */
static void blend_step(const struct forecaster *forecaster, const struct weights *weights,
                       int32_t step, float *ret_point, float *ret_spread)
{
    double weight = 0.0, sum = 0.0, all_error = 0.0, error = 0.0;
    for (int i = 0; i < FORECAST_MODELS; i++) {
        all_error += weights->of[i] * weights->ratio[i];
        double point =
            forecaster->has_said[i] ? (double)forecaster->said[i].point[step] : (double)NAN;
        if (isnan(point) || !(weights->of[i] > 0.0))
            continue;
        weight += weights->of[i];
        sum += weights->of[i] * point;
        error += weights->of[i] * weights->ratio[i];
    }
    bool any = weight > 0.0;
    *ret_point = any ? (float)(sum / weight) : forecaster->said[0].point[step];
    double left = any ? error / weight : 1.0;
    *ret_spread = forecaster->said[0].spread[step] * (float)fmax(1.0, left / all_error);
}

static int heaviest(const struct forecaster *forecaster, const struct weights *weights)
{
    int most = 0;
    for (int i = 1; i < FORECAST_MODELS; i++)
        if (forecaster->has_said[i] && weights->of[i] > weights->of[most])
            most = i;
    return most;
}

/* Of the day's largest: what is produced at night is unsure, too. */
static const float NIGHT_SPREAD = 0.1f;

static float largest(const float value[FORECAST_STEPS])
{
    float most = 0.0f;
    for (int32_t i = 0; i < FORECAST_STEPS; i++)
        most = fmaxf(most, value[i]);
    return most;
}

/* The outlook from `start_step` on: what is settled, then the weighted models. */
static int blend(struct forecaster *forecaster, enum forecast_series series, int64_t start_step)
{
    struct series_state *state = &forecaster->series[series];
    struct weights by_lead[SCORE_LEADS];
    for (int lead = 0; lead < SCORE_LEADS; lead++) {
        tournament_weights(&state->tournament, lead, by_lead[lead].of);
        for (int i = 0; i < FORECAST_MODELS; i++)
            by_lead[lead].ratio[i] = tournament_ratio(&state->tournament, lead, i);
    }
    struct outlook *outlook = &forecaster->outlook;
    int32_t settled = (int32_t)(forecaster->view.end_step - start_step);
    float least_spread = NIGHT_SPREAD * largest(forecaster->said[0].spread);
    struct day_walk walk = day_walk_from(start_step);
    int low = 0;
    for (int32_t i = 0; i < FORECAST_STEPS; i++, day_walk_on(&walk)) {
        struct weights weights;
        weights_at(by_lead, i, &low, &weights);
        outlook->point[i] = history_at(&state->history, start_step + i);
        bool known = !isnan(outlook->point[i]);
        if (!known)
            blend_step(forecaster, &weights, i - settled, &outlook->point[i], &outlook->spread[i]);
        bool night = series_forms[series].solar && forecaster->view.dark[walk.time] &&
                     !(sun_table_clear_sky_w_m2(&forecaster->sun, start_step + i) > 0.0);
        if (night)
            outlook->point[i] = 0.0f;
        else if (series_forms[series].solar)
            outlook->spread[i] = fmaxf(outlook->spread[i], least_spread);
        if (night || known)
            outlook->spread[i] = 0.0f;
    }
    return heaviest(forecaster, &by_lead[LEAD_OF_THE_DAY]);
}

static double assumed_deviation(enum forecast_series series, bool young,
                                const struct outlook *outlook)
{
    const struct series_form *form = &series_forms[series];
    if (form->solar && !young)
        return form->assumed_share;
    double level = 0.0;
    for (int32_t i = 0; i < FORECAST_STEPS; i++)
        level = fmax(level, fabs((double)outlook->point[i]));
    return form->assumed_share * level + form->assumed_least;
}

/* What is settled is in the history, and nothing else can be ahead of what is asked for. Models go
 * on from the first gap. */
static int64_t settled_until(const struct history *history, int64_t start_step)
{
    int64_t step = start_step;
    while (step < start_step + FORECAST_STEPS / 2 && !isnan(history_at(history, step)))
        step++;
    return step;
}

/* A series that nobody measures, but a provider speaks of: the first that does is believed, with
 * the band that is assumed; its last word holds on. NULL: nobody speaks. */
static const char *ask_providers(struct forecaster *forecaster, enum forecast_series series)
{
    struct outlook *said = &forecaster->said[0];
    for (int i = 0; i < PROVIDERS; i++) {
        if (!provider_models[i].predict(&forecaster->view, said))
            continue;
        float held = said->point[0];
        for (int32_t step = 1; step < FORECAST_STEPS && isnan(held); step++)
            held = said->point[step];
        for (int32_t step = 0; step < FORECAST_STEPS; step++) {
            held = isnan(said->point[step]) ? held : said->point[step];
            said->point[step] = held;
        }
        memset(forecaster->has_said, 0, sizeof(forecaster->has_said));
        forecaster->has_said[0] = true;
        return forecaster->series[series].provided[i].source;
    }
    return NULL;
}

struct answer forecaster_ask(struct forecaster *forecaster, enum forecast_series series,
                             int64_t start_step, int64_t now_ms)
{
    struct series_state *state = &forecaster->series[series];
    struct forecast_view *view = &forecaster->view;
    view->series = series;
    view->end_step = settled_until(&state->history, start_step);
    view->sun = &forecaster->sun;
    view->tracks = &forecaster->tracks;
    view->provided = state->provided;
    view->known = history_before(&state->history, view->end_step, view->past);
    bool measured = find_present(state, now_ms, view);
    const char *provider = measured ? NULL : ask_providers(forecaster, series);
    struct answer answer = {.known = measured || provider, .young = !measured};
    if (!answer.known)
        return answer;
    despike(view);
    view->dark_nights = false;
    if (series_forms[series].solar)
        find_dark_times(forecaster, view);
    view->flat_hours = hours_are_flat(view);
    if (measured)
        ask_models(forecaster, series, &answer.young);
    int most = blend(forecaster, series, start_step);
    answer.model = provider                    ? provider
                   : answer.young && most == 0 ? persistence_model.name
                                               : forecaster_model_name(forecaster, series, most);
    int64_t old = measured ? view->end_step - 1 - view->present_step : 0;
    answer.old_steps = old > 0 ? (int32_t)fmin((double)old, 4.0 * FORECAST_STEPS) : 0;
    for (int32_t i = 0; i < FORECAST_STEPS; i++) /* the sun's unit follows its height already */
        forecaster->hour_scale[i] =
            series_forms[series].solar ? 1.0f : by_hour_scale(&state->by_hour, start_step + i);
    band_offsets(&state->band, assumed_deviation(series, answer.young, &forecaster->outlook),
                 answer.old_steps, forecaster->offset);
    return answer;
}

/* Models' points of the leads that are judged; settled steps are nobody's merit. */
static void keep_points(const struct forecaster *forecaster, int64_t start_step,
                        struct remembered_issue *slot)
{
    int32_t settled = (int32_t)(forecaster->view.end_step - start_step);
    for (int i = 0; i < LEAD_SAMPLES; i++) {
        if (!lead_is_judged(i))
            continue;
        int32_t step = lead_step(i, start_step) - settled;
        for (int model = 0; model < FORECAST_MODELS; model++)
            slot->contender[i / 2][model] = forecaster->has_said[model] && step >= 0
                                                ? forecaster->said[model].point[step]
                                                : NAN;
    }
}

/* Of the whole next day, from midnight on. */
static void keep_ranks(const struct forecaster *forecaster, int64_t start_step, struct rank *rank)
{
    if (start_step % STEPS_A_DAY != 0 || forecaster->view.end_step > start_step)
        return; /* settled hours are nobody's merit */
    rank->held = true;
    rank->first_hour = hour_of_step(start_step);
    for (int hour = 0; hour < RANKED_HOURS; hour++)
        rank->said[hour] = forecaster->outlook.point[hour * STEPS_AN_HOUR];
}

void forecaster_remember(struct forecaster *forecaster, enum forecast_series series,
                         int64_t start_step, const struct answer *answer, bool issued)
{
    const struct outlook *outlook = &forecaster->outlook;
    struct series_state *state = &forecaster->series[series];
    struct remembered_issue *slot = memory_slot(&state->memory, start_step);
    if (!slot)
        return;
    slot->held = true;
    slot->issued = issued;
    slot->learnable = !answer->young && answer->old_steps <= LEARNABLE_OLD_STEPS;
    slot->start_step = start_step;
    if (slot->learnable && recall_of(forecaster, series))
        recall_keep(recall_of(forecaster, series), start_step, outlook);
    for (int i = 0; i < LEAD_SAMPLES; i++) {
        int32_t step = lead_step(i, start_step);
        slot->belief[i].point = outlook->point[step];
        slot->belief[i].spread = outlook->spread[step] * forecaster->hour_scale[step];
        memcpy(slot->belief[i].offset, forecaster->offset[step], sizeof(slot->belief[i].offset));
    }
    keep_points(forecaster, start_step, slot);
    keep_ranks(forecaster, start_step, &state->rank);
}

static bool is_constant(const struct forecast_view *view)
{
    float least = INFINITY, most = -INFINITY;
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++) { /* comparisons with NAN are false */
        least = view->past[i] < least ? view->past[i] : least;
        most = view->past[i] > most ? view->past[i] : most;
    }
    return view->known >= 2 * STEPS_A_DAY && least == most;
}

static enum reason reason_of(const struct forecaster *forecaster, const struct answer *answer)
{
    const struct tracks *tracks = &forecaster->tracks;
    const struct outlook *by_weather = &forecaster->said[1];
    bool weather_once = tracks->weather.newest_issue_ms > 0;
    bool weather_now = forecaster->has_said[1] && !isnan(by_weather->point[STEPS_A_DAY / 2]);
    bool learnt = tracks->hourly[forecaster->view.series].seen >= HOURLY_KEPT / 2;
    if (answer->young)
        return REASON_FORECAST_YOUNG;
    if (answer->old_steps > SILENT_STEPS)
        return REASON_FORECAST_SILENT;
    if (is_constant(&forecaster->view))
        return REASON_FORECAST_CONSTANT;
    return weather_once && learnt && !weather_now ? REASON_FORECAST_NO_WEATHER : REASON_NONE;
}

static void fill(const struct forecaster *forecaster, enum forecast_series series,
                 struct forecast *ret_forecast)
{
    const struct outlook *outlook = &forecaster->outlook;
    for (int32_t step = 0; step < FORECAST_STEPS; step++) {
        double unit = (double)(outlook->spread[step] * forecaster->hour_scale[step]);
        for (int q = 0; q < QUANTILES; q++) {
            double value =
                (double)outlook->point[step] + (double)forecaster->offset[step][q] * unit;
            ret_forecast->value[step][q] = forecaster_bounded(series, value);
        }
    }
}

void forecaster_issue(struct forecaster *forecaster, enum forecast_series series, int64_t now_ms,
                      struct forecast *ret_forecast)
{
    assert(series >= 0 && series < FORECAST_SERIES);
    int64_t start_step = step_of(now_ms);
    if (now_ms > forecaster->asked_ms)
        forecaster->asked_ms = now_ms;
    struct answer answer = forecaster_ask(forecaster, series, start_step, now_ms);
    *ret_forecast = (struct forecast){
        .series = series,
        .issue_ms = now_ms,
        .start_ms = start_step * FORECAST_STEP_MS,
        .steps = answer.known ? FORECAST_STEPS : 0,
        .reason = answer.known ? reason_of(forecaster, &answer) : REASON_FORECAST_YOUNG,
    };
    snprintf(ret_forecast->model, sizeof(ret_forecast->model), "%s",
             answer.known ? answer.model : "none");
    if (!answer.known)
        return;
    fill(forecaster, series, ret_forecast);
    forecaster_remember(forecaster, series, start_step, &answer, true);
    struct scenario_source *source = &forecaster->series[series].source;
    source->issued = *ret_forecast;
    memcpy(source->spread, forecaster->outlook.spread, sizeof(source->spread));
}
