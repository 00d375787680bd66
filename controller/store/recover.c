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
    struct error *error;
};

/* Ends a query: 0 when all its rows were read. */
static int finish(struct reader *reader, struct db_statement *statement, enum db_result result)
{
    int rc = result == DB_DONE ? 0
                               : error_set(reader->error, ERROR_SYSTEM, "%s: %s",
                                           reader->store->config.path, db_message(reader->db));
    db_finalize(statement);
    return rc;
}

static struct db_statement *query(struct reader *reader, const char *sql,
                                  const struct db_value *values, int count)
{
    struct db_statement *statement = db_prepare(reader->db, sql);
    if (statement)
        db_bind(statement, values, count);
    return statement;
}

/* DB_ROW while there are rows; a query that could not be prepared is broken. */
static enum db_result next(struct db_statement *statement)
{
    return statement ? db_next(statement) : DB_BROKEN;
}

static int recover_meters(struct reader *reader)
{
    const struct identity *identity = &reader->store->identity;
    struct db_statement *newest =
        query(reader,
              "SELECT end_ms, end_milliwh, raw_end_milliwh FROM energy_interval"
              " WHERE point_id = ?1 AND end_ms <= ?2 ORDER BY start_ms DESC LIMIT 1",
              NULL, 0);
    enum db_result result = newest ? DB_DONE : DB_BROKEN;
    for (int32_t p = 0; result == DB_DONE && p < identity->point_count; p++) {
        db_bind(newest, DB_VALUES(identity_point(identity, p), db_integer(reader->now_ms)));
        result = db_next(newest);
        if (result == DB_ROW) {
            reader->calls->meter(reader->calls->context, p, db_column_integer(newest, 0),
                                 db_column_integer(newest, 1), db_column_integer(newest, 2));
            result = DB_DONE;
        }
        db_reset(newest);
    }
    return finish(reader, newest, result);
}

static int recover_history(struct reader *reader)
{
    struct db_statement *rows = query(
        reader,
        "SELECT series, step_ms, value FROM forecast_history WHERE step_ms >= ? AND step_ms < ?"
        " ORDER BY step_ms, series",
        DB_VALUES(db_integer(reader->now_ms - (int64_t)LIMIT_HISTORY_SLOTS * FORECAST_STEP_MS),
                  db_integer(reader->now_ms)));
    enum db_result result;
    while ((result = next(rows)) == DB_ROW)
        reader->calls->history(reader->calls->context,
                               (enum forecast_series)db_column_integer(rows, 0),
                               db_column_integer(rows, 1), db_column_real(rows, 2));
    return finish(reader, rows, result);
}

static int recover_quarters(struct reader *reader)
{
    struct db_statement *rows =
        query(reader,
              "SELECT start_ms, end_ms, category, facility_wh, it_wh, value, coverage_pct, interim,"
              " quality FROM pue WHERE period = 'quarter' AND start_ms >= ? AND end_ms <= ?"
              " ORDER BY start_ms",
              DB_VALUES(db_integer(utc_floor(reader->now_ms, DAY_MS)), db_integer(reader->now_ms)));
    enum db_result result;
    while ((result = next(rows)) == DB_ROW) {
        const struct pue quarter = {.start_ms = db_column_integer(rows, 0),
                                    .end_ms = db_column_integer(rows, 1),
                                    .category = (int)db_column_integer(rows, 2),
                                    .facility_wh = db_column_real(rows, 3),
                                    .it_wh = db_column_real(rows, 4),
                                    .value = db_column_real(rows, 5),
                                    .coverage = db_column_real(rows, 6) / 100,
                                    .interim = db_column_integer(rows, 7) != 0,
                                    .quality = (enum quality)db_column_integer(rows, 8)};
        reader->calls->quarter(reader->calls->context, &quarter);
    }
    return finish(reader, rows, result);
}

/* Start of the first quarter hour that may still lack its account. */
#define UNACCOUNTED "max(coalesce((SELECT max(end_ms) FROM account_15min), 0), ?1 - ?2)"

