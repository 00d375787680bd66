/* Does a problem make sense? Private to the planner. */
#ifndef TIDEWATT_PLAN_PROBLEM_VALID_H
#define TIDEWATT_PLAN_PROBLEM_VALID_H

#include "controller/base/error.h"
#include "controller/plan/problem.h"

/* 0, or ERROR_INVALID naming site, slot, job and field. */
int problem_valid(const struct problem *problem, struct error *error);

#endif
