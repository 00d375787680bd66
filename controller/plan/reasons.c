/* One enumerated reason for every job and slot, and for every slot of battery and tank, read off a
 * finished plan: the first that holds, from what leaves no choice to what is a matter of price. */
#include "controller/plan/reasons.h"

#include <math.h>
#include <stdlib.h>

#include "controller/plan/dispatch.h"

static const double SMALL_W = 1.0;
static const double GAIN = 0.01; /* less of a difference is no reason */

/* What is to be known of a slot of a site, whatever the job. */
struct fact {
    double marginal_per_mwh, price_per_mwh, carbon_per_mwh; /* of energy; the last in currency */
    double green_share;
    double limit_room_w, peak_room_w; /* so much more IT load until import crosses these */
    double free_kw;                   /* the most that a group has left */
    bool surplus;                     /* green power that nobody used */
    bool peak_dear;                   /* more import would raise the charged peak */
};

struct facts {
    const struct schedule *schedule;
    const struct plan *plan;
    struct fact *all;     /* by workload_at(site, slot) */
    double *marginal_sum; /* [site]: marginal times hours, of the slots before; one longer a row */
    double *hours_sum;
};

/* W at the point of common coupling for one W of IT. */
static double it_ratio(const struct problem_site *site, const struct problem_slot *slot)
{
    double cooling = site->cooling.chiller_max_w > 0 ? slot->heat_ratio / slot->cop : 0;
    return 1 + slot->overhead_ratio + cooling;
}

static void find_fact(const struct facts *facts, int32_t s, int32_t t, struct fact *fact)
{
    const struct workload *load = facts->schedule->load;
    const struct problem_site *site = &load->problem->sites[s];
    const struct problem_slot *given = &site->slots[t];
    const struct plan_slot *slot = &facts->plan->sites[s].slots[t];
    const struct room *room = &facts->schedule->room;
    double ratio = it_ratio(site, given), green_w = slot->pv_used_w + slot->wind_used_w;
    double peak_w = fmax(facts->plan->sites[s].peak_import_w, site->peak_so_far_w);
    fact->marginal_per_mwh = slot->marginal_per_mwh;
    fact->price_per_mwh = given->price_import_per_mwh;
    fact->carbon_per_mwh = given->carbon_g_per_kwh * load->problem->prices.carbon_per_t / 1000;
    fact->green_share = fmin(1, green_w / fmax(slot->facility_w, 1));
    fact->limit_room_w = (given->import_limit_w - slot->import_w) / ratio;
    fact->peak_room_w = (peak_w - slot->import_w) / ratio;
    fact->surplus = slot->export_w > SMALL_W || given->pv_w + given->wind_w - green_w > SMALL_W;
    fact->peak_dear =
        slot->marginal_per_mwh > (1 + GAIN) * (fact->price_per_mwh + fact->carbon_per_mwh) * ratio;
    fact->free_kw = -HUGE_VAL;
    for (int32_t g = 0; g < site->group_count; g++)
        fact->free_kw =
            fmax(fact->free_kw, room->free_kw[workload_at(load, room->first_group[s] + g, t)]);
}

static bool facts_init(struct facts *facts, const struct schedule *schedule,
                       const struct plan *plan)
{
    const struct workload *load = schedule->load;
    size_t sites = (size_t)load->site_count, row = (size_t)load->slot_count + 1;
    *facts = (struct facts){.schedule = schedule,
                            .plan = plan,
                            .all = calloc(sites * row, sizeof(struct fact)),
                            .marginal_sum = calloc(sites * row, sizeof(double)),
                            .hours_sum = calloc(row, sizeof(double))};
    if (!facts->all || !facts->marginal_sum || !facts->hours_sum)
        return false;
    for (int32_t t = 0; t < load->slot_count; t++)
        facts->hours_sum[t + 1] = facts->hours_sum[t] + load->hours[t];
    for (int32_t s = 0; s < load->site_count; s++) {
        double *sum = &facts->marginal_sum[(size_t)s * row];
        for (int32_t t = 0; t < load->slot_count; t++) {
            struct fact *fact = &facts->all[workload_at(load, s, t)];
            find_fact(facts, s, t, fact);
            sum[t + 1] = sum[t] + fact->marginal_per_mwh * load->hours[t];
        }
    }
    return true;
}

