/* The guard: each rule by example, and its promises over random plants. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/act/guard.h"

enum { JOBS = 12, ROOM = 64, ROUNDS = 4000, TICKS = 8 };
enum { UTILITY, BATTERY, SOC, CHARGE_MAX, DISCHARGE_MAX, SET, SUPPLY_SET, INLET, REVERT, INPUTS };

#define UNKNOWN ((double)NAN)

static const enum point_kind kinds[INPUTS] = {
    [UTILITY] = POINT_POWER,
    [BATTERY] = POINT_POWER,
    [SOC] = POINT_SOC,
    [CHARGE_MAX] = POINT_POWER_CHARGE_MAX,
    [DISCHARGE_MAX] = POINT_POWER_DISCHARGE_MAX,
    [SET] = POINT_POWER_SET,
    [SUPPLY_SET] = POINT_TEMP_SUPPLY_SET,
    [INLET] = POINT_TEMP_INLET,
    [REVERT] = POINT_POWER_SET_REVERT,
};

struct bench {
    struct guard guard;
    struct topology topology;
    struct point points[INPUTS];
    struct sample values[INPUTS];
    struct image image;
    int64_t now_ms;
    bool deaf; /* the devices take no set-point */
    double external_w;
    double feeder_w[LIMIT_FEEDERS], group_w[LIMIT_GROUPS];
    struct job jobs[JOBS];
    int job_count;
    struct command commands[ROOM];
    int count;
    struct guard_event events[GUARD_EVENTS];
    int event_count;
};

static const struct guard_config usual = {
    .import_limit_w = 1e6,
    .import_fail_safe_w = 4e5,
    .export_limit_w = 1e5,
    .headroom_w = 1e4,
    .soc_min_pct = 20,
    .soc_max_pct = 90,
    .battery_charge_max_w = 5e5,
    .battery_discharge_max_w = 5e5,
    .battery_ramp_w_per_s = 1e6,
    .battery_deadband_w = 1e3,
    .battery_write_per_hour = 3600,
    .inlet_limit_c = 30,
    .supply_min_c = 14,
    .supply_max_c = 26,
    .supply_ramp_k_per_s = 1,
    .supply_fail_safe_c = 16,
    .cooling_write_per_hour = 3600,
    .overhead_ratio_max = 1.5,
    .job_min_run_ms = 60000,
    .job_min_stop_ms = 60000,
    .feeder_limit_w = {6e5, 4e5},
    .feeder_count = 2,
};

enum { SETTLE_MS = 5000 };

/* ---- helpers ---- */

static struct guard_config settling(void)
{
    struct guard_config config = usual;
    config.settle_ms = SETTLE_MS;
    return config;
}

static void measure(struct bench *bench, int input, double value)
{
    bench->values[input] = (struct sample){.point = input,
                                           .quality = isnan(value) ? QUALITY_STALE : QUALITY_GOOD,
                                           .value = value,
                                           .source_ms = bench->now_ms};
}

static void bench_init(struct bench *bench, const struct guard_config *config)
{
    static const struct guard_inputs inputs = {.utility_power = UTILITY,
                                               .battery_power = BATTERY,
                                               .battery_soc = SOC,
                                               .battery_charge_max = CHARGE_MAX,
                                               .battery_discharge_max = DISCHARGE_MAX,
                                               .battery_set = SET,
                                               .battery_revert = REVERT,
                                               .supply_set = SUPPLY_SET,
                                               .inlet_temp = INLET,
                                               .tank_soc = -1,
                                               .tank_set = -1};
    memset(bench, 0, sizeof(*bench));
    for (int i = 0; i < INPUTS; i++)
        bench->points[i].kind = kinds[i];
    bench->topology.points = bench->points;
    bench->topology.point_count = INPUTS;
    bench->image = (struct image){.topology = &bench->topology, .values = bench->values};
    bench->now_ms = 1000000;
    bench->external_w = (double)INFINITY;
    guard_init(&bench->guard, config, &inputs);
    static const double at_rest[INPUTS] = {5e5, 0, 50, 5e5, 5e5, 0, 20, 24, 60};
    for (int i = 0; i < INPUTS; i++)
        measure(bench, i, at_rest[i]);
}

static struct job *add_job(struct bench *bench, enum job_class job_class, enum job_state state,
                           double power_w, int32_t feeder)
{
    struct job *job = &bench->jobs[bench->job_count++];
    *job = (struct job){.id = bench->job_count,
                        .job_class = job_class,
                        .state = state,
                        .power_w = power_w,
                        .feeder = feeder,
                        .group = -1,
                        .can_suspend = true,
                        .started_ms = state == JOB_QUEUED ? 0 : 1};
    return job;
}

static void enter(struct bench *bench, int64_t id, enum job_state state)
{
    bench->jobs[id - 1].state = state;
    bench->jobs[id - 1].state_ms = bench->now_ms;
}

static struct command *ask(struct bench *bench, enum verb verb, int64_t job_id)
{
    struct command *command = &bench->commands[bench->count++];
    *command = (struct command){.subsystem = SUBSYSTEM_JOBS,
                                .verb = verb,
                                .job_id = job_id,
                                .group = -1,
                                .point = -1,
                                .reason = REASON_PLANNED,
                                .asker = "planner",
                                .apply = true};
    return command;
}

static struct command *ask_set(struct bench *bench, int point, double value)
{
    struct command *command = ask(bench, VERB_SETPOINT, 0);
    command->subsystem = point == SET ? SUBSYSTEM_BATTERY : SUBSYSTEM_COOLING;
    command->point = point;
    command->value = command->wanted = value;
    return command;
}

static void tick(struct bench *bench)
{
    bench->count =
        guard_apply(&bench->guard, &bench->image, bench->now_ms, bench->external_w, bench->jobs,
                    bench->job_count, bench->feeder_w, bench->group_w, bench->commands,
                    bench->count, ROOM, bench->events, &bench->event_count);
    for (int i = 0; i < bench->count && !bench->deaf; i++)
        if (bench->commands[i].verb == VERB_SETPOINT && bench->commands[i].apply)
            measure(bench, bench->commands[i].point, bench->commands[i].value);
}

/* The next second: measured values stay as they are, but fresh. */
static void next(struct bench *bench)
{
    bench->now_ms += 1000;
    for (int i = 0; i < INPUTS; i++)
        bench->values[i].source_ms = bench->now_ms;
    bench->count = 0;
}

static const struct command *added(const struct bench *bench, enum verb verb)
{
    for (int i = 0; i < bench->count; i++)
        if (bench->commands[i].verb == verb && strcmp(bench->commands[i].asker, "guard") == 0)
            return &bench->commands[i];
    return NULL;
}

