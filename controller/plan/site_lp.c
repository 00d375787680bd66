/* The rows and columns of one site.
 *
 * Importing while exporting, or charging while discharging, may look profitable to a linear program
 * at odd prices; there a row can cut the relaxation to its convex hull. The tank has no losses on
 * the way, so that its two flows only ever cancel. */
#include "controller/plan/site_lp.h"

#include <math.h>

static double load_kw(const struct site_lp *site, int32_t t, const double *jobs_kw)
{
    return site_direct_kw(site, t, site_base_kw(site, t) + jobs_kw[t] + SITE_MORE_KW);
}

static double heat_kw(const struct site_lp *site, int32_t t, const double *jobs_kw)
{
    return (site_base_kw(site, t) + jobs_kw[t] + SITE_MORE_KW) * site->given->slots[t].heat_ratio;
}

static double bounded(double value)
{
    return fmin(fmax(value, -LP_INFINITY), LP_INFINITY);
}

/* A row that holds two flows to one direction, as far as a linear program can; -1: not needed. */
static int exclusive_row(struct lp *lp, bool needed, double most_a, double most_b)
{
    bool possible = most_a > 0 && most_a < LP_INFINITY && most_b > 0;
    return needed && possible ? lp_add_row(lp, -LP_INFINITY, 1) : -1;
}

static void add_share(struct lp *lp, int row, double most)
{
    if (row >= 0)
        lp_add_entry(lp, row, 1 / most);
}

static void add_entry(struct lp *lp, int row, double value)
{
    if (row >= 0)
        lp_add_entry(lp, row, value);
}

static void add_slot_rows(struct site_lp *site, int32_t t, const double *jobs_kw)
{
    struct lp *lp = site->lp;
    struct site_slot *at = &site->slots[t];
    double kw = load_kw(site, t, jobs_kw);
    at->balance = lp_add_row(lp, kw - site_green_kw(site, t), kw);
    if (site->has_peak)
        at->peak = lp_add_row(lp, -LP_INFINITY, bounded(site->given->peak_so_far_w / 1000));
    if (site->has_battery) {
        double start_kwh = t == 0 ? site->given->battery.soc_wh / 1000 : 0;
        at->soc_row = lp_add_row(lp, start_kwh, start_kwh);
    }
    if (site->has_cooling)
        at->heat = lp_add_row(lp, heat_kw(site, t, jobs_kw), heat_kw(site, t, jobs_kw));
    if (site->has_tank) {
        double start_kwh =
            t == 0 ? site->given->cooling.tank_wh / 1000 * site_tank_kept(site, 0) : 0;
        at->tank_row = lp_add_row(lp, start_kwh, start_kwh);
    }
    if (site->has_ramp && (t > 0 || isfinite(site->given->net_now_w))) {
        double from_kw = t == 0 ? site->given->net_now_w / 1000 : 0;
        double ramp_kw = site_ramp_kw(site, t);
        at->ramp = lp_add_row(lp, from_kw - ramp_kw, from_kw + ramp_kw);
    }
}

void site_add_rows(struct site_lp *site, const double *jobs_kw)
{
    for (int32_t t = 0; t < site->load->slot_count; t++)
        add_slot_rows(site, t, jobs_kw);
}

/* Import - export: in the balance and the two ramps. */
static void add_net_entries(const struct site_lp *site, int32_t t, double sign)
{
    lp_add_entry(site->lp, site->slots[t].balance, sign);
    add_entry(site->lp, site->slots[t].ramp, sign);
    if (t + 1 < site->load->slot_count)
        add_entry(site->lp, site->slots[t + 1].ramp, -sign);
}

