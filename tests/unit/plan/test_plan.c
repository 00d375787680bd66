/* The planner against its independent check, on random and on hand-made problems. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/plan/plan_cases.h"

enum { RANDOM_CASES = 400 };

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

static void random_plans_pass_the_check(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RANDOM_CASES; seed++) {
        struct problem *problem = case_random(seed);
        struct plan *plan = NULL;
        struct error error = {"no error"};
        if (plan_make(problem, NULL, NULL, &plan, &error) != 0)
            fail_msg("seed %d, no plan: %s", (int)seed, error.text);
        if (plan_check(problem, plan, &error) != 0)
            fail_msg("seed %d: %s", (int)seed, error.text);
        assert_true(plan->bound <= plan->objective + 1e-6 * (1 + fabs(plan->objective)));
        for (int32_t i = 0; i < plan->job_count; i++)
            if (problem->jobs[i].remaining_ms > 0)
                assert_int_not_equal(plan->jobs[i].reason, REASON_NONE);
        plan_destroy(plan);
        problem_destroy(problem);
    }
}

static void same_problem_gives_same_plan(void **state)
{
    (void)state;
    struct problem *problem = case_random(5);
    struct plan *first = make(problem), *second = make(problem);
    assert_true(first->objective == second->objective);
    assert_memory_equal(first->sites[0].slots, second->sites[0].slots,
                        sizeof(*first->sites[0].slots) * (size_t)first->slot_count);
    plan_destroy(first);
    plan_destroy(second);
    problem_destroy(problem);
}

static bool never(void *context)
{
    (*(int *)context)++;
    return false;
}

static void no_time_left_still_gives_a_plan(void **state)
{
    (void)state;
    int asked = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct problem *problem = case_random(seed);
        struct plan *plan = NULL;
        struct error error;
        assert_int_equal(plan_make(problem, never, &asked, &plan, &error), 0);
        assert_int_equal(plan_check(problem, plan, &error), 0);
        plan_destroy(plan);
        problem_destroy(problem);
    }
    assert_true(asked > 0);
}

/* Ways to spoil a plan. */
typedef void (*spoil)(struct problem *problem, struct plan *plan);

static void energy_off(struct problem *problem, struct plan *plan)
{
    (void)problem;
    plan->sites[0].slots[1].import_w += 100;
}

static void facility_off(struct problem *problem, struct plan *plan)
{
    (void)problem;
    plan->sites[0].slots[0].facility_w -= 1000;
    plan->sites[0].slots[0].import_w -= 1000;
}

static void soc_off(struct problem *problem, struct plan *plan)
{
    (void)problem;
    plan->sites[0].slots[2].soc_end_wh += 500;
}

static void soc_out_of_band(struct problem *problem, struct plan *plan)
{
    (void)plan;
    problem->sites[0].battery.soc_max_wh = 30e3;
}

static void reserve_used(struct problem *problem, struct plan *plan)
{
    (void)plan;
    problem->sites[0].battery.soc_min_wh += 5000;
}

static void both_directions(struct problem *problem, struct plan *plan)
{
    (void)problem;
    for (int32_t t = 0; t < plan->slot_count; t++)
        if (plan->sites[0].slots[t].charge_w > 0)
            plan->sites[0].slots[t].discharge_w += 1000;
}

static void import_and_export(struct problem *problem, struct plan *plan)
{
    (void)problem;
    plan->sites[0].slots[0].import_w += 5000;
    plan->sites[0].slots[0].export_w += 5000;
}

static void more_sun_than_there_is(struct problem *problem, struct plan *plan)
{
    (void)problem;
    plan->sites[0].slots[0].pv_used_w += 5000;
    plan->sites[0].slots[0].import_w -= 5000;
}

static void before_release(struct problem *problem, struct plan *plan)
{
    problem->jobs[0].release_ms = plan->jobs[0].runs[0].start_ms + 60000;
}

static void work_short(struct problem *problem, struct plan *plan)
{
    (void)problem;
    plan->jobs[0].runs[0].end_ms -= 600000;
}

static void work_dropped(struct problem *problem, struct plan *plan)
{
    (void)problem;
    plan->jobs[1].run_count = 0;
    plan->jobs[1].group = -1;
}

static void overlapping_runs(struct problem *problem, struct plan *plan)
{
    (void)problem;
    plan->jobs[0].run_count = 2;
    plan->jobs[0].runs[1] = plan->jobs[0].runs[0];
}

