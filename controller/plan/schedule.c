/* List scheduling: every job in one piece (or, if it may be suspended, in several), where it is
 * cheapest at given prices and a feeder has room for it. */
#include "controller/plan/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double HOUR_MS = 3600e3;
static const double SMALL_KW = 1e-9;
static const double SMALL_COST = 1e-9;

static int64_t slot_end_ms(const struct workload *load, int32_t t)
{
    return load->problem->slots[t].start_ms + load->problem->slots[t].length_ms;
}

/* Cost of running from one time to another inside one slot: energy at the price as it moves away
 * from the target, waiting, and lateness. */
double fare_part(const struct fare *fare, int32_t t, int64_t from_ms, int64_t end_ms)
{
    const struct work *work = fare->work;
    const struct pricing *pricing = fare->pricing;
    double hours = (double)(end_ms - from_ms) / HOUR_MS;
    double added_kw = work->kw * hours / fare->load->hours[t];
    double beyond_kw = fare->movable_kw[t] + added_kw / 2 - pricing->target_kw[t];
    double late_h = (double)overlap_ms(from_ms, end_ms, work->due_ms, INT64_MAX) / HOUR_MS;
    return work->kw * hours *
               (pricing->price[t] + pricing->slope * beyond_kw +
                work->delay_per_kwh_h * fare->load->middle_h[t]) +
           work->kw * late_h * work->late_per_kwh;
}

static void fare_init(struct fare *fare, const struct schedule *schedule, const struct work *work,
                      const struct pricing *pricing)
{
    fare->load = schedule->load;
    fare->work = work;
    fare->pricing = pricing;
    fare->movable_kw = schedule->movable_kw;
    fare->sum[0] = 0;
    for (int32_t t = 0; t < schedule->load->problem->slot_count; t++)
        fare->sum[t + 1] =
            fare->sum[t] + fare_part(fare, t, schedule->load->problem->slots[t].start_ms,
                                     slot_end_ms(schedule->load, t));
}

/* Cost of one stretch whose first and last slots are known. */
static double fare_run(const struct fare *fare, int32_t first, int32_t last, int64_t start_ms,
                       int64_t end_ms)
{
    const struct problem_slot *slots = fare->load->problem->slots;
    if (first == last)
        return fare_part(fare, first, start_ms, end_ms);
    return fare_part(fare, first, start_ms, slot_end_ms(fare->load, first)) + fare->sum[last] -
           fare->sum[first + 1] + fare_part(fare, last, slots[last].start_ms, end_ms);
}

static double miss_cost(const struct work *work, const struct plan_job *plan)
{
    int64_t last_ms = plan->run_count > 0 ? plan->runs[plan->run_count - 1].end_ms : 0;
    return work_miss_cost(work, last_ms, work->job->remaining_ms - runs_total_ms(plan));
}

static double fare_plan(const struct fare *fare, const struct plan_job *plan)
{
    const struct workload *load = fare->load;
    struct work_cost cost;
    double sum =
        work_left_cost(load, fare->work, fare->work->job->remaining_ms - runs_total_ms(plan));
    for (int32_t i = 0; i < plan->run_count; i++) {
        const struct plan_run *run = &plan->runs[i];
        sum += fare_run(fare, workload_slot(load, run->start_ms),
                        workload_slot(load, run->end_ms - 1), run->start_ms, run->end_ms);
    }
    work_cost(load, fare->work, plan, &cost);
    return sum + cost.churn + miss_cost(fare->work, plan);
}

static void occupy(struct schedule *schedule, int32_t index, double sign)
{
    const struct workload *load = schedule->load;
    const struct work *work = &load->works[index];
    const struct plan_job *plan = &schedule->jobs[index];
    if (plan->run_count == 0)
        return;
    if (!work->committed)
        work_add_power(load, work, plan, sign, schedule->movable_kw);
    for (int32_t i = 0; i < plan->run_count; i++) {
        int32_t last = workload_slot(load, plan->runs[i].end_ms - 1);
        for (int32_t t = workload_slot(load, plan->runs[i].start_ms); t <= last; t++)
            schedule->room_kw[plan->feeder][t] -= sign * work->kw;
    }
}

