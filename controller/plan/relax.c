/* The bound: every job that may be moved becomes divisible work that may be spread over its
 * window and over the feeders. Like jobs share columns, so that the program stays small; a shared
 * window only widens what is allowed, so the bound stays a bound. */
#include "controller/plan/dispatch.h"

#include <math.h>
#include <stdlib.h>

enum {
    GROUPS_MOST = 64, /* more cost time and hardly lift the bound */
};

static const double HOUR_MS = 3600e3;
/* Part of the bound given away to the solver's rounding. */
static const double ROUNDING = 1e-7;

struct group {
    bool used;
    const struct work *like; /* class and feeder of all members */
    double start_h, due_h;   /* widest window */
    double kwh, leave_kwh;
    double merge_cost; /* with the nearest other group */
    int nearest;
};

struct grouping {
    int count, used;
    int *group_of; /* by job, -1: not in the program */
    struct group *groups;
    double (*on_time_kw)[LIMIT_SLOTS], (*late_kw)[LIMIT_SLOTS]; /* by group, most in a slot */
};

static void grouping_finish(struct grouping *grouping)
{
    free(grouping->group_of);
    free(grouping->groups);
    free(grouping->on_time_kw);
    free(grouping->late_kw);
}

static bool movable(const struct workload *load, const struct work *work)
{
    return work->possible && !work->committed && work->job->remaining_ms > 0 &&
           work->release_ms < load->end_ms;
}

static bool alike(const struct group *a, const struct group *b)
{
    return a->like->job->job_class == b->like->job->job_class &&
           a->like->job->feeder == b->like->job->feeder;
}

/* How much looser the windows get, kWh h. */
static double merge_cost(const struct group *a, const struct group *b)
{
    if (!alike(a, b))
        return HUGE_VAL;
    double window = fmax(a->due_h, b->due_h) - fmin(a->start_h, b->start_h);
    return a->kwh * (window - (a->due_h - a->start_h)) +
           b->kwh * (window - (b->due_h - b->start_h));
}

static void find_nearest(struct grouping *grouping, int index)
{
    struct group *group = &grouping->groups[index];
    group->merge_cost = HUGE_VAL;
    for (int i = 0; i < grouping->count; i++) {
        if (i == index || !grouping->groups[i].used)
            continue;
        double cost = merge_cost(group, &grouping->groups[i]);
        if (cost < group->merge_cost) {
            group->merge_cost = cost;
            group->nearest = i;
        }
    }
}

static void merge(struct grouping *grouping, int into, int from)
{
    struct group *a = &grouping->groups[into], *b = &grouping->groups[from];
    a->start_h = fmin(a->start_h, b->start_h);
    a->due_h = fmax(a->due_h, b->due_h);
    a->kwh += b->kwh;
    a->leave_kwh += b->leave_kwh;
    b->used = false;
    grouping->used--;
    find_nearest(grouping, into);
    for (int i = 0; i < grouping->count; i++) {
        struct group *other = &grouping->groups[i];
        if (!other->used || i == into)
            continue;
        if (other->nearest == from || other->nearest == into) {
            find_nearest(grouping, i);
            continue;
        }
        double cost = merge_cost(other, a);
        if (cost < other->merge_cost) {
            other->merge_cost = cost;
            other->nearest = into;
        }
    }
}

static int cheapest_merge(const struct grouping *grouping)
{
    int best = -1;
    for (int i = 0; i < grouping->count; i++)
        if (grouping->groups[i].used &&
            (best < 0 || grouping->groups[i].merge_cost < grouping->groups[best].merge_cost))
            best = i;
    return best;
}

static void merge_down(struct grouping *grouping, int *merged_into)
{
    for (int i = 0; i < grouping->count; i++)
        find_nearest(grouping, i);
    for (;;) {
        int into = cheapest_merge(grouping);
        if (into < 0 || isinf(grouping->groups[into].merge_cost))
            return;
        if (grouping->used <= GROUPS_MOST && grouping->groups[into].merge_cost > 0)
            return;
        int from = grouping->groups[into].nearest;
        merged_into[from] = into;
        merge(grouping, into, from);
    }
}

static void group_init(struct group *group, const struct workload *load, const struct work *work)
{
    double end_h = (double)(load->end_ms - load->start_ms) / HOUR_MS;
    double due_h = ((double)work->due_ms - (double)load->start_ms) / HOUR_MS;
    group->used = true;
    group->like = work;
    group->start_h = (double)(work->release_ms - load->start_ms) / HOUR_MS;
    group->due_h = fmin(fmax(due_h, 0), end_h);
    group->kwh = work->kw * (double)work->job->remaining_ms / HOUR_MS;
    group->leave_kwh = work->kw * (double)work->leave_ms / HOUR_MS;
}

