/* What feeders, rack groups and their accelerators can still carry in each slot. A job takes its
 * full power of a slot that it touches. Private to the planner. */
#ifndef TIDEWATT_PLAN_ROOM_H
#define TIDEWATT_PLAN_ROOM_H

#include "controller/plan/work.h"

enum { ROOM_SETS = 1 << LIMIT_ACCELERATORS };

/* Rows of groups and feeders run through all sites. Accelerators suffice when for every set of
 * classes those who know no other need at most what the group has; sets that are no union of the
 * jobs' own never bind. The first sets are those of jobs, the rest are their unions. */
struct room {
    const struct workload *load;
    int32_t first_group[LIMIT_SITES + 1], first_feeder[LIMIT_SITES + 1];
    int32_t set_count;
    uint32_t sets[ROOM_SETS];
    double *group_kw, *feeder_kw; /* [row, slot], by workload_at */
    double *free_kw;              /* of a group: the lesser of its own and its feeder's */
    int32_t *in_use;              /* accelerators, [group row * set_count + set, slot]: by jobs
                                     that know just these classes */
    int32_t *capacity;            /* accelerators of [group row * set_count + set] */
};

bool room_init(struct room *room, const struct workload *load); /* false: out of memory */
void room_finish(struct room *room);
/* Of a room whose workload has been replaced by one of the same sites and slots: learns the classes
 * of its jobs. */
bool room_learn(struct room *room);
void room_copy(struct room *to, const struct room *from); /* of the same workload */

void room_take(struct room *room, int32_t site, int32_t group, const struct problem_job *job,
               int32_t slot, double kw, int32_t accelerators);
/* More accelerators are in use than the group has. */
bool room_lacks_accelerators(const struct room *room, int32_t site, int32_t group, int32_t slot);
bool room_carries(const struct room *room, int32_t site, int32_t group,
                  const struct problem_job *job, int32_t level, int32_t slot);

#endif
