/* All arithmetic is plain SQL over the stored rows, so that anybody can repeat it. */
#include "controller/store/rollup.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "controller/base/clock.h"
#include "controller/base/utc.h"

/* ---- levels ---- */

static const char *const minute_sql =
    "INSERT OR REPLACE INTO sample_1min SELECT a.start_ms, a.point_id, a.least, a.most, a.mean,"
    " l.value, a.readings, a.good FROM ("
    "  SELECT at_ms - at_ms % 60000 AS start_ms, point_id,"
    "   min(value) FILTER (WHERE quality = 0) AS least,"
    "   max(value) FILTER (WHERE quality = 0) AS most,"
    "   avg(value) FILTER (WHERE quality = 0) AS mean,"
    "   max(at_ms) FILTER (WHERE quality = 0) AS last_ms,"
    "   count(*) AS readings, count(*) FILTER (WHERE quality = 0) AS good"
    "  FROM sample WHERE at_ms >= ?1 AND at_ms < ?2 GROUP BY 1, 2) AS a"
    " LEFT JOIN sample AS l ON l.at_ms = a.last_ms AND l.point_id = a.point_id";

/* Placeholders: target, step, source, source. */
static const char *const coarser_sql =
    "INSERT OR REPLACE INTO %s SELECT a.start_ms, a.point_id, a.least, a.most, a.mean,"
    " l.value_last, a.readings, a.good FROM ("
    "  SELECT start_ms - start_ms %% %d AS start_ms, point_id,"
    "   min(value_min) AS least, max(value_max) AS most,"
    "   sum(value_mean * good_count) / nullif(sum(good_count), 0) AS mean,"
    "   max(start_ms) FILTER (WHERE good_count > 0) AS last_ms,"
    "   sum(reading_count) AS readings, sum(good_count) AS good"
    "  FROM %s AS s WHERE s.start_ms >= ?1 AND s.start_ms < ?2 GROUP BY 1, 2) AS a"
    " LEFT JOIN %s AS l ON l.start_ms = a.last_ms AND l.point_id = a.point_id";

struct level {
    const char *table;
    const char *source, *source_time;
    int64_t step_ms;
};

static const struct level levels[] = {
    {"sample_1min", "sample", "at_ms", MINUTE_MS},
    {"sample_15min", "sample_1min", "start_ms", QUARTER_MS},
    {"sample_1h", "sample_15min", "start_ms", HOUR_MS},
};
enum { LEVELS = sizeof levels / sizeof *levels, ROLLUP_SQL = 1024 };

/* ---- what is deleted ---- */

/* Rows older than `keep` go, from the front, in slices of time; never before the level that reads
 * them has. Forecasts and the insides of plans are kept as long as minutes; what providers said as
 * long as quarters, because regressions learn from more than a season. */
struct expiry {
    const char *table, *time;
    size_t keep; /* offset in struct rollup_keep */
    int read_by; /* index of the level, -1: none */
};

#define KEEP(member) offsetof(struct rollup_keep, member)
static const struct expiry expiries[] = {
    {"sample", "at_ms", KEEP(raw_ms), 0},
    {"sample_1min", "start_ms", KEEP(minute_ms), 1},
    {"sample_15min", "start_ms", KEEP(quarter_ms), 2},
    {"forecast", "issue_ms", KEEP(minute_ms), -1},
    {"forecast_standing", "at_ms", KEEP(minute_ms), -1},
    {"plan_slot", "issue_ms", KEEP(minute_ms), -1},
    {"plan_group", "issue_ms", KEEP(minute_ms), -1},
    {"plan_feeder_breach", "issue_ms", KEEP(minute_ms), -1},
    {"plan_feeder_limit", "issue_ms", KEEP(minute_ms), -1},
    {"plan_group_limit", "issue_ms", KEEP(minute_ms), -1},
    {"plan_job", "issue_ms", KEEP(minute_ms), -1},
    {"plan_run", "issue_ms", KEEP(minute_ms), -1},
    {"point_verdict", "at_ms", KEEP(quarter_ms), -1},
    {"feed_value", "received_ms", KEEP(quarter_ms), -1},
    {"feed_issue", "received_ms", KEEP(quarter_ms), -1},
};
enum { EXPIRIES = sizeof expiries / sizeof *expiries };

