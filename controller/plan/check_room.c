/* The check of feeders, rack groups and accelerators: limits that hold at every moment. All starts
 * and ends of a site are walked once, in the order of time. */
#include "controller/plan/check_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASS_SETS = 1 << LIMIT_ACCELERATORS };

/* A job that starts (+) or ends (-) on a group. */
struct change {
    int64_t at_ms;
    double power_w;
    int32_t accelerators;
    uint32_t classes;
    int32_t site, group;
    bool committed;
};

struct load {
    double committed_w, others_w;
    double base_w; /* what is kept free in this slot */
    double limit_w;
    double worst_w; /* named in this slot: base and committed above the limit */
};

/* Accelerators in use on a group by jobs that know no class outside of a set. */
struct use {
    int64_t committed[CLASS_SETS], others[CLASS_SETS];
    int64_t room[CLASS_SETS];
};

struct walk {
    struct check *check;
    int32_t site;
    struct load feeders[LIMIT_FEEDERS], groups[LIMIT_GROUPS];
    struct use uses[LIMIT_GROUPS];
};

static int compare_changes(const void *a, const void *b)
{
    const struct change *left = a, *right = b;
    if (left->site != right->site)
        return left->site < right->site ? -1 : 1;
    return (left->at_ms > right->at_ms) - (left->at_ms < right->at_ms);
}

static size_t add_changes(struct change *changes, const struct change *from, int64_t start_ms,
                          int64_t end_ms)
{
    if (start_ms >= end_ms)
        return 0;
    changes[0] = changes[1] = *from;
    changes[0].at_ms = start_ms;
    changes[1].at_ms = end_ms;
    changes[1].power_w = -from->power_w;
    changes[1].accelerators = -from->accelerators;
    return 2;
}

/* A run that its hold covers in part becomes two. */
static size_t list_changes(const struct check *check, struct change *changes)
{
    size_t count = 0;
    for (int32_t i = 0; i < check->problem->job_count; i++) {
        const struct problem_job *job = &check->problem->jobs[i];
        const struct plan_job *planned = &check->plan->jobs[i];
        int64_t until_ms = check_committed_until_ms(check, job);
        for (int32_t r = 0; r < planned->run_count; r++) {
            const struct plan_run *run = &planned->runs[r];
            const struct problem_level *level = &job->levels[run->level];
            struct change change = {.power_w = level->power_w,
                                    .accelerators = level->accelerators,
                                    .classes = job->accelerator_classes,
                                    .site = planned->site,
                                    .group = planned->group,
                                    .committed = true};
            int64_t middle_ms = until_ms < run->start_ms ? run->start_ms : until_ms;
            middle_ms = middle_ms > run->end_ms ? run->end_ms : middle_ms;
            count += add_changes(changes + count, &change, run->start_ms, middle_ms);
            change.committed = false;
            count += add_changes(changes + count, &change, middle_ms, run->end_ms);
        }
    }
    qsort(changes, count, sizeof(*changes), compare_changes);
    return count;
}

static void start_walk(struct walk *walk, struct check *check, int32_t site)
{
    const struct problem_site *given = &check->problem->sites[site];
    memset(walk, 0, sizeof(*walk));
    walk->check = check;
    walk->site = site;
    for (int32_t f = 0; f < given->feeder_count; f++)
        walk->feeders[f].limit_w = given->feeders[f].limit_w;
    for (int32_t g = 0; g < given->group_count; g++) {
        const struct problem_group *group = &given->groups[g];
        walk->groups[g].limit_w = fmin(group->limit_w, given->feeders[group->feeder].limit_w);
        for (uint32_t set = 0; set < CLASS_SETS; set++)
            for (int32_t a = 0; a < LIMIT_ACCELERATORS; a++)
                if (set & (UINT32_C(1) << a))
                    walk->uses[g].room[set] += group->accelerators[a];
    }
}

static void load_slot(struct walk *walk, int32_t t)
{
    const struct problem_site *given = &walk->check->problem->sites[walk->site];
    for (int32_t f = 0; f < given->feeder_count; f++)
        walk->feeders[f].base_w = walk->feeders[f].worst_w = 0;
    for (int32_t g = 0; g < given->group_count; g++) {
        double base_w = given->slots[t].base_it_high_w[g];
        walk->groups[g].base_w = base_w;
        walk->groups[g].worst_w = 0;
        walk->feeders[given->groups[g].feeder].base_w += base_w;
    }
}

static void add_power(struct load *load, const struct change *change)
{
    if (change->committed)
        load->committed_w += change->power_w;
    else
        load->others_w += change->power_w;
}

/* The next larger set that has all of these classes. */
static uint32_t next_set(uint32_t set, uint32_t classes)
{
    return (set + 1) | classes;
}

static void apply(struct walk *walk, const struct change *change)
{
    const struct problem_site *given = &walk->check->problem->sites[walk->site];
    struct use *use = &walk->uses[change->group];
    add_power(&walk->groups[change->group], change);
    add_power(&walk->feeders[given->groups[change->group].feeder], change);
    if (change->classes == 0 || change->accelerators == 0)
        return;
    int64_t *in_use = change->committed ? use->committed : use->others;
    for (uint32_t set = change->classes; set < CLASS_SETS; set = next_set(set, change->classes))
        in_use[set] += change->accelerators;
}

