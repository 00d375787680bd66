/* What a restart needs to know, read over a connection of its own before the loop starts. */
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"
#include "controller/store/recover_private.h"

/* ---- asking ---- */

/* Ends a query: 0 when all its rows were read. */
int recover_finish(struct reader *reader, struct db_statement *statement, enum db_result result)
{
    int rc = result == DB_DONE ? 0
                               : error_set(reader->error, ERROR_SYSTEM, "%s: %s",
                                           reader->store->config.path, db_message(reader->db));
    db_finalize(statement);
    return rc;
}

static enum db_result take_rows(struct reader *reader, struct db_statement *rows, take_row take,
                                const struct db_value *values, int count)
{
    enum db_result result;
    db_bind(rows, values, count);
    while ((result = db_next(rows)) == DB_ROW)
        take(reader, rows);
    db_reset(rows);
    return result;
}

/* Every row of a query. */
int recover_each(struct reader *reader, take_row take, const char *sql,
                 const struct db_value *values, int count)
{
    struct db_statement *rows = db_prepare(reader->db, sql);
    return recover_finish(reader, rows,
                          rows ? take_rows(reader, rows, take, values, count) : DB_BROKEN);
}

/* Every row of a query about one point (?1) from one time (?2) to another (?3), for all points. */
static int each_of_points(struct reader *reader, take_row take, const char *sql, int64_t since_ms)
{
    const struct identity *identity = &reader->store->identity;
    struct db_statement *rows = db_prepare(reader->db, sql);
    enum db_result result = rows ? DB_DONE : DB_BROKEN;
    for (int32_t p = 0; result == DB_DONE && p < identity->point_count; p++) {
        reader->point = p;
        result = take_rows(reader, rows, take,
                           DB_VALUES(identity_point(identity, p), db_integer(since_ms),
                                     db_integer(reader->now_ms)));
    }
    return recover_finish(reader, rows, result);
}

/* ---- meters and accounts ---- */

static void take_meter(struct reader *reader, struct db_statement *row)
{
    reader->calls->meter(reader->calls->context, reader->point, db_column_integer(row, 0),
                         db_column_integer(row, 1), db_column_integer(row, 2));
}

static int recover_meters(struct reader *reader)
{
    return each_of_points(reader, take_meter,
                          "SELECT end_ms, end_milliwh, raw_end_milliwh FROM energy_interval"
                          " WHERE point_id = ?1 AND start_ms >= ?2 AND end_ms <= ?3"
                          " ORDER BY start_ms DESC LIMIT 1",
                          0);
}

/* Only both energies together make a quarter hour known. */
static void take_quarter(struct reader *reader, struct db_statement *row)
{
    struct pue quarter = {.start_ms = db_column_integer(row, 0),
                          .end_ms = db_column_integer(row, 1),
                          .category = (int)db_column_integer(row, 2),
                          .facility_wh = db_column_real(row, 3),
                          .it_wh = db_column_real(row, 4),
                          .value = db_column_real(row, 5),
                          .coverage = db_column_real(row, 6) / 100,
                          .interim = db_column_integer(row, 7) != 0,
                          .quality = (enum quality)db_column_integer(row, 8)};
    if (db_column_null(row, 3) || db_column_null(row, 4)) {
        quarter.facility_wh = quarter.it_wh = quarter.value = (double)NAN;
        quarter.quality = QUALITY_MISSING;
    }
    reader->calls->quarter(reader->calls->context, &quarter);
}

/* Of the day before too: it closes after midnight, perhaps in this run. */
static int recover_quarters(struct reader *reader)
{
    return recover_each(
        reader, take_quarter,
        "SELECT start_ms, end_ms, category, facility_wh, it_wh, value, coverage_pct,"
        " interim, quality FROM pue WHERE period = 'quarter' AND start_ms >= ?"
        " AND end_ms <= ? ORDER BY start_ms",
        DB_VALUES(db_integer(utc_floor(reader->now_ms, DAY_MS) - DAY_MS),
                  db_integer(reader->now_ms)));
}

/* ---- what has no account yet ---- */

