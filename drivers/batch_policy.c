/* The local runner's own policy, while nobody commands: first come, first served, in full, on the
 * first rack group with room. */
#include "drivers/batch_runner.h"

/* What of a job counts against a group's accelerators: jobs that take others do not. */
static bool competes(const struct job *job, const struct job *other)
{
    return (job->accelerator_classes & other->accelerator_classes) != 0;
}

static int32_t accelerators_of(const struct job *job)
{
    return job->level_count > 0 ? job->levels[0].accelerators : 0;
}

static bool has_accelerators(const struct runner *runner, int32_t group, const struct job *job)
{
    int64_t free = 0;
    if (job->accelerator_classes == 0)
        return true;
    for (int32_t c = 0; c < LIMIT_ACCELERATORS; c++)
        if (job->accelerator_classes & (UINT32_C(1) << c))
            free += runner->config.groups[group].accelerators[c];
    for (int i = 0; i < runner->count; i++) {
        const struct job *other = &runner->jobs[i];
        if (other->group == group && job_state_draws_power(other->state) && competes(job, other))
            free -= accelerators_of(other);
    }
    return free >= accelerators_of(job);
}

static bool has_room(const struct runner *runner, int32_t group, const struct job *job)
{
    const struct batch_local_config *config = &runner->config;
    int32_t feeder = config->groups[group].feeder;
    double group_w = job->power_w, feeder_w = job->power_w;
    for (int i = 0; i < runner->count; i++) {
        const struct job *other = &runner->jobs[i];
        if (!job_state_draws_power(other->state))
            continue;
        group_w += other->group == group ? job_power_w(other) : 0;
        feeder_w += other->feeder == feeder ? job_power_w(other) : 0;
    }
    return group_w <= config->groups[group].limit_w && feeder_w <= config->feeder_limit_w[feeder] &&
           has_accelerators(runner, group, job);
}

static int32_t find_room(const struct runner *runner, const struct job *job)
{
    if (job->state == JOB_SUSPENDED && job->group >= 0)
        return has_room(runner, job->group, job) ? job->group : -1;
    for (int32_t group = 0; group < runner->config.group_count; group++)
        if (has_room(runner, group, job))
            return group;
    return -1;
}

bool runner_fits_ever(const struct runner *runner, double power_w)
{
    const struct batch_local_config *config = &runner->config;
    for (int32_t g = 0; g < config->group_count; g++)
        if (power_w <= config->groups[g].limit_w &&
            power_w <= config->feeder_limit_w[config->groups[g].feeder])
            return true;
    return false;
}

static int start_or_resume(struct runner *runner, int index, int32_t group)
{
    struct error error;
    int r = runner->jobs[index].state == JOB_SUSPENDED
                ? runner_resume(runner, index, 0, REASON_BATCH_POLICY, &error)
                : runner_start(runner, index, group, 0, REASON_BATCH_POLICY, &error);
    if (r < 0)
        runner_trouble(runner, &error);
    return r;
}

/* The first that finds no room holds back those behind it. */
void runner_policy(struct runner *runner)
{
    for (int i = 0; i < runner->count && runner_has_note_room(runner); i++) {
        const struct job *job = &runner->jobs[i];
        bool waits = job->state == JOB_SUSPENDED ||
                     (job->state == JOB_QUEUED && job->release_ms <= runner->now_ms);
        if (!waits || !runner_fits_ever(runner, job->power_w))
            continue;
        int32_t group = find_room(runner, job);
        if (group < 0 || start_or_resume(runner, i, group) < 0)
            return;
    }
}
