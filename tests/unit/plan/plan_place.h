/* Random runs that obey the rules of problem.h, placed one job after the other by trying: a third
 * reading of the rules, beside the planner's and the check's. */
#ifndef TIDEWATT_TESTS_PLAN_PLACE_H
#define TIDEWATT_TESTS_PLAN_PLACE_H

#include <stdlib.h>

#include "tests/unit/plan/plan_cases.h"

struct placing {
    const struct problem *problem;
    struct plan_job *jobs;
    int32_t count; /* of them placed so far */
    uint64_t random;
    int64_t start_ms, end_ms;
};

static inline bool place_is_safe(const struct problem_job *job)
{
    return job->job_class == JOB_REALTIME || job->job_class == JOB_GUARANTEED || !job->can_suspend;
}

static inline double place_limit_w(const struct problem_site *site, int32_t group)
{
    return fmin(site->groups[group].limit_w, site->feeders[site->groups[group].feeder].limit_w);
}

static inline int32_t place_accelerators(const struct problem_group *group, uint32_t classes)
{
    int32_t sum = 0;
    for (int32_t a = 0; a < LIMIT_ACCELERATORS; a++)
        sum += (classes >> a) & 1 ? group->accelerators[a] : 0;
    return sum;
}

/* A group of its own site that carries it at full power; -1: none. */
static inline int32_t place_carrier(const struct problem *problem, const struct problem_job *job)
{
    const struct problem_site *site = &problem->sites[job->site];
    for (int32_t g = 0; g < site->group_count; g++)
        if ((job->group < 0 || job->group == g) &&
            job->levels[0].power_w <= place_limit_w(site, g) &&
            (job->accelerator_classes == 0 ||
             job->levels[0].accelerators <=
                 place_accelerators(&site->groups[g], job->accelerator_classes)))
            return g;
    return -1;
}

/* The level it runs at now; -1: not. */
static inline int32_t place_level_at(const struct plan_job *planned, int64_t at_ms)
{
    for (int32_t r = 0; r < planned->run_count; r++)
        if (planned->runs[r].start_ms <= at_ms && at_ms < planned->runs[r].end_ms)
            return planned->runs[r].level;
    return -1;
}

static inline int32_t place_slot_at(const struct problem *problem, int64_t at_ms)
{
    int32_t t = 0;
    while (t + 1 < problem->slot_count && problem->sites[0].slots[t + 1].start_ms <= at_ms)
        t++;
    return t;
}

/* Is there room for one more at this moment? */
static inline bool place_fits_at(const struct placing *placing, const struct problem_job *job,
                                 int32_t s, int32_t group, int32_t level, int64_t at_ms)
{
    const struct problem_site *site = &placing->problem->sites[s];
    const struct problem_slot *slot = &site->slots[place_slot_at(placing->problem, at_ms)];
    double power_w = job->levels[level].power_w, group_w = power_w + slot->base_it_high_w[group];
    double feeder_w = power_w;
    int32_t used[8] = {0}; /* by set of three classes: jobs that know no other */
    for (int32_t g = 0; g < site->group_count; g++)
        feeder_w +=
            site->groups[g].feeder == site->groups[group].feeder ? slot->base_it_high_w[g] : 0;
    for (uint32_t set = 0; set < 8; set++)
        if (job->accelerator_classes && (job->accelerator_classes & ~set) == 0)
            used[set] += job->levels[level].accelerators;
    for (int32_t i = 0; i < placing->problem->job_count; i++) {
        const struct problem_job *other = &placing->problem->jobs[i];
        int32_t at = place_level_at(&placing->jobs[i], at_ms);
        if (at < 0 || placing->jobs[i].site != s)
            continue;
        if (site->groups[placing->jobs[i].group].feeder == site->groups[group].feeder)
            feeder_w += other->levels[at].power_w;
        if (placing->jobs[i].group != group)
            continue;
        group_w += other->levels[at].power_w;
        for (uint32_t set = 0; set < 8; set++)
            if (other->accelerator_classes && (other->accelerator_classes & ~set) == 0)
                used[set] += other->levels[at].accelerators;
    }
    for (uint32_t set = 0; set < 8; set++)
        if (job->accelerator_classes && (job->accelerator_classes & ~set) == 0 &&
            used[set] > place_accelerators(&site->groups[group], set))
            return false;
    return group_w <= site->groups[group].limit_w &&
           feeder_w <= site->feeders[site->groups[group].feeder].limit_w &&
           group_w <= place_limit_w(site, group);
}

static inline bool place_fits(const struct placing *placing, const struct problem_job *job,
                              int32_t s, int32_t group, const struct plan_run *run)
{
    const struct problem *problem = placing->problem;
    bool fits = place_fits_at(placing, job, s, group, run->level, run->start_ms);
    for (int32_t t = 0; fits && t < problem->slot_count; t++) {
        int64_t at_ms = problem->sites[0].slots[t].start_ms;
        if (at_ms > run->start_ms && at_ms < run->end_ms)
            fits = place_fits_at(placing, job, s, group, run->level, at_ms);
    }
    for (int32_t i = 0; fits && i < problem->job_count; i++)
        for (int32_t r = 0; fits && r < placing->jobs[i].run_count; r++) {
            int64_t at_ms = placing->jobs[i].runs[r].start_ms;
            if (at_ms > run->start_ms && at_ms < run->end_ms)
                fits = place_fits_at(placing, job, s, group, run->level, at_ms);
        }
    return fits;
}

