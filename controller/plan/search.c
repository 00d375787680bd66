/* What a search sees of one job at one site: pieces of time with their cost, and where groups have
 * room. */
#include "controller/plan/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double HOUR_MS = 3600e3;

bool pricing_init(struct pricing *pricing, const struct workload *load)
{
    size_t cells = (size_t)load->site_count * (size_t)load->slot_count;
    *pricing = (struct pricing){.price = calloc(cells, sizeof(double)),
                                .target_kw = calloc(cells, sizeof(double))};
    return pricing->price && pricing->target_kw;
}

void pricing_finish(struct pricing *pricing)
{
    free(pricing->price);
    free(pricing->target_kw);
}

void pricing_ready(struct pricing *pricing, const struct workload *load, const double *jobs_kw)
{
    for (int32_t s = 0; s < load->site_count; s++) {
        pricing->least[s] = HUGE_VAL;
        for (int32_t t = 0; t < load->slot_count; t++) {
            size_t at = workload_at(load, s, t);
            double above_kw = jobs_kw[at] - pricing->target_kw[at];
            pricing->least[s] =
                fmin(pricing->least[s], pricing->price[at] + pricing->slope[s] * above_kw);
        }
    }
}

static int32_t groups_most(const struct workload *load)
{
    int32_t most = 1;
    for (int32_t s = 0; s < load->site_count; s++)
        if (load->problem->sites[s].group_count > most)
            most = load->problem->sites[s].group_count;
    return most;
}

struct search *search_create(const struct workload *load)
{
    struct search *search = calloc(1, sizeof(*search));
    if (!search)
        return NULL;
    struct pieces *pieces = &search->pieces;
    pieces->room = load->slot_count * ROOM_CELLS + 1; /* the due time cuts one more */
    size_t row = (size_t)pieces->room + 1, levels = LIMIT_LEVELS * row;
    pieces->begin_ms = calloc(row, sizeof(int64_t));
    pieces->slot = calloc(row, sizeof(int32_t));
    pieces->cost = calloc(levels, sizeof(double));
    pieces->work = calloc(levels, sizeof(double));
    pieces->cost_sum = calloc(levels, sizeof(double));
    pieces->work_sum = calloc(levels, sizeof(double));
    pieces->clear = calloc(levels, sizeof(int32_t));
    pieces->clear_group = calloc(levels * (size_t)groups_most(load), sizeof(int32_t));
    search->split = split_create(pieces->room);
    if (pieces->begin_ms && pieces->slot && pieces->cost && pieces->work && pieces->cost_sum &&
        pieces->work_sum && pieces->clear && pieces->clear_group && search->split)
        return search;
    search_destroy(search);
    return NULL;
}

void search_destroy(struct search *search)
{
    if (!search)
        return;
    free(search->pieces.begin_ms);
    free(search->pieces.slot);
    free(search->pieces.cost);
    free(search->pieces.work);
    free(search->pieces.cost_sum);
    free(search->pieces.work_sum);
    free(search->pieces.clear);
    free(search->pieces.clear_group);
    split_destroy(search->split);
    free(search);
}

static double slope_price(const struct market *market, int32_t site, int32_t t)
{
    size_t at = workload_at(market->load, site, t);
    return market->pricing->price[at] +
           market->pricing->slope[site] * (market->jobs_kw[at] - market->pricing->target_kw[at]);
}

/* Lateness per kWh of a slot's late part. */
static double late_price(const struct workload *load, const struct work *work, int32_t t)
{
    const struct problem_slot *slot = &load->problem->sites[0].slots[t];
    int64_t end_ms = slot->start_ms + slot->length_ms;
    int64_t from_ms = slot->start_ms > work->due_ms ? slot->start_ms : work->due_ms;
    double late_h = ((double)(from_ms - work->due_ms) + (double)(end_ms - from_ms) / 2) / HOUR_MS;
    return work->late_per_kwh + work->late_per_kwh_h * late_h;
}

