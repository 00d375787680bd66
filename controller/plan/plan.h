/* Problem in, plan out: LP relaxation (the bound), whole jobs by list scheduling, re-dispatch of
 * the battery around them, and an independent check. Pure: no clock either, the caller passes a
 * deadline test. */
#ifndef TIDEWATT_PLAN_PLAN_H
#define TIDEWATT_PLAN_PLAN_H

#include "controller/base/error.h"
#include "controller/plan/problem.h"

enum plan_status {
    PLAN_NONE,      /* no plan was made; see the error text */
    PLAN_COMPLETE,  /* every constraint kept */
    PLAN_BREACHING, /* soft constraints broken at their price, all named */
};

struct plan_slot {
    double import_w, export_w, pv_used_w, wind_used_w;
    double charge_w, discharge_w, soc_end_wh;
    double it_jobs_w[LIMIT_FEEDERS];
    double facility_w;
    double breach_w; /* import above the limit that could not be avoided */
    /* By how much base load and committed jobs (problem.h) exceed a feeder at the worst moment of
     * the slot. Not priced: the plan cannot choose it, only name it. */
    double feeder_breach_w[LIMIT_FEEDERS];
    double reserve_short_wh; /* stored energy below the reserve at the slot's end */
    double marginal_per_mwh; /* dual: cost of one more MWh of IT energy in this slot */
    enum reason battery_reason;
};

struct plan_run {
    int64_t start_ms, end_ms;
};

struct plan_job {
    int64_t id;
    int32_t feeder; /* -1 when it does not run inside the horizon */
    int32_t run_count;
    struct plan_run runs[LIMIT_RUNS];
    int64_t finish_ms;  /* expected; INT64_MAX when beyond the horizon */
    bool late;          /* some of its work cannot be done by its deadline */
    enum reason reason; /* why it runs or waits now */
};

struct plan {
    int64_t id; /* set by the caller */
    int64_t issue_ms;
    int64_t expires_ms; /* set by the caller */
    enum plan_status status;
    double objective; /* currency over the horizon, of the whole-job schedule */
    double bound;     /* of the LP relaxation: no schedule can be cheaper */
    double gap;       /* (objective - bound) / max(|bound|, 1), >= 0 */
    /* Parts of the objective, defined in problem.h. lateness_cost includes unserved work;
     * end_value is subtracted, and negative when work left weighs more than stored energy. */
    double energy_cost, carbon_cost, peak_cost, wear_cost, lateness_cost, breach_cost, delay_cost,
        churn_cost, end_value;
    double peak_import_w;
    int32_t late_jobs;
    struct problem_slot *frame; /* slot start/length and inputs, owned, slot_count entries */
    struct plan_slot *slots;    /* owned */
    int32_t slot_count;
    struct plan_job *jobs; /* owned, in the order of the problem */
    int32_t job_count;
    double solve_ms; /* filled by the caller that owns a clock */
};

typedef bool (*plan_time_left)(void *context); /* false: stop improving */

/* Always leaves a plan for a valid problem: limits that cannot be kept are named breaches.
 * ERROR_INVALID for a problem that makes no sense (the text names slot, job or field),
 * ERROR_SYSTEM when memory is out or the LP library fails. `time_left` may be NULL: no limit; the
 * plan is then the same every time. */
int plan_make(const struct problem *problem, plan_time_left time_left, void *context,
              struct plan **ret_plan, struct error *error);
void plan_destroy(struct plan *plan);

/* Is the job to run at this time? -1: the plan does not know it, else 0 or 1. `ret_job` may be
 * NULL. */
int plan_job_runs(const struct plan *plan, int64_t job_id, int64_t at_ms,
                  const struct plan_job **ret_job);
const struct plan_slot *plan_slot_at(const struct plan *plan, int64_t at_ms); /* NULL outside */

/* Recomputes everything from the problem alone and refuses what breaks a constraint that the plan
 * does not name as a breach: balances, limits, SoC band, job windows, work done, no overlap,
 * feeder limits, objective parts. 0, or ERROR_INVALID with the first violation in words. */
int plan_check(const struct problem *problem, const struct plan *plan, struct error *error);

#endif
