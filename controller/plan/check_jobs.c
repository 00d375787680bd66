/* The check of the jobs: where and when each runs, what that does of its work, what it costs. */
#include "controller/plan/check_private.h"

#include <math.h>

static int64_t work_done_ms(const struct check_pair *pair, int32_t run)
{
    const struct plan_run *given = &pair->planned->runs[run];
    return (int64_t)floor(
        (double)(given->end_ms - given->start_ms) * check_level(pair, run)->speed + 1e-6);
}

bool check_touches(const struct check *check, const struct check_pair *pair, int32_t run)
{
    int64_t start_ms = pair->planned->runs[run].start_ms;
    if (run == 0)
        return pair->job->running && start_ms == check->start_ms;
    return start_ms == pair->planned->runs[run - 1].end_ms;
}

bool check_is_new(const struct check_pair *pair, int32_t run)
{
    return run == 0 && !pair->job->running && !pair->job->suspended;
}

int32_t check_level_before(const struct check_pair *pair, int32_t run)
{
    return run == 0 ? pair->job->level : pair->planned->runs[run - 1].level;
}

static bool restarts(const struct check *check, const struct check_pair *pair, int32_t run)
{
    if (check_is_new(pair, run))
        return false;
    return !check_touches(check, pair, run) ||
           pair->job->levels[check_level_before(pair, run)].accelerators !=
               check_level(pair, run)->accelerators;
}

static void find_work(const struct check *check, struct check_pair *pair)
{
    const struct problem_job *job = pair->job;
    int64_t done_ms = 0;
    pair->need_ms = pair->at_once_ms;
    for (int32_t r = 0; r < pair->planned->run_count; r++) {
        bool owed = r == 0 && job->suspended;
        pair->need_ms += restarts(check, pair, r) && !owed ? job->restart_ms : 0;
        done_ms += work_done_ms(pair, r);
    }
    pair->left_ms = pair->need_ms - done_ms;
}

static bool is_safe(const struct problem_job *job) /* from others, once it runs */
{
    return job->job_class == JOB_REALTIME || job->job_class == JOB_GUARANTEED || !job->can_suspend;
}

static bool can_carry(const struct problem_site *site, const struct problem_group *group,
                      const struct problem_job *job)
{
    int64_t accelerators = 0;
    for (int32_t a = 0; a < LIMIT_ACCELERATORS; a++)
        if (job->accelerator_classes & (UINT32_C(1) << a))
            accelerators += group->accelerators[a];
    return job->levels[0].power_w <= fmin(group->limit_w, site->feeders[group->feeder].limit_w) &&
           (job->accelerator_classes == 0 || job->levels[0].accelerators <= accelerators);
}

int64_t check_committed_until_ms(const struct check *check, const struct problem_job *job)
{
    const struct problem_site *site = &check->problem->sites[job->site];
    if (job->running)
        return is_safe(job) ? INT64_MAX : job->hold_until_ms;
    if (job->job_class != JOB_REALTIME)
        return INT64_MIN;
    for (int32_t g = 0; g < site->group_count; g++)
        if ((job->group < 0 || job->group == g) && can_carry(site, &site->groups[g], job))
            return INT64_MAX;
    return INT64_MIN;
}

bool check_may_use(const struct check *check, const struct problem_job *job, int32_t site)
{
    if (site == job->site)
        return true;
    return !job->running && job->group < 0 && check->problem->links[job->site][site].gb_per_h > 0;
}

