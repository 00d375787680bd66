/* The published rules, each in a few lines, on one view of the problem: a price that is constant
 * in each slot. What lies beyond the horizon costs what its last slot does. */
#include "controller/plan/policy.h"

#include <string.h>

static const char *const names[POLICIES] = {
    [POLICY_NONE] = "none",
    [POLICY_LOWEST_SLOT] = "lowest-slot",
    [POLICY_LOWEST_WINDOW] = "lowest-window",
    [POLICY_CARBON_TIME] = "carbon-time",
    [POLICY_SUSPEND_RESUME] = "suspend-resume",
    [POLICY_THRESHOLD] = "threshold",
    [POLICY_SURPLUS] = "surplus",
    [POLICY_TIDEWATT] = "tidewatt",
    [POLICY_ORACLE] = "oracle",
};

static const double THRESHOLD_SHARE = 0.3; /* of the time looked at is below the threshold */
static const int64_t THRESHOLD_AHEAD_MS = 48 * INT64_C(3600000);

const char *policy_name(enum policy policy)
{
    return names[policy];
}

int policy_find(const char *name, enum policy *ret_policy)
{
    for (int p = 0; p < POLICIES; p++) {
        if (strcmp(names[p], name) != 0)
            continue;
        *ret_policy = (enum policy)p;
        return 0;
    }
    return ERROR_INVALID;
}

/* ---- prices ---- */

static const struct problem_slot *slot_of(const struct problem *problem, int32_t t)
{
    return &problem->sites[0].slots[t];
}

static int64_t slot_end_ms(const struct problem *problem, int32_t t)
{
    return slot_of(problem, t)->start_ms + slot_of(problem, t)->length_ms;
}

/* Of one more MWh. */
static double price_in(const struct problem *problem, int32_t t)
{
    const struct problem_slot *slot = slot_of(problem, t);
    return slot->price_import_per_mwh +
           slot->carbon_g_per_kwh * problem->prices.carbon_per_t / 1000;
}

