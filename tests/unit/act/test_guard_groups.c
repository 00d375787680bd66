/* Rack groups have limits and accelerators of their own, jobs may run at less power, and a cold
 * store never takes what the racks need. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/act/guard.h"

enum { UTILITY, INLET, TANK_SOC, TANK_SET, INPUTS };
enum { ROOM = 32, JOBS = 8, SETTLE_MS = 5000 };

#define UNKNOWN ((double)NAN)

/* Feeder 0 has groups 0 (metered) and 1 (not), feeder 1 is one group. */
struct bench {
    struct guard guard;
    struct topology topology;
    struct point points[INPUTS];
    struct sample values[INPUTS];
    struct image image;
    int64_t now_ms;
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
    .import_fail_safe_w = 1e6,
    .inlet_limit_c = 30,
    .supply_max_c = 26,
    .cooling_write_per_hour = 3600,
    .tank_charge_max_w = 3e5,
    .tank_discharge_max_w = 4e5,
    .tank_deadband_w = 5e3,
    .tank_write_per_hour = 3600,
    .overhead_ratio_max = 1.5,
    .job_min_run_ms = 60000,
    .job_min_stop_ms = 60000,
    .feeder_limit_w = {4e5, 4e5},
    .feeder_count = 2,
    .group_limit_w = {1e5, 2e5, (double)INFINITY},
    .group_metered = {true, false, true},
    .group_accelerators = {{0}, {8}, {16, 8}},
    .group_count = 3,
    .settle_ms = SETTLE_MS,
};

static void measure(struct bench *bench, int input, double value)
{
    bench->values[input] = (struct sample){.point = input,
                                           .quality = isnan(value) ? QUALITY_STALE : QUALITY_GOOD,
                                           .value = value,
                                           .source_ms = bench->now_ms};
}

static void bench_init(struct bench *bench)
{
    static const struct guard_inputs inputs = {.utility_power = UTILITY,
                                               .battery_power = -1,
                                               .battery_soc = -1,
                                               .battery_charge_max = -1,
                                               .battery_discharge_max = -1,
                                               .battery_set = -1,
                                               .battery_revert = -1,
                                               .supply_set = -1,
                                               .inlet_temp = INLET,
                                               .tank_soc = TANK_SOC,
                                               .tank_set = TANK_SET};
    static const enum point_kind kinds[INPUTS] = {POINT_POWER, POINT_TEMP_INLET, POINT_SOC,
                                                  POINT_POWER_COOLING_SET};
    static const double at_rest[INPUTS] = {3e5, 24, 50, 0};
    memset(bench, 0, sizeof *bench);
    bench->topology = (struct topology){.points = bench->points, .point_count = INPUTS};
    bench->image = (struct image){.topology = &bench->topology, .values = bench->values};
    bench->now_ms = 10000000;
    guard_init(&bench->guard, &usual, &inputs);
    for (int i = 0; i < INPUTS; i++) {
        bench->points[i].kind = kinds[i];
        measure(bench, i, at_rest[i]);
    }
}

/* At rest for long. */
static const int32_t feeder_of[] = {0, 0, 1};

static struct job *add_job(struct bench *bench, enum job_class job_class, enum job_state state,
                           double power_w, int32_t group)
{
    struct job *job = &bench->jobs[bench->job_count++];
    *job = (struct job){.id = bench->job_count,
                        .job_class = job_class,
                        .state = state,
                        .power_w = power_w,
                        .group = state == JOB_QUEUED ? -1 : group,
                        .feeder = state == JOB_QUEUED ? -1 : feeder_of[group],
                        .can_suspend = true,
                        .started_ms = state == JOB_QUEUED ? 0 : 1,
                        .state_ms = 1};
    return job;
}

static struct job *add_elastic(struct bench *bench, enum job_class job_class, int32_t group)
{
    struct job *job = add_job(bench, job_class, JOB_RUNNING, 40e3, group);
    job->levels[0] = (struct job_level){40e3, 1, 8};
    job->levels[1] = (struct job_level){30e3, 0.9, 8};
    job->levels[2] = (struct job_level){15e3, 0.5, 8};
    job->level_count = 3;
    return job;
}

