/* Deadlines before savings, and nothing that only a plan can justify. */
#include "controller/act/fallback.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "controller/act/accelerators.h"

struct candidate {
    const struct job *job;
    int rank; /* 0: at once by class, 1: can meet its deadline, 2: late */
    int64_t latest_start_ms;
};

static bool before(const struct candidate *a, const struct candidate *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank;
    if (a->latest_start_ms != b->latest_start_ms)
        return a->latest_start_ms < b->latest_start_ms;
    return a->job->id < b->job->id;
}

static int64_t latest_start(const struct job *job, int64_t now_ms)
{
    if (job->deadline_ms == JOB_NO_DEADLINE)
        return INT64_MAX;
    return job->deadline_ms - job_remaining_ms(job, now_ms);
}

static bool is_candidate(const struct fallback_input *input, const struct job *job,
                         struct candidate *ret_candidate)
{
    bool waits = (job->state == JOB_QUEUED && job->release_ms <= input->now_ms) ||
                 job->state == JOB_SUSPENDED;
    if (!waits)
        return false;
    bool at_once = job->job_class == JOB_REALTIME || job->job_class == JOB_GUARANTEED;
    int64_t latest_ms = latest_start(job, input->now_ms);
    if (!at_once && latest_ms > input->now_ms + input->lead_ms)
        return false;
    int rank = at_once ? 0 : latest_ms >= input->now_ms ? 1 : 2;
    *ret_candidate = (struct candidate){job, rank, latest_ms};
    return true;
}

/* The `most` most urgent ones, in order. */
static int collect(const struct fallback_input *input, struct candidate *ret_sorted, int most)
{
    int count = 0;
    for (int i = 0; i < input->job_count; i++) {
        struct candidate candidate;
        if (!is_candidate(input, &input->jobs[i], &candidate))
            continue;
        int place = count;
        while (place > 0 && before(&candidate, &ret_sorted[place - 1]))
            place--;
        if (place >= most)
            continue;
        int moved = (count < most ? count : most - 1) - place;
        memmove(&ret_sorted[place + 1], &ret_sorted[place], (size_t)moved * sizeof(candidate));
        ret_sorted[place] = candidate;
        if (count < most)
            count++;
    }
    return count;
}

struct taken {
    double feeder_w[LIMIT_FEEDERS], group_w[LIMIT_GROUPS]; /* beyond what is measured */
    struct accelerators accelerators;
};

static void count_accelerators(const struct fallback_input *input, struct accelerators *counted)
{
    for (int g = 0; g < input->group_count; g++)
        accelerators_add_group(counted, input->groups[g].accelerators);
    accelerators_take_jobs(counted, input->jobs, input->job_count);
}

static bool has_room(const struct fallback_input *input, const struct taken *taken, int32_t group,
                     const struct job *job)
{
    int32_t feeder = input->groups[group].feeder;
    double feeder_w = input->feeder_load_w[feeder] + taken->feeder_w[feeder] + job->power_w;
    double group_w = input->group_load_w[group] + taken->group_w[group] + job->power_w;
    return feeder_w <= input->feeder_limit_w[feeder] && group_w <= input->groups[group].limit_w &&
           accelerators_suffice(&taken->accelerators, group, job->accelerator_classes,
                                job_accelerators(job, 0)); /* NAN: no */
}

/* -1: nowhere. A suspended job stays where it is. */
static int32_t find_group(const struct fallback_input *input, const struct taken *taken,
                          const struct job *job)
{
    if (job->state == JOB_SUSPENDED && job->group >= 0 && job->group < input->group_count)
        return has_room(input, taken, job->group, job) ? job->group : -1;
    for (int32_t g = 0; g < input->group_count; g++)
        if (has_room(input, taken, g, job))
            return g;
    return -1;
}

static struct command *begin(struct command *command, enum subsystem subsystem, enum verb verb)
{
    memset(command, 0, sizeof(*command));
    command->subsystem = subsystem;
    command->verb = verb;
    command->feeder = command->group = -1;
    command->point = -1;
    command->reason = REASON_FALLBACK_POLICY;
    command->apply = true;
    snprintf(command->asker, sizeof(command->asker), "fallback");
    return command;
}

int fallback_commands(const struct fallback_input *input, struct command *ret_commands, int most)
{
    struct candidate sorted[LIMIT_COMMANDS];
    struct taken taken = {0};
    int count = 0;
    if (input->battery_set >= 0 && count < most)
        begin(&ret_commands[count++], SUBSYSTEM_BATTERY, VERB_SETPOINT)->point = input->battery_set;
    if (input->tank_set >= 0 && count < most)
        begin(&ret_commands[count++], SUBSYSTEM_COOLING, VERB_SETPOINT)->point = input->tank_set;
    count_accelerators(input, &taken.accelerators);
    int found = collect(input, sorted, LIMIT_COMMANDS);
    for (int i = 0; i < found && count < most; i++) {
        const struct job *job = sorted[i].job;
        int32_t group = find_group(input, &taken, job);
        if (group < 0)
            continue;
        int32_t feeder = input->groups[group].feeder;
        taken.feeder_w[feeder] += job->power_w;
        taken.group_w[group] += job->power_w;
        accelerators_take(&taken.accelerators, group, job->accelerator_classes,
                          job_accelerators(job, 0));
        enum verb verb = job->state == JOB_SUSPENDED ? VERB_JOB_RESUME : VERB_JOB_START;
        struct command *command = begin(&ret_commands[count++], SUBSYSTEM_JOBS, verb);
        command->job_id = job->id;
        command->feeder = feeder;
        command->group = group;
    }
    return count;
}
