/* A published rule in the place of the planner: it decides each job once, and what it decided is
 * presented to the cycle as a plan, over and over until the job has ended. */
#ifndef TIDEWATT_TOOLS_BACKTEST_RULE_H
#define TIDEWATT_TOOLS_BACKTEST_RULE_H

#include "controller/plan/policy.h"
#include "tools/backtest/inputs.h"

struct rule;

/* Neither our own planner nor the oracle. */
bool rule_is(enum policy policy);

/* Of jobs with ids from `first_id` on, as in the inputs. NULL: out of memory. */
struct rule *rule_create(enum policy policy, const struct inputs *inputs, int64_t first_id);
void rule_destroy(struct rule *rule);

/* Until it has decided about a job, nobody starts it. */
bool rule_knows(const struct rule *rule, int64_t job_id);

int rule_plan(struct rule *rule, const struct problem *problem, struct plan **ret_plan,
              struct error *error);

#endif
