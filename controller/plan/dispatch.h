/* The site as linear programs: power balance, limits, peak and battery in each slot.
 * Private to the planner. Powers in kW, energies in kWh, prices per kWh. */
#ifndef TIDEWATT_PLAN_DISPATCH_H
#define TIDEWATT_PLAN_DISPATCH_H

#include "controller/plan/lp.h"
#include "controller/plan/work.h"

/* Rows and columns of the site in a program; jobs come on top as columns or as load. */
struct site {
    const struct workload *load;
    struct lp *lp;
    int balance[LIMIT_SLOTS]; /* row: its dual is the price of power at the coupling point */
    int import[LIMIT_SLOTS], breach[LIMIT_SLOTS], export[LIMIT_SLOTS], spill[LIMIT_SLOTS];
    int charge[LIMIT_SLOTS], discharge[LIMIT_SLOTS]; /* columns, only with a battery */
    bool has_battery;
};

/* Adds the site with the given average job load to an empty program. */
void site_build(struct site *site, struct lp *lp, const struct workload *load,
                const double *jobs_kw);
double site_price_import(const struct workload *load, int32_t slot); /* with carbon */
double site_marginal(const struct site *site, int32_t slot);         /* of IT energy, solved LP */

/* Battery, grid and green power around jobs that are fixed. */
struct dispatch;
struct dispatch *dispatch_create(const struct workload *load); /* NULL: out of memory */
void dispatch_destroy(struct dispatch *dispatch);
/* Fills everything of the slots but the load of the feeders and the reasons. `jobs_kw`: average
 * load of all planned jobs in each slot. */
int dispatch_solve(struct dispatch *dispatch, const double *jobs_kw, struct plan_slot *ret_slots,
                   struct error *error);

/* All jobs as divisible work: the bound, and what a schedule should come close to. */
struct relaxation {
    double bound;
    double price[LIMIT_SLOTS];     /* of IT energy, per kWh */
    double target_kw[LIMIT_SLOTS]; /* jobs that are not committed */
};
/* Everything but the constant part of the objective. NULL: out of memory. */
struct lp *relax_build(const struct workload *load, double *ret_constant);
int relax_solve(const struct workload *load, struct relaxation *ret_relaxation,
                struct error *error);

#endif
