/* The cheapest single stretch of a job: it starts or ends with a piece, at the release, or just in
 * time. */
#include "controller/plan/search.h"

#include <math.h>

static const double SMALL_COST = 1e-9;

struct single {
    const struct search *search;
    int32_t level;
    int64_t work_ms; /* what a running job resumes has to be read back */
    double best_cost;
    int32_t best_level, best_first, best_last;
    int64_t best_start_ms, best_end_ms;
    bool found;
};

static void try_stretch(struct single *single, int32_t first, int32_t last, int64_t start_ms,
                        int64_t end_ms)
{
    const struct search *search = single->search;
    const struct work *work = search->work;
    bool goes_on = work->job->running && start_ms == search->pieces.begin_ms[0];
    if (search->pieces.clear[search_at(search, single->level, first)] <= last || goes_on)
        return;
    int64_t left_ms =
        single->work_ms - work_of_ms(end_ms - start_ms, work->job->levels[single->level].speed);
    double cost = search_span(search, single->level, first, last, start_ms, end_ms) +
                  work_miss_cost(work, end_ms, left_ms);
    if (left_ms > 0)
        cost += work_left_cost(search->market->load, work, search->site, left_ms);
    if (cost >= single->best_cost - SMALL_COST)
        return;
    single->found = true;
    single->best_cost = cost;
    single->best_level = single->level;
    single->best_first = first;
    single->best_last = last;
    single->best_start_ms = start_ms;
    single->best_end_ms = end_ms;
}

/* Starts with a piece: what is beyond the horizon is left. */
static void try_starts(struct single *single, int64_t length_ms)
{
    const struct pieces *pieces = &single->search->pieces;
    int32_t last = 0;
    for (int32_t first = 0; first < pieces->count; first++) {
        int64_t end_ms = pieces->begin_ms[first] + length_ms;
        if (end_ms > pieces->begin_ms[pieces->count] && single->search->on_time_only)
            break;
        if (end_ms > pieces->begin_ms[pieces->count])
            end_ms = pieces->begin_ms[pieces->count];
        while (pieces->begin_ms[last + 1] < end_ms)
            last++;
        try_stretch(single, first, last, pieces->begin_ms[first], end_ms);
    }
}

/* Ends with a piece, or just in time beyond the horizon. */
static void try_ends(struct single *single, int64_t length_ms)
{
    const struct pieces *pieces = &single->search->pieces;
    int64_t due_ms = single->search->work->due_ms;
    int32_t first = 0;
    for (int32_t last = 0; last <= pieces->count; last++) {
        bool beyond = last == pieces->count;
        int64_t end_ms = beyond ? due_ms : pieces->begin_ms[last + 1];
        int64_t start_ms = end_ms - length_ms;
        if (start_ms < pieces->begin_ms[0])
            continue;
        while (first < pieces->count && pieces->begin_ms[first + 1] <= start_ms)
            first++;
        if (first == pieces->count || (beyond && due_ms <= pieces->begin_ms[pieces->count]))
            break;
        try_stretch(single, first, beyond ? last - 1 : last, start_ms,
                    beyond ? pieces->begin_ms[last] : end_ms);
    }
}

/* Of the groups that carry the whole stretch, the one with the most room at its start. */
static int32_t pick_group(const struct search *search, int32_t level, int32_t first, int32_t last)
{
    const struct room *room = search->market->room;
    int32_t best = -1;
    double most_kw = -HUGE_VAL;
    for (int32_t g = 0; g < search->market->load->problem->sites[search->site].group_count; g++) {
        int32_t row = g * LIMIT_LEVELS + level;
        if (!search->group_usable[g] ||
            search->pieces.clear_group[search_at(search, row, first)] <= last)
            continue;
        double free_kw = room->free_kw[workload_at(room->load, room->first_group[search->site] + g,
                                                   search->pieces.slot[first])];
        if (free_kw > most_kw) {
            most_kw = free_kw;
            best = g;
        }
    }
    return best;
}

bool search_single(struct search *search, struct plan_job *ret_best, double *best_cost)
{
    const struct work *work = search->work;
    const struct problem_job *job = work->job;
    struct single single = {.search = search, .best_cost = HUGE_VAL};
    single.work_ms = work->work_ms + (job->running ? job->restart_ms : 0);
    for (int32_t l = 0; l < job->level_count; l++) {
        int64_t length_ms = work_length_ms(single.work_ms, job->levels[l].speed);
        single.level = l;
        try_starts(&single, length_ms);
        try_ends(&single, length_ms);
    }
    if (!single.found)
        return false;
    struct plan_job plan = {.id = job->id, .site = search->site};
    plan.group = pick_group(search, single.best_level, single.best_first, single.best_last);
    if (work->held.end_ms > work->held.start_ms)
        plan.runs[plan.run_count++] = work->held;
    plan.runs[plan.run_count++] =
        (struct plan_run){single.best_start_ms, single.best_end_ms, single.best_level};
    double cost = market_cost(search->market, search->work, &plan);
    if (cost >= *best_cost - SMALL_COST)
        return false;
    *ret_best = plan;
    *best_cost = cost;
    return true;
}
