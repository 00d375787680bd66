/* Memory and slot layout of a dispatch problem. */
#include "controller/plan/problem.h"

#include <math.h>
#include <stdlib.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)

const struct problem_grid problem_grid_live = {2, 12, 48};

static struct problem_slot *slots_create(int32_t room)
{
    return calloc(room > 0 ? (size_t)room : 1, sizeof(struct problem_slot));
}

struct problem *problem_create(int32_t site_count, int32_t slot_room, int32_t job_room)
{
    struct problem *problem = calloc(1, sizeof(*problem));
    if (!problem)
        return NULL;
    problem->site_count = site_count;
    problem->slot_room = slot_room;
    problem->job_room = job_room;
    problem->jobs = calloc(job_room > 0 ? (size_t)job_room : 1, sizeof(*problem->jobs));
    bool complete = problem->jobs != NULL;
    for (int32_t s = 0; s < site_count; s++) {
        problem->sites[s].net_now_w = NAN;
        problem->sites[s].slots = slots_create(slot_room);
        complete = complete && problem->sites[s].slots;
    }
    if (complete)
        return problem;
    problem_destroy(problem);
    return NULL;
}

void problem_destroy(struct problem *problem)
{
    if (!problem)
        return;
    for (int32_t i = 0; i < problem->scenario_count; i++)
        for (int32_t s = 0; s < problem->site_count; s++)
            free(problem->scenarios[i].outlook[s]);
    for (int32_t s = 0; s < problem->site_count; s++)
        free(problem->sites[s].slots);
    free(problem->jobs);
    free(problem);
}

struct problem_scenario *problem_add_scenario(struct problem *problem)
{
    if (problem->scenario_count == LIMIT_SCENARIOS)
        return NULL;
    struct problem_scenario *scenario = &problem->scenarios[problem->scenario_count];
    size_t room = problem->slot_room > 0 ? (size_t)problem->slot_room : 1;
    for (int32_t s = 0; s < problem->site_count; s++) {
        scenario->outlook[s] = calloc(room, sizeof(struct problem_outlook));
        if (scenario->outlook[s])
            continue;
        while (s-- > 0)
            free(scenario->outlook[s]);
        return NULL;
    }
    problem->scenario_count++;
    return scenario;
}

/* The length of the slot that starts here: fine near now, where deeds depend on it. A grid gives
 * way to the next coarser one only where that one has a mark. */
static int64_t slot_grid_ms(const struct problem_grid *grid, int64_t start_ms, int64_t now_ms)
{
    const int64_t quarter_ms = 15 * MINUTE_MS;
    int64_t ahead_ms = start_ms - now_ms;
    if (grid->quarter_h == 0)
        return HOUR_MS;
    if (ahead_ms < grid->fine_h * HOUR_MS || start_ms % quarter_ms != 0)
        return 5 * MINUTE_MS;
    if (ahead_ms < grid->quarter_h * HOUR_MS || start_ms % HOUR_MS != 0)
        return quarter_ms;
    return HOUR_MS;
}

int32_t problem_slots(struct problem *problem, int64_t now_ms, const struct problem_grid *grid)
{
    int64_t end_ms = now_ms + grid->horizon_h * HOUR_MS;
    int64_t start_ms = now_ms;
    int32_t count = 0;
    while (start_ms < end_ms && count < problem->slot_room) {
        int64_t grid_ms = slot_grid_ms(grid, start_ms, now_ms);
        int64_t next_ms = (start_ms / grid_ms + 1) * grid_ms;
        for (int32_t s = 0; s < problem->site_count; s++) {
            problem->sites[s].slots[count].start_ms = start_ms;
            problem->sites[s].slots[count].length_ms = next_ms - start_ms;
        }
        start_ms = next_ms;
        count++;
    }
    problem->slot_count = count;
    return count;
}

int64_t problem_end_ms(const struct problem *problem)
{
    if (problem->slot_count == 0)
        return problem->issue_ms;
    const struct problem_slot *last = &problem->sites[0].slots[problem->slot_count - 1];
    return last->start_ms + last->length_ms;
}
