/* What the jobs draw, how that moves before the meters show it, and what stands for the import
 * while its meter is silent. */
#include "controller/act/guard_private.h"

#include <math.h>

static const int64_t patience = 2; /* settle times that a stop may take and still be counted on */

bool guard_believes(const struct guard_tick *tick, int64_t since_ms)
{
    return since_ms + patience * tick->guard->config.settle_ms >= tick->now_ms;
}

/* ---- branches ---- */

static bool metered(const struct guard_tick *tick, int32_t branch)
{
    return branch < LIMIT_FEEDERS || tick->guard->config.group_metered[branch - LIMIT_FEEDERS];
}

int guard_branches_of(const struct guard_tick *tick, int32_t group, int32_t feeder,
                      int32_t ret_branches[2])
{
    const struct guard_config *config = &tick->guard->config;
    int count = 0;
    if (feeder >= 0 && feeder < config->feeder_count)
        ret_branches[count++] = feeder;
    if (group >= 0 && group < config->group_count && isfinite(config->group_limit_w[group]))
        ret_branches[count++] = LIMIT_FEEDERS + group;
    return count;
}

double guard_branch_limit(const struct guard_tick *tick, int32_t branch)
{
    const struct guard_config *config = &tick->guard->config;
    return branch < LIMIT_FEEDERS ? config->feeder_limit_w[branch]
                                  : config->group_limit_w[branch - LIMIT_FEEDERS];
}

double guard_branch_load(const struct guard_tick *tick, int32_t branch)
{
    return branch < LIMIT_FEEDERS ? tick->feeder_load_w[branch]
                                  : tick->group_load_w[branch - LIMIT_FEEDERS];
}

void guard_note_rising(struct guard_tick *tick, int32_t group, int32_t feeder, double power_w)
{
    int32_t branches[2];
    int count = guard_branches_of(tick, group, feeder, branches);
    tick->rising_w += power_w * tick->guard->config.overhead_ratio_max;
    for (int i = 0; i < count; i++)
        tick->branch_rising_w[branches[i]] += power_w;
}

void guard_note_falling(struct guard_tick *tick, int32_t group, int32_t feeder, double power_w)
{
    int32_t branches[2];
    int count = guard_branches_of(tick, group, feeder, branches);
    tick->falling_w += power_w;
    for (int i = 0; i < count; i++)
        tick->branch_falling_w[branches[i]] += power_w;
}

/* ---- motion ---- */

static bool stopping(const struct job *job)
{
    return job->started_ms > 0 && (job->state == JOB_SUSPENDING || job->state == JOB_CANCELLING);
}

/* Of a job that runs: the change of its power that a meter read at `read_ms` does not show yet. */
static double level_motion(const struct guard_tick *tick, const struct job *job, int64_t read_ms)
{
    bool pending = job->level_asked != job->level;
    double from_w = job_level_power_w(job, pending ? job->level : job->level_before);
    double to_w = job_level_power_w(job, pending ? job->level_asked : job->level);
    double change_w = to_w - from_w;
    if (!pending)
        return job->level_ms + tick->guard->config.settle_ms >= read_ms ? change_w : 0;
    return change_w > 0 || guard_believes(tick, job->level_ms) ? change_w : 0;
}

/* Which way a job's load is moving, as a meter sees it that was read at `read_ms`: so many watts
 * more (or, negative, fewer) than that shows. */
static double motion_of(const struct guard_tick *tick, const struct job *job, int64_t read_ms)
{
    bool recent = job->state_ms + tick->guard->config.settle_ms >= read_ms;
    bool stopped = job->state == JOB_SUSPENDED || job_state_ended(job->state);
    if (job->state == JOB_STARTING || job->state == JOB_RESUMING ||
        (job->state == JOB_RUNNING && recent))
        return fmax(job_power_w(job), job_level_power_w(job, job->level_asked));
    if (stopping(job) ? guard_believes(tick, job->state_ms)
                      : stopped && recent && job->started_ms > 0)
        return -job_power_w(job);
    return job->state == JOB_RUNNING ? level_motion(tick, job, read_ms) : 0;
}

/* The site's share only beside a reading of its meter: without one supposed_import_w holds it. */
static void count_site(struct guard_tick *tick, const struct job *job)
{
    double motion_w = motion_of(tick, job, tick->meter_ms);
    if (motion_w > 0)
        tick->rising_w += motion_w * tick->guard->config.overhead_ratio_max;
    else
        tick->falling_w -= motion_w;
}

/* What the sum of a group's jobs still contains though it was asked to go. */
static double sum_motion(const struct guard_tick *tick, const struct job *job)
{
    if (stopping(job) && guard_believes(tick, job->state_ms))
        return -job_power_w(job);
    if (job->state != JOB_RUNNING || job->level_asked == job->level)
        return 0;
    return fmin(level_motion(tick, job, tick->now_ms), 0);
}

/* Feeders and groups have meters of their own, which a silent utility meter does not blind; what
 * is not metered is known as the sum of its jobs, at once. */
static void count_branches(struct guard_tick *tick, const struct job *job)
{
    int32_t branches[2];
    int count = guard_branches_of(tick, job->group, job->feeder, branches);
    for (int i = 0; i < count; i++) {
        double motion_w =
            metered(tick, branches[i]) ? motion_of(tick, job, tick->now_ms) : sum_motion(tick, job);
        if (motion_w > 0)
            tick->branch_rising_w[branches[i]] += motion_w;
        else
            tick->branch_falling_w[branches[i]] -= motion_w;
    }
}

/* Nothing about it has changed since a meter was read at `read_ms`: most jobs, most of the time. */
static bool is_at_rest(const struct guard_tick *tick, const struct job *job, int64_t read_ms)
{
    int64_t settled_ms = read_ms - tick->guard->config.settle_ms;
    bool moves = job->state == JOB_STARTING || job->state == JOB_RESUMING || stopping(job);
    return !moves && job->state_ms < settled_ms && job->level_ms < settled_ms &&
           job->level_asked == job->level;
}

/* What the meter's reading contains for sure, so that it can be missed when it ends. */
static double metered_jobs(const struct guard_tick *tick)
{
    double sum_w = 0;
    for (int i = 0; i < tick->job_count; i++) {
        const struct job *job = &tick->jobs[i];
        bool recent = job->state_ms + tick->guard->config.settle_ms >= tick->meter_ms;
        if (stopping(job))
            sum_w += job_power_w(job);
        else if (job->state == JOB_RUNNING && !recent)
            sum_w += fmin(job_power_w(job), job_level_power_w(job, job->level_before));
    }
    return sum_w;
}

/* What draws now, or will soon. */
static double drawing_jobs(const struct guard_tick *tick)
{
    double sum_w = 0;
    for (int i = 0; i < tick->job_count; i++) {
        const struct job *job = &tick->jobs[i];
        bool stops = stopping(job) && guard_believes(tick, job->state_ms);
        double asked_w = job_level_power_w(job, job->level_asked), now_w = job_power_w(job);
        if (job_state_draws_power(job->state) && !stops)
            sum_w += guard_believes(tick, job->level_ms) ? asked_w : fmax(asked_w, now_w);
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

void guard_count_load(struct guard_tick *tick)
{
    int64_t read_ms = tick->meter_ms < tick->now_ms ? tick->meter_ms : tick->now_ms;
    suppose_import(tick);
    for (int i = 0; i < tick->job_count; i++) {
        if (is_at_rest(tick, &tick->jobs[i], read_ms))
            continue;
        count_branches(tick, &tick->jobs[i]);
        if (!isnan(tick->import_w))
            count_site(tick, &tick->jobs[i]);
    }
}
