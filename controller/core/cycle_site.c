/* The site's part of the planner's problem: hierarchy, base load by rack group, storage, cooling.
 */
#include <math.h>

#include "controller/core/cycle_private.h"

/* ---- hierarchy ---- */

void cycle_site_frame(const struct cycle *cycle, const struct tick_input *input,
                      struct problem *problem)
{
    const struct topology *topology = cycle->config.topology;
    struct problem_site *site = &problem->sites[0];
    site->feeder_count = topology->feeder_count;
    for (int f = 0; f < topology->feeder_count; f++)
        site->feeders[f].limit_w = topology->feeders[f].limit_w;
    site->group_count = topology->group_count;
    for (int g = 0; g < topology->group_count; g++) {
        const struct rack_group *group = &topology->groups[g];
        site->groups[g] =
            (struct problem_group){.feeder = group->feeder, .limit_w = group->limit_w};
        for (int c = 0; c < LIMIT_ACCELERATORS; c++)
            site->groups[g].accelerators[c] = group->accelerators[c];
    }
    /* Not into the last kW of the capacity: what corrections leave undone would exceed it. */
    double capacity_w = cycle->config.threshold_w - cycle->config.guard.battery_deadband_w;
    site->peak_so_far_w = fmax(cycle->peak_w, cycle->config.threshold_w > 0 ? capacity_w : 0);
    site->ramp_w_per_min = cycle->config.ramp_w_per_min;
    site->net_now_w = cycle_role_power(cycle, input->image, ROLE_UTILITY);
}

/* ---- base load ---- */

/* IT load of each rack group that is not a managed job; NAN: unknown. */
struct base {
    double group_w[LIMIT_GROUPS];
    double known_w; /* sum of those that are known */
};

static void take_jobs_off(const struct cycle *cycle, const struct tick_input *input,
                          double feeder_w[LIMIT_FEEDERS], double group_w[LIMIT_GROUPS])
{
    const struct topology *topology = cycle->config.topology;
    for (int j = 0; j < input->job_count; j++) {
        const struct job *job = &input->jobs[j];
        bool placed = job->group >= 0 && job->group < topology->group_count;
        if (!job_state_draws_power(job->state) || !placed)
            continue;
        feeder_w[topology->groups[job->group].feeder] -= job_power_w(job);
        if (cycle->group_metered[job->group])
            group_w[job->group] -= job_power_w(job);
    }
}

/* What a feeder carries beyond its metered groups is spread over the others by their limits, or
 * over all of them where every one has a meter. */
static void spread_rest(const struct cycle *cycle, int32_t feeder, double rest_w,
                        double group_w[LIMIT_GROUPS])
{
    const struct topology *topology = cycle->config.topology;
    double open_w = 0, all_w = 0;
    for (int g = 0; g < topology->group_count; g++) {
        bool ours = topology->groups[g].feeder == feeder;
        all_w += ours ? topology->groups[g].limit_w : 0;
        open_w += ours && !cycle->group_metered[g] ? topology->groups[g].limit_w : 0;
    }
    for (int g = 0; g < topology->group_count; g++) {
        bool takes =
            topology->groups[g].feeder == feeder && (open_w <= 0 || !cycle->group_metered[g]);
        if (takes)
            group_w[g] += rest_w * topology->groups[g].limit_w / (open_w > 0 ? open_w : all_w);
    }
}

static void find_base(const struct cycle *cycle, const struct tick_input *input,
                      struct base *ret_base)
{
    const struct topology *topology = cycle->config.topology;
    double rest_w[LIMIT_FEEDERS];
    *ret_base = (struct base){0};
    for (int f = 0; f < topology->feeder_count; f++)
        rest_w[f] = cycle->loads.feeder_w[f];
    for (int g = 0; g < topology->group_count; g++)
        ret_base->group_w[g] = cycle->group_metered[g] ? cycle->loads.group_w[g] : 0;
    take_jobs_off(cycle, input, rest_w, ret_base->group_w);
    for (int g = 0; g < topology->group_count; g++)
        rest_w[topology->groups[g].feeder] -= ret_base->group_w[g];
    for (int f = 0; f < topology->feeder_count; f++)
        spread_rest(cycle, f, isnan(rest_w[f]) ? NAN : fmax(rest_w[f], 0), ret_base->group_w);
    for (int g = 0; g < topology->group_count; g++) {
        if (isnan(rest_w[topology->groups[g].feeder]))
            ret_base->group_w[g] = NAN;
        if (!isnan(ret_base->group_w[g]))
            ret_base->known_w += ret_base->group_w[g] = fmax(ret_base->group_w[g], 0);
    }
}

/* A group of unknown load is full, as far as its feeder carries that. */
static double full_load(const struct topology *topology, int32_t group)
{
    int32_t feeder = topology->groups[group].feeder;
    double all_w = 0;
    for (int g = 0; g < topology->group_count; g++)
        all_w += topology->groups[g].feeder == feeder ? topology->groups[g].limit_w : 0;
    return topology->groups[group].limit_w * fmin(1, topology->feeders[feeder].limit_w / all_w);
}

/* The forecast of all base load is split as it is split now. What stays free for it under the
 * limits is a high quantile: the guard sheds what goes beyond, at the price of that. */
