/* The cycle by itself, on a small site made by hand: modes, decisions, accounts, restart. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "controller/core/cycle.h"

static const int64_t START_MS = INT64_C(1781481600000); /* 2026-06-15T00:00:00Z */
enum { TICK_MS = 10000, JOBS = 32 };

struct site {
    struct topology *topology;
    struct cycle_config config;
    struct cycle *cycle;
    struct image live, frozen;
    struct tick_output *output;
    struct job jobs[JOBS];
    int job_count;
    struct plan *solved;
    struct problem *solved_problem;
    int64_t now_ms;
    double import_wh, it_wh; /* counters */
    double import_w, it_w, soc_pct, set_w, revert_s;
    bool utility_silent, pdu_silent;
    int plans, rejected, expired;
};

static int32_t add_device(struct topology *t, const char *name, enum device_role role,
                          int32_t feeder, const enum point_kind *kinds, int count)
{
    int32_t device = topology_add_device(t, name, role, feeder, 60000, NULL);
    for (int i = 0; i < count; i++) {
        const struct point point = {device, kinds[i], -1e12, 1e12, 0};
        assert_true(topology_add_point(t, &point, NULL) >= 0);
    }
    return device;
}

static void build_topology(struct site *site, bool with_pdu)
{
    static const enum point_kind meter[] = {POINT_POWER, POINT_ENERGY_IMPORT};
    static const enum point_kind battery[] = {POINT_POWER,         POINT_SOC,
                                              POINT_ENERGY_IMPORT, POINT_ENERGY_EXPORT,
                                              POINT_POWER_SET,     POINT_POWER_SET_REVERT};
    static const enum point_kind market[] = {POINT_PRICE, POINT_CARBON};
    struct topology *t = site->topology = topology_create();
    topology_add_feeder(t, "A", 400e3, NULL);
    add_device(t, "utility", ROLE_UTILITY, -1, meter, 2);
    if (with_pdu)
        add_device(t, "pdu", ROLE_RACK_PDU, 0, meter, 2);
    site->config.battery_device = add_device(t, "battery", ROLE_BATTERY, -1, battery, 6);
    add_device(t, "market", ROLE_MARKET, -1, market, 2);
}

static void configure(struct site *site, enum mode mode)
{
    struct cycle_config *c = &site->config;
    c->topology = site->topology;
    for (int s = 0; s < SUBSYSTEMS; s++)
        c->modes[s] = mode;
    c->guard = (struct guard_config){.import_limit_w = 1e6,
                                     .import_fail_safe_w = 500e3,
                                     .export_limit_w = 1e6,
                                     .soc_min_pct = 20,
                                     .soc_max_pct = 95,
                                     .battery_charge_max_w = 200e3,
                                     .battery_discharge_max_w = 200e3,
                                     .battery_ramp_w_per_s = 1e6,
                                     .battery_deadband_w = 1e3,
                                     .battery_write_per_hour = 3600,
                                     .inlet_limit_c = 27,
                                     .supply_min_c = 14,
                                     .supply_max_c = 24,
                                     .supply_fail_safe_c = 16,
                                     .overhead_ratio_max = 1.5,
                                     .feeder_count = 1,
                                     .settle_ms = 20000,
                                     .refresh_ms = 60000};
    c->guard.feeder_limit_w[0] = 400e3;
    c->battery = (struct problem_battery){.capacity_wh = 1e6,
                                          .soc_min_wh = 0.2e6,
                                          .soc_max_wh = 0.95e6,
                                          .charge_max_w = 200e3,
                                          .discharge_max_w = 200e3,
                                          .charge_efficiency = 0.96,
                                          .discharge_efficiency = 0.96,
                                          .wear_per_mwh = 10};
    c->prices = (struct problem_prices){.carbon_per_t = 80,
                                        .lateness_per_mwh = {5000, 5000, 1000, 300},
                                        .unserved_per_mwh = {9000, 9000, 4000, 600},
                                        .delay_per_mwh_h = 1,
                                        .churn = 0.2,
                                        .breach_per_mwh = 20000};
    c->overhead_ratio = 0.2;
    c->chiller_device = c->inlet_device = c->tank_device = -1;
    c->guard.revert_s = 120;
    c->cooling_every_ms = 600000;
    c->plan_every_ms = 5 * MINUTE_MS;
    c->plan_valid_ms = 30 * MINUTE_MS;
    c->forecast_every_ms = QUARTER_MS;
    c->meter_gap_ms = MINUTE_MS;
    c->grid = (struct problem_grid){2, 12, 24};
    c->pue_category = 2;
}

