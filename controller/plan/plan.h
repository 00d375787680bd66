/* Problem in, plan out: LP relaxation (the bound), whole jobs by list scheduling, re-dispatch of
 * the stores around them, and an independent check. Pure: no clock either, the caller passes a
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

struct plan_slot { /* of one site */
    double import_w, export_w, pv_used_w, wind_used_w;
    double charge_w, discharge_w, soc_end_wh;
    double chiller_heat_w, free_heat_w, tank_charge_w, tank_discharge_w, tank_end_wh; /* of heat */
    double it_jobs_w[LIMIT_GROUPS];
    double facility_w;
    double breach_w;        /* import above the limit that could not be avoided */
    double ramp_breach_w;   /* change since the slot before beyond the ramp */
    double cooling_short_w; /* heat that nothing removes */
    /* By how much what is kept free for base load (base_it_high_w) and committed jobs exceed a
     * feeder or group at the worst moment of the slot. Not priced: the plan cannot choose it, only
     * name it. */
    double feeder_breach_w[LIMIT_FEEDERS], group_breach_w[LIMIT_GROUPS];
    double reserve_short_wh; /* stored energy below the reserve at the slot's end */
    double marginal_per_mwh; /* dual: cost of one more MWh of IT energy in this slot */
    enum reason battery_reason, tank_reason;
};

struct plan_run {
    int64_t start_ms, end_ms;
    int32_t level;
};

struct plan_job {
    int64_t id;
    int32_t site, group; /* group -1 when it does not run inside the horizon */
    int32_t run_count;
    struct plan_run runs[LIMIT_RUNS];
    int64_t finish_ms;  /* expected; INT64_MAX when beyond the horizon */
    bool late;          /* some of its work cannot be done by its deadline */
    enum reason reason; /* why it runs or waits now */
};

struct plan_site {
    struct problem_slot *frame; /* slot start/length and inputs, owned, slot_count entries */
    struct plan_slot *slots;    /* owned */
    struct problem_feeder feeders[LIMIT_FEEDERS]; /* as in the problem */
    struct problem_group groups[LIMIT_GROUPS];
    int32_t feeder_count, group_count;
    double peak_import_w;
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
        churn_cost, transfer_cost, end_value;
    double hedge_cost; /* part of the objective that buys safety against the scenarios */
    int32_t late_jobs;
    struct plan_site sites[LIMIT_SITES];
    int32_t site_count;
    int32_t slot_count;
    struct plan_job *jobs; /* owned, in the order of the problem */
    int32_t *by_id;        /* owned: indices of the jobs by rising id; NULL: look-ups scan */
    uint16_t *why;         /* owned, [job * slot_count + slot]: see plan_why; NULL: not kept */
    int32_t job_count;
    int32_t job_room;                 /* of `jobs` and by_id; `why` has as many rows */
    struct plan_admission *admission; /* owned: what plan_admit needs; NULL: it makes do with what
                                         the slots say */
    double solve_ms;                  /* filled by the caller that owns a clock */
};

typedef bool (*plan_time_left)(void *context); /* false: stop improving */

/* Always leaves a plan for a valid problem: limits that cannot be kept are named breaches.
 * ERROR_INVALID for a problem that makes no sense (the text names slot, job or field),
 * ERROR_SYSTEM when memory is out or the LP library fails. `time_left` may be NULL: no limit; the
 * plan is then the same every time. */
int plan_make(const struct problem *problem, plan_time_left time_left, void *context,
              struct plan **ret_plan, struct error *error);
void plan_destroy(struct plan *plan);

/* What battery and tank do around runs that somebody else chose. */
enum plan_storage {
    STORAGE_OPTIMAL, /* as in plan_make */
    STORAGE_IDLE,
    STORAGE_SURPLUS, /* the battery takes green surplus and gives it back as soon as there is load
                        to serve; the tank idles */
};

/* A complete plan around given runs: `jobs` in the order of the problem, of which site, group and
 * runs are read. Runs that break a rule are not mended; plan_check finds them. Errors as in
 * plan_make. */
int plan_around(const struct problem *problem, const struct plan_job *jobs,
                enum plan_storage storage, struct plan **ret_plan, struct error *error);

/* Gives jobs that came after the plan was made a place in it, each where it is cheapest at the
 * plan's marginal prices beside what already runs there; nothing else moves and no cost is
 * restated. They are appended to `jobs`. Microseconds a job: between two plans a site of a
 * thousand jobs takes new ones at once. Jobs that the plan knows are left alone. ERROR_SYSTEM: out
 * of memory, the plan is as before. */
int plan_admit(struct plan *plan, const struct problem_prices *prices,
               const struct problem_job *jobs, int32_t count, struct error *error);

/* NULL: the plan does not know it. `cursor` (may be NULL) is 0 before a walk over many jobs, which
 * is quick if they come in the order of their ids. */
const struct plan_job *plan_find_job(const struct plan *plan, int64_t job_id, int32_t *cursor);
/* The run that the job is in at this time. NULL: it is not to run. */
const struct plan_run *plan_run_at(const struct plan_job *job, int64_t at_ms);
const struct plan_slot *plan_slot_at(const struct plan *plan, int32_t site,
                                     int64_t at_ms); /* NULL outside */
/* Why the job of this index runs or waits in this slot; NONE before its release, after its end, or
 * when the plan does not keep reasons by slot. */
enum reason plan_why(const struct plan *plan, int32_t job, int32_t slot);
/* Why a job of the plan runs or waits at this time; its reason for now, where none is kept. */
enum reason plan_reason_at(const struct plan *plan, const struct plan_job *job, int64_t at_ms);

/* Recomputes everything from the problem alone and refuses what breaks a constraint that the plan
 * does not name as a breach: balances, limits, SoC band, job windows, work done, no overlap,
 * limits of feeders, groups and
 * accelerators, objective parts. 0, or ERROR_INVALID with the first violation in words. */
int plan_check(const struct problem *problem, const struct plan *plan, struct error *error);

#endif
