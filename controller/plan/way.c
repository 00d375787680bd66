/* A way is cut where it is dearest, or grown where it is cheapest, until it does just the work that
 * is needed. */
#include <math.h>

#include "controller/plan/split.h"

static double net_work(const struct split *split, const struct stretch *stretch)
{
    return (double)(stretch->end_ms - stretch->start_ms) *
           split_job(split)->levels[stretch->level].speed;
}

static bool touches(const struct way *way, int32_t index)
{
    return index > 0 ? way->stretches[index].start_ms == way->stretches[index - 1].end_ms
                     : way->stretches[0].goes_on;
}

/* Where a way may be cut shorter. */
enum cut_kind { CUT_NONE, CUT_HEAD, CUT_TAIL, CUT_HOLE };
struct cut {
    enum cut_kind kind;
    int32_t index; /* stretch */
    int32_t piece;
    int64_t most_ms;
    double rate; /* cost per work */
};

/* The dearest is cut first. */
static void offer_cut(const struct split *split, struct cut *best, enum cut_kind kind,
                      int32_t index, int32_t level, int32_t piece, int64_t most_ms)
{
    double rate = split_rate_at(split, level, piece);
    if (most_ms > 0 && (best->kind == CUT_NONE || rate > best->rate))
        *best = (struct cut){kind, index, piece, most_ms, rate};
}

static int64_t least_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void offer_ends(const struct split *split, const struct way *way, int32_t index,
                       bool finishes, struct cut *best)
{
    const int64_t *begin_ms = split->search->pieces.begin_ms;
    const struct stretch *stretch = &way->stretches[index];
    bool last = index == way->count - 1;
    int64_t length_ms = stretch->end_ms - stretch->start_ms;
    int64_t spare_ms = length_ms - 1;
    bool at_end = stretch->end_ms == begin_ms[split->search->pieces.count];
    if (!(last && (finishes || at_end)) && !touches(way, index))
        spare_ms = least_of(spare_ms, length_ms - split_job(split)->min_run_ms);
    if ((last && (finishes || !at_end)) || (!last && !touches(way, index + 1))) {
        int64_t from_ms = begin_ms[stretch->end - 1];
        if (from_ms < stretch->start_ms)
            from_ms = stretch->start_ms;
        offer_cut(split, best, CUT_TAIL, index, stretch->level, stretch->end - 1,
                  least_of(stretch->end_ms - from_ms, spare_ms));
    }
    if (!touches(way, index)) {
        int64_t to_ms = least_of(begin_ms[stretch->first + 1], stretch->end_ms);
        offer_cut(split, best, CUT_HEAD, index, stretch->level, stretch->first,
                  least_of(to_ms - stretch->start_ms, spare_ms));
    }
}

/* Where starts are free, any piece may be left out. */
static void offer_holes(const struct split *split, const struct way *way, int32_t index,
                        struct cut *best)
{
    const int64_t *begin_ms = split->search->pieces.begin_ms;
    const struct stretch *stretch = &way->stretches[index];
    for (int32_t i = stretch->first + 1; i < stretch->end - 1; i++)
        offer_cut(split, best, CUT_HOLE, index, stretch->level, i, begin_ms[i + 1] - begin_ms[i]);
}

static void cut_hole(const struct split *split, struct way *way, const struct cut *cut,
                     int64_t cut_ms)
{
    for (int32_t i = way->count++; i > cut->index; i--)
        way->stretches[i] = way->stretches[i - 1];
    struct stretch *before = &way->stretches[cut->index], *after = before + 1;
    int64_t end_ms = split->search->pieces.begin_ms[cut->piece + 1];
    bool whole = cut_ms == end_ms - split->search->pieces.begin_ms[cut->piece];
    before->end_ms = end_ms - cut_ms;
    before->end = whole ? cut->piece : cut->piece + 1;
    after->start_ms = end_ms;
    after->first = cut->piece + 1;
    after->goes_on = false;
}

static void apply_cut(const struct split *split, struct way *way, const struct cut *cut,
                      int64_t cut_ms)
{
    const int64_t *begin_ms = split->search->pieces.begin_ms;
    struct stretch *stretch = &way->stretches[cut->index];
    if (cut->kind == CUT_HOLE) {
        cut_hole(split, way, cut, cut_ms);
    } else if (cut->kind == CUT_TAIL) {
        stretch->end_ms -= cut_ms;
        if (stretch->end_ms <= begin_ms[stretch->end - 1])
            stretch->end--;
    } else {
        stretch->start_ms += cut_ms;
        if (stretch->start_ms >= begin_ms[stretch->first + 1])
            stretch->first++;
    }
}

