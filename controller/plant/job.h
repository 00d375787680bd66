/* A job as the plant sees it: a deferrable electrical load with a deadline. */
#ifndef TIDEWATT_PLANT_JOB_H
#define TIDEWATT_PLANT_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/limits.h"
#include "controller/base/reason.h"

enum job_class {
    JOB_REALTIME,   /* never touched */
    JOB_GUARANTEED, /* starts at once; may be power-capped inside its SLO */
    JOB_DEFERRABLE, /* start shifted, suspended before its deadline */
    JOB_SCAVENGER,  /* runs on surplus */
    JOB_CLASSES
};

enum job_state {
    JOB_QUEUED,     /* known, not started */
    JOB_STARTING,   /* asked to start, not confirmed */
    JOB_RUNNING,
    JOB_SUSPENDING,
    JOB_SUSPENDED,
    JOB_RESUMING,
    JOB_CANCELLING,
    JOB_COMPLETED,  /* terminal from here on */
    JOB_FAILED,
    JOB_CANCELLED,
    JOB_LOST,
    JOB_STATES
};

const char *job_class_name(enum job_class job_class);
int job_class_find(const char *name, enum job_class *ret_class);
const char *job_state_name(enum job_state state);
int job_state_find(const char *name, enum job_state *ret_state);
bool job_state_ended(enum job_state state);
bool job_state_draws_power(enum job_state state); /* STARTING, RUNNING, SUSPENDING, RESUMING, CANCELLING */

#define JOB_NO_DEADLINE INT64_MAX

/* A way in which a job may run: power-capped, or on fewer accelerators. */
struct job_level {
    double power_w;            /* IT power while it runs so */
    double speed;              /* work done per time, of that at level 0: (0, 1] */
    int32_t accelerators;      /* 0: it needs none */
};

struct job {
    int64_t id;                /* > 0, never reused */
    char name[LIMIT_NAME];
    char owner[LIMIT_NAME];    /* who asked */
    enum job_class job_class;
    enum job_state state;
    enum reason reason;        /* of the last transition */
    double power_w;            /* IT power while running at level 0 */
    struct job_level levels[LIMIT_LEVELS]; /* falling in power; 0 is full: power_w, speed 1 */
    int32_t level_count;       /* 0: level 0 alone, without accelerators */
    int32_t level;             /* at which it runs, or ran last */
    int32_t level_asked;       /* what it is being changed to; as `level` when it is not */
    int32_t level_before;      /* the one before, which meters may still show */
    int64_t level_ms;          /* when one of these changed last */
    uint32_t accelerator_classes; /* bit mask, by the topology's list, of those it can run on;
                                     0: it needs none */
    int64_t work_ms;           /* running time it needs at level 0 */
    int64_t ran_ms;            /* work done of it (time x speed), up to `updated_ms` */
    int64_t restart_ms;        /* work that reading a checkpoint back adds, each time */
    int32_t restarts;          /* how often it did */
    int64_t release_ms;        /* not before */
    int64_t deadline_ms;       /* JOB_NO_DEADLINE: none */
    int64_t min_run_ms;        /* shortest stretch worth starting */
    bool can_suspend;
    int32_t group, feeder;     /* that carry it, -1 while not placed */
    int32_t suspensions;
    int32_t exit_status;       /* of an ended command; negative: signal */
    int64_t submitted_ms, started_ms, ended_ms, updated_ms; /* site time; 0: not yet */
    int64_t state_ms;          /* when it entered the state */
};

/* Work it had done at `now_ms`. */
int64_t job_ran_ms(const struct job *job, int64_t now_ms);
/* Work left at `now_ms`, restarts so far included, never below 0. */
int64_t job_remaining_ms(const struct job *job, int64_t now_ms);

double job_level_power_w(const struct job *job, int32_t level);
double job_level_speed(const struct job *job, int32_t level);
double job_power_w(const struct job *job); /* at its present level */
/* Its last level, or the nearest that it has: jobs come from files and other programs. */
int32_t job_valid_level(const struct job *job, int32_t level);

#endif
