/* Ways to change the problem under a valid plan, so that it breaks a rule or lies about a cost. */
#ifndef TIDEWATT_TESTS_PLAN_SPOIL_PROBLEM_H
#define TIDEWATT_TESTS_PLAN_SPOIL_PROBLEM_H

#include "tests/unit/plan/plan_spoil.h"

/* What the problem gives in a slot. */
SPOIL(import_dearer, spot->slot->import_w > 1000, spot->given->price_import_per_mwh += 10)
SPOIL(export_dearer, spot->slot->export_w > 1000, spot->given->price_export_per_mwh += 10)
SPOIL(less_sun, spot->slot->pv_used_w > 2000, spot->given->pv_w = spot->slot->pv_used_w - 1000)
SPOIL(less_wind, spot->slot->wind_used_w > 2000,
      spot->given->wind_w = spot->slot->wind_used_w - 1000)
SPOIL(export_cut, spot->slot->export_w > 2000,
      spot->given->export_limit_w = spot->slot->export_w - 1000)
SPOIL(import_cut, spot->slot->import_w > 2000 && spot->slot->breach_w == 0,
      spot->given->import_limit_w = spot->slot->import_w - 1000)
SPOIL(import_allowed, spot->slot->breach_w > 1000, spot->given->import_limit_w = HUGE_VAL)
SPOIL(more_fixed, true, spot->given->fixed_w += 1000)
SPOIL(more_overhead, it_of(spot) > 20e3, spot->given->overhead_ratio += 0.1)
SPOIL(worse_chiller, cools(spot) && spot->slot->chiller_heat_w > 10e3, spot->given->cop *= 0.5)
SPOIL(worse_free_cooling, cools(spot) && spot->slot->free_heat_w > 20e3,
      spot->given->free_cop *= 0.5)
SPOIL(more_heat, cools(spot) && it_of(spot) > 20e3, spot->given->heat_ratio += 0.1)
SPOIL(less_free_cooling, spot->slot->free_heat_w > 2000,
      spot->given->free_cooling_w = spot->slot->free_heat_w - 1000)
SPOIL(more_base, true, (spot->given->base_it_w[0] += 1000, spot->given->base_it_high_w[0] += 1000))
SPOIL(base_may_be_huge, true, spot->given->base_it_high_w[0] += 1e6)

/* What the site has. */
SPOIL(battery_smaller,
      stores(spot) && spot->slot->soc_end_wh > fmax(5000, spot->site->battery.soc_wh + 2000),
      spot->site->battery.soc_max_wh = spot->slot->soc_end_wh - 1000)
SPOIL(reserve_larger,
      stores(spot) && spot->slot->soc_end_wh < spot->site->battery.soc_min_wh + 19e3,
      spot->site->battery.soc_min_wh += 20e3)
SPOIL(charger_weaker, spot->slot->charge_w > 2000,
      spot->site->battery.charge_max_w = spot->slot->charge_w - 1000)
SPOIL(inverter_weaker, spot->slot->discharge_w > 2000,
      spot->site->battery.discharge_max_w = spot->slot->discharge_w - 1000)
SPOIL(charger_leaks, spot->slot->charge_w * spot->hours > 200,
      spot->site->battery.charge_efficiency -= 0.1)
SPOIL(inverter_leaks, spot->slot->discharge_w * spot->hours > 200,
      spot->site->battery.discharge_efficiency -= 0.1)
SPOIL(battery_gone, stores(spot) && spot->slot->soc_end_wh > 1000,
      spot->site->battery.capacity_wh = 0)
SPOIL(battery_fuller, stores(spot), spot->site->battery.soc_wh += 1000)
SPOIL(battery_wears, spot->slot->discharge_w * spot->hours > 1000,
      spot->site->battery.wear_per_mwh += 50)
SPOIL(chiller_smaller, spot->slot->chiller_heat_w > 2000,
      spot->site->cooling.chiller_max_w = spot->slot->chiller_heat_w - 1000)
