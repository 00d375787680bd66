/* Room beside base load and committed jobs. In a bound it may only be too large: work that is tied
 * to a group or needs accelerators gets limits of its own, all other work one of its site. */
#include "controller/plan/relax_room.h"

#include <math.h>
#include <stdlib.h>

/* Powers that committed jobs take in a slot: on average, and at most at one moment. */
struct taken {
    double average, most;
    double groups_left; /* of several groups: what they leave of each */
};

bool relax_room_holds(const struct relax_room *room, const struct workload *load, int32_t site,
                      int32_t tie, uint32_t classes)
{
    if (room->site != site)
        return false;
    switch (room->kind) {
    case ROOM_SITE:
        return true;
    case ROOM_FEEDER:
        return tie >= 0 && load->problem->sites[site].groups[tie].feeder == (int32_t)room->of;
    case ROOM_GROUP:
        return tie == (int32_t)room->of;
    case ROOM_ACCELERATORS:
        return classes != 0 && (classes & ~room->of) == 0;
    }
    return false;
}

bool relax_room_holds_group(const struct relax_room *room, const struct workload *load,
                            int32_t site, const struct work_group *group)
{
    return relax_room_holds(room, load, site, group->like->job->group, group->classes);
}

/* The average over a slot of what is left of a limit, which is never below 0 at any moment. Where
 * the committed jobs are steady or below the limit this is exact, else it is too large. */
static double left_of(double limit, const struct taken *taken)
{
    if (limit <= 0)
        return 0;
    if (taken->most <= limit || !isfinite(limit))
        return limit - taken->average;
    return limit - taken->average * limit / taken->most;
}

static double group_limit_kw(const struct problem_site *site, int32_t g, int32_t t)
{
    return fmax(0, site->groups[g].limit_w - site->slots[t].base_it_high_w[g]) / 1000;
}

/* Of a feeder, or of one of its groups, which its feeder limits too. */
static double limit_kw(const struct problem_site *site, int32_t feeder, int32_t group, int32_t t)
{
    double left_w = site->feeders[feeder].limit_w;
    for (int32_t g = 0; g < site->group_count; g++)
        if (site->groups[g].feeder == feeder)
            left_w -= site->slots[t].base_it_high_w[g];
    double left_kw = fmax(0, left_w / 1000);
    return group >= 0 ? fmin(left_kw, group_limit_kw(site, group, t)) : left_kw;
}

static void add_taken(const struct workload *load, const struct plan_run *run, double amount,
                      struct taken *taken)
{
    for (int32_t t = workload_slot(load, run->start_ms); t < load->slot_count; t++) {
        const struct problem_slot *slot = &load->problem->sites[0].slots[t];
        if (slot->start_ms >= run->end_ms)
            return;
        taken[t].average += amount *
                            (double)overlap_ms(run->start_ms, run->end_ms, slot->start_ms,
                                               slot->start_ms + slot->length_ms) /
                            (double)slot->length_ms;
        taken[t].most += amount;
    }
}

/* What a work holds in the room for certain: where it runs is only known of one with a group. */
static void take_committed(const struct workload *load, const struct relax_room *room,
                           const struct work *work, struct taken *taken)
{
    const struct problem_job *job = work->job;
    struct plan_job at_once;
    if (job->group < 0 ||
        !relax_room_holds(room, load, job->site, job->group, job->accelerator_classes))
        return;
    work_run_at_once(load, work, &at_once);
    struct plan_run run = work->committed ? at_once.runs[0] : work->held;
    if (at_once.run_count == 0 || run.end_ms <= run.start_ms)
        return;
    const struct problem_level *level = &job->levels[run.level];
    bool counts = room->kind == ROOM_ACCELERATORS;
    add_taken(load, &run, counts ? level->accelerators : level->power_w / 1000, taken);
}

static double accelerators_of(const struct problem_group *group, uint32_t classes)
{
    double count = 0;
    for (int c = 0; c < LIMIT_ACCELERATORS; c++)
        count += classes >> c & 1 ? group->accelerators[c] : 0;
    return count;
}

/* Of one group alone, which is part of the room. */
static double group_part(const struct relax_room *room, const struct problem_site *site, int32_t g,
                         int32_t t)
{
    return room->kind == ROOM_ACCELERATORS ? accelerators_of(&site->groups[g], room->of)
                                           : group_limit_kw(site, g, t);
}

static double limit_of(const struct relax_room *room, const struct problem_site *site, int32_t t)
{
    if (room->kind == ROOM_ACCELERATORS)
        return HUGE_VAL; /* only its groups' */
    if (room->kind == ROOM_GROUP)
        return limit_kw(site, site->groups[room->of].feeder, (int32_t)room->of, t);
    return limit_kw(site, (int32_t)room->of, -1, t);
}