static void interrupted(struct problem *problem, struct plan *plan)
{
    struct plan_job *job = &plan->jobs[0];
    (void)problem;
    job->run_count = 2;
    job->runs[1].start_ms = job->runs[0].start_ms + 1800000;
    job->runs[1].end_ms = job->runs[0].end_ms;
    job->runs[0].end_ms = job->runs[1].start_ms - 60000;
}

static void feeder_overload(struct problem *problem, struct plan *plan)
{
    problem->sites[0].groups[0].limit_w = plan->sites[0].groups[0].limit_w = 9e3;
}

static void wrong_feeder(struct problem *problem, struct plan *plan)
{
    (void)plan;
    problem->jobs[0].group = 1;
}

static void unnamed_breach(struct problem *problem, struct plan *plan)
{
    for (int32_t t = 0; t < plan->slot_count; t++)
        problem->sites[0].slots[t].import_limit_w = plan->sites[0].frame[t].import_limit_w = 100;
}

static void unnamed_lateness(struct problem *problem, struct plan *plan)
{
    (void)plan;
    problem->jobs[0].deadline_ms = CASE_START_MS + 60000;
}

static void lying_cost(struct problem *problem, struct plan *plan)
{
    (void)problem;
    plan->energy_cost -= 0.01;
    plan->objective -= 0.01;
}

static void lying_objective(struct problem *problem, struct plan *plan)
{
    (void)problem;
    plan->objective += 0.01;
}

static void lying_bound(struct problem *problem, struct plan *plan)
{
    (void)problem;
    plan->bound = plan->objective + 1;
    plan->gap = 0;
}

static void lying_gap(struct problem *problem, struct plan *plan)
{
    (void)problem;
    plan->gap += 0.01;
}

static void lying_status(struct problem *problem, struct plan *plan)
{
    (void)problem;
    plan->status = PLAN_BREACHING;
}

static void lying_finish(struct problem *problem, struct plan *plan)
{
    (void)problem;
    plan->jobs[0].finish_ms -= 1;
}

static void not_a_number(struct problem *problem, struct plan *plan)
{
    (void)problem;
    plan->sites[0].slots[0].import_w = nan("");
}

static struct problem *spoil_case(void)
{
    struct problem *problem = case_plain(8);
    problem->sites[0].group_count = 2;
    problem->sites[0].groups[1].limit_w = 5e3;
    case_battery(problem);
    for (int32_t t = 0; t < problem->slot_count; t++) {
        problem->sites[0].slots[t].price_import_per_mwh = t < 4 ? 20 : 180;
        problem->sites[0].slots[t].pv_w = 1000;
        problem->sites[0].slots[t].fixed_w = 60e3;
    }
    case_job(problem, 2, 8);
    case_job(problem, 1.5, 8)->can_suspend = true;
    return problem;
}

/* Each is refused for its own reason, not for a side effect. */
static void spoilt_plans_are_refused(void **state)
{
    (void)state;
    static const struct {
        spoil spoil;
        const char *text;
    } ways[] = {
        {energy_off, "import less export is"},
        {facility_off, "facility_w is"},
        {soc_off, "soc_end_wh is"},
        {soc_out_of_band, "may not be higher"},
        {reserve_used, "may not be lower"},
        {both_directions, "discharge_w while charging"},
        {import_and_export, "export_w while importing"},
        {more_sun_than_there_is, "pv_used_w is"},
        {before_release, "job 1 runs before its release"},
        {work_short, "cannot be suspended"},
        {work_dropped, "job 2 does not finish when the plan says"},
        {overlapping_runs, "job 1 overlaps itself"},
        {interrupted, "cannot be suspended"},
        {feeder_overload, ": load of a group is"},
        {wrong_feeder, "job 1 left its group"},
        {unnamed_breach, "breach_w is"},
        {unnamed_lateness, "job 1 is late and not named"},
        {lying_cost, "energy_cost is"},
        {lying_objective, "objective is"},
        {lying_bound, "below its bound"},
        {lying_gap, "gap is"},
        {lying_status, "names no breach"},
        {lying_finish, "job 1 does not finish when the plan says"},
        {not_a_number, "import_w is nan"},
    };
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct problem *problem = spoil_case();
        struct plan *plan = make(problem);
        struct error error = {"accepted"};
        ways[i].spoil(problem, plan);
        if (plan_check(problem, plan, &error) != ERROR_INVALID || !strstr(error.text, ways[i].text))
            fail_msg("way %d (%s): %s", (int)i, ways[i].text, error.text);
        plan_destroy(plan);
        problem_destroy(problem);
    }
}