static bool told(const struct bench *bench, enum event_kind kind, int32_t branch, int32_t point)
{
    for (int i = 0; i < bench->event_count; i++)
        if (bench->events[i].kind == kind && bench->events[i].branch == branch &&
            bench->events[i].point == point)
            return true;
    return false;
}

#define assert_near(a, b)                                                                          \
    assert_true(fabs((double)(a) - (double)(b)) < 1e-6 * (1 + fabs((double)(b))))

static void expect(const struct command *command, bool apply, double value, enum reason reason)
{
    assert_int_equal(command->reason, reason);
    assert_int_equal(command->apply, apply);
    assert_near(command->value, value);
}

/* ---- battery ---- */

static void test_battery_passes_what_is_safe(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    expect((ask_set(&b, SET, 1e5), tick(&b), &b.commands[0]), true, 1e5, REASON_PLANNED);
    assert_int_equal(b.count, 1);
    assert_int_equal(b.event_count, 0);
}

static void test_battery_limits(void **state)
{
    (void)state;
    static const struct {
        double import_w, battery_w, soc_pct, charge_max_w, discharge_max_w, wanted_w, value_w;
        enum reason reason;
    } rows[] = {
        {5e5, 0, 20, 5e5, 5e5, 2e5, 0, REASON_LIMIT_SOC_RESERVE},
        {5e5, 0, 90, 5e5, 5e5, -2e5, 0, REASON_LIMIT_SOC_MAX},
        {5e5, 0, 90, 5e5, 5e5, 2e5, 2e5, REASON_PLANNED},
        {5e5, 0, 50, 5e5, 3e5, 4e5, 3e5, REASON_LIMIT_DEVICE},
        {5e5, 0, 50, 1e5, 5e5, -2e5, -1e5, REASON_LIMIT_DEVICE},
        {5e5, 0, 50, UNKNOWN, UNKNOWN, 9e5, 5e5, REASON_LIMIT_DEVICE},
        /* 900 kW of load: 90 kW are left for charging, however much it charges already */
        {9e5, 0, 50, 5e5, 5e5, -2e5, -9e4, REASON_LIMIT_IMPORT},
        {9.5e5, -5e4, 50, 5e5, 5e5, -2e5, -9e4, REASON_LIMIT_IMPORT},
        /* 100 kW of load: 200 kW of discharge reach the export limit */
        {1e5, 0, 50, 5e5, 5e5, 3e5, 2e5, REASON_LIMIT_EXPORT},
        {-1e5, 2e5, 50, 5e5, 5e5, 3e5, 2e5, REASON_LIMIT_EXPORT},
        {-3e5, 0, 50, 5e5, 5e5, 3e5, 0, REASON_LIMIT_EXPORT},
        {5e5, 0, 50, 5e5, 5e5, UNKNOWN, 0, REASON_LIMIT_RANGE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench b;
        bench_init(&b, &usual);
        measure(&b, UTILITY, rows[i].import_w);
        measure(&b, BATTERY, rows[i].battery_w);
        measure(&b, SOC, rows[i].soc_pct);
        measure(&b, CHARGE_MAX, rows[i].charge_max_w);
        measure(&b, DISCHARGE_MAX, rows[i].discharge_max_w);
        ask_set(&b, SET, rows[i].wanted_w);
        tick(&b);
        expect(&b.commands[0], true, rows[i].value_w, rows[i].reason);
    }
}

static void test_battery_ramp(void **state)
{
    (void)state;
    struct bench b;
    struct guard_config config = usual;
    config.battery_ramp_w_per_s = 5e4;
    bench_init(&b, &config);
    ask_set(&b, SET, 3e5);
    tick(&b);
    expect(&b.commands[0], true, 5e4, REASON_LIMIT_RAMP);
    for (int i = 0; i < 100; i++) /* waiting earns no jump */
        next(&b), tick(&b);
    next(&b);
    ask_set(&b, SET, 3e5);
    tick(&b);
    expect(&b.commands[0], true, 1e5, REASON_LIMIT_RAMP);
    next(&b);
    measure(&b, SOC, 19);
    ask_set(&b, SET, 3e5);
    tick(&b); /* the reserve does not wait for the ramp */
    expect(&b.commands[0], true, 0, REASON_LIMIT_SOC_RESERVE);
}

static void test_dead_band_and_budget(void **state)
{
    (void)state;
    struct bench b;
    struct guard_config config = usual;
    config.battery_write_per_hour = 1;
    bench_init(&b, &config);
    ask_set(&b, SET, 1e5);
    tick(&b);
    next(&b);
    ask_set(&b, SET, 1.005e5);
    tick(&b);
    expect(&b.commands[0], false, 1e5, REASON_UNCHANGED);
    next(&b);
    ask_set(&b, SET, 2e5);
    tick(&b);
    expect(&b.commands[0], false, 1e5, REASON_LIMIT_WRITE_BUDGET);
    next(&b);
    measure(&b, SOC, 15); /* protecting the reserve needs no budget, nor somebody who asks */
    tick(&b);
    assert_int_equal(b.count, 1);
    expect(&b.commands[0], true, 0, REASON_LIMIT_SOC_RESERVE);
    measure(&b, SOC, 50);
    b.now_ms += 3600000;
    next(&b);
    ask_set(&b, SET, 2e5);
    tick(&b);
    expect(&b.commands[0], true, 2e5, REASON_PLANNED);
}

static void test_refresh(void **state)
{
    (void)state;
    struct bench b;
    struct guard_config config = usual;
    config.refresh_ms = 30000;
    bench_init(&b, &config);
    int writes = 0;
    for (int i = 0; i <= 90; i++, next(&b)) {
        ask_set(&b, SET, 1e5);
        tick(&b);
        writes += b.commands[0].apply;
    }
    assert_int_equal(writes, 4);
}

static void test_import_crossed_battery_first(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    add_job(&b, JOB_SCAVENGER, JOB_RUNNING, 1e5, 0);
    measure(&b, UTILITY, 1.1e6);
    tick(&b);
    assert_true(told(&b, EVENT_LIMIT_BREACHED, -1, UTILITY));
    const struct command *set = added(&b, VERB_SETPOINT);
    assert_non_null(set);
    expect(set, true, 1.1e5, REASON_LIMIT_IMPORT); /* over by 100 kW, and 10 kW of headroom */
    assert_null(added(&b, VERB_JOB_SUSPEND));
    next(&b);
    measure(&b, UTILITY, 9.9e5);
    measure(&b, BATTERY, 1.1e5);
    ask_set(&b, SET, 0); /* the plan knows nothing of it: held all the same */
    tick(&b);
    assert_true(told(&b, EVENT_LIMIT_RESTORED, -1, UTILITY));
    expect(&b.commands[0], false, 1.1e5, REASON_UNCHANGED);
}

static void test_import_crossed_jobs_when_battery_cannot(void **state)
{
    (void)state;
    struct bench b;
    struct guard_config config = settling();
    bench_init(&b, &config);
    add_job(&b, JOB_REALTIME, JOB_RUNNING, 5e5, 0);
    add_job(&b, JOB_DEFERRABLE, JOB_RUNNING, 2e5, 0);
    add_job(&b, JOB_SCAVENGER, JOB_RUNNING, 3e4, 1);
    add_job(&b, JOB_SCAVENGER, JOB_RUNNING, 6e4, 1);
    add_job(&b, JOB_DEFERRABLE, JOB_RUNNING, 1e5, 0);
    measure(&b, UTILITY, 1.1e6);
    measure(&b, SOC, 20);
    tick(&b);
    assert_int_equal(b.count, 3); /* 110 kW: both scavengers, then the largest deferrable */
    assert_int_equal(b.commands[0].job_id, 4);
    assert_int_equal(b.commands[1].job_id, 3);
    assert_int_equal(b.commands[2].job_id, 2);
    assert_int_equal(b.commands[0].reason, REASON_SHED);
    for (int i = 1; i < 4; i++)
        enter(&b, i + 1, JOB_SUSPENDING);
    next(&b);
    tick(&b); /* the meter lags: nobody else is shed for the same excess */
    assert_int_equal(b.count, 0);
}

static void test_import_crossed_battery_that_does_not_follow(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    add_job(&b, JOB_DEFERRABLE, JOB_RUNNING, 2e5, 0);
    measure(&b, UTILITY, 1.1e6);
    tick(&b);
    assert_null(added(&b, VERB_JOB_SUSPEND));
    next(&b);
    tick(&b);
    assert_non_null(added(&b, VERB_JOB_SUSPEND));
}

/* A checkpoint takes minutes and may fail: the limit does not wait for it. */
static void test_a_slow_stop_is_not_waited_for(void **state)
{
    (void)state;
    static const enum job_state stops[] = {JOB_SUSPENDING, JOB_CANCELLING};
    for (int feeder = 0; feeder < 2; feeder++) {
        for (int i = 0; i < 2; i++) {
            struct bench b;
            struct guard_config config = settling();
            bench_init(&b, &config);
            add_job(&b, JOB_DEFERRABLE, JOB_RUNNING, 2e5, 0);
            add_job(&b, JOB_DEFERRABLE, JOB_RUNNING, 1e5, 0);
            measure(&b, SOC, 20);
            if (feeder)
                b.feeder_w[0] = 6.5e5;
            else
                measure(&b, UTILITY, 1.05e6);
            enter(&b, 1, stops[i]);
            for (; b.now_ms <= 1000000 + 2 * SETTLE_MS; next(&b)) {
                tick(&b);
                assert_null(added(&b, VERB_JOB_SUSPEND));
            }
            tick(&b);
            assert_non_null(added(&b, VERB_JOB_SUSPEND));
            assert_int_equal(added(&b, VERB_JOB_SUSPEND)->job_id, 2);
        }
    }
}

static void test_a_refused_stop_does_not_shield_others(void **state)
{
    (void)state;
    struct bench b;
    struct guard_config config = settling();
    bench_init(&b, &config);
    add_job(&b, JOB_SCAVENGER, JOB_RUNNING, 2e5, 0);
    add_job(&b, JOB_DEFERRABLE, JOB_RUNNING, 1e5, 0);
    measure(&b, UTILITY, 1.05e6);
    measure(&b, SOC, 20);
    tick(&b);
    assert_int_equal(b.commands[0].job_id, 1);
    next(&b);
    enter(&b, 1, JOB_RUNNING); /* the suspension did not take */
    tick(&b);
    assert_int_equal(b.commands[0].job_id, 2);
}

/* ---- without the utility meter ---- */

/* A site that imports 9e5 with two jobs, its meter just lost; the fail-safe limit is not below the
 * usual one. */
static void blind(struct bench *b, double limit_w)
{
    struct guard_config config = settling();
    config.import_fail_safe_w = config.import_limit_w;
    bench_init(b, &config);
    measure(b, UTILITY, 9e5);
    measure(b, SOC, 20);
    add_job(b, JOB_DEFERRABLE, JOB_RUNNING, 2e5, 0);
    add_job(b, JOB_DEFERRABLE, JOB_RUNNING, 1e5, 0);
    tick(b);
    assert_int_equal(b->count, 0);
    next(b);
    measure(b, UTILITY, UNKNOWN);
    b->external_w = limit_w;
}

static void test_blind_shedding_once(void **state)
{
    (void)state;
    struct bench b;
    blind(&b, 8e5);
    tick(&b); /* 100 kW over, and 10 kW of headroom */
    assert_int_equal(b.count, 1);
    expect(added(&b, VERB_JOB_SUSPEND), true, 0, REASON_SHED);
    assert_int_equal(b.commands[0].job_id, 1);
    next(&b);
    enter(&b, 1, JOB_SUSPENDING);
    tick(&b);
    assert_int_equal(b.count, 0);
    next(&b);
    enter(&b, 1, JOB_SUSPENDED);
    for (int i = 0; i < 3600; i++, next(&b)) {
        ask(&b, VERB_JOB_RESUME, 1);
        tick(&b); /* hours later still the same one, and nothing rises */
        assert_int_equal(b.count, 1);
        assert_false(b.commands[0].apply);
    }
    b.external_w = 6.5e5;
    tick(&b); /* the limit is cut again */
    assert_int_equal(added(&b, VERB_JOB_SUSPEND)->job_id, 2);
}

static void test_blind_under_the_limit(void **state)
{
    (void)state;
    struct bench b;
    blind(&b, 9e5);
    for (int i = 0; i < 60; i++, next(&b)) {
        tick(&b);
        assert_int_equal(b.count, 0);
    }
}

static void test_blind_from_the_start(void **state)
{
    (void)state;
    struct bench b;
    struct guard_config config = settling();
    bench_init(&b, &config);
    measure(&b, UTILITY, UNKNOWN);
    add_job(&b, JOB_DEFERRABLE, JOB_RUNNING, 2e5, 0);
    tick(&b);
    assert_int_equal(b.count, 0); /* nothing is known of any crossing */
}

static void test_blind_stop_that_failed(void **state)
{
    (void)state;
    struct bench b;
    blind(&b, 8e5);
    tick(&b);
    enter(&b, 1, JOB_SUSPENDING);
    for (int i = 0; i <= 2 * SETTLE_MS / 1000; i++)
        next(&b);
    tick(&b); /* it still draws */
    assert_int_equal(added(&b, VERB_JOB_SUSPEND)->job_id, 2);
}

/* What ends without having drawn makes no room, what came later counts. */
static void test_blind_counts_what_moved(void **state)
{
    (void)state;
    struct bench b;
    blind(&b, 9.5e5);
    add_job(&b, JOB_DEFERRABLE, JOB_SUSPENDED, 3e5, 0);
    tick(&b);
    assert_int_equal(b.count, 0);
    next(&b);
    enter(&b, 3, JOB_CANCELLED);
    b.external_w = 8e5;
    tick(&b);
    assert_int_equal(added(&b, VERB_JOB_SUSPEND)->job_id, 1);

    blind(&b, 9.5e5);
    add_job(&b, JOB_REALTIME, JOB_RUNNING, 1e5, 0); /* somebody else started it */
    tick(&b);
    assert_int_equal(added(&b, VERB_JOB_SUSPEND)->job_id, 1);
}

/* A reading that is old but not yet stale is no new one: what stopped since is not in it. */
static void test_blind_after_an_old_reading(void **state)
{
    (void)state;
    struct bench b;
    blind(&b, 9e5);
    measure(&b, UTILITY, 9e5);
    b.values[UTILITY].source_ms -= 1000;
    enter(&b, 1, JOB_SUSPENDED);
    measure(&b, BATTERY, 5e4);
    tick(&b);
    next(&b);
    measure(&b, UTILITY, UNKNOWN);
    b.external_w = 7e5;
    tick(&b); /* 9e5 less 2e5 of the job and 5e4 of the battery */
    assert_null(added(&b, VERB_JOB_SUSPEND));
    next(&b);
    measure(&b, BATTERY, 0);
    b.external_w = 6.9e5;
    tick(&b);
    assert_int_equal(added(&b, VERB_JOB_SUSPEND)->job_id, 2);
}

static void test_blind_charging_stops_first(void **state)
{
    (void)state;
    struct bench b;
    blind(&b, 9e5);
    measure(&b, SOC, 50);
    measure(&b, UTILITY, 7e5);
    ask_set(&b, SET, -1e5);
    tick(&b);
    assert_true(b.commands[0].apply);
    next(&b);
    measure(&b, UTILITY, 8e5);
    measure(&b, BATTERY, -1e5);
    tick(&b);
    next(&b);
    measure(&b, UTILITY, UNKNOWN);
    b.external_w = 7.5e5;
    b.deaf = true;
    tick(&b);
    expect(added(&b, VERB_SETPOINT), true, 0, REASON_LIMIT_IMPORT);
    assert_null(added(&b, VERB_JOB_SUSPEND));
    int tries = 0;
    for (; added(&b, VERB_SETPOINT)->apply; tries++, tick(&b)) { /* it does not follow */
        assert_null(added(&b, VERB_JOB_SUSPEND));
        guard_written(&b.guard, SET, REASON_WRITE_FAILED);
        next(&b);
    }
    assert_int_equal(tries, 2);
    assert_non_null(added(&b, VERB_JOB_SUSPEND)); /* it is not waited for any longer */
}

/* Feeders have meters of their own. */
static void test_feeders_without_the_utility_meter(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        struct bench b;
        struct guard_config config = settling();
        config.import_fail_safe_w = config.import_limit_w;
        bench_init(&b, &config);
        add_job(&b, JOB_DEFERRABLE, JOB_SUSPENDED, 3e5, 0)->state_ms = b.now_ms;
        add_job(&b, JOB_DEFERRABLE, JOB_RUNNING, 1e5, 0);
        if (known)
            tick(&b);
        for (int i = 0; i <= SETTLE_MS / 1000; i++, next(&b)) {
            measure(&b, UTILITY, UNKNOWN);
            b.feeder_w[0] = 6.5e5;
            tick(&b);
            assert_null(added(&b, VERB_JOB_SUSPEND)); /* still falling */
        }
        tick(&b);
        assert_int_equal(added(&b, VERB_JOB_SUSPEND)->job_id, 2);
    }
}

