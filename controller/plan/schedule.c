/* List scheduling: committed jobs where they are, guaranteed ones as soon as there is room, every
 * other job where it is cheapest at given prices and a group has room for it. */
#include "controller/plan/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SITES_SEARCHED = 2, /* of those that look cheapest */
    JOBS_A_LOOK = 64,   /* placed before the time is looked at again */
};

static const double HOUR_MS = 3600e3;

void schedule_occupy(struct schedule *schedule, int32_t index, double sign)
{
    const struct workload *load = schedule->load;
    const struct work *work = &load->works[index];
    const struct plan_job *plan = &schedule->jobs[index];
    int32_t cell = -1, accelerators = 0;
    double kw = 0; /* what it takes of the cell already */
    if (plan->run_count == 0)
        return;
    work_add_power(load, work, plan, sign, &schedule->jobs_kw[workload_at(load, plan->site, 0)]);
    for (int32_t i = 0; i < plan->run_count; i++) {
        const struct problem_level *level = &work->job->levels[plan->runs[i].level];
        int32_t last = room_cell(load, plan->runs[i].end_ms - 1);
        for (int32_t from = room_cell(load, plan->runs[i].start_ms), to; from <= last;
             from = to + 1) {
            to = from == cell ? cell : last; /* shared with the run before, and the rest */
            if (from != cell)
                kw = accelerators = 0;
            double more_kw = fmax(0, level->power_w / 1000 - kw);
            int32_t more =
                level->accelerators > accelerators ? level->accelerators - accelerators : 0;
            room_take(&schedule->room, plan->site, plan->group, work->job, from, to, sign * more_kw,
                      sign < 0 ? -more : more);
            kw += more_kw;
            accelerators += more;
        }
        cell = last;
    }
}

/* The least room of a group over some slots. */
static double least_free_kw(const struct schedule *schedule, int32_t site, int32_t group,
                            int32_t first, int32_t last)
{
    double least_kw = HUGE_VAL;
    for (int32_t t = first; t <= last; t++)
        least_kw =
            fmin(least_kw, schedule->room.free_kw[workload_at(
                               schedule->load, schedule->room.first_group[site] + group, t)]);
    return least_kw;
}

static void place_committed(struct schedule *schedule, int32_t index)
{
    const struct workload *load = schedule->load;
    const struct work *work = &load->works[index];
    struct plan_job *plan = &schedule->jobs[index];
    work_run_at_once(load, work, plan);
    if (plan->run_count == 0)
        return;
    double most_kw = -HUGE_VAL;
    int32_t first = workload_slot(load, plan->runs[0].start_ms);
    int32_t last = workload_slot(load, plan->runs[0].end_ms - 1);
    for (int32_t g = 0; work->job->group < 0 && g < load->problem->sites[plan->site].group_count;
         g++) {
        double free_kw = least_free_kw(schedule, plan->site, g, first, last);
        if (!work_fits_group(&load->problem->sites[plan->site], work->job, 0, g) ||
            free_kw <= most_kw)
            continue;
        most_kw = free_kw;
        plan->group = g;
    }
    schedule_occupy(schedule, index, 1);
}

static int32_t group_that_carries(const struct schedule *schedule, const struct work *work,
                                  int32_t site, int32_t level, int64_t start_ms, int64_t end_ms)
{
    int32_t first = room_cell(schedule->load, start_ms);
    int32_t last = room_cell(schedule->load, end_ms - 1);
    for (int32_t g = 0; g < schedule->load->problem->sites[site].group_count; g++)
        if ((work->job->group < 0 || work->job->group == g) &&
            room_carries_cells(&schedule->room, site, g, work->job, level, first, last))
            return g;
    return -1;
}

/* The first cell from which a group carries all of it. `ret_finish_ms` may lie beyond the horizon;
 * false: there is none that would finish sooner than that. */
