/* Windows, prices and costs of the work in a problem. */
#include "controller/plan/work.h"

#include <math.h>
#include <stdlib.h>

static const double HOUR_MS = 3600e3;

int64_t overlap_ms(int64_t start_a, int64_t end_a, int64_t start_b, int64_t end_b)
{
    int64_t start = start_a > start_b ? start_a : start_b;
    int64_t end = end_a < end_b ? end_a : end_b;
    return end > start ? end - start : 0;
}

int32_t workload_slot(const struct workload *load, int64_t at_ms)
{
    const struct problem_slot *slots = load->problem->slots;
    int32_t low = 0, high = load->problem->slot_count - 1;
    while (low < high) {
        int32_t middle = (low + high + 1) / 2;
        if (slots[middle].start_ms <= at_ms)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

int64_t runs_in_slot_ms(const struct plan_job *plan, const struct problem_slot *slot)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < plan->run_count; i++)
        sum += overlap_ms(plan->runs[i].start_ms, plan->runs[i].end_ms, slot->start_ms,
                          slot->start_ms + slot->length_ms);
    return sum;
}

int64_t runs_total_ms(const struct plan_job *plan)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < plan->run_count; i++)
        sum += plan->runs[i].end_ms - plan->runs[i].start_ms;
    return sum;
}

/* Running time times the middle of the slot it falls in, ms h; what is left counts at the end. */
static double work_moment(const struct workload *load, const struct work *work,
                          const struct plan_job *plan)
{
    double moment = 0;
    int64_t left_ms = work->job->remaining_ms;
    for (int32_t i = 0; i < plan->run_count; i++) {
        const struct plan_run *run = &plan->runs[i];
        for (int32_t t = workload_slot(load, run->start_ms); t < load->problem->slot_count; t++) {
            const struct problem_slot *slot = &load->problem->slots[t];
            if (slot->start_ms >= run->end_ms)
                break;
            int64_t ran_ms = overlap_ms(run->start_ms, run->end_ms, slot->start_ms,
                                        slot->start_ms + slot->length_ms);
            moment += (double)ran_ms * load->middle_h[t];
            left_ms -= ran_ms;
        }
    }
    return moment + (double)left_ms * (double)(load->end_ms - load->start_ms) / HOUR_MS;
}

void work_run_at_once(const struct workload *load, const struct work *work,
                      struct plan_job *ret_plan)
{
    int64_t end_ms = work->release_ms + work->job->remaining_ms;
    *ret_plan = (struct plan_job){.feeder = work->job->feeder};
    if (work->job->remaining_ms <= 0 || work->release_ms >= load->end_ms)
        return;
    ret_plan->run_count = 1;
    ret_plan->runs[0].start_ms = work->release_ms;
    ret_plan->runs[0].end_ms = end_ms < load->end_ms ? end_ms : load->end_ms;
}

double work_leave_cost(const struct work *work, int64_t left_ms)
{
    int64_t later_ms = left_ms < work->leave_ms ? left_ms : work->leave_ms;
    return work->kw / HOUR_MS * (double)later_ms * work->leave_per_kwh;
}

static double unserved_cost(const struct work *work, int64_t left_ms)
{
    if (left_ms <= work->leave_ms)
        return 0;
    return work->kw / HOUR_MS * (double)(left_ms - work->leave_ms) * work->unserved_per_kwh;
}

double work_left_cost(const struct workload *load, const struct work *work, int64_t left_ms)
{
    double end_h = (double)(load->end_ms - load->start_ms) / HOUR_MS;
    return work_leave_cost(work, left_ms) + unserved_cost(work, left_ms) +
           work->kw / HOUR_MS * (double)left_ms * end_h * work->delay_per_kwh_h;
}

/* The objective prices lateness by the minute, and a minute is cheap; people count missed
 * deadlines. So the search weighs a miss like this much more lateness. */
static const double MISS_H = 1.0;

