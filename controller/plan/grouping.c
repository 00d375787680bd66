/* Grouping by a quadtree over release and due time: jobs of one kind are sorted along its curve, so
 * that every cell is a stretch of the sorted array, and the cell whose shared window is loosest is
 * split next until the program is as large as it may be. O(n log n). */
#include "controller/plan/grouping.h"

#include <math.h>
#include <stdlib.h>

enum {
    SLOT_BITS = 16,   /* of a slot's number in the code of a cell */
    KINDS_MOST = 4,   /* times the columns of the whole program, for one cell a kind */
    RATIO_FEWER = 4,  /* steps in one, without detail */
    RATIO_STEPS = 32, /* jobs are alike when their best levels save about the same */
};

static const double HOUR_MS = 3600e3;
static const double LOOSE_LEAST = 1e-9; /* kWh h: the windows of a cell are the same */
static const double SMALL_KW = 1e-9;    /* rounding of sums that should be 0 */

struct item {
    uint64_t code; /* kind, then the curve over release and due slot */
    int32_t work;
    int32_t first_slot, due_slot; /* of the window, the second one after it */
    double start_h, due_h;        /* inside the horizon */
    double kwh;
};

struct cell {
    int32_t from, to; /* of the items */
    int32_t bits;     /* of the code that its items do not share */
    double loose;     /* kWh h by which its windows are wider than those of its members */
    int64_t columns;
};

/* What is told apart of jobs beside class, tie and sites. */
enum detail { DETAIL_ALL, DETAIL_ACCELERATORS, DETAIL_LEAST };

struct tree {
    const struct workload *load;
    enum detail detail;
    struct item *items;
    int32_t item_count;
    struct cell *cells; /* a heap by `loose`, the loosest first */
    int32_t cell_count;
    int64_t columns;
};

bool work_movable(const struct workload *load, const struct work *work)
{
    return work->possible && !work->committed && work->work_ms > 0 && work->kw > 0 &&
           work->release_ms < load->end_ms;
}

static bool site_carries(const struct workload *load, const struct work *work, int32_t s)
{
    const struct problem_site *site = &load->problem->sites[s];
    const struct problem_job *job = work->job;
    if (job->running)
        return s == job->site;
    for (int32_t g = 0; g < site->group_count; g++)
        for (int32_t l = 0; l < job->level_count && (job->group < 0 || job->group == g); l++)
            if (work_fits_group(site, job, l, g))
                return true;
    return false;
}

uint32_t work_sites(const struct workload *load, const struct work *work)
{
    uint32_t sites = 0;
    for (int32_t s = 0; s < load->site_count; s++)
        if (work_release_ms(load, work, s) < load->end_ms && site_carries(load, work, s))
            sites |= 1u << s;
    return sites;
}

/* Energy for a kWh of work. */
static double level_ratio(const struct problem_job *job, int32_t level)
{
    return job->levels[level].power_w / (job->levels[level].speed * job->levels[0].power_w);
}

static double ratio_least(const struct problem_job *job)
{
    double least = 1;
    for (int32_t l = 1; l < job->level_count; l++)
        least = fmin(least, level_ratio(job, l));
    return least;
}

/* Jobs of one kind can share a group: 32 bits. */
static uint64_t kind_of(const struct workload *load, const struct work *work, enum detail detail)
{
    const struct problem_job *job = work->job;
    uint64_t ratio = (uint64_t)(ratio_least(job) * (RATIO_STEPS - 1));
    if (detail != DETAIL_ALL)
        ratio -= ratio % RATIO_FEWER;
    uint32_t classes = job->accelerator_classes & ((1u << LIMIT_ACCELERATORS) - 1);
    if (detail == DETAIL_LEAST)
        classes = classes != 0;
    uint64_t kind = (uint64_t)job->job_class;
    kind = kind << 6 | (uint64_t)(job->group + 1);
    kind = kind << LIMIT_SITES | work_sites(load, work);
    kind = kind << LIMIT_ACCELERATORS | classes;
    return kind << 5 | (ratio < RATIO_STEPS ? ratio : RATIO_STEPS - 1);
}