static struct command *ask(struct bench *bench, enum verb verb, int64_t job_id, int32_t group)
{
    struct command *command = &bench->commands[bench->count++];
    *command = (struct command){.subsystem = SUBSYSTEM_JOBS,
                                .verb = verb,
                                .job_id = job_id,
                                .group = group,
                                .feeder = group < 0 ? -1 : feeder_of[group],
                                .point = -1,
                                .reason = REASON_PLANNED,
                                .asker = "planner",
                                .apply = true};
    return command;
}

static struct command *ask_tank(struct bench *bench, double value_w)
{
    struct command *command = ask(bench, VERB_SETPOINT, 0, -1);
    command->subsystem = SUBSYSTEM_COOLING;
    command->point = TANK_SET;
    command->value = command->wanted = value_w;
    return command;
}

/* The tank takes what is written. */
static void tick(struct bench *bench)
{
    bench->count =
        guard_apply(&bench->guard, &bench->image, bench->now_ms, (double)INFINITY, bench->jobs,
                    bench->job_count, bench->feeder_w, bench->group_w, bench->commands,
                    bench->count, ROOM, bench->events, &bench->event_count);
    for (int i = 0; i < bench->count; i++)
        if (bench->commands[i].verb == VERB_SETPOINT && bench->commands[i].apply)
            measure(bench, bench->commands[i].point, bench->commands[i].value);
}

static void next(struct bench *bench, int64_t seconds)
{
    bench->now_ms += seconds * 1000;
    bench->count = 0;
    for (int i = 0; i < INPUTS; i++)
        bench->values[i].source_ms = bench->now_ms;
}

static const struct command *added(const struct bench *bench, enum verb verb, int64_t job_id)
{
    for (int i = 0; i < bench->count; i++)
        if (bench->commands[i].verb == verb && bench->commands[i].job_id == job_id &&
            strcmp(bench->commands[i].asker, "guard") == 0)
            return &bench->commands[i];
    return NULL;
}

static void verdict(const struct command *command, bool apply, enum reason reason)
{
    assert_int_equal(command->apply, apply);
    assert_int_equal(command->reason, reason);
}

/* ---- groups ---- */

static void a_metered_group_takes_what_fits(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    b.group_w[0] = b.feeder_w[0] = 70e3;
    for (int i = 0; i < 2; i++)
        add_job(&b, JOB_DEFERRABLE, JOB_QUEUED, 20e3, 0);
    ask(&b, VERB_JOB_START, 1, 0);
    ask(&b, VERB_JOB_START, 2, 0); /* 110 kW with the first, of 100 kW */
    tick(&b);
    verdict(&b.commands[0], true, REASON_PLANNED);
    verdict(&b.commands[1], false, REASON_LIMIT_FEEDER);
}

static void what_is_not_metered_is_the_sum_of_its_jobs(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    b.feeder_w[0] = 150e3;
    b.group_w[1] = 150e3; /* as the caller sums them */
    add_job(&b, JOB_DEFERRABLE, JOB_RUNNING, 150e3, 1)->state_ms = b.now_ms; /* not twice */
    add_job(&b, JOB_DEFERRABLE, JOB_QUEUED, 50e3, 1);
    add_job(&b, JOB_DEFERRABLE, JOB_QUEUED, 1e3, 1);
    ask(&b, VERB_JOB_START, 2, 1);
    ask(&b, VERB_JOB_START, 3, 1);
    tick(&b);
    verdict(&b.commands[0], true, REASON_PLANNED);
    verdict(&b.commands[1], false, REASON_LIMIT_FEEDER);
}

static void nothing_rises_in_an_unknown_group(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    b.group_w[0] = UNKNOWN;
    add_job(&b, JOB_DEFERRABLE, JOB_QUEUED, 1e3, 0);
    add_job(&b, JOB_DEFERRABLE, JOB_QUEUED, 1e3, 1);
    add_elastic(&b, JOB_DEFERRABLE, 0)->level = 2;
    b.jobs[2].level_asked = b.jobs[2].level_before = 2;
    ask(&b, VERB_JOB_START, 1, 0);
    ask(&b, VERB_JOB_START, 2, 1);
    ask(&b, VERB_JOB_LEVEL, 3, 0);
    tick(&b);
    verdict(&b.commands[0], false, REASON_FAIL_SAFE_STALE);
    verdict(&b.commands[1], true, REASON_PLANNED);
    verdict(&b.commands[2], false, REASON_FAIL_SAFE_STALE);
}

