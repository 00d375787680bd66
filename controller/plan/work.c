/* What the runs of a job do, and what they cost beside energy. */
#include "controller/plan/work.h"

#include <math.h>

static const double HOUR_MS = 3600e3;
static const double WORK_ROUNDING = 1e-6; /* problem.h */

int64_t work_of_ms(int64_t length_ms, double speed)
{
    return (int64_t)floor((double)length_ms * speed + WORK_ROUNDING);
}

int64_t work_length_ms(int64_t work_ms, double speed)
{
    int64_t length_ms = (int64_t)ceil(((double)work_ms - WORK_ROUNDING) / speed);
    while (length_ms > 0 && work_of_ms(length_ms - 1, speed) >= work_ms)
        length_ms--;
    while (work_of_ms(length_ms, speed) < work_ms)
        length_ms++;
    return length_ms;
}

static const struct problem_level *level_of(const struct work *work, const struct plan_run *run)
{
    return &work->job->levels[run->level];
}

bool work_run_breaks(const struct workload *load, const struct work *work,
                     const struct plan_job *plan, int32_t run)
{
    if (run > 0)
        return plan->runs[run].start_ms > plan->runs[run - 1].end_ms;
    return work->job->suspended || (work->job->running && plan->runs[0].start_ms > load->start_ms);
}

/* The level that it runs at until the run begins; -1: it does not run. */
static int32_t level_before(const struct workload *load, const struct work *work,
                            const struct plan_job *plan, int32_t run)
{
    if (run == 0 && !work->job->running)
        return -1;
    if (work_run_breaks(load, work, plan, run))
        return -1;
    return run > 0 ? plan->runs[run - 1].level : work->job->level;
}

bool work_run_restarts(const struct workload *load, const struct work *work,
                       const struct plan_job *plan, int32_t run)
{
    int32_t before = level_before(load, work, plan, run);
    if (before < 0)
        return work_run_breaks(load, work, plan, run);
    return work->job->levels[before].accelerators != level_of(work, &plan->runs[run])->accelerators;
}

int64_t work_left_ms(const struct workload *load, const struct work *work,
                     const struct plan_job *plan)
{
    int64_t left_ms = work->job->remaining_ms;
    if (left_ms <= 0)
        return 0;
    if (plan->run_count == 0 && work->job->suspended)
        left_ms += work->job->restart_ms;
    for (int32_t i = 0; i < plan->run_count; i++) {
        const struct plan_run *run = &plan->runs[i];
        left_ms -= work_of_ms(run->end_ms - run->start_ms, level_of(work, run)->speed);
        if (work_run_restarts(load, work, plan, i))
            left_ms += work->job->restart_ms;
    }
    return left_ms;
}

/* Work times when it is done; what is left counts at the end. */
static double work_moment(const struct workload *load, const struct work *work,
                          const struct plan_job *plan)
{
    double moment = (double)work_left_ms(load, work, plan) * load->end_h;
    for (int32_t i = 0; i < plan->run_count; i++) {
        const struct plan_run *run = &plan->runs[i];
        moment += level_of(work, run)->speed * workload_moment(load, run->start_ms, run->end_ms);
    }
    return moment;
}

void work_run_at_once(const struct workload *load, const struct work *work,
                      struct plan_job *ret_plan)
{
    const struct problem_job *job = work->job;
    int64_t start_ms = work->first_ms;
    int32_t level = job->running ? job->level : 0;
    *ret_plan = (struct plan_job){.id = job->id, .site = job->site, .group = job->group};
    if (job->remaining_ms <= 0 || start_ms >= load->end_ms)
        return;
    int64_t end_ms = start_ms + work_length_ms(work->owed_ms, job->levels[level].speed);
    ret_plan->run_count = 1;
    ret_plan->runs[0] =
        (struct plan_run){start_ms, end_ms < load->end_ms ? end_ms : load->end_ms, level};
}

static double leave_cost(const struct workload *load, const struct work *work, int32_t site,
                         int64_t left_ms)
{
    int64_t later_ms = left_ms < work->leave_ms ? left_ms : work->leave_ms;
    return work->kw / HOUR_MS * (double)later_ms *
           (site < 0 ? work->leave_per_kwh : load->later_per_kwh[site]);
}

static double unserved_cost(const struct work *work, int64_t left_ms)
{
    if (left_ms <= work->leave_ms)
        return 0;
    return work->kw / HOUR_MS * (double)(left_ms - work->leave_ms) * work->unserved_per_kwh;
}

double work_left_cost(const struct workload *load, const struct work *work, int32_t site,
                      int64_t left_ms)
{
    return leave_cost(load, work, site, left_ms) + unserved_cost(work, left_ms) +
           work->kw / HOUR_MS * (double)left_ms * load->end_h * work->delay_per_kwh_h;
}

double work_miss_cost(const struct work *work, int64_t last_ms, int64_t left_ms)
{
    bool missed = left_ms > 0 ? left_ms > work->leave_ms : last_ms > work->due_ms;
    return missed ? work->miss_cost : 0;
}

