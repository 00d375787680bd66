/* The local runner's own policy, while nobody commands: first come, first served, in full, on the
 * first rack group with room. */
#include "controller/act/accelerators.h"
#include "drivers/batch_runner.h"

static bool has_room(const struct runner *runner, const struct accelerators *accelerators,
                     int32_t group, const struct job *job)
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
           accelerators_suffice(accelerators, group, job->accelerator_classes,
                                job_accelerators(job, 0));
}

static int32_t find_room(const struct runner *runner, const struct accelerators *accelerators,
                         const struct job *job)
{
    if (job->state == JOB_SUSPENDED && job->group >= 0)
        return has_room(runner, accelerators, job->group, job) ? job->group : -1;
    for (int32_t group = 0; group < runner->config.group_count; group++)
        if (has_room(runner, accelerators, group, job))
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
    struct accelerators accelerators = {0};
    for (int32_t g = 0; g < runner->config.group_count; g++)
        accelerators_add_group(&accelerators, runner->config.groups[g].accelerators);
    accelerators_take_jobs(&accelerators, runner->jobs, runner->count);
    for (int i = 0; i < runner->count && runner_has_note_room(runner); i++) {
        const struct job *job = &runner->jobs[i];
        bool waits = job->state == JOB_SUSPENDED ||
                     (job->state == JOB_QUEUED && job->release_ms <= runner->now_ms);
        if (!waits || !runner_fits_ever(runner, job->power_w))
            continue;
        int32_t group = find_room(runner, &accelerators, job);
        if (group < 0 || start_or_resume(runner, i, group) < 0)
            return;
        accelerators_take(&accelerators, group, job->accelerator_classes,
                          job_accelerators_held(job));
    }
}
