/* The relaxed program: all jobs that may be moved become divisible work that may be spread over
 * its window, sites and levels. Like jobs share columns, so that the program stays small. Its duals
 * price energy and room for the schedule and for the bound.
 *
 * Work of several levels draws energy between that of its best and its worst level; where energy is
 * never worth less than nothing only the best counts. Restarts after the first, minimum runs and
 * churn are left out, and moved data is paid by the share of work done there: all of that can only
 * make a plan dearer, but for restarts at negative prices, which the bound allows for (alone.c).
 * Columns of late work are added where they matter (see bound.c for why the bound does not need the
 * others). */
#include "controller/plan/relax.h"

#include <math.h>
#include <stdlib.h>

enum {
    INTERIOR_ROWS = 4000, /* from so many on, and with sites that share work, it is faster */
    LATE_ROUNDS = 2,
};

static const double HOUR_MS = 3600e3;
static const double GAIN_LEAST = 1e-6; /* per kW, of a column of late work */
static const double LOSS_MOST = 1e-4;  /* of the bound, without columns of late work */

static double end_h(const struct workload *load)
{
    return (double)(load->end_ms - load->start_ms) / HOUR_MS;
}

/* Hours from the due time to the middle of what is late of the slot. */
static double late_h(const struct workload *load, int64_t due_ms, int32_t t)
{
    const struct problem_slot *slot = &load->problem->sites[0].slots[t];
    int64_t end_ms = slot->start_ms + slot->length_ms;
    int64_t from_ms = slot->start_ms > due_ms ? slot->start_ms : due_ms;
    if (due_ms >= end_ms)
        return 0;
    return ((double)(from_ms - due_ms) + (double)(end_ms - from_ms) / 2) / HOUR_MS;
}

static void fill_rows(struct relax *relax, struct relax_room *room)
{
    const struct workload *load = relax->load;
    for (int32_t t = 0; t < load->slot_count; t++) {
        size_t at = workload_at(load, room->site, t);
        double most = 0;
        for (int32_t i = 0; i < relax->grouping.count; i++) {
            const struct work_group *group = &relax->grouping.groups[i];
            if (!relax_room_holds_group(room, load, room->site, group))
                continue;
            double share =
                room->kind == ROOM_ACCELERATORS ? group->accelerators_per_kw : group->kwh_most;
            most += (group->on_time_kw[at] + group->late_kw[at]) * share;
        }
        room->row[t] =
            most > room->left[t] ? lp_add_row(relax->lp, -LP_INFINITY, room->left[t]) : -1;
    }
}

struct spot { /* of a group's work */
    const struct work_group *group;
    int32_t site, slot;
    int energy_row;
};

/* Work in a slot at so much energy for a unit of it. */
static void add_work(const struct relax *relax, const struct spot *spot, double most_kw,
                     double kwh_per_kwh, double cost_per_kwh)
{
    const struct workload *load = relax->load;
    const struct site_lp *site = &relax->sites[spot->site];
    const struct problem_slot *given = &site->given->slots[spot->slot];
    const struct site_slot *at = &site->slots[spot->slot];
    double hours = load->hours[spot->slot];
    lp_add_column(relax->lp, 0, most_kw, cost_per_kwh * hours);
    lp_add_entry(relax->lp, at->balance, -(1 + given->overhead_ratio) * kwh_per_kwh);
    if (site->has_cooling)
        lp_add_entry(relax->lp, at->heat, -given->heat_ratio * kwh_per_kwh);
    lp_add_entry(relax->lp, spot->energy_row, hours);
    if (relax->move.matters)
        lp_add_entry(relax->lp, relax_move_row(&relax->move, load, spot->site, spot->slot), hours);
    for (int32_t i = 0; i < relax->rooms.count; i++) {
        const struct relax_room *room = &relax->rooms.all[i];
        if (room->row[spot->slot] < 0 ||
            !relax_room_holds_group(room, load, spot->site, spot->group))
            continue;
        bool counts = room->kind == ROOM_ACCELERATORS;
        lp_add_entry(relax->lp, room->row[spot->slot],
                     counts ? spot->group->accelerators_per_kw : kwh_per_kwh);
    }
}

enum when { ON_TIME, LATE, LATE_THAT_PAYS };

