/* The independent check: recomputes a plan from the problem alone. Shares nothing with the planner
 * but the structs, so that a mistake there is found here; problem.h defines what holds. */
#include "controller/plan/check_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool check_same(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance;
}

int check_job_wrong(const struct check *check, int32_t index, const char *what)
{
    return error_set(check->error, ERROR_INVALID, "plan refused: job %" PRId64 " %s",
                     check->problem->jobs[index].id, what);
}

int check_slot_wrong(const struct check *check, int32_t site, int32_t slot, const char *what,
                     double is, double should)
{
    return error_set(check->error, ERROR_INVALID,
                     "plan refused: site %d, slot %d: %s is %.3f and should be %.3f", (int)site,
                     (int)slot, what, is, should);
}

int check_part(const struct check *check, const char *name, double is, double should)
{
    if (check_same(is, should, CHECK_MONEY_RATIO * (1 + fabs(should))))
        return 0;
    return error_set(check->error, ERROR_INVALID, "plan refused: %s is %.6f and should be %.6f",
                     name, is, should);
}

int32_t check_slot_of(const struct check *check, int64_t at_ms)
{
    const struct problem_slot *slots = check->problem->sites[0].slots;
    int32_t low = 0, high = check->problem->slot_count - 1;
    while (low < high) {
        int32_t middle = low + (high - low + 1) / 2;
        if (slots[middle].start_ms <= at_ms)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static int check_counts(const struct check *check)
{
    const struct problem *problem = check->problem;
    const struct plan *plan = check->plan;
    if (plan->status != PLAN_COMPLETE && plan->status != PLAN_BREACHING)
        return error_set(check->error, ERROR_INVALID, "plan refused: it says that it is none");
    if (plan->slot_count != problem->slot_count || plan->job_count != problem->job_count ||
        plan->site_count != problem->site_count)
        return error_set(check->error, ERROR_INVALID,
                         "plan refused: it has %d sites, %d slots and %d jobs, the problem %d, %d "
                         "and %d",
                         (int)plan->site_count, (int)plan->slot_count, (int)plan->job_count,
                         (int)problem->site_count, (int)problem->slot_count,
                         (int)problem->job_count);
    if (plan->issue_ms != problem->issue_ms)
        return error_set(check->error, ERROR_INVALID,
                         "plan refused: it was not asked for when the problem says");
    for (int32_t i = 0; i < plan->job_count; i++)
        if (plan->jobs[i].id != problem->jobs[i].id)
            return check_job_wrong(check, i, "is not where the problem has it");
    return 0;
}

static bool same_group(const struct problem_group *a, const struct problem_group *b)
{
    return a->feeder == b->feeder && a->limit_w == b->limit_w &&
           memcmp(a->accelerators, b->accelerators, sizeof(a->accelerators)) == 0;
}

/* The plan keeps what it was made for, to be looked at when the problem is gone. */
static int check_frame(const struct check *check, int32_t site)
{
    const struct problem_site *given = &check->problem->sites[site];
    const struct plan_site *planned = &check->plan->sites[site];
    bool same =
        planned->feeder_count == given->feeder_count && planned->group_count == given->group_count;
    for (int32_t f = 0; same && f < given->feeder_count; f++)
        same = planned->feeders[f].limit_w == given->feeders[f].limit_w;
    for (int32_t g = 0; same && g < given->group_count; g++)
        same = same_group(&planned->groups[g], &given->groups[g]);
    if (!same)
        return error_set(check->error, ERROR_INVALID,
                         "plan refused: feeders or groups of site %d are not the problem's",
                         (int)site);
    for (int32_t t = 0; t < check->plan->slot_count; t++)
        if (memcmp(&planned->frame[t], &given->slots[t], sizeof(given->slots[t])) != 0)
            return error_set(check->error, ERROR_INVALID,
                             "plan refused: slot %d of site %d is not the problem's", (int)t,
                             (int)site);
    return 0;
}

static void find_times(struct check *check)
{
    const struct problem_slot *slots = check->problem->sites[0].slots;
    int32_t count = check->problem->slot_count;
    check->start_ms = slots[0].start_ms;
    check->end_ms = slots[count - 1].start_ms + slots[count - 1].length_ms;
    for (int32_t t = 0; t < count; t++) {
        double from_start_ms = (double)(slots[t].start_ms - check->start_ms);
        check->hours[t] = (double)slots[t].length_ms / CHECK_HOUR_MS;
        check->middle_h[t] = (from_start_ms + 0.5 * (double)slots[t].length_ms) / CHECK_HOUR_MS;
        check->moment_ms_h[t + 1] =
            check->moment_ms_h[t] + (double)slots[t].length_ms * check->middle_h[t];
    }
}

static void find_mean_prices(struct check *check, int32_t site)
{
    const struct problem_site *given = &check->problem->sites[site];
    double energy = 0, work = 0, hours = 0;
    for (int32_t t = 0; t < check->problem->slot_count; t++) {
        const struct problem_slot *slot = &given->slots[t];
        double price = slot->price_import_per_mwh +
                       slot->carbon_g_per_kwh / 1000 * check->problem->prices.carbon_per_t;
        double cooling = given->cooling.chiller_max_w > 0 ? slot->heat_ratio / slot->cop : 0;
        energy += check->hours[t] * price;
        work += check->hours[t] * price * (1 + slot->overhead_ratio + cooling);
        hours += check->hours[t];
    }
    check->transfer_per_mwh[site] = fmax(0, energy / hours);
    check->later_per_mwh[site] = fmax(0, work / hours);
}

static int check_costs(const struct check *check)
{
    const struct plan *plan = check->plan;
    const struct check_costs *costs = &check->costs;
    const struct {
        const char *name;
        double is, should;
    } parts[] = {
        {"energy_cost", plan->energy_cost, costs->energy},
        {"carbon_cost", plan->carbon_cost, costs->carbon},
        {"peak_cost", plan->peak_cost, costs->peak},
        {"wear_cost", plan->wear_cost, costs->wear},
        {"lateness_cost", plan->lateness_cost, costs->lateness},
        {"breach_cost", plan->breach_cost, costs->breach},
        {"delay_cost", plan->delay_cost, costs->delay},
        {"churn_cost", plan->churn_cost, costs->churn},
        {"transfer_cost", plan->transfer_cost, costs->transfer},
        {"end_value", plan->end_value, costs->stored - costs->left},
    };
    double objective = costs->left - costs->stored;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        int code = check_part(check, parts[i].name, parts[i].is, parts[i].should);
        if (code < 0)
            return code;
        objective += i < 9 ? parts[i].should : 0;
    }
    return check_part(check, "objective", plan->objective, objective);
}

static int check_verdict(const struct check *check)
{
    const struct plan *plan = check->plan;
    double tolerance = CHECK_MONEY_RATIO * (1 + fabs(plan->objective));
    double gap = fmax(0, plan->objective - plan->bound) / fmax(fabs(plan->bound), 1);
    if (!isfinite(plan->bound) || !(plan->bound <= plan->objective + tolerance))
        return error_set(check->error, ERROR_INVALID,
                         "plan refused: its objective %.6f is below its bound %.6f",
                         plan->objective, plan->bound);
    int code = check_part(check, "gap", plan->gap, gap);
    if (code < 0)
        return code;
    double most = check->problem->scenario_count > 0 ? plan->objective - plan->bound : 0;
    if (!(plan->hedge_cost >= 0 && plan->hedge_cost <= most + tolerance))
        return error_set(check->error, ERROR_INVALID,
                         "plan refused: hedge_cost is %.6f and may be 0 to %.6f", plan->hedge_cost,
                         fmax(0, most));
    if (check->breaching != (plan->status == PLAN_BREACHING))
        return error_set(check->error, ERROR_INVALID, "plan refused: it %s",
                         check->breaching ? "breaches limits and calls itself complete"
                                          : "calls itself breaching and names no breach");
    return 0;
}

static int check_all(struct check *check)
{
    int code = check_counts(check);
    for (int32_t s = 0; code == 0 && s < check->problem->site_count; s++)
        code = check_frame(check, s);
    if (code < 0)
        return code;
    find_times(check);
    for (int32_t s = 0; s < check->problem->site_count; s++)
        find_mean_prices(check, s);
    code = check_jobs(check);
    if (code == 0)
        code = check_room(check);
    if (code == 0)
        code = check_sites(check);
    if (code == 0)
        code = check_costs(check);
    return code == 0 ? check_verdict(check) : code;
}

int plan_check(const struct problem *problem, const struct plan *plan, struct error *error)
{
    struct check check = {.problem = problem, .plan = plan, .error = error};
    if (problem->slot_count < 1 || problem->site_count < 1)
        return error_set(error, ERROR_INVALID, "plan refused: the problem has no slots or sites");
    size_t slots = (size_t)problem->slot_count, rows = slots * (size_t)problem->site_count;
    double *memory = calloc(3 * slots + 1 + rows * (1 + LIMIT_GROUPS), sizeof(*memory));
    if (!memory)
        return error_set(error, ERROR_SYSTEM, "out of memory while checking a plan");
    check.hours = memory;
    check.middle_h = check.hours + slots;
    check.moment_ms_h = check.middle_h + slots;
    check.committed_w = check.moment_ms_h + slots + 1;
    check.jobs_w = check.committed_w + rows;
    int code = check_all(&check);
    free(memory);
    return code;
}
