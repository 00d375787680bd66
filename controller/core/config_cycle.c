/* From the configuration to what the cycle needs: limits of the guard, prices, storage, planning.
 */
#include "controller/core/config.h"

#include <math.h>
#include <string.h>

#include "controller/base/utc.h"

static void fill_guard(const struct config *config, struct guard_config *guard)
{
    const struct config_values *v = &config->values;
    *guard = (struct guard_config){
        .import_limit_w = v->import_w,
        .import_fail_safe_w = v->import_fail_safe_w,
        .export_limit_w = v->export_w,
        .headroom_w = v->headroom_w,
        .soc_min_pct = v->reserve * 100,
        .soc_max_pct = v->soc_most * 100,
        .battery_charge_max_w = v->charge_w,
        .battery_discharge_max_w = v->discharge_w,
        .battery_ramp_w_per_s = v->ramp_w_per_s,
        .battery_deadband_w = v->deadband_w,
        .battery_write_per_hour = v->battery_writes_per_hour,
        .inlet_limit_c = v->inlet_c,
        .supply_min_c = v->supply_min_c,
        .supply_max_c = v->supply_max_c,
        .supply_ramp_k_per_s = v->supply_ramp_k_per_s,
        .supply_fail_safe_c = v->supply_fail_safe_c,
        .cooling_write_per_hour = v->cooling_writes_per_hour,
        .overhead_ratio_max = v->overhead_most,
        .job_min_run_ms = (int64_t)v->job_min_run_ms,
        .job_min_stop_ms = (int64_t)v->job_min_stop_ms,
        .tank_charge_max_w = v->tank_charge_w,
        .tank_discharge_max_w = v->tank_discharge_w,
        .tank_deadband_w = v->tank_deadband_w,
        .tank_write_per_hour = v->tank_writes_per_hour,
        .tank_refresh_ms = (int64_t)(v->tank_revert_after_ms / 2),
        .settle_ms = (int64_t)v->settle_ms,
        .refresh_ms = (int64_t)(v->revert_after_ms / 2),
        .revert_s = v->revert_after_ms / SECOND_MS,
        .contest_rewrites = (int)v->contest_rewrites,
        .contest_window_ms = (int64_t)v->contest_window_ms,
        .contest_hold_ms = (int64_t)v->contest_hold_ms,
        .feeder_count = config->topology->feeder_count,
    };
    for (int f = 0; f < config->topology->feeder_count; f++)
        guard->feeder_limit_w[f] = config->topology->feeders[f].limit_w;
}

static void fill_prices(const struct config_values *v, struct problem_prices *prices)
{
    *prices = (struct problem_prices){
        .carbon_per_t = v->carbon_per_t,
        .peak_per_kw = v->peak_per_kw,
        .delay_per_mwh_h = v->delay_per_mwh_h,
        .churn = v->churn,
        .change_gain = v->change_gain,
        .breach_per_mwh = v->breach_per_mwh,
    };
    /* Realtime work is never planned; should it be late it weighs as guaranteed work. */
    const double late[JOB_CLASSES] = {v->late_guaranteed, v->late_guaranteed, v->late_deferrable,
                                      v->late_scavenger};
    const double unserved[JOB_CLASSES] = {v->unserved_guaranteed, v->unserved_guaranteed,
                                          v->unserved_deferrable, v->unserved_scavenger};
    memcpy(prices->lateness_per_mwh, late, sizeof late);
    for (int c = 0; c < JOB_CLASSES; c++)
        prices->lateness_per_mwh_h[c] = late[c] * v->late_growth;
    memcpy(prices->unserved_per_mwh, unserved, sizeof unserved);
}

