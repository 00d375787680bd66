/* Input that cannot be kept still gives a plan, and the plan names what it breaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/plan/plan_cases.h"

static struct plan *make(const struct problem *problem, const char *what)
{
    struct plan *plan = NULL;
    struct error error = {"no error"};
    if (plan_make(problem, NULL, NULL, &plan, &error) != 0)
        fail_msg("%s, no plan: %s", what, error.text);
    if (plan_check(problem, plan, &error) != 0)
        fail_msg("%s: %s", what, error.text);
    return plan;
}

/* What is done to a plain site, and what the plan has to name. */
struct hopeless {
    const char *name;
    void (*spoil)(struct problem *problem);
    bool (*named)(const struct problem *problem, const struct plan *plan);
    enum plan_status status;
};

static struct problem *plain_site(void)
{
    struct problem *problem = case_plain(6);
    struct problem_site *site = &problem->sites[0];
    case_battery(problem);
    site->battery.soc_wh = 50e3;
    site->cooling = (struct problem_cooling){.chiller_max_w = 200e3,
                                             .tank_capacity_wh = 100e3,
                                             .tank_wh = 0,
                                             .tank_charge_max_w = 50e3,
                                             .tank_discharge_max_w = 50e3};
    for (int32_t t = 0; t < 6; t++) {
        case_base(problem, t, 0, 30e3);
        site->slots[t].heat_ratio = 1;
        site->slots[t].cop = 4;
        site->slots[t].fixed_w = 10e3;
    }
    problem->prices.delay_per_mwh_h = 1;
    case_job(problem, 2, 5);
    case_job(problem, 1, 5)->can_suspend = true;
    return problem;
}

static void below_the_reserve(struct problem *problem)
{
    problem->sites[0].battery.soc_wh = 1e3;
}

static void below_the_reserve_without_power(struct problem *problem)
{
    below_the_reserve(problem);
    for (int32_t t = 0; t < 6; t++)
        problem->sites[0].slots[t].import_limit_w = 0;
}

static bool reserve_is_short(const struct problem *problem, const struct plan *plan)
{
    const struct problem_battery *battery = &problem->sites[0].battery;
    const struct plan_slot *slot = &plan->sites[0].slots[0];
    return fabs(slot->reserve_short_wh - fmax(0, battery->soc_min_wh - slot->soc_end_wh)) < 1 &&
           slot->discharge_w < 1;
}

static bool import_is_breached(const struct problem *problem, const struct plan *plan)
{
    bool breached = plan->breach_cost > 0;
    for (int32_t t = 0; t < problem->slot_count; t++)
        breached = breached && plan->sites[0].slots[t].breach_w > 1000;
    return breached;
}

static bool short_and_breached(const struct problem *problem, const struct plan *plan)
{
    return reserve_is_short(problem, plan) && plan->sites[0].slots[0].reserve_short_wh > 1000 &&
           import_is_breached(problem, plan);
}

static void limit_below_base_load(struct problem *problem)
{
    problem->sites[0].battery = (struct problem_battery){0};
    for (int32_t t = 0; t < 6; t++)
        problem->sites[0].slots[t].import_limit_w = 20e3;
}

static void battery_above_its_band(struct problem *problem)
{
    problem->sites[0].battery.soc_wh = 99e3;
}

static bool nothing_is_short(const struct problem *problem, const struct plan *plan)
{
    (void)problem;
    return plan->sites[0].slots[0].reserve_short_wh == 0 && plan->breach_cost == 0;
}

static void due_long_ago(struct problem *problem)
{
    problem->jobs[0].deadline_ms = CASE_START_MS - 100 * CASE_HOUR_MS;
}

static void due_too_soon(struct problem *problem)
{
    problem->jobs[0].deadline_ms = CASE_START_MS + CASE_HOUR_MS / 2;
}

static bool first_is_late(const struct problem *problem, const struct plan *plan)
{
    (void)problem;
    return plan->jobs[0].late && plan->late_jobs == 1 && plan->lateness_cost > 0 &&
           plan->jobs[0].reason == REASON_NOT_ENOUGH_TIME &&
           plan->jobs[0].runs[0].start_ms == CASE_START_MS;
}

