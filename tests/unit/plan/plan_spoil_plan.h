/* Ways to spoil the rest of a plan: jobs, reasons and totals, and lies in several places at once.
 */
#ifndef TIDEWATT_TESTS_PLAN_SPOIL_PLAN_H
#define TIDEWATT_TESTS_PLAN_SPOIL_PLAN_H

#include "tests/unit/plan/plan_spoil.h"

/* Of the plan's jobs. */

static inline bool site_out_of_range(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs, &job);
    if (planned)
        planned->site = victim->problem->site_count;
    return planned;
}

static inline bool another_site(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, any_job, &job);
    if (!planned || victim->problem->site_count < 2)
        return false;
    planned->site = (planned->site + 1) % victim->problem->site_count;
    return true;
}

static inline bool group_out_of_range(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs, &job);
    if (planned)
        planned->group = victim->problem->sites[planned->site].group_count;
    return planned;
}

static inline bool no_group(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs, &job);
    if (planned)
        planned->group = -1;
    return planned;
}

static inline bool group_without_a_run(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, rests, &job);
    if (planned)
        planned->group = 0;
    return planned;
}

static inline bool another_group(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs, &job);
    if (!planned || victim->problem->sites[planned->site].group_count < 2)
        return false;
    planned->group = (planned->group + 1) % victim->problem->sites[planned->site].group_count;
    return true;
}

/* The plan's loads follow the job to a group that has no room for it. */
static inline bool full_group(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, is_movable, &job);
    if (!planned || job->group >= 0)
        return false;
    struct problem_site *site = &victim->problem->sites[planned->site];
    int32_t from = planned->group, to = (from + 1) % site->group_count;
    if (to == from)
        return false;
    site->groups[to].limit_w = 0;
    for (int32_t t = 0; t < victim->plan->slot_count; t++) {
        struct plan_slot *slot = &victim->plan->sites[planned->site].slots[t];
        const struct problem_slot *given = &site->slots[t];
        for (int32_t r = 0; r < planned->run_count; r++) {
            int64_t end_ms = given->start_ms + given->length_ms;
            int64_t from_ms = planned->runs[r].start_ms, to_ms = planned->runs[r].end_ms;
            from_ms = from_ms > given->start_ms ? from_ms : given->start_ms;
            to_ms = to_ms < end_ms ? to_ms : end_ms;
            double load_w = job->levels[planned->runs[r].level].power_w *
                            fmax(0, (double)(to_ms - from_ms)) / (double)given->length_ms;
            slot->it_jobs_w[from] -= load_w;
            slot->it_jobs_w[to] += load_w;
        }
    }
    planned->group = to;
    return true;
}

static inline bool job_id(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, any_job, &job);
    if (planned)
        planned->id += 1000;
    return planned;
}

static inline bool jobs_swapped(struct victim *victim)
{
    if (victim->plan->job_count < 2)
        return false;
    struct plan_job first = victim->plan->jobs[0];
    victim->plan->jobs[0] = victim->plan->jobs[1];
    victim->plan->jobs[1] = first;
    return true;
}

static inline bool finish_moved(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, finishes, &job);
    if (planned)
        planned->finish_ms -= 1;
    return planned;
}

static inline bool finish_denied(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, finishes, &job);
    if (planned)
        planned->finish_ms = INT64_MAX;
    return planned;
}

static inline bool late_flipped(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, any_job, &job);
    if (planned)
        planned->late = !planned->late;
    return planned;
}

static inline bool late_counted_wrong(struct victim *victim)
{
    victim->plan->late_jobs++;
    return true;
}

/* Reasons by slot. */

static inline bool why_lost_in_a_run(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, runs, &job);
    if (!planned || !victim->plan->why)
        return false;
    const struct problem_slot *slots = victim->problem->sites[0].slots;
    for (int32_t t = 0; t < victim->plan->slot_count; t++)
        if (slots[t].start_ms + slots[t].length_ms > planned->runs[0].start_ms) {
            int32_t index = (int32_t)(planned - victim->plan->jobs);
            victim->plan->why[index * victim->plan->slot_count + t] = REASON_NONE;
            return true;
        }
    return false;
}

static inline bool why_lost_while_waiting(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, rests, &job);
    if (!planned || !victim->plan->why ||
        job->release_ms > victim->problem->sites[0].slots[0].start_ms)
        return false;
    victim->plan->why[(planned - victim->plan->jobs) * victim->plan->slot_count] = REASON_NONE;
    return true;
}

static inline bool why_after_the_end(struct victim *victim)
{
    struct problem_job *job;
    struct plan_job *planned = spoil_job(victim, finishes, &job);
    int32_t last = victim->plan->slot_count - 1;
    if (!planned || !victim->plan->why ||
        planned->finish_ms > victim->problem->sites[0].slots[last].start_ms)
        return false;
    int32_t index = (int32_t)(planned - victim->plan->jobs);
    victim->plan->why[index * victim->plan->slot_count + last] = REASON_RUN_NOW;
    return true;
}

