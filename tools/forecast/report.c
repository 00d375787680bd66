/* See report.h. */
#include "tools/forecast/report.h"

#include <math.h>

#include "controller/base/quantity.h"
#include "controller/base/utc.h"
#include "tools/cli_table.h"

static const double CLEAR_OF_ZERO = 0.01; /* of the series' maximum */

double evaluation_mape(const struct series_evaluation *series, double share)
{
    return series->least_magnitude > CLEAR_OF_ZERO * series->most ? share : (double)NAN;
}

static bool in_watts(enum forecast_series series)
{
    return series == SERIES_PV || series == SERIES_WIND || series == SERIES_BASE_IT ||
           series == SERIES_OVERHEAD;
}

static void number_cell(struct cli_table *table, int digits, double value)
{
    if (isnan(value))
        cli_cell(table, "–");
    else
        cli_cell(table, "%.*f", digits, value);
}

/* In the series' unit; large powers as people write them. */
static void value_cell(struct cli_table *table, enum forecast_series series, double value)
{
    char text[32];
    if (in_watts(series) && !isnan(value))
        cli_cell(table, "%s", quantity_format(value, DIMENSION_POWER, text, sizeof text));
    else
        number_cell(table, 2, value);
}

static void lead_cell(struct cli_table *table, int day)
{
    if (day == EVALUATION_ALL)
        cli_cell(table, "all");
    else
        cli_cell(table, "day %d", day + 1);
}

/* Of the next day alone. */
static double rank_of(const struct series_evaluation *series, int day)
{
    return day == 0 && series->ranked > 0 ? series->rank / (double)series->ranked : (double)NAN;
}

static double theirs_mae(const struct duel *duel)
{
    return duel->count > 0 ? duel->theirs / (double)duel->count : (double)NAN;
}

static void own_row(struct cli_table *table, enum forecast_series id,
                    const struct series_evaluation *series, int day)
{
    const struct metric *metric = &series->lead_day[day];
    cli_cell(table, "%s", forecast_series_name(id));
    lead_cell(table, day);
    cli_cell(table, "%lld", (long long)metric->count);
    value_cell(table, id, metric_mae(metric));
    number_cell(table, 2, 100 * evaluation_mape(series, metric_mape(metric)));
    number_cell(table, 2, series->most > 0 ? 100 * metric_mae(metric) / series->most : (double)NAN);
    number_cell(table, 3, metric_ratio(metric, RIVAL_WEEK));
    value_cell(table, id, theirs_mae(&metric->duels[RIVAL_DAY]));
    number_cell(table, 3, metric_ratio(metric, RIVAL_DAY));
    value_cell(table, id, metric_pinball(metric));
    number_cell(table, 1, 100 * metric_coverage_80(metric));
    number_cell(table, 1, 100 * metric_coverage_90(metric));
    number_cell(table, 3, rank_of(series, day));
}

static void print_own(const struct evaluation *evaluation, FILE *out)
{
    static const struct cli_column columns[] = {
        {"series", 'l'},     {"ahead", 'l'},    {"hours", 'r'},     {"MAE", 'r'},
        {"MAPE %", 'r'},     {"% of max", 'r'}, {"rMAE week", 'r'}, {"MAE day before", 'r'},
        {"ratio", 'r'},      {"pinball", 'r'},  {"P10-P90 %", 'r'}, {"P5-P95 %", 'r'},
        {"ranks 24 h", 'r'}, {NULL, 0},
    };
    struct cli_table *table = cli_table_create(columns);
    for (int id = 0; id < FORECAST_SERIES; id++)
        for (int day = 0; day <= EVALUATION_ALL && evaluation->series[id].wanted; day++)
            own_row(table, (enum forecast_series)id, &evaluation->series[id], day);
    cli_table_print(table, out);
    cli_table_destroy(table);
}

