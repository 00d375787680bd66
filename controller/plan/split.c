/* The cheapest way to cut a job that may be suspended into stretches: shortest path over (slot,
 * work done, running or not), where a start runs through its minimum stretch in one step. */
#include "controller/plan/schedule.h"

#include <math.h>
#include <stdlib.h>

enum {
    UNITS_MOST = 192, /* steps in which the work done is told apart */
};

static const int64_t UNIT_LEAST_MS = 5 * 60000;
static const double SMALL_KW = 1e-9;

/* The cheapest known way to a state. */
struct step {
    double cost;
    int64_t done_ms;
    int16_t from_slot, from_unit;
    bool from_on, on_after_start; /* a start: the stretch began in from_slot */
};

struct table {
    struct step step[LIMIT_SLOTS + 1][UNITS_MOST + 1][2]; /* [slot][unit][running] */
};

struct split {
    const struct fare *fare;
    struct table *table;
    int64_t unit_ms;
    int32_t first;
    int64_t begin_ms[LIMIT_SLOTS], length_ms[LIMIT_SLOTS]; /* of a slot, from the release on */
    double whole[LIMIT_SLOTS];                             /* cost of running all of it */
    bool has_room[LIMIT_SLOTS];
    double best_cost;
    bool found;
    /* where the best way ends: run from this state through [end_from, end_ms), if any */
    int32_t end_slot, end_unit, end_on;
    struct plan_run end_run;
};

void *split_scratch_create(void)
{
    return malloc(sizeof(struct table));
}

static void slots_init(struct split *split, const double *room_kw)
{
    const struct fare *fare = split->fare;
    const struct problem *problem = fare->load->problem;
    for (int32_t t = split->first; t < problem->slot_count; t++) {
        const struct problem_slot *slot = &problem->slots[t];
        int64_t end_ms = slot->start_ms + slot->length_ms;
        bool later = fare->work->release_ms > slot->start_ms;
        split->begin_ms[t] = later ? fare->work->release_ms : slot->start_ms;
        split->length_ms[t] = end_ms - split->begin_ms[t];
        split->whole[t] = later ? fare_part(fare, t, split->begin_ms[t], end_ms)
                                : fare->sum[t + 1] - fare->sum[t];
        split->has_room[t] = room_kw[t] + SMALL_KW >= fare->work->kw;
    }
}

static int64_t end_ms(const struct split *split, int32_t t)
{
    return split->begin_ms[t] + split->length_ms[t];
}

static void reach(struct split *split, int32_t t, bool on, const struct step *step)
{
    struct step *known =
        &split->table->step[t][(step->done_ms + split->unit_ms / 2) / split->unit_ms][on];
    if (step->cost < known->cost)
        *known = *step;
}

static void end_here(struct split *split, int32_t t, int32_t unit, bool on, double cost,
                     struct plan_run run)
{
    if (cost >= split->best_cost - 1e-9)
        return;
    split->best_cost = cost;
    split->found = true;
    split->end_slot = t;
    split->end_unit = unit;
    split->end_on = on;
    split->end_run = run;
}

/* Runs from a state for at least `least_ms`; records where that leads. */
static void run_on(struct split *split, int32_t t, int32_t unit, bool on, double cost,
                   int64_t least_ms)
{
    const struct work *work = split->fare->work;
    int32_t count = split->fare->load->problem->slot_count, at = t;
    int64_t done_ms = split->table->step[t][unit][on].done_ms, ran_ms = 0;
    do {
        if (!split->has_room[at])
            return;
        int64_t left_ms = work->job->remaining_ms - done_ms;
        if (left_ms <= split->length_ms[at]) {
            int64_t last_ms = split->begin_ms[at] + left_ms;
            cost += fare_part(split->fare, at, split->begin_ms[at], last_ms) +
                    work_miss_cost(work, last_ms, 0);
            end_here(split, t, unit, on, cost, (struct plan_run){split->begin_ms[t], last_ms});
            return;
        }
        cost += split->whole[at];
        done_ms += split->length_ms[at];
        ran_ms += split->length_ms[at];
        at++;
    } while (at < count && ran_ms < least_ms);
    struct step step = {cost, done_ms, (int16_t)t, (int16_t)unit, on, true};
    reach(split, at, true, &step);
}

