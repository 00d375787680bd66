/* The check is worth what it refuses: every field of a plan moved, every rule broken on many random
 * plans, and the same plan under a problem that is changed below it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/plan/plan_spoil_plan.h"
#include "tests/unit/plan/plan_spoil_problem.h"
#include "tests/unit/plan/plan_spoil_runs.h"

enum { PLANS = 80 };

static struct victim whole[PLANS];

/* A way to spoil a plan by hand. */
struct way {
    const char *name;
    const char *text; /* of the refusal; NULL: any */
    bool (*spoil)(struct victim *victim);
};

/* A number in the plan that is moved. */
struct number {
    const char *name;
    size_t offset;
    int32_t count; /* of an array */
    double by;     /* NAN: makes it none */
};

/* The spoilt plan is refused, for the reason that is expected. */
static void expect_refusal(struct victim *victim, const char *name, const char *text, int plan)
{
    struct error error = {"accepted"};
    spoil_frame(victim);
    int code = plan_check(victim->problem, victim->plan, &error);
    if (code != ERROR_INVALID || (text && !strstr(error.text, text)))
        fail_msg("plan %d, %s (%s): %s", plan, name, text ? text : "any reason", error.text);
}

static struct victim victim_copy(int plan, size_t way)
{
    return (struct victim){spoil_problem_copy(whole[plan].problem),
                           spoil_plan_copy(whole[plan].plan),
                           ((uint64_t)plan * 1009 + way) * 104729 + 7, false};
}

static void victim_free(struct victim *victim)
{
    plan_destroy(victim->plan);
    problem_destroy(victim->problem);
}

static void try_way(const struct way *way, size_t index)
{
    int tried = 0;
    for (int plan = 0; plan < PLANS; plan++) {
        struct victim victim = victim_copy(plan, index);
        if (way->spoil(&victim)) {
            expect_refusal(&victim, way->name, way->text, plan);
            tried++;
        }
        victim_free(&victim);
    }
    if (tried == 0)
        fail_msg("%s: there was no plan to try it on", way->name);
}

static void try_ways(const struct way *ways, size_t count)
{
    for (size_t i = 0; i < count; i++)
        try_way(&ways[i], i);
}

#define TRY(ways) try_ways(ways, sizeof(ways) / sizeof((ways)[0]))
#define WAY(name)                                                                                  \
    {                                                                                              \
#name, NULL, name                                                                          \
    }

static void broken_runs_are_refused(void **state)
{
    (void)state;
    static const struct way ways[] = {
        WAY(run_starts_earlier),
        WAY(run_starts_later),
        WAY(run_ends_earlier),
        WAY(run_ends_later),
        WAY(runs_shifted_forward),
        WAY(runs_shifted_back),
        WAY(run_dropped),
        WAY(run_doubled),
        {"run_empty", "is empty or beyond", run_empty},
        {"runs_swapped", NULL, runs_swapped},
        WAY(run_with_a_hole),
        {"run_beyond_the_horizon", "beyond the horizon", run_beyond_the_horizon},
        {"run_count_too_large", "impossible number", run_count_too_large},
        {"run_count_negative", "impossible number", run_count_negative},
        WAY(run_at_another_level),
        {"run_at_no_level", "a level that it does not have", run_at_no_level},
        {"run_below_all_levels", "a level that it does not have", run_below_all_levels},
        WAY(run_invented),
    };
    TRY(ways);
}

