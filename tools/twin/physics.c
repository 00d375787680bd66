/* See physics.h: generators, power distribution, and the step that closes the balance. */
#include "tools/twin/physics.h"

#include <assert.h>
#include <math.h>

#include "controller/base/utc.h"
#include "tools/twin/noise.h"

const double plant_ups_rated_w = 1e6;

static const double PV_RATED_W = 400e3, PV_INVERTER_W = 380e3, PV_INVERTER_EFFICIENCY = 0.965;
static const double PV_PER_K = 0.0038, PV_HEATING_K_PER_W_M2 = 0.028;

static const double WIND_RATED_W = 300e3;
static const double WIND_CUT_IN_M_S = 3, WIND_RATED_M_S = 12, WIND_CUT_OUT_M_S = 25;

/* losses relative to the rating: constant, proportional, quadratic */
static const double UPS_LOSS[3] = {0.006, 0.006, 0.014};
static const double PDU_LOSS_W = 80, PDU_LOSS_RATIO = 0.008;
static const double TRANSFORMER_IDLE_W = 1500, TRANSFORMER_RATED_LOSS_W = 7000;
static const double TRANSFORMER_RATED_W = 1e6;

static const double AUXILIARY_W = 6000, AUXILIARY_STAFFED_W = 3000; /* lights and offices */
static const int64_t STAFFED_FROM_MS = 7 * HOUR_MS, STAFFED_TO_MS = 18 * (int64_t)HOUR_MS;

static const double SUPPLY_SET_C = 20;
static const double NOMINAL_V = 400, DROP_V_PER_W = 8e-6;

void plant_init(struct plant *plant, uint64_t seed, int64_t start_ms, double soc_share)
{
    double sum = 0;

    *plant = (struct plant){.time_ms = start_ms, .seed = seed, .voltage_v = NOMINAL_V};
    battery_init(&plant->battery, soc_share);
    cooling_init(&plant->cooling, SUPPLY_SET_C);
    for (int rack = 0; rack < PLANT_RACKS; rack++) {
        plant->rack_share[rack] = 0.9 + 0.2 * noise_uniform(seed, (uint64_t)rack);
        sum += plant->rack_share[rack];
    }
    for (int rack = 0; rack < PLANT_RACKS; rack++)
        plant->rack_share[rack] /= sum;
}

double pv_power_w(double irradiance_w_m2, double outdoor_c)
{
    double cell_c = outdoor_c + PV_HEATING_K_PER_W_M2 * irradiance_w_m2;
    double dc_w = PV_RATED_W * irradiance_w_m2 / 1000 * (1 - PV_PER_K * (cell_c - 25));

    return fmin(PV_INVERTER_W, fmax(0, dc_w) * PV_INVERTER_EFFICIENCY);
}

double wind_power_w(double wind_m_s)
{
    double cut_in_cubed = pow(WIND_CUT_IN_M_S, 3);

    if (wind_m_s < WIND_CUT_IN_M_S || wind_m_s >= WIND_CUT_OUT_M_S)
        return 0;
    if (wind_m_s >= WIND_RATED_M_S)
        return WIND_RATED_W;
    return WIND_RATED_W * (pow(wind_m_s, 3) - cut_in_cubed) /
           (pow(WIND_RATED_M_S, 3) - cut_in_cubed);
}

double ups_input_w(double output_w)
{
    double load = output_w / plant_ups_rated_w;

    return output_w +
           plant_ups_rated_w * (UPS_LOSS[0] + UPS_LOSS[1] * load + UPS_LOSS[2] * load * load);
}

static double transformer_loss_w(double load_w)
{
    double load = load_w / TRANSFORMER_RATED_W;

    return TRANSFORMER_IDLE_W + TRANSFORMER_RATED_LOSS_W * load * load;
}

static double auxiliary_w(int64_t time_ms)
{
    int64_t of_day_ms = time_ms - utc_floor(time_ms, DAY_MS);
    bool staffed = of_day_ms >= STAFFED_FROM_MS && of_day_ms < STAFFED_TO_MS;

    return AUXILIARY_W + (staffed ? AUXILIARY_STAFFED_W : 0);
}

