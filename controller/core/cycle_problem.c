/* Builds the planner's problem from what is known now. What is unknown is replaced by the value
 * that promises least: no sun, no wind, feeders full, no battery; a missing price or carbon
 * forecast is flat, which gives no reason to shift. */
#include "controller/core/cycle_private.h"

#include <math.h>
#include <stddef.h>

/* ---- slots ---- */

double cycle_forecast_or(const struct cycle *cycle, enum forecast_series series, int quantile,
                         const struct problem_slot *slot, double otherwise)
{
    double value = otherwise;
    forecast_mean(&cycle->forecasts[series], slot->start_ms, slot->start_ms + slot->length_ms,
                  quantile, &value);
    return value;
}

static double expected(const struct cycle *cycle, enum forecast_series series,
                       const struct problem_slot *slot, double otherwise)
{
    return cycle_forecast_or(cycle, series, QUANTILE_MEDIAN, slot, otherwise);
}

static double import_limit(const struct cycle *cycle, const struct tick_input *input)
{
    const struct guard_config *limits = &cycle->config.guard;
    double import_w = isnan(input->external_limit_w)
                          ? fmin(limits->import_limit_w, limits->import_fail_safe_w)
                          : fmin(limits->import_limit_w, input->external_limit_w);
    return fmax(import_w - limits->headroom_w, 0);
}

static void fill_slot(const struct cycle *cycle, const struct tick_input *input,
                      struct problem_slot *slot)
{
    slot->import_limit_w = import_limit(cycle, input);
    slot->export_limit_w = cycle->config.guard.export_limit_w;
    slot->pv_w = fmax(expected(cycle, SERIES_PV, slot, 0), 0);
    slot->wind_w = fmax(expected(cycle, SERIES_WIND, slot, 0), 0);
    slot->price_import_per_mwh = expected(cycle, SERIES_PRICE, slot, 0);
    slot->price_export_per_mwh = cycle->config.export_price_per_mwh;
    slot->carbon_g_per_kwh = fmax(expected(cycle, SERIES_CARBON, slot, 0), 0);
}

/* ---- jobs ---- */

/* Jobs start, stop and report later than planned by a little, so the plan aims before the deadline
 * as long as that is possible. */
static int64_t planned_deadline(const struct cycle *cycle, const struct job *job,
                                int64_t release_ms, int64_t remaining_ms)
{
    if (job->deadline_ms == JOB_NO_DEADLINE)
        return JOB_NO_DEADLINE;
    int64_t earliest_ms = release_ms + remaining_ms;
    int64_t aimed_ms = job->deadline_ms - cycle->config.deadline_margin_ms;
    if (aimed_ms >= earliest_ms)
        return aimed_ms;
    return earliest_ms < job->deadline_ms ? earliest_ms : job->deadline_ms;
}

void cycle_judge_late(struct plan *plan, const struct tick_input *input)
{
    int32_t cursor = 0;
    for (int j = 0; j < input->job_count; j++) {
        const struct plan_job *known = plan_find_job(plan, input->jobs[j].id, &cursor);
        if (known && known->finish_ms <= input->jobs[j].deadline_ms)
            plan->jobs[known - plan->jobs].late = false;
    }
    plan->late_jobs = 0;
    for (int32_t j = 0; j < plan->job_count; j++)
        plan->late_jobs += plan->jobs[j].late;
}

/* A running job is left alone until its shortest stretch is over, a suspended one rests: the guard
 * would withhold anything else. */
static int64_t hold_until(const struct cycle *cycle, const struct job *job, int64_t now_ms)
{
    int64_t min_run_ms = cycle->config.guard.job_min_run_ms;
    if (job->min_run_ms > min_run_ms)
        min_run_ms = job->min_run_ms;
    return (job->state == JOB_RUNNING ? job->state_ms : now_ms) + min_run_ms;
}

static int64_t earliest_start(const struct cycle *cycle, const struct job *job, int64_t now_ms)
{
    int64_t release_ms = job->release_ms > now_ms ? job->release_ms : now_ms;
    int64_t rested_ms = job->state_ms + cycle->config.guard.job_min_stop_ms;
    return job->state == JOB_SUSPENDED && rested_ms > release_ms ? rested_ms : release_ms;
}

static void fill_levels(const struct job *job, struct problem_job *ret_job)
{
    ret_job->level_count = job->level_count > 0 ? job->level_count : 1;
    for (int32_t l = 0; l < ret_job->level_count; l++)
        ret_job->levels[l] = (struct problem_level){
            job_level_power_w(job, l), job_level_speed(job, l), job->levels[l].accelerators};
}

void cycle_problem_job(const struct cycle *cycle, const struct job *job, int64_t now_ms,
                       struct problem_job *ret_job)
{
    bool draws = job_state_draws_power(job->state);
    bool placed = draws || job->state == JOB_SUSPENDED;
    int64_t remaining_ms = job_remaining_ms(job, now_ms);
    /* A job that outruns its estimate still draws power: it is planned on in small steps. */
    if (remaining_ms <= 0)
        remaining_ms = 5 * MINUTE_MS;
    bool ours = cycle->config.modes[SUBSYSTEM_JOBS] == MODE_CONTROL;
    int64_t release_ms = earliest_start(cycle, job, now_ms);
    *ret_job = (struct problem_job){
        .id = job->id,
        .job_class = job->job_class,
        .accelerator_classes = job->accelerator_classes,
        .remaining_ms = remaining_ms,
        .release_ms = release_ms,
        .deadline_ms = planned_deadline(cycle, job, release_ms, remaining_ms),
        .min_run_ms = job->min_run_ms,
        .restart_ms = job->restart_ms,
        .hold_until_ms = draws ? hold_until(cycle, job, now_ms) : 0,
        .can_suspend = job->can_suspend && (ours || !draws),
        .running = draws,
        .suspended = job->state == JOB_SUSPENDED,
        .level = draws ? job_valid_level(job, job->level_asked) : 0,
        .group = placed ? job->group : -1,
    };
    fill_levels(job, ret_job);
}

static bool is_planned(const struct job *job)
{
    return !job_state_ended(job->state) && job->state != JOB_CANCELLING;
}

struct problem *cycle_problem(struct cycle *cycle, const struct tick_input *input)
{
    struct problem *problem = problem_create(1, LIMIT_SLOTS, input->job_count + 1);
    if (!problem)
        return NULL;
    problem->issue_ms = input->now_ms;
    problem->prices = cycle->config.prices;
    problem_slots(problem, input->now_ms, &cycle->config.grid);
    cycle_site_frame(cycle, input, problem);
    for (int s = 0; s < problem->slot_count; s++)
        fill_slot(cycle, input, &problem->sites[0].slots[s]);
    cycle_site_slots(cycle, input, problem);
    cycle_site_storage(cycle, input, problem);
    cycle_scenarios(cycle, problem);
    for (int j = 0; j < input->job_count; j++)
        if (is_planned(&input->jobs[j]))
            cycle_problem_job(cycle, &input->jobs[j], input->now_ms,
                              &problem->jobs[problem->job_count++]);
    return problem;
}
