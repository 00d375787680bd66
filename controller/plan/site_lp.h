/* One site as rows and columns of a linear program: what dispatch, hedge and bound have in common.
 * Private to the planner. Powers in kW, energies in kWh, prices per kWh.
 *
 * The balance row of a slot is what flows to the IT load and the fixed load; it may fall short of
 * them by the green power, of which what is left over is spilled:
 *   load - green <= import + breach - export + discharge - charge - cooling <= load
 * The row of heat is: chiller + free + short + tank_discharge - tank_charge = heat */
#ifndef TIDEWATT_PLAN_SITE_LP_H
#define TIDEWATT_PLAN_SITE_LP_H

#include "controller/plan/lp.h"
#include "controller/plan/work.h"

/* Added to the load of jobs, kW, so that marginal prices are those of more load: where no load is
 * left to buy for, that of less would be as good a dual. */
#define SITE_MORE_KW 1e-4

/* Where a slot is in the program; -1: it has no such row or column. */
struct site_slot {
    int balance, heat, peak, ramp, soc_row, tank_row;
    int import, breach, export;
    int charge, discharge, soc;
    int chiller, free, short_of, tank_charge, tank_discharge, tank;
    int ramp_up, ramp_down; /* beyond the ramp */
};

struct site_lp {
    const struct workload *load;
    const struct problem_site *given;
    const struct problem_outlook *outlook; /* instead of the expectation; NULL: none */
    double weight;                         /* of all costs */
    int32_t site;
    bool convex; /* with rows against flows in both directions, for jobs within the limits */
    struct lp *lp;
    struct site_slot *slots; /* owned */
    double *floor_kwh;       /* owned: least state of charge at the end of each slot */
    bool has_battery, has_cooling, has_tank, has_ramp, has_peak;
};

/* Without a program, and without memory to free. */
void site_frame(struct site_lp *site, const struct workload *load, int32_t index);
/* The expectation at weight 1. False: out of memory; finish it in any case. */
bool site_init(struct site_lp *site, const struct workload *load, int32_t index, struct lp *lp);
void site_finish(struct site_lp *site);
void site_add_rows(struct site_lp *site, const double *jobs_kw); /* and SITE_MORE_KW */
/* After the rows. Of the first slots, as many as `common`, the flows of battery and tank are shared
 * with the `twins` behind it in the same array, other outlooks on the same site. */
void site_add_columns(struct site_lp *site, int32_t common, int32_t twins);
void site_set_load(struct site_lp *site, const double *jobs_kw); /* likewise */

/* Cost of one more kWh of IT energy at the solution. */
double site_marginal(const struct site_lp *site, int32_t slot);
/* May one more kWh be worth something, as when prices are below 0? */
bool site_may_pay_for_load(const struct site_lp *site);

/* site.c */
double site_import_price(const struct site_lp *site, int32_t slot); /* with carbon */
double site_export_price(const struct site_lp *site, int32_t slot);
double site_direct_kw(const struct site_lp *site, int32_t slot, double it_kw); /* no cooling */
/* More can never flow in while feeders keep their limits. */
double site_import_most_kw(const struct site_lp *site, int32_t slot);
double site_green_kw(const struct site_lp *site, int32_t slot);
double site_base_kw(const struct site_lp *site, int32_t slot); /* IT load that is not planned */
double site_export_most_kw(const struct site_lp *site, int32_t slot);
double site_ramp_kw(const struct site_lp *site, int32_t slot); /* allowed from the slot before */
/* The reserve, and where it is not reached yet, the path to it: at the end of the slot, from that
 * before it. */
double site_floor_kwh(const struct site_lp *site, int32_t slot, double before_kwh);
double site_floor_now_kwh(const struct site_lp *site);
double site_soc_most_kwh(const struct site_lp *site);
double site_tank_most_kwh(const struct site_lp *site);
double site_tank_kept(const struct site_lp *site, int32_t slot); /* share after standing loss */

#endif
