/* What came: into the history, the regressions, the band, the weights and the scores. */
#include <assert.h>
#include <math.h>

#include "controller/base/utc.h"
#include "controller/forecast/forecaster_private.h"

static const double PLAUSIBLE_MOST = 1e15;
/* A solar error of so many spreads says that the plant was not yet known, not how wide its band
 * is; without the cut, commissioning would stretch the band for two weeks. */
static const double SOLAR_SPREADS_MOST = 10.0;
/* Busts and drifts are told from what was said two to five hours before. */
enum { TROUBLE_FROM = 5, TROUBLE_TO = 9 };
/* Half a day to a day ahead: the hours of the day are told apart by these. */
enum { DAY_FROM = 16, DAY_TO = 19 };

static bool plausible(double value)
{
    return fabs(value) <= PLAUSIBLE_MOST; /* false for NAN */
}

/* A meter that reads a little below zero at night is not a negative production. */
static double floored(enum forecast_series series, double value)
{
    return series_forms[series].never_negative ? fmax(0.0, value) : value;
}

static bool is_remembered(int64_t step)
{
    return step % STEPS_A_MEMORY == 0;
}

static void judge_belief(struct forecaster *forecaster, enum forecast_series series, int sample,
                         const struct remembered_issue *issue, int64_t step, double observed)
{
    struct series_state *state = &forecaster->series[series];
    const struct belief *belief = &issue->belief[sample];
    double error = observed - (double)belief->point;
    double most = series_forms[series].solar ? SOLAR_SPREADS_MOST : 2.0 * PLAUSIBLE_MOST;
    double relative = fmax(-most, fmin(most, error / (double)belief->spread));
    if (issue->issued) {
        float quantile[QUANTILES];
        for (int q = 0; q < QUANTILES; q++)
            quantile[q] = forecaster_bounded(
                series, (double)belief->point + (double)belief->offset[q] * (double)belief->spread);
        score_add(&state->score[sample / LEAD_SAMPLES_A_CLASS], quantile, observed);
    }
    if (lead_is_judged(sample))
        tournament_judge(&state->tournament, sample / LEAD_SAMPLES_A_CLASS,
                         issue->contender[sample / 2], observed);
    if (!issue->learnable)
        return;
    if (sample >= DAY_FROM && sample <= DAY_TO)
        by_hour_learn(&state->by_hour, step, error);
    if (sample >= TROUBLE_FROM && sample <= TROUBLE_TO)
        trouble_judge(
            &state->trouble, error,
            0.5 * (double)((belief->offset[QUANTILES - 1] - belief->offset[0]) * belief->spread));
    band_learn(&state->band, sample, relative, belief->offset);
}

/* Compares the observation with all that was said about its step. */
static void judge(struct forecaster *forecaster, enum forecast_series series, int64_t step,
                  double observed)
{
    for (int i = 0; i < LEAD_SAMPLES; i++) {
        const struct remembered_issue *issue =
            memory_of_step(&forecaster->series[series].memory, i, step);
        if (issue && issue->belief[i].spread > 0.0f) /* not the night's zero, nor a settled price */
            judge_belief(forecaster, series, i, issue, step, observed);
    }
}

/* The day that was ranked is over. */
static void judge_ranks(struct series_state *state, int64_t step)
{
    struct rank *rank = &state->rank;
    int64_t end = (rank->first_hour + RANKED_HOURS) * STEPS_AN_HOUR;
    if (!rank->held || step < end - 1)
        return;
    float came[RANKED_HOURS];
    for (int hour = 0; hour < RANKED_HOURS; hour++) {
        came[hour] = 0.0f;
        for (int i = 0; i < STEPS_AN_HOUR; i++)
            came[hour] +=
                history_at(&state->history, (rank->first_hour + hour) * STEPS_AN_HOUR + i);
    }
    double correlation = rank_correlation(rank->said, came);
    rank->held = false;
    if (isnan(correlation))
        return;
    rank->sum += correlation;
    rank->days++;
}

/* What would have been said at a time that is remembered, from what was known until then. */
static void replay(struct forecaster *forecaster, enum forecast_series series, int64_t step)
{
    bool early = step * FORECAST_STEP_MS < forecaster->rehearse_from_ms;
    if (early || memory_find(&forecaster->series[series].memory, step))
        return;
    struct answer answer = forecaster_ask(forecaster, series, step, WITHOUT_NOW);
    if (answer.known)
        forecaster_remember(forecaster, series, step, &answer, false);
}

