/* Why each job runs or waits, slot by slot, and why the stores do what they do. Private to the
 * planner. */
#ifndef TIDEWATT_PLAN_REASONS_H
#define TIDEWATT_PLAN_REASONS_H

#include "controller/plan/schedule.h"

/* Of a plan that is complete but for this. `why` is only filled where the plan has it. False: out
 * of memory. */
bool reasons_fill(const struct schedule *schedule, struct plan *plan);

/* The same for jobs that were added to it at `first`, in the order of the schedule. */
bool reasons_of_jobs(const struct schedule *schedule, struct plan *plan, int32_t first);

#endif