SPOIL(chiller_gone, cools(spot) && spot->slot->chiller_heat_w > 2000,
      spot->site->cooling.chiller_max_w = 0)
SPOIL(tank_fuller, has_tank(spot), spot->site->cooling.tank_wh += 1000)
SPOIL(tank_leaks, has_tank(spot) && spot->slot->tank_end_wh > 50e3,
      spot->site->cooling.tank_loss_per_h += 0.05)
SPOIL(tank_smaller, has_tank(spot) && spot->slot->tank_end_wh > 2000,
      spot->site->cooling.tank_capacity_wh = spot->slot->tank_end_wh - 1000)
SPOIL(tank_charged_slower, spot->slot->tank_charge_w > 2000,
      spot->site->cooling.tank_charge_max_w = spot->slot->tank_charge_w - 1000)
SPOIL(tank_emptied_slower, spot->slot->tank_discharge_w > 2000,
      spot->site->cooling.tank_discharge_max_w = spot->slot->tank_discharge_w - 1000)

/* Groups, feeders, accelerators. */

static inline bool group_narrower(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, is_movable, &job);
    if (planned)
        victim->problem->sites[planned->site].groups[planned->group].limit_w = 0;
    return planned;
}

static inline bool feeder_narrower(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, is_movable, &job);
    if (!planned)
        return false;
    struct problem_site *site = &victim->problem->sites[planned->site];
    site->feeders[site->groups[planned->group].feeder].limit_w = 0;
    return true;
}

static inline bool takes_accelerators(const struct victim *victim, const struct problem_job *job,
                                      const struct plan_job *planned)
{
    return is_movable(victim, job, planned) && job->levels[planned->runs[0].level].accelerators > 0;
}

static inline bool accelerators_gone(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, takes_accelerators, &job);
    if (planned)
        memset(victim->problem->sites[planned->site].groups[planned->group].accelerators, 0,
               sizeof(victim->problem->sites[0].groups[0].accelerators));
    return planned;
}

/* Of the problem's jobs. */

static inline bool released_later(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, starts_here, &job);
    if (planned)
        job->release_ms = planned->runs[0].start_ms + 60000;
    return planned;
}

static inline bool more_data(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, is_elsewhere, &job);
    if (planned)
        job->data_gb = 1e9;
    return planned;
}

static inline bool link_cut(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, is_elsewhere, &job);
    if (planned)
        victim->problem->links[job->site][planned->site].gb_per_h = 0;
    return planned;
}

static inline bool moving_dearer(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, is_elsewhere, &job);
    if (!planned || victim->plan->transfer_cost < 1e-4)
        return false;
    for (int32_t from = 0; from < LIMIT_SITES; from++)
        for (int32_t to = 0; to < LIMIT_SITES; to++)
            victim->problem->links[from][to].wh_per_gb *= 2;
    return true;
}

static inline bool tied_elsewhere(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, starts_here, &job);
    int32_t groups = planned ? victim->problem->sites[job->site].group_count : 0;
    if (groups < 2)
        return false;
    job->group = (planned->group + 1) % groups;
    return true;
}

static inline bool waits_and_has_room(const struct victim *victim, const struct problem_job *job,
                                      const struct plan_job *planned)
{
    const struct problem_site *site = &victim->problem->sites[job->site];
    int64_t start_ms = site->slots[0].start_ms;
    return !job->running && job->group < 0 && job->release_ms <= start_ms &&
           job->remaining_ms > 0 && job->accelerator_classes == 0 &&
           job->levels[0].power_w <= site->groups[0].limit_w &&
           job->levels[0].power_w <= site->feeders[0].limit_w &&
           (planned->run_count == 0 || planned->runs[0].start_ms > start_ms);
}

static inline bool made_realtime(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, waits_and_has_room, &job);
    if (planned)
        job->job_class = JOB_REALTIME;
    return planned;
}