static void take_accounted(struct reader *reader, struct db_statement *row)
{
    int64_t end_ms = db_column_integer(row, 0);
    if (end_ms > reader->unaccounted_ms)
        reader->unaccounted_ms = end_ms;
}

/* Older ones than the cycle keeps open would only take the room of newer ones. */
static int find_unaccounted(struct reader *reader)
{
    reader->unaccounted_ms =
        utc_floor(reader->now_ms, QUARTER_MS) - (int64_t)(OPEN_QUARTERS - 1) * QUARTER_MS;
    return recover_each(reader, take_accounted,
                        "SELECT end_ms FROM account_15min WHERE start_ms < ?1 AND end_ms <= ?1"
                        " ORDER BY start_ms DESC LIMIT 1",
                        DB_VALUES(db_integer(reader->now_ms)));
}

static void take_interval(struct reader *reader, struct db_statement *row)
{
    const struct energy_interval interval = {.point = reader->point,
                                             .start_ms = db_column_integer(row, 0),
                                             .end_ms = db_column_integer(row, 1),
                                             .start_milliwh = db_column_integer(row, 2),
                                             .end_milliwh = db_column_integer(row, 3),
                                             .coverage = db_column_real(row, 4),
                                             .quality = (enum quality)db_column_integer(row, 5),
                                             .reason = (enum reason)db_column_integer(row, 6)};
    reader->calls->interval(reader->calls->context, &interval);
}

static int recover_intervals(struct reader *reader)
{
    return each_of_points(reader, take_interval,
                          "SELECT start_ms, end_ms, start_milliwh, end_milliwh, coverage, quality,"
                          " reason FROM energy_interval WHERE point_id = ?1 AND start_ms >= ?2"
                          " AND end_ms <= ?3 ORDER BY start_ms",
                          reader->unaccounted_ms);
}

/* Rows of one point follow each other: it is looked up once. */
static void take_mean(struct reader *reader, struct db_statement *row)
{
    const struct identity *identity = &reader->store->identity;
    int64_t point_id = db_column_integer(row, 0);
    if (reader->point < 0 || identity->point_ids[reader->point] != point_id)
        reader->point = identity_find_point(identity, point_id);
    if (reader->point >= 0)
        reader->calls->mean(reader->calls->context, reader->point, db_column_integer(row, 1),
                            db_column_real(row, 2), db_column_integer(row, 3));
}

/* A reading holds until the next one or verdict of its point, the end of its quarter hour, or the
 * last record of all. One pass over the time for all points: the key begins with it. */
static int recover_means(struct reader *reader)
{
    reader->point = -1;
    return recover_each(
        reader, take_mean,
        "SELECT point_id, quarter_ms, sum(value * held_ms) / sum(held_ms), sum(held_ms)"
        " FROM (SELECT point_id, at_ms / ?3 * ?3 AS quarter_ms, value, quality,"
        "  min(lead(at_ms, 1, (SELECT max(at_ms) FROM sample WHERE at_ms <= ?2))"
        "   OVER (PARTITION BY point_id ORDER BY at_ms), at_ms / ?3 * ?3 + ?3) - at_ms"
        "  AS held_ms FROM sample WHERE at_ms >= ?1 AND at_ms <= ?2)"
        " WHERE quality = 0 AND held_ms > 0 GROUP BY 1, 2 ORDER BY 1, 2",
        DB_VALUES(db_integer(reader->unaccounted_ms), db_integer(reader->now_ms),
                  db_integer(QUARTER_MS)));
}

/* ---- commitments ---- */

static void take_job(struct reader *reader, struct db_statement *row)
{
    enum job_state state;
    if (job_state_find(db_column_text(row, 1), &state) == 0)
        reader->calls->job(reader->calls->context, db_column_integer(row, 0), state,
                           (int32_t)db_column_integer(row, 2));
}

static int recover_jobs(struct reader *reader)
{
    return recover_each(reader, take_job, "SELECT job_id, state, level FROM job ORDER BY job_id",
                        NULL, 0);
}

