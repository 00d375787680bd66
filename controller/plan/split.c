/* The cheapest way to cut a job that may be suspended into stretches.
 *
 * For a reward per unit of work, the best sequence of waiting and running is a shortest path over
 * the pieces of time: waiting, or running at one of the levels; a start pays its churn and restart
 * and runs through its least stretch in one step. The reward is then moved along the lower convex
 * hull of (work, cost) until the edge is found over the work that is needed; the way at the edge's
 * upper end is cut to measure where it is dearest. Where starts are free the result is exact. */
#include <math.h>
#include <stdlib.h>

#include "controller/plan/split.h"

enum { STEPS_MOST = 40 }; /* along the hull */

static const double SMALL_COST = 1e-9;
static const double SMALL_RATIO = 1e-9;
static const double ASIDE = 1e-6; /* of a reward: to either side of what lies on it */

static bool way_init(struct way *way, int32_t room)
{
    way->stretches = calloc((size_t)room + LIMIT_RUNS, sizeof(*way->stretches));
    return way->stretches != NULL;
}

struct split *split_create(int32_t room)
{
    struct split *split = calloc(1, sizeof(*split));
    if (!split)
        return NULL;
    split->nodes = path_create(room);
    bool ways = way_init(&split->low, room);
    ways = way_init(&split->high, room) && ways;
    ways = way_init(&split->trial, room) && ways;
    split->rates = calloc((size_t)room + 1, sizeof(*split->rates));
    if (split->nodes && split->rates && ways)
        return split;
    split_destroy(split);
    return NULL;
}

void split_destroy(struct split *split)
{
    if (!split)
        return;
    free(split->nodes);
    free(split->rates);
    free(split->low.stretches);
    free(split->high.stretches);
    free(split->trial.stretches);
    free(split);
}

static void swap_ways(struct way *a, struct way *b)
{
    struct way swap = *a;
    *a = *b;
    *b = swap;
}

/* ---- the hull ---- */

/* Puts those below a rate, or those at it, first; how much work they do. */
static double put_first(struct split_rate *rates, int32_t *first, int32_t end, double rate, bool at)
{
    double work = 0;
    for (int32_t i = *first; i < end; i++) {
        if (at ? rates[i].per_ms != rate : rates[i].per_ms >= rate)
            continue;
        const struct split_rate found = rates[i];
        rates[i] = rates[*first];
        rates[(*first)++] = found;
        work += found.work;
    }
    return work;
}

/* The rate of the last piece when so much work is done by the cheapest. */
static double last_rate(struct split_rate *rates, int32_t count, double work)
{
    int32_t first = 0, end = count;
    double rate = 0;
    while (first < end) {
        int32_t middle = first;
        rate = rates[first + (end - first) / 2].per_ms;
        double below = put_first(rates, &middle, end, rate, false);
        if (below >= work) {
            end = middle;
            continue;
        }
        first = middle;
        work -= below + put_first(rates, &first, end, rate, true);
        if (work <= 0)
            break;
    }
    return rate;
}

/* What the dearest ms costs when the cheapest pieces do the work: the reward looked for where
 * starts are free, and near it where they are not. */
static double likely_reward(struct split *split, double work)
{
    const struct problem_job *job = split_job(split);
    int32_t level = job->running ? job->level : 0, count = 0;
    const double *piece_work = &split->search->pieces.work[search_at(split->search, level, 0)];
    for (int32_t i = 0; i < split->count; i++)
        if (split->clear[level][i] > i)
            split->rates[count++] =
                (struct split_rate){split_rate_at(split, level, i), piece_work[i]};
    return last_rate(split->rates, count, work);
}

/* The best way at this reward becomes an end of the edge if it lies below and between them. */
static bool narrow(struct split *split, double work, double reward)
{
    path_best(split, reward, &split->trial);
    const struct way *trial = &split->trial;
    double ends = fmin(split->low.cost - reward * split->low.work,
                       split->high.cost - reward * split->high.work);
    if (trial->work <= split->low.work || trial->work >= split->high.work ||
        trial->cost - reward * trial->work >= ends - SMALL_COST - SMALL_RATIO * fabs(ends))
        return false;
    swap_ways(&split->trial, trial->work >= work ? &split->high : &split->low);
    return true;
}

/* Narrows low and high to the hull's edge over `work`. */
static void walk_hull(struct split *split, double work)
{
    double likely = likely_reward(split, work);
    narrow(split, work, likely * (1 + ASIDE));
    narrow(split, work, likely * (1 - ASIDE));
    for (int step = 0; step < STEPS_MOST; step++) {
        double span = split->high.work - split->low.work;
        if (span < 1 || !narrow(split, work, (split->high.cost - split->low.cost) / span))
            return;
    }
}

/* ---- places ---- */