static void open_site(struct site *site, enum mode mode, bool with_pdu)
{
    memset(site, 0, sizeof *site);
    build_topology(site, with_pdu);
    configure(site, mode);
    struct error error;
    site->cycle = cycle_create(&site->config, &error);
    assert_non_null(site->cycle);
    assert_int_equal(image_init(&site->live, site->topology, &error), 0);
    assert_int_equal(image_init(&site->frozen, site->topology, &error), 0);
    site->output = calloc(1, sizeof *site->output);
    site->now_ms = START_MS;
    site->import_w = 240e3;
    site->it_w = 200e3;
    site->soc_pct = 60;
    site->revert_s = 120;
}

static void close_site(struct site *site)
{
    cycle_destroy(site->cycle);
    plan_destroy(site->solved);
    problem_destroy(site->solved_problem);
    image_finish(&site->live);
    image_finish(&site->frozen);
    topology_destroy(site->topology);
    free(site->output);
}

static double value_of(const struct site *site, int32_t p)
{
    const struct point *point = &site->topology->points[p];
    enum device_role role = site->topology->devices[point->device].role;
    switch ((int)point->kind) {
    case POINT_POWER:
        return role == ROLE_UTILITY ? site->import_w : role == ROLE_RACK_PDU ? site->it_w : 0;
    case POINT_ENERGY_IMPORT:
        return role == ROLE_UTILITY ? site->import_wh : role == ROLE_RACK_PDU ? site->it_wh : 0;
    case POINT_SOC:
        return site->soc_pct;
    case POINT_POWER_SET:
        return site->set_w;
    case POINT_POWER_SET_REVERT:
        return site->revert_s;
    case POINT_PRICE: /* dear for two hours, then cheap */
        return site->now_ms < START_MS + 2 * (int64_t)HOUR_MS ? 200 : 20;
    case POINT_CARBON:
        return 300;
    default:
        return 0;
    }
}

static void read_site(struct site *site)
{
    for (int32_t p = 0; p < site->topology->point_count; p++) {
        enum device_role role = site->topology->devices[site->topology->points[p].device].role;
        bool silent = (site->utility_silent && role == ROLE_UTILITY) ||
                      (site->pdu_silent && role == ROLE_RACK_PDU);
        const struct sample sample = {p,
                                      silent ? QUALITY_MISSING : QUALITY_GOOD,
                                      silent ? REASON_TIMEOUT : REASON_FRESH,
                                      value_of(site, p),
                                      site->now_ms,
                                      site->now_ms};
        image_apply(&site->live, &sample);
    }
    image_freeze(&site->frozen, &site->live, site->now_ms);
}

static void count_events(struct site *site)
{
    for (int e = 0; e < site->output->event_count; e++) {
        site->plans += site->output->events[e].kind == EVENT_PLAN_ADOPTED;
        site->rejected += site->output->events[e].kind == EVENT_PLAN_REJECTED;
        site->expired += site->output->events[e].kind == EVENT_PLAN_EXPIRED;
    }
}

/* One tick; `solve`: problems are solved in line and arrive in the next tick. */
static void tick(struct site *site, bool solve)
{
    site->now_ms += TICK_MS;
    site->import_wh += site->import_w * TICK_MS / HOUR_MS;
    site->it_wh += site->it_w * TICK_MS / HOUR_MS;
    read_site(site);
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
    count_events(site);
    struct problem *problem = site->output->problem;
    if (problem && solve && plan_make(problem, NULL, NULL, &site->solved, NULL) == 0)
        site->solved_problem = problem;
    else if (problem)
        problem_destroy(problem);
}