static void broken_jobs_are_refused(void **state)
{
    (void)state;
    static const struct way ways[] = {
        {"site_out_of_range", "a site that does not exist", site_out_of_range},
        WAY(another_site),
        {"group_out_of_range", "a group that does not exist", group_out_of_range},
        {"no_group", "a group that does not exist", no_group},
        {"group_without_a_run", "a place but no run", group_without_a_run},
        WAY(another_group),
        {"full_group", "load of a group", full_group},
        {"job_id", "is not where the problem has it", job_id},
        {"jobs_swapped", "is not where the problem has it", jobs_swapped},
        {"finish_moved", "does not finish when the plan says", finish_moved},
        {"finish_denied", "does not finish when the plan says", finish_denied},
        {"late_flipped", "named", late_flipped},
        {"late_counted_wrong", "late jobs, it says", late_counted_wrong},
        {"why_lost_in_a_run", "has no reason", why_lost_in_a_run},
        {"why_lost_while_waiting", "waits in a slot and has no reason", why_lost_while_waiting},
        {"why_after_the_end", "has a reason where it is not there", why_after_the_end},
    };
    TRY(ways);
}

static void whole_lies_are_refused(void **state)
{
    (void)state;
    static const struct way ways[] = {
        {"status_none", "it says that it is none", status_none},
        {"status_flipped", "calls itself", status_flipped},
        {"slots_missing", "the problem", slots_missing},
        {"sites_missing", "the problem", sites_missing},
        {"jobs_missing", "the problem", jobs_missing},
        {"issued_later", "not asked for", issued_later},
        {"frame_shifted", "is not the problem's", frame_shifted},
        {"frame_of_other_prices", "is not the problem's", frame_of_other_prices},
        {"frame_of_other_groups", "are not the problem's", frame_of_other_groups},
        {"frame_of_other_feeders", "are not the problem's", frame_of_other_feeders},
        {"peak_higher", "peak_import_w is", peak_higher},
        {"peak_lower", "peak_import_w is", peak_lower},
        {"cost_hidden", "energy_cost is", cost_hidden},
        {"bound_above_objective", "below its bound", bound_above_objective},
        {"no_bound", "below its bound", no_bound},
        {"hedge_negative", "hedge_cost is", hedge_negative},
        {"hedge_above_the_gap", "hedge_cost is", hedge_above_the_gap},
    };
    TRY(ways);
}

static void lies_that_agree_are_refused(void **state)
{
    (void)state;
    static const struct way ways[] = {
        WAY(load_hidden),
        {"import_and_export", "export_w", import_and_export},
        {"charge_and_discharge", "discharge_w while charging", charge_and_discharge},
        {"tank_both_ways", "tank_discharge_w while charging", tank_both_ways},
        WAY(sun_out_of_nowhere),
        WAY(energy_out_of_the_battery),
        WAY(heat_forgotten),
        WAY(sun_wasted),
        {"battery_reason_none", "battery_reason is", battery_reason_none},
        {"tank_reason_none", "tank_reason is", tank_reason_none},
    };
    TRY(ways);
}

static void plans_for_another_slot_are_refused(void **state)
{
    (void)state;
    static const struct way ways[] = {
        {"import_dearer", "energy_cost is", import_dearer},
        {"export_dearer", "energy_cost is", export_dearer},
        {"less_sun", "pv_used_w is", less_sun},
        {"less_wind", "wind_used_w is", less_wind},
        {"export_cut", "export_w is", export_cut},
        {"import_cut", "breach_w is", import_cut},
        WAY(import_allowed),
        {"more_fixed", "facility_w is", more_fixed},
        {"more_overhead", "facility_w is", more_overhead},
        {"worse_chiller", "facility_w is", worse_chiller},
        {"worse_free_cooling", "facility_w is", worse_free_cooling},
        {"more_heat", "heat removed is", more_heat},
        {"less_free_cooling", "free_heat_w is", less_free_cooling},
        WAY(more_base),
        {"base_may_be_huge", "load of a ", base_may_be_huge},
    };
    TRY(ways);
}

