/* The meter's promise: whatever happens between two readings, the intervals form one chain whose
 * length is the counter's own difference, to the milliwatt-hour. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "controller/base/utc.h"
#include "controller/plant/meter.h"

enum { GAP_MS = 60000, MOST = 16, POINT_INDEX = 7, SEEDS = 300 };

static const double POWER_MOST_W = 1.2e6; /* live() stays under it */

static const int64_t T0 = 1780000200000; /* no multiple of a quarter */

static struct meter fresh_meter(int64_t rollover_milliwh)
{
    struct meter meter;
    meter_init(&meter, POINT_INDEX, QUARTER_MS, GAP_MS, rollover_milliwh, false, POWER_MOST_W);
    return meter;
}

/* ---- a device that counts, and the ledger that its intervals make ---- */

struct world {
    unsigned seed;
    int64_t now_ms;
    int64_t true_milliwh; /* all energy so far, which no device knows */
    int64_t zero_milliwh; /* true energy at the counter's present zero */
    int64_t range_milliwh;
};

static int64_t pick(struct world *world, int64_t most)
{
    uint64_t wide = (uint64_t)rand_r(&world->seed) << 31 | (uint64_t)rand_r(&world->seed);
    return (int64_t)(wide % (uint64_t)(most + 1));
}

static int64_t raw_milliwh(const struct world *world)
{
    int64_t raw = world->true_milliwh - world->zero_milliwh;
    return world->range_milliwh > 0 ? raw % world->range_milliwh : raw;
}

struct ledger {
    bool any;
    int64_t first_milliwh;
    struct energy_interval last;
    int64_t last_raw_milliwh;
    int count;
};

static void enter(struct ledger *ledger, const struct energy_interval *interval)
{
    if (ledger->any) {
        assert_int_equal(interval->start_ms, ledger->last.end_ms);
        assert_int_equal(interval->start_milliwh, ledger->last.end_milliwh);
        assert_int_equal(interval->start_ms % QUARTER_MS, 0);
    } else {
        ledger->first_milliwh = interval->start_milliwh;
    }
    assert_int_equal(interval->point, POINT_INDEX);
    assert_int_equal(interval->end_ms % QUARTER_MS, 0);
    assert_true(interval->end_ms > interval->start_ms);
    assert_true(interval->end_milliwh >= interval->start_milliwh);
    assert_true(interval->coverage >= 0 && interval->coverage <= 1);
    ledger->any = true;
    ledger->last = *interval;
    ledger->count++;
}

static void feed(struct meter *meter, struct ledger *ledger, int64_t at_ms, int64_t milliwh,
                 int most)
{
    struct energy_interval closed[MOST];
    int count = meter_feed_counter(meter, at_ms, (double)milliwh / 1000, closed, most);
    assert_true(count <= most);
    for (int i = 0; i < count; i++) {
        enter(ledger, &closed[i]);
        ledger->last_raw_milliwh = meter_raw_at(meter, closed[i].end_milliwh);
    }
}

/* Time and energy go on by chance: mostly seconds, sometimes a pause of hours. */
static void live(struct world *world)
{
    int64_t step_ms = pick(world, 30) == 0 ? pick(world, 5 * HOUR_MS) + 1 : pick(world, 90000) + 1;
    world->now_ms += step_ms;
    world->true_milliwh += pick(world, step_ms * 300);
}

static void to_next_boundary(struct world *world)
{
    world->now_ms = utc_floor(world->now_ms, QUARTER_MS) + QUARTER_MS;
    world->true_milliwh += pick(world, 1000000);
}

/* The reader dies; what was not yet on the disk is gone from the ledger too. */
static void restart(struct meter *meter, struct ledger *ledger, const struct ledger *on_disk,
                    int64_t range_milliwh)
{
    *ledger = *on_disk;
    *meter = fresh_meter(range_milliwh);
    meter_resume(meter, ledger->last.end_ms, ledger->last.end_milliwh, ledger->last_raw_milliwh);
}

