/* Whole jobs on sites, groups, levels and in time, against a price in each slot. Private to the
 * planner. */
#ifndef TIDEWATT_PLAN_SCHEDULE_H
#define TIDEWATT_PLAN_SCHEDULE_H

#include "controller/plan/search.h"

struct schedule {
    const struct workload *load;
    struct room room;
    struct room fixed;     /* room beside what is not moved: after schedule_place_first */
    double *jobs_kw;       /* owned: average of all jobs, by workload_at(site, slot) */
    struct plan_job *jobs; /* owned, in the order of the problem */
    int32_t *order;        /* owned: in which jobs are placed */
    struct search *search; /* owned */
};

/* Empty: nothing runs. NULL: out of memory. */
struct schedule *schedule_create(const struct workload *load);
void schedule_destroy(struct schedule *schedule);

/* Committed and guaranteed jobs, and what is held. */
void schedule_place_first(struct schedule *schedule);
/* Runs that somebody else chose. */
void schedule_adopt(struct schedule *schedule, const struct plan_job *jobs);

/* Gives each job that may be moved the best place at these prices, one after the other; a job
 * that has a place leaves it only for a better one. Returns how many moved. */
int32_t schedule_place(struct schedule *schedule, const struct pricing *pricing,
                       bool (*time_left)(void *context), void *context);
/* One of them; false: it stays where it is. */
bool schedule_place_job(struct schedule *schedule, int32_t index, const struct pricing *pricing);

/* Weight of the due times that are missed and could be met. */
double schedule_miss_cost(const struct schedule *schedule);
/* The gain that touching running jobs has to be worth. */
double schedule_touch_cost(const struct schedule *schedule);

bool schedule_is_movable(const struct work *work);
bool schedule_misses(const struct schedule *schedule, int32_t index);
/* Adds a job's load to the schedule (+1), or takes it away (-1). */
void schedule_occupy(struct schedule *schedule, int32_t index, double sign);
/* Takes a job out as far as it may be moved. */
void schedule_clear(struct schedule *schedule, int32_t index);

/* repair.c: places jobs that miss their due time as if jobs that may be moved were not there, and
 * moves those that are then in the way; where that does not help, nothing is done. Returns how many
 * it helped. */
int32_t schedule_repair(struct schedule *schedule, const struct pricing *pricing,
                        bool (*time_left)(void *context), void *context);

/* Takes out all jobs that may be moved, those that miss their due time first in the next
 * placing. */
void schedule_restart(struct schedule *schedule);

/* Where everything was, to go back to. */
struct snapshot;
struct snapshot *snapshot_create(const struct workload *load); /* NULL: out of memory */
void snapshot_destroy(struct snapshot *snapshot);
bool snapshot_take(struct snapshot *snapshot, const struct schedule *schedule); /* false: memory */
void snapshot_restore(const struct snapshot *snapshot, struct schedule *schedule);

#endif
