/* See evaluate.h. */
#include "tools/forecast/evaluate.h"

#include <math.h>

#include "controller/base/utc.h"

enum { LEADS = 96, DAY_HOURS = 24, QUARTERS = HOUR_MS / FORECAST_STEP_MS };
static const int64_t WEEK_MS = 7 * (int64_t)DAY_MS;

struct walk {
    const struct evaluation_inputs *inputs;
    const struct evaluation_request *request;
    struct forecaster *forecaster;
    struct evaluation *evaluation;
    int32_t next_weather; /* the first issue that is not out yet */
    struct forecast forecast;
};

/* ---- what the forecaster is told ---- */

static void take_measured(struct walk *walk, int32_t track, int64_t hour_ms)
{
    double value = track_at(&walk->inputs->measured[track], hour_ms);
    if (isnan(value))
        return;
    struct forecast_block block = {
        .track = track,
        .kind = BLOCK_MEASURED,
        .source = "grid",
        .issue_ms = hour_ms + HOUR_MS,
        .start_ms = hour_ms,
        .step_ms = HOUR_MS,
        .count = 1,
        .value = {(float)value},
    };
    forecaster_take(walk->forecaster, &block);
}

static void observe(struct walk *walk, enum forecast_series series, int64_t step_ms)
{
    double value = track_at(&walk->inputs->measured[series], step_ms);
    if (!isnan(value))
        forecaster_observe(walk->forecaster, series, step_ms, value);
}

/* The hour has ended. */
static void tell_hour(struct walk *walk, int64_t hour_ms)
{
    for (int32_t track = FORECAST_SERIES; track < FORECAST_TRACKS; track++)
        take_measured(walk, track, hour_ms);
    for (int quarter = 0; quarter < QUARTERS; quarter++)
        for (int series = 0; series < FORECAST_SERIES; series++)
            if (walk->request->series[series])
                observe(walk, (enum forecast_series)series,
                        hour_ms + quarter * (int64_t)FORECAST_STEP_MS);
}

static void tell_weather(struct walk *walk, int64_t now_ms)
{
    const struct weather *weather = &walk->inputs->weather;
    for (; walk->next_weather < weather->count; walk->next_weather++) {
        const struct weather_issue *issue = &weather->issues[walk->next_weather];
        if (issue->issue_ms > now_ms)
            return;
        for (int value = 0; value < WEATHER_VALUES; value++) {
            struct forecast_block block;
            weather_block(issue, value, &block);
            forecaster_take(walk->forecaster, &block);
        }
    }
}

/* ---- what it said, and what came ---- */

static double peer_said(const struct walk *walk, enum forecast_series series, int peer,
                        int64_t issue_ms, int64_t hour_ms)
{
    double said = (double)NAN;
    peer_at(&walk->inputs->peers[series][peer], issue_ms, hour_ms, &said);
    return said;
}

static void ask_rivals(const struct walk *walk, enum forecast_series series, int64_t issue_ms,
                       int64_t hour_ms, double ret_said[RIVALS])
{
    const struct track *track = &walk->inputs->measured[series];
    int64_t ahead_days = (hour_ms - issue_ms) / DAY_MS + 1;
    ret_said[RIVAL_DAY] = track_at(track, hour_ms - ahead_days * DAY_MS);
    ret_said[RIVAL_WEEK] = track_at(track, hour_ms - WEEK_MS);
    for (int peer = 0; peer < EVALUATION_PEERS; peer++)
        ret_said[RIVAL_PEER + peer] = peer_said(walk, series, peer, issue_ms, hour_ms);
}

/* False: nothing came. */
static bool judge_hour(const struct walk *walk, int32_t lead, struct series_evaluation *sums,
                       struct outcome *ret_outcome)
{
    const struct forecast *forecast = &walk->forecast;
    int64_t hour_ms = forecast->issue_ms + lead * (int64_t)HOUR_MS;
    double *quantile = ret_outcome->quantile;
    ret_outcome->came = track_at(&walk->inputs->measured[forecast->series], hour_ms);
    if (isnan(ret_outcome->came))
        return false;
    for (int q = 0; q < QUANTILES; q++)
        forecast_mean(forecast, hour_ms, hour_ms + HOUR_MS, q, &quantile[q]);
    /* Nights of PV are certain and would flatter the band. */
    ret_outcome->banded = forecast->series != SERIES_PV || quantile[QUANTILES - 1] > quantile[0];
    ask_rivals(walk, forecast->series, forecast->issue_ms, hour_ms, ret_outcome->rivals);
    metric_add(&sums->lead_day[lead / DAY_HOURS], ret_outcome);
    metric_add(&sums->lead_day[EVALUATION_ALL], ret_outcome);
    sums->least_magnitude = fmin(sums->least_magnitude, fabs(ret_outcome->came));
    return true;
}