static uint64_t spread_bits(int32_t number)
{
    uint64_t slot = (uint64_t)(number < 1 << SLOT_BITS ? number : (1 << SLOT_BITS) - 1), spread = 0;
    for (int bit = 0; bit < SLOT_BITS; bit++)
        spread |= (slot >> bit & 1) << (2 * bit);
    return spread;
}

static int32_t due_slot(const struct workload *load, const struct work *work)
{
    if (work->due_ms >= load->end_ms)
        return load->slot_count;
    return work->due_ms <= load->start_ms ? 0 : workload_slot(load, work->due_ms - 1) + 1;
}

static int compare_items(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    if (left->code != right->code)
        return left->code < right->code ? -1 : 1;
    return left->work - right->work;
}

static double work_kwh(const struct work *work)
{
    return work->kw * (double)work->work_ms / HOUR_MS;
}

static struct item item_of(const struct workload *load, int32_t index, enum detail detail)
{
    const struct work *work = &load->works[index];
    double end_h = (double)(load->end_ms - load->start_ms) / HOUR_MS;
    double due_h = ((double)work->due_ms - (double)load->start_ms) / HOUR_MS;
    struct item item = {.work = index,
                        .first_slot = workload_slot(load, work->release_ms),
                        .due_slot = due_slot(load, work),
                        .start_h = (double)(work->release_ms - load->start_ms) / HOUR_MS,
                        .due_h = fmin(fmax(due_h, 0), end_h),
                        .kwh = work_kwh(work)};
    item.code = kind_of(load, work, detail) << 32 | spread_bits(item.first_slot) << 1 |
                spread_bits(item.due_slot);
    return item;
}

static void list_items(struct tree *tree)
{
    const struct workload *load = tree->load;
    tree->item_count = 0;
    for (int32_t i = 0; i < load->count; i++)
        if (work_movable(load, &load->works[i]))
            tree->items[tree->item_count++] = item_of(load, i, tree->detail);
    qsort(tree->items, (size_t)tree->item_count, sizeof(*tree->items), compare_items);
}

static int64_t site_count_of(uint32_t sites)
{
    int64_t count = 0;
    for (; sites != 0; sites &= sites - 1)
        count++;
    return count;
}

static struct cell cell_of(const struct tree *tree, int32_t from, int32_t to, int32_t bits)
{
    const struct workload *load = tree->load;
    const struct work *like = &load->works[tree->items[from].work];
    struct cell cell = {.from = from, .to = to, .bits = bits};
    double kwh = 0, kwh_window = 0, start_h = HUGE_VAL, due_h = 0;
    int32_t first = load->slot_count, last = 0;
    for (int32_t i = from; i < to; i++) {
        const struct item *item = &tree->items[i];
        kwh += item->kwh;
        kwh_window += item->kwh * (item->due_h - item->start_h);
        start_h = fmin(start_h, item->start_h);
        due_h = fmax(due_h, item->due_h);
        first = item->first_slot < first ? item->first_slot : first;
        last = item->due_slot > last ? item->due_slot : last;
    }
    cell.loose = kwh * (due_h - start_h) - kwh_window;
    cell.columns = last > first ? (last - first) * site_count_of(work_sites(load, like)) : 0;
    return cell;
}

static void sink(struct tree *tree, int32_t index)
{
    for (;;) {
        int32_t largest = index;
        for (int32_t child = 2 * index + 1; child <= 2 * index + 2; child++)
            if (child < tree->cell_count && tree->cells[child].loose > tree->cells[largest].loose)
                largest = child;
        if (largest == index)
            return;
        struct cell cell = tree->cells[index];
        tree->cells[index] = tree->cells[largest];
        tree->cells[largest] = cell;
        index = largest;
    }
}

static void push(struct tree *tree, const struct cell *cell)
{
    int32_t index = tree->cell_count++;
    tree->columns += cell->columns;
    while (index > 0 && tree->cells[(index - 1) / 2].loose < cell->loose) {
        tree->cells[index] = tree->cells[(index - 1) / 2];
        index = (index - 1) / 2;
    }
    tree->cells[index] = *cell;
}

static uint64_t shared_code(const struct tree *tree, int32_t item, int32_t bits)
{
    return tree->items[item].code >> bits;
}