static inline bool is_held(const struct victim *victim, const struct problem_job *job,
                           const struct plan_job *planned)
{
    int64_t start_ms = victim->problem->sites[0].slots[0].start_ms;
    return job->running && job->remaining_ms > 0 && !spoil_is_safe(job) &&
           (planned->run_count == 0 || planned->runs[0].start_ms > start_ms ||
            (planned->finish_ms == INT64_MAX && spoil_end_ms(planned) < start_ms + 3600000));
}

static inline bool held_longer(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, is_held, &job);
    if (planned)
        job->hold_until_ms = problem_end_ms(victim->problem);
    return planned;
}

static inline bool ran_at_another_level(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, is_running, &job);
    if (!planned || !spoil_is_safe(job) || job->level_count < 2)
        return false;
    job->level = (job->level + 1) % job->level_count;
    return true;
}

static inline bool not_to_be_suspended(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs_in_pieces, &job);
    if (planned)
        job->can_suspend = false;
    return planned;
}

static inline bool starts_in_pieces(const struct victim *victim, const struct problem_job *job,
                                    const struct plan_job *planned)
{
    return runs_in_pieces(victim, job, planned) && !job->running;
}

static inline bool longer_minimum(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, starts_in_pieces, &job);
    if (planned)
        job->min_run_ms = planned->runs[0].end_ms - planned->runs[0].start_ms + 60000;
    return planned;
}

static inline bool has_a_break(const struct victim *victim, const struct problem_job *job,
                               const struct plan_job *planned)
{
    return runs_in_pieces(victim, job, planned) &&
           planned->runs[1].start_ms > planned->runs[0].end_ms;
}

static inline bool longer_restart(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, has_a_break, &job);
    if (planned)
        job->restart_ms += 60000;
    return planned;
}

static inline bool more_work(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, finishes, &job);
    if (planned)
        job->remaining_ms += 60000;
    return planned;
}

static inline bool less_work(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, finishes, &job);
    if (planned)
        job->remaining_ms -= 1000;
    return planned;
}

static inline bool is_in_time(const struct victim *victim, const struct problem_job *job,
                              const struct plan_job *planned)
{
    return finishes(victim, job, planned) && !planned->late;
}

static inline bool due_earlier(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, is_in_time, &job);
    if (planned)
        job->deadline_ms = planned->finish_ms - 1;
    return planned;
}

static inline bool due_never(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, is_late, &job);
    if (planned)
        job->deadline_ms = JOB_NO_DEADLINE;
    return planned;
}

static inline bool runs_slower(const struct victim *victim, const struct problem_job *job,
                               const struct plan_job *planned)
{
    return finishes(victim, job, planned) && planned->runs[0].level > 0 &&
           planned->runs[0].end_ms - planned->runs[0].start_ms > 60000;
}

static inline bool slower_level(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs_slower, &job);
    if (planned)
        job->levels[planned->runs[0].level].speed *= 0.9;
    return planned;
}

static inline bool more_power(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs, &job);
    if (planned)
        job->levels[planned->runs[0].level].power_w += 20e3;
    return planned;
}

static inline bool was_suspended(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, starts_here, &job);
    if (!planned || job->suspended || victim->problem->prices.churn == 0)
        return false;
    job->suspended = true;
    return true;
}

/* Prices: the part of the cost that hangs on each. */
#define PRICE(name, part, change)                                                                  \
    static inline bool name(struct victim *victim)                                                 \
    {                                                                                              \
        struct problem *problem = victim->problem;                                                 \
        if (!(fabs(victim->plan->part) > 0.01))                                                    \
            return false;                                                                          \
        change;                                                                                    \
        return true;                                                                               \
    }

PRICE(carbon_dearer, carbon_cost, problem->prices.carbon_per_t *= 1.1)
PRICE(peak_dearer, peak_cost, problem->prices.peak_per_kw *= 1.1)
PRICE(breach_dearer, breach_cost, problem->prices.breach_per_mwh *= 1.1)
PRICE(waiting_dearer, delay_cost, problem->prices.delay_per_mwh_h *= 1.1)
PRICE(churn_dearer, churn_cost, problem->prices.churn *= 1.1)
PRICE(
    lateness_dearer, lateness_cost, for (int c = 0; c < JOB_CLASSES; c++) {
        problem->prices.lateness_per_mwh[c] += 100;
        problem->prices.unserved_per_mwh[c] += 100;
    })
