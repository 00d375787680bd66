/* Storage by rule, without a look ahead: what others do, to compare with. */
#include <math.h>

#include "controller/plan/dispatch_lp.h"

/* Free cooling first, then the chiller; the tank only loses. Returns the power that it takes. */
static double cool(const struct site_lp *site, int32_t t, double heat_w, double *tank_wh,
                   struct plan_slot *slot)
{
    const struct problem_slot *given = &site->given->slots[t];
    slot->chiller_heat_w = slot->free_heat_w = slot->cooling_short_w = 0;
    slot->tank_charge_w = slot->tank_discharge_w = slot->tank_end_wh = 0;
    if (!site->has_cooling)
        return 0;
    slot->free_heat_w = fmin(heat_w, given->free_cooling_w);
    slot->chiller_heat_w = fmin(heat_w - slot->free_heat_w, site->given->cooling.chiller_max_w);
    slot->cooling_short_w = heat_w - slot->free_heat_w - slot->chiller_heat_w;
    if (site->has_tank)
        slot->tank_end_wh = *tank_wh *= site_tank_kept(site, t);
    double free_w = slot->free_heat_w > 0 ? slot->free_heat_w / given->free_cop : 0;
    return free_w + slot->chiller_heat_w / given->cop;
}

/* Surplus charges; net load is served down to the reserve. */
static void follow_surplus(const struct site_lp *site, int32_t t, double net_w, double soc_wh,
                           struct plan_slot *slot)
{
    const struct problem_battery *battery = &site->given->battery;
    double hours = site->load->hours[t];
    double room_wh = fmax(0, battery->soc_max_wh - soc_wh);
    double above_wh = fmax(0, soc_wh - battery->soc_min_wh);
    double charge_w = fmin(battery->charge_max_w, room_wh / hours / battery->charge_efficiency);
    double discharge_w =
        fmin(battery->discharge_max_w, above_wh / hours * battery->discharge_efficiency);
    slot->charge_w = fmax(0, fmin(-net_w, charge_w));
    slot->discharge_w = fmax(0, fmin(net_w, discharge_w));
}

/* Rules know no reserve, but below it the path back to it is no choice (problem.h). */
static void keep_floor(const struct site_lp *site, int32_t t, double floor_wh, double *soc_wh,
                       struct plan_slot *slot)
{
    const struct problem_battery *battery = &site->given->battery;
    double hours = site->load->hours[t];
    double least_w = fmax(0, floor_wh - *soc_wh) / hours / battery->charge_efficiency;
    slot->charge_w = fmax(slot->charge_w, fmin(least_w, battery->charge_max_w));
    if (slot->charge_w > 0)
        slot->discharge_w = 0;
    *soc_wh += hours * (slot->charge_w * battery->charge_efficiency -
                        slot->discharge_w / battery->discharge_efficiency);
    slot->soc_end_wh = *soc_wh;
}

/* Of one more MWh of IT energy, with the storage as it is. */
static double marginal_per_mwh(const struct site_lp *site, int32_t t, const struct plan_slot *slot)
{
    const struct problem_slot *given = &site->given->slots[t];
    double taken = 1 + given->overhead_ratio;
    bool free_left = slot->free_heat_w < given->free_cooling_w;
    if (site->has_cooling)
        taken += given->heat_ratio / (free_left ? given->free_cop : given->cop);
    if (slot->import_w > 0)
        return 1000 * site_import_price(site, t) * taken;
    return slot->export_w > 0 ? given->price_export_per_mwh * taken : 0;
}

struct stored {
    double floor_wh, soc_wh, tank_wh;
};

static void rule_slot(const struct site_lp *site, int32_t t, bool surplus, double jobs_kw,
                      struct stored *stored, struct plan_slot *slot)
{
    const struct problem_slot *given = &site->given->slots[t];
    double it_w = 1000 * (site_base_kw(site, t) + jobs_kw);
    double cooling_w = cool(site, t, it_w * given->heat_ratio, &stored->tank_wh, slot);
    slot->facility_w = given->fixed_w + it_w * (1 + given->overhead_ratio) + cooling_w;
    slot->charge_w = slot->discharge_w = slot->soc_end_wh = slot->ramp_breach_w = 0;
    double green_w = 1000 * site_green_kw(site, t);
    stored->floor_wh = 1000 * site_floor_kwh(site, t, stored->floor_wh / 1000);
    if (site->has_battery && surplus)
        follow_surplus(site, t, slot->facility_w - green_w, stored->soc_wh, slot);
    if (site->has_battery)
        keep_floor(site, t, stored->floor_wh, &stored->soc_wh, slot);
    double taken_w = slot->facility_w + slot->charge_w - slot->discharge_w;
    double unsold_w = given->price_export_per_mwh < 0 ? fmax(0, green_w - taken_w) : 0;
    dispatch_close(site, t, taken_w / 1000, unsold_w / 1000, slot);
    slot->marginal_per_mwh = marginal_per_mwh(site, t, slot);
}

void dispatch_rule(const struct workload *load, int32_t index, enum plan_storage storage,
                   const double *jobs_kw, struct plan_slot *ret_slots)
{
    struct site_lp site;
    site_frame(&site, load, index);
    struct stored stored = {.floor_wh = 1000 * site_floor_now_kwh(&site),
                            .soc_wh = site.given->battery.soc_wh,
                            .tank_wh = site.given->cooling.tank_wh};
    for (int32_t t = 0; t < load->slot_count; t++) {
        rule_slot(&site, t, storage == STORAGE_SURPLUS, jobs_kw[t], &stored, &ret_slots[t]);
        dispatch_ramp(&site, t, ret_slots);
    }
}
