/* Which accelerators are free in each rack group. Pure.
 *
 * A job takes any mix of the classes that it can run on. Accelerators suffice when, for every set
 * of classes, the jobs that know no other need at most what the group has of them (the same rule as
 * the planner's); so a job counts in every set that holds its mask. */
#ifndef TIDEWATT_ACT_ACCELERATORS_H
#define TIDEWATT_ACT_ACCELERATORS_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/limits.h"
#include "controller/plant/job.h"

struct accelerators { /* zeroed: no group */
    int group_count;
    uint32_t classes[LIMIT_GROUPS];                      /* bit mask of those that the group has */
    int64_t free[LIMIT_GROUPS][1 << LIMIT_ACCELERATORS]; /* of each set of these; negative: more
                                                            are taken than there are */
};

/* The next group has so many of each class. */
void accelerators_add_group(struct accelerators *accelerators,
                            const int32_t counts[LIMIT_ACCELERATORS]);

/* `classes`: bit mask of those that can serve; 0: none is needed. A group that does not exist has
 * none. */
bool accelerators_suffice(const struct accelerators *accelerators, int32_t group, uint32_t classes,
                          int32_t count);
void accelerators_take(struct accelerators *accelerators, int32_t group, uint32_t classes,
                       int32_t count);
/* What all jobs hold, whether it suffices or not. */
void accelerators_take_jobs(struct accelerators *accelerators, const struct job *jobs,
                            int job_count);

int32_t job_accelerators(const struct job *job, int32_t level);
/* While it draws power: at its level, or at the one it is being changed to if that takes more. */
int32_t job_accelerators_held(const struct job *job);

#endif