static void plans_for_another_site_are_refused(void **state)
{
    (void)state;
    static const struct way ways[] = {
        {"battery_smaller", "may not be higher", battery_smaller},
        WAY(reserve_larger),
        {"reserve_given_up", "may not be lower", reserve_given_up},
        {"charger_weaker", "charge_w is", charger_weaker},
        {"inverter_weaker", "discharge_w is", inverter_weaker},
        {"charger_leaks", "soc_end_wh is", charger_leaks},
        {"inverter_leaks", "soc_end_wh is", inverter_leaks},
        WAY(battery_gone),
        {"battery_fuller", "soc_end_wh is", battery_fuller},
        {"battery_wears", "wear_cost is", battery_wears},
        {"stored_worth_more", "end_value is", stored_worth_more},
        {"chiller_smaller", "chiller_heat_w is", chiller_smaller},
        WAY(chiller_gone),
        {"tank_fuller", "tank_end_wh is", tank_fuller},
        {"tank_leaks", "tank_end_wh is", tank_leaks},
        {"tank_smaller", "out of its bounds", tank_smaller},
        {"tank_charged_slower", "tank_charge_w is", tank_charged_slower},
        {"tank_emptied_slower", "tank_discharge_w is", tank_emptied_slower},
        {"cold_worth_more", "end_value is", cold_worth_more},
        {"ramp_tighter", "ramp_breach_w is", ramp_tighter},
        {"net_before_another", "ramp_breach_w is", net_before_another},
        {"group_narrower", "load of a ", group_narrower},
        {"feeder_narrower", "load of a ", feeder_narrower},
        WAY(accelerators_gone),
    };
    TRY(ways);
}

static void plans_for_other_jobs_are_refused(void **state)
{
    (void)state;
    static const struct way ways[] = {
        {"released_later", "runs before its release", released_later},
        {"more_data", "runs before its data is there", more_data},
        {"link_cut", "a site that it may not go to", link_cut},
        {"tied_elsewhere", "left its group", tied_elsewhere},
        {"made_realtime", "does not run from its release", made_realtime},
        {"held_longer", "may not be touched", held_longer},
        {"ran_at_another_level", "changes its level", ran_at_another_level},
        {"not_to_be_suspended", NULL, not_to_be_suspended},
        {"longer_minimum", "a run below its minimum", longer_minimum},
        WAY(longer_restart),
        WAY(more_work),
        WAY(less_work),
        {"due_earlier", "is late and not named", due_earlier},
        {"due_never", "is named late and is not", due_never},
        WAY(slower_level),
        {"more_power", "load of a ", more_power},
        WAY(was_suspended),
    };
    TRY(ways);
}

static void plans_at_other_prices_are_refused(void **state)
{
    (void)state;
    static const struct way ways[] = {
        {"carbon_dearer", "carbon_cost is", carbon_dearer},
        {"peak_dearer", "peak_cost is", peak_dearer},
        {"more_metered_peak", "peak_cost is", more_metered_peak},
        {"breach_dearer", "breach_cost is", breach_dearer},
        {"waiting_dearer", "delay_cost is", waiting_dearer},
        {"churn_dearer", "churn_cost is", churn_dearer},
        {"lateness_dearer", "lateness_cost is", lateness_dearer},
        {"hours_late_dearer", "lateness_cost is", hours_late_dearer},
        {"moving_dearer", "transfer_cost is", moving_dearer},
    };
    TRY(ways);
}

