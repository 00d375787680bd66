/* The cooling chain of the hall: chiller with free cooling, chilled-water tank, CDU pump,
 * air-handler fans, and the temperatures they keep. Heat balance of every step:
 *   heat + what the tank takes = chiller_heat + what the tank gives
 * Pure. */
#ifndef TIDEWATT_TWIN_COOLING_H
#define TIDEWATT_TWIN_COOLING_H

#include "tools/twin/tank.h"

struct cooling {
    double supply_set_c; /* requested facility water supply temperature */
    double leak_k;       /* warmer inlets by hot air that gets past the containment */
    /* temperatures, each a first-order lag behind its cause */
    double supply_c, inlet_c;
    struct tank tank;
    /* results of the last step */
    double heat_w, chiller_heat_w; /* to be removed from the hall, removed by the chiller */
    double chiller_w, cdu_w, fans_w;
    double free_share; /* of the heat, rejected without compressor, 0..1 */
    double return_c, cdu_supply_c;
    double flow_l_min, pump_share;
};

enum { COOLING_SET_LOW_C = 15, COOLING_SET_HIGH_C = 30 };

void cooling_init(struct cooling *cooling, double supply_set_c);

/* Heat per compressor energy: falls with the outdoor temperature, rises 4 %/K with the supply
 * temperature, is best at about 70 % load. */
double cooling_cop(double outdoor_c, double supply_c, double load_share);
double cooling_free_share(double outdoor_c, double supply_c);

/* `it_w` heats the racks; `loss_w` (UPS, PDUs) is taken by the air alone. */
void cooling_step(struct cooling *cooling, double it_w, double loss_w, double outdoor_c,
                  double dt_s);

#endif