static void too_much_work(struct problem *problem)
{
    problem->jobs[0].remaining_ms = 50 * CASE_HOUR_MS;
}

static bool first_is_unfinished(const struct problem *problem, const struct plan *plan)
{
    (void)problem;
    return plan->jobs[0].late && plan->jobs[0].finish_ms == INT64_MAX && plan->lateness_cost > 0;
}

static void group_below_base_load(struct problem *problem)
{
    problem->sites[0].groups[0].limit_w = 25e3;
}

static bool nothing_runs_on_full_groups(const struct problem *problem, const struct plan *plan)
{
    (void)problem;
    return fabs(plan->sites[0].slots[3].group_breach_w[0] - 5e3) < 1 &&
           plan->jobs[0].run_count == 0 && plan->jobs[1].run_count == 0;
}

static void feeder_below_base_load(struct problem *problem)
{
    problem->sites[0].feeders[0].limit_w = 25e3;
}

static bool feeder_is_breached(const struct problem *problem, const struct plan *plan)
{
    (void)problem;
    return fabs(plan->sites[0].slots[3].feeder_breach_w[0] - 5e3) < 1 &&
           plan->jobs[0].run_count == 0;
}

static void base_load_may_be_high(struct problem *problem)
{
    for (int32_t t = 0; t < 6; t++)
        problem->sites[0].slots[t].base_it_high_w[0] = 105e3;
}

static void running_job_too_large(struct problem *problem)
{
    problem->jobs[0].running = true;
    problem->jobs[0].group = 0;
    problem->jobs[0].levels[0].power_w = 75e3;
}

static bool running_job_is_named(const struct problem *problem, const struct plan *plan)
{
    (void)problem;
    return fabs(plan->sites[0].slots[0].group_breach_w[0] - 5e3) < 1 &&
           plan->jobs[0].runs[0].start_ms == CASE_START_MS &&
           plan->jobs[1].runs[0].start_ms >= CASE_START_MS + 2 * CASE_HOUR_MS;
}

static void job_on_hold_too_large(struct problem *problem)
{
    running_job_too_large(problem);
    problem->jobs[0].can_suspend = true;
    problem->jobs[0].hold_until_ms = CASE_START_MS + CASE_HOUR_MS / 2;
}

static bool held_job_is_named(const struct problem *problem, const struct plan *plan)
{
    (void)problem;
    return fabs(plan->sites[0].slots[0].group_breach_w[0] - 5e3) < 1 &&
           plan->jobs[0].runs[0].end_ms == CASE_START_MS + CASE_HOUR_MS / 2 &&
           plan->sites[0].slots[1].group_breach_w[0] == 0;
}

static void chiller_too_small(struct problem *problem)
{
    problem->sites[0].cooling = (struct problem_cooling){.chiller_max_w = 20e3};
}

static bool cold_is_short(const struct problem *problem, const struct plan *plan)
{
    (void)problem;
    return plan->sites[0].slots[0].cooling_short_w >= 10e3 - 1 && plan->breach_cost > 0;
}

static void ramp_too_steep(struct problem *problem)
{
    problem->sites[0].ramp_w_per_min = 10;
    problem->sites[0].net_now_w = 2e6;
}

static bool ramp_is_breached(const struct problem *problem, const struct plan *plan)
{
    (void)problem;
    return plan->sites[0].slots[0].ramp_breach_w > 1e6 && plan->breach_cost > 0;
}

static void job_larger_than_all(struct problem *problem)
{
    problem->jobs[0].levels[0].power_w = 1e6;
}

static bool first_is_too_large(const struct problem *problem, const struct plan *plan)
{
    (void)problem;
    return plan->jobs[0].run_count == 0 && plan->jobs[0].reason == REASON_TOO_LARGE &&
           plan->jobs[0].late;
}

static void realtime_larger_than_all(struct problem *problem)
{
    job_larger_than_all(problem);
    problem->jobs[0].job_class = JOB_REALTIME;
}

static void no_such_accelerator(struct problem *problem)
{
    problem->jobs[0].accelerator_classes = 4;
    problem->jobs[0].levels[0].accelerators = 1;
}

static void accelerators_lost_below_a_job(struct problem *problem)
{
    no_such_accelerator(problem);
    problem->jobs[0].running = problem->jobs[0].can_suspend = true;
    problem->jobs[0].group = 0;
}