static bool may_use(const struct schedule *schedule, const struct work *work, int32_t feeder)
{
    if (work->job->feeder >= 0)
        return work->job->feeder == feeder;
    return work->job->power_w <= schedule->load->problem->feeders[feeder].limit_w;
}

/* The feeder with the most room left at its tightest slot of the stretch; -1: none may be used. */
static int32_t widest_feeder(const struct schedule *schedule, const struct work *work,
                             int32_t first, int32_t last, double *ret_room_kw)
{
    int32_t widest = -1;
    double most_kw = -HUGE_VAL;
    for (int32_t f = 0; f < schedule->load->problem->feeder_count; f++) {
        double room_kw = HUGE_VAL;
        if (!may_use(schedule, work, f))
            continue;
        for (int32_t t = first; t <= last; t++)
            room_kw = fmin(room_kw, schedule->room_kw[f][t]);
        if (room_kw > most_kw) {
            most_kw = room_kw;
            widest = f;
        }
    }
    *ret_room_kw = most_kw;
    return widest;
}

static void place_committed(struct schedule *schedule, int32_t index)
{
    const struct workload *load = schedule->load;
    const struct work *work = &load->works[index];
    struct plan_job *plan = &schedule->jobs[index];
    double room_kw;
    work_run_at_once(load, work, plan);
    plan->id = work->job->id;
    if (plan->run_count > 0 && plan->feeder < 0)
        plan->feeder = widest_feeder(schedule, work, workload_slot(load, plan->runs[0].start_ms),
                                     workload_slot(load, plan->runs[0].end_ms - 1), &room_kw);
    occupy(schedule, index, 1);
}

static void place_guaranteed(struct schedule *schedule, int32_t index)
{
    const struct workload *load = schedule->load;
    const struct work *work = &load->works[index];
    struct plan_job *plan = &schedule->jobs[index];
    double room_kw;
    if (work->release_ms >= load->end_ms || work->job->remaining_ms <= 0)
        return;
    for (int32_t t = workload_slot(load, work->release_ms); t < load->problem->slot_count; t++) {
        int64_t start_ms = load->problem->slots[t].start_ms;
        if (start_ms < work->release_ms)
            start_ms = work->release_ms;
        int64_t end_ms = start_ms + work->job->remaining_ms;
        if (end_ms > load->end_ms)
            end_ms = load->end_ms;
        int32_t feeder =
            widest_feeder(schedule, work, t, workload_slot(load, end_ms - 1), &room_kw);
        if (feeder < 0 || room_kw + SMALL_KW < work->kw)
            continue;
        plan->feeder = feeder;
        plan->run_count = 1;
        plan->runs[0] = (struct plan_run){start_ms, end_ms};
        occupy(schedule, index, 1);
        return;
    }
}

static bool is_guaranteed(const struct work *work)
{
    return work->job->job_class == JOB_GUARANTEED && !work->committed;
}

static bool is_movable(const struct work *work)
{
    return !work->committed && work->possible && !is_guaranteed(work) &&
           work->job->remaining_ms > 0;
}

static bool is_tight(const struct work *work)
{
    return (double)(work->due_ms - work->release_ms) < 1.5 * (double)work->job->remaining_ms;
}

/* Those with little choice first, scavengers last; among them the most energy first, since small
 * jobs fill what large ones leave. */
static int compare_order(const void *a, const void *b, void *context)
{
    const struct work *works = context;
    const struct work *left = &works[*(const int32_t *)a], *right = &works[*(const int32_t *)b];
    int left_rank = left->job->job_class == JOB_SCAVENGER ? 2 : !is_tight(left);
    int right_rank = right->job->job_class == JOB_SCAVENGER ? 2 : !is_tight(right);
    if (left_rank != right_rank)
        return left_rank - right_rank;
    double left_energy = left->kw * (double)left->job->remaining_ms;
    double right_energy = right->kw * (double)right->job->remaining_ms;
    if (left_energy != right_energy)
        return left_energy < right_energy ? 1 : -1;
    return *(const int32_t *)a - *(const int32_t *)b;
}