/* Lies told in several places of the plan. */
SPOIL(load_hidden, true, (spot->slot->facility_w -= 1000, spot->slot->import_w -= 1000))
SPOIL(import_and_export, true, (spot->slot->import_w += 5000, spot->slot->export_w += 5000))
SPOIL(charge_and_discharge,
      stores(spot) && spot->slot->charge_w == 0 && spot->slot->discharge_w == 0,
      (spot->slot->charge_w = 1000, spot->slot->discharge_w = 1000))
SPOIL(tank_both_ways,
      has_tank(spot) && spot->slot->tank_charge_w == 0 && spot->slot->tank_discharge_w == 0,
      (spot->slot->tank_charge_w = 1000, spot->slot->tank_discharge_w = 1000))
SPOIL(sun_out_of_nowhere, true,
      (spot->slot->pv_used_w = spot->given->pv_w + 5000, spot->slot->import_w -= 5000))
SPOIL(energy_out_of_the_battery, spot->slot->import_w > 2000 && stores(spot),
      (spot->slot->discharge_w += 1000, spot->slot->import_w -= 1000))
SPOIL(heat_forgotten, cools(spot) && spot->slot->chiller_heat_w > 2000,
      (spot->slot->chiller_heat_w -= 1000, spot->slot->facility_w -= 1000 / spot->given->cop,
       spot->slot->import_w -= 1000 / spot->given->cop))
SPOIL(sun_wasted, spot->slot->pv_used_w > 5000 && fabs(spot->given->price_import_per_mwh) > 5,
      (spot->slot->pv_used_w -= 1000, spot->slot->import_w += 1000))
SPOIL(battery_reason_none, stores(spot), spot->slot->battery_reason = REASON_NONE)
SPOIL(tank_reason_none, has_tank(spot), spot->slot->tank_reason = REASON_NONE)

/* Of the whole plan. */

static inline bool status_none(struct victim *victim)
{
    victim->plan->status = PLAN_NONE;
    return true;
}

static inline bool status_flipped(struct victim *victim)
{
    victim->plan->status = victim->plan->status == PLAN_COMPLETE ? PLAN_BREACHING : PLAN_COMPLETE;
    return true;
}

static inline bool slots_missing(struct victim *victim)
{
    victim->plan->slot_count--;
    return true;
}

static inline bool sites_missing(struct victim *victim)
{
    victim->problem->site_count++;
    return true;
}

static inline bool jobs_missing(struct victim *victim)
{
    if (victim->plan->job_count == 0)
        return false;
    victim->plan->job_count--;
    return true;
}

static inline bool issued_later(struct victim *victim)
{
    victim->plan->issue_ms++;
    return true;
}

static inline bool frame_shifted(struct victim *victim)
{
    victim->keep_frame = true;
    victim->plan->sites[victim->plan->site_count - 1].frame[0].start_ms++;
    return true;
}

static inline bool frame_of_other_prices(struct victim *victim)
{
    victim->keep_frame = true;
    victim->plan->sites[0].frame[0].price_import_per_mwh += 1;
    return true;
}

static inline bool frame_of_other_groups(struct victim *victim)
{
    victim->keep_frame = true;
    victim->plan->sites[0].groups[0].limit_w += 1;
    return true;
}

static inline bool frame_of_other_feeders(struct victim *victim)
{
    victim->keep_frame = true;
    victim->plan->sites[0].feeders[0].limit_w += 1;
    return true;
}

static inline bool peak_higher(struct victim *victim)
{
    victim->plan->sites[spoil_pick(victim, victim->plan->site_count)].peak_import_w += 1000;
    return true;
}

static inline bool peak_lower(struct victim *victim)
{
    victim->plan->sites[spoil_pick(victim, victim->plan->site_count)].peak_import_w -= 1000;
    return true;
}

static inline bool cost_hidden(struct victim *victim)
{
    victim->plan->energy_cost -= 0.1;
    victim->plan->objective -= 0.1;
    return true;
}

static inline bool bound_above_objective(struct victim *victim)
{
    victim->plan->bound = victim->plan->objective + 1 + 0.01 * fabs(victim->plan->objective);
    victim->plan->gap = 0;
    return true;
}

static inline bool no_bound(struct victim *victim)
{
    victim->plan->bound = -HUGE_VAL;
    victim->plan->gap = 0;
    return true;
}

static inline bool hedge_negative(struct victim *victim)
{
    victim->plan->hedge_cost = -1;
    return true;
}

static inline bool hedge_above_the_gap(struct victim *victim)
{
    victim->plan->hedge_cost =
        victim->plan->objective - victim->plan->bound + 1 + 0.01 * fabs(victim->plan->objective);
    return true;
}

#endif