/* Jobs of whole hours on one feeder, nothing else: every schedule can be tried. */
struct tiny {
    double price[6], power_w[3];
    int work_h[3], due_h[3];
};

static double tiny_cost(const struct tiny *tiny, const int *start_h, double peak_per_kw)
{
    double load_w[6] = {0}, cost = 0, peak_w = 0;
    for (int i = 0; i < 3; i++) {
        if (start_h[i] + tiny->work_h[i] > tiny->due_h[i])
            return HUGE_VAL;
        for (int h = start_h[i]; h < start_h[i] + tiny->work_h[i]; h++)
            load_w[h] += tiny->power_w[i];
    }
    for (int h = 0; h < 6; h++) {
        cost += load_w[h] / 1e6 * tiny->price[h];
        peak_w = fmax(peak_w, load_w[h]);
        if (load_w[h] > 100e3)
            return HUGE_VAL;
    }
    return cost + peak_w / 1000 * peak_per_kw;
}

static double tiny_best(const struct tiny *tiny, double peak_per_kw)
{
    double best = HUGE_VAL;
    int start_h[3];
    for (start_h[0] = 0; start_h[0] < 6; start_h[0]++)
        for (start_h[1] = 0; start_h[1] < 6; start_h[1]++)
            for (start_h[2] = 0; start_h[2] < 6; start_h[2]++)
                best = fmin(best, tiny_cost(tiny, start_h, peak_per_kw));
    return best;
}

static struct problem *tiny_problem(struct tiny *tiny, uint64_t seed, double most_w)
{
    uint64_t random = seed;
    struct problem *problem = case_plain(6);
    for (int h = 0; h < 6; h++)
        problem->sites[0].slots[h].price_import_per_mwh = tiny->price[h] =
            floor(case_uniform(&random, 20, 200));
    for (int i = 0; i < 3; i++) {
        tiny->work_h[i] = (int)case_uniform(&random, 1, 4);
        tiny->due_h[i] = (int)case_uniform(&random, tiny->work_h[i], 7);
        tiny->power_w[i] = case_uniform(&random, 10e3, most_w);
        case_job(problem, tiny->work_h[i], tiny->due_h[i])->levels[0].power_w = tiny->power_w[i];
    }
    return problem;
}

/* Lateness here costs far more than any hour, so the best schedule on time is the best. */
static void tiny_problems_are_solved_exactly(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct tiny tiny;
        struct problem *problem = tiny_problem(&tiny, seed, 33e3);
        struct plan *plan = make(problem);
        double best = tiny_best(&tiny, 0);
        assert_true(fabs(plan->objective - best) < 1e-6);
        assert_true(plan->bound <= best + 1e-9);
        plan_destroy(plan);
        problem_destroy(problem);
    }
}

static void bound_and_plan_enclose_the_best(void **state)
{
    (void)state;
    int exact = 0, count = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct tiny tiny;
        struct problem *problem = tiny_problem(&tiny, seed, 70e3);
        problem->prices.peak_per_kw = 0.1;
        problem->prices.lateness_per_mwh[JOB_DEFERRABLE] = 1e6;
        struct plan *plan = make(problem);
        double best = tiny_best(&tiny, 0.1);
        if (isfinite(best)) {
            assert_true(plan->bound <= best + 1e-9);
            exact += plan->objective < best + 1e-6;
            count++;
        }
        plan_destroy(plan);
        problem_destroy(problem);
    }
    assert_true(count > 50);
    assert_true(exact * 10 >= count * 6);
}

