/* The live daemon's wiring in miniature: what daemon.c does with drivers, a batch system and a
 * worker thread happens here in line. */
#include "tests/sim/closed_loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/act/job_fsm.h"
#include "controller/base/utc.h"

static void note(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "%s\n", text);
}

static void require(bool sound, const struct error *error)
{
    if (sound)
        return;
    fprintf(stderr, "closed loop: %s\n", error->text);
    exit(1);
}

/* Two weeks of the outside, as an operator would import them. */
static void import_past(struct sim *sim)
{
    for (int64_t at = sim->now_ms - 14 * (int64_t)DAY_MS; at < sim->now_ms;
         at += FORECAST_STEP_MS) {
        struct outside outside;
        exogenous_at(&sim->exogenous, at + FORECAST_STEP_MS / 2, &outside);
        const double values[FORECAST_SERIES] = {
            [SERIES_PV] = pv_power_w(outside.irradiance_w_m2, outside.temp_outdoor_c),
            [SERIES_WIND] = wind_power_w(outside.wind_m_s),
            [SERIES_PRICE] = outside.price_per_mwh,
            [SERIES_CARBON] = outside.carbon_g_per_kwh,
            [SERIES_BASE_IT] = outside.base_it_w,
            [SERIES_TEMP] = outside.temp_outdoor_c,
        };
        for (int s = 0; s < FORECAST_SERIES; s++)
            cycle_resume_history(sim->cycle, (enum forecast_series)s, at, values[s]);
    }
}

void sim_start(struct sim *sim, const char *site_path, enum mode mode, uint64_t seed,
               int64_t start_ms)
{
    struct error error = {""};
    struct cycle_config config;
    memset(sim, 0, sizeof *sim);
    require(configuration_load(site_path, &sim->config, note, NULL, &error) == 0, &error);
    configuration_cycle(sim->config, &config);
    for (int s = 0; s < SUBSYSTEMS; s++)
        config.modes[s] = mode;
    config.plan_every_ms = 30 * MINUTE_MS;
    config.plan_valid_ms = 2 * (int64_t)HOUR_MS;
    config.meter_gap_ms = MINUTE_MS;
    config.guard.settle_ms = 2 * SIM_TICK_MS;
    sim->cycle = cycle_create(&config, &error);
    require(sim->cycle != NULL, &error);
    require(image_init(&sim->live, sim->config->topology, &error) == 0, &error);
    require(image_init(&sim->frozen, sim->config->topology, &error) == 0, &error);
    const struct exogenous_config outside = {
        .seed = seed, .latitude_deg = 37.4, .longitude_deg = -6.0};
    require(exogenous_init(&sim->exogenous, &outside, &error) == 0, &error);
    plant_init(&sim->plant, seed, start_ms, 0.5);
    sim->start_ms = sim->now_ms = start_ms;
    sim->totals.least_soc_pct = 100;
    import_past(sim);
}

void sim_add_job(struct sim *sim, const struct job *job)
{
    if (sim->job_count < SIM_JOBS)
        sim->jobs[sim->job_count++] = *job;
}

void sim_add_fault(struct sim *sim, const struct sim_fault *fault)
{
    if (sim->fault_count < SIM_FAULTS)
        sim->faults[sim->fault_count++] = *fault;
}

static bool is_silent(const struct sim *sim, const char *device)
{
    for (int f = 0; f < sim->fault_count; f++) {
        const struct sim_fault *fault = &sim->faults[f];
        if (fault->device && strcmp(fault->device, device) == 0 && sim->now_ms >= fault->from_ms &&
            sim->now_ms < fault->to_ms)
            return true;
    }
    return false;
}

static double external_limit_w(const struct sim *sim)
{
    for (int f = 0; f < sim->fault_count; f++) {
        const struct sim_fault *fault = &sim->faults[f];
        if (!fault->device && sim->now_ms >= fault->from_ms && sim->now_ms < fault->to_ms)
            return fault->external_limit_w;
    }
    return INFINITY;
}

/* ---- plant to image ---- */