/* At the best level and where that can be cheaper at the worst. */
static void add_spot(const struct relax *relax, const struct spot *spot, enum when when)
{
    const struct work_group *group = spot->group;
    const struct work *like = group->like;
    size_t at = workload_at(relax->load, spot->site, spot->slot);
    double base = like->delay_per_kwh_h * relax->load->middle_h[spot->slot];
    double late =
        like->late_per_kwh + like->late_per_kwh_h * late_h(relax->load, group->due_ms, spot->slot);
    double most_kw = when == ON_TIME ? group->on_time_kw[at] : group->late_kw[at];
    bool worst_too = relax->pays_for_load[spot->site] && group->kwh_most > group->kwh_least;
    if (most_kw <= 0)
        return;
    for (int worst = 0; worst <= worst_too; worst++) {
        double drawn = worst ? group->kwh_most : group->kwh_least;
        add_work(relax, spot, most_kw, drawn, when == ON_TIME ? base : base + late * drawn);
        if (when == LATE_THAT_PAYS && lp_gain(relax->lp, relax->lp->column_count - 1) < GAIN_LEAST)
            lp_drop_column(relax->lp);
    }
}

static void add_spots(const struct relax *relax, const struct work_group *group, int energy_row,
                      enum when when)
{
    for (int32_t s = 0; s < relax->load->site_count; s++)
        for (int32_t t = 0; t < relax->load->slot_count && group->sites >> s & 1; t++) {
            struct spot spot = {group, s, t, energy_row};
            add_spot(relax, &spot, when);
        }
}

static void add_left(const struct relax *relax, const struct work_group *group, int energy_row)
{
    double wait = group->like->delay_per_kwh_h * end_h(relax->load);
    lp_add_column(relax->lp, 0, LP_INFINITY, wait + group->like->unserved_per_kwh);
    lp_add_entry(relax->lp, energy_row, 1);
    if (group->leave_kwh <= 0)
        return;
    lp_add_column(relax->lp, 0, group->leave_kwh, wait + group->leave_per_kwh);
    lp_add_entry(relax->lp, energy_row, 1);
}

static void add_groups(struct relax *relax)
{
    for (int32_t i = 0; i < relax->grouping.count; i++) {
        const struct work_group *group = &relax->grouping.groups[i];
        int energy_row = lp_add_row(relax->lp, group->kwh, group->kwh);
        add_spots(relax, group, energy_row, ON_TIME);
        if (group->late)
            add_spots(relax, group, energy_row, LATE);
        add_left(relax, group, energy_row);
    }
}

/* Work that need not be late gets columns for it only where at the last prices that would pay. */
static bool add_late(struct relax *relax)
{
    int before = relax->lp->column_count;
    for (int32_t i = 0; i < relax->grouping.count; i++) {
        struct work_group *group = &relax->grouping.groups[i];
        int columns = relax->lp->column_count;
        if (!group->late)
            add_spots(relax, group, relax->first_energy_row + i, LATE_THAT_PAYS);
        group->late |= relax->lp->column_count > columns;
    }
    return relax->lp->column_count > before;
}

/* What no plan changes: committed and impossible jobs, what is held of the others, and the waiting
 * that is counted from a start at once. */
static double constant_cost(const struct workload *load)
{
    double sum = 0;
    for (int32_t i = 0; i < load->count; i++) {
        const struct work *work = &load->works[i];
        struct plan_job plan = {.site = work->job->site, .group = -1};
        struct work_cost cost;
        if (work->committed)
            work_run_at_once(load, work, &plan);
        else if (work->held.end_ms > work->held.start_ms)
            plan.runs[plan.run_count++] = work->held;
        work_cost(load, work, &plan, &cost);
        sum += cost.lateness + cost.delay + cost.leave;
        if (work_movable(load, work))
            sum -= work_left_cost(load, work, plan.run_count > 0 ? plan.site : -1,
                                  work_left_ms(load, work, &plan));
    }
    return sum;
}

static void add_sites(struct relax *relax)
{
    const struct workload *load = relax->load;
    for (int32_t s = 0; s < load->site_count; s++) {
        site_add_rows(&relax->sites[s], &load->committed_kw[workload_at(load, s, 0)]);
        site_add_columns(&relax->sites[s], 0, 0);
    }
}

/* False: out of memory; finish it in any case. */
static bool relax_init(struct relax *relax, const struct workload *load, int64_t columns_most)
{
    *relax = (struct relax){.load = load, .lp = lp_create()};
    bool complete = relax->lp != NULL;
    for (int32_t s = 0; complete && s < load->site_count; s++) {
        complete = site_init(&relax->sites[s], load, s, relax->lp);
        relax->sites[s].convex = true;
        relax->pays_for_load[s] = complete && site_may_pay_for_load(&relax->sites[s]);
    }
    complete = complete && grouping_init(&relax->grouping, load, columns_most) &&
               relax_rooms_init(&relax->rooms, load, &relax->grouping);
    if (!complete)
        return false;
    add_sites(relax);
    for (int32_t i = 0; i < relax->rooms.count; i++)
        fill_rows(relax, &relax->rooms.all[i]);
    relax->first_group_column = relax->lp->column_count;
    relax->first_group_row = relax->lp->row_count;
    if (!relax_move_init(&relax->move, relax->lp, load))
        return false;
    relax->first_energy_row = relax->lp->row_count;
    add_groups(relax);
    relax->lp->interior = relax->lp->row_count >= INTERIOR_ROWS && load->site_count > 1;
    relax->constant = constant_cost(load);
    return true;
}