bool split_has_free_starts(const struct split *split)
{
    const struct problem_job *job = split_job(split);
    return split_prices(split)->churn == 0 && job->restart_ms == 0 && job->min_run_ms == 0;
}

static void remove_stretch(struct way *way, int32_t index)
{
    for (int32_t i = index; i + 1 < way->count; i++)
        way->stretches[i] = way->stretches[i + 1];
    way->count--;
}

/* Work and cost that go with a whole stretch; false: it cannot be left out. */
static bool weigh_stretch(const struct split *split, const struct way *way, int32_t index,
                          double *ret_work, double *ret_cost)
{
    const struct stretch *stretch = &way->stretches[index];
    bool after = touches(way, index), before = index + 1 < way->count && touches(way, index + 1);
    if (stretch->goes_on || (after && before) ||
        (before && stretch[1].end_ms - stretch[1].start_ms < split_job(split)->min_run_ms))
        return false;
    bool restarts = !after && !before && (way->count > 1 || split_job(split)->running);
    *ret_work = net_work(split, stretch) - (restarts ? (double)split_job(split)->restart_ms : 0);
    *ret_cost = search_span(split->search, stretch->level, stretch->first, stretch->end - 1,
                            stretch->start_ms, stretch->end_ms) +
                (after || before ? 1 : 2) * split_prices(split)->churn;
    return true;
}

/* A whole stretch whose loss the surplus allows, if that saves more per work than the best cut. */
static bool drop_stretch(const struct split *split, struct way *way, double *surplus,
                         double least_rate)
{
    int32_t best = -1;
    double best_work = 0;
    for (int32_t i = 0; i < way->count; i++) {
        double work, cost;
        if (!weigh_stretch(split, way, i, &work, &cost) || work > *surplus + SPLIT_ENOUGH_MS ||
            (work > 0 && cost <= least_rate * work))
            continue;
        least_rate = work > 0 ? cost / work : HUGE_VAL;
        best_work = work;
        best = i;
    }
    if (best < 0)
        return false;
    remove_stretch(way, best);
    *surplus -= best_work;
    return true;
}

/* Stretches that a plan has room for. */
static int32_t stretches_most(const struct split *split)
{
    const struct plan_run *held = &split->search->work->held;
    return LIMIT_RUNS - (held->end_ms > held->start_ms);
}

/* Takes surplus work out of a way where it is dearest. The last stretch of a job that it finishes
 * may be short. */
static void trim(const struct split *split, struct way *way, double surplus, bool finishes)
{
    const struct problem_job *job = split_job(split);
    bool free_starts = split_has_free_starts(split);
    while (surplus > SPLIT_ENOUGH_MS && way->count > 0) {
        struct cut cut = {.kind = CUT_NONE};
        for (int32_t i = 0; i < way->count; i++) {
            offer_ends(split, way, i, finishes, &cut);
            if (free_starts && way->count < stretches_most(split))
                offer_holes(split, way, i, &cut);
        }
        if (drop_stretch(split, way, &surplus, cut.kind == CUT_NONE ? -HUGE_VAL : cut.rate))
            continue;
        if (cut.kind == CUT_NONE)
            return;
        double speed = job->levels[way->stretches[cut.index].level].speed;
        int64_t cut_ms = least_of(cut.most_ms, (int64_t)(surplus / speed));
        if (cut_ms <= 0)
            return;
        apply_cut(split, way, &cut, cut_ms);
        surplus -= (double)cut_ms * speed;
    }
}

static void offer_more(const struct split *split, struct cut *least, enum cut_kind kind,
                       int32_t index, int32_t level, int32_t piece, int64_t most_ms)
{
    double rate = split_rate_at(split, level, piece);
    if (most_ms > 0 && (least->kind == CUT_NONE || rate < least->rate))
        *least = (struct cut){kind, index, piece, most_ms, rate};
}

/* Where a way may be made longer: into the free part of a piece beside a stretch. */
static void offer_growth(const struct split *split, const struct way *way, int32_t index,
                         struct cut *best)
{
    const int64_t *begin_ms = split->search->pieces.begin_ms;
    const struct stretch *stretch = &way->stretches[index];
    const int32_t *clear = split->clear[stretch->level];
    int32_t after = stretch->end_ms < begin_ms[stretch->end] ? stretch->end - 1 : stretch->end;
    int32_t before =
        stretch->start_ms > begin_ms[stretch->first] ? stretch->first : stretch->first - 1;
    if (after < split->count && clear[after] > after) {
        int64_t to_ms = begin_ms[after + 1];
        if (index + 1 < way->count)
            to_ms = least_of(to_ms, way->stretches[index + 1].start_ms);
        offer_more(split, best, CUT_TAIL, index, stretch->level, after, to_ms - stretch->end_ms);
    }
    if (before >= 0 && !stretch->goes_on && clear[before] > before) {
        int64_t from_ms = begin_ms[before];
        if (index > 0 && way->stretches[index - 1].end_ms > from_ms)
            from_ms = way->stretches[index - 1].end_ms;
        offer_more(split, best, CUT_HEAD, index, stretch->level, before,
                   stretch->start_ms - from_ms);
    }
}

