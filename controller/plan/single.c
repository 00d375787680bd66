/* The cheapest single stretch of a job: it starts or ends with a piece, at the release, just in
 * time, or where others leave room in the middle of a piece. */
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

static bool carries_part(const struct search *search, int32_t group, int32_t level, int32_t piece,
                         int64_t start_ms, int64_t end_ms)
{
    const struct workload *load = search->market->load;
    int32_t t = search->pieces.slot[piece];
    return room_carries_cells(search->market->room, search->site, group, search->work->job, level,
                              room_cell_in(load, t, start_ms), room_cell_in(load, t, end_ms - 1));
}

/* Whole pieces between the first and the last, and what it needs of those. */
static bool group_carries(const struct search *search, int32_t group, int32_t level, int32_t first,
                          int32_t last, int64_t start_ms, int64_t end_ms)
{
    const int64_t *begin_ms = search->pieces.begin_ms;
    const int32_t *clear =
        &search->pieces.clear_group[search_at(search, group * LIMIT_LEVELS + level, 0)];
    if (!search->group_usable[group])
        return false;
    if (clear[first] > last)
        return true;
    if (first + 1 < last && clear[first + 1] < last)
        return false;
    return carries_part(search, group, level, first, start_ms,
                        first == last ? end_ms : begin_ms[first + 1]) &&
           (first == last || carries_part(search, group, level, last, begin_ms[last], end_ms));
}

static bool some_group_carries(const struct search *search, int32_t level, int32_t first,
                               int32_t last, int64_t start_ms, int64_t end_ms)
{
    int32_t group_count = search->market->load->problem->sites[search->site].group_count;
    if (search->pieces.clear[search_at(search, level, first)] > last)
        return true;
    for (int32_t g = 0; g < group_count; g++)
        if (group_carries(search, g, level, first, last, start_ms, end_ms))
            return true;
    return false;
}

static void try_stretch(struct single *single, int32_t first, int32_t last, int64_t start_ms,
                        int64_t end_ms)
{
    const struct search *search = single->search;
    const struct work *work = search->work;
    bool goes_on = work->job->running && start_ms == search->pieces.begin_ms[0];
    if (goes_on || !some_group_carries(search, single->level, first, last, start_ms, end_ms))
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

/* Times inside a piece that no group carries as a whole, where others may begin or end. */
static int32_t list_edges(const struct single *single, int32_t piece, int64_t ret_ms[ROOM_CELLS])
{
    const struct search *search = single->search;
    const struct pieces *pieces = &search->pieces;
    int32_t count = 0;
    if (pieces->clear[search_at(search, single->level, piece)] > piece)
        return 0;
    for (int32_t i = 1; i < ROOM_CELLS; i++) {
        int64_t at_ms =
            room_cell_start_ms(search->market->load, pieces->slot[piece] * ROOM_CELLS + i);
        if (at_ms > pieces->begin_ms[piece] && at_ms < pieces->begin_ms[piece + 1])
            ret_ms[count++] = at_ms;
    }
    return count;
}

/* What is beyond the horizon is left. */
static void try_start(struct single *single, int32_t first, int64_t start_ms, int64_t length_ms,
                      int32_t *last)
{
    const struct pieces *pieces = &single->search->pieces;
    int64_t end_ms = start_ms + length_ms;
    if (end_ms > pieces->begin_ms[pieces->count] && single->search->on_time_only)
        return;
    if (end_ms > pieces->begin_ms[pieces->count])
        end_ms = pieces->begin_ms[pieces->count];
    while (pieces->begin_ms[*last + 1] < end_ms)
        (*last)++;
    try_stretch(single, first, *last, start_ms, end_ms);
}

static void try_starts(struct single *single, int64_t length_ms)
{
    const struct pieces *pieces = &single->search->pieces;
    int64_t edges_ms[ROOM_CELLS];
    int32_t last = 0;
    for (int32_t first = 0; first < pieces->count; first++) {
        try_start(single, first, pieces->begin_ms[first], length_ms, &last);
        int32_t count = list_edges(single, first, edges_ms);
        for (int32_t i = 0; i < count; i++)
            try_start(single, first, edges_ms[i], length_ms, &last);
    }
}

static void try_end(struct single *single, int32_t last, int64_t end_ms, int64_t length_ms,
                    int32_t *first)
{
    const struct pieces *pieces = &single->search->pieces;
    int64_t start_ms = end_ms - length_ms;
    if (start_ms < pieces->begin_ms[0])
        return;
    while (pieces->begin_ms[*first + 1] <= start_ms)
        (*first)++;
    try_stretch(single, *first, last, start_ms, end_ms);
}

/* Just in time, beyond the horizon. */
static void try_end_beyond(struct single *single, int64_t length_ms)
{
    const struct pieces *pieces = &single->search->pieces;
    int64_t start_ms = single->search->work->due_ms - length_ms, end_ms;
    int32_t first = 0;
    end_ms = pieces->begin_ms[pieces->count];
    if (single->search->work->due_ms <= end_ms || start_ms < pieces->begin_ms[0] ||
        start_ms >= end_ms)
        return;
    while (pieces->begin_ms[first + 1] <= start_ms)
        first++;
    try_stretch(single, first, pieces->count - 1, start_ms, end_ms);
}

static void try_ends(struct single *single, int64_t length_ms)
{
    const struct pieces *pieces = &single->search->pieces;
    int64_t edges_ms[ROOM_CELLS];
    int32_t first = 0;
    for (int32_t last = 0; last < pieces->count; last++) {
        int32_t count = list_edges(single, last, edges_ms);
        for (int32_t i = 0; i < count; i++)
            try_end(single, last, edges_ms[i], length_ms, &first);
        try_end(single, last, pieces->begin_ms[last + 1], length_ms, &first);
    }
    try_end_beyond(single, length_ms);
}

/* Of the groups that carry the whole stretch, the one with the most room at its start. */
static int32_t pick_group(const struct single *single)
{
    const struct search *search = single->search;
    const struct room *room = search->market->room;
    int32_t best = -1;
    double most_kw = -HUGE_VAL;
    for (int32_t g = 0; g < search->market->load->problem->sites[search->site].group_count; g++) {
        if (!group_carries(search, g, single->best_level, single->best_first, single->best_last,
                           single->best_start_ms, single->best_end_ms))
            continue;
        double free_kw = room->free_kw[workload_at(room->load, room->first_group[search->site] + g,
                                                   search->pieces.slot[single->best_first])];
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
    plan.group = pick_group(&single);
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
