/* Storage, cooling and grid around fixed jobs: whatever decides them, the balances close, the
 * stores keep their bands, and the cost is what the program says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "controller/plan/dispatch_lp.h"
#include "tests/unit/plan/plan_cases.h"

/* A site of a random problem, and what its jobs take in each slot. */
struct scene {
    int seed;
    struct problem *problem;
    struct workload *load;
    int32_t site;
    double jobs_kw[LIMIT_SLOTS];
    struct plan_slot slots[LIMIT_SLOTS];
};

static void scene_init(struct scene *scene, int seed)
{
    uint64_t random = (uint64_t)seed;
    memset(scene, 0, sizeof(*scene));
    scene->seed = seed;
    scene->problem = case_random((uint64_t)seed);
    scene->load = workload_create(scene->problem);
    scene->site = seed % scene->problem->site_count;
    for (int32_t t = 0; t < scene->load->slot_count; t++)
        scene->jobs_kw[t] = scene->load->committed_kw[workload_at(scene->load, scene->site, t)] +
                            case_uniform(&random, 0, 200);
}

static void scene_finish(struct scene *scene)
{
    workload_destroy(scene->load);
    problem_destroy(scene->problem);
}

static void near(const struct scene *scene, int32_t t, const char *what, double is, double should,
                 double tolerance)
{
    if (!(fabs(is - should) <= tolerance))
        fail_msg("seed %d, slot %d: %s is %.9g and should be %.9g", scene->seed, (int)t, what, is,
                 should);
}

/* W and Wh that the slot leaves open. */
struct open {
    double power_wh, heat_wh, soc_wh, tank_wh;
};

static void add_open(const struct scene *scene, int32_t t, struct open *open)
{
    const struct problem_site *site = &scene->problem->sites[scene->site];
    const struct problem_slot *given = &site->slots[t];
    const struct plan_slot *slot = &scene->slots[t];
    double hours = scene->load->hours[t], it_w = 1000 * scene->jobs_kw[t], cooling_w = 0;
    bool cools = site->cooling.chiller_max_w > 0;
    for (int32_t g = 0; g < site->group_count; g++)
        it_w += given->base_it_w[g];
    if (cools) {
        cooling_w = slot->chiller_heat_w / given->cop;
        cooling_w += slot->free_heat_w > 0 ? slot->free_heat_w / given->free_cop : 0;
        open->heat_wh +=
            hours * fabs(it_w * given->heat_ratio - slot->chiller_heat_w - slot->free_heat_w -
                         slot->cooling_short_w + slot->tank_charge_w - slot->tank_discharge_w);
    }
    double facility_w = given->fixed_w + it_w * (1 + given->overhead_ratio) + cooling_w;
    open->power_wh += hours * (fabs(facility_w - slot->facility_w) +
                               fabs(slot->import_w - slot->export_w - facility_w - slot->charge_w +
                                    slot->discharge_w + slot->pv_used_w + slot->wind_used_w));
    if (site->battery.capacity_wh > 0)
        open->soc_wh += hours * (slot->charge_w * site->battery.charge_efficiency -
                                 slot->discharge_w / site->battery.discharge_efficiency);
    if (cools && site->cooling.tank_capacity_wh > 0)
        open->tank_wh = open->tank_wh * (1 - site->cooling.tank_loss_per_h * hours) +
                        hours * (slot->tank_charge_w - slot->tank_discharge_w);
}

static void stays_within(const struct scene *scene, int32_t t, const struct open *open)
{
    const struct problem_site *site = &scene->problem->sites[scene->site];
    const struct problem_battery *battery = &site->battery;
    const struct plan_slot *slot = &scene->slots[t];
    double floor_wh = fmin(battery->soc_wh, battery->soc_min_wh);
    near(scene, t, "soc_end_wh", slot->soc_end_wh, open->soc_wh, 1e-3);
    near(scene, t, "tank_end_wh", slot->tank_end_wh, open->tank_wh, 1e-3);
    if (battery->capacity_wh > 0 &&
        (slot->soc_end_wh < floor_wh - 1e-3 ||
         slot->soc_end_wh > fmax(battery->soc_max_wh, battery->soc_wh) + 1e-3))
        fail_msg("seed %d, slot %d: charge of %.9g Wh", scene->seed, (int)t, slot->soc_end_wh);
    if (slot->tank_end_wh < -1e-3 || slot->tank_end_wh > site->cooling.tank_capacity_wh + 1e-3)
        fail_msg("seed %d, slot %d: tank of %.9g Wh", scene->seed, (int)t, slot->tank_end_wh);
    near(scene, t, "charge beside discharge", fmin(slot->charge_w, slot->discharge_w), 0, 0);
    near(scene, t, "import beside export", fmin(slot->import_w, slot->export_w), 0, 0);
}