static void add_job(struct site *site, double power_w, enum job_class job_class)
{
    struct job *job = &site->jobs[site->job_count++];
    *job = (struct job){.id = site->job_count,
                        .job_class = job_class,
                        .power_w = power_w,
                        .work_ms = HOUR_MS,
                        .release_ms = START_MS,
                        .deadline_ms = START_MS + 20 * (int64_t)HOUR_MS,
                        .can_suspend = true,
                        .group = -1,
                        .feeder = -1,
                        .submitted_ms = START_MS,
                        .state_ms = START_MS};
}

static int count_verb(const struct site *site, enum verb verb, bool applied)
{
    int count = 0;
    for (int i = 0; i < site->output->decision_count; i++) {
        const struct command *command = &site->output->decisions[i].command;
        count += command->verb == verb && command->apply == applied;
    }
    return count;
}

/* ---- modes ---- */

static void control_starts_what_is_due(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_CONTROL, true);
    add_job(&site, 20e3, JOB_GUARANTEED);
    int starts = 0;
    for (int i = 0; i < 4; i++) {
        tick(&site, true);
        starts += count_verb(&site, VERB_JOB_START, true);
    }
    assert_true(starts > 0);
    assert_true(site.plans > 0);
    close_site(&site);
}

static void advice_is_recorded_once_and_not_applied(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_ADVISE, true);
    add_job(&site, 20e3, JOB_GUARANTEED);
    int advised = 0;
    for (int i = 0; i < 20; i++) {
        tick(&site, true);
        assert_int_equal(count_verb(&site, VERB_JOB_START, true), 0);
        assert_int_equal(count_verb(&site, VERB_SETPOINT, true), 0);
        advised += count_verb(&site, VERB_JOB_START, false);
    }
    assert_true(advised == 1 || advised == 2); /* by the fallback, then by the first plan */
    close_site(&site);
}

static void observing_records_nothing(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_OBSERVE, true);
    add_job(&site, 20e3, JOB_GUARANTEED);
    for (int i = 0; i < 20; i++) {
        tick(&site, true);
        assert_int_equal(site.output->decision_count, 0);
    }
    close_site(&site);
}

/* A changed advice under the same reason is news: judging advice is what the mode is for. */
static void changed_advice_is_recorded(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_ADVISE, true);
    int advised = 0;
    for (int i = 0; i < 60; i++) {
        site.import_w = i < 30 ? -60e3 : -120e3; /* surplus that wants charging */
        tick(&site, true);
        advised += count_verb(&site, VERB_SETPOINT, false);
    }
    assert_true(advised >= 2);
    close_site(&site);
}

static void few_jobs_start_in_one_tick(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_CONTROL, true);
    for (int j = 0; j < 20; j++)
        add_job(&site, 1e3, JOB_GUARANTEED);
    int most = 0;
    for (int i = 0; i < 4; i++) {
        tick(&site, true);
        int starts = count_verb(&site, VERB_JOB_START, true);
        most = starts > most ? starts : most;
    }
    assert_int_equal(most, LIMIT_STARTS);
    close_site(&site);
}

/* Starts that the guard withholds must not keep back one that fits. */
static void withheld_starts_keep_nobody_back(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_CONTROL, true);
    cycle_destroy(site.cycle);
    site.config.guard.import_limit_w = 250e3;
    site.config.guard.import_fail_safe_w = 250e3;
    site.cycle = cycle_create(&site.config, NULL);
    for (int j = 0; j <= LIMIT_STARTS; j++)
        add_job(&site, 20e3, JOB_GUARANTEED);
    add_job(&site, 5e3, JOB_GUARANTEED);
    tick(&site, false); /* no plan: the fallback asks for all of them */
    assert_int_equal(count_verb(&site, VERB_JOB_START, true), 1);
    assert_int_equal(count_verb(&site, VERB_JOB_START, false), LIMIT_STARTS + 1);
    close_site(&site);
}

static void a_failed_start_is_not_repeated_every_tick(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_CONTROL, true);
    add_job(&site, 20e3, JOB_GUARANTEED);
    for (int i = 0; i < 4; i++)
        tick(&site, true);
    site.jobs[0].reason = REASON_START_FAILED;
    site.jobs[0].state_ms = site.now_ms;
    int starts = 0;
    for (int i = 0; i < 5; i++) {
        tick(&site, true);
        starts += count_verb(&site, VERB_JOB_START, true);
    }
    assert_int_equal(starts, 0);
    for (int i = 0; i < 3; i++) {
        tick(&site, true);
        starts += count_verb(&site, VERB_JOB_START, true);
    }
    assert_true(starts > 0);
    close_site(&site);
}

