/* The check of the jobs: what each draws and costs. */
#include "controller/plan/check_private.h"

#include <math.h>

static void add_load(struct check *check, const struct check_pair *pair, int32_t run)
{
    const struct plan_run *given = &pair->planned->runs[run];
    const struct problem_slot *slots = check->problem->sites[0].slots;
    double power_w = check_level(pair, run)->power_w;
    int64_t until_ms = check_committed_until_ms(check, pair->job);
    for (int32_t t = check_slot_of(check, given->start_ms);
         t < check->problem->slot_count && slots[t].start_ms < given->end_ms; t++) {
        size_t at = check_at(check, pair->planned->site, t);
        int64_t from_ms = check_most(given->start_ms, slots[t].start_ms);
        int64_t to_ms = check_least(given->end_ms, slots[t].start_ms + slots[t].length_ms);
        double w_per_ms = power_w / (double)slots[t].length_ms;
        check->jobs_w[at * LIMIT_GROUPS + (size_t)pair->planned->group] +=
            w_per_ms * (double)(to_ms - from_ms);
        if (until_ms > from_ms)
            check->committed_w[at] += w_per_ms * (double)(check_least(to_ms, until_ms) - from_ms);
    }
}

static void add_churn(struct check *check, const struct check_pair *pair)
{
    const struct plan_job *planned = pair->planned;
    int64_t last_ms =
        planned->run_count > 0 ? planned->runs[planned->run_count - 1].end_ms : check->start_ms;
    bool runs = pair->job->running;
    int count = 0;
    for (int32_t r = 0; r < planned->run_count; r++) {
        bool goes_on = check_touches(check, pair, r);
        count += runs && !goes_on;                   /* suspended before */
        count += !goes_on && !check_is_new(pair, r); /* resumed */
        count += goes_on && planned->runs[r].level != check_level_before(pair, r);
        runs = true;
    }
    count += runs && pair->left_ms > 0 && last_ms < check->end_ms;
    check->costs.churn += count * check->problem->prices.churn;
}

/* Running time * hours from the start of the horizon, by the middles of the slots. */
static double moment_ms_h(const struct check *check, int64_t until_ms)
{
    if (until_ms >= check->end_ms)
        return check->moment_ms_h[check->problem->slot_count];
    int32_t t = check_slot_of(check, until_ms);
    return check->moment_ms_h[t] +
           (double)(until_ms - check->problem->sites[0].slots[t].start_ms) * check->middle_h[t];
}

static void add_delay(struct check *check, const struct check_pair *pair)
{
    double end_h = (double)(check->end_ms - check->start_ms) / CHECK_HOUR_MS;
    double waited = (double)pair->left_ms * end_h;
    int64_t start_ms = check_least(pair->release_ms, check->end_ms);
    int64_t end_ms = check_least(start_ms + pair->at_once_ms, check->end_ms);
    if (pair->job->job_class == JOB_SCAVENGER)
        return;
    for (int32_t r = 0; r < pair->planned->run_count; r++)
        waited +=
            check_level(pair, r)->speed * (moment_ms_h(check, pair->planned->runs[r].end_ms) -
                                           moment_ms_h(check, pair->planned->runs[r].start_ms));
    double at_once = moment_ms_h(check, end_ms) - moment_ms_h(check, start_ms) +
                     (double)(pair->at_once_ms - (end_ms - start_ms)) * end_h;
    check->costs.delay += (waited - at_once) / CHECK_HOUR_MS * pair->job->levels[0].power_w / 1e6 *
                          check->problem->prices.delay_per_mwh_h;
}

static int64_t due_of(const struct check_pair *pair)
{
    if (pair->job->job_class != JOB_REALTIME && pair->job->job_class != JOB_GUARANTEED)
        return pair->job->deadline_ms;
    return check_least(pair->job->deadline_ms, pair->release_ms + pair->at_once_ms);
}

/* MWh-priced cost of one run's work after the due time. */
static double late_cost(const struct check *check, const struct check_pair *pair, int32_t run,
                        int64_t due_ms)
{
    const struct plan_run *given = &pair->planned->runs[run];
    const struct problem_prices *prices = &check->problem->prices;
    const struct problem_slot *slots = check->problem->sites[0].slots;
    double mwh_per_ms = check_level(pair, run)->power_w / 1e6 / CHECK_HOUR_MS, sum = 0;
    int64_t from_ms = check_most(given->start_ms, due_ms);
    if (from_ms >= given->end_ms)
        return 0;
    for (int32_t t = check_slot_of(check, from_ms);
         t < check->problem->slot_count && slots[t].start_ms < given->end_ms; t++) {
        int64_t slot_end_ms = slots[t].start_ms + slots[t].length_ms;
        int64_t late_from_ms = check_most(slots[t].start_ms, due_ms);
        double late_h =
            ((double)(late_from_ms - due_ms) + 0.5 * (double)(slot_end_ms - late_from_ms)) /
            CHECK_HOUR_MS;
        double late_ms =
            (double)(check_least(given->end_ms, slot_end_ms) - check_most(from_ms, late_from_ms));
        sum += mwh_per_ms * late_ms *
               (prices->lateness_per_mwh[pair->job->job_class] +
                late_h * prices->lateness_per_mwh_h[pair->job->job_class]);
    }
    return sum;
}

static double later_price(const struct check *check, const struct check_pair *pair)
{
    if (pair->planned->run_count > 0)
        return check->later_per_mwh[pair->planned->site];
    double price = check->later_per_mwh[pair->job->site];
    for (int32_t s = 0; s < check->problem->site_count; s++)
        if (check_may_use(check, pair->job, s))
            price = fmin(price, check->later_per_mwh[s]);
    return price;
}

static void add_lateness(struct check *check, const struct check_pair *pair)
{
    const struct problem_job *job = pair->job;
    double mwh_per_ms = job->levels[0].power_w / 1e6 / CHECK_HOUR_MS;
    int64_t due_ms = due_of(pair);
    int64_t later_ms = 0; /* of the work left, what need not be done yet */
    if (job->job_class != JOB_SCAVENGER && due_ms > check->end_ms)
        later_ms = check_least(pair->left_ms, due_ms - check->end_ms);
    for (int32_t r = 0; r < pair->planned->run_count; r++)
        check->costs.lateness += late_cost(check, pair, r, due_ms);
    check->costs.lateness += mwh_per_ms * (double)(pair->left_ms - later_ms) *
                             check->problem->prices.unserved_per_mwh[job->job_class];
    check->costs.left += mwh_per_ms * (double)later_ms * later_price(check, pair);
}

static void add_transfer(struct check *check, const struct check_pair *pair)
{
    int32_t to = pair->planned->site;
    if (to != pair->job->site)
        check->costs.transfer += pair->job->data_gb *
                                 check->problem->links[pair->job->site][to].wh_per_gb / 1e6 *
                                 check->transfer_per_mwh[to];
}

void check_add_job(struct check *check, const struct check_pair *pair)
{
    for (int32_t r = 0; r < pair->planned->run_count; r++)
        add_load(check, pair, r);
    add_churn(check, pair);
    add_delay(check, pair);
    add_lateness(check, pair);
    add_transfer(check, pair);
}
