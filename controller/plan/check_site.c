/* The check of each site: power and heat balance, limits, battery, tank, ramp, what it all costs.
 */
#include "controller/plan/check_private.h"

#include <math.h>

/* One slot of one site, given and planned. */
struct spot {
    struct check *check;
    const struct problem_site *site;
    const struct problem_slot *given;
    const struct plan_slot *slot;
    int32_t s, t;
    double hours;
    double base_it_w; /* expected */
    double it_w;
};

static int wrong(const struct spot *spot, const char *what, double is, double should)
{
    return check_slot_wrong(spot->check, spot->s, spot->t, what, is, should);
}

static int expect(const struct spot *spot, const char *what, double is, double should,
                  double tolerance)
{
    return check_same(is, should, tolerance) ? 0 : wrong(spot, what, is, should);
}

static bool has_cooling(const struct problem_site *site)
{
    return site->cooling.chiller_max_w > 0;
}

static bool has_tank(const struct problem_site *site)
{
    return has_cooling(site) && site->cooling.tank_capacity_wh > 0;
}

static bool has_battery(const struct problem_site *site)
{
    return site->battery.capacity_wh > 0;
}

static struct spot spot_of(struct check *check, int32_t s, int32_t t)
{
    const struct problem_site *site = &check->problem->sites[s];
    struct spot spot = {.check = check,
                        .site = site,
                        .given = &site->slots[t],
                        .slot = &check->plan->sites[s].slots[t],
                        .s = s,
                        .t = t,
                        .hours = check->hours[t]};
    for (int32_t g = 0; g < site->group_count; g++)
        spot.base_it_w += spot.given->base_it_w[g];
    spot.it_w = spot.base_it_w;
    for (int32_t g = 0; g < site->group_count; g++)
        spot.it_w += check->jobs_w[check_at(check, s, t) * LIMIT_GROUPS + (size_t)g];
    return spot;
}

static int check_load(const struct spot *spot)
{
    const double *jobs_w =
        &spot->check->jobs_w[check_at(spot->check, spot->s, spot->t) * LIMIT_GROUPS];
    const struct problem_slot *given = spot->given;
    const struct plan_slot *slot = spot->slot;
    for (int32_t g = 0; g < LIMIT_GROUPS; g++)
        if (!check_same(slot->it_jobs_w[g], jobs_w[g], CHECK_POWER_W))
            return wrong(spot, "job load of a group", slot->it_jobs_w[g], jobs_w[g]);
    double facility_w = given->fixed_w + spot->it_w * (1 + given->overhead_ratio);
    if (has_cooling(spot->site)) {
        facility_w += slot->chiller_heat_w / given->cop;
        facility_w += slot->free_heat_w > 0 ? slot->free_heat_w / given->free_cop : 0;
    }
    return expect(spot, "facility_w", slot->facility_w, facility_w, CHECK_POWER_W);
}

static int check_ranges(const struct spot *spot)
{
    const struct problem_slot *given = spot->given;
    const struct plan_slot *slot = spot->slot;
    const struct problem_battery *battery = &spot->site->battery;
    const struct problem_cooling *cooling = &spot->site->cooling;
    bool stores = has_battery(spot->site), cools = has_cooling(spot->site);
    bool tank = has_tank(spot->site);
    const struct {
        const char *name;
        double value, most;
    } ranges[] = {
        {"pv_used_w", slot->pv_used_w, given->pv_w},
        {"wind_used_w", slot->wind_used_w, given->wind_w},
        {"import_w", slot->import_w, HUGE_VAL},
        {"export_w", slot->export_w, given->export_limit_w},
        {"charge_w", slot->charge_w, stores ? battery->charge_max_w : 0},
        {"discharge_w", slot->discharge_w, stores ? battery->discharge_max_w : 0},
        {"chiller_heat_w", slot->chiller_heat_w, cools ? cooling->chiller_max_w : 0},
        {"free_heat_w", slot->free_heat_w, cools ? given->free_cooling_w : 0},
        {"tank_charge_w", slot->tank_charge_w, tank ? cooling->tank_charge_max_w : 0},
        {"tank_discharge_w", slot->tank_discharge_w, tank ? cooling->tank_discharge_max_w : 0},
        {"cooling_short_w", slot->cooling_short_w, cools ? HUGE_VAL : 0},
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        bool inside = ranges[i].value >= 0 && ranges[i].value <= ranges[i].most + CHECK_POWER_W;
        if (!inside || !isfinite(ranges[i].value))
            return wrong(spot, ranges[i].name, ranges[i].value,
                         ranges[i].value > 0 ? ranges[i].most : 0);
    }
    return isfinite(slot->marginal_per_mwh)
               ? 0
               : wrong(spot, "marginal_per_mwh", slot->marginal_per_mwh, 0);
}

