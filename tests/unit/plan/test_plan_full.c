/* The whole planner on random instances of the full problem, and on input that cannot be kept:
 * there is always a plan, the check accepts it, and energy and heat are neither made nor lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/plan/plan_cases.h"

enum { RANDOM_CASES = 320 };

static struct plan *make(const struct problem *problem, const char *what, int seed)
{
    struct plan *plan = NULL;
    struct error error = {"no error"};
    if (plan_make(problem, NULL, NULL, &plan, &error) != 0)
        fail_msg("%s, seed %d, no plan: %s", what, seed, error.text);
    if (plan_check(problem, plan, &error) != 0)
        fail_msg("%s, seed %d: %s", what, seed, error.text);
    return plan;
}

/* Sums of its own over the horizon: what went in, came out or is stored, in Wh. */
struct sums {
    double power, heat, battery, tank;
};

static struct sums sums_of(const struct problem *problem, const struct plan *plan, int32_t s)
{
    const struct problem_site *site = &problem->sites[s];
    const struct problem_battery *battery = &site->battery;
    const struct plan_slot *last = &plan->sites[s].slots[plan->slot_count - 1];
    struct sums sums = {
        .battery = battery->capacity_wh > 0 ? battery->soc_wh - last->soc_end_wh : 0,
        .tank = site->cooling.tank_capacity_wh > 0 ? site->cooling.tank_wh - last->tank_end_wh : 0};
    double tank_wh = site->cooling.tank_wh;
    for (int32_t t = 0; t < plan->slot_count; t++) {
        const struct problem_slot *given = &site->slots[t];
        const struct plan_slot *slot = &plan->sites[s].slots[t];
        double h = (double)given->length_ms / 3600e3, it_w = 0, cooling_w = 0;
        for (int32_t g = 0; g < site->group_count; g++)
            it_w += given->base_it_w[g] + slot->it_jobs_w[g];
        if (site->cooling.chiller_max_w > 0) {
            cooling_w = slot->chiller_heat_w / given->cop;
            cooling_w += slot->free_heat_w > 0 ? slot->free_heat_w / given->free_cop : 0;
            sums.heat += h * (it_w * given->heat_ratio - slot->chiller_heat_w - slot->free_heat_w -
                              slot->tank_discharge_w + slot->tank_charge_w - slot->cooling_short_w);
        }
        sums.power += h * (slot->import_w + slot->pv_used_w + slot->wind_used_w +
                           slot->discharge_w - slot->charge_w - slot->export_w - given->fixed_w -
                           it_w * (1 + given->overhead_ratio) - cooling_w);
        sums.battery += h * (slot->charge_w * battery->charge_efficiency);
        if (slot->discharge_w > 0)
            sums.battery -= h * slot->discharge_w / battery->discharge_efficiency;
        sums.tank += h * (slot->tank_charge_w - slot->tank_discharge_w) -
                     tank_wh * site->cooling.tank_loss_per_h * h;
        tank_wh = slot->tank_end_wh;
    }
    return sums;
}

static void balances_close(const struct problem *problem, const struct plan *plan, int seed)
{
    for (int32_t s = 0; s < plan->site_count; s++) {
        struct sums sums = sums_of(problem, plan, s);
        if (!(fabs(sums.power) <= 1 && fabs(sums.heat) <= 1 && fabs(sums.battery) <= 1 &&
              fabs(sums.tank) <= 1))
            fail_msg("seed %d, site %d: power %.3f, heat %.3f, battery %.3f, tank %.3f Wh are off",
                     seed, (int)s, sums.power, sums.heat, sums.battery, sums.tank);
    }
}

/* To a Wh: outside of the band only as far as it was at the start. */
static void stores_stay_in_band(const struct problem *problem, const struct plan *plan, int seed)
{
    for (int32_t s = 0; s < plan->site_count; s++) {
        const struct problem_battery *battery = &problem->sites[s].battery;
        double floor_wh = fmin(battery->soc_wh, battery->soc_min_wh);
        double ceiling_wh = fmax(battery->soc_wh, battery->soc_max_wh);
        double tank_most_wh = problem->sites[s].cooling.tank_capacity_wh;
        for (int32_t t = 0; t < plan->slot_count; t++) {
            const struct plan_slot *slot = &plan->sites[s].slots[t];
            bool kept = battery->capacity_wh <= 0 ||
                        (slot->soc_end_wh >= floor_wh - 1 && slot->soc_end_wh <= ceiling_wh + 1);
            if (!kept || slot->tank_end_wh < -1 || slot->tank_end_wh > tank_most_wh + 1)
                fail_msg("seed %d, site %d, slot %d: battery %.1f Wh, tank %.1f Wh", seed, (int)s,
                         (int)t, slot->soc_end_wh, slot->tank_end_wh);
        }
    }
}

