/* The battery behind its BMS: SoC, conversion losses, limits that taper near the ends, and a
 * power set-point that falls back to 0 when nobody renews it. Pure. */
#ifndef TIDEWATT_TWIN_BATTERY_H
#define TIDEWATT_TWIN_BATTERY_H

#include "tools/twin/set_point.h"

enum battery_state { BATTERY_STANDBY, BATTERY_CHARGING, BATTERY_DISCHARGING };

struct battery {
    double soc_wh;        /* usable energy held */
    struct set_point set; /* requested power at the AC terminals, discharge positive */
    double offer_share;   /* of the rating, that the BMS allows: below 1 it is derated */
    double power_w;       /* what flowed in the last step, discharge positive */
};

extern const double battery_capacity_wh, battery_rated_w;
extern const double battery_charge_efficiency, battery_discharge_efficiency;

void battery_init(struct battery *battery, double soc_share);

/* What the BMS allows now, >= 0. */
double battery_charge_max_w(const struct battery *battery);
double battery_discharge_max_w(const struct battery *battery);
double battery_soc_pct(const struct battery *battery);
enum battery_state battery_state(const struct battery *battery);

/* Runs for `dt_s`; power_w is then the constant AC power of this step. */
void battery_step(struct battery *battery, double dt_s);

#endif
