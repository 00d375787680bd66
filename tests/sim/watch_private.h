/* What the parts of the judge share. */
#ifndef TIDEWATT_TESTS_SIM_WATCH_PRIVATE_H
#define TIDEWATT_TESTS_SIM_WATCH_PRIVATE_H

#include "tests/sim/closed_loop.h"

/* One line a violation, at most a few a day, with what it takes to see it again. */
void watch_violation(struct sim *sim, enum watch_rule rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The moment so many ticks ago; 0: the newest. */
static inline const struct watch_moment *watch_past(const struct watch *watch, int64_t ago)
{
    return &watch->past[(watch->ticks - 1 - ago + WATCH_WINDOW) % WATCH_WINDOW];
}

/* Feeders come first, then rack groups. */
double watch_branch_limit_w(const struct sim *sim, int branch);
bool watch_on_branch(const struct sim *sim, int32_t feeder, int32_t group, int branch);
int watch_branches(const struct sim *sim);

#endif
