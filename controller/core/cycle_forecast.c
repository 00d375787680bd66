/* What was seen and what feeds brought goes to the forecaster, in the order in which it became
 * known; its forecasts come back when they are due. When what came lies far from what was said, an
 * event says so, and a plan that rests on it is made anew. */
#include "controller/core/cycle_private.h"

#include <math.h>
#include <string.h>

/* The store gives blocks back before the observations of the same tick: see recover_belief.c. */
static void take_blocks(struct cycle *cycle, const struct tick_input *input,
                        struct tick_output *output)
{
    assert(input->block_count <= LIMIT_BLOCKS);
    for (int i = 0; i < input->block_count; i++)
        output->block_verdicts[i] = forecaster_take(cycle->forecaster, &input->blocks[i]);
}

static void observe(struct cycle *cycle, const struct tick_output *output)
{
    for (int i = 0; i < output->observation_count; i++) {
        const struct observation *o = &output->observations[i];
        forecaster_observe(cycle->forecaster, o->series, o->step_start_ms, o->value);
    }
}

static void tell_forecaster_now(struct cycle *cycle, const struct tick_input *input)
{
    for (int s = 0; s < FORECAST_SERIES; s++) {
        if (!isnan(cycle->series_now[s]))
            forecaster_now(cycle->forecaster, (enum forecast_series)s, input->now_ms,
                           cycle->series_now[s]);
    }
}

/* A forecast from outside counts as far as it reaches; ours goes on after it. */
static void take_provided(struct cycle *cycle, const struct forecast *provided)
{
    struct forecast *own = &cycle->forecasts[provided->series];
    int64_t ahead = (provided->start_ms - own->start_ms) / FORECAST_STEP_MS;
    cycle->provided_until_ms[provided->series] =
        provided->start_ms + provided->steps * (int64_t)FORECAST_STEP_MS;
    if (own->steps == 0 || (ahead <= 0 && ahead + provided->steps >= own->steps)) {
        *own = *provided;
        return;
    }
    for (int32_t i = 0; i < provided->steps; i++)
        if (ahead + i >= 0 && ahead + i < own->steps)
            memcpy(own->value[ahead + i], provided->value[i], sizeof own->value[0]);
}

/* ---- how they stand ---- */

struct series_use {
    const char *unit;
    bool planned; /* plans rest on it */
};
static const struct series_use uses[FORECAST_SERIES] = {
    [SERIES_PV] = {"W", true},
    [SERIES_WIND] = {"W", true},
    [SERIES_PRICE] = {"per MWh", true},
    [SERIES_CARBON] = {"g/kWh", true},
    [SERIES_BASE_IT] = {"W", true},
    [SERIES_TEMP] = {"K", true},
    [SERIES_PRICE_RT] = {"per MWh", false},
    [SERIES_WET_BULB] = {"K", false},
    [SERIES_COP] = {"W/W", false},
    [SERIES_OVERHEAD] = {"W", false},
};

static void tell_trouble(struct cycle *cycle, enum forecast_series series,
                         const struct forecast_state *state, struct tick_output *output)
{
    static const struct {
        enum event_kind event;
        const char *over;
    } words[] = {[FORECAST_SOUND] = {EVENT_FORECAST_BACK, "now"},
                 [FORECAST_BUST] = {EVENT_FORECAST_BUST, "over the last hours"},
                 [FORECAST_DRIFT] = {EVENT_FORECAST_DRIFT, "over the last days"}};
    cycle->troubles[series] = state->trouble;
    cycle_event(output, words[state->trouble].event, forecast_series_name(series),
                "mean error %.4g %s %s, usually %.4g", state->error, uses[series].unit,
                words[state->trouble].over, state->usual);
    if (state->trouble != FORECAST_SOUND && uses[series].planned)
        cycle->replan = true; /* once for all series of an issue: it is a flag */
}

static void watch(struct cycle *cycle, struct tick_output *output)
{
    for (int s = 0; s < FORECAST_SERIES; s++) {
        struct forecast_state state;
        forecaster_state(cycle->forecaster, (enum forecast_series)s, &state);
        if (state.trouble != cycle->troubles[s])
            tell_trouble(cycle, (enum forecast_series)s, &state, output);
    }
}

void cycle_forecast(struct cycle *cycle, const struct tick_input *input, struct tick_output *output)
{
    take_blocks(cycle, input, output);
    observe(cycle, output);
    if (input->now_ms < cycle->forecast_due_ms)
        return;
    tell_forecaster_now(cycle, input);
    for (int s = 0; s < FORECAST_SERIES; s++)
        forecaster_issue(cycle->forecaster, (enum forecast_series)s, input->now_ms,
                         &cycle->forecasts[s]);
    watch(cycle, output);
    for (int i = 0; i < input->provided_count; i++)
        take_provided(cycle, &input->provided[i]);
    memcpy(output->forecasts, cycle->forecasts, sizeof output->forecasts);
    output->forecasts_issued = true;
    cycle->forecast_due_ms =
        utc_floor(input->now_ms, cycle->config.forecast_every_ms) + cycle->config.forecast_every_ms;
}

void cycle_resume_until(struct cycle *cycle, int64_t now_ms)
{
    forecaster_rehearse_from(cycle->forecaster, now_ms - LIMIT_REHEARSE_DAYS * (int64_t)DAY_MS);
}

void cycle_resume_history(struct cycle *cycle, enum forecast_series series, int64_t step_start_ms,
                          double value)
{
    forecaster_observe(cycle->forecaster, series, step_start_ms, value);
}

void cycle_resume_block(struct cycle *cycle, const struct forecast_block *block)
{
    forecaster_take(cycle->forecaster, block);
}
