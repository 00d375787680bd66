/* No sample outside its point's rules is ever believed, and a point finds back by itself. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "controller/base/utc.h"
#include "controller/plant/image.h"

enum { STALE_MS = 10000, SEEDS = 300, STEPS = 400 };

static const int64_t T = 1780000000000;
static const double LOW = -100, HIGH = 1000;

struct world {
    struct topology *topology;
    struct image image;
    int32_t point;
};

static void open_world(struct world *world, const struct point *rules)
{
    world->topology = topology_create();
    topology_add_device(world->topology, "pdu", ROLE_RACK_PDU, -1, STALE_MS, NULL);
    world->point = topology_add_point(world->topology, rules, NULL);
    assert_int_equal(image_init(&world->image, world->topology, NULL), 0);
}

static void close_world(struct world *world)
{
    image_finish(&world->image);
    topology_destroy(world->topology);
}

static struct point rules(double rate_per_s, int64_t frozen_after_ms)
{
    return (struct point){.kind = POINT_POWER,
                          .low = LOW,
                          .high = HIGH,
                          .rate_per_s = rate_per_s,
                          .frozen_after_ms = frozen_after_ms};
}

static enum reason say_at(struct world *world, enum quality quality, double value,
                          int64_t source_ms, int64_t receive_ms)
{
    const struct sample sample = {.point = world->point,
                                  .quality = quality,
                                  .reason = quality == QUALITY_GOOD ? REASON_FRESH : REASON_TIMEOUT,
                                  .value = value,
                                  .source_ms = source_ms,
                                  .receive_ms = receive_ms};
    return image_apply(&world->image, &sample);
}

static enum reason say(struct world *world, double value, int64_t at_ms)
{
    return say_at(world, QUALITY_GOOD, value, at_ms, at_ms);
}

static bool is_good(const struct world *world)
{
    return image_sample(&world->image, world->point)->quality == QUALITY_GOOD;
}

/* ---- rate ---- */

static void a_step_too_fast_waits_for_its_time(void **state)
{
    (void)state;
    struct world world;
    const struct point point = rules(10, 0);
    open_world(&world, &point);
    assert_int_equal(say(&world, 500, T), REASON_FRESH); /* nothing before it to compare with */
    assert_int_equal(say(&world, 510, T + 1000), REASON_FRESH);
    assert_int_equal(say(&world, 571, T + 7000), REASON_TOO_FAST);
    assert_false(is_good(&world));
    assert_int_equal(image_sample(&world.image, world.point)->source_ms, T + 1000);
    assert_int_equal(say(&world, 571, T + 7099), REASON_TOO_FAST);
    assert_int_equal(say(&world, 571, T + 7100), REASON_FRESH);
    assert_int_equal(say(&world, 561, T + 8100), REASON_FRESH);
    assert_int_equal(say(&world, 550, T + 9100), REASON_TOO_FAST); /* downwards as well */
    assert_int_equal(say(&world, 560, T + 9200), REASON_FRESH);
    close_world(&world);
}

/* A burst from a queue is judged by the times of its source. */
static void rates_count_in_source_time(void **state)
{
    (void)state;
    struct world world;
    const struct point point = rules(10, 0);
    open_world(&world, &point);
    assert_int_equal(say_at(&world, QUALITY_GOOD, 0, T, T + 9000), REASON_FRESH);
    assert_int_equal(say_at(&world, QUALITY_GOOD, 10, T + 1000, T + 9000), REASON_FRESH);
    assert_int_equal(say_at(&world, QUALITY_GOOD, 20, T + 2000, T + 9001), REASON_FRESH);
    assert_int_equal(say_at(&world, QUALITY_GOOD, 40, T + 3000, T + 99000), REASON_TOO_FAST);
    close_world(&world);
}

static void our_clock_stepped_back_begins_unchecked(void **state)
{
    (void)state;
    struct world world;
    const struct point point = rules(10, 0);
    open_world(&world, &point);
    say(&world, 500, T);
    assert_int_equal(say(&world, 0, T - HOUR_MS), REASON_FRESH);
    close_world(&world);
}

static void counters_are_left_to_the_meter(void **state)
{
    (void)state;
    struct world world;
    struct point point = rules(10, 0);
    point.kind = POINT_ENERGY_IMPORT;
    open_world(&world, &point);
    say(&world, 900, T);
    assert_int_equal(say(&world, 0, T + 1000), REASON_FRESH);
    assert_int_equal(say(&world, 0, T + HOUR_MS), REASON_FRESH); /* it may stand still for ever */
    close_world(&world);
}

/* ---- frozen ---- */