/* ---- limits ---- */

static void an_unmetered_feeder_takes_no_job(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_CONTROL, false);
    add_job(&site, 20e3, JOB_GUARANTEED);
    for (int i = 0; i < 60; i++) {
        tick(&site, true);
        assert_int_equal(count_verb(&site, VERB_JOB_START, true), 0);
    }
    close_site(&site);
}

static void nothing_starts_without_the_utility_meter(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_CONTROL, true);
    tick(&site, true);
    site.utility_silent = true;
    add_job(&site, 20e3, JOB_GUARANTEED);
    for (int i = 0; i < 60; i++) {
        tick(&site, true);
        assert_int_equal(count_verb(&site, VERB_JOB_START, true), 0);
        for (int d = 0; d < site.output->decision_count; d++)
            assert_true(site.output->decisions[d].command.value >= 0); /* no charging */
    }
    assert_true(cycle_snapshot(site.cycle)->fail_safe);
    close_site(&site);
}

/* A register that rounds the reversion time is not written for ever. */
static void reversion_is_written_until_it_is_near_enough(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_CONTROL, true);
    int32_t revert =
        topology_find_point(site.topology, site.config.battery_device, POINT_POWER_SET_REVERT);
    site.revert_s = 60;
    int writes = 0;
    for (int i = 0; i < 60; i++) {
        tick(&site, true);
        for (int d = 0; d < site.output->decision_count; d++) {
            const struct command *command = &site.output->decisions[d].command;
            writes += command->point == revert && command->verb == VERB_SETPOINT;
        }
        if (writes == 1)
            site.revert_s = 119.5;
    }
    assert_int_equal(writes, 1);
    close_site(&site);
}

static int32_t point_at(const struct site *site, enum device_role role, enum point_kind kind)
{
    return topology_find_point(site->topology, topology_next(site->topology, role, 0), kind);
}

/* A device that does not take a set-point is told once for each way in which it fails. */
static void failing_writes_are_told_and_believed(void **state)
{
    (void)state;
    static const struct {
        enum reason outcome;
        int event; /* -1: none */
    } steps[] = {
        {REASON_WRITE_CONFIRMED, -1},
        {REASON_WRITE_REFUSED, EVENT_WRITE_FAILING},
        {REASON_WRITE_REFUSED, -1},
        {REASON_WRITE_UNANSWERED, EVENT_WRITE_FAILING},
        {REASON_WRITE_FAILED, EVENT_WRITE_FAILING},
        {REASON_WRITE_CONFIRMED, EVENT_WRITE_BACK},
        {REASON_WRITE_CONFIRMED, -1},
        {REASON_WRITE_UNANSWERED, EVENT_WRITE_FAILING},
    };
    struct site site;
    struct setpoint_note note;
    open_site(&site, MODE_CONTROL, true);
    int32_t set = point_at(&site, ROLE_BATTERY, POINT_POWER_SET);
    cycle_setpoint(site.cycle, set, &note);
    assert_int_equal(note.outcome, REASON_NONE);
    cycle_resume_writes(site.cycle, set, 100);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct cycle_event event = {.kind = EVENT_STARTED};
        bool told = cycle_written(site.cycle, set, 5e3, steps[i].outcome, START_MS, &event);
        assert_int_equal(told ? (int)event.kind : -1, steps[i].event);
        cycle_setpoint(site.cycle, set, &note);
        assert_int_equal(note.outcome, steps[i].outcome);
        assert_true(note.value == 5e3 && note.at_ms == START_MS);
    }
    struct cycle_event event;
    assert_false(cycle_written(site.cycle, set, 6e3, REASON_WRITE_REPLACED, START_MS + 1, &event));
    cycle_setpoint(site.cycle, set, &note); /* it wore the register, and nothing else */
    assert_int_equal(note.outcome, REASON_WRITE_UNANSWERED);
    assert_true(note.value == 5e3 && note.at_ms == START_MS);
    assert_int_equal(note.life_writes, 108); /* one never left */
    close_site(&site);
}

