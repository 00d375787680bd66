/* Jobs as load: starts only where measured room is, minimum times, and shedding when a hard limit
 * is crossed all the same. */
#include "controller/act/guard_private.h"

#include <math.h>
#include <string.h>

static const int64_t patience = 2; /* settle times that a stop may take and still be counted on */

static const struct job *find_job(const struct guard_tick *tick, int64_t id)
{
    for (int i = 0; i < tick->job_count; i++)
        if (tick->jobs[i].id == id)
            return &tick->jobs[i];
    return NULL;
}

static void withhold(struct command *command, enum reason reason)
{
    command->reason = reason;
    command->apply = false;
}

static bool known_feeder(const struct guard_tick *tick, int32_t feeder)
{
    return feeder >= 0 && feeder < tick->guard->config.feeder_count;
}

static void note_rising(struct guard_tick *tick, const struct job *job, int32_t feeder)
{
    tick->rising_w += job->power_w * tick->guard->config.overhead_ratio_max;
    if (known_feeder(tick, feeder))
        tick->feeder_rising_w[feeder] += job->power_w;
}

static void note_falling(struct guard_tick *tick, const struct job *job)
{
    tick->falling_w += job->power_w;
    if (known_feeder(tick, job->feeder))
        tick->feeder_falling_w[job->feeder] += job->power_w;
}

/* Which way a job's load is moving, as a meter sees it that was read at `read_ms`. */
enum motion { STEADY, RISES, FALLS };

static bool stopping(const struct job *job)
{
    return job->started_ms > 0 && (job->state == JOB_SUSPENDING || job->state == JOB_CANCELLING);
}

/* A stop is believed in for a while only: a checkpoint takes minutes and may fail. */
static bool believed(const struct guard_tick *tick, const struct job *job)
{
    return job->state_ms + patience * tick->guard->config.settle_ms >= tick->now_ms;
}

static enum motion motion_of(const struct guard_tick *tick, const struct job *job, int64_t read_ms)
{
    bool recent = job->state_ms + tick->guard->config.settle_ms >= read_ms;
    bool stopped = job->state == JOB_SUSPENDED || job_state_ended(job->state);
    if (job->state == JOB_STARTING || job->state == JOB_RESUMING ||
        (job->state == JOB_RUNNING && recent))
        return RISES;
    if (stopping(job) ? believed(tick, job) : stopped && recent && job->started_ms > 0)
        return FALLS;
    return STEADY;
}

/* The site's share only beside a reading of its meter: without one supposed_import_w holds it. */
static void count_site(struct guard_tick *tick, const struct job *job)
{
    enum motion motion = motion_of(tick, job, tick->meter_ms);
    if (motion == RISES)
        tick->rising_w += job->power_w * tick->guard->config.overhead_ratio_max;
    else if (motion == FALLS)
        tick->falling_w += job->power_w;
}

/* The feeders have meters of their own, which a silent utility meter does not blind. */
static void count_feeder(struct guard_tick *tick, const struct job *job)
{
    enum motion motion = motion_of(tick, job, tick->now_ms);
    if (motion == RISES && known_feeder(tick, job->feeder))
        tick->feeder_rising_w[job->feeder] += job->power_w;
    else if (motion == FALLS && known_feeder(tick, job->feeder))
        tick->feeder_falling_w[job->feeder] += job->power_w;
}

/* What the meter's reading contains for sure, so that it can be missed when it ends. */
static double metered_jobs(const struct guard_tick *tick)
{
    double sum_w = 0;
    for (int i = 0; i < tick->job_count; i++) {
        const struct job *job = &tick->jobs[i];
        bool steady = motion_of(tick, job, tick->meter_ms) == STEADY;
        if (stopping(job) || (job->state == JOB_RUNNING && steady))
            sum_w += job->power_w;
    }
    return sum_w;
}

/* What draws now, or will soon. */
static double drawing_jobs(const struct guard_tick *tick)
{
    double sum_w = 0;
    for (int i = 0; i < tick->job_count; i++) {
        const struct job *job = &tick->jobs[i];
        if (job_state_draws_power(job->state) && !(stopping(job) && believed(tick, job)))
            sum_w += job->power_w;
    }
    return sum_w;
}