static void fill_base(const struct cycle *cycle, const struct base *base, struct problem_slot *slot)
{
    const struct topology *topology = cycle->config.topology;
    int high = cycle->config.base_quantile;
    if (high < QUANTILE_MEDIAN || high >= QUANTILES)
        high = QUANTILE_MEDIAN;
    double then_w =
        fmax(cycle_forecast_or(cycle, SERIES_BASE_IT, QUANTILE_MEDIAN, slot, base->known_w), 0);
    double most_w = fmax(cycle_forecast_or(cycle, SERIES_BASE_IT, high, slot, then_w), then_w);
    for (int g = 0; g < topology->group_count; g++) {
        double share =
            base->known_w > 0 ? base->group_w[g] / base->known_w : 1.0 / topology->group_count;
        bool known = !isnan(base->group_w[g]);
        slot->base_it_w[g] = known ? then_w * share : full_load(topology, g);
        slot->base_it_high_w[g] = known ? most_w * share : slot->base_it_w[g];
    }
}

/* ---- cooling ---- */

/* An unknown outdoor temperature is a warm one. */
static void fill_cooling(const struct cycle *cycle, struct problem_slot *slot)
{
    const struct cycle_config *config = &cycle->config;
    double temp_c = cycle_forecast_or(cycle, SERIES_TEMP, QUANTILE_MEDIAN, slot, NAN);
    slot->fixed_w = cycle->overhead.fixed_w;
    slot->overhead_ratio = overhead_ratio(&cycle->overhead, temp_c);
    if (config->cooling.chiller_max_w <= 0)
        return;
    if (isnan(temp_c))
        temp_c = cooling_warm_c;
    slot->overhead_ratio = config->distribution_ratio;
    slot->heat_ratio = config->heat_ratio;
    slot->cop = cooling_model_cop(&config->cooling_model, temp_c);
    slot->free_cooling_w =
        config->cooling.chiller_max_w * cooling_model_free_share(&config->cooling_model, temp_c);
    slot->free_cop = config->cooling_model.free_cop;
}

void cycle_site_slots(const struct cycle *cycle, const struct tick_input *input,
                      struct problem *problem)
{
    struct base base;
    find_base(cycle, input, &base);
    for (int s = 0; s < problem->slot_count; s++) {
        fill_base(cycle, &base, &problem->sites[0].slots[s]);
        fill_cooling(cycle, &problem->sites[0].slots[s]);
    }
}

/* ---- storage ---- */

/* What a stored MWh saves later is the horizon's mean price of energy with carbon, of electricity
 * or, divided by the COP, of cold. */
static void mean_prices(const struct cycle *cycle, const struct problem *problem,
                        double *ret_energy_per_mwh, double *ret_cold_per_mwh)
{
    double energy = 0, cold = 0, hours = 0;
    for (int s = 0; s < problem->slot_count; s++) {
        const struct problem_slot *slot = &problem->sites[0].slots[s];
        double carbon_per_mwh = slot->carbon_g_per_kwh / 1000 * cycle->config.prices.carbon_per_t;
        double h = (double)slot->length_ms / HOUR_MS;
        double per_mwh = (slot->price_import_per_mwh + carbon_per_mwh) * h;
        energy += per_mwh;
        cold += slot->cop > 0 ? per_mwh / slot->cop : 0;
        hours += h;
    }
    *ret_energy_per_mwh = hours > 0 ? energy / hours : 0;
    *ret_cold_per_mwh = hours > 0 ? cold / hours : 0;
}

static void fill_battery(const struct cycle *cycle, const struct image *image, double per_mwh,
                         struct problem_battery *battery)
{
    int32_t device = cycle->config.battery_device;
    double soc_pct, most_w;
    *battery = cycle->config.battery;
    if (battery->capacity_wh <= 0 || !image_device_value(image, device, POINT_SOC, &soc_pct)) {
        battery->capacity_wh = 0;
        return;
    }
    battery->soc_wh = soc_pct / 100 * battery->capacity_wh;
    /* A derating near the ends of the band is not forecast: only a lasting one, seen at mid
     * charge, narrows the plan. */
    bool middle = battery->soc_wh > battery->soc_min_wh && battery->soc_wh < battery->soc_max_wh;
    if (middle && image_device_value(image, device, POINT_POWER_CHARGE_MAX, &most_w) && most_w > 0)
        battery->charge_max_w = fmin(battery->charge_max_w, most_w);
    if (middle && image_device_value(image, device, POINT_POWER_DISCHARGE_MAX, &most_w) &&
        most_w > 0)
        battery->discharge_max_w = fmin(battery->discharge_max_w, most_w);
    battery->end_value_per_mwh =
        fmax((per_mwh - battery->wear_per_mwh) * battery->discharge_efficiency, 0);
}

/* A tank whose charge is unknown is none. */
static void fill_tank(const struct cycle *cycle, const struct image *image, double per_mwh,
                      struct problem_cooling *cooling)
{
    *cooling = cycle->config.cooling;
    double soc_pct = cycle_device_value(image, cycle->config.tank_device, POINT_SOC);
    if (cooling->chiller_max_w <= 0 || cooling->tank_capacity_wh <= 0 || isnan(soc_pct)) {
        cooling->tank_capacity_wh = 0;
        return;
    }
    cooling->tank_wh = fmin(fmax(soc_pct / 100, 0), 1) * cooling->tank_capacity_wh;
    cooling->tank_end_value_per_mwh = fmax(per_mwh, 0);
}

void cycle_site_storage(const struct cycle *cycle, const struct tick_input *input,
                        struct problem *problem)
{
    double energy_per_mwh, cold_per_mwh;
    mean_prices(cycle, problem, &energy_per_mwh, &cold_per_mwh);
    fill_battery(cycle, input->image, energy_per_mwh, &problem->sites[0].battery);
    fill_tank(cycle, input->image, cold_per_mwh, &problem->sites[0].cooling);
}