static void letting_go_writes_what_the_register_takes(void **state)
{
    (void)state;
    struct site site;
    struct decision decision;
    open_site(&site, MODE_CONTROL, true);
    int32_t set = point_at(&site, ROLE_BATTERY, POINT_POWER_SET);
    site.topology->points[set].write = (struct point_write){.low = 10, .high = 20};
    tick(&site, true);
    cycle_release(site.cycle, SUBSYSTEM_BATTERY, REASON_SHUTDOWN, "test", site.now_ms, &decision);
    assert_true(decision.command.value == 10);
    close_site(&site);
}

/* ---- verdicts ---- */

static void verdicts_leave_with_the_tick_that_sees_them(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_OBSERVE, true);
    tick(&site, true);
    assert_int_equal(site.output->verdict_count, site.topology->point_count);
    tick(&site, true);
    assert_int_equal(site.output->verdict_count, 0);
    site.utility_silent = true;
    tick(&site, true);
    assert_true(site.output->verdict_count > 0);
    for (int v = 0; v < site.output->verdict_count; v++) {
        const struct verdict_change *change = &site.output->verdicts[v];
        int32_t device = site.topology->points[change->point].device;
        assert_int_equal(site.topology->devices[device].role, ROLE_UTILITY);
        assert_int_equal(change->reason, REASON_TIMEOUT);
        assert_int_equal(change->at_ms, site.now_ms);
    }
    assert_int_equal(cycle_snapshot(site.cycle)->verdicts_withheld, 0);
    close_site(&site);
}

/* Told with the reading that proves it, not when the quarter hour closes. */
static void a_counter_that_restarts_is_told_at_once(void **state)
{
    (void)state;
    struct site site;
    struct counter_note note;
    int told = 0;
    open_site(&site, MODE_OBSERVE, true);
    int32_t counter = point_at(&site, ROLE_UTILITY, POINT_ENERGY_IMPORT);
    site.import_wh = 5e9;
    for (int i = 0; i < 5; i++)
        tick(&site, true);
    site.import_wh = 0;
    cycle_counter(site.cycle, counter, &note);
    assert_int_equal(note.reason, REASON_NONE);
    for (int i = 0; i < 5; i++) {
        tick(&site, true);
        for (int e = 0; e < site.output->event_count; e++)
            told += site.output->events[e].kind == EVENT_COUNTER_RESTARTED;
    }
    assert_int_equal(told, 1);
    cycle_counter(site.cycle, counter, &note);
    assert_int_equal(note.reason, REASON_COUNTER_RESET);
    assert_true(note.at_ms > START_MS && note.at_ms <= site.now_ms);
    close_site(&site);
}

static void letting_go_idles_the_battery(void **state)
{
    (void)state;
    struct site site;
    struct decision decision;
    open_site(&site, MODE_CONTROL, true);
    tick(&site, true);
    assert_int_equal(cycle_release(site.cycle, SUBSYSTEM_BATTERY, REASON_SHUTDOWN, "test",
                                   site.now_ms, &decision),
                     1);
    assert_true(decision.command.value == 0 && decision.command.apply);
    assert_int_equal(decision.command.reason, REASON_SHUTDOWN);
    assert_int_equal(
        cycle_release(site.cycle, SUBSYSTEM_JOBS, REASON_SHUTDOWN, "test", site.now_ms, &decision),
        0);
    cycle_set_mode(site.cycle, SUBSYSTEM_BATTERY, MODE_OBSERVE);
    assert_int_equal(cycle_release(site.cycle, SUBSYSTEM_BATTERY, REASON_SHUTDOWN, "test",
                                   site.now_ms, &decision),
                     0);
    close_site(&site);
}

/* ---- plans ---- */

static void a_lying_plan_is_rejected(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_CONTROL, true);
    tick(&site, true);
    assert_non_null(site.solved);
    site.solved->sites[0].slots[3].import_w += 50e3;
    tick(&site, false);
    assert_int_equal(site.rejected, 1);
    assert_null(cycle_plan(site.cycle));
    close_site(&site);
}