static void a_value_that_stands_still_is_frozen(void **state)
{
    (void)state;
    struct world world;
    const struct point point = rules(0, 5000);
    open_world(&world, &point);
    for (int64_t at = 0; at <= 5000; at += 1000)
        assert_int_equal(say(&world, 50, T + at), REASON_FRESH);
    assert_int_equal(say(&world, 50, T + 5001), REASON_FROZEN);
    assert_false(is_good(&world));
    assert_int_equal(say(&world, 50, T + HOUR_MS), REASON_FROZEN);
    assert_int_equal(say(&world, 50.001, T + HOUR_MS + 1000), REASON_FRESH);
    assert_int_equal(say(&world, 50.001, T + HOUR_MS + 2000), REASON_FRESH);
    close_world(&world);
}

static void without_a_rule_nothing_freezes(void **state)
{
    (void)state;
    struct world world;
    const struct point point = rules(0, 0);
    open_world(&world, &point);
    for (int64_t at = 0; at <= 100; at++)
        assert_int_equal(say(&world, 50, T + at * HOUR_MS), REASON_FRESH);
    close_world(&world);
}

static void failures_do_not_thaw(void **state)
{
    (void)state;
    struct world world;
    const struct point point = rules(10, 5000);
    open_world(&world, &point);
    for (int64_t at = 0; at <= 5000; at += 1000) {
        assert_int_equal(say(&world, 50, T + at), REASON_FRESH);
        say_at(&world, QUALITY_MISSING, 0, T + at + 100, T + at + 100);
        assert_int_equal(say(&world, 2000, T + at + 200), REASON_OUT_OF_RANGE);
        assert_int_equal(say(&world, 900, T + at + 300), REASON_TOO_FAST);
    }
    assert_int_equal(say(&world, 50, T + 6000), REASON_FROZEN);
    close_world(&world);
}

/* Nobody saw what the value did while there were no samples. */
static void silence_is_no_proof_of_frost(void **state)
{
    (void)state;
    struct world world;
    const struct point point = rules(0, 5 * STALE_MS);
    open_world(&world, &point);
    say(&world, 50, T);
    for (int i = 1; i <= 5; i++)
        assert_int_equal(say(&world, 50, T + i * DAY_MS), REASON_FRESH);
    assert_int_equal(say(&world, 50, T + 6 * DAY_MS), REASON_FROZEN);
    close_world(&world);
}

/* A retained message said again is no new observation: it grows old, not frozen. */
static void a_repeated_time_stamp_freezes_nothing(void **state)
{
    (void)state;
    struct world world;
    const struct point point = rules(0, 5000);
    open_world(&world, &point);
    for (int i = 0; i < 100; i++)
        assert_int_equal(say_at(&world, QUALITY_GOOD, 50, T, T + i * 1000), REASON_FRESH);
    close_world(&world);
}

/* After a long frost any value may come: nobody believed the last one. */
static void a_thawed_value_is_held_against_the_last_believed(void **state)
{
    (void)state;
    struct world world;
    const struct point point = rules(10, 5000);
    open_world(&world, &point);
    for (int64_t at = 0; at <= 60000; at += 1000)
        say(&world, 50, T + at);
    assert_int_equal(say(&world, 600, T + 61000), REASON_FRESH); /* last believed 56 s ago */
    close_world(&world);
}

static void what_was_overtaken_does_not_thaw(void **state)
{
    (void)state;
    struct world world;
    const struct point point = rules(0, 5000);
    open_world(&world, &point);
    for (int64_t at = 0; at <= 9000; at += 1000)
        say(&world, 50, T + at);
    assert_int_equal(say_at(&world, QUALITY_GOOD, 51, T + 7000, T + 9500), REASON_TOO_OLD);
    assert_int_equal(image_sample(&world.image, world.point)->reason, REASON_FROZEN);
    close_world(&world);
}

/* ---- clocks ---- */

static void each_source_has_its_own_skew(void **state)
{
    (void)state;
    struct world world;
    struct point point = rules(0, 0);
    point.skew_ms = 60000;
    open_world(&world, &point);
    assert_int_equal(say_at(&world, QUALITY_GOOD, 1, T + 60000, T), REASON_FRESH);
    assert_int_equal(say_at(&world, QUALITY_GOOD, 2, T + 60001, T), REASON_CLOCK_SKEW);
    close_world(&world);
}

/* A clock that runs behind is told by age, however fresh the messages are. */
static void a_source_that_runs_behind_is_too_old(void **state)
{
    (void)state;
    struct world world;
    struct image frozen;
    const struct point point = rules(0, 0);
    open_world(&world, &point);
    assert_int_equal(image_init(&frozen, world.topology, NULL), 0);
    for (int i = 0; i < 20; i++) {
        int64_t now_ms = T + i * 1000;
        say_at(&world, QUALITY_GOOD, i, now_ms - STALE_MS - 1, now_ms);
        image_freeze(&frozen, &world.image, now_ms);
        assert_int_equal(image_sample(&frozen, world.point)->quality, QUALITY_STALE);
        assert_int_equal(image_sample(&frozen, world.point)->reason, REASON_TOO_OLD);
    }
    image_finish(&frozen);
    close_world(&world);
}

