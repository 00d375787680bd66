/* The job state machine: what leads where, and what adds up on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "controller/act/command.h"
#include "controller/act/job_fsm.h"
#include "controller/base/error.h"

static void test_ended_stays_ended(void **state)
{
    (void)state;
    for (int s = JOB_COMPLETED; s < JOB_STATES; s++)
        for (int i = 0; i < JOB_INPUTS; i++) {
            enum job_state next;
            enum job_action action;
            int r = job_next((enum job_state)s, (enum job_input)i, &next, &action);
            if (r == 0) {
                assert_int_equal(next, s);
                assert_int_equal(action, JOB_ACTION_NONE);
            }
        }
}

static void test_repeated_requests_change_nothing(void **state)
{
    (void)state;
    for (int s = 0; s < JOB_STATES; s++)
        for (int i = JOB_INPUT_START; i <= JOB_INPUT_CANCEL; i++) {
            enum job_state once, twice;
            enum job_action action;
            if (job_next((enum job_state)s, (enum job_input)i, &once, &action) < 0)
                continue;
            assert_int_equal(job_next(once, (enum job_input)i, &twice, &action), 0);
            assert_int_equal(twice, once);
            assert_int_equal(action, JOB_ACTION_NONE);
        }
}

static void test_every_end_is_reported_from_every_live_state(void **state)
{
    (void)state;
    for (int s = JOB_STARTING; s < JOB_COMPLETED; s++) {
        enum job_state next;
        enum job_action action;
        assert_int_equal(job_next((enum job_state)s, JOB_INPUT_EXIT_OK, &next, &action), 0);
        assert_int_equal(next, JOB_COMPLETED);
        assert_int_equal(job_next((enum job_state)s, JOB_INPUT_GONE, &next, &action), 0);
        assert_int_equal(next, s == JOB_CANCELLING ? JOB_CANCELLED : JOB_LOST);
        assert_int_equal(job_next((enum job_state)s, JOB_INPUT_START_FAILED, &next, &action), 0);
        assert_true(job_state_ended(next));
    }
}

static void test_impossible_changes_nothing(void **state)
{
    (void)state;
    struct job job = {.state = JOB_QUEUED, .reason = REASON_SUBMITTED, .updated_ms = 5};
    enum job_action action = JOB_ACTION_KILL;
    assert_int_equal(job_apply(&job, JOB_INPUT_SUSPEND, REASON_PLANNED, 10, &action),
                     ERROR_INVALID);
    assert_int_equal(job.state, JOB_QUEUED);
    assert_int_equal(job.reason, REASON_SUBMITTED);
    assert_int_equal(job.updated_ms, 5);
    assert_int_equal(action, JOB_ACTION_KILL);
}

static void test_a_life(void **state)
{
    (void)state;
    static const struct {
        enum job_input input;
        int64_t at_ms;
        enum job_state state;
        enum job_action action;
        int64_t ran_ms;
    } steps[] = {
        {JOB_INPUT_START, 100, JOB_STARTING, JOB_ACTION_START, 0},
        {JOB_INPUT_RUNS, 200, JOB_RUNNING, JOB_ACTION_NONE, 0},
        {JOB_INPUT_SUSPEND, 500, JOB_SUSPENDING, JOB_ACTION_SUSPEND, 300},
        {JOB_INPUT_STOPPED, 600, JOB_SUSPENDED, JOB_ACTION_NONE, 300},
        {JOB_INPUT_RESUME, 900, JOB_RESUMING, JOB_ACTION_RESUME, 300},
        {JOB_INPUT_RUNS, 800, JOB_RUNNING, JOB_ACTION_NONE, 300}, /* late news: as of 900 */
        {JOB_INPUT_EXIT_OK, 1000, JOB_COMPLETED, JOB_ACTION_NONE, 400},
    };
    struct job job = {.state = JOB_QUEUED};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        enum job_action action;
        assert_int_equal(job_apply(&job, steps[i].input, REASON_PLANNED, steps[i].at_ms, &action),
                         0);
        assert_int_equal(job.state, steps[i].state);
        assert_int_equal(action, steps[i].action);
        assert_int_equal(job.ran_ms, steps[i].ran_ms);
    }
    assert_int_equal(job.started_ms, 200);
    assert_int_equal(job.ended_ms, 1000);
    assert_int_equal(job.suspensions, 1);
}

/* Whatever happens in whatever order: running time is never more than the time that passed. */
static void test_random_lives(void **state)
{
    (void)state;
    srand(7);
    for (int life = 0; life < 2000; life++) {
        struct job job = {.state = JOB_QUEUED};
        int64_t now_ms = 0;
        for (int i = 0; i < 40; i++) {
            enum job_action action;
            struct job before = job;
            now_ms += rand() % 100 - 10;
            enum job_input input = (enum job_input)(rand() % JOB_INPUTS);
            if (job_apply(&job, input, REASON_PLANNED, now_ms, &action) < 0)
                continue;
            assert_true(job.ran_ms >= before.ran_ms && job.ran_ms <= job.updated_ms);
            assert_true(job.updated_ms >= before.updated_ms);
            assert_true(job.state_ms <= job.updated_ms);
        }
    }
}

