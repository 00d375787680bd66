/* The best sequence of waiting and running for a reward per unit of work: a shortest path over the
 * pieces of time. It waits, or runs at one of the levels; a start pays its churn and restart and
 * runs through its least stretch in one step. */
#include <math.h>
#include <stdlib.h>

#include "controller/plan/split.h"

enum {
    OFF, /* suspended, or not started again */
    GO,  /* a running job goes on as it is */
    ON,  /* + level */
    STATES = ON + LIMIT_LEVELS,
    NEVER = -1, /* came from a first start */
};

/* The cheapest way to a state at the start of a piece. */
struct node {
    double value;      /* cost less reward */
    int32_t from;      /* the stretch that runs or ended last began with this piece */
    int32_t end;       /* OFF: ... and ended before this one */
    int8_t state;      /* OFF: the state that it ended in */
    int8_t from_state; /* ON: the state before it began, at `from` */
};

struct node *path_create(int32_t room)
{
    return calloc((size_t)(room + 1) * STATES, sizeof(struct node));
}

/* State by state: most jobs have one level and touch few of these rows. */
static struct node *node_at(const struct split *split, int32_t i, int state)
{
    return &split->nodes[search_at(split->search, state, i)];
}

/* A job that does not run has nothing to go on with. */
static int first_state_on(const struct split *split)
{
    return split_job(split)->running ? GO : ON;
}

/* What a step from one state into a level costs, and the work it takes away. */
static double step_cost(const struct split *split, int from_state, int32_t level, double *ret_work)
{
    const struct problem_job *job = split_job(split);
    double churn = split_prices(split)->churn;
    bool restarts = true;
    double cost = 2 * churn;
    if (from_state == NEVER) {
        restarts = false; /* that of a suspended job is part of its work */
        cost = (job->suspended ? churn : 0);
    } else if (from_state != OFF) {
        int32_t before = from_state == GO ? job->level : from_state - ON;
        restarts = job->levels[before].accelerators != job->levels[level].accelerators;
        cost = churn;
        if (from_state == GO)
            cost += split_prices(split)->change_gain;
    }
    *ret_work = restarts ? -(double)job->restart_ms : 0;
    return cost;
}

/* What a stretch at this level costs and does between two pieces. */
static double stretch_cost(const struct split *split, int32_t level, int32_t first, int32_t end,
                           double *ret_work)
{
    const struct pieces *pieces = &split->search->pieces;
    size_t row = search_at(split->search, level, 0);
    *ret_work = pieces->work_sum[row + (size_t)end] - pieces->work_sum[row + (size_t)first];
    return pieces->cost_sum[row + (size_t)end] - pieces->cost_sum[row + (size_t)first];
}

/* A stretch at this level that begins with piece `from` in a state, and runs until `i`. */
static void offer_stretch(struct split *split, struct node *node, int32_t level, int32_t from,
                          int from_state, double reward, int32_t i)
{
    double value = from_state == NEVER ? 0 : node_at(split, from, from_state)->value;
    if (isinf(value))
        return;
    double step_work, work;
    value += step_cost(split, from_state, level, &step_work);
    value += stretch_cost(split, level, from, i, &work) - reward * (step_work + work);
    if (value < node->value)
        *node = (struct node){.value = value, .from = from, .from_state = (int8_t)from_state};
}

/* All stretches that have just lasted long enough when piece `i` begins. */
static void offer_starts(struct split *split, struct node *node, int32_t level, double reward,
                         int32_t *next, int32_t i)
{
    const struct pieces *pieces = &split->search->pieces;
    int64_t least_ms = split_job(split)->min_run_ms;
    for (; *next < i; (*next)++) {
        if (i < split->count && pieces->begin_ms[i] - pieces->begin_ms[*next] < least_ms)
            return;
        if (split->clear[level][*next] < i)
            continue;
        if (!split_job(split)->running)
            offer_stretch(split, node, level, *next, NEVER, reward, i);
        offer_stretch(split, node, level, *next, OFF, reward, i);
    }
}

static void reach_level(struct split *split, int32_t level, double reward, int32_t *next, int32_t i)
{
    const struct problem_job *job = split_job(split);
    const struct pieces *pieces = &split->search->pieces;
    struct node *node = node_at(split, i, ON + level);
    const struct node *on = node_at(split, i - 1, ON + level);
    size_t at = search_at(split->search, level, i - 1);
    node->value = HUGE_VAL;
    if (split->clear[level][i - 1] > i - 1) {
        *node = *on;
        node->value += pieces->cost[at] - reward * pieces->work[at];
        for (int32_t l = 0; l < job->level_count; l++)
            if (l != level)
                offer_stretch(split, node, level, i - 1, ON + l, reward, i);
        if (job->running && level != job->level)
            offer_stretch(split, node, level, i - 1, GO, reward, i);
    }
    offer_starts(split, node, level, reward, next, i);
}

static void reach_off(struct split *split, int32_t i)
{
    struct node *node = node_at(split, i, OFF);
    if (i > 0)
        *node = *node_at(split, i - 1, OFF);
    else
        node->value = HUGE_VAL;
    for (int state = first_state_on(split); state < ON + split_job(split)->level_count; state++) {
        const struct node *on = node_at(split, i, state);
        double gain = state == GO ? split_prices(split)->change_gain : 0;
        if (on->value + gain >= node->value)
            continue;
        *node = *on;
        node->value += gain;
        node->end = i;
        node->state = (int8_t)state;
    }
}

