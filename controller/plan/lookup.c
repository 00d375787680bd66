/* Memory of a plan, and looking things up in one. */
#include <stdlib.h>
#include <string.h>

#include "controller/plan/admit.h"
#include "controller/plan/fill.h"

struct plan *plan_create(const struct problem *problem)
{
    size_t slots = (size_t)problem->slot_count, jobs = (size_t)problem->job_count;
    struct plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        return NULL;
    plan->issue_ms = problem->issue_ms;
    plan->slot_count = problem->slot_count;
    plan->site_count = problem->site_count;
    plan->job_count = problem->job_count;
    plan->job_room = problem->job_count + 1;
    plan->jobs = calloc(jobs + 1, sizeof(*plan->jobs));
    plan->by_id = calloc(jobs + 1, sizeof(*plan->by_id));
    bool complete = plan->jobs && plan->by_id;
    if (jobs * slots <= LIMIT_WHY) {
        plan->why = calloc((jobs + 1) * slots, sizeof(*plan->why));
        complete = complete && plan->why;
    }
    for (int32_t s = 0; s < problem->site_count; s++) {
        struct plan_site *site = &plan->sites[s];
        site->frame = malloc(slots * sizeof(*site->frame));
        site->slots = calloc(slots, sizeof(*site->slots));
        complete = complete && site->frame && site->slots;
        if (!complete)
            break;
        memcpy(site->frame, problem->sites[s].slots, slots * sizeof(*site->frame));
        memcpy(site->feeders, problem->sites[s].feeders, sizeof(site->feeders));
        memcpy(site->groups, problem->sites[s].groups, sizeof(site->groups));
        site->feeder_count = problem->sites[s].feeder_count;
        site->group_count = problem->sites[s].group_count;
    }
    if (complete)
        return plan;
    plan_destroy(plan);
    return NULL;
}

void plan_destroy(struct plan *plan)
{
    if (!plan)
        return;
    for (int32_t s = 0; s < plan->site_count; s++) {
        free(plan->sites[s].frame);
        free(plan->sites[s].slots);
    }
    free(plan->jobs);
    free(plan->by_id);
    free(plan->why);
    admission_destroy(plan->admission);
    free(plan);
}

static int compare_ids(const void *a, const void *b, void *context)
{
    const struct plan_job *jobs = context;
    int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    if (jobs[left].id != jobs[right].id)
        return jobs[left].id < jobs[right].id ? -1 : 1;
    return left - right;
}

void plan_index(struct plan *plan)
{
    for (int32_t i = 0; i < plan->job_count; i++)
        plan->by_id[i] = i;
    qsort_r(plan->by_id, (size_t)plan->job_count, sizeof(*plan->by_id), compare_ids, plan->jobs);
}

/* Place of the first id that is not less. */
static int32_t lower_bound(const struct plan *plan, int64_t job_id)
{
    int32_t low = 0, high = plan->job_count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (plan->jobs[plan->by_id[middle]].id < job_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void plan_index_add(struct plan *plan, int32_t index)
{
    int32_t at = lower_bound(plan, plan->jobs[index].id);
    memmove(&plan->by_id[at + 1], &plan->by_id[at],
            (size_t)(plan->job_count - at) * sizeof(*plan->by_id));
    plan->by_id[at] = index;
}

static bool is_at(const struct plan *plan, int32_t place, int64_t job_id)
{
    return place < plan->job_count && plan->jobs[plan->by_id[place]].id == job_id;
}

const struct plan_job *plan_find_job(const struct plan *plan, int64_t job_id, int32_t *cursor)
{
    for (int32_t i = 0; !plan->by_id && i < plan->job_count; i++)
        if (plan->jobs[i].id == job_id)
            return &plan->jobs[i];
    if (!plan->by_id)
        return NULL;
    int32_t place = cursor ? *cursor : 0;
    if (!is_at(plan, place, job_id))
        place = lower_bound(plan, job_id);
    if (!is_at(plan, place, job_id))
        return NULL;
    if (cursor)
        *cursor = place + 1;
    return &plan->jobs[plan->by_id[place]];
}

const struct plan_run *plan_run_at(const struct plan_job *job, int64_t at_ms)
{
    for (int32_t r = 0; r < job->run_count; r++)
        if (job->runs[r].start_ms <= at_ms && at_ms < job->runs[r].end_ms)
            return &job->runs[r];
    return NULL;
}

/* -1: outside. */
static int32_t slot_at(const struct plan *plan, int32_t site, int64_t at_ms)
{
    const struct problem_slot *frame = plan->sites[site].frame;
    int32_t low = 0, high = plan->slot_count - 1;
    while (low < high) {
        int32_t middle = low + (high - low + 1) / 2;
        if (frame[middle].start_ms <= at_ms)
            low = middle;
        else
            high = middle - 1;
    }
    bool outside = plan->slot_count == 0 || at_ms < frame[low].start_ms ||
                   at_ms >= frame[low].start_ms + frame[low].length_ms;
    return outside ? -1 : low;
}

const struct plan_slot *plan_slot_at(const struct plan *plan, int32_t site, int64_t at_ms)
{
    int32_t slot = slot_at(plan, site, at_ms);
    return slot < 0 ? NULL : &plan->sites[site].slots[slot];
}

enum reason plan_why(const struct plan *plan, int32_t job, int32_t slot)
{
    return plan->why ? (enum reason)plan->why[(size_t)job * (size_t)plan->slot_count + (size_t)slot]
                     : REASON_NONE;
}

/* The reason of a slot in which it runs is that of running: after the run, the next slot tells why
 * it waits. */
enum reason plan_reason_at(const struct plan *plan, const struct plan_job *job, int64_t at_ms)
{
    int32_t slot = slot_at(plan, job->site, at_ms);
    bool waits = !plan_run_at(job, at_ms);
    for (int32_t r = 0; slot >= 0 && waits && r < job->run_count; r++)
        if (job->runs[r].end_ms <= at_ms &&
            job->runs[r].end_ms > plan->sites[job->site].frame[slot].start_ms) {
            slot = slot + 1 < plan->slot_count ? slot + 1 : -1;
            break;
        }
    enum reason reason =
        slot >= 0 ? plan_why(plan, (int32_t)(job - plan->jobs), slot) : REASON_NONE;
    return reason != REASON_NONE ? reason : job->reason;
}