static bool start_soon(const struct schedule *schedule, const struct work *work, int32_t site,
                       int32_t level, struct plan_job *ret_plan, int64_t *ret_finish_ms)
{
    const struct workload *load = schedule->load;
    int64_t release_ms = work_release_ms(load, work, site);
    int64_t length_ms = work_length_ms(work->work_ms, work->job->levels[level].speed);
    if (release_ms >= load->end_ms)
        return false;
    int32_t end = load->slot_count * ROOM_CELLS;
    for (int32_t cell = room_cell(load, release_ms); cell < end; cell++) {
        int64_t start_ms = room_cell_start_ms(load, cell);
        start_ms = start_ms < release_ms ? release_ms : start_ms;
        int64_t finish_ms = start_ms + length_ms;
        if (finish_ms >= *ret_finish_ms)
            return false;
        int64_t end_ms = finish_ms < load->end_ms ? finish_ms : load->end_ms;
        int32_t group = group_that_carries(schedule, work, site, level, start_ms, end_ms);
        if (group < 0)
            continue;
        *ret_plan = (struct plan_job){.id = work->job->id,
                                      .site = site,
                                      .group = group,
                                      .run_count = 1,
                                      .runs = {{start_ms, end_ms, level}}};
        *ret_finish_ms = finish_ms;
        return true;
    }
    return false;
}

/* Where it is done first; at its own site and in full if that is no later. */
static void place_guaranteed(struct schedule *schedule, int32_t index)
{
    const struct work *work = &schedule->load->works[index];
    int32_t site_count = schedule->load->site_count;
    int64_t finish_ms = INT64_MAX;
    for (int32_t level = 0; level < work->job->level_count; level++)
        for (int32_t i = 0; i < site_count; i++)
            start_soon(schedule, work, (work->job->site + i) % site_count, level,
                       &schedule->jobs[index], &finish_ms);
    if (finish_ms < INT64_MAX)
        schedule_occupy(schedule, index, 1);
}

static bool is_guaranteed(const struct work *work)
{
    return work->job->job_class == JOB_GUARANTEED && !work->committed && work->possible &&
           work->work_ms > 0;
}

bool schedule_is_movable(const struct work *work)
{
    return !work->committed && work->possible && !is_guaranteed(work) && work->work_ms > 0;
}

void schedule_clear(struct schedule *schedule, int32_t index)
{
    const struct work *work = &schedule->load->works[index];
    schedule_occupy(schedule, index, -1);
    schedule->jobs[index] =
        (struct plan_job){.id = work->job->id, .site = work->job->site, .group = work->job->group};
    if (work->held.end_ms > work->held.start_ms) {
        schedule->jobs[index].run_count = 1;
        schedule->jobs[index].runs[0] = work->held;
    }
    schedule_occupy(schedule, index, 1);
}

static bool is_tight(const struct work *work)
{
    return (double)(work->due_ms - work->release_ms) < 1.5 * (double)work->work_ms;
}

static int rank(const struct work *work)
{
    if (work->job->job_class == JOB_SCAVENGER)
        return 3;
    return work->job->running ? 0 : is_tight(work) ? 1 : 2;
}

/* Those with little choice first, scavengers last; among them the most energy first, since small
 * jobs fill what large ones leave. */
static int compare_order(const void *a, const void *b, void *context)
{
    const struct work *works = context;
    const struct work *left = &works[*(const int32_t *)a], *right = &works[*(const int32_t *)b];
    int left_rank = rank(left), right_rank = rank(right);
    if (left_rank != right_rank)
        return left_rank - right_rank;
    double left_energy = left->kw * (double)left->work_ms;
    double right_energy = right->kw * (double)right->work_ms;
    if (left_energy != right_energy)
        return left_energy < right_energy ? 1 : -1;
    return *(const int32_t *)a - *(const int32_t *)b;
}

static int compare_release(const void *a, const void *b, void *context)
{
    const struct work *works = context;
    int64_t left_ms = works[*(const int32_t *)a].release_ms;
    int64_t right_ms = works[*(const int32_t *)b].release_ms;
    if (left_ms != right_ms)
        return left_ms < right_ms ? -1 : 1;
    return *(const int32_t *)a - *(const int32_t *)b;
}