/* ---- fail-safe ---- */

static void test_fail_safe(void **state)
{
    (void)state;
    for (int silent = 0; silent < 2; silent++) {
        struct bench b;
        bench_init(&b, &usual);
        add_job(&b, JOB_DEFERRABLE, JOB_QUEUED, 1e4, -1);
        measure(&b, UTILITY, 3e5);
        ask_set(&b, SET, -5e4);
        tick(&b);
        assert_near(b.guard.import_limit_w, 1e6);
        next(&b);
        if (silent)
            b.external_w = UNKNOWN;
        else
            measure(&b, UTILITY, UNKNOWN);
        measure(&b, BATTERY, -5e4);
        ask_set(&b, SET, -2e5);
        ask(&b, VERB_JOB_START, 1);
        tick(&b);
        enum reason reason = silent ? REASON_FAIL_SAFE_GRID_SILENT : REASON_FAIL_SAFE_STALE;
        assert_near(b.guard.import_limit_w, 4e5);
        assert_true(b.guard.fail_safe);
        assert_int_equal(b.event_count, 1);
        assert_true(told(&b, EVENT_FAIL_SAFE_ENTERED, -1, silent ? -1 : UTILITY));
        expect(&b.commands[0], false, -5e4, REASON_UNCHANGED); /* no more than before */
        assert_int_equal(b.commands[1].reason, reason);
        assert_false(b.commands[1].apply);
        next(&b);
        tick(&b);
        assert_int_equal(b.event_count, 0); /* once */
        next(&b);
        b.external_w = 9e5;
        measure(&b, UTILITY, 3e5);
        ask(&b, VERB_JOB_START, 1);
        tick(&b);
        assert_int_equal(b.event_count, 1);
        assert_int_equal(b.events[0].kind, EVENT_FAIL_SAFE_LEFT);
        assert_near(b.guard.import_limit_w, 9e5);
        assert_true(b.commands[0].apply);
    }
}