void forecaster_rehearse_from(struct forecaster *forecaster, int64_t at_ms)
{
    forecaster->rehearse_from_ms = at_ms;
}

/* Time has come so far: series that are settled beyond it bring no value of their own then. */
static void replay_settled(struct forecaster *forecaster, int64_t step)
{
    for (int s = 0; s < FORECAST_SERIES; s++) {
        const struct history *history = &forecaster->series[s].history;
        if (history->started && history->newest_step >= step)
            replay(forecaster, (enum forecast_series)s, step);
    }
}

static void add(struct forecaster *forecaster, enum forecast_series series, int64_t step,
                double value)
{
    struct series_state *state = &forecaster->series[series];
    judge(forecaster, series, step, value);
    history_add(&state->history, step, value);
    tracks_add(&forecaster->tracks, (int32_t)series, step, value);
    judge_ranks(state, step);
}

void forecaster_observe(struct forecaster *forecaster, enum forecast_series series,
                        int64_t step_start_ms, double value)
{
    assert(series >= 0 && series < FORECAST_SERIES);
    struct series_state *state = &forecaster->series[series];
    int64_t step = step_of(step_start_ms);
    if (!plausible(value) || !history_accepts(&state->history, step))
        return;
    if (is_remembered(step) && step > forecaster->clock_step)
        replay_settled(forecaster, step);
    if (is_remembered(step))
        replay(forecaster, series, step);
    if (step > forecaster->clock_step)
        forecaster->clock_step = step;
    add(forecaster, series, step, floored(series, value));
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

/* ---- blocks of feeds ---- */

static const int64_t TIME_MOST_MS = 32503680000000;          /* year 3000: minutes fit 32 bits */
static const int64_t CLOCK_LAG_MS = 3 * (int64_t)DAY_MS / 2; /* who asks once a day, and more */
static const int64_t SETTLED_AHEAD_MS = 7 * (int64_t)DAY_MS;

/* One block of a broken clock would make all sound ones after it late. While history is replayed
 * there is no clock to tell, and what is replayed was judged when it came. */
static bool is_to_come(const struct forecaster *forecaster, int64_t issue_ms)
{
    int64_t before_ms = issue_ms - CLOCK_LAG_MS;
    return forecaster->asked_ms != INT64_MIN && forecaster->asked_ms < before_ms &&
           forecaster->clock_step < step_of(before_ms);
}

static bool is_sound(const struct forecast_block *block)
{
    return block->track >= 0 && block->track < FORECAST_TRACKS && block->count > 0 &&
           block->count <= LIMIT_BLOCK && block->step_ms > 0 && block->step_ms <= DAY_MS &&
           block->step_ms % FORECAST_STEP_MS == 0 && block->start_ms % FORECAST_STEP_MS == 0 &&
           block->start_ms > 0 && block->start_ms < TIME_MOST_MS && block->issue_ms > 0 &&
           block->issue_ms < TIME_MOST_MS;
}

/* What has begun is measured at best, and an auction settles days, not weeks: a wrong date would
 * make the site's own values of years old news. */
static bool is_in_time(const struct forecast_block *block, int32_t at)
{
    int64_t ahead_ms = block->start_ms + at * (int64_t)block->step_ms - block->issue_ms;
    return block->kind == BLOCK_FORECAST ||
           ahead_ms < (block->kind == BLOCK_MEASURED ? FORECAST_STEP_MS : SETTLED_AHEAD_MS);
}

static bool is_possible(const struct forecast_block *block, double value)
{
    int kind = block->kind == BLOCK_FORECAST ? weather_kind_of(block->track) : -1;
    return kind < 0 || weather_possible((enum weather_kind)kind, value);
}

/* Without values that cannot be; false: none is left. */
static bool clean(struct forecast_block *block, int32_t *ret_left_out)
{
    *ret_left_out = 0;
    for (int32_t i = 0; i < block->count; i++) {
        double value = (double)block->value[i];
        if (plausible(value) && is_possible(block, value) && is_in_time(block, i))
            continue;
        block->value[i] = NAN;
        ++*ret_left_out;
    }
    return *ret_left_out < block->count;
}

static void take_measured(struct forecaster *forecaster, int32_t track, int64_t step, double value)
{
    if (track < FORECAST_SERIES)
        forecaster_observe(forecaster, (enum forecast_series)track, step * FORECAST_STEP_MS, value);
    else
        tracks_add(&forecaster->tracks, track, step, value);
}

static bool is_newer(const struct forecaster *forecaster, int32_t track, int64_t step)
{
    const struct hourly *hourly = &forecaster->tracks.hourly[track];
    if (track < FORECAST_SERIES)
        return history_accepts(&forecaster->series[track].history, step);
    return !hourly->started || step > hourly->newest_step;
}

/* Values of the past, or an auction's of days to come. The first word of what was stands, the
 * newest of what is settled; gaps are filled. */
static void take_known(struct forecaster *forecaster, const struct forecast_block *block,
                       int64_t step, double value, struct weather_intake *intake)
{
    if (is_newer(forecaster, block->track, step)) {
        intake->fresh++;
        if (block->kind == BLOCK_MEASURED)
            take_measured(forecaster, block->track, step, value);
        else
            add(forecaster, (enum forecast_series)block->track, step,
                floored((enum forecast_series)block->track, value));
        return;
    }
    if (block->track >= FORECAST_SERIES) {
        intake->same++;
        return;
    }
    struct history *history = &forecaster->series[block->track].history;
    double before = (double)history_at(history, step);
    bool same = fabs(before - value) <= 1e-3 * (1.0 + fabs(value));
    bool gap = isnan(before), other = !gap && !same && block->kind == BLOCK_SETTLED;
    intake->late += gap;
    intake->other += other;
    intake->same += !gap && !other;
    if (gap || other)
        history_correct(history, step, floored((enum forecast_series)block->track, value));
}

static void take_all_known(struct forecaster *forecaster, const struct forecast_block *block,
                           struct weather_intake *intake)
{
    for (int32_t i = 0; i < block->count; i++) {
        int64_t from_ms = block->start_ms + i * (int64_t)block->step_ms;
        for (int64_t at = from_ms; at < from_ms + block->step_ms; at += FORECAST_STEP_MS)
            if (!isnan(block->value[i]))
                take_known(forecaster, block, step_of(at), (double)block->value[i], intake);
    }
}

/* Weather feeds the regressions; what is said of a series is one more model of it. */
static bool take_forecast(struct forecaster *forecaster, const struct forecast_block *block,
                          struct weather_intake *ret_intake)
{
    int kind = weather_kind_of(block->track);
    if (kind >= 0)
        weather_take(&forecaster->tracks.weather, (enum weather_kind)kind, block, ret_intake);
    if (block->track >= FORECAST_SERIES)
        return kind >= 0;
    struct series_state *state = &forecaster->series[block->track];
    bool is_new;
    struct provided *provided =
        provided_of(state->provided, block->source, block->issue_ms, &is_new);
    if (is_new)
        tournament_forget(&state->tournament,
                          FORECAST_MODELS - PROVIDERS + (int)(provided - state->provided));
    struct weather_intake said;
    if (provided)
        provided_take(provided, block, kind >= 0 ? &said : ret_intake);
    return provided || kind >= 0;
}

static enum reason verdict(const struct weather_intake *intake, int32_t left_out)
{
    if (intake->other > 0)
        return REASON_FEED_CONTRADICTORY;
    if (intake->late > 0)
        return REASON_FEED_LATE;
    if (intake->fresh == 0)
        return intake->same > 0 ? REASON_FEED_DUPLICATE : REASON_FEED_INVALID;
    return left_out > 0 ? REASON_FEED_PARTIAL : REASON_NONE;
}

enum reason forecaster_take(struct forecaster *forecaster, const struct forecast_block *block)
{
    struct forecast_block cleaned = *block;
    struct weather_intake intake = {0};
    int32_t left_out;
    if (!is_sound(block) || is_to_come(forecaster, block->issue_ms) || !clean(&cleaned, &left_out))
        return REASON_FEED_INVALID;
    if (block->kind == BLOCK_SETTLED && block->track >= FORECAST_SERIES)
        return REASON_FEED_INVALID;
    if (block->kind != BLOCK_FORECAST)
        take_all_known(forecaster, &cleaned, &intake);
    else if (!take_forecast(forecaster, &cleaned, &intake))
        return REASON_FEED_INVALID;
    return verdict(&intake, left_out);
}
