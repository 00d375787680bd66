/* The relaxed program while it is alive, for what is read from it. Private to the planner. */
#ifndef TIDEWATT_PLAN_RELAX_H
#define TIDEWATT_PLAN_RELAX_H

#include "controller/plan/dispatch.h"
#include "controller/plan/relax_move.h"
#include "controller/plan/relax_room.h"
#include "controller/plan/site_lp.h"

struct relax {
    const struct workload *load;
    struct lp *lp;
    struct site_lp sites[LIMIT_SITES];
    struct grouping grouping;
    struct relax_rooms rooms;
    struct relax_move move;
    /* Those of the groups of work come last: first where work is done, then how much there is. */
    int first_group_column, first_group_row, first_energy_row;
    bool pays_for_load[LIMIT_SITES];
    double constant; /* part of the objective that no plan changes */
};

/* bound.c: what no plan can be cheaper than, at the duals of the solved program. `price`: of IT
 * energy by workload_at, with the room of the sites. False: out of memory. */
bool relax_bound(const struct relax *relax, const double *price, double *ret_bound);

#endif
