/* Like jobs as one piece of divisible work. Private to the planner. */
#ifndef TIDEWATT_PLAN_GROUPING_H
#define TIDEWATT_PLAN_GROUPING_H

#include "controller/plan/work.h"

/* Every member may do at least what the group may: its windows, prices and needs are the most
 * lenient ones among them, its powers are their sums. Work is energy at level 0. */
struct work_group {
    const int32_t *members; /* numbers of their works */
    int32_t member_count;
    const struct work *like; /* class, tie and sites of all members */
    uint32_t classes;        /* of accelerators: all that members can run on; 0: none is needed */
    double kwh, leave_kwh;
    double leave_per_kwh;
    int64_t due_ms;               /* the latest */
    double kwh_least, kwh_most;   /* drawn for a kWh of work, at the best and worst level */
    double accelerators_per_kw;   /* of work, the least */
    uint32_t sites;               /* bits of those that it may use */
    double *on_time_kw, *late_kw; /* by workload_at: the most in a slot */
    bool late;                    /* for certain: not all of it can be on time */
};

struct grouping {
    int32_t count;
    struct work_group *groups;
    int32_t *members;
    double *memory;
};

/* May it be placed, or is it fixed? */
bool work_movable(const struct workload *load, const struct work *work);
/* Sites that it can reach inside the horizon and where some group can carry it. */
uint32_t work_sites(const struct workload *load, const struct work *work);

/* As many groups as the columns allow; at least one for each kind, of which there are fewer where
 * their columns would be far too many. False: out of memory; finish it in any case. */
bool grouping_init(struct grouping *grouping, const struct workload *load, int64_t columns_most);
void grouping_finish(struct grouping *grouping);

#endif