/* Sets the flows of the racks, returns the UPS's input. */
static double step_it(struct plant *plant, const struct plant_input *input)
{
    double *power_w = plant->power_w;

    power_w[FLOW_IT] = 0;
    for (int rack = 0; rack < PLANT_RACKS; rack++) {
        double rack_w = input->base_it_w * plant->rack_share[rack] + input->rack_job_w[rack];

        power_w[FLOW_RACK + rack] = rack_w;
        power_w[FLOW_IT] += rack_w;
    }
    power_w[FLOW_UPS_OUTPUT] = power_w[FLOW_IT] * (1 + PDU_LOSS_RATIO) + PLANT_RACKS * PDU_LOSS_W;
    return ups_input_w(power_w[FLOW_UPS_OUTPUT]);
}

static void note_heat(struct plant *plant)
{
    const struct cooling *cooling = &plant->cooling;
    double *power_w = plant->power_w;

    power_w[FLOW_HEAT] = cooling->heat_w;
    power_w[FLOW_CHILLER_HEAT] = cooling->chiller_heat_w;
    power_w[FLOW_TANK_CHARGE] = fmax(0, -cooling->tank.heat_w);
    power_w[FLOW_TANK_DISCHARGE] = fmax(0, cooling->tank.heat_w);
    power_w[FLOW_TANK_LOSS] = cooling->tank.loss_w;
}

static void step_facility(struct plant *plant, const struct plant_input *input, double dt_s)
{
    double *power_w = plant->power_w;
    double ups_w = step_it(plant, input);
    double loss_w = ups_w - power_w[FLOW_IT];
    double loads_w;

    cooling_step(&plant->cooling, power_w[FLOW_IT], loss_w, input->outdoor_c, dt_s);
    note_heat(plant);
    power_w[FLOW_CHILLER] = plant->cooling.chiller_w;
    power_w[FLOW_CDU] = plant->cooling.cdu_w;
    power_w[FLOW_FANS] = plant->cooling.fans_w;
    power_w[FLOW_TANK_PUMP] = plant->cooling.tank.pump_w;
    power_w[FLOW_COOLING] =
        power_w[FLOW_CHILLER] + power_w[FLOW_CDU] + power_w[FLOW_FANS] + power_w[FLOW_TANK_PUMP];
    power_w[FLOW_AUXILIARY] = auxiliary_w(plant->time_ms);
    loads_w = ups_w + power_w[FLOW_COOLING] + power_w[FLOW_AUXILIARY];
    power_w[FLOW_DISTRIBUTION] = loss_w + transformer_loss_w(loads_w);
    power_w[FLOW_FACILITY] = power_w[FLOW_IT] + power_w[FLOW_DISTRIBUTION] + power_w[FLOW_COOLING] +
                             power_w[FLOW_AUXILIARY];
}

static void step_sources(struct plant *plant, const struct plant_input *input, double dt_s)
{
    double *power_w = plant->power_w;

    power_w[FLOW_PV] = pv_power_w(input->irradiance_w_m2, input->outdoor_c);
    power_w[FLOW_WIND] = wind_power_w(input->wind_m_s);
    battery_step(&plant->battery, dt_s);
    power_w[FLOW_CHARGE] = fmax(0, -plant->battery.power_w);
    power_w[FLOW_DISCHARGE] = fmax(0, plant->battery.power_w);
}

void plant_step(struct plant *plant, const struct plant_input *input, int64_t until_ms)
{
    double dt_s = (double)(until_ms - plant->time_ms) / SECOND_MS;
    double *power_w = plant->power_w;
    double net_w;

    assert(dt_s > 0);
    step_facility(plant, input, dt_s);
    step_sources(plant, input, dt_s);
    net_w = power_w[FLOW_FACILITY] - power_w[FLOW_PV] - power_w[FLOW_WIND] - plant->battery.power_w;
    power_w[FLOW_IMPORT] = fmax(0, net_w);
    power_w[FLOW_EXPORT] = fmax(0, -net_w);
    plant->voltage_v = NOMINAL_V - DROP_V_PER_W * net_w;
    plant->peak_import_w = fmax(plant->peak_import_w, power_w[FLOW_IMPORT]);
    for (int flow = 0; flow < FLOWS; flow++)
        plant->energy_wh[flow] += power_w[flow] * dt_s / 3600;
    plant->time_ms = until_ms;
}

double plant_take_peak(struct plant *plant)
{
    double peak_w = plant->peak_import_w;

    plant->peak_import_w = 0;
    return peak_w;
}
