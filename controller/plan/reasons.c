/* One enumerated reason for every job and every slot of the battery, read off a finished plan. */
#include "controller/plan/reasons.h"

#include <math.h>

#include "controller/plan/dispatch.h"

static const double SMALL_W = 1.0;
static const double GAIN = 0.01; /* less of a difference is no reason */

static double average(const struct workload *load, const struct plan_job *job,
                      double (*value)(const struct plan *, const struct workload *, int32_t),
                      const struct plan *plan)
{
    double sum = 0, total = 0;
    for (int32_t t = 0; t < load->problem->slot_count; t++) {
        double ran_ms = (double)runs_in_slot_ms(job, &load->problem->slots[t]);
        sum += ran_ms * value(plan, load, t);
        total += ran_ms;
    }
    return total > 0 ? sum / total : 0;
}

static double marginal(const struct plan *plan, const struct workload *load, int32_t t)
{
    (void)load;
    return plan->slots[t].marginal_per_mwh;
}

static double price(const struct plan *plan, const struct workload *load, int32_t t)
{
    (void)plan;
    return load->problem->slots[t].price_import_per_mwh;
}

static double carbon_price(const struct plan *plan, const struct workload *load, int32_t t)
{
    (void)plan;
    return load->problem->slots[t].carbon_g_per_kwh * load->problem->prices.carbon_per_t / 1000;
}

static double green_share(const struct plan *plan, const struct workload *load, int32_t t)
{
    (void)load;
    const struct plan_slot *slot = &plan->slots[t];
    return fmin(1, (slot->pv_used_w + slot->wind_used_w) / fmax(slot->facility_w, 1));
}

/* Green power that nobody used here. */
static bool has_surplus(const struct plan *plan, const struct workload *load, int32_t t)
{
    const struct problem_slot *given = &load->problem->slots[t];
    const struct plan_slot *slot = &plan->slots[t];
    return slot->export_w > SMALL_W ||
           given->pv_w + given->wind_w - slot->pv_used_w - slot->wind_used_w > SMALL_W;
}

static double mean_marginal(const struct plan *plan, const struct workload *load,
                            const struct work *work)
{
    double sum = 0, hours = 0;
    for (int32_t t = workload_slot(load, work->release_ms); t < load->problem->slot_count; t++) {
        if (t > 0 && load->problem->slots[t].start_ms >= work->due_ms)
            break;
        sum += plan->slots[t].marginal_per_mwh * load->hours[t];
        hours += load->hours[t];
    }
    return hours > 0 ? sum / hours : 0;
}

static bool too_short(const struct work *work)
{
    return work->due_ms - work->release_ms < work->job->remaining_ms;
}

static enum reason runs_now(const struct workload *load, const struct plan *plan,
                            const struct work *work, const struct plan_job *job)
{
    if (work->committed || work->job->job_class == JOB_GUARANTEED)
        return REASON_RUN_NOW;
    if (too_short(work))
        return REASON_NOT_ENOUGH_TIME;
    if (work->due_ms - work->job->remaining_ms < load->start_ms + load->problem->slots[0].length_ms)
        return REASON_DEADLINE;
    if (has_surplus(plan, load, 0))
        return REASON_SURPLUS;
    double own = average(load, job, marginal, plan);
    double mean = mean_marginal(plan, load, work);
    return own < mean - GAIN * fabs(mean) ? REASON_CHEAPEST_NOW : REASON_RUN_NOW;
}

static bool feeder_has_room(const struct schedule *schedule, const struct work *work, int32_t t)
{
    for (int32_t f = 0; f < schedule->load->problem->feeder_count; f++)
        if ((work->job->feeder < 0 || work->job->feeder == f) &&
            schedule->room_kw[f][t] + 1e-9 >= work->kw)
            return true;
    return false;
}

/* Would starting it now cross this level of import? */
static bool would_import_above(const struct workload *load, const struct plan *plan,
                               const struct work *work, double level_w)
{
    double added_w = work->job->power_w * (1 + load->problem->slots[0].overhead_ratio);
    return plan->slots[0].import_w + added_w > level_w + SMALL_W;
}

