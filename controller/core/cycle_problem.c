/* Builds the planner's problem from what is known now. What is unknown is replaced by the value
 * that promises least: no sun, no wind, feeders full, no battery; a missing price or carbon
 * forecast is flat, which gives no reason to shift. */
#include "controller/core/cycle_private.h"

#include <math.h>
#include <stddef.h>

static double forecast_mean_or(const struct cycle *cycle, enum forecast_series series,
                               const struct problem_slot *slot, double otherwise)
{
    double value = otherwise;
    forecast_mean(&cycle->forecasts[series], slot->start_ms, slot->start_ms + slot->length_ms,
                  QUANTILE_MEDIAN, &value);
    return value;
}

/* IT load on each feeder that is not a managed job; NAN: unknown. */
static void feeder_base(const struct cycle *cycle, const struct tick_input *input,
                        double ret_base_w[LIMIT_FEEDERS])
{
    cycle_feeder_loads(cycle, input->image, ret_base_w);
    for (int j = 0; j < input->job_count; j++) {
        const struct job *job = &input->jobs[j];
        if (job_state_draws_power(job->state) && job->feeder >= 0)
            ret_base_w[job->feeder] -= job->power_w;
    }
    for (int f = 0; f < LIMIT_FEEDERS; f++)
        ret_base_w[f] = isnan(ret_base_w[f]) ? NAN : fmax(ret_base_w[f], 0);
}

/* The forecast of all base load is split as it is split now; a feeder of unknown load is full. */
static void fill_base(const struct cycle *cycle, const struct problem *problem,
                      const double base_w[LIMIT_FEEDERS], struct problem_slot *slot)
{
    double now_w = 0;
    for (int f = 0; f < problem->feeder_count; f++)
        now_w += isnan(base_w[f]) ? 0 : base_w[f];
    double then_w = forecast_mean_or(cycle, SERIES_BASE_IT, slot, now_w);
    for (int f = 0; f < problem->feeder_count; f++) {
        if (isnan(base_w[f]))
            slot->base_it_w[f] = problem->feeders[f].limit_w;
        else
            slot->base_it_w[f] =
                now_w > 0 ? then_w * base_w[f] / now_w : then_w / problem->feeder_count;
    }
}

static void fill_slot(const struct cycle *cycle, const struct tick_input *input,
                      struct problem_slot *slot)
{
    const struct guard_config *limits = &cycle->config.guard;
    double import_w = limits->import_limit_w;
    if (isnan(input->external_limit_w))
        import_w = fmin(import_w, limits->import_fail_safe_w);
    else
        import_w = fmin(import_w, input->external_limit_w);
    slot->import_limit_w = fmax(import_w - limits->headroom_w, 0);
    slot->export_limit_w = limits->export_limit_w;
    slot->pv_w = fmax(forecast_mean_or(cycle, SERIES_PV, slot, 0), 0);
    slot->wind_w = fmax(forecast_mean_or(cycle, SERIES_WIND, slot, 0), 0);
    slot->price_import_per_mwh = forecast_mean_or(cycle, SERIES_PRICE, slot, 0);
    slot->price_export_per_mwh = cycle->config.export_price_per_mwh;
    slot->carbon_g_per_kwh = fmax(forecast_mean_or(cycle, SERIES_CARBON, slot, 0), 0);
    slot->fixed_w = cycle->overhead.fixed_w;
    slot->overhead_ratio =
        overhead_ratio(&cycle->overhead, forecast_mean_or(cycle, SERIES_TEMP, slot, NAN));
}

/* Energy left at the horizon's end is worth what it saves later: the mean price of the horizon
 * after the discharge losses and wear. */
