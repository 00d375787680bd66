/* The parts of the search for several stretches: the best sequence at a reward (path.c), cutting
 * and growing one to measure (way.c), and the search itself (split.c). Private to the planner. */
#ifndef TIDEWATT_PLAN_SPLIT_H
#define TIDEWATT_PLAN_SPLIT_H

#include "controller/plan/search.h"

/* Less of work is rounding. */
#define SPLIT_ENOUGH_MS 0.5

struct stretch {
    int32_t first, end; /* pieces */
    int64_t start_ms, end_ms;
    int32_t level;
    bool goes_on; /* without a break from what runs now */
};

struct way {
    double cost, work;
    int32_t count;
    struct stretch *stretches; /* room for one a piece and more */
};

struct split_rate {
    double per_ms, work;
};

struct split {
    struct node *nodes;       /* of path.c: for every piece */
    struct split_rate *rates; /* one a piece */
    struct way low, high, trial;
    /* of one search */
    const struct search *search;
    const int32_t *clear[LIMIT_LEVELS]; /* by piece: until where it may run on */
    int32_t count;                      /* pieces that may be used */
};

static inline const struct problem_job *split_job(const struct split *split)
{
    return split->search->work->job;
}

static inline const struct problem_prices *split_prices(const struct split *split)
{
    return &split->search->market->load->problem->prices;
}

/* Cost of a ms of work in a piece. */
static inline double split_rate_at(const struct split *split, int32_t level, int32_t piece)
{
    size_t at = search_at(split->search, level, piece);
    return split->search->pieces.cost[at] / split->search->pieces.work[at];
}

bool split_has_free_starts(const struct split *split);

/* path.c: the best way at this reward per ms of work. */
struct node *path_create(int32_t room); /* NULL: out of memory */
void path_best(struct split *split, double reward, struct way *ret_way);

/* way.c: changes a way to so much work, in as many stretches as a plan has room for. `reward`:
 * about what a ms of work is worth. The last stretch of a job that it finishes may be short. */
void way_fit(const struct split *split, struct way *way, double work, double reward, bool finishes);

#endif
