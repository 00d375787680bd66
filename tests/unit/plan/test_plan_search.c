/* The search for one job's stretches against trying every way there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/plan/schedule.h"
#include "tests/unit/plan/plan_cases.h"

enum {
    CASES = 600,
    STEPS = 14, /* of half a slot */
};

static const int64_t STEP_MS = CASE_HOUR_MS / 2;

/* One job at one site with prices and room of its own. */
struct one {
    struct problem *problem;
    struct workload *load;
    struct room room;
    struct pricing pricing;
    double jobs_kw[STEPS];
    struct market market;
    struct search *search;
};

static void one_init(struct one *one, struct problem *problem, uint64_t *random)
{
    *one = (struct one){.problem = problem};
    for (int32_t t = 0; t < problem->slot_count; t++)
        if (case_chance(random, 0.15))
            problem->sites[0].slots[t].base_it_high_w[0] = 96e3; /* no room for the job */
    one->load = workload_create(problem);
    assert_non_null(one->load);
    assert_true(room_init(&one->room, one->load));
    assert_true(pricing_init(&one->pricing, one->load));
    for (int32_t t = 0; t < problem->slot_count; t++)
        one->pricing.price[t] = case_uniform(random, 0.02, 0.2);
    pricing_ready(&one->pricing, one->load, one->jobs_kw);
    one->market = (struct market){one->load, &one->pricing, &one->room, one->jobs_kw};
    one->search = search_create(one->load);
    assert_non_null(one->search);
}

static void one_finish(struct one *one)
{
    search_destroy(one->search);
    pricing_finish(&one->pricing);
    room_finish(&one->room);
    workload_destroy(one->load);
    problem_destroy(one->problem);
}

static double nowhere(const struct one *one, struct plan_job *ret_plan)
{
    *ret_plan = (struct plan_job){.id = 1, .group = -1};
    return market_cost(&one->market, &one->load->works[0], ret_plan);
}

/* The cheaper of both searches, as a schedule would use them. */
static double search_best(struct one *one, struct plan_job *ret_plan)
{
    const struct work *work = &one->load->works[0];
    double cost = nowhere(one, ret_plan);
    search_site(one->search, &one->market, work, 0, ret_plan, &cost);
    return cost;
}

/* The job's levels by step, -1 for off, as a place; false: a rule forbids it. */
static bool place_steps(const struct one *one, const int *level, struct plan_job *ret_plan)
{
    const struct work *work = &one->load->works[0];
    const struct problem_job *job = work->job;
    struct plan_job plan = {.id = 1};
    for (int i = 0; i < 2 * one->problem->slot_count; i++) {
        int64_t start_ms = CASE_START_MS + i * STEP_MS;
        struct plan_run *last = plan.run_count > 0 ? &plan.runs[plan.run_count - 1] : NULL;
        if (level[i] < 0)
            continue;
        if (start_ms < work->release_ms || !room_carries(&one->room, 0, 0, job, level[i], i / 2))
            return false;
        if (last && last->end_ms == start_ms && last->level == level[i])
            last->end_ms += STEP_MS;
        else
            plan.runs[plan.run_count++] = (struct plan_run){start_ms, start_ms + STEP_MS, level[i]};
    }
    int64_t left_ms = work_left_ms(one->load, work, &plan);
    if (plan.run_count > 0 && left_ms < 0) { /* the last one ends early */
        struct plan_run *last = &plan.runs[plan.run_count - 1];
        double speed = job->levels[last->level].speed;
        int64_t work_ms = work_of_ms(last->end_ms - last->start_ms, speed) + left_ms;
        if (work_ms <= 0)
            return false;
        last->end_ms = last->start_ms + work_length_ms(work_ms, speed);
        left_ms = 0;
    }
    for (int32_t r = 0; r < plan.run_count; r++) {
        const struct plan_run *run = &plan.runs[r];
        bool exempt = (r + 1 == plan.run_count && left_ms == 0) ||
                      run->end_ms == one->load->end_ms ||
                      (r > 0 ? run->start_ms == plan.runs[r - 1].end_ms
                             : job->running && run->start_ms == CASE_START_MS);
        if (!exempt && run->end_ms - run->start_ms < job->min_run_ms)
            return false;
    }
    *ret_plan = plan;
    return true;
}

static double brute_force(const struct one *one, int levels)
{
    int level[STEPS], steps = 2 * one->problem->slot_count;
    struct plan_job plan;
    double best = nowhere(one, &plan);
    for (int i = 0; i < steps; i++)
        level[i] = -1;
    for (;;) {
        int i = 0;
        while (i < steps && ++level[i] == levels)
            level[i++] = -1;
        if (i == steps)
            return best;
        if (place_steps(one, level, &plan))
            best = fmin(best, market_cost(&one->market, &one->load->works[0], &plan));
    }
}

