/* A problem's jobs as work with windows and prices, and what their runs cost beside energy.
 * Private to the planner; the check does its own arithmetic. Powers in kW, energies in kWh. */
#ifndef TIDEWATT_PLAN_WORK_H
#define TIDEWATT_PLAN_WORK_H

#include "controller/plan/plan.h"

struct work {
    const struct problem_job *job;
    double kw;
    int64_t release_ms; /* not before the horizon */
    int64_t due_ms;     /* work after it is late (problem.h) */
    int64_t leave_ms;   /* so much work may be left at the end of the horizon without being due */
    bool committed;     /* runs from its release without a break, whatever it costs */
    bool possible;      /* some feeder that it may use is large enough */
    double late_per_kwh, unserved_per_kwh, leave_per_kwh, delay_per_kwh_h;
    double miss_cost;      /* of missing the due time at all: not in the objective, see work.c */
    double moment_at_once; /* ms h of running time, for the delay cost */
};

struct workload {
    const struct problem *problem;
    int64_t start_ms, end_ms;
    double hours[LIMIT_SLOTS];        /* length of a slot */
    double middle_h[LIMIT_SLOTS];     /* middle of a slot, from the start of the horizon */
    double committed_kw[LIMIT_SLOTS]; /* average, of all committed jobs */
    double committed_feeder_kw[LIMIT_FEEDERS][LIMIT_SLOTS]; /* of those with a feeder */
    double later_per_kwh; /* what energy of work left for later is expected to cost */
    int32_t count;
    struct work works[];
};

struct work_cost {
    double lateness, delay, churn, leave;
};

struct workload *workload_create(const struct problem *problem); /* NULL: out of memory */

int64_t overlap_ms(int64_t start_a, int64_t end_a, int64_t start_b, int64_t end_b);
int32_t workload_slot(const struct workload *load, int64_t at_ms); /* inside the horizon */

/* Time within the slot that the runs take. */
int64_t runs_in_slot_ms(const struct plan_job *plan, const struct problem_slot *slot);
int64_t runs_total_ms(const struct plan_job *plan);

void work_run_at_once(const struct workload *load, const struct work *work,
                      struct plan_job *ret_plan);
void work_cost(const struct workload *load, const struct work *work, const struct plan_job *plan,
               struct work_cost *ret_cost);
double work_leave_cost(const struct work *work, int64_t left_ms);
/* Cost of leaving so much for after the horizon, with its waiting. */
double work_left_cost(const struct workload *load, const struct work *work, int64_t left_ms);

/* Extra weight of a job that ends at `last_ms` with so much left, if that misses a due time that
 * could be met. */
double work_miss_cost(const struct work *work, int64_t last_ms, int64_t left_ms);

/* Average power in each slot, kW. */
void work_add_power(const struct workload *load, const struct work *work,
                    const struct plan_job *plan, double sign, double *kw);

/* The least state of charge at the end of each slot, kWh (problem.h). */
void workload_reserve(const struct workload *load, double *ret_kwh);
/* Load at the point of common coupling without planned jobs and battery, less all green power. */
double workload_net_kw(const struct workload *load, int32_t slot);

#endif
