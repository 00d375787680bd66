/* A problem's jobs as work with windows and prices, and what their runs cost beside energy.
 * Private to the planner; the check does its own arithmetic. Powers in kW, energies in kWh. */
#ifndef TIDEWATT_PLAN_WORK_H
#define TIDEWATT_PLAN_WORK_H

#include <stddef.h>

#include <stddef.h>

#include "controller/plan/plan.h"

struct work {
    const struct problem_job *job;
    double kw;                 /* at level 0 */
    struct plan_run held;      /* a running job that may be touched later goes on so; else empty */
    int64_t first_ms, owed_ms; /* earliest start and work in all, held or not */
    int64_t release_ms; /* earliest start of the rest where it is now; not before the horizon */
    int64_t due_ms;     /* work after it is late (problem.h) */
    int64_t leave_ms;   /* so much work may be left at the end of the horizon without being due */
    int64_t work_ms;    /* to be placed: remaining_ms, and the restart of a suspended job, less what
                           is held */
    bool committed;     /* runs from its release without a break, whatever it costs */
    bool possible;      /* some group that it may use is large enough for some level */
    double late_per_kwh, late_per_kwh_h, unserved_per_kwh, delay_per_kwh_h;
    double leave_per_kwh;  /* at the cheapest site that it may use */
    double miss_cost;      /* of missing the due time at all: not in the objective, see work.c */
    double moment_at_once; /* ms h of running time, for the delay cost */
};

/* Arrays by site and slot are indexed by workload_at. */
struct workload {
    const struct problem *problem;
    int64_t start_ms, end_ms;
    double end_h; /* length of the horizon */
    int32_t site_count, slot_count;
    double *hours;               /* length of a slot */
    double *middle_h;            /* middle of a slot, from the start of the horizon */
    double *committed_kw;        /* [site, slot]: average, of all committed jobs */
    double *committed_feeder_kw; /* [site * LIMIT_FEEDERS + feeder, slot]: of those with a group */
    double later_per_kwh[LIMIT_SITES];  /* what energy of work left for later is expected to cost */
    double arrive_per_kwh[LIMIT_SITES]; /* what energy to move data there costs */
    int32_t count;
    struct work *works;
};

static inline size_t workload_at(const struct workload *load, int32_t row, int32_t slot)
{
    return (size_t)row * (size_t)load->slot_count + (size_t)slot;
}

/* Its own site, or one where a link leads. */
bool work_may_use(const struct workload *load, const struct problem_job *job, int32_t site);
/* Earliest start at a site, data moved; INT64_MAX: it may not run there. */
int64_t work_release_ms(const struct workload *load, const struct work *work, int32_t site);
double work_transfer_cost(const struct workload *load, const struct work *work, int32_t site);

struct work_cost {
    double lateness, delay, churn, leave, transfer;
};

struct workload *workload_create(const struct problem *problem); /* NULL: out of memory */
void workload_destroy(struct workload *load);

int64_t overlap_ms(int64_t start_a, int64_t end_a, int64_t start_b, int64_t end_b);
int32_t workload_slot(const struct workload *load, int64_t at_ms); /* inside the horizon */
/* Running time times the middle of the slot it falls in, ms h. */
double workload_moment(const struct workload *load, int64_t start_ms, int64_t end_ms);
int64_t workload_slot_end_ms(const struct workload *load, int32_t slot);

/* Work that a stretch does, and the shortest stretch that does so much; both at a level's speed. */
int64_t work_of_ms(int64_t length_ms, double speed);
int64_t work_length_ms(int64_t work_ms, double speed);

/* Of a workload whose slots are known; adds what is committed to it. */
void work_init(struct workload *load, struct work *work, const struct problem_job *job);

/* Could the group carry it at this level if nothing else were there? */
bool work_fits_group(const struct problem_site *site, const struct problem_job *job, int32_t level,
                     int32_t group);

/* Work that stays undone by the end of the horizon, restarts included; negative: too much. */
int64_t work_left_ms(const struct workload *load, const struct work *work,
                     const struct plan_job *plan);
/* Is it suspended before this run, and does the run begin by reading a checkpoint back? */
bool work_run_breaks(const struct workload *load, const struct work *work,
                     const struct plan_job *plan, int32_t run);
bool work_run_restarts(const struct workload *load, const struct work *work,
                       const struct plan_job *plan, int32_t run);

/* At its own site; the group is that of the problem, maybe -1. */
void work_run_at_once(const struct workload *load, const struct work *work,
                      struct plan_job *ret_plan);
void work_cost(const struct workload *load, const struct work *work, const struct plan_job *plan,
               struct work_cost *ret_cost);
/* Cost of leaving so much for after the horizon at this site (-1: the cheapest), with its
 * waiting. */
double work_left_cost(const struct workload *load, const struct work *work, int32_t site,
                      int64_t left_ms);

/* Extra weight of a job that ends at `last_ms` with so much left, if that misses a due time that
 * could be met. */
double work_miss_cost(const struct work *work, int64_t last_ms, int64_t left_ms);

/* Does the plan suspend a running job or change its level, ever? */
bool work_is_touched(const struct workload *load, const struct work *work,
                     const struct plan_job *plan);

/* Average power in each slot, kW. */
void work_add_run(const struct workload *load, const struct work *work, const struct plan_run *run,
                  double sign, double *kw);
void work_add_power(const struct workload *load, const struct work *work,
                    const struct plan_job *plan, double sign, double *kw);

#endif