static int check_flows(const struct spot *spot)
{
    const struct plan_slot *slot = spot->slot;
    if (fmin(slot->charge_w, slot->discharge_w) > CHECK_POWER_W)
        return wrong(spot, "discharge_w while charging", slot->discharge_w, 0);
    if (fmin(slot->tank_charge_w, slot->tank_discharge_w) > CHECK_POWER_W)
        return wrong(spot, "tank_discharge_w while charging", slot->tank_discharge_w, 0);
    if (fmin(slot->import_w, slot->export_w) > CHECK_POWER_W)
        return wrong(spot, "export_w while importing", slot->export_w, 0);
    double balance_w =
        slot->facility_w - slot->pv_used_w - slot->wind_used_w - slot->discharge_w + slot->charge_w;
    int code = expect(spot, "import less export", slot->import_w - slot->export_w, balance_w,
                      CHECK_POWER_W);
    if (code == 0)
        code = expect(spot, "breach_w", slot->breach_w,
                      fmax(0, slot->import_w - spot->given->import_limit_w), CHECK_POWER_W);
    if (code < 0 || !has_cooling(spot->site))
        return code;
    return expect(spot, "heat removed",
                  slot->chiller_heat_w + slot->free_heat_w + slot->tank_discharge_w -
                      slot->tank_charge_w + slot->cooling_short_w,
                  spot->it_w * spot->given->heat_ratio, CHECK_POWER_W);
}

/* Change of import - export beyond the ramp, from middle to middle. */
static double ramp_breach_w(const struct spot *spot)
{
    double before_w = spot->site->net_now_w, minutes = 30 * spot->hours;
    if (spot->t > 0) {
        before_w = spot->slot[-1].import_w - spot->slot[-1].export_w;
        minutes += 30 * spot->check->hours[spot->t - 1];
    }
    if (spot->site->ramp_w_per_min <= 0 || isnan(before_w))
        return 0;
    double change_w = fabs(spot->slot->import_w - spot->slot->export_w - before_w);
    return fmax(0, change_w - spot->site->ramp_w_per_min * minutes);
}

/* Facility of base load and committed jobs less green power, the tank at rest. */
static double untouchable_w(const struct spot *spot)
{
    const struct problem_slot *given = spot->given;
    double it_w =
        spot->base_it_w + spot->check->committed_w[check_at(spot->check, spot->s, spot->t)];
    double load_w =
        given->fixed_w + it_w * (1 + given->overhead_ratio) - given->pv_w - given->wind_w;
    if (has_cooling(spot->site)) {
        double free_w = fmin(it_w * given->heat_ratio, given->free_cooling_w);
        double rest_w = it_w * given->heat_ratio - free_w;
        load_w += free_w > 0 ? free_w / given->free_cop : 0;
        load_w += fmin(rest_w, spot->site->cooling.chiller_max_w) / given->cop;
    }
    return load_w;
}

/* The reserve must not be farther away than charging with all that the limits leave. */
static double next_floor_wh(const struct spot *spot, double floor_wh)
{
    const struct problem_battery *battery = &spot->site->battery;
    double room_w = fmax(0, spot->given->import_limit_w - untouchable_w(spot));
    return fmin(battery->soc_min_wh, floor_wh + battery->charge_efficiency * spot->hours *
                                                    fmin(battery->charge_max_w, room_w));
}

struct stores {
    double soc_wh, floor_wh, ceiling_wh, tank_wh;
};

static int check_battery(const struct spot *spot, struct stores *stores)
{
    const struct problem_battery *battery = &spot->site->battery;
    const struct plan_slot *slot = spot->slot;
    if (!has_battery(spot->site)) {
        int code = expect(spot, "soc_end_wh", slot->soc_end_wh, 0, CHECK_ENERGY_WH);
        return code < 0
                   ? code
                   : expect(spot, "reserve_short_wh", slot->reserve_short_wh, 0, CHECK_ENERGY_WH);
    }
    stores->soc_wh += spot->hours * (slot->charge_w * battery->charge_efficiency -
                                     slot->discharge_w / battery->discharge_efficiency);
    stores->floor_wh = next_floor_wh(spot, stores->floor_wh);
    int code = expect(spot, "soc_end_wh", slot->soc_end_wh, stores->soc_wh, CHECK_ENERGY_WH);
    if (code < 0)
        return code;
    if (slot->soc_end_wh < stores->floor_wh - CHECK_ENERGY_WH)
        return wrong(spot, "soc_end_wh, which may not be lower,", slot->soc_end_wh,
                     stores->floor_wh);
    if (slot->soc_end_wh > stores->ceiling_wh + CHECK_ENERGY_WH)
        return wrong(spot, "soc_end_wh, which may not be higher,", slot->soc_end_wh,
                     stores->ceiling_wh);
    return expect(spot, "reserve_short_wh", slot->reserve_short_wh,
                  fmax(0, battery->soc_min_wh - stores->soc_wh), CHECK_ENERGY_WH);
}

