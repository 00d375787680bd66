/* Making a plan: bound, whole jobs, dispatch around them, again while it pays; then its costs.
 * And looking things up in one. */
#include "controller/plan/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "controller/plan/dispatch.h"
#include "controller/plan/problem_valid.h"
#include "controller/plan/reasons.h"
#include "controller/plan/schedule.h"

enum {
    PASSES_MOST = 2,   /* over all jobs at the prices of the relaxation */
    RESTARTS_MOST = 5, /* with jobs that miss their due time placed first */
    ROUNDS_MOST = 20,  /* of improvement */
    FAILURES_MOST = 5, /* rounds in a row that brought nothing */
};

static const double GAP_ENOUGH = 1e-4;
static const double SMALL_W = 0.1; /* less is rounding */

/* How much dearer a kWh gets with every kW above the target. Small: jobs go where energy is
 * cheapest even if many already do. Large: they keep to the target. */
static const double SLOPE_TRACK = 0.0003; /* against the relaxation */
static const double SLOPE_FIRST = 0.002;  /* around a schedule, when 0 failed; then it grows */
static const double GAIN_LEAST = 1e-4;    /* of a round, of the whole: less counts as nothing */

struct attempt {
    struct schedule *schedule;
    struct plan_slot *slots;
    double merit; /* objective, and the weight of missed due times */
};

struct making {
    const struct problem *problem;
    struct workload *load;
    struct dispatch *dispatch;
    struct relaxation relaxation;
    struct attempt best, trial;
};

static void site_costs(const struct problem *problem, const struct plan_slot *slots,
                       struct plan *plan)
{
    double peak_w = 0;
    for (int32_t t = 0; t < problem->slot_count; t++) {
        const struct problem_slot *given = &problem->slots[t];
        double hours = (double)given->length_ms / 3600e3;
        double import_mwh = slots[t].import_w * hours / 1e6;
        plan->energy_cost += import_mwh * given->price_import_per_mwh -
                             slots[t].export_w * hours / 1e6 * given->price_export_per_mwh;
        plan->carbon_cost +=
            import_mwh * given->carbon_g_per_kwh * problem->prices.carbon_per_t / 1000;
        plan->wear_cost += slots[t].discharge_w * hours / 1e6 * problem->battery.wear_per_mwh;
        plan->breach_cost += slots[t].breach_w * hours / 1e6 * problem->prices.breach_per_mwh;
        peak_w = fmax(peak_w, slots[t].import_w);
    }
    plan->peak_import_w = peak_w;
    plan->peak_cost = problem->prices.peak_per_kw * fmax(0, peak_w - problem->peak_so_far_w) / 1000;
    if (problem->battery.capacity_wh > 0)
        plan->end_value =
            slots[problem->slot_count - 1].soc_end_wh / 1e6 * problem->battery.end_value_per_mwh;
}

static void job_costs(const struct workload *load, const struct plan_job *jobs, struct plan *plan)
{
    for (int32_t i = 0; i < load->count; i++) {
        struct work_cost cost;
        work_cost(load, &load->works[i], &jobs[i], &cost);
        plan->lateness_cost += cost.lateness;
        plan->delay_cost += cost.delay;
        plan->churn_cost += cost.churn;
        plan->end_value -= cost.leave;
    }
}

static void fill_costs(const struct making *making, const struct attempt *attempt,
                       struct plan *plan)
{
    site_costs(making->problem, attempt->slots, plan);
    job_costs(making->load, attempt->schedule->jobs, plan);
    plan->objective = plan->energy_cost + plan->carbon_cost + plan->peak_cost + plan->wear_cost +
                      plan->lateness_cost + plan->breach_cost + plan->delay_cost +
                      plan->churn_cost - plan->end_value;
    plan->bound = making->relaxation.bound;
    plan->gap = fmax(0, plan->objective - plan->bound) / fmax(fabs(plan->bound), 1);
}