/* The cells of the next level at which the loosest one falls apart; 0: it does not. */
static int32_t children_of(const struct tree *tree, const struct cell *cell,
                           struct cell *ret_children)
{
    int32_t bits = cell->bits;
    do
        bits -= 2;
    while (bits > 0 &&
           shared_code(tree, cell->from, bits) == shared_code(tree, cell->to - 1, bits));
    int32_t count = 0;
    for (int32_t from = cell->from, to; bits >= 0 && from < cell->to; from = to) {
        for (to = from + 1; to < cell->to; to++)
            if (shared_code(tree, to, bits) != shared_code(tree, from, bits))
                break;
        ret_children[count++] = cell_of(tree, from, to, bits);
    }
    return count;
}

/* Splits the loosest cell. False: it stays whole. */
static bool split(struct tree *tree, int64_t columns_most)
{
    struct cell children[4];
    struct cell *cell = &tree->cells[0];
    int64_t columns = tree->columns - cell->columns;
    int32_t count = cell->loose > LOOSE_LEAST ? children_of(tree, cell, children) : 0;
    for (int32_t i = 0; i < count; i++)
        columns += children[i].columns;
    bool whole = count < 2 || columns > columns_most;
    if (whole) {
        cell->loose = -1;
    } else {
        tree->columns -= cell->columns;
        *cell = tree->cells[--tree->cell_count];
    }
    sink(tree, 0);
    for (int32_t i = 0; !whole && i < count; i++)
        push(tree, &children[i]);
    return !whole;
}

/* A cell for each kind. */
static void add_kinds(struct tree *tree)
{
    tree->cell_count = 0;
    tree->columns = 0;
    for (int32_t from = 0, to; from < tree->item_count; from = to) {
        for (to = from + 1; to < tree->item_count; to++)
            if (shared_code(tree, to, 32) != shared_code(tree, from, 32))
                break;
        struct cell cell = cell_of(tree, from, to, 32);
        push(tree, &cell);
    }
}

/* As much detail as there is room for, then the loosest cells apart. */
static void grow_tree(struct tree *tree, int64_t columns_most)
{
    for (tree->detail = DETAIL_ALL;; tree->detail++) {
        list_items(tree);
        add_kinds(tree);
        if (tree->columns <= KINDS_MOST * columns_most || tree->detail == DETAIL_LEAST)
            break;
    }
    while (tree->cell_count > 0 && tree->cells[0].loose > LOOSE_LEAST)
        split(tree, columns_most);
}

/* Adds the power over a span: steps where it covers slots as a whole, shares at its ends. */
struct power {
    const struct workload *load;
    double *kw, *steps; /* by slot; steps has one entry more */
};

static void add_part(const struct power *power, int32_t t, double kw, int64_t from_ms,
                     int64_t to_ms)
{
    const struct problem_slot *slot = &power->load->problem->sites[0].slots[t];
    power->kw[t] +=
        kw * (double)overlap_ms(from_ms, to_ms, slot->start_ms, slot->start_ms + slot->length_ms) /
        (double)slot->length_ms;
}

static void add_span(const struct power *power, double kw, int64_t from_ms, int64_t to_ms)
{
    if (to_ms > power->load->end_ms)
        to_ms = power->load->end_ms;
    if (from_ms >= to_ms)
        return;
    int32_t first = workload_slot(power->load, from_ms);
    int32_t last = workload_slot(power->load, to_ms - 1);
    add_part(power, first, kw, from_ms, to_ms);
    if (last == first)
        return;
    power->steps[first + 1] += kw;
    power->steps[last] -= kw;
    add_part(power, last, kw, from_ms, to_ms);
}

static void sum_steps(const struct power *power)
{
    double sum = 0;
    for (int32_t t = 0; t < power->load->slot_count; t++) {
        sum += power->steps[t];
        power->steps[t] = 0;
        power->kw[t] += sum;
        if (power->kw[t] < SMALL_KW)
            power->kw[t] = 0;
    }
    power->steps[power->load->slot_count] = 0;
}

