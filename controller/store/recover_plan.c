/* The newest plan that still holds, as it was posted. Feeders, rack groups and classes of
 * accelerators are found again by name: a restart may have changed their order, and what is gone
 * from the configuration is gone from the plan. */
#include <stdlib.h>
#include <string.h>

#include "controller/store/recover_private.h"

static double limit_or_none(struct db_statement *row, int column)
{
    return db_column_null(row, column) ? (double)INFINITY : db_column_real(row, column);
}

/* A row that points outside the plan is no plan of ours: it is left out. */
static bool inside(int64_t index, int64_t count)
{
    return index >= 0 && index < count;
}

/* Index of the feeder or group that a column names; -1: none, or not in the topology. */
static int32_t feeder_at(const struct reader *reader, struct db_statement *row, int column)
{
    return db_column_null(row, column)
               ? -1
               : identity_find_feeder(&reader->store->identity, db_column_integer(row, column));
}

static int32_t group_at(const struct reader *reader, struct db_statement *row, int column)
{
    return db_column_null(row, column)
               ? -1
               : identity_find_group(&reader->store->identity, db_column_integer(row, column));
}

/* Asks a question whose only parameter is the plan's issue time. */
static int each_of_plan(struct reader *reader, take_row take, const char *sql)
{
    return recover_each(reader, take, sql, DB_VALUES(db_integer(reader->plan->issue_ms)));
}

/* ---- slots ---- */

static void take_given(struct problem_slot *in, struct db_statement *row, int c)
{
    in->start_ms = db_column_integer(row, c++);
    in->length_ms = db_column_integer(row, c++);
    double *const reals[] = {&in->pv_w,
                             &in->wind_w,
                             &in->fixed_w,
                             &in->overhead_ratio,
                             &in->heat_ratio,
                             &in->cop,
                             &in->free_cooling_w,
                             &in->free_cop,
                             &in->price_import_per_mwh,
                             &in->price_export_per_mwh,
                             &in->carbon_g_per_kwh};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        *reals[i] = db_column_real(row, c++);
    in->import_limit_w = limit_or_none(row, c++);
    in->export_limit_w = limit_or_none(row, c);
}

static void take_decided(struct plan_slot *out, struct db_statement *row, int c)
{
    double *const reals[] = {&out->import_w,        &out->export_w,         &out->pv_used_w,
                             &out->wind_used_w,     &out->charge_w,         &out->discharge_w,
                             &out->soc_end_wh,      &out->chiller_heat_w,   &out->free_heat_w,
                             &out->tank_charge_w,   &out->tank_discharge_w, &out->tank_end_wh,
                             &out->facility_w,      &out->breach_w,         &out->ramp_breach_w,
                             &out->cooling_short_w, &out->reserve_short_wh, &out->marginal_per_mwh};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        *reals[i] = db_column_real(row, c++);
    out->battery_reason = (enum reason)db_column_integer(row, c++);
    out->tank_reason = (enum reason)db_column_integer(row, c);
}

enum { GIVEN_COLUMN = 1, DECIDED_COLUMN = GIVEN_COLUMN + 15 };

static void take_slot(struct reader *reader, struct db_statement *row)
{
    int64_t slot = db_column_integer(row, 0);
    if (!inside(slot, reader->plan->slot_count))
        return;
    take_given(&reader->plan->sites[0].frame[slot], row, GIVEN_COLUMN);
    take_decided(&reader->plan->sites[0].slots[slot], row, DECIDED_COLUMN);
}

static int read_slots(struct reader *reader)
{
    return each_of_plan(
        reader, take_slot,
        "SELECT slot, start_ms, length_ms, pv_w, wind_w, fixed_w, overhead_ratio, heat_ratio, cop,"
        " free_cooling_w, free_cop, price_import_per_mwh, price_export_per_mwh, carbon_g_per_kwh,"
        " import_limit_w, export_limit_w, import_w, export_w, pv_used_w, wind_used_w, charge_w,"
        " discharge_w, soc_end_wh, chiller_heat_w, free_heat_w, tank_charge_w, tank_discharge_w,"
        " tank_end_wh, facility_w, breach_w, ramp_breach_w, cooling_short_w, reserve_short_wh,"
        " marginal_per_mwh, battery_reason, tank_reason"
        " FROM plan_slot WHERE issue_ms = ? AND site = 0");
}

/* ---- feeders and rack groups ---- */

static void take_feeder_limit(struct reader *reader, struct db_statement *row)
{
    int32_t feeder = feeder_at(reader, row, 0);
    if (feeder >= 0)
        reader->plan->sites[0].feeders[feeder].limit_w = limit_or_none(row, 1);
}