/* ---- any sequence ---- */

/* The rules again, from the definition: every sample so far is looked at anew. */
struct history {
    double value[STEPS];
    int64_t source_ms[STEPS];
    bool accepted[STEPS];
    int count;
};

static bool obeys(const struct history *history, const struct point *point,
                  const struct sample *sample)
{
    int last = history->count - 1;
    while (last >= 0 && !history->accepted[last])
        last--;
    if (!isfinite(sample->value) || sample->value < LOW || sample->value > HIGH ||
        sample->source_ms > sample->receive_ms + CLOCK_SKEW_MS)
        return false;
    if (last < 0)
        return true;
    double elapsed_s = (double)(sample->source_ms - history->source_ms[last]) / 1000;
    if (elapsed_s < 0)
        return false;
    return point->rate_per_s <= 0 ||
           fabs(sample->value - history->value[last]) <= point->rate_per_s * elapsed_s;
}

static double any_value(unsigned *seed, double near)
{
    static const double odd[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, 1e9, -101, 1001};
    switch (rand_r(seed) % 8) {
    case 0:
        return odd[rand_r(seed) % 6];
    case 1:
        return LOW + rand_r(seed) % 1100;
    case 2:
        return near;
    default:
        return near + (rand_r(seed) % 41 - 20);
    }
}

static void remember(struct history *history, const struct sample *sample, bool accepted)
{
    history->value[history->count] = sample->value;
    history->source_ms[history->count] = sample->source_ms;
    history->accepted[history->count++] = accepted;
}

static void nothing_outside_the_rules_is_good(void **state)
{
    (void)state;
    for (unsigned s = 1; s <= SEEDS; s++) {
        unsigned seed = s;
        struct world world;
        struct history history = {.count = 0};
        const struct point point = rules(s % 3 ? 10 : 0, s % 2 ? 6000 : 0);
        double near = 300;
        int64_t now_ms = T;
        open_world(&world, &point);
        for (int i = 0; i < STEPS; i++) {
            now_ms += rand_r(&seed) % 2000;
            struct sample sample = {.point = world.point,
                                    .quality = rand_r(&seed) % 10 ? QUALITY_GOOD : QUALITY_BAD,
                                    .reason = REASON_SENTINEL,
                                    .value = any_value(&seed, near),
                                    .source_ms = now_ms + rand_r(&seed) % 9000 - 3000,
                                    .receive_ms = now_ms};
            if (rand_r(&seed) % 3)
                sample.source_ms = now_ms;
            bool sound = sample.quality == QUALITY_GOOD && obeys(&history, &point, &sample);
            enum reason reason = image_apply(&world.image, &sample);
            const struct sample *held = image_sample(&world.image, world.point);
            bool taken = reason == REASON_FRESH;
            assert_true(!taken || sound);
            /* Whatever sound is refused has moved too little or came too late. */
            assert_true(taken || !sound || reason == REASON_FROZEN || reason == REASON_TOO_OLD);
            assert_true(reason != REASON_FROZEN || point.frozen_after_ms > 0);
            assert_true(held->quality == QUALITY_GOOD || isnan(held->value));
            if (taken)
                near = sample.value;
            remember(&history, &sample, taken);
        }
        /* Whatever happened: a live value that obeys its rules is soon believed again. */
        int64_t end_ms = now_ms + HOUR_MS;
        while (say(&world, 500 + (double)(now_ms / 1000 % 2), now_ms) != REASON_FRESH &&
               now_ms < end_ms)
            now_ms += 1000;
        now_ms += 1000;
        for (int i = 0; i < 20; i++, now_ms += 1000)
            assert_int_equal(say(&world, 500 + (double)(now_ms / 1000 % 2), now_ms), REASON_FRESH);
        close_world(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_too_fast_waits_for_its_time),
        cmocka_unit_test(rates_count_in_source_time),
        cmocka_unit_test(our_clock_stepped_back_begins_unchecked),
        cmocka_unit_test(counters_are_left_to_the_meter),
        cmocka_unit_test(a_value_that_stands_still_is_frozen),
        cmocka_unit_test(without_a_rule_nothing_freezes),
        cmocka_unit_test(failures_do_not_thaw),
        cmocka_unit_test(silence_is_no_proof_of_frost),
        cmocka_unit_test(a_repeated_time_stamp_freezes_nothing),
        cmocka_unit_test(a_thawed_value_is_held_against_the_last_believed),
        cmocka_unit_test(what_was_overtaken_does_not_thaw),
        cmocka_unit_test(each_source_has_its_own_skew),
        cmocka_unit_test(a_source_that_runs_behind_is_too_old),
        cmocka_unit_test(nothing_outside_the_rules_is_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
