/* The full problem from the state of a site, and what the cycle does with a plan that has rack
 * groups, levels, a cold store and a contracted capacity. Plans are made by hand: what is tested is
 * how they are followed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "controller/core/cycle.h"

static const int64_t START_MS = INT64_C(1781481600000); /* 2026-06-15T00:00:00Z */
enum { JOBS = 8, MOST_POINTS = 32 };

#define assert_near(a, b, by) assert_true(fabs((double)(a) - (double)(b)) <= (by))

struct site {
    struct topology *topology;
    struct cycle_config config;
    struct cycle *cycle;
    struct image live, frozen;
    struct tick_output *output;
    struct job jobs[JOBS];
    int job_count;
    struct plan *solved; /* arrives with the next tick */
    struct problem *solved_problem;
    int64_t now_ms, tick_ms;
    double value[MOST_POINTS]; /* by point; NAN: silent */
    int32_t utility, pdu_a1, pdu_b, battery, tank, hall;
};

static int32_t add_device(struct topology *t, const char *name, enum device_role role,
                          const enum point_kind *kinds, int count)
{
    int32_t device = topology_add_device(t, name, role, -1, HOUR_MS, NULL);
    for (int i = 0; i < count; i++) {
        const struct point point = {.kind = kinds[i], .low = -1e12, .high = 1e12};
        assert_true(topology_add_point(t, &point, NULL) >= 0);
    }
    return device;
}

/* Feeder A: groups A1 (metered) and A2 (not), and a PDU for both; feeder B is one group. */
static void build(struct site *site)
{
    static const enum point_kind power[] = {POINT_POWER};
    static const enum point_kind battery[] = {POINT_POWER, POINT_SOC, POINT_POWER_SET};
    static const enum point_kind tank[] = {POINT_SOC, POINT_POWER_COOLING, POINT_POWER_COOLING_SET};
    static const enum point_kind market[] = {POINT_PRICE, POINT_CARBON};
    static const enum point_kind hall[] = {POINT_TEMP_INLET};
    struct topology *t = site->topology = topology_create();
    topology_add_feeder(t, "A", 400e3, NULL);
    topology_add_group(t, "A1", 0, 100e3, NULL);
    topology_add_group(t, "A2", 0, 300e3, NULL);
    topology_add_feeder(t, "B", 200e3, NULL);
    topology_add_accelerators(t, 1, "h100", 64, NULL);
    site->utility = add_device(t, "utility", ROLE_UTILITY, power, 1);
    site->pdu_a1 = add_device(t, "pdu-a1", ROLE_RACK_PDU, power, 1);
    topology_place_device(t, 0);
    int32_t rest = topology_add_device(t, "pdu-a", ROLE_RACK_PDU, 0, HOUR_MS, NULL);
    const struct point point = {.kind = POINT_POWER, .low = -1e12, .high = 1e12};
    topology_add_point(t, &point, NULL);
    assert_int_equal(t->devices[rest].group, -1);
    site->pdu_b = add_device(t, "pdu-b", ROLE_RACK_PDU, power, 1);
    topology_place_device(t, 2);
    site->battery = add_device(t, "battery", ROLE_BATTERY, battery, 3);
    site->tank = add_device(t, "tank", ROLE_NONE, tank, 3);
    site->hall = add_device(t, "hall", ROLE_NONE, hall, 1);
    add_device(t, "market", ROLE_MARKET, market, 2);
}