static int recover_intervals(struct reader *reader)
{
    const struct identity *identity = &reader->store->identity;
    struct db_statement *rows =
        query(reader,
              "SELECT start_ms, end_ms, start_milliwh, end_milliwh, coverage, quality, reason"
              " FROM energy_interval WHERE point_id = ?3 AND start_ms >= " UNACCOUNTED
              " AND end_ms <= ?1 ORDER BY start_ms",
              NULL, 0);
    enum db_result result = rows ? DB_DONE : DB_BROKEN;
    for (int32_t p = 0; result == DB_DONE && p < identity->point_count; p++) {
        db_bind(rows, DB_VALUES(db_integer(reader->now_ms),
                                db_integer((int64_t)OPEN_QUARTERS * QUARTER_MS),
                                identity_point(identity, p)));
        while ((result = db_next(rows)) == DB_ROW) {
            const struct energy_interval interval = {
                .point = p,
                .start_ms = db_column_integer(rows, 0),
                .end_ms = db_column_integer(rows, 1),
                .start_milliwh = db_column_integer(rows, 2),
                .end_milliwh = db_column_integer(rows, 3),
                .coverage = db_column_real(rows, 4),
                .quality = (enum quality)db_column_integer(rows, 5),
                .reason = (enum reason)db_column_integer(rows, 6)};
            reader->calls->interval(reader->calls->context, &interval);
        }
        db_reset(rows);
    }
    return finish(reader, rows, result);
}

static int recover_means(struct reader *reader)
{
    const struct identity *identity = &reader->store->identity;
    struct db_statement *rows =
        query(reader,
              "SELECT at_ms / 900000 * 900000, avg(value), max(at_ms) - min(at_ms) FROM sample"
              " WHERE at_ms >= " UNACCOUNTED " AND at_ms <= ?1 AND point_id = ?3 AND quality = 0"
              " GROUP BY 1 ORDER BY 1",
              NULL, 0);
    enum db_result result = rows ? DB_DONE : DB_BROKEN;
    for (int32_t p = 0; result == DB_DONE && p < identity->point_count; p++) {
        db_bind(rows, DB_VALUES(db_integer(reader->now_ms),
                                db_integer((int64_t)OPEN_QUARTERS * QUARTER_MS),
                                identity_point(identity, p)));
        while ((result = db_next(rows)) == DB_ROW)
            reader->calls->mean(reader->calls->context, p, db_column_integer(rows, 0),
                                db_column_real(rows, 1), db_column_integer(rows, 2));
        db_reset(rows);
    }
    return finish(reader, rows, result);
}

static int recover_jobs(struct reader *reader)
{
    struct db_statement *rows = query(reader, "SELECT job_id, state FROM job", NULL, 0);
    enum db_result result;
    while ((result = next(rows)) == DB_ROW) {
        enum job_state state;
        if (job_state_find(db_column_text(rows, 1), &state) == 0)
            reader->calls->job(reader->calls->context, db_column_integer(rows, 0), state);
    }
    return finish(reader, rows, result);
}

static int recover_peak(struct reader *reader)
{
    struct db_statement *row =
        query(reader,
              "WITH month AS (SELECT 1000 * CAST(strftime('%s', ?1 / 1000, 'unixepoch',"
              " 'start of month') AS INTEGER) AS ms)"
              " SELECT month.ms, max(import_wh * 3600000.0 / (end_ms - start_ms))"
              " FROM account_15min, month WHERE start_ms >= month.ms AND start_ms < ?1",
              DB_VALUES(db_integer(reader->now_ms)));
    enum db_result result = next(row);
    if (result == DB_ROW && !db_column_null(row, 1))
        reader->calls->peak(reader->calls->context, db_column_integer(row, 0),
                            db_column_real(row, 1));
    return finish(reader, row, result == DB_ROW ? DB_DONE : result);
}

static int recover_modes(struct reader *reader)
{
    struct db_statement *rows =
        query(reader,
              "SELECT subsystem, mode FROM mode_change WHERE mode_change_id IN"
              " (SELECT max(mode_change_id) FROM mode_change GROUP BY subsystem)",
              NULL, 0);
    enum db_result result;
    while ((result = next(rows)) == DB_ROW) {
        enum subsystem subsystem;
        enum mode mode;
        if (subsystem_find(db_column_text(rows, 0), &subsystem) == 0 &&
            mode_find(db_column_text(rows, 1), &mode) == 0)
            reader->calls->mode(reader->calls->context, subsystem, mode);
    }
    return finish(reader, rows, result);
}

