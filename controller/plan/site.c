/* What a site is in a slot: prices, powers, limits and stores, as its linear programs and rules
 * need them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "controller/plan/dispatch.h"
#include "controller/plan/site_lp.h"

double site_price_import(const struct workload *load, int32_t site, int32_t t)
{
    const struct problem_slot *slot = &load->problem->sites[site].slots[t];
    return slot->price_import_per_mwh / 1000 +
           slot->carbon_g_per_kwh * load->problem->prices.carbon_per_t / 1e6;
}

double site_import_price(const struct site_lp *site, int32_t t)
{
    const struct problem_outlook *outlook = site->outlook ? &site->outlook[t] : NULL;
    if (!outlook)
        return site_price_import(site->load, site->site, t);
    return outlook->price_import_per_mwh / 1000 +
           outlook->carbon_g_per_kwh * site->load->problem->prices.carbon_per_t / 1e6;
}

/* An outlook has no price of its own for it: at most that of import, or trade in a circle would
 * look profitable. */
double site_export_price(const struct site_lp *site, int32_t t)
{
    double price = site->given->slots[t].price_export_per_mwh / 1000;
    return site->outlook ? fmin(price, site_import_price(site, t)) : price;
}

double site_green_kw(const struct site_lp *site, int32_t t)
{
    if (site->outlook)
        return (site->outlook[t].pv_w + site->outlook[t].wind_w) / 1000;
    return (site->given->slots[t].pv_w + site->given->slots[t].wind_w) / 1000;
}

double site_base_kw(const struct site_lp *site, int32_t t)
{
    double sum_w = 0;
    for (int32_t g = 0; g < site->given->group_count; g++)
        sum_w += site->given->slots[t].base_it_w[g];
    return sum_w / 1000;
}

/* Of distribution and fixed load, without cooling. */
double site_direct_kw(const struct site_lp *site, int32_t t, double it_kw)
{
    const struct problem_slot *slot = &site->given->slots[t];
    return slot->fixed_w / 1000 + it_kw * (1 + slot->overhead_ratio);
}

static double cooling_most_kw(const struct site_lp *site, int32_t t)
{
    const struct problem_slot *slot = &site->given->slots[t];
    if (!site->has_cooling)
        return 0;
    double free_kw = slot->free_cooling_w > 0 ? slot->free_cooling_w / 1000 / slot->free_cop : 0;
    return site->given->cooling.chiller_max_w / 1000 / slot->cop + free_kw;
}

/* More can never flow in while feeders keep their limits: everything on at once. */
double site_import_most_kw(const struct site_lp *site, int32_t t)
{
    const struct problem_site *given = site->given;
    double it_kw =
        site_base_kw(site, t) + site->load->committed_kw[workload_at(site->load, site->site, t)];
    for (int32_t g = 0; g < given->group_count; g++) {
        double limit_w =
            fmin(given->groups[g].limit_w, given->feeders[given->groups[g].feeder].limit_w);
        it_kw += fmax(0, limit_w - given->slots[t].base_it_w[g]) / 1000;
    }
    double charge_kw = site->has_battery ? given->battery.charge_max_w / 1000 : 0;
    return fmin(site_direct_kw(site, t, it_kw) + cooling_most_kw(site, t) + charge_kw, LP_INFINITY);
}

double site_export_most_kw(const struct site_lp *site, int32_t t)
{
    double discharge_kw = site->has_battery ? site->given->battery.discharge_max_w / 1000 : 0;
    return fmin(site_green_kw(site, t) + discharge_kw, site->given->slots[t].export_limit_w / 1000);
}

double site_ramp_kw(const struct site_lp *site, int32_t t)
{
    double minutes = 60 * (t == 0 ? site->load->hours[0] / 2
                                  : site->load->middle_h[t] - site->load->middle_h[t - 1]);
    return site->given->ramp_w_per_min / 1000 * minutes;
}

