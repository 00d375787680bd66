/* Job names round-trip; only a confirmed run is progress. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "controller/base/error.h"
#include "controller/plant/job.h"

static void names_round_trip(void **state)
{
    (void)state;
    for (int i = 0; i < JOB_CLASSES; i++) {
        enum job_class found = JOB_CLASSES;
        assert_int_equal(job_class_find(job_class_name((enum job_class)i), &found), 0);
        assert_int_equal(found, i);
    }
    for (int i = 0; i < JOB_STATES; i++) {
        enum job_state found = JOB_STATES;
        assert_int_equal(job_state_find(job_state_name((enum job_state)i), &found), 0);
        assert_int_equal(found, i);
    }
    enum job_class job_class = JOB_REALTIME;
    enum job_state job_state = JOB_LOST;
    assert_int_equal(job_class_find("urgent", &job_class), ERROR_INVALID);
    assert_int_equal(job_state_find("", &job_state), ERROR_INVALID);
    assert_int_equal(job_class, JOB_REALTIME);
    assert_int_equal(job_state, JOB_LOST);
}

static void an_ended_job_draws_no_power(void **state)
{
    (void)state;
    int ended = 0, drawing = 0;
    for (int i = 0; i < JOB_STATES; i++) {
        assert_false(job_state_ended((enum job_state)i) &&
                     job_state_draws_power((enum job_state)i));
        ended += job_state_ended((enum job_state)i);
        drawing += job_state_draws_power((enum job_state)i);
    }
    assert_int_equal(ended, 4);
    assert_int_equal(drawing, 5);
    assert_false(job_state_draws_power(JOB_QUEUED));
    assert_false(job_state_draws_power(JOB_SUSPENDED));
}

static void only_running_is_progress(void **state)
{
    (void)state;
    struct job job = {.state = JOB_RUNNING, .work_ms = 10000, .ran_ms = 4000, .updated_ms = 100000};
    assert_int_equal(job_ran_ms(&job, 103000), 7000);
    assert_int_equal(job_remaining_ms(&job, 103000), 3000);
    assert_int_equal(job_remaining_ms(&job, 999999), 0);
    assert_int_equal(job_ran_ms(&job, 99000), 4000); /* the clock of an older tick */
    for (int i = 0; i < JOB_STATES; i++) {
        job.state = (enum job_state)i;
        if (job.state != JOB_RUNNING)
            assert_int_equal(job_ran_ms(&job, 103000), 4000);
    }
}

/* Work is time x speed at the present level; what restarts add is left over. */
static void progress_follows_the_level(void **state)
{
    (void)state;
    struct job job = {.state = JOB_RUNNING,
                      .power_w = 6500,
                      .levels = {{6500, 1, 8}, {4500, 0.85, 8}, {2500, 0.5, 4}},
                      .level_count = 3,
                      .work_ms = 10000,
                      .ran_ms = 1000,
                      .updated_ms = 100000};
    static const int64_t ran_ms[] = {5000, 4400, 3000};
    static const double power_w[] = {6500, 4500, 2500};
    for (int32_t l = 0; l < 3; l++) {
        job.level = l;
        assert_int_equal(job_ran_ms(&job, 104000), ran_ms[l]);
        assert_int_equal(job_remaining_ms(&job, 104000), 10000 - ran_ms[l]);
        assert_true(job_power_w(&job) == power_w[l]);
    }
    job.restarts = 2;
    job.restart_ms = 700;
    assert_int_equal(job_remaining_ms(&job, 104000), 10000 + 1400 - 3000);
    assert_true(job_level_power_w(&job, 7) == 2500); /* the nearest it has */
    assert_true(job_level_power_w(&job, -1) == 6500);
}

static void a_job_without_levels_has_one(void **state)
{
    (void)state;
    const struct job job = {.power_w = 3000, .level = 2};
    assert_true(job_power_w(&job) == 3000);
    assert_true(job_level_speed(&job, 1) == 1);
    assert_int_equal(job_valid_level(&job, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_round_trip),
        cmocka_unit_test(an_ended_job_draws_no_power),
        cmocka_unit_test(only_running_is_progress),
        cmocka_unit_test(progress_follows_the_level),
        cmocka_unit_test(a_job_without_levels_has_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
