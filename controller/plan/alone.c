/* One job alone: in pieces by filling the cheapest slots first, or in one piece by trying every
 * start that can be the best, which is where its start or its end meets the edge of a slot. */
#include "controller/plan/alone.h"

#include <math.h>
#include <stdlib.h>

static const double HOUR_MS = 3600e3;

bool alone_init(struct alone *alone, const struct workload *load)
{
    enum { ARRAYS = 5 }; /* of doubles, of each site */
    size_t slots = (size_t)load->slot_count + 1, sites = (size_t)load->site_count;
    *alone = (struct alone){
        .load = load,
        .middle_sum = calloc(slots, sizeof(double)),
        .offers = malloc((2 * slots + 2) * sizeof(struct offer)),
        .memory = calloc(ARRAYS * slots * sites, sizeof(double)),
        .orders = calloc(slots * sites, sizeof(struct ranked)),
    };
    if (!alone->middle_sum || !alone->offers || !alone->memory || !alone->orders)
        return false;
    for (size_t s = 0; s < sites; s++) {
        double *memory = alone->memory + ARRAYS * slots * s;
        alone->sites[s] = (struct alone_site){
            .price = memory,
            .accelerator_price = memory + slots,
            .price_sum = memory + 2 * slots,
            .accelerator_sum = memory + 3 * slots,
            .work_price = memory + 4 * slots,
            .order = alone->orders + slots * s,
        };
    }
    for (int32_t t = 0; t < load->slot_count; t++)
        alone->middle_sum[t + 1] = alone->middle_sum[t] + load->hours[t] * load->middle_h[t];
    return true;
}

void alone_finish(struct alone *alone)
{
    free(alone->middle_sum);
    free(alone->offers);
    free(alone->memory);
    free(alone->orders);
}

static int compare_ranked(const void *a, const void *b)
{
    double left = ((const struct ranked *)a)->per_kwh, right = ((const struct ranked *)b)->per_kwh;
    return (left > right) - (left < right);
}

static void prepare_site(const struct alone *alone, struct alone_site *site)
{
    const struct workload *load = alone->load;
    const struct work_group *group = alone->group;
    for (int32_t t = 0; t < load->slot_count; t++) {
        double price = site->price[t], hours = load->hours[t];
        double drawn = price < 0 ? group->kwh_most : group->kwh_least;
        site->work_price[t] = price * drawn +
                              site->accelerator_price[t] * group->accelerators_per_kw +
                              group->like->delay_per_kwh_h * load->middle_h[t];
        site->price_sum[t + 1] = site->price_sum[t] + price * hours;
        site->accelerator_sum[t + 1] =
            site->accelerator_sum[t] + site->accelerator_price[t] * hours;
        site->order[t] = (struct ranked){site->work_price[t], t};
    }
    qsort(site->order, (size_t)load->slot_count, sizeof(*site->order), compare_ranked);
}

void alone_prepare(struct alone *alone, const struct work_group *group)
{
    alone->group = group;
    for (int32_t s = 0; s < alone->load->site_count; s++)
        if (group->sites >> s & 1)
            prepare_site(alone, &alone->sites[s]);
}

static double end_h(const struct workload *load)
{
    return (double)(load->end_ms - load->start_ms) / HOUR_MS;
}

static double hour_of(const struct workload *load, int64_t at_ms)
{
    return (double)(at_ms - load->start_ms) / HOUR_MS;
}

/* A job at one site; times in hours from the start of the horizon. */
struct place {
    const struct alone *alone;
    const struct alone_site *site;
    const struct work *work;
    int32_t site_index;
    double release_h, due_h, end_h;
    double kwh, leave_kwh;
    double
        restart_kwh; /* most that it may draw for nothing, where energy is worth less than that */
    double leave_per_kwh, unserved_per_kwh; /* with the waiting to the end */
    int32_t due_slot;                       /* that is partly late; slot_count: none */
};