static void test_unknown_charge_state(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    ask_set(&b, SET, -1e5);
    tick(&b);
    next(&b);
    measure(&b, SOC, UNKNOWN);
    tick(&b);
    assert_int_equal(b.count, 1);
    expect(&b.commands[0], true, 0, REASON_FAIL_SAFE_STALE);
}

static void test_unguarded_setpoint(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    ask_set(&b, CHARGE_MAX, 1);
    tick(&b);
    assert_false(b.commands[0].apply);
    assert_int_equal(b.commands[0].reason, REASON_LIMIT_RANGE);
}

/* ---- jobs ---- */

static void test_starts_share_one_headroom(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    for (int i = 0; i < 4; i++) {
        add_job(&b, JOB_DEFERRABLE, JOB_QUEUED, 1e5, -1);
        ask(&b, VERB_JOB_START, i + 1)->feeder = i % 2;
    }
    tick(&b); /* 490 kW of room, 150 kW each at the meter */
    for (int i = 0; i < 3; i++)
        assert_true(b.commands[i].apply);
    assert_false(b.commands[3].apply);
    assert_int_equal(b.commands[3].reason, REASON_LIMIT_IMPORT);
    /* Started, but the meter has not seen them yet: their power still counts. */
    for (int i = 0; i < 3; i++) {
        b.jobs[i].state = JOB_RUNNING;
        b.jobs[i].feeder = i % 2;
        b.jobs[i].state_ms = b.now_ms + 1000;
    }
    next(&b);
    ask(&b, VERB_JOB_START, 4);
    tick(&b);
    assert_false(b.commands[0].apply);
    b.now_ms += 1000;
    next(&b);
    ask(&b, VERB_JOB_START, 4);
    tick(&b);
    assert_true(b.commands[0].apply);
}

