/* Properties of the twin's plant: the energy balance closes, the battery keeps its band and its
 * reversion timer, cooling costs what nature asks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "tools/twin/exogenous.h"
#include "tools/twin/physics.h"

static const int64_t START_MS = INT64_C(1780272000000); /* 2026-06-01 */

static double between(uint64_t seed, uint64_t index, double low, double high)
{
    return low + (high - low) * noise_uniform(seed, index);
}

static void random_input(uint64_t index, struct plant_input *ret_input)
{
    ret_input->outdoor_c = between(1, index, -10, 38);
    ret_input->irradiance_w_m2 = between(2, index, 0, 1000);
    ret_input->wind_m_s = between(3, index, 0, 28);
    ret_input->base_it_w = between(4, index, 1e5, 3e5);
    for (int rack = 0; rack < PLANT_RACKS; rack++)
        ret_input->rack_job_w[rack] = between(5 + (uint64_t)rack, index, 0, 7e4);
}

static void assert_near(double value, double expected, double tolerance)
{
    if (fabs(value - expected) > tolerance)
        fail_msg("%.12g is not %.12g within %g", value, expected, tolerance);
}

static void check_balance(const double *v, double tolerance)
{
    double racks = 0;

    assert_near(v[FLOW_IMPORT] - v[FLOW_EXPORT],
                v[FLOW_FACILITY] - v[FLOW_PV] - v[FLOW_WIND] - v[FLOW_DISCHARGE] + v[FLOW_CHARGE],
                tolerance);
    assert_near(v[FLOW_FACILITY],
                v[FLOW_IT] + v[FLOW_DISTRIBUTION] + v[FLOW_COOLING] + v[FLOW_AUXILIARY], tolerance);
    assert_near(v[FLOW_COOLING], v[FLOW_CHILLER] + v[FLOW_CDU] + v[FLOW_FANS] + v[FLOW_TANK_PUMP],
                tolerance);
    assert_near(v[FLOW_HEAT] + v[FLOW_TANK_CHARGE], v[FLOW_CHILLER_HEAT] + v[FLOW_TANK_DISCHARGE],
                tolerance);
    for (int rack = 0; rack < PLANT_RACKS; rack++)
        racks += v[FLOW_RACK + rack];
    assert_near(v[FLOW_IT], racks, tolerance);
}

static void energy_closes_over_random_days(void **state)
{
    struct plant plant;
    double soc_start_wh, cold_start_wh, held_wh;

    (void)state;
    plant_init(&plant, 7, START_MS, 0.5);
    soc_start_wh = plant.battery.soc_wh;
    cold_start_wh = plant.cooling.tank.cold_wh;
    for (uint64_t i = 0; i < 20000; i++) {
        struct plant_input input;

        random_input(i, &input);
        if (i % 7 == 0)
            set_point_write(&plant.battery.set, between(20, i, -1.2e6, 1.2e6));
        if (i % 11 == 0)
            set_point_write(&plant.cooling.tank.set, between(22, i, -6e5, 6e5));
        plant_step(&plant, &input, plant.time_ms + 1 + (int64_t)between(21, i, 0, 60000));
        check_balance(plant.power_w, 1e-6);
        assert_true(plant.power_w[FLOW_IMPORT] == 0 || plant.power_w[FLOW_EXPORT] == 0);
        assert_true(plant.power_w[FLOW_DISTRIBUTION] > 0);
    }
    check_balance(plant.energy_wh, 1e-9 * plant.energy_wh[FLOW_FACILITY]);
    held_wh = plant.energy_wh[FLOW_CHARGE] * battery_charge_efficiency -
              plant.energy_wh[FLOW_DISCHARGE] / battery_discharge_efficiency;
    assert_near(plant.battery.soc_wh - soc_start_wh, held_wh, 1e-9 * plant.energy_wh[FLOW_CHARGE]);
    held_wh = plant.energy_wh[FLOW_TANK_CHARGE] - plant.energy_wh[FLOW_TANK_DISCHARGE] -
              plant.energy_wh[FLOW_TANK_LOSS];
    assert_near(plant.cooling.tank.cold_wh - cold_start_wh, held_wh, 1e-3);
    assert_true(plant.energy_wh[FLOW_TANK_CHARGE] > 1e6 &&
                plant.energy_wh[FLOW_TANK_DISCHARGE] > 1e6);
}

static void energy_is_power_times_time(void **state)
{
    struct plant_input input = {.outdoor_c = 20, .base_it_w = 250e3};
    struct plant once, often;

    (void)state;
    plant_init(&once, 7, START_MS, 0.5);
    plant_init(&often, 7, START_MS, 0.5);
    plant_step(&once, &input, START_MS + HOUR_MS);
    for (int64_t ms = 37; ms < HOUR_MS; ms += 1037)
        plant_step(&often, &input, START_MS + ms);
    plant_step(&often, &input, START_MS + HOUR_MS);
    assert_near(once.energy_wh[FLOW_IT], 250e3, 1e-3);
    assert_near(often.energy_wh[FLOW_IT], 250e3, 1e-3);
}

