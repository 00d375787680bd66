/* The live daemon's wiring in miniature: what daemon.c does with drivers, a batch system and a
 * worker thread happens here in line. */
#include "tests/sim/closed_loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"

const struct sim_setup sim_setup_default = {
    .mode = MODE_CONTROL,
    .seed = 1,
    .start_ms = INT64_C(1781481600000), /* 2026-06-15T00:00:00Z */
    .tick_ms = SIM_TICK_MS,
    .plan_every_ms = 30 * MINUTE_MS,
    .history_days = 14,
    .soc_share = 0.5,
};

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

/* ---- setting up ---- */

/* Two site files a process: reading one takes as long as hours of a simulated day. */
static const struct config *load_config(const char *path)
{
    static struct config *known[2];
    struct error error = {""};
    int place = known[0] && strcmp(known[0]->path, path) != 0;
    if (!known[place])
        require(configuration_load(path, &known[place], note, NULL, &error) == 0, &error);
    return known[place];
}

/* The outside so far, as an operator would import it. */
static void import_past(struct sim *sim)
{
    for (int64_t at = sim->now_ms - sim->setup.history_days * (int64_t)DAY_MS; at < sim->now_ms;
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

/* The guard's times belong to a tick of a second; a longer tick stretches them. */
static void scale_times(struct cycle_config *config, const struct sim_setup *setup)
{
    config->plan_every_ms = setup->plan_every_ms;
    config->plan_valid_ms = 4 * setup->plan_every_ms;
    config->meter_gap_ms = MINUTE_MS;
    config->guard.settle_ms = 2 * (int64_t)SIM_TICK_MS;
    if (setup->tick_ms > config->guard.settle_ms)
        config->guard.settle_ms = setup->tick_ms;
    config->guard.refresh_ms = fmax((double)config->guard.refresh_ms, 2.0 * (double)setup->tick_ms);
    config->guard.revert_s = 2.0 * (double)config->guard.refresh_ms / SECOND_MS;
}

static void start_cycle(struct sim *sim)
{
    struct error error = {""};
    struct cycle_config *config = &sim->cycle_config;
    sim->config = load_config(sim->setup.site_path);
    configuration_cycle(sim->config, config);
    for (int s = 0; s < SUBSYSTEMS; s++)
        config->modes[s] = sim->setup.mode;
    scale_times(config, &sim->setup);
    if (sim->setup.adjust)
        sim->setup.adjust(config, sim->setup.context);
    sim->cycle = cycle_create(config, &error);
    require(sim->cycle != NULL, &error);
}

void sim_start(struct sim *sim, const struct sim_setup *setup)
{
    struct error error = {""};
    memset(sim, 0, sizeof *sim);
    sim->setup = *setup;
    start_cycle(sim);
    require(image_init(&sim->live, sim->config->topology, &error) == 0, &error);
    require(image_init(&sim->frozen, sim->config->topology, &error) == 0, &error);
    const struct exogenous_config outside = {
        .seed = setup->seed, .latitude_deg = 37.4, .longitude_deg = -6.0};
    require(exogenous_init(&sim->exogenous, &outside, &error) == 0, &error);
    plant_init(&sim->plant, setup->seed, setup->start_ms, setup->soc_share);
    sim->start_cold_wh = sim->plant.cooling.tank.cold_wh;
    sim->now_ms = setup->start_ms;
    sim->totals.least_soc_pct = 100;
    import_past(sim);
}

bool sim_hears(const struct sim *sim, int32_t device)
{
    return device >= 0 &&
           !faults_silence(&sim->faults, sim->config->topology->devices[device].name, sim->now_ms);
}

/* ---- plant to image ---- */

static double point_value(const struct sim *sim, int32_t point)
{
    const struct topology *topology = sim->config->topology;
    const struct outside *outside = &sim->outside;
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

static void read_device(struct sim *sim, int32_t d)
{
    const struct device *device = &sim->config->topology->devices[d];
    bool hears = sim_hears(sim, d);
    for (int32_t p = device->first_point; p < device->first_point + device->point_count; p++) {
        struct sample sample = {.point = p,
                                .quality = hears ? QUALITY_GOOD : QUALITY_MISSING,
                                .reason = hears ? REASON_FRESH : REASON_TIMEOUT,
                                .source_ms = sim->now_ms,
                                .receive_ms = sim->now_ms};
        sample.value = hears ? point_value(sim, p) : 0;
        image_apply(&sim->live, &sample);
    }
}

static void read_plant(struct sim *sim)
{
    for (int32_t d = 0; d < sim->config->topology->device_count; d++)
        read_device(sim, d);
    image_freeze(&sim->frozen, &sim->live, sim->now_ms);
}

/* ---- decisions to plant ---- */

static bool adds_load(const struct command *command)
{
    return command->verb == VERB_JOB_START || command->verb == VERB_JOB_RESUME;
}

static void write_setpoint(struct sim *sim, const struct command *command)
{
    const struct topology *topology = sim->config->topology;
    const struct point *point = &topology->points[command->point];
    bool hears = sim_hears(sim, point->device);
    struct cycle_event ignored;
    if (hears)
        twin_device_set(&sim->plant, twin_device_find(topology->devices[point->device].name),
                        point->kind, command->value);
    cycle_written(sim->cycle, command->point, command->value,
                  hears ? REASON_WRITE_CONFIRMED : REASON_WRITE_FAILED, sim->now_ms, &ignored);
}

static void apply_decisions(struct sim *sim)
{
    const struct topology *topology = sim->config->topology;
    struct sim_totals *totals = &sim->totals;
    bool metered = sim_hears(sim, topology_next(topology, ROLE_UTILITY, 0));
    for (int i = 0; i < sim->output.decision_count; i++) {
        const struct command *command = &sim->output.decisions[i].command;
        if (!command->apply)
            continue;
        watch_command(sim, command);
        totals->rose_unknown |= !metered && adds_load(command);
        totals->starts += command->verb == VERB_JOB_START;
        totals->suspensions += command->verb == VERB_JOB_SUSPEND;
        totals->levels += command->verb == VERB_JOB_LEVEL;
        if (command->verb == VERB_SETPOINT)
            write_setpoint(sim, command);
        else
            batch_take(&sim->batch, topology, command, sim->now_ms);
    }
}

/* A job's power spreads over the racks of its group, or over all of its feeder. */
static int racks_of(const struct sim *sim, const struct job *job, bool ret_racks[PLANT_RACKS])
{
    const struct topology *topology = sim->config->topology;
    int count = 0;
    memset(ret_racks, 0, PLANT_RACKS * sizeof *ret_racks);
    for (int32_t d = topology_next(topology, ROLE_RACK_PDU, 0); d >= 0;
         d = topology_next(topology, ROLE_RACK_PDU, d + 1)) {
        const struct device *device = &topology->devices[d];
        int twin = twin_device_find(device->name);
        if (twin < 0 || twin_devices[twin].rack < 0 || device->feeder != job->feeder ||
            (device->group >= 0 && device->group != job->group))
            continue;
        ret_racks[twin_devices[twin].rack] = true;
        count++;
    }
    return count;
}

static void rack_power(const struct sim *sim, struct plant_input *input)
{
    for (int j = 0; j < sim->batch.submitted; j++) {
        double draw_w = batch_draw_w(&sim->batch, j);
        bool racks[PLANT_RACKS];
        int count = draw_w > 0 ? racks_of(sim, &sim->batch.jobs[j], racks) : 0;
        for (int r = 0; count > 0 && r < PLANT_RACKS; r++)
            input->rack_job_w[r] += racks[r] ? draw_w / count : 0;
    }
}

/* ---- bookkeeping ---- */

static void note_worst(struct sim *sim)
{
    struct sim_totals *totals = &sim->totals;
    const struct topology *topology = sim->config->topology;
    double limit_w = cycle_snapshot(sim->cycle)->import_limit_w;
    bool over = sim->plant.power_w[FLOW_IMPORT] > limit_w * 1.005;
    sim->over_limit_s = over ? sim->over_limit_s + (double)sim->setup.tick_ms / SECOND_MS : 0;
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

static void note_truth(struct sim *sim)
{
    int64_t since_ms = sim->now_ms - sim->setup.start_ms;
    if (since_ms % QUARTER_MS == 0 && since_ms / QUARTER_MS <= SIM_QUARTERS)
        memcpy(sim->truth_wh[since_ms / QUARTER_MS], sim->plant.energy_wh,
               sizeof sim->plant.energy_wh);
}

static void keep_accounts(struct sim *sim)
{
    for (int a = 0; a < sim->output.account_count; a++) {
        const struct account *account = &sim->output.accounts[a];
        int64_t index = (account->start_ms - sim->setup.start_ms) / QUARTER_MS;
        if (index >= 0 && index < SIM_QUARTERS)
            sim->accounts[index] = *account;
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

/* Counts instead of looking at a clock: the same seed is the same plan. */
static bool patience_left(void *context)
{
    int *left = context;
    return (*left)-- > 0;
}

static void solve(struct sim *sim)
{
    struct error error;
    if (sim->setup.planner_fails) {
        problem_destroy(sim->output.problem);
        sim->solve_failed = true;
        return;
    }
    int patience = sim->setup.plan_patience;
    require(plan_make(sim->output.problem, patience > 0 ? patience_left : NULL, &patience,
                      &sim->solved, &error) == 0,
            &error);
    sim->solved_problem = sim->output.problem;
}

static void tick(struct sim *sim)
{
    faults_provide(&sim->faults, sim->now_ms);
    struct tick_input input = {
        .now_ms = sim->now_ms,
        .image = &sim->frozen,
        .jobs = sim->batch.jobs,
        .job_count = sim->batch.submitted,
        .arrived = sim->solved,
        .arrived_problem = sim->solved_problem,
        .solve_failed = sim->solve_failed,
        .provided = sim->faults.provided,
        .provided_count = sim->faults.provided_count,
        .external_limit_w = faults_grid_limit_w(&sim->faults, sim->now_ms),
    };
    sim->solved = NULL;
    sim->solved_problem = NULL;
    sim->solve_failed = false;
    cycle_tick(sim->cycle, &input, &sim->output);
    apply_decisions(sim);
    keep_accounts(sim);
    if (sim->output.problem)
        solve(sim);
}

static void run_plant(struct sim *sim)
{
    struct plant_input input = {0};
    exogenous_at(&sim->exogenous, sim->now_ms, &sim->outside);
    faults_move_outside(&sim->faults, sim->now_ms, &sim->outside);
    faults_strike_plant(&sim->faults, sim->now_ms, &sim->plant);
    input.outdoor_c = sim->outside.temp_outdoor_c;
    input.irradiance_w_m2 = sim->outside.irradiance_w_m2;
    input.wind_m_s = sim->outside.wind_m_s;
    input.base_it_w = sim->outside.base_it_w;
    rack_power(sim, &input);
    plant_step(&sim->plant, &input, sim->now_ms);
}

void sim_run(struct sim *sim, int64_t until_ms)
{
    while (sim->now_ms < until_ms) {
        sim->now_ms += sim->setup.tick_ms;
        run_plant(sim);
        note_truth(sim);
        watch_plant(sim);
        batch_advance(&sim->batch, sim->now_ms);
        read_plant(sim);
        tick(sim);
        note_worst(sim);
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
}