static void test_feeder_limits(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    b.feeder_w[0] = 5.5e5;
    b.feeder_w[1] = UNKNOWN;
    add_job(&b, JOB_DEFERRABLE, JOB_QUEUED, 1e5, -1);
    ask(&b, VERB_JOB_START, 1)->feeder = 0;
    ask(&b, VERB_JOB_START, 1)->feeder = 1;
    ask(&b, VERB_JOB_START, 1)->feeder = 7;
    tick(&b);
    assert_int_equal(b.commands[0].reason, REASON_LIMIT_FEEDER);
    assert_int_equal(b.commands[1].reason, REASON_FAIL_SAFE_STALE);
    assert_int_equal(b.commands[2].reason, REASON_LIMIT_FEEDER);
    for (int i = 0; i < 3; i++)
        assert_false(b.commands[i].apply);
}

static void test_feeder_crossed(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    add_job(&b, JOB_SCAVENGER, JOB_RUNNING, 2e5, 0);
    add_job(&b, JOB_DEFERRABLE, JOB_RUNNING, 1e5, 1);
    b.feeder_w[1] = 4.5e5;
    tick(&b);
    assert_true(told(&b, EVENT_LIMIT_BREACHED, 1, -1));
    assert_int_equal(b.count, 1);
    assert_int_equal(b.commands[0].job_id, 2); /* of that feeder, not the scavenger elsewhere */
}

static void test_minimum_times(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    add_job(&b, JOB_DEFERRABLE, JOB_RUNNING, 1e4, 0)->state_ms = b.now_ms - 59000;
    add_job(&b, JOB_DEFERRABLE, JOB_SUSPENDED, 1e4, 0)->state_ms = b.now_ms - 59000;
    add_job(&b, JOB_REALTIME, JOB_RUNNING, 1e4, 0);
    ask(&b, VERB_JOB_SUSPEND, 1);
    ask(&b, VERB_JOB_RESUME, 2);
    ask(&b, VERB_JOB_SUSPEND, 3);
    tick(&b);
    assert_int_equal(b.commands[0].reason, REASON_LIMIT_MIN_TIME);
    assert_int_equal(b.commands[1].reason, REASON_LIMIT_MIN_TIME);
    assert_false(b.commands[2].apply); /* realtime is never touched */
    next(&b);
    ask(&b, VERB_JOB_SUSPEND, 1);
    ask(&b, VERB_JOB_RESUME, 2);
    tick(&b);
    assert_true(b.commands[0].apply && b.commands[1].apply);
}

static void test_charging_leaves_room_for_starts(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    measure(&b, UTILITY, 8e5);
    add_job(&b, JOB_DEFERRABLE, JOB_QUEUED, 1e5, -1);
    ask_set(&b, SET, -3e5);
    ask(&b, VERB_JOB_START, 1);
    tick(&b);
    assert_true(b.commands[1].apply);
    expect(&b.commands[0], true, -4e4, REASON_LIMIT_IMPORT);
}

static void test_advice_leaves_no_trace(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    b.guard.acts[SUBSYSTEM_BATTERY] = false;
    ask_set(&b, SET, 9e5)->apply = false;
    struct guard_setpoint before = b.guard.battery;
    tick(&b);
    expect(&b.commands[0], false, 5e5, REASON_LIMIT_DEVICE);
    assert_false(b.guard.battery.written);
    assert_true(b.guard.battery.tokens >= before.tokens);
    next(&b);
    measure(&b, UTILITY, 1.2e6);
    tick(&b);
    assert_false(added(&b, VERB_SETPOINT)->apply);
}

static void test_back_in_control(void **state)
{
    (void)state;
    struct bench b;
    struct guard_config config = usual;
    config.battery_ramp_w_per_s = 5e4;
    bench_init(&b, &config);
    ask_set(&b, SET, 5e4);
    tick(&b);
    next(&b);
    b.guard.acts[SUBSYSTEM_BATTERY] = false;
    tick(&b);
    next(&b);
    b.guard.acts[SUBSYSTEM_BATTERY] = true;
    measure(&b, BATTERY, 3e5); /* somebody else had it meanwhile: the ramp starts from there */
    ask_set(&b, SET, 0);
    tick(&b);
    expect(&b.commands[0], true, 2.5e5, REASON_LIMIT_RAMP);
}

/* ---- writes that do not arrive ---- */

/* Discharging by its register, and the reserve is reached. */
static void at_the_reserve(struct bench *b, const struct guard_config *config)
{
    bench_init(b, config);
    ask_set(b, SET, 2e5);
    tick(b);
    next(b);
    measure(b, BATTERY, 2e5);
    measure(b, SOC, 20);
    b->deaf = true;
    tick(b);
    expect(added(b, VERB_SETPOINT), true, 0, REASON_LIMIT_SOC_RESERVE);
}

