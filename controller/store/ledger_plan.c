/* A plan into rows: its head is kept for ever, its insides for a while. */
#include "controller/store/ledger_private.h"

#include <stdlib.h>

#include "controller/store/json_cell.h"

static const char *plan_status_name(enum plan_status status)
{
    static const char *const names[] = {"none", "complete", "breaching"};
    return names[status];
}

static struct db_value limit_or_null(double limit_w)
{
    return db_real_if(isfinite(limit_w), limit_w);
}

static enum db_result write_head(struct ledger *ledger, const struct plan *p)
{
    return INSERT(ledger, TABLE_PLAN, db_integer(p->issue_ms), db_integer(p->id),
                  db_integer(p->expires_ms), db_text(plan_status_name(p->status)),
                  db_real(p->objective), db_real(p->bound), db_real(p->gap),
                  db_real(p->energy_cost), db_real(p->carbon_cost), db_real(p->peak_cost),
                  db_real(p->wear_cost), db_real(p->lateness_cost), db_real(p->breach_cost),
                  db_real(p->delay_cost), db_real(p->churn_cost), db_real(p->transfer_cost),
                  db_real(p->end_value), db_real(p->hedge_cost), db_real(p->sites[0].peak_import_w),
                  db_integer(p->late_jobs), db_real(p->solve_ms));
}

static enum db_result write_slot(struct ledger *ledger, const struct plan *plan, int32_t slot)
{
    const struct problem_slot *in = &plan->sites[0].frame[slot];
    const struct plan_slot *out = &plan->sites[0].slots[slot];
    return INSERT(ledger, TABLE_PLAN_SLOT, db_integer(plan->issue_ms), number(0), db_integer(slot),
                  db_integer(in->start_ms), db_integer(in->length_ms), db_real(in->pv_w),
                  db_real(in->wind_w), db_real(in->fixed_w), db_real(in->overhead_ratio),
                  db_real(in->heat_ratio), db_real(in->cop), db_real(in->free_cooling_w),
                  db_real(in->free_cop), db_real(in->price_import_per_mwh),
                  db_real(in->price_export_per_mwh), db_real(in->carbon_g_per_kwh),
                  limit_or_null(in->import_limit_w), limit_or_null(in->export_limit_w),
                  db_real(out->import_w), db_real(out->export_w), db_real(out->pv_used_w),
                  db_real(out->wind_used_w), db_real(out->charge_w), db_real(out->discharge_w),
                  db_real(out->soc_end_wh), db_real(out->chiller_heat_w), db_real(out->free_heat_w),
                  db_real(out->tank_charge_w), db_real(out->tank_discharge_w),
                  db_real(out->tank_end_wh), db_real(out->facility_w), db_real(out->breach_w),
                  db_real(out->ramp_breach_w), db_real(out->cooling_short_w),
                  db_real(out->reserve_short_wh), db_real(out->marginal_per_mwh),
                  number((int)out->battery_reason), number((int)out->tank_reason));
}

static enum db_result write_loads(struct ledger *ledger, const struct plan *plan, int32_t slot)
{
    const struct identity *identity = ledger->identity;
    const struct problem_slot *in = &plan->sites[0].frame[slot];
    const struct plan_slot *out = &plan->sites[0].slots[slot];
    struct db_value issue = db_integer(plan->issue_ms), number_of_slot = db_integer(slot);
    enum db_result result = DB_DONE;
    for (int32_t g = 0; result == DB_DONE && g < plan->sites[0].group_count; g++)
        result = INSERT(ledger, TABLE_PLAN_GROUP, issue, number(0), number_of_slot,
                        identity_group(identity, g), db_real(in->base_it_w[g]),
                        db_real(in->base_it_high_w[g]), db_real(out->it_jobs_w[g]),
                        db_real(out->group_breach_w[g]));
    for (int32_t f = 0; result == DB_DONE && f < plan->sites[0].feeder_count; f++) {
        if (out->feeder_breach_w[f] > 0)
            result = INSERT(ledger, TABLE_PLAN_FEEDER_BREACH, issue, number(0), number_of_slot,
                            identity_feeder(identity, f), db_real(out->feeder_breach_w[f]));
    }
    return result;
}

