/* Making a plan: bound, whole jobs, dispatch around them, again while it pays. */
#include "controller/plan/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "controller/plan/dispatch.h"
#include "controller/plan/fill.h"
#include "controller/plan/problem_valid.h"
#include "controller/plan/schedule.h"

enum {
    PASSES_MOST = 2,      /* over all jobs at the prices of the relaxation */
    RESTARTS_MOST = 5,    /* where too much is missed */
    REPAIRS_MOST = 3,     /* of jobs that miss their due time */
    ROUNDS_MOST = 60,     /* of improvement */
    COLUMNS_LEAST = 4000, /* of the relaxation: ... */
    COLUMNS_A_SLOT = 24,  /* ... so many for each slot ... */
    COLUMNS_MOST = 16000, /* ... but no more */
};

static const double GAP_ENOUGH = 1e-4;
static const double MISS_LEAST = 1e-3; /* of the bound: less is left to the improvement */

/* How much dearer a kWh gets above the target load: so many mean prices when the load doubles.
 * Small: jobs go where energy is cheapest even if many already do. Large: they keep to the
 * target. */
static const double SLOPE_TRACK = 0.3;               /* against the relaxation */
static const double SLOPES[] = {10, 3, 1, 3, 10, 0}; /* around a schedule, in turn */
enum { SLOPES_COUNT = 6 };
static const double GAIN_LEAST = 1e-4; /* of a round, of the whole: less counts as nothing */

struct making {
    const struct problem *problem;
    plan_time_left time_left;
    void *context;
    struct workload *load;
    struct dispatch *dispatch[LIMIT_SITES];
    struct relaxation relaxation;
    struct pricing pricing;
    double mean_price[LIMIT_SITES], mean_kw[LIMIT_SITES];
    struct schedule *schedule;
    struct snapshot *best;                /* the best schedule so far ... */
    struct plan_slot *slots[LIMIT_SITES]; /* ... and what the sites do around it */
    struct plan_slot *trial_slots[LIMIT_SITES];
    double best_merit; /* objective, and what is only weighed by the search */
};

static int no_memory(struct error *error)
{
    return error_set(error, ERROR_SYSTEM, "out of memory for a plan");
}

static bool has_time(const struct making *making)
{
    return !making->time_left || making->time_left(making->context);
}

static double *row_of(const struct making *making, double *rows, int32_t site)
{
    return &rows[workload_at(making->load, site, 0)];
}

/* What the schedule costs with the sites' best around it. */
static int dispatch_all(struct making *making, struct plan_slot **slots, double *ret_merit,
                        struct error *error)
{
    struct plan costs = {0};
    for (int32_t s = 0; s < making->problem->site_count; s++) {
        int code = dispatch_solve(making->dispatch[s], row_of(making, making->schedule->jobs_kw, s),
                                  slots[s], error);
        if (code < 0)
            return code;
    }
    fill_costs(making->load, making->schedule->jobs, slots, &costs);
    *ret_merit = costs.objective + schedule_miss_cost(making->schedule) +
                 schedule_touch_cost(making->schedule);
    return 0;
}

static double gap_of(const struct making *making)
{
    return (making->best_merit - making->relaxation.bound) /
           fmax(fabs(making->relaxation.bound), 1);
}

/* After the prices and targets have been set. */
static void set_slope(struct making *making, double slope)
{
    for (int32_t s = 0; s < making->problem->site_count; s++)
        making->pricing.slope[s] =
            making->mean_kw[s] > 0 ? slope * making->mean_price[s] / making->mean_kw[s] : 0;
    pricing_ready(&making->pricing, making->load, making->schedule->jobs_kw);
}

/* Prices around the best schedule so far. */
static void reprice(struct making *making)
{
    size_t cells = (size_t)making->load->site_count * (size_t)making->load->slot_count;
    for (int32_t s = 0; s < making->problem->site_count; s++)
        for (int32_t t = 0; t < making->problem->slot_count; t++)
            making->pricing.price[workload_at(making->load, s, t)] =
                making->slots[s][t].marginal_per_mwh / 1000;
    memcpy(making->pricing.target_kw, making->schedule->jobs_kw, cells * sizeof(double));
}