static enum reason waits(const struct schedule *schedule, const struct plan *plan,
                         const struct work *work, const struct plan_job *job)
{
    const struct workload *load = schedule->load;
    const struct problem *problem = load->problem;
    if (work->release_ms > load->start_ms)
        return REASON_NOT_RELEASED;
    if (!feeder_has_room(schedule, work, 0))
        return REASON_FEEDER_FULL;
    if (would_import_above(load, plan, work, problem->slots[0].import_limit_w))
        return REASON_GRID_LIMIT;
    double peak_w = fmax(plan->peak_import_w, problem->peak_so_far_w);
    bool peak_dear =
        plan->slots[0].marginal_per_mwh >
        (1 + GAIN) * 1000 * site_price_import(load, 0) * (1 + problem->slots[0].overhead_ratio);
    if (peak_dear && would_import_above(load, plan, work, peak_w))
        return REASON_PEAK_CHARGE;
    if (job->run_count == 0)
        return REASON_CHEAPER_LATER;
    double cheaper = price(plan, load, 0) - average(load, job, price, plan);
    double greener = carbon_price(plan, load, 0) - average(load, job, carbon_price, plan);
    double more_green = average(load, job, green_share, plan) - green_share(plan, load, 0);
    return greener > cheaper || (cheaper <= 0 && more_green > GAIN) ? REASON_GREENER_LATER
                                                                    : REASON_CHEAPER_LATER;
}

static enum reason job_reason(const struct schedule *schedule, const struct plan *plan,
                              const struct work *work, const struct plan_job *job)
{
    const struct workload *load = schedule->load;
    if (!work->possible)
        return REASON_TOO_LARGE;
    if (work->job->remaining_ms <= 0)
        return REASON_NONE;
    if (job->run_count > 0 && job->runs[0].start_ms <= load->start_ms)
        return runs_now(load, plan, work, job);
    if (job->run_count > 0 && too_short(work) && job->late)
        return REASON_NOT_ENOUGH_TIME;
    return waits(schedule, plan, work, job);
}

static enum reason battery_reason(const struct workload *load, const struct plan *plan, int32_t t)
{
    const struct problem_battery *battery = &load->problem->battery;
    const struct problem_slot *given = &load->problem->slots[t];
    const struct plan_slot *slot = &plan->slots[t];
    double start_wh = t > 0 ? plan->slots[t - 1].soc_end_wh : battery->soc_wh;
    if (battery->capacity_wh <= 0)
        return REASON_NONE;
    if (start_wh < battery->soc_min_wh - SMALL_W)
        return REASON_RESERVE;
    if (slot->charge_w > SMALL_W)
        return given->pv_w + given->wind_w > slot->facility_w + SMALL_W ? REASON_SURPLUS
                                                                        : REASON_ARBITRAGE;
    if (slot->discharge_w > SMALL_W) {
        double without_w = slot->import_w + slot->discharge_w;
        if (without_w > given->import_limit_w + SMALL_W)
            return REASON_GRID_LIMIT;
        double peak_w = fmax(plan->peak_import_w, load->problem->peak_so_far_w);
        bool charged = load->problem->prices.peak_per_kw > 0;
        return charged && without_w > peak_w + SMALL_W ? REASON_PEAK_SHAVING : REASON_ARBITRAGE;
    }
    return start_wh <= battery->soc_min_wh + SMALL_W ? REASON_RESERVE : REASON_IDLE;
}

void reasons_fill(const struct schedule *schedule, struct plan *plan)
{
    for (int32_t i = 0; i < plan->job_count; i++)
        plan->jobs[i].reason =
            job_reason(schedule, plan, &schedule->load->works[i], &plan->jobs[i]);
    for (int32_t t = 0; t < plan->slot_count; t++)
        plan->slots[t].battery_reason = battery_reason(schedule->load, plan, t);
}