static void an_expired_plan_falls_back_once(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_CONTROL, true);
    tick(&site, true);
    tick(&site, false);
    assert_int_equal(site.plans, 1);
    bool fallback = false;
    for (int64_t end_ms = site.now_ms + 40 * (int64_t)MINUTE_MS; site.now_ms < end_ms;) {
        tick(&site, false);
        for (int d = 0; d < site.output->decision_count; d++)
            fallback |= site.output->decisions[d].command.reason == REASON_FALLBACK_POLICY;
    }
    assert_int_equal(site.expired, 1);
    assert_true(fallback);
    close_site(&site);
}

/* ---- accounts ---- */

static void quarters_become_hours(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_OBSERVE, true);
    int accounts = 0, hours = 0;
    struct pue hour = {0};
    while (site.now_ms < START_MS + 2 * (int64_t)HOUR_MS + MINUTE_MS) {
        tick(&site, false);
        for (int a = 0; a < site.output->account_count; a++) {
            const struct account *account = &site.output->accounts[a];
            if (account->start_ms == START_MS)
                continue; /* begins before the first reading */
            accounts++;
            assert_true(fabs(account->pue.value - 1.2) < 1e-6);
            assert_true(fabs(account->cost - 60e3 * 200 / 1e6) < 1e-6);
            assert_true(fabs(account->carbon_g - 60 * 300) < 1e-3);
        }
        for (int h = 0; h < site.output->hour_count; h++, hours++)
            hour = site.output->hours[h];
    }
    assert_int_equal(accounts, 7);
    assert_int_equal(hours, 2);
    assert_true(hour.start_ms == START_MS + HOUR_MS);
    assert_true(fabs(hour.value - 1.2) < 1e-6);
    assert_true(hour.coverage == 1);
    close_site(&site);
}

/* A silent meter makes its quarters unknown, and known again from its counter. */
static void late_meters_revise_their_quarters(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_OBSERVE, true);
    int64_t quiet_ms = START_MS + 20 * (int64_t)MINUTE_MS;
    int64_t back_ms = START_MS + 50 * (int64_t)MINUTE_MS;
    bool was_unknown = false, is_known = false;
    while (site.now_ms < START_MS + 65 * (int64_t)MINUTE_MS) {
        site.utility_silent = site.now_ms >= quiet_ms && site.now_ms < back_ms;
        tick(&site, false);
        for (int a = 0; a < site.output->account_count; a++) {
            const struct account *account = &site.output->accounts[a];
            if (account->start_ms != START_MS + QUARTER_MS)
                continue;
            is_known = account->pue.quality <= QUALITY_ESTIMATED;
            was_unknown |= !is_known;
        }
    }
    assert_true(was_unknown);
    assert_true(is_known);
    close_site(&site);
}

/* The peak is of this month: unknown until its first account, and again when the next begins. */
static void the_peak_begins_unknown_each_month(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_OBSERVE, true);
    const int64_t july_ms = START_MS + 16 * (int64_t)DAY_MS;
    const struct snapshot *now = cycle_snapshot(site.cycle);
    site.now_ms = july_ms - HOUR_MS;
    tick(&site, false);
    assert_true(isnan(now->peak_import_w));
    while (site.now_ms < july_ms - TICK_MS)
        tick(&site, false);
    assert_true(fabs(now->peak_import_w - 240e3) < 1);
    site.import_w = 100e3;
    while (site.now_ms < july_ms + 14 * (int64_t)MINUTE_MS) {
        tick(&site, false);
        assert_true(isnan(now->peak_import_w)); /* though June's last account comes in July */
    }
    while (site.now_ms < july_ms + 20 * (int64_t)MINUTE_MS)
        tick(&site, false);
    assert_true(fabs(now->peak_import_w - 100e3) < 1);
    close_site(&site);
}