static void live_briefly(struct world *world)
{
    int64_t step_ms = pick(world, 90000) + 1;
    world->now_ms += step_ms;
    world->true_milliwh += pick(world, step_ms * 300);
}

/* What a counter never said: a run of zeros, as from a booting gateway, or one wild reading up. */
static void glitch(struct world *world, struct meter *meter, struct ledger *ledger)
{
    int64_t zeros = pick(world, 5);
    live(world);
    if (zeros == 0)
        feed(meter, ledger, world->now_ms,
             raw_milliwh(world) + 20000000000 + pick(world, 1000000000000), MOST);
    for (int64_t i = 0; i < zeros; i++) {
        feed(meter, ledger, world->now_ms, 0, MOST);
        live_briefly(world);
    }
}

/* A counter without a maximum, read through glitches; small and large ones. */
static void run_glitches(unsigned seed)
{
    struct world world = {.seed = seed, .now_ms = T0};
    world.true_milliwh = pick(&world, seed % 2 == 0 ? 3000000000 : 5000000000000);
    int64_t start_milliwh = world.true_milliwh;
    struct meter meter = fresh_meter(0);
    struct ledger ledger = {0};

    feed(&meter, &ledger, world.now_ms, raw_milliwh(&world), MOST);
    for (int i = 0; i < 1000; i++) {
        if (pick(&world, 10) == 0) {
            glitch(&world, &meter, &ledger);
            live_briefly(&world);
        } else {
            live(&world);
        }
        feed(&meter, &ledger, world.now_ms, raw_milliwh(&world), MOST);
        /* Not only in the end: whatever went before, a true reading sets the sum right. */
        assert_int_equal(meter.last_milliwh, world.true_milliwh);
    }
    to_next_boundary(&world);
    feed(&meter, &ledger, world.now_ms, raw_milliwh(&world), MOST);
    assert_int_equal(ledger.last.end_milliwh - ledger.first_milliwh,
                     world.true_milliwh - start_milliwh);
}

/* Returns how often the counter rolled over. */
static int64_t run_world(unsigned seed, int64_t range_milliwh)
{
    struct world world = {.seed = seed, .now_ms = T0, .range_milliwh = range_milliwh};
    /* Near the top of the range, where there is one. */
    world.true_milliwh = range_milliwh > 0 ? range_milliwh - pick(&world, range_milliwh / 4)
                                           : pick(&world, 3000000000);
    int64_t start_milliwh = world.true_milliwh;
    struct meter meter = fresh_meter(range_milliwh);
    struct ledger ledger = {0}, on_disk = {0};

    feed(&meter, &ledger, world.now_ms, raw_milliwh(&world), MOST);
    for (int i = 0; i < 1000; i++) {
        int before = ledger.count;
        struct ledger earlier = ledger;
        live(&world);
        feed(&meter, &ledger, world.now_ms, raw_milliwh(&world), 1 + (int)pick(&world, MOST - 1));
        if (ledger.count > before)
            on_disk = pick(&world, 1) == 0 ? earlier : ledger;
        if (on_disk.any && pick(&world, 25) == 0)
            restart(&meter, &ledger, &on_disk, range_milliwh);
    }
    /* Twice, because a reading that went back is only believed when the next agrees. */
    to_next_boundary(&world);
    feed(&meter, &ledger, world.now_ms, raw_milliwh(&world), MOST);
    to_next_boundary(&world);
    feed(&meter, &ledger, world.now_ms, raw_milliwh(&world), MOST);

    assert_int_equal(ledger.last.end_ms, world.now_ms);
    assert_int_equal(ledger.last.end_milliwh - ledger.first_milliwh,
                     world.true_milliwh - start_milliwh);
    assert_true(ledger.count > 5);
    return range_milliwh > 0 ? world.true_milliwh / range_milliwh : 0;
}

static void adds_up_over_gaps_and_restarts(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= SEEDS; seed++)
        run_world(seed, 0);
}