static void reasons_are_told(const struct problem *problem, const struct plan *plan, int seed)
{
    for (int32_t i = 0; i < plan->job_count; i++)
        if (problem->jobs[i].remaining_ms > 0 && plan->jobs[i].reason == REASON_NONE)
            fail_msg("seed %d: job %d has no reason", seed, (int)plan->jobs[i].id);
    if (!plan->why)
        fail_msg("seed %d: no reasons by slot", seed);
}

static void random_plans_hold_up(void **state)
{
    (void)state;
    int several = 0, moved = 0, cooled = 0, short_of_cold = 0, hedged = 0, slower = 0, pieces = 0;
    for (int seed = 1; seed <= RANDOM_CASES; seed++) {
        struct problem *problem = case_random((uint64_t)seed);
        struct plan *plan = make(problem, "random", seed);
        if (!(plan->gap >= 0 &&
              plan->bound <= plan->objective + 1e-6 * (1 + fabs(plan->objective))))
            fail_msg("seed %d: objective %.6f, bound %.6f, gap %g", seed, plan->objective,
                     plan->bound, plan->gap);
        balances_close(problem, plan, seed);
        stores_stay_in_band(problem, plan, seed);
        reasons_are_told(problem, plan, seed);
        several += plan->site_count > 1;
        hedged += plan->hedge_cost > 1e-6;
        for (int32_t s = 0; s < plan->site_count; s++)
            cooled += problem->sites[s].cooling.chiller_max_w > 0;
        for (int32_t s = 0; s < plan->site_count; s++)
            for (int32_t t = 0; t < plan->slot_count; t++)
                short_of_cold += plan->sites[s].slots[t].cooling_short_w > 0;
        for (int32_t i = 0; i < plan->job_count; i++) {
            const struct plan_job *job = &plan->jobs[i];
            moved += job->site != problem->jobs[i].site;
            slower += job->run_count > 0 && job->runs[0].level > 0;
            pieces += job->run_count > 1;
        }
        plan_destroy(plan);
        problem_destroy(problem);
    }
    print_message(
        "%d plans: %d of several sites, %d jobs moved, %d sites cooled, %d slots short of "
        "cold, %d hedged, %d jobs below full power, %d in pieces\n",
        RANDOM_CASES, several, moved, cooled, short_of_cold, hedged, slower, pieces);
    assert_true(several > 50 && moved > 20 && cooled > 50 && short_of_cold > 0 && slower > 0 &&
                pieces > 20);
}

static void same_problem_gives_same_plan(void **state)
{
    (void)state;
    for (int seed = 1; seed <= 30; seed++) {
        struct problem *problem = case_random((uint64_t)seed * 11);
        struct plan *first = make(problem, "first", seed), *second = make(problem, "second", seed);
        assert_true(first->objective == second->objective && first->bound == second->bound);
        for (int32_t s = 0; s < first->site_count; s++)
            assert_memory_equal(first->sites[s].slots, second->sites[s].slots,
                                sizeof(*first->sites[s].slots) * (size_t)first->slot_count);
        for (int32_t i = 0; i < first->job_count; i++) {
            const struct plan_job *a = &first->jobs[i], *b = &second->jobs[i];
            assert_int_equal(a->site, b->site);
            assert_int_equal(a->group, b->group);
            assert_int_equal(a->run_count, b->run_count);
            assert_int_equal(a->reason, b->reason);
            for (int32_t r = 0; r < a->run_count; r++)
                assert_true(a->runs[r].start_ms == b->runs[r].start_ms &&
                            a->runs[r].end_ms == b->runs[r].end_ms &&
                            a->runs[r].level == b->runs[r].level);
        }
        if (first->job_count > 0)
            assert_memory_equal(first->why, second->why,
                                sizeof(*first->why) *
                                    (size_t)(first->job_count * first->slot_count));
        plan_destroy(first);
        plan_destroy(second);
        problem_destroy(problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_plans_hold_up),
        cmocka_unit_test(same_problem_gives_same_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