static struct job elastic(void)
{
    return (struct job){.state = JOB_RUNNING,
                        .power_w = 6000,
                        .levels = {{6000, 1, 8}, {4000, 0.8, 8}, {2000, 0.4, 4}},
                        .level_count = 3,
                        .work_ms = 100000,
                        .restart_ms = 500};
}

static void test_a_level_counts_from_its_confirmation(void **state)
{
    (void)state;
    struct job job = elastic();
    assert_int_equal(job_ask_level(&job, 1, REASON_PLANNED, 1000), 0);
    assert_int_equal(job.ran_ms, 1000);
    assert_int_equal(job.level, 0);
    assert_int_equal(job.level_asked, 1);
    assert_int_equal(job_ask_level(&job, 2, REASON_PLANNED, 1500), ERROR_INVALID); /* under way */
    job_settle_level(&job, true, REASON_PLANNED, 2000);
    assert_int_equal(job.ran_ms, 2000); /* full speed until then */
    assert_int_equal(job.level, 1);
    assert_int_equal(job.level_before, 0);
    assert_int_equal(job_ran_ms(&job, 3000), 2800);
    assert_int_equal(job.restarts, 0);
}

static void test_another_number_of_accelerators_is_a_restart(void **state)
{
    (void)state;
    struct job job = elastic();
    job_ask_level(&job, 2, REASON_PLANNED, 1000);
    job_settle_level(&job, true, REASON_PLANNED, 1000);
    assert_int_equal(job.restarts, 1);
    assert_int_equal(job_remaining_ms(&job, 1000), 100000 + 500 - 1000);
}

static void test_a_refused_level_leaves_the_job_as_it_was(void **state)
{
    (void)state;
    struct job job = elastic();
    job_ask_level(&job, 1, REASON_PLANNED, 1000);
    job_settle_level(&job, false, REASON_PLANNED, 2000);
    assert_int_equal(job.level, 0);
    assert_int_equal(job.level_asked, 0);
    assert_int_equal(job_ran_ms(&job, 3000), 3000);
    assert_int_equal(job_ask_level(&job, 3, REASON_PLANNED, 3000), ERROR_INVALID);
    assert_int_equal(job_ask_level(&job, -1, REASON_PLANNED, 3000), ERROR_INVALID);
}

static void test_a_stop_ends_the_change_and_a_resumption_costs(void **state)
{
    (void)state;
    struct job job = elastic();
    enum job_action action;
    job_ask_level(&job, 1, REASON_PLANNED, 1000);
    job_apply(&job, JOB_INPUT_SUSPEND, REASON_SHED, 1500, &action);
    assert_int_equal(job.level_asked, 0);
    job_apply(&job, JOB_INPUT_STOPPED, REASON_SHED, 2000, &action);
    assert_int_equal(job_ask_level(&job, 1, REASON_PLANNED, 2000), ERROR_INVALID);
    assert_int_equal(job.restarts, 0);
    job_preset_level(&job, 9);
    assert_int_equal(job.level, 2); /* the nearest it has */
    job_apply(&job, JOB_INPUT_RESUME, REASON_PLANNED, 3000, &action);
    job_apply(&job, JOB_INPUT_RUNS, REASON_PLANNED, 3000, &action);
    assert_int_equal(job.restarts, 1);
    assert_int_equal(job_ran_ms(&job, 4000), 1500 + 400);
}

static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i < SUBSYSTEMS; i++) {
        enum subsystem found;
        assert_int_equal(subsystem_find(subsystem_name((enum subsystem)i), &found), 0);
        assert_int_equal(found, i);
    }
    for (int i = 0; i < MODES; i++) {
        enum mode found;
        assert_int_equal(mode_find(mode_name((enum mode)i), &found), 0);
        assert_int_equal(found, i);
    }
    enum mode mode = MODE_ADVISE;
    assert_int_equal(mode_find("autopilot", &mode), ERROR_INVALID);
    assert_int_equal(mode, MODE_ADVISE);
    assert_string_equal(verb_name(VERB_SETPOINT), "setpoint");
    assert_string_equal(verb_name(VERB_JOB_LEVEL), "level");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ended_stays_ended),
        cmocka_unit_test(test_repeated_requests_change_nothing),
        cmocka_unit_test(test_every_end_is_reported_from_every_live_state),
        cmocka_unit_test(test_impossible_changes_nothing),
        cmocka_unit_test(test_a_life),
        cmocka_unit_test(test_random_lives),
        cmocka_unit_test(test_a_level_counts_from_its_confirmation),
        cmocka_unit_test(test_another_number_of_accelerators_is_a_restart),
        cmocka_unit_test(test_a_refused_level_leaves_the_job_as_it_was),
        cmocka_unit_test(test_a_stop_ends_the_change_and_a_resumption_costs),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