/* The last slot that starts at or before the time; the first for times before it. */
static int32_t slot_at(const struct problem *problem, int64_t at_ms)
{
    int32_t low = 0, high = problem->slot_count;
    while (high - low > 1) {
        int32_t middle = low + (high - low) / 2;
        if (slot_of(problem, middle)->start_ms <= at_ms)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Price x ms of running through [start, end). */
static double cost_of(const struct problem *problem, int64_t start_ms, int64_t end_ms)
{
    double sum = 0;
    for (int32_t t = slot_at(problem, start_ms); start_ms < end_ms; t++) {
        bool last = t == problem->slot_count - 1;
        int64_t until_ms = last ? end_ms : slot_end_ms(problem, t);
        if (until_ms > end_ms)
            until_ms = end_ms;
        sum += price_in(problem, t) * (double)(until_ms - start_ms);
        start_ms = until_ms;
    }
    return sum;
}

/* ---- one stretch, started now or when a slot begins ---- */

static int64_t latest_start_ms(const struct problem *problem, const struct problem_job *job)
{
    if (job->deadline_ms == JOB_NO_DEADLINE)
        return problem_end_ms(problem);
    int64_t latest_ms = job->deadline_ms - job->remaining_ms;
    return latest_ms > job->release_ms ? latest_ms : job->release_ms;
}

/* What a start is worth to a rule: the largest wins, the earliest of equals. */
struct judge {
    enum policy policy;
    const struct problem *problem;
    const struct problem_job *job;
    int64_t window_ms; /* taken for the job's length */
    int64_t latest_ms; /* start */
    double at_once;    /* cost of a start at once */
};

struct best_start {
    int64_t start_ms;
    double worth;
};

static double worth(const struct judge *judge, int64_t start_ms)
{
    const struct problem *problem = judge->problem;
    if (judge->policy == POLICY_LOWEST_SLOT)
        return -price_in(problem, slot_at(problem, start_ms));
    double cost = cost_of(problem, start_ms, start_ms + judge->window_ms);
    if (judge->policy == POLICY_CARBON_TIME)
        return (judge->at_once - cost) /
               (double)(start_ms - judge->job->release_ms + judge->window_ms);
    return -cost;
}

static void consider(const struct judge *judge, int64_t start_ms, struct best_start *best)
{
    if (start_ms <= judge->job->release_ms || start_ms > judge->latest_ms)
        return;
    double value = worth(judge, start_ms);
    if (value < best->worth || (value == best->worth && start_ms >= best->start_ms))
        return;
    *best = (struct best_start){start_ms, value};
}

/* Prices change where slots begin: a stretch is cheapest when it starts or ends there. */
static int64_t best_start_ms(const struct judge *judge)
{
    const struct problem *problem = judge->problem;
    struct best_start best = {judge->job->release_ms, worth(judge, judge->job->release_ms)};
    for (int32_t t = slot_at(problem, best.start_ms) + 1; t < problem->slot_count; t++) {
        int64_t at_ms = slot_of(problem, t)->start_ms;
        consider(judge, at_ms, &best);
        if (judge->policy == POLICY_LOWEST_WINDOW)
            consider(judge, at_ms - judge->window_ms, &best);
    }
    if (judge->policy == POLICY_LOWEST_WINDOW)
        consider(judge, judge->latest_ms, &best);
    return best.start_ms;
}

static void place_whole(enum policy policy, const struct problem *problem,
                        const struct problem_job *job, int64_t window_ms, struct plan_job *plan)
{
    struct judge judge = {policy, problem, job, window_ms, latest_start_ms(problem, job), 0};
    judge.at_once = cost_of(problem, job->release_ms, job->release_ms + window_ms);
    int64_t start_ms = best_start_ms(&judge);
    plan->run_count = 1;
    plan->runs[0] = (struct plan_run){start_ms, start_ms + job->remaining_ms, 0};
}

/* ---- several stretches ---- */

/* Appends, joining what touches; false: there is no room. */
static bool append(struct plan_job *plan, int64_t start_ms, int64_t end_ms)
{
    if (plan->run_count > 0 && plan->runs[plan->run_count - 1].end_ms == start_ms) {
        plan->runs[plan->run_count - 1].end_ms = end_ms;
        return true;
    }
    if (plan->run_count == LIMIT_RUNS)
        return false;
    plan->runs[plan->run_count++] = (struct plan_run){start_ms, end_ms, 0};
    return true;
}

/* Time in slots that may be used at a price up to this one, before the job's deadline. */
struct window {
    const struct problem *problem;
    int64_t start_ms, end_ms;
};

static int64_t usable_ms(const struct window *window, int32_t t, int64_t *ret_start_ms)
{
    bool last = t == window->problem->slot_count - 1;
    int64_t start_ms = slot_of(window->problem, t)->start_ms;
    int64_t end_ms = last ? window->end_ms : slot_end_ms(window->problem, t);
    if (start_ms < window->start_ms)
        start_ms = window->start_ms;
    if (end_ms > window->end_ms)
        end_ms = window->end_ms;
    *ret_start_ms = start_ms;
    return end_ms > start_ms ? end_ms - start_ms : 0;
}

/* Ascending in price and time: is `t` taken before `other`? */
static bool before(const struct problem *problem, int32_t t, int32_t other)
{
    double a = price_in(problem, t), b = price_in(problem, other);
    return a < b || (a == b && t < other);
}

/* The dearest slot that has to be used, and how much of it. */
static int32_t dearest_needed(const struct window *window, int64_t needed_ms, int64_t *ret_part_ms)
{
    const struct problem *problem = window->problem;
    int32_t taken = -1;
    for (int32_t round = 0; round < problem->slot_count; round++) {
        int32_t next = -1;
        int64_t start_ms;
        for (int32_t t = 0; t < problem->slot_count; t++)
            if (usable_ms(window, t, &start_ms) > 0 && (taken < 0 || before(problem, taken, t)) &&
                (next < 0 || before(problem, t, next)))
                next = t;
        if (next < 0)
            break;
        taken = next;
        *ret_part_ms = usable_ms(window, taken, &start_ms);
        if (*ret_part_ms >= needed_ms) {
            *ret_part_ms = needed_ms;
            break;
        }
        needed_ms -= *ret_part_ms;
    }
    return taken;
}

/* The slot that is needed in part only is used next to the stretch before or after it. */
static void place_cheapest(const struct problem *problem, const struct problem_job *job,
                           struct plan_job *plan)
{
    struct window window = {problem, job->release_ms, latest_start_ms(problem, job)};
    window.end_ms += job->remaining_ms;
    int64_t part_ms = 0;
    int32_t dearest = dearest_needed(&window, job->remaining_ms, &part_ms);
    bool room = true;
    for (int32_t t = 0; t < problem->slot_count && room; t++) {
        int64_t start_ms, length_ms = usable_ms(&window, t, &start_ms);
        if (length_ms == 0 || (t != dearest && !before(problem, t, dearest)))
            continue;
        int64_t end_ms = start_ms + length_ms;
        if (t == dearest && length_ms > part_ms) {
            bool joins = plan->run_count > 0 && plan->runs[plan->run_count - 1].end_ms == start_ms;
            bool next = t + 1 < problem->slot_count && before(problem, t + 1, dearest);
            if (joins || !next)
                end_ms = start_ms + part_ms;
            else
                start_ms = end_ms - part_ms;
        }
        room = append(plan, start_ms, end_ms);
    }
}

/* ---- threshold ---- */

/* The price that the cheapest 30 % of the next 48 h stay under. */
static double threshold_of(const struct problem *problem)
{
    int64_t start_ms = slot_of(problem, 0)->start_ms;
    int64_t end_ms = start_ms + THRESHOLD_AHEAD_MS, part_ms;
    if (end_ms > problem_end_ms(problem))
        end_ms = problem_end_ms(problem);
    struct window window = {problem, start_ms, end_ms};
    int64_t needed_ms = (int64_t)(THRESHOLD_SHARE * (double)(end_ms - start_ms));
    return price_in(problem, dearest_needed(&window, needed_ms, &part_ms));
}

static void place_below(const struct problem *problem, const struct problem_job *job,
                        struct plan_job *plan)
{
    double threshold = threshold_of(problem);
    int64_t left_ms = job->remaining_ms, at_ms = job->release_ms;
    int64_t deadline_ms = latest_start_ms(problem, job) + job->remaining_ms;
    for (int32_t t = slot_at(problem, at_ms); t < problem->slot_count && left_ms > 0; t++) {
        bool last = t == problem->slot_count - 1;
        int64_t end_ms = last ? deadline_ms : slot_end_ms(problem, t);
        bool below = price_in(problem, t) <= threshold;
        if (!below && deadline_ms - left_ms < end_ms)
            at_ms = at_ms > deadline_ms - left_ms ? at_ms : deadline_ms - left_ms;
        else if (!below) {
            at_ms = end_ms;
            continue;
        }
        bool presses = !below || !job->can_suspend;
        int64_t until_ms = presses || at_ms + left_ms < end_ms ? at_ms + left_ms : end_ms;
        if (!append(plan, at_ms, until_ms))
            return;
        left_ms -= until_ms - at_ms;
        at_ms = until_ms;
    }
}

void policy_place(enum policy policy, const struct problem *problem, const struct problem_job *job,
                  int64_t queue_mean_ms, struct plan_job *ret_plan)
{
    *ret_plan = (struct plan_job){.id = job->id, .site = 0, .group = 0};
    switch (policy) {
    case POLICY_LOWEST_SLOT:
        place_whole(policy, problem, job, job->remaining_ms, ret_plan);
        break;
    case POLICY_LOWEST_WINDOW:
    case POLICY_CARBON_TIME:
        place_whole(policy, problem, job, queue_mean_ms, ret_plan);
        break;
    case POLICY_SUSPEND_RESUME:
        if (job->can_suspend)
            place_cheapest(problem, job, ret_plan);
        else
            place_whole(POLICY_LOWEST_WINDOW, problem, job, job->remaining_ms, ret_plan);
        break;
    case POLICY_THRESHOLD:
        place_below(problem, job, ret_plan);
        break;
    case POLICY_NONE:
    case POLICY_SURPLUS:
    case POLICY_TIDEWATT:
    case POLICY_ORACLE:
    case POLICIES:
        ret_plan->run_count = 1;
        ret_plan->runs[0] =
            (struct plan_run){job->release_ms, job->release_ms + job->remaining_ms, 0};
        break;
    }
}
