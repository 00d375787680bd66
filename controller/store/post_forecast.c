/* Posting what forecasts learn from and how well they do. */
#include <string.h>

#include "controller/store/store_private.h"

bool store_post_scores(struct store *store, int64_t at_ms, const struct forecast_score *scores,
                       int count)
{
    if (count == 0)
        return true;
    size_t size = sizeof(struct record_scores) + (size_t)count * sizeof *scores;
    struct record_scores *record = record_create(RECORD_SCORES, false, at_ms, size);
    if (record) {
        record->count = count;
        memcpy(record->scores, scores, (size_t)count * sizeof *scores);
    }
    return store_post(store, record);
}

static bool post_standings(struct store *store, int64_t at_ms, const struct forecast_standing *rows,
                           int count)
{
    size_t size = sizeof(struct record_standings) + (size_t)count * sizeof *rows;
    struct record_standings *record = record_create(RECORD_STANDINGS, false, at_ms, size);
    if (record) {
        record->count = count;
        memcpy(record->rows, rows, (size_t)count * sizeof *rows);
    }
    return store_post(store, record);
}

bool store_post_judgement(struct store *store, int64_t at_ms, const struct forecaster *forecaster)
{
    enum { SCORES = FORECAST_SERIES * SCORE_LEADS };
    struct forecast_score scores[SCORES];
    struct forecast_standing rows[FORECAST_MODELS * SCORE_LEADS];
    bool posted =
        store_post_scores(store, at_ms, scores, forecaster_scores(forecaster, scores, SCORES));
    for (int s = 0; s < FORECAST_SERIES; s++) {
        int count = forecaster_standings(forecaster, (enum forecast_series)s, rows);
        posted &= count == 0 || post_standings(store, at_ms, rows, count);
    }
    return posted;
}

bool store_post_history(struct store *store, int64_t known_ms, enum forecast_series series,
                        int64_t step_start_ms, double value)
{
    struct record_history *record = record_create(RECORD_HISTORY, false, known_ms, sizeof *record);
    if (record) {
        record->series = series;
        record->step_ms = step_start_ms;
        record->value = value;
    }
    return store_post(store, record);
}

bool store_post_blocks(struct store *store, const struct tick_input *input,
                       const struct tick_output *output)
{
    bool posted = true;
    for (int i = 0; i < input->block_count; i++)
        posted &= store_post(
            store, record_block(input->now_ms, i, &input->blocks[i], output->block_verdicts[i]));
    return posted;
}
