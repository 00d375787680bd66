/* Why each job and each battery slot is where it is. Private to the planner. */
#ifndef TIDEWATT_PLAN_REASONS_H
#define TIDEWATT_PLAN_REASONS_H

#include "controller/plan/schedule.h"

void reasons_fill(const struct schedule *schedule, struct plan *plan);

#endif