double work_miss_cost(const struct work *work, int64_t last_ms, int64_t left_ms)
{
    bool missed = left_ms > 0 ? left_ms > work->leave_ms : last_ms > work->due_ms;
    return missed ? work->miss_cost : 0;
}

static int32_t churn_count(const struct workload *load, const struct work *work,
                           const struct plan_job *plan)
{
    bool finished = runs_total_ms(plan) >= work->job->remaining_ms;
    if (plan->run_count == 0)
        return work->job->running && !finished;
    int32_t count = 2 * (plan->run_count - 1);
    if (work->job->running && plan->runs[0].start_ms > load->start_ms)
        count += 2;
    if (!finished && plan->runs[plan->run_count - 1].end_ms < load->end_ms)
        count++;
    return count;
}

void work_cost(const struct workload *load, const struct work *work, const struct plan_job *plan,
               struct work_cost *ret_cost)
{
    double kwh_per_ms = work->kw / HOUR_MS;
    int64_t late_ms = 0;
    for (int32_t i = 0; i < plan->run_count; i++)
        late_ms +=
            overlap_ms(plan->runs[i].start_ms, plan->runs[i].end_ms, work->due_ms, INT64_MAX);
    int64_t left_ms = work->job->remaining_ms - runs_total_ms(plan);
    ret_cost->lateness =
        kwh_per_ms * (double)late_ms * work->late_per_kwh + unserved_cost(work, left_ms);
    ret_cost->delay =
        kwh_per_ms * work->delay_per_kwh_h * (work_moment(load, work, plan) - work->moment_at_once);
    ret_cost->churn = churn_count(load, work, plan) * load->problem->prices.churn;
    ret_cost->leave = work_leave_cost(work, left_ms);
}

void work_add_power(const struct workload *load, const struct work *work,
                    const struct plan_job *plan, double sign, double *kw)
{
    for (int32_t i = 0; i < plan->run_count; i++) {
        const struct plan_run *run = &plan->runs[i];
        for (int32_t t = workload_slot(load, run->start_ms); t < load->problem->slot_count; t++) {
            const struct problem_slot *slot = &load->problem->slots[t];
            if (slot->start_ms >= run->end_ms)
                break;
            kw[t] += sign * work->kw / (double)slot->length_ms *
                     (double)overlap_ms(run->start_ms, run->end_ms, slot->start_ms,
                                        slot->start_ms + slot->length_ms);
        }
    }
}

double workload_net_kw(const struct workload *load, int32_t t)
{
    const struct problem_slot *slot = &load->problem->slots[t];
    double it_w = 0;
    for (int32_t f = 0; f < load->problem->feeder_count; f++)
        it_w += slot->base_it_w[f];
    return (slot->fixed_w + it_w * (1 + slot->overhead_ratio) - slot->pv_w - slot->wind_w) / 1000;
}

void workload_reserve(const struct workload *load, double *ret_kwh)
{
    const struct problem_battery *battery = &load->problem->battery;
    double reserve_kwh = battery->soc_min_wh / 1000;
    double floor_kwh = fmin(battery->soc_wh / 1000, reserve_kwh);
    for (int32_t t = 0; t < load->problem->slot_count; t++) {
        const struct problem_slot *slot = &load->problem->slots[t];
        double used_kw =
            workload_net_kw(load, t) + load->committed_kw[t] * (1 + slot->overhead_ratio);
        double room_kw = fmax(0, slot->import_limit_w / 1000 - used_kw);
        double charge_kw = fmin(battery->charge_max_w / 1000, room_kw);
        floor_kwh =
            fmin(reserve_kwh, floor_kwh + charge_kw * battery->charge_efficiency * load->hours[t]);
        ret_kwh[t] = floor_kwh;
    }
}

static bool fits_a_feeder(const struct problem *problem, const struct problem_job *job)
{
    for (int32_t f = 0; f < problem->feeder_count; f++)
        if ((job->feeder < 0 || job->feeder == f) && job->power_w <= problem->feeders[f].limit_w)
            return true;
    return false;
}

