/* The site's rows and columns, and the dispatch around fixed jobs.
 *
 * Green power enters as what is available less what is spilled. Importing while exporting, or
 * charging while discharging, may look profitable to a linear program at odd prices; there a row
 * cuts the relaxation to its convex hull, and the dispatch then settles each slot's direction. */
#include "controller/plan/dispatch.h"

#include <math.h>
#include <stdlib.h>

static const double SMALL_KW = 1e-6;
/* Added to the load before solving, so that the marginal price is that of more load: where no load
 * is left to buy for, that of less would be as good a dual. */
static const double MORE_KW = 1e-4;

struct dispatch {
    struct site site;
};

double site_price_import(const struct workload *load, int32_t t)
{
    const struct problem_slot *slot = &load->problem->slots[t];
    return slot->price_import_per_mwh / 1000 +
           slot->carbon_g_per_kwh * load->problem->prices.carbon_per_t / 1e6;
}

static double price_export(const struct workload *load, int32_t t)
{
    return load->problem->slots[t].price_export_per_mwh / 1000;
}

static double green_kw(const struct workload *load, int32_t t)
{
    return (load->problem->slots[t].pv_w + load->problem->slots[t].wind_w) / 1000;
}

/* More can never flow in: everything on at once. */
static double import_most_kw(const struct workload *load, int32_t t)
{
    const struct problem *problem = load->problem;
    const struct problem_slot *slot = &problem->slots[t];
    double it_kw = load->committed_kw[t];
    for (int32_t f = 0; f < problem->feeder_count; f++)
        it_kw += fmax(0, problem->feeders[f].limit_w - slot->base_it_w[f]) / 1000;
    return fmax(0, workload_net_kw(load, t) + green_kw(load, t)) +
           it_kw * (1 + slot->overhead_ratio) + problem->battery.charge_max_w / 1000;
}

static double export_most_kw(const struct workload *load, int32_t t)
{
    double most_kw = green_kw(load, t) + load->problem->battery.discharge_max_w / 1000;
    return fmin(most_kw, load->problem->slots[t].export_limit_w / 1000);
}

/* A row that holds two flows to one direction, as far as a linear program can; -1: not needed. */
static int exclusive_row(struct lp *lp, bool needed, double most_a, double most_b)
{
    return needed && most_a > 0 && most_b > 0 ? lp_add_row(lp, -LP_INFINITY, 1) : -1;
}

static void add_share(struct lp *lp, int row, double most)
{
    if (row >= 0)
        lp_add_entry(lp, row, 1 / most);
}

static void add_grid(struct site *site, int32_t t, int peak_row)
{
    const struct workload *load = site->load;
    struct lp *lp = site->lp;
    double hours = load->hours[t];
    double price = site_price_import(load, t);
    double import_most = import_most_kw(load, t), export_most = export_most_kw(load, t);
    int one_way = exclusive_row(lp, price < price_export(load, t), import_most, export_most);

    double limit = fmin(load->problem->slots[t].import_limit_w / 1000, import_most);
    site->import[t] = lp_add_column(lp, 0, limit, price * hours);
    lp_add_entry(lp, site->balance[t], 1);
    if (peak_row >= 0)
        lp_add_entry(lp, peak_row, 1);
    add_share(lp, one_way, import_most);

    double breach_price = load->problem->prices.breach_per_mwh / 1000;
    site->breach[t] = lp_add_column(lp, 0, LP_INFINITY, (price + breach_price) * hours);
    lp_add_entry(lp, site->balance[t], 1);
    if (peak_row >= 0)
        lp_add_entry(lp, peak_row, 1);

    site->export[t] = lp_add_column(lp, 0, export_most, -price_export(load, t) * hours);
    lp_add_entry(lp, site->balance[t], -1);
    add_share(lp, one_way, export_most);

    site->spill[t] = lp_add_column(lp, 0, green_kw(load, t), 0);
    lp_add_entry(lp, site->balance[t], -1);
}