static int read_feeder_limits(struct reader *reader)
{
    return each_of_plan(reader, take_feeder_limit,
                        "SELECT feeder_id, limit_w FROM plan_feeder_limit"
                        " WHERE issue_ms = ? AND site = 0");
}

static void take_group_limit(struct reader *reader, struct db_statement *row)
{
    int32_t group = group_at(reader, row, 0), feeder = feeder_at(reader, row, 1);
    if (group < 0 || feeder < 0)
        return;
    reader->plan->sites[0].groups[group].feeder = feeder;
    reader->plan->sites[0].groups[group].limit_w = limit_or_none(row, 2);
}

static int read_group_limits(struct reader *reader)
{
    return each_of_plan(reader, take_group_limit,
                        "SELECT group_id, feeder_id, limit_w FROM plan_group_limit"
                        " WHERE issue_ms = ? AND site = 0");
}

static void take_accelerators(struct reader *reader, struct db_statement *row)
{
    int32_t group = group_at(reader, row, 0);
    int32_t class = identity_find_accelerator(&reader->store->identity, db_column_text(row, 1));
    if (group >= 0 && class >= 0)
        reader->plan->sites[0].groups[group].accelerators[class] =
            (int32_t)db_column_integer(row, 2);
}

static int read_accelerators(struct reader *reader)
{
    return each_of_plan(reader, take_accelerators,
                        "SELECT group_id, a.key, a.value FROM plan_group_limit AS g,"
                        " json_each(g.accelerators) AS a WHERE issue_ms = ? AND site = 0");
}

static void take_group(struct reader *reader, struct db_statement *row)
{
    int64_t slot = db_column_integer(row, 0);
    int32_t group = group_at(reader, row, 1);
    if (!inside(slot, reader->plan->slot_count) || group < 0)
        return;
    struct problem_slot *in = &reader->plan->sites[0].frame[slot];
    struct plan_slot *out = &reader->plan->sites[0].slots[slot];
    in->base_it_w[group] = db_column_real(row, 2);
    in->base_it_high_w[group] = db_column_real(row, 3);
    out->it_jobs_w[group] = db_column_real(row, 4);
    out->group_breach_w[group] = db_column_real(row, 5);
}

static int read_groups(struct reader *reader)
{
    return each_of_plan(reader, take_group,
                        "SELECT slot, group_id, base_it_w, base_it_high_w, it_jobs_w, breach_w"
                        " FROM plan_group WHERE issue_ms = ? AND site = 0");
}

static void take_feeder_breach(struct reader *reader, struct db_statement *row)
{
    int64_t slot = db_column_integer(row, 0);
    int32_t feeder = feeder_at(reader, row, 1);
    if (inside(slot, reader->plan->slot_count) && feeder >= 0)
        reader->plan->sites[0].slots[slot].feeder_breach_w[feeder] = db_column_real(row, 2);
}

static int read_feeder_breaches(struct reader *reader)
{
    return each_of_plan(reader, take_feeder_breach,
                        "SELECT slot, feeder_id, breach_w FROM plan_feeder_breach"
                        " WHERE issue_ms = ? AND site = 0");
}

/* ---- jobs ---- */

static void take_job(struct reader *reader, struct db_statement *row)
{
    int64_t position = db_column_integer(row, 0);
    if (!inside(position, reader->plan->job_count))
        return;
    struct plan_job *job = &reader->plan->jobs[position];
    job->id = db_column_integer(row, 1);
    job->group = group_at(reader, row, 2);
    job->finish_ms = db_column_null(row, 3) ? INT64_MAX : db_column_integer(row, 3);
    job->late = db_column_integer(row, 4) != 0;
    job->reason = (enum reason)db_column_integer(row, 5);
}

static int read_jobs(struct reader *reader)
{
    return each_of_plan(reader, take_job,
                        "SELECT position, job_id, group_id, finish_ms, late, reason FROM plan_job"
                        " WHERE issue_ms = ?");
}

static void take_run(struct reader *reader, struct db_statement *row)
{
    int64_t position = db_column_integer(row, 0);
    if (!inside(position, reader->plan->job_count) ||
        reader->plan->jobs[position].run_count == LIMIT_RUNS)
        return;
    struct plan_job *job = &reader->plan->jobs[position];
    job->runs[job->run_count++] = (struct plan_run){.start_ms = db_column_integer(row, 1),
                                                    .end_ms = db_column_integer(row, 2),
                                                    .level = (int32_t)db_column_integer(row, 3)};
}