static struct place place_at(const struct alone *alone, const struct work *work, int32_t s)
{
    const struct workload *load = alone->load;
    double wait = work->delay_per_kwh_h * end_h(load);
    struct place place = {
        .alone = alone,
        .site = &alone->sites[s],
        .work = work,
        .site_index = s,
        .release_h = hour_of(load, work_release_ms(load, work, s)),
        .end_h = end_h(load),
        .kwh = work->kw * (double)work->work_ms / HOUR_MS,
        .leave_kwh = work->kw * (double)work->leave_ms / HOUR_MS,
        .restart_kwh = work->kw * (double)work->job->restart_ms / HOUR_MS * LIMIT_RUNS,
        .leave_per_kwh = wait + load->later_per_kwh[s],
        .unserved_per_kwh = wait + work->unserved_per_kwh,
    };
    bool dues = work->due_ms < load->end_ms;
    place.due_h = dues ? hour_of(load, work->due_ms) : place.end_h;
    place.due_slot = load->slot_count;
    if (dues)
        place.due_slot = work->due_ms < load->start_ms ? 0 : workload_slot(load, work->due_ms);
    return place;
}

static double left_cost(const struct place *place, double left_kwh)
{
    double leave_kwh = fmin(left_kwh, place->leave_kwh);
    return leave_kwh * place->leave_per_kwh + (left_kwh - leave_kwh) * place->unserved_per_kwh;
}

static double slot_start_h(const struct place *place, int32_t t)
{
    const struct workload *load = place->alone->load;
    return load->middle_h[t] - load->hours[t] / 2;
}

/* Takes of an offer what is left of the work, then restarts where they earn. Returns the cost. */
static double take(const struct offer *offer, double *left_kwh, double *restart_kwh)
{
    double kwh = fmin(*left_kwh, offer->kwh);
    double earns_kwh = offer->per_kwh < 0 ? fmin(*restart_kwh, offer->kwh - kwh) : 0;
    *restart_kwh -= earns_kwh;
    *left_kwh -= kwh;
    return (earns_kwh + kwh) * offer->per_kwh;
}

/* In pieces: where enough slots on time cost less than anything else could, they are the answer. */
static bool fill_on_time(const struct place *place, double dearest, double *ret_cost)
{
    const struct workload *load = place->alone->load;
    double left_kwh = place->kwh, restart_kwh = place->restart_kwh, cost = 0;
    for (int32_t i = 0; i < load->slot_count; i++) {
        int32_t t = place->site->order[i].slot;
        double start_h = slot_start_h(place, t), stop_h = start_h + load->hours[t];
        double hours = fmin(stop_h, place->due_h) - fmax(start_h, place->release_h);
        double per_kwh = place->site->order[i].per_kwh;
        if (per_kwh > dearest)
            return false;
        if (hours <= 0)
            continue;
        const struct offer offer = {per_kwh, hours * place->work->kw};
        cost += take(&offer, &left_kwh, &restart_kwh);
        if (left_kwh <= 0 && (per_kwh >= 0 || restart_kwh <= 0)) {
            *ret_cost = cost;
            return true;
        }
    }
    return false;
}

static int compare_offers(const void *a, const void *b)
{
    double left = ((const struct offer *)a)->per_kwh, right = ((const struct offer *)b)->per_kwh;
    return (left > right) - (left < right);
}

static double fill_offers(struct offer *offers, int32_t count, double left_kwh, double restart_kwh)
{
    double cost = 0;
    qsort(offers, (size_t)count, sizeof(*offers), compare_offers);
    for (int32_t i = 0; i < count && (left_kwh > 0 || offers[i].per_kwh < 0); i++)
        cost += take(&offers[i], &left_kwh, &restart_kwh);
    return cost;
}

/* Every slot on time and late, and what is left. */
static double fill_all(const struct place *place)
{
    const struct workload *load = place->alone->load;
    const struct work *work = place->work;
    double drawn = place->alone->group->kwh_least;
    struct offer *offers = place->alone->offers;
    int32_t count = 0;
    for (int32_t t = 0; t < load->slot_count; t++) {
        double start_h = slot_start_h(place, t), stop_h = start_h + load->hours[t];
        double on_time_h = fmin(stop_h, place->due_h) - fmax(start_h, place->release_h);
        double late_from_h = fmax(start_h, place->due_h);
        double late_h = stop_h - fmax(late_from_h, place->release_h);
        double per_kwh = place->site->work_price[t];
        if (on_time_h > 0)
            offers[count++] = (struct offer){per_kwh, on_time_h * work->kw};
        double hours_late = (late_from_h + stop_h) / 2 - place->due_h;
        per_kwh += (work->late_per_kwh + work->late_per_kwh_h * hours_late) * drawn;
        if (late_h > 0)
            offers[count++] = (struct offer){per_kwh, late_h * work->kw};
    }
    offers[count++] = (struct offer){place->leave_per_kwh, place->leave_kwh};
    offers[count++] = (struct offer){place->unserved_per_kwh, HUGE_VAL};
    return fill_offers(offers, count, place->kwh, place->restart_kwh);
}