/* Running time that does so much work. */
static inline int64_t place_length_ms(const struct problem_level *level, int64_t work_ms)
{
    int64_t length_ms = (int64_t)floor((double)work_ms / level->speed) - 2;
    while ((int64_t)floor((double)length_ms * level->speed + 1e-6) < work_ms)
        length_ms++;
    return length_ms;
}

static inline int64_t place_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What runs whatever happens. */
static inline void place_committed(struct placing *placing, int32_t i)
{
    const struct problem_job *job = &placing->problem->jobs[i];
    struct plan_job *planned = &placing->jobs[i];
    int64_t until_ms = placing->end_ms;
    int64_t work_ms = job->remaining_ms + (job->suspended ? job->restart_ms : 0);
    int64_t start_ms =
        job->running || job->release_ms < placing->start_ms ? placing->start_ms : job->release_ms;
    int32_t level = job->running ? job->level : 0;
    int32_t group = job->running ? job->group : place_carrier(placing->problem, job);
    if (job->running && !place_is_safe(job))
        until_ms = place_least(until_ms, job->hold_until_ms);
    else if (!job->running && (job->job_class != JOB_REALTIME || group < 0))
        return;
    if (job->remaining_ms == 0 || start_ms >= until_ms)
        return;
    planned->group = group;
    planned->run_count = 1;
    planned->runs[0] = (struct plan_run){
        start_ms, place_least(until_ms, start_ms + place_length_ms(&job->levels[level], work_ms)),
        level};
}

/* One stretch, or two where it can be suspended; false: no room there. */
static inline bool place_try(struct placing *placing, const struct problem_job *job,
                             struct plan_job *planned)
{
    const struct problem *problem = placing->problem;
    uint64_t *random = &placing->random;
    int32_t s = case_number(random, 0, problem->site_count - 1);
    const struct problem_link *link = &problem->links[job->site][s];
    bool goes = s != job->site;
    if (goes && (job->running || job->group >= 0 || link->gb_per_h <= 0))
        return false;
    int32_t group =
        job->group >= 0 ? job->group : case_number(random, 0, problem->sites[s].group_count - 1);
    int64_t from_ms =
        job->running || job->release_ms < placing->start_ms ? placing->start_ms : job->release_ms;
    from_ms += goes ? (int64_t)ceil(job->data_gb / link->gb_per_h * 3600e3) : 0;
    struct plan_run run = {.level = case_number(random, 0, job->level_count - 1)};
    run.start_ms = case_chance(random, 0.4)
                       ? from_ms
                       : (int64_t)case_uniform(random, (double)from_ms, (double)placing->end_ms);
    if (from_ms >= placing->end_ms || run.start_ms < from_ms)
        return false;
    bool goes_on = job->running && run.start_ms == placing->start_ms &&
                   job->levels[run.level].accelerators == job->levels[job->level].accelerators;
    int64_t work_ms = job->remaining_ms;
    work_ms += job->suspended || (job->running && !goes_on) ? job->restart_ms : 0;
    int64_t whole_ms = place_length_ms(&job->levels[run.level], work_ms);
    bool splits = job->can_suspend && job->job_class != JOB_GUARANTEED && case_chance(random, 0.5);
    run.end_ms = run.start_ms + (splits ? whole_ms / 2 : whole_ms);
    splits = splits && run.end_ms + 600000 < placing->end_ms &&
             run.end_ms - run.start_ms >= job->min_run_ms && run.end_ms > run.start_ms;
    if (!splits)
        run.end_ms = place_least(run.start_ms + whole_ms, placing->end_ms);
    if (!place_fits(placing, job, s, group, &run))
        return false;
    planned->runs[0] = run;
    planned->run_count = 1;
    if (splits) {
        int64_t done_ms = (int64_t)floor(
            (double)(run.end_ms - run.start_ms) * job->levels[run.level].speed + 1e-6);
        int64_t gap_ms = case_chance(random, 0.3) && job->restart_ms == 0 ? 0 : 600000;
        struct plan_run next = {
            .level = gap_ms == 0 ? run.level : case_number(random, 0, job->level_count - 1)};
        next.start_ms = run.end_ms + gap_ms;
        work_ms += gap_ms > 0 ? job->restart_ms : 0;
        next.end_ms =
            place_least(placing->end_ms, next.start_ms + place_length_ms(&job->levels[next.level],
                                                                         work_ms - done_ms));
        if (place_fits(placing, job, s, group, &next))
            planned->runs[planned->run_count++] = next;
    }
    planned->site = s;
    planned->group = group;
    return true;
}

/* The caller frees the jobs. */
static inline struct plan_job *place_random(const struct problem *problem, uint64_t seed)
{
    struct placing placing = {.problem = problem,
                              .jobs =
                                  calloc((size_t)problem->job_count + 1, sizeof(struct plan_job)),
                              .random = seed * 7919 + 5,
                              .start_ms = problem->sites[0].slots[0].start_ms,
                              .end_ms = problem_end_ms(problem)};
    assert(placing.jobs);
    for (int32_t i = 0; i < problem->job_count; i++) {
        placing.jobs[i].id = problem->jobs[i].id;
        placing.jobs[i].site = problem->jobs[i].site;
        placing.jobs[i].group = -1;
        place_committed(&placing, i);
    }
    for (int32_t i = 0; i < problem->job_count; i++) {
        const struct problem_job *job = &problem->jobs[i];
        bool done =
            placing.jobs[i].run_count > 0 || job->remaining_ms == 0 ||
            (!job->running && job->job_class == JOB_REALTIME && place_carrier(problem, job) >= 0);
        for (int tries = 0; !done && tries < 6; tries++)
            done = place_try(&placing, job, &placing.jobs[i]);
    }
    return placing.jobs;
}

#endif
