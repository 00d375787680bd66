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

struct job {
    int64_t id;                /* > 0, never reused */
    char name[LIMIT_NAME];
    char owner[LIMIT_NAME];    /* who asked */
    enum job_class job_class;
    enum job_state state;
    enum reason reason;        /* of the last transition */
    double power_w;            /* IT power while running */
    int64_t work_ms;           /* running time it needs at full power */
    int64_t ran_ms;            /* running time it had, up to `updated_ms` */
    int64_t release_ms;        /* not before */
    int64_t deadline_ms;       /* JOB_NO_DEADLINE: none */
    int64_t min_run_ms;        /* shortest stretch worth starting */
    bool can_suspend;
    int32_t feeder;            /* that carries it, -1 while not placed */
    int32_t suspensions;
    int32_t exit_status;       /* of an ended command; negative: signal */
    int64_t submitted_ms, started_ms, ended_ms, updated_ms; /* site time; 0: not yet */
    int64_t state_ms;          /* when it entered the state */
};

/* Running time it had at `now_ms`. */
int64_t job_ran_ms(const struct job *job, int64_t now_ms);
/* Work left at `now_ms`, never below 0. */
int64_t job_remaining_ms(const struct job *job, int64_t now_ms);

#endif