static void adds_up_over_rollovers_too(void **state)
{
    (void)state;
    int64_t rollovers = 0;
    for (unsigned seed = 1; seed <= SEEDS; seed++)
        rollovers += run_world(seed, 200000000000); /* 200 MWh: far over any pause's energy */
    assert_true(rollovers > SEEDS / 2);
}

static void adds_up_over_glitches(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= SEEDS; seed++)
        run_glitches(seed);
}

/* ---- verdicts, one by one ---- */

static const int64_t B = 1780000200000 / 900000 * 900000; /* a boundary */

static struct energy_interval only(struct meter *meter, int64_t at_ms, double wh)
{
    struct energy_interval closed[MOST];
    assert_int_equal(meter_feed_counter(meter, at_ms, wh, closed, MOST), 1);
    return closed[0];
}

static void none(struct meter *meter, int64_t at_ms, double wh)
{
    struct energy_interval closed[MOST];
    assert_int_equal(meter_feed_counter(meter, at_ms, wh, closed, MOST), 0);
}

/* Reads every half minute from `from_ms` up to and without `to_ms`; 1 Wh each. */
static double read_steadily(struct meter *meter, int64_t from_ms, int64_t to_ms, double wh)
{
    for (int64_t t = from_ms; t < to_ms; t += 30000)
        none(meter, t, wh++);
    return wh;
}

static void a_reading_on_the_boundary_closes_exactly(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    double wh = read_steadily(&meter, B, B + QUARTER_MS, 1000);
    struct energy_interval i = only(&meter, B + QUARTER_MS, wh);
    assert_int_equal(i.start_ms, B);
    assert_int_equal(i.end_ms, B + QUARTER_MS);
    assert_int_equal(i.start_milliwh, 1000000);
    assert_int_equal(i.end_milliwh, 1030000);
    assert_int_equal(i.quality, QUALITY_GOOD);
    assert_int_equal(i.reason, REASON_FRESH);
    assert_true(i.coverage == 1);
}

static void a_boundary_between_readings_is_interpolated(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    double wh = read_steadily(&meter, B, B + QUARTER_MS - 20000, 0);
    none(&meter, B + QUARTER_MS - 20000, wh);
    struct energy_interval i = only(&meter, B + QUARTER_MS + 10000, wh + 3);
    assert_int_equal(i.end_milliwh, (int64_t)wh * 1000 + 2000);
    assert_int_equal(i.quality, QUALITY_GOOD);
}

static void the_first_interval_starts_at_the_first_reading(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B + QUARTER_MS - 5000, 10);
    struct energy_interval i = only(&meter, B + QUARTER_MS, 11);
    assert_int_equal(i.start_ms, B + QUARTER_MS - 5000);
    assert_int_equal(i.end_milliwh - i.start_milliwh, 1000);
}

static void a_gap_inside_an_interval_lowers_only_its_coverage(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    double wh = read_steadily(&meter, B, B + 300000, 0); /* the last at 270 s */
    double more = read_steadily(&meter, B + 570000, B + QUARTER_MS, wh + 50);
    struct energy_interval i = only(&meter, B + QUARTER_MS, more);
    assert_int_equal(i.quality, QUALITY_GOOD);
    assert_int_equal(i.reason, REASON_GAP);
    assert_true(fabs(i.coverage - 600.0 / 900) < 1e-12);
}

static void a_gap_over_a_boundary_estimates_both_sides(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    struct energy_interval closed[MOST];
    none(&meter, B, 0);
    assert_int_equal(meter_feed_counter(&meter, B + 2 * QUARTER_MS + 450000, 1000, closed, MOST),
                     2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(closed[i].quality, QUALITY_ESTIMATED);
        assert_int_equal(closed[i].reason, REASON_GAP);
        assert_true(closed[i].coverage == 0);
        assert_int_equal(closed[i].end_milliwh - closed[i].start_milliwh, 400000);
    }
    struct energy_interval third = only(&meter, B + 3 * QUARTER_MS, 1010);
    assert_int_equal(third.quality, QUALITY_ESTIMATED);
    assert_int_equal(third.end_milliwh, 1010000);
}