static void peer_row(struct cli_table *table, enum forecast_series id,
                     const struct series_evaluation *series, const struct peer *peer, int day,
                     const struct duel *duel)
{
    double count = (double)duel->count;
    double ours = 100 * evaluation_mape(series, duel->ours_share / count);
    double theirs = 100 * evaluation_mape(series, duel->theirs_share / count);
    const struct duel *week = &series->lead_day[day].duels[RIVAL_WEEK];
    cli_cell(table, "%s", forecast_series_name(id));
    cli_cell(table, "%s", peer->name);
    lead_cell(table, day);
    cli_cell(table, "%lld", (long long)duel->count);
    value_cell(table, id, duel->ours / count);
    value_cell(table, id, duel->theirs / count);
    number_cell(table, 3, duel->ours / duel->theirs);
    number_cell(table, 2, ours);
    number_cell(table, 2, theirs);
    number_cell(table, 3, ours / theirs);
    number_cell(table, 3, duel->ours / week->theirs * (double)week->count / count);
    number_cell(table, 3, duel->theirs / week->theirs * (double)week->count / count);
}

static bool has_peers(const struct evaluation_inputs *inputs, const struct evaluation *evaluation)
{
    bool any = false;
    for (int id = 0; id < FORECAST_SERIES; id++)
        any |= evaluation->series[id].wanted && inputs->peers[id][0].count > 0;
    return any;
}

/* The row of all leads says nothing new beside that of the only day ahead. */
static bool worth_a_row(const struct series_evaluation *series, int peer, int day)
{
    int64_t count = series->lead_day[day].duels[RIVAL_PEER + peer].count;
    return count > 0 &&
           (day != EVALUATION_ALL || count != series->lead_day[0].duels[RIVAL_PEER + peer].count);
}

static void print_peers(const struct evaluation *evaluation, const struct evaluation_inputs *inputs,
                        FILE *out)
{
    static const struct cli_column columns[] = {
        {"series", 'l'},    {"peer", 'l'},     {"ahead", 'l'},  {"hours", 'r'},      {"MAE", 'r'},
        {"its MAE", 'r'},   {"ratio", 'r'},    {"MAPE %", 'r'}, {"its MAPE %", 'r'}, {"ratio", 'r'},
        {"rMAE week", 'r'}, {"its rMAE", 'r'}, {NULL, 0},
    };
    struct cli_table *table = cli_table_create(columns);
    for (int id = 0; id < FORECAST_SERIES; id++) {
        const struct series_evaluation *series = &evaluation->series[id];
        for (int peer = 0; peer < EVALUATION_PEERS && series->wanted; peer++)
            for (int day = 0; day <= EVALUATION_ALL; day++) {
                if (worth_a_row(series, peer, day))
                    peer_row(table, (enum forecast_series)id, series, &inputs->peers[id][peer], day,
                             &series->lead_day[day].duels[RIVAL_PEER + peer]);
            }
    }
    fprintf(out, "\nBeside peers, on the very hours that they spoke of:\n\n");
    cli_table_print(table, out);
    cli_table_destroy(table);
}

static void print_notes(const struct evaluation *evaluation, const struct evaluation_inputs *inputs,
                        FILE *out)
{
    for (int id = 0; id < FORECAST_SERIES; id++) {
        const struct series_evaluation *series = &evaluation->series[id];
        for (int i = 0; i < EVALUATION_PEERS && series->wanted; i++) {
            const struct peer *peer = &inputs->peers[id][i];
            if (peer->note)
                fprintf(out, "%s %s.\n", peer->name, peer->note);
            if (peer->disputed > 0)
                fprintf(out,
                        "%s: %d of its rows are left out, for what they say that came did not.\n",
                        peer->name, peer->disputed);
        }
        if (series->silent > 0)
            fprintf(out, "%s: of %lld issues %lld said nothing.\n",
                    forecast_series_name((enum forecast_series)id), (long long)series->issues,
                    (long long)series->silent);
    }
    if (evaluation->series[SERIES_TEMP].wanted)
        fprintf(out, "%s: what came is the first day of each weather issue, so day 1 is no test.\n",
                forecast_series_name(SERIES_TEMP));
}

void evaluation_print(const struct evaluation *evaluation, const struct evaluation_inputs *inputs,
                      const struct evaluation_request *request, FILE *out)
{
    char from[UTC_TEXT], to[UTC_TEXT];
    fprintf(out, "Issued daily at %02d:00 from %.10s, the last one for 96 h until %.10s.\n\n",
            request->issue_hour, utc_format(request->from_ms, from),
            utc_format(request->to_ms, to));
    print_own(evaluation, out);
    if (has_peers(inputs, evaluation))
        print_peers(evaluation, inputs, out);
    fprintf(out, "\n");
    print_notes(evaluation, inputs, out);
}