/* The schedule is better than the best: takes its place. Or it is not, and gives way to it. */
static int settle_trial(struct making *making, double merit, struct error *error)
{
    if (merit >= making->best_merit) {
        snapshot_restore(making->best, making->schedule);
        return 0;
    }
    for (int32_t s = 0; s < making->problem->site_count; s++) {
        struct plan_slot *better = making->trial_slots[s];
        making->trial_slots[s] = making->slots[s];
        making->slots[s] = better;
    }
    making->best_merit = merit;
    return snapshot_take(making->best, making->schedule) ? 0 : no_memory(error);
}

/* Returns the weight of what is still missed. */
static double repair(struct making *making)
{
    for (int round = 0; round < REPAIRS_MOST; round++)
        if (schedule_repair(making->schedule, &making->pricing, making->time_left,
                            making->context) == 0)
            break;
    return schedule_miss_cost(making->schedule);
}

/* A round at a low slope moves many jobs and may go too far; one at a high slope mends details. */
static int improve(struct making *making, struct error *error)
{
    int failures = 0;
    for (int round = 0; round < ROUNDS_MOST && failures < SLOPES_COUNT; round++) {
        double merit, merit_before = making->best_merit;
        if (gap_of(making) < GAP_ENOUGH || !has_time(making))
            break;
        reprice(making);
        set_slope(making, SLOPES[round % SLOPES_COUNT]);
        failures++;
        if (schedule_place(making->schedule, &making->pricing, making->time_left,
                           making->context) == 0)
            continue;
        repair(making);
        int code = dispatch_all(making, making->trial_slots, &merit, error);
        if (code == 0)
            code = settle_trial(making, merit, error);
        if (code < 0)
            return code;
        if (making->best_merit < merit_before - GAIN_LEAST * fabs(merit_before))
            failures = 0;
    }
    return 0;
}

static double place_and_repair(struct making *making)
{
    schedule_place(making->schedule, &making->pricing, NULL, NULL); /* each once, at any rate */
    for (int pass = 1; pass < PASSES_MOST && has_time(making); pass++)
        if (schedule_place(making->schedule, &making->pricing, making->time_left,
                           making->context) == 0)
            break;
    return repair(making);
}

/* Places all jobs against the relaxation. Where too much is missed, again with those in front that
 * missed their due time, for as long as that helps. */
static int first_schedule(struct making *making, struct error *error)
{
    schedule_place_first(making->schedule);
    double least = place_and_repair(making);
    if (!snapshot_take(making->best, making->schedule))
        return no_memory(error);
    for (int round = 0; round < RESTARTS_MOST && has_time(making); round++) {
        if (least <= MISS_LEAST * fabs(making->relaxation.bound))
            break;
        schedule_restart(making->schedule);
        double missed = place_and_repair(making);
        if (missed >= least)
            continue;
        least = missed;
        if (!snapshot_take(making->best, making->schedule))
            return no_memory(error);
    }
    snapshot_restore(making->best, making->schedule);
    return 0;
}

/* Prices and targets of the relaxation, and what is usual at each site. */
static void price_by_relaxation(struct making *making)
{
    const struct workload *load = making->load;
    for (int32_t s = 0; s < load->site_count; s++) {
        double price = 0, kwh = 0, hours = 0;
        for (int32_t t = 0; t < load->slot_count; t++) {
            size_t at = workload_at(load, s, t);
            making->pricing.price[at] = making->relaxation.price[at];
            making->pricing.target_kw[at] =
                making->relaxation.target_kw[at] + load->committed_kw[at];
            price += fabs(making->pricing.price[at]) * load->hours[t];
            kwh += making->pricing.target_kw[at] * load->hours[t];
            hours += load->hours[t];
        }
        making->mean_price[s] = price / hours;
        making->mean_kw[s] = kwh / hours;
    }
    set_slope(making, SLOPE_TRACK);
}