/* ---- the plan ---- */

static double limit_or_none(struct db_statement *row, int column)
{
    return db_column_null(row, column) ? (double)INFINITY : db_column_real(row, column);
}

static void read_slot(struct db_statement *row, struct problem_slot *in, struct plan_slot *out)
{
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
    out->marginal_per_mwh = db_column_real(row, c++);
    out->battery_reason = (enum reason)db_column_integer(row, c++);
}

/* A row that points outside the plan is no plan of ours: it is left out by the caller. */
static bool inside(int64_t index, int64_t count)
{
    return index >= 0 && index < count;
}

static int read_slots(struct reader *reader, struct plan *plan)
{
    struct db_statement *rows =
        query(reader,
              "SELECT slot, start_ms, length_ms, pv_w, wind_w, fixed_w, overhead_ratio,"
              " price_import_per_mwh, price_export_per_mwh, carbon_g_per_kwh, import_limit_w,"
              " export_limit_w, import_w, export_w, pv_used_w, wind_used_w, charge_w, discharge_w,"
              " soc_end_wh, facility_w, breach_w, marginal_per_mwh, battery_reason"
              " FROM plan_slot WHERE issue_ms = ?",
              DB_VALUES(db_integer(plan->issue_ms)));
    enum db_result result;
    while ((result = next(rows)) == DB_ROW) {
        int64_t slot = db_column_integer(rows, 0);
        if (inside(slot, plan->slot_count))
            read_slot(rows, &plan->frame[slot], &plan->slots[slot]);
    }
    return finish(reader, rows, result);
}

static int read_feeders(struct reader *reader, struct plan *plan)
{
    struct db_statement *rows = query(
        reader, "SELECT slot, feeder_id, base_it_w, it_jobs_w FROM plan_feeder WHERE issue_ms = ?",
        DB_VALUES(db_integer(plan->issue_ms)));
    enum db_result result;
    while ((result = next(rows)) == DB_ROW) {
        int64_t slot = db_column_integer(rows, 0);
        int32_t feeder = identity_find_feeder(&reader->store->identity, db_column_integer(rows, 1));
        if (!inside(slot, plan->slot_count) || feeder < 0)
            continue;
        plan->frame[slot].base_it_w[feeder] = db_column_real(rows, 2);
        plan->slots[slot].it_jobs_w[feeder] = db_column_real(rows, 3);
    }
    return finish(reader, rows, result);
}

static int read_jobs(struct reader *reader, struct plan *plan)
{
    struct db_statement *rows =
        query(reader,
              "SELECT position, job_id, feeder_id, finish_ms, late, reason FROM plan_job"
              " WHERE issue_ms = ?",
              DB_VALUES(db_integer(plan->issue_ms)));
    enum db_result result;
    while ((result = next(rows)) == DB_ROW) {
        int64_t position = db_column_integer(rows, 0);
        if (!inside(position, plan->job_count))
            continue;
        struct plan_job *job = &plan->jobs[position];
        job->id = db_column_integer(rows, 1);
        job->feeder = db_column_null(rows, 2) ? -1
                                              : identity_find_feeder(&reader->store->identity,
                                                                     db_column_integer(rows, 2));
        job->finish_ms = db_column_null(rows, 3) ? INT64_MAX : db_column_integer(rows, 3);
        job->late = db_column_integer(rows, 4) != 0;
        job->reason = (enum reason)db_column_integer(rows, 5);
    }
    return finish(reader, rows, result);
}

static int read_runs(struct reader *reader, struct plan *plan)
{
    struct db_statement *rows =
        query(reader,
              "SELECT position, start_ms, end_ms FROM plan_run WHERE issue_ms = ?"
              " ORDER BY position, run",
              DB_VALUES(db_integer(plan->issue_ms)));
    enum db_result result;
    while ((result = next(rows)) == DB_ROW) {
        int64_t position = db_column_integer(rows, 0);
        if (!inside(position, plan->job_count) || plan->jobs[position].run_count == LIMIT_RUNS)
            continue;
        struct plan_job *job = &plan->jobs[position];
        job->runs[job->run_count++] =
            (struct plan_run){db_column_integer(rows, 1), db_column_integer(rows, 2)};
    }
    return finish(reader, rows, result);
}