static int read_runs(struct reader *reader)
{
    return each_of_plan(reader, take_run,
                        "SELECT position, start_ms, end_ms, level FROM plan_run WHERE issue_ms = ?"
                        " ORDER BY position, run");
}

/* A reason holds from its slot on; a later entry takes over from there. */
static void take_why(struct reader *reader, struct db_statement *row)
{
    struct plan *plan = reader->plan;
    int64_t position = db_column_integer(row, 0), from_ms = db_column_integer(row, 1);
    if (!inside(position, plan->job_count))
        return;
    for (int32_t s = 0; s < plan->slot_count; s++) {
        if (plan->sites[0].frame[s].start_ms >= from_ms)
            plan->why[position * plan->slot_count + s] = (uint16_t)db_column_integer(row, 2);
    }
}

static int read_why(struct reader *reader)
{
    return each_of_plan(reader, take_why,
                        "SELECT position, json_extract(w.value, '$[0]'),"
                        " json_extract(w.value, '$[1]') FROM plan_job AS j, json_each(j.why) AS w"
                        " WHERE issue_ms = ? ORDER BY position, w.key");
}

/* ---- the whole ---- */

static enum plan_status find_status(const char *name)
{
    return strcmp(name, "complete") == 0    ? PLAN_COMPLETE
           : strcmp(name, "breaching") == 0 ? PLAN_BREACHING
                                            : PLAN_NONE;
}

static void take_head(struct reader *reader, struct db_statement *row)
{
    struct plan *plan = reader->plan;
    double *const reals[] = {
        &plan->objective,   &plan->bound,         &plan->gap,
        &plan->energy_cost, &plan->carbon_cost,   &plan->peak_cost,
        &plan->wear_cost,   &plan->lateness_cost, &plan->breach_cost,
        &plan->delay_cost,  &plan->churn_cost,    &plan->transfer_cost,
        &plan->end_value,   &plan->hedge_cost,    &plan->sites[0].peak_import_w,
        &plan->solve_ms};
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
    return recover_each(
        reader, take_head,
        "SELECT issue_ms, plan_id, expires_ms, status, late_jobs,"
        " (SELECT count(*) FROM plan_slot AS s WHERE s.issue_ms = p.issue_ms AND s.site = 0),"
        " (SELECT count(*) FROM plan_job AS j WHERE j.issue_ms = p.issue_ms),"
        " objective, bound, gap, energy_cost, carbon_cost, peak_cost, wear_cost, lateness_cost,"
        " breach_cost, delay_cost, churn_cost, transfer_cost, end_value, hedge_cost,"
        " peak_import_w, solve_ms FROM plan AS p WHERE issue_ms <= ?1 AND expires_ms > ?1"
        " ORDER BY issue_ms DESC LIMIT 1",
        DB_VALUES(db_integer(reader->now_ms)));
}

/* As the topology is now, until rows say more: plans of version 3 have no limits of their own. */
static void shape_site(const struct identity *identity, struct plan_site *site)
{
    site->feeder_count = identity->feeder_count;
    site->group_count = identity->group_count;
    for (int32_t f = 0; f < site->feeder_count; f++)
        site->feeders[f].limit_w = identity->feeder_limit_w[f];
    for (int32_t g = 0; g < site->group_count; g++)
        site->groups[g] = (struct problem_group){.feeder = identity->group_feeders[g],
                                                 .limit_w = identity->group_limit_w[g]};
}

static bool make_room(const struct reader *reader, struct plan *plan)
{
    size_t slots = (size_t)plan->slot_count, jobs = (size_t)plan->job_count;
    plan->site_count = 1;
    plan->sites[0].frame = calloc(slots + 1, sizeof *plan->sites[0].frame);
    plan->sites[0].slots = calloc(slots + 1, sizeof *plan->sites[0].slots);
    plan->jobs = calloc(jobs + 1, sizeof *plan->jobs);
    plan->why = calloc(jobs * slots + 1, sizeof *plan->why);
    shape_site(&reader->store->identity, &plan->sites[0]);
    return plan->sites[0].frame && plan->sites[0].slots && plan->jobs && plan->why;
}

static int read_body(struct reader *reader)
{
    static int (*const parts[])(struct reader * reader) = {
        read_slots,           read_feeder_limits, read_group_limits, read_accelerators, read_groups,
        read_feeder_breaches, read_jobs,          read_runs,         read_why};
    int rc = make_room(reader, reader->plan)
                 ? 0
                 : error_set(reader->error, ERROR_SYSTEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < sizeof parts / sizeof *parts; i++)
        rc = parts[i](reader);
    return rc;
}

int recover_plan(struct reader *reader)
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
