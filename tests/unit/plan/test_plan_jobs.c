/* What a plan does with a job, one thing at a time on problems made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/plan/plan_cases.h"

static struct plan *make(const struct problem *problem)
{
    struct plan *plan = NULL;
    struct error error = {"no error"};
    if (plan_make(problem, NULL, NULL, &plan, &error) != 0)
        fail_msg("no plan: %s", error.text);
    if (plan_check(problem, plan, &error) != 0)
        fail_msg("%s", error.text);
    return plan;
}

static double start_h(const struct plan *plan, int32_t job, int32_t run)
{
    return (double)(plan->jobs[job].runs[run].start_ms - CASE_START_MS) / (double)CASE_HOUR_MS;
}

static double end_h(const struct plan *plan, int32_t job, int32_t run)
{
    return (double)(plan->jobs[job].runs[run].end_ms - CASE_START_MS) / (double)CASE_HOUR_MS;
}

static void set_price(struct problem *problem, int32_t site, int32_t slot, double price)
{
    problem->sites[site].slots[slot].price_import_per_mwh = price;
}

/* Runs now and has two hours to go; the second is dearer by 1 than an hour later. */
static struct problem *dear_second_hour(void)
{
    struct problem *problem = case_plain(6);
    struct problem_job *job = case_job(problem, 2, 6);
    job->can_suspend = job->running = true;
    job->group = 0;
    set_price(problem, 0, 0, 50);
    set_price(problem, 0, 1, 200);
    return problem;
}