static int64_t due_ms(const struct problem_job *job, int64_t release_ms)
{
    bool at_once = job->job_class == JOB_REALTIME || job->job_class == JOB_GUARANTEED;
    int64_t soonest_ms = release_ms + job->remaining_ms;
    return at_once && soonest_ms < job->deadline_ms ? soonest_ms : job->deadline_ms;
}

/* Without a deadline nothing is due inside the horizon. A scavenger's work is worth its price
 * whether due or not. */
static int64_t leave_ms(const struct workload *load, const struct work *work)
{
    if (work->job->job_class == JOB_SCAVENGER || work->due_ms <= load->end_ms)
        return 0;
    int64_t after_ms = work->due_ms - load->end_ms;
    return after_ms < work->job->remaining_ms ? after_ms : work->job->remaining_ms;
}

static void work_init(struct workload *load, struct work *work, const struct problem_job *job)
{
    const struct problem_prices *prices = &load->problem->prices;
    work->job = job;
    work->kw = job->power_w / 1000;
    bool later = !job->running && job->release_ms > load->start_ms;
    work->release_ms = later ? job->release_ms : load->start_ms;
    work->due_ms = due_ms(job, work->release_ms);
    work->leave_ms = leave_ms(load, work);
    work->possible = job->running || fits_a_feeder(load->problem, job);
    work->committed = work->possible &&
                      (job->job_class == JOB_REALTIME ||
                       (job->running && (job->job_class == JOB_GUARANTEED || !job->can_suspend)));
    work->late_per_kwh = prices->lateness_per_mwh[job->job_class] / 1000;
    work->unserved_per_kwh = prices->unserved_per_mwh[job->job_class] / 1000;
    work->leave_per_kwh = load->later_per_kwh;
    work->delay_per_kwh_h = job->job_class == JOB_SCAVENGER ? 0 : prices->delay_per_mwh_h / 1000;
    bool can_meet = work->due_ms - work->release_ms >= job->remaining_ms;
    if (can_meet && job->job_class != JOB_SCAVENGER)
        work->miss_cost = work->kw * work->late_per_kwh * MISS_H;
    struct plan_job at_once;
    work_run_at_once(load, work, &at_once);
    work->moment_at_once = work_moment(load, work, &at_once);
    if (!work->committed)
        return;
    work_add_power(load, work, &at_once, 1, load->committed_kw);
    if (job->feeder >= 0)
        work_add_power(load, work, &at_once, 1, load->committed_feeder_kw[job->feeder]);
}

static void slots_init(struct workload *load)
{
    const struct problem *problem = load->problem;
    double cost = 0, hours = 0;
    for (int32_t t = 0; t < problem->slot_count; t++) {
        const struct problem_slot *slot = &problem->slots[t];
        load->hours[t] = (double)slot->length_ms / HOUR_MS;
        load->middle_h[t] =
            (double)(slot->start_ms - load->start_ms) / HOUR_MS + load->hours[t] / 2;
        cost += load->hours[t] * (1 + slot->overhead_ratio) *
                (slot->price_import_per_mwh / 1000 +
                 slot->carbon_g_per_kwh * problem->prices.carbon_per_t / 1e6);
        hours += load->hours[t];
    }
    load->later_per_kwh = fmax(0, cost / hours);
}

struct workload *workload_create(const struct problem *problem)
{
    struct workload *load =
        calloc(1, sizeof(*load) + sizeof(struct work) * (size_t)problem->job_count);
    if (!load)
        return NULL;
    load->problem = problem;
    load->start_ms = problem->slots[0].start_ms;
    load->end_ms = problem_end_ms(problem);
    load->count = problem->job_count;
    slots_init(load);
    for (int32_t i = 0; i < load->count; i++)
        work_init(load, &load->works[i], &problem->jobs[i]);
    return load;
}