static void add_grid(struct site_lp *site, int32_t t)
{
    struct lp *lp = site->lp;
    struct site_slot *at = &site->slots[t];
    double unit = site->load->hours[t] * site->weight;
    double price = site_import_price(site, t);
    double breach_price = site->load->problem->prices.breach_per_mwh / 1000;
    double import_most = site_import_most_kw(site, t), export_most = site_export_most_kw(site, t);
    bool odd = site->convex && (price < site_export_price(site, t) || site->has_ramp);
    int one_way = exclusive_row(lp, odd, import_most, export_most);

    double limit_kw = bounded(site->given->slots[t].import_limit_w / 1000);
    at->import = lp_add_column(lp, 0, limit_kw, price * unit);
    add_net_entries(site, t, 1);
    add_entry(lp, at->peak, 1);
    add_share(lp, one_way, import_most);

    at->breach = lp_add_column(lp, 0, LP_INFINITY, (price + breach_price) * unit);
    add_net_entries(site, t, 1);
    add_entry(lp, at->peak, 1);

    if (export_most > 0) {
        at->export = lp_add_column(lp, 0, export_most, -site_export_price(site, t) * unit);
        add_net_entries(site, t, -1);
        add_share(lp, one_way, export_most);
    }
    if (at->ramp < 0)
        return;
    at->ramp_up = lp_add_column(lp, 0, LP_INFINITY, breach_price * unit);
    lp_add_entry(lp, at->ramp, -1);
    at->ramp_down = lp_add_column(lp, 0, LP_INFINITY, breach_price * unit);
    lp_add_entry(lp, at->ramp, 1);
}

static void add_peak(struct site_lp *site)
{
    lp_add_column(site->lp, 0, LP_INFINITY, site->load->problem->prices.peak_per_kw * site->weight);
    for (int32_t t = 0; t < site->load->slot_count; t++)
        lp_add_entry(site->lp, site->slots[t].peak, -1);
}

/* Charging and discharging of the first site's slot, with entries at all that share them. */
static void add_battery_flows(struct site_lp *site, int32_t t, int32_t twins)
{
    const struct problem_battery *battery = &site->given->battery;
    struct lp *lp = site->lp;
    double hours = site->load->hours[t], weight = 0;
    double charge_most = battery->charge_max_w / 1000;
    double discharge_most = battery->discharge_max_w / 1000;
    bool odd = site_import_price(site, t) < 0 || site->has_ramp;
    int one_way = exclusive_row(lp, odd, charge_most, discharge_most);

    int charge = lp_add_column(lp, 0, charge_most, 0);
    for (int32_t i = 0; i <= twins; i++) {
        lp_add_entry(lp, site[i].slots[t].balance, -1);
        lp_add_entry(lp, site[i].slots[t].soc_row, -battery->charge_efficiency * hours);
        site[i].slots[t].charge = charge;
        weight += site[i].weight;
    }
    add_share(lp, one_way, charge_most);

    double wear = battery->wear_per_mwh / 1000 * hours * weight;
    int discharge = lp_add_column(lp, 0, discharge_most, wear);
    for (int32_t i = 0; i <= twins; i++) {
        lp_add_entry(lp, site[i].slots[t].balance, 1);
        lp_add_entry(lp, site[i].slots[t].soc_row, hours / battery->discharge_efficiency);
        site[i].slots[t].discharge = discharge;
    }
    add_share(lp, one_way, discharge_most);
}

static void add_soc(struct site_lp *site, int32_t t)
{
    bool last = t + 1 == site->load->slot_count;
    double value = last ? site->given->battery.end_value_per_mwh / 1000 * site->weight : 0;
    site->slots[t].soc =
        lp_add_column(site->lp, site->floor_kwh[t], site_soc_most_kwh(site), -value);
    lp_add_entry(site->lp, site->slots[t].soc_row, 1);
    if (!last)
        lp_add_entry(site->lp, site->slots[t + 1].soc_row, -1);
}