static void a_crossed_group_sheds_its_own_jobs(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    b.group_w[0] = 130e3;
    b.feeder_w[0] = 200e3;
    add_job(&b, JOB_SCAVENGER, JOB_RUNNING, 70e3, 1); /* of the same feeder, another group */
    add_job(&b, JOB_DEFERRABLE, JOB_RUNNING, 40e3, 0);
    tick(&b);
    assert_int_equal(b.count, 1);
    verdict(added(&b, VERB_JOB_SUSPEND, 2), true, REASON_SHED);
    assert_int_equal(b.event_count, 1);
    assert_int_equal(b.events[0].kind, EVENT_LIMIT_BREACHED);
    assert_int_equal(b.events[0].branch, LIMIT_FEEDERS);
}

/* A stop that an unmetered sum still contains is not asked for by stopping a second job. */
static void a_sum_knows_what_is_on_its_way_down(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    b.feeder_w[0] = 240e3;
    b.group_w[1] = 240e3;
    add_job(&b, JOB_DEFERRABLE, JOB_SUSPENDING, 60e3, 1)->state_ms = b.now_ms - 1000;
    add_job(&b, JOB_DEFERRABLE, JOB_RUNNING, 180e3, 1);
    tick(&b);
    assert_int_equal(b.count, 0);
    next(&b, 3 * SETTLE_MS / 1000); /* it is not believed for ever */
    tick(&b);
    assert_non_null(added(&b, VERB_JOB_SUSPEND, 2));
}

/* ---- accelerators ---- */

enum { H = 1, A = 2, OTHER = 4 }; /* group 1 has 8 H, group 2 has 16 H and 8 A */

static struct job *add_user(struct bench *bench, enum job_state state, int32_t group,
                            uint32_t classes, int32_t count)
{
    struct job *job = add_job(bench, JOB_DEFERRABLE, state, 1e3, group);
    job->accelerator_classes = classes;
    job->levels[0] = (struct job_level){1e3, 1, count};
    job->levels[1] = (struct job_level){500, 0.5, count / 2};
    job->level_count = 2;
    return job;
}

static void expect(struct bench *bench, enum verb verb, int64_t job_id, int32_t group,
                   int32_t level, bool apply)
{
    next(bench, 100);
    ask(bench, verb, job_id, group)->level = level;
    tick(bench);
    verdict(&bench->commands[0], apply, apply ? REASON_PLANNED : REASON_LIMIT_ACCELERATORS);
}

static void a_start_waits_for_accelerators(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    struct job *late = add_user(&b, JOB_RUNNING, 2, H, 10);
    add_user(&b, JOB_QUEUED, 2, H, 8);
    late->ran_ms = late->work_ms + 1; /* the plan counts it as done */
    expect(&b, VERB_JOB_START, 2, 2, 0, false);
    expect(&b, VERB_JOB_START, 2, 2, 1, true);  /* 4 are free */
    expect(&b, VERB_JOB_START, 2, 1, 0, true);  /* elsewhere 8 */
    expect(&b, VERB_JOB_START, 2, 0, 0, false); /* and nowhere else */
    late->state = JOB_CANCELLING;
    expect(&b, VERB_JOB_START, 2, 2, 0, false);
    late->state = JOB_CANCELLED;
    expect(&b, VERB_JOB_START, 2, 2, 0, true);
}

static void starts_of_one_tick_share_accelerators(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    for (int i = 0; i < 4; i++)
        add_user(&b, JOB_QUEUED, 2, H, i < 3 ? 10 : 6);
    ask(&b, VERB_JOB_START, 1, 2)->apply = false; /* advice takes nothing */
    for (int64_t id = 2; id <= 4; id++)
        ask(&b, VERB_JOB_START, id, 2);
    tick(&b);
    verdict(&b.commands[0], false, REASON_PLANNED);
    verdict(&b.commands[1], true, REASON_PLANNED);
    verdict(&b.commands[2], false, REASON_LIMIT_ACCELERATORS);
    verdict(&b.commands[3], true, REASON_PLANNED);
}

