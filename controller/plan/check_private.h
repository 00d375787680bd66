/* What the files of the check share. Shares nothing with the planner but the structs. Private. */
#ifndef TIDEWATT_PLAN_CHECK_PRIVATE_H
#define TIDEWATT_PLAN_CHECK_PRIVATE_H

#include <stddef.h>

#include "controller/plan/plan.h"

#define CHECK_HOUR_MS 3600e3
#define CHECK_POWER_W 0.5 /* tolerances: far below what any meter tells */
#define CHECK_ENERGY_WH 1.0
#define CHECK_MONEY_RATIO 1e-6

struct check_costs { /* recomputed */
    double energy, carbon, peak, wear, lateness, breach, delay, churn, transfer;
    double stored, left; /* end value: of what is stored, less work left for later */
};

struct check {
    const struct problem *problem;
    const struct plan *plan;
    struct error *error;
    int64_t start_ms, end_ms;
    double *hours;       /* length of each slot */
    double *middle_h;    /* middle of each slot from the start of the horizon */
    double *moment_ms_h; /* sum of length * middle of the slots before; slot_count + 1 entries */
    double *jobs_w;      /* average by check_at and group, LIMIT_GROUPS each */
    double *committed_w; /* average by check_at */
    double transfer_per_mwh[LIMIT_SITES]; /* mean price of imported energy with carbon */
    double later_per_mwh[LIMIT_SITES];    /* and with overhead and cooling: of IT work */
    struct check_costs costs;
    int32_t late_jobs;
    bool breaching;
};

static inline int64_t check_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t check_most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline size_t check_at(const struct check *check, int32_t site, int32_t slot)
{
    return (size_t)site * (size_t)check->problem->slot_count + (size_t)slot;
}

/* One job of the problem beside its place in the plan. */
struct check_pair {
    const struct problem_job *job;
    const struct plan_job *planned;
    int32_t index;
    int64_t release_ms; /* at its own site, inside the horizon or after it */
    int64_t at_once_ms; /* work of a run that starts at once: a suspended job owes a restart */
    int64_t need_ms;    /* work with all restarts */
    int64_t left_ms;    /* of it at the end of the horizon */
};

static inline const struct problem_level *check_level(const struct check_pair *pair, int32_t run)
{
    return &pair->job->levels[pair->planned->runs[run].level];
}

bool check_same(double a, double b, double tolerance); /* false for NaN */
int check_job_wrong(const struct check *check, int32_t index, const char *what);
int check_slot_wrong(const struct check *check, int32_t site, int32_t slot, const char *what,
                     double is, double should);
int check_part(const struct check *check, const char *name, double is, double should);
int32_t check_slot_of(const struct check *check, int64_t at_ms); /* inside the horizon */

/* Does the run go on from the one before, or from what runs now? */
bool check_touches(const struct check *check, const struct check_pair *pair, int32_t run);
/* A first start: nothing is resumed. */
bool check_is_new(const struct check_pair *pair, int32_t run);
int32_t check_level_before(const struct check_pair *pair, int32_t run);
bool check_may_use(const struct check *check, const struct problem_job *job, int32_t site);
/* Until when the job may not be touched: INT64_MIN, INT64_MAX for all of it, or its hold. */
int64_t check_committed_until_ms(const struct check *check, const struct problem_job *job);
/* Windows, pieces, work done, outcome, reasons by slot and cost of every job; fills jobs_w and
 * committed_w. */
int check_jobs(struct check *check);
/* Adds what a job that passed draws and costs. */
void check_add_job(struct check *check, const struct check_pair *pair);
/* Feeders, groups and accelerators at every moment; only after check_jobs. */
int check_room(struct check *check);
/* Balances, limits, stores and costs of every site; only after check_jobs. */
int check_sites(struct check *check);

#endif
