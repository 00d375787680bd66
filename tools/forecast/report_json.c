/* An evaluation for programs: numbers in the series' own units, shares of 1; see report.h. */
#include "tools/forecast/report.h"

#include <jansson.h>
#include <math.h>

#include "controller/base/utc.h"

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *duel_json(const struct series_evaluation *series, const struct duel *duel)
{
    double count = (double)duel->count;
    return json_pack("{s:I, s:o, s:o, s:o, s:o}", "hours", (json_int_t)duel->count, "mae",
                     number(duel->ours / count), "their_mae", number(duel->theirs / count), "mape",
                     number(evaluation_mape(series, duel->ours_share / count)), "their_mape",
                     number(evaluation_mape(series, duel->theirs_share / count)));
}

static json_t *metric_json(const struct series_evaluation *series, const struct metric *metric,
                           const struct peer *peers)
{
    json_t *result = json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "hours", (json_int_t)metric->count, "mae",
        number(metric_mae(metric)), "mape", number(evaluation_mape(series, metric_mape(metric))),
        "pinball", number(metric_pinball(metric)), "coverage_p10_p90",
        number(metric_coverage_80(metric)), "coverage_p5_p95", number(metric_coverage_90(metric)),
        "day_before", duel_json(series, &metric->duels[RIVAL_DAY]), "week_before",
        duel_json(series, &metric->duels[RIVAL_WEEK]));
    json_t *beside = json_object();
    for (int i = 0; i < EVALUATION_PEERS; i++)
        if (metric->duels[RIVAL_PEER + i].count > 0)
            json_object_set_new(beside, peers[i].name,
                                duel_json(series, &metric->duels[RIVAL_PEER + i]));
    json_object_set_new(result, "peers", beside);
    return result;
}

static json_t *series_json(const struct series_evaluation *series, const struct peer *peers)
{
    json_t *days = json_array();
    for (int day = 0; day < EVALUATION_DAYS; day++)
        json_array_append_new(days, metric_json(series, &series->lead_day[day], peers));
    return json_pack(
        "{s:I, s:I, s:f, s:o, s:o, s:o}", "issues", (json_int_t)series->issues, "silent",
        (json_int_t)series->silent, "maximum", series->most, "rank_24h",
        number(series->ranked > 0 ? series->rank / (double)series->ranked : (double)NAN), "days",
        days, "all", metric_json(series, &series->lead_day[EVALUATION_ALL], peers));
}

bool evaluation_print_json(const struct evaluation *evaluation,
                           const struct evaluation_inputs *inputs,
                           const struct evaluation_request *request, FILE *out)
{
    char from[UTC_TEXT], to[UTC_TEXT];
    json_t *all = json_object();
    for (int id = 0; id < FORECAST_SERIES; id++)
        if (evaluation->series[id].wanted)
            json_object_set_new(all, forecast_series_name((enum forecast_series)id),
                                series_json(&evaluation->series[id], inputs->peers[id]));
    json_t *root = json_pack("{s:s, s:s, s:i, s:o}", "from", utc_format(request->from_ms, from),
                             "to", utc_format(request->to_ms, to), "issue_hour",
                             (int)request->issue_hour, "series", all);
    bool written = root && json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0 &&
                   fputc('\n', out) != EOF;
    json_decref(root);
    return written;
}
