/* What a register bears, who writes it, and that it lets go when we die. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/act/guard.h"

enum { UTILITY, BATTERY, SOC, SET, REVERT, SUPPLY_SET, INLET, INPUTS };
enum { ROOM = 16, SETTLE_MS = 5000, MINUTE = 60000, HOUR = 3600000, SEEDS = 60 };

struct bench {
    struct guard guard;
    struct topology topology;
    struct point points[INPUTS];
    struct sample values[INPUTS];
    struct image image;
    int64_t now_ms;
    double feeder_w[LIMIT_FEEDERS], group_w[LIMIT_GROUPS];
    struct command commands[ROOM];
    int count;
    struct guard_event events[GUARD_EVENTS];
    int event_count;
    int written[INPUTS];
    int told[64]; /* by event kind */
};

static const struct guard_config usual = {
    .import_limit_w = 1e6,
    .import_fail_safe_w = 1e6,
    .export_limit_w = 1e6,
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
    .settle_ms = SETTLE_MS,
    .refresh_ms = MINUTE,
    .revert_s = 120,
    .contest_rewrites = 3,
    .contest_window_ms = 10 * MINUTE,
    .contest_hold_ms = 15 * MINUTE,
};

static void measure(struct bench *bench, int input, double value)
{
    bench->values[input] = (struct sample){.point = input,
                                           .quality = isnan(value) ? QUALITY_MISSING : QUALITY_GOOD,
                                           .value = value,
                                           .source_ms = bench->now_ms};
}

static void bench_init(struct bench *bench, const struct guard_config *config)
{
    static const struct guard_inputs inputs = {UTILITY, BATTERY,    SOC,   -1, -1, SET,
                                               REVERT,  SUPPLY_SET, INLET, -1, -1};
    static const enum point_kind kinds[INPUTS] = {
        POINT_POWER,           POINT_POWER,     POINT_SOC, POINT_POWER_SET, POINT_POWER_SET_REVERT,
        POINT_TEMP_SUPPLY_SET, POINT_TEMP_INLET};
    static const double at_rest[INPUTS] = {5e5, 0, 50, 0, 120, 20, 24};
    memset(bench, 0, sizeof *bench);
    bench->topology = (struct topology){.points = bench->points, .point_count = INPUTS};
    bench->image = (struct image){.topology = &bench->topology, .values = bench->values};
    bench->now_ms = 1000000;
    guard_init(&bench->guard, config, &inputs);
    for (int i = 0; i < INPUTS; i++) {
        bench->points[i].kind = kinds[i];
        measure(bench, i, at_rest[i]);
    }
}

static void ask(struct bench *bench, int point, double value)
{
    bench->commands[bench->count++] =
        (struct command){.subsystem = point == SET ? SUBSYSTEM_BATTERY : SUBSYSTEM_COOLING,
                         .verb = VERB_SETPOINT,
                         .point = point,
                         .value = value,
                         .wanted = value,
                         .reason = REASON_PLANNED,
                         .asker = "planner",
                         .apply = true};
}

/* One second: the devices take what is written and say so. */
static void tick(struct bench *bench)
{
    bench->count = guard_apply(&bench->guard, &bench->image, bench->now_ms, (double)INFINITY, NULL,
                               0, bench->feeder_w, bench->group_w, bench->commands, bench->count,
                               ROOM, bench->events, &bench->event_count);
    for (int i = 0; i < bench->event_count; i++)
        bench->told[bench->events[i].kind]++;
    for (int i = 0; i < bench->count; i++) {
        const struct command *command = &bench->commands[i];
        if (!command->apply)
            continue;
        bench->written[command->point]++;
        measure(bench, command->point, command->value);
        guard_written(&bench->guard, command->point, REASON_WRITE_CONFIRMED);
    }
}

static void next(struct bench *bench)
{
    bench->now_ms += 1000;
    bench->count = 0;
    for (int i = 0; i < INPUTS; i++)
        bench->values[i].source_ms = bench->now_ms;
}

static const struct command *set_after(struct bench *bench, double value)
{
    next(bench);
    ask(bench, SET, value);
    tick(bench);
    for (int i = 0; i < bench->count; i++) {
        if (bench->commands[i].point == SET)
            return &bench->commands[i];
    }
    return NULL;
}