/* Late work costs its price above the cheapest slot of all; what is left its own. */
static double cost_in_pieces(const struct place *place)
{
    double cost, cheapest = place->site->order[0].per_kwh;
    double late = cheapest + place->work->late_per_kwh * place->alone->group->kwh_least;
    double left = place->leave_kwh > 0 ? fmin(place->leave_per_kwh, place->unserved_per_kwh)
                                       : place->unserved_per_kwh;
    double dearest = place->due_slot < place->alone->load->slot_count ? fmin(late, left) : left;
    return fill_on_time(place, dearest, &cost) ? cost : fill_all(place);
}

/* Where a time falls: whole slots before it, and the part of the next one. */
struct edge {
    double at_h;
    int32_t slot; /* that it is in; the last one at the end of the horizon */
};

static double sum_to(const struct edge *edge, const struct place *place, const double *sum,
                     const double *value)
{
    return sum[edge->slot] + (edge->at_h - slot_start_h(place, edge->slot)) * value[edge->slot];
}

/* Hours times hours late, up to a time after the due one. */
static double lateness_to(const struct edge *edge, const struct place *place)
{
    const struct workload *load = place->alone->load;
    if (place->due_slot >= load->slot_count || edge->at_h <= place->due_h)
        return 0;
    double stop_h = slot_start_h(place, place->due_slot) + load->hours[place->due_slot];
    double from_h = fmax(slot_start_h(place, place->due_slot), place->due_h);
    double first = fmin(edge->at_h, stop_h) - from_h;
    double sum = first * ((from_h + stop_h) / 2 - place->due_h);
    if (edge->at_h <= stop_h)
        return sum;
    double moment = sum_to(edge, place, place->alone->middle_sum, load->middle_h) -
                    place->alone->middle_sum[place->due_slot + 1];
    return sum + moment - (edge->at_h - stop_h) * place->due_h;
}

/* One piece at one level; its end may lie beyond the horizon. */
static double piece_cost(const struct place *place, const struct problem_level *level,
                         const struct edge *from, const struct edge *to)
{
    const struct work *work = place->work;
    const struct alone *alone = place->alone;
    const struct alone_site *site = place->site;
    double kw = level->power_w / 1000, hours = to->at_h - from->at_h;
    double work_kw = work->kw * level->speed;
    double cost =
        kw * (sum_to(to, place, site->price_sum, site->price) -
              sum_to(from, place, site->price_sum, site->price)) +
        level->accelerators * (sum_to(to, place, site->accelerator_sum, site->accelerator_price) -
                               sum_to(from, place, site->accelerator_sum, site->accelerator_price));
    if (work->delay_per_kwh_h > 0)
        cost += work_kw * work->delay_per_kwh_h *
                (sum_to(to, place, alone->middle_sum, alone->load->middle_h) -
                 sum_to(from, place, alone->middle_sum, alone->load->middle_h));
    if (to->at_h > place->due_h)
        cost += kw * (work->late_per_kwh * (to->at_h - fmax(from->at_h, place->due_h)) +
                      work->late_per_kwh_h * (lateness_to(to, place) - lateness_to(from, place)));
    return cost + left_cost(place, fmax(0, place->kwh - hours * work_kw));
}

static const double SMALL_H = 1e-9;

static double slot_stop_h(const struct place *place, int32_t t)
{
    return slot_start_h(place, t) + place->alone->load->hours[t];
}