/* Once for each quarter hour, also where a silent meter makes it known late or revises it. */
static void an_exceeded_capacity_is_told_once_a_quarter(void **state)
{
    (void)state;
    struct site site;
    struct error error;
    open_site(&site, MODE_OBSERVE, true);
    cycle_destroy(site.cycle);
    site.config.threshold_w = 200e3;
    site.cycle = cycle_create(&site.config, &error);
    assert_non_null(site.cycle);
    int told = 0;
    while (site.now_ms < START_MS + 2 * (int64_t)HOUR_MS + MINUTE_MS) {
        int64_t minute = (site.now_ms - START_MS) / MINUTE_MS;
        site.utility_silent = minute >= 20 && minute < 50;
        site.pdu_silent = minute >= 65 && minute < 80;
        site.import_w = minute < 90 ? 240e3 : 190e3;
        tick(&site, false);
        for (int e = 0; e < site.output->event_count; e++) {
            const struct cycle_event *event = &site.output->events[e];
            if (event->kind != EVENT_CAPACITY_EXCEEDED)
                continue;
            told++;
            assert_non_null(strstr(event->text, "240.0 kW"));
            assert_non_null(strstr(event->text, "200.0 kW"));
        }
    }
    assert_int_equal(told, 5); /* of eight the first is not known, the last two are under it */
    close_site(&site);
}

/* A restart takes up meters and quarters: the day goes on, and another category is no trap. */
static void a_restart_goes_on(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_OBSERVE, true);
    int32_t counter = topology_find_point(site.topology, 0, POINT_ENERGY_IMPORT);
    cycle_resume_meter(site.cycle, counter, START_MS, 5000000, 0);
    struct pue quarter = {.start_ms = START_MS - QUARTER_MS,
                          .end_ms = START_MS,
                          .category = 1,
                          .facility_wh = 60e3,
                          .it_wh = 50e3,
                          .value = 1.2,
                          .coverage = 1,
                          .interim = true};
    cycle_resume_quarter(site.cycle, &quarter);
    int64_t first_milliwh = 0, first_ms = 0;
    while (site.now_ms < START_MS + HOUR_MS) {
        tick(&site, false);
        for (int i = 0; i < site.output->interval_count; i++) {
            const struct energy_interval *interval = &site.output->intervals[i];
            if (interval->point == counter && first_ms == 0) {
                first_milliwh = interval->start_milliwh;
                first_ms = interval->start_ms;
            }
        }
    }
    assert_true(first_ms == START_MS);
    assert_true(first_milliwh == 5000000);
    close_site(&site);
}

static void unknown_is_not_zero_before_the_first_tick(void **state)
{
    (void)state;
    struct site site;
    open_site(&site, MODE_OBSERVE, true);
    const struct snapshot *snapshot = cycle_snapshot(site.cycle);
    assert_true(isnan(snapshot->import_w) && isnan(snapshot->soc_pct));
    assert_int_equal(snapshot->today.quality, QUALITY_MISSING);
    close_site(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_starts_what_is_due),
        cmocka_unit_test(advice_is_recorded_once_and_not_applied),
        cmocka_unit_test(observing_records_nothing),
        cmocka_unit_test(changed_advice_is_recorded),
        cmocka_unit_test(few_jobs_start_in_one_tick),
        cmocka_unit_test(withheld_starts_keep_nobody_back),
        cmocka_unit_test(a_failed_start_is_not_repeated_every_tick),
        cmocka_unit_test(an_unmetered_feeder_takes_no_job),
        cmocka_unit_test(nothing_starts_without_the_utility_meter),
        cmocka_unit_test(reversion_is_written_until_it_is_near_enough),
        cmocka_unit_test(failing_writes_are_told_and_believed),
        cmocka_unit_test(letting_go_writes_what_the_register_takes),
        cmocka_unit_test(verdicts_leave_with_the_tick_that_sees_them),
        cmocka_unit_test(a_counter_that_restarts_is_told_at_once),
        cmocka_unit_test(letting_go_idles_the_battery),
        cmocka_unit_test(a_lying_plan_is_rejected),
        cmocka_unit_test(an_expired_plan_falls_back_once),
        cmocka_unit_test(quarters_become_hours),
        cmocka_unit_test(late_meters_revise_their_quarters),
        cmocka_unit_test(the_peak_begins_unknown_each_month),
        cmocka_unit_test(an_exceeded_capacity_is_told_once_a_quarter),
        cmocka_unit_test(a_restart_goes_on),
        cmocka_unit_test(unknown_is_not_zero_before_the_first_tick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
