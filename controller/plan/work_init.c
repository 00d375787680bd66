/* A problem's jobs as work: windows, what is due, what may not be touched. */
#include "controller/plan/work.h"

#include <math.h>

static int64_t first_start_ms(const struct workload *load, const struct problem_job *job)
{
    bool later = !job->running && job->release_ms > load->start_ms;
    return later ? job->release_ms : load->start_ms;
}

static int64_t owed_ms(const struct problem_job *job)
{
    if (job->remaining_ms <= 0)
        return 0;
    return job->remaining_ms + (job->suspended ? job->restart_ms : 0);
}

bool work_fits_group(const struct problem_site *site, const struct problem_job *job, int32_t level,
                     int32_t g)
{
    const struct problem_group *group = &site->groups[g];
    int64_t accelerators = 0;
    double limit_w = fmin(group->limit_w, site->feeders[group->feeder].limit_w);
    if (job->levels[level].power_w > limit_w)
        return false;
    for (int c = 0; c < LIMIT_ACCELERATORS; c++)
        if (job->accelerator_classes & (1u << c))
            accelerators += group->accelerators[c];
    return job->accelerator_classes == 0 || job->levels[level].accelerators <= accelerators;
}

static bool fits_site(const struct workload *load, const struct problem_job *job, int32_t s,
                      int32_t level)
{
    const struct problem_site *site = &load->problem->sites[s];
    for (int32_t g = 0; g < site->group_count; g++)
        if ((job->group < 0 || job->group == g) && work_fits_group(site, job, level, g))
            return true;
    return false;
}

static bool is_possible(const struct workload *load, const struct work *work)
{
    if (work->job->running)
        return true;
    for (int32_t s = 0; s < load->site_count; s++)
        for (int32_t l = 0; l < work->job->level_count; l++)
            if (work_release_ms(load, work, s) < INT64_MAX && fits_site(load, work->job, s, l))
                return true;
    return false;
}

static int64_t due_ms(const struct work *work)
{
    const struct problem_job *job = work->job;
    bool at_once = job->job_class == JOB_REALTIME || job->job_class == JOB_GUARANTEED;
    int64_t soonest_ms = work->first_ms + work->owed_ms;
    return at_once && soonest_ms < job->deadline_ms ? soonest_ms : job->deadline_ms;
}

/* Without a deadline nothing is due inside the horizon. A scavenger's work is worth its price
 * whether due or not. */
static int64_t leave_ms(const struct workload *load, const struct work *work)
{
    if (work->job->job_class == JOB_SCAVENGER || work->due_ms <= load->end_ms)
        return 0;
    int64_t after_ms = work->due_ms - load->end_ms;
    return after_ms < work->owed_ms ? after_ms : work->owed_ms;
}

static bool is_committed(const struct workload *load, const struct problem_job *job)
{
    if (job->job_class == JOB_REALTIME)
        return job->running || fits_site(load, job, job->site, 0);
    return job->running && (job->job_class == JOB_GUARANTEED || !job->can_suspend);
}

/* A job that may not be touched before some time: until then it is committed, and where nothing is
 * left after it, altogether. */
static void hold(const struct workload *load, struct work *work, const struct plan_job *at_once)
{
    const struct problem_job *job = work->job;
    if (!job->running || work->committed || job->hold_until_ms <= load->start_ms ||
        at_once->run_count == 0)
        return;
    if (job->hold_until_ms >= at_once->runs[0].end_ms) {
        work->committed = true;
        return;
    }
    work->held = at_once->runs[0];
    work->held.end_ms = work->release_ms = job->hold_until_ms;
    work->work_ms -=
        work_of_ms(work->held.end_ms - work->held.start_ms, job->levels[work->held.level].speed);
}

static void add_committed(struct workload *load, const struct work *work,
                          const struct plan_run *run)
{
    const struct problem_job *job = work->job;
    work_add_run(load, work, run, 1, &load->committed_kw[workload_at(load, job->site, 0)]);
    if (job->group < 0)
        return;
    int32_t feeder = load->problem->sites[job->site].groups[job->group].feeder;
    work_add_run(
        load, work, run, 1,
        &load->committed_feeder_kw[workload_at(load, job->site * LIMIT_FEEDERS + feeder, 0)]);
}

static double cheapest_later(const struct workload *load, const struct work *work)
{
    double least = load->later_per_kwh[work->job->site];
    for (int32_t s = 0; s < load->site_count; s++)
        if (work_may_use(load, work->job, s))
            least = fmin(least, load->later_per_kwh[s]);
    return least;
}

/* Work times when it would be done by a run from the release at level 0. */
static double moment_at_once(const struct workload *load, const struct work *work)
{
    int64_t start_ms = work->first_ms, owed = work->owed_ms;
    if (owed <= 0 || start_ms >= load->end_ms)
        return (double)owed * load->end_h;
    int64_t end_ms = start_ms + owed < load->end_ms ? start_ms + owed : load->end_ms;
    return workload_moment(load, start_ms, end_ms) +
           (double)(owed - (end_ms - start_ms)) * load->end_h;
}

/* The objective prices lateness by the minute, and a minute is cheap; people count missed
 * deadlines. So the search weighs a miss like this much more lateness. */
static const double MISS_H = 1.0;

void work_init(struct workload *load, struct work *work, const struct problem_job *job)
{
    const struct problem_prices *prices = &load->problem->prices;
    struct plan_job at_once;
    work->job = job;
    work->kw = job->levels[0].power_w / 1000;
    work->first_ms = work->release_ms = first_start_ms(load, job);
    work->owed_ms = work->work_ms = owed_ms(job);
    work->due_ms = due_ms(work);
    work->leave_ms = leave_ms(load, work);
    work->committed = is_committed(load, job);
    work_run_at_once(load, work, &at_once);
    hold(load, work, &at_once);
    work->possible = is_possible(load, work);
    work->late_per_kwh = prices->lateness_per_mwh[job->job_class] / 1000;
    work->late_per_kwh_h = prices->lateness_per_mwh_h[job->job_class] / 1000;
    work->unserved_per_kwh = prices->unserved_per_mwh[job->job_class] / 1000;
    work->leave_per_kwh = cheapest_later(load, work);
    work->delay_per_kwh_h = job->job_class == JOB_SCAVENGER ? 0 : prices->delay_per_mwh_h / 1000;
    bool can_meet = work->due_ms - work->release_ms >= work->work_ms;
    if (can_meet && job->job_class != JOB_SCAVENGER)
        work->miss_cost = work->kw * work->late_per_kwh * MISS_H;
    work->moment_at_once = moment_at_once(load, work);
    if (work->committed && at_once.run_count > 0)
        add_committed(load, work, &at_once.runs[0]);
    else if (work->held.end_ms > work->held.start_ms)
        add_committed(load, work, &work->held);
}