static bool grouping_init(struct grouping *grouping, const struct workload *load)
{
    size_t room = (size_t)load->count + 1;
    *grouping = (struct grouping){
        .group_of = calloc(room, sizeof(int)),
        .groups = calloc(room, sizeof(struct group)),
    };
    int *merged_into = calloc(room, sizeof(int));
    if (!grouping->group_of || !grouping->groups || !merged_into) {
        free(merged_into);
        return false;
    }
    for (int32_t i = 0; i < load->count; i++) {
        grouping->group_of[i] = -1;
        if (!movable(load, &load->works[i]))
            continue;
        merged_into[grouping->count] = grouping->count;
        group_init(&grouping->groups[grouping->count], load, &load->works[i]);
        grouping->group_of[i] = grouping->count++;
    }
    grouping->used = grouping->count;
    merge_down(grouping, merged_into);
    for (int32_t i = 0; i < load->count; i++)
        while (grouping->group_of[i] >= 0 &&
               merged_into[grouping->group_of[i]] != grouping->group_of[i])
            grouping->group_of[i] = merged_into[grouping->group_of[i]];
    free(merged_into);
    return true;
}

/* The most a group can draw in each slot: the sum over its jobs of what each could. */
static bool fill_power(struct grouping *grouping, const struct workload *load)
{
    size_t room = (size_t)grouping->count + 1;
    grouping->on_time_kw = calloc(room, sizeof(*grouping->on_time_kw));
    grouping->late_kw = calloc(room, sizeof(*grouping->late_kw));
    if (!grouping->on_time_kw || !grouping->late_kw)
        return false;
    for (int32_t i = 0; i < load->count; i++) {
        const struct work *work = &load->works[i];
        int group = grouping->group_of[i];
        for (int32_t t = 0; group >= 0 && t < load->problem->slot_count; t++) {
            const struct problem_slot *slot = &load->problem->slots[t];
            int64_t end_ms = slot->start_ms + slot->length_ms;
            int64_t late_from_ms =
                work->due_ms > work->release_ms ? work->due_ms : work->release_ms;
            double share = work->kw / (double)slot->length_ms;
            grouping->on_time_kw[group][t] +=
                share * (double)overlap_ms(work->release_ms, late_from_ms, slot->start_ms, end_ms);
            grouping->late_kw[group][t] +=
                share * (double)overlap_ms(late_from_ms, INT64_MAX, slot->start_ms, end_ms);
        }
    }
    return true;
}

/* Rows for what the feeders can carry beside base load and committed jobs: one in all, and one a
 * feeder for the work that is tied to it. */
struct room_rows {
    int all[LIMIT_SLOTS];
    int tied[LIMIT_FEEDERS][LIMIT_SLOTS];
};

static void add_room_rows(struct lp *lp, const struct workload *load,
                          const struct grouping *grouping, struct room_rows *ret_rows)
{
    const struct problem *problem = load->problem;
    bool is_tied[LIMIT_FEEDERS] = {false};
    for (int g = 0; g < grouping->count; g++)
        if (grouping->groups[g].used && grouping->groups[g].like->job->feeder >= 0)
            is_tied[grouping->groups[g].like->job->feeder] = true;
    for (int32_t t = 0; t < problem->slot_count; t++) {
        double all_kw = 0;
        for (int32_t f = 0; f < problem->feeder_count; f++) {
            double room_kw =
                fmax(0, (problem->feeders[f].limit_w - problem->slots[t].base_it_w[f]) / 1000 -
                            load->committed_feeder_kw[f][t]);
            all_kw += room_kw;
            ret_rows->tied[f][t] = is_tied[f] ? lp_add_row(lp, -LP_INFINITY, room_kw) : -1;
        }
        ret_rows->all[t] = lp_add_row(lp, -LP_INFINITY, all_kw);
    }
}

static void add_work_column(const struct site *site, const struct room_rows *rows,
                            const struct work *like, int energy_row, int32_t t, double most_kw,
                            double cost_per_kwh)
{
    const struct workload *load = site->load;
    double hours = load->hours[t];
    if (most_kw <= 0)
        return;
    lp_add_column(site->lp, 0, most_kw, cost_per_kwh * hours);
    lp_add_entry(site->lp, site->balance[t], -(1 + load->problem->slots[t].overhead_ratio));
    lp_add_entry(site->lp, energy_row, hours);
    lp_add_entry(site->lp, rows->all[t], 1);
    if (like->job->feeder >= 0)
        lp_add_entry(site->lp, rows->tied[like->job->feeder][t], 1);
}

