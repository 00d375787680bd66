/* Ways to spoil the runs of a plan. */
#ifndef TIDEWATT_TESTS_PLAN_SPOIL_RUNS_H
#define TIDEWATT_TESTS_PLAN_SPOIL_RUNS_H

#include "tests/unit/plan/plan_spoil.h"

static inline bool run_start(struct victim *victim, int64_t by_ms)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs, &job);
    if (planned)
        planned->runs[spoil_pick(victim, planned->run_count)].start_ms += by_ms;
    return planned;
}

static inline bool run_starts_earlier(struct victim *victim)
{
    return run_start(victim, -300000);
}

static inline bool run_starts_later(struct victim *victim)
{
    return run_start(victim, 300000);
}

static inline bool run_end(struct victim *victim, int64_t by_ms)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs, &job);
    if (planned)
        planned->runs[spoil_pick(victim, planned->run_count)].end_ms += by_ms;
    return planned;
}

static inline bool run_ends_earlier(struct victim *victim)
{
    return run_end(victim, -300000);
}

static inline bool run_ends_later(struct victim *victim)
{
    return run_end(victim, 300000);
}

static inline bool run_shift(struct victim *victim, int64_t by_ms)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs, &job);
    for (int32_t r = 0; planned && r < planned->run_count; r++) {
        planned->runs[r].start_ms += by_ms;
        planned->runs[r].end_ms += by_ms;
    }
    return planned;
}

static inline bool runs_shifted_forward(struct victim *victim)
{
    return run_shift(victim, 600000);
}

static inline bool runs_shifted_back(struct victim *victim)
{
    return run_shift(victim, -600000);
}

static inline bool run_dropped(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs, &job);
    if (!planned)
        return false;
    planned->run_count--;
    if (planned->run_count == 0) {
        planned->group = -1;
        planned->site = job->site;
    }
    return true;
}

static inline bool run_doubled(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs, &job);
    if (!planned || planned->run_count == LIMIT_RUNS)
        return false;
    planned->runs[planned->run_count] = planned->runs[planned->run_count - 1];
    planned->run_count++;
    return true;
}

static inline bool run_empty(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs, &job);
    if (planned)
        planned->runs[0].end_ms = planned->runs[0].start_ms;
    return planned;
}

static inline bool runs_swapped(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs_twice, &job);
    if (!planned)
        return false;
    struct plan_run first = planned->runs[0];
    planned->runs[0] = planned->runs[1];
    planned->runs[1] = first;
    return true;
}

static inline bool run_with_a_hole(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs, &job);
    if (!planned || planned->run_count != 1 ||
        planned->runs[0].end_ms - planned->runs[0].start_ms < 1200000)
        return false;
    planned->runs[1] = planned->runs[0];
    planned->runs[0].end_ms = planned->runs[0].start_ms + 600000;
    planned->runs[1].start_ms += 900000;
    planned->run_count = 2;
    return true;
}

static inline bool run_beyond_the_horizon(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs, &job);
    if (planned)
        planned->runs[planned->run_count - 1].end_ms = problem_end_ms(victim->problem) + 60000;
    return planned;
}

static inline bool run_count_too_large(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, any_job, &job);
    if (planned)
        planned->run_count = LIMIT_RUNS + 1;
    return planned;
}

static inline bool run_count_negative(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, any_job, &job);
    if (planned)
        planned->run_count = -1;
    return planned;
}

static inline bool has_levels(const struct victim *victim, const struct problem_job *job,
                              const struct plan_job *planned)
{
    (void)victim;
    return planned->run_count > 0 && job->level_count > 1;
}

static inline bool run_at_another_level(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, has_levels, &job);
    if (planned)
        planned->runs[0].level = (planned->runs[0].level + 1) % job->level_count;
    return planned;
}

static inline bool run_at_no_level(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs, &job);
    if (planned)
        planned->runs[0].level = job->level_count;
    return planned;
}

static inline bool run_below_all_levels(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs, &job);
    if (planned)
        planned->runs[0].level = -1;
    return planned;
}

/* A run out of nowhere, at the end of the horizon. */
static inline bool run_invented(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, rests, &job);
    int64_t end_ms = problem_end_ms(victim->problem);
    if (!planned)
        return false;
    planned->group = 0;
    planned->run_count = 1;
    planned->runs[0] = (struct plan_run){.start_ms = end_ms - 300000, .end_ms = end_ms};
    return true;
}

#endif