static struct edge edge_at(const struct place *place, double at_h)
{
    const struct workload *load = place->alone->load;
    double within_h = fmin(at_h, place->end_h);
    int64_t at_ms = load->start_ms + (int64_t)(within_h * HOUR_MS);
    return (struct edge){within_h, workload_slot(load, at_ms)};
}

/* How far to the next place where the cost changes its slope. */
static double to_bend_h(const struct place *place, const struct edge *edge)
{
    double bend_h = slot_stop_h(place, edge->slot) - edge->at_h;
    if (edge->at_h >= place->end_h - SMALL_H)
        return HUGE_VAL;
    if (edge->at_h < place->due_h - SMALL_H)
        bend_h = fmin(bend_h, place->due_h - edge->at_h);
    return fmax(bend_h, SMALL_H);
}

static void advance(const struct place *place, struct edge *edge, double step_h)
{
    edge->at_h = fmin(edge->at_h + step_h, place->end_h);
    while (edge->slot + 1 < place->alone->load->slot_count &&
           edge->at_h >= slot_stop_h(place, edge->slot) - SMALL_H)
        edge->slot++;
}

/* Whatever starts late costs at least so much. */
static double late_least(const struct place *place)
{
    double cheapest = place->site->order[0].per_kwh;
    double late = cheapest + place->work->late_per_kwh * place->alone->group->kwh_least;
    return place->kwh * fmin(late, place->unserved_per_kwh);
}

/* Slides the piece over all starts, from bend to bend. */
static double cost_at_level(const struct place *place, const struct problem_level *level)
{
    double work_kw = place->work->kw * level->speed, best = HUGE_VAL;
    double length_h = place->kwh / work_kw;
    /* What is left then at the end of the horizon is just not due yet. */
    double just_h = place->end_h - (place->kwh - place->leave_kwh) / work_kw;
    struct edge from = edge_at(place, place->release_h);
    struct edge to = edge_at(place, place->release_h + length_h);
    while (from.at_h < place->end_h - SMALL_H) {
        best = fmin(best, piece_cost(place, level, &from, &to));
        if (from.at_h >= place->due_h && best <= late_least(place))
            break;
        double step_h = fmin(to_bend_h(place, &from), to_bend_h(place, &to));
        if (from.at_h < just_h - SMALL_H)
            step_h = fmin(step_h, just_h - from.at_h);
        advance(place, &from, step_h);
        if (from.at_h + length_h > to.at_h)
            advance(place, &to, from.at_h + length_h - to.at_h);
    }
    return best;
}

static double cost_in_one(const struct place *place)
{
    const struct problem_job *job = place->work->job;
    double best = HUGE_VAL;
    for (int32_t l = 0; l < job->level_count; l++)
        best = fmin(best, cost_at_level(place, &job->levels[l]));
    return best;
}

struct visit {
    struct place place;
    double least; /* cost in pieces, with moved data */
};

/* Not at all, or at one site. In one piece it is never cheaper than in several, so that sites are
 * asked in that order, and most need not be asked. */
double alone_cost(struct alone *alone, const struct work *work)
{
    const struct workload *load = alone->load;
    struct visit visits[LIMIT_SITES];
    struct place nowhere = place_at(alone, work, work->job->site);
    nowhere.leave_per_kwh = work->delay_per_kwh_h * end_h(load) + work->leave_per_kwh;
    double best = left_cost(&nowhere, nowhere.kwh);
    int32_t count = 0;
    for (int32_t s = 0; s < load->site_count; s++) {
        if (!(alone->group->sites >> s & 1))
            continue;
        struct visit visit = {.place = place_at(alone, work, s)};
        visit.least = cost_in_pieces(&visit.place) + work_transfer_cost(load, work, s);
        int32_t at = count++;
        for (; at > 0 && visits[at - 1].least > visit.least; at--)
            visits[at] = visits[at - 1];
        visits[at] = visit;
    }
    if (work->job->can_suspend && work->job->job_class != JOB_GUARANTEED)
        return count > 0 ? fmin(best, visits[0].least) : best;
    for (int32_t i = 0; i < count && visits[i].least < best; i++) {
        double transfer = work_transfer_cost(load, work, visits[i].place.site_index);
        best = fmin(best, cost_in_one(&visits[i].place) + transfer);
    }
    return best;
}
