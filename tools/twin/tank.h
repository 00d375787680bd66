/* The chilled-water tank beside the chiller: it takes cold when there is some to spare and gives it
 * back instead of the chiller. Energies and powers are of heat; cold stored is heat that the tank
 * can still take. It warms up slowly by itself. Pure. */
#ifndef TIDEWATT_TWIN_TANK_H
#define TIDEWATT_TWIN_TANK_H

#include "tools/twin/set_point.h"

enum tank_state { TANK_STANDBY, TANK_CHARGING, TANK_DISCHARGING };

struct tank {
    double cold_wh;       /* stored */
    struct set_point set; /* requested heat removal, discharge positive */
    /* results of the last step */
    double heat_w; /* taken from the hall, discharge positive */
    double loss_w; /* cold lost to the surroundings */
    double pump_w; /* electrical */
};

extern const double tank_capacity_wh, tank_rated_w;
extern const double tank_loss_per_h; /* share of what is stored */

void tank_init(struct tank *tank, double level_share);
double tank_level_pct(const struct tank *tank);
enum tank_state tank_state(const struct tank *tank);

/* Runs for `dt_s`. It gives no more than `load_w`, the heat that there is to remove, and takes no
 * more than `spare_w`, what the chiller can do beyond that. */
void tank_step(struct tank *tank, double load_w, double spare_w, double dt_s);

#endif