static void add_chillers(struct site_lp *site, int32_t t)
{
    const struct problem_slot *slot = &site->given->slots[t];
    struct site_slot *at = &site->slots[t];
    double breach_price = site->load->problem->prices.breach_per_mwh / 1000;
    at->chiller = lp_add_column(site->lp, 0, site->given->cooling.chiller_max_w / 1000, 0);
    lp_add_entry(site->lp, at->heat, 1);
    lp_add_entry(site->lp, at->balance, -1 / slot->cop);
    if (slot->free_cooling_w > 0) {
        at->free = lp_add_column(site->lp, 0, bounded(slot->free_cooling_w / 1000), 0);
        lp_add_entry(site->lp, at->heat, 1);
        lp_add_entry(site->lp, at->balance, -1 / slot->free_cop);
    }
    at->short_of =
        lp_add_column(site->lp, 0, LP_INFINITY, breach_price * site->load->hours[t] * site->weight);
    lp_add_entry(site->lp, at->heat, 1);
}

static void add_tank_flows(struct site_lp *site, int32_t t, int32_t twins)
{
    const struct problem_cooling *cooling = &site->given->cooling;
    double hours = site->load->hours[t];
    int charge = lp_add_column(site->lp, 0, cooling->tank_charge_max_w / 1000, 0);
    for (int32_t i = 0; i <= twins; i++) {
        lp_add_entry(site->lp, site[i].slots[t].heat, -1);
        lp_add_entry(site->lp, site[i].slots[t].tank_row, -hours);
        site[i].slots[t].tank_charge = charge;
    }
    int discharge = lp_add_column(site->lp, 0, cooling->tank_discharge_max_w / 1000, 0);
    for (int32_t i = 0; i <= twins; i++) {
        lp_add_entry(site->lp, site[i].slots[t].heat, 1);
        lp_add_entry(site->lp, site[i].slots[t].tank_row, hours);
        site[i].slots[t].tank_discharge = discharge;
    }
}

static void add_tank(struct site_lp *site, int32_t t)
{
    bool last = t + 1 == site->load->slot_count;
    double value = last ? site->given->cooling.tank_end_value_per_mwh / 1000 * site->weight : 0;
    site->slots[t].tank = lp_add_column(site->lp, 0, site_tank_most_kwh(site), -value);
    lp_add_entry(site->lp, site->slots[t].tank_row, 1);
    if (!last)
        lp_add_entry(site->lp, site->slots[t + 1].tank_row, -site_tank_kept(site, t + 1));
}

void site_add_columns(struct site_lp *site, int32_t common, int32_t twins)
{
    for (int32_t t = 0; t < site->load->slot_count; t++) {
        bool shared = site->slots[t].charge >= 0 || site->slots[t].tank_charge >= 0;
        int32_t sharers = t < common ? twins : 0;
        add_grid(site, t);
        if (site->has_battery && !shared)
            add_battery_flows(site, t, sharers);
        if (site->has_battery)
            add_soc(site, t);
        if (site->has_cooling)
            add_chillers(site, t);
        if (site->has_tank && !shared)
            add_tank_flows(site, t, sharers);
        if (site->has_tank)
            add_tank(site, t);
    }
    if (site->has_peak)
        add_peak(site);
}

void site_set_load(struct site_lp *site, const double *jobs_kw)
{
    for (int32_t t = 0; t < site->load->slot_count; t++) {
        double kw = load_kw(site, t, jobs_kw), heat = heat_kw(site, t, jobs_kw);
        lp_set_row(site->lp, site->slots[t].balance, kw - site_green_kw(site, t), kw);
        if (site->has_cooling)
            lp_set_row(site->lp, site->slots[t].heat, heat, heat);
    }
}

double site_marginal(const struct site_lp *site, int32_t t)
{
    const struct problem_slot *slot = &site->given->slots[t];
    double dual = site->lp->dual[site->slots[t].balance] * (1 + slot->overhead_ratio);
    if (site->has_cooling)
        dual += site->lp->dual[site->slots[t].heat] * slot->heat_ratio;
    return dual / site->load->hours[t];
}
