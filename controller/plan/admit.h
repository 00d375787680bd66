/* What plan_admit keeps of a plan: its room and its load. Private to the planner. */
#ifndef TIDEWATT_PLAN_ADMIT_H
#define TIDEWATT_PLAN_ADMIT_H

#include "controller/plan/schedule.h"

struct plan_admission *admission_create(const struct schedule *schedule); /* NULL: out of memory */
void admission_destroy(struct plan_admission *admission);

#endif
