/* Every verdict that lasts is told, none that came and went is lost, and nobody floods. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "controller/base/utc.h"
#include "controller/plant/verdict_log.h"

enum { STALE_MS = 10000, POINTS = 3, MOST = 64, SEEDS = 100 };

static const int64_t T = 1780000000000;

struct world {
    struct topology *topology;
    struct image live, frozen;
    struct verdict_log *log;
    int64_t now_ms;
    struct verdict_change told[MOST];
    int count;
};

static int set_up(void **state)
{
    static struct world world;
    static const enum point_kind kinds[POINTS] = {POINT_POWER, POINT_VOLTAGE, POINT_CURRENT};
    world = (struct world){.topology = topology_create(), .now_ms = T};
    topology_add_device(world.topology, "pdu", ROLE_RACK_PDU, -1, STALE_MS, NULL);
    for (int p = 0; p < POINTS; p++) {
        const struct point point = {.kind = kinds[p], .low = 0, .high = 100};
        topology_add_point(world.topology, &point, NULL);
    }
    assert_int_equal(image_init(&world.live, world.topology, NULL), 0);
    assert_int_equal(image_init(&world.frozen, world.topology, NULL), 0);
    world.log = verdict_log_create(POINTS, NULL);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    verdict_log_destroy(world->log);
    image_finish(&world->live);
    image_finish(&world->frozen);
    topology_destroy(world->topology);
    return 0;
}

/* Above 100 a value is out of range. */
static void say(struct world *world, int32_t point, double value)
{
    const struct sample sample = {.point = point,
                                  .quality = QUALITY_GOOD,
                                  .value = value,
                                  .source_ms = world->now_ms,
                                  .receive_ms = world->now_ms};
    image_apply(&world->live, &sample);
}

static void lose(struct world *world, int32_t point, enum reason reason)
{
    const struct sample sample = {.point = point,
                                  .quality = QUALITY_MISSING,
                                  .reason = reason,
                                  .source_ms = world->now_ms,
                                  .receive_ms = world->now_ms};
    image_apply(&world->live, &sample);
}

static int tick_with_room(struct world *world, int most)
{
    world->now_ms += 1000;
    image_freeze(&world->frozen, &world->live, world->now_ms);
    world->count = verdict_log_update(world->log, &world->frozen, world->told, most);
    return world->count;
}

static int tick(struct world *world)
{
    return tick_with_room(world, MOST);
}

static void is_change(const struct verdict_change *change, int32_t point, enum quality quality,
                      enum reason reason, uint32_t withheld)
{
    assert_int_equal(change->point, point);
    assert_int_equal(change->quality, quality);
    assert_int_equal(change->reason, reason);
    assert_int_equal(change->withheld, withheld);
}

static void the_first_image_tells_all(void **state)
{
    struct world *world = *state;
    say(world, 1, 5);
    assert_int_equal(tick(world), POINTS);
    is_change(&world->told[0], 0, QUALITY_MISSING, REASON_NEVER_READ, 0);
    is_change(&world->told[1], 1, QUALITY_GOOD, REASON_FRESH, 0);
    assert_int_equal(world->told[1].at_ms, T + 1000);
    assert_int_equal(tick(world), 0);
}

static void what_age_does_is_told_too(void **state)
{
    struct world *world = *state;
    say(world, 1, 5);
    tick(world);
    world->now_ms += STALE_MS;
    assert_int_equal(tick(world), 1);
    is_change(world->told, 1, QUALITY_STALE, REASON_TOO_OLD, 0);
}

static void a_failure_between_two_images_is_told(void **state)
{
    struct world *world = *state;
    say(world, 1, 5);
    tick(world);
    world->now_ms += 100;
    say(world, 1, 500);
    world->now_ms += 100;
    say(world, 1, 6);
    assert_int_equal(tick(world), 2);
    is_change(&world->told[0], 1, QUALITY_BAD, REASON_OUT_OF_RANGE, 0);
    assert_int_equal(world->told[0].at_ms, T + 1100);
    is_change(&world->told[1], 1, QUALITY_GOOD, REASON_FRESH, 0);
    assert_int_equal(tick(world), 0);
}