/* Without the meter, what was imported when it was last known stands for now, moved by what is
 * known to have changed: good enough to give load away, never to add any. */
static void suppose_import(struct guard_tick *tick)
{
    struct guard *guard = tick->guard;
    if (tick->new_reading)
        guard->known_jobs_w = metered_jobs(tick);
    if (!isnan(tick->import_w)) {
        tick->supposed_import_w = tick->import_w;
        return;
    }
    double battery_w = guard->known_battery_w - tick->battery_w;
    double jobs_w = drawing_jobs(tick) - guard->known_jobs_w;
    if (jobs_w > 0)
        jobs_w *= guard->config.overhead_ratio_max;
    tick->supposed_import_w =
        guard->known_ms == 0 ? (double)NAN
                             : guard->known_import_w + jobs_w + (isnan(battery_w) ? 0 : battery_w);
}

static void count_unmetered(struct guard_tick *tick)
{
    for (int i = 0; i < tick->job_count; i++) {
        count_feeder(tick, &tick->jobs[i]);
        if (!isnan(tick->import_w))
            count_site(tick, &tick->jobs[i]);
    }
}

/* NONE: there is room. */
static enum reason judge_room(const struct guard_tick *tick, const struct job *job, int32_t feeder)
{
    const struct guard_config *config = &tick->guard->config;
    if (tick->fail_safe_reason != REASON_NONE)
        return tick->fail_safe_reason;
    if (!known_feeder(tick, feeder))
        return REASON_LIMIT_FEEDER;
    double load_w = tick->feeder_load_w[feeder];
    if (isnan(load_w))
        return REASON_FAIL_SAFE_STALE;
    if (load_w + tick->feeder_rising_w[feeder] + job->power_w > config->feeder_limit_w[feeder])
        return REASON_LIMIT_FEEDER;
    double import_w = tick->import_w + tick->rising_w + job->power_w * config->overhead_ratio_max;
    if (import_w + config->headroom_w > tick->guard->import_limit_w)
        return REASON_LIMIT_IMPORT;
    return REASON_NONE;
}

static void judge_rise(struct guard_tick *tick, struct command *command, const struct job *job)
{
    int32_t feeder = command->verb == VERB_JOB_START ? command->feeder : job->feeder;
    enum reason reason = judge_room(tick, job, feeder);
    if (reason == REASON_NONE && command->verb == VERB_JOB_RESUME &&
        tick->now_ms - job->state_ms < tick->guard->config.job_min_stop_ms)
        reason = REASON_LIMIT_MIN_TIME;
    if (reason != REASON_NONE)
        withhold(command, reason);
    else if (command->apply)
        note_rising(tick, job, feeder);
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
        note_falling(tick, job);
}

static void judge(struct guard_tick *tick, struct command *command)
{
    const struct job *job = find_job(tick, command->job_id);
    if (!job) {
        withhold(command, REASON_UNKNOWN_JOB);
        return;
    }
    bool rises = (command->verb == VERB_JOB_START && job->state == JOB_QUEUED) ||
                 (command->verb == VERB_JOB_RESUME &&
                  (job->state == JOB_SUSPENDED || job->state == JOB_SUSPENDING));
    if (rises)
        judge_rise(tick, command, job);
    else if (command->verb == VERB_JOB_SUSPEND && job->state == JOB_RUNNING)
        judge_suspend(tick, command, job);
}

void guard_jobs(struct guard_tick *tick)
{
    suppose_import(tick);
    count_unmetered(tick);
    for (int i = 0; i < tick->count; i++)
        if (tick->commands[i].verb != VERB_SETPOINT)
            judge(tick, &tick->commands[i]);
}

/* ---- shedding ---- */

static bool being_suspended(const struct guard_tick *tick, int64_t job_id)
{
    for (int i = 0; i < tick->count; i++) {
        const struct command *command = &tick->commands[i];
        if (command->verb == VERB_JOB_SUSPEND && command->job_id == job_id &&
            (command->apply || strcmp(command->asker, "guard") == 0))
            return true;
    }
    return false;
}