/* Running for some time inside a slot: energy at the price as it moves away from the target,
 * waiting and lateness. */
static double part_cost(const struct market *market, const struct work *work, int32_t site,
                        int32_t level, int32_t t, double hours, double price)
{
    const struct problem_level *given = &work->job->levels[level];
    double kw = given->power_w / 1000;
    double added_kw = kw * hours / market->load->hours[t];
    return hours * (kw * (price + market->pricing->slope[site] * added_kw / 2) +
                    work->kw * given->speed * work->delay_per_kwh_h * market->load->middle_h[t]);
}

/* Is there a group that others leave to the job in a part of the slot? */
static bool is_contested(const struct search *search, int32_t t)
{
    const struct room *room = search->market->room;
    const struct problem_job *job = search->work->job;
    int32_t group_count = search->market->load->problem->sites[search->site].group_count;
    for (int32_t g = 0; g < group_count; g++)
        for (int32_t l = 0; (job->group < 0 || job->group == g) && l < job->level_count; l++)
            if (room_carries_part(room, search->site, g, job, l, t))
                return true;
    return false;
}

static void begin_piece(struct pieces *pieces, int32_t t, int64_t at_ms)
{
    pieces->begin_ms[pieces->count] = at_ms;
    pieces->slot[pieces->count++] = t;
}

/* A slot in one piece, where all of it is free or taken; else in cells. */
static void cut_slot(struct search *search, int32_t t, int64_t from_ms, int64_t until_ms)
{
    const struct workload *load = search->market->load;
    int64_t due_ms = search->work->due_ms, at_ms = from_ms;
    int32_t cells = is_contested(search, t) ? ROOM_CELLS : 1;
    begin_piece(&search->pieces, t, from_ms);
    for (int32_t i = 1; i <= cells; i++) {
        int64_t next_ms = i == cells ? until_ms : room_cell_start_ms(load, t * ROOM_CELLS + i);
        next_ms = next_ms < until_ms ? next_ms : until_ms;
        if (due_ms > at_ms && due_ms < next_ms)
            begin_piece(&search->pieces, t, due_ms);
        if (next_ms > from_ms && next_ms < until_ms)
            begin_piece(&search->pieces, t, next_ms);
        at_ms = next_ms > at_ms ? next_ms : at_ms;
    }
}

static void cut_pieces(struct search *search, int64_t release_ms, int64_t until_ms)
{
    const struct workload *load = search->market->load;
    struct pieces *pieces = &search->pieces;
    int64_t due_ms = search->work->due_ms;
    pieces->count = 0;
    for (int32_t t = workload_slot(load, release_ms); t < load->slot_count; t++) {
        int64_t start_ms = load->problem->sites[0].slots[t].start_ms;
        int64_t end_ms = workload_slot_end_ms(load, t);
        int64_t from_ms = start_ms > release_ms ? start_ms : release_ms;
        if (from_ms >= until_ms)
            break;
        cut_slot(search, t, from_ms, end_ms < until_ms ? end_ms : until_ms);
    }
    int32_t count = pieces->count;
    pieces->begin_ms[count] = until_ms;
    while (count > 0 && pieces->begin_ms[count] > due_ms)
        count--;
    pieces->on_time = count;
}

