/* The published rules on hand-made prices: where each must put a job. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "controller/plan/policy.h"
#include "tests/unit/plan/plan_cases.h"

enum { HOURS = 48 };

/* Ten hours at 100 and the rest at 500, but for what a test sets. */
static struct problem *day(void)
{
    struct problem *problem = case_plain(HOURS);
    for (int32_t t = 10; t < HOURS; t++)
        problem->sites[0].slots[t].price_import_per_mwh = 500;
    return problem;
}

static void set_price(struct problem *problem, int32_t hour, double price)
{
    problem->sites[0].slots[hour].price_import_per_mwh = price;
}

/* Hours from the start of the horizon. */
static double at_h(int64_t ms)
{
    return (double)(ms - CASE_START_MS) / (double)CASE_HOUR_MS;
}

static struct plan_job place(enum policy policy, const struct problem *problem, double mean_h)
{
    struct plan_job plan;
    policy_place(policy, problem, &problem->jobs[0], (int64_t)(mean_h * (double)CASE_HOUR_MS),
                 &plan);
    int64_t total_ms = 0;
    for (int32_t r = 0; r < plan.run_count; r++) {
        assert_true(plan.runs[r].end_ms > plan.runs[r].start_ms);
        assert_true(r == 0 || plan.runs[r].start_ms > plan.runs[r - 1].end_ms);
        total_ms += plan.runs[r].end_ms - plan.runs[r].start_ms;
    }
    assert_int_equal(total_ms, problem->jobs[0].remaining_ms);
    assert_int_equal(plan.id, problem->jobs[0].id);
    return plan;
}

static void test_names(void **state)
{
    (void)state;
    for (int p = 0; p < POLICIES; p++) {
        enum policy found = POLICIES;
        assert_int_equal(policy_find(policy_name((enum policy)p), &found), 0);
        assert_int_equal(found, p);
    }
    enum policy untouched = POLICY_ORACLE;
    assert_true(policy_find("lowest", &untouched) < 0);
    assert_int_equal(untouched, POLICY_ORACLE);
}

static void test_none_runs_at_once(void **state)
{
    (void)state;
    struct problem *problem = day();
    case_job(problem, 3, 12)->release_ms += CASE_HOUR_MS / 2;
    struct plan_job plan = place(POLICY_NONE, problem, 1);
    assert_int_equal(plan.run_count, 1);
    assert_true(at_h(plan.runs[0].start_ms) == 0.5 && at_h(plan.runs[0].end_ms) == 3.5);
    problem_destroy(problem);
}

/* The cheapest slot at 4 is followed by dear ones: who looks at one slot starts there, who looks
 * at the mean length of the queue does not. */
static void test_slot_and_window(void **state)
{
    (void)state;
    struct problem *problem = day();
    for (int32_t t = 5; t < 8; t++)
        set_price(problem, t, 900);
    set_price(problem, 4, 10);
    set_price(problem, 1, 80);
    set_price(problem, 2, 80);
    case_job(problem, 3, 12);
    assert_true(at_h(place(POLICY_LOWEST_SLOT, problem, 3).runs[0].start_ms) == 4);
    assert_true(at_h(place(POLICY_LOWEST_WINDOW, problem, 3).runs[0].start_ms) == 2);
    assert_true(at_h(place(POLICY_LOWEST_WINDOW, problem, 1).runs[0].start_ms) == 4);
    problem_destroy(problem);
}

/* Carbon counts at its price, and the wait ends in time for the deadline. */
static void test_carbon_and_deadline(void **state)
{
    (void)state;
    struct problem *problem = day();
    problem->prices.carbon_per_t = 100;
    for (int32_t t = 0; t < HOURS; t++)
        problem->sites[0].slots[t].carbon_g_per_kwh = t == 3 ? 0 : 500;
    set_price(problem, 9, 60);
    set_price(problem, 12, 1);
    case_job(problem, 1, 8);
    assert_true(at_h(place(POLICY_LOWEST_SLOT, problem, 1).runs[0].start_ms) == 3);
    problem->prices.carbon_per_t = 0;
    assert_true(at_h(place(POLICY_LOWEST_SLOT, problem, 1).runs[0].start_ms) == 0);
    problem->jobs[0].deadline_ms += 5 * CASE_HOUR_MS;
    assert_true(at_h(place(POLICY_LOWEST_SLOT, problem, 1).runs[0].start_ms) == 12);
    problem_destroy(problem);
}

/* 20 saved after 1 h of a 1 h job is 10 an hour; 90 saved after 9 h is 9 an hour. */
static void test_carbon_time_weighs_waiting(void **state)
{
    (void)state;
    struct problem *problem = day();
    set_price(problem, 1, 80);
    set_price(problem, 9, 10);
    case_job(problem, 1, 20);
    assert_true(at_h(place(POLICY_CARBON_TIME, problem, 1).runs[0].start_ms) == 1);
    set_price(problem, 9, -10);
    assert_true(at_h(place(POLICY_CARBON_TIME, problem, 1).runs[0].start_ms) == 9);
    for (int32_t t = 0; t < HOURS; t++)
        set_price(problem, t, 100);
    assert_true(at_h(place(POLICY_CARBON_TIME, problem, 1).runs[0].start_ms) == 0);
    problem_destroy(problem);
}

