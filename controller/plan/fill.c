/* Costs, outcomes and breaches of a plan. */
#include "controller/plan/fill.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "controller/plan/admit.h"
#include "controller/plan/reasons.h"

static const double SMALL_W = 0.1; /* less is rounding */

static void site_costs(const struct workload *load, int32_t s, const struct plan_slot *slots,
                       struct plan *plan)
{
    const struct problem_site *site = &load->problem->sites[s];
    const struct problem_prices *prices = &load->problem->prices;
    const struct plan_slot *last = &slots[load->slot_count - 1];
    double peak_w = 0;
    for (int32_t t = 0; t < load->slot_count; t++) {
        const struct problem_slot *given = &site->slots[t];
        const struct plan_slot *slot = &slots[t];
        double mwh_per_w = load->hours[t] / 1e6;
        plan->energy_cost += mwh_per_w * (slot->import_w * given->price_import_per_mwh -
                                          slot->export_w * given->price_export_per_mwh);
        plan->carbon_cost +=
            mwh_per_w * slot->import_w * given->carbon_g_per_kwh * prices->carbon_per_t / 1000;
        plan->wear_cost += mwh_per_w * slot->discharge_w * site->battery.wear_per_mwh;
        plan->breach_cost += mwh_per_w *
                             (slot->breach_w + slot->ramp_breach_w + slot->cooling_short_w) *
                             prices->breach_per_mwh;
        peak_w = fmax(peak_w, slot->import_w);
    }
    plan->sites[s].peak_import_w = peak_w;
    plan->peak_cost += prices->peak_per_kw * fmax(0, peak_w - site->peak_so_far_w) / 1000;
    if (site->battery.capacity_wh > 0)
        plan->end_value += last->soc_end_wh / 1e6 * site->battery.end_value_per_mwh;
    if (site->cooling.chiller_max_w > 0 && site->cooling.tank_capacity_wh > 0)
        plan->end_value += last->tank_end_wh / 1e6 * site->cooling.tank_end_value_per_mwh;
}

void fill_costs(const struct workload *load, const struct plan_job *jobs,
                struct plan_slot *const *slots, struct plan *plan)
{
    plan->energy_cost = plan->carbon_cost = plan->peak_cost = plan->wear_cost = 0;
    plan->lateness_cost = plan->breach_cost = plan->delay_cost = plan->churn_cost = 0;
    plan->transfer_cost = plan->end_value = 0;
    for (int32_t s = 0; s < load->site_count; s++)
        site_costs(load, s, slots[s], plan);
    for (int32_t i = 0; i < load->count; i++) {
        struct work_cost cost;
        work_cost(load, &load->works[i], &jobs[i], &cost);
        plan->lateness_cost += cost.lateness;
        plan->delay_cost += cost.delay;
        plan->churn_cost += cost.churn;
        plan->transfer_cost += cost.transfer;
        plan->end_value -= cost.leave;
    }
    plan->objective = plan->energy_cost + plan->carbon_cost + plan->peak_cost + plan->wear_cost +
                      plan->lateness_cost + plan->breach_cost + plan->delay_cost +
                      plan->churn_cost + plan->transfer_cost - plan->end_value;
}

void fill_job(const struct workload *load, const struct work *work, struct plan_job *job)
{
    int64_t deadline_ms = work->job->deadline_ms;
    int64_t left_ms = work_left_ms(load, work, job);
    int64_t last_ms = job->run_count > 0 ? job->runs[job->run_count - 1].end_ms : load->start_ms;
    int64_t after_ms = deadline_ms > load->end_ms ? deadline_ms - load->end_ms : 0;
    job->finish_ms = left_ms > 0 ? INT64_MAX : last_ms;
    job->late = left_ms > 0 ? left_ms > after_ms : job->run_count > 0 && last_ms > deadline_ms;
    job->late = job->late && deadline_ms != JOB_NO_DEADLINE;
}

