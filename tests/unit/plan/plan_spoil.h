/* What it takes to spoil a valid plan, or the problem under it: copies, and the choice of a job or
 * slot that is fit for it. A way to spoil returns whether it could be applied to this plan. */
#ifndef TIDEWATT_TESTS_PLAN_SPOIL_H
#define TIDEWATT_TESTS_PLAN_SPOIL_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/plan/plan_cases.h"

/* A plan, the problem it was made for, both to be spoilt, and where to begin to look. */
struct victim {
    struct problem *problem;
    struct plan *plan;
    uint64_t random;
    bool keep_frame; /* the plan's copy of the problem is what was spoilt */
};

static inline void *spoil_copy(const void *from, size_t size)
{
    void *copy = malloc(size + 1);
    assert(copy);
    if (size > 0)
        memcpy(copy, from, size);
    return copy;
}

static inline struct plan *spoil_plan_copy(const struct plan *plan)
{
    struct plan *copy = spoil_copy(plan, sizeof(*plan));
    size_t slots = (size_t)plan->slot_count, jobs = (size_t)plan->job_count;
    for (int32_t s = 0; s < plan->site_count; s++) {
        copy->sites[s].frame =
            spoil_copy(plan->sites[s].frame, slots * sizeof(*plan->sites[s].frame));
        copy->sites[s].slots =
            spoil_copy(plan->sites[s].slots, slots * sizeof(*plan->sites[s].slots));
    }
    copy->by_id = NULL; /* look-ups and admission are not spoilt */
    copy->admission = NULL;
    copy->jobs = spoil_copy(plan->jobs, jobs * sizeof(*plan->jobs));
    if (plan->why)
        copy->why = spoil_copy(plan->why, jobs * slots * sizeof(*plan->why));
    return copy;
}

static inline struct problem *spoil_problem_copy(const struct problem *problem)
{
    struct problem *copy = spoil_copy(problem, sizeof(*problem));
    size_t slots = (size_t)problem->slot_room;
    for (int32_t s = 0; s < problem->site_count; s++)
        copy->sites[s].slots =
            spoil_copy(problem->sites[s].slots, slots * sizeof(*problem->sites[s].slots));
    for (int32_t i = 0; i < problem->scenario_count; i++)
        for (int32_t s = 0; s < problem->site_count; s++)
            copy->scenarios[i].outlook[s] = spoil_copy(problem->scenarios[i].outlook[s],
                                                       slots * sizeof(struct problem_outlook));
    copy->jobs = spoil_copy(problem->jobs, (size_t)problem->job_room * sizeof(*problem->jobs));
    return copy;
}

/* The plan claims to be made for the problem as it is now. */
static inline void spoil_frame(struct victim *victim)
{
    for (int32_t s = 0; !victim->keep_frame && s < victim->plan->site_count; s++) {
        struct plan_site *planned = &victim->plan->sites[s];
        const struct problem_site *given = &victim->problem->sites[s];
        memcpy(planned->frame, given->slots,
               (size_t)victim->plan->slot_count * sizeof(*given->slots));
        memcpy(planned->groups, given->groups, sizeof(given->groups));
        memcpy(planned->feeders, given->feeders, sizeof(given->feeders));
    }
}

static inline int32_t spoil_pick(struct victim *victim, int32_t count)
{
    return case_number(&victim->random, 0, count - 1);
}

/* A job that fits, from a random one on; NULL: none. */
typedef bool (*spoil_wanted)(const struct victim *victim, const struct problem_job *job,
                             const struct plan_job *planned);

static inline struct plan_job *spoil_job(struct victim *victim, spoil_wanted wanted,
                                         struct problem_job **ret_job)
{
    int32_t count = victim->plan->job_count;
    int32_t first = count > 0 ? spoil_pick(victim, count) : 0;
    for (int32_t i = 0; i < count; i++) {
        int32_t at = (first + i) % count;
        *ret_job = &victim->problem->jobs[at];
        if (wanted(victim, *ret_job, &victim->plan->jobs[at]))
            return &victim->plan->jobs[at];
    }
    return NULL;
}

static inline int64_t spoil_end_ms(const struct plan_job *planned)
{
    return planned->runs[planned->run_count - 1].end_ms;
}

static inline bool spoil_is_safe(const struct problem_job *job)
{
    return job->job_class == JOB_REALTIME || job->job_class == JOB_GUARANTEED || !job->can_suspend;
}

