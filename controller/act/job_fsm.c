/* Two tables: which state an input leads to, and what is to be done on entering a state. */
#include "controller/act/job_fsm.h"

#include <assert.h>

#include "controller/act/accelerators.h"
#include "controller/base/error.h"

/* Entries are shifted by one, so that what is not listed (0) is impossible. */
#define TO(state) ((unsigned char)(JOB_##state + 1))

static const unsigned char next_state[JOB_STATES][JOB_INPUTS] = {
    [JOB_QUEUED] =
        {
            [JOB_INPUT_START] = TO(STARTING),
            [JOB_INPUT_CANCEL] = TO(CANCELLED),
            [JOB_INPUT_RUNS] = TO(RUNNING),
            [JOB_INPUT_GONE] = TO(LOST),
            [JOB_INPUT_NOT_STARTED] = TO(QUEUED),
        },
    [JOB_STARTING] =
        {
            [JOB_INPUT_START] = TO(STARTING),
            [JOB_INPUT_CANCEL] = TO(CANCELLING),
            [JOB_INPUT_RUNS] = TO(RUNNING),
            [JOB_INPUT_EXIT_OK] = TO(COMPLETED),
            [JOB_INPUT_EXIT_BAD] = TO(FAILED),
            [JOB_INPUT_START_FAILED] = TO(FAILED),
            [JOB_INPUT_GONE] = TO(LOST),
            [JOB_INPUT_NOT_STARTED] = TO(QUEUED),
        },
    [JOB_RUNNING] =
        {
            [JOB_INPUT_START] = TO(RUNNING),
            [JOB_INPUT_SUSPEND] = TO(SUSPENDING),
            [JOB_INPUT_RESUME] = TO(RUNNING),
            [JOB_INPUT_CANCEL] = TO(CANCELLING),
            [JOB_INPUT_RUNS] = TO(RUNNING),
            [JOB_INPUT_STOPPED] = TO(SUSPENDED),
            [JOB_INPUT_EXIT_OK] = TO(COMPLETED),
            [JOB_INPUT_EXIT_BAD] = TO(FAILED),
            [JOB_INPUT_START_FAILED] = TO(FAILED), /* taken for a run, never began */
            [JOB_INPUT_GONE] = TO(LOST),
        },
    [JOB_SUSPENDING] =
        {
            [JOB_INPUT_SUSPEND] = TO(SUSPENDING),
            [JOB_INPUT_RESUME] = TO(RESUMING),
            [JOB_INPUT_CANCEL] = TO(CANCELLING),
            [JOB_INPUT_RUNS] = TO(RUNNING), /* the suspension did not take */
            [JOB_INPUT_STOPPED] = TO(SUSPENDED),
            [JOB_INPUT_EXIT_OK] = TO(COMPLETED),
            [JOB_INPUT_EXIT_BAD] = TO(FAILED),
            [JOB_INPUT_START_FAILED] = TO(FAILED),
            [JOB_INPUT_GONE] = TO(LOST),
        },
    [JOB_SUSPENDED] =
        {
            [JOB_INPUT_SUSPEND] = TO(SUSPENDED),
            [JOB_INPUT_RESUME] = TO(RESUMING),
            [JOB_INPUT_CANCEL] = TO(CANCELLING),
            [JOB_INPUT_RUNS] = TO(RUNNING), /* somebody else resumed it */
            [JOB_INPUT_STOPPED] = TO(SUSPENDED),
            [JOB_INPUT_EXIT_OK] = TO(COMPLETED),
            [JOB_INPUT_EXIT_BAD] = TO(FAILED),
            [JOB_INPUT_START_FAILED] = TO(FAILED),
            [JOB_INPUT_GONE] = TO(LOST),
        },
    [JOB_RESUMING] =
        {
            [JOB_INPUT_SUSPEND] = TO(SUSPENDING),
            [JOB_INPUT_RESUME] = TO(RESUMING),
            [JOB_INPUT_CANCEL] = TO(CANCELLING),
            [JOB_INPUT_RUNS] = TO(RUNNING),
            [JOB_INPUT_STOPPED] = TO(SUSPENDED),
            [JOB_INPUT_EXIT_OK] = TO(COMPLETED),
            [JOB_INPUT_EXIT_BAD] = TO(FAILED),
            [JOB_INPUT_START_FAILED] = TO(FAILED),
            [JOB_INPUT_GONE] = TO(LOST),
            [JOB_INPUT_NOT_STARTED] = TO(SUSPENDED),
        },
    [JOB_CANCELLING] =
        {
            [JOB_INPUT_CANCEL] = TO(CANCELLING),
            [JOB_INPUT_RUNS] = TO(CANCELLING),
            [JOB_INPUT_STOPPED] = TO(CANCELLING),
            [JOB_INPUT_EXIT_OK] = TO(COMPLETED), /* it was done before the signal came */
            [JOB_INPUT_EXIT_BAD] = TO(CANCELLED),
            [JOB_INPUT_START_FAILED] = TO(CANCELLED),
            [JOB_INPUT_GONE] = TO(CANCELLED),
            [JOB_INPUT_NOT_STARTED] = TO(CANCELLED),
        },
    [JOB_CANCELLED] = {[JOB_INPUT_CANCEL] = TO(CANCELLED)},
};

