/* The planner thread: an immutable problem in, a plan out, so that a long solve delays no tick. */
#ifndef TIDEWATT_CORE_PLANNER_H
#define TIDEWATT_CORE_PLANNER_H

#include "controller/plan/plan.h"

struct planner;

/* `budget_ms`: real time after which a plan is no longer improved. */
struct planner *planner_create(int64_t budget_ms, struct error *error);
void planner_destroy(struct planner *planner); /* waits for the solve that runs */

/* Hands a problem over (ownership passes). False: one is still being solved, nothing taken. */
bool planner_submit(struct planner *planner, struct problem *problem);

struct planner_result {
    struct problem *problem;
    struct plan *plan; /* NULL: failed, see error */
    struct error error;
};
/* True when a solve has ended; ownership of both passes to the caller. Never waits. */
bool planner_take(struct planner *planner, struct planner_result *ret_result);

#endif
