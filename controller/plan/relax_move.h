/* What it costs to do work away from where its data is, in the relaxed program. Private to the
 * planner.
 *
 * Groups pool jobs of all sites. How much is done at each site in each part of the horizon,
 * whatever its group, has to come from somewhere: the work that waits at a site then stays there
 * for nothing, or moves, that with the least data for its energy first. */
#ifndef TIDEWATT_PLAN_RELAX_MOVE_H
#define TIDEWATT_PLAN_RELAX_MOVE_H

#include "controller/plan/grouping.h"
#include "controller/plan/lp.h"

enum { RELAX_ERAS = 16 };

struct relax_move {
    bool matters;                     /* there is another site */
    int row[LIMIT_SITES][RELAX_ERAS]; /* kWh done at each site in each part */
};

/* Adds the rows, and the columns that fill them. False: out of memory. */
bool relax_move_init(struct relax_move *move, struct lp *lp, const struct workload *load);
/* That of work done in a slot. */
int relax_move_row(const struct relax_move *move, const struct workload *load, int32_t site,
                   int32_t slot);

#endif
