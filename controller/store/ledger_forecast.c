/* What was believed, what providers said, what came, and how well it was foreseen, into rows. */
#include "controller/store/ledger_private.h"

_Static_assert(QUANTILES == 7, "one column a quantile");

enum db_result ledger_write_forecast(struct ledger *ledger, const struct thin_forecast *f)
{
    enum db_result result = INSERT(
        ledger, TABLE_FORECAST_ISSUE, db_integer(f->issue_ms), number((int)f->series),
        db_text(f->model), db_integer(f->start_ms), db_integer(f->steps), number((int)f->reason));
    for (int32_t i = 0; result == DB_DONE && i < f->count; i++) {
        const float *q = f->step[i].value;
        result = INSERT(ledger, TABLE_FORECAST, db_integer(f->issue_ms), number((int)f->series),
                        db_integer(f->step[i].start_ms), db_real((double)q[0]),
                        db_real((double)q[1]), db_real((double)q[2]), db_real((double)q[3]),
                        db_real((double)q[4]), db_real((double)q[5]), db_real((double)q[6]));
    }
    return result;
}

enum db_result ledger_write_history(struct ledger *ledger, const struct record_history *history)
{
    return INSERT(ledger, TABLE_HISTORY, db_integer(history->step_ms), number((int)history->series),
                  db_real(history->value), db_integer(history->head.at_ms), number(0));
}

enum db_result ledger_write_scores(struct ledger *ledger, const struct record_scores *record)
{
    enum db_result result = DB_DONE;
    for (int32_t i = 0; result == DB_DONE && i < record->count; i++) {
        const struct forecast_score *s = &record->scores[i];
        result = INSERT(ledger, TABLE_SCORE, db_integer(record->head.at_ms), number((int)s->series),
                        number(forecast_lead_h[s->lead]), db_integer(s->count), db_real(s->mae),
                        db_real(s->bias), db_real(s->pinball), db_real(s->coverage),
                        db_real(s->coverage_80), db_real(s->rank));
    }
    return result;
}

enum db_result ledger_write_standings(struct ledger *ledger, const struct record_standings *record)
{
    enum db_result result = DB_DONE;
    for (int32_t i = 0; result == DB_DONE && i < record->count; i++) {
        const struct forecast_standing *s = &record->rows[i];
        result = INSERT(ledger, TABLE_STANDING, db_integer(record->head.at_ms),
                        number((int)s->series), number(forecast_lead_h[s->lead]), db_text(s->model),
                        db_real(s->count), db_real(s->mae), db_real(s->weight));
    }
    return result;
}

/* ---- what feeds bring ---- */

static const char *kind_name(enum block_kind kind)
{
    static const char *const names[] = {
        [BLOCK_FORECAST] = "forecast", [BLOCK_SETTLED] = "settled", [BLOCK_MEASURED] = "measured"};
    return names[kind];
}

/* The value of one step is that of each of its quarter hours. */
static enum db_result write_measured(struct ledger *ledger, const struct record_block *block,
                                     int32_t step)
{
    enum db_result result = DB_DONE;
    int64_t start_ms = block->start_ms + step * (int64_t)block->step_ms;
    for (int64_t at = 0; result == DB_DONE && at < block->step_ms; at += FORECAST_STEP_MS)
        result = INSERT(ledger, TABLE_FEED_HISTORY, db_integer(start_ms + at), number(block->track),
                        db_real((double)block->value[step]), db_integer(block->head.at_ms));
    return result;
}

enum db_result ledger_write_block(struct ledger *ledger, const struct record_block *block)
{
    struct db_value received = db_integer(block->head.at_ms), position = number(block->position);
    enum db_result result = INSERT(
        ledger, TABLE_FEED_ISSUE, received, position, db_text(block->source), number(block->track),
        db_text(kind_name(block->kind)), db_integer(block->issue_ms), db_integer(block->start_ms),
        number(block->step_ms), number(block->count), number((int)block->verdict));
    for (int32_t i = 0; result == DB_DONE && i < block->value_count; i++) {
        if (!isfinite(block->value[i]))
            continue;
        result = INSERT(ledger, TABLE_FEED_VALUE, received, position, number(i),
                        db_real((double)block->value[i]));
        if (result == DB_DONE && block->kind == BLOCK_MEASURED)
            result = write_measured(ledger, block, i);
    }
    return result;
}