/* Every number of a slot, up, down and not a number. */
static void moved_numbers_of_slots_are_refused(void **state)
{
    (void)state;
#define SLOT(field, by)                                                                            \
    {                                                                                              \
#field, offsetof(struct plan_slot, field), 1, by                                           \
    }
    static const struct number numbers[] = {
        SLOT(import_w, 1000),
        SLOT(export_w, 1000),
        SLOT(pv_used_w, 1000),
        SLOT(wind_used_w, 1000),
        SLOT(charge_w, 1000),
        SLOT(discharge_w, 1000),
        SLOT(soc_end_wh, 100),
        SLOT(chiller_heat_w, 1000),
        SLOT(free_heat_w, 1000),
        SLOT(tank_charge_w, 1000),
        SLOT(tank_discharge_w, 1000),
        SLOT(tank_end_wh, 100),
        SLOT(facility_w, 1000),
        SLOT(breach_w, 1000),
        SLOT(ramp_breach_w, 1000),
        SLOT(cooling_short_w, 1000),
        SLOT(reserve_short_wh, 100),
        {"it_jobs_w", offsetof(struct plan_slot, it_jobs_w), LIMIT_GROUPS, 1000},
        {"group_breach_w", offsetof(struct plan_slot, group_breach_w), LIMIT_GROUPS, 1000},
        {"feeder_breach_w", offsetof(struct plan_slot, feeder_breach_w), LIMIT_FEEDERS, 1000},
        SLOT(marginal_per_mwh, NAN),
    };
#undef SLOT
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        for (int plan = 0; plan < PLANS; plan++) {
            struct victim victim = victim_copy(plan, i);
            int32_t s = spoil_pick(&victim, victim.plan->site_count);
            int32_t t = spoil_pick(&victim, victim.plan->slot_count);
            char *slot = (char *)&victim.plan->sites[s].slots[t];
            double *value = (double *)(slot + numbers[i].offset);
            value += spoil_pick(&victim, numbers[i].count);
            const double kept = *value, by[] = {numbers[i].by, -numbers[i].by, NAN, HUGE_VAL};
            for (int way = 0; way < 4; way++) {
                *value = kept + by[way];
                expect_refusal(&victim, numbers[i].name, NULL, plan);
            }
            *value = kept;
            victim_free(&victim);
        }
}

static void moved_totals_are_refused(void **state)
{
    (void)state;
#define TOTAL(field)                                                                               \
    {                                                                                              \
#field, offsetof(struct plan, field), 1, 0.01                                              \
    }
    static const struct number numbers[] = {
        TOTAL(objective),   TOTAL(bound),      TOTAL(gap),        TOTAL(energy_cost),
        TOTAL(carbon_cost), TOTAL(peak_cost),  TOTAL(wear_cost),  TOTAL(lateness_cost),
        TOTAL(breach_cost), TOTAL(delay_cost), TOTAL(churn_cost), TOTAL(transfer_cost),
        TOTAL(end_value),
    };
#undef TOTAL
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        for (int plan = 0; plan < PLANS; plan++) {
            struct victim victim = victim_copy(plan, i);
            double *value = (double *)((char *)victim.plan + numbers[i].offset), kept = *value;
            const double by = 0.01 * (1 + fabs(kept)), moves[] = {by, -by, NAN, HUGE_VAL};
            for (int way = 0; way < 4; way++) {
                *value = kept + moves[way];
                expect_refusal(&victim, numbers[i].name, NULL, plan);
            }
            *value = kept;
            victim_free(&victim);
        }
}

static int make_plans(void **state)
{
    (void)state;
    for (int plan = 0; plan < PLANS; plan++) {
        struct error error = {"no error"};
        whole[plan].problem = case_random((uint64_t)plan + 1);
        if (plan_make(whole[plan].problem, NULL, NULL, &whole[plan].plan, &error) != 0 ||
            plan_check(whole[plan].problem, whole[plan].plan, &error) != 0) {
            print_error("seed %d: %s\n", plan + 1, error.text);
            return -1;
        }
    }
    return 0;
}

static int free_plans(void **state)
{
    (void)state;
    for (int plan = 0; plan < PLANS; plan++)
        victim_free(&whole[plan]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_runs_are_refused),
        cmocka_unit_test(broken_jobs_are_refused),
        cmocka_unit_test(whole_lies_are_refused),
        cmocka_unit_test(lies_that_agree_are_refused),
        cmocka_unit_test(plans_for_another_slot_are_refused),
        cmocka_unit_test(plans_for_another_site_are_refused),
        cmocka_unit_test(plans_for_other_jobs_are_refused),
        cmocka_unit_test(plans_at_other_prices_are_refused),
        cmocka_unit_test(moved_numbers_of_slots_are_refused),
        cmocka_unit_test(moved_totals_are_refused),
    };
    return cmocka_run_group_tests(tests, make_plans, free_plans);
}
