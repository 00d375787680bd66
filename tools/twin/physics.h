/* The plant of a 1 MW training hall: state + inputs + elapsed time -> state. Pure and
 * deterministic: no sockets, files, clock reads or hidden randomness.
 *
 *   import - export = facility - PV - wind - discharge + charge          (in every step)
 *   facility = IT + distribution + cooling + auxiliary
 * IT is metered at the outputs of the rack PDUs; distribution holds the losses of PDUs, UPS and
 * transformer. The battery stands at its AC terminals outside the facility.
 *   heat + tank charge = chiller heat + tank discharge
 *   cold stored grows by tank charge - tank discharge - tank loss */
#ifndef TIDEWATT_TWIN_PHYSICS_H
#define TIDEWATT_TWIN_PHYSICS_H

#include <stdint.h>

#include "tools/twin/battery.h"
#include "tools/twin/cooling.h"

enum { PLANT_RACKS = 8, PLANT_FEEDERS = 2, PLANT_RACKS_PER_FEEDER = 4 }; /* a1..a4, b1..b4 */

/* Where power flows; every flow has a power and a cumulative energy, never negative. */
enum flow {
    FLOW_IMPORT,
    FLOW_EXPORT,
    FLOW_PV,
    FLOW_WIND,
    FLOW_CHARGE,
    FLOW_DISCHARGE,
    FLOW_FACILITY,
    FLOW_IT,
    FLOW_UPS_OUTPUT,
    FLOW_COOLING,
    FLOW_AUXILIARY,
    FLOW_DISTRIBUTION,
    FLOW_CHILLER,
    FLOW_CDU,
    FLOW_FANS,
    FLOW_TANK_PUMP,
    FLOW_HEAT,         /* from here on of heat: to be removed from the hall */
    FLOW_CHILLER_HEAT, /* removed by the chiller */
    FLOW_TANK_CHARGE,
    FLOW_TANK_DISCHARGE,
    FLOW_TANK_LOSS,
    FLOW_RACK, /* of rack 0; the others follow */
    FLOWS = FLOW_RACK + PLANT_RACKS,
    FLOW_NONE = FLOWS
};

struct plant_input {
    double outdoor_c, irradiance_w_m2, wind_m_s;
    double base_it_w;               /* IT load that is no job, over all racks */
    double rack_job_w[PLANT_RACKS]; /* of the jobs that run */
};

struct plant {
    int64_t time_ms; /* site time up to which it has run */
    uint64_t seed;
    struct battery battery;
    struct cooling cooling;
    double rack_share[PLANT_RACKS]; /* of the base load */
    double power_w[FLOWS];          /* in the last step */
    double energy_wh[FLOWS];        /* true, since the start */
    double peak_import_w;           /* since plant_take_peak */
    double voltage_v;
};

extern const double plant_ups_rated_w;

void plant_init(struct plant *plant, uint64_t seed, int64_t start_ms, double soc_share);

/* Runs with constant inputs until `until_ms`; energies grow by exactly that time. */
void plant_step(struct plant *plant, const struct plant_input *input, int64_t until_ms);

double plant_take_peak(struct plant *plant); /* largest import since the last call, W */

double pv_power_w(double irradiance_w_m2, double outdoor_c); /* 400 kWp */
double wind_power_w(double wind_m_s);                        /* 300 kW */
double ups_input_w(double output_w);

#endif