static void fill_battery(const struct config *config, struct problem_battery *battery)
{
    const struct config_values *v = &config->values;
    *battery = (struct problem_battery){
        .capacity_wh = *config->battery_device ? v->capacity_wh : 0,
        .soc_min_wh = v->reserve * v->capacity_wh,
        .soc_max_wh = v->soc_most * v->capacity_wh,
        .charge_max_w = v->charge_w,
        .discharge_max_w = v->discharge_w,
        .charge_efficiency = v->charge_efficiency,
        .discharge_efficiency = v->discharge_efficiency,
        .wear_per_mwh = v->wear_per_mwh,
    };
}

static void fill_cooling(const struct config *config, struct cycle_config *cycle)
{
    const struct config_values *v = &config->values;
    cycle->cooling = (struct problem_cooling){
        .chiller_max_w = v->chiller_w,
        .tank_capacity_wh = *config->tank_device ? v->tank_wh : 0,
        .tank_charge_max_w = v->tank_charge_w,
        .tank_discharge_max_w = v->tank_discharge_w,
        .tank_loss_per_h = v->tank_loss_per_h,
    };
    cycle->cooling_model = (struct cooling_model){
        .cop = v->cop,
        .cop_per_k = v->cop_per_k,
        .free_below_c = v->free_below_c,
        .free_above_c = v->free_above_c,
        .free_cop = v->free_cop,
    };
    cycle->heat_ratio = v->heat_ratio;
    cycle->distribution_ratio = v->distribution_ratio;
}

/* The nearest quantile that forecasts have. */
static int find_quantile(double share)
{
    int best = QUANTILE_MEDIAN;
    for (int q = QUANTILE_MEDIAN; q < QUANTILES; q++)
        if (fabs(forecast_quantiles[q] - share) < fabs(forecast_quantiles[best] - share))
            best = q;
    return best;
}

static void fill_planning(const struct config *config, struct cycle_config *cycle)
{
    const struct config_values *v = &config->values;
    cycle->deadline_margin_ms = (int64_t)v->deadline_margin_ms;
    cycle->plan_every_ms = (int64_t)v->plan_every_ms;
    cycle->plan_valid_ms = (int64_t)v->plan_valid_ms;
    cycle->plan_on_arrival = config->plan_on_arrival;
    cycle->base_quantile = find_quantile(v->base_quantile);
    cycle->scenarios = (int)v->scenarios;
    cycle->threshold_w = v->capacity_w;
    cycle->ramp_w_per_min = v->import_ramp_w_per_s * MINUTE_MS / SECOND_MS;
    cycle->grid = (struct problem_grid){problem_grid_live.fine_h, problem_grid_live.quarter_h,
                                        (int32_t)(v->horizon_ms / HOUR_MS)};
}

void configuration_cycle(const struct config *config, struct cycle_config *ret_cycle)
{
    const struct config_values *v = &config->values;
    *ret_cycle = (struct cycle_config){
        .topology = config->topology,
        .battery_device = topology_find_device(config->topology, config->battery_device),
        .chiller_device = topology_find_device(config->topology, config->chiller_device),
        .inlet_device = topology_find_device(config->topology, config->inlet_device),
        .tank_device = topology_find_device(config->topology, config->tank_device),
        .export_price_per_mwh = v->export_per_mwh,
        .fixed_w = v->fixed_w,
        .overhead_ratio = v->overhead_ratio,
        .cooling_every_ms = (int64_t)v->cooling_every_ms,
        .cooling_margin_k = v->cooling_margin_k,
        .cooling_step_k = v->cooling_step_k,
        .forecast_every_ms = (int64_t)v->forecast_every_ms,
        .meter_gap_ms = (int64_t)v->meter_gap_ms,
        .pue_category = (int)v->pue_category,
        .forecaster = {.latitude_deg = v->latitude_deg, .longitude_deg = v->longitude_deg},
    };
    memcpy(ret_cycle->modes, config->modes, sizeof config->modes);
    fill_battery(config, &ret_cycle->battery);
    fill_cooling(config, ret_cycle);
    fill_planning(config, ret_cycle);
    fill_guard(config, &ret_cycle->guard);
    fill_prices(v, &ret_cycle->prices);
}