static int dispatch_attempt(struct making *making, struct attempt *attempt, struct error *error)
{
    struct plan costs = {0};
    double jobs_kw[LIMIT_SLOTS];
    for (int32_t t = 0; t < making->problem->slot_count; t++)
        jobs_kw[t] = making->load->committed_kw[t] + attempt->schedule->movable_kw[t];
    int code = dispatch_solve(making->dispatch, jobs_kw, attempt->slots, error);
    if (code < 0)
        return code;
    fill_costs(making, attempt, &costs);
    attempt->merit = costs.objective + schedule_miss_cost(attempt->schedule);
    return 0;
}

static double gap_of(const struct making *making)
{
    return (making->best.merit - making->relaxation.bound) /
           fmax(fabs(making->relaxation.bound), 1);
}

/* Prices around the best schedule so far. */
static void reprice(const struct making *making, struct pricing *pricing)
{
    for (int32_t t = 0; t < making->problem->slot_count; t++) {
        pricing->price[t] = making->best.slots[t].marginal_per_mwh / 1000;
        pricing->target_kw[t] = making->best.schedule->movable_kw[t];
    }
}

static void keep_better(struct making *making)
{
    if (making->trial.merit >= making->best.merit)
        return;
    struct attempt better = making->trial;
    making->trial = making->best;
    making->best = better;
}

static int improve(struct making *making, struct pricing *pricing, plan_time_left time_left,
                   void *context, struct error *error)
{
    int failures = 0;
    for (int round = 0; round < ROUNDS_MOST && failures < FAILURES_MOST; round++) {
        if (gap_of(making) < GAP_ENOUGH || (time_left && !time_left(context)))
            break;
        reprice(making, pricing);
        schedule_copy(making->trial.schedule, making->best.schedule);
        if (schedule_place(making->trial.schedule, pricing) == 0)
            break;
        int code = dispatch_attempt(making, &making->trial, error);
        if (code < 0)
            return code;
        bool gained =
            making->trial.merit < making->best.merit - GAIN_LEAST * fabs(making->best.merit);
        keep_better(making);
        if (gained) {
            failures = 0;
        } else {
            pricing->slope = fmax(SLOPE_FIRST, 3 * pricing->slope);
            failures++;
        }
    }
    return 0;
}

static void track(struct schedule *schedule, const struct pricing *pricing)
{
    for (int pass = 0; pass < PASSES_MOST; pass++)
        if (schedule_place(schedule, pricing) == 0)
            break;
}

/* Places all jobs against the relaxation; again with those that missed their due time in front,
 * for as long as that may help. */
static void first_schedule(struct making *making, const struct pricing *pricing)
{
    struct schedule *best = making->best.schedule, *trial = making->trial.schedule;
    track(best, pricing);
    double least = schedule_miss_cost(best);
    schedule_copy(trial, best);
    for (int round = 0; round < RESTARTS_MOST && schedule_restart(trial); round++) {
        track(trial, pricing);
        double miss = schedule_miss_cost(trial);
        if (miss >= least)
            continue;
        schedule_copy(best, trial);
        least = miss;
    }
}

static int make_schedule(struct making *making, plan_time_left time_left, void *context,
                         struct error *error)
{
    struct pricing pricing = {.slope = SLOPE_TRACK};
    memcpy(pricing.price, making->relaxation.price, sizeof(pricing.price));
    memcpy(pricing.target_kw, making->relaxation.target_kw, sizeof(pricing.target_kw));
    first_schedule(making, &pricing);
    int code = dispatch_attempt(making, &making->best, error);
    pricing.slope = 0;
    return code < 0 ? code : improve(making, &pricing, time_left, context, error);
}

static bool attempt_init(struct attempt *attempt, const struct workload *load)
{
    attempt->schedule = schedule_create(load);
    attempt->slots = calloc((size_t)load->problem->slot_count, sizeof(*attempt->slots));
    return attempt->schedule && attempt->slots;
}

