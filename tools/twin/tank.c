/* See tank.h. About 200 m3 of water with 8 K between warm and cold. */
#include "tools/twin/tank.h"

#include <math.h>

const double tank_capacity_wh = 1.8e6, tank_rated_w = 450e3;
const double tank_loss_per_h = 0.004;

static const double PUMP_RATIO = 0.012;       /* W of pump per W of heat that is moved */
static const double THERMOCLINE_SHARE = 0.08; /* of the capacity, mixed: less flow near the ends */
static const double REVERT_DEFAULT_S = 900;   /* valves and pumps are slow and wear out */
static const double STANDBY_W = 100;          /* below: neither charging nor discharging */

void tank_init(struct tank *tank, double level_share)
{
    *tank = (struct tank){.cold_wh = level_share * tank_capacity_wh};
    set_point_init(&tank->set, REVERT_DEFAULT_S);
}

double tank_level_pct(const struct tank *tank)
{
    return 100 * tank->cold_wh / tank_capacity_wh;
}

enum tank_state tank_state(const struct tank *tank)
{
    if (tank->heat_w > STANDBY_W)
        return TANK_DISCHARGING;
    return tank->heat_w < -STANDBY_W ? TANK_CHARGING : TANK_STANDBY;
}

/* `room_wh`: what can still flow in this direction. */
static double flow_w(double wanted_w, double room_wh, double most_w, double dt_h)
{
    double tapered_w =
        tank_rated_w * fmin(1, fmax(0, room_wh) / (THERMOCLINE_SHARE * tank_capacity_wh));

    return fmax(0, fmin(fmin(wanted_w, tapered_w), fmin(most_w, room_wh / dt_h)));
}

void tank_step(struct tank *tank, double load_w, double spare_w, double dt_s)
{
    double dt_h = dt_s / 3600;
    double wanted_w = set_point_elapse(&tank->set, dt_s);
    double lost_wh = tank->cold_wh * -expm1(-tank_loss_per_h * dt_h);
    double kept_wh = tank->cold_wh - lost_wh;

    tank->loss_w = lost_wh / dt_h;
    if (wanted_w >= 0)
        tank->heat_w = flow_w(wanted_w, kept_wh, load_w, dt_h);
    else
        tank->heat_w = -flow_w(-wanted_w, tank_capacity_wh - kept_wh, spare_w, dt_h);
    tank->cold_wh = fmin(tank_capacity_wh, fmax(0, kept_wh - tank->heat_w * dt_h));
    tank->pump_w = PUMP_RATIO * fabs(tank->heat_w);
}
