/* Battery, cooling and grid of one site around jobs that are fixed: the linear program, each slot's
 * directions settled, and its rounded numbers turned into ones that balance exactly. */
#include "controller/plan/dispatch_lp.h"

#include <math.h>
#include <stdlib.h>

static const double SMALL_KW = 1e-6;
static const double ROUNDING_KW = 1e-3; /* of differences of flows, SITE_MORE_KW among them */

struct dispatch *dispatch_create(const struct workload *load, int32_t index)
{
    struct dispatch *dispatch = calloc(1, sizeof(*dispatch));
    struct lp *lp = dispatch ? lp_create() : NULL;
    if (!lp) {
        free(dispatch);
        return NULL;
    }
    if (!site_init(&dispatch->site, load, index, lp)) {
        dispatch_destroy(dispatch);
        return NULL;
    }
    site_add_rows(&dispatch->site, &load->committed_kw[workload_at(load, index, 0)]);
    site_add_columns(&dispatch->site, 0, 0);
    return dispatch;
}

void dispatch_destroy(struct dispatch *dispatch)
{
    if (!dispatch)
        return;
    lp_destroy(dispatch->site.lp);
    site_finish(&dispatch->site);
    free(dispatch);
}

/* Sets the upper bound of a flow, or forbids it. */
static void allow(struct site_lp *site, int column, bool allowed, double most_kw)
{
    if (column >= 0)
        lp_set_column(site->lp, column, 0, allowed ? most_kw : 0);
}

static void allow_import(struct site_lp *site, int32_t t, bool allowed)
{
    double limit_kw = site->given->slots[t].import_limit_w / 1000;
    allow(site, site->slots[t].import, allowed, fmin(limit_kw, LP_INFINITY));
    allow(site, site->slots[t].breach, allowed, LP_INFINITY);
}

void dispatch_free(struct dispatch *dispatch)
{
    struct site_lp *site = &dispatch->site;
    const struct problem_battery *battery = &site->given->battery;
    const struct problem_cooling *cooling = &site->given->cooling;
    for (int32_t t = 0; t < site->load->slot_count; t++) {
        const struct site_slot *at = &site->slots[t];
        allow_import(site, t, true);
        allow(site, at->export, true, site_export_most_kw(site, t));
        allow(site, at->charge, true, battery->charge_max_w / 1000);
        allow(site, at->discharge, true, battery->discharge_max_w / 1000);
        allow(site, at->tank_charge, true, cooling->tank_charge_max_w / 1000);
        allow(site, at->tank_discharge, true, cooling->tank_discharge_max_w / 1000);
    }
}

double dispatch_flow(const struct site_lp *site, int column)
{
    double kw = column >= 0 ? site->lp->value[column] : 0;
    return kw > SMALL_KW ? kw : 0;
}

/* Forbids the lesser of two opposite flows in the slot. True: something changed. */
static bool settle_battery(struct site_lp *site, int32_t t)
{
    const struct problem_battery *battery = &site->given->battery;
    const struct site_slot *at = &site->slots[t];
    double charge = dispatch_flow(site, at->charge);
    double discharge = dispatch_flow(site, at->discharge);
    if (fmin(charge, discharge) <= SMALL_KW)
        return false;
    bool charges = charge * battery->charge_efficiency >= discharge / battery->discharge_efficiency;
    allow(site, charges ? at->discharge : at->charge, false, 0);
    return true;
}

static bool settle_grid(struct site_lp *site, int32_t t)
{
    const struct site_slot *at = &site->slots[t];
    double import = dispatch_flow(site, at->import) + dispatch_flow(site, at->breach);
    double export = dispatch_flow(site, at->export);
    if (fmin(import, export) <= SMALL_KW)
        return false;
    if (import >= export)
        allow(site, at->export, false, 0);
    else
        allow_import(site, t, false);
    return true;
}

