/* Memory and slot layout of a dispatch problem. */
#include "controller/plan/problem.h"

#include <stdlib.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)

struct problem *problem_create(int32_t job_room)
{
    struct problem *problem = calloc(1, sizeof(*problem));
    if (!problem)
        return NULL;
    problem->job_room = job_room;
    problem->jobs = calloc(job_room > 0 ? (size_t)job_room : 1, sizeof(*problem->jobs));
    if (!problem->jobs) {
        free(problem);
        return NULL;
    }
    return problem;
}

void problem_destroy(struct problem *problem)
{
    if (!problem)
        return;
    free(problem->jobs);
    free(problem);
}

/* The grid of the slot that starts here: fine near now, where deeds depend on it. A grid gives
 * way to the next coarser one only where that one has a mark. */
static int64_t slot_grid_ms(int64_t start_ms, int64_t now_ms)
{
    const int64_t quarter_ms = 15 * MINUTE_MS;
    int64_t ahead_ms = start_ms - now_ms;
    if (ahead_ms < 2 * HOUR_MS || start_ms % quarter_ms != 0)
        return 5 * MINUTE_MS;
    if (ahead_ms < 12 * HOUR_MS || start_ms % HOUR_MS != 0)
        return quarter_ms;
    return HOUR_MS;
}

int32_t problem_slots(struct problem *problem, int64_t now_ms, int32_t horizon_h)
{
    int64_t end_ms = now_ms + horizon_h * HOUR_MS;
    int64_t start_ms = now_ms;
    int32_t count = 0;
    while (start_ms < end_ms && count < LIMIT_SLOTS) {
        int64_t grid_ms = slot_grid_ms(start_ms, now_ms);
        int64_t next_ms = (start_ms / grid_ms + 1) * grid_ms;
        problem->slots[count].start_ms = start_ms;
        problem->slots[count].length_ms = next_ms - start_ms;
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
    const struct problem_slot *last = &problem->slots[problem->slot_count - 1];
    return last->start_ms + last->length_ms;
}
