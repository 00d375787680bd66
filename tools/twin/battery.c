/* See battery.h. Losses are taken on the way in and on the way out, so soc_wh is energy that can
 * be given to the discharge converter. */
#include "tools/twin/battery.h"

#include <math.h>

const double battery_capacity_wh = 2e6, battery_rated_w = 1e6;
const double battery_charge_efficiency = 0.97, battery_discharge_efficiency = 0.96;

static const double TAPER_SHARE = 0.10; /* of the capacity at each end */
static const double REVERT_DEFAULT_S = 60;
static const double STANDBY_W = 1; /* below: neither charging nor discharging */

void battery_init(struct battery *battery, double soc_share)
{
    *battery = (struct battery){.soc_wh = soc_share * battery_capacity_wh, .offer_share = 1};
    set_point_init(&battery->set, REVERT_DEFAULT_S);
}

static double tapered_w(const struct battery *battery, double room_wh)
{
    double taper = fmin(1, fmax(0, room_wh) / (TAPER_SHARE * battery_capacity_wh));

    return battery_rated_w * fmin(battery->offer_share, taper);
}

double battery_charge_max_w(const struct battery *battery)
{
    return tapered_w(battery, battery_capacity_wh - battery->soc_wh);
}

double battery_discharge_max_w(const struct battery *battery)
{
    return tapered_w(battery, battery->soc_wh);
}

double battery_soc_pct(const struct battery *battery)
{
    return 100 * battery->soc_wh / battery_capacity_wh;
}

enum battery_state battery_state(const struct battery *battery)
{
    if (battery->power_w > STANDBY_W)
        return BATTERY_DISCHARGING;
    return battery->power_w < -STANDBY_W ? BATTERY_CHARGING : BATTERY_STANDBY;
}

static double discharge_w(const struct battery *battery, double wanted_w, double dt_h)
{
    double empty_w = battery->soc_wh * battery_discharge_efficiency / dt_h;

    return fmin(fmin(wanted_w, battery_discharge_max_w(battery)), empty_w);
}

static double charge_w(const struct battery *battery, double wanted_w, double dt_h)
{
    double room_wh = battery_capacity_wh - battery->soc_wh;
    double full_w = fmax(0, room_wh) / battery_charge_efficiency / dt_h;

    return fmin(fmin(wanted_w, battery_charge_max_w(battery)), full_w);
}

void battery_step(struct battery *battery, double dt_s)
{
    double dt_h = dt_s / 3600;
    double wanted_w = set_point_elapse(&battery->set, dt_s);

    if (wanted_w >= 0) {
        battery->power_w = discharge_w(battery, wanted_w, dt_h);
        battery->soc_wh -= battery->power_w / battery_discharge_efficiency * dt_h;
    } else {
        battery->power_w = -charge_w(battery, -wanted_w, dt_h);
        battery->soc_wh -= battery->power_w * battery_charge_efficiency * dt_h;
    }
    battery->soc_wh = fmin(battery_capacity_wh, fmax(0, battery->soc_wh));
}