/* The way as runs of the job, with what is held before it; false: too many. */
static bool write_runs(const struct split *split, const struct way *way, struct plan_job *plan)
{
    const struct work *work = split->search->work;
    plan->run_count = 0;
    if (work->held.end_ms > work->held.start_ms)
        plan->runs[plan->run_count++] = work->held;
    for (int32_t i = 0; i < way->count; i++) {
        const struct stretch *stretch = &way->stretches[i];
        struct plan_run *last = plan->run_count > 0 ? &plan->runs[plan->run_count - 1] : NULL;
        if (last && last->end_ms == stretch->start_ms && last->level == stretch->level) {
            last->end_ms = stretch->end_ms;
            continue;
        }
        if (plan->run_count == LIMIT_RUNS)
            return false;
        plan->runs[plan->run_count++] =
            (struct plan_run){stretch->start_ms, stretch->end_ms, stretch->level};
    }
    return true;
}

/* Lengths were cut as real numbers: the last ms are put right where a run ends, if they fit into
 * the cell that it ends in. */
static void settle(const struct split *split, struct plan_job *plan)
{
    const struct work *work = split->search->work;
    const struct workload *load = split->search->market->load;
    for (int32_t r = plan->run_count - 1; r >= 0; r--) {
        struct plan_run *run = &plan->runs[r];
        double speed = work->job->levels[run->level].speed;
        int64_t left_ms = work_left_ms(load, work, plan);
        int64_t work_ms = work_of_ms(run->end_ms - run->start_ms, speed) + left_ms;
        if (left_ms == 0 || llabs(left_ms) > LIMIT_RUNS || work_ms <= 0 ||
            run->end_ms <= work->release_ms)
            continue;
        bool last = r + 1 == plan->run_count;
        int64_t end_ms = run->start_ms + work_length_ms(work_ms, speed);
        int64_t most_ms = room_cell_end_ms(load, room_cell(load, run->end_ms - 1));
        if (!last && plan->runs[r + 1].start_ms <= most_ms)
            most_ms = plan->runs[r + 1].start_ms - 1;
        if (end_ms <= most_ms && (last || plan->runs[r + 1].start_ms > run->end_ms))
            run->end_ms = end_ms;
    }
}

static int32_t group_for(const struct search *search, const struct way *way)
{
    const struct room *room = search->market->room;
    int32_t best = -1;
    double most_kw = -HUGE_VAL;
    for (int32_t g = 0; g < search->market->load->problem->sites[search->site].group_count; g++) {
        bool carries = search->group_usable[g];
        for (int32_t i = 0; carries && i < way->count; i++) {
            const struct stretch *stretch = &way->stretches[i];
            int32_t row = g * LIMIT_LEVELS + stretch->level;
            carries =
                search->pieces.clear_group[search_at(search, row, stretch->first)] >= stretch->end;
        }
        if (!carries)
            continue;
        int32_t piece = way->count > 0 ? way->stretches[0].first : 0;
        double free_kw = room->free_kw[workload_at(room->load, room->first_group[search->site] + g,
                                                   search->pieces.slot[piece])];
        if (free_kw > most_kw) {
            most_kw = free_kw;
            best = g;
        }
    }
    return best;
}

struct best {
    struct plan_job *plan;
    double *cost;
    bool found;
    bool blocked; /* something was good enough, but no group carried all of it */
};

/* Measures a way as a place of the job. */
static void try_way(struct split *split, const struct way *way, int32_t group, struct best *best)
{
    const struct search *search = split->search;
    struct plan_job plan = {.id = split_job(split)->id, .site = search->site};
    if (!write_runs(split, way, &plan))
        return;
    settle(split, &plan);
    if (work_left_ms(search->market->load, search->work, &plan) < 0)
        return;
    if (plan.run_count == 0)
        plan.site = split_job(split)->site;
    double cost = market_cost(search->market, search->work, &plan);
    if (cost >= *best->cost - SMALL_COST)
        return;
    plan.group = group >= 0 || plan.run_count == 0 ? group : group_for(search, way);
    if (plan.run_count > 0 && plan.group < 0) {
        best->blocked = true;
        return;
    }
    *best->plan = plan;
    *best->cost = cost;
    best->found = true;
}

static void copy_way(struct way *to, const struct way *from)
{
    to->cost = from->cost;
    to->work = from->work;
    to->count = from->count;
    for (int32_t i = 0; i < from->count; i++)
        to->stretches[i] = from->stretches[i];
}

/* From the edge over the work that is needed: the upper end cut to measure, and the lower end grown
 * to it. */
static void try_edge(struct split *split, double work, int32_t group, struct best *best)
{
    bool finishes = work >= (double)split->search->work->work_ms;
    double span = split->high.work - split->low.work;
    double reward = span > 0 ? (split->high.cost - split->low.cost) / span : 0;
    if (split->high.work < work - SPLIT_ENOUGH_MS)
        return;
    copy_way(&split->trial, &split->high);
    way_fit(split, &split->trial, work, reward, finishes);
    try_way(split, &split->trial, group, best);
    if (split->low.count == 0 || split_has_free_starts(split))
        return;
    copy_way(&split->trial, &split->low);
    way_fit(split, &split->trial, work, reward, finishes);
    try_way(split, &split->trial, group, best);
}