static void battery_buys_low_and_sells_high(void **state)
{
    (void)state;
    struct problem *problem = case_plain(4);
    case_battery(problem);
    for (int32_t t = 0; t < 4; t++) {
        problem->sites[0].slots[t].fixed_w = 40e3;
        problem->sites[0].slots[t].price_import_per_mwh = t < 2 ? 50 : 150;
    }
    struct plan *plan = make(problem);
    /* 70 kWh fit above the reserve: bought at 50 with losses, used at 150 with losses. */
    double expected = 0.05 * (80 + 70 / 0.95) + 0.15 * (80 - 70 * 0.95);
    assert_true(fabs(plan->objective - expected) < 1e-4);
    assert_int_equal(plan->sites[0].slots[1].battery_reason, REASON_ARBITRAGE);
    assert_int_equal(plan->sites[0].slots[2].battery_reason, REASON_ARBITRAGE);
    plan_destroy(plan);

    problem->sites[0].slots[2].price_import_per_mwh =
        problem->sites[0].slots[3].price_import_per_mwh = 54;
    plan = make(problem); /* 8 % more does not pay for 10 % loss */
    for (int32_t t = 0; t < 4; t++)
        assert_true(plan->sites[0].slots[t].charge_w == 0 &&
                    plan->sites[0].slots[t].discharge_w == 0);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void battery_shaves_the_peak(void **state)
{
    (void)state;
    struct problem *problem = case_plain(4);
    case_battery(problem);
    problem->sites[0].battery.soc_wh = 60e3;
    problem->prices.peak_per_kw = 10;
    problem->sites[0].peak_so_far_w = 50e3;
    for (int32_t t = 0; t < 4; t++)
        problem->sites[0].slots[t].fixed_w = t == 2 ? 80e3 : 40e3;
    struct plan *plan = make(problem);
    assert_true(plan->sites[0].peak_import_w <= 50e3 + 1);
    assert_int_equal(plan->sites[0].slots[2].battery_reason, REASON_PEAK_SHAVING);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void negative_prices_burn_nothing_in_the_battery(void **state)
{
    (void)state;
    struct problem *problem = case_plain(6);
    case_battery(problem);
    for (int32_t t = 0; t < 6; t++)
        problem->sites[0].slots[t].price_import_per_mwh = t % 2 ? -100 : -10;
    struct plan *plan = make(problem);
    for (int32_t t = 0; t < 6; t++)
        assert_true(fmin(plan->sites[0].slots[t].charge_w, plan->sites[0].slots[t].discharge_w) ==
                    0);
    plan_destroy(plan);
    problem_destroy(problem);
}

/* Net import costs 50, net export earns more: a slot must choose. */
static double two_way_cost(double net_kw, double feed_in)
{
    return net_kw / 1000 * (net_kw > 0 ? 50 : feed_in);
}

static void feed_in_above_the_price_is_no_money_machine(void **state)
{
    (void)state;
    for (double pv_kw = 0; pv_kw <= 60; pv_kw += 5) {
        struct problem *problem = case_plain(2);
        case_battery(problem);
        double best = HUGE_VAL, feed_in = 60;
        for (int32_t t = 0; t < 2; t++) {
            problem->sites[0].slots[t].price_export_per_mwh = feed_in;
            problem->sites[0].slots[t].price_import_per_mwh = 50;
            problem->sites[0].slots[t].fixed_w = 30e3;
        }
        problem->sites[0].slots[0].pv_w = pv_kw * 1000;
        for (double kw = 0; kw <= 50; kw += 0.5)
            best = fmin(best, two_way_cost(30 + kw - pv_kw, feed_in) +
                                  two_way_cost(30 - kw * 0.95 * 0.95, feed_in));
        struct plan *plan = make(problem);
        assert_true(plan->objective <= best + 0.1);
        assert_true(plan->bound <= best + 1e-6);
        plan_destroy(plan);
        problem_destroy(problem);
    }
}

static void reserve_is_restored_first(void **state)
{
    (void)state;
    struct problem *problem = case_plain(4);
    case_battery(problem);
    problem->sites[0].battery.soc_wh = 0;
    problem->sites[0].battery.soc_min_wh = 60e3;
    problem->sites[0].slots[0].price_import_per_mwh =
        900; /* safety does not wait for a better price */
    struct plan *plan = make(problem);
    assert_int_equal(plan->status, PLAN_BREACHING);
    assert_true(fabs(plan->sites[0].slots[0].charge_w - 50e3) < 1);
    assert_int_equal(plan->sites[0].slots[0].battery_reason, REASON_RESERVE);
    assert_true(plan->sites[0].slots[0].reserve_short_wh > 0);
    assert_true(plan->sites[0].slots[1].reserve_short_wh == 0);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void surplus_without_export_is_spilt(void **state)
{
    (void)state;
    struct problem *problem = case_plain(2);
    problem->sites[0].slots[0].pv_w = problem->sites[0].slots[1].pv_w = 50e3;
    problem->sites[0].slots[0].fixed_w = problem->sites[0].slots[1].fixed_w = 20e3;
    problem->sites[0].slots[0].export_limit_w = problem->sites[0].slots[1].export_limit_w = 0;
    case_job(problem, 1, 2);
    struct plan *plan = make(problem);
    assert_true(plan->sites[0].slots[0].export_w == 0 && plan->sites[0].slots[0].import_w == 0);
    assert_true(fabs(plan->objective) < 1e-6);
    assert_int_equal(plan->jobs[0].reason, REASON_SURPLUS);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void missed_deadline_is_named(void **state)
{
    (void)state;
    struct problem *problem = case_plain(4);
    problem->prices.delay_per_mwh_h = 1;
    case_job(problem, 1, -1);
    struct plan *plan = make(problem);
    assert_true(plan->jobs[0].late);
    assert_int_equal(plan->late_jobs, 1);
    assert_int_equal(plan->jobs[0].reason, REASON_NOT_ENOUGH_TIME);
    assert_true(plan->jobs[0].runs[0].start_ms == CASE_START_MS);
    assert_true(fabs(plan->lateness_cost - 10) < 1e-6);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void too_large_never_runs(void **state)
{
    (void)state;
    struct problem *problem = case_plain(4);
    case_job(problem, 1, 4)->levels[0].power_w = 101e3;
    struct plan *plan = make(problem);
    assert_int_equal(plan->jobs[0].run_count, 0);
    assert_int_equal(plan->jobs[0].reason, REASON_TOO_LARGE);
    assert_true(plan->jobs[0].finish_ms == INT64_MAX);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void overloaded_feeder_is_named(void **state)
{
    (void)state;
    struct problem *problem = case_plain(4);
    for (int32_t t = 0; t < 2; t++)
        problem->sites[0].slots[t].base_it_w[0] = problem->sites[0].slots[t].base_it_high_w[0] =
            120e3;
    case_job(problem, 1, 4);
    struct plan *plan = make(problem);
    assert_int_equal(plan->status, PLAN_BREACHING);
    assert_true(fabs(plan->sites[0].slots[0].group_breach_w[0] - 20e3) < 1);
    assert_true(plan->jobs[0].runs[0].start_ms >= CASE_START_MS + 2 * CASE_HOUR_MS);
    assert_int_equal(plan->jobs[0].reason, REASON_FEEDER_FULL);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void fill_group(struct problem *problem, int32_t hours, double left_w)
{
    for (int32_t t = 0; t < hours; t++)
        case_base(problem, t, 0, problem->sites[0].groups[0].limit_w - left_w);
}

/* What is done first counts, at whatever level and site. */
static void guaranteed_jobs_do_not_wait_for_full_power(void **state)
{
    (void)state;
    for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
        struct problem *problem = case_sites(elsewhere ? 2 : 1);
        case_hours(problem, 24);
        fill_group(problem, 23, 8e3);
        for (int32_t g = 1; g < problem->sites[0].group_count; g++)
            problem->sites[0].groups[g].limit_w = 1;
        problem->links[0][1] = (struct problem_link){1000, 0};
        struct problem_job *job = case_job(problem, 2, 6);
        job->job_class = JOB_GUARANTEED;
        if (!elsewhere)
            job->levels[job->level_count++] = (struct problem_level){.power_w = 7e3, .speed = 0.9};
        struct plan *plan = make(problem);
        assert_int_equal(plan->late_jobs, 0);
        assert_true(plan->jobs[0].runs[0].start_ms == CASE_START_MS);
        plan_destroy(plan);
        problem_destroy(problem);
    }
}

/* It draws 10 of 15 kW, the guaranteed job takes as much from 0:45 to 1:45. */
static void running_jobs_go_on_until_others_need_the_room(void **state)
{
    (void)state;
    struct problem *problem = case_plain(6);
    problem->sites[0].groups[0].limit_w = 15e3;
    for (int32_t g = 1; g < problem->sites[0].group_count; g++)
        problem->sites[0].groups[g].limit_w = 1;
    struct problem_job *running = case_job(problem, 3.5, 5);
    running->running = running->can_suspend = true;
    running->group = 0;
    struct problem_job *guaranteed = case_job(problem, 1, 6);
    guaranteed->job_class = JOB_GUARANTEED;
    guaranteed->release_ms += CASE_HOUR_MS * 3 / 4;
    struct plan *plan = make(problem);
    assert_int_equal(plan->late_jobs, 0);
    assert_true(plan->jobs[0].runs[0].start_ms == CASE_START_MS);
    assert_true(plan->jobs[0].runs[0].end_ms == CASE_START_MS + CASE_HOUR_MS * 3 / 4);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void committed_jobs_stay_at_their_site(void **state)
{
    (void)state;
    struct problem *problem = case_sites(2);
    case_hours(problem, 6);
    problem->links[0][1] = (struct problem_link){1000, 0};
    case_job(problem, 2, 6)->job_class = JOB_REALTIME;
    const struct plan_job moved = {.id = 1,
                                   .site = 1,
                                   .run_count = 1,
                                   .runs = {{CASE_START_MS, CASE_START_MS + 2 * CASE_HOUR_MS, 0}}};
    struct plan *plan = NULL;
    struct error error = {""};
    assert_int_equal(plan_around(problem, &moved, STORAGE_OPTIMAL, &plan, &error), 0);
    assert_int_equal(plan_check(problem, plan, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "changes its site"));
    plan_destroy(plan);
    problem_destroy(problem);
}

/* A restart is work beyond the job's own: at negative prices it earns. */
static void bound_allows_for_restarts_that_earn(void **state)
{
    (void)state;
    struct problem *problem = case_plain(24);
    for (int32_t t = 0; t < 24; t++)
        problem->sites[0].slots[t].price_import_per_mwh = t % 2 ? -100 : 50;
    struct problem_job *job = case_job(problem, 4, 24);
    job->can_suspend = true;
    job->restart_ms = 1800000;
    struct plan *plan = make(problem);
    assert_true(plan->objective < -4);
    assert_true(plan->bound <= plan->objective);
    plan_destroy(plan);
    problem_destroy(problem);
}

/* Of eight classes of accelerators, with jobs for one each, every set of classes counts. */
static void many_classes_of_accelerators_are_planned(void **state)
{
    (void)state;
    enum { JOBS = 64 };
    struct problem *problem = case_plain(48);
    for (int32_t c = 0; c < LIMIT_ACCELERATORS; c++)
        problem->sites[0].groups[0].accelerators[c] = 1;
    for (int32_t g = 1; g < problem->sites[0].group_count; g++)
        problem->sites[0].groups[g].limit_w = 1;
    for (int i = 0; i < JOBS; i++) {
        struct problem_job *job = case_job(problem, 5, 48);
        job->levels[0] = (struct problem_level){.power_w = 1e3, .speed = 1, .accelerators = 1};
        job->accelerator_classes = 1u << (i % LIMIT_ACCELERATORS);
    }
    struct plan *plan = make(problem);
    assert_int_equal(plan->late_jobs, 0); /* eight of each, one after the other: 40 h */
    plan_destroy(plan);
    problem_destroy(problem);
}

/* Room for one at a time: two fit into every hour. */
static void one_begins_in_the_slot_in_which_another_ends(void **state)
{
    (void)state;
    enum { JOBS = 6 };
    struct problem *problem = case_plain(4);
    for (int32_t t = 0; t < 4; t++)
        for (int32_t g = 0; g < problem->sites[0].group_count; g++)
            case_base(problem, t, g, problem->sites[0].groups[g].limit_w - (g == 0 ? 10e3 : 0));
    for (int i = 0; i < JOBS; i++)
        case_job(problem, 0.5, 3);
    struct plan *plan = make(problem);
    assert_int_equal(plan->late_jobs, 0);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void import_limit_is_breached_by_base_load_only(void **state)
{
    (void)state;
    struct problem *problem = case_plain(4);
    problem->sites[0].slots[0].fixed_w = problem->sites[0].slots[1].fixed_w = 50e3;
    problem->sites[0].slots[0].import_limit_w = problem->sites[0].slots[1].import_limit_w = 40e3;
    case_job(problem, 1, 4);
    struct plan *plan = make(problem);
    assert_int_equal(plan->status, PLAN_BREACHING);
    assert_true(fabs(plan->sites[0].slots[0].breach_w - 10e3) < 1);
    assert_true(plan->jobs[0].runs[0].start_ms >= CASE_START_MS + 2 * CASE_HOUR_MS);
    assert_int_equal(plan->jobs[0].reason, REASON_GRID_LIMIT);
    plan_destroy(plan);
    problem_destroy(problem);
}

/* What is dear now: the wait and its reason. */
static void dear_hours_are_avoided(void **state)
{
    (void)state;
    struct problem *problem = case_plain(6);
    problem->prices.carbon_per_t = 100;
    problem->sites[0].slots[0].price_import_per_mwh = 150;
    case_job(problem, 2, 6);
    struct plan *plan = make(problem);
    assert_true(plan->jobs[0].runs[0].start_ms >= CASE_START_MS + CASE_HOUR_MS);
    assert_int_equal(plan->jobs[0].reason, REASON_CHEAPER_LATER);
    plan_destroy(plan);

    problem->sites[0].slots[0].price_import_per_mwh = 100;
    problem->sites[0].slots[0].carbon_g_per_kwh = 500;
    plan = make(problem);
    assert_int_equal(plan->jobs[0].reason, REASON_GREENER_LATER);
    plan_destroy(plan);

    problem->jobs[0].deadline_ms = CASE_START_MS + 2 * CASE_HOUR_MS;
    plan = make(problem);
    assert_int_equal(plan->jobs[0].reason, REASON_DEADLINE);
    plan_destroy(plan);

    problem->jobs[0].deadline_ms = CASE_START_MS + 6 * CASE_HOUR_MS;
    problem->jobs[0].release_ms = CASE_START_MS + 1000;
    plan = make(problem);
    assert_int_equal(plan->jobs[0].reason, REASON_NOT_RELEASED);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void suspension_pays_only_above_its_price(void **state)
{
    (void)state;
    struct problem *problem = case_plain(6);
    struct problem_job *job = case_job(problem, 2, 6);
    job->can_suspend = job->running = true;
    job->group = 0;
    problem->sites[0].slots[0].price_import_per_mwh = 50;
    problem->sites[0].slots[1].price_import_per_mwh =
        200; /* 1 more for 10 kWh than an hour later */
    problem->prices.churn = 0.4;
    struct plan *plan = make(problem);
    assert_int_equal(plan->jobs[0].run_count, 2);
    assert_true(fabs(plan->churn_cost - 0.8) < 1e-9);
    plan_destroy(plan);
    problem->prices.churn = 0.6;
    plan = make(problem);
    assert_int_equal(plan->jobs[0].run_count, 1);
    assert_true(plan->jobs[0].runs[0].start_ms == CASE_START_MS);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void scavengers_take_surplus_only(void **state)
{
    (void)state;
    struct problem *problem = case_plain(4);
    problem->prices.unserved_per_mwh[JOB_SCAVENGER] = 30;
    problem->sites[0].slots[2].pv_w = 20e3;
    struct problem_job *job = case_job(problem, 3, 4);
    job->job_class = JOB_SCAVENGER;
    job->can_suspend = true;
    struct plan *plan = make(problem);
    assert_int_equal(plan->jobs[0].run_count, 1);
    assert_true(plan->jobs[0].runs[0].start_ms == CASE_START_MS + 2 * CASE_HOUR_MS);
    assert_true(plan->jobs[0].runs[0].end_ms == CASE_START_MS + 3 * CASE_HOUR_MS);
    plan_destroy(plan);
    problem_destroy(problem);
}

static void lookups_know_the_runs(void **state)
{
    (void)state;
    struct problem *problem = case_plain(3);
    problem->sites[0].slots[0].price_import_per_mwh = 200;
    case_job(problem, 1, 2);
    struct plan *plan = make(problem);
    const struct plan_job *job = plan_find_job(plan, 1, NULL);
    assert_non_null(job);
    assert_null(plan_run_at(job, CASE_START_MS));
    assert_ptr_equal(plan_run_at(job, CASE_START_MS + CASE_HOUR_MS), &job->runs[0]);
    assert_null(plan_run_at(job, CASE_START_MS + 2 * CASE_HOUR_MS));
    assert_null(plan_find_job(plan, 2, NULL));
    assert_int_equal(plan_reason_at(plan, job, CASE_START_MS), REASON_CHEAPER_LATER);
    assert_int_equal(plan_reason_at(plan, job, CASE_START_MS + CASE_HOUR_MS), REASON_DEADLINE);
    assert_int_equal(plan_reason_at(plan, job, CASE_START_MS + 9 * CASE_HOUR_MS), job->reason);
    assert_null(plan_slot_at(plan, 0, CASE_START_MS - 1));
    assert_ptr_equal(plan_slot_at(plan, 0, CASE_START_MS + CASE_HOUR_MS), &plan->sites[0].slots[1]);
    assert_null(plan_slot_at(plan, 0, CASE_START_MS + 3 * CASE_HOUR_MS));
    plan_destroy(plan);
    problem_destroy(problem);
}

static void slots_follow_the_clock(void **state)
{
    (void)state;
    struct problem *problem = problem_create(1, LIMIT_SLOTS, 0);
    for (int64_t shift_ms = 0; shift_ms < CASE_HOUR_MS; shift_ms += 61234) {
        int64_t now_ms = CASE_START_MS + shift_ms;
        int32_t count = problem_slots(problem, now_ms, &problem_grid_live);
        assert_true(count > 90 && count <= 112);
        assert_true(problem->sites[0].slots[0].start_ms == now_ms);
        assert_true(problem_end_ms(problem) >= now_ms + 48 * CASE_HOUR_MS);
        assert_true(problem_end_ms(problem) < now_ms + 49 * CASE_HOUR_MS);
        for (int32_t t = 0; t < count; t++) {
            const struct problem_slot *slot = &problem->sites[0].slots[t];
            int64_t ahead_ms = slot->start_ms - now_ms;
            assert_true(slot->length_ms > 0 && slot->length_ms <= CASE_HOUR_MS);
            if (t > 0) {
                assert_true(slot->start_ms == slot[-1].start_ms + slot[-1].length_ms);
                assert_true(slot->start_ms % slot->length_ms == 0);
                assert_true(slot->length_ms == 300000 || slot->length_ms == 900000 ||
                            slot->length_ms == CASE_HOUR_MS);
            }
            assert_true(ahead_ms >= 2 * CASE_HOUR_MS || slot->length_ms <= 300000);
            assert_true(ahead_ms >= 12 * CASE_HOUR_MS || slot->length_ms <= 900000);
        }
    }
    assert_int_equal(problem_slots(problem, CASE_START_MS, &(struct problem_grid){2, 12, 1000}),
                     LIMIT_SLOTS);
    problem_destroy(problem);
}

static void senseless_problems_are_refused(void **state)
{
    (void)state;
    struct problem *problem = case_plain(2);
    struct plan *plan = NULL;
    struct error error;
    problem->sites[0].slots[1].price_import_per_mwh = nan("");
    assert_int_equal(plan_make(problem, NULL, NULL, &plan, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "slot 1"));
    problem->sites[0].slots[1].price_import_per_mwh = 1;
    problem->sites[0].slots[1].start_ms++;
    assert_int_equal(plan_make(problem, NULL, NULL, &plan, &error), ERROR_INVALID);
    problem->sites[0].slots[1].start_ms--;
    case_job(problem, 1, 1)->group = 3;
    assert_int_equal(plan_make(problem, NULL, NULL, &plan, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "job 1"));
    problem->jobs[0].group = 0;
    problem->slot_count = 0;
    assert_int_equal(plan_make(problem, NULL, NULL, &plan, &error), ERROR_INVALID);
    assert_null(plan);
    problem_destroy(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_plans_pass_the_check),
        cmocka_unit_test(same_problem_gives_same_plan),
        cmocka_unit_test(no_time_left_still_gives_a_plan),
        cmocka_unit_test(spoilt_plans_are_refused),
        cmocka_unit_test(tiny_problems_are_solved_exactly),
        cmocka_unit_test(bound_and_plan_enclose_the_best),
        cmocka_unit_test(battery_buys_low_and_sells_high),
        cmocka_unit_test(battery_shaves_the_peak),
        cmocka_unit_test(negative_prices_burn_nothing_in_the_battery),
        cmocka_unit_test(feed_in_above_the_price_is_no_money_machine),
        cmocka_unit_test(reserve_is_restored_first),
        cmocka_unit_test(surplus_without_export_is_spilt),
        cmocka_unit_test(missed_deadline_is_named),
        cmocka_unit_test(too_large_never_runs),
        cmocka_unit_test(overloaded_feeder_is_named),
        cmocka_unit_test(guaranteed_jobs_do_not_wait_for_full_power),
        cmocka_unit_test(running_jobs_go_on_until_others_need_the_room),
        cmocka_unit_test(committed_jobs_stay_at_their_site),
        cmocka_unit_test(bound_allows_for_restarts_that_earn),
        cmocka_unit_test(many_classes_of_accelerators_are_planned),
        cmocka_unit_test(one_begins_in_the_slot_in_which_another_ends),
        cmocka_unit_test(import_limit_is_breached_by_base_load_only),
        cmocka_unit_test(dear_hours_are_avoided),
        cmocka_unit_test(suspension_pays_only_above_its_price),
        cmocka_unit_test(scavengers_take_surplus_only),
        cmocka_unit_test(lookups_know_the_runs),
        cmocka_unit_test(slots_follow_the_clock),
        cmocka_unit_test(senseless_problems_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