static void a_gap_of_many_intervals_is_one(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    struct energy_interval closed[4];
    none(&meter, B, 0);
    assert_int_equal(meter_feed_counter(&meter, B + 5 * QUARTER_MS, 500, closed, 4), 1);
    assert_int_equal(closed[0].start_ms, B);
    assert_int_equal(closed[0].end_ms, B + 5 * QUARTER_MS);
    assert_int_equal(closed[0].end_milliwh, 500000);
    none(&meter, B + 5 * QUARTER_MS + 1000, 501);
}

static void a_rollover_is_exact(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(1000000000);
    none(&meter, B, 999990);
    none(&meter, B + 30000, 5); /* not believed yet */
    none(&meter, B + 31000, 6);
    double wh = read_steadily(&meter, B + 60000, B + QUARTER_MS, 7);
    struct energy_interval i = only(&meter, B + QUARTER_MS, wh);
    assert_int_equal(i.end_milliwh - i.start_milliwh, 10000 + (int64_t)wh * 1000);
    assert_int_equal(i.quality, QUALITY_GOOD);
    assert_int_equal(i.reason, REASON_COUNTER_ROLLOVER);
    /* What is stored with the end continues exactly: also for an end before the rollover. */
    assert_int_equal(meter_raw_at(&meter, i.end_milliwh), (int64_t)wh * 1000);
    assert_int_equal(meter_raw_at(&meter, i.start_milliwh), -10000);
    struct meter resumed = fresh_meter(1000000000);
    meter_resume(&resumed, B, i.start_milliwh, -10000);
    none(&resumed, B + 30000, 5);
    assert_int_equal(resumed.last_milliwh, i.start_milliwh + 15000);
}

static void a_far_step_back_is_no_rollover(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(1000000000); /* half way up: a reset, whatever the range */
    none(&meter, B, 500000);
    none(&meter, B + 30000, 5);
    none(&meter, B + 60000, 6);
    struct energy_interval i = only(&meter, B + QUARTER_MS, 7);
    assert_int_equal(i.end_milliwh - i.start_milliwh, 7000);
    assert_int_equal(i.quality, QUALITY_ESTIMATED);
    assert_int_equal(i.reason, REASON_COUNTER_RESET);
}

static void a_rollover_that_no_wire_carries_is_a_reset(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(1000000000000);
    none(&meter, B, 950000e3);
    none(&meter, B + 30000, 5);
    none(&meter, B + 60000, 6);
    struct energy_interval i = only(&meter, B + QUARTER_MS, 7);
    assert_int_equal(i.end_milliwh - i.start_milliwh, 7000);
    assert_int_equal(i.reason, REASON_COUNTER_RESET);
}

static void a_reset_counts_from_the_new_zero(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B, 500000);
    none(&meter, B + 30000, 500001);
    none(&meter, B + 60000, 2);
    none(&meter, B + 90000, 3);
    struct energy_interval i = only(&meter, B + QUARTER_MS, 10);
    assert_int_equal(i.end_milliwh - i.start_milliwh, 11000);
    assert_int_equal(i.reason, REASON_COUNTER_RESET);
    struct energy_interval next = only(&meter, B + 2 * QUARTER_MS, 20);
    assert_int_equal(next.end_milliwh - next.start_milliwh, 10000);
    assert_int_equal(next.quality, QUALITY_GOOD);
}

static void another_meter_invents_no_energy(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B, 500000);
    none(&meter, B + 30000, 400000); /* exchanged for one that has counted elsewhere */
    none(&meter, B + 60000, 400002);
    struct energy_interval i = only(&meter, B + QUARTER_MS, 400010);
    assert_int_equal(i.end_milliwh - i.start_milliwh, 10000);
    assert_int_equal(i.quality, QUALITY_ESTIMATED);
}