static void making_finish(struct making *making)
{
    schedule_destroy(making->best.schedule);
    schedule_destroy(making->trial.schedule);
    free(making->best.slots);
    free(making->trial.slots);
    dispatch_destroy(making->dispatch);
    free(making->load);
}

static int making_init(struct making *making, const struct problem *problem, struct error *error)
{
    *making = (struct making){.problem = problem, .load = workload_create(problem)};
    if (!making->load)
        return error_set(error, ERROR_SYSTEM, "out of memory for a plan");
    int code = relax_solve(making->load, &making->relaxation, error);
    if (code < 0)
        return code;
    making->dispatch = dispatch_create(making->load);
    if (!making->dispatch || !attempt_init(&making->best, making->load) ||
        !attempt_init(&making->trial, making->load))
        return error_set(error, ERROR_SYSTEM, "out of memory for a plan");
    return 0;
}

static struct plan *plan_create(const struct problem *problem)
{
    struct plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        return NULL;
    plan->issue_ms = problem->issue_ms;
    plan->slot_count = problem->slot_count;
    plan->job_count = problem->job_count;
    plan->frame = calloc((size_t)problem->slot_count, sizeof(*plan->frame));
    plan->slots = calloc((size_t)problem->slot_count, sizeof(*plan->slots));
    plan->jobs = calloc((size_t)problem->job_count + 1, sizeof(*plan->jobs));
    if (plan->frame && plan->slots && plan->jobs)
        return plan;
    plan_destroy(plan);
    return NULL;
}

void plan_destroy(struct plan *plan)
{
    if (!plan)
        return;
    free(plan->frame);
    free(plan->slots);
    free(plan->jobs);
    free(plan);
}

static void finish_job(const struct workload *load, const struct work *work, struct plan_job *job)
{
    int64_t deadline_ms = work->job->deadline_ms;
    int64_t left_ms = work->job->remaining_ms - runs_total_ms(job);
    int64_t last_ms = job->run_count > 0 ? job->runs[job->run_count - 1].end_ms : load->start_ms;
    job->finish_ms = left_ms > 0 ? INT64_MAX : last_ms;
    if (deadline_ms == JOB_NO_DEADLINE)
        return;
    job->late = job->run_count > 0 && last_ms > deadline_ms;
    if (left_ms > 0)
        job->late = deadline_ms < load->end_ms || deadline_ms - load->end_ms < left_ms;
}

static void fill_jobs(const struct making *making, struct plan *plan)
{
    const struct workload *load = making->load;
    for (int32_t i = 0; i < load->count; i++) {
        struct plan_job *job = &plan->jobs[i];
        *job = making->best.schedule->jobs[i];
        if (job->run_count == 0)
            job->feeder = -1;
        finish_job(load, &load->works[i], job);
        plan->late_jobs += job->late;
        for (int32_t t = 0; t < plan->slot_count && job->run_count > 0; t++)
            plan->slots[t].it_jobs_w[job->feeder] += load->works[i].job->power_w *
                                                     (double)runs_in_slot_ms(job, &plan->frame[t]) /
                                                     (double)plan->frame[t].length_ms;
    }
}

/* Load of a feeder at one moment. */
static double feeder_w(const struct making *making, const struct plan *plan, int32_t t,
                       int32_t feeder, int64_t at_ms)
{
    double sum_w = making->problem->slots[t].base_it_w[feeder];
    for (int32_t i = 0; i < plan->job_count; i++)
        for (int32_t r = 0; r < plan->jobs[i].run_count; r++)
            if (plan->jobs[i].feeder == feeder && plan->jobs[i].runs[r].start_ms <= at_ms &&
                at_ms < plan->jobs[i].runs[r].end_ms)
                sum_w += making->problem->jobs[i].power_w;
    return sum_w;
}

