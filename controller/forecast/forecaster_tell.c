/* How good it was, and how else it may go. */
#include <math.h>
#include <stdio.h>

#include "controller/base/utc.h"
#include "controller/forecast/forecaster_private.h"

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
    int64_t origin = utc_floor(start_step, STEPS_A_MEMORY) - (int64_t)days_ago * STEPS_A_DAY;
    for (int series = 0; series < FORECAST_SERIES; series++) {
        const struct series_state *state = &forecaster->series[series];
        float errors[OUTLOOK_HOURS];
        bool forecast = in_force(&state->source.issued, now_ms);
        bool known = forecast && series < RECALLED_SERIES &&
                     recall_errors(&forecaster->recall[series], &state->history, origin, errors);
        /* What was never seen yet is possible, but no ground to plan on. */
        float most =
            known && series_forms[series].never_negative ? history_most(&state->history) : INFINITY;
        float least = series_forms[series].never_negative ? 0.0f : -INFINITY;
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

void forecaster_state(const struct forecaster *forecaster, enum forecast_series series,
                      struct forecast_state *ret_state)
{
    const struct trouble *trouble = &forecaster->series[series].trouble;
    bool bust = trouble->state == FORECAST_BUST;
    *ret_state = (struct forecast_state){.trouble = trouble->state,
                                         .error = bust ? trouble->lately : trouble->recent,
                                         .usual = trouble->usual};
}

int forecaster_standings(const struct forecaster *forecaster, enum forecast_series series,
                         struct forecast_standing ret_rows[FORECAST_MODELS * SCORE_LEADS])
{
    const struct tournament *tournament = &forecaster->series[series].tournament;
    int rows = 0;
    for (int lead = 0; lead < SCORE_LEADS; lead++) {
        double weight[FORECAST_MODELS];
        tournament_weights(tournament, lead, weight);
        for (int i = 0; i < FORECAST_MODELS; i++) {
            const struct contender *contender = &tournament->contender[lead][i];
            if (!(contender->count > 0.0))
                continue;
            struct forecast_standing *row = &ret_rows[rows++];
            *row = (struct forecast_standing){.series = series,
                                              .lead = lead,
                                              .count = contender->count,
                                              .mae = contender->error / contender->count,
                                              .weight = weight[i]};
            snprintf(row->model, sizeof(row->model), "%s",
                     forecaster_model_name(forecaster, series, i));
        }
    }
    return rows;
}

static double mean_rank(const struct rank *rank)
{
    return rank->days > 0 ? rank->sum / (double)rank->days : (double)NAN;
}

int forecaster_scores(const struct forecaster *forecaster, struct forecast_score *ret_scores,
                      int most)
{
    int rows = 0;
    for (int series = 0; series < FORECAST_SERIES; series++) {
        for (int lead = 0; lead < SCORE_LEADS; lead++) {
            const struct score_sum *sum = &forecaster->series[series].score[lead];
            if (sum->count == 0 || rows >= most)
                continue;
            score_read(sum, (enum forecast_series)series, lead, &ret_scores[rows]);
            ret_scores[rows++].rank = mean_rank(&forecaster->series[series].rank);
        }
    }
    return rows;
}