static void jobs_of_several_classes_count_in_every_set(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    add_user(&b, JOB_RUNNING, 2, H, 12);
    struct job *any = add_user(&b, JOB_RUNNING, 2, H | A, 12);
    add_user(&b, JOB_QUEUED, 2, A, 1);
    expect(&b, VERB_JOB_START, 3, 2, 0, false); /* 25 of 24, though A alone has room */
    any->levels[0].accelerators = 7;
    add_user(&b, JOB_QUEUED, 2, H, 5);
    expect(&b, VERB_JOB_START, 4, 2, 0, false); /* 17 H of 16 */
    expect(&b, VERB_JOB_START, 3, 2, 0, true);
    b.jobs[2].accelerator_classes = OTHER;
    expect(&b, VERB_JOB_START, 3, 2, 0, false); /* none there */
    /* What a group does not have is no help there. */
    add_user(&b, JOB_RUNNING, 1, H | A, 6);
    b.jobs[3].levels[0].accelerators = 3;
    expect(&b, VERB_JOB_START, 4, 1, 0, false);
    b.jobs[3].levels[0].accelerators = 2;
    expect(&b, VERB_JOB_START, 4, 1, 0, true);
}

static void a_raise_waits_for_accelerators(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    struct job *other = add_user(&b, JOB_RUNNING, 2, H, 14);
    struct job *job = add_user(&b, JOB_RUNNING, 2, H, 9);
    job->level = job->level_asked = job->level_before = 1;       /* 4 of 9 */
    other->level = other->level_asked = other->level_before = 1; /* 7 of 14 */
    expect(&b, VERB_JOB_LEVEL, 2, 2, 0, true);
    other->level_asked = 0; /* on its way up */
    other->level_ms = b.now_ms;
    expect(&b, VERB_JOB_LEVEL, 2, 2, 0, false);
    other->level = 0;
    other->level_asked = 1; /* a way down ends where it settles */
    expect(&b, VERB_JOB_LEVEL, 2, 2, 0, false);
    other->level = 1;
    expect(&b, VERB_JOB_LEVEL, 2, 2, 0, true);
}

static void a_resumption_waits_for_accelerators(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    add_user(&b, JOB_SUSPENDED, 2, H, 12);
    struct job *other = add_user(&b, JOB_RUNNING, 2, H, 6);
    expect(&b, VERB_JOB_RESUME, 1, 2, 0, false);
    expect(&b, VERB_JOB_RESUME, 1, 2, 1, false); /* stopped by a signal it goes on with 12 */
    b.jobs[0].state = JOB_SUSPENDING;            /* it still has its own */
    expect(&b, VERB_JOB_RESUME, 1, 2, 0, true);
    b.jobs[0].state = JOB_SUSPENDED;
    other->state = JOB_COMPLETED;
    expect(&b, VERB_JOB_RESUME, 1, 2, 0, true);
}

/* ---- levels ---- */

static void a_raise_is_load_that_starts(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    b.group_w[0] = b.feeder_w[0] = 80e3;
    for (int i = 0; i < 2; i++) {
        struct job *job = add_elastic(&b, JOB_DEFERRABLE, 0);
        job->level = job->level_asked = job->level_before = 2; /* 15 kW */
    }
    ask(&b, VERB_JOB_LEVEL, 1, 0)->level = 1; /* +15 kW */
    ask(&b, VERB_JOB_LEVEL, 2, 0)->level = 1; /* 110 kW */
    tick(&b);
    verdict(&b.commands[0], true, REASON_PLANNED);
    verdict(&b.commands[1], false, REASON_LIMIT_FEEDER);
    /* While the first is under way its rise counts. */
    b.jobs[0].level_asked = 1;
    b.jobs[0].level_ms = b.now_ms;
    next(&b, 1);
    ask(&b, VERB_JOB_LEVEL, 2, 0)->level = 1;
    tick(&b);
    verdict(&b.commands[0], false, REASON_LIMIT_FEEDER);
}