enum {
    SLICE_LEAST_MS = 10 * SECOND_MS, /* of site time; more than comes in while it goes */
    SLICE_LONG_MS = 25,              /* a slice that took longer is halved next time */
    SLICE_SHORT_MS = 8,              /* a shorter one doubled */
};

struct rollup {
    struct db *db;
    struct rollup_keep keep;
    struct db_statement *close[LEVELS], *start[LEVELS], *progress, *note;
    struct db_statement *oldest[EXPIRIES], *expire[EXPIRIES];
    int64_t slice_ms[EXPIRIES];
    int expiry;            /* whose turn it is */
    int64_t rest_until_ms; /* nothing was too old when last looked at */
};

static bool prepare_levels(struct rollup *rollup)
{
    char sql[ROLLUP_SQL];
    bool ok = true;
    for (int l = 0; l < LEVELS; l++) {
        const struct level *level = &levels[l];
        if (l == 0)
            snprintf(sql, sizeof sql, "%s", minute_sql);
        else
            snprintf(sql, sizeof sql, coarser_sql, level->table, (int)level->step_ms, level->source,
                     level->source);
        rollup->close[l] = db_prepare(rollup->db, sql);
        snprintf(sql, sizeof sql, "SELECT min(%s) FROM %s", level->source_time, level->source);
        rollup->start[l] = db_prepare(rollup->db, sql);
        ok = ok && rollup->close[l] && rollup->start[l];
    }
    return ok;
}

static bool prepare_expiries(struct rollup *rollup)
{
    char sql[ROLLUP_SQL];
    bool ok = true;
    for (int e = 0; e < EXPIRIES; e++) {
        snprintf(sql, sizeof sql, "SELECT min(%s) FROM %s", expiries[e].time, expiries[e].table);
        rollup->oldest[e] = db_prepare(rollup->db, sql);
        snprintf(sql, sizeof sql, "DELETE FROM %s WHERE %s < ?", expiries[e].table,
                 expiries[e].time);
        rollup->expire[e] = db_prepare(rollup->db, sql);
        rollup->slice_ms[e] = MINUTE_MS;
        ok = ok && rollup->oldest[e] && rollup->expire[e];
    }
    return ok;
}

struct rollup *rollup_create(struct db *db, const struct rollup_keep *keep, struct error *error)
{
    struct rollup *rollup = calloc(1, sizeof *rollup);
    if (!rollup) {
        error_set(error, ERROR_SYSTEM, "out of memory");
        return NULL;
    }
    rollup->db = db;
    rollup->keep = *keep;
    rollup->progress = db_prepare(db, "SELECT done_ms FROM rollup_progress WHERE level = ?");
    rollup->note =
        db_prepare(db, "INSERT OR REPLACE INTO rollup_progress (level, done_ms) VALUES (?, ?)");
    if (prepare_levels(rollup) && prepare_expiries(rollup) && rollup->progress && rollup->note)
        return rollup;
    error_set(error, ERROR_INVALID, "%s (was the schema altered by hand?)", db_message(db));
    rollup_destroy(rollup);
    return NULL;
}

void rollup_destroy(struct rollup *rollup)
{
    if (!rollup)
        return;
    for (int l = 0; l < LEVELS; l++) {
        db_finalize(rollup->close[l]);
        db_finalize(rollup->start[l]);
    }
    for (int e = 0; e < EXPIRIES; e++) {
        db_finalize(rollup->oldest[e]);
        db_finalize(rollup->expire[e]);
    }
    db_finalize(rollup->progress);
    db_finalize(rollup->note);
    free(rollup);
}

/* The first column of the first row, `fallback_ms` when there is no row or it is NULL. */
static enum db_result read_time(struct db_statement *statement, const struct db_value *values,
                                int count, int64_t fallback_ms, int64_t *ret_ms)
{
    db_bind(statement, values, count);
    enum db_result result = db_next(statement);
    if (result == DB_ROW && !db_column_null(statement, 0))
        fallback_ms = db_column_integer(statement, 0);
    db_reset(statement);
    if (result == DB_ROW || result == DB_DONE)
        *ret_ms = fallback_ms;
    return result == DB_ROW ? DB_DONE : result;
}

