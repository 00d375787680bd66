/* A value can only be read while it deserves it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>

#include "controller/base/utc.h"
#include "controller/plant/image.h"

enum { STALE_MS = 10000 };

static const int64_t T = 1780000000000;

struct world {
    struct topology *topology;
    struct image live, frozen;
    int32_t device, point;
};

static int set_up(void **state)
{
    static struct world world;
    struct point power = {.kind = POINT_POWER, .low = -100, .high = 1000};
    world.topology = topology_create();
    topology_add_device(world.topology, "other", ROLE_NONE, -1, 1, NULL);
    topology_add_point(world.topology, &power, NULL);
    world.device = topology_add_device(world.topology, "pdu", ROLE_RACK_PDU, -1, STALE_MS, NULL);
    world.point = topology_add_point(world.topology, &power, NULL);
    assert_int_equal(image_init(&world.live, world.topology, NULL), 0);
    assert_int_equal(image_init(&world.frozen, world.topology, NULL), 0);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    image_finish(&world->live);
    image_finish(&world->frozen);
    topology_destroy(world->topology);
    return 0;
}

static enum reason apply(struct world *world, double value, int64_t source_ms)
{
    struct sample sample = {.point = world->point,
                            .quality = QUALITY_GOOD,
                            .reason = REASON_FRESH,
                            .value = value,
                            .source_ms = source_ms,
                            .receive_ms = T};
    return image_apply(&world->live, &sample);
}

static void fails_with(struct world *world, double value, int64_t source_ms, enum reason reason)
{
    double read = 77;
    assert_int_equal(apply(world, 50, T - 4000), REASON_FRESH);
    assert_int_equal(apply(world, value, source_ms), reason);
    assert_false(image_value(&world->live, world->point, &read));
    assert_true(read == 77);
    assert_int_equal(image_sample(&world->live, world->point)->quality, QUALITY_BAD);
    assert_int_equal(image_sample(&world->live, world->point)->reason, reason);
    /* It did not push the source time forward: a good value of the present restores. */
    assert_int_equal(apply(world, 60, T - 4000), REASON_FRESH);
    assert_true(image_value(&world->live, world->point, &read));
    assert_true(read == 60);
}

static void begins_unknown(void **state)
{
    struct world *world = *state;
    double read = 77;
    assert_int_equal(image_sample(&world->live, world->point)->quality, QUALITY_MISSING);
    assert_int_equal(image_sample(&world->live, world->point)->reason, REASON_NEVER_READ);
    assert_false(image_value(&world->live, world->point, &read));
    assert_false(image_value(&world->live, -1, &read));
    assert_false(image_device_value(&world->live, world->device, POINT_SOC, &read));
    assert_false(image_device_value(&world->live, -1, POINT_POWER, &read));
    assert_true(read == 77);
}

static void a_good_value_is_read(void **state)
{
    struct world *world = *state;
    double read;
    assert_int_equal(apply(world, 1000, T), REASON_FRESH);
    assert_true(image_device_value(&world->live, world->device, POINT_POWER, &read));
    assert_true(read == 1000);
    assert_false(image_value(&world->live, 0, &read)); /* its neighbour stays unknown */
}

static void senseless_values_are_bad(void **state)
{
    struct world *world = *state;
    fails_with(world, (double)NAN, T, REASON_NOT_FINITE);
    fails_with(world, (double)INFINITY, T, REASON_NOT_FINITE);
    fails_with(world, 1000.1, T, REASON_OUT_OF_RANGE);
    fails_with(world, -100.1, T, REASON_OUT_OF_RANGE);
    fails_with(world, 5, T + CLOCK_SKEW_MS + 1, REASON_CLOCK_SKEW);
}

static void a_little_skew_is_fine(void **state)
{
    struct world *world = *state;
    assert_int_equal(apply(world, 5, T + CLOCK_SKEW_MS), REASON_FRESH);
}