static void test_failed_write_at_the_reserve(void **state)
{
    (void)state;
    for (int rests = 0; rests < 2; rests++) {
        struct bench b;
        struct guard_config config = settling();
        config.battery_write_per_hour = 1;
        at_the_reserve(&b, &config);
        int tries = 1;
        for (int i = 0; i < 60; i++) {
            if (added(&b, VERB_SETPOINT)->apply)
                guard_written(&b.guard, SET, REASON_WRITE_FAILED);
            next(&b);
            measure(&b, BATTERY, rests ? 0 : 2e5); /* the register alone says what comes */
            tick(&b);
            assert_non_null(added(&b, VERB_SETPOINT));
            bool again = added(&b, VERB_SETPOINT)->apply;
            expect(added(&b, VERB_SETPOINT), again, again || rests ? 0 : 2e5,
                   again ? REASON_LIMIT_SOC_RESERVE : REASON_LIMIT_RETRY);
            tries += again;
        }
        assert_in_range(tries, 7, 8); /* after 1, 2, 4, 8 and then every 15 s */
        b.deaf = false;
        if (added(&b, VERB_SETPOINT)->apply)
            guard_written(&b.guard, SET, REASON_WRITE_FAILED);
        for (int i = 0; i < 15; i++)
            next(&b), tick(&b);
        assert_true(b.values[SET].value == 0);
        guard_written(&b.guard, SET, REASON_WRITE_CONFIRMED);
        measure(&b, BATTERY, 0);
        for (int i = 0; i < 10; i++) {
            next(&b), tick(&b);
            assert_int_equal(b.count, 0);
        }
    }
}

/* Nobody ever answers: the register tells, once it had the time to change. */
static void test_lost_write_at_the_reserve(void **state)
{
    (void)state;
    struct bench b;
    struct guard_config config = settling();
    at_the_reserve(&b, &config);
    for (int i = 0; i < SETTLE_MS / 1000; i++) {
        next(&b), tick(&b);
        assert_int_equal(b.count, 0);
    }
    next(&b), tick(&b);
    expect(added(&b, VERB_SETPOINT), true, 0, REASON_LIMIT_SOC_RESERVE);
}

static void test_answers_of_other_points(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    ask_set(&b, SET, 1e5);
    ask_set(&b, SUPPLY_SET, 21);
    tick(&b);
    guard_written(&b.guard, SET, REASON_WRITE_CONFIRMED);
    guard_written(&b.guard, -1, REASON_WRITE_FAILED);
    guard_written(&b.guard, DISCHARGE_MAX, REASON_WRITE_FAILED);
    assert_true(b.guard.battery.written && b.guard.supply.written);
    guard_written(&b.guard, SUPPLY_SET, REASON_WRITE_FAILED);
    assert_true(b.guard.battery.written && !b.guard.supply.written);
}

/* A wish that failed is written again within the budget. */
static void test_failed_wish(void **state)
{
    (void)state;
    struct bench b;
    struct guard_config config = settling();
    config.battery_write_per_hour = 20;
    bench_init(&b, &config);
    b.deaf = true;
    int writes = 0;
    for (int i = 0; i < 3600; i++, next(&b)) {
        ask_set(&b, SET, 1e5);
        tick(&b);
        writes += b.commands[0].apply;
        guard_written(&b.guard, SET, REASON_WRITE_FAILED);
    }
    assert_in_range(writes, 15, 22);
}

static void test_device_that_reverted(void **state)
{
    (void)state;
    struct bench b;
    struct guard_config config = settling();
    bench_init(&b, &config);
    ask_set(&b, SET, 1e5);
    tick(&b);
    for (int i = 0; i <= SETTLE_MS / 1000; i++)
        next(&b);
    measure(&b, SET, 1.005e5); /* as the register rounds it */
    ask_set(&b, SET, 1e5);
    tick(&b);
    expect(&b.commands[0], false, 1e5, REASON_UNCHANGED);
    next(&b);
    measure(&b, SET, 0);
    ask_set(&b, SET, 1e5);
    tick(&b);
    expect(&b.commands[0], true, 1e5, REASON_PLANNED);
}

static void test_failed_cooling_write(void **state)
{
    (void)state;
    struct bench b;
    struct guard_config config = settling();
    config.supply_ramp_k_per_s = 0.5;
    bench_init(&b, &config);
    b.deaf = true;
    measure(&b, INLET, UNKNOWN);
    int tries = 0;
    for (int i = 0; i < 10; i++, next(&b)) {
        tick(&b);
        assert_non_null(added(&b, VERB_SETPOINT));
        bool again = added(&b, VERB_SETPOINT)->apply;
        expect(added(&b, VERB_SETPOINT), again, again ? 19.5 : 20,
               again ? REASON_LIMIT_RAMP : REASON_LIMIT_RETRY);
        if (again)
            guard_written(&b.guard, SUPPLY_SET, REASON_WRITE_FAILED);
        tries += again;
    }
    assert_int_equal(tries, 4);
    for (int i = 0; i < 30; i++, next(&b)) /* not even an answer: down to the end ... */
        tick(&b);
    b.deaf = false;
    for (int i = 0; i < 60; i++, next(&b)) /* ... and once more, as the register did not move */
        tick(&b);
    assert_near(b.values[SUPPLY_SET].value, 16);
    measure(&b, SUPPLY_SET, 16.4); /* whole kelvins, say: no reason to wear it out */
    for (int i = 0; i < 20; i++, next(&b)) {
        tick(&b);
        assert_int_equal(b.count, 0);
    }
}

/* ---- unknown inputs ---- */

/* What the device last offered holds while it does not tell. */
static void test_offer_lost(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct bench b;
        bench_init(&b, &usual);
        int input = i ? CHARGE_MAX : DISCHARGE_MAX;
        measure(&b, input, 1e4);
        tick(&b);
        next(&b);
        measure(&b, input, UNKNOWN);
        ask_set(&b, SET, i ? -2e5 : 2e5);
        tick(&b);
        expect(&b.commands[0], true, i ? -1e4 : 1e4, REASON_LIMIT_DEVICE);
    }
}

/* The battery's meter is lost: what adds to a crossing stops all the same. */
static void test_battery_meter_lost(void **state)
{
    (void)state;
    for (int export = 0; export < 2; export ++) {
        struct bench b;
        bench_init(&b, &usual);
        ask_set(&b, SET, export ? 2e5 : -2e5);
        tick(&b);
        next(&b);
        measure(&b, BATTERY, UNKNOWN);
        tick(&b);
        assert_int_equal(b.count, 0);
        next(&b);
        measure(&b, UTILITY, export ? -1.5e5 : 1.1e6);
        tick(&b);
        expect(added(&b, VERB_SETPOINT), true, 0,
               export ? REASON_LIMIT_EXPORT : REASON_LIMIT_IMPORT);
    }
}

