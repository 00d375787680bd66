/* The limit: everything known, one problem, one plan (see engine.h). */
#include <math.h>
#include <string.h>

#include "controller/base/utc.h"
#include "tools/backtest/engine.h"

static double known(double value, double otherwise)
{
    return isnan(value) ? otherwise : value;
}

static void fill_slot(const struct engine_config *config, const struct world *world,
                      const struct cycle_config *cycle, struct problem_slot *slot)
{
    int32_t groups = config->site->config->topology->feeder_count;
    int64_t at_ms = slot->start_ms;
    slot->pv_w = known(world_series(world, SERIES_PV, at_ms), 0);
    slot->wind_w = known(world_series(world, SERIES_WIND, at_ms), 0);
    slot->price_import_per_mwh = known(world_series(world, SERIES_PRICE, at_ms), 0);
    slot->carbon_g_per_kwh = known(world_series(world, SERIES_CARBON, at_ms), 0);
    slot->price_export_per_mwh = cycle->export_price_per_mwh;
    slot->import_limit_w = cycle->guard.import_limit_w;
    slot->export_limit_w = cycle->guard.export_limit_w;
    slot->fixed_w = cycle->fixed_w;
    slot->overhead_ratio = cycle->overhead_ratio;
    for (int32_t g = 0; g < groups; g++)
        slot->base_it_w[g] = slot->base_it_high_w[g] = config->site->load_w / groups;
}

static void fill_site(const struct engine_config *config, struct world *world,
                      const struct cycle_config *cycle, struct problem_site *site)
{
    const struct topology *topology = config->site->config->topology;
    site->feeder_count = site->group_count = topology->feeder_count;
    for (int32_t f = 0; f < topology->feeder_count; f++) {
        site->feeders[f].limit_w = topology->feeders[f].limit_w;
        site->groups[f] =
            (struct problem_group){.feeder = f, .limit_w = topology->feeders[f].limit_w};
    }
    site->net_now_w = (double)NAN;
    if (world->battery_device < 0)
        return;
    site->battery = cycle->battery;
    site->battery.soc_wh = world->soc_wh;
}

static void fill_job(const struct engine_config *config, const struct trace_job *trace,
                     int64_t from_ms, int64_t id, struct problem_job *ret_job)
{
    struct job job = engine_job(config->site, trace, from_ms, id);
    *ret_job = (struct problem_job){.id = id,
                                    .job_class = job.job_class,
                                    .levels = {{.power_w = job.power_w, .speed = 1}},
                                    .level_count = 1,
                                    .remaining_ms = job.work_ms,
                                    .release_ms = job.release_ms,
                                    .deadline_ms = job.deadline_ms,
                                    .can_suspend = job.can_suspend,
                                    .group = -1};
}

static struct problem *make_problem(const struct engine_config *config, struct world *world,
                                    int64_t from_ms, int64_t to_ms, int64_t first_id)
{
    struct cycle_config cycle;
    const struct inputs *inputs = config->inputs;
    int32_t hours = (int32_t)((to_ms - from_ms + HOUR_MS - 1) / HOUR_MS);
    struct problem *problem = problem_create(1, hours + 1, inputs->job_count + 1);
    const struct problem_grid grid = {.horizon_h = hours};
    if (!problem)
        return NULL;
    backtest_site_cycle(config->site, &cycle);
    problem->issue_ms = from_ms;
    problem->prices = cycle.prices;
    /* The table's total knows neither: what they cost would make the bound too high. */
    problem->prices.delay_per_mwh_h = problem->prices.churn = 0;
    problem_slots(problem, from_ms, &grid);
    engine_cut(problem, to_ms);
    fill_site(config, world, &cycle, &problem->sites[0]);
    for (int32_t t = 0; t < problem->slot_count; t++)
        fill_slot(config, world, &cycle, &problem->sites[0].slots[t]);
    for (int32_t j = 0; j < inputs->job_count && from_ms + inputs->jobs[j].arrival_ms < to_ms; j++)
        fill_job(config, &inputs->jobs[j], from_ms, first_id + j,
                 &problem->jobs[problem->job_count++]);
    return problem;
}

/* The plan's own figures, as if it had come to pass. */
static void read_slot(const struct problem *problem, const struct plan *plan, int32_t t,
                      struct tally *tally)
{
    const struct problem_slot *given = &problem->sites[0].slots[t];
    const struct plan_slot *slot = &plan->sites[0].slots[t];
    struct flows flows = {.pv_offer_w = given->pv_w,
                          .wind_offer_w = given->wind_w,
                          .pv_w = slot->pv_used_w,
                          .wind_w = slot->wind_used_w,
                          .battery_w = slot->discharge_w - slot->charge_w,
                          .facility_w = slot->facility_w,
                          .import_w = slot->import_w,
                          .export_w = slot->export_w};
    for (int32_t g = 0; g < problem->sites[0].group_count; g++)
        flows.jobs_w += slot->it_jobs_w[g];
    flows.it_w = flows.jobs_w;
    for (int32_t g = 0; g < problem->sites[0].group_count; g++)
        flows.it_w += given->base_it_w[g];
    tally_flows(tally, &flows, given->start_ms, given->start_ms + given->length_ms);
}

static void read_job(const struct problem_job *given, const struct plan_job *planned, int64_t to_ms,
                     struct tally *tally)
{
    bool done = planned->finish_ms <= to_ms;
    struct job job = {.state = done ? JOB_COMPLETED : JOB_QUEUED,
                      .ended_ms = planned->finish_ms,
                      .release_ms = given->release_ms,
                      .deadline_ms = given->deadline_ms,
                      .work_ms = given->remaining_ms,
                      .suspensions = planned->run_count > 1 ? planned->run_count - 1 : 0};
    tally_job(tally, &job, to_ms);
}

static void read_plan(const struct problem *problem, const struct plan *plan, int64_t to_ms,
                      struct tally *tally)
{
    for (int32_t t = 0; t < plan->slot_count; t++)
        read_slot(problem, plan, t, tally);
    for (int32_t j = 0; j < plan->job_count; j++)
        read_job(&problem->jobs[j], &plan->jobs[j], to_ms, tally);
    tally_end(tally);
    struct result *sum = tally->result;
    /* What is late or not done costs the plan something that is no part of the total. */
    bool complete = sum->missed == 0 && sum->done == sum->jobs;
    sum->bound = complete ? sum->bound + plan->bound : (double)NAN;
    sum->peak_import_w = (double)NAN; /* means of hours tell nothing of quarter hours */
    sum->plans++;
}

static bool time_left(void *context)
{
    const struct engine_config *config = context;
    return engine_stopped(config, NULL) == 0;
}

int oracle_run(const struct engine_config *config, struct world *world, int64_t from_ms,
               int64_t to_ms, int64_t first_id, struct result *result, struct error *error)
{
    struct tally tally;
    struct plan *plan = NULL;
    world_begin(world, from_ms);
    struct problem *problem = make_problem(config, world, from_ms, to_ms, first_id);
    if (!problem)
        return error_set(error, ERROR_SYSTEM, "out of memory for the oracle's problem");
    tally_begin(&tally, result, config->site, config->inputs);
    int code = plan_make(problem, time_left, (void *)(uintptr_t)config, &plan, error);
    if (code == 0)
        code = engine_stopped(config, error);
    if (code == 0)
        read_plan(problem, plan, to_ms, &tally);
    plan_destroy(plan);
    problem_destroy(problem);
    return code;
}