static void facts_finish(struct facts *facts)
{
    free(facts->all);
    free(facts->marginal_sum);
    free(facts->hours_sum);
}

/* One job on its way through the slots. */
struct view {
    const struct facts *facts;
    const struct work *work;
    const struct plan_job *planned;
    int32_t site;
    const struct fact *fact;     /* [slot] of the site */
    double mean_marginal;        /* over the time that it could have run in */
    double price, carbon, green; /* where it runs, on average */
    double kw;                   /* the least that it needs to run */
    int64_t arrival_ms;          /* of its data */
    bool too_short, tied;
};

static void find_averages(struct view *view)
{
    const struct workload *load = view->facts->schedule->load;
    double total = 0, price = 0, carbon = 0, green = 0;
    for (int32_t r = 0; r < view->planned->run_count; r++) {
        const struct plan_run *run = &view->planned->runs[r];
        for (int32_t t = workload_slot(load, run->start_ms); t < load->slot_count; t++) {
            const struct problem_slot *slot = &load->problem->sites[0].slots[t];
            if (slot->start_ms >= run->end_ms)
                break;
            double ran_ms = (double)overlap_ms(run->start_ms, run->end_ms, slot->start_ms,
                                               slot->start_ms + slot->length_ms);
            total += ran_ms;
            price += ran_ms * view->fact[t].price_per_mwh;
            carbon += ran_ms * view->fact[t].carbon_per_mwh;
            green += ran_ms * view->fact[t].green_share;
        }
    }
    view->price = total > 0 ? price / total : -HUGE_VAL;
    view->carbon = total > 0 ? carbon / total : 0;
    view->green = total > 0 ? green / total : 0;
}

static double mean_marginal(const struct view *view)
{
    const struct facts *facts = view->facts;
    const struct workload *load = facts->schedule->load;
    if (view->work->first_ms >= load->end_ms)
        return 0;
    const double *sum = &facts->marginal_sum[view->site * (load->slot_count + 1)];
    int32_t first = workload_slot(load, view->work->first_ms), end = load->slot_count;
    if (view->work->due_ms < load->end_ms) {
        end = workload_slot(load, view->work->due_ms);
        if (load->problem->sites[0].slots[end].start_ms < view->work->due_ms || end <= first)
            end++;
    }
    end = end > first ? end : first + 1;
    return (sum[end] - sum[first]) / (facts->hours_sum[end] - facts->hours_sum[first]);
}

static struct view view_of(const struct facts *facts, int32_t index, const struct plan_job *planned)
{
    const struct workload *load = facts->schedule->load;
    const struct work *work = &load->works[index];
    const struct problem_job *job = work->job;
    struct view view = {.facts = facts, .work = work, .planned = planned};
    view.site = view.planned->site;
    view.fact = &facts->all[workload_at(load, view.site, 0)];
    view.kw = job->levels[job->level_count - 1].power_w / 1000;
    view.arrival_ms = work_release_ms(load, work, view.site);
    view.too_short = work->due_ms - work->first_ms < work->owed_ms;
    view.tied = job->group >= 0 || job->accelerator_classes != 0;
    view.mean_marginal = mean_marginal(&view);
    find_averages(&view);
    return view;
}

/* `left_ms`: work that is left when the slot begins. */
static enum reason why_runs(const struct view *view, int32_t t, int32_t level, int64_t left_ms)
{
    const struct work *work = view->work;
    const struct fact *fact = &view->fact[t];
    if (level > 0)
        return REASON_POWER_CAPPED;
    if (work->committed || work->job->job_class == JOB_GUARANTEED)
        return REASON_RUN_NOW;
    if (view->too_short)
        return REASON_NOT_ENOUGH_TIME;
    if (work->due_ms < left_ms + workload_slot_end_ms(view->facts->schedule->load, t))
        return REASON_DEADLINE;
    if (fact->surplus)
        return REASON_SURPLUS;
    return fact->marginal_per_mwh < view->mean_marginal - GAIN * fabs(view->mean_marginal)
               ? REASON_CHEAPEST_NOW
               : REASON_RUN_NOW;
}