static void reach_go(struct split *split, double reward, int32_t i)
{
    const struct pieces *pieces = &split->search->pieces;
    const struct problem_job *job = split_job(split);
    struct node *node = node_at(split, i, GO);
    if (i == 0) {
        *node = (struct node){0};
        return;
    }
    *node = *node_at(split, i - 1, GO);
    if (isinf(node->value) || split->clear[job->level][i - 1] <= i - 1) {
        node->value = HUGE_VAL;
        return;
    }
    size_t at = search_at(split->search, job->level, i - 1);
    node->value += pieces->cost[at] - reward * pieces->work[at];
}

/* Before those that are known; joined to the next where they make one. */
static void add_stretch(const struct split *split, struct way *way, int32_t first, int32_t end,
                        int32_t level, bool goes_on)
{
    const int64_t *begin_ms = split->search->pieces.begin_ms;
    struct stretch *next = way->count > 0 ? &way->stretches[way->count - 1] : NULL;
    if (next && next->first == end && next->level == level) {
        next->first = first;
        next->start_ms = begin_ms[first];
        next->goes_on = goes_on;
        return;
    }
    way->stretches[way->count++] =
        (struct stretch){first, end, begin_ms[first], begin_ms[end], level, goes_on};
}

static void count_stretch(const struct split *split, struct way *way, int32_t level, int32_t first,
                          int32_t end)
{
    double work;
    way->cost += stretch_cost(split, level, first, end, &work);
    way->work += work;
}

/* Collects the stretches from the end on and turns them round. */
static void read_way(const struct split *split, const struct node *node, int state,
                     struct way *ret_way)
{
    int32_t i = split->count;
    ret_way->count = 0;
    ret_way->cost = ret_way->work = 0;
    while (node) {
        if (state == OFF) {
            i = node->end;
            state = node->state;
            ret_way->cost += state == GO ? split_prices(split)->change_gain : 0;
        }
        node = node_at(split, i, state);
        if (state == GO) {
            count_stretch(split, ret_way, split_job(split)->level, 0, i);
            if (i > 0)
                add_stretch(split, ret_way, 0, i, split_job(split)->level, true);
            break;
        }
        int32_t end = i, level = state - ON;
        double step_work;
        i = node->from;
        state = node->from_state;
        ret_way->cost += step_cost(split, state, level, &step_work);
        ret_way->work += step_work;
        count_stretch(split, ret_way, level, i, end);
        add_stretch(split, ret_way, i, end, level, i == 0 && state == GO);
        node = state == NEVER ? NULL : node_at(split, i, state);
    }
    for (int32_t a = 0, b = ret_way->count - 1; a < b; a++, b--) {
        struct stretch swap = ret_way->stretches[a];
        ret_way->stretches[a] = ret_way->stretches[b];
        ret_way->stretches[b] = swap;
    }
}

/* Does no piece care what is done in the others? */
static bool pieces_stand_alone(const struct split *split)
{
    const struct problem_job *job = split_job(split);
    return job->level_count == 1 && split_has_free_starts(split) &&
           !(job->running && split_prices(split)->change_gain > 0);
}

static void take_each(const struct split *split, double reward, struct way *ret_way)
{
    const struct pieces *pieces = &split->search->pieces;
    ret_way->count = 0;
    ret_way->cost = ret_way->work = 0;
    for (int32_t i = 0; i < split->count; i++) {
        struct stretch *last = ret_way->count > 0 ? &ret_way->stretches[ret_way->count - 1] : NULL;
        if (split->clear[0][i] <= i || pieces->cost[i] >= reward * pieces->work[i])
            continue;
        ret_way->cost += pieces->cost[i];
        ret_way->work += pieces->work[i];
        if (last && last->end == i) {
            last->end = i + 1;
            last->end_ms = pieces->begin_ms[i + 1];
            continue;
        }
        ret_way->stretches[ret_way->count++] =
            (struct stretch){i,
                             i + 1,
                             pieces->begin_ms[i],
                             pieces->begin_ms[i + 1],
                             0,
                             split_job(split)->running && i == 0};
    }
}

void path_best(struct split *split, double reward, struct way *ret_way)
{
    const struct problem_job *job = split_job(split);
    if (pieces_stand_alone(split)) {
        take_each(split, reward, ret_way);
        return;
    }
    int32_t next[LIMIT_LEVELS] = {0};
    if (job->running)
        reach_go(split, reward, 0);
    for (int32_t l = 0; l < job->level_count; l++)
        node_at(split, 0, ON + l)->value = HUGE_VAL;
    reach_off(split, 0);
    for (int32_t i = 1; i <= split->count; i++) {
        if (job->running)
            reach_go(split, reward, i);
        for (int32_t l = 0; l < job->level_count; l++)
            reach_level(split, l, reward, &next[l], i);
        reach_off(split, i);
    }
    const struct node *best = NULL;
    int best_state = OFF;
    double least = job->running ? HUGE_VAL : 0; /* never run */
    for (int state = OFF; state < ON + job->level_count; state++) {
        const struct node *node = node_at(split, split->count, state);
        if ((state != GO || job->running) && node->value < least) {
            best = node;
            best_state = state;
            least = node->value;
        }
    }
    read_way(split, best, best_state, ret_way);
}