static enum plan_status find_status(const char *name)
{
    return strcmp(name, "complete") == 0    ? PLAN_COMPLETE
           : strcmp(name, "breaching") == 0 ? PLAN_BREACHING
                                            : PLAN_NONE;
}

static void read_head(struct db_statement *row, struct plan *plan)
{
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

static int read_body(struct reader *reader, struct plan *plan)
{
    plan->frame = calloc((size_t)plan->slot_count + 1, sizeof *plan->frame);
    plan->slots = calloc((size_t)plan->slot_count + 1, sizeof *plan->slots);
    plan->jobs = calloc((size_t)plan->job_count + 1, sizeof *plan->jobs);
    if (!plan->frame || !plan->slots || !plan->jobs)
        return error_set(reader->error, ERROR_SYSTEM, "out of memory");
    int rc = read_slots(reader, plan);
    if (rc == 0)
        rc = read_feeders(reader, plan);
    if (rc == 0)
        rc = read_jobs(reader, plan);
    return rc == 0 ? read_runs(reader, plan) : rc;
}

static int recover_plan(struct reader *reader)
{
    struct db_statement *row =
        query(reader,
              "SELECT issue_ms, plan_id, expires_ms, status, late_jobs,"
              " (SELECT count(*) FROM plan_slot AS s WHERE s.issue_ms = p.issue_ms),"
              " (SELECT count(*) FROM plan_job AS j WHERE j.issue_ms = p.issue_ms),"
              " objective, bound, gap, energy_cost, carbon_cost, peak_cost, wear_cost,"
              " lateness_cost, breach_cost, delay_cost, churn_cost, end_value, peak_import_w,"
              " solve_ms FROM plan AS p WHERE issue_ms <= ?1 AND expires_ms > ?1"
              " ORDER BY issue_ms DESC LIMIT 1",
              DB_VALUES(db_integer(reader->now_ms)));
    enum db_result result = next(row);
    if (result != DB_ROW)
        return finish(reader, row, result);
    struct plan *plan = calloc(1, sizeof *plan);
    if (plan)
        read_head(row, plan);
    finish(reader, row, DB_DONE);
    if (!plan)
        return error_set(reader->error, ERROR_SYSTEM, "out of memory");
    int rc = read_body(reader, plan);
    if (rc == 0)
        reader->calls->plan(reader->calls->context, plan);
    else
        plan_destroy(plan);
    return rc;
}

/* Numbers are given to plans that never came into force too: decisions may name the newest. */
static int recover_plan_id(struct reader *reader)
{
    struct db_statement *row =
        query(reader,
              "SELECT max(plan_id) FROM (SELECT max(plan_id) AS plan_id FROM plan UNION ALL"
              " SELECT * FROM (SELECT plan_id FROM decision ORDER BY decision_id DESC LIMIT 1000))",
              NULL, 0);
    enum db_result result = next(row);
    if (result == DB_ROW && !db_column_null(row, 0))
        reader->calls->plan_id(reader->calls->context, db_column_integer(row, 0));
    return finish(reader, row, result == DB_ROW ? DB_DONE : result);
}

static int recover_all(struct reader *reader)
{
    const struct store_recovery *calls = reader->calls;
    int rc = 0;
    if (calls->unclean && reader->store->unclean)
        calls->unclean(calls->context, reader->store->unclean_ms);
    if (rc == 0 && calls->meter)
        rc = recover_meters(reader);
    if (rc == 0 && calls->history)
        rc = recover_history(reader);
    if (rc == 0 && calls->quarter)
        rc = recover_quarters(reader);
    if (rc == 0 && calls->interval)
        rc = recover_intervals(reader);
    if (rc == 0 && calls->mean)
        rc = recover_means(reader);
    if (rc == 0 && calls->job)
        rc = recover_jobs(reader);
    if (rc == 0 && calls->peak)
        rc = recover_peak(reader);
    if (rc == 0 && calls->mode)
        rc = recover_modes(reader);
    if (rc == 0 && calls->plan)
        rc = recover_plan(reader);
    if (rc == 0 && calls->plan_id)
        rc = recover_plan_id(reader);
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