static double end_value(const struct cycle *cycle, const struct problem *problem)
{
    double sum = 0, hours = 0;
    for (int s = 0; s < problem->slot_count; s++) {
        const struct problem_slot *slot = &problem->slots[s];
        double carbon_per_mwh = slot->carbon_g_per_kwh / 1000 * cycle->config.prices.carbon_per_t;
        double h = (double)slot->length_ms / HOUR_MS;
        sum += (slot->price_import_per_mwh + carbon_per_mwh) * h;
        hours += h;
    }
    const struct problem_battery *battery = &cycle->config.battery;
    double per_mwh = hours > 0 ? sum / hours : 0;
    return fmax((per_mwh - battery->wear_per_mwh) * battery->discharge_efficiency, 0);
}

static void fill_battery(const struct cycle *cycle, const struct tick_input *input,
                         struct problem *problem)
{
    problem->battery = cycle->config.battery;
    struct problem_battery *battery = &problem->battery;
    const struct image *image = input->image;
    int32_t device = cycle->config.battery_device;
    double soc_pct, most_w;
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
    battery->end_value_per_mwh = end_value(cycle, problem);
}

/* Jobs start, stop and report later than planned by a little, so the plan aims before the deadline
 * as long as that is possible. */
static int64_t planned_deadline(const struct cycle *cycle, const struct job *job, int64_t now_ms,
                                int64_t remaining_ms)
{
    if (job->deadline_ms == JOB_NO_DEADLINE)
        return JOB_NO_DEADLINE;
    int64_t earliest_ms = (job->release_ms > now_ms ? job->release_ms : now_ms) + remaining_ms;
    int64_t aimed_ms = job->deadline_ms - cycle->config.deadline_margin_ms;
    if (aimed_ms >= earliest_ms)
        return aimed_ms;
    return earliest_ms < job->deadline_ms ? earliest_ms : job->deadline_ms;
}

static void fill_job(const struct cycle *cycle, const struct job *job, int64_t now_ms,
                     struct problem_job *ret_job)
{
    bool draws = job_state_draws_power(job->state);
    int64_t remaining_ms = job_remaining_ms(job, now_ms);
    /* A job that outruns its estimate still draws power: it is planned on in small steps. */
    if (remaining_ms < 5 * MINUTE_MS)
        remaining_ms = 5 * MINUTE_MS;
    bool ours = cycle->config.modes[SUBSYSTEM_JOBS] == MODE_CONTROL;
    *ret_job = (struct problem_job){
        .id = job->id,
        .job_class = job->job_class,
        .power_w = job->power_w,
        .remaining_ms = remaining_ms,
        .release_ms = job->release_ms > now_ms ? job->release_ms : now_ms,
        .deadline_ms = planned_deadline(cycle, job, now_ms, remaining_ms),
        .min_run_ms = job->min_run_ms,
        .can_suspend = job->can_suspend && (ours || !draws),
        .running = draws,
        .feeder = draws || job->state == JOB_SUSPENDED ? job->feeder : -1,
    };
}

struct problem *cycle_problem(struct cycle *cycle, const struct tick_input *input)
{
    const struct topology *topology = cycle->config.topology;
    struct problem *problem = problem_create(input->job_count + 1);
    if (!problem)
        return NULL;
    problem->issue_ms = input->now_ms;
    problem->feeder_count = topology->feeder_count;
    for (int f = 0; f < topology->feeder_count; f++)
        problem->feeders[f].limit_w = topology->feeders[f].limit_w;
    problem->prices = cycle->config.prices;
    problem->peak_so_far_w = cycle->peak_w;
    problem_slots(problem, input->now_ms, cycle->config.horizon_h);
    double base_w[LIMIT_FEEDERS];
    feeder_base(cycle, input, base_w);
    for (int s = 0; s < problem->slot_count; s++) {
        fill_slot(cycle, input, &problem->slots[s]);
        fill_base(cycle, problem, base_w, &problem->slots[s]);
    }
    fill_battery(cycle, input, problem);
    for (int j = 0; j < input->job_count; j++) {
        if (!job_state_ended(input->jobs[j].state) && input->jobs[j].state != JOB_CANCELLING)
            fill_job(cycle, &input->jobs[j], input->now_ms, &problem->jobs[problem->job_count++]);
    }
    return problem;
}