void schedule_place_first(struct schedule *schedule)
{
    const struct workload *load = schedule->load;
    for (int32_t i = 0; i < load->count; i++)
        if (load->works[i].committed)
            place_committed(schedule, i);
        else
            schedule_clear(schedule, i);
    qsort_r(schedule->order, (size_t)load->count, sizeof(int32_t), compare_release, load->works);
    for (int32_t i = 0; i < load->count; i++)
        if (is_guaranteed(&load->works[schedule->order[i]]))
            place_guaranteed(schedule, schedule->order[i]);
    qsort_r(schedule->order, (size_t)load->count, sizeof(int32_t), compare_order, load->works);
    if (schedule->fixed.load)
        room_copy(&schedule->fixed, &schedule->room);
}

void schedule_adopt(struct schedule *schedule, const struct plan_job *jobs)
{
    for (int32_t i = 0; i < schedule->load->count; i++) {
        const struct problem_job *job = schedule->load->works[i].job;
        schedule->jobs[i] = jobs[i];
        schedule->jobs[i].id = job->id;
        if (jobs[i].run_count == 0)
            schedule->jobs[i].site = job->site;
        schedule_occupy(schedule, i, 1);
    }
}

struct schedule *schedule_create(const struct workload *load)
{
    struct schedule *schedule = calloc(1, sizeof(*schedule));
    if (!schedule)
        return NULL;
    size_t cells = (size_t)load->site_count * (size_t)load->slot_count;
    schedule->load = load;
    schedule->jobs_kw = calloc(cells, sizeof(double));
    schedule->jobs = calloc((size_t)load->count + 1, sizeof(*schedule->jobs));
    schedule->order = calloc((size_t)load->count + 1, sizeof(*schedule->order));
    schedule->search = search_create(load);
    bool rooms = room_init(&schedule->room, load);
    rooms = room_init(&schedule->fixed, load) && rooms;
    if (!rooms || !schedule->jobs_kw || !schedule->jobs || !schedule->order || !schedule->search) {
        schedule_destroy(schedule);
        return NULL;
    }
    for (int32_t i = 0; i < load->count; i++)
        schedule->order[i] = i;
    return schedule;
}

void schedule_destroy(struct schedule *schedule)
{
    if (!schedule)
        return;
    room_finish(&schedule->room);
    room_finish(&schedule->fixed);
    free(schedule->jobs_kw);
    free(schedule->jobs);
    free(schedule->order);
    search_destroy(schedule->search);
    free(schedule);
}

/* What the job would about cost at a site: the cheapest window of whole slots that is long enough,
 * as if there were room. */
static double look_at_site(const struct market *market, const struct work *work, int32_t site)
{
    const struct workload *load = market->load;
    const struct pricing *pricing = market->pricing;
    int64_t release_ms = work_release_ms(load, work, site);
    double need_h = (double)work->work_ms / HOUR_MS, hours = 0, sum = 0, least = HUGE_VAL;
    if (release_ms >= load->end_ms)
        return HUGE_VAL;
    int32_t first = workload_slot(load, release_ms);
    const struct problem_slot *slots = load->problem->sites[0].slots;
    for (int32_t t = first; t < load->slot_count; t++) {
        bool late = slots[t].start_ms >= work->due_ms;
        if (late && !isinf(least))
            break;
        size_t at = workload_at(load, site, t);
        double slope = pricing->slope[site] * (market->jobs_kw[at] - pricing->target_kw[at]);
        hours += load->hours[t];
        sum += load->hours[t] * (pricing->price[at] + slope + (late ? work->late_per_kwh : 0) +
                                 work->delay_per_kwh_h * load->middle_h[t]);
        if (hours < need_h && t + 1 < load->slot_count)
            continue;
        least = fmin(least, sum / hours);
        for (; first < t && hours - load->hours[first] >= need_h; first++) {
            at = workload_at(load, site, first);
            slope = pricing->slope[site] * (market->jobs_kw[at] - pricing->target_kw[at]);
            hours -= load->hours[first];
            sum -= load->hours[first] *
                   (pricing->price[at] + slope + work->delay_per_kwh_h * load->middle_h[first]);
        }
    }
    return least * work->kw * need_h + work_transfer_cost(load, work, site);
}

