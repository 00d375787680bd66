/* Plans around runs that others chose, and jobs admitted between two plans: the check finds nothing
 * to say as long as the runs obey the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/plan/plan_place.h"

enum { CASES = 150 };

static struct plan *around(const struct problem *problem, const struct plan_job *jobs,
                           enum plan_storage storage, int seed)
{
    struct plan *plan = NULL;
    struct error error = {"no error"};
    if (plan_around(problem, jobs, storage, &plan, &error) != 0)
        fail_msg("seed %d, storage %d, no plan: %s", seed, (int)storage, error.text);
    if (plan_check(problem, plan, &error) != 0)
        fail_msg("seed %d, storage %d: %s", seed, (int)storage, error.text);
    return plan;
}

static void random_runs_pass_with_any_storage(void **state)
{
    (void)state;
    int ran = 0, moved = 0, pieces = 0, slower = 0;
    for (int seed = 1; seed <= CASES; seed++) {
        struct problem *problem = case_random((uint64_t)seed);
        struct plan_job *jobs = place_random(problem, (uint64_t)seed);
        double best = -HUGE_VAL;
        for (int storage = STORAGE_OPTIMAL; storage <= STORAGE_SURPLUS; storage++) {
            struct plan *plan = around(problem, jobs, (enum plan_storage)storage, seed);
            for (int32_t i = 0; i < plan->job_count; i++) {
                assert_int_equal(plan->jobs[i].run_count, jobs[i].run_count);
                assert_memory_equal(plan->jobs[i].runs, jobs[i].runs,
                                    sizeof(jobs[i].runs[0]) * (size_t)jobs[i].run_count);
            }
            if (storage == STORAGE_OPTIMAL && problem->scenario_count == 0)
                best = plan->objective;
            if (best > plan->objective + 1e-6 * (1 + fabs(best)))
                fail_msg("seed %d: storage %d costs %.6f, the optimum %.6f", seed, storage,
                         plan->objective, best);
            plan_destroy(plan);
        }
        for (int32_t i = 0; i < problem->job_count; i++) {
            ran += jobs[i].run_count > 0;
            moved += jobs[i].run_count > 0 && jobs[i].site != problem->jobs[i].site;
            pieces += jobs[i].run_count > 1;
            slower += jobs[i].run_count > 0 && jobs[i].runs[0].level > 0;
        }
        free(jobs);
        problem_destroy(problem);
    }
    assert_true(ran > 500 && moved > 20 && pieces > 50 && slower > 50);
}

/* Jobs that run while there is no room for them are not mended, but found. */
static void overload_is_found(void **state)
{
    (void)state;
    struct problem *problem = case_plain(4);
    case_job(problem, 2, 4)->levels[0].power_w = 60e3;
    case_job(problem, 2, 4)->levels[0].power_w = 60e3;
    struct plan_job jobs[2] = {0};
    for (int i = 0; i < 2; i++) {
        jobs[i].id = i + 1;
        jobs[i].run_count = 1;
        jobs[i].runs[0] = (struct plan_run){CASE_START_MS, CASE_START_MS + 2 * CASE_HOUR_MS, 0};
    }
    struct plan *plan = NULL;
    struct error error;
    assert_int_equal(plan_around(problem, jobs, STORAGE_OPTIMAL, &plan, &error), 0);
    assert_int_equal(plan_check(problem, plan, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "load of a group"));
    plan_destroy(plan);
    problem_destroy(problem);
}

/* The battery's rule: surplus in, and out as soon as there is load; nothing else. */
static void surplus_rule_takes_surplus_only(void **state)
{
    (void)state;
    struct problem *problem = case_plain(3);
    case_battery(problem);
    for (int32_t t = 0; t < 3; t++)
        problem->sites[0].slots[t].fixed_w = 20e3;
    problem->sites[0].slots[1].pv_w = 50e3;
    problem->sites[0].slots[0].price_import_per_mwh = 1; /* no reason for this rule */
    struct plan *plan = around(problem, NULL, STORAGE_SURPLUS, 0);
    const struct plan_slot *slots = plan->sites[0].slots;
    assert_true(slots[0].charge_w == 0 && slots[0].discharge_w == 0);
    assert_true(fabs(slots[1].charge_w - 30e3) < 1 && slots[1].export_w < 1);
    assert_true(fabs(slots[2].discharge_w - 20e3) < 1 && slots[2].import_w < 1);
    plan_destroy(plan);
    plan = around(problem, NULL, STORAGE_IDLE, 0);
    for (int32_t t = 0; t < 3; t++)
        assert_true(plan->sites[0].slots[t].charge_w == 0 &&
                    plan->sites[0].slots[t].discharge_w == 0);
    plan_destroy(plan);
    problem_destroy(problem);
}

/* Plans for some jobs, admits the rest, and has the whole judged by the check. */
static void admitted_jobs_keep_all_limits(void **state)
{
    (void)state;
    int admitted = 0, ran = 0;
    for (int seed = 1; seed <= CASES; seed++) {
        struct problem *problem = case_random((uint64_t)seed);
        int32_t all = problem->job_count, known = all / 2;
        for (int32_t i = known; i < all; i++) {
            struct problem_job *job = &problem->jobs[i];
            if (job->job_class == JOB_REALTIME) /* would run even where there is no room */
                job->job_class = JOB_DEFERRABLE;
            job->group = job->running ? -1 : job->group;
            job->running = false;
        }
        struct plan *plan = NULL;
        struct error error = {"no error"};
        problem->job_count = known;
        if (plan_make(problem, NULL, NULL, &plan, &error) != 0)
            fail_msg("seed %d, no plan: %s", seed, error.text);
        double objective = plan->objective;
        struct plan_job *before = calloc((size_t)known + 1, sizeof(*before));
        assert_non_null(before);
        if (known > 0)
            memcpy(before, plan->jobs, (size_t)known * sizeof(*before));
        if (plan_admit(plan, &problem->prices, problem->jobs, all, &error) != 0)
            fail_msg("seed %d, not admitted: %s", seed, error.text);
        assert_int_equal(plan->job_count, all);
        assert_true(plan->objective == objective);
        assert_memory_equal(plan->jobs, before, (size_t)known * sizeof(*before));
        problem->job_count = all;
        plan_destroy(around(problem, plan->jobs, STORAGE_OPTIMAL, seed));
        for (int32_t i = known; i < all; i++)
            ran += plan->jobs[i].run_count > 0;
        admitted += all - known;
        free(before);
        plan_destroy(plan);
        problem_destroy(problem);
    }
    assert_true(admitted > 500 && ran * 3 > admitted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_runs_pass_with_any_storage),
        cmocka_unit_test(overload_is_found),
        cmocka_unit_test(surplus_rule_takes_surplus_only),
        cmocka_unit_test(admitted_jobs_keep_all_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