static bool first_does_not_run(const struct problem *problem, const struct plan *plan)
{
    (void)problem;
    return plan->jobs[0].run_count == 0 && plan->jobs[0].reason != REASON_NONE;
}

static void nowhere_to_put_the_sun(struct problem *problem)
{
    for (int32_t t = 0; t < 6; t++) {
        problem->sites[0].slots[t].export_limit_w = 0;
        problem->sites[0].slots[t].pv_w = 1e6;
    }
}

static bool sun_is_spilt(const struct problem *problem, const struct plan *plan)
{
    (void)problem;
    return plan->sites[0].slots[5].pv_used_w < 999e3 && plan->sites[0].slots[5].export_w < 1;
}

static void everything_at_once(struct problem *problem)
{
    below_the_reserve_without_power(problem);
    running_job_too_large(problem);
    problem->jobs[0].deadline_ms = CASE_START_MS - 1;
    chiller_too_small(problem);
    ramp_too_steep(problem);
    problem->sites[0].feeders[0].limit_w = 0;
}

static bool all_is_named(const struct problem *problem, const struct plan *plan)
{
    const struct plan_slot *slot = &plan->sites[0].slots[0];
    return short_and_breached(problem, plan) && slot->group_breach_w[0] > 1000 &&
           slot->feeder_breach_w[0] > 1000 && slot->cooling_short_w > 1000 &&
           slot->ramp_breach_w > 1000 && plan->jobs[0].late;
}

static void hopeless_input_gives_a_plan_with_named_breaches(void **state)
{
    (void)state;
    static const struct hopeless all[] = {
        {"below_the_reserve", below_the_reserve, reserve_is_short, PLAN_COMPLETE},
        {"below_the_reserve_without_power", below_the_reserve_without_power, short_and_breached,
         PLAN_BREACHING},
        {"limit_below_base_load", limit_below_base_load, import_is_breached, PLAN_BREACHING},
        {"battery_above_its_band", battery_above_its_band, nothing_is_short, PLAN_COMPLETE},
        {"due_long_ago", due_long_ago, first_is_late, PLAN_COMPLETE},
        {"due_too_soon", due_too_soon, first_is_late, PLAN_COMPLETE},
        {"too_much_work", too_much_work, first_is_unfinished, PLAN_COMPLETE},
        {"group_below_base_load", group_below_base_load, nothing_runs_on_full_groups,
         PLAN_BREACHING},
        {"base_load_may_be_high", base_load_may_be_high, nothing_runs_on_full_groups,
         PLAN_BREACHING},
        {"feeder_below_base_load", feeder_below_base_load, feeder_is_breached, PLAN_BREACHING},
        {"running_job_too_large", running_job_too_large, running_job_is_named, PLAN_BREACHING},
        {"job_on_hold_too_large", job_on_hold_too_large, held_job_is_named, PLAN_BREACHING},
        {"chiller_too_small", chiller_too_small, cold_is_short, PLAN_BREACHING},
        {"ramp_too_steep", ramp_too_steep, ramp_is_breached, PLAN_BREACHING},
        {"job_larger_than_all", job_larger_than_all, first_is_too_large, PLAN_COMPLETE},
        {"realtime_larger_than_all", realtime_larger_than_all, first_is_too_large, PLAN_COMPLETE},
        {"no_such_accelerator", no_such_accelerator, first_does_not_run, PLAN_COMPLETE},
        {"accelerators_lost_below_a_job", accelerators_lost_below_a_job, first_does_not_run,
         PLAN_COMPLETE},
        {"nowhere_to_put_the_sun", nowhere_to_put_the_sun, sun_is_spilt, PLAN_COMPLETE},
        {"everything_at_once", everything_at_once, all_is_named, PLAN_BREACHING},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct problem *problem = plain_site();
        all[i].spoil(problem);
        struct plan *plan = make(problem, all[i].name);
        if (plan->status != all[i].status || !all[i].named(problem, plan))
            fail_msg("%s: not named as it should be (status %d)", all[i].name, (int)plan->status);
        plan_destroy(plan);
        problem_destroy(problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hopeless_input_gives_a_plan_with_named_breaches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
