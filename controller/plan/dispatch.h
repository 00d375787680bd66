/* The sites as linear programs: balances, limits, peak, ramp, battery, chiller and tank in each
 * slot. Private to the planner. Powers in kW, energies in kWh, prices per kWh. */
#ifndef TIDEWATT_PLAN_DISPATCH_H
#define TIDEWATT_PLAN_DISPATCH_H

#include "controller/plan/lp.h"
#include "controller/plan/work.h"

double site_price_import(const struct workload *load, int32_t site, int32_t slot); /* with carbon */

/* Battery, cooling, grid and green power of one site around jobs that are fixed. */
struct dispatch;
struct dispatch *dispatch_create(const struct workload *load, int32_t site); /* NULL: no memory */
void dispatch_destroy(struct dispatch *dispatch);
/* Fills everything of the slots but the load of the groups, their breaches and the reasons.
 * `jobs_kw`: average load of all planned jobs in each slot. */
int dispatch_solve(struct dispatch *dispatch, const double *jobs_kw, struct plan_slot *ret_slots,
                   struct error *error);
/* As dispatch_solve, but what battery and tank do first holds up in all scenarios of the problem
 * (where there are any). `ret_cost`: by how much the plan is dearer in the expected future than the
 * one of dispatch_solve, >= 0. */
int dispatch_hedge(struct dispatch *dispatch, const double *jobs_kw, struct plan_slot *ret_slots,
                   double *ret_cost, struct error *error);
/* Battery and tank at rest, or the battery on surplus alone. */
void dispatch_rule(const struct workload *load, int32_t site, enum plan_storage storage,
                   const double *jobs_kw, struct plan_slot *ret_slots);

/* All jobs as divisible work: the bound, and what a schedule should come close to. Arrays are by
 * workload_at(site, slot) and have room for every site and slot. */
struct relaxation {
    double bound;
    double *price;     /* of IT energy, per kWh: balance, heat and the room on feeders */
    double *target_kw; /* jobs that are not committed */
};
/* `columns_most`: about how large the program may get; like jobs are grouped until it fits. */
int relax_solve(const struct workload *load, int64_t columns_most,
                struct relaxation *ret_relaxation, struct error *error);
/* Everything but the constant part of the objective, for tests. NULL: out of memory. */
struct lp *relax_build(const struct workload *load, int64_t columns_most, double *ret_constant);

#endif
