/* The independent check: recomputes a plan from the problem alone. Shares nothing with the planner
 * but the structs, so that a mistake there is found here; problem.h defines what holds. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "controller/plan/plan.h"

static const double HOUR_MS = 3600e3;
static const double POWER_W = 0.5; /* tolerances: far below what any meter tells */
static const double ENERGY_WH = 1.0;
static const double MONEY_RATIO = 1e-6;

struct check {
    const struct problem *problem;
    const struct plan *plan;
    struct error *error;
    int64_t start_ms, end_ms;
    double later_price; /* per MWh of work left for after the horizon */
    double committed_w[LIMIT_SLOTS];
    double lateness, delay, churn, leave; /* recomputed */
    int32_t late_jobs;
    bool breaching;
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool same(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance; /* false for NaN */
}

static int job_wrong(const struct check *check, int32_t index, const char *what)
{
    return error_set(check->error, ERROR_INVALID, "plan refused: job %" PRId64 " %s",
                     check->problem->jobs[index].id, what);
}

static int slot_wrong(const struct check *check, int32_t t, const char *what, double is,
                      double should)
{
    return error_set(check->error, ERROR_INVALID,
                     "plan refused: slot %d: %s is %.3f and should be %.3f", (int)t, what, is,
                     should);
}

static int check_frame(const struct check *check)
{
    const struct problem *problem = check->problem;
    const struct plan *plan = check->plan;
    if (plan->status != PLAN_COMPLETE && plan->status != PLAN_BREACHING)
        return error_set(check->error, ERROR_INVALID, "plan refused: it says that it is none");
    if (plan->slot_count != problem->slot_count || plan->job_count != problem->job_count)
        return error_set(check->error, ERROR_INVALID,
                         "plan refused: it has %d slots and %d jobs, the problem %d and %d",
                         (int)plan->slot_count, (int)plan->job_count, (int)problem->slot_count,
                         (int)problem->job_count);
    for (int32_t t = 0; t < plan->slot_count; t++)
        if (plan->frame[t].start_ms != problem->slots[t].start_ms ||
            plan->frame[t].length_ms != problem->slots[t].length_ms)
            return error_set(check->error, ERROR_INVALID,
                             "plan refused: slot %d is not the problem's", (int)t);
    for (int32_t i = 0; i < plan->job_count; i++)
        if (plan->jobs[i].id != problem->jobs[i].id)
            return job_wrong(check, i, "is not where the problem has it");
    return 0;
}

static int64_t release_of(const struct check *check, const struct problem_job *job)
{
    return job->running ? check->start_ms : most(job->release_ms, check->start_ms);
}

static int64_t due_of(const struct check *check, const struct problem_job *job)
{
    if (job->job_class != JOB_REALTIME && job->job_class != JOB_GUARANTEED)
        return job->deadline_ms;
    return least(job->deadline_ms, release_of(check, job) + job->remaining_ms);
}

static bool is_committed(const struct check *check, const struct problem_job *job)
{
    if (job->running)
        return !job->can_suspend || job->job_class == JOB_GUARANTEED ||
               job->job_class == JOB_REALTIME;
    if (job->job_class != JOB_REALTIME)
        return false;
    for (int32_t f = 0; f < check->problem->feeder_count; f++)
        if ((job->feeder < 0 || job->feeder == f) &&
            job->power_w <= check->problem->feeders[f].limit_w)
            return true;
    return false;
}

static int64_t ran_ms(const struct plan_job *planned)
{
    int64_t sum = 0;
    for (int32_t r = 0; r < planned->run_count; r++)
        sum += planned->runs[r].end_ms - planned->runs[r].start_ms;
    return sum;
}

/* Time in [from, to) that it runs. */
static int64_t ran_within_ms(const struct plan_job *planned, int64_t from_ms, int64_t to_ms)
{
    int64_t sum = 0;
    for (int32_t r = 0; r < planned->run_count; r++)
        sum += most(0, least(planned->runs[r].end_ms, to_ms) -
                           most(planned->runs[r].start_ms, from_ms));
    return sum;
}

static int check_windows(const struct check *check, int32_t index)
{
    const struct problem_job *job = &check->problem->jobs[index];
    const struct plan_job *planned = &check->plan->jobs[index];
    int64_t free_from_ms = release_of(check, job);
    if (planned->run_count < 0 || planned->run_count > LIMIT_RUNS)
        return job_wrong(check, index, "has an impossible number of runs");
    for (int32_t r = 0; r < planned->run_count; r++) {
        const struct plan_run *run = &planned->runs[r];
        if (run->start_ms < free_from_ms)
            return job_wrong(check, index, r == 0 ? "runs before its release" : "overlaps itself");
        if (run->end_ms <= run->start_ms || run->end_ms > check->end_ms)
            return job_wrong(check, index, "has a run that is empty or beyond the horizon");
        free_from_ms = run->end_ms;
    }
    if (ran_ms(planned) > job->remaining_ms)
        return job_wrong(check, index, "runs longer than its work");
    return 0;
}

static int check_feeder(const struct check *check, int32_t index)
{
    const struct problem_job *job = &check->problem->jobs[index];
    const struct plan_job *planned = &check->plan->jobs[index];
    if (planned->run_count == 0)
        return planned->feeder == -1 ? 0 : job_wrong(check, index, "has a feeder but no run");
    if (planned->feeder < 0 || planned->feeder >= check->problem->feeder_count)
        return job_wrong(check, index, "runs on a feeder that does not exist");
    if (job->feeder >= 0 && planned->feeder != job->feeder)
        return job_wrong(check, index, "left its feeder");
    return 0;
}

/* Shape of the runs: committed without a break, in one piece, or in pieces that are long enough. */
static int check_pieces(const struct check *check, int32_t index)
{
    const struct problem_job *job = &check->problem->jobs[index];
    const struct plan_job *planned = &check->plan->jobs[index];
    int64_t release_ms = release_of(check, job);
    bool one_piece = !job->can_suspend || job->job_class == JOB_GUARANTEED;
    if (is_committed(check, job)) {
        int64_t until_ms = least(release_ms + job->remaining_ms, check->end_ms);
        if (ran_ms(planned) != most(0, until_ms - release_ms) || planned->run_count > 1)
            return job_wrong(check, index, "may not be touched and does not run from its release");
        return 0;
    }
    int64_t done_ms = 0;
    for (int32_t r = 0; r < planned->run_count; r++) {
        const struct plan_run *run = &planned->runs[r];
        done_ms += run->end_ms - run->start_ms;
        bool ends = done_ms == job->remaining_ms || run->end_ms == check->end_ms;
        bool goes_on = r == 0 && job->running && run->start_ms == check->start_ms;
        if (one_piece && (planned->run_count > 1 || !ends))
            return job_wrong(check, index, "cannot be suspended and does not run in one piece");
        if (!ends && !goes_on && run->end_ms - run->start_ms < job->min_run_ms)
            return job_wrong(check, index, "has a run below its minimum");
    }
    return 0;
}

static int check_outcome(struct check *check, int32_t index)
{
    const struct problem_job *job = &check->problem->jobs[index];
    const struct plan_job *planned = &check->plan->jobs[index];
    int64_t left_ms = job->remaining_ms - ran_ms(planned);
    int64_t last_ms =
        planned->run_count > 0 ? planned->runs[planned->run_count - 1].end_ms : check->start_ms;
    if (planned->finish_ms != (left_ms > 0 ? INT64_MAX : last_ms))
        return job_wrong(check, index, "does not finish when the plan says");
    bool late = false;
    if (job->deadline_ms != JOB_NO_DEADLINE) {
        late = planned->run_count > 0 && last_ms > job->deadline_ms;
        if (left_ms > 0)
            late = left_ms > most(0, job->deadline_ms - check->end_ms);
    }
    if (late != planned->late)
        return job_wrong(check, index, late ? "is late and not named" : "is named late and is not");
    check->late_jobs += late;
    return 0;
}

static void add_churn(struct check *check, const struct problem_job *job,
                      const struct plan_job *planned)
{
    bool runs = job->running;
    int64_t at_ms = check->start_ms;
    int32_t count = 0;
    for (int32_t r = 0; r < planned->run_count; r++) {
        bool gap = planned->runs[r].start_ms > at_ms;
        if (gap && runs)
            count++;
        if (gap && (r > 0 || job->running))
            count++;
        runs = true;
        at_ms = planned->runs[r].end_ms;
    }
    if (runs && at_ms < check->end_ms && ran_ms(planned) < job->remaining_ms)
        count++;
    check->churn += count * check->problem->prices.churn;
}

/* Hours times running time, by the middles of the slots; the rest at the end of the horizon. */
static double waited(const struct check *check, const struct problem_job *job,
                     const struct plan_job *planned)
{
    double sum = 0;
    int64_t left_ms = job->remaining_ms;
    for (int32_t t = 0; t < check->problem->slot_count; t++) {
        const struct problem_slot *slot = &check->problem->slots[t];
        int64_t in_slot_ms =
            ran_within_ms(planned, slot->start_ms, slot->start_ms + slot->length_ms);
        double middle_ms =
            (double)(slot->start_ms - check->start_ms) + 0.5 * (double)slot->length_ms;
        sum += (double)in_slot_ms * middle_ms / HOUR_MS;
        left_ms -= in_slot_ms;
    }
    return sum + (double)left_ms * (double)(check->end_ms - check->start_ms) / HOUR_MS;
}

static void add_delay(struct check *check, const struct problem_job *job,
                      const struct plan_job *planned)
{
    struct plan_job at_once = {0};
    int64_t release_ms = release_of(check, job);
    if (job->job_class == JOB_SCAVENGER)
        return;
    if (release_ms < check->end_ms && job->remaining_ms > 0) {
        at_once.run_count = 1;
        at_once.runs[0].start_ms = release_ms;
        at_once.runs[0].end_ms = least(release_ms + job->remaining_ms, check->end_ms);
    }
    check->delay += (waited(check, job, planned) - waited(check, job, &at_once)) / HOUR_MS *
                    job->power_w / 1e6 * check->problem->prices.delay_per_mwh_h;
}

static void add_lateness(struct check *check, const struct problem_job *job,
                         const struct plan_job *planned)
{
    const struct problem_prices *prices = &check->problem->prices;
    double mwh_per_ms = job->power_w / 1e6 / HOUR_MS;
    int64_t due_ms = due_of(check, job);
    int64_t late_ms = ran_within_ms(planned, due_ms, check->end_ms);
    int64_t left_ms = job->remaining_ms - ran_ms(planned);
    int64_t later_ms = 0;
    if (job->job_class != JOB_SCAVENGER && due_ms > check->end_ms)
        later_ms = least(left_ms, due_ms - check->end_ms);
    check->lateness +=
        mwh_per_ms * (double)late_ms * prices->lateness_per_mwh[job->job_class] +
        mwh_per_ms * (double)(left_ms - later_ms) * prices->unserved_per_mwh[job->job_class];
    check->leave += mwh_per_ms * (double)later_ms * check->later_price;
}

static void find_later_price(struct check *check)
{
    double sum = 0, total_ms = 0;
    for (int32_t t = 0; t < check->problem->slot_count; t++) {
        const struct problem_slot *slot = &check->problem->slots[t];
        double carbon = slot->carbon_g_per_kwh * 1000 / 1e6 * check->problem->prices.carbon_per_t;
        sum += (double)slot->length_ms * (slot->price_import_per_mwh + carbon) *
               (1 + slot->overhead_ratio);
        total_ms += (double)slot->length_ms;
    }
    check->later_price = fmax(0, sum / total_ms);
}

static int check_jobs(struct check *check)
{
    for (int32_t i = 0; i < check->problem->job_count; i++) {
        int code = check_windows(check, i);
        if (code == 0)
            code = check_feeder(check, i);
        if (code == 0)
            code = check_pieces(check, i);
        if (code == 0)
            code = check_outcome(check, i);
        if (code < 0)
            return code;
        add_churn(check, &check->problem->jobs[i], &check->plan->jobs[i]);
        add_delay(check, &check->problem->jobs[i], &check->plan->jobs[i]);
        add_lateness(check, &check->problem->jobs[i], &check->plan->jobs[i]);
    }
    if (check->late_jobs != check->plan->late_jobs)
        return error_set(check->error, ERROR_INVALID, "plan refused: %d late jobs, it says %d",
                         (int)check->late_jobs, (int)check->plan->late_jobs);
    return 0;
}

/* A job that starts (+) or ends (-) on a feeder. */
struct change {
    int64_t at_ms;
    double power_w;
    bool committed;
};

static int compare_changes(const void *a, const void *b)
{
    const struct change *left = a, *right = b;
    if (left->at_ms != right->at_ms)
        return left->at_ms < right->at_ms ? -1 : 1;
    return (left->power_w > right->power_w) - (left->power_w < right->power_w);
}

static int list_changes(const struct check *check, int32_t feeder, struct change *changes)
{
    int count = 0;
    for (int32_t i = 0; i < check->problem->job_count; i++) {
        const struct problem_job *job = &check->problem->jobs[i];
        const struct plan_job *planned = &check->plan->jobs[i];
        bool committed = is_committed(check, job);
        for (int32_t r = 0; planned->feeder == feeder && r < planned->run_count; r++) {
            changes[count++] = (struct change){planned->runs[r].start_ms, job->power_w, committed};
            changes[count++] = (struct change){planned->runs[r].end_ms, -job->power_w, committed};
        }
    }
    qsort(changes, (size_t)count, sizeof(*changes), compare_changes);
    return count;
}

/* Walks one feeder through time and compares each slot's worst moment with its limit. */
static int walk_feeder(struct check *check, int32_t feeder, const struct change *changes, int count)
{
    double jobs_w = 0, committed_w = 0;
    double limit_w = check->problem->feeders[feeder].limit_w;
    int next = 0;
    for (int32_t t = 0; t < check->problem->slot_count; t++) {
        const struct problem_slot *slot = &check->problem->slots[t];
        double base_w = slot->base_it_w[feeder];
        double worst_w = 0;
        bool first = true;
        for (;;) {
            int64_t until_ms = first ? slot->start_ms : slot->start_ms + slot->length_ms - 1;
            if (!first && (next >= count || changes[next].at_ms > until_ms))
                break;
            int64_t at_ms = first ? slot->start_ms : changes[next].at_ms;
            for (; next < count && changes[next].at_ms <= at_ms; next++) {
                jobs_w += changes[next].power_w;
                committed_w += changes[next].committed ? changes[next].power_w : 0;
            }
            double allowed_w = fmax(limit_w, base_w + committed_w);
            if (base_w + jobs_w > allowed_w + POWER_W && jobs_w > committed_w + POWER_W)
                return slot_wrong(check, t, "load of a feeder", base_w + jobs_w, allowed_w);
            worst_w = fmax(worst_w, base_w + jobs_w);
            first = false;
        }
        double breach_w = fmax(0, worst_w - limit_w);
        double named_w = check->plan->slots[t].feeder_breach_w[feeder];
        if (!same(named_w, breach_w, POWER_W))
            return slot_wrong(check, t, "named overload of a feeder", named_w, breach_w);
        check->breaching |= named_w > 0;
    }
    return 0;
}

static int check_feeders(struct check *check)
{
    size_t room = 1;
    for (int32_t i = 0; i < check->plan->job_count; i++)
        room += 2 * (size_t)check->plan->jobs[i].run_count;
    struct change *changes = calloc(room, sizeof(*changes));
    if (!changes)
        return error_set(check->error, ERROR_SYSTEM, "out of memory while checking a plan");
    int code = 0;
    for (int32_t f = 0; code == 0 && f < check->problem->feeder_count; f++)
        code = walk_feeder(check, f, changes, list_changes(check, f, changes));
    free(changes);
    return code;
}

static int check_load(struct check *check, int32_t t)
{
    const struct problem_slot *given = &check->problem->slots[t];
    const struct plan_slot *slot = &check->plan->slots[t];
    double jobs_w[LIMIT_FEEDERS] = {0}, it_w = 0;
    for (int32_t i = 0; i < check->problem->job_count; i++) {
        const struct plan_job *planned = &check->plan->jobs[i];
        double average_w =
            check->problem->jobs[i].power_w / (double)given->length_ms *
            (double)ran_within_ms(planned, given->start_ms, given->start_ms + given->length_ms);
        if (planned->run_count > 0)
            jobs_w[planned->feeder] += average_w;
        if (is_committed(check, &check->problem->jobs[i]))
            check->committed_w[t] += average_w;
    }
    for (int32_t f = 0; f < LIMIT_FEEDERS; f++) {
        if (!same(slot->it_jobs_w[f], jobs_w[f], POWER_W))
            return slot_wrong(check, t, "job load of a feeder", slot->it_jobs_w[f], jobs_w[f]);
        if (f < check->problem->feeder_count)
            it_w += given->base_it_w[f] + jobs_w[f];
    }
    double facility_w = given->fixed_w + it_w * (1 + given->overhead_ratio);
    if (!same(slot->facility_w, facility_w, POWER_W))
        return slot_wrong(check, t, "facility_w", slot->facility_w, facility_w);
    return 0;
}

static int check_range(const struct check *check, int32_t t, const char *name, double value,
                       double upper)
{
    if (value >= 0 && value <= upper + POWER_W)
        return 0;
    return slot_wrong(check, t, name, value, value < 0 ? 0 : upper);
}

static int check_flows(struct check *check, int32_t t)
{
    const struct problem_slot *given = &check->problem->slots[t];
    const struct problem_battery *battery = &check->problem->battery;
    const struct plan_slot *slot = &check->plan->slots[t];
    bool has_battery = battery->capacity_wh > 0;
    int code = check_range(check, t, "pv_used_w", slot->pv_used_w, given->pv_w);
    if (code == 0)
        code = check_range(check, t, "wind_used_w", slot->wind_used_w, given->wind_w);
    if (code == 0)
        code = check_range(check, t, "charge_w", slot->charge_w,
                           has_battery ? battery->charge_max_w : 0);
    if (code == 0)
        code = check_range(check, t, "discharge_w", slot->discharge_w,
                           has_battery ? battery->discharge_max_w : 0);
    if (code == 0)
        code = check_range(check, t, "export_w", slot->export_w, given->export_limit_w);
    if (code == 0)
        code = check_range(check, t, "import_w", slot->import_w, HUGE_VAL);
    if (code < 0)
        return code;
    if (fmin(slot->charge_w, slot->discharge_w) > POWER_W)
        return slot_wrong(check, t, "discharge_w while charging", slot->discharge_w, 0);
    if (fmin(slot->import_w, slot->export_w) > POWER_W)
        return slot_wrong(check, t, "export_w while importing", slot->export_w, 0);
    double balance_w =
        slot->facility_w - slot->pv_used_w - slot->wind_used_w - slot->discharge_w + slot->charge_w;
    if (!same(slot->import_w - slot->export_w, balance_w, POWER_W))
        return slot_wrong(check, t, "import less export", slot->import_w - slot->export_w,
                          balance_w);
    double breach_w = fmax(0, slot->import_w - given->import_limit_w);
    if (!same(slot->breach_w, breach_w, POWER_W))
        return slot_wrong(check, t, "breach_w", slot->breach_w, breach_w);
    check->breaching |= slot->breach_w > 0;
    return 0;
}

/* The reserve must not be farther away than charging with all that the limits leave. */
static double next_floor_wh(const struct check *check, int32_t t, double floor_wh)
{
    const struct problem_slot *given = &check->problem->slots[t];
    const struct problem_battery *battery = &check->problem->battery;
    double it_w = check->committed_w[t];
    for (int32_t f = 0; f < check->problem->feeder_count; f++)
        it_w += given->base_it_w[f];
    double load_w =
        given->fixed_w + it_w * (1 + given->overhead_ratio) - given->pv_w - given->wind_w;
    double charge_w = fmin(battery->charge_max_w, fmax(0, given->import_limit_w - load_w));
    return fmin(battery->soc_min_wh, floor_wh + battery->charge_efficiency * charge_w *
                                                    (double)given->length_ms / HOUR_MS);
}

static int check_battery(struct check *check)
{
    const struct problem_battery *battery = &check->problem->battery;
    double soc_wh = battery->soc_wh;
    double floor_wh = fmin(battery->soc_wh, battery->soc_min_wh);
    double ceiling_wh = fmax(battery->soc_wh, battery->soc_max_wh);
    if (battery->capacity_wh <= 0)
        return 0;
    for (int32_t t = 0; t < check->problem->slot_count; t++) {
        const struct plan_slot *slot = &check->plan->slots[t];
        double hours = (double)check->problem->slots[t].length_ms / HOUR_MS;
        soc_wh += hours * (slot->charge_w * battery->charge_efficiency -
                           slot->discharge_w / battery->discharge_efficiency);
        if (!same(slot->soc_end_wh, soc_wh, ENERGY_WH))
            return slot_wrong(check, t, "soc_end_wh", slot->soc_end_wh, soc_wh);
        floor_wh = next_floor_wh(check, t, floor_wh);
        if (soc_wh < floor_wh - ENERGY_WH)
            return slot_wrong(check, t, "soc_end_wh, which may not be lower,", soc_wh, floor_wh);
        if (soc_wh > ceiling_wh + ENERGY_WH)
            return slot_wrong(check, t, "soc_end_wh, which may not be higher,", soc_wh, ceiling_wh);
        double short_wh = fmax(0, battery->soc_min_wh - soc_wh);
        if (!same(slot->reserve_short_wh, short_wh, ENERGY_WH))
            return slot_wrong(check, t, "reserve_short_wh", slot->reserve_short_wh, short_wh);
        check->breaching |= slot->reserve_short_wh > 0;
    }
    return 0;
}

static int check_part(const struct check *check, const char *name, double is, double should)
{
    double tolerance = MONEY_RATIO * (1 + fabs(should) + fabs(check->plan->bound));
    if (same(is, should, tolerance))
        return 0;
    return error_set(check->error, ERROR_INVALID, "plan refused: %s is %.6f and should be %.6f",
                     name, is, should);
}

static int check_grid_costs(const struct check *check)
{
    const struct problem_prices *prices = &check->problem->prices;
    const struct plan *plan = check->plan;
    double energy = 0, carbon = 0, wear = 0, breach = 0, peak_w = 0;
    for (int32_t t = 0; t < plan->slot_count; t++) {
        const struct problem_slot *given = &check->problem->slots[t];
        const struct plan_slot *slot = &plan->slots[t];
        double mwh_per_w = (double)given->length_ms / HOUR_MS / 1e6;
        energy += mwh_per_w * (slot->import_w * given->price_import_per_mwh -
                               slot->export_w * given->price_export_per_mwh);
        carbon += mwh_per_w * slot->import_w * given->carbon_g_per_kwh * prices->carbon_per_t / 1e3;
        wear += mwh_per_w * slot->discharge_w * check->problem->battery.wear_per_mwh;
        breach += mwh_per_w * slot->breach_w * prices->breach_per_mwh;
        peak_w = fmax(peak_w, slot->import_w);
    }
    if (!same(plan->peak_import_w, peak_w, POWER_W))
        return check_part(check, "peak_import_w", plan->peak_import_w, peak_w);
    double above_kw = fmax(0, peak_w - check->problem->peak_so_far_w) / 1000;
    int code = check_part(check, "energy_cost", plan->energy_cost, energy);
    if (code == 0)
        code = check_part(check, "carbon_cost", plan->carbon_cost, carbon);
    if (code == 0)
        code = check_part(check, "wear_cost", plan->wear_cost, wear);
    if (code == 0)
        code = check_part(check, "breach_cost", plan->breach_cost, breach);
    if (code == 0)
        code = check_part(check, "peak_cost", plan->peak_cost, above_kw * prices->peak_per_kw);
    return code;
}

static int check_job_costs(const struct check *check)
{
    const struct problem_battery *battery = &check->problem->battery;
    const struct plan *plan = check->plan;
    double stored_wh = battery->capacity_wh > 0 ? plan->slots[plan->slot_count - 1].soc_end_wh : 0;
    double end_value = stored_wh / 1e6 * battery->end_value_per_mwh - check->leave;
    int code = check_part(check, "lateness_cost", plan->lateness_cost, check->lateness);
    if (code == 0)
        code = check_part(check, "delay_cost", plan->delay_cost, check->delay);
    if (code == 0)
        code = check_part(check, "churn_cost", plan->churn_cost, check->churn);
    if (code == 0)
        code = check_part(check, "end_value", plan->end_value, end_value);
    return code;
}

static int check_sums(const struct check *check)
{
    const struct plan *plan = check->plan;
    double objective = plan->energy_cost + plan->carbon_cost + plan->peak_cost + plan->wear_cost +
                       plan->lateness_cost + plan->breach_cost + plan->delay_cost +
                       plan->churn_cost - plan->end_value;
    double gap = fmax(0, plan->objective - plan->bound) / fmax(fabs(plan->bound), 1);
    int code = check_part(check, "objective", plan->objective, objective);
    if (code == 0)
        code = check_part(check, "gap", plan->gap, gap);
    if (code < 0)
        return code;
    if (!(plan->bound <= plan->objective + MONEY_RATIO * (1 + fabs(plan->objective))))
        return error_set(check->error, ERROR_INVALID,
                         "plan refused: its objective %.6f is below its bound %.6f",
                         plan->objective, plan->bound);
    if (check->breaching != (plan->status == PLAN_BREACHING))
        return error_set(check->error, ERROR_INVALID, "plan refused: it %s",
                         check->breaching ? "breaches limits and calls itself complete"
                                          : "calls itself breaching and names no breach");
    return 0;
}

int plan_check(const struct problem *problem, const struct plan *plan, struct error *error)
{
    struct check check = {.problem = problem, .plan = plan, .error = error};
    if (problem->slot_count < 1)
        return error_set(error, ERROR_INVALID, "plan refused: the problem has no slots");
    check.start_ms = problem->slots[0].start_ms;
    check.end_ms = problem->slots[problem->slot_count - 1].start_ms +
                   problem->slots[problem->slot_count - 1].length_ms;
    int code = check_frame(&check);
    if (code < 0)
        return code;
    find_later_price(&check);
    code = check_jobs(&check);
    if (code == 0)
        code = check_feeders(&check);
    for (int32_t t = 0; code == 0 && t < problem->slot_count; t++) {
        code = check_load(&check, t);
        if (code == 0)
            code = check_flows(&check, t);
    }
    if (code == 0)
        code = check_battery(&check);
    if (code == 0)
        code = check_grid_costs(&check);
    if (code == 0)
        code = check_job_costs(&check);
    return code == 0 ? check_sums(&check) : code;
}