/* By jobs on one group, or (-1) on any. */
static void find_taken(const struct workload *load, const struct relax_room *room, int32_t group,
                       struct taken *taken)
{
    for (int32_t t = 0; t < load->slot_count; t++)
        taken[t].average = taken[t].most = 0;
    for (int32_t i = 0; i < load->count; i++)
        if ((load->works[i].committed ||
             load->works[i].held.end_ms > load->works[i].held.start_ms) &&
            (group < 0 || load->works[i].job->group == group))
            take_committed(load, room, &load->works[i], taken);
}

/* A job that is more than its group can carry takes nothing from the other groups. */
static void find_groups_left(const struct workload *load, const struct relax_room *room,
                             struct taken *taken)
{
    const struct problem_site *site = &load->problem->sites[room->site];
    bool several = room->kind == ROOM_FEEDER || room->kind == ROOM_ACCELERATORS;
    for (int32_t t = 0; t < load->slot_count; t++)
        taken[t].groups_left = several ? 0 : HUGE_VAL;
    for (int32_t g = 0; g < site->group_count && several; g++) {
        if (room->kind == ROOM_FEEDER && site->groups[g].feeder != (int32_t)room->of)
            continue;
        find_taken(load, room, g, taken);
        for (int32_t t = 0; t < load->slot_count; t++)
            taken[t].groups_left += left_of(group_part(room, site, g, t), &taken[t]);
    }
}

static void add_left(const struct workload *load, struct relax_room *room, struct taken *taken)
{
    find_groups_left(load, room, taken);
    find_taken(load, room, -1, taken);
    for (int32_t t = 0; t < load->slot_count; t++) {
        double limit = limit_of(room, &load->problem->sites[room->site], t);
        room->left[t] += fmin(left_of(limit, &taken[t]), taken[t].groups_left);
    }
}

/* That of a site is the sum of its feeders'. */
static void fill_room(const struct workload *load, struct relax_room *room, struct taken *taken)
{
    if (room->kind != ROOM_SITE) {
        add_left(load, room, taken);
        return;
    }
    for (int32_t f = 0; f < load->problem->sites[room->site].feeder_count; f++) {
        struct relax_room feeder = {ROOM_FEEDER, room->site, (uint32_t)f, room->left, NULL};
        add_left(load, &feeder, taken);
    }
}

static bool has_room(const struct relax_rooms *rooms, const struct relax_room *room)
{
    for (int32_t i = 0; i < rooms->count; i++)
        if (rooms->all[i].kind == room->kind && rooms->all[i].site == room->site &&
            rooms->all[i].of == room->of)
            return true;
    return false;
}

static void add_room(struct relax_rooms *rooms, enum room_kind kind, int32_t site, uint32_t of)
{
    struct relax_room room = {kind, site, of, NULL, NULL};
    if (!has_room(rooms, &room))
        rooms->all[rooms->count++] = room;
}

/* All that a group of work fills at a site. */
static void add_rooms(struct relax_rooms *rooms, const struct problem_site *site,
                      const struct work_group *group, int32_t s)
{
    int32_t tie = group->like->job->group;
    add_room(rooms, ROOM_SITE, s, 0);
    if (tie >= 0) {
        add_room(rooms, ROOM_GROUP, s, (uint32_t)tie);
        add_room(rooms, ROOM_FEEDER, s, (uint32_t)site->groups[tie].feeder);
    }
    if (group->classes != 0)
        add_room(rooms, ROOM_ACCELERATORS, s, group->classes);
}

enum { ROOMS_EACH = 4 }; /* at most, by add_rooms */

static bool list_rooms(struct relax_rooms *rooms, const struct workload *load,
                       const struct grouping *grouping)
{
    size_t most = (size_t)grouping->count * LIMIT_SITES * ROOMS_EACH + 1;
    rooms->all = malloc(most * sizeof(*rooms->all));
    for (int32_t i = 0; rooms->all && i < grouping->count; i++)
        for (int32_t s = 0; s < load->site_count; s++)
            if (grouping->groups[i].sites >> s & 1)
                add_rooms(rooms, &load->problem->sites[s], &grouping->groups[i], s);
    return rooms->all != NULL;
}

bool relax_rooms_init(struct relax_rooms *rooms, const struct workload *load,
                      const struct grouping *grouping)
{
    size_t slots = (size_t)load->slot_count;
    *rooms = (struct relax_rooms){0};
    if (!list_rooms(rooms, load, grouping))
        return false;
    rooms->memory = calloc(((size_t)rooms->count + 1) * slots, sizeof(double));
    rooms->rows = malloc(((size_t)rooms->count + 1) * slots * sizeof(int));
    struct taken *taken = calloc(slots, sizeof(*taken));
    bool complete = rooms->memory && rooms->rows && taken;
    for (int32_t i = 0; complete && i < rooms->count; i++) {
        struct relax_room *room = &rooms->all[i];
        room->left = rooms->memory + (size_t)i * slots;
        room->row = rooms->rows + (size_t)i * slots;
        fill_room(load, room, taken);
    }
    free(taken);
    return complete;
}

void relax_rooms_finish(struct relax_rooms *rooms)
{
    free(rooms->all);
    free(rooms->memory);
    free(rooms->rows);
}