static void a_single_misread_value_changes_nothing(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(1000000000);
    none(&meter, B, 500000);
    none(&meter, B + 30000, 434464); /* half of a 32-bit value from before */
    none(&meter, B + 30000, 434464); /* the image says it again in the next tick */
    none(&meter, B + 60000, 500002);
    none(&meter, B + 90000, 434470); /* long after, another one */
    struct energy_interval i = only(&meter, B + QUARTER_MS, 500030);
    assert_int_equal(i.end_milliwh - i.start_milliwh, 30000);
    assert_int_equal(i.quality, QUALITY_GOOD);
}

static void a_booting_meter_invents_no_energy(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B, 5000000e3);
    for (int64_t t = B + 1000; t < B + 60000; t += 1000)
        none(&meter, t, 0);
    none(&meter, B + 60000, 5000001e3);
    struct energy_interval i = only(&meter, B + QUARTER_MS, 5000033e3);
    assert_int_equal(i.end_milliwh - i.start_milliwh, 33000000);
    assert_int_equal(i.quality, QUALITY_ESTIMATED);
    assert_int_equal(i.reason, REASON_COUNTER_RESET);
    struct energy_interval next = only(&meter, B + 2 * QUARTER_MS, 5000043e3);
    assert_int_equal(next.end_milliwh - next.start_milliwh, 10000000);
    assert_int_equal(next.quality, QUALITY_GOOD);
}

/* The quarter hour that ended among the zeros lacks the energy; the next one makes up for it. */
static void zeros_over_a_boundary_lose_nothing(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B, 5000000e3);
    none(&meter, B + QUARTER_MS - 60000, 5000010e3);
    none(&meter, B + QUARTER_MS - 30000, 0);
    struct energy_interval i = only(&meter, B + QUARTER_MS, 0);
    assert_int_equal(i.end_milliwh - i.start_milliwh, 10000000);
    assert_int_equal(i.quality, QUALITY_ESTIMATED);
    none(&meter, B + QUARTER_MS + 30000, 5000012e3);
    struct energy_interval next = only(&meter, B + 2 * QUARTER_MS, 5000020e3);
    assert_int_equal(next.end_milliwh - next.start_milliwh, 10000000);
    assert_int_equal(next.quality, QUALITY_ESTIMATED);
}

/* A gateway that counts while it boots, and loads the true counter then. */
static void a_return_takes_back_what_was_counted(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B, 5000000e3);
    none(&meter, B + 30000, 1000);
    none(&meter, B + 60000, 6000);
    none(&meter, B + 90000, 8000);
    assert_int_equal(meter.last_milliwh, 5000008000000);
    struct energy_interval i = only(&meter, B + QUARTER_MS + 30000, 5000001e3);
    assert_int_equal(i.end_milliwh - i.start_milliwh, 1000000);
    struct energy_interval next = only(&meter, B + 2 * QUARTER_MS, 5000001e3);
    assert_int_equal(next.end_milliwh - next.start_milliwh, 0);
}

static void a_return_leaves_closed_intervals_alone(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B, 5000000e3);
    none(&meter, B + QUARTER_MS - 30000, 4000);
    struct energy_interval i = only(&meter, B + QUARTER_MS, 6000);
    assert_int_equal(i.end_milliwh - i.start_milliwh, 6000000);
    none(&meter, B + QUARTER_MS + 30000, 5000001e3); /* 5 kWh less than was told */
    struct energy_interval next = only(&meter, B + 2 * QUARTER_MS, 5000011e3);
    assert_int_equal(next.start_milliwh, i.end_milliwh);
    assert_int_equal(next.end_milliwh - next.start_milliwh, 10000000);
    assert_int_equal(meter_raw_at(&meter, next.end_milliwh), 5000011000000);
}

static void zeros_near_the_maximum_are_taken_back_too(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(1000000000);
    none(&meter, B, 999990);
    none(&meter, B + 30000, 0);
    none(&meter, B + 60000, 0);
    assert_int_equal(meter.last_milliwh, 1000000000);
    none(&meter, B + 90000, 999992);
    assert_int_equal(meter.last_milliwh, 999992000);
}