/* The progress lives in the database alone: it rolls back with the batch that made it. */
static enum db_result read_progress(struct rollup *rollup, int level, int64_t fallback_ms,
                                    int64_t *ret_ms)
{
    return read_time(rollup->progress, DB_VALUES(db_text(levels[level].table)), fallback_ms,
                     ret_ms);
}

static enum db_result close_level(struct rollup *rollup, int l, int64_t oldest_ms,
                                  int64_t newest_ms)
{
    int64_t step_ms = levels[l].step_ms, first_ms, done_ms;
    enum db_result result = read_time(rollup->start[l], NULL, 0, newest_ms, &first_ms);
    if (result == DB_DONE)
        result = read_progress(rollup, l, first_ms, &done_ms);
    if (result != DB_DONE)
        return result;
    int64_t from_ms = utc_floor(done_ms < oldest_ms ? done_ms : oldest_ms, step_ms);
    int64_t end_ms = utc_floor(newest_ms, step_ms);
    if (end_ms > from_ms)
        result = db_run(rollup->close[l], DB_VALUES(db_integer(from_ms), db_integer(end_ms)));
    else
        end_ms = from_ms;
    if (result != DB_DONE || end_ms == done_ms)
        return result;
    return db_run(rollup->note, DB_VALUES(db_text(levels[l].table), db_integer(end_ms)));
}

enum db_result rollup_close(struct rollup *rollup, int64_t oldest_ms, int64_t newest_ms)
{
    enum db_result result = DB_DONE;
    for (int l = 0; result == DB_DONE && l < LEVELS; l++)
        result = close_level(rollup, l, oldest_ms, newest_ms);
    return result;
}

/* ---- retention ---- */

static int64_t cutoff(struct rollup *rollup, const struct expiry *expiry, int64_t now_ms)
{
    int64_t keep_ms = *(const int64_t *)((const char *)&rollup->keep + expiry->keep);
    int64_t cutoff_ms = now_ms - keep_ms, done_ms = INT64_MIN;
    if (keep_ms <= 0)
        return INT64_MIN;
    if (expiry->read_by >= 0 &&
        (read_progress(rollup, expiry->read_by, INT64_MIN, &done_ms) != DB_DONE ||
         done_ms < cutoff_ms))
        return done_ms;
    return cutoff_ms;
}

static void adapt_slice(int64_t *slice_ms, int64_t took_ms)
{
    if (took_ms > SLICE_LONG_MS && *slice_ms > SLICE_LEAST_MS)
        *slice_ms /= 2;
    else if (took_ms < SLICE_SHORT_MS && *slice_ms < DAY_MS)
        *slice_ms *= 2;
}

/* Deletes one slice. `ret_more`: rows that are too old are left. */
static enum db_result expire_slice(struct rollup *rollup, int e, int64_t now_ms, bool *ret_more)
{
    int64_t oldest_ms, end_ms = cutoff(rollup, &expiries[e], now_ms);
    enum db_result result = read_time(rollup->oldest[e], NULL, 0, INT64_MAX, &oldest_ms);
    *ret_more = false;
    if (result != DB_DONE || oldest_ms >= end_ms)
        return result;
    *ret_more = end_ms - oldest_ms > rollup->slice_ms[e];
    if (*ret_more)
        end_ms = oldest_ms + rollup->slice_ms[e];
    int64_t began_ns = clock_mono_ns();
    result = db_run(rollup->expire[e], DB_VALUES(db_integer(end_ms)));
    adapt_slice(&rollup->slice_ms[e], (clock_mono_ns() - began_ns) / 1000000);
    return result;
}

enum db_result rollup_retain(struct rollup *rollup, int64_t now_ms)
{
    bool more;
    if (now_ms < rollup->rest_until_ms)
        return DB_DONE;
    enum db_result result = expire_slice(rollup, rollup->expiry, now_ms, &more);
    if (result != DB_DONE || more)
        return result;
    if (++rollup->expiry == EXPIRIES) { /* once round: new rows are not old at once */
        rollup->expiry = 0;
        rollup->rest_until_ms = now_ms + MINUTE_MS;
    }
    return DB_DONE;
}
