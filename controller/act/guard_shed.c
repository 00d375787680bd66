/* Shedding, when a hard limit is crossed all the same: less power where a job can run so, then
 * suspension. */
#include "controller/act/guard_private.h"

#include <math.h>
#include <string.h>

/* What is crossed: a branch, or -1 for the import limit. */
static bool is_behind(const struct guard_tick *tick, const struct job *job, int32_t branch)
{
    int32_t branches[2];
    if (branch < 0)
        return true;
    int count = guard_branches_of(tick, job->group, job->feeder, branches);
    return (count > 0 && branches[0] == branch) || (count > 1 && branches[1] == branch);
}

/* Asked to shed in this tick already, by us or by a command that was let through. */
static bool being_shed(const struct guard_tick *tick, int64_t job_id)
{
    for (int i = 0; i < tick->count; i++) {
        const struct command *command = &tick->commands[i];
        if ((command->verb == VERB_JOB_SUSPEND || command->verb == VERB_JOB_LEVEL) &&
            command->job_id == job_id && (command->apply || strcmp(command->asker, "guard") == 0))
            return true;
    }
    return false;
}

/* ---- less power ---- */

/* Its change of level failed a moment ago. Asking over and over must not stand in for what helps.
 */
static bool refused(const struct guard_tick *tick, const struct job *job)
{
    return job->level_ms > 0 && job->level_before == job->level &&
           guard_believes(tick, job->level_ms);
}

/* What its lowest level saves; 0: nothing, or it cannot be asked now. */
static double most_saved(const struct guard_tick *tick, const struct job *job)
{
    if (job->state != JOB_RUNNING || job->level_asked != job->level || refused(tick, job))
        return 0;
    return job_power_w(job) - job_level_power_w(job, job->level_count - 1);
}

static const struct job *pick_to_cap(const struct guard_tick *tick, int32_t branch,
                                     enum job_class job_class)
{
    const struct job *best = NULL;
    double best_w = 0;
    for (int i = 0; i < tick->job_count; i++) {
        const struct job *job = &tick->jobs[i];
        double saved_w = job->job_class == job_class ? most_saved(tick, job) : 0;
        if (saved_w > best_w && is_behind(tick, job, branch) && !being_shed(tick, job->id)) {
            best = job;
            best_w = saved_w;
        }
    }
    return best;
}

/* The mildest level that is enough, else the lowest. */
static int32_t enough(const struct job *job, double excess_w)
{
    int32_t level = job->level + 1;
    while (level < job->level_count - 1 &&
           job_power_w(job) - job_level_power_w(job, level) < excess_w)
        level++;
    return level;
}

static struct command *add_shed(struct guard_tick *tick, const struct job *job, enum verb verb)
{
    struct command *command = guard_add(tick, SUBSYSTEM_JOBS, verb);
    if (!command)
        return NULL;
    command->job_id = job->id;
    command->feeder = job->feeder;
    command->group = job->group;
    command->reason = REASON_SHED;
    return command;
}

/* Returns what is still too much. */
static double cap(struct guard_tick *tick, double excess_w, int32_t branch,
                  enum job_class job_class)
{
    const struct job *job;
    while (excess_w > 0 && (job = pick_to_cap(tick, branch, job_class))) {
        int32_t level = enough(job, excess_w);
        double saved_w = job_power_w(job) - job_level_power_w(job, level);
        struct command *command = add_shed(tick, job, VERB_JOB_LEVEL);
        if (!command)
            return 0;
        command->level = level;
        guard_note_falling(tick, job->group, job->feeder, saved_w);
        excess_w -= saved_w;
    }
    return excess_w;
}

/* ---- suspension ---- */

static bool sheddable(const struct guard_tick *tick, const struct job *job, int32_t branch)
{
    return (job->job_class == JOB_SCAVENGER || job->job_class == JOB_DEFERRABLE) &&
           job->state == JOB_RUNNING && job->can_suspend && is_behind(tick, job, branch) &&
           !being_shed(tick, job->id);
}

/* It runs again since a moment ago: perhaps its suspension just failed. Asking it over and over
 * must not stand in for jobs that can be stopped. */
static bool came_back(const struct guard_tick *tick, const struct job *job)
{
    return job->state_ms > job->started_ms && guard_believes(tick, job->state_ms);
}

/* Of a cut that is under way a part is counted already. */
static double draws(const struct guard_tick *tick, const struct job *job)
{
    return guard_believes(tick, job->level_ms)
               ? fmin(job_power_w(job), job_level_power_w(job, job->level_asked))
               : job_power_w(job);
}

static bool better_to_shed(const struct guard_tick *tick, const struct job *job,
                           const struct job *best)
{
    if (best && came_back(tick, job) != came_back(tick, best))
        return came_back(tick, best);
    if (!best || job->job_class != best->job_class)
        return !best || job->job_class == JOB_SCAVENGER;
    return draws(tick, job) > draws(tick, best);
}

static const struct job *pick(const struct guard_tick *tick, int32_t branch)
{
    const struct job *best = NULL;
    for (int i = 0; i < tick->job_count; i++)
        if (sheddable(tick, &tick->jobs[i], branch) && better_to_shed(tick, &tick->jobs[i], best))
            best = &tick->jobs[i];
    return best;
}

static double suspend(struct guard_tick *tick, double excess_w, int32_t branch)
{
    const struct job *job;
    while (excess_w > 0 && (job = pick(tick, branch))) {
        if (!add_shed(tick, job, VERB_JOB_SUSPEND))
            return 0;
        guard_note_falling(tick, job->group, job->feeder, draws(tick, job));
        excess_w -= draws(tick, job);
    }
    return excess_w;
}

/* Sheds until so many watts are on their way down; counts an IT watt as one at the meter, though
 * cooling follows. A job that was asked for less power in this tick is only suspended in a later
 * one, when that turns out not to be enough. */
static void shed(struct guard_tick *tick, double excess_w, int32_t branch)
{
    excess_w = cap(tick, excess_w, branch, JOB_SCAVENGER);
    excess_w = cap(tick, excess_w, branch, JOB_DEFERRABLE);
    excess_w = suspend(tick, excess_w, branch);
    cap(tick, excess_w, branch, JOB_GUARANTEED);
}

static void shed_branch(struct guard_tick *tick, int32_t branch)
{
    double load_w = guard_branch_load(tick, branch), limit_w = guard_branch_limit(tick, branch);
    if (isnan(load_w) || isinf(limit_w))
        return;
    guard_watch(tick, &tick->guard->branch_breached[branch], load_w > limit_w, branch, -1, load_w,
                limit_w);
    if (load_w > limit_w)
        shed(tick, load_w - limit_w - tick->branch_falling_w[branch], branch);
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
    const struct guard_config *config = &tick->guard->config;
    for (int32_t feeder = 0; feeder < config->feeder_count; feeder++)
        shed_branch(tick, feeder);
    for (int32_t group = 0; group < config->group_count; group++)
        shed_branch(tick, LIMIT_FEEDERS + group);
    if (isnan(tick->import_w))
        shed_blind(tick);
    else
        shed_import(tick);
}