static void balances(const struct scene *scene)
{
    const struct problem_site *site = &scene->problem->sites[scene->site];
    bool tank = site->cooling.chiller_max_w > 0 && site->cooling.tank_capacity_wh > 0;
    struct open open = {.soc_wh = site->battery.capacity_wh > 0 ? site->battery.soc_wh : 0,
                        .tank_wh = tank ? site->cooling.tank_wh : 0};
    for (int32_t t = 0; t < scene->load->slot_count; t++) {
        add_open(scene, t, &open);
        stays_within(scene, t, &open);
    }
    near(scene, -1, "energy that is open", open.power_wh, 0, 1e-2);
    near(scene, -1, "heat that is open", open.heat_wh, 0, 1e-2);
}

static void balances_close_and_stores_keep_their_bands(void **state)
{
    (void)state;
    for (int seed = 1; seed <= 400; seed++) {
        struct scene scene;
        struct error error;
        double cost;
        scene_init(&scene, seed);
        struct dispatch *dispatch = dispatch_create(scene.load, scene.site);
        assert_int_equal(dispatch_solve(dispatch, scene.jobs_kw, scene.slots, &error), 0);
        balances(&scene);
        assert_int_equal(dispatch_hedge(dispatch, scene.jobs_kw, scene.slots, &cost, &error), 0);
        balances(&scene);
        assert_true(cost >= 0);
        dispatch_destroy(dispatch);
        dispatch_rule(scene.load, scene.site, STORAGE_SURPLUS, scene.jobs_kw, scene.slots);
        balances(&scene);
        dispatch_rule(scene.load, scene.site, STORAGE_IDLE, scene.jobs_kw, scene.slots);
        balances(&scene);
        scene_finish(&scene);
    }
}

static double slots_cost(const struct scene *scene)
{
    const struct problem *problem = scene->problem;
    const struct problem_site *site = &problem->sites[scene->site];
    const struct plan_slot *last = &scene->slots[problem->slot_count - 1];
    double cost = 0, peak_w = site->peak_so_far_w;
    for (int32_t t = 0; t < problem->slot_count; t++) {
        const struct problem_slot *given = &site->slots[t];
        const struct plan_slot *slot = &scene->slots[t];
        double import_price = given->price_import_per_mwh +
                              given->carbon_g_per_kwh / 1000 * problem->prices.carbon_per_t;
        double breach_w = slot->breach_w + slot->ramp_breach_w + slot->cooling_short_w;
        cost += scene->load->hours[t] / 1e6 *
                (slot->import_w * import_price - slot->export_w * given->price_export_per_mwh +
                 slot->discharge_w * site->battery.wear_per_mwh +
                 breach_w * problem->prices.breach_per_mwh);
        peak_w = fmax(peak_w, slot->import_w);
    }
    return cost + (peak_w - site->peak_so_far_w) / 1000 * problem->prices.peak_per_kw -
           last->soc_end_wh / 1e6 * site->battery.end_value_per_mwh -
           last->tank_end_wh / 1e6 * site->cooling.tank_end_value_per_mwh;
}

/* What the slots cost is what the program says that they do. */
static void slots_cost_what_the_program_says(void **state)
{
    (void)state;
    for (int seed = 1; seed <= 200; seed++) {
        struct scene scene;
        struct error error;
        scene_init(&scene, seed);
        struct dispatch *dispatch = dispatch_create(scene.load, scene.site);
        assert_int_equal(dispatch_solve(dispatch, scene.jobs_kw, scene.slots, &error), 0);
        double objective = dispatch->site.lp->objective;
        near(&scene, -1, "cost", slots_cost(&scene), objective, 1e-4 * (1 + fabs(objective)));
        dispatch_destroy(dispatch);
        scene_finish(&scene);
    }
}

