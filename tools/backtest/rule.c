/* See rule.h. */
#include "tools/backtest/rule.h"

#include <stdlib.h>

#include "controller/base/utc.h"

struct rule {
    enum policy policy;
    const struct inputs *inputs;
    int64_t first_id;
    struct plan_job *kept; /* by job; id 0: not decided yet */
};

bool rule_is(enum policy policy)
{
    return policy != POLICY_TIDEWATT && policy != POLICY_ORACLE;
}

struct rule *rule_create(enum policy policy, const struct inputs *inputs, int64_t first_id)
{
    struct rule *rule = calloc(1, sizeof *rule);
    if (!rule)
        return NULL;
    *rule = (struct rule){policy, inputs, first_id, NULL};
    rule->kept = calloc((size_t)inputs->job_count + 1, sizeof *rule->kept);
    if (rule->kept)
        return rule;
    free(rule);
    return NULL;
}

void rule_destroy(struct rule *rule)
{
    if (!rule)
        return;
    free(rule->kept);
    free(rule);
}

/* What is left of the runs from now on. */
static void clip_past(struct plan_job *plan, int64_t now_ms)
{
    int32_t kept = 0;
    for (int32_t r = 0; r < plan->run_count; r++) {
        struct plan_run run = plan->runs[r];
        if (run.end_ms <= now_ms)
            continue;
        run.start_ms = run.start_ms > now_ms ? run.start_ms : now_ms;
        plan->runs[kept++] = run;
    }
    plan->run_count = kept;
}

/* A job whose start was withheld, or that runs on because its rule planned by a mean length, does
 * the rest at the end of its runs. */
static void fit_work(struct plan_job *plan, int64_t work_ms)
{
    for (int32_t r = 0; r < plan->run_count; r++) {
        struct plan_run *run = &plan->runs[r];
        bool last = r == plan->run_count - 1;
        if (last || run->end_ms - run->start_ms >= work_ms) {
            run->end_ms = run->start_ms + work_ms;
            plan->run_count = r + 1;
        }
        work_ms -= run->end_ms - run->start_ms;
    }
}

/* Only what lies inside the horizon; a job that may not be suspended keeps its one run whole. */
static void clip_horizon(struct plan_job *plan, int64_t end_ms, bool can_suspend)
{
    while (plan->run_count > 0 && plan->runs[plan->run_count - 1].start_ms >= end_ms)
        plan->run_count--;
    if (can_suspend && plan->run_count > 0 && plan->runs[plan->run_count - 1].end_ms > end_ms)
        plan->runs[plan->run_count - 1].end_ms = end_ms;
}

static bool decides_again(const struct rule *rule, const struct problem *problem,
                          const struct problem_job *job)
{
    return rule->policy == POLICY_THRESHOLD && problem->issue_ms % HOUR_MS == 0 &&
           (job->can_suspend || !job->running);
}

static void present(struct rule *rule, const struct problem *problem, const struct problem_job *job,
                    struct plan_job *ret_plan)
{
    int64_t index = job->id - rule->first_id;
    struct plan_job *kept = &rule->kept[index];
    bool is_long = rule->inputs->jobs[index].is_long;
    int64_t mean_ms = is_long ? rule->inputs->long_mean_ms : rule->inputs->short_mean_ms;
    clip_past(kept, problem->issue_ms);
    if (kept->run_count == 0 || decides_again(rule, problem, job))
        policy_place(rule->policy, problem, job, mean_ms, kept);
    *ret_plan = *kept;
    fit_work(ret_plan, job->remaining_ms);
    clip_horizon(ret_plan, problem_end_ms(problem), job->can_suspend);
    ret_plan->group = ret_plan->run_count == 0 ? -1 : job->group >= 0 ? job->group : 0;
}

bool rule_knows(const struct rule *rule, int64_t job_id)
{
    return rule->kept[job_id - rule->first_id].id != 0;
}

int rule_plan(struct rule *rule, const struct problem *problem, struct plan **ret_plan,
              struct error *error)
{
    struct plan_job *jobs = calloc((size_t)problem->job_count + 1, sizeof *jobs);
    if (!jobs)
        return error_set(error, ERROR_SYSTEM, "out of memory for a plan");
    for (int32_t j = 0; j < problem->job_count; j++)
        present(rule, problem, &problem->jobs[j], &jobs[j]);
    enum plan_storage storage = rule->policy == POLICY_SURPLUS ? STORAGE_SURPLUS : STORAGE_IDLE;
    int result = plan_around(problem, jobs, storage, ret_plan, error);
    free(jobs);
    return result;
}