static void relax_finish(struct relax *relax)
{
    lp_destroy(relax->lp);
    for (int32_t s = 0; s < relax->load->site_count; s++)
        site_finish(&relax->sites[s]);
    grouping_finish(&relax->grouping);
    relax_rooms_finish(&relax->rooms);
}

struct lp *relax_build(const struct workload *load, int64_t columns_most, double *ret_constant)
{
    struct relax relax;
    struct lp *lp = NULL;
    if (relax_init(&relax, load, columns_most)) {
        *ret_constant = relax.constant;
        lp = relax.lp;
        relax.lp = NULL;
    }
    relax_finish(&relax);
    return lp;
}

static void read_prices(const struct relax *relax, struct relaxation *relaxation)
{
    const struct workload *load = relax->load;
    for (int32_t s = 0; s < load->site_count; s++)
        for (int32_t t = 0; t < load->slot_count; t++)
            relaxation->price[workload_at(load, s, t)] = site_marginal(&relax->sites[s], t);
    for (int32_t i = 0; i < relax->rooms.count; i++) {
        const struct relax_room *room = &relax->rooms.all[i];
        for (int32_t t = 0; t < load->slot_count; t++)
            if (room->kind == ROOM_SITE && room->row[t] >= 0)
                relaxation->price[workload_at(load, room->site, t)] -=
                    relax->lp->dual[room->row[t]] / load->hours[t];
    }
}

/* The columns of work in the order in which they were added, their power with overhead being their
 * first entry, which is that in a balance. False: out of memory. */
static bool read_targets(const struct relax *relax, struct relaxation *relaxation)
{
    const struct workload *load = relax->load;
    const struct lp *lp = relax->lp;
    size_t *cell_of_row = malloc(((size_t)lp->row_count + 1) * sizeof(*cell_of_row));
    if (!cell_of_row)
        return false;
    for (int row = 0; row < lp->row_count; row++)
        cell_of_row[row] = SIZE_MAX;
    for (int32_t s = 0; s < load->site_count; s++)
        for (int32_t t = 0; t < load->slot_count; t++) {
            cell_of_row[relax->sites[s].slots[t].balance] = workload_at(load, s, t);
            relaxation->target_kw[workload_at(load, s, t)] = 0;
        }
    for (int column = relax->first_group_column; column < lp->column_count; column++) {
        int entry = lp->column_start[column];
        size_t cell = cell_of_row[lp->entry_row[entry]];
        if (cell != SIZE_MAX)
            relaxation->target_kw[cell] -= lp->entry_value[entry] * lp->value[column];
    }
    for (int32_t s = 0; s < load->site_count; s++)
        for (int32_t t = 0; t < load->slot_count; t++)
            relaxation->target_kw[workload_at(load, s, t)] /=
                1 + load->problem->sites[s].slots[t].overhead_ratio;
    free(cell_of_row);
    return true;
}

static bool read_solution(const struct relax *relax, struct relaxation *relaxation)
{
    read_prices(relax, relaxation);
    return read_targets(relax, relaxation) &&
           relax_bound(relax, relaxation->price, &relaxation->bound);
}

/* Columns that are missing show as a bound below the program's own optimum. */
static bool lacks_columns(const struct relax *relax, const struct relaxation *relaxation)
{
    double optimum = relax->lp->objective + relax->constant;
    return relaxation->bound < optimum - LOSS_MOST * fabs(optimum);
}

int relax_solve(const struct workload *load, int64_t columns_most,
                struct relaxation *ret_relaxation, struct error *error)
{
    struct relax relax;
    bool complete = relax_init(&relax, load, columns_most);
    int code = complete ? lp_solve(relax.lp, error) : 0;
    complete = complete && (code < 0 || read_solution(&relax, ret_relaxation));
    for (int round = 0; complete && code == 0 && round < LATE_ROUNDS; round++) {
        if (!lacks_columns(&relax, ret_relaxation) || !add_late(&relax))
            break;
        code = lp_solve(relax.lp, error);
        complete = code < 0 || read_solution(&relax, ret_relaxation);
    }
    relax_finish(&relax);
    return complete ? code : error_set(error, ERROR_SYSTEM, "out of memory for the bound");
}