static void add_battery(struct site *site, int32_t t, const int *soc_row, double floor_kwh)
{
    const struct workload *load = site->load;
    const struct problem_battery *battery = &load->problem->battery;
    struct lp *lp = site->lp;
    double hours = load->hours[t];
    double charge_most = battery->charge_max_w / 1000;
    double discharge_most = battery->discharge_max_w / 1000;
    bool last = t + 1 == load->problem->slot_count;
    int one_way = exclusive_row(lp, site_price_import(load, t) < 0, charge_most, discharge_most);

    site->charge[t] = lp_add_column(lp, 0, charge_most, 0);
    lp_add_entry(lp, site->balance[t], -1);
    lp_add_entry(lp, soc_row[t], -battery->charge_efficiency * hours);
    add_share(lp, one_way, charge_most);

    site->discharge[t] = lp_add_column(lp, 0, discharge_most, battery->wear_per_mwh / 1000 * hours);
    lp_add_entry(lp, site->balance[t], 1);
    lp_add_entry(lp, soc_row[t], hours / battery->discharge_efficiency);
    add_share(lp, one_way, discharge_most);

    double ceiling_kwh = fmax(battery->soc_max_wh, battery->soc_wh) / 1000;
    lp_add_column(lp, floor_kwh, ceiling_kwh, last ? -battery->end_value_per_mwh / 1000 : 0);
    lp_add_entry(lp, soc_row[t], 1);
    if (!last)
        lp_add_entry(lp, soc_row[t + 1], -1);
}

static void add_batteries(struct site *site)
{
    const struct problem *problem = site->load->problem;
    double floor_kwh[LIMIT_SLOTS];
    int soc_row[LIMIT_SLOTS];
    workload_reserve(site->load, floor_kwh);
    for (int32_t t = 0; t < problem->slot_count; t++) {
        double start_kwh = t == 0 ? problem->battery.soc_wh / 1000 : 0;
        soc_row[t] = lp_add_row(site->lp, start_kwh, start_kwh);
    }
    for (int32_t t = 0; t < problem->slot_count; t++)
        add_battery(site, t, soc_row, floor_kwh[t]);
}

void site_build(struct site *site, struct lp *lp, const struct workload *load,
                const double *jobs_kw)
{
    const struct problem *problem = load->problem;
    int peak_row[LIMIT_SLOTS];
    bool has_peak = problem->prices.peak_per_kw > 0;
    site->load = load;
    site->lp = lp;
    site->has_battery = problem->battery.capacity_wh > 0;
    for (int32_t t = 0; t < problem->slot_count; t++) {
        double net_kw =
            workload_net_kw(load, t) + jobs_kw[t] * (1 + problem->slots[t].overhead_ratio);
        site->balance[t] = lp_add_row(lp, net_kw, net_kw);
        peak_row[t] = has_peak ? lp_add_row(lp, -LP_INFINITY, problem->peak_so_far_w / 1000) : -1;
    }
    for (int32_t t = 0; t < problem->slot_count; t++)
        add_grid(site, t, peak_row[t]);
    if (has_peak) {
        lp_add_column(lp, 0, LP_INFINITY, problem->prices.peak_per_kw);
        for (int32_t t = 0; t < problem->slot_count; t++)
            lp_add_entry(lp, peak_row[t], -1);
    }
    if (site->has_battery)
        add_batteries(site);
}

double site_marginal(const struct site *site, int32_t t)
{
    const struct workload *load = site->load;
    return site->lp->dual[site->balance[t]] * (1 + load->problem->slots[t].overhead_ratio) /
           load->hours[t];
}

struct dispatch *dispatch_create(const struct workload *load)
{
    struct dispatch *dispatch = calloc(1, sizeof(*dispatch));
    struct lp *lp = dispatch ? lp_create() : NULL;
    if (!lp) {
        free(dispatch);
        return NULL;
    }
    site_build(&dispatch->site, lp, load, load->committed_kw);
    return dispatch;
}

void dispatch_destroy(struct dispatch *dispatch)
{
    if (!dispatch)
        return;
    lp_destroy(dispatch->site.lp);
    free(dispatch);
}

static void set_load(struct site *site, const double *jobs_kw)
{
    const struct workload *load = site->load;
    for (int32_t t = 0; t < load->problem->slot_count; t++) {
        double net_kw = workload_net_kw(load, t) + MORE_KW +
                        jobs_kw[t] * (1 + load->problem->slots[t].overhead_ratio);
        lp_set_row(site->lp, site->balance[t], net_kw, net_kw);
    }
}

/* Sets the upper bound of a flow, or forbids it. */
static void allow(struct site *site, int column, bool allowed, double most_kw)
{
    lp_set_column(site->lp, column, 0, allowed ? most_kw : 0);
}