static void nothing(struct way *way)
{
    way->cost = way->work = 0;
    way->count = 0;
}

/* What a ms of work that is left costs: first what need not be done yet, then what is due. */
static double left_rate(const struct split *split, bool due)
{
    const struct work *work = split->search->work;
    const struct workload *load = split->search->market->load;
    double price = due ? work->unserved_per_kwh : load->later_per_kwh[split->search->site];
    return work->kw / 3600e3 * (price + load->end_h * work->delay_per_kwh_h);
}

/* From what is known to be too little on: all that is needed. The first reward is above any price,
 * so that as much is done as can be. False: that is not enough. */
static bool search_all(struct split *split, double need, int32_t group, struct best *best)
{
    double most = 0;
    for (int32_t i = 0; i < split->count; i++)
        for (int32_t l = 0; l < split_job(split)->level_count; l++)
            most = fmax(most, fabs(split_rate_at(split, l, i)));
    path_best(split, 100 * most + left_rate(split, true), &split->high);
    if (split->high.work < need)
        return false;
    walk_hull(split, need);
    try_edge(split, need, group, best);
    return true;
}

/* All that is worth doing at a price for what is left. True: that is all there is. */
static bool search_worthwhile(struct split *split, bool due, double need, int32_t group,
                              struct best *best)
{
    path_best(split, left_rate(split, due), &split->high);
    if (split->high.work < need) {
        try_way(split, &split->high, group, best);
        return false;
    }
    walk_hull(split, need);
    try_edge(split, need, group, best);
    return true;
}

/* All that is worth doing, against leaving the rest: first what need not be done yet. */
static void search_with_rest(struct split *split, int32_t group, struct best *best)
{
    const struct work *work = split->search->work;
    double need = (double)work->work_ms, least = need - (double)work->leave_ms;
    bool complete = false;
    nothing(&split->low);
    if (work->leave_ms > 0) {
        complete = search_worthwhile(split, false, need, group, best);
        if (!complete && split->high.work < least) {
            swap_ways(&split->high, &split->low);
            search_worthwhile(split, true, least, group, best);
        }
    } else {
        complete = search_worthwhile(split, true, need, group, best);
    }
    bool costly_stop = split_prices(split)->churn > 0 || split_prices(split)->change_gain > 0;
    if (complete || !costly_stop)
        return;
    nothing(&split->low);
    search_all(split, need, group, best);
}

/* A running job goes on until it is done. */
static void try_go_on(struct split *split, int32_t group, struct best *best)
{
    const struct work *work = split->search->work;
    const struct pieces *pieces = &split->search->pieces;
    int32_t level = work->job->level, end = split->clear[level][0];
    struct stretch *stretch = &split->trial.stretches[0];
    int64_t length_ms = work_length_ms(work->work_ms, work->job->levels[level].speed);
    int64_t end_ms = pieces->begin_ms[0] + length_ms;
    if (end_ms > pieces->begin_ms[pieces->count])
        end_ms = pieces->begin_ms[pieces->count];
    if (end_ms > pieces->begin_ms[end])
        return;
    while (pieces->begin_ms[end - 1] >= end_ms)
        end--;
    *stretch = (struct stretch){0, end, pieces->begin_ms[0], end_ms, level, true};
    split->trial.count = 1;
    try_way(split, &split->trial, group, best);
}

static void search_ways(struct split *split, int32_t group, struct best *best)
{
    const struct search *search = split->search;
    split->count = search->pieces.count;
    if (split_job(split)->running)
        try_go_on(split, group, best);
    nothing(&split->low);
    if (search->on_time_only)
        search_all(split, (double)search->work->work_ms, group, best);
    else
        search_with_rest(split, group, best);
}

static void use_group(struct split *split, int32_t group)
{
    const struct search *search = split->search;
    for (int32_t l = 0; l < split_job(split)->level_count; l++)
        split->clear[l] =
            group < 0 ? &search->pieces.clear[search_at(search, l, 0)]
                      : &search->pieces.clear_group[search_at(search, group * LIMIT_LEVELS + l, 0)];
}

bool search_split(struct search *search, struct plan_job *ret_best, double *best_cost)
{
    struct split *split = search->split;
    struct best best = {.plan = ret_best, .cost = best_cost};
    split->search = search;
    use_group(split, -1);
    search_ways(split, -1, &best);
    if (!best.blocked)
        return best.found;
    for (int32_t g = 0; g < search->market->load->problem->sites[search->site].group_count; g++) {
        if (!search->group_usable[g])
            continue;
        use_group(split, g);
        search_ways(split, g, &best);
    }
    return best.found;
}