static const enum job_action entry_action[JOB_STATES] = {
    [JOB_STARTING] = JOB_ACTION_START,
    [JOB_SUSPENDING] = JOB_ACTION_SUSPEND,
    [JOB_RESUMING] = JOB_ACTION_RESUME,
    [JOB_CANCELLING] = JOB_ACTION_KILL,
};

int job_next(enum job_state state, enum job_input input, enum job_state *ret_state,
             enum job_action *ret_action)
{
    assert((unsigned)state < JOB_STATES && (unsigned)input < JOB_INPUTS);
    unsigned char next = next_state[state][input];
    if (next == 0)
        return ERROR_INVALID;
    enum job_state entered = (enum job_state)(next - 1);
    *ret_state = entered;
    *ret_action = entered == state ? JOB_ACTION_NONE : entry_action[entered];
    return 0;
}

static void enter(struct job *job, enum job_state state, enum reason reason, int64_t at_ms)
{
    if (state == JOB_SUSPENDED && job->state != JOB_RESUMING)
        job->suspensions++;
    if (state == JOB_RUNNING && (job->state == JOB_RESUMING || job->state == JOB_SUSPENDED))
        job->restarts++;
    if (state != JOB_RUNNING)
        job->level_asked = job->level; /* a change under way is over */
    job->state = state;
    job->state_ms = at_ms;
    job->reason = reason;
    if (state == JOB_RUNNING && job->started_ms == 0)
        job->started_ms = at_ms;
    if (job_state_ended(state))
        job->ended_ms = at_ms;
}

/* Counts the work done so far; returns the time that the change gets. */
static int64_t account(struct job *job, int64_t now_ms)
{
    int64_t at_ms = now_ms > job->updated_ms ? now_ms : job->updated_ms;
    job->ran_ms = job_ran_ms(job, at_ms);
    job->updated_ms = at_ms;
    return at_ms;
}

int job_apply(struct job *job, enum job_input input, enum reason reason, int64_t now_ms,
              enum job_action *ret_action)
{
    enum job_state state;
    int r = job_next(job->state, input, &state, ret_action);
    if (r < 0)
        return r;
    int64_t at_ms = account(job, now_ms);
    if (state != job->state)
        enter(job, state, reason, at_ms);
    return 0;
}

int job_ask_level(struct job *job, int32_t level, enum reason reason, int64_t now_ms)
{
    bool possible = job->state == JOB_RUNNING && job->level_asked == job->level && level >= 0 &&
                    level == job_valid_level(job, level);
    if (!possible)
        return ERROR_INVALID;
    job->level_ms = account(job, now_ms);
    job->level_asked = level;
    job->reason = reason;
    return 0;
}

void job_settle_level(struct job *job, bool reached, enum reason reason, int64_t now_ms)
{
    job->level_ms = account(job, now_ms);
    job->level_before = job->level;
    if (reached && job_accelerators(job, job->level) != job_accelerators(job, job->level_asked))
        job->restarts++;
    if (reached)
        job->level = job->level_asked;
    job->level_asked = job->level;
    job->reason = reason;
}

void job_preset_level(struct job *job, int32_t level)
{
    job->level = job->level_asked = job->level_before = job_valid_level(job, level);
}