/* The rules: nothing moves, or the battery lives on green surplus alone. */
static void rules_keep_to_their_word(void **state)
{
    (void)state;
    for (int seed = 1; seed <= 200; seed++) {
        struct scene scene;
        scene_init(&scene, seed);
        const struct problem_site *site = &scene.problem->sites[scene.site];
        dispatch_rule(scene.load, scene.site, STORAGE_SURPLUS, scene.jobs_kw, scene.slots);
        bool above = site->battery.soc_wh >= site->battery.soc_min_wh;
        for (int32_t t = 0; above && t < scene.load->slot_count; t++) {
            const struct plan_slot *slot = &scene.slots[t];
            double surplus_w = site->slots[t].pv_w + site->slots[t].wind_w - slot->facility_w;
            assert_true(slot->charge_w <= fmax(0, surplus_w) + 1e-6);
            assert_true(slot->discharge_w <= fmax(0, -surplus_w) + 1e-6);
            assert_true(slot->tank_charge_w == 0 && slot->tank_discharge_w == 0);
        }
        dispatch_rule(scene.load, scene.site, STORAGE_IDLE, scene.jobs_kw, scene.slots);
        for (int32_t t = 0; above && t < scene.load->slot_count; t++)
            assert_true(scene.slots[t].charge_w == 0 && scene.slots[t].discharge_w == 0);
        scene_finish(&scene);
    }
}

/* Two hours, an empty battery. On average the sun covers the second hour; in one of two futures it
 * does not shine, and then every kWh is worth 200. */
static void hedge_buys_what_the_average_does_not_need(void **state)
{
    (void)state;
    struct problem *problem = case_plain(2);
    problem->sites[0].slots[0].fixed_w = problem->sites[0].slots[1].fixed_w = 10e3;
    problem->sites[0].slots[0].price_import_per_mwh = 50;
    problem->sites[0].slots[1].price_import_per_mwh = 200;
    problem->sites[0].slots[1].pv_w = 10e3;
    case_battery(problem);
    for (int i = 0; i < 2; i++) {
        struct problem_scenario *scenario = problem_add_scenario(problem);
        scenario->weight = 0.5;
        scenario->outlook[0][0].price_import_per_mwh = 50;
        scenario->outlook[0][1].price_import_per_mwh = 200;
        scenario->outlook[0][1].pv_w = i * 20e3;
    }
    struct workload *load = workload_create(problem);
    struct dispatch *dispatch = dispatch_create(load, 0);
    struct plan_slot slots[2] = {0};
    double none[2] = {0}, cost;
    struct error error;
    assert_int_equal(dispatch_solve(dispatch, none, slots, &error), 0);
    assert_true(slots[0].charge_w < 1);
    assert_int_equal(dispatch_hedge(dispatch, none, slots, &cost, &error), 0);
    double kwh = 10 / 0.95 / 0.95; /* to have 10 of them in the second hour */
    assert_true(fabs(slots[0].charge_w - 1000 * kwh) < 1);
    assert_true(fabs(cost - kwh * 0.050) < 1e-3);
    assert_int_equal(dispatch_solve(dispatch, none, slots, &error), 0);
    assert_true(slots[0].charge_w < 1);
    problem->scenario_count = 0;
    assert_int_equal(dispatch_hedge(dispatch, none, slots, &cost, &error), 0);
    assert_true(slots[0].charge_w < 1 && cost == 0);
    problem->scenario_count = 2;
    dispatch_destroy(dispatch);
    workload_destroy(load);
    problem_destroy(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balances_close_and_stores_keep_their_bands),
        cmocka_unit_test(slots_cost_what_the_program_says),
        cmocka_unit_test(rules_keep_to_their_word),
        cmocka_unit_test(hedge_buys_what_the_average_does_not_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