static int check_tank(const struct spot *spot, struct stores *stores)
{
    const struct problem_cooling *cooling = &spot->site->cooling;
    const struct plan_slot *slot = spot->slot;
    if (has_tank(spot->site))
        stores->tank_wh = stores->tank_wh * (1 - cooling->tank_loss_per_h * spot->hours) +
                          spot->hours * (slot->tank_charge_w - slot->tank_discharge_w);
    int code = expect(spot, "tank_end_wh", slot->tank_end_wh, stores->tank_wh, CHECK_ENERGY_WH);
    double most_wh = has_tank(spot->site) ? cooling->tank_capacity_wh : 0;
    if (code == 0 &&
        (stores->tank_wh < -CHECK_ENERGY_WH || stores->tank_wh > most_wh + CHECK_ENERGY_WH))
        return wrong(spot, "tank_end_wh, which is out of its bounds,", stores->tank_wh,
                     stores->tank_wh < 0 ? 0 : most_wh);
    return code;
}

/* Why the stores do what they do has to be told. */
static int check_reasons(const struct spot *spot)
{
    if (has_battery(spot->site) && spot->slot->battery_reason == REASON_NONE)
        return wrong(spot, "battery_reason", 0, REASON_IDLE);
    if (has_tank(spot->site) && spot->slot->tank_reason == REASON_NONE)
        return wrong(spot, "tank_reason", 0, REASON_IDLE);
    return 0;
}

static int check_slot(const struct spot *spot, struct stores *stores)
{
    int code = check_ranges(spot);
    if (code == 0)
        code = check_load(spot);
    if (code == 0)
        code = check_flows(spot);
    if (code == 0)
        code = expect(spot, "ramp_breach_w", spot->slot->ramp_breach_w, ramp_breach_w(spot),
                      CHECK_POWER_W);
    if (code == 0)
        code = check_battery(spot, stores);
    if (code == 0)
        code = check_tank(spot, stores);
    if (code == 0)
        code = check_reasons(spot);
    const struct plan_slot *slot = spot->slot;
    spot->check->breaching |= slot->breach_w > 0 || slot->ramp_breach_w > 0 ||
                              slot->cooling_short_w > 0 || slot->reserve_short_wh > 0;
    return code;
}

static void add_slot_costs(const struct spot *spot)
{
    const struct problem_prices *prices = &spot->check->problem->prices;
    const struct problem_slot *given = spot->given;
    const struct plan_slot *slot = spot->slot;
    struct check_costs *costs = &spot->check->costs;
    double mwh_per_w = spot->hours / 1e6;
    costs->energy += mwh_per_w * (slot->import_w * given->price_import_per_mwh -
                                  slot->export_w * given->price_export_per_mwh);
    costs->carbon +=
        mwh_per_w * slot->import_w * given->carbon_g_per_kwh / 1000 * prices->carbon_per_t;
    costs->wear += mwh_per_w * slot->discharge_w * spot->site->battery.wear_per_mwh;
    costs->breach += mwh_per_w * (slot->breach_w + slot->ramp_breach_w + slot->cooling_short_w) *
                     prices->breach_per_mwh;
}

static int check_site(struct check *check, int32_t s)
{
    const struct problem_site *site = &check->problem->sites[s];
    const struct problem_battery *battery = &site->battery;
    const struct plan_slot *last = &check->plan->sites[s].slots[check->problem->slot_count - 1];
    struct stores stores = {.soc_wh = battery->soc_wh,
                            .floor_wh = fmin(battery->soc_wh, battery->soc_min_wh),
                            .ceiling_wh = fmax(battery->soc_wh, battery->soc_max_wh),
                            .tank_wh = has_tank(site) ? site->cooling.tank_wh : 0};
    double peak_w = 0;
    for (int32_t t = 0; t < check->problem->slot_count; t++) {
        struct spot spot = spot_of(check, s, t);
        int code = check_slot(&spot, &stores);
        if (code < 0)
            return code;
        add_slot_costs(&spot);
        peak_w = fmax(peak_w, spot.slot->import_w);
    }
    if (!check_same(check->plan->sites[s].peak_import_w, peak_w, CHECK_POWER_W))
        return check_part(check, "peak_import_w", check->plan->sites[s].peak_import_w, peak_w);
    check->costs.peak +=
        fmax(0, peak_w - site->peak_so_far_w) / 1000 * check->problem->prices.peak_per_kw;
    check->costs.stored +=
        has_battery(site) ? last->soc_end_wh / 1e6 * battery->end_value_per_mwh : 0;
    check->costs.stored +=
        has_tank(site) ? last->tank_end_wh / 1e6 * site->cooling.tank_end_value_per_mwh : 0;
    return 0;
}

int check_sites(struct check *check)
{
    int code = 0;
    for (int32_t s = 0; code == 0 && s < check->problem->site_count; s++)
        code = check_site(check, s);
    return code;
}
