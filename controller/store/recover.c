/* What a restart needs to know, read over a connection of its own before the loop starts. */
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"
#include "controller/store/store_private.h"

struct reader {
    const struct store *store;
    const struct store_recovery *calls;
    struct db *db;
    int64_t now_ms;
    int64_t unaccounted_ms; /* start of the first quarter hour that may lack its account */
    int32_t point;          /* whose rows are read; -1: none */
    struct plan *plan;      /* that is read */
    struct error *error;
};

/* ---- asking ---- */

typedef void (*take_row)(struct reader *reader, struct db_statement *row);

/* Ends a query: 0 when all its rows were read. */
static int finish(struct reader *reader, struct db_statement *statement, enum db_result result)
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
static int each(struct reader *reader, take_row take, const char *sql,
                const struct db_value *values, int count)
{
    struct db_statement *rows = db_prepare(reader->db, sql);
    return finish(reader, rows, rows ? take_rows(reader, rows, take, values, count) : DB_BROKEN);
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
    return finish(reader, rows, result);
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

static void take_history(struct reader *reader, struct db_statement *row)
{
    reader->calls->history(reader->calls->context, (enum forecast_series)db_column_integer(row, 0),
                           db_column_integer(row, 1), db_column_real(row, 2));
}

static int recover_history(struct reader *reader)
{
    int64_t since_ms = reader->now_ms - (int64_t)LIMIT_HISTORY_SLOTS * FORECAST_STEP_MS;
    return each(reader, take_history,
                "SELECT series, step_ms, value FROM forecast_history"
                " WHERE step_ms >= ? AND step_ms < ? ORDER BY step_ms, series",
                DB_VALUES(db_integer(since_ms), db_integer(reader->now_ms)));
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
    return each(reader, take_quarter,
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
    return each(reader, take_accounted,
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
    return each(reader, take_mean,
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
        reader->calls->job(reader->calls->context, db_column_integer(row, 0), state);
}

static int recover_jobs(struct reader *reader)
{
    return each(reader, take_job, "SELECT job_id, state FROM job ORDER BY job_id", NULL, 0);
}

static void take_peak(struct reader *reader, struct db_statement *row)
{
    if (!db_column_null(row, 1))
        reader->calls->peak(reader->calls->context, db_column_integer(row, 0),
                            db_column_real(row, 1));
}

static int recover_peak(struct reader *reader)
{
    return each(reader, take_peak,
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
    return each(reader, take_writes,
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
    return each(reader, take_mode,
                "SELECT subsystem, mode FROM mode_change WHERE mode_change_id IN"
                " (SELECT max(mode_change_id) FROM mode_change GROUP BY subsystem)",
                NULL, 0);
}

/* ---- the plan ---- */

static double limit_or_none(struct db_statement *row, int column)
{
    return db_column_null(row, column) ? (double)INFINITY : db_column_real(row, column);
}

/* A row that points outside the plan is no plan of ours: it is left out. */
static bool inside(int64_t index, int64_t count)
{
    return index >= 0 && index < count;
}

static void take_slot(struct reader *reader, struct db_statement *row)
{
    int64_t slot = db_column_integer(row, 0);
    if (!inside(slot, reader->plan->slot_count))
        return;
    struct problem_slot *in = &reader->plan->frame[slot];
    struct plan_slot *out = &reader->plan->slots[slot];
    int c = 1;
    in->start_ms = db_column_integer(row, c++);
    in->length_ms = db_column_integer(row, c++);
    in->pv_w = db_column_real(row, c++);
    in->wind_w = db_column_real(row, c++);
    in->fixed_w = db_column_real(row, c++);
    in->overhead_ratio = db_column_real(row, c++);
    in->price_import_per_mwh = db_column_real(row, c++);
    in->price_export_per_mwh = db_column_real(row, c++);
    in->carbon_g_per_kwh = db_column_real(row, c++);
    in->import_limit_w = limit_or_none(row, c++);
    in->export_limit_w = limit_or_none(row, c++);
    out->import_w = db_column_real(row, c++);
    out->export_w = db_column_real(row, c++);
    out->pv_used_w = db_column_real(row, c++);
    out->wind_used_w = db_column_real(row, c++);
    out->charge_w = db_column_real(row, c++);
    out->discharge_w = db_column_real(row, c++);
    out->soc_end_wh = db_column_real(row, c++);
    out->facility_w = db_column_real(row, c++);
    out->breach_w = db_column_real(row, c++);
    out->reserve_short_wh = db_column_real(row, c++);
    out->marginal_per_mwh = db_column_real(row, c++);
    out->battery_reason = (enum reason)db_column_integer(row, c++);
}

static int read_slots(struct reader *reader)
{
    return each(reader, take_slot,
                "SELECT slot, start_ms, length_ms, pv_w, wind_w, fixed_w, overhead_ratio,"
                " price_import_per_mwh, price_export_per_mwh, carbon_g_per_kwh, import_limit_w,"
                " export_limit_w, import_w, export_w, pv_used_w, wind_used_w, charge_w,"
                " discharge_w, soc_end_wh, facility_w, breach_w, reserve_short_wh,"
                " marginal_per_mwh, battery_reason FROM plan_slot WHERE issue_ms = ?",
                DB_VALUES(db_integer(reader->plan->issue_ms)));
}

static void take_feeder(struct reader *reader, struct db_statement *row)
{
    int64_t slot = db_column_integer(row, 0);
    int32_t feeder = identity_find_feeder(&reader->store->identity, db_column_integer(row, 1));
    if (!inside(slot, reader->plan->slot_count) || feeder < 0)
        return;
    reader->plan->frame[slot].base_it_w[feeder] = db_column_real(row, 2);
    reader->plan->slots[slot].it_jobs_w[feeder] = db_column_real(row, 3);
    reader->plan->slots[slot].feeder_breach_w[feeder] = db_column_real(row, 4);
}

static int read_feeders(struct reader *reader)
{
    return each(reader, take_feeder,
                "SELECT slot, feeder_id, base_it_w, it_jobs_w, breach_w FROM plan_feeder"
                " WHERE issue_ms = ?",
                DB_VALUES(db_integer(reader->plan->issue_ms)));
}

static void take_plan_job(struct reader *reader, struct db_statement *row)
{
    const struct identity *identity = &reader->store->identity;
    int64_t position = db_column_integer(row, 0);
    if (!inside(position, reader->plan->job_count))
        return;
    struct plan_job *job = &reader->plan->jobs[position];
    job->id = db_column_integer(row, 1);
    job->feeder =
        db_column_null(row, 2) ? -1 : identity_find_feeder(identity, db_column_integer(row, 2));
    job->finish_ms = db_column_null(row, 3) ? INT64_MAX : db_column_integer(row, 3);
    job->late = db_column_integer(row, 4) != 0;
    job->reason = (enum reason)db_column_integer(row, 5);
}

static int read_jobs(struct reader *reader)
{
    return each(reader, take_plan_job,
                "SELECT position, job_id, feeder_id, finish_ms, late, reason FROM plan_job"
                " WHERE issue_ms = ?",
                DB_VALUES(db_integer(reader->plan->issue_ms)));
}

static void take_run(struct reader *reader, struct db_statement *row)
{
    int64_t position = db_column_integer(row, 0);
    if (!inside(position, reader->plan->job_count) ||
        reader->plan->jobs[position].run_count == LIMIT_RUNS)
        return;
    struct plan_job *job = &reader->plan->jobs[position];
    job->runs[job->run_count++] =
        (struct plan_run){db_column_integer(row, 1), db_column_integer(row, 2)};
}

static int read_runs(struct reader *reader)
{
    return each(reader, take_run,
                "SELECT position, start_ms, end_ms FROM plan_run WHERE issue_ms = ?"
                " ORDER BY position, run",
                DB_VALUES(db_integer(reader->plan->issue_ms)));
}

static enum plan_status find_status(const char *name)
{
    return strcmp(name, "complete") == 0    ? PLAN_COMPLETE
           : strcmp(name, "breaching") == 0 ? PLAN_BREACHING
                                            : PLAN_NONE;
}

static void take_head(struct reader *reader, struct db_statement *row)
{
    struct plan *plan = reader->plan;
    double *const reals[] = {&plan->objective,     &plan->bound,         &plan->gap,
                             &plan->energy_cost,   &plan->carbon_cost,   &plan->peak_cost,
                             &plan->wear_cost,     &plan->lateness_cost, &plan->breach_cost,
                             &plan->delay_cost,    &plan->churn_cost,    &plan->end_value,
                             &plan->peak_import_w, &plan->solve_ms};
    int c = 0;
    plan->issue_ms = db_column_integer(row, c++);
    plan->id = db_column_integer(row, c++);
    plan->expires_ms = db_column_integer(row, c++);
    plan->status = find_status(db_column_text(row, c++));
    plan->late_jobs = (int32_t)db_column_integer(row, c++);
    plan->slot_count = (int32_t)db_column_integer(row, c++);
    plan->job_count = (int32_t)db_column_integer(row, c++);
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        *reals[i] = db_column_real(row, c++);
}

/* Leaves the plan empty when there is none. */
static int read_head(struct reader *reader)
{
    return each(reader, take_head,
                "SELECT issue_ms, plan_id, expires_ms, status, late_jobs,"
                " (SELECT count(*) FROM plan_slot AS s WHERE s.issue_ms = p.issue_ms),"
                " (SELECT count(*) FROM plan_job AS j WHERE j.issue_ms = p.issue_ms),"
                " objective, bound, gap, energy_cost, carbon_cost, peak_cost, wear_cost,"
                " lateness_cost, breach_cost, delay_cost, churn_cost, end_value, peak_import_w,"
                " solve_ms FROM plan AS p WHERE issue_ms <= ?1 AND expires_ms > ?1"
                " ORDER BY issue_ms DESC LIMIT 1",
                DB_VALUES(db_integer(reader->now_ms)));
}

static int read_body(struct reader *reader)
{
    struct plan *plan = reader->plan;
    plan->frame = calloc((size_t)plan->slot_count + 1, sizeof *plan->frame);
    plan->slots = calloc((size_t)plan->slot_count + 1, sizeof *plan->slots);
    plan->jobs = calloc((size_t)plan->job_count + 1, sizeof *plan->jobs);
    if (!plan->frame || !plan->slots || !plan->jobs)
        return error_set(reader->error, ERROR_SYSTEM, "out of memory");
    int rc = read_slots(reader);
    if (rc == 0)
        rc = read_feeders(reader);
    if (rc == 0)
        rc = read_jobs(reader);
    return rc == 0 ? read_runs(reader) : rc;
}

static int recover_plan(struct reader *reader)
{
    struct plan *plan = reader->plan = calloc(1, sizeof *plan);
    if (!plan)
        return error_set(reader->error, ERROR_SYSTEM, "out of memory");
    int rc = read_head(reader);
    bool found = plan->expires_ms > reader->now_ms;
    if (rc == 0 && found)
        rc = read_body(reader);
    if (rc == 0 && found)
        reader->calls->plan(reader->calls->context, plan);
    else
        plan_destroy(plan);
    return rc;
}

static void take_plan_id(struct reader *reader, struct db_statement *row)
{
    if (!db_column_null(row, 0))
        reader->calls->plan_id(reader->calls->context, db_column_integer(row, 0));
}

/* Numbers are given to plans that never came into force too: decisions may name the newest. */
static int recover_plan_id(struct reader *reader)
{
    return each(reader, take_plan_id,
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
        {calls->history, recover_history},
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