static void configure(struct site *site)
{
    struct cycle_config *c = &site->config;
    c->topology = site->topology;
    for (int s = 0; s < SUBSYSTEMS; s++)
        c->modes[s] = MODE_CONTROL;
    c->guard = (struct guard_config){.import_limit_w = 1e6,
                                     .import_fail_safe_w = 1e6,
                                     .export_limit_w = 1e6,
                                     .soc_min_pct = 20,
                                     .soc_max_pct = 95,
                                     .battery_charge_max_w = 200e3,
                                     .battery_discharge_max_w = 200e3,
                                     .battery_ramp_w_per_s = 1e6,
                                     .battery_deadband_w = 1e3,
                                     .battery_write_per_hour = 36000,
                                     .inlet_limit_c = 27,
                                     .supply_max_c = 24,
                                     .cooling_write_per_hour = 3600,
                                     .tank_charge_max_w = 300e3,
                                     .tank_discharge_max_w = 300e3,
                                     .tank_deadband_w = 5e3,
                                     .tank_write_per_hour = 3600,
                                     .overhead_ratio_max = 1.5,
                                     .job_min_run_ms = 15 * MINUTE_MS,
                                     .job_min_stop_ms = 5 * MINUTE_MS,
                                     .feeder_limit_w = {400e3, 200e3},
                                     .feeder_count = 2,
                                     .settle_ms = 2000};
    c->battery = (struct problem_battery){.capacity_wh = 1e6,
                                          .soc_min_wh = 0.2e6,
                                          .soc_max_wh = 0.95e6,
                                          .charge_max_w = 200e3,
                                          .discharge_max_w = 200e3,
                                          .charge_efficiency = 0.96,
                                          .discharge_efficiency = 0.96};
    c->cooling = (struct problem_cooling){.chiller_max_w = 800e3,
                                          .tank_capacity_wh = 2e6,
                                          .tank_charge_max_w = 300e3,
                                          .tank_discharge_max_w = 300e3,
                                          .tank_loss_per_h = 0.01};
    c->cooling_model = (struct cooling_model){4.5, 0.024, 8, 16, 20};
    c->heat_ratio = 1.05;
    c->distribution_ratio = 0.08;
    c->prices = (struct problem_prices){.carbon_per_t = 80, .breach_per_mwh = 20000};
    c->overhead_ratio = 0.3;
    c->battery_device = site->battery;
    c->tank_device = site->tank;
    c->inlet_device = site->hall;
    c->chiller_device = -1;
    c->cooling_every_ms = 600000;
    c->plan_every_ms = 5 * MINUTE_MS;
    c->plan_valid_ms = 30 * MINUTE_MS;
    c->forecast_every_ms = QUARTER_MS;
    c->meter_gap_ms = 10 * MINUTE_MS;
    c->grid = (struct problem_grid){2, 12, 24};
    c->pue_category = 2;
}

static double *at(struct site *site, int32_t device, enum point_kind kind)
{
    return &site->value[topology_find_point(site->topology, device, kind)];
}

static void begin(struct site *site)
{
    memset(site, 0, sizeof *site);
    build(site);
    configure(site);
    site->output = calloc(1, sizeof *site->output);
    site->now_ms = START_MS;
    site->tick_ms = 1000;
    *at(site, site->utility, POINT_POWER) = 300e3;
    *at(site, site->pdu_a1, POINT_POWER) = 50e3;
    *at(site, site->pdu_a1 + 1, POINT_POWER) = 120e3;
    *at(site, site->pdu_b, POINT_POWER) = 40e3;
    *at(site, site->battery, POINT_SOC) = 60;
    *at(site, site->tank, POINT_SOC) = 25;
    *at(site, site->hall, POINT_TEMP_INLET) = 22;
}

static void open(struct site *site)
{
    struct error error;
    site->cycle = cycle_create(&site->config, &error);
    assert_non_null(site->cycle);
    assert_int_equal(image_init(&site->live, site->topology, &error), 0);
    assert_int_equal(image_init(&site->frozen, site->topology, &error), 0);
}

static void close_site(struct site *site)
{
    cycle_destroy(site->cycle);
    image_finish(&site->live);
    image_finish(&site->frozen);
    topology_destroy(site->topology);
    free(site->output);
}

/* What was decided for set-points is what the devices hold. */
static void obey(struct site *site)
{
    for (int i = 0; i < site->output->decision_count; i++) {
        const struct command *command = &site->output->decisions[i].command;
        if (command->verb == VERB_SETPOINT && command->apply)
            site->value[command->point] = command->value;
    }
}