/* Sites from the one that looks cheapest; returns how many there are. */
static int32_t rank_sites(const struct market *market, const struct work *work, int32_t *ret_sites)
{
    double looks[LIMIT_SITES];
    int32_t count = 0;
    for (int32_t s = 0; s < market->load->site_count; s++) {
        double look = market->load->site_count > 1 ? look_at_site(market, work, s) : 0;
        int32_t at = count;
        if (isinf(look))
            continue;
        for (; at > 0 && looks[at - 1] > look; at--) {
            looks[at] = looks[at - 1];
            ret_sites[at] = ret_sites[at - 1];
        }
        looks[at] = look;
        ret_sites[at] = s;
        count++;
    }
    return count;
}

static bool misses(const struct workload *load, const struct work *work,
                   const struct plan_job *plan)
{
    int64_t last_ms = plan->run_count > 0 ? plan->runs[plan->run_count - 1].end_ms : 0;
    return work_miss_cost(work, last_ms, work_left_ms(load, work, plan)) > 0;
}

bool schedule_place_job(struct schedule *schedule, int32_t index, const struct pricing *pricing)
{
    const struct workload *load = schedule->load;
    const struct work *work = &load->works[index];
    struct plan_job *plan = &schedule->jobs[index];
    const struct market market = {load, pricing, &schedule->room, schedule->jobs_kw};
    int32_t sites[LIMIT_SITES];
    if (!schedule_is_movable(work))
        return false;
    schedule_occupy(schedule, index, -1);
    double cost = market_cost(&market, work, plan), cost_before = cost;
    int32_t site_count = rank_sites(&market, work, sites);
    for (int32_t i = 0; i < site_count; i++) {
        if (i >= SITES_SEARCHED && !misses(load, work, plan))
            break;
        search_site(schedule->search, &market, work, sites[i], plan, &cost);
    }
    schedule_occupy(schedule, index, 1);
    return cost < cost_before;
}

int32_t schedule_place(struct schedule *schedule, const struct pricing *pricing,
                       bool (*time_left)(void *context), void *context)
{
    int32_t moved = 0;
    for (int32_t i = 0; i < schedule->load->count; i++) {
        if (time_left && i % JOBS_A_LOOK == 0 && !time_left(context))
            break;
        moved += schedule_place_job(schedule, schedule->order[i], pricing);
    }
    return moved;
}

bool schedule_misses(const struct schedule *schedule, int32_t index)
{
    const struct work *work = &schedule->load->works[index];
    return schedule_is_movable(work) && misses(schedule->load, work, &schedule->jobs[index]);
}

double schedule_touch_cost(const struct schedule *schedule)
{
    const struct workload *load = schedule->load;
    int32_t touched = 0;
    for (int32_t i = 0; i < load->count; i++)
        touched += work_is_touched(load, &load->works[i], &schedule->jobs[i]);
    return touched * load->problem->prices.change_gain;
}

double schedule_miss_cost(const struct schedule *schedule)
{
    double sum = 0;
    for (int32_t i = 0; i < schedule->load->count; i++)
        if (schedule_misses(schedule, i))
            sum += schedule->load->works[i].miss_cost;
    return sum;
}

void schedule_restart(struct schedule *schedule)
{
    const struct workload *load = schedule->load;
    int32_t missing = 0;
    for (int32_t i = 0; i < load->count; i++) {
        int32_t index = schedule->order[i];
        if (!schedule_misses(schedule, index))
            continue;
        memmove(&schedule->order[missing + 1], &schedule->order[missing],
                (size_t)(i - missing) * sizeof(int32_t));
        schedule->order[missing++] = index;
    }
    for (int32_t i = 0; i < load->count; i++)
        if (schedule_is_movable(&load->works[i]))
            schedule_clear(schedule, i);
}