/* Returns the restart that is saved where two stretches have become one. */
static double apply_growth(const struct split *split, struct way *way, const struct cut *cut,
                           int64_t more_ms)
{
    struct stretch *stretch = &way->stretches[cut->index];
    int32_t left = cut->kind == CUT_TAIL ? cut->index : cut->index - 1;
    if (cut->kind == CUT_TAIL) {
        stretch->end_ms += more_ms;
        stretch->end = cut->piece + 1;
    } else {
        stretch->start_ms -= more_ms;
        stretch->first = cut->piece;
    }
    struct stretch *one = &way->stretches[left], *two = one + 1;
    if (left < 0 || left + 1 >= way->count || one->end_ms < two->start_ms)
        return 0;
    bool equal = split_job(split)->levels[one->level].accelerators ==
                 split_job(split)->levels[two->level].accelerators;
    if (one->level == two->level) {
        one->end = two->end;
        one->end_ms = two->end_ms;
        remove_stretch(way, left + 1);
    }
    return equal ? (double)split_job(split)->restart_ms : 0;
}

/* Adds work that is missing to a way where it is cheapest. Returns what is too much then. */
static double grow(const struct split *split, struct way *way, double missing)
{
    while (missing > SPLIT_ENOUGH_MS) {
        struct cut least = {.kind = CUT_NONE};
        for (int32_t i = 0; i < way->count; i++)
            offer_growth(split, way, i, &least);
        if (least.kind == CUT_NONE)
            break;
        double speed = split_job(split)->levels[way->stretches[least.index].level].speed;
        int64_t more_ms = least_of(least.most_ms, (int64_t)ceil(missing / speed));
        missing -= (double)more_ms * speed;
        missing -= apply_growth(split, way, &least, more_ms);
    }
    return -missing;
}

/* What closing the gap before a stretch loses at this reward; its work. */
static double weigh_gap(const struct split *split, const struct way *way, int32_t index,
                        double reward, double *ret_work)
{
    const struct stretch *before = &way->stretches[index - 1], *after = before + 1;
    const int64_t *begin_ms = split->search->pieces.begin_ms;
    int32_t first = before->end_ms < begin_ms[before->end] ? before->end - 1 : before->end;
    int32_t last = after->start_ms > begin_ms[after->first] ? after->first : after->first - 1;
    if (before->level != after->level || first > last || split->clear[after->level][first] <= last)
        return HUGE_VAL;
    *ret_work =
        (double)(after->start_ms - before->end_ms) * split_job(split)->levels[after->level].speed;
    return search_span(split->search, after->level, first, last, before->end_ms, after->start_ms) -
           reward * *ret_work;
}

/* One stretch fewer: two become one and, to make up for that, another is left out; always what
 * loses least at this reward. Changes the surplus. False: not possible. */
static bool make_fewer(const struct split *split, struct way *way, double reward, double *surplus)
{
    double least = HUGE_VAL, change = 0, work = 0, cost;
    int32_t best = -1;
    for (int32_t i = 0; i < way->count; i++) {
        if (!weigh_stretch(split, way, i, &work, &cost) || work > *surplus + SPLIT_ENOUGH_MS ||
            reward * work - cost > least)
            continue;
        least = reward * work - cost;
        best = i;
        change = -work;
    }
    for (int32_t i = 1; i < way->count && change == 0; i++) {
        double loss = weigh_gap(split, way, i, reward, &work);
        if (loss >= least)
            continue;
        least = loss;
        best = i;
    }
    if (best < 0)
        return false;
    if (change == 0) {
        weigh_gap(split, way, best, reward, &change);
        way->stretches[best - 1].end = way->stretches[best].end;
        way->stretches[best - 1].end_ms = way->stretches[best].end_ms;
    }
    remove_stretch(way, best);
    *surplus += change;
    return true;
}

void way_fit(const struct split *split, struct way *way, double work, double reward, bool finishes)
{
    double surplus = way->work - work;
    if (split_job(split)->level_count > 1)
        surplus -= way->count; /* below full speed each loses up to a ms to rounding */
    while (way->count > stretches_most(split))
        if (!make_fewer(split, way, reward, &surplus))
            return;
    if (surplus < -SPLIT_ENOUGH_MS)
        surplus = grow(split, way, -surplus);
    trim(split, way, surplus, finishes);
}