static int check_place(const struct check *check, const struct check_pair *pair)
{
    const struct plan_job *planned = pair->planned;
    if (planned->run_count < 0 || planned->run_count > LIMIT_RUNS)
        return check_job_wrong(check, pair->index, "has an impossible number of runs");
    if (planned->run_count == 0)
        return planned->group == -1 && planned->site == pair->job->site
                   ? 0
                   : check_job_wrong(check, pair->index, "has a place but no run");
    if (planned->site < 0 || planned->site >= check->problem->site_count)
        return check_job_wrong(check, pair->index, "runs at a site that does not exist");
    if (planned->group < 0 || planned->group >= check->problem->sites[planned->site].group_count)
        return check_job_wrong(check, pair->index, "runs on a group that does not exist");
    if (!check_may_use(check, pair->job, planned->site))
        return check_job_wrong(check, pair->index, "runs at a site that it may not go to");
    if (pair->job->group >= 0 && planned->group != pair->job->group)
        return check_job_wrong(check, pair->index, "left its group");
    return 0;
}

/* Earliest start where the plan has it. The data's way may be cut off to whole ms. */
static int64_t arrival_ms(const struct check *check, const struct check_pair *pair)
{
    const struct problem_job *job = pair->job;
    if (pair->planned->site == job->site)
        return pair->release_ms;
    double hours = job->data_gb / check->problem->links[job->site][pair->planned->site].gb_per_h;
    double way_ms = floor(hours * CHECK_HOUR_MS);
    int64_t horizon_ms = check->end_ms - check->start_ms;
    return pair->release_ms + (way_ms < (double)horizon_ms ? (int64_t)way_ms : horizon_ms);
}

static const char *too_early(const struct check_pair *pair, int32_t run)
{
    if (run > 0)
        return "overlaps itself";
    return pair->planned->runs[0].start_ms < pair->release_ms ? "runs before its release"
                                                              : "runs before its data is there";
}

static int check_windows(const struct check *check, const struct check_pair *pair)
{
    int64_t free_from_ms = arrival_ms(check, pair);
    for (int32_t r = 0; r < pair->planned->run_count; r++) {
        const struct plan_run *run = &pair->planned->runs[r];
        if (run->start_ms < free_from_ms)
            return check_job_wrong(check, pair->index, too_early(pair, r));
        if (run->end_ms <= run->start_ms || run->end_ms > check->end_ms)
            return check_job_wrong(check, pair->index,
                                   "has a run that is empty or beyond the horizon");
        if (run->level < 0 || run->level >= pair->job->level_count)
            return check_job_wrong(check, pair->index, "runs at a level that it does not have");
        free_from_ms = run->end_ms;
    }
    return 0;
}

/* What may not be touched: from its release without a break, until it is done or its hold ends. */
static int check_commitment(const struct check *check, const struct check_pair *pair)
{
    int64_t until_ms = check_least(check_committed_until_ms(check, pair->job), check->end_ms);
    const struct plan_run *first = &pair->planned->runs[0];
    if (until_ms <= pair->release_ms || pair->at_once_ms == 0)
        return 0;
    if (pair->planned->run_count == 0 || first->start_ms != pair->release_ms)
        return check_job_wrong(check, pair->index,
                               "may not be touched and does not run from its release");
    if (pair->planned->site != pair->job->site)
        return check_job_wrong(check, pair->index, "may not be touched and changes its site");
    if (first->level != (pair->job->running ? pair->job->level : 0))
        return check_job_wrong(check, pair->index, "may not be touched and changes its level");
    bool alone = pair->planned->run_count == 1 && pair->left_ms == 0;
    if (first->end_ms < until_ms && !alone)
        return check_job_wrong(check, pair->index, "may not be touched and is interrupted");
    return 0;
}

static int check_pieces(const struct check *check, const struct check_pair *pair)
{
    const struct problem_job *job = pair->job;
    const struct plan_job *planned = pair->planned;
    bool one_piece = !job->can_suspend || job->job_class == JOB_GUARANTEED;
    for (int32_t r = 0; r < planned->run_count; r++) {
        const struct plan_run *run = &planned->runs[r];
        bool last = r == planned->run_count - 1;
        bool ends = (last && pair->left_ms == 0) || run->end_ms == check->end_ms;
        if (one_piece && (planned->run_count > 1 || !ends))
            return check_job_wrong(check, pair->index,
                                   "cannot be suspended and does not run in one piece");
        if (!ends && !check_touches(check, pair, r) &&
            run->end_ms - run->start_ms < job->min_run_ms)
            return check_job_wrong(check, pair->index, "has a run below its minimum");
    }
    return 0;
}