/* The problem that the tick asks to be solved, or NULL; the caller's. */
static struct problem *tick(struct site *site)
{
    site->now_ms += site->tick_ms;
    for (int32_t p = 0; p < site->topology->point_count; p++) {
        bool known = !isnan(site->value[p]);
        const struct sample sample = {p,
                                      known ? QUALITY_GOOD : QUALITY_MISSING,
                                      known ? REASON_FRESH : REASON_TIMEOUT,
                                      site->value[p],
                                      site->now_ms,
                                      site->now_ms};
        image_apply(&site->live, &sample);
    }
    image_freeze(&site->frozen, &site->live, site->now_ms);
    const struct tick_input input = {.now_ms = site->now_ms,
                                     .image = &site->frozen,
                                     .jobs = site->jobs,
                                     .job_count = site->job_count,
                                     .arrived = site->solved,
                                     .arrived_problem = site->solved_problem,
                                     .external_limit_w = (double)INFINITY};
    site->solved = NULL;
    site->solved_problem = NULL;
    cycle_tick(site->cycle, &input, site->output);
    obey(site);
    return site->output->problem;
}

static struct job *add_job(struct site *site, enum job_state state, int32_t group)
{
    struct job *job = &site->jobs[site->job_count++];
    *job = (struct job){.id = site->job_count,
                        .job_class = JOB_DEFERRABLE,
                        .state = state,
                        .power_w = 20e3,
                        .levels = {{20e3, 1, 8}, {14e3, 0.85, 8}},
                        .level_count = 2,
                        .accelerator_classes = 1,
                        .work_ms = 4 * (int64_t)HOUR_MS,
                        .restart_ms = 2 * MINUTE_MS,
                        .release_ms = START_MS,
                        .deadline_ms = START_MS + 20 * (int64_t)HOUR_MS,
                        .can_suspend = true,
                        .group = group,
                        .feeder = group < 0 ? -1 : site->topology->groups[group].feeder,
                        .started_ms = group < 0 ? 0 : START_MS - HOUR_MS,
                        .state_ms = START_MS - HOUR_MS,
                        .updated_ms = START_MS - HOUR_MS};
    return job;
}

static const struct command *applied(const struct site *site, enum verb verb)
{
    for (int i = 0; i < site->output->decision_count; i++)
        if (site->output->decisions[i].command.verb == verb &&
            site->output->decisions[i].command.apply)
            return &site->output->decisions[i].command;
    return NULL;
}

/* ---- the problem ---- */

static void groups_carry_their_base_load(void **state)
{
    (void)state;
    struct site site;
    begin(&site);
    add_job(&site, JOB_RUNNING, 0);            /* 20 kW of A1's 50 kW */
    add_job(&site, JOB_RUNNING, 1)->level = 1; /* 14 kW of what A2 draws */
    site.jobs[1].level_asked = 1;
    open(&site);
    struct problem *problem = tick(&site);
    assert_non_null(problem);
    const struct problem_site *s = &problem->sites[0];
    assert_int_equal(s->group_count, 3);
    assert_int_equal(s->groups[1].feeder, 0);
    assert_true(s->groups[0].limit_w == 100e3 && s->feeders[1].limit_w == 200e3);
    assert_int_equal(s->groups[1].accelerators[0], 64);
    assert_near(s->slots[0].base_it_w[0], 30e3, 1);
    assert_near(s->slots[0].base_it_w[1], 120e3 - 14e3, 1); /* feeder less A1 less its job */
    assert_near(s->slots[0].base_it_w[2], 40e3, 1);
    assert_near(s->net_now_w, 300e3, 1);
    for (int g = 0; g < 3; g++)
        assert_true(s->slots[0].base_it_high_w[g] >= s->slots[0].base_it_w[g]);
    problem_destroy(problem);
    close_site(&site);
}

/* A PDU that is not read makes its feeder full, as far as that carries, and no other. */
static void an_unknown_feeder_is_full(void **state)
{
    (void)state;
    struct site site;
    begin(&site);
    *at(&site, site.pdu_a1, POINT_POWER) = NAN;
    site.config.plan_every_ms = 1; /* do not wait for the meters */
    open(&site);
    struct problem *problem = tick(&site);
    for (int i = 0; !problem && i < 3; i++)
        problem = tick(&site);
    assert_non_null(problem);
    const struct problem_slot *slot = &problem->sites[0].slots[0];
    assert_near(slot->base_it_w[0] + slot->base_it_w[1], 400e3, 1);
    assert_near(slot->base_it_w[2], 40e3, 1);
    problem_destroy(problem);
    close_site(&site);
}

