/* Jobs that came after the plan was made get a place in it at once: a thousand of them cost less
 * than one solve, and nobody waits for the next plan to begin. */
#include <stdlib.h>

#include "controller/core/cycle_private.h"

static bool waits(const struct job *job)
{
    return job->state == JOB_QUEUED || job->state == JOB_SUSPENDED;
}

/* Where a plan is asked for at once, only what starts at once is placed before it comes: what is
 * begun here and cannot be suspended would never get its better place. */
static bool finds_place(const struct cycle *cycle, const struct job *job)
{
    return !cycle->config.plan_on_arrival || job->job_class == JOB_REALTIME ||
           job->job_class == JOB_GUARANTEED;
}

/* Of the new jobs that wait, those that find a place now. */
static int collect(const struct cycle *cycle, const struct tick_input *input,
                   struct problem_job *ret_jobs, bool *ret_any)
{
    int count = 0;
    int32_t cursor = 0;
    *ret_any = false;
    for (int j = 0; j < input->job_count; j++) {
        const struct job *job = &input->jobs[j];
        if (job->id <= cycle->admitted_id || !waits(job) ||
            plan_find_job(cycle->plan, job->id, &cursor))
            continue;
        *ret_any = true;
        if (finds_place(cycle, job))
            cycle_problem_job(cycle, job, input->now_ms, &ret_jobs[count++]);
    }
    return count;
}

/* Ids are never used twice and rise: what is newer than the newest one seen has just come. Returns
 * how many those are. */
static int count_new(const struct cycle *cycle, const struct tick_input *input,
                     int64_t *ret_newest_id)
{
    int count = 0;
    *ret_newest_id = cycle->admitted_id;
    for (int j = 0; j < input->job_count; j++) {
        int64_t id = input->jobs[j].id;
        count += id > cycle->admitted_id;
        *ret_newest_id = id > *ret_newest_id ? id : *ret_newest_id;
    }
    return count;
}

/* False: memory is out. */
static bool place(struct cycle *cycle, const struct tick_input *input,
                  const struct problem_job *jobs, int count, struct tick_output *output)
{
    struct plan *plan = cycle->plan;
    int32_t before = plan->job_count;
    struct error error;
    if (count == 0)
        return true;
    bool placed = plan_admit(plan, &cycle->config.prices, jobs, count, &error) == 0;
    cycle_judge_late(plan, input);
    if (plan != output->adopted && plan->job_count > before) {
        output->extended = plan;
        output->extended_from = before;
    }
    return placed;
}

void cycle_admit(struct cycle *cycle, const struct tick_input *input, struct tick_output *output)
{
    int64_t newest_id;
    int new_count = count_new(cycle, input, &newest_id);
    if (new_count == 0)
        return;
    if (!cycle->plan || input->now_ms >= cycle->plan->expires_ms) {
        cycle->admitted_id = newest_id; /* the fallback decides; a plan is all the more wanted */
        cycle->replan |= cycle->config.plan_on_arrival;
        return;
    }
    struct problem_job *jobs = calloc((size_t)new_count, sizeof *jobs);
    if (!jobs)
        return; /* the next tick tries again */
    bool any;
    int count = collect(cycle, input, jobs, &any);
    bool placed = place(cycle, input, jobs, count, output);
    if (placed)
        cycle->admitted_id = newest_id;
    if (placed && any && cycle->config.plan_on_arrival)
        cycle->replan = true; /* the place found at once may not be the best there is */
    free(jobs);
}
