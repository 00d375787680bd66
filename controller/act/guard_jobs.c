/* Jobs as load: starts and rises only where measured room and free accelerators are, and minimum
 * times. */
#include "controller/act/guard_private.h"

#include <math.h>
#include <stddef.h>

/* Commands come in the order of the jobs, mostly: the search goes on where the last one ended. */
static const struct job *find_job(struct guard_tick *tick, int64_t id)
{
    for (int i = 0; i < tick->job_count; i++) {
        int at = (tick->next_job + i) % tick->job_count;
        if (tick->jobs[at].id == id) {
            tick->next_job = at;
            return &tick->jobs[at];
        }
    }
    return NULL;
}

static void withhold(struct command *command, enum reason reason)
{
    command->reason = reason;
    command->apply = false;
}

static enum reason judge_branch(const struct guard_tick *tick, int32_t branch, double power_w)
{
    double load_w = guard_branch_load(tick, branch);
    if (isnan(load_w))
        return REASON_FAIL_SAFE_STALE;
    bool over = load_w + tick->branch_rising_w[branch] + power_w > guard_branch_limit(tick, branch);
    return over ? REASON_LIMIT_FEEDER : REASON_NONE;
}

/* NONE: there is room for so much more. */
static enum reason judge_room(const struct guard_tick *tick, int32_t group, int32_t feeder,
                              double power_w)
{
    const struct guard_config *config = &tick->guard->config;
    int32_t branches[2];
    int count = guard_branches_of(tick, group, feeder, branches);
    if (tick->fail_safe_reason != REASON_NONE)
        return tick->fail_safe_reason;
    if (count == 0 || branches[0] >= LIMIT_FEEDERS)
        return REASON_LIMIT_FEEDER; /* no feeder is known */
    for (int i = 0; i < count; i++) {
        enum reason reason = judge_branch(tick, branches[i], power_w);
        if (reason != REASON_NONE)
            return reason;
    }
    double import_w = tick->import_w + tick->rising_w + power_w * config->overhead_ratio_max;
    if (import_w + config->headroom_w > tick->guard->import_limit_w)
        return REASON_LIMIT_IMPORT;
    return REASON_NONE;
}

/* What the command needs beyond what the job holds. A plan alone does not tell: a job that outruns
 * its estimate has ended there. */
static int32_t more_accelerators(const struct command *command, const struct job *job)
{
    int32_t needed = job_accelerators(job, command->level), held = job_accelerators_held(job);
    int32_t as_it_was = job_accelerators(job, job->level);
    if (command->verb == VERB_JOB_RESUME && as_it_was > needed)
        needed = as_it_was; /* as for its power */
    return needed > held ? needed - held : 0;
}

static enum reason judge_accelerators(const struct guard_tick *tick, int32_t group,
                                      const struct job *job, int32_t more)
{
    bool suffice = accelerators_suffice(&tick->accelerators, group, job->accelerator_classes, more);
    return suffice ? REASON_NONE : REASON_LIMIT_ACCELERATORS;
}

static void judge_start(struct guard_tick *tick, struct command *command, const struct job *job)
{
    bool resumes = command->verb == VERB_JOB_RESUME;
    int32_t group = resumes ? job->group : command->group;
    int32_t feeder = resumes ? job->feeder : command->feeder;
    double power_w = job_level_power_w(job, command->level);
    if (resumes)
        power_w = fmax(power_w, job_power_w(job)); /* stopped by a signal it goes on as it was */
    int32_t more = more_accelerators(command, job);
    enum reason reason = judge_room(tick, group, feeder, power_w);
    if (reason == REASON_NONE)
        reason = judge_accelerators(tick, group, job, more);
    if (reason == REASON_NONE && resumes &&
        tick->now_ms - job->state_ms < tick->guard->config.job_min_stop_ms)
        reason = REASON_LIMIT_MIN_TIME;
    if (reason != REASON_NONE) {
        withhold(command, reason);
    } else if (command->apply) {
        guard_note_rising(tick, group, feeder, power_w);
        accelerators_take(&tick->accelerators, group, job->accelerator_classes, more);
    }
}

static void judge_suspend(struct guard_tick *tick, struct command *command, const struct job *job)
{
    int64_t min_run_ms = tick->guard->config.job_min_run_ms;
    if (job->min_run_ms > min_run_ms)
        min_run_ms = job->min_run_ms;
    if (job->job_class <= JOB_GUARANTEED || !job->can_suspend)
        withhold(command, REASON_WRONG_STATE);
    else if (tick->now_ms - job->state_ms < min_run_ms)
        withhold(command, REASON_LIMIT_MIN_TIME);
    else if (command->apply)
        guard_note_falling(tick, job->group, job->feeder, job_power_w(job));
}

/* A raise is load that starts, and waits like a job that resumes; a cut may come at any time. */
static void judge_level(struct guard_tick *tick, struct command *command, const struct job *job)
{
    double change_w = job_level_power_w(job, command->level) - job_power_w(job);
    int32_t more = more_accelerators(command, job);
    enum reason reason = REASON_NONE;
    if (job->job_class == JOB_REALTIME || job->level_asked != job->level ||
        job_valid_level(job, command->level) != command->level)
        reason = REASON_WRONG_STATE;
    else if (change_w > 0)
        reason = judge_room(tick, job->group, job->feeder, change_w);
    if (reason == REASON_NONE)
        reason = judge_accelerators(tick, job->group, job, more);
    if (reason == REASON_NONE && change_w > 0 && job->level_ms > 0 &&
        tick->now_ms - job->level_ms < tick->guard->config.job_min_stop_ms)
        reason = REASON_LIMIT_MIN_TIME;
    if (reason != REASON_NONE)
        withhold(command, reason);
    if (!command->apply)
        return;
    accelerators_take(&tick->accelerators, job->group, job->accelerator_classes, more);
    if (change_w > 0)
        guard_note_rising(tick, job->group, job->feeder, change_w);
    else
        guard_note_falling(tick, job->group, job->feeder, -change_w);
}

static void judge(struct guard_tick *tick, struct command *command)
{
    const struct job *job = find_job(tick, command->job_id);
    if (!job) {
        withhold(command, REASON_UNKNOWN_JOB);
        return;
    }
    bool starts = (command->verb == VERB_JOB_START && job->state == JOB_QUEUED) ||
                  (command->verb == VERB_JOB_RESUME &&
                   (job->state == JOB_SUSPENDED || job->state == JOB_SUSPENDING));
    if (starts)
        judge_start(tick, command, job);
    else if (command->verb == VERB_JOB_SUSPEND && job->state == JOB_RUNNING)
        judge_suspend(tick, command, job);
    else if (command->verb == VERB_JOB_LEVEL && job->state == JOB_RUNNING)
        judge_level(tick, command, job);
}

static void count_accelerators(struct guard_tick *tick)
{
    const struct guard_config *config = &tick->guard->config;
    for (int g = 0; g < config->group_count; g++)
        accelerators_add_group(&tick->accelerators, config->group_accelerators[g]);
    accelerators_take_jobs(&tick->accelerators, tick->jobs, tick->job_count);
}

void guard_jobs(struct guard_tick *tick)
{
    guard_count_load(tick);
    count_accelerators(tick);
    for (int i = 0; i < tick->count; i++)
        if (tick->commands[i].verb != VERB_SETPOINT)
            judge(tick, &tick->commands[i]);
}
