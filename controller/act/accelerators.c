/* Sets of classes are bit masks; a group's own classes are enough, since any other one has nothing
 * to give: a job's mask is cut down to them, and may be left empty. */
#include "controller/act/accelerators.h"

#include <assert.h>

/* The next larger set of these classes that has all of `mask`; walks from `mask` to `classes`. */
static uint32_t next_set(uint32_t set, uint32_t mask, uint32_t classes)
{
    return (((set | ~classes | mask) + 1) & classes) | mask;
}

static int64_t count_set(const int32_t counts[LIMIT_ACCELERATORS], uint32_t set)
{
    int64_t count = 0;
    for (int c = 0; c < LIMIT_ACCELERATORS; c++)
        count += set & (UINT32_C(1) << c) ? counts[c] : 0;
    return count;
}

void accelerators_add_group(struct accelerators *accelerators,
                            const int32_t counts[LIMIT_ACCELERATORS])
{
    assert(accelerators->group_count < LIMIT_GROUPS);
    int group = accelerators->group_count++;
    uint32_t classes = 0;
    for (int c = 0; c < LIMIT_ACCELERATORS; c++)
        classes |= counts[c] > 0 ? UINT32_C(1) << c : 0;
    accelerators->classes[group] = classes;
    for (uint32_t set = 0;; set = next_set(set, 0, classes)) {
        accelerators->free[group][set] = count_set(counts, set);
        if (set == classes)
            return;
    }
}

static bool has_group(const struct accelerators *accelerators, int32_t group)
{
    return group >= 0 && group < accelerators->group_count;
}

bool accelerators_suffice(const struct accelerators *accelerators, int32_t group, uint32_t classes,
                          int32_t count)
{
    if (classes == 0 || count <= 0)
        return true;
    if (!has_group(accelerators, group))
        return false;
    uint32_t all = accelerators->classes[group], mask = classes & all;
    for (uint32_t set = mask;; set = next_set(set, mask, all)) {
        if (accelerators->free[group][set] < count)
            return false;
        if (set == all)
            return true;
    }
}

void accelerators_take(struct accelerators *accelerators, int32_t group, uint32_t classes,
                       int32_t count)
{
    if (classes == 0 || count <= 0 || !has_group(accelerators, group))
        return;
    uint32_t all = accelerators->classes[group], mask = classes & all;
    for (uint32_t set = mask;; set = next_set(set, mask, all)) {
        accelerators->free[group][set] -= count;
        if (set == all)
            return;
    }
}

void accelerators_take_jobs(struct accelerators *accelerators, const struct job *jobs,
                            int job_count)
{
    for (int i = 0; i < job_count; i++)
        accelerators_take(accelerators, jobs[i].group, jobs[i].accelerator_classes,
                          job_accelerators_held(&jobs[i]));
}

int32_t job_accelerators(const struct job *job, int32_t level)
{
    return job->levels[job_valid_level(job, level)].accelerators;
}

int32_t job_accelerators_held(const struct job *job)
{
    if (!job_state_draws_power(job->state))
        return 0;
    int32_t now = job_accelerators(job, job->level);
    int32_t asked = job_accelerators(job, job->level_asked);
    return now > asked ? now : asked;
}
