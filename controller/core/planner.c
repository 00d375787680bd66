/* One worker with room for one problem: a newer problem makes an older one worthless, so there is
 * nothing to queue. */
#include "controller/core/planner.h"

#include <pthread.h>
#include <stdlib.h>

#include "controller/base/clock.h"
#include "controller/base/queue.h"

enum { IDLE_MS = 60000 }; /* closing the queue wakes the worker at once */

struct planner {
    pthread_t thread;
    struct queue *problems; /* struct problem *, one */
    struct queue *results;  /* struct planner_result, one */
    int64_t budget_ns;
    int64_t end_ns; /* of the running solve; worker only */
    bool busy;      /* control thread only */
};

static bool time_left(void *context)
{
    const struct planner *planner = context;
    return clock_mono_ns() < planner->end_ns;
}

static void solve(struct planner *planner, struct problem *problem)
{
    struct planner_result result = {.problem = problem};
    int64_t start_ns = clock_mono_ns();
    planner->end_ns = start_ns + planner->budget_ns;
    if (plan_make(problem, time_left, planner, &result.plan, &result.error) < 0)
        result.plan = NULL;
    else
        result.plan->solve_ms = (double)(clock_mono_ns() - start_ns) / 1e6;
    queue_push(planner->results, &result);
}

static void *work(void *context)
{
    struct planner *planner = context;
    struct problem *problem;
    while (!queue_closed(planner->problems)) {
        if (queue_wait(planner->problems, &problem, 1, IDLE_MS) == 1)
            solve(planner, problem);
    }
    return NULL;
}

struct planner *planner_create(int64_t budget_ms, struct error *error)
{
    struct planner *planner = calloc(1, sizeof *planner);
    if (planner) {
        planner->budget_ns = budget_ms * 1000000;
        planner->problems = queue_create(sizeof(struct problem *), 1);
        planner->results = queue_create(sizeof(struct planner_result), 1);
    }
    if (!planner || !planner->problems || !planner->results ||
        pthread_create(&planner->thread, NULL, work, planner) != 0) {
        error_set(error, ERROR_SYSTEM, "cannot start the planner thread: out of memory");
        if (planner) {
            queue_destroy(planner->problems);
            queue_destroy(planner->results);
        }
        free(planner);
        return NULL;
    }
    return planner;
}

void planner_destroy(struct planner *planner)
{
    if (!planner)
        return;
    queue_close(planner->problems);
    pthread_join(planner->thread, NULL);
    struct problem *problem;
    if (queue_pop(planner->problems, &problem, 1) == 1)
        problem_destroy(problem);
    struct planner_result result;
    if (queue_pop(planner->results, &result, 1) == 1) {
        problem_destroy(result.problem);
        plan_destroy(result.plan);
    }
    queue_destroy(planner->problems);
    queue_destroy(planner->results);
    free(planner);
}

bool planner_submit(struct planner *planner, struct problem *problem)
{
    if (planner->busy)
        return false;
    planner->busy = queue_push(planner->problems, &problem);
    return planner->busy;
}

bool planner_take(struct planner *planner, struct planner_result *ret_result)
{
    if (!planner->busy || queue_pop(planner->results, ret_result, 1) != 1)
        return false;
    planner->busy = false;
    return true;
}
