/* Without a plan: deadlines, classes, room, and nothing else. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/act/fallback.h"

enum { MOST = 16, BATTERY_SET = 5 };

#define UNKNOWN ((double)NAN)

static const double limits_w[] = {1000, 500};
static const double idle_w[] = {0, 0};
static const struct rack_group groups[] = {{.feeder = 0, .limit_w = 1000},
                                           {.feeder = 1, .limit_w = 500}};

static struct job waiting(int64_t id, enum job_class job_class, double power_w, int64_t deadline_ms)
{
    return (struct job){.id = id,
                        .job_class = job_class,
                        .state = JOB_QUEUED,
                        .power_w = power_w,
                        .work_ms = 1000,
                        .deadline_ms = deadline_ms,
                        .group = -1,
                        .feeder = -1,
                        .can_suspend = true};
}

static int decide(const struct job *jobs, int count, const double *load_w,
                  struct command *ret_commands)
{
    const struct fallback_input input = {.jobs = jobs,
                                         .job_count = count,
                                         .feeder_count = 2,
                                         .feeder_limit_w = limits_w,
                                         .feeder_load_w = load_w,
                                         .group_count = 2,
                                         .groups = groups,
                                         .group_load_w = load_w,
                                         .battery_set = BATTERY_SET,
                                         .tank_set = -1,
                                         .now_ms = 10000,
                                         .lead_ms = 100};
    return fallback_commands(&input, ret_commands, MOST);
}

static void test_who_starts_and_in_which_order(void **state)
{
    (void)state;
    struct command commands[MOST];
    struct job jobs[] = {
        waiting(1, JOB_DEFERRABLE, 100, JOB_NO_DEADLINE), /* waits */
        waiting(2, JOB_DEFERRABLE, 100, 12000),           /* can wait */
        waiting(3, JOB_DEFERRABLE, 100, 5000),            /* late already */
        waiting(4, JOB_DEFERRABLE, 100, 11050),           /* now or never */
        waiting(5, JOB_REALTIME, 100, JOB_NO_DEADLINE),   /* at once */
        waiting(6, JOB_SCAVENGER, 100, 11020),            /* now or never, more urgent */
        waiting(7, JOB_GUARANTEED, 100, JOB_NO_DEADLINE), /* not released */
        waiting(8, JOB_DEFERRABLE, 100, 11050),           /* runs: keeps running */
        waiting(9, JOB_DEFERRABLE, 100, 10600),           /* suspended: needs 600 ms more */
    };
    jobs[6].release_ms = 10001;
    jobs[7].state = JOB_RUNNING;
    jobs[8].state = JOB_SUSPENDED;
    jobs[8].ran_ms = 400;
    jobs[8].feeder = jobs[8].group = 1;
    static const int64_t expected[] = {5, 9, 6, 4, 3};
    assert_int_equal(decide(jobs, 9, idle_w, commands), 6);
    assert_int_equal(commands[0].verb, VERB_SETPOINT);
    assert_int_equal(commands[0].point, BATTERY_SET);
    assert_true(commands[0].value == 0);
    for (int i = 0; i < 5; i++) {
        const struct command *command = &commands[i + 1];
        bool resumes = expected[i] == 9;
        assert_int_equal(command->job_id, expected[i]);
        assert_int_equal(command->verb, resumes ? VERB_JOB_RESUME : VERB_JOB_START);
        assert_int_equal(command->feeder, resumes ? 1 : 0);
        assert_int_equal(command->reason, REASON_FALLBACK_POLICY);
        assert_string_equal(command->asker, "fallback");
        assert_true(command->apply);
    }
}

static void test_room(void **state)
{
    (void)state;
    struct command commands[MOST];
    const struct job jobs[] = {
        waiting(1, JOB_REALTIME, 700, JOB_NO_DEADLINE),
        waiting(2, JOB_REALTIME, 400, JOB_NO_DEADLINE),
        waiting(3, JOB_REALTIME, 200, JOB_NO_DEADLINE),
        waiting(4, JOB_REALTIME, 200, JOB_NO_DEADLINE),
    };
    assert_int_equal(decide(jobs, 4, idle_w, commands), 4);
    assert_int_equal(commands[1].feeder, 0);
    assert_int_equal(commands[2].feeder, 1);
    assert_int_equal(commands[3].feeder, 0);
    const double unknown_w[] = {UNKNOWN, 0};
    assert_int_equal(decide(jobs, 4, unknown_w, commands), 2); /* nothing on the unknown feeder */
    assert_int_equal(commands[1].job_id, 2);
    assert_int_equal(commands[1].feeder, 1);
}