static void price_pieces(struct search *search)
{
    const struct market *market = search->market;
    const struct work *work = search->work;
    struct pieces *pieces = &search->pieces;
    for (int32_t i = 0; i < pieces->count; i++) {
        int32_t t = pieces->slot[i];
        double length_ms = (double)(pieces->begin_ms[i + 1] - pieces->begin_ms[i]);
        double price = slope_price(market, search->site, t);
        if (i >= pieces->on_time)
            price += late_price(market->load, work, t);
        for (int32_t l = 0; l < work->job->level_count; l++) {
            size_t at = search_at(search, l, i);
            pieces->cost[at] =
                part_cost(market, work, search->site, l, t, length_ms / HOUR_MS, price);
            pieces->work[at] = length_ms * work->job->levels[l].speed;
        }
    }
    for (int32_t l = 0; l < work->job->level_count; l++) {
        double *cost_sum = &pieces->cost_sum[search_at(search, l, 0)];
        double *work_sum = &pieces->work_sum[search_at(search, l, 0)];
        cost_sum[0] = work_sum[0] = 0;
        for (int32_t i = 0; i < pieces->count; i++) {
            cost_sum[i + 1] = cost_sum[i] + pieces->cost[search_at(search, l, i)];
            work_sum[i + 1] = work_sum[i] + pieces->work[search_at(search, l, i)];
        }
    }
}

static bool carries_piece(const struct search *search, int32_t g, int32_t level, int32_t piece)
{
    const struct pieces *pieces = &search->pieces;
    const struct workload *load = search->market->load;
    const struct room *room = search->market->room;
    int32_t t = pieces->slot[piece];
    if (room_carries(room, search->site, g, search->work->job, level, t))
        return true;
    return room_carries_cells(room, search->site, g, search->work->job, level,
                              room_cell_in(load, t, pieces->begin_ms[piece]),
                              room_cell_in(load, t, pieces->begin_ms[piece + 1] - 1));
}

static void clear_group(struct search *search, int32_t g, int32_t level)
{
    const struct pieces *pieces = &search->pieces;
    int32_t *clear = &pieces->clear_group[search_at(search, g * LIMIT_LEVELS + level, 0)];
    int32_t *any = &pieces->clear[search_at(search, level, 0)];
    int32_t next = pieces->count;
    for (int32_t i = pieces->count - 1; i >= 0; i--) {
        if (!carries_piece(search, g, level, i))
            next = i;
        clear[i] = next;
        if (any[i] < next)
            any[i] = next;
    }
}

static bool find_clear(struct search *search)
{
    const struct problem_job *job = search->work->job;
    const struct problem_site *site = &search->market->load->problem->sites[search->site];
    bool usable = false;
    for (int32_t l = 0; l < job->level_count; l++)
        for (int32_t i = 0; i <= search->pieces.count; i++)
            search->pieces.clear[search_at(search, l, i)] = i;
    for (int32_t g = 0; g < site->group_count; g++) {
        search->group_usable[g] = job->group < 0 || job->group == g;
        for (int32_t l = 0; search->group_usable[g] && l < job->level_count; l++)
            clear_group(search, g, l);
        usable |= search->group_usable[g];
    }
    return usable;
}

/* Prepares the job's pieces at a site. False: no group may be used. */
static bool open_site(struct search *search, int64_t until_ms)
{
    int64_t release_ms = work_release_ms(search->market->load, search->work, search->site);
    cut_pieces(search, release_ms, until_ms);
    price_pieces(search);
    return find_clear(search);
}

static bool search_pieces(struct search *search, struct plan_job *ret_best, double *best_cost)
{
    bool found = search->work->job->can_suspend && search_split(search, ret_best, best_cost);
    return search_single(search, ret_best, best_cost) || found;
}

/* The dearest kWh of a place, with its waiting. */
static double dearest_price(const struct market *market, const struct work *work,
                            const struct plan_job *plan)
{
    const struct workload *load = market->load;
    double most = -HUGE_VAL;
    for (int32_t r = 0; r < plan->run_count; r++) {
        int32_t last = workload_slot(load, plan->runs[r].end_ms - 1);
        for (int32_t t = workload_slot(load, plan->runs[r].start_ms); t <= last; t++)
            most = fmax(most, slope_price(market, plan->site, t) +
                                  work->delay_per_kwh_h * load->middle_h[t]);
    }
    return most;
}

/* Nothing is gained by being late where the dearest kWh that is on time, done at the lowest price
 * there is, would not pay for its lateness. */