static void place_first(struct schedule *schedule)
{
    const struct workload *load = schedule->load;
    for (int32_t i = 0; i < load->count; i++) {
        schedule->order[i] = i;
        schedule->jobs[i] =
            (struct plan_job){.id = load->works[i].job->id, .feeder = load->works[i].job->feeder};
        if (load->works[i].committed)
            place_committed(schedule, i);
    }
    qsort_r(schedule->order, (size_t)load->count, sizeof(int32_t), compare_order,
            (void *)load->works);
    for (int32_t i = 0; i < load->count; i++)
        if (is_guaranteed(&load->works[schedule->order[i]]))
            place_guaranteed(schedule, schedule->order[i]);
}

struct schedule *schedule_create(const struct workload *load)
{
    struct schedule *schedule = calloc(1, sizeof(*schedule));
    if (!schedule)
        return NULL;
    schedule->load = load;
    schedule->jobs = calloc((size_t)load->count + 1, sizeof(*schedule->jobs));
    schedule->order = calloc((size_t)load->count + 1, sizeof(*schedule->order));
    schedule->scratch = split_scratch_create();
    if (!schedule->jobs || !schedule->order || !schedule->scratch) {
        schedule_destroy(schedule);
        return NULL;
    }
    for (int32_t f = 0; f < load->problem->feeder_count; f++)
        for (int32_t t = 0; t < load->problem->slot_count; t++)
            schedule->room_kw[f][t] =
                (load->problem->feeders[f].limit_w - load->problem->slots[t].base_it_w[f]) / 1000;
    place_first(schedule);
    return schedule;
}

void schedule_destroy(struct schedule *schedule)
{
    if (!schedule)
        return;
    free(schedule->jobs);
    free(schedule->order);
    free(schedule->scratch);
    free(schedule);
}

void schedule_copy(struct schedule *to, const struct schedule *from)
{
    memcpy(to->movable_kw, from->movable_kw, sizeof(to->movable_kw));
    memcpy(to->room_kw, from->room_kw, sizeof(to->room_kw));
    memcpy(to->jobs, from->jobs, sizeof(*to->jobs) * (size_t)to->load->count);
}

/* The search for one stretch. */
struct search {
    const struct schedule *schedule;
    struct fare fare;
    int32_t blocked[LIMIT_FEEDERS][LIMIT_SLOTS + 1]; /* next slot from here without room */
    struct plan_job best;
    double best_cost;
};

static void find_blocked(struct search *search)
{
    const struct schedule *schedule = search->schedule;
    const struct work *work = search->fare.work;
    int32_t count = schedule->load->problem->slot_count;
    for (int32_t f = 0; f < schedule->load->problem->feeder_count; f++) {
        bool usable = may_use(schedule, work, f);
        search->blocked[f][count] = count;
        for (int32_t t = count - 1; t >= 0; t--) {
            bool room = usable && schedule->room_kw[f][t] + SMALL_KW >= work->kw;
            search->blocked[f][t] = room ? search->blocked[f][t + 1] : t;
        }
    }
}

/* Of the feeders that carry the whole stretch, the one with the most room at its start. */
static int32_t pick_feeder(const struct search *search, int32_t first, int32_t last)
{
    const struct schedule *schedule = search->schedule;
    int32_t best = -1;
    for (int32_t f = 0; f < schedule->load->problem->feeder_count; f++) {
        if (search->blocked[f][first] <= last)
            continue;
        if (best < 0 || schedule->room_kw[f][first] > schedule->room_kw[best][first])
            best = f;
    }
    return best;
}

