/* Jobs that miss their due time though it could be met: they get the place that they would have if
 * nothing else could be moved, and what is then in the way looks for another one. */
#include <stdlib.h>

#include "controller/plan/schedule.h"

enum { EJECTED_MOST = 64 };

static const double SMALL_KW = 1e-6;

struct repair {
    struct schedule *schedule;
    const struct pricing *pricing;
    int32_t ejected[EJECTED_MOST];
    struct plan_job before[EJECTED_MOST + 1]; /* where they were; last: the job itself */
    int32_t count;
};

/* The best place beside what is not moved, on time; false: there is none. */
static bool find_place(struct repair *repair, int32_t index)
{
    struct schedule *schedule = repair->schedule;
    const struct work *work = &schedule->load->works[index];
    const struct market market = {schedule->load, repair->pricing, &schedule->fixed,
                                  schedule->jobs_kw};
    struct plan_job *plan = &schedule->jobs[index];
    double cost = market_cost(&market, work, plan);
    for (int32_t s = 0; s < schedule->load->site_count; s++) {
        search_site(schedule->search, &market, work, s, plan, &cost);
    }
    return plan->run_count > 0 && !schedule_misses(schedule, index);
}

static bool overlaps(const struct plan_job *plan, int64_t start_ms, int64_t end_ms)
{
    for (int32_t r = 0; r < plan->run_count; r++)
        if (plan->runs[r].start_ms < end_ms && plan->runs[r].end_ms > start_ms)
            return true;
    return false;
}

static double slack(const struct work *work)
{
    if (work->job->job_class == JOB_SCAVENGER)
        return 1e18;
    return (double)(work->due_ms - work->release_ms) / (double)work->work_ms;
}

enum over { OVER_NOTHING, OVER_ACCELERATORS, OVER_GROUP, OVER_FEEDER };

/* Does the job take of what the group lacks? */
static bool takes(const struct schedule *schedule, int32_t index, int32_t site, int32_t group,
                  enum over over)
{
    const struct problem_group *groups = schedule->load->problem->sites[site].groups;
    const struct plan_job *plan = &schedule->jobs[index];
    if (plan->run_count == 0 || plan->site != site)
        return false;
    if (over == OVER_FEEDER)
        return groups[plan->group].feeder == groups[group].feeder;
    return plan->group == group && (over != OVER_ACCELERATORS ||
                                    schedule->load->works[index].job->accelerator_classes != 0);
}

/* The most patient job that may be moved and takes of what is lacking in the cell. */
static int32_t pick_ejected(const struct repair *repair, int32_t site, int32_t group,
                            enum over over, int32_t cell, int32_t not_this)
{
    const struct schedule *schedule = repair->schedule;
    const struct workload *load = schedule->load;
    int64_t start_ms = room_cell_start_ms(load, cell);
    int64_t end_ms = room_cell_end_ms(load, cell);
    int32_t best = -1;
    for (int32_t i = 0; i < load->count; i++) {
        const struct plan_job *plan = &schedule->jobs[i];
        if (i == not_this || !takes(schedule, i, site, group, over) ||
            !schedule_is_movable(&load->works[i]) || !overlaps(plan, start_ms, end_ms))
            continue;
        if (best < 0 || slack(&load->works[i]) > slack(&load->works[best]))
            best = i;
    }
    return best;
}

/* What is the cell too full of? */
static enum over over_what(const struct schedule *schedule, int32_t site, int32_t group,
                           int32_t cell)
{
    const struct room *room = &schedule->room;
    size_t at = room_at(room, room->first_group[site] + group, cell);
    if (room->cell_kw[at] < -SMALL_KW)
        return room->group_kw[at] < -SMALL_KW ? OVER_GROUP : OVER_FEEDER;
    return room_lacks_accelerators(room, site, group, cell) ? OVER_ACCELERATORS : OVER_NOTHING;
}

/* Makes the room that the job takes too much of. False: that would take too many. */
static bool make_way(struct repair *repair, int32_t index)
{
    struct schedule *schedule = repair->schedule;
    const struct workload *load = schedule->load;
    const struct plan_job *plan = &schedule->jobs[index];
    for (int32_t r = 0; r < plan->run_count; r++) {
        int32_t last = room_cell(load, plan->runs[r].end_ms - 1);
        for (int32_t cell = room_cell(load, plan->runs[r].start_ms); cell <= last; cell++) {
            enum over over;
            while ((over = over_what(schedule, plan->site, plan->group, cell)) != OVER_NOTHING) {
                int32_t other = pick_ejected(repair, plan->site, plan->group, over, cell, index);
                if (other < 0 || repair->count == EJECTED_MOST)
                    return false;
                repair->before[repair->count] = schedule->jobs[other];
                repair->ejected[repair->count++] = other;
                schedule_clear(schedule, other);
            }
        }
    }
    return true;
}

/* Weight of what those in the way missed where they were. */
static double missed_by(const struct repair *repair)
{
    const struct workload *load = repair->schedule->load;
    double sum = 0;
    for (int32_t i = 0; i < repair->count; i++) {
        const struct work *work = &load->works[repair->ejected[i]];
        const struct plan_job *plan = &repair->before[i];
        int64_t last_ms = plan->run_count > 0 ? plan->runs[plan->run_count - 1].end_ms : 0;
        sum += work_miss_cost(work, last_ms, work_left_ms(load, work, plan));
    }
    return sum;
}

static void put_back(struct repair *repair, int32_t index, const struct plan_job *before)
{
    struct schedule *schedule = repair->schedule;
    schedule_occupy(schedule, index, -1);
    schedule->jobs[index] = *before;
    schedule_occupy(schedule, index, 1);
}

/* Least patient first. True: less is missed than before. */
static bool replace_ejected(struct repair *repair, double missed_before)
{
    struct schedule *schedule = repair->schedule;
    double missed = 0;
    for (int32_t i = repair->count - 1; i >= 0; i--)
        schedule_place_job(schedule, repair->ejected[i], repair->pricing);
    for (int32_t i = 0; i < repair->count; i++)
        if (schedule_misses(schedule, repair->ejected[i]))
            missed += schedule->load->works[repair->ejected[i]].miss_cost;
    return missed < missed_before;
}

static bool repair_job(struct repair *repair, int32_t index)
{
    struct schedule *schedule = repair->schedule;
    const struct work *work = &schedule->load->works[index];
    struct plan_job before = schedule->jobs[index];
    double missed = work->miss_cost;
    repair->count = 0;
    schedule_clear(schedule, index);
    schedule_occupy(schedule, index, -1);
    bool found = find_place(repair, index);
    schedule_occupy(schedule, index, 1);
    if (found && make_way(repair, index)) {
        missed += missed_by(repair);
        if (replace_ejected(repair, missed))
            return true;
    }
    for (int32_t i = repair->count - 1; i >= 0; i--)
        put_back(repair, repair->ejected[i], &repair->before[i]);
    put_back(repair, index, &before);
    return false;
}

int32_t schedule_repair(struct schedule *schedule, const struct pricing *pricing,
                        bool (*time_left)(void *context), void *context)
{
    struct repair *repair = calloc(1, sizeof(*repair));
    int32_t helped = 0;
    if (!repair)
        return 0; /* nothing is lost but time */
    repair->schedule = schedule;
    repair->pricing = pricing;
    for (int32_t i = 0; i < schedule->load->count; i++) {
        if (!schedule_misses(schedule, i))
            continue;
        if (time_left && !time_left(context))
            break;
        helped += repair_job(repair, i);
    }
    free(repair);
    return helped;
}