static void the_end_of_a_failure_is_told_once(void **state)
{
    struct world *world = *state;
    say(world, 1, 500);
    tick(world);
    say(world, 1, 5);
    assert_int_equal(tick(world), 1);
    is_change(world->told, 1, QUALITY_GOOD, REASON_FRESH, 0);
}

/* Of several in one tick the last is told and the others are counted. */
static void several_failures_in_one_tick_are_counted(void **state)
{
    struct world *world = *state;
    tick(world);
    lose(world, 1, REASON_TIMEOUT);
    say(world, 1, 500);
    say(world, 1, 5);
    assert_int_equal(tick(world), 2);
    is_change(&world->told[0], 1, QUALITY_BAD, REASON_OUT_OF_RANGE, 1);
    is_change(&world->told[1], 1, QUALITY_GOOD, REASON_FRESH, 0);
    assert_int_equal(verdict_log_withheld(world->log), 1);
}

static int count_flap(struct world *world)
{
    int told = 0;
    tick(world);
    for (int c = 0; c < world->count; c++)
        told += world->told[c].point == 1;
    return told;
}

static void a_flapping_point_cannot_flood(void **state)
{
    struct world *world = *state;
    int told = 0;
    for (int i = 0; i < 3600; i++) {
        say(world, 1, i % 2 ? 5 : 500);
        told += count_flap(world);
    }
    assert_in_range(told, 60, VERDICT_BURST + 60);
    assert_int_equal(told + (int)verdict_log_withheld(world->log), 3600);
    /* What lasts is told, with the number of what was not. */
    struct verdict_change last = {.withheld = 0};
    for (int i = 0; i < 120; i++) {
        lose(world, 1, REASON_TIMEOUT);
        if (count_flap(world))
            last = world->told[world->count - 1];
    }
    assert_int_equal(last.quality, QUALITY_MISSING);
    assert_true(last.withheld > 0);
}

static void what_finds_no_room_follows(void **state)
{
    struct world *world = *state;
    assert_int_equal(tick_with_room(world, 2), 2);
    assert_int_equal(tick_with_room(world, 2), 1);
    assert_int_equal(tick_with_room(world, 2), 0);
}

/* Whoever applies the changes knows every verdict within a minute, and all that is missing from
 * the tale is counted. */
static void the_tale_ends_with_the_truth(void **state)
{
    (void)state;
    for (unsigned s = 1; s <= SEEDS; s++) {
        void *made;
        unsigned seed = s;
        set_up(&made);
        struct world *world = made;
        enum quality believed[POINTS];
        enum reason why[POINTS];
        for (int i = 0; i < 600; i++) {
            bool calm = i >= 500;
            for (int k = rand_r(&seed) % 4; k > 0 && !calm; k--) {
                world->now_ms += 10;
                if (rand_r(&seed) % 4)
                    say(world, rand_r(&seed) % POINTS, rand_r(&seed) % 120);
                else
                    lose(world, rand_r(&seed) % POINTS, REASON_TIMEOUT + rand_r(&seed) % 3);
            }
            tick_with_room(world, 1 + rand_r(&seed) % 4);
            for (int c = 0; c < world->count; c++) {
                believed[world->told[c].point] = world->told[c].quality;
                why[world->told[c].point] = world->told[c].reason;
            }
        }
        for (int p = 0; p < POINTS; p++) {
            assert_int_equal(believed[p], image_sample(&world->frozen, p)->quality);
            assert_int_equal(why[p], image_sample(&world->frozen, p)->reason);
        }
        tear_down(&made);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_image_tells_all),
        TEST(what_age_does_is_told_too),
        TEST(a_failure_between_two_images_is_told),
        TEST(the_end_of_a_failure_is_told_once),
        TEST(several_failures_in_one_tick_are_counted),
        TEST(a_flapping_point_cannot_flood),
        TEST(what_finds_no_room_follows),
        cmocka_unit_test(the_tale_ends_with_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