/* Of a job that is tied, or needs accelerators. */
static enum reason why_no_room(const struct view *view, int32_t t)
{
    const struct schedule *schedule = view->facts->schedule;
    const struct room *room = &schedule->room;
    const struct problem_job *job = view->work->job;
    bool power = false;
    for (int32_t g = 0; g < schedule->load->problem->sites[view->site].group_count; g++) {
        if (job->group >= 0 && job->group != g)
            continue;
        for (int32_t l = 0; l < job->level_count; l++)
            if (room_carries(room, view->site, g, job, l, t))
                return REASON_NONE;
        size_t at = workload_at(schedule->load, room->first_group[view->site] + g, t);
        power |= room->free_kw[at] >= view->kw;
    }
    return power ? REASON_ACCELERATORS_FULL : REASON_FEEDER_FULL;
}

static enum reason why_waits(const struct view *view, int32_t t)
{
    const struct work *work = view->work;
    const struct fact *fact = &view->fact[t];
    double power_w = 1000 * view->kw;
    if (!work->possible)
        return REASON_TOO_LARGE;
    if (view->planned->run_count > 0 && view->too_short && view->planned->late)
        return REASON_NOT_ENOUGH_TIME;
    if (view->site != work->job->site &&
        workload_slot_end_ms(view->facts->schedule->load, t) <= view->arrival_ms)
        return REASON_DATA_MOVES;
    if (fact->free_kw + 1e-6 < view->kw)
        return REASON_FEEDER_FULL;
    enum reason full = view->tied ? why_no_room(view, t) : REASON_NONE;
    if (full != REASON_NONE)
        return full;
    if (power_w > fact->limit_room_w + SMALL_W)
        return REASON_GRID_LIMIT;
    if (fact->peak_dear && power_w > fact->peak_room_w + SMALL_W)
        return REASON_PEAK_CHARGE;
    double cheaper = fact->price_per_mwh - view->price;
    double greener = fact->carbon_per_mwh - view->carbon;
    double more_green = view->green - fact->green_share;
    return greener > cheaper || (cheaper <= 0 && more_green > GAIN) ? REASON_GREENER_LATER
                                                                    : REASON_CHEAPER_LATER;
}

/* The reason for now, as that of the first slot. */
static enum reason why_now(const struct view *view)
{
    const struct work *work = view->work;
    const struct plan_job *planned = view->planned;
    int64_t start_ms = view->facts->schedule->load->start_ms;
    if (work->owed_ms <= 0)
        return REASON_NONE;
    if (planned->run_count > 0 && planned->runs[0].start_ms <= start_ms)
        return why_runs(view, 0, planned->runs[0].level, work->owed_ms);
    if (work->possible && work->first_ms > start_ms)
        return REASON_NOT_RELEASED;
    return why_waits(view, 0);
}

/* All that its runs do, with the restarts between them, and what they leave. */
static int64_t planned_work_ms(const struct view *view)
{
    const struct plan_job *planned = view->planned;
    int64_t sum_ms = work_left_ms(view->facts->schedule->load, view->work, planned);
    for (int32_t r = 0; r < planned->run_count; r++) {
        const struct plan_run *run = &planned->runs[r];
        sum_ms +=
            work_of_ms(run->end_ms - run->start_ms, view->work->job->levels[run->level].speed);
    }
    return sum_ms > 0 ? sum_ms : 0;
}

static void fill_why(const struct view *view, uint16_t *why)
{
    const struct workload *load = view->facts->schedule->load;
    const struct plan_job *planned = view->planned;
    int64_t left_ms = planned_work_ms(view);
    int32_t run = 0;
    if (view->work->owed_ms <= 0 || view->work->first_ms >= load->end_ms)
        return;
    for (int32_t t = workload_slot(load, view->work->first_ms); t < load->slot_count; t++) {
        int64_t start_ms = load->problem->sites[0].slots[t].start_ms;
        int64_t end_ms = workload_slot_end_ms(load, t);
        if (start_ms >= planned->finish_ms)
            break;
        if (run < planned->run_count && planned->runs[run].start_ms < end_ms)
            why[t] = (uint16_t)why_runs(view, t, planned->runs[run].level, left_ms);
        else
            why[t] = (uint16_t)why_waits(view, t);
        for (; run < planned->run_count; run++) {
            const struct plan_run *at = &planned->runs[run];
            int64_t ran_ms = overlap_ms(at->start_ms, at->end_ms, start_ms, end_ms);
            left_ms -= work_of_ms(ran_ms, view->work->job->levels[at->level].speed);
            if (at->end_ms > end_ms)
                break;
        }
    }
}

