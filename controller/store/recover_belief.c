/* What forecasts learnt from, in the order in which it became known: measured quarter hours and
 * blocks of feeds come interleaved, each table read once in the order of its key. The forecaster
 * then stands where it stood. In one tick blocks came first. */
#include <stdio.h>

#include "controller/base/utc.h"
#include "controller/store/recover_private.h"

struct pass {
    struct db_statement *history, *blocks, *values;
    enum db_result history_at, blocks_at; /* DB_ROW: a row waits */
};

enum { HISTORY_SERIES, HISTORY_STEP, HISTORY_VALUE, HISTORY_KNOWN };
/* What came in a block comes back with it. */
static const char *const history_sql =
    "SELECT series, step_ms, value, coalesce(known_ms, step_ms + 900000) FROM forecast_history"
    " WHERE step_ms >= ?1 AND step_ms < ?2 AND NOT fed AND series < ?3 ORDER BY step_ms, series";

enum { BLOCK_RECEIVED, BLOCK_POSITION, BLOCK_SOURCE, BLOCK_TRACK, BLOCK_KIND, BLOCK_ISSUE };
enum { BLOCK_START = BLOCK_ISSUE + 1, BLOCK_STEP, BLOCK_COUNT };
static const char *const blocks_sql =
    "SELECT received_ms, position, source, track,"
    " CASE kind WHEN 'forecast' THEN ?5 WHEN 'settled' THEN ?6 ELSE ?7 END,"
    " issue_ms, start_ms, step_ms, count FROM feed_issue WHERE received_ms >= ?1"
    " AND received_ms <= ?2 AND verdict NOT IN (?3, ?4) ORDER BY received_ms, position";

static const char *const values_sql =
    "SELECT step, value FROM feed_value WHERE received_ms = ? AND position = ?";

static void take_history(struct reader *reader, const struct pass *pass)
{
    reader->calls->history(reader->calls->context,
                           (enum forecast_series)db_column_integer(pass->history, HISTORY_SERIES),
                           db_column_integer(pass->history, HISTORY_STEP),
                           db_column_real(pass->history, HISTORY_VALUE));
}

static enum db_result read_values(const struct pass *pass, struct forecast_block *block)
{
    enum db_result result;
    for (int32_t i = 0; i < block->count; i++)
        block->value[i] = NAN;
    db_bind(pass->values, DB_VALUES(db_integer(db_column_integer(pass->blocks, BLOCK_RECEIVED)),
                                    db_integer(db_column_integer(pass->blocks, BLOCK_POSITION))));
    while ((result = db_next(pass->values)) == DB_ROW) {
        int64_t step = db_column_integer(pass->values, 0);
        if (step >= 0 && step < block->count)
            block->value[step] = (float)db_column_real(pass->values, 1);
    }
    db_reset(pass->values);
    return result;
}

static enum db_result take_block(struct reader *reader, const struct pass *pass)
{
    struct forecast_block block = {
        .track = (int32_t)db_column_integer(pass->blocks, BLOCK_TRACK),
        .kind = (enum block_kind)db_column_integer(pass->blocks, BLOCK_KIND),
        .issue_ms = db_column_integer(pass->blocks, BLOCK_ISSUE),
        .start_ms = db_column_integer(pass->blocks, BLOCK_START),
        .step_ms = (int32_t)db_column_integer(pass->blocks, BLOCK_STEP),
        .count = (int32_t)db_column_integer(pass->blocks, BLOCK_COUNT),
    };
    if (block.track < 0 || block.track >= FORECAST_TRACKS || block.count < 0 ||
        block.count > LIMIT_BLOCK)
        return DB_DONE; /* not of our hand */
    snprintf(block.source, sizeof block.source, "%s", db_column_text(pass->blocks, BLOCK_SOURCE));
    enum db_result result = read_values(pass, &block);
    if (result == DB_DONE)
        reader->calls->block(reader->calls->context, &block);
    return result;
}

static bool block_is_next(const struct pass *pass)
{
    if (pass->blocks_at != DB_ROW || pass->history_at != DB_ROW)
        return pass->blocks_at == DB_ROW;
    return db_column_integer(pass->blocks, BLOCK_RECEIVED) <=
           db_column_integer(pass->history, HISTORY_KNOWN);
}

static enum db_result run(struct reader *reader, struct pass *pass)
{
    enum db_result result = DB_DONE;
    pass->history_at = db_next(pass->history);
    pass->blocks_at = reader->calls->block ? db_next(pass->blocks) : DB_DONE;
    while (result == DB_DONE && (pass->history_at == DB_ROW || pass->blocks_at == DB_ROW)) {
        if (block_is_next(pass)) {
            result = take_block(reader, pass);
            pass->blocks_at = db_next(pass->blocks);
        } else {
            take_history(reader, pass);
            pass->history_at = db_next(pass->history);
        }
    }
    if (result == DB_DONE)
        result = pass->history_at;
    return result == DB_DONE ? pass->blocks_at : result;
}

int recover_belief(struct reader *reader)
{
    struct db_value since = db_integer(reader->now_ms - LIMIT_LEARN_DAYS * (int64_t)DAY_MS);
    struct db_value now = db_integer(reader->now_ms);
    struct pass pass = {.history = db_prepare(reader->db, history_sql),
                        .blocks = db_prepare(reader->db, blocks_sql),
                        .values = db_prepare(reader->db, values_sql)};
    enum db_result result = DB_BROKEN;
    if (pass.history && pass.blocks && pass.values) {
        db_bind(pass.history, DB_VALUES(since, now, db_integer(FORECAST_SERIES)));
        db_bind(pass.blocks, DB_VALUES(since, now, db_integer(REASON_FEED_DUPLICATE),
                                       db_integer(REASON_FEED_INVALID), db_integer(BLOCK_FORECAST),
                                       db_integer(BLOCK_SETTLED), db_integer(BLOCK_MEASURED)));
        result = run(reader, &pass);
    }
    int rc = recover_finish(reader, pass.history, result);
    db_finalize(pass.blocks);
    db_finalize(pass.values);
    return rc;
}