static void add_load(const struct workload *load, const struct work *work,
                     const struct plan_job *job, struct plan_slot *slots)
{
    for (int32_t r = 0; r < job->run_count; r++) {
        const struct plan_run *run = &job->runs[r];
        double power_w = work->job->levels[run->level].power_w;
        for (int32_t t = workload_slot(load, run->start_ms); t < load->slot_count; t++) {
            const struct problem_slot *given = &load->problem->sites[0].slots[t];
            if (given->start_ms >= run->end_ms)
                break;
            slots[t].it_jobs_w[job->group] +=
                power_w / (double)given->length_ms *
                (double)overlap_ms(run->start_ms, run->end_ms, given->start_ms,
                                   given->start_ms + given->length_ms);
        }
    }
}

static void fill_jobs(const struct workload *load, struct plan *plan)
{
    plan->late_jobs = 0;
    for (int32_t i = 0; i < load->count; i++) {
        struct plan_job *job = &plan->jobs[i];
        if (job->run_count == 0)
            job->group = -1;
        fill_job(load, &load->works[i], job);
        plan->late_jobs += job->late;
        add_load(load, &load->works[i], job, plan->sites[job->site].slots);
    }
}

/* A committed job that starts (+) or ends (-) on a group. */
struct event {
    int64_t at_ms;
    double power_w;
    int32_t site, group;
};

static int compare_events(const void *a, const void *b)
{
    const struct event *left = a, *right = b;
    if (left->site != right->site)
        return left->site - right->site;
    return (left->at_ms > right->at_ms) - (left->at_ms < right->at_ms);
}

static size_t list_events(const struct workload *load, const struct plan *plan,
                          struct event *ret_events)
{
    size_t count = 0;
    for (int32_t i = 0; i < load->count; i++) {
        const struct work *work = &load->works[i];
        const struct plan_job *job = &plan->jobs[i];
        int64_t until_ms = work->committed ? INT64_MAX : work->held.end_ms;
        for (int32_t r = 0; r < job->run_count && job->runs[r].start_ms < until_ms; r++) {
            const struct plan_run *run = &job->runs[r];
            double power_w = work->job->levels[run->level].power_w;
            ret_events[count++] = (struct event){run->start_ms, power_w, job->site, job->group};
            ret_events[count++] = (struct event){run->end_ms < until_ms ? run->end_ms : until_ms,
                                                 -power_w, job->site, job->group};
        }
    }
    qsort(ret_events, count, sizeof(*ret_events), compare_events);
    return count;
}

/* What is kept free and committed on the feeders and groups of a site at one moment. */
struct kept {
    const struct problem_site *site;
    double group_w[LIMIT_GROUPS], feeder_w[LIMIT_FEEDERS];           /* of committed jobs */
    double group_base_w[LIMIT_GROUPS], feeder_base_w[LIMIT_FEEDERS]; /* in this slot */
};

static void enter_slot(struct kept *kept, int32_t t)
{
    for (int32_t f = 0; f < kept->site->feeder_count; f++)
        kept->feeder_base_w[f] = 0;
    for (int32_t g = 0; g < kept->site->group_count; g++) {
        kept->group_base_w[g] = kept->site->slots[t].base_it_high_w[g];
        kept->feeder_base_w[kept->site->groups[g].feeder] += kept->group_base_w[g];
    }
}

/* The worst so far of the slot; rounding is none. */
static void name_breach(double kept_w, double limit_w, double *breach_w)
{
    if (kept_w - limit_w > fmax(SMALL_W, *breach_w))
        *breach_w = kept_w - limit_w;
}

static void look_at(const struct kept *kept, struct plan_slot *slot)
{
    const struct problem_site *site = kept->site;
    for (int32_t f = 0; f < site->feeder_count; f++)
        name_breach(kept->feeder_base_w[f] + kept->feeder_w[f], site->feeders[f].limit_w,
                    &slot->feeder_breach_w[f]);
    for (int32_t g = 0; g < site->group_count; g++)
        name_breach(kept->group_base_w[g] + kept->group_w[g],
                    fmin(site->groups[g].limit_w, site->feeders[site->groups[g].feeder].limit_w),
                    &slot->group_breach_w[g]);
}