static double green_beyond_w(const struct problem_slot *given, const struct plan_slot *slot)
{
    return given->pv_w + given->wind_w - slot->facility_w;
}

/* Why a store gives: what import would be without it. */
static enum reason why_gives(const struct workload *load, const struct plan_site *planned,
                             int32_t s, int32_t t, double without_w)
{
    const struct problem_site *site = &load->problem->sites[s];
    double peak_w = fmax(planned->peak_import_w, site->peak_so_far_w);
    if (without_w > site->slots[t].import_limit_w + SMALL_W)
        return REASON_GRID_LIMIT;
    bool charged = load->problem->prices.peak_per_kw > 0;
    return charged && without_w > peak_w + SMALL_W ? REASON_PEAK_SHAVING : REASON_ARBITRAGE;
}

static enum reason battery_reason(const struct workload *load, const struct plan_site *planned,
                                  int32_t s, int32_t t)
{
    const struct problem_battery *battery = &load->problem->sites[s].battery;
    const struct plan_slot *slot = &planned->slots[t];
    double start_wh = t > 0 ? planned->slots[t - 1].soc_end_wh : battery->soc_wh;
    if (battery->capacity_wh <= 0)
        return REASON_NONE;
    if (start_wh < battery->soc_min_wh - SMALL_W)
        return REASON_RESERVE;
    if (slot->charge_w > SMALL_W)
        return green_beyond_w(&load->problem->sites[s].slots[t], slot) > SMALL_W ? REASON_SURPLUS
                                                                                 : REASON_ARBITRAGE;
    if (slot->discharge_w > SMALL_W)
        return why_gives(load, planned, s, t, slot->import_w + slot->discharge_w);
    return start_wh <= battery->soc_min_wh + SMALL_W ? REASON_RESERVE : REASON_IDLE;
}

static enum reason tank_reason(const struct workload *load, const struct plan_site *planned,
                               int32_t s, int32_t t)
{
    const struct problem_site *site = &load->problem->sites[s];
    const struct problem_slot *given = &site->slots[t];
    const struct plan_slot *slot = &planned->slots[t];
    if (site->cooling.chiller_max_w <= 0 || site->cooling.tank_capacity_wh <= 0)
        return REASON_NONE;
    if (slot->tank_charge_w > SMALL_W)
        return green_beyond_w(given, slot) > -SMALL_W ? REASON_SURPLUS : REASON_ARBITRAGE;
    if (slot->tank_discharge_w <= SMALL_W)
        return REASON_IDLE;
    if (slot->chiller_heat_w + slot->tank_discharge_w > site->cooling.chiller_max_w + SMALL_W)
        return REASON_CHILLER_FULL;
    return why_gives(load, planned, s, t, slot->import_w + slot->tank_discharge_w / given->cop);
}

bool reasons_of_jobs(const struct schedule *schedule, struct plan *plan, int32_t first)
{
    struct facts facts;
    bool complete = facts_init(&facts, schedule, plan);
    for (int32_t i = 0; complete && i < schedule->load->count; i++) {
        struct plan_job *job = &plan->jobs[first + i];
        struct view view = view_of(&facts, i, job);
        job->reason = why_now(&view);
        if (plan->why)
            fill_why(&view, &plan->why[(size_t)(first + i) * (size_t)plan->slot_count]);
    }
    facts_finish(&facts);
    return complete;
}

bool reasons_fill(const struct schedule *schedule, struct plan *plan)
{
    const struct workload *load = schedule->load;
    for (int32_t s = 0; s < plan->site_count; s++)
        for (int32_t t = 0; t < plan->slot_count; t++) {
            struct plan_slot *slot = &plan->sites[s].slots[t];
            slot->battery_reason = battery_reason(load, &plan->sites[s], s, t);
            slot->tank_reason = tank_reason(load, &plan->sites[s], s, t);
        }
    return reasons_of_jobs(schedule, plan, 0);
}