static void take_peak(struct reader *reader, struct db_statement *row)
{
    if (!db_column_null(row, 1))
        reader->calls->peak(reader->calls->context, db_column_integer(row, 0),
                            db_column_real(row, 1));
}

static int recover_peak(struct reader *reader)
{
    return recover_each(reader, take_peak,
                        "WITH month AS (SELECT 1000 * CAST(strftime('%s', ?1 / 1000, 'unixepoch',"
                        " 'start of month') AS INTEGER) AS ms)"
                        " SELECT month.ms, max(import_wh * 3600000.0 / (end_ms - start_ms))"
                        " FROM account_15min, month WHERE start_ms >= month.ms AND start_ms < ?1",
                        DB_VALUES(db_integer(reader->now_ms)));
}

static void take_writes(struct reader *reader, struct db_statement *row)
{
    int32_t point = identity_find_point(&reader->store->identity, db_column_integer(row, 0));
    if (point >= 0)
        reader->calls->writes(reader->calls->context, point, db_column_integer(row, 1));
}

static int recover_writes(struct reader *reader)
{
    return recover_each(reader, take_writes,
                        "SELECT point_id, count(*) FROM setpoint_write WHERE outcome <> ?"
                        " GROUP BY point_id",
                        DB_VALUES(db_integer(REASON_WRITE_FAILED)));
}

static void take_mode(struct reader *reader, struct db_statement *row)
{
    enum subsystem subsystem;
    enum mode mode;
    if (subsystem_find(db_column_text(row, 0), &subsystem) == 0 &&
        mode_find(db_column_text(row, 1), &mode) == 0)
        reader->calls->mode(reader->calls->context, subsystem, mode);
}

static int recover_modes(struct reader *reader)
{
    return recover_each(reader, take_mode,
                        "SELECT subsystem, mode FROM mode_change WHERE mode_change_id IN"
                        " (SELECT max(mode_change_id) FROM mode_change GROUP BY subsystem)",
                        NULL, 0);
}

/* ---- the plan ---- */

static void take_plan_id(struct reader *reader, struct db_statement *row)
{
    if (!db_column_null(row, 0))
        reader->calls->plan_id(reader->calls->context, db_column_integer(row, 0));
}

/* Numbers are given to plans that never came into force too: decisions may name the newest. */
static int recover_plan_id(struct reader *reader)
{
    return recover_each(
        reader, take_plan_id,
        "SELECT max(plan_id) FROM (SELECT max(plan_id) AS plan_id FROM plan UNION ALL"
        " SELECT * FROM (SELECT plan_id FROM decision ORDER BY decision_id DESC"
        " LIMIT 1000))",
        NULL, 0);
}

static int recover_all(struct reader *reader)
{
    const struct store_recovery *calls = reader->calls;
    const struct {
        bool wanted;
        int (*recover)(struct reader *reader);
    } steps[] = {
        {true, find_unaccounted},
        {calls->meter, recover_meters},
        {calls->history, recover_belief},
        {calls->quarter, recover_quarters},
        {calls->interval, recover_intervals},
        {calls->mean, recover_means},
        {calls->job, recover_jobs},
        {calls->peak, recover_peak},
        {calls->writes, recover_writes},
        {calls->mode, recover_modes},
        {calls->plan, recover_plan},
        {calls->plan_id, recover_plan_id},
    };
    int rc = 0;
    if (calls->unclean && reader->store->unclean)
        calls->unclean(calls->context, reader->store->unclean_ms);
    for (size_t i = 0; rc == 0 && i < sizeof steps / sizeof *steps; i++) {
        if (steps[i].wanted)
            rc = steps[i].recover(reader);
    }
    return rc;
}

int store_recover(struct store *store, int64_t now_ms, const struct store_recovery *recovery,
                  struct error *error)
{
    struct reader reader = {.store = store, .calls = recovery, .now_ms = now_ms, .error = error};
    int rc = db_open(store->config.path, DB_READ, &reader.db, error);
    if (rc != 0)
        return rc;
    rc = recover_all(&reader);
    db_close(reader.db);
    return rc;
}
