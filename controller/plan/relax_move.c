/* See relax_move.h. */
#include "controller/plan/relax_move.h"

#include <math.h>
#include <stdlib.h>

enum { SHARES = 4 }; /* of the work of a site and time, by what moving it costs */

static const double HOUR_MS = 3600e3;
static const int64_t ERA_LEAST_MS = 24 * 3600 * INT64_C(1000);

static int64_t era_ms(const struct workload *load)
{
    int64_t even_ms = (load->end_ms - load->start_ms + RELAX_ERAS - 1) / RELAX_ERAS;
    return even_ms > ERA_LEAST_MS ? even_ms : ERA_LEAST_MS;
}

static int32_t era_of(const struct workload *load, int64_t at_ms)
{
    if (at_ms >= load->end_ms)
        at_ms = load->end_ms - 1;
    return at_ms <= load->start_ms ? 0 : (int32_t)((at_ms - load->start_ms) / era_ms(load));
}

struct moved {
    const struct work *work;
    uint32_t sites;
    int32_t era, last_era; /* of its release and due time */
    double gb_per_kwh, kwh;
};

static bool tied(const struct moved *moved)
{
    return (moved->sites & (moved->sites - 1)) == 0;
}

/* By site and era; what is cheap to move first, what cannot move last. */
static int compare_moved(const void *a, const void *b)
{
    const struct moved *left = a, *right = b;
    if (left->work->job->site != right->work->job->site)
        return left->work->job->site - right->work->job->site;
    if (left->era != right->era)
        return left->era - right->era;
    if (tied(left) != tied(right))
        return tied(left) - tied(right);
    if (left->gb_per_kwh != right->gb_per_kwh)
        return left->gb_per_kwh < right->gb_per_kwh ? -1 : 1;
    return left->work < right->work ? -1 : left->work > right->work;
}

static int32_t list_work(const struct workload *load, struct moved *ret_list)
{
    int32_t count = 0;
    for (int32_t i = 0; i < load->count; i++) {
        const struct work *work = &load->works[i];
        if (!work_movable(load, work))
            continue;
        double kwh = work->kw * (double)work->work_ms / HOUR_MS;
        ret_list[count++] = (struct moved){work,
                                           work_sites(load, work),
                                           era_of(load, work->release_ms),
                                           era_of(load, work->due_ms),
                                           work->job->data_gb / kwh,
                                           kwh};
    }
    qsort(ret_list, (size_t)count, sizeof(*ret_list), compare_moved);
    return count;
}

/* Work that costs about the same to move: it is done at home, or where one of it can go at the mean
 * cost of those that can. */
static void add_share(const struct relax_move *move, struct lp *lp, const struct workload *load,
                      const struct moved *list, int32_t count)
{
    double kwh = 0;
    int32_t last_era = 0;
    for (int32_t i = 0; i < count; i++) {
        kwh += list[i].kwh;
        last_era = list[i].last_era > last_era ? list[i].last_era : last_era;
    }
    int share_row = lp_add_row(lp, -LP_INFINITY, kwh);
    for (int32_t s = 0; s < load->site_count; s++) {
        double movable_kwh = 0, cost = 0;
        for (int32_t i = 0; i < count; i++) {
            if (!(list[i].sites >> s & 1))
                continue;
            movable_kwh += list[i].kwh;
            cost += work_transfer_cost(load, list[i].work, s);
        }
        for (int32_t era = list[0].era; era <= last_era && movable_kwh > 0; era++) {
            lp_add_column(lp, 0, movable_kwh, cost / movable_kwh);
            lp_add_entry(lp, move->row[s][era], -1);
            lp_add_entry(lp, share_row, 1);
        }
    }
}

static bool alike(const struct moved *a, const struct moved *b)
{
    return a->work->job->site == b->work->job->site && a->era == b->era && tied(a) == tied(b);
}

static void add_shares(const struct relax_move *move, struct lp *lp, const struct workload *load,
                       const struct moved *list, int32_t count)
{
    for (int32_t from = 0, end; from < count; from = end) {
        double all_kwh = 0, kwh = 0;
        for (end = from; end < count && alike(&list[from], &list[end]); end++)
            all_kwh += list[end].kwh;
        for (int32_t i = from, first = from; i < end; i++) {
            kwh += list[i].kwh;
            if (i + 1 < end && (tied(&list[i]) || kwh < all_kwh / SHARES))
                continue;
            add_share(move, lp, load, list + first, i + 1 - first);
            first = i + 1;
            kwh = 0;
        }
    }
}

/* Work that is late may have no share left: it comes at the dearest price. */
static void add_rest(const struct relax_move *move, struct lp *lp, const struct workload *load,
                     const struct moved *list, int32_t count)
{
    double most = 0;
    for (int32_t i = 0; i < count; i++)
        for (int32_t s = 0; s < load->site_count; s++)
            if (list[i].sites >> s & 1)
                most = fmax(most, work_transfer_cost(load, list[i].work, s) / list[i].kwh);
    for (int32_t s = 0; s < load->site_count; s++)
        for (int32_t era = 0; era <= era_of(load, load->end_ms); era++) {
            lp_add_column(lp, 0, LP_INFINITY, most);
            lp_add_entry(lp, move->row[s][era], -1);
        }
}

bool relax_move_init(struct relax_move *move, struct lp *lp, const struct workload *load)
{
    move->matters = load->site_count > 1;
    if (!move->matters)
        return true;
    struct moved *list = malloc(((size_t)load->count + 1) * sizeof(*list));
    if (!list)
        return false;
    for (int32_t s = 0; s < load->site_count; s++)
        for (int32_t era = 0; era <= era_of(load, load->end_ms); era++)
            move->row[s][era] = lp_add_row(lp, 0, 0);
    int32_t count = list_work(load, list);
    add_shares(move, lp, load, list, count);
    add_rest(move, lp, load, list, count);
    free(list);
    return true;
}

int relax_move_row(const struct relax_move *move, const struct workload *load, int32_t site,
                   int32_t slot)
{
    return move->row[site][era_of(load, load->problem->sites[0].slots[slot].start_ms)];
}
