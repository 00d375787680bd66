/* Whole jobs on feeders and in time, against a price in each slot. Private to the planner. */
#ifndef TIDEWATT_PLAN_SCHEDULE_H
#define TIDEWATT_PLAN_SCHEDULE_H

#include "controller/plan/work.h"

/* What one more kWh of IT energy costs in a slot: the price at the target load, and more the
 * further the load is above it. */
struct pricing {
    double price[LIMIT_SLOTS];     /* per kWh */
    double target_kw[LIMIT_SLOTS]; /* average of all jobs that are not committed */
    double slope;                  /* per kWh and kW away from the target */
};

struct schedule {
    const struct workload *load;
    double movable_kw[LIMIT_SLOTS]; /* average */
    double room_kw[LIMIT_FEEDERS]
                  [LIMIT_SLOTS]; /* a job takes its full power of a slot it touches */
    struct plan_job *jobs;       /* owned, in the order of the problem */
    int32_t *order;              /* owned: in which jobs are placed */
    void *scratch;               /* owned: of the search for a split */
};

/* With committed and guaranteed jobs in place. NULL: out of memory. */
struct schedule *schedule_create(const struct workload *load);
void schedule_destroy(struct schedule *schedule);
void schedule_copy(struct schedule *to, const struct schedule *from); /* of the same workload */

/* Gives each job that may be moved the best place at these prices, one after the other; a job
 * that has a place leaves it only for a better one. Returns how many moved. */
int32_t schedule_place(struct schedule *schedule, const struct pricing *pricing);

/* Weight of the due times that are missed and could be met. */
double schedule_miss_cost(const struct schedule *schedule);

/* Takes out all jobs that may be moved, those that miss their due time first in the next
 * placing. False, and nothing done, when there are none of these. */
bool schedule_restart(struct schedule *schedule);

/* split.c: the best stretches on one feeder for a job that may be suspended. */
struct fare {
    const struct workload *load;
    const struct work *work;
    const struct pricing *pricing;
    const double *movable_kw;
    double sum[LIMIT_SLOTS + 1]; /* of running through whole slots before this one */
};
double fare_part(const struct fare *fare, int32_t slot, int64_t from_ms, int64_t end_ms);
void *split_scratch_create(void);
/* True and the runs if this is cheaper than `best_cost`. */
bool split_search(const struct fare *fare, void *scratch, const double *room_kw, double best_cost,
                  struct plan_job *ret_plan, double *ret_cost);

#endif