static void free_directions(struct site *site)
{
    const struct workload *load = site->load;
    const struct problem_battery *battery = &load->problem->battery;
    for (int32_t t = 0; t < load->problem->slot_count; t++) {
        double import_most = import_most_kw(load, t);
        allow(site, site->import[t], true,
              fmin(load->problem->slots[t].import_limit_w / 1000, import_most));
        allow(site, site->export[t], true, export_most_kw(load, t));
        if (!site->has_battery)
            continue;
        allow(site, site->charge[t], true, battery->charge_max_w / 1000);
        allow(site, site->discharge[t], true, battery->discharge_max_w / 1000);
    }
}

/* Forbids the lesser of two opposite flows in the slot. True: something changed. */
static bool settle_battery(struct site *site, int32_t t)
{
    const double *value = site->lp->value;
    const struct problem_battery *battery = &site->load->problem->battery;
    double charge = value[site->charge[t]], discharge = value[site->discharge[t]];
    if (fmin(charge, discharge) <= SMALL_KW)
        return false;
    bool charges = charge * battery->charge_efficiency >= discharge / battery->discharge_efficiency;
    allow(site, charges ? site->discharge[t] : site->charge[t], false, 0);
    return true;
}

static bool settle_grid(struct site *site, int32_t t)
{
    const double *value = site->lp->value;
    double import = value[site->import[t]] + value[site->breach[t]];
    double export = value[site->export[t]];
    if (fmin(import, export) <= SMALL_KW)
        return false;
    allow(site, import >= export ? site->export[t] : site->import[t], false, 0);
    return true;
}

/* Every slot can be settled once for each pair, so this ends. */
static int solve_one_way(struct site *site, struct error *error)
{
    bool changed = true;
    while (changed) {
        int code = lp_solve(site->lp, error);
        if (code < 0)
            return code;
        changed = false;
        for (int32_t t = 0; t < site->load->problem->slot_count; t++) {
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

/* From the solver's rounded numbers to ones that balance exactly. */
static void read_slot(const struct site *site, int32_t t, double jobs_kw, double *soc_kwh,
                      struct plan_slot *slot)
{
    const struct workload *load = site->load;
    const struct problem_slot *given = &load->problem->slots[t];
    const struct problem_battery *battery = &load->problem->battery;
    const double *value = site->lp->value;
    double green = green_kw(load, t);
    double gross = workload_net_kw(load, t) + green + jobs_kw * (1 + given->overhead_ratio);
    double export_most = export_most_kw(load, t);
    double charge = site->has_battery ? clean(value[site->charge[t]]) : 0;
    double discharge = site->has_battery ? clean(value[site->discharge[t]]) : 0;
    discharge = clean(fmin(discharge, gross + charge + export_most));
    if (site->has_battery)
        *soc_kwh += load->hours[t] * (charge * battery->charge_efficiency -
                                      discharge / battery->discharge_efficiency);
    double used = fmin(fmax(0, green - clean(value[site->spill[t]])),
                       fmax(0, gross + charge - discharge + export_most));
    double net = gross + charge - discharge - used;
    slot->import_w = 1000 * clean(net);
    slot->export_w = 1000 * clean(-net);
    slot->pv_used_w = green > 0 ? used * given->pv_w / green : 0;
    slot->wind_used_w = green > 0 ? used * given->wind_w / green : 0;
    slot->charge_w = 1000 * charge;
    slot->discharge_w = 1000 * discharge;
    slot->soc_end_wh = 1000 * *soc_kwh;
    slot->facility_w = 1000 * gross;
    slot->breach_w = 1000 * clean(net - given->import_limit_w / 1000);
    slot->marginal_per_mwh = 1000 * site_marginal(site, t);
}

int dispatch_solve(struct dispatch *dispatch, const double *jobs_kw, struct plan_slot *ret_slots,
                   struct error *error)
{
    struct site *site = &dispatch->site;
    free_directions(site);
    set_load(site, jobs_kw);
    int code = solve_one_way(site, error);
    if (code < 0)
        return code;
    double soc_kwh = site->load->problem->battery.soc_wh / 1000;
    for (int32_t t = 0; t < site->load->problem->slot_count; t++)
        read_slot(site, t, jobs_kw[t], &soc_kwh, &ret_slots[t]);
    return 0;
}
