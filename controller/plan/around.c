/* A complete plan around runs that somebody else chose. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "controller/plan/dispatch.h"
#include "controller/plan/fill.h"
#include "controller/plan/problem_valid.h"

static int refuse(int64_t id, const char *what, struct error *error)
{
    return error_set(error, ERROR_INVALID, "runs to plan around, job %" PRId64 ": %s", id, what);
}

/* Only what could not even be added up. */
static int run_valid(const struct problem *problem, const struct problem_job *given,
                     const struct plan_job *job, struct error *error)
{
    int64_t end_ms = problem_end_ms(problem);
    if (job->run_count < 0 || job->run_count > LIMIT_RUNS)
        return refuse(given->id, "its number of runs is impossible", error);
    if (job->run_count == 0)
        return 0;
    if (job->site < 0 || job->site >= problem->site_count)
        return refuse(given->id, "its site does not exist", error);
    if (job->group < 0 || job->group >= problem->sites[job->site].group_count)
        return refuse(given->id, "its group does not exist", error);
    for (int32_t r = 0; r < job->run_count; r++) {
        const struct plan_run *run = &job->runs[r];
        if (run->level < 0 || run->level >= given->level_count)
            return refuse(given->id, "it has no such level", error);
        if (run->start_ms < problem->sites[0].slots[0].start_ms || run->end_ms > end_ms ||
            run->end_ms <= run->start_ms)
            return refuse(given->id, "a run is empty or outside of the horizon", error);
    }
    return 0;
}

static int dispatch_site(const struct workload *load, int32_t s, enum plan_storage storage,
                         const double *jobs_kw, struct plan_slot *slots, double *hedge_cost,
                         struct error *error)
{
    if (storage != STORAGE_OPTIMAL) {
        dispatch_rule(load, s, storage, jobs_kw, slots);
        return 0;
    }
    struct dispatch *dispatch = dispatch_create(load, s);
    if (!dispatch)
        return error_set(error, ERROR_SYSTEM, "out of memory for a plan");
    int code = load->problem->scenario_count > 0
                   ? dispatch_hedge(dispatch, jobs_kw, slots, hedge_cost, error)
                   : dispatch_solve(dispatch, jobs_kw, slots, error);
    dispatch_destroy(dispatch);
    return code;
}

static int make_around(const struct schedule *schedule, enum plan_storage storage,
                       struct plan *plan, struct error *error)
{
    const struct workload *load = schedule->load;
    struct plan_slot *slots[LIMIT_SITES] = {NULL};
    int code = 0;
    for (int32_t s = 0; code == 0 && s < load->site_count; s++) {
        double hedge_cost = 0;
        slots[s] = calloc((size_t)load->slot_count, sizeof(*slots[s]));
        code = slots[s]
                   ? dispatch_site(load, s, storage, &schedule->jobs_kw[workload_at(load, s, 0)],
                                   slots[s], &hedge_cost, error)
                   : error_set(error, ERROR_SYSTEM, "out of memory for a plan");
        plan->hedge_cost += hedge_cost;
    }
    if (code == 0 && !fill_plan(schedule, slots, HUGE_VAL, plan))
        code = error_set(error, ERROR_SYSTEM, "out of memory for a plan");
    for (int32_t s = 0; s < load->site_count; s++)
        free(slots[s]);
    return code;
}

int plan_around(const struct problem *problem, const struct plan_job *jobs,
                enum plan_storage storage, struct plan **ret_plan, struct error *error)
{
    int code = problem_valid(problem, error);
    for (int32_t i = 0; code == 0 && i < problem->job_count; i++)
        code = run_valid(problem, &problem->jobs[i], &jobs[i], error);
    if (code < 0)
        return code;
    struct workload *load = workload_create(problem);
    struct schedule *schedule = load ? schedule_create(load) : NULL;
    struct plan *plan = schedule ? plan_create(problem) : NULL;
    if (plan) {
        schedule_adopt(schedule, jobs);
        code = make_around(schedule, storage, plan, error);
    } else {
        code = error_set(error, ERROR_SYSTEM, "out of memory for a plan");
    }
    if (code == 0)
        *ret_plan = plan;
    else
        plan_destroy(plan);
    schedule_destroy(schedule);
    workload_destroy(load);
    return code;
}