static void a_raise_waits_a_cut_does_not(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    struct job *job = add_elastic(&b, JOB_DEFERRABLE, 0);
    job->level = job->level_asked = 1;
    job->level_ms = b.now_ms - 30000;
    ask(&b, VERB_JOB_LEVEL, 1, 0)->level = 0;
    tick(&b);
    verdict(&b.commands[0], false, REASON_LIMIT_MIN_TIME);
    next(&b, 1);
    ask(&b, VERB_JOB_LEVEL, 1, 0)->level = 2;
    tick(&b);
    verdict(&b.commands[0], true, REASON_PLANNED);
    next(&b, 1);
    job->job_class = JOB_REALTIME; /* never touched */
    ask(&b, VERB_JOB_LEVEL, 1, 0)->level = 2;
    tick(&b);
    verdict(&b.commands[0], false, REASON_WRONG_STATE);
}

static void a_start_counts_at_its_level(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    b.group_w[0] = b.feeder_w[0] = 80e3;
    struct job *job = add_elastic(&b, JOB_DEFERRABLE, 0);
    job->state = JOB_QUEUED;
    ask(&b, VERB_JOB_START, 1, 0)->level = 0; /* 40 kW */
    tick(&b);
    verdict(&b.commands[0], false, REASON_LIMIT_FEEDER);
    next(&b, 1);
    ask(&b, VERB_JOB_START, 1, 0)->level = 2; /* 15 kW */
    tick(&b);
    verdict(&b.commands[0], true, REASON_PLANNED);
}

static void power_is_capped_before_a_job_is_suspended(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    b.group_w[0] = b.feeder_w[0] = 108e3;
    add_elastic(&b, JOB_GUARANTEED, 0);
    add_elastic(&b, JOB_DEFERRABLE, 0);
    add_job(&b, JOB_SCAVENGER, JOB_RUNNING, 20e3, 0);
    tick(&b);
    const struct command *cap = added(&b, VERB_JOB_LEVEL, 2);
    assert_non_null(cap);
    assert_int_equal(cap->level, 1); /* 10 kW less: the mildest that is enough */
    verdict(cap, true, REASON_SHED);
    assert_int_equal(b.count, 1);
    /* It is believed while it is under way ... */
    b.jobs[1].level_asked = 1;
    b.jobs[1].level_ms = b.now_ms;
    next(&b, 2);
    tick(&b);
    assert_int_equal(b.count, 0);
    /* ... but not for ever. */
    next(&b, 3 * SETTLE_MS / 1000);
    tick(&b);
    assert_non_null(added(&b, VERB_JOB_SUSPEND, 3));
}

static void a_level_that_failed_is_not_asked_again_at_once(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    b.group_w[0] = b.feeder_w[0] = 108e3;
    struct job *job = add_elastic(&b, JOB_DEFERRABLE, 0);
    job->level_ms = b.now_ms - 1000; /* asked and refused */
    tick(&b);
    assert_null(added(&b, VERB_JOB_LEVEL, 1));
    assert_non_null(added(&b, VERB_JOB_SUSPEND, 1));
}

static void guaranteed_jobs_are_capped_last_and_never_suspended(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    b.group_w[0] = b.feeder_w[0] = 190e3; /* 90 kW too many */
    add_elastic(&b, JOB_GUARANTEED, 0);
    add_elastic(&b, JOB_REALTIME, 0);
    add_job(&b, JOB_DEFERRABLE, JOB_RUNNING, 40e3, 0);
    tick(&b);
    assert_non_null(added(&b, VERB_JOB_SUSPEND, 3));
    assert_non_null(added(&b, VERB_JOB_LEVEL, 1));
    assert_int_equal(added(&b, VERB_JOB_LEVEL, 1)->level, 2);
    assert_int_equal(b.count, 2);
}

/* ---- cold store ---- */