static void what_the_driver_disowns_is_out_of_reach(void **state)
{
    struct world *world = *state;
    double read;
    for (enum quality quality = QUALITY_STALE; quality <= QUALITY_MISSING; quality++) {
        struct sample lost = {.point = world->point,
                              .quality = quality,
                              .reason = REASON_TIMEOUT,
                              .value = 55,
                              .source_ms = T + 3000,
                              .receive_ms = T + 3000};
        apply(world, 50, T);
        assert_int_equal(image_apply(&world->live, &lost), REASON_TIMEOUT);
        assert_false(image_value(&world->live, world->point, &read));
        assert_int_equal(image_sample(&world->live, world->point)->quality, quality);
        assert_true(isnan(image_sample(&world->live, world->point)->value));
        assert_int_equal(image_sample(&world->live, world->point)->source_ms, T);
        assert_int_equal(apply(world, 51, T), REASON_FRESH);
        assert_true(image_value(&world->live, world->point, &read));
    }
}

static void an_overtaken_value_is_ignored(void **state)
{
    struct world *world = *state;
    double read;
    apply(world, 50, T);
    assert_int_equal(apply(world, 40, T - 1), REASON_TOO_OLD);
    assert_true(image_value(&world->live, world->point, &read));
    assert_true(read == 50);
}

static enum reason say(struct world *world, enum quality quality, double value, int64_t at_ms)
{
    struct sample sample = {.point = world->point,
                            .quality = quality,
                            .reason = quality == QUALITY_GOOD ? REASON_FRESH : REASON_TIMEOUT,
                            .value = value,
                            .source_ms = at_ms,
                            .receive_ms = at_ms};
    return image_apply(&world->live, &sample);
}

/* The newest value is good; that older ones are missing is said with it. */
static void a_value_that_others_gave_way_to_says_so(void **state)
{
    struct world *world = *state;
    struct sample sample = {.point = world->point,
                            .quality = QUALITY_GOOD,
                            .reason = REASON_OVERLOAD,
                            .value = 50,
                            .source_ms = T,
                            .receive_ms = T};
    double read;
    assert_int_equal(image_apply(&world->live, &sample), REASON_OVERLOAD);
    image_freeze(&world->frozen, &world->live, T);
    assert_true(image_value(&world->frozen, world->point, &read));
    assert_int_equal(apply(world, 51, T), REASON_FRESH);
}

static void a_value_from_the_future_is_bad(void **state)
{
    struct world *world = *state;
    double read;
    say(world, QUALITY_GOOD, 50, T);
    image_freeze(&world->frozen, &world->live, T - CLOCK_SKEW_MS);
    assert_true(image_value(&world->frozen, world->point, &read));
    image_freeze(&world->frozen, &world->live, T - CLOCK_SKEW_MS - 1);
    assert_false(image_value(&world->frozen, world->point, &read));
    assert_int_equal(image_sample(&world->frozen, world->point)->quality, QUALITY_BAD);
    assert_int_equal(image_sample(&world->frozen, world->point)->reason, REASON_CLOCK_SKEW);
    assert_int_equal(image_sample(&world->live, world->point)->quality, QUALITY_GOOD);
}

static void a_clock_stepped_back_replaces_what_is_held(void **state)
{
    struct world *world = *state;
    double read;
    say(world, QUALITY_GOOD, 50, T);
    assert_int_equal(say(world, QUALITY_GOOD, 60, T - HOUR_MS), REASON_FRESH);
    image_freeze(&world->frozen, &world->live, T - HOUR_MS);
    assert_true(image_value(&world->frozen, world->point, &read));
    assert_true(read == 60);
    /* Ages count again from the new time. */
    image_freeze(&world->frozen, &world->live, T - HOUR_MS + STALE_MS + 1);
    assert_false(image_value(&world->frozen, world->point, &read));
}

/* One thread says that a source is dead, another has a value of just before: passing each other is
 * no step of the clock, and what was seen before still counts against the value. */