static void battery_stays_in_its_band(void **state)
{
    struct battery battery;

    (void)state;
    battery_init(&battery, 0.5);
    for (uint64_t i = 0; i < 50000; i++) {
        double set_w = between(30, i / 100, -2e6, 2e6);
        double charge_most_w = battery_charge_max_w(&battery);
        double discharge_most_w = battery_discharge_max_w(&battery);

        set_point_write(&battery.set, set_w);
        battery_step(&battery, between(31, i, 0.1, 600));
        assert_in_range((int64_t)battery.soc_wh, 0, (int64_t)battery_capacity_wh);
        assert_true(battery.power_w <= discharge_most_w && -battery.power_w <= charge_most_w);
        assert_true(battery.power_w * set_w >= 0);
    }
}

static void tank_gives_what_there_is_and_takes_what_is_spare(void **state)
{
    struct tank tank;

    (void)state;
    tank_init(&tank, 0.5);
    for (uint64_t i = 0; i < 50000; i++) {
        double load_w = between(33, i, 0, 9e5), spare_w = between(34, i, 0, 4e5);
        double set_w = between(32, i / 100, -6e5, 6e5);

        set_point_write(&tank.set, set_w);
        tank_step(&tank, load_w, spare_w, between(35, i, 0.1, 900));
        assert_true(tank.cold_wh >= 0 && tank.cold_wh <= tank_capacity_wh);
        assert_true(tank.heat_w <= load_w && -tank.heat_w <= spare_w);
        assert_true(fabs(tank.heat_w) <= fmin(tank_rated_w, fabs(set_w)));
        assert_true(tank.heat_w * set_w >= 0);
    }
}

static void an_idle_tank_only_warms_up(void **state)
{
    struct tank once, often;

    (void)state;
    tank_init(&once, 0.8);
    tank_init(&often, 0.8);
    tank_step(&once, 5e5, 5e5, 24 * 3600);
    for (int i = 0; i < 24 * 60; i++)
        tank_step(&often, 5e5, 5e5, 60);
    assert_true(once.heat_w == 0 && once.pump_w == 0);
    assert_near(once.cold_wh, 0.8 * tank_capacity_wh * exp(-24 * tank_loss_per_h), 1e-6);
    assert_near(once.cold_wh, often.cold_wh, 1e-6);
}

/* What the tank gives the chiller need not, and the hall is as cold as before. */
static void the_tank_takes_the_chillers_place(void **state)
{
    struct plant_input input = {.outdoor_c = 33, .base_it_w = 400e3};
    struct plant idle, helped;

    (void)state;
    plant_init(&idle, 7, START_MS, 0.5);
    plant_init(&helped, 7, START_MS, 0.5);
    set_point_write(&helped.cooling.tank.set, 300e3);
    plant_step(&idle, &input, START_MS + MINUTE_MS);
    plant_step(&helped, &input, START_MS + MINUTE_MS);
    assert_true(helped.power_w[FLOW_TANK_DISCHARGE] == 300e3);
    assert_near(helped.power_w[FLOW_CHILLER_HEAT], idle.power_w[FLOW_CHILLER_HEAT] - 300e3, 1e-6);
    assert_true(helped.power_w[FLOW_COOLING] < idle.power_w[FLOW_COOLING] - 30e3);
    assert_true(helped.cooling.inlet_c == idle.cooling.inlet_c);
    plant_step(&helped, &input, START_MS + QUARTER_MS);
    assert_true(helped.power_w[FLOW_TANK_DISCHARGE] == 300e3);
    plant_step(&helped, &input, START_MS + QUARTER_MS + MINUTE_MS); /* nobody renewed it */
    assert_true(helped.power_w[FLOW_TANK_DISCHARGE] == 0);
}

static void a_derated_battery_does_less(void **state)
{
    struct battery battery;

    (void)state;
    battery_init(&battery, 0.5);
    battery.offer_share = 0.3;
    for (int sign = -1; sign <= 1; sign += 2) {
        set_point_write(&battery.set, sign * 1e6);
        battery_step(&battery, 1);
        assert_near(battery.power_w, sign * 0.3 * battery_rated_w, 1e-6);
    }
}

static void limits_taper_near_the_ends(void **state)
{
    struct battery battery;

    (void)state;
    battery_init(&battery, 1);
    assert_true(battery_charge_max_w(&battery) == 0);
    assert_true(battery_discharge_max_w(&battery) == battery_rated_w);
    battery_init(&battery, 0.05);
    assert_near(battery_discharge_max_w(&battery), battery_rated_w / 2, 1e-6);
    assert_true(battery_charge_max_w(&battery) == battery_rated_w);
}

static void set_point_reverts_unless_renewed(void **state)
{
    struct battery battery;

    (void)state;
    battery_init(&battery, 0.5);
    battery.set.revert_s = 30;
    set_point_write(&battery.set, 1e5);
    for (int s = 0; s < 30; s++) {
        battery_step(&battery, 1);
        assert_true(battery.power_w == 1e5);
    }
    battery_step(&battery, 1);
    assert_true(battery.power_w == 0 && battery.set.value == 0);

    set_point_write(&battery.set, 1e5);
    for (int s = 0; s < 100; s++) {
        set_point_write(&battery.set, 1e5);
        battery_step(&battery, 20);
        assert_true(battery.power_w == 1e5);
    }
    battery.set.revert_s = 0;
    for (int s = 0; s < 100; s++)
        battery_step(&battery, 20);
    assert_true(battery.set.value == 1e5);
}

