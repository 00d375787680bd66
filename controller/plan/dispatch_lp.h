/* What the files of the dispatch share. Private to the planner. */
#ifndef TIDEWATT_PLAN_DISPATCH_LP_H
#define TIDEWATT_PLAN_DISPATCH_LP_H

#include "controller/plan/dispatch.h"
#include "controller/plan/site_lp.h"

struct dispatch {
    struct site_lp site;
};

/* Lets all flows take any value in any direction. */
void dispatch_free(struct dispatch *dispatch);
/* Solves within the bounds of the columns as they are. */
int dispatch_run(struct dispatch *dispatch, const double *jobs_kw, struct plan_slot *ret_slots,
                 struct error *error);
double dispatch_flow(const struct site_lp *site, int column); /* of the solution; -1 is none */
/* Fills grid and green power of a slot from what the site takes beside its green power, of which
 * `spilled_kw` is let go unless it is needed. */
void dispatch_close(const struct site_lp *site, int32_t t, double taken_kw, double spilled_kw,
                    struct plan_slot *slot);
/* Fills the ramp breach, grid power of this slot and the one before known. */
void dispatch_ramp(const struct site_lp *site, int32_t t, struct plan_slot *slots);

#endif