static void judge(const struct walk *walk, struct series_evaluation *sums)
{
    double said[DAY_HOURS], came[DAY_HOURS];
    int known = 0;
    sums->issues++;
    if (walk->forecast.steps == 0) {
        sums->silent++;
        return;
    }
    for (int32_t lead = 0; lead < LEADS; lead++) {
        struct outcome outcome;
        if (!judge_hour(walk, lead, sums, &outcome) || lead >= DAY_HOURS)
            continue;
        said[known] = outcome.quantile[QUANTILE_MEDIAN];
        came[known++] = outcome.came;
    }
    double rank = spearman(said, came, known);
    if (known == DAY_HOURS && !isnan(rank)) {
        sums->rank += rank;
        sums->ranked++;
    }
}

static void issue_all(struct walk *walk, int64_t now_ms)
{
    const struct evaluation_request *request = walk->request;
    for (int series = 0; series < FORECAST_SERIES; series++) {
        if (!request->series[series])
            continue;
        forecaster_issue(walk->forecaster, (enum forecast_series)series, now_ms, &walk->forecast);
        if (request->issued)
            request->issued(request->context, &walk->forecast);
        if (now_ms >= request->from_ms)
            judge(walk, &walk->evaluation->series[series]);
    }
}

/* ---- the walk ---- */

static double most_until(const struct track *track, int64_t to_ms)
{
    double most = 0;
    for (int32_t i = 0; i < track->hours; i++)
        if (track->start_ms + i * (int64_t)HOUR_MS < to_ms)
            most = fmax(most, track->value[i]);
    return most;
}

/* Every series has values before the test, and until its end. */
static int check_series(const struct evaluation_inputs *inputs,
                        const struct evaluation_request *request, struct error *error)
{
    char first[UTC_TEXT], end[UTC_TEXT];
    int wanted = 0;
    for (int id = 0; id < FORECAST_SERIES; id++) {
        const struct track *track = &inputs->measured[id];
        int64_t end_ms = track->start_ms + track->hours * (int64_t)HOUR_MS;
        if (!request->series[id])
            continue;
        wanted++;
        if (request->from_ms <= track->start_ms || request->to_ms > end_ms)
            return error_set(error, ERROR_INVALID,
                             "%s: %s goes from %s to %s: give --from and --to inside that, or "
                             "--series without it",
                             track->path, forecast_series_name((enum forecast_series)id),
                             utc_format(track->start_ms, first), utc_format(end_ms, end));
    }
    if (wanted > 0)
        return 0;
    return error_set(error, ERROR_INVALID,
                     "no series to evaluate: name --grid or --price, or --series");
}

static int check(const struct evaluation_inputs *inputs, const struct evaluation_request *request,
                 struct error *error)
{
    if (request->from_ms + LEADS * (int64_t)HOUR_MS > request->to_ms)
        return error_set(error, ERROR_INVALID,
                         "the test is shorter than one forecast: give 96 h from --from to --to");
    return check_series(inputs, request, error);
}

int evaluate(const struct evaluation_inputs *inputs, const struct evaluation_request *request,
             struct evaluation *ret_evaluation, struct error *error)
{
    int64_t now_ms, end_ms;
    if (check(inputs, request, error) < 0)
        return ERROR_INVALID;
    struct walk walk = {.inputs = inputs, .request = request, .evaluation = ret_evaluation};
    walk.forecaster = forecaster_create(&request->site, error);
    if (!walk.forecaster)
        return ERROR_INVALID;
    *ret_evaluation = (struct evaluation){0};
    for (int series = 0; series < FORECAST_SERIES; series++)
        ret_evaluation->series[series] = (struct series_evaluation){
            .wanted = request->series[series],
            .most = most_until(&inputs->measured[series], request->to_ms),
            .least_magnitude = (double)INFINITY,
        };
    evaluation_inputs_span(inputs, &now_ms, &end_ms);
    while (now_ms + LEADS * (int64_t)HOUR_MS <= request->to_ms) {
        tell_weather(&walk, now_ms);
        if (utc_floor(now_ms, DAY_MS) + request->issue_hour * (int64_t)HOUR_MS == now_ms)
            issue_all(&walk, now_ms);
        tell_hour(&walk, now_ms);
        now_ms += HOUR_MS;
    }
    forecaster_destroy(walk.forecaster);
    return 0;
}

void evaluation_choose_all(const struct evaluation_inputs *inputs,
                           struct evaluation_request *request)
{
    for (int series = 0; series < FORECAST_SERIES; series++)
        request->series[series] = inputs->measured[series].hours > 0 && series != SERIES_TEMP;
}