static void a_late_return_invents_no_energy(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B, 5000000e3);
    int64_t t = B + 1000;
    for (; t < B + QUARTER_MS; t += 1000)
        none(&meter, t, 0);
    for (; t <= B + METER_RETURN_MS + QUARTER_MS; t += QUARTER_MS)
        only(&meter, t, 0);
    none(&meter, t - QUARTER_MS + 1000, 5000500e3);
    none(&meter, t - QUARTER_MS + 2000, 5000500.2e3);
    assert_int_equal(meter.last_milliwh, 5000000200000);
}

/* The end that was stored belongs to the zeros. */
static void a_restart_among_zeros_invents_no_energy(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    meter_resume(&meter, B, 5000000000000, 0);
    none(&meter, B + 30000, 5000001e3);
    none(&meter, B + 60000, 5000001.5e3);
    assert_int_equal(meter.last_milliwh, 5000000500000);
}

static void a_wild_reading_up_changes_nothing(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B, 500000);
    none(&meter, B + 600000, 500010);
    none(&meter, B + 601000, 500010 + 1e6);
    none(&meter, B + 601000, 500010 + 1e6);
    none(&meter, B + 602000, 500020);
    struct energy_interval i = only(&meter, B + QUARTER_MS, 500030);
    assert_int_equal(i.end_milliwh - i.start_milliwh, 30000);
    assert_int_equal(i.quality, QUALITY_GOOD);
}

static void a_meter_that_stands_higher_invents_no_energy(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B, 500000);
    none(&meter, B + 30000, 7000000e3);
    none(&meter, B + 60000, 7000000e3 + 2);
    struct energy_interval i = only(&meter, B + QUARTER_MS, 7000000e3 + 10);
    assert_int_equal(i.end_milliwh - i.start_milliwh, 10000);
    assert_int_equal(i.quality, QUALITY_ESTIMATED);
    assert_int_equal(i.reason, REASON_COUNTER_RESET);
}

static void an_energy_no_wire_carries_is_not_counted_from_zero(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B, 5000000e3);
    none(&meter, B + 30000, 400000e3);
    none(&meter, B + 60000, 400002e3);
    assert_int_equal(meter.last_milliwh, 5000002000000);
}

/* It stands still for long and then jumps by its last digit, between two polls of a second. */
static void a_coarse_counter_is_no_restart(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    double wh = 5000000e3;
    struct energy_interval closed[MOST];
    for (int64_t ms = 0; ms <= 8 * HOUR_MS; ms += 1000) {
        if (ms % HOUR_MS == 5000)
            wh += 100e3; /* 100 kW on average */
        int count = meter_feed_counter(&meter, B + ms, wh, closed, MOST);
        for (int i = 0; i < count; i++)
            assert_int_equal(closed[i].quality, QUALITY_GOOD);
    }
    assert_int_equal(meter.last_milliwh, llround(wh * 1000));
    none(&meter, B + 8 * HOUR_MS + 5000, wh += 100e3);
    none(&meter, B + 8 * HOUR_MS + 6000, wh += 100e3); /* but not twice */
    assert_int_equal(meter.suspect_raw_milliwh, llround(wh * 1000));
}

static void without_a_known_power_every_step_forward_counts(void **state)
{
    (void)state;
    struct meter meter;
    meter_init(&meter, POINT_INDEX, QUARTER_MS, GAP_MS, 0, false, 0);
    none(&meter, B, 500000);
    none(&meter, B + 1000, 9000000e3);
    assert_int_equal(meter.last_milliwh, 9000000000000);
    none(&meter, B + 2000, 0);
    none(&meter, B + 3000, 0);
    none(&meter, B + 4000, 9000001e3);
    assert_int_equal(meter.last_milliwh, 9000001000000);
}