/* A feeder's load can only be highest where the slot or a run starts. */
static double feeder_breach_w(const struct making *making, const struct plan *plan, int32_t t,
                              int32_t feeder)
{
    const struct problem_slot *slot = &making->problem->slots[t];
    double most_w = feeder_w(making, plan, t, feeder, slot->start_ms);
    for (int32_t i = 0; i < plan->job_count; i++) {
        for (int32_t r = 0; r < plan->jobs[i].run_count; r++) {
            int64_t at_ms = plan->jobs[i].runs[r].start_ms;
            if (at_ms > slot->start_ms && at_ms < slot->start_ms + slot->length_ms)
                most_w = fmax(most_w, feeder_w(making, plan, t, feeder, at_ms));
        }
    }
    double breach_w = most_w - making->problem->feeders[feeder].limit_w;
    return breach_w > SMALL_W ? breach_w : 0;
}

static void fill_breaches(const struct making *making, struct plan *plan)
{
    const struct problem *problem = making->problem;
    plan->status = PLAN_COMPLETE;
    for (int32_t t = 0; t < plan->slot_count; t++) {
        struct plan_slot *slot = &plan->slots[t];
        bool breach = slot->breach_w > 0;
        for (int32_t f = 0; f < problem->feeder_count; f++) {
            if (making->best.schedule->room_kw[f][t] < 0)
                slot->feeder_breach_w[f] = feeder_breach_w(making, plan, t, f);
            breach |= slot->feeder_breach_w[f] > 0;
        }
        if (problem->battery.capacity_wh > 0)
            slot->reserve_short_wh = fmax(0, problem->battery.soc_min_wh - slot->soc_end_wh);
        if (slot->reserve_short_wh < 1e-3)
            slot->reserve_short_wh = 0;
        if (breach || slot->reserve_short_wh > 0)
            plan->status = PLAN_BREACHING;
    }
}

static int fill_plan(const struct making *making, struct plan **ret_plan, struct error *error)
{
    struct plan *plan = plan_create(making->problem);
    if (!plan)
        return error_set(error, ERROR_SYSTEM, "out of memory for a plan");
    size_t slot_count = (size_t)plan->slot_count;
    memcpy(plan->frame, making->problem->slots, slot_count * sizeof(*plan->frame));
    memcpy(plan->slots, making->best.slots, slot_count * sizeof(*plan->slots));
    fill_costs(making, &making->best, plan);
    fill_jobs(making, plan);
    fill_breaches(making, plan);
    reasons_fill(making->best.schedule, plan);
    *ret_plan = plan;
    return 0;
}

int plan_make(const struct problem *problem, plan_time_left time_left, void *context,
              struct plan **ret_plan, struct error *error)
{
    struct making making;
    int code = problem_valid(problem, error);
    if (code < 0)
        return code;
    code = making_init(&making, problem, error);
    if (code == 0)
        code = make_schedule(&making, time_left, context, error);
    if (code == 0)
        code = fill_plan(&making, ret_plan, error);
    making_finish(&making);
    return code;
}

int plan_job_runs(const struct plan *plan, int64_t job_id, int64_t at_ms,
                  const struct plan_job **ret_job)
{
    for (int32_t i = 0; i < plan->job_count; i++) {
        const struct plan_job *job = &plan->jobs[i];
        if (job->id != job_id)
            continue;
        if (ret_job)
            *ret_job = job;
        for (int32_t r = 0; r < job->run_count; r++)
            if (job->runs[r].start_ms <= at_ms && at_ms < job->runs[r].end_ms)
                return 1;
        return 0;
    }
    return -1;
}

const struct plan_slot *plan_slot_at(const struct plan *plan, int64_t at_ms)
{
    for (int32_t t = 0; t < plan->slot_count; t++) {
        const struct problem_slot *slot = &plan->frame[t];
        if (slot->start_ms <= at_ms && at_ms < slot->start_ms + slot->length_ms)
            return &plan->slots[t];
    }
    return NULL;
}