static bool sheddable(const struct guard_tick *tick, const struct job *job, int32_t feeder)
{
    return (job->job_class == JOB_SCAVENGER || job->job_class == JOB_DEFERRABLE) &&
           job->state == JOB_RUNNING && job->can_suspend && (feeder < 0 || job->feeder == feeder) &&
           !being_suspended(tick, job->id);
}

/* It runs again since a moment ago: perhaps its suspension just failed. Asking it over and over
 * must not stand in for jobs that can be stopped. */
static bool came_back(const struct guard_tick *tick, const struct job *job)
{
    return job->state_ms > job->started_ms && believed(tick, job);
}

static bool better_to_shed(const struct guard_tick *tick, const struct job *job,
                           const struct job *best)
{
    if (best && came_back(tick, job) != came_back(tick, best))
        return came_back(tick, best);
    if (!best || job->job_class != best->job_class)
        return !best || job->job_class == JOB_SCAVENGER;
    return job->power_w > best->power_w;
}

static const struct job *pick(const struct guard_tick *tick, int32_t feeder)
{
    const struct job *best = NULL;
    for (int i = 0; i < tick->job_count; i++)
        if (sheddable(tick, &tick->jobs[i], feeder) && better_to_shed(tick, &tick->jobs[i], best))
            best = &tick->jobs[i];
    return best;
}

/* Suspends jobs until so many watts are on their way down; counts an IT watt as one at the meter,
 * though cooling follows. */
static void shed(struct guard_tick *tick, double excess_w, int32_t feeder)
{
    const struct job *job;
    while (excess_w > 0 && (job = pick(tick, feeder))) {
        struct command *command = guard_add(tick, SUBSYSTEM_JOBS, VERB_JOB_SUSPEND);
        if (!command)
            return;
        command->job_id = job->id;
        command->feeder = job->feeder;
        command->reason = REASON_SHED;
        note_falling(tick, job);
        excess_w -= job->power_w;
    }
}

static void shed_feeder(struct guard_tick *tick, int32_t feeder)
{
    struct guard *guard = tick->guard;
    double load_w = tick->feeder_load_w[feeder];
    double limit_w = guard->config.feeder_limit_w[feeder];
    if (isnan(load_w))
        return;
    guard_watch(tick, &guard->feeder_breached[feeder], load_w > limit_w, feeder, -1, load_w,
                limit_w);
    if (load_w > limit_w)
        shed(tick, load_w - limit_w - tick->feeder_falling_w[feeder], feeder);
}

/* The battery's help counts until a meter reading newer than the crossing shows whether it came:
 * a battery that does not follow must not keep jobs running over the limit. */
static double battery_help(const struct guard_tick *tick)
{
    const struct guard *guard = tick->guard;
    if (tick->meter_ms > guard->breached_ms + guard->config.settle_ms)
        return 0;
    return fmax(tick->battery_relief_w, 0);
}

/* The same without a meter: the battery's help counts for a settling time only. */
static void shed_blind(struct guard_tick *tick)
{
    struct guard *guard = tick->guard;
    double expected_w = tick->supposed_import_w - tick->falling_w;
    if (!(expected_w > guard->import_limit_w)) {
        guard->blind_over_ms = 0;
        return;
    }
    if (guard->blind_over_ms == 0)
        guard->blind_over_ms = tick->now_ms;
    if (tick->now_ms <= guard->blind_over_ms + guard->config.settle_ms)
        expected_w -= fmax(tick->battery_relief_w, 0);
    if (expected_w > guard->import_limit_w)
        shed(tick, expected_w - (guard->import_limit_w - guard->config.headroom_w), -1);
}

static void shed_import(struct guard_tick *tick)
{
    struct guard *guard = tick->guard;
    guard->blind_over_ms = 0;
    if (!guard->breached)
        return;
    double expected_w = tick->import_w - battery_help(tick) - tick->falling_w;
    if (expected_w > guard->import_limit_w)
        shed(tick, expected_w - (guard->import_limit_w - guard->config.headroom_w), -1);
}

void guard_shed(struct guard_tick *tick)
{
    for (int32_t feeder = 0; feeder < tick->guard->config.feeder_count; feeder++)
        shed_feeder(tick, feeder);
    if (isnan(tick->import_w))
        shed_blind(tick);
    else
        shed_import(tick);
}