static void wait(struct bench *bench, int seconds, double wish)
{
    for (int i = 0; i < seconds; i++)
        set_after(bench, wish);
}

/* ---- what the register bears ---- */

static void the_stricter_ramp_holds(void **state)
{
    (void)state;
    static const struct {
        double configured, own, step;
    } rows[] = {{1e5, 2e4, 2e4}, {2e4, 1e5, 2e4}, {2e4, 0, 2e4}, {0, 3e4, 3e4}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        struct guard_config config = usual;
        config.battery_ramp_w_per_s = rows[i].configured;
        bench_init(&b, &config);
        b.points[SET].write.ramp_per_s = rows[i].own;
        const struct command *command = set_after(&b, 3e5);
        assert_true(command->value == rows[i].step);
        assert_int_equal(command->reason, REASON_LIMIT_RAMP);
    }
}

static void the_stricter_budget_holds(void **state)
{
    (void)state;
    static const struct {
        double configured, own;
        int least, most;
    } rows[] = {{60, 600, 55, 67}, {600, 60, 55, 67}, {60, 0, 55, 67}, {0, 60, 1, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        struct guard_config config = usual;
        config.battery_write_per_hour = rows[i].configured;
        bench_init(&b, &config);
        b.points[SET].write.per_hour = rows[i].own;
        for (int s = 0; s < 3600; s++)
            set_after(&b, s % 2 ? 1e5 : 2e5);
        assert_in_range(b.written[SET], rows[i].least, rows[i].most);
    }
}

static void the_write_range_holds(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    b.points[SET].write.low = -5e4;
    b.points[SET].write.high = 3e4;
    b.points[SUPPLY_SET].write.low = 18;
    b.points[SUPPLY_SET].write.high = 22;
    const struct command *command = set_after(&b, 2e5);
    assert_true(command->value == 3e4);
    assert_int_equal(command->reason, REASON_LIMIT_DEVICE);
    command = set_after(&b, -2e5);
    assert_true(command->value == -5e4);
    assert_int_equal(command->reason, REASON_LIMIT_DEVICE);
    for (int i = 0; i < 10; i++) {
        next(&b);
        ask(&b, SUPPLY_SET, 30);
        tick(&b);
    }
    assert_true(b.values[SUPPLY_SET].value == 22);
    int before = b.written[SUPPLY_SET];
    for (int i = 0; i < 60; i++) { /* the inlet is unknown: as safe as the register goes */
        next(&b);
        measure(&b, INLET, (double)NAN);
        tick(&b);
    }
    assert_true(b.values[SUPPLY_SET].value == 18);
    assert_in_range(b.written[SUPPLY_SET] - before, 1, 5);
    before = b.written[SUPPLY_SET];
    for (int i = 0; i < 60; i++) { /* too hot: that is as cold as it gets */
        next(&b);
        measure(&b, INLET, 31);
        tick(&b);
    }
    assert_true(b.values[SUPPLY_SET].value == 18);
    assert_in_range(b.written[SUPPLY_SET] - before, 0, 2);
}

static void a_worn_register_is_kept_for_hard_limits(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    b.points[SET].write.lifetime = 100;
    guard_resume_writes(&b.guard, SET, 90);
    for (int i = 0; i < 40; i++)
        set_after(&b, i % 2 ? 1e5 : 2e5);
    assert_int_equal(b.written[SET], 5);
    assert_int_equal(b.told[EVENT_REGISTER_WORN], 1);
    assert_int_equal(set_after(&b, 3e5)->reason, REASON_LIMIT_LIFETIME);
    next(&b);
    measure(&b, SOC, 19); /* the reserve is worth a write */
    tick(&b);
    assert_int_equal(b.written[SET], 6);
    assert_true(b.values[SET].value == 0);
}

/* What never reached the register did not wear it. */
static void only_what_reached_the_register_counts(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    guard_written(&b.guard, SET, REASON_WRITE_FAILED);
    assert_true(b.guard.battery.life_writes == 0);
    guard_written(&b.guard, SET, REASON_WRITE_CONFIRMED);
    guard_written(&b.guard, SET, REASON_WRITE_REFUSED);
    guard_written(&b.guard, SET, REASON_WRITE_NOT_HELD);
    guard_written(&b.guard, SET, REASON_WRITE_UNANSWERED);
    assert_true(b.guard.battery.life_writes == 4);
}

/* A write that a newer one followed wore the register and says nothing else. */
static void a_replaced_write_neither_failed_nor_held(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    set_after(&b, 1e5);
    double life = b.guard.battery.life_writes;
    guard_written(&b.guard, SET, REASON_WRITE_REPLACED);
    assert_true(b.guard.battery.life_writes == life + 1);
    assert_true(b.guard.battery.written && b.guard.battery.failures == 0);
}

/* ---- hard limits that the device does not follow ---- */

/* The reserve is reached, the register holds a discharge, and every try ends so. Returns their
 * number in an hour; never is more asked of the battery than it does. */
static int tries_at_the_reserve(struct bench *b, enum reason outcome)
{
    int tries = 0;
    bench_init(b, &usual);
    for (int i = 0; i < 3600; i++) {
        next(b);
        measure(b, SOC, 15);
        measure(b, BATTERY, 1e5);
        measure(b, SET, 1e5);
        b->count =
            guard_apply(&b->guard, &b->image, b->now_ms, (double)INFINITY, NULL, 0, b->feeder_w,
                        b->group_w, b->commands, b->count, ROOM, b->events, &b->event_count);
        if (b->count == 0) /* in force, as far as is known */
            continue;
        assert_true(b->commands[0].value == (b->commands[0].apply ? 0 : 1e5));
        if (!b->commands[0].apply) {
            assert_int_equal(b->commands[0].reason, REASON_LIMIT_RETRY);
            continue;
        }
        tries++;
        guard_written(&b->guard, SET, outcome);
    }
    return tries;
}

static void a_dead_device_is_not_written_every_tick(void **state)
{
    (void)state;
    struct bench b;
    assert_in_range(tries_at_the_reserve(&b, REASON_WRITE_FAILED), 3600 / 16, 3600 / 14);
    assert_true(b.guard.battery.life_writes == 0);
    assert_in_range(tries_at_the_reserve(&b, REASON_WRITE_UNANSWERED), 12, 20);
    assert_in_range(tries_at_the_reserve(&b, REASON_WRITE_NOT_HELD), 12, 20);
    assert_in_range(tries_at_the_reserve(&b, REASON_WRITE_REFUSED), 12, 20);
    /* Taken, and something moves it back each time once it has settled. */
    assert_in_range(tries_at_the_reserve(&b, REASON_WRITE_CONFIRMED), 12, 20);
    assert_true(b.guard.battery.life_writes <= 20);
}

static void a_changed_hard_limit_does_not_wait(void **state)
{
    (void)state;
    struct bench b;
    tries_at_the_reserve(&b, REASON_WRITE_NOT_HELD);
    next(&b);
    tick(&b);
    assert_false(b.commands[0].apply);
    next(&b);
    measure(&b, SOC, 50);
    measure(&b, UTILITY, 1.2e6); /* now discharge is what the limit asks for */
    tick(&b);
    assert_int_equal(b.commands[0].reason, REASON_LIMIT_IMPORT);
    assert_true(b.commands[0].apply);
    b.points[SET].write.per_hour = 1e-9; /* without a budget a noisy limit is no way round it */
    b.guard.battery.tokens = 0;
    int before = b.written[SET];
    for (int i = 0; i < 600; i++) {
        if (b.commands[0].apply)
            guard_written(&b.guard, SET, REASON_WRITE_NOT_HELD);
        next(&b);
        measure(&b, UTILITY, 1.2e6 + 5e3 * (i % 9));
        measure(&b, SET, 1e5);
        tick(&b);
    }
    assert_in_range(b.written[SET] - before, 600 / 16, 600 / 14);
}

/* A device that follows again is trusted again. */
static void old_failures_are_forgotten(void **state)
{
    (void)state;
    struct bench b;
    tries_at_the_reserve(&b, REASON_WRITE_FAILED);
    for (int i = 0; i < 40; i++) {
        next(&b);
        measure(&b, BATTERY, 0);
        tick(&b);
    }
    assert_true(b.values[SET].value == 0);
    assert_int_equal(b.guard.battery.failures, 0);
}

/* A register that wears out keeps its value: nothing is refreshed that does not revert. */
static void a_register_that_wears_out_is_not_refreshed(void **state)
{
    (void)state;
    for (int worn = 0; worn < 2; worn++) {
        struct bench b;
        bench_init(&b, &usual);
        b.points[SUPPLY_SET].write.lifetime = worn ? 1e5 : 0;
        b.guard.inputs.battery_revert = -1;
        for (int i = 0; i < 600; i++) {
            next(&b);
            ask(&b, SUPPLY_SET, 21);
            tick(&b);
        }
        assert_int_equal(b.written[SUPPLY_SET], worn ? 1 : 10);
    }
}

/* ---- one writer ---- */

/* Somebody sets the register back as soon as it has settled. */
static void contest(struct bench *b, double theirs, double wish)
{
    wait(b, SETTLE_MS / 1000 + 1, wish);
    measure(b, SET, theirs);
}

static void another_writer_is_told_and_then_left_alone(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    set_after(&b, 1e5);
    for (int i = 0; i < 4; i++)
        contest(&b, 3e5, 1e5);
    assert_int_equal(b.written[SET], 1 + 3);
    assert_int_equal(b.told[EVENT_SETPOINT_MOVED], 3);
    const struct command *command = set_after(&b, 1e5);
    assert_int_equal(command->reason, REASON_OTHER_WRITER);
    assert_false(command->apply);
    assert_true(command->value == 3e5); /* what is in force, not what we want */
    assert_int_equal(b.told[EVENT_SETPOINT_YIELDED], 1);
    for (int i = 0; i < 14 * 60; i++) {
        measure(&b, SET, 3e5 + 1e4 * (i % 7)); /* they go on, and it is no news */
        assert_int_equal(set_after(&b, 1e5)->reason, REASON_OTHER_WRITER);
    }
    assert_int_equal(b.told[EVENT_SETPOINT_MOVED], 4);
    wait(&b, 61, 1e5);
    assert_int_equal(b.told[EVENT_SETPOINT_RETAKEN], 1);
    assert_true(b.values[SET].value == 1e5);
}

static void a_hard_limit_does_not_wait_for_another_writer(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    set_after(&b, 1e5);
    for (int i = 0; i < 5; i++)
        contest(&b, 3e5, 1e5);
    assert_int_equal(b.told[EVENT_SETPOINT_YIELDED], 1);
    int before = b.written[SET];
    next(&b);
    measure(&b, SOC, 15);
    tick(&b);
    assert_int_equal(b.written[SET], before + 1);
    assert_true(b.values[SET].value == 0);
    /* It is no fight either: one write for each time that they are read to have moved it. */
    for (int i = 0; i < 60; i++) {
        next(&b);
        measure(&b, SOC, 15);
        measure(&b, SET, 3e5);
        tick(&b);
    }
    assert_in_range(b.written[SET] - before, 2, 1 + 60 / (SETTLE_MS / 1000));
    assert_int_equal(b.told[EVENT_SETPOINT_MOVED], 4); /* and the rest is said with YIELDED */
}

/* A write that does not hold at once is the same quarrel, seen earlier. */
static void a_write_that_does_not_hold_counts(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    for (int i = 0; i < 20; i++) {
        set_after(&b, 1e5);
        if (b.commands[0].apply)
            guard_written(&b.guard, SET, REASON_WRITE_NOT_HELD);
    }
    assert_int_equal(b.written[SET], 1 + 3);
    assert_int_equal(b.told[EVENT_SETPOINT_YIELDED], 1);
}

static void rare_moves_are_written_back_for_ever(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    set_after(&b, 1e5);
    for (int i = 0; i < 20; i++) {
        wait(&b, 5 * 60, 1e5);
        measure(&b, SET, 0);
        wait(&b, SETTLE_MS / 1000 + 2, 1e5);
        assert_true(b.values[SET].value == 1e5);
    }
    assert_int_equal(b.told[EVENT_SETPOINT_YIELDED], 0);
}

/* We were silent for longer than the reversion time: the device did what it should. */
static void a_reversion_is_no_other_writer(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    set_after(&b, 1e5);
    for (int i = 0; i < 120; i++) {
        next(&b);
        tick(&b);
    }
    measure(&b, SET, 0);
    set_after(&b, 1e5);
    assert_true(b.values[SET].value == 1e5);
    assert_int_equal(b.told[EVENT_SETPOINT_MOVED], 0);
}

static void taking_control_anew_ends_the_quarrel(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    set_after(&b, 1e5);
    for (int i = 0; i < 5; i++)
        contest(&b, 3e5, 1e5);
    b.guard.acts[SUBSYSTEM_BATTERY] = false;
    next(&b);
    tick(&b);
    b.guard.acts[SUBSYSTEM_BATTERY] = true;
    assert_true(set_after(&b, 1e5)->apply);
}

/* Whatever two writers do to each other: ours are bounded, and every one of theirs is told or
 * lies in a time that was announced. */
static void quarrels_are_bounded(void **state)
{
    (void)state;
    for (unsigned s = 1; s <= SEEDS; s++) {
        unsigned seed = s;
        struct bench b;
        bench_init(&b, &usual);
        int unforced_while_yielding = 0;
        for (int i = 0; i < 3600; i++) {
            bool yields = b.guard.battery.yield_until_ms > b.now_ms + 1000;
            int before = b.written[SET];
            set_after(&b, 1e5);
            unforced_while_yielding += yields && b.written[SET] > before;
            if (rand_r(&seed) % (1 + s) == 0)
                measure(&b, SET, 1e3 * (rand_r(&seed) % 300));
        }
        /* In an hour: refreshes, and at most 4 writes a quarter hour against somebody. */
        assert_int_equal(unforced_while_yielding, 0);
        assert_true(b.written[SET] <= 60 + 6 * 5);
        assert_true(b.told[EVENT_SETPOINT_MOVED] <= b.written[SET]);
        assert_true(b.told[EVENT_SETPOINT_YIELDED] <= 5);
    }
}

/* ---- reversion ---- */

static void the_reversion_goes_first(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    measure(&b, REVERT, 0);
    set_after(&b, 1e5);
    assert_int_equal(b.commands[0].point, REVERT);
    assert_true(b.commands[0].apply && b.commands[0].value == 120);
    assert_int_equal(b.commands[1].point, SET);
    wait(&b, 600, 1e5);
    assert_int_equal(b.written[REVERT], 1);
    assert_in_range(b.written[SET], 10, 11); /* and the set-point itself is refreshed in time */
    measure(&b, REVERT, 0);                  /* the device restarted */
    set_after(&b, 1e5);
    assert_int_equal(b.written[REVERT], 2);
}

static void an_unreadable_reversion_is_written_with_the_setpoint(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    for (int i = 0; i < 60; i++) {
        next(&b);
        measure(&b, REVERT, (double)NAN);
        tick(&b);
    }
    assert_int_equal(b.written[REVERT], 0);
    next(&b);
    measure(&b, REVERT, (double)NAN);
    ask(&b, SET, 1e5);
    tick(&b);
    assert_int_equal(b.commands[0].point, REVERT);
    assert_int_equal(b.written[REVERT], 1);
}

/* The device was away: the next set-point goes with its reversion again. */
static void a_reversion_that_never_left_is_written_again(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    for (int i = 1; i <= 3; i++) {
        next(&b);
        measure(&b, REVERT, (double)NAN);
        ask(&b, SET, 1e5 * i);
        tick(&b);
        assert_int_equal(b.written[REVERT], i);
        guard_written(&b.guard, REVERT, REASON_WRITE_FAILED);
        guard_written(&b.guard, SET, REASON_WRITE_FAILED);
    }
}

static void a_device_that_rounds_the_time_is_not_pestered(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    for (int i = 0; i < 3600; i++) {
        measure(&b, REVERT, 60);
        set_after(&b, 1e5);
    }
    assert_in_range(b.written[REVERT], 10, 13);
}

/* Without its reversion a set-point would outlive us: whatever withholds the one holds the other.
 */
static void a_setpoint_does_not_rise_without_its_reversion(void **state)
{
    (void)state;
    enum { WORN, NO_BUDGET, REFUSED, WAYS };
    for (int way = 0; way < WAYS; way++) {
        struct bench b;
        struct guard_config config = usual;
        bench_init(&b, &config);
        if (way == WORN) {
            b.points[REVERT].write.lifetime = 10;
            guard_resume_writes(&b.guard, REVERT, 10);
        }
        if (way == NO_BUDGET) {
            b.points[REVERT].write.per_hour = 1e-9;
            b.guard.revert.tokens = 0;
        }
        measure(&b, REVERT, 0);
        if (way == REFUSED) { /* a first try is believed until it is answered */
            set_after(&b, 0);
            measure(&b, REVERT, 0);
            guard_written(&b.guard, REVERT, REASON_WRITE_REFUSED);
        }
        for (int i = 0; i < 700; i++) {
            const struct command *command = set_after(&b, i % 2 ? 1e5 : -1e5);
            assert_int_equal(command->reason, REASON_LIMIT_REVERSION);
            assert_false(command->apply && command->value != 0);
            if (way == REFUSED && b.commands[0].point == REVERT && b.commands[0].apply)
                guard_written(&b.guard, REVERT, REASON_WRITE_REFUSED);
            measure(&b, REVERT, 0);
        }
        assert_true(b.values[SET].value == 0);
        next(&b);
        measure(&b, UTILITY, 1.2e6); /* a hard limit is free, and takes no more than it needs */
        ask(&b, SET, 4e5);
        tick(&b);
        assert_true(b.values[SET].value == 2e5);
        measure(&b, BATTERY, 2e5);
        measure(&b, UTILITY, 7e5);
        assert_true(set_after(&b, 3e5)->value == 2e5); /* what is there may stay, ... */
        assert_true(set_after(&b, 1.5e5)->apply);      /* ... shrink ... */
        assert_true(b.values[SET].value == 1.5e5);
        set_after(&b, 0); /* ... or end */
        assert_true(b.values[SET].value == 0);
        b.points[REVERT].write = (struct point_write){.low = 0};
        b.guard.revert.tokens = 1;
        b.guard.revert.worn = false;
        measure(&b, BATTERY, 0);
        measure(&b, REVERT, 120); /* the device has it now, whoever wrote it */
        assert_true(set_after(&b, 1e5)->apply && b.values[SET].value == 1e5);
    }
}

static void reversion_is_left_alone_without_control(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, &usual);
    b.guard.acts[SUBSYSTEM_BATTERY] = false;
    measure(&b, REVERT, 0);
    next(&b);
    tick(&b);
    assert_int_equal(b.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stricter_ramp_holds),
        cmocka_unit_test(the_stricter_budget_holds),
        cmocka_unit_test(the_write_range_holds),
        cmocka_unit_test(a_worn_register_is_kept_for_hard_limits),
        cmocka_unit_test(only_what_reached_the_register_counts),
        cmocka_unit_test(a_replaced_write_neither_failed_nor_held),
        cmocka_unit_test(a_dead_device_is_not_written_every_tick),
        cmocka_unit_test(a_changed_hard_limit_does_not_wait),
        cmocka_unit_test(old_failures_are_forgotten),
        cmocka_unit_test(a_register_that_wears_out_is_not_refreshed),
        cmocka_unit_test(another_writer_is_told_and_then_left_alone),
        cmocka_unit_test(a_hard_limit_does_not_wait_for_another_writer),
        cmocka_unit_test(a_write_that_does_not_hold_counts),
        cmocka_unit_test(rare_moves_are_written_back_for_ever),
        cmocka_unit_test(a_reversion_is_no_other_writer),
        cmocka_unit_test(taking_control_anew_ends_the_quarrel),
        cmocka_unit_test(quarrels_are_bounded),
        cmocka_unit_test(the_reversion_goes_first),
        cmocka_unit_test(an_unreadable_reversion_is_written_with_the_setpoint),
        cmocka_unit_test(a_reversion_that_never_left_is_written_again),
        cmocka_unit_test(a_device_that_rounds_the_time_is_not_pestered),
        cmocka_unit_test(a_setpoint_does_not_rise_without_its_reversion),
        cmocka_unit_test(reversion_is_left_alone_without_control),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
