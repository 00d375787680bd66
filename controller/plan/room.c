/* Room of feeders, groups and accelerators, cell by cell. */
#include "controller/plan/room.h"

#include <stdlib.h>
#include <string.h>

static const double SMALL_KW = 1e-6;

static int32_t find_set(const struct room *room, uint32_t set)
{
    for (int32_t i = 0; i < room->set_count; i++)
        if (room->sets[i] == set)
            return i;
    return -1;
}

static void add_set(struct room *room, uint32_t set)
{
    if (set != 0 && find_set(room, set) < 0)
        room->sets[room->set_count++] = set;
}

static int compare_sets(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* Those of the jobs, then every union of two until there is no new one; as numbers they rise, so
 * that a set comes after all of its parts. */
static void find_sets(struct room *room)
{
    const struct workload *load = room->load;
    const uint32_t all = ROOM_SETS - 1;
    for (int32_t i = 0; i < load->count; i++)
        add_set(room, load->works[i].job->accelerator_classes & all);
    for (int32_t i = 0; i < room->set_count; i++)
        for (int32_t k = 0; k < i; k++)
            add_set(room, room->sets[i] | room->sets[k]);
    qsort(room->sets, (size_t)room->set_count, sizeof(*room->sets), compare_sets);
}

static int32_t set_room(const struct problem_group *group, uint32_t set)
{
    int32_t sum = 0;
    for (int c = 0; c < LIMIT_ACCELERATORS; c++)
        if (set & (1u << c))
            sum += group->accelerators[c];
    return sum;
}

int32_t room_cell_in(const struct workload *load, int32_t t, int64_t at_ms)
{
    const struct problem_slot *slot = &load->problem->sites[0].slots[t];
    int32_t part = (int32_t)((at_ms - slot->start_ms) * ROOM_CELLS / slot->length_ms);
    part = part < 0 ? 0 : part < ROOM_CELLS ? part : ROOM_CELLS - 1;
    return t * ROOM_CELLS + part;
}

int32_t room_cell(const struct workload *load, int64_t at_ms)
{
    return room_cell_in(load, workload_slot(load, at_ms), at_ms);
}

/* The first ms that room_cell counts to it. */
int64_t room_cell_start_ms(const struct workload *load, int32_t cell)
{
    const struct problem_slot *slot = &load->problem->sites[0].slots[cell / ROOM_CELLS];
    return slot->start_ms + (cell % ROOM_CELLS * slot->length_ms + ROOM_CELLS - 1) / ROOM_CELLS;
}

int64_t room_cell_end_ms(const struct workload *load, int32_t cell)
{
    return cell + 1 < load->slot_count * ROOM_CELLS ? room_cell_start_ms(load, cell + 1)
                                                    : load->end_ms;
}

/* Of numbers; fmin, which cares for NAN, would be a call. */
static inline double lesser(double a, double b)
{
    return a < b ? a : b;
}

static void update_slot(struct room *room, int32_t row, int32_t t)
{
    const double *cell_kw = &room->cell_kw[room_at(room, row, t * ROOM_CELLS)];
    double least_kw = cell_kw[0];
    for (int32_t i = 1; i < ROOM_CELLS; i++)
        least_kw = lesser(least_kw, cell_kw[i]);
    room->free_kw[workload_at(room->load, row, t)] = least_kw;
}

/* Of a group, after its own room or its feeder's has changed. */
static void update_free(struct room *room, int32_t s, int32_t g, int32_t first, int32_t last)
{
    int32_t row = room->first_group[s] + g;
    int32_t feeder = room->first_feeder[s] + room->load->problem->sites[s].groups[g].feeder;
    for (int32_t cell = first; cell <= last; cell++)
        room->cell_kw[room_at(room, row, cell)] = lesser(
            room->group_kw[room_at(room, row, cell)], room->feeder_kw[room_at(room, feeder, cell)]);
    for (int32_t t = first / ROOM_CELLS; t <= last / ROOM_CELLS; t++)
        update_slot(room, row, t);
}

static void fill_slot(struct room *room, int32_t s, int32_t t)
{
    const struct problem_site *site = &room->load->problem->sites[s];
    int32_t first = t * ROOM_CELLS, last = first + ROOM_CELLS - 1;
    for (int32_t cell = first; cell <= last; cell++) {
        for (int32_t f = 0; f < site->feeder_count; f++)
            room->feeder_kw[room_at(room, room->first_feeder[s] + f, cell)] =
                site->feeders[f].limit_w / 1000;
        for (int32_t g = 0; g < site->group_count; g++) {
            const struct problem_group *group = &site->groups[g];
            double base_kw = site->slots[t].base_it_high_w[g] / 1000;
            room->group_kw[room_at(room, room->first_group[s] + g, cell)] =
                group->limit_w / 1000 - base_kw;
            room->feeder_kw[room_at(room, room->first_feeder[s] + group->feeder, cell)] -= base_kw;
        }
    }
    for (int32_t g = 0; g < site->group_count; g++)
        update_free(room, s, g, first, last);
}

static size_t group_cells(const struct room *room)
{
    return room_at(room, room->first_group[room->load->site_count], 0);
}

static size_t feeder_cells(const struct room *room)
{
    return room_at(room, room->first_feeder[room->load->site_count], 0);
}

static size_t set_cells(const struct room *room)
{
    return group_cells(room) * (size_t)room->set_count;
}

static bool sets_init(struct room *room)
{
    int32_t rows = room->first_group[room->load->site_count];
    room->in_use = calloc(set_cells(room) + 1, sizeof(int32_t));
    room->capacity = calloc((size_t)(rows * room->set_count) + 1, sizeof(int32_t));
    if (!room->in_use || !room->capacity)
        return false;
    for (int32_t s = 0; s < room->load->site_count; s++)
        for (int32_t row = room->first_group[s]; row < room->first_group[s + 1]; row++)
            for (int32_t i = 0; i < room->set_count; i++)
                room->capacity[row * room->set_count + i] =
                    set_room(&room->load->problem->sites[s].groups[row - room->first_group[s]],
                             room->sets[i]);
    return true;
}

bool room_init(struct room *room, const struct workload *load)
{
    *room = (struct room){.load = load};
    for (int32_t s = 0; s < load->site_count; s++) {
        room->first_group[s + 1] = room->first_group[s] + load->problem->sites[s].group_count;
        room->first_feeder[s + 1] = room->first_feeder[s] + load->problem->sites[s].feeder_count;
    }
    find_sets(room);
    room->group_kw = calloc(group_cells(room), sizeof(double));
    room->cell_kw = calloc(group_cells(room), sizeof(double));
    room->free_kw = calloc(group_cells(room) / ROOM_CELLS, sizeof(double));
    room->feeder_kw = calloc(feeder_cells(room), sizeof(double));
    if (!sets_init(room) || !room->group_kw || !room->cell_kw || !room->free_kw || !room->feeder_kw)
        return false;
    for (int32_t s = 0; s < load->site_count; s++)
        for (int32_t t = 0; t < load->slot_count; t++)
            fill_slot(room, s, t);
    return true;
}

/* From what jobs inside each of the old sets hold to what those hold that know just these classes,
 * and from that to the new sets. */
static void relearn_row(struct room *room, const struct room *before, int32_t row)
{
    int32_t just[ROOM_SETS];
    for (int32_t cell = 0; cell < room->load->slot_count * ROOM_CELLS; cell++) {
        for (int32_t i = 0; i < before->set_count; i++) {
            just[i] = before->in_use[room_at(room, row * before->set_count + i, cell)];
            for (int32_t k = 0; k < i; k++)
                if ((before->sets[k] & ~before->sets[i]) == 0)
                    just[i] -= just[k];
            for (int32_t k = 0; k < room->set_count && just[i] != 0; k++)
                if ((before->sets[i] & ~room->sets[k]) == 0)
                    room->in_use[room_at(room, row * room->set_count + k, cell)] += just[i];
        }
    }
}

bool room_learn(struct room *room)
{
    struct room before = *room;
    int32_t rows = room->first_group[room->load->site_count];
    find_sets(room);
    if (room->set_count == before.set_count)
        return true;
    if (!sets_init(room)) {
        free(room->in_use);
        free(room->capacity);
        *room = before;
        return false;
    }
    for (int32_t row = 0; row < rows; row++)
        relearn_row(room, &before, row);
    free(before.in_use);
    free(before.capacity);
    return true;
}

void room_finish(struct room *room)
{
    free(room->group_kw);
    free(room->cell_kw);
    free(room->free_kw);
    free(room->feeder_kw);
    free(room->in_use);
    free(room->capacity);
}

void room_copy(struct room *to, const struct room *from)
{
    memcpy(to->group_kw, from->group_kw, group_cells(from) * sizeof(double));
    memcpy(to->cell_kw, from->cell_kw, group_cells(from) * sizeof(double));
    memcpy(to->free_kw, from->free_kw, group_cells(from) / ROOM_CELLS * sizeof(double));
    memcpy(to->feeder_kw, from->feeder_kw, feeder_cells(from) * sizeof(double));
    memcpy(to->in_use, from->in_use, set_cells(from) * sizeof(int32_t));
}

void room_take(struct room *room, int32_t s, int32_t g, const struct problem_job *job,
               int32_t first_cell, int32_t last_cell, double kw, int32_t accelerators)
{
    const struct problem_site *site = &room->load->problem->sites[s];
    int32_t feeder = site->groups[g].feeder, row = room->first_group[s] + g;
    for (int32_t cell = first_cell; cell <= last_cell; cell++) {
        room->group_kw[room_at(room, row, cell)] -= kw;
        room->feeder_kw[room_at(room, room->first_feeder[s] + feeder, cell)] -= kw;
    }
    for (int32_t i = 0; accelerators != 0 && job->accelerator_classes != 0 && i < room->set_count;
         i++) {
        if ((job->accelerator_classes & ~room->sets[i]) != 0)
            continue;
        int32_t *in_use = &room->in_use[room_at(room, row * room->set_count + i, 0)];
        for (int32_t cell = first_cell; cell <= last_cell; cell++)
            in_use[cell] += accelerators;
    }
    for (int32_t other = 0; other < site->group_count; other++)
        if (site->groups[other].feeder == feeder)
            update_free(room, s, other, first_cell, last_cell);
}

/* What those who know no other class leave of a set. */
static int32_t left_of_set(const struct room *room, int32_t row, int32_t set, int32_t cell)
{
    int32_t index = row * room->set_count + set;
    return room->capacity[index] - room->in_use[room_at(room, index, cell)];
}

static bool accelerators_suffice(const struct room *room, int32_t row,
                                 const struct problem_job *job, int32_t needed, int32_t cell)
{
    for (int32_t i = 0; i < room->set_count; i++)
        if ((job->accelerator_classes & ~room->sets[i]) == 0 &&
            left_of_set(room, row, i, cell) < needed)
            return false;
    return true;
}

bool room_lacks_accelerators(const struct room *room, int32_t s, int32_t g, int32_t cell)
{
    int32_t row = room->first_group[s] + g;
    for (int32_t i = 0; i < room->set_count; i++)
        if (left_of_set(room, row, i, cell) < 0)
            return true;
    return false;
}

static bool cells_have_accelerators(const struct room *room, int32_t row,
                                    const struct problem_job *job, int32_t level, int32_t first,
                                    int32_t last)
{
    int32_t needed = job->levels[level].accelerators;
    if (needed == 0 || job->accelerator_classes == 0)
        return true;
    for (int32_t cell = first; cell <= last; cell++)
        if (!accelerators_suffice(room, row, job, needed, cell))
            return false;
    return true;
}

bool room_carries(const struct room *room, int32_t s, int32_t g, const struct problem_job *job,
                  int32_t level, int32_t t)
{
    int32_t row = room->first_group[s] + g, first = t * ROOM_CELLS;
    return room->free_kw[workload_at(room->load, row, t)] + SMALL_KW >=
               job->levels[level].power_w / 1000 &&
           cells_have_accelerators(room, row, job, level, first, first + ROOM_CELLS - 1);
}

bool room_carries_cells(const struct room *room, int32_t s, int32_t g,
                        const struct problem_job *job, int32_t level, int32_t first, int32_t last)
{
    int32_t row = room->first_group[s] + g;
    for (int32_t cell = first; cell <= last; cell++)
        if (room->cell_kw[room_at(room, row, cell)] + SMALL_KW < job->levels[level].power_w / 1000)
            return false;
    return cells_have_accelerators(room, row, job, level, first, last);
}

bool room_carries_part(const struct room *room, int32_t s, int32_t g, const struct problem_job *job,
                       int32_t level, int32_t t)
{
    if (room_carries(room, s, g, job, level, t))
        return false;
    for (int32_t cell = t * ROOM_CELLS; cell < (t + 1) * ROOM_CELLS; cell++)
        if (room_carries_cells(room, s, g, job, level, cell, cell))
            return true;
    return false;
}