static void jobs_bring_levels_restarts_and_holds(void **state)
{
    (void)state;
    struct site site;
    begin(&site);
    add_job(&site, JOB_RUNNING, 0)->state_ms = START_MS - MINUTE_MS;
    add_job(&site, JOB_SUSPENDED, 1)->state_ms = START_MS - MINUTE_MS;
    add_job(&site, JOB_QUEUED, -1);
    site.jobs[0].level = site.jobs[0].level_asked = 1;
    site.jobs[1].ran_ms = HOUR_MS;
    open(&site);
    struct problem *problem = tick(&site);
    assert_non_null(problem);
    const struct problem_job *runs = &problem->jobs[0], *rests = &problem->jobs[1];
    assert_int_equal(runs->level_count, 2);
    assert_true(runs->levels[1].power_w == 14e3 && runs->levels[1].speed == 0.85);
    assert_int_equal(runs->levels[1].accelerators, 8);
    assert_int_equal(runs->accelerator_classes, 1);
    assert_int_equal(runs->level, 1);
    assert_int_equal(runs->group, 0);
    assert_int_equal(runs->hold_until_ms, START_MS + 14 * MINUTE_MS);
    assert_int_equal(runs->restart_ms, 2 * MINUTE_MS);
    assert_true(rests->suspended);
    assert_int_equal(rests->group, 1);
    assert_int_equal(rests->release_ms, START_MS + 4 * MINUTE_MS); /* it rests five minutes */
    assert_int_equal(rests->remaining_ms, 3 * (int64_t)HOUR_MS); /* the restart is the planner's */
    assert_int_equal(rests->hold_until_ms, 0);
    assert_int_equal(problem->jobs[2].group, -1);
    problem_destroy(problem);
    close_site(&site);
}

/* It still has its accelerators and its power, so the plan sees it go on for a little. */
static void a_job_that_outruns_its_estimate_keeps_its_place(void **state)
{
    (void)state;
    struct site site;
    begin(&site);
    struct job *job = add_job(&site, JOB_RUNNING, 1);
    job->work_ms = HOUR_MS / 2;
    open(&site);
    struct problem *problem = tick(&site);
    assert_non_null(problem);
    assert_int_equal(problem->job_count, 1);
    assert_true(problem->jobs[0].running);
    assert_int_equal(problem->jobs[0].group, 1);
    assert_int_equal(problem->jobs[0].level, 0);
    assert_int_equal(problem->jobs[0].remaining_ms, 5 * MINUTE_MS);
    problem_destroy(problem);
    close_site(&site);
}

static void cooling_and_tank_are_modelled_where_configured(void **state)
{
    (void)state;
    struct site site;
    begin(&site);
    site.config.threshold_w = 250e3;
    site.config.ramp_w_per_min = 50e3;
    open(&site);
    struct problem *problem = tick(&site);
    assert_non_null(problem);
    const struct problem_site *s = &problem->sites[0];
    assert_true(s->slots[0].overhead_ratio == 0.08 && s->slots[0].heat_ratio == 1.05);
    assert_near(s->slots[0].cop, 4.5 * exp(-0.24), 1e-6); /* an unknown outdoors is warm */
    assert_true(s->slots[0].free_cooling_w == 0);
    assert_near(s->cooling.tank_wh, 0.5e6, 1);
    assert_true(s->peak_so_far_w == 249e3); /* less what corrections leave undone */
    assert_true(s->ramp_w_per_min == 50e3);
    problem_destroy(problem);
    close_site(&site);

    begin(&site);
    site.config.cooling.chiller_max_w = 0;
    open(&site);
    problem = tick(&site);
    assert_non_null(problem);
    assert_near(problem->sites[0].slots[0].overhead_ratio, 0.3, 0.1);
    assert_true(problem->sites[0].slots[0].cop == 0);
    assert_true(problem->sites[0].cooling.tank_capacity_wh == 0);
    problem_destroy(problem);
    close_site(&site);
}

