/* The planner thread: problems in, plans out, ended at any moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "controller/core/planner.h"

static struct problem *small_problem(int jobs)
{
    struct problem *problem = problem_create(1, LIMIT_SLOTS, jobs + 1);
    assert_non_null(problem);
    problem->issue_ms = INT64_C(1781481600000);
    problem->sites[0].feeder_count = problem->sites[0].group_count = 1;
    problem->sites[0].feeders[0].limit_w = problem->sites[0].groups[0].limit_w = 400e3;
    problem_slots(problem, problem->issue_ms, &(struct problem_grid){2, 12, 24});
    for (int s = 0; s < problem->slot_count; s++) {
        struct problem_slot *slot = &problem->sites[0].slots[s];
        slot->base_it_w[0] = slot->base_it_high_w[0] = 100e3;
        slot->overhead_ratio = 0.2;
        slot->price_import_per_mwh = 50 + s % 7;
        slot->carbon_g_per_kwh = 200;
        slot->import_limit_w = slot->export_limit_w = 1e6;
    }
    problem->prices.breach_per_mwh = 20000;
    for (int j = 0; j < jobs; j++)
        problem->jobs[problem->job_count++] =
            (struct problem_job){.id = j + 1,
                                 .job_class = JOB_DEFERRABLE,
                                 .levels = {{.power_w = 5e3, .speed = 1}},
                                 .level_count = 1,
                                 .remaining_ms = HOUR_MS,
                                 .release_ms = problem->issue_ms,
                                 .deadline_ms = problem->issue_ms + 12 * (int64_t)HOUR_MS,
                                 .can_suspend = true,
                                 .group = -1};
    return problem;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

static void solves_one_after_the_other(void **state)
{
    (void)state;
    struct planner *planner = planner_create(50, NULL);
    assert_non_null(planner);
    for (int round = 0; round < 3; round++) {
        struct planner_result result;
        assert_false(planner_take(planner, &result));
        assert_true(planner_submit(planner, small_problem(5)));
        struct problem *second = small_problem(1);
        assert_false(planner_submit(planner, second)); /* one at a time */
        problem_destroy(second);
        while (!planner_take(planner, &result))
            nap();
        assert_non_null(result.plan);
        assert_true(result.plan->solve_ms > 0);
        assert_int_equal(plan_check(result.problem, result.plan, NULL), 0);
        plan_destroy(result.plan);
        problem_destroy(result.problem);
    }
    planner_destroy(planner);
}

static void a_senseless_problem_comes_back_with_its_error(void **state)
{
    (void)state;
    struct planner *planner = planner_create(50, NULL);
    struct problem *problem = small_problem(1);
    problem->jobs[0].levels[0].power_w = -1;
    assert_true(planner_submit(planner, problem));
    struct planner_result result;
    while (!planner_take(planner, &result))
        nap();
    assert_null(result.plan);
    assert_true(result.error.text[0] != '\0');
    problem_destroy(result.problem);
    planner_destroy(planner);
}

static void ends_at_any_moment(void **state)
{
    (void)state;
    planner_destroy(planner_create(50, NULL));
    for (int round = 0; round < 5; round++) {
        struct planner *planner = planner_create(50, NULL);
        assert_true(planner_submit(planner, small_problem(20)));
        for (int i = 0; i < round; i++)
            nap();
        planner_destroy(planner);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(solves_one_after_the_other),
        cmocka_unit_test(a_senseless_problem_comes_back_with_its_error),
        cmocka_unit_test(ends_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