/* Others keep the limit; what exceeds it without them is only to be named. */
static int look_at(const struct walk *walk, struct load *load, int32_t t, const char *what)
{
    double kept_w = load->base_w + load->committed_w;
    if (load->others_w > CHECK_POWER_W && kept_w + load->others_w > load->limit_w + CHECK_POWER_W)
        return check_slot_wrong(walk->check, walk->site, t, what, kept_w + load->others_w,
                                load->limit_w);
    load->worst_w = fmax(load->worst_w, kept_w - load->limit_w);
    return 0;
}

/* Of all sets, only those can have become too small that have the classes of a start. */
static int look_at_accelerators(const struct walk *walk, const struct change *start, int32_t t)
{
    const struct use *use = &walk->uses[start->group];
    for (uint32_t set = start->classes; set < CLASS_SETS; set = next_set(set, start->classes))
        if (use->others[set] > 0 && use->committed[set] + use->others[set] > use->room[set])
            return check_slot_wrong(walk->check, walk->site, t, "accelerators in use on a group",
                                    (double)(use->committed[set] + use->others[set]),
                                    (double)use->room[set]);
    return 0;
}

static int look_at_all(struct walk *walk, int32_t t)
{
    const struct problem_site *given = &walk->check->problem->sites[walk->site];
    int code = 0;
    for (int32_t g = 0; code == 0 && g < given->group_count; g++)
        code = look_at(walk, &walk->groups[g], t, "load of a group");
    for (int32_t f = 0; code == 0 && f < given->feeder_count; f++)
        code = look_at(walk, &walk->feeders[f], t, "load of a feeder");
    return code;
}

/* Only after all changes of one moment. */
static int look_at_changed(struct walk *walk, int32_t t, const struct change *changes, size_t count)
{
    const struct problem_site *given = &walk->check->problem->sites[walk->site];
    int code = 0;
    for (size_t i = 0; code == 0 && i < count; i++) {
        int32_t group = changes[i].group;
        code = look_at(walk, &walk->groups[group], t, "load of a group");
        if (code == 0)
            code =
                look_at(walk, &walk->feeders[given->groups[group].feeder], t, "load of a feeder");
        if (code == 0 && changes[i].classes != 0 && changes[i].accelerators > 0)
            code = look_at_accelerators(walk, &changes[i], t);
    }
    return code;
}

static int compare_named(struct walk *walk, int32_t t, const double *named_w,
                         const struct load *loads, int32_t count, int32_t room, const char *what)
{
    for (int32_t i = 0; i < room; i++) {
        double should_w = i < count ? loads[i].worst_w : 0;
        if (!(named_w[i] >= 0) || !check_same(named_w[i], should_w, CHECK_POWER_W))
            return check_slot_wrong(walk->check, walk->site, t, what, named_w[i], should_w);
        walk->check->breaching |= named_w[i] > 0;
    }
    return 0;
}

static int end_slot(struct walk *walk, int32_t t)
{
    const struct problem_site *given = &walk->check->problem->sites[walk->site];
    const struct plan_slot *slot = &walk->check->plan->sites[walk->site].slots[t];
    int code = compare_named(walk, t, slot->group_breach_w, walk->groups, given->group_count,
                             LIMIT_GROUPS, "named overload of a group");
    if (code < 0)
        return code;
    return compare_named(walk, t, slot->feeder_breach_w, walk->feeders, given->feeder_count,
                         LIMIT_FEEDERS, "named overload of a feeder");
}

/* Returns how many of the changes lie at the same time as the first; applies them. */
static size_t apply_moment(struct walk *walk, const struct change *changes, size_t count)
{
    size_t applied = 0;
    while (applied < count && changes[applied].at_ms == changes[0].at_ms)
        apply(walk, &changes[applied++]);
    return applied;
}

/* All at the start of each slot, then what changes inside it. */
static int walk_site(struct walk *walk, const struct change *changes, size_t count)
{
    const struct problem_slot *slots = walk->check->problem->sites[walk->site].slots;
    size_t next = 0;
    int code = 0;
    for (int32_t t = 0; code == 0 && t < walk->check->problem->slot_count; t++) {
        int64_t end_ms = slots[t].start_ms + slots[t].length_ms;
        load_slot(walk, t);
        for (bool first = true; code == 0; first = false) {
            size_t applied = 0;
            if (next < count && changes[next].at_ms < (first ? slots[t].start_ms + 1 : end_ms))
                applied = apply_moment(walk, changes + next, count - next);
            else if (!first)
                break;
            if (first)
                code = look_at_all(walk, t);
            if (code == 0)
                code = look_at_changed(walk, t, changes + next, applied);
            next += applied;
        }
        if (code == 0)
            code = end_slot(walk, t);
    }
    return code;
}

int check_room(struct check *check)
{
    size_t room = 1;
    for (int32_t i = 0; i < check->plan->job_count; i++)
        room += 4 * (size_t)check->plan->jobs[i].run_count;
    struct change *changes = calloc(room, sizeof(*changes));
    struct walk *walk = calloc(1, sizeof(*walk));
    int code = changes && walk
                   ? 0
                   : error_set(check->error, ERROR_SYSTEM, "out of memory while checking a plan");
    size_t count = code == 0 ? list_changes(check, changes) : 0, from = 0;
    for (int32_t s = 0; code == 0 && s < check->problem->site_count; s++) {
        size_t to = from;
        while (to < count && changes[to].site == s)
            to++;
        start_walk(walk, check, s);
        code = walk_site(walk, changes + from, to - from);
        from = to;
    }
    free(changes);
    free(walk);
    return code;
}