/* One slot of one site, given and planned. */
struct spot {
    struct problem_site *site;
    struct problem_slot *given;
    struct plan_slot *slot;
    double hours;
};

typedef bool (*spot_wanted)(const struct spot *spot);

static inline bool spoil_spot(struct victim *victim, spot_wanted wanted, struct spot *ret_spot)
{
    int32_t slots = victim->plan->slot_count, count = slots * victim->plan->site_count;
    int32_t first = spoil_pick(victim, count);
    for (int32_t i = 0; i < count; i++) {
        int32_t at = (first + i) % count;
        struct problem_site *site = &victim->problem->sites[at / slots];
        struct spot spot = {site, &site->slots[at % slots],
                            &victim->plan->sites[at / slots].slots[at % slots],
                            (double)site->slots[at % slots].length_ms / 3600e3};
        if (!wanted(&spot))
            continue;
        *ret_spot = spot;
        return true;
    }
    return false;
}

/* One change, tried where the condition holds. */
#define SPOIL(name, condition, change)                                                             \
    static inline bool name##_wanted(const struct spot *spot)                                      \
    {                                                                                              \
        (void)spot;                                                                                \
        return condition;                                                                          \
    }                                                                                              \
    static inline bool name(struct victim *victim)                                                 \
    {                                                                                              \
        struct spot found, *spot = &found;                                                         \
        if (!spoil_spot(victim, name##_wanted, spot))                                              \
            return false;                                                                          \
        change;                                                                                    \
        return true;                                                                               \
    }

static inline double it_of(const struct spot *spot)
{
    double sum = 0;
    for (int32_t g = 0; g < spot->site->group_count; g++)
        sum += spot->given->base_it_w[g] + spot->slot->it_jobs_w[g];
    return sum;
}

static inline bool cools(const struct spot *spot)
{
    return spot->site->cooling.chiller_max_w > 0;
}

static inline bool has_tank(const struct spot *spot)
{
    return cools(spot) && spot->site->cooling.tank_capacity_wh > 0;
}

static inline bool stores(const struct spot *spot)
{
    return spot->site->battery.capacity_wh > 0;
}

/* Jobs that are wanted. */

static inline bool any_job(const struct victim *victim, const struct problem_job *job,
                           const struct plan_job *planned)
{
    (void)victim, (void)job, (void)planned;
    return true;
}

static inline bool runs(const struct victim *victim, const struct problem_job *job,
                        const struct plan_job *planned)
{
    (void)victim, (void)job;
    return planned->run_count > 0;
}

static inline bool rests(const struct victim *victim, const struct problem_job *job,
                         const struct plan_job *planned)
{
    (void)victim;
    return planned->run_count == 0 && job->remaining_ms > 0;
}

static inline bool runs_twice(const struct victim *victim, const struct problem_job *job,
                              const struct plan_job *planned)
{
    (void)victim, (void)job;
    return planned->run_count > 1;
}

static inline bool is_movable(const struct victim *victim, const struct problem_job *job,
                              const struct plan_job *planned)
{
    (void)victim;
    return planned->run_count > 0 && !job->running && !spoil_is_safe(job);
}

static inline bool runs_in_pieces(const struct victim *victim, const struct problem_job *job,
                                  const struct plan_job *planned)
{
    (void)victim;
    return planned->run_count > 1 && !spoil_is_safe(job) && job->hold_until_ms == 0;
}

static inline bool starts_here(const struct victim *victim, const struct problem_job *job,
                               const struct plan_job *planned)
{
    (void)victim;
    return planned->run_count > 0 && !job->running && planned->site == job->site;
}

static inline bool is_elsewhere(const struct victim *victim, const struct problem_job *job,
                                const struct plan_job *planned)
{
    (void)victim;
    return planned->run_count > 0 && planned->site != job->site;
}

static inline bool finishes(const struct victim *victim, const struct problem_job *job,
                            const struct plan_job *planned)
{
    (void)victim, (void)job;
    return planned->run_count > 0 && planned->finish_ms != INT64_MAX;
}

static inline bool is_late(const struct victim *victim, const struct problem_job *job,
                           const struct plan_job *planned)
{
    (void)victim, (void)job;
    return planned->late;
}

static inline bool is_running(const struct victim *victim, const struct problem_job *job,
                              const struct plan_job *planned)
{
    (void)victim, (void)planned;
    return job->running && job->remaining_ms > 0;
}

#endif