static void join(struct work_group *group, const struct work *work)
{
    const struct problem_job *job = work->job;
    double kwh = work_kwh(work);
    group->kwh += kwh;
    group->classes |= job->accelerator_classes;
    group->leave_kwh += fmin(kwh, work->kw * (double)work->leave_ms / HOUR_MS);
    group->leave_per_kwh = fmin(group->leave_per_kwh, work->leave_per_kwh);
    group->due_ms = work->due_ms > group->due_ms ? work->due_ms : group->due_ms;
    for (int32_t l = 0; l < job->level_count; l++) {
        double needs = (double)job->levels[l].accelerators / job->levels[l].speed / work->kw;
        group->kwh_least = fmin(group->kwh_least, level_ratio(job, l));
        group->kwh_most = fmax(group->kwh_most, level_ratio(job, l));
        group->accelerators_per_kw = fmin(group->accelerators_per_kw, needs);
    }
}

static void group_init(const struct tree *tree, const struct cell *cell, double *steps,
                       struct work_group *group)
{
    const struct workload *load = tree->load;
    group->member_count = cell->to - cell->from;
    group->like = &load->works[group->members[0]];
    group->sites = work_sites(load, group->like);
    group->leave_per_kwh = group->accelerators_per_kw = HUGE_VAL;
    group->kwh_least = group->kwh_most = 1;
    group->due_ms = INT64_MIN;
    double on_time_kwh = 0;
    for (int32_t i = 0; i < group->member_count; i++)
        join(group, &load->works[group->members[i]]);
    for (int32_t s = 0; s < load->site_count; s++) {
        struct power on_time = {load, &group->on_time_kw[workload_at(load, s, 0)], steps};
        struct power late = {load, &group->late_kw[workload_at(load, s, 0)],
                             steps + load->slot_count + 1};
        for (int32_t i = 0; i < group->member_count && group->sites >> s & 1; i++) {
            const struct work *work = &load->works[group->members[i]];
            int64_t from_ms = work_release_ms(load, work, s);
            int64_t late_ms = work->due_ms > from_ms ? work->due_ms : from_ms;
            add_span(&on_time, work->kw, from_ms, late_ms);
            add_span(&late, work->kw, late_ms, INT64_MAX);
        }
        sum_steps(&on_time);
        sum_steps(&late);
        for (int32_t t = 0; t < load->slot_count; t++)
            on_time_kwh += on_time.kw[t] * load->hours[t];
    }
    group->late = on_time_kwh < group->kwh;
}

static bool groups_init(struct grouping *grouping, const struct tree *tree)
{
    const struct workload *load = tree->load;
    size_t powers = (size_t)load->site_count * (size_t)load->slot_count;
    grouping->groups = calloc((size_t)tree->cell_count + 1, sizeof(*grouping->groups));
    grouping->memory = calloc(((size_t)tree->cell_count + 1) * 2 * powers, sizeof(double));
    grouping->members = malloc(((size_t)tree->item_count + 1) * sizeof(*grouping->members));
    double *steps = calloc(2 * ((size_t)load->slot_count + 1), sizeof(double));
    bool complete = grouping->groups && grouping->members && grouping->memory && steps;
    for (int32_t i = 0; complete && i < tree->item_count; i++)
        grouping->members[i] = tree->items[i].work;
    for (int32_t i = 0; complete && i < tree->cell_count; i++) {
        struct work_group *group = &grouping->groups[grouping->count++];
        group->on_time_kw = grouping->memory + 2 * powers * (size_t)i;
        group->late_kw = group->on_time_kw + powers;
        group->members = grouping->members + tree->cells[i].from;
        group_init(tree, &tree->cells[i], steps, group);
    }
    free(steps);
    return complete;
}

bool grouping_init(struct grouping *grouping, const struct workload *load, int64_t columns_most)
{
    size_t room = (size_t)load->count + 4;
    struct tree tree = {.load = load,
                        .items = malloc(room * sizeof(struct item)),
                        .cells = malloc(room * sizeof(struct cell))};
    *grouping = (struct grouping){0};
    bool complete = tree.items && tree.cells;
    if (complete) {
        grow_tree(&tree, columns_most);
        complete = groups_init(grouping, &tree);
    }
    free(tree.items);
    free(tree.cells);
    return complete;
}

void grouping_finish(struct grouping *grouping)
{
    free(grouping->groups);
    free(grouping->members);
    free(grouping->memory);
}
