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
    double value; /* cost less reward */
    double cost, work;
    int32_t from;      /* the stretch that runs or ended last began with this piece */
    int32_t end;       /* OFF: ... and ended before this one */
    int8_t state;      /* OFF: the state that it ended in */
    int8_t from_state; /* ON: the state before it began, at `from` */
};

struct node *path_create(int32_t room)
{
    return calloc((size_t)(room + 1) * STATES, sizeof(struct node));
}

static struct node *node_at(const struct split *split, int32_t i, int state)
{
    return &split->nodes[(size_t)i * STATES + (size_t)state];
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

static void offer(struct node *node, double value, double cost, double work, int32_t from,
                  int from_state)
{
    if (value >= node->value)
        return;
    node->value = value;
    node->cost = cost;
    node->work = work;
    node->from = from;
    node->from_state = (int8_t)from_state;
}

/* A stretch at this level that begins with piece `from` in a state, and runs until `i`. */
static void offer_stretch(struct split *split, struct node *node, int32_t level, int32_t from,
                          int from_state, double reward, int32_t i)
{
    const struct pieces *pieces = &split->search->pieces;
    const struct node none = {0};
    const struct node *before = from_state == NEVER ? &none : node_at(split, from, from_state);
    if (isinf(before->value))
        return;
    double step_work;
    double cost = step_cost(split, from_state, level, &step_work);
    size_t at = search_at(split->search, level, 0);
    cost += pieces->cost_sum[at + (size_t)i] - pieces->cost_sum[at + (size_t)from];
    double work =
        step_work + pieces->work_sum[at + (size_t)i] - pieces->work_sum[at + (size_t)from];
    offer(node, before->value + cost - reward * work, before->cost + cost, before->work + work,
          from, from_state);
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
        node->cost += pieces->cost[at];
        node->work += pieces->work[at];
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
    for (int state = GO; state < ON + split_job(split)->level_count; state++) {
        const struct node *on = node_at(split, i, state);
        double gain = state == GO ? split_prices(split)->change_gain : 0;
        if (on->value + gain >= node->value)
            continue;
        *node = *on;
        node->value += gain;
        node->cost += gain;
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
        *node = (struct node){.value = job->running ? 0 : HUGE_VAL};
        return;
    }
    *node = *node_at(split, i - 1, GO);
    if (isinf(node->value) || split->clear[job->level][i - 1] <= i - 1) {
        node->value = HUGE_VAL;
        return;
    }
    size_t at = search_at(split->search, job->level, i - 1);
    node->value += pieces->cost[at] - reward * pieces->work[at];
    node->cost += pieces->cost[at];
    node->work += pieces->work[at];
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

/* Collects the stretches from the end on and turns them round. */
static void read_way(const struct split *split, const struct node *node, int state,
                     struct way *ret_way)
{
    int32_t i = split->count;
    ret_way->count = 0;
    ret_way->cost = node ? node->cost : 0;
    ret_way->work = node ? node->work : 0;
    while (node) {
        if (state == OFF) {
            i = node->end;
            state = node->state;
        }
        node = node_at(split, i, state);
        if (state == GO) {
            if (i > 0)
                add_stretch(split, ret_way, 0, i, split_job(split)->level, true);
            break;
        }
        int32_t end = i;
        i = node->from;
        bool goes_on = i == 0 && node->from_state == GO;
        add_stretch(split, ret_way, i, end, state - ON, goes_on);
        state = node->from_state;
        node = state == NEVER ? NULL : node_at(split, i, state);
    }
    for (int32_t a = 0, b = ret_way->count - 1; a < b; a++, b--) {
        struct stretch swap = ret_way->stretches[a];
        ret_way->stretches[a] = ret_way->stretches[b];
        ret_way->stretches[b] = swap;
    }
}

void path_best(struct split *split, double reward, struct way *ret_way)
{
    const struct problem_job *job = split_job(split);
    int32_t next[LIMIT_LEVELS] = {0};
    reach_go(split, reward, 0);
    for (int32_t l = 0; l < job->level_count; l++)
        node_at(split, 0, ON + l)->value = HUGE_VAL;
    reach_off(split, 0);
    for (int32_t i = 1; i <= split->count; i++) {
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
        if (node->value < least) {
            best = node;
            best_state = state;
            least = node->value;
        }
    }
    read_way(split, best, best_state, ret_way);
}