static int check_outcome(struct check *check, const struct check_pair *pair)
{
    const struct plan_job *planned = pair->planned;
    int64_t deadline_ms = pair->job->deadline_ms;
    int64_t last_ms =
        planned->run_count > 0 ? planned->runs[planned->run_count - 1].end_ms : check->start_ms;
    if (pair->left_ms < 0)
        return check_job_wrong(check, pair->index, "runs longer than its work");
    if (planned->finish_ms != (pair->left_ms > 0 ? INT64_MAX : last_ms))
        return check_job_wrong(check, pair->index, "does not finish when the plan says");
    bool late = pair->left_ms > 0 ? pair->left_ms > check_most(0, deadline_ms - check->end_ms)
                                  : planned->run_count > 0 && last_ms > deadline_ms;
    late = late && deadline_ms != JOB_NO_DEADLINE;
    if (late != planned->late)
        return check_job_wrong(check, pair->index,
                               late ? "is late and not named" : "is named late and is not");
    check->late_jobs += late;
    return 0;
}

/* A reason wherever it runs or waits, and none where there is nothing to tell. */
static int check_why(const struct check *check, const struct check_pair *pair)
{
    const struct problem_slot *slots = check->problem->sites[0].slots;
    const uint16_t *why = check->plan->why;
    int32_t run = 0;
    if (!why)
        return 0;
    why += (size_t)pair->index * (size_t)check->plan->slot_count;
    for (int32_t t = 0; t < check->plan->slot_count; t++) {
        int64_t start_ms = slots[t].start_ms, end_ms = start_ms + slots[t].length_ms;
        while (run < pair->planned->run_count && pair->planned->runs[run].end_ms <= start_ms)
            run++;
        bool runs = run < pair->planned->run_count && pair->planned->runs[run].start_ms < end_ms;
        bool done = pair->at_once_ms == 0 || start_ms >= pair->planned->finish_ms;
        bool waits = !runs && !done && start_ms >= pair->release_ms;
        if (why[t] == REASON_NONE && (runs || waits))
            return check_job_wrong(check, pair->index,
                                   runs ? "runs in a slot and has no reason"
                                        : "waits in a slot and has no reason");
        if (why[t] != REASON_NONE && (done || end_ms <= pair->release_ms))
            return check_job_wrong(check, pair->index, "has a reason where it is not there");
    }
    return 0;
}

static int check_job(struct check *check, struct check_pair *pair)
{
    int code = check_place(check, pair);
    if (code == 0)
        code = check_windows(check, pair);
    if (code < 0)
        return code;
    find_work(check, pair);
    code = check_commitment(check, pair);
    if (code == 0)
        code = check_pieces(check, pair);
    if (code == 0)
        code = check_outcome(check, pair);
    if (code == 0)
        code = check_why(check, pair);
    if (code < 0)
        return code;
    check_add_job(check, pair);
    return 0;
}

int check_jobs(struct check *check)
{
    for (int32_t i = 0; i < check->problem->job_count; i++) {
        const struct problem_job *job = &check->problem->jobs[i];
        struct check_pair pair = {.job = job, .planned = &check->plan->jobs[i], .index = i};
        pair.release_ms =
            job->running ? check->start_ms : check_most(job->release_ms, check->start_ms);
        if (job->remaining_ms > 0)
            pair.at_once_ms = job->remaining_ms + (job->suspended ? job->restart_ms : 0);
        int code = check_job(check, &pair);
        if (code < 0)
            return code;
    }
    if (check->late_jobs != check->plan->late_jobs)
        return error_set(check->error, ERROR_INVALID, "plan refused: %d late jobs, it says %d",
                         (int)check->late_jobs, (int)check->plan->late_jobs);
    return 0;
}