/* A group's limit and its accelerators count beside the feeder's limit. */
static void test_groups_and_accelerators(void **state)
{
    (void)state;
    static const struct rack_group split[] = {
        {.feeder = 0, .limit_w = 300, .accelerators = {8, 0}},
        {.feeder = 0, .limit_w = 900, .accelerators = {0, 16}},
    };
    struct command commands[MOST];
    struct job jobs[] = {waiting(1, JOB_REALTIME, 400, JOB_NO_DEADLINE),
                         waiting(2, JOB_REALTIME, 100, JOB_NO_DEADLINE),
                         waiting(3, JOB_REALTIME, 100, JOB_NO_DEADLINE),
                         waiting(4, JOB_REALTIME, 100, JOB_NO_DEADLINE)};
    for (int i = 1; i < 4; i++) {
        jobs[i].levels[0] = (struct job_level){100, 1, 8};
        jobs[i].level_count = 1;
        jobs[i].accelerator_classes = i < 3 ? 1 : 3; /* the third: either class */
    }
    const struct fallback_input input = {.jobs = jobs,
                                         .job_count = 4,
                                         .feeder_count = 1,
                                         .feeder_limit_w = limits_w,
                                         .feeder_load_w = idle_w,
                                         .group_count = 2,
                                         .groups = split,
                                         .group_load_w = idle_w,
                                         .battery_set = -1,
                                         .tank_set = -1,
                                         .now_ms = 10000,
                                         .lead_ms = 100};
    assert_int_equal(fallback_commands(&input, commands, MOST), 3);
    assert_int_equal(commands[0].group, 1); /* too large for group 0 */
    assert_int_equal(commands[1].job_id, 2);
    assert_int_equal(commands[1].group, 0);
    assert_int_equal(commands[2].job_id, 4); /* the third job finds no accelerators */
    assert_int_equal(commands[2].group, 1);
    assert_int_equal(commands[2].feeder, 0);
}

static struct job with_accelerators(struct job job, uint32_t classes, int32_t count)
{
    job.accelerator_classes = classes;
    job.levels[0] = (struct job_level){job.power_w, 1, count};
    job.level_count = 1;
    return job;
}

/* Of classes 1 and 2 there are 8 each. Returns which job starts, 0: none. */
static int64_t who_starts(const struct job *jobs, int count)
{
    static const struct rack_group mixed[] = {
        {.feeder = 0, .limit_w = 1000, .accelerators = {8, 8}}};
    const struct fallback_input input = {.jobs = jobs,
                                         .job_count = count,
                                         .feeder_count = 1,
                                         .feeder_limit_w = limits_w,
                                         .feeder_load_w = idle_w,
                                         .group_count = 1,
                                         .groups = mixed,
                                         .group_load_w = idle_w,
                                         .battery_set = -1,
                                         .tank_set = -1,
                                         .now_ms = 10000,
                                         .lead_ms = 100};
    struct command commands[MOST];
    int found = fallback_commands(&input, commands, MOST);
    assert_true(found <= 1);
    return found == 1 ? commands[0].job_id : 0;
}

static void test_accelerators_in_use(void **state)
{
    (void)state;
    struct job jobs[] = {
        with_accelerators(waiting(1, JOB_REALTIME, 10, JOB_NO_DEADLINE), 1, 6),
        with_accelerators(waiting(2, JOB_REALTIME, 10, JOB_NO_DEADLINE), 3, 8),
        with_accelerators(waiting(3, JOB_REALTIME, 10, JOB_NO_DEADLINE), 2, 3),
    };
    for (int i = 0; i < 2; i++) {
        jobs[i].state = JOB_RUNNING;
        jobs[i].group = jobs[i].feeder = 0;
        jobs[i].ran_ms = 2 * jobs[i].work_ms; /* longer than it was to take */
    }
    assert_int_equal(who_starts(jobs, 3), 0); /* 17 of 16, though its class is idle */
    jobs[1].state = JOB_CANCELLING;
    assert_int_equal(who_starts(jobs, 3), 0);
    jobs[1].state = JOB_COMPLETED;
    assert_int_equal(who_starts(jobs, 3), 3);
    jobs[1].state = JOB_SUSPENDED;
    assert_int_equal(who_starts(jobs, 3), 2); /* with it there is no room for the third */
}

static void test_most_urgent_fit_into_few_commands(void **state)
{
    (void)state;
    struct command commands[MOST];
    struct job jobs[600];
    for (int i = 0; i < 600; i++)
        jobs[i] = waiting(i + 1, JOB_DEFERRABLE, 1, 10000 - i);
    assert_int_equal(decide(jobs, 600, idle_w, commands), MOST);
    assert_int_equal(commands[1].job_id, 600);
    assert_int_equal(commands[MOST - 1].job_id, 600 - (MOST - 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_starts_and_in_which_order),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_groups_and_accelerators),
        cmocka_unit_test(test_accelerators_in_use),
        cmocka_unit_test(test_most_urgent_fit_into_few_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