static void visit(struct split *split, int32_t t, int32_t unit)
{
    const struct work *work = split->fare->work;
    double churn = split->fare->load->problem->prices.churn;
    struct step *off = &split->table->step[t][unit][0], *on = &split->table->step[t][unit][1];
    if (on->cost < HUGE_VAL) {
        run_on(split, t, unit, true, on->cost, 0);
        if (on->cost + churn < off->cost)
            *off = (struct step){on->cost + churn, on->done_ms, (int16_t)t,
                                 (int16_t)unit,    true,        false};
    }
    if (off->cost < HUGE_VAL) {
        bool resumes = off->done_ms > 0 || work->job->running;
        run_on(split, t, unit, false, off->cost + (resumes ? churn : 0), work->job->min_run_ms);
        struct step wait = {off->cost, off->done_ms, (int16_t)t, (int16_t)unit, false, false};
        reach(split, t + 1, false, &wait);
    }
}

static void search(struct split *split, int32_t units)
{
    const struct workload *load = split->fare->load;
    const struct work *work = split->fare->work;
    int32_t count = load->problem->slot_count;
    for (int32_t t = split->first; t <= count; t++)
        for (int32_t unit = 0; unit <= units; unit++)
            for (int on = 0; on < 2; on++)
                split->table->step[t][unit][on].cost = HUGE_VAL;
    split->table->step[split->first][0][work->job->running] = (struct step){.from_slot = -1};
    for (int32_t t = split->first; t < count; t++)
        for (int32_t unit = 0; unit <= units; unit++)
            visit(split, t, unit);
    for (int32_t unit = 0; unit <= units; unit++)
        for (int on = 0; on < 2; on++) {
            const struct step *step = &split->table->step[count][unit][on];
            int64_t left_ms = work->job->remaining_ms - step->done_ms;
            if (step->cost < HUGE_VAL)
                end_here(split, count, unit, on,
                         step->cost + work_left_cost(load, work, left_ms) +
                             work_miss_cost(work, load->end_ms, left_ms),
                         (struct plan_run){0});
        }
}

/* Puts a stretch before those that are known; joins it to the next when they touch. */
static bool prepend(struct plan_job *plan, struct plan_run run)
{
    if (plan->run_count > 0 && plan->runs[0].start_ms == run.end_ms) {
        plan->runs[0].start_ms = run.start_ms;
        return true;
    }
    if (plan->run_count == LIMIT_RUNS)
        return false;
    for (int32_t i = plan->run_count++; i > 0; i--)
        plan->runs[i] = plan->runs[i - 1];
    plan->runs[0] = run;
    return true;
}

static bool read_runs(const struct split *split, struct plan_job *ret_plan)
{
    struct plan_job plan = {.id = ret_plan->id, .feeder = ret_plan->feeder};
    int32_t t = split->end_slot, unit = split->end_unit;
    int on = split->end_on;
    if (split->end_run.end_ms > split->end_run.start_ms)
        plan.runs[plan.run_count++] = split->end_run;
    for (;;) {
        const struct step *step = &split->table->step[t][unit][on];
        if (step->from_slot < 0)
            break;
        if (step->on_after_start &&
            !prepend(&plan,
                     (struct plan_run){split->begin_ms[step->from_slot], end_ms(split, t - 1)}))
            return false;
        t = step->from_slot;
        unit = step->from_unit;
        on = step->from_on;
    }
    *ret_plan = plan;
    return true;
}

bool split_search(const struct fare *fare, void *scratch, const double *room_kw, double best_cost,
                  struct plan_job *ret_plan, double *ret_cost)
{
    int64_t remaining_ms = fare->work->job->remaining_ms;
    struct split split = {.fare = fare, .table = scratch, .best_cost = best_cost};
    int64_t horizon_ms = fare->load->end_ms - fare->load->start_ms;
    int64_t most_ms = remaining_ms < horizon_ms ? remaining_ms : horizon_ms;
    split.unit_ms = most_ms / UNITS_MOST + 1;
    if (split.unit_ms < UNIT_LEAST_MS)
        split.unit_ms = UNIT_LEAST_MS;
    split.first = workload_slot(fare->load, fare->work->release_ms);
    slots_init(&split, room_kw);
    search(&split, (int32_t)(most_ms / split.unit_ms) + 1);
    if (!split.found || !read_runs(&split, ret_plan))
        return false;
    *ret_cost = split.best_cost;
    return true;
}