static void expect_tank(struct bench *b, double wanted_w, double value_w, enum reason reason)
{
    next(b, 10);
    ask_tank(b, wanted_w);
    tick(b);
    assert_true(b->commands[0].value == value_w);
    if (b->commands[0].reason != reason)
        fail_msg("asked for %.0f W: %s, not %s", wanted_w, reason_name(b->commands[0].reason),
                 reason_name(reason));
}

static void a_tank_stays_within_its_limits(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    expect_tank(&b, 1e5, 1e5, REASON_PLANNED);
    expect_tank(&b, 9e5, 4e5, REASON_LIMIT_RANGE);
    expect_tank(&b, -9e5, -3e5, REASON_LIMIT_RANGE);
    measure(&b, TANK_SOC, 0);
    expect_tank(&b, 1e5, 0, REASON_LIMIT_RANGE);
    measure(&b, TANK_SOC, 100);
    expect_tank(&b, 1e5, 1e5, REASON_PLANNED);
    expect_tank(&b, -1e5, 0, REASON_LIMIT_RANGE);
}

static void a_tank_does_not_charge_on_hot_racks_or_in_the_dark(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    expect_tank(&b, -2e5, -2e5, REASON_PLANNED);
    measure(&b, INLET, 31);
    next(&b, 1);
    tick(&b); /* nobody asks: the charge in force is stopped all the same */
    assert_int_equal(b.count, 1);
    assert_true(b.commands[0].value == 0 && b.commands[0].apply);
    assert_int_equal(b.commands[0].reason, REASON_LIMIT_COOLING);
    expect_tank(&b, 1e5, 1e5, REASON_PLANNED); /* helping is always allowed */
    measure(&b, INLET, 24);
    expect_tank(&b, -1e5, -1e5, REASON_PLANNED);
    measure(&b, INLET, UNKNOWN);
    expect_tank(&b, -2e5, 0, REASON_FAIL_SAFE_STALE);
    measure(&b, INLET, 24);
    measure(&b, TANK_SOC, UNKNOWN);
    expect_tank(&b, 1e5, 0, REASON_UNCHANGED);
}

/* Its chiller power is import like any other. */
static void a_tank_keeps_the_import_limit(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    expect_tank(&b, -1e5, -1e5, REASON_PLANNED);
    measure(&b, UTILITY, UNKNOWN);
    expect_tank(&b, -2e5, -1e5, REASON_UNCHANGED); /* no more on what is not known */
    expect_tank(&b, -5e4, -5e4, REASON_PLANNED);
    measure(&b, UTILITY, 1.1e6);
    next(&b, 1);
    tick(&b);
    assert_int_equal(b.count, 1);
    assert_true(b.commands[0].apply && b.commands[0].value == 0);
    assert_int_equal(b.commands[0].reason, REASON_LIMIT_IMPORT);
    expect_tank(&b, 2e5, 2e5, REASON_PLANNED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_metered_group_takes_what_fits),
        cmocka_unit_test(what_is_not_metered_is_the_sum_of_its_jobs),
        cmocka_unit_test(nothing_rises_in_an_unknown_group),
        cmocka_unit_test(a_crossed_group_sheds_its_own_jobs),
        cmocka_unit_test(a_sum_knows_what_is_on_its_way_down),
        cmocka_unit_test(a_start_waits_for_accelerators),
        cmocka_unit_test(starts_of_one_tick_share_accelerators),
        cmocka_unit_test(jobs_of_several_classes_count_in_every_set),
        cmocka_unit_test(a_raise_waits_for_accelerators),
        cmocka_unit_test(a_resumption_waits_for_accelerators),
        cmocka_unit_test(a_raise_is_load_that_starts),
        cmocka_unit_test(a_raise_waits_a_cut_does_not),
        cmocka_unit_test(a_start_counts_at_its_level),
        cmocka_unit_test(power_is_capped_before_a_job_is_suspended),
        cmocka_unit_test(a_level_that_failed_is_not_asked_again_at_once),
        cmocka_unit_test(guaranteed_jobs_are_capped_last_and_never_suspended),
        cmocka_unit_test(a_tank_stays_within_its_limits),
        cmocka_unit_test(a_tank_does_not_charge_on_hot_racks_or_in_the_dark),
        cmocka_unit_test(a_tank_keeps_the_import_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