static void try_start(struct search *search, int64_t start_ms)
{
    const struct workload *load = search->schedule->load;
    const struct work *work = search->fare.work;
    if (start_ms < work->release_ms || start_ms >= load->end_ms)
        return;
    int64_t end_ms = start_ms + work->job->remaining_ms;
    if (end_ms > load->end_ms)
        end_ms = load->end_ms;
    int32_t first = workload_slot(load, start_ms), last = workload_slot(load, end_ms - 1);
    int32_t feeder = pick_feeder(search, first, last);
    if (feeder < 0)
        return;
    int64_t left_ms = work->job->remaining_ms - (end_ms - start_ms);
    double cost = fare_run(&search->fare, first, last, start_ms, end_ms) +
                  work_left_cost(load, work, left_ms) + work_miss_cost(work, end_ms, left_ms);
    if (work->job->running && start_ms > load->start_ms)
        cost += 2 * load->problem->prices.churn;
    if (cost >= search->best_cost - SMALL_COST)
        return;
    search->best_cost = cost;
    search->best.feeder = feeder;
    search->best.run_count = 1;
    search->best.runs[0] = (struct plan_run){start_ms, end_ms};
}

/* Starts that can matter: the release, the start of a slot, and so that it ends with a slot or
 * just in time. */
static void search_one_run(struct search *search)
{
    const struct workload *load = search->schedule->load;
    const struct work *work = search->fare.work;
    try_start(search, work->release_ms);
    for (int32_t t = 0; t < load->problem->slot_count; t++) {
        try_start(search, load->problem->slots[t].start_ms);
        try_start(search, slot_end_ms(load, t) - work->job->remaining_ms);
    }
    if (work->due_ms < load->end_ms)
        try_start(search, work->due_ms - work->job->remaining_ms);
}

static void search_split(struct search *search)
{
    const struct schedule *schedule = search->schedule;
    struct plan_job split = search->best;
    double room_kw, cost;
    int32_t feeder = search->best.feeder;
    if (feeder < 0)
        feeder = widest_feeder(schedule, search->fare.work, 0, 0, &room_kw);
    if (feeder < 0 || !split_search(&search->fare, schedule->scratch, schedule->room_kw[feeder],
                                    search->best_cost, &split, &cost))
        return;
    split.feeder = feeder;
    search->best = split;
    search->best_cost = cost;
}

/* Leaves the job where it is unless there is a better place. */
static bool place_job(struct schedule *schedule, int32_t index, const struct pricing *pricing)
{
    const struct workload *load = schedule->load;
    const struct work *work = &load->works[index];
    struct search search = {.schedule = schedule, .best = schedule->jobs[index]};
    if (work->release_ms >= load->end_ms)
        return false;
    occupy(schedule, index, -1);
    fare_init(&search.fare, schedule, work, pricing);
    search.best_cost = fare_plan(&search.fare, &search.best);
    double cost_before = search.best_cost;
    find_blocked(&search);
    search_one_run(&search);
    if (work->job->can_suspend)
        search_split(&search);
    bool moved = search.best_cost < cost_before;
    schedule->jobs[index] = search.best;
    occupy(schedule, index, 1);
    return moved;
}

int32_t schedule_place(struct schedule *schedule, const struct pricing *pricing)
{
    int32_t moved = 0;
    for (int32_t i = 0; i < schedule->load->count; i++)
        if (is_movable(&schedule->load->works[schedule->order[i]]))
            moved += place_job(schedule, schedule->order[i], pricing);
    return moved;
}

double schedule_miss_cost(const struct schedule *schedule)
{
    double sum = 0;
    for (int32_t i = 0; i < schedule->load->count; i++)
        if (is_movable(&schedule->load->works[i]))
            sum += miss_cost(&schedule->load->works[i], &schedule->jobs[i]);
    return sum;
}

bool schedule_restart(struct schedule *schedule)
{
    const struct workload *load = schedule->load;
    int32_t missing = 0;
    for (int32_t i = 0; i < load->count; i++) {
        int32_t index = schedule->order[i];
        if (!is_movable(&load->works[index]) ||
            miss_cost(&load->works[index], &schedule->jobs[index]) <= 0)
            continue;
        for (int32_t k = i; k > missing; k--)
            schedule->order[k] = schedule->order[k - 1];
        schedule->order[missing++] = index;
    }
    for (int32_t i = 0; missing > 0 && i < load->count; i++) {
        if (!is_movable(&load->works[i]))
            continue;
        occupy(schedule, i, -1);
        schedule->jobs[i].run_count = 0;
        schedule->jobs[i].feeder = load->works[i].job->feeder;
    }
    return missing > 0;
}