static int make_schedule(struct making *making, struct error *error)
{
    price_by_relaxation(making);
    int code = first_schedule(making, error);
    if (code == 0)
        code = dispatch_all(making, making->slots, &making->best_merit, error);
    return code < 0 ? code : improve(making, error);
}

static void making_finish(struct making *making)
{
    for (int32_t s = 0; s < making->problem->site_count; s++) {
        dispatch_destroy(making->dispatch[s]);
        free(making->slots[s]);
        free(making->trial_slots[s]);
    }
    free(making->relaxation.price);
    free(making->relaxation.target_kw);
    pricing_finish(&making->pricing);
    schedule_destroy(making->schedule);
    snapshot_destroy(making->best);
    workload_destroy(making->load);
}

static bool sites_init(struct making *making)
{
    size_t slots = (size_t)making->problem->slot_count;
    bool complete = true;
    for (int32_t s = 0; s < making->problem->site_count; s++) {
        making->dispatch[s] = dispatch_create(making->load, s);
        making->slots[s] = calloc(slots, sizeof(struct plan_slot));
        making->trial_slots[s] = calloc(slots, sizeof(struct plan_slot));
        complete = complete && making->dispatch[s] && making->slots[s] && making->trial_slots[s];
    }
    return complete;
}

static int64_t columns_for(const struct workload *load)
{
    int64_t columns = (int64_t)load->slot_count * COLUMNS_A_SLOT;
    columns = columns > COLUMNS_LEAST ? columns : COLUMNS_LEAST;
    return columns < COLUMNS_MOST ? columns : COLUMNS_MOST;
}

static int making_init(struct making *making, struct error *error)
{
    making->load = workload_create(making->problem);
    if (!making->load)
        return no_memory(error);
    size_t cells = (size_t)making->load->site_count * (size_t)making->load->slot_count;
    making->relaxation.price = calloc(cells, sizeof(double));
    making->relaxation.target_kw = calloc(cells, sizeof(double));
    if (!making->relaxation.price || !making->relaxation.target_kw)
        return no_memory(error);
    int code = relax_solve(making->load, columns_for(making->load), &making->relaxation, error);
    if (code < 0)
        return code;
    making->schedule = schedule_create(making->load);
    making->best = snapshot_create(making->load);
    if (!making->schedule || !making->best || !pricing_init(&making->pricing, making->load) ||
        !sites_init(making))
        return no_memory(error);
    return 0;
}

/* The last dispatch is the one that is carried out: it holds up in the scenarios, if there are
 * any. */
static int dispatch_last(struct making *making, struct plan *plan, struct error *error)
{
    if (making->problem->scenario_count == 0)
        return 0;
    for (int32_t s = 0; s < making->problem->site_count; s++) {
        double cost = 0;
        int code = dispatch_hedge(making->dispatch[s], row_of(making, making->schedule->jobs_kw, s),
                                  making->slots[s], &cost, error);
        if (code < 0)
            return code;
        plan->hedge_cost += cost;
    }
    return 0;
}

static int write_plan(struct making *making, struct plan **ret_plan, struct error *error)
{
    struct plan *plan = plan_create(making->problem);
    if (!plan)
        return no_memory(error);
    int code = dispatch_last(making, plan, error);
    if (code == 0 && !fill_plan(making->schedule, making->slots, making->relaxation.bound, plan))
        code = no_memory(error);
    if (code == 0)
        *ret_plan = plan;
    else
        plan_destroy(plan);
    return code;
}

int plan_make(const struct problem *problem, plan_time_left time_left, void *context,
              struct plan **ret_plan, struct error *error)
{
    struct making making = {.problem = problem, .time_left = time_left, .context = context};
    int code = problem_valid(problem, error);
    if (code < 0)
        return code;
    code = making_init(&making, error);
    if (code == 0)
        code = make_schedule(&making, error);
    if (code == 0)
        code = write_plan(&making, ret_plan, error);
    making_finish(&making);
    return code;
}