/* At the start nothing is known of the battery: it is not left at whatever it does. */
static void test_unknown_battery_is_idled(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    measure(&b, BATTERY, UNKNOWN);
    measure(&b, SET, UNKNOWN);
    b.deaf = true;
    tick(&b);
    assert_non_null(added(&b, VERB_SETPOINT));
    expect(added(&b, VERB_SETPOINT), true, 0, REASON_FAIL_SAFE_STALE);
    next(&b), tick(&b);
    assert_int_equal(b.count, 0);
}

/* No ramp can start from an unknown set-point: the way up begins at the safe value. */
static void test_unknown_supply(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    measure(&b, SUPPLY_SET, UNKNOWN);
    ask_set(&b, SUPPLY_SET, 25);
    tick(&b);
    expect(&b.commands[0], true, 16, REASON_FAIL_SAFE_STALE);
}

/* ---- cooling ---- */

static void test_cooling(void **state)
{
    (void)state;
    struct bench b;
    struct guard_config config = usual;
    config.supply_ramp_k_per_s = 0.5;
    bench_init(&b, &config);
    ask_set(&b, SUPPLY_SET, 23);
    tick(&b);
    expect(&b.commands[0], true, 20.5, REASON_LIMIT_RAMP);
    next(&b);
    measure(&b, INLET, 31);
    tick(&b); /* nobody asks: colder all the same, step by step */
    assert_true(told(&b, EVENT_LIMIT_BREACHED, -1, INLET));
    expect(added(&b, VERB_SETPOINT), true, 20, REASON_LIMIT_RAMP);
    next(&b);
    measure(&b, INLET, UNKNOWN);
    ask_set(&b, SUPPLY_SET, 25);
    tick(&b);
    expect(&b.commands[0], true, 19.5, REASON_LIMIT_RAMP);
    for (int i = 0; i < 20; i++)
        next(&b), tick(&b);
    assert_near(b.guard.supply.last, 16); /* the fail-safe value */
    next(&b);
    ask_set(&b, SUPPLY_SET, 15); /* colder than fail-safe stays allowed */
    tick(&b);
    expect(&b.commands[0], true, 15.5, REASON_LIMIT_RAMP);
}

static void test_slow_cooling_ramp_arrives(void **state)
{
    (void)state;
    struct bench b;
    struct guard_config config = usual;
    config.supply_ramp_k_per_s = 0.01;
    bench_init(&b, &config);
    int writes = 0;
    for (int i = 0; i < 300; i++, next(&b)) {
        ask_set(&b, SUPPLY_SET, 21);
        tick(&b);
        writes += b.commands[0].apply;
    }
    assert_true(fabs(b.guard.supply.last - 21) < 0.25); /* inside the dead band */
    assert_in_range(writes, 3, 8);
}

/* ---- promises ---- */

static double uniform(double low, double high)
{
    return low + (high - low) * rand() / RAND_MAX;
}

static double maybe(double value)
{
    return rand() % 5 == 0 ? UNKNOWN : value;
}

/* Some writes are lost, with or without an answer; the register itself is always read. */
static void lose_writes(struct bench *b)
{
    b->deaf = rand() % 3 == 0;
    if (rand() % 4 == 0)
        guard_written(&b->guard, rand() % 2 ? SET : SUPPLY_SET, REASON_WRITE_REFUSED);
    measure(b, SET, b->values[SET].value);
    measure(b, SUPPLY_SET, b->values[SUPPLY_SET].value);
}

static void randomise(struct bench *b)
{
    lose_writes(b);
    measure(b, UTILITY, maybe(uniform(-3e5, 1.3e6)));
    measure(b, BATTERY, maybe(uniform(-5e5, 5e5)));
    measure(b, SOC, maybe(uniform(0, 100)));
    measure(b, CHARGE_MAX, maybe(uniform(0, 6e5)));
    measure(b, DISCHARGE_MAX, maybe(uniform(0, 6e5)));
    measure(b, INLET, maybe(uniform(20, 34)));
    b->external_w = rand() % 4 == 0 ? UNKNOWN : uniform(2e5, 1.5e6);
    for (int f = 0; f < 2; f++)
        b->feeder_w[f] = maybe(uniform(0, 7e5));
    b->count = 0;
    for (int i = 0; i < b->job_count; i++) {
        b->jobs[i].state = (enum job_state)(rand() % JOB_STATES);
        b->jobs[i].state_ms = b->now_ms - rand() % 200000;
        if (rand() % 2)
            ask(b, (enum verb)(rand() % 3), i + 1)->feeder = rand() % 3 - 1;
    }
    if (rand() % 2)
        ask_set(b, SET, uniform(-8e5, 8e5));
    if (rand() % 2)
        ask_set(b, SUPPLY_SET, uniform(5, 40));
}

static double known(const struct bench *b, int input)
{
    return b->values[input].quality == QUALITY_GOOD ? b->values[input].value : UNKNOWN;
}

/* A write that failed is not repeated every tick. */
static bool waits(const struct bench *b, int point, const struct guard_setpoint *setpoint)
{
    for (int i = 0; i < b->count; i++)
        if (b->commands[i].point == point && b->commands[i].reason == REASON_LIMIT_RETRY)
            return setpoint->failures > 0 && !b->commands[i].apply;
    return false;
}

static void check_battery(const struct bench *b, const struct guard *before, double held_w)
{
    double import_w = known(b, UTILITY), battery_w = known(b, BATTERY), soc = known(b, SOC);
    double value_w = b->guard.battery.last;
    if (waits(b, SET, &b->guard.battery)) /* `last` is what was read back */
        return;
    if (isnan(soc))
        assert_true(value_w == 0 || !b->guard.battery.written);
    if (soc <= usual.soc_min_pct)
        assert_true(value_w <= 0 || !b->guard.battery.written);
    if (soc >= usual.soc_max_pct)
        assert_true(value_w >= 0 || !b->guard.battery.written);
    if (!b->guard.battery.written)
        return;
    assert_true(fabs(value_w) <= usual.battery_discharge_max_w);
    if (!isnan(import_w) && !isnan(battery_w)) {
        double after_w = import_w + battery_w - value_w;
        if (value_w > 0)
            assert_true(after_w >= -usual.export_limit_w - 1e-6);
        if (value_w < 0)
            assert_true(after_w <= b->guard.import_limit_w + 1e-6);
    }
    if (b->guard.fail_safe && before->battery.written)
        assert_true(value_w >=
                    fmin(fmin(before->battery.last, held_w), 0) - 1e-6); /* no more charging */
}