/* Every slot can be settled once for each pair, so this ends. */
static int solve_one_way(struct site_lp *site, struct error *error)
{
    bool changed = true;
    while (changed) {
        int code = lp_solve(site->lp, error);
        if (code < 0)
            return code;
        changed = false;
        for (int32_t t = 0; t < site->load->slot_count; t++) {
            changed |= site->has_battery && settle_battery(site, t);
            changed |= settle_grid(site, t);
        }
    }
    return 0;
}

static double clean(double kw)
{
    return kw > SMALL_KW ? kw : 0;
}

static double clamp(double value, double least, double most)
{
    return fmax(least, fmin(value, most));
}

/* The tank's two flows only cancel, so their difference is as good. */
static void read_tank(const struct site_lp *site, int32_t t, double heat_kw, double *tank_kwh,
                      struct plan_slot *slot)
{
    const struct site_slot *at = &site->slots[t];
    double hours = site->load->hours[t], most_kwh = site_tank_most_kwh(site);
    double kept_kwh = *tank_kwh * site_tank_kept(site, t);
    double in_kw = dispatch_flow(site, at->tank_charge) - dispatch_flow(site, at->tank_discharge);
    in_kw = clamp(in_kw, -kept_kwh / hours, fmax(0, (most_kwh - kept_kwh) / hours));
    in_kw = fmax(in_kw, -heat_kw);
    slot->tank_charge_w = 1000 * clean(in_kw);
    slot->tank_discharge_w = 1000 * clean(-in_kw);
    *tank_kwh = kept_kwh + hours * (clean(in_kw) - clean(-in_kw));
}

/* Returns the power that cooling takes. */
static double read_cooling(const struct site_lp *site, int32_t t, double heat_kw, double *tank_kwh,
                           struct plan_slot *slot)
{
    const struct problem_slot *given = &site->given->slots[t];
    const struct site_slot *at = &site->slots[t];
    if (!site->has_cooling)
        return 0;
    if (site->has_tank)
        read_tank(site, t, heat_kw, tank_kwh, slot);
    double left_kw = fmax(0, heat_kw + (slot->tank_charge_w - slot->tank_discharge_w) / 1000);
    double free_kw = fmin(dispatch_flow(site, at->free), left_kw);
    double short_kw = fmin(dispatch_flow(site, at->short_of), left_kw - free_kw);
    double chiller_kw = left_kw - free_kw - short_kw;
    double over_kw = clean(chiller_kw - site->given->cooling.chiller_max_w / 1000);
    double more_free_kw = fmin(over_kw, fmax(0, given->free_cooling_w / 1000 - free_kw));
    free_kw += more_free_kw;
    short_kw += over_kw - more_free_kw;
    chiller_kw -= over_kw;
    slot->free_heat_w = 1000 * free_kw;
    slot->chiller_heat_w = 1000 * chiller_kw;
    slot->cooling_short_w = 1000 * short_kw;
    slot->tank_end_wh = 1000 * *tank_kwh;
    return chiller_kw / given->cop + (free_kw > 0 ? free_kw / given->free_cop : 0);
}

static void read_battery(const struct site_lp *site, int32_t t, double *soc_kwh,
                         double discharge_most_kw, struct plan_slot *slot)
{
    const struct problem_battery *battery = &site->given->battery;
    double hours = site->load->hours[t];
    if (!site->has_battery)
        return;
    double room_kwh = fmax(0, site_soc_most_kwh(site) - *soc_kwh);
    double above_kwh = fmax(0, *soc_kwh - site->floor_kwh[t]);
    double charge = fmin(dispatch_flow(site, site->slots[t].charge),
                         room_kwh / hours / battery->charge_efficiency);
    double discharge = fmin(dispatch_flow(site, site->slots[t].discharge),
                            above_kwh / hours * battery->discharge_efficiency);
    charge = clean(charge);
    discharge = clean(fmin(discharge, discharge_most_kw + charge));
    *soc_kwh +=
        hours * (charge * battery->charge_efficiency - discharge / battery->discharge_efficiency);
    slot->charge_w = 1000 * charge;
    slot->discharge_w = 1000 * discharge;
    slot->soc_end_wh = 1000 * *soc_kwh;
}