PRICE(more_metered_peak, peak_cost,
      for (int32_t s = 0; s < problem->site_count; s++) problem->sites[s].peak_so_far_w += 10e3)

static inline bool finishes_late(const struct victim *victim, const struct problem_job *job,
                                 const struct plan_job *planned)
{
    return finishes(victim, job, planned) && planned->late &&
           planned->finish_ms > job->deadline_ms + 60000;
}

static inline bool hours_late_dearer(struct victim *victim)
{
    struct problem_job *job;
    if (!spoil_job(victim, finishes_late, &job))
        return false;
    victim->problem->prices.lateness_per_mwh_h[job->job_class] += 100;
    return true;
}

/* A larger reserve that the plan names as short, though it was full at the start. */
static inline bool reserve_given_up(struct victim *victim)
{
    for (int32_t s = 0; s < victim->plan->site_count; s++) {
        struct problem_battery *battery = &victim->problem->sites[s].battery;
        double soc_min_wh = battery->soc_min_wh + 20e3, least_wh = HUGE_VAL;
        for (int32_t t = 0; t < victim->plan->slot_count; t++) {
            struct plan_slot *slot = &victim->plan->sites[s].slots[t];
            least_wh = fmin(least_wh, slot->soc_end_wh);
        }
        if (battery->capacity_wh <= 0 || battery->soc_wh < soc_min_wh ||
            least_wh > soc_min_wh - 1000)
            continue;
        battery->soc_min_wh = soc_min_wh;
        for (int32_t t = 0; t < victim->plan->slot_count; t++) {
            struct plan_slot *slot = &victim->plan->sites[s].slots[t];
            slot->reserve_short_wh = fmax(0, soc_min_wh - slot->soc_end_wh);
        }
        victim->plan->status = PLAN_BREACHING;
        return true;
    }
    return false;
}

/* What is left in the stores of a site at the end. */
static inline bool stored_worth_more(struct victim *victim)
{
    int32_t last = victim->plan->slot_count - 1;
    for (int32_t s = 0; s < victim->plan->site_count; s++)
        if (victim->plan->sites[s].slots[last].soc_end_wh > 1000) {
            victim->problem->sites[s].battery.end_value_per_mwh += 500;
            return true;
        }
    return false;
}

static inline bool cold_worth_more(struct victim *victim)
{
    int32_t last = victim->plan->slot_count - 1;
    for (int32_t s = 0; s < victim->plan->site_count; s++)
        if (victim->plan->sites[s].slots[last].tank_end_wh > 1000) {
            victim->problem->sites[s].cooling.tank_end_value_per_mwh += 500;
            return true;
        }
    return false;
}

/* Net import that jumps where a ramp is given. */
static inline bool ramp_tighter(struct victim *victim)
{
    for (int32_t s = 0; s < victim->problem->site_count; s++)
        for (int32_t t = 1; t < victim->plan->slot_count; t++) {
            const struct plan_slot *slot = &victim->plan->sites[s].slots[t];
            double change_w =
                fabs(slot->import_w - slot->export_w - slot[-1].import_w + slot[-1].export_w);
            if (change_w < 5000 || victim->problem->sites[s].ramp_w_per_min > 0)
                continue;
            victim->problem->sites[s].ramp_w_per_min = 1;
            return true;
        }
    return false;
}

static inline bool net_before_another(struct victim *victim)
{
    int32_t s = spoil_pick(victim, victim->problem->site_count);
    struct problem_site *site = &victim->problem->sites[s];
    if (site->ramp_w_per_min <= 0)
        return false;
    site->net_now_w = victim->plan->sites[s].slots[0].import_w + 5e6;
    return true;
}

#endif