static double point_value(const struct sim *sim, const struct outside *outside, int32_t point)
{
    const struct topology *topology = sim->config->topology;
    enum point_kind kind = topology->points[point].kind;
    const char *name = topology->devices[topology->points[point].device].name;
    if (kind == POINT_TEMP_OUTDOOR)
        return outside->temp_outdoor_c;
    if (kind == POINT_IRRADIANCE)
        return outside->irradiance_w_m2;
    if (kind == POINT_WIND_SPEED)
        return outside->wind_m_s;
    if (kind == POINT_PRICE)
        return outside->price_per_mwh;
    if (kind == POINT_CARBON)
        return outside->carbon_g_per_kwh;
    if (kind == POINT_TEMP_INLET)
        return sim->plant.cooling.inlet_c;
    int device = twin_device_find(name);
    return device < 0 ? (double)NAN : twin_device_value(&sim->plant, outside, device, kind);
}

static void read_plant(struct sim *sim, const struct outside *outside)
{
    const struct topology *topology = sim->config->topology;
    for (int32_t p = 0; p < topology->point_count; p++) {
        bool silent = is_silent(sim, topology->devices[topology->points[p].device].name);
        struct sample sample = {.point = p,
                                .quality = silent ? QUALITY_MISSING : QUALITY_GOOD,
                                .reason = silent ? REASON_TIMEOUT : REASON_FRESH,
                                .source_ms = sim->now_ms,
                                .receive_ms = sim->now_ms};
        sample.value = silent ? 0 : point_value(sim, outside, p);
        image_apply(&sim->live, &sample);
    }
    image_freeze(&sim->frozen, &sim->live, sim->now_ms);
}

/* ---- decisions to plant ---- */

static void apply_job(struct sim *sim, const struct command *command)
{
    for (int j = 0; j < sim->job_count; j++) {
        struct job *job = &sim->jobs[j];
        if (job->id != command->job_id)
            continue;
        enum job_action action;
        if (command->verb == VERB_JOB_START) {
            job->feeder = command->feeder;
            job_apply(job, JOB_INPUT_START, command->reason, sim->now_ms, &action);
            job_apply(job, JOB_INPUT_RUNS, command->reason, sim->now_ms, &action);
            sim->totals.starts++;
        } else if (command->verb == VERB_JOB_SUSPEND) {
            job_apply(job, JOB_INPUT_SUSPEND, command->reason, sim->now_ms, &action);
            job_apply(job, JOB_INPUT_STOPPED, command->reason, sim->now_ms, &action);
            sim->totals.suspensions++;
        } else if (command->verb == VERB_JOB_RESUME) {
            job_apply(job, JOB_INPUT_RESUME, command->reason, sim->now_ms, &action);
            job_apply(job, JOB_INPUT_RUNS, command->reason, sim->now_ms, &action);
        }
    }
}

static bool adds_load(const struct command *command)
{
    return command->verb == VERB_JOB_START || command->verb == VERB_JOB_RESUME;
}

static void apply_decisions(struct sim *sim)
{
    const struct topology *topology = sim->config->topology;
    double net_w;
    bool metered = image_device_value(&sim->frozen, topology_next(topology, ROLE_UTILITY, 0),
                                      POINT_POWER, &net_w);
    for (int i = 0; i < sim->output.decision_count; i++) {
        const struct command *command = &sim->output.decisions[i].command;
        if (!command->apply)
            continue;
        sim->totals.rose_unknown |= !metered && adds_load(command);
        if (command->verb != VERB_SETPOINT) {
            apply_job(sim, command);
            continue;
        }
        const struct point *point = &topology->points[command->point];
        const char *name = topology->devices[point->device].name;
        if (!is_silent(sim, name))
            twin_device_set(&sim->plant, twin_device_find(name), point->kind, command->value);
    }
}

static void end_jobs(struct sim *sim)
{
    enum job_action action;
    for (int j = 0; j < sim->job_count; j++) {
        struct job *job = &sim->jobs[j];
        if (job->state == JOB_RUNNING && job_remaining_ms(job, sim->now_ms) == 0)
            job_apply(job, JOB_INPUT_EXIT_OK, REASON_EXITED_ZERO, sim->now_ms, &action);
    }
}

static void rack_power(const struct sim *sim, struct plant_input *input)
{
    for (int r = 0; r < PLANT_RACKS; r++)
        input->rack_job_w[r] = 0;
    for (int j = 0; j < sim->job_count; j++) {
        const struct job *job = &sim->jobs[j];
        for (int r = 0; job_state_draws_power(job->state) && r < PLANT_RACKS_PER_FEEDER; r++)
            input->rack_job_w[job->feeder * PLANT_RACKS_PER_FEEDER + r] +=
                job->power_w / PLANT_RACKS_PER_FEEDER;
    }
}

