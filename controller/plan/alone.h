/* The cheapest that one job can be at given prices, as if it were alone: never more than it costs
 * in a plan at these prices. Private to the planner. */
#ifndef TIDEWATT_PLAN_ALONE_H
#define TIDEWATT_PLAN_ALONE_H

#include "controller/plan/grouping.h"

struct ranked {
    double per_kwh;
    int32_t slot;
};

/* Sums are over the slots before: slot_count + 1 entries. */
struct alone_site {
    double *price, *accelerator_price; /* by slot: of a kWh, and of an accelerator for an hour */
    double *price_sum, *accelerator_sum;
    double *work_price; /* by slot: of a kWh of work at the best level of the group, with waiting */
    struct ranked *order; /* slots by rising price of work */
};

struct offer { /* so much work at such a cost */
    double per_kwh, kwh;
};

struct alone {
    const struct workload *load;
    const struct work_group *group;
    struct alone_site sites[LIMIT_SITES];
    double *middle_sum;   /* hours times the middle of the slot */
    struct offer *offers; /* scratch */
    double *memory;
    struct ranked *orders;
};

bool alone_init(struct alone *alone, const struct workload *load); /* finish it in any case */
void alone_finish(struct alone *alone);
/* The two prices of the sites that the group may use are filled in. */
void alone_prepare(struct alone *alone, const struct work_group *group);
/* Cost of a member of the group, without the constant part that no plan changes. */
double alone_cost(struct alone *alone, const struct work *work);

#endif