void dispatch_close(const struct site_lp *site, int32_t t, double taken_kw, double spilled_kw,
                    struct plan_slot *slot)
{
    const struct problem_slot *given = &site->given->slots[t];
    double green_kw = site_green_kw(site, t);
    double used_kw = fmin(fmax(0, green_kw - fmax(0, spilled_kw)),
                          fmax(0, taken_kw + site_export_most_kw(site, t)));
    double net_kw = taken_kw - used_kw;
    slot->import_w = 1000 * clean(net_kw);
    slot->export_w = 1000 * clean(-net_kw);
    slot->pv_used_w = green_kw > 0 ? used_kw * given->pv_w / green_kw : 0;
    slot->wind_used_w = green_kw > 0 ? used_kw * given->wind_w / green_kw : 0;
    slot->breach_w = 1000 * clean(net_kw - given->import_limit_w / 1000);
}

void dispatch_ramp(const struct site_lp *site, int32_t t, struct plan_slot *slots)
{
    double before_w =
        t == 0 ? site->given->net_now_w : slots[t - 1].import_w - slots[t - 1].export_w;
    if (!site->has_ramp || !isfinite(before_w))
        return;
    double change_w = fabs(slots[t].import_w - slots[t].export_w - before_w);
    slots[t].ramp_breach_w = 1000 * clean(change_w / 1000 - site_ramp_kw(site, t));
}

static void clear_flows(struct plan_slot *slot)
{
    slot->chiller_heat_w = slot->free_heat_w = slot->cooling_short_w = 0;
    slot->tank_charge_w = slot->tank_discharge_w = slot->tank_end_wh = 0;
    slot->charge_w = slot->discharge_w = slot->soc_end_wh = 0;
    slot->ramp_breach_w = 0;
}

static void read_slot(const struct site_lp *site, int32_t t, double jobs_kw, double *soc_kwh,
                      double *tank_kwh, struct plan_slot *slot)
{
    const struct problem_slot *given = &site->given->slots[t];
    const struct site_slot *at = &site->slots[t];
    double it_kw = site_base_kw(site, t) + jobs_kw;
    clear_flows(slot);
    double facility_kw = given->fixed_w / 1000 + it_kw * (1 + given->overhead_ratio) +
                         read_cooling(site, t, it_kw * given->heat_ratio, tank_kwh, slot);
    read_battery(site, t, soc_kwh, facility_kw + site_export_most_kw(site, t), slot);
    double taken_kw = facility_kw + (slot->charge_w - slot->discharge_w) / 1000;
    double net_kw = dispatch_flow(site, at->import) + dispatch_flow(site, at->breach) -
                    dispatch_flow(site, at->export);
    double spilled_kw = net_kw - taken_kw + site_green_kw(site, t);
    dispatch_close(site, t, taken_kw, spilled_kw > ROUNDING_KW ? spilled_kw : 0, slot);
    slot->facility_w = 1000 * facility_kw;
    slot->marginal_per_mwh = 1000 * site_marginal(site, t);
}

int dispatch_run(struct dispatch *dispatch, const double *jobs_kw, struct plan_slot *ret_slots,
                 struct error *error)
{
    struct site_lp *site = &dispatch->site;
    site_set_load(site, jobs_kw);
    int code = solve_one_way(site, error);
    if (code < 0)
        return code;
    double soc_kwh = site->given->battery.soc_wh / 1000;
    double tank_kwh = site->given->cooling.tank_wh / 1000;
    for (int32_t t = 0; t < site->load->slot_count; t++) {
        read_slot(site, t, jobs_kw[t], &soc_kwh, &tank_kwh, &ret_slots[t]);
        dispatch_ramp(site, t, ret_slots);
    }
    return 0;
}

int dispatch_solve(struct dispatch *dispatch, const double *jobs_kw, struct plan_slot *ret_slots,
                   struct error *error)
{
    dispatch_free(dispatch);
    return dispatch_run(dispatch, jobs_kw, ret_slots, error);
}