static const struct command *written(const struct bench *b, int point)
{
    for (int i = 0; i < b->count; i++)
        if (b->commands[i].verb == VERB_SETPOINT && b->commands[i].point == point &&
            b->commands[i].apply)
            return &b->commands[i];
    return NULL;
}

/* Never less safe than what the device held before: a register that breaks a limit is written,
 * and without a meter nothing grows. */
static void check_registers(const struct bench *b, double held_w, double held_c)
{
    const struct command *battery = written(b, SET), *supply = written(b, SUPPLY_SET);
    double soc = known(b, SOC), inlet_c = known(b, INLET);
    bool battery_waits = waits(b, SET, &b->guard.battery);
    bool supply_waits = waits(b, SUPPLY_SET, &b->guard.supply);
    if (held_w > 0 && !(soc > usual.soc_min_pct))
        assert_true(battery ? battery->value <= 0 : battery_waits);
    if (held_w < 0 && !(soc < usual.soc_max_pct))
        assert_true(battery ? battery->value >= 0 : battery_waits);
    if (battery && (isnan(known(b, UTILITY)) || isnan(known(b, BATTERY)))) {
        double most_w = fmax(fabs(held_w), fabs(known(b, BATTERY)));
        assert_true(fabs(battery->value) <= most_w + 1e-6);
    }
    if (inlet_c > usual.inlet_limit_c && held_c > usual.supply_min_c + 0.1)
        assert_true(supply ? supply->value < held_c : supply_waits);
    if (isnan(inlet_c) && held_c > usual.supply_fail_safe_c + 0.5)
        assert_true(supply ? supply->value < held_c : supply_waits);
}

static void check_jobs(const struct bench *b, const bool *asked)
{
    for (int i = 0; i < b->count; i++) {
        const struct command *c = &b->commands[i];
        if (c->verb == VERB_SETPOINT || !c->apply)
            continue;
        const struct job *job = &b->jobs[c->job_id - 1];
        bool rises = (c->verb == VERB_JOB_START && job->state == JOB_QUEUED) ||
                     (c->verb == VERB_JOB_RESUME && job->state == JOB_SUSPENDED);
        if (rises) {
            assert_true(asked[c->job_id] && !b->guard.fail_safe);
            assert_true(known(b, UTILITY) + job->power_w * usual.overhead_ratio_max +
                            usual.headroom_w <=
                        b->guard.import_limit_w + 1e-6);
        }
        if (c->reason == REASON_SHED)
            assert_true(job->job_class >= JOB_DEFERRABLE && job->can_suspend &&
                        job->state == JOB_RUNNING);
    }
}

static void check_cooling(const struct bench *b, const struct guard *before, double held_c)
{
    if (!b->guard.supply.written)
        return;
    double inlet_c = known(b, INLET), value_c = b->guard.supply.last;
    assert_true(value_c >= usual.supply_min_c - 1e-9 && value_c <= usual.supply_max_c + 1e-9);
    if (before->supply.written && (isnan(inlet_c) || inlet_c > usual.inlet_limit_c))
        assert_true(value_c <= fmax(before->supply.last, held_c) + 1e-9);
}

static void test_promises(void **state)
{
    (void)state;
    srand(42);
    for (int round = 0; round < ROUNDS; round++) {
        struct bench b;
        bench_init(&b, &usual);
        for (int i = 0; i < JOBS; i++)
            add_job(&b, (enum job_class)(rand() % JOB_CLASSES), JOB_QUEUED, uniform(1e3, 2e5),
                    rand() % 2)
                ->can_suspend = rand() % 4 != 0;
        for (int t = 0; t < TICKS; t++, b.now_ms += 1000) {
            randomise(&b);
            bool asked[JOBS + 1] = {false};
            for (int i = 0; i < b.count; i++)
                asked[b.commands[i].job_id] = true;
            struct guard before = b.guard;
            double held_w = b.values[SET].value, held_c = b.values[SUPPLY_SET].value;
            tick(&b);
            check_registers(&b, held_w, held_c);
            assert_true(b.event_count <= GUARD_EVENTS);
            for (int i = 0; i < b.count; i++)
                assert_true(b.commands[i].reason != REASON_NONE);
            check_battery(&b, &before, held_w);
            check_jobs(&b, asked);
            check_cooling(&b, &before, held_c);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_battery_passes_what_is_safe),
        cmocka_unit_test(test_battery_limits),
        cmocka_unit_test(test_battery_ramp),
        cmocka_unit_test(test_dead_band_and_budget),
        cmocka_unit_test(test_refresh),
        cmocka_unit_test(test_import_crossed_battery_first),
        cmocka_unit_test(test_import_crossed_jobs_when_battery_cannot),
        cmocka_unit_test(test_import_crossed_battery_that_does_not_follow),
        cmocka_unit_test(test_a_slow_stop_is_not_waited_for),
        cmocka_unit_test(test_a_refused_stop_does_not_shield_others),
        cmocka_unit_test(test_blind_shedding_once),
        cmocka_unit_test(test_blind_under_the_limit),
        cmocka_unit_test(test_blind_from_the_start),
        cmocka_unit_test(test_blind_stop_that_failed),
        cmocka_unit_test(test_blind_counts_what_moved),
        cmocka_unit_test(test_blind_after_an_old_reading),
        cmocka_unit_test(test_blind_charging_stops_first),
        cmocka_unit_test(test_feeders_without_the_utility_meter),
        cmocka_unit_test(test_fail_safe),
        cmocka_unit_test(test_unknown_charge_state),
        cmocka_unit_test(test_unguarded_setpoint),
        cmocka_unit_test(test_starts_share_one_headroom),
        cmocka_unit_test(test_feeder_limits),
        cmocka_unit_test(test_feeder_crossed),
        cmocka_unit_test(test_minimum_times),
        cmocka_unit_test(test_charging_leaves_room_for_starts),
        cmocka_unit_test(test_advice_leaves_no_trace),
        cmocka_unit_test(test_back_in_control),
        cmocka_unit_test(test_failed_write_at_the_reserve),
        cmocka_unit_test(test_lost_write_at_the_reserve),
        cmocka_unit_test(test_answers_of_other_points),
        cmocka_unit_test(test_failed_wish),
        cmocka_unit_test(test_device_that_reverted),
        cmocka_unit_test(test_failed_cooling_write),
        cmocka_unit_test(test_offer_lost),
        cmocka_unit_test(test_battery_meter_lost),
        cmocka_unit_test(test_unknown_battery_is_idled),
        cmocka_unit_test(test_unknown_supply),
        cmocka_unit_test(test_cooling),
        cmocka_unit_test(test_slow_cooling_ramp_arrives),
        cmocka_unit_test(test_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