/* ---- bookkeeping ---- */

static void watch_limits(struct sim *sim)
{
    struct sim_totals *totals = &sim->totals;
    const struct topology *topology = sim->config->topology;
    double limit_w = cycle_snapshot(sim->cycle)->import_limit_w;
    bool over = sim->plant.power_w[FLOW_IMPORT] > limit_w * 1.005;
    sim->over_limit_s = over ? sim->over_limit_s + SIM_TICK_MS / 1e3 : 0;
    totals->longest_over_limit_s = fmax(totals->longest_over_limit_s, sim->over_limit_s);
    for (int f = 0; f < topology->feeder_count; f++) {
        double load_w = 0;
        for (int r = 0; r < PLANT_RACKS_PER_FEEDER; r++)
            load_w += sim->plant.power_w[FLOW_RACK + f * PLANT_RACKS_PER_FEEDER + r];
        totals->worst_feeder_w =
            fmax(totals->worst_feeder_w, load_w - topology->feeders[f].limit_w);
    }
    totals->least_soc_pct = fmin(totals->least_soc_pct, battery_soc_pct(&sim->plant.battery));
}

static void keep_accounts(struct sim *sim)
{
    for (int a = 0; a < sim->output.account_count; a++) {
        int64_t index = (sim->output.accounts[a].start_ms - sim->start_ms) / QUARTER_MS;
        if (index >= 0 && index < SIM_QUARTERS)
            sim->accounts[index] = sim->output.accounts[a];
    }
    for (int e = 0; e < sim->output.event_count; e++) {
        sim->totals.plans += sim->output.events[e].kind == EVENT_PLAN_ADOPTED;
        if (sim->output.events[e].kind == EVENT_PLAN_REJECTED) {
            sim->totals.rejected++;
            fprintf(stderr, "plan rejected: %s\n", sim->output.events[e].text);
        }
    }
}

void sim_account(struct sim *sim)
{
    struct sim_totals *totals = &sim->totals;
    for (int q = 0; q < SIM_QUARTERS; q++) {
        const struct account *account = &sim->accounts[q];
        if (account->end_ms == 0)
            continue;
        totals->accounts++;
        if (account->pue.quality > QUALITY_ESTIMATED) {
            totals->unknown_accounts++;
            continue;
        }
        totals->facility_wh += account->pue.facility_wh;
        totals->it_wh += account->pue.it_wh;
        totals->cost += isnan(account->cost) ? 0 : account->cost;
    }
}

/* ---- the loop ---- */

static void tick(struct sim *sim)
{
    struct tick_input input = {
        .now_ms = sim->now_ms,
        .image = &sim->frozen,
        .jobs = sim->jobs,
        .job_count = sim->job_count,
        .arrived = sim->solved,
        .arrived_problem = sim->solved_problem,
        .external_limit_w = external_limit_w(sim),
    };
    sim->solved = NULL;
    sim->solved_problem = NULL;
    cycle_tick(sim->cycle, &input, &sim->output);
    apply_decisions(sim);
    keep_accounts(sim);
    if (!sim->output.problem)
        return;
    struct error error;
    require(plan_make(sim->output.problem, NULL, NULL, &sim->solved, &error) == 0, &error);
    sim->solved_problem = sim->output.problem;
}

void sim_run(struct sim *sim, int64_t until_ms)
{
    while (sim->now_ms < until_ms) {
        struct plant_input input = {0};
        struct outside outside;
        sim->now_ms += SIM_TICK_MS;
        exogenous_at(&sim->exogenous, sim->now_ms, &outside);
        input.outdoor_c = outside.temp_outdoor_c;
        input.irradiance_w_m2 = outside.irradiance_w_m2;
        input.wind_m_s = outside.wind_m_s;
        input.base_it_w = outside.base_it_w;
        rack_power(sim, &input);
        plant_step(&sim->plant, &input, sim->now_ms);
        end_jobs(sim);
        read_plant(sim, &outside);
        tick(sim);
        watch_limits(sim);
        if (sim->observer)
            sim->observer(sim, sim->observer_context);
    }
}

void sim_finish(struct sim *sim)
{
    plan_destroy(sim->solved);
    problem_destroy(sim->solved_problem);
    cycle_destroy(sim->cycle);
    exogenous_finish(&sim->exogenous);
    image_finish(&sim->live);
    image_finish(&sim->frozen);
    configuration_destroy(sim->config);
}