/* Applies the events of one moment; returns how many. */
static size_t pass_moment(struct kept *kept, const struct event *events, size_t count)
{
    size_t passed = 0;
    for (; passed < count && events[passed].at_ms == events[0].at_ms; passed++) {
        kept->group_w[events[passed].group] += events[passed].power_w;
        kept->feeder_w[kept->site->groups[events[passed].group].feeder] += events[passed].power_w;
    }
    return passed;
}

static void walk_site(const struct workload *load, int32_t s, const struct event *events,
                      size_t count, struct plan_slot *slots)
{
    struct kept kept = {.site = &load->problem->sites[s]};
    size_t next = 0;
    for (int32_t t = 0; t < load->slot_count; t++) {
        enter_slot(&kept, t);
        while (next < count && events[next].at_ms <= kept.site->slots[t].start_ms)
            next += pass_moment(&kept, events + next, count - next);
        look_at(&kept, &slots[t]);
        while (next < count && events[next].at_ms < workload_slot_end_ms(load, t)) {
            next += pass_moment(&kept, events + next, count - next);
            look_at(&kept, &slots[t]);
        }
    }
}

static bool fill_overloads(const struct workload *load, struct plan *plan)
{
    size_t room = 1, from = 0;
    for (int32_t i = 0; i < load->count; i++)
        room += 2 * (size_t)plan->jobs[i].run_count;
    struct event *events = calloc(room, sizeof(*events));
    if (!events)
        return false;
    size_t count = list_events(load, plan, events);
    for (int32_t s = 0; s < load->site_count; s++) {
        size_t to = from;
        while (to < count && events[to].site == s)
            to++;
        walk_site(load, s, events + from, to - from, plan->sites[s].slots);
        from = to;
    }
    free(events);
    return true;
}

static bool breaches(const struct problem_site *site, const struct plan_slot *slot)
{
    bool breach = slot->breach_w > 0 || slot->ramp_breach_w > 0 || slot->cooling_short_w > 0 ||
                  slot->reserve_short_wh > 0;
    for (int32_t f = 0; f < site->feeder_count; f++)
        breach |= slot->feeder_breach_w[f] > 0;
    for (int32_t g = 0; g < site->group_count; g++)
        breach |= slot->group_breach_w[g] > 0;
    return breach;
}

static bool fill_breaches(const struct workload *load, struct plan *plan)
{
    if (!fill_overloads(load, plan))
        return false;
    plan->status = PLAN_COMPLETE;
    for (int32_t s = 0; s < load->site_count; s++) {
        const struct problem_site *site = &load->problem->sites[s];
        for (int32_t t = 0; t < load->slot_count; t++) {
            struct plan_slot *slot = &plan->sites[s].slots[t];
            double short_wh =
                site->battery.capacity_wh > 0 ? site->battery.soc_min_wh - slot->soc_end_wh : 0;
            slot->reserve_short_wh = short_wh > SMALL_W / 100 ? short_wh : 0;
            if (breaches(site, slot))
                plan->status = PLAN_BREACHING;
        }
    }
    return true;
}

bool fill_plan(const struct schedule *schedule, struct plan_slot *const *slots, double bound,
               struct plan *plan)
{
    const struct workload *load = schedule->load;
    for (int32_t s = 0; s < load->site_count; s++)
        memcpy(plan->sites[s].slots, slots[s],
               (size_t)load->slot_count * sizeof(*plan->sites[s].slots));
    memcpy(plan->jobs, schedule->jobs, (size_t)load->count * sizeof(*plan->jobs));
    fill_costs(load, plan->jobs, slots, plan);
    plan->bound = isinf(bound) ? plan->objective - plan->hedge_cost : bound;
    plan->hedge_cost = fmin(plan->hedge_cost, fmax(0, plan->objective - plan->bound));
    plan->gap = fmax(0, plan->objective - plan->bound) / fmax(fabs(plan->bound), 1);
    fill_jobs(load, plan);
    plan_index(plan);
    plan->admission = admission_create(schedule);
    return fill_breaches(load, plan) && reasons_fill(schedule, plan) && plan->admission;
}