static int32_t churn_count(const struct workload *load, const struct work *work,
                           const struct plan_job *plan, int64_t left_ms)
{
    int32_t count = 0, before = work->job->running ? work->job->level : -1;
    for (int32_t i = 0; i < plan->run_count; i++) {
        bool breaks = work_run_breaks(load, work, plan, i);
        if (breaks)
            count += before >= 0 ? 2 : 1;
        else
            count += before >= 0 && before != plan->runs[i].level;
        before = plan->runs[i].level;
    }
    bool goes_on = plan->run_count > 0 && plan->runs[plan->run_count - 1].end_ms >= load->end_ms;
    return count + (before >= 0 && left_ms > 0 && !goes_on);
}

bool work_is_touched(const struct workload *load, const struct work *work,
                     const struct plan_job *plan)
{
    if (!work->job->running || work->committed)
        return false;
    int64_t left_ms = work_left_ms(load, work, plan);
    return plan->run_count != 1 || plan->runs[0].start_ms > load->start_ms ||
           plan->runs[0].level != work->job->level ||
           (left_ms > 0 && plan->runs[0].end_ms < load->end_ms);
}

/* Lateness of a stretch, with the hours that it is late: those of the part of the slot that is
 * late. */
static double run_lateness(const struct workload *load, const struct work *work,
                           const struct plan_run *run)
{
    double sum = 0;
    if (run->end_ms <= work->due_ms)
        return 0;
    int64_t from_ms = run->start_ms > work->due_ms ? run->start_ms : work->due_ms;
    for (int32_t t = workload_slot(load, from_ms); t < load->slot_count; t++) {
        const struct problem_slot *slot = &load->problem->sites[0].slots[t];
        int64_t end_ms = slot->start_ms + slot->length_ms;
        if (slot->start_ms >= run->end_ms)
            break;
        int64_t late_from_ms = slot->start_ms > work->due_ms ? slot->start_ms : work->due_ms;
        double late_h =
            ((double)(late_from_ms - work->due_ms) + (double)(end_ms - late_from_ms) / 2) / HOUR_MS;
        sum += (double)overlap_ms(from_ms, run->end_ms, slot->start_ms, end_ms) / HOUR_MS *
               (work->late_per_kwh + work->late_per_kwh_h * late_h);
    }
    return sum * level_of(work, run)->power_w / 1000;
}

void work_cost(const struct workload *load, const struct work *work, const struct plan_job *plan,
               struct work_cost *ret_cost)
{
    int64_t left_ms = work_left_ms(load, work, plan);
    bool runs = plan->run_count > 0;
    ret_cost->lateness = unserved_cost(work, left_ms);
    for (int32_t i = 0; i < plan->run_count; i++)
        ret_cost->lateness += run_lateness(load, work, &plan->runs[i]);
    ret_cost->delay = work->kw / HOUR_MS * work->delay_per_kwh_h *
                      (work_moment(load, work, plan) - work->moment_at_once);
    ret_cost->churn = churn_count(load, work, plan, left_ms) * load->problem->prices.churn;
    ret_cost->leave = leave_cost(load, work, runs ? plan->site : -1, left_ms);
    ret_cost->transfer = runs ? work_transfer_cost(load, work, plan->site) : 0;
}

void work_add_run(const struct workload *load, const struct work *work, const struct plan_run *run,
                  double sign, double *kw)
{
    double run_kw = sign * level_of(work, run)->power_w / 1000;
    for (int32_t t = workload_slot(load, run->start_ms); t < load->slot_count; t++) {
        const struct problem_slot *slot = &load->problem->sites[0].slots[t];
        if (slot->start_ms >= run->end_ms)
            break;
        kw[t] += run_kw / (double)slot->length_ms *
                 (double)overlap_ms(run->start_ms, run->end_ms, slot->start_ms,
                                    slot->start_ms + slot->length_ms);
    }
}

void work_add_power(const struct workload *load, const struct work *work,
                    const struct plan_job *plan, double sign, double *kw)
{
    for (int32_t i = 0; i < plan->run_count; i++)
        work_add_run(load, work, &plan->runs[i], sign, kw);
}

bool work_may_use(const struct workload *load, const struct problem_job *job, int32_t site)
{
    if (site == job->site)
        return true;
    return !job->running && job->group < 0 && load->problem->links[job->site][site].gb_per_h > 0;
}

int64_t work_release_ms(const struct workload *load, const struct work *work, int32_t site)
{
    const struct problem_job *job = work->job;
    if (site == job->site)
        return work->release_ms;
    if (work->committed || !work_may_use(load, job, site))
        return INT64_MAX;
    double way_ms = ceil(job->data_gb / load->problem->links[job->site][site].gb_per_h * HOUR_MS);
    return way_ms < (double)(load->end_ms - load->start_ms) ? work->release_ms + (int64_t)way_ms
                                                            : INT64_MAX;
}

double work_transfer_cost(const struct workload *load, const struct work *work, int32_t site)
{
    const struct problem_job *job = work->job;
    if (site == job->site)
        return 0;
    return job->data_gb * load->problem->links[job->site][site].wh_per_gb / 1000 *
           load->arrive_per_kwh[site];
}