double site_soc_most_kwh(const struct site_lp *site)
{
    return fmax(site->given->battery.soc_max_wh, site->given->battery.soc_wh) / 1000;
}

double site_tank_most_kwh(const struct site_lp *site)
{
    return fmax(site->given->cooling.tank_capacity_wh, site->given->cooling.tank_wh) / 1000;
}

double site_tank_kept(const struct site_lp *site, int32_t t)
{
    return 1 - site->given->cooling.tank_loss_per_h * site->load->hours[t];
}

/* Load at the point of common coupling with the tank at rest and free cooling before the chiller,
 * less all green power. */
static double net_at_rest_kw(const struct site_lp *site, int32_t t, double it_kw)
{
    const struct problem_slot *slot = &site->given->slots[t];
    double net_kw = site_direct_kw(site, t, it_kw) - (slot->pv_w + slot->wind_w) / 1000;
    if (!site->has_cooling)
        return net_kw;
    double heat_kw = it_kw * slot->heat_ratio;
    double free_kw = fmin(heat_kw, slot->free_cooling_w / 1000);
    double chiller_kw = fmin(heat_kw - free_kw, site->given->cooling.chiller_max_w / 1000);
    return net_kw + (free_kw > 0 ? free_kw / slot->free_cop : 0) + chiller_kw / slot->cop;
}

double site_floor_kwh(const struct site_lp *site, int32_t t, double before_kwh)
{
    const struct workload *load = site->load;
    const struct problem_battery *battery = &site->given->battery;
    double committed_kw = load->committed_kw[workload_at(load, site->site, t)];
    double used_kw = net_at_rest_kw(site, t, site_base_kw(site, t) + committed_kw);
    double room_kw = fmax(0, site->given->slots[t].import_limit_w / 1000 - used_kw);
    double charge_kw = fmin(battery->charge_max_w / 1000, room_kw);
    return fmin(battery->soc_min_wh / 1000,
                before_kwh + charge_kw * battery->charge_efficiency * load->hours[t]);
}

double site_floor_now_kwh(const struct site_lp *site)
{
    return fmin(site->given->battery.soc_wh, site->given->battery.soc_min_wh) / 1000;
}

void site_frame(struct site_lp *site, const struct workload *load, int32_t index)
{
    const struct problem_site *given = &load->problem->sites[index];
    *site = (struct site_lp){
        .load = load,
        .given = given,
        .weight = 1,
        .site = index,
        .has_battery = given->battery.capacity_wh > 0,
        .has_cooling = given->cooling.chiller_max_w > 0,
        .has_tank = given->cooling.chiller_max_w > 0 && given->cooling.tank_capacity_wh > 0,
        .has_ramp = given->ramp_w_per_min > 0,
        .has_peak = load->problem->prices.peak_per_kw > 0,
    };
}

bool site_init(struct site_lp *site, const struct workload *load, int32_t index, struct lp *lp)
{
    site_frame(site, load, index);
    site->lp = lp;
    site->slots = malloc((size_t)load->slot_count * sizeof(struct site_slot));
    site->floor_kwh = calloc((size_t)load->slot_count, sizeof(double));
    if (!site->slots || !site->floor_kwh)
        return false;
    double floor_kwh = site_floor_now_kwh(site);
    for (int32_t t = 0; t < load->slot_count; t++) {
        memset(&site->slots[t], 0xff, sizeof(site->slots[t])); /* all -1 */
        floor_kwh = site->floor_kwh[t] = site_floor_kwh(site, t, floor_kwh);
    }
    return true;
}

void site_finish(struct site_lp *site)
{
    free(site->slots);
    free(site->floor_kwh);
}

bool site_may_pay_for_load(const struct site_lp *site)
{
    if (site->has_ramp || site->given->battery.end_value_per_mwh < 0 ||
        site->given->cooling.tank_end_value_per_mwh < 0)
        return true;
    for (int32_t t = 0; t < site->load->slot_count; t++)
        if (site_import_price(site, t) < 0)
            return true;
    return false;
}
