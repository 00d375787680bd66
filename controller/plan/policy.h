/* Rules that others have published, in the same form as our own plan: to compare with, and to
 * prove what planning is worth. Pure.
 *
 * A rule places a job once, when it arrives, by the forecast of that moment, knowing the job's
 * length; lowest-window and carbon-time only know the mean length of its queue, as published. What
 * they minimise is the price of one more kWh at the site: import price and carbon at its price. */
#ifndef TIDEWATT_PLAN_POLICY_H
#define TIDEWATT_PLAN_POLICY_H

#include "controller/plan/plan.h"

enum policy {
    POLICY_NONE,           /* run at once */
    POLICY_LOWEST_SLOT,    /* GAIA: start in the cheapest slot of the waiting time */
    POLICY_LOWEST_WINDOW,  /* GAIA: start where a job of mean length is cheapest */
    POLICY_CARBON_TIME,    /* GAIA: largest saving per time until it is done */
    POLICY_SUSPEND_RESUME, /* Let's Wait Awhile: the cheapest slots before the deadline */
    POLICY_THRESHOLD,      /* Ecovisor: run below a threshold, or when the deadline presses */
    POLICY_SURPLUS,        /* jobs at once; the battery takes surplus and gives it back */
    POLICY_TIDEWATT,       /* plan_make */
    POLICY_ORACLE,         /* plan_make with all jobs and the future known: the limit */
    POLICIES
};

const char *policy_name(enum policy policy); /* "lowest-slot" */
int policy_find(const char *name, enum policy *ret_policy);

/* The runs of one waiting job by a rule (not tidewatt, not oracle) on group 0 of site 0; room is
 * not looked at, as published. `queue_mean_ms`: mean length of the jobs of its queue. */
void policy_place(enum policy policy, const struct problem *problem, const struct problem_job *job,
                  int64_t queue_mean_ms, struct plan_job *ret_plan);

#endif
