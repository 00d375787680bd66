/* Names of job classes and states, and the running time a job has had: the one place that knows
 * which states count as ended, as drawing power and as making progress. */
#include "controller/plant/job.h"

#include <assert.h>
#include <string.h>

#include "controller/base/error.h"

static const char *const class_names[JOB_CLASSES] = {
    [JOB_REALTIME] = "realtime",
    [JOB_GUARANTEED] = "guaranteed",
    [JOB_DEFERRABLE] = "deferrable",
    [JOB_SCAVENGER] = "scavenger",
};

static const char *const state_names[JOB_STATES] = {
    [JOB_QUEUED] = "queued",         [JOB_STARTING] = "starting",   [JOB_RUNNING] = "running",
    [JOB_SUSPENDING] = "suspending", [JOB_SUSPENDED] = "suspended", [JOB_RESUMING] = "resuming",
    [JOB_CANCELLING] = "cancelling", [JOB_COMPLETED] = "completed", [JOB_FAILED] = "failed",
    [JOB_CANCELLED] = "cancelled",   [JOB_LOST] = "lost",
};

static int find_name(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return ERROR_INVALID;
}

const char *job_class_name(enum job_class job_class)
{
    assert((unsigned)job_class < JOB_CLASSES);
    return class_names[job_class];
}

int job_class_find(const char *name, enum job_class *ret_class)
{
    int index = find_name(class_names, JOB_CLASSES, name);
    if (index < 0)
        return index;
    *ret_class = (enum job_class)index;
    return 0;
}

const char *job_state_name(enum job_state state)
{
    assert((unsigned)state < JOB_STATES);
    return state_names[state];
}

int job_state_find(const char *name, enum job_state *ret_state)
{
    int index = find_name(state_names, JOB_STATES, name);
    if (index < 0)
        return index;
    *ret_state = (enum job_state)index;
    return 0;
}

bool job_state_ended(enum job_state state)
{
    return state >= JOB_COMPLETED;
}

bool job_state_draws_power(enum job_state state)
{
    return state == JOB_STARTING || state == JOB_RUNNING || state == JOB_SUSPENDING ||
           state == JOB_RESUMING || state == JOB_CANCELLING;
}

int32_t job_valid_level(const struct job *job, int32_t level)
{
    int32_t most = job->level_count > 0 ? job->level_count - 1 : 0;
    return level < 0 ? 0 : level > most ? most : level;
}

double job_level_power_w(const struct job *job, int32_t level)
{
    int32_t valid = job_valid_level(job, level);
    return valid == 0 ? job->power_w : job->levels[valid].power_w;
}

double job_level_speed(const struct job *job, int32_t level)
{
    int32_t valid = job_valid_level(job, level);
    return valid == 0 ? 1 : job->levels[valid].speed;
}

double job_power_w(const struct job *job)
{
    return job_level_power_w(job, job->level);
}

int64_t job_ran_ms(const struct job *job, int64_t now_ms)
{
    /* Only a confirmed run is progress: work done on the way into or out of a suspension may be
     * lost with it. */
    if (job->state != JOB_RUNNING || now_ms <= job->updated_ms)
        return job->ran_ms;
    int64_t length_ms = now_ms - job->updated_ms;
    /* As the planner counts a stretch: whole milliseconds of work. */
    return job->ran_ms + (int64_t)((double)length_ms * job_level_speed(job, job->level) + 1e-6);
}

int64_t job_remaining_ms(const struct job *job, int64_t now_ms)
{
    int64_t needed_ms = job->work_ms + job->restarts * job->restart_ms;
    int64_t left_ms = needed_ms - job_ran_ms(job, now_ms);
    return left_ms > 0 ? left_ms : 0;
}