static void test_suspend_resume_takes_the_cheapest(void **state)
{
    (void)state;
    struct problem *problem = day();
    set_price(problem, 2, 20);
    set_price(problem, 3, 30);
    set_price(problem, 6, 10);
    struct problem_job *job = case_job(problem, 2.5, 8);
    job->can_suspend = true;
    struct plan_job plan = place(POLICY_SUSPEND_RESUME, problem, 1);
    assert_int_equal(plan.run_count, 2); /* the half hour of slot 3 joins slot 2 */
    assert_true(at_h(plan.runs[0].start_ms) == 2 && at_h(plan.runs[0].end_ms) == 3.5);
    assert_true(at_h(plan.runs[1].start_ms) == 6 && at_h(plan.runs[1].end_ms) == 7);
    set_price(problem, 3, 20);
    set_price(problem, 2, 30); /* now the half hour comes before the whole one */
    plan = place(POLICY_SUSPEND_RESUME, problem, 1);
    assert_true(at_h(plan.runs[0].start_ms) == 2.5 && at_h(plan.runs[0].end_ms) == 4);
    job->can_suspend = false;
    set_price(problem, 4, 60); /* 2 to 4.5 costs 30 + 20 + 30, all others more */
    plan = place(POLICY_SUSPEND_RESUME, problem, 1);
    assert_true(plan.run_count == 1 && at_h(plan.runs[0].start_ms) == 2);
    problem_destroy(problem);
}

/* More stretches than a plan holds: the first of them, the rest is asked for later. */
static void test_suspend_resume_runs_out_of_room(void **state)
{
    (void)state;
    struct problem *problem = day();
    for (int32_t t = 0; t < HOURS; t++)
        set_price(problem, t, t % 2 ? 10 : 200);
    case_job(problem, 20, 44)->can_suspend = true;
    struct plan_job plan;
    policy_place(POLICY_SUSPEND_RESUME, problem, &problem->jobs[0], 0, &plan);
    assert_int_equal(plan.run_count, LIMIT_RUNS);
    for (int32_t r = 0; r < plan.run_count; r++)
        assert_true(at_h(plan.runs[r].start_ms) == 2 * r + 1);
    problem_destroy(problem);
}

/* 30 % of 48 h are 14.4: ten hours at 100 and some at 500 are below. */
static void test_threshold(void **state)
{
    (void)state;
    struct problem *problem = day();
    for (int32_t t = 0; t < 5; t++)
        set_price(problem, t, 900);
    for (int32_t t = 20; t < 40; t++)
        set_price(problem, t, 50);
    struct problem_job *job = case_job(problem, 4, 30);
    job->can_suspend = true;
    struct plan_job plan = place(POLICY_THRESHOLD, problem, 1);
    assert_true(plan.run_count == 1 && at_h(plan.runs[0].start_ms) == 20);
    job->deadline_ms = CASE_START_MS + 22 * CASE_HOUR_MS; /* presses from 18 on */
    plan = place(POLICY_THRESHOLD, problem, 1);
    assert_true(plan.run_count == 1 && at_h(plan.runs[0].start_ms) == 18);
    job->deadline_ms = CASE_START_MS + 4 * CASE_HOUR_MS;
    assert_true(at_h(place(POLICY_THRESHOLD, problem, 1).runs[0].start_ms) == 0);
    problem_destroy(problem);
}

static void test_threshold_suspends(void **state)
{
    (void)state;
    struct problem *problem = day();
    set_price(problem, 2, 900);
    for (int32_t t = 3; t < 9; t++)
        set_price(problem, t, 90);
    struct problem_job *job = case_job(problem, 4, 30);
    for (int32_t t = 14; t < 20; t++)
        set_price(problem, t, 95);
    job->can_suspend = true;
    struct plan_job plan = place(POLICY_THRESHOLD, problem, 1);
    assert_int_equal(plan.run_count, 2);
    assert_true(at_h(plan.runs[0].end_ms) == 2 && at_h(plan.runs[1].start_ms) == 3);
    job->can_suspend = false;
    plan = place(POLICY_THRESHOLD, problem, 1);
    assert_true(plan.run_count == 1 && at_h(plan.runs[0].start_ms) == 0);
    problem_destroy(problem);
}

/* Whatever the prices, no rule runs before the release, after a deadline that can be met, or more
 * or less than the work. */
static void test_any_prices(void **state)
{
    (void)state;
    uint64_t random = 7;
    for (int round = 0; round < 400; round++) {
        struct problem *problem = day();
        for (int32_t t = 0; t < HOURS; t++)
            set_price(problem, t, case_uniform(&random, -50, 300));
        double work_h = case_uniform(&random, 0.1, 6), wait_h = case_uniform(&random, 0, 15);
        struct problem_job *job = case_job(problem, work_h, 0);
        job->release_ms += (int64_t)case_uniform(&random, 0, 20.0 * (double)CASE_HOUR_MS);
        job->deadline_ms =
            job->release_ms + job->remaining_ms + (int64_t)(wait_h * (double)CASE_HOUR_MS);
        job->can_suspend = case_chance(&random, 0.5);
        for (int p = 0; p <= POLICY_SURPLUS; p++) {
            struct plan_job plan = place((enum policy)p, problem, 2);
            assert_true(plan.runs[0].start_ms >= job->release_ms);
            assert_true(plan.runs[plan.run_count - 1].end_ms <= job->deadline_ms);
            assert_true(job->can_suspend || plan.run_count == 1);
        }
        problem_destroy(problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_none_runs_at_once),
        cmocka_unit_test(test_slot_and_window),
        cmocka_unit_test(test_carbon_and_deadline),
        cmocka_unit_test(test_carbon_time_weighs_waiting),
        cmocka_unit_test(test_suspend_resume_takes_the_cheapest),
        cmocka_unit_test(test_suspend_resume_runs_out_of_room),
        cmocka_unit_test(test_threshold),
        cmocka_unit_test(test_threshold_suspends),
        cmocka_unit_test(test_any_prices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
