/* From a schedule and what the stores do around it to a plan. Private to the planner. */
#ifndef TIDEWATT_PLAN_FILL_H
#define TIDEWATT_PLAN_FILL_H

#include "controller/plan/schedule.h"

/* With the problem's frame, nothing decided. NULL: out of memory. */
struct plan *plan_create(const struct problem *problem);
void plan_index(struct plan *plan);                    /* by_id */
void plan_index_add(struct plan *plan, int32_t index); /* of the next job */

/* All parts of the objective, and it, of what the slots do around these jobs. */
void fill_costs(const struct workload *load, const struct plan_job *jobs,
                struct plan_slot *const *slots, struct plan *plan);
/* Outcome of a job. */
void fill_job(const struct workload *load, const struct work *work, struct plan_job *job);
/* Everything of the plan, which plan_create made. `bound` infinite: none is known but the plan
 * itself. False: out of memory. */
bool fill_plan(const struct schedule *schedule, struct plan_slot *const *slots, double bound,
               struct plan *plan);

#endif