/* Sun that came otherwise than forecast on past days is what the scenarios are made of. */
static void scenarios_carry_the_sun_and_expected_prices(void **state)
{
    (void)state;
    struct site site;
    begin(&site);
    site.config.scenarios = 6;
    open(&site);
    for (int64_t step = -20 * 96; step < 0; step++) {
        double sun = sin((double)(step % 96 + 96) / 96 * 2 * 3.14159265) * 100e3;
        double weather = step / 96 % 3 == 0 ? 0.3 : 1;
        cycle_resume_history(site.cycle, SERIES_PV, START_MS + step * QUARTER_MS,
                             fmax(sun, 0) * weather);
    }
    struct problem *problem = tick(&site);
    assert_non_null(problem);
    assert_true(problem->scenario_count > 1 && problem->scenario_count <= 6);
    double weight = 0, spread_w = 0;
    for (int i = 0; i < problem->scenario_count; i++) {
        const struct problem_outlook *outlook = problem->scenarios[i].outlook[0];
        weight += problem->scenarios[i].weight;
        for (int s = 0; s < problem->slot_count; s++) {
            const struct problem_slot *slot = &problem->sites[0].slots[s];
            assert_true(outlook[s].pv_w >= 0);
            assert_true(outlook[s].price_import_per_mwh == slot->price_import_per_mwh);
            spread_w = fmax(spread_w, fabs(outlook[s].pv_w - slot->pv_w));
        }
    }
    assert_near(weight, 1, 1e-9);
    assert_true(spread_w > 1e3);
    problem_destroy(problem);
    close_site(&site);
}

/* ---- following a plan ---- */

/* One slot of an hour, one job that runs all of it. */
static struct plan *make_plan(const struct site *site, int32_t level, int32_t group)
{
    struct plan *plan = calloc(1, sizeof *plan);
    *plan = (struct plan){.id = 1,
                          .issue_ms = site->now_ms,
                          .expires_ms = site->now_ms + HOUR_MS,
                          .status = PLAN_COMPLETE,
                          .site_count = 1,
                          .slot_count = 1,
                          .job_count = 1};
    plan->sites[0].frame = calloc(1, sizeof *plan->sites[0].frame);
    plan->sites[0].slots = calloc(1, sizeof *plan->sites[0].slots);
    plan->jobs = calloc(1, sizeof *plan->jobs);
    plan->sites[0].frame[0] = (struct problem_slot){.start_ms = site->now_ms, .length_ms = HOUR_MS};
    plan->sites[0].slots[0] =
        (struct plan_slot){.battery_reason = REASON_ARBITRAGE, .tank_reason = REASON_ARBITRAGE};
    plan->jobs[0] = (struct plan_job){.id = 1,
                                      .group = group,
                                      .run_count = 1,
                                      .runs = {{site->now_ms, site->now_ms + HOUR_MS, level}},
                                      .reason = REASON_PLANNED};
    return plan;
}

static void a_job_starts_in_its_group_at_its_level(void **state)
{
    (void)state;
    struct site site;
    begin(&site);
    add_job(&site, JOB_QUEUED, -1);
    open(&site);
    cycle_resume_plan(site.cycle, make_plan(&site, 1, 1));
    problem_destroy(tick(&site));
    const struct command *start = applied(&site, VERB_JOB_START);
    assert_non_null(start);
    assert_int_equal(start->group, 1);
    assert_int_equal(start->feeder, 0);
    assert_int_equal(start->level, 1);
    close_site(&site);
}

static void a_running_job_is_brought_to_its_level(void **state)
{
    (void)state;
    struct site site;
    begin(&site);
    struct job *job = add_job(&site, JOB_RUNNING, 0);
    open(&site);
    cycle_resume_plan(site.cycle, make_plan(&site, 1, 0));
    problem_destroy(tick(&site));
    const struct command *level = applied(&site, VERB_JOB_LEVEL);
    assert_non_null(level);
    assert_int_equal(level->job_id, 1);
    assert_int_equal(level->level, 1);
    job->level_asked = 1; /* under way: not asked again */
    job->level_ms = site.now_ms;
    problem_destroy(tick(&site));
    assert_null(applied(&site, VERB_JOB_LEVEL));
    job->level = 1;
    problem_destroy(tick(&site));
    assert_null(applied(&site, VERB_JOB_LEVEL));
    job->level = job->level_asked = 0; /* it failed: not at once again */
    problem_destroy(tick(&site));
    assert_null(applied(&site, VERB_JOB_LEVEL));
    close_site(&site);
}