static struct problem *random_one(uint64_t *random, int32_t slots)
{
    struct problem *problem = case_plain(slots);
    struct problem_job *job = case_job(problem, floor(case_uniform(random, 1, 1.4 * slots)) / 2, 0);
    job->deadline_ms = CASE_START_MS + (int64_t)floor(case_uniform(random, 2, 3 * slots)) * STEP_MS;
    job->can_suspend = true;
    problem->prices.delay_per_mwh_h = case_chance(random, 0.5) ? 1 : 0;
    problem->prices.lateness_per_mwh_h[JOB_DEFERRABLE] = case_chance(random, 0.5) ? 50 : 0;
    if (case_chance(random, 0.2))
        job->job_class = JOB_SCAVENGER;
    problem->prices.unserved_per_mwh[JOB_SCAVENGER] = 90;
    return problem;
}

static void switching_costs(struct problem *problem, uint64_t *random)
{
    struct problem_job *job = &problem->jobs[0];
    problem->prices.churn = case_uniform(random, 0, 0.6);
    if (case_chance(random, 0.5))
        job->min_run_ms = (int64_t)floor(case_uniform(random, 1, 5)) * STEP_MS;
    if (case_chance(random, 0.4))
        job->restart_ms = STEP_MS / 2;
    job->suspended = case_chance(random, 0.2);
    if (!job->suspended && case_chance(random, 0.3)) {
        job->running = true;
        job->group = 0;
        problem->prices.change_gain = case_chance(random, 0.5) ? 0.3 : 0;
    }
}

/* Where a start costs nothing, nothing is better. */
static void free_starts_are_searched_exactly(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= CASES; seed++) {
        uint64_t random = seed * 7919;
        struct one one;
        struct plan_job plan;
        struct problem *problem = random_one(&random, 6);
        one_init(&one, problem, &random);
        double best = brute_force(&one, 1), found = search_best(&one, &plan);
        if (found > best + 1e-6)
            fail_msg("seed %d: found %.6f, best %.6f", (int)seed, found, best);
        one_finish(&one);
    }
}

static int32_t count_near(int levels, double *ret_loss)
{
    int32_t near = 0;
    *ret_loss = 0;
    for (uint64_t seed = 1; seed <= CASES; seed++) {
        uint64_t random = seed * 7919;
        struct one one;
        struct plan_job plan;
        struct problem *problem = random_one(&random, levels > 1 ? 4 : 6);
        switching_costs(problem, &random);
        if (levels > 1) {
            problem->jobs[0].level_count = 2;
            problem->jobs[0].levels[1] = (struct problem_level){.power_w = 7e3, .speed = 0.8};
        }
        one_init(&one, problem, &random);
        double best = brute_force(&one, levels), found = search_best(&one, &plan);
        double loss = (found - best) / fmax(0.1, fabs(best));
        near += loss < 0.01;
        *ret_loss += fmax(0, loss) / CASES;
        if (loss > 0.02 && getenv("SHOW"))
            print_message("seed %d levels %d: found %.4f best %.4f\n", (int)seed, levels, found,
                          best);
        one_finish(&one);
    }
    print_message("levels %d: near %d of %d, mean loss %.5f\n", levels, (int)near, CASES,
                  *ret_loss);
    return near;
}

/* With them the search is near: how near is what these numbers hold. */
static void costly_starts_are_searched_nearly(void **state)
{
    (void)state;
    double loss;
    assert_true(count_near(1, &loss) >= CASES * 9 / 10);
    assert_true(loss < 0.01);
    assert_true(count_near(2, &loss) >= CASES * 9 / 10);
    assert_true(loss < 0.01);
}

/* Every other slot is cheap, and there are more of them than stretches. */
static void no_more_stretches_than_a_plan_holds(void **state)
{
    (void)state;
    enum { SLOTS = 80 };
    static double idle_kw[SLOTS];
    struct problem *problem = case_plain(SLOTS);
    struct problem_job *job = case_job(problem, 40, SLOTS);
    struct one one = {.problem = problem};
    job->can_suspend = true;
    one.load = workload_create(problem);
    assert_true(one.load && room_init(&one.room, one.load));
    assert_true(pricing_init(&one.pricing, one.load));
    for (int32_t t = 0; t < SLOTS; t++)
        one.pricing.price[t] = t % 2 ? 0.1 : 0.15 + 0.001 * t; /* per kWh */
    pricing_ready(&one.pricing, one.load, idle_kw);
    one.market = (struct market){one.load, &one.pricing, &one.room, idle_kw};
    one.search = search_create(one.load);
    assert_non_null(one.search);
    struct plan_job plan;
    double cost = search_best(&one, &plan);
    assert_int_equal(work_left_ms(one.load, &one.load->works[0], &plan), 0);
    /* 16 stretches over 28 cheap slots pass 12 dear ones, of which the first are the least dear. */
    double best = 28 * 1.0;
    for (int i = 0; i < 12; i++)
        best += 1.5 + 0.02 * i;
    assert_true(cost >= best - 1e-9 && cost < 1.02 * best);
    one_finish(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_starts_are_searched_exactly),
        cmocka_unit_test(costly_starts_are_searched_nearly),
        cmocka_unit_test(no_more_stretches_than_a_plan_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
