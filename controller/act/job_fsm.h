/* The job state machine: event -> state, apart from state -> action. Pure.
 *
 * Actions are idempotent: repeating one that already took effect changes nothing. */
#ifndef TIDEWATT_ACT_JOB_FSM_H
#define TIDEWATT_ACT_JOB_FSM_H

#include "controller/plant/job.h"

enum job_input {
    JOB_INPUT_START,       /* asked by us or by the batch system's own policy */
    JOB_INPUT_SUSPEND,
    JOB_INPUT_RESUME,
    JOB_INPUT_CANCEL,
    JOB_INPUT_RUNS,        /* the batch system reports: runs */
    JOB_INPUT_STOPPED,     /* suspended */
    JOB_INPUT_EXIT_OK,
    JOB_INPUT_EXIT_BAD,    /* non-zero, signal */
    JOB_INPUT_START_FAILED,
    JOB_INPUT_GONE,        /* vanished without a status */
    JOB_INPUT_NOT_STARTED, /* a start left no trace at all: the command certainly did not run */
    JOB_INPUTS
};

enum job_action { JOB_ACTION_NONE, JOB_ACTION_START, JOB_ACTION_SUSPEND, JOB_ACTION_RESUME,
                  JOB_ACTION_KILL };

/* The next state, or ERROR_INVALID when the input is not possible in this state (nothing
 * changes). The action to take on entering goes to `ret_action`; staying in a state takes none. */
int job_next(enum job_state state, enum job_input input, enum job_state *ret_state,
             enum job_action *ret_action);

/* Applies an input to a job at a time: state, ran_ms, started/ended times, suspensions, reason.
 * Time never goes back: an input older than the job's last change counts as of that change.
 * An input that changes no state leaves the reason as it was. Returns as job_next. */
int job_apply(struct job *job, enum job_input input, enum reason reason, int64_t now_ms,
              enum job_action *ret_action);

/* Another level of a running job: asked for, then reached or not. What it did so far counts at the
 * level before. ERROR_INVALID: it does not run, or is being changed already. */
int job_ask_level(struct job *job, int32_t level, enum reason reason, int64_t now_ms);
void job_settle_level(struct job *job, bool reached, enum reason reason, int64_t now_ms);
/* The level at which a job that does not run will start or resume. */
void job_preset_level(struct job *job, int32_t level);

#endif