static void add_group(const struct site *site, const struct room_rows *rows,
                      const struct grouping *grouping, int g)
{
    const struct workload *load = site->load;
    const struct group *group = &grouping->groups[g];
    const struct work *like = group->like;
    int energy_row = lp_add_row(site->lp, group->kwh, group->kwh);
    for (int32_t t = 0; t < load->problem->slot_count; t++) {
        double wait = like->delay_per_kwh_h * load->middle_h[t];
        add_work_column(site, rows, like, energy_row, t, grouping->on_time_kw[g][t], wait);
        add_work_column(site, rows, like, energy_row, t, grouping->late_kw[g][t],
                        wait + like->late_per_kwh);
    }
    double wait = like->delay_per_kwh_h * (double)(load->end_ms - load->start_ms) / HOUR_MS;
    lp_add_column(site->lp, 0, LP_INFINITY, wait + like->unserved_per_kwh);
    lp_add_entry(site->lp, energy_row, 1);
    if (group->leave_kwh > 0) {
        lp_add_column(site->lp, 0, group->leave_kwh, wait + like->leave_per_kwh);
        lp_add_entry(site->lp, energy_row, 1);
    }
}

/* What no schedule changes: committed and impossible jobs, and the waiting that is counted from a
 * start at once. */
static double constant_cost(const struct workload *load)
{
    double sum = 0;
    for (int32_t i = 0; i < load->count; i++) {
        const struct work *work = &load->works[i];
        struct plan_job plan = {.feeder = -1};
        struct work_cost cost;
        if (movable(load, work)) {
            sum -= work->kw / HOUR_MS * work->delay_per_kwh_h * work->moment_at_once;
            continue;
        }
        if (work->committed)
            work_run_at_once(load, work, &plan);
        work_cost(load, work, &plan, &cost);
        sum += cost.lateness + cost.delay + cost.leave;
    }
    return sum;
}

static struct lp *build(const struct workload *load, struct site *ret_site,
                        struct room_rows *ret_rows, double *ret_constant)
{
    struct grouping grouping;
    struct lp *lp = lp_create();
    bool grouped = grouping_init(&grouping, load) && fill_power(&grouping, load);
    if (lp && grouped) {
        site_build(ret_site, lp, load, load->committed_kw);
        add_room_rows(lp, load, &grouping, ret_rows);
        for (int g = 0; g < grouping.count; g++)
            if (grouping.groups[g].used)
                add_group(ret_site, ret_rows, &grouping, g);
        *ret_constant = constant_cost(load);
    } else {
        lp_destroy(lp);
        lp = NULL;
    }
    grouping_finish(&grouping);
    return lp;
}

struct lp *relax_build(const struct workload *load, double *ret_constant)
{
    struct site site;
    struct room_rows rows;
    return build(load, &site, &rows, ret_constant);
}

static void read_targets(const struct workload *load, const struct site *site,
                         const struct room_rows *rows, struct relaxation *relaxation)
{
    const struct lp *lp = site->lp;
    for (int32_t t = 0; t < load->problem->slot_count; t++) {
        double net_kw = lp->value[site->import[t]] + lp->value[site->breach[t]] -
                        lp->value[site->export[t]] - lp->value[site->spill[t]];
        if (site->has_battery)
            net_kw += lp->value[site->discharge[t]] - lp->value[site->charge[t]];
        double overhead = 1 + load->problem->slots[t].overhead_ratio;
        relaxation->price[t] = site_marginal(site, t) - lp->dual[rows->all[t]] / load->hours[t];
        relaxation->target_kw[t] =
            (net_kw - workload_net_kw(load, t)) / overhead - load->committed_kw[t];
    }
}

int relax_solve(const struct workload *load, struct relaxation *ret_relaxation, struct error *error)
{
    struct site site;
    struct room_rows rows;
    double constant;
    struct lp *lp = build(load, &site, &rows, &constant);
    if (!lp)
        return error_set(error, ERROR_SYSTEM, "out of memory while building the bound");
    int code = lp_solve(lp, error);
    if (code == 0) {
        double bound = lp->objective + constant;
        ret_relaxation->bound = bound - ROUNDING * (1 + fabs(lp->objective) + fabs(constant));
        read_targets(load, &site, &rows, ret_relaxation);
    }
    lp_destroy(lp);
    return code;
}
