/* What feeders, rack groups and their accelerators can still carry. Slots are cut into cells; a job
 * takes its full power of a cell that it touches, so that another can begin in the slot in which it
 * ends. Private to the planner. */
#ifndef TIDEWATT_PLAN_ROOM_H
#define TIDEWATT_PLAN_ROOM_H

#include "controller/plan/work.h"

enum {
    ROOM_SETS = 1 << LIMIT_ACCELERATORS,
    ROOM_CELLS = 4, /* of a slot */
};

/* Rows of groups and feeders run through all sites. Accelerators suffice when for every set of
 * classes those who know no other need at most what the group has; sets that are no union of the
 * jobs' own never bind. The first sets are those of jobs, the rest are their unions. */
struct room {
    const struct workload *load;
    int32_t first_group[LIMIT_SITES + 1], first_feeder[LIMIT_SITES + 1];
    int32_t set_count;
    uint32_t sets[ROOM_SETS];
    double *group_kw, *feeder_kw; /* [row, cell], by room_at */
    double *cell_kw;              /* of a group: the lesser of its own and its feeder's */
    double *free_kw;              /* [row, slot], by workload_at: the least of its cells */
    int32_t *in_use;              /* accelerators, [group row * set_count + set, cell]: by jobs
                                     that know no class outside of the set */
    int32_t *capacity;            /* accelerators of [group row * set_count + set] */
};

static inline size_t room_at(const struct room *room, int32_t row, int32_t cell)
{
    return (size_t)row * (size_t)room->load->slot_count * ROOM_CELLS + (size_t)cell;
}
int32_t room_cell(const struct workload *load, int64_t at_ms);
int32_t room_cell_in(const struct workload *load, int32_t slot, int64_t at_ms); /* that it is in */
int64_t room_cell_start_ms(const struct workload *load, int32_t cell);
int64_t room_cell_end_ms(const struct workload *load, int32_t cell);

bool room_init(struct room *room, const struct workload *load); /* false: out of memory */
void room_finish(struct room *room);
/* Of a room whose workload has been replaced by one of the same sites and slots: learns the classes
 * of its jobs. */
bool room_learn(struct room *room);
void room_copy(struct room *to, const struct room *from); /* of the same workload */

void room_take(struct room *room, int32_t site, int32_t group, const struct problem_job *job,
               int32_t first_cell, int32_t last_cell, double kw, int32_t accelerators);
/* More accelerators are in use than the group has. */
bool room_lacks_accelerators(const struct room *room, int32_t site, int32_t group, int32_t cell);
/* All through a slot, or these cells, or in some of a slot's cells but not in all. */
bool room_carries(const struct room *room, int32_t site, int32_t group,
                  const struct problem_job *job, int32_t level, int32_t slot);
bool room_carries_cells(const struct room *room, int32_t site, int32_t group,
                        const struct problem_job *job, int32_t level, int32_t first_cell,
                        int32_t last_cell);
bool room_carries_part(const struct room *room, int32_t site, int32_t group,
                       const struct problem_job *job, int32_t level, int32_t slot);

#endif