static void a_crossed_group_caps_a_job(void **state)
{
    (void)state;
    struct site site;
    begin(&site);
    add_job(&site, JOB_RUNNING, 0);
    *at(&site, site.pdu_a1, POINT_POWER) = 105e3;
    open(&site);
    problem_destroy(tick(&site));
    const struct command *level = applied(&site, VERB_JOB_LEVEL);
    assert_non_null(level);
    assert_int_equal(level->reason, REASON_SHED);
    bool told = false;
    for (int i = 0; i < site.output->event_count; i++)
        told |= strcmp(site.output->events[i].subject, "group A1") == 0;
    assert_true(told);
    close_site(&site);
}

static void the_tank_follows_the_plan(void **state)
{
    (void)state;
    struct site site;
    begin(&site);
    open(&site);
    struct plan *plan = make_plan(&site, 0, 0);
    plan->sites[0].slots[0].tank_charge_w = 120e3;
    cycle_resume_plan(site.cycle, plan);
    problem_destroy(tick(&site));
    assert_near(*at(&site, site.tank, POINT_POWER_COOLING_SET), -120e3, 1);
    *at(&site, site.hall, POINT_TEMP_INLET) = 28; /* the racks need the cold themselves */
    problem_destroy(tick(&site));
    assert_true(*at(&site, site.tank, POINT_POWER_COOLING_SET) == 0);
    struct decision released[CYCLE_RELEASES];
    *at(&site, site.hall, POINT_TEMP_INLET) = 22;
    problem_destroy(tick(&site));
    assert_int_equal(cycle_release(site.cycle, SUBSYSTEM_COOLING, REASON_SHUTDOWN, "test",
                                   site.now_ms, released),
                     1);
    assert_true(released[0].command.value == 0);
    close_site(&site);
}

/* Between two plans a new job finds a place in the one in force. */
static void arrive(bool on_arrival)
{
    struct site site;
    begin(&site);
    site.config.plan_on_arrival = on_arrival;
    site.config.plan_every_ms = site.config.plan_valid_ms = 6 * (int64_t)HOUR_MS;
    open(&site);
    site.solved_problem = tick(&site);
    assert_non_null(site.solved_problem);
    assert_int_equal(plan_make(site.solved_problem, NULL, NULL, &site.solved, NULL), 0);
    problem_destroy(tick(&site));
    assert_non_null(cycle_plan(site.cycle));
    int64_t plan_id = cycle_plan(site.cycle)->id;
    struct job *job = add_job(&site, JOB_QUEUED, -1);
    job->job_class = JOB_GUARANTEED;
    job->state_ms = site.now_ms;
    struct problem *problem = tick(&site);
    assert_int_equal(problem != NULL, on_arrival);
    problem_destroy(problem);
    const struct command *start = applied(&site, VERB_JOB_START);
    assert_non_null(start);
    assert_int_equal(start->group, 1); /* where the accelerators are */
    assert_int_equal(cycle_plan(site.cycle)->id, plan_id);
    assert_ptr_equal(site.output->extended, cycle_plan(site.cycle));
    assert_int_equal(site.output->extended_from, 0);
    const struct plan_job *planned = plan_find_job(cycle_plan(site.cycle), 1, NULL);
    assert_non_null(planned);
    assert_non_null(plan_run_at(planned, site.now_ms));
    problem = tick(&site);
    assert_null(problem); /* it is asked for once */
    assert_null(site.output->extended);
    close_site(&site);
}

static void a_new_job_finds_a_place_at_once(void **state)
{
    (void)state;
    arrive(true);
    arrive(false);
}