static void different_misread_values_confirm_nothing(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B, 5000000e3);
    none(&meter, B + 30000, 0);
    none(&meter, B + 60000, 400000e3);
    none(&meter, B + 90000, 9000000e3);
    struct energy_interval i = only(&meter, B + QUARTER_MS, 5000001e3);
    assert_int_equal(i.end_milliwh - i.start_milliwh, 1000000);
    assert_int_equal(i.quality, QUALITY_GOOD);
}

static void a_return_reaches_over_two_restarts(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B, 5000000e3);
    none(&meter, B + 1000, 0);
    none(&meter, B + 2000, 0);
    none(&meter, B + 3000, 300e3);
    none(&meter, B + 4000, 300e3);
    none(&meter, B + 5000, 5000001e3);
    assert_int_equal(meter.last_milliwh, 5000001000000);
}

static void zeros_after_a_true_reset_return_to_the_new_counter(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B, 5000000e3);
    none(&meter, B + 30000, 2);
    for (int i = 2; i < 10; i++)
        none(&meter, B + i * 30000, i + 1);
    assert_int_equal(meter.last_milliwh, 5000000010000);
    none(&meter, B + 301000, 0);
    none(&meter, B + 302000, 0);
    none(&meter, B + 303000, 11);
    assert_int_equal(meter.last_milliwh, 5000000011000);
}

/* Time makes the step to it plausible, but it is no return: the counter never went below. */
static void a_meter_that_stands_a_little_higher_is_no_return(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B, 500e3);
    none(&meter, B + 30000, 501e3);
    for (int64_t t = B + 60000; t < B + QUARTER_MS; t += 30000)
        none(&meter, t, 600e3);
    assert_int_equal(meter.last_milliwh, 501000000);
}

/* A PV plant by night: the hours in which nothing came make no room for a wild reading. */
static void standing_still_excuses_no_more_than_an_interval(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B, 500e3);
    for (int q = 1; q <= 48; q++)
        only(&meter, B + q * QUARTER_MS, 500e3);
    none(&meter, B + 48 * QUARTER_MS + 1000, 5500e3);
    none(&meter, B + 48 * QUARTER_MS + 2000, 501e3);
    assert_int_equal(meter.last_milliwh, 501000000);
}

static void old_and_senseless_readings_are_ignored(void **state)
{
    (void)state;
    struct meter meter = fresh_meter(0);
    none(&meter, B + 1000, 100);
    struct meter before = meter;
    none(&meter, B + 1000, 105);
    none(&meter, B, 90);
    none(&meter, B + 2000, (double)NAN);
    none(&meter, B + 2000, (double)INFINITY);
    none(&meter, B + 2000, -1);
    none(&meter, B + 2000, 1e300);
    assert_int_equal(meter.last_ms, before.last_ms);
    assert_int_equal(meter.last_milliwh, before.last_milliwh);
    assert_false(meter.suspect_raw_milliwh >= 0);
}

/* ---- power ---- */

static struct meter power_meter(void)
{
    struct meter meter;
    meter_init(&meter, POINT_INDEX, QUARTER_MS, GAP_MS, 0, true, (double)INFINITY);
    return meter;
}

static void power_is_integrated_and_estimated(void **state)
{
    (void)state;
    struct meter meter = power_meter();
    struct energy_interval closed[MOST];
    for (int64_t t = B; t < B + QUARTER_MS; t += 7000) /* a ramp: the trapezoid is exact */
        assert_int_equal(meter_feed_power(&meter, t, 1000 + (double)(t - B) / 1000, closed, MOST),
                         0);
    assert_int_equal(meter_feed_power(&meter, B + QUARTER_MS, 1900, closed, MOST), 1);
    assert_int_equal(closed[0].quality, QUALITY_ESTIMATED);
    assert_int_equal(closed[0].reason, REASON_INTEGRATED_POWER);
    assert_true(closed[0].coverage == 1);
    int64_t milliwh = closed[0].end_milliwh - closed[0].start_milliwh;
    assert_true(milliwh == 362500 || milliwh == 362499); /* 1450 W for a quarter hour */
}