static bool lateness_is_dearer(const struct search *search, const struct plan_job *plan)
{
    const struct workload *load = search->market->load;
    const struct work *work = search->work;
    int64_t last_ms = plan->run_count > 0 ? plan->runs[plan->run_count - 1].end_ms : 0;
    if (plan->run_count == 0 || work_miss_cost(work, last_ms, work_left_ms(load, work, plan)) > 0)
        return false;
    double least = search->market->pricing->least[search->site] +
                   work->delay_per_kwh_h * (double)(work->due_ms - load->start_ms) / HOUR_MS;
    return dearest_price(search->market, work, plan) <= least + work->late_per_kwh;
}

bool search_site(struct search *search, const struct market *market, const struct work *work,
                 int32_t site, struct plan_job *ret_best, double *best_cost)
{
    int64_t release_ms = work_release_ms(market->load, work, site), end_ms = market->load->end_ms;
    bool found = false;
    if (release_ms >= end_ms)
        return false;
    search->market = market;
    search->work = work;
    search->site = site;
    search->on_time_only =
        work->miss_cost > 0 && work->due_ms < end_ms && work->due_ms > release_ms;
    if (search->on_time_only) {
        if (!open_site(search, work->due_ms))
            return false;
        found = search_pieces(search, ret_best, best_cost);
        if (lateness_is_dearer(search, ret_best))
            return found;
    }
    search->on_time_only = false;
    return open_site(search, end_ms) && (search_pieces(search, ret_best, best_cost) || found);
}

double search_part(const struct search *search, int32_t level, int32_t i, int64_t length_ms)
{
    const int64_t *begin_ms = search->pieces.begin_ms;
    return search->pieces.cost[search_at(search, level, i)] * (double)length_ms /
           (double)(begin_ms[i + 1] - begin_ms[i]);
}

double search_span(const struct search *search, int32_t level, int32_t first, int32_t last,
                   int64_t start_ms, int64_t end_ms)
{
    const struct pieces *pieces = &search->pieces;
    if (first == last)
        return search_part(search, level, first, end_ms - start_ms);
    const double *sum = &pieces->cost_sum[search_at(search, level, 0)];
    return search_part(search, level, first, pieces->begin_ms[first + 1] - start_ms) + sum[last] -
           sum[first + 1] + search_part(search, level, last, end_ms - pieces->begin_ms[last]);
}

static double run_cost(const struct market *market, const struct work *work, int32_t site,
                       const struct plan_run *run)
{
    const struct workload *load = market->load;
    double sum = 0;
    for (int32_t t = workload_slot(load, run->start_ms); t < load->slot_count; t++) {
        const struct problem_slot *slot = &load->problem->sites[0].slots[t];
        if (slot->start_ms >= run->end_ms)
            break;
        int64_t ran_ms = overlap_ms(run->start_ms, run->end_ms, slot->start_ms,
                                    slot->start_ms + slot->length_ms);
        sum += part_cost(market, work, site, run->level, t, (double)ran_ms / HOUR_MS,
                         slope_price(market, site, t));
    }
    return sum;
}

double market_cost(const struct market *market, const struct work *work,
                   const struct plan_job *plan)
{
    const struct workload *load = market->load;
    struct work_cost cost;
    work_cost(load, work, plan, &cost);
    int64_t left_ms = work_left_ms(load, work, plan);
    int64_t last_ms = plan->run_count > 0 ? plan->runs[plan->run_count - 1].end_ms : 0;
    double end_delay = work->kw / HOUR_MS * (double)left_ms * load->end_h * work->delay_per_kwh_h;
    double sum = cost.lateness + cost.churn + cost.leave + cost.transfer + end_delay +
                 work_miss_cost(work, last_ms, left_ms);
    if (work_is_touched(load, work, plan))
        sum += load->problem->prices.change_gain;
    for (int32_t i = 0; i < plan->run_count; i++)
        sum += run_cost(market, work, plan->site, &plan->runs[i]);
    return sum;
}