static void running_jobs_are_touched_for_a_gain_only(void **state)
{
    (void)state;
    struct problem *problem = dear_second_hour();
    problem->prices.churn = 0.1;
    problem->prices.change_gain = 0.7;
    struct plan *plan = make(problem);
    assert_int_equal(plan->jobs[0].run_count, 2);
    assert_true(fabs(plan->churn_cost - 0.2) < 1e-9); /* the gain it takes is no cost */
    plan_destroy(plan);
    problem->prices.change_gain = 0.9;
    plan = make(problem);
    assert_int_equal(plan->jobs[0].run_count, 1);
    plan_destroy(plan);

    problem->jobs[0].running = false; /* the same job waiting may split */
    problem->jobs[0].group = -1;
    plan = make(problem);
    assert_int_equal(plan->jobs[0].run_count, 2);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void held_jobs_are_touched_after_their_hold(void **state)
{
    (void)state;
    struct problem *problem = dear_second_hour();
    problem->jobs[0].hold_until_ms = CASE_START_MS + CASE_HOUR_MS * 3 / 2;
    struct plan *plan = make(problem);
    assert_int_equal(plan->jobs[0].run_count, 2);
    assert_true(end_h(plan, 0, 0) == 1.5);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void resuming_reads_the_checkpoint_back(void **state)
{
    (void)state;
    struct problem *problem = dear_second_hour();
    problem->jobs[0].restart_ms = CASE_HOUR_MS / 4;
    struct plan *plan = make(problem);
    assert_int_equal(plan->jobs[0].run_count, 2);
    assert_true(end_h(plan, 0, 1) - start_h(plan, 0, 1) == 1.25);
    plan_destroy(plan);
    problem->jobs[0].restart_ms = CASE_HOUR_MS * 3 / 2; /* costs more than the hour */
    plan = make(problem);
    assert_int_equal(plan->jobs[0].run_count, 1);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void late_jobs_do_not_wait_for_cheap_hours(void **state)
{
    (void)state;
    struct problem *problem = case_plain(30);
    struct problem_job *job = case_job(problem, 2, -1);
    job->can_suspend = true;
    for (int32_t t = 24; t < 30; t++)
        set_price(problem, 0, t, 10);
    struct plan *plan = make(problem);
    assert_true(start_h(plan, 0, 0) >= 24); /* late is late, if only the work counts */
    plan_destroy(plan);
    problem->prices.lateness_per_mwh_h[JOB_DEFERRABLE] = 20;
    plan = make(problem);
    assert_true(start_h(plan, 0, 0) == 0 && plan->jobs[0].run_count == 1);
    assert_int_equal(plan->jobs[0].reason, REASON_NOT_ENOUGH_TIME);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void less_power_where_it_fits_or_pays(void **state)
{
    (void)state;
    struct problem *problem = case_plain(4);
    struct problem_job *job = case_job(problem, 2, 4);
    job->level_count = 2;
    job->levels[1] = (struct problem_level){.power_w = 7e3, .speed = 0.85};
    struct plan *plan = make(problem); /* 8.24 Wh for what takes 10 in full */
    assert_int_equal(plan->jobs[0].runs[0].level, 1);
    assert_int_equal(plan->jobs[0].reason, REASON_POWER_CAPPED);
    assert_true(fabs(plan->objective - 2 / 0.85 * 0.7) < 1e-4);
    plan_destroy(plan);

    job->levels[1].speed = 0.6; /* takes more energy, but fits beside the base load */
    plan = make(problem);
    assert_int_equal(plan->jobs[0].runs[0].level, 0);
    plan_destroy(plan);
    for (int32_t t = 0; t < 4; t++)
        case_base(problem, t, 0, 92e3);
    plan = make(problem);
    assert_int_equal(plan->jobs[0].runs[0].level, 1);
    plan_destroy(plan);
    problem_destroy(problem);
}

/* Two groups of 60 kW on a feeder of 70: two jobs of 40 kW fit on the groups, not on the feeder. */
static void feeders_hold_their_groups_together(void **state)
{
    (void)state;
    struct problem *problem = case_plain(4);
    struct problem_site *site = &problem->sites[0];
    site->group_count = 2;
    site->feeders[0].limit_w = 70e3;
    site->groups[0].limit_w = site->groups[1].limit_w = 60e3;
    for (int i = 0; i < 2; i++)
        case_job(problem, 2, 4)->levels[0].power_w = 40e3;
    struct plan *plan = make(problem);
    assert_int_equal(plan->late_jobs, 0);
    assert_true(plan->jobs[0].runs[0].end_ms <= plan->jobs[1].runs[0].start_ms ||
                plan->jobs[1].runs[0].end_ms <= plan->jobs[0].runs[0].start_ms);
    plan_destroy(plan);
    site->feeders[0].limit_w = 80e3;
    set_price(problem, 0, 2, 300);
    set_price(problem, 0, 3, 300);
    plan = make(problem);
    assert_true(start_h(plan, 0, 0) == 0 && start_h(plan, 1, 0) == 0);
    assert_true(plan->jobs[0].group != plan->jobs[1].group);
    plan_destroy(plan);
    problem_destroy(problem);
}

/* Two classes of four: one job knows both, another only the second, each needs four. */
static void accelerators_are_shared_out(void **state)
{
    (void)state;
    struct problem *problem = case_plain(4);
    problem->sites[0].groups[0].accelerators[0] = 4;
    problem->sites[0].groups[0].accelerators[1] = 4;
    for (int i = 0; i < 3; i++) {
        struct problem_job *job = case_job(problem, 2, 4);
        job->levels[0].accelerators = 4;
        job->accelerator_classes = i == 0 ? 3 : 2;
    }
    set_price(problem, 0, 2, 200);
    set_price(problem, 0, 3, 200);
    struct plan *plan = make(problem);
    assert_true(start_h(plan, 0, 0) == 0); /* beside either of the others */
    assert_true(start_h(plan, 1, 0) + start_h(plan, 2, 0) == 2);
    int32_t later = start_h(plan, 1, 0) > 0 ? 1 : 2;
    assert_int_equal(plan->jobs[later].reason, REASON_ACCELERATORS_FULL);
    plan_destroy(plan);
    problem_destroy(problem);
}

/* Site 1 is cheaper by 1 for the job; its data takes an hour and 0.4. */
static void jobs_move_where_it_pays(void **state)
{
    (void)state;
    struct problem *problem = case_sites(2);
    case_hours(problem, 6);
    for (int32_t t = 0; t < 6; t++)
        set_price(problem, 1, t, 50);
    struct problem_job *job = case_job(problem, 2, 6);
    job->data_gb = 100;
    problem->links[0][1] = (struct problem_link){.gb_per_h = 100, .wh_per_gb = 80};
    struct plan *plan = make(problem);
    assert_int_equal(plan->jobs[0].site, 1);
    assert_true(start_h(plan, 0, 0) >= 1);
    assert_true(fabs(plan->transfer_cost - 0.4) < 1e-9);
    assert_int_equal(plan->jobs[0].reason, REASON_DATA_MOVES);
    assert_int_equal(plan_why(plan, 0, 0), REASON_DATA_MOVES);
    plan_destroy(plan);

    problem->links[0][1].wh_per_gb = 240;
    plan = make(problem);
    assert_int_equal(plan->jobs[0].site, 0);
    plan_destroy(plan);
    problem->links[0][1].wh_per_gb = 80;
    job->deadline_ms = CASE_START_MS + 2 * CASE_HOUR_MS; /* no time for the way */
    plan = make(problem);
    assert_int_equal(plan->jobs[0].site, 0);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void every_slot_tells_why(void **state)
{
    (void)state;
    struct problem *problem = case_plain(8);
    problem->prices.carbon_per_t = 100;
    case_base(problem, 0, 0, 95e3);
    set_price(problem, 0, 1, 150);
    problem->sites[0].slots[2].carbon_g_per_kwh = 500;
    problem->sites[0].slots[3].import_limit_w = 5e3;
    problem->sites[0].slots[4].pv_w = 50e3;
    struct problem_job *job = case_job(problem, 2, 7);
    job->can_suspend = true;
    job->min_run_ms = 2 * CASE_HOUR_MS;
    struct plan *plan = make(problem);
    const enum reason expected[] = {REASON_FEEDER_FULL, REASON_CHEAPER_LATER, REASON_GREENER_LATER,
                                    REASON_GRID_LIMIT, REASON_SURPLUS};
    assert_true(start_h(plan, 0, 0) == 4);
    for (int32_t t = 0; t < 5; t++)
        if (plan_why(plan, 0, t) != expected[t])
            fail_msg("slot %d: %s", (int)t, reason_name(plan_why(plan, 0, t)));
    assert_int_not_equal(plan_why(plan, 0, 5), REASON_NONE);
    assert_int_equal(plan_why(plan, 0, 6), REASON_NONE); /* it is done */
    plan_destroy(plan);
    problem_destroy(problem);
}

static void guaranteed_jobs_start_as_soon_as_there_is_room(void **state)
{
    (void)state;
    struct problem *problem = case_plain(6);
    case_base(problem, 0, 0, 95e3);
    set_price(problem, 0, 1, 500);
    case_job(problem, 2, 6)->job_class = JOB_GUARANTEED;
    struct plan *plan = make(problem);
    assert_true(start_h(plan, 0, 0) == 1);
    assert_int_equal(plan->jobs[0].run_count, 1);
    plan_destroy(plan);
    problem_destroy(problem);
}

/* Ids in any order, and jobs admitted in between. */
static void jobs_are_found_by_id(void **state)
{
    (void)state;
    enum { JOBS = 60 };
    struct problem *problem = case_plain(24);
    struct problem_job fresh = {0};
    struct error error;
    for (int i = 0; i < JOBS; i++)
        case_job(problem, 1, 24)->id = (i * 37) % 101;
    struct plan *plan = make(problem);
    for (int i = 0; i < 30; i++) {
        fresh = problem->jobs[0];
        fresh.id = 1000 - 7 * i;
        assert_int_equal(plan_admit(plan, &problem->prices, &fresh, 1, &error), 0);
        assert_int_equal(plan_admit(plan, &problem->prices, &fresh, 1, &error), 0); /* known */
    }
    assert_int_equal(plan->job_count, JOBS + 30);
    int32_t cursor = 0;
    for (int i = 0; i < JOBS + 30; i++) {
        int64_t id = i < JOBS ? (i * 37) % 101 : 1000 - 7 * (i - JOBS);
        assert_ptr_equal(plan_find_job(plan, id, NULL), &plan->jobs[i]);
        assert_ptr_equal(plan_find_job(plan, id, &cursor), &plan->jobs[i]);
        assert_true(plan->jobs[i].id == id && plan->jobs[i].run_count > 0);
    }
    assert_null(plan_find_job(plan, 5000, NULL));
    assert_null(plan_find_job(plan, 5000, &cursor));
    free(plan->by_id); /* as one that was read back */
    plan->by_id = NULL;
    assert_non_null(plan_find_job(plan, 37, &cursor));
    plan_destroy(plan);
    problem_destroy(problem);
}

/* 90 of 100 kW are taken in the cheap hours: one job of 10 more fits, the next goes elsewhere. */
static void admitted_jobs_take_what_is_left(void **state)
{
    (void)state;
    struct problem *problem = case_plain(6);
    set_price(problem, 0, 2, 20);
    set_price(problem, 0, 3, 20);
    case_job(problem, 2, 6)->levels[0].power_w = 90e3;
    struct plan *plan = make(problem);
    struct problem_job fresh[2] = {problem->jobs[0], problem->jobs[0]};
    struct error error;
    for (int i = 0; i < 2; i++) {
        fresh[i].id = 10 + i;
        fresh[i].levels[0].power_w = 10e3;
    }
    struct plan_job before = plan->jobs[0];
    assert_int_equal(plan_admit(plan, &problem->prices, fresh, 2, &error), 0);
    assert_memory_equal(&before, &plan->jobs[0], sizeof(before));
    assert_true(start_h(plan, 1, 0) == 2 && end_h(plan, 1, 0) == 4);
    assert_true(start_h(plan, 2, 0) >= 4 || end_h(plan, 2, 0) <= 2);
    assert_int_not_equal(plan_why(plan, 2, 0), REASON_NONE);
    plan_destroy(plan);
    problem_destroy(problem);
}

/* What runs on a group above its limit takes nothing from the group beside it: the bound must know,
 * or it is above the plan (which the check refuses). */
static void overloaded_groups_leave_the_others_free(void **state)
{
    (void)state;
    struct problem *problem = case_plain(4);
    struct problem_site *site = &problem->sites[0];
    site->group_count = 2;
    for (int g = 0; g < 2; g++) {
        site->groups[g].limit_w = 50e3;
        site->groups[g].accelerators[0] = 4;
    }
    struct problem_job *big = case_job(problem, 4, 4);
    big->job_class = JOB_REALTIME;
    big->running = true;
    big->group = 0;
    big->levels[0].power_w = 80e3;
    big->levels[0].accelerators = 7;
    big->accelerator_classes = 1;
    struct problem_job *job = case_job(problem, 2, 2);
    job->levels[0].power_w = 40e3;
    job->levels[0].accelerators = 4;
    job->accelerator_classes = 1;
    struct plan *plan = make(problem);
    assert_int_equal(plan->status, PLAN_BREACHING);
    assert_int_equal(plan->jobs[1].group, 1);
    assert_int_equal(plan->late_jobs, 0);
    plan_destroy(plan);
    problem_destroy(problem);
}

/* Energy is dear at the end and expected to be cheaper after it: as much as may wait is left. */
static void jobs_end_just_in_time_after_the_horizon(void **state)
{
    (void)state;
    struct problem *problem = case_plain(6);
    for (int32_t t = 0; t < 4; t++)
        set_price(problem, 0, t, 50);
    case_job(problem, 2.7, 7.4)->release_ms += 4 * CASE_HOUR_MS;
    struct plan *plan = make(problem);
    assert_true(fabs(start_h(plan, 0, 0) - 4.7) < 1e-6 && end_h(plan, 0, 0) == 6);
    assert_false(plan->jobs[0].late);
    plan_destroy(plan);
    problem_destroy(problem);
}

/* A year of hours: nothing is limited to what one plan of the controller has. */
static void long_horizons_are_planned(void **state)
{
    (void)state;
    enum { HOURS = 8760, JOBS = 40 };
    struct problem *problem = problem_create(1, HOURS, JOBS);
    assert_non_null(problem);
    problem->issue_ms = CASE_START_MS;
    problem->sites[0].feeder_count = problem->sites[0].group_count = 1;
    problem->sites[0].feeders[0].limit_w = problem->sites[0].groups[0].limit_w = 100e3;
    problem->prices.lateness_per_mwh[JOB_DEFERRABLE] = 1000;
    problem->prices.unserved_per_mwh[JOB_DEFERRABLE] = 5000;
    case_hours(problem, HOURS);
    for (int32_t t = 0; t < HOURS; t++)
        set_price(problem, 0, t, 100 + 50 * (t % 24 < 12) + t % 7);
    for (int i = 0; i < JOBS; i++) {
        struct problem_job *job = case_job(problem, 30, 0);
        job->release_ms += i * 200 * CASE_HOUR_MS;
        job->deadline_ms = job->release_ms + 100 * CASE_HOUR_MS;
        job->can_suspend = i % 2;
    }
    struct plan *plan = make(problem);
    assert_int_equal(plan->late_jobs, 0);
    assert_true(plan->gap < 0.01);
    plan_destroy(plan);
    problem_destroy(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_jobs_are_touched_for_a_gain_only),
        cmocka_unit_test(held_jobs_are_touched_after_their_hold),
        cmocka_unit_test(resuming_reads_the_checkpoint_back),
        cmocka_unit_test(late_jobs_do_not_wait_for_cheap_hours),
        cmocka_unit_test(less_power_where_it_fits_or_pays),
        cmocka_unit_test(feeders_hold_their_groups_together),
        cmocka_unit_test(accelerators_are_shared_out),
        cmocka_unit_test(jobs_move_where_it_pays),
        cmocka_unit_test(every_slot_tells_why),
        cmocka_unit_test(guaranteed_jobs_start_as_soon_as_there_is_room),
        cmocka_unit_test(jobs_are_found_by_id),
        cmocka_unit_test(admitted_jobs_take_what_is_left),
        cmocka_unit_test(overloaded_groups_leave_the_others_free),
        cmocka_unit_test(jobs_end_just_in_time_after_the_horizon),
        cmocka_unit_test(long_horizons_are_planned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
