/* The bound. At the duals of the relaxed program the sites on one side and each job on the other
 * cost, apart from each other, at least so much (Lagrange): what the sites cost is known from the
 * program, and each job is asked again, alone and not as part of a group, for its cheapest place
 * at these prices. Jobs that cannot be suspended look for it in one piece. So grouping, and columns
 * that are left out, never make the bound wrong but only a little low. */
#include "controller/plan/relax.h"

#include <math.h>
#include <stdlib.h>

#include "controller/plan/alone.h"

/* Part of the bound given away to the solver's rounding. */
static const double ROUNDING = 5e-6;

/* Of the load that is only there to make the prices right. */
static double more_cost(const struct relax *relax)
{
    double cost = 0;
    for (int32_t s = 0; s < relax->load->site_count; s++)
        for (int32_t t = 0; t < relax->load->slot_count; t++)
            cost += SITE_MORE_KW * relax->load->hours[t] * site_marginal(&relax->sites[s], t);
    return cost;
}

/* Cost of the sites alone at the duals: the objective less what the columns of work cost, and less
 * what they pay to the sites. */
static double sites_cost(const struct relax *relax)
{
    const struct lp *lp = relax->lp;
    double cost = lp->objective - more_cost(relax);
    for (int column = relax->first_group_column; column < lp->column_count; column++) {
        double price = lp->cost[column];
        for (int entry = lp->column_start[column]; entry < lp->column_start[column + 1]; entry++)
            if (lp->entry_row[entry] < relax->first_group_row)
                price -= lp->entry_value[entry] * lp->dual[lp->entry_row[entry]];
        cost -= price * lp->value[column];
    }
    return cost;
}

/* What an accelerator, and energy beyond the price of the site, cost the members of a group. */
static void add_room_prices(const struct relax *relax, const struct work_group *group, int32_t s,
                            struct alone_site *site)
{
    const struct workload *load = relax->load;
    for (int32_t i = 0; i < relax->rooms.count; i++) {
        const struct relax_room *room = &relax->rooms.all[i];
        if (room->kind == ROOM_SITE || !relax_room_holds_group(room, load, s, group))
            continue;
        double *prices = room->kind == ROOM_ACCELERATORS ? site->accelerator_price : site->price;
        for (int32_t t = 0; t < load->slot_count; t++)
            if (room->row[t] >= 0)
                prices[t] -= relax->lp->dual[room->row[t]] / load->hours[t];
    }
}

static void price_sites(const struct relax *relax, const struct work_group *group,
                        const double *price, struct alone *alone)
{
    const struct workload *load = relax->load;
    for (int32_t s = 0; s < load->site_count; s++) {
        struct alone_site *site = &alone->sites[s];
        if (!(group->sites >> s & 1))
            continue;
        for (int32_t t = 0; t < load->slot_count; t++) {
            site->price[t] = price[workload_at(load, s, t)];
            site->accelerator_price[t] = 0;
        }
        add_room_prices(relax, group, s, site);
    }
    alone_prepare(alone, group);
}

bool relax_bound(const struct relax *relax, const double *price, double *ret_bound)
{
    struct alone alone;
    double jobs_cost = 0, site_cost = sites_cost(relax);
    bool complete = alone_init(&alone, relax->load);
    for (int32_t i = 0; complete && i < relax->grouping.count; i++) {
        const struct work_group *group = &relax->grouping.groups[i];
        price_sites(relax, group, price, &alone);
        for (int32_t k = 0; k < group->member_count; k++)
            jobs_cost += alone_cost(&alone, &relax->load->works[group->members[k]]);
    }
    alone_finish(&alone);
    double size = fabs(site_cost) + fabs(jobs_cost) + fabs(relax->constant);
    *ret_bound = site_cost + jobs_cost + relax->constant - ROUNDING * (1 + size);
    return complete;
}