/* It comes while the plan is solved: the plan has it when it is told, and it is not told again. */
static void a_plan_comes_with_the_jobs_it_took_in(void **state)
{
    (void)state;
    struct site site;
    begin(&site);
    open(&site);
    site.solved_problem = tick(&site);
    assert_non_null(site.solved_problem);
    assert_int_equal(plan_make(site.solved_problem, NULL, NULL, &site.solved, NULL), 0);
    add_job(&site, JOB_QUEUED, -1)->job_class = JOB_GUARANTEED;
    problem_destroy(tick(&site));
    assert_ptr_equal(site.output->adopted, cycle_plan(site.cycle));
    assert_non_null(plan_find_job(site.output->adopted, 1, NULL));
    assert_null(site.output->extended);
    close_site(&site);
}

/* The plan aims half an hour before the deadline, which the restart makes impossible; late is only
 * what misses the deadline itself. */
static bool is_late(int64_t spare_ms, bool admitted)
{
    struct site site;
    begin(&site);
    site.config.deadline_margin_ms = 30 * MINUTE_MS;
    site.config.plan_valid_ms = 6 * (int64_t)HOUR_MS;
    open(&site);
    struct job *job = add_job(&site, JOB_SUSPENDED, 1);
    job->job_class = JOB_GUARANTEED;
    job->deadline_ms = START_MS + job->work_ms + job->restart_ms + spare_ms;
    site.job_count = admitted ? 0 : 1;
    site.solved_problem = tick(&site);
    assert_non_null(site.solved_problem);
    assert_int_equal(plan_make(site.solved_problem, NULL, NULL, &site.solved, NULL), 0);
    assert_true(admitted || site.solved->jobs[0].late); /* for what it aims at */
    site.job_count = 1;
    problem_destroy(tick(&site));
    const struct plan *plan = cycle_plan(site.cycle);
    const struct plan_job *planned = plan_find_job(plan, 1, NULL);
    assert_non_null(planned);
    assert_int_equal(plan->late_jobs, planned->late);
    bool late = planned->late;
    close_site(&site);
    return late;
}

static void late_is_what_ends_after_its_deadline(void **state)
{
    (void)state;
    for (int admitted = 0; admitted < 2; admitted++) {
        assert_false(is_late(10 * MINUTE_MS, admitted));
        assert_true(is_late(-MINUTE_MS, admitted));
    }
}

/* ---- contracted capacity ---- */

/* Nothing is metered yet: the planner counts on the capacity, or on no peak at all. */
static void the_peak_so_far_is_a_number_for_the_planner(void **state)
{
    (void)state;
    for (double threshold_w = 0; threshold_w <= 250e3; threshold_w += 250e3) {
        struct site site;
        begin(&site);
        site.config.threshold_w = threshold_w;
        open(&site);
        struct problem *problem = tick(&site);
        assert_non_null(problem);
        assert_true(problem->sites[0].peak_so_far_w == fmax(threshold_w - 1e3, 0));
        assert_true(isnan(cycle_snapshot(site.cycle)->peak_import_w));
        problem_destroy(problem);
        close_site(&site);
    }
}

/* A battery that does what it is told; `load_w` is what the site draws without it. */
static void step_battery(struct site *site, double load_w)
{
    double *power_w = at(site, site->battery, POINT_POWER);
    double *soc_pct = at(site, site->battery, POINT_SOC);
    double h = (double)site->tick_ms / HOUR_MS;
    *power_w = *at(site, site->battery, POINT_POWER_SET);
    double stored_wh = *power_w > 0 ? *power_w / 0.96 * h : *power_w * 0.96 * h;
    *soc_pct -= stored_wh / 1e6 * 100;
    *at(site, site->utility, POINT_POWER) = load_w - *power_w;
}

/* Load above the capacity: the battery carries the difference for exactly as long as its energy
 * above the reserve lasts, with and without a plan. */