static void cop_falls_with_outdoor_and_rises_with_supply_temperature(void **state)
{
    (void)state;
    for (double supply_c = 15; supply_c < 29; supply_c++) {
        for (double outdoor_c = -20; outdoor_c < 44; outdoor_c++) {
            double cop = cooling_cop(outdoor_c, supply_c, 0.5);
            double gain = cooling_cop(outdoor_c, supply_c + 1, 0.5) / cop - 1;

            assert_true(cooling_cop(outdoor_c + 1, supply_c, 0.5) < cop);
            assert_true(gain > 0.03 && gain < 0.05);
            assert_true(cooling_free_share(outdoor_c + 1, supply_c) <=
                        cooling_free_share(outdoor_c, supply_c));
        }
    }
}

static double settled_chiller_w(double supply_set_c, double outdoor_c, double *ret_inlet_c)
{
    struct cooling cooling;

    cooling_init(&cooling, supply_set_c);
    for (int i = 0; i < 1000; i++)
        cooling_step(&cooling, 500e3, 20e3, outdoor_c, 10);
    *ret_inlet_c = cooling.inlet_c;
    return cooling.chiller_w;
}

static void a_colder_set_point_costs_more_and_cools_better(void **state)
{
    (void)state;
    for (double outdoor_c = 14; outdoor_c <= 40; outdoor_c += 2) {
        double cold_c, warm_c;
        double cold_w = settled_chiller_w(18, outdoor_c, &cold_c);
        double warm_w = settled_chiller_w(24, outdoor_c, &warm_c);

        assert_true(cold_w > warm_w);
        assert_near(warm_c - cold_c, 6, 0.01);
    }
}

static void inlet_follows_slowly(void **state)
{
    struct cooling cooling;
    double before_c;

    (void)state;
    cooling_init(&cooling, 20);
    for (int i = 0; i < 1000; i++)
        cooling_step(&cooling, 300e3, 10e3, 20, 10);
    before_c = cooling.inlet_c;
    cooling.supply_set_c = 24;
    cooling_step(&cooling, 300e3, 10e3, 20, 10);
    assert_true(cooling.inlet_c > before_c && cooling.inlet_c < before_c + 0.02);
    for (int i = 0; i < 1000; i++)
        cooling_step(&cooling, 300e3, 10e3, 20, 10);
    assert_near(cooling.inlet_c, before_c + 4, 0.01);
}

static void annual_pue_is_that_of_a_good_hall(void **state)
{
    struct exogenous_config config = {.seed = 1, .latitude_deg = 37.4, .longitude_deg = -6};
    struct exogenous exogenous;
    struct plant plant;
    double pue;

    (void)state;
    assert_int_equal(exogenous_init(&exogenous, &config, NULL), 0);
    plant_init(&plant, 1, START_MS, 0.5);
    while (plant.time_ms < START_MS + 365 * (int64_t)DAY_MS) {
        struct plant_input input = {0};
        struct outside now;

        exogenous_at(&exogenous, plant.time_ms, &now);
        input.outdoor_c = now.temp_outdoor_c;
        input.irradiance_w_m2 = now.irradiance_w_m2;
        input.wind_m_s = now.wind_m_s;
        input.base_it_w = now.base_it_w;
        for (int rack = 0; rack < PLANT_RACKS; rack++)
            input.rack_job_w[rack] = 20e3;
        plant_step(&plant, &input, plant.time_ms + QUARTER_MS);
    }
    pue = plant.energy_wh[FLOW_FACILITY] / plant.energy_wh[FLOW_IT];
    print_message("annual PUE %.3f, capacity factors PV %.3f wind %.3f\n", pue,
                  plant.energy_wh[FLOW_PV] / (400e3 * 8760),
                  plant.energy_wh[FLOW_WIND] / (300e3 * 8760));
    assert_true(pue > 1.1 && pue < 1.35);
    exogenous_finish(&exogenous);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energy_closes_over_random_days),
        cmocka_unit_test(energy_is_power_times_time),
        cmocka_unit_test(battery_stays_in_its_band),
        cmocka_unit_test(tank_gives_what_there_is_and_takes_what_is_spare),
        cmocka_unit_test(an_idle_tank_only_warms_up),
        cmocka_unit_test(the_tank_takes_the_chillers_place),
        cmocka_unit_test(a_derated_battery_does_less),
        cmocka_unit_test(limits_taper_near_the_ends),
        cmocka_unit_test(set_point_reverts_unless_renewed),
        cmocka_unit_test(cop_falls_with_outdoor_and_rises_with_supply_temperature),
        cmocka_unit_test(a_colder_set_point_costs_more_and_cools_better),
        cmocka_unit_test(inlet_follows_slowly),
        cmocka_unit_test(annual_pue_is_that_of_a_good_hall),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
