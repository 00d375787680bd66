/* The best stretches of one job at one site, at given prices and in the room that is left.
 * Private to the planner. */
#ifndef TIDEWATT_PLAN_SEARCH_H
#define TIDEWATT_PLAN_SEARCH_H

#include "controller/plan/room.h"

/* What one more kWh of IT energy costs in a slot: the price at the target load, and more the
 * further the load is above it. Arrays by workload_at(site, slot). */
struct pricing {
    double *price;             /* per kWh */
    double *target_kw;         /* average of all jobs */
    double slope[LIMIT_SITES]; /* per kWh and kW away from the target */
    double least[LIMIT_SITES]; /* no kWh is cheaper: see pricing_ready */
};

bool pricing_init(struct pricing *pricing, const struct workload *load); /* false: no memory */
void pricing_finish(struct pricing *pricing);
/* After a change, and before many jobs are placed: how low prices go at this load. */
void pricing_ready(struct pricing *pricing, const struct workload *load, const double *jobs_kw);

/* The same all through a search. */
struct market {
    const struct workload *load;
    const struct pricing *pricing;
    const struct room *room;
    const double *jobs_kw; /* by workload_at(site, slot): average, without the job */
};

/* Where a search may run a job is cut into pieces: slots, or their cells where others take a part of
 * one, from the release on, and at the due time. Within a piece cost and work grow evenly with time. */
struct pieces {
    int32_t count, on_time; /* of them before the due time */
    int32_t room;           /* for so many; rows of the arrays below are so long, and one */
    int64_t *begin_ms;      /* count + 1 */
    int32_t *slot;
    double *cost, *work;         /* [level]: of running all through the piece */
    double *cost_sum, *work_sum; /* [level]: of the pieces before */
    int32_t *clear;              /* [level]: next piece from here that no group can carry on to */
    int32_t *clear_group;        /* [group * LIMIT_LEVELS + level]: the same on one group */
};

struct split; /* split.c */

struct search {
    const struct market *market;
    const struct work *work;
    int32_t site;
    bool on_time_only; /* the pieces end with the due time */
    bool group_usable[LIMIT_GROUPS];
    struct pieces pieces;
    struct split *split;
};

/* For all jobs of a workload. NULL: out of memory. */
struct search *search_create(const struct workload *load);
void search_destroy(struct search *search);

/* Looks at a site for something cheaper than `best_cost` and then replaces it. `ret_best` is a
 * place of the same job; its runs are with what is held. */
bool search_site(struct search *search, const struct market *market, const struct work *work,
                 int32_t site, struct plan_job *ret_best, double *best_cost);

/* The parts of it: what is done in one stretch, and in several. */
bool search_single(struct search *search, struct plan_job *ret_best, double *best_cost);
bool search_split(struct search *search, struct plan_job *ret_best, double *best_cost);

static inline size_t search_at(const struct search *search, int32_t row, int32_t piece)
{
    return (size_t)row * (size_t)(search->pieces.room + 1) + (size_t)piece;
}
/* Cost of a part of a piece, or from one time to another that lie in the given pieces. */
double search_part(const struct search *search, int32_t level, int32_t piece, int64_t length_ms);
double search_span(const struct search *search, int32_t level, int32_t first, int32_t last,
                   int64_t start_ms, int64_t end_ms);

/* What a whole place costs at these prices, with what it leaves, its churn and its way there. */
double market_cost(const struct market *market, const struct work *work,
                   const struct plan_job *plan);

/* split.c */
struct split *split_create(int32_t room); /* NULL: out of memory */
void split_destroy(struct split *split);

#endif