static void shave(bool planned)
{
    static const double LOAD_W = 300e3, CAPACITY_W = 250e3, DEADBAND_W = 1e3;
    struct site site;
    begin(&site);
    site.config.threshold_w = CAPACITY_W;
    site.config.plan_valid_ms = site.config.plan_every_ms = 2 * DAY_MS;
    site.tick_ms = 10000;
    open(&site);
    if (planned) {
        struct plan *plan = make_plan(&site, 0, 0);
        plan->expires_ms = site.now_ms + DAY_MS;
        plan->sites[0].frame[0].length_ms = DAY_MS;
        plan->sites[0].slots[0].import_w = 200e3; /* it expected less load */
        plan->sites[0].slots[0].charge_w = 20e3;  /* and would charge */
        cycle_resume_plan(site.cycle, plan);
    }
    double held_h = 0;
    for (int i = 0; i < 8 * 360 + 200; i++) {
        step_battery(&site, LOAD_W);
        problem_destroy(tick(&site));
        assert_true(*at(&site, site.battery, POINT_SOC) >= 20 - 0.02);
        if (i >= 2 && *at(&site, site.utility, POINT_POWER) <= CAPACITY_W)
            held_h += 10.0 / 3600;
    }
    double lasts_h = 0.4e6 * 0.96 / (LOAD_W - CAPACITY_W + DEADBAND_W);
    assert_near(held_h, lasts_h, 0.05);
    assert_true(*at(&site, site.utility, POINT_POWER) > CAPACITY_W); /* the reserve stays */
    close_site(&site);
}

static void capacity_is_held_as_long_as_the_energy_lasts(void **state)
{
    (void)state;
    shave(true);
    shave(false);
}

/* What the plan wants to charge is taken only under the capacity. */
static void recharge(double planned_import_w)
{
    struct site site;
    begin(&site);
    site.config.threshold_w = 250e3;
    open(&site);
    struct plan *plan = make_plan(&site, 0, 0);
    plan->sites[0].slots[0].charge_w = 150e3;
    plan->sites[0].slots[0].import_w = planned_import_w; /* with less load than comes */
    cycle_resume_plan(site.cycle, plan);
    for (int i = 0; i < 30; i++) {
        step_battery(&site, 180e3);
        problem_destroy(tick(&site));
    }
    assert_near(*at(&site, site.battery, POINT_POWER_SET), -69e3, 0.9e3);
    assert_true(*at(&site, site.utility, POINT_POWER) <= 250e3);
    assert_true(cycle_snapshot(site.cycle)->threshold_w == 250e3);
    close_site(&site);
}

static void recharging_stays_under_the_capacity(void **state)
{
    (void)state;
    recharge(200e3);
    recharge(250e3); /* up to it is not above it */
}

/* A slot in which the plan finds the energy wanting is followed, not drained for. */
static void a_planned_excess_is_followed(void **state)
{
    (void)state;
    struct site site;
    begin(&site);
    site.config.threshold_w = 250e3;
    open(&site);
    struct plan *plan = make_plan(&site, 0, 0);
    plan->sites[0].slots[0].import_w = 280e3;
    cycle_resume_plan(site.cycle, plan);
    for (int i = 0; i < 30; i++) {
        step_battery(&site, 300e3);
        problem_destroy(tick(&site));
    }
    assert_near(*at(&site, site.battery, POINT_POWER_SET), 20e3, 2e3);
    close_site(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_carry_their_base_load),
        cmocka_unit_test(an_unknown_feeder_is_full),
        cmocka_unit_test(jobs_bring_levels_restarts_and_holds),
        cmocka_unit_test(a_job_that_outruns_its_estimate_keeps_its_place),
        cmocka_unit_test(cooling_and_tank_are_modelled_where_configured),
        cmocka_unit_test(scenarios_carry_the_sun_and_expected_prices),
        cmocka_unit_test(a_job_starts_in_its_group_at_its_level),
        cmocka_unit_test(a_running_job_is_brought_to_its_level),
        cmocka_unit_test(a_crossed_group_caps_a_job),
        cmocka_unit_test(the_tank_follows_the_plan),
        cmocka_unit_test(a_new_job_finds_a_place_at_once),
        cmocka_unit_test(a_plan_comes_with_the_jobs_it_took_in),
        cmocka_unit_test(late_is_what_ends_after_its_deadline),
        cmocka_unit_test(the_peak_so_far_is_a_number_for_the_planner),
        cmocka_unit_test(capacity_is_held_as_long_as_the_energy_lasts),
        cmocka_unit_test(recharging_stays_under_the_capacity),
        cmocka_unit_test(a_planned_excess_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