static enum db_result write_limits(struct ledger *ledger, const struct plan *plan)
{
    const struct identity *identity = ledger->identity;
    const struct plan_site *site = &plan->sites[0];
    struct db_value issue = db_integer(plan->issue_ms);
    enum db_result result = DB_DONE;
    char accelerators[JSON_CELL];
    for (int32_t f = 0; result == DB_DONE && f < site->feeder_count; f++)
        result = INSERT(ledger, TABLE_PLAN_FEEDER_LIMIT, issue, number(0),
                        identity_feeder(identity, f), limit_or_null(site->feeders[f].limit_w));
    for (int32_t g = 0; result == DB_DONE && g < site->group_count; g++) {
        const struct problem_group *group = &site->groups[g];
        result =
            INSERT(ledger, TABLE_PLAN_GROUP_LIMIT, issue, number(0), identity_group(identity, g),
                   identity_feeder(identity, group->feeder), limit_or_null(group->limit_w),
                   db_text(json_accelerators(identity, group->accelerators, accelerators)));
    }
    return result;
}

static enum db_result write_job(struct ledger *ledger, const struct plan_extract *jobs,
                                int32_t index, char *why)
{
    const struct identity *identity = ledger->identity;
    const struct plan_job *job = &jobs->jobs[index];
    const struct db_value issue = db_integer(jobs->issue_ms);
    const struct db_value position = db_integer(jobs->first + index);
    int32_t feeder = job->group < 0 ? -1 : identity->group_feeders[job->group];
    enum db_result result =
        INSERT(ledger, TABLE_PLAN_JOB, issue, position, db_integer(job->id),
               identity_feeder(identity, feeder),
               db_integer_if(job->finish_ms != INT64_MAX, job->finish_ms), number(job->late),
               number((int)job->reason), number(0), identity_group(identity, job->group),
               jobs->why ? db_text(json_why(jobs, index, why)) : db_null());
    for (int32_t r = 0; result == DB_DONE && r < job->run_count; r++)
        result = INSERT(ledger, TABLE_PLAN_RUN, issue, position, db_integer(r),
                        db_integer(job->runs[r].start_ms), db_integer(job->runs[r].end_ms),
                        db_integer(job->runs[r].level));
    return result;
}

static enum db_result write_jobs(struct ledger *ledger, const struct plan_extract *jobs)
{
    char *why = malloc(json_why_size(jobs));
    enum db_result result = why ? DB_DONE : DB_BUSY; /* memory may be there next time */
    for (int32_t j = 0; result == DB_DONE && j < jobs->count; j++)
        result = write_job(ledger, jobs, j, why);
    free(why);
    return result;
}

enum db_result ledger_write_plan(struct ledger *ledger, const struct record_plan *record)
{
    const struct plan *plan = &record->plan;
    enum db_result result = write_head(ledger, plan);
    if (result == DB_DONE)
        result = write_limits(ledger, plan);
    for (int32_t s = 0; result == DB_DONE && s < plan->slot_count; s++) {
        result = write_slot(ledger, plan, s);
        if (result == DB_DONE)
            result = write_loads(ledger, plan, s);
    }
    return result == DB_DONE ? write_jobs(ledger, &record->jobs) : result;
}

enum db_result ledger_write_extension(struct ledger *ledger, const struct record_extension *record)
{
    enum db_result result =
        db_run(ledger->statements[TABLE_PLAN_LATE],
               DB_VALUES(db_integer(record->late_jobs), db_integer(record->jobs.issue_ms)));
    return result == DB_DONE ? write_jobs(ledger, &record->jobs) : result;
}
