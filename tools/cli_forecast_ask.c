/* See cli_forecast_ask.h. */
#include "tools/cli_forecast_ask.h"

#include <math.h>

#include "controller/base/utc.h"

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *when(int64_t ms)
{
    char text[UTC_TEXT];
    return json_string(utc_format(ms, text));
}

int forecast_newest(struct belief *belief, int64_t *ret_ms, struct error *error)
{
    int64_t newest_ms = INT64_MIN;
    for (int s = 0; s < FORECAST_SERIES; s++) {
        struct belief_issue issue;
        int found = belief_issue(belief, (enum forecast_series)s, INT64_MAX, &issue, error);
        if (found < 0)
            return found;
        if (found > 0 && issue.issue_ms > newest_ms)
            newest_ms = issue.issue_ms;
    }
    if (newest_ms == INT64_MIN)
        return error_set(error, ERROR_INVALID,
                         "no forecast was made yet: the first follows the first readings within "
                         "seconds, and gets useful with days of history (forecast.history imports "
                         "older ones)");
    *ret_ms = newest_ms;
    return 0;
}

static void take_step(void *context, const struct belief_step *step)
{
    static const char *const names[QUANTILES] = {"p5", "p10", "p25", "p50", "p75", "p90", "p95"};
    json_t *row = json_pack("{s:o, s:o, s:o}", "at", when(step->step_ms), "issue",
                            when(step->issue_ms), "came", number(step->came));
    for (int q = 0; q < QUANTILES; q++)
        json_object_set_new(row, names[q], number(step->quantile[q]));
    json_array_append_new(context, row);
}

/* Adds what was measured last. */
static int add_measured(struct belief *belief, int32_t track, int64_t at_ms, json_t *object,
                        struct error *error)
{
    int64_t step_ms;
    double value;
    int found = belief_last(belief, track, at_ms, &step_ms, &value, error);
    if (found > 0)
        json_object_set_new(object, "measured",
                            json_pack("{s:o, s:o}", "at", when(step_ms), "value", number(value)));
    else
        json_object_set_new(object, "measured", json_null());
    return found;
}

static json_t *describe_issue(enum forecast_series series, const struct belief_issue *issue)
{
    bool made = issue->issue_ms > 0;
    json_t *object = json_pack("{s:s, s:o, s:s, s:s}", "series", forecast_series_name(series),
                               "issue", made ? when(issue->issue_ms) : json_null(), "model",
                               issue->model, "reason", reason_name(issue->reason));
    const char *text = !made                          ? "no forecast was made by then"
                       : issue->steps == 0            ? "nothing was ever measured of it"
                       : issue->reason == REASON_NONE ? NULL
                                                      : reason_text(issue->reason);
    if (text)
        json_object_set_new(object, "text", json_string(text));
    return object;
}

json_t *forecast_ask_series(struct belief *belief, enum forecast_series series, int64_t at_ms,
                            int64_t from_ms, int64_t to_ms, struct error *error)
{
    struct belief_issue issue = {.model = "none"};
    json_t *steps = json_array();
    int found = belief_issue(belief, series, at_ms, &issue, error);
    if (found >= 0)
        found = belief_steps(belief, series, at_ms, from_ms, to_ms, take_step, steps, error);
    json_t *object = describe_issue(series, &issue);
    json_object_set_new(object, "steps", steps);
    if (found >= 0)
        found = add_measured(belief, (int32_t)series, at_ms, object, error);
    if (found >= 0)
        return object;
    json_decref(object);
    return NULL;
}

static void take_word(void *context, const struct belief_word *word)
{
    json_array_append_new(context,
                          json_pack("{s:s, s:o, s:o, s:o, s:o}", "source", word->source, "issue",
                                    when(word->issue_ms), "received", when(word->received_ms), "at",
                                    when(word->step_ms), "value", number(word->value)));
}

/* Far steps are kept one an hour, or one in six hours where the hour's first issue is missing. */
enum { SPARSEST_MS = 6 * HOUR_MS };

json_t *forecast_ask_moment(struct belief *belief, enum forecast_series series, int64_t at_ms,
                            int64_t about_ms, struct error *error)
{
    json_t *object =
        forecast_ask_series(belief, series, at_ms, about_ms - SPARSEST_MS + 1, about_ms + 1, error);
    if (!object)
        return NULL;
    json_t *steps = json_object_get(object, "steps"), *said = json_array();
    while (json_array_size(steps) > 1)
        json_array_remove(steps, 0);
    json_object_set_new(object, "said", said);
    if (belief_words(belief, (int32_t)series, at_ms, about_ms, take_word, said, error) >= 0)
        return object;
    json_decref(object);
    return NULL;
}

/* ---- scores ---- */

struct judged {
    int32_t series; /* -1: all */
    json_t *rows;
};

static void take_score(void *context, const struct forecast_score *score)
{
    const struct judged *judged = context;
    if (judged->series >= 0 && judged->series != (int32_t)score->series)
        return;
    json_array_append_new(judged->rows,
                          json_pack("{s:s, s:i, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "series",
                                    forecast_series_name(score->series), "lead_h",
                                    forecast_lead_h[score->lead], "count", (json_int_t)score->count,
                                    "mae", number(score->mae), "bias", number(score->bias),
                                    "pinball", number(score->pinball), "coverage_90",
                                    number(score->coverage), "coverage_80",
                                    number(score->coverage_80), "rank", number(score->rank)));
}

static void take_standing(void *context, const struct forecast_standing *standing)
{
    const struct judged *judged = context;
    if (judged->series >= 0 && judged->series != (int32_t)standing->series)
        return;
    json_array_append_new(judged->rows,
                          json_pack("{s:s, s:i, s:s, s:o, s:o, s:o}", "series",
                                    forecast_series_name(standing->series), "lead_h",
                                    forecast_lead_h[standing->lead], "model", standing->model,
                                    "count", number(standing->count), "mae", number(standing->mae),
                                    "weight", number(standing->weight)));
}

json_t *forecast_ask_scores(struct belief *belief, int32_t series, struct error *error)
{
    struct judged scores = {series, json_array()}, standings = {series, json_array()};
    json_t *object = json_pack("{s:o, s:o}", "scores", scores.rows, "standings", standings.rows);
    if (belief_scores(belief, take_score, &scores, error) >= 0 &&
        belief_standings(belief, take_standing, &standings, error) >= 0)
        return object;
    json_decref(object);
    return NULL;
}