static void a_gap_of_power_is_missing(void **state)
{
    (void)state;
    struct meter meter = power_meter();
    struct energy_interval closed[MOST];
    assert_int_equal(meter_feed_power(&meter, B, 1000, closed, MOST), 0);
    assert_int_equal(meter_feed_power(&meter, B + 120000, 1000, closed, MOST), 0);
    assert_int_equal(meter.last_milliwh, 0);
    assert_int_equal(meter_feed_power(&meter, B + 160000, 1000, closed, MOST), 0);
    assert_int_equal(meter_feed_power(&meter, B + QUARTER_MS, 1000, closed, MOST), 1);
    assert_int_equal(closed[0].quality, QUALITY_MISSING);
    assert_int_equal(closed[0].reason, REASON_GAP);
}

static void power_after_a_restart_starts_with_a_gap(void **state)
{
    (void)state;
    struct meter meter = power_meter();
    struct energy_interval closed[MOST];
    meter_resume(&meter, B, 123000, 123000);
    assert_int_equal(meter_feed_power(&meter, B + 10000, 3600, closed, MOST), 0);
    assert_int_equal(meter.last_milliwh, 123000);
    assert_int_equal(meter_feed_power(&meter, B + 20000, 3600, closed, MOST), 0);
    assert_int_equal(meter.last_milliwh, 133000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_up_over_gaps_and_restarts),
        cmocka_unit_test(adds_up_over_rollovers_too),
        cmocka_unit_test(adds_up_over_glitches),
        cmocka_unit_test(a_reading_on_the_boundary_closes_exactly),
        cmocka_unit_test(a_boundary_between_readings_is_interpolated),
        cmocka_unit_test(the_first_interval_starts_at_the_first_reading),
        cmocka_unit_test(a_gap_inside_an_interval_lowers_only_its_coverage),
        cmocka_unit_test(a_gap_over_a_boundary_estimates_both_sides),
        cmocka_unit_test(a_gap_of_many_intervals_is_one),
        cmocka_unit_test(a_rollover_is_exact),
        cmocka_unit_test(a_far_step_back_is_no_rollover),
        cmocka_unit_test(a_reset_counts_from_the_new_zero),
        cmocka_unit_test(another_meter_invents_no_energy),
        cmocka_unit_test(a_single_misread_value_changes_nothing),
        cmocka_unit_test(a_booting_meter_invents_no_energy),
        cmocka_unit_test(zeros_over_a_boundary_lose_nothing),
        cmocka_unit_test(a_return_takes_back_what_was_counted),
        cmocka_unit_test(a_return_leaves_closed_intervals_alone),
        cmocka_unit_test(zeros_near_the_maximum_are_taken_back_too),
        cmocka_unit_test(a_late_return_invents_no_energy),
        cmocka_unit_test(a_restart_among_zeros_invents_no_energy),
        cmocka_unit_test(a_wild_reading_up_changes_nothing),
        cmocka_unit_test(a_meter_that_stands_higher_invents_no_energy),
        cmocka_unit_test(an_energy_no_wire_carries_is_not_counted_from_zero),
        cmocka_unit_test(a_coarse_counter_is_no_restart),
        cmocka_unit_test(without_a_known_power_every_step_forward_counts),
        cmocka_unit_test(a_rollover_that_no_wire_carries_is_a_reset),
        cmocka_unit_test(different_misread_values_confirm_nothing),
        cmocka_unit_test(a_return_reaches_over_two_restarts),
        cmocka_unit_test(a_meter_that_stands_a_little_higher_is_no_return),
        cmocka_unit_test(standing_still_excuses_no_more_than_an_interval),
        cmocka_unit_test(zeros_after_a_true_reset_return_to_the_new_counter),
        cmocka_unit_test(old_and_senseless_readings_are_ignored),
        cmocka_unit_test(power_is_integrated_and_estimated),
        cmocka_unit_test(a_gap_of_power_is_missing),
        cmocka_unit_test(power_after_a_restart_starts_with_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