static void samples_that_pass_each_other_keep_their_checks(void **state)
{
    struct world *world = *state;
    struct sample late = {.point = world->point,
                          .quality = QUALITY_GOOD,
                          .reason = REASON_FRESH,
                          .receive_ms = T + 5000 - LIMIT_LATE_MS};
    world->topology->points[world->point].rate_per_s = 10;
    say(world, QUALITY_GOOD, 50, T);
    say(world, QUALITY_BAD, 0, T + 5000);
    late.value = 500;
    late.source_ms = T + 4000;
    assert_int_equal(image_apply(&world->live, &late), REASON_TOO_FAST);
    say(world, QUALITY_BAD, 0, T + 5000);
    late.value = 50;
    late.source_ms = T - 1;
    assert_int_equal(image_apply(&world->live, &late), REASON_TOO_OLD);
    late.value = 60;
    late.source_ms = T + 4000;
    assert_int_equal(image_apply(&world->live, &late), REASON_FRESH);
    /* Later by more, it is a step: what was seen compares with nothing any more. */
    say(world, QUALITY_BAD, 0, T + 6000);
    late.value = 500;
    late.source_ms = T - 1;
    late.receive_ms = T + 6000 - LIMIT_LATE_MS - 1;
    assert_int_equal(image_apply(&world->live, &late), REASON_FRESH);
}

/* A failed read may be the first that is heard after the step: the next good one must count. */
static void a_failure_after_a_clock_step_does_not_freeze_the_point(void **state)
{
    struct world *world = *state;
    double read;
    say(world, QUALITY_GOOD, 50, T);
    assert_int_equal(say(world, QUALITY_MISSING, 0, T - HOUR_MS), REASON_TIMEOUT);
    assert_int_equal(say(world, QUALITY_GOOD, 60, T - HOUR_MS + 1000), REASON_FRESH);
    assert_true(image_value(&world->live, world->point, &read));
    assert_true(read == 60);
}

static void ages_are_judged_at_the_freeze(void **state)
{
    struct world *world = *state;
    double read;
    apply(world, 50, T);
    image_freeze(&world->frozen, &world->live, T + STALE_MS);
    assert_int_equal(world->frozen.frozen_ms, T + STALE_MS);
    assert_true(image_value(&world->frozen, world->point, &read));
    image_freeze(&world->frozen, &world->live, T + STALE_MS + 1);
    assert_false(image_value(&world->frozen, world->point, &read));
    assert_int_equal(image_sample(&world->frozen, world->point)->quality, QUALITY_STALE);
    assert_int_equal(image_sample(&world->frozen, world->point)->reason, REASON_TOO_OLD);
    /* The live image is not aged: the next tick judges anew. */
    assert_int_equal(image_sample(&world->live, world->point)->quality, QUALITY_GOOD);
}

static void a_frozen_image_does_not_move(void **state)
{
    struct world *world = *state;
    double read;
    apply(world, 50, T);
    image_freeze(&world->frozen, &world->live, T);
    apply(world, 60, T + 1);
    assert_true(image_value(&world->frozen, world->point, &read));
    assert_true(read == 50);
}

/* The same value said again with the same source time gets no younger. */
static void a_repeated_value_still_ages(void **state)
{
    struct world *world = *state;
    double read;
    apply(world, 50, T);
    struct sample again = *image_sample(&world->live, world->point);
    again.receive_ms = T + 2 * STALE_MS;
    image_apply(&world->live, &again);
    image_freeze(&world->frozen, &world->live, T + 2 * STALE_MS);
    assert_false(image_value(&world->frozen, world->point, &read));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(begins_unknown),
        TEST(a_good_value_is_read),
        TEST(senseless_values_are_bad),
        TEST(a_little_skew_is_fine),
        TEST(what_the_driver_disowns_is_out_of_reach),
        TEST(an_overtaken_value_is_ignored),
        TEST(a_value_that_others_gave_way_to_says_so),
        TEST(a_value_from_the_future_is_bad),
        TEST(a_clock_stepped_back_replaces_what_is_held),
        TEST(samples_that_pass_each_other_keep_their_checks),
        TEST(a_failure_after_a_clock_step_does_not_freeze_the_point),
        TEST(ages_are_judged_at_the_freeze),
        TEST(a_frozen_image_does_not_move),
        TEST(a_repeated_value_still_ages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
