/* Dispatch problems for the tests of the planner: a plain one, and random ones by seed. */
#ifndef TIDEWATT_TESTS_PLAN_CASES_H
#define TIDEWATT_TESTS_PLAN_CASES_H

#include <assert.h>
#include <math.h>

#include "controller/plan/plan.h"

#define CASE_START_MS INT64_C(1781481600000) /* 2026-06-15T00:00:00Z */
#define CASE_HOUR_MS INT64_C(3600000)

static inline double case_uniform(uint64_t *random, double least, double most)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return least + (most - least) * (double)(*random >> 11) / 9007199254740992.0;
}

static inline bool case_chance(uint64_t *random, double share)
{
    return case_uniform(random, 0, 1) < share;
}

static inline int32_t case_number(uint64_t *random, int32_t least, int32_t most)
{
    return (int32_t)case_uniform(random, least, (double)most + 1);
}

/* Sites of one group of 100 kW on one feeder that is no limit; every price but those of lateness
 * and breaches is 0. Without slots. */
static inline struct problem *case_sites(int32_t site_count)
{
    struct problem *problem = problem_create(site_count, LIMIT_SLOTS, 64);
    assert(problem);
    problem->issue_ms = CASE_START_MS;
    for (int32_t s = 0; s < site_count; s++) {
        struct problem_site *site = &problem->sites[s];
        site->feeder_count = site->group_count = 1;
        site->feeders[0].limit_w = 1e9;
        site->groups[0].limit_w = 100e3;
    }
    for (int c = 0; c < JOB_CLASSES; c++) {
        problem->prices.lateness_per_mwh[c] = 1000;
        problem->prices.unserved_per_mwh[c] = 5000;
    }
    problem->prices.breach_per_mwh = 5000;
    return problem;
}

/* `hours` slots of an hour at 100 /MWh: no base load, battery or green power. */
static inline void case_hours(struct problem *problem, int32_t hours)
{
    problem->slot_count = hours;
    for (int32_t s = 0; s < problem->site_count; s++)
        for (int32_t t = 0; t < hours; t++)
            problem->sites[s].slots[t] =
                (struct problem_slot){.start_ms = CASE_START_MS + t * CASE_HOUR_MS,
                                      .length_ms = CASE_HOUR_MS,
                                      .price_import_per_mwh = 100,
                                      .import_limit_w = 1e6,
                                      .export_limit_w = 1e6};
}

static inline struct problem *case_plain(int32_t hours)
{
    struct problem *problem = case_sites(1);
    case_hours(problem, hours);
    return problem;
}

/* Base load of a group of site 0: what is expected is what is kept free. */
static inline void case_base(struct problem *problem, int32_t slot, int32_t group, double power_w)
{
    problem->sites[0].slots[slot].base_it_w[group] = power_w;
    problem->sites[0].slots[slot].base_it_high_w[group] = power_w;
}

/* Adds a deferrable job of 10 kW that is released at once. */
static inline struct problem_job *case_job(struct problem *problem, double work_h,
                                           double deadline_h)
{
    assert(problem->job_count < problem->job_room);
    struct problem_job *job = &problem->jobs[problem->job_count++];
    *job = (struct problem_job){.id = problem->job_count,
                                .job_class = JOB_DEFERRABLE,
                                .levels = {{.power_w = 10e3, .speed = 1}},
                                .level_count = 1,
                                .remaining_ms = (int64_t)(work_h * (double)CASE_HOUR_MS),
                                .release_ms = CASE_START_MS,
                                .deadline_ms =
                                    CASE_START_MS + (int64_t)(deadline_h * (double)CASE_HOUR_MS),
                                .group = -1};
    return job;
}

static inline void case_battery_of(struct problem_battery *battery)
{
    *battery = (struct problem_battery){.capacity_wh = 100e3,
                                        .soc_wh = 20e3,
                                        .soc_min_wh = 20e3,
                                        .soc_max_wh = 90e3,
                                        .charge_max_w = 50e3,
                                        .discharge_max_w = 50e3,
                                        .charge_efficiency = 0.95,
                                        .discharge_efficiency = 0.95};
}

static inline void case_battery(struct problem *problem)
{
    case_battery_of(&problem->sites[0].battery);
}

/* Rack groups of 60 to 150 kW; feeders that may be narrower than all of their groups. */
static inline void case_random_carriers(struct problem_site *site, uint64_t *random)
{
    site->feeder_count = case_number(random, 1, 2);
    site->group_count = case_number(random, site->feeder_count, 4);
    bool accelerators = case_chance(random, 0.6);
    for (int32_t f = 0; f < site->feeder_count; f++)
        site->feeders[f].limit_w = 0;
    for (int32_t g = 0; g < site->group_count; g++) {
        struct problem_group *group = &site->groups[g];
        group->feeder = g % site->feeder_count;
        group->limit_w = case_uniform(random, 60e3, 150e3);
        site->feeders[group->feeder].limit_w += group->limit_w * case_uniform(random, 0.6, 1.1);
        for (int32_t a = 0; accelerators && a < 3; a++)
            group->accelerators[a] = case_chance(random, 0.7) ? case_number(random, 4, 16) : 0;
    }
}

static inline void case_random_slots(struct problem *problem, struct problem_site *site,
                                     uint64_t *random)
{
    bool odd_prices = case_chance(random, 0.2); /* below 0, or fed in dearer than bought */
    bool no_export = case_chance(random, 0.2), tight_import = case_chance(random, 0.2);
    bool overload = case_chance(random, 0.1), spread = case_chance(random, 0.6);
    double pv_w = case_chance(random, 0.3) ? 0 : 200e3, wind_w = case_chance(random, 0.3) ? 0 : 1e5;
    for (int32_t t = 0; t < problem->slot_count; t++) {
        struct problem_slot *slot = &site->slots[t];
        slot->pv_w = pv_w * case_uniform(random, 0, 1);
        slot->wind_w = wind_w * case_uniform(random, 0, 1);
        for (int32_t g = 0; g < site->group_count; g++) {
            slot->base_it_w[g] =
                site->groups[g].limit_w * case_uniform(random, 0.1, overload ? 1.2 : 0.6);
            slot->base_it_high_w[g] =
                slot->base_it_w[g] * (spread ? case_uniform(random, 1, 1.3) : 1);
        }
        slot->fixed_w = 10e3;
        slot->overhead_ratio = case_uniform(random, 0.1, 0.3);
        slot->price_import_per_mwh = case_uniform(random, odd_prices ? -80 : 40, 160);
        slot->price_export_per_mwh =
            odd_prices ? case_uniform(random, -80, 200) : 0.5 * slot->price_import_per_mwh;
        slot->carbon_g_per_kwh = case_uniform(random, 100, 450);
        slot->import_limit_w = tight_import ? case_uniform(random, 50e3, 300e3) : 1e6;
        slot->export_limit_w = no_export ? 0 : HUGE_VAL;
    }
}

static inline void case_random_battery(struct problem_battery *battery, uint64_t *random)
{
    battery->soc_wh = case_uniform(random, 0, 100e3);
    battery->wear_per_mwh = case_chance(random, 0.5) ? 10 : 0;
    battery->end_value_per_mwh = 60;
}

/* A chiller that may be too small, free cooling in some slots, and perhaps a tank. */
static inline void case_random_cooling(struct problem *problem, struct problem_site *site,
                                       uint64_t *random)
{
    struct problem_cooling *cooling = &site->cooling;
    cooling->chiller_max_w = case_uniform(random, 100e3, 500e3);
    if (case_chance(random, 0.6))
        *cooling = (struct problem_cooling){.chiller_max_w = cooling->chiller_max_w,
                                            .tank_capacity_wh = 300e3,
                                            .tank_wh = case_uniform(random, 0, 300e3),
                                            .tank_charge_max_w = 100e3,
                                            .tank_discharge_max_w = 150e3,
                                            .tank_loss_per_h = case_uniform(random, 0, 0.02),
                                            .tank_end_value_per_mwh = case_uniform(random, 0, 20)};
    bool mild = case_chance(random, 0.5);
    for (int32_t t = 0; t < problem->slot_count; t++) {
        struct problem_slot *slot = &site->slots[t];
        slot->overhead_ratio = case_uniform(random, 0.03, 0.1);
        slot->heat_ratio = case_uniform(random, 0.95, 1.05);
        slot->cop = case_uniform(random, 2.5, 6);
        slot->free_cooling_w = mild ? case_uniform(random, 0, 200e3) : 0;
        slot->free_cop = mild ? case_uniform(random, 8, 20) : 0;
    }
}

static inline void case_random_site(struct problem *problem, int32_t s, uint64_t *random)
{
    struct problem_site *site = &problem->sites[s];
    case_random_carriers(site, random);
    case_random_slots(problem, site, random);
    if (case_chance(random, 0.75)) {
        case_battery_of(&site->battery);
        case_random_battery(&site->battery, random);
    }
    if (case_chance(random, 0.5))
        case_random_cooling(problem, site, random);
    site->peak_so_far_w = case_uniform(random, 0, 300e3);
    if (case_chance(random, 0.3))
        site->ramp_w_per_min = case_uniform(random, 300, 8000);
    if (case_chance(random, 0.5))
        site->net_now_w = case_uniform(random, -100e3, 300e3);
}

static inline void case_random_links(struct problem *problem, uint64_t *random)
{
    for (int32_t from = 0; from < problem->site_count; from++)
        for (int32_t to = 0; to < problem->site_count; to++)
            if (from != to && case_chance(random, 0.7))
                problem->links[from][to] =
                    (struct problem_link){.gb_per_h = case_uniform(random, 50, 2000),
                                          .wh_per_gb = case_uniform(random, 0, 100)};
}

static inline void case_random_scenarios(struct problem *problem, uint64_t *random)
{
    int32_t count = case_number(random, 2, 4);
    for (int32_t i = 0; i < count; i++) {
        struct problem_scenario *scenario = problem_add_scenario(problem);
        double green = case_uniform(random, 0.5, 1.5), price = case_uniform(random, 0.7, 1.3);
        assert(scenario);
        scenario->weight = 1.0 / count;
        for (int32_t s = 0; s < problem->site_count; s++)
            for (int32_t t = 0; t < problem->slot_count; t++) {
                const struct problem_slot *slot = &problem->sites[s].slots[t];
                scenario->outlook[s][t] = (struct problem_outlook){
                    .pv_w = green * slot->pv_w,
                    .wind_w = green * slot->wind_w,
                    .price_import_per_mwh = price * slot->price_import_per_mwh,
                    .carbon_g_per_kwh = price * slot->carbon_g_per_kwh};
            }
    }
}

/* Power caps, and in some jobs fewer accelerators at the lower levels. */
static inline void case_random_levels(struct problem_job *job, uint64_t *random)
{
    bool shrinks = case_chance(random, 0.5);
    job->level_count = case_chance(random, 0.6) ? 1 : case_number(random, 2, LIMIT_LEVELS);
    if (case_chance(random, 0.4))
        job->accelerator_classes = (uint32_t)case_number(random, 1, 7);
    job->levels[0].accelerators = job->accelerator_classes ? case_number(random, 1, 8) : 0;
    for (int32_t l = 1; l < job->level_count; l++) {
        const struct problem_level *above = &job->levels[l - 1];
        double less = case_uniform(random, 0.6, 0.9);
        job->levels[l] = (struct problem_level){.power_w = above->power_w * less,
                                                .speed = above->speed * sqrt(less),
                                                .accelerators = above->accelerators};
        if (shrinks)
            job->levels[l].accelerators = (above->accelerators + 1) / 2;
    }
}

static inline void case_random_state(const struct problem *problem, struct problem_job *job,
                                     uint64_t *random)
{
    const struct problem_site *site = &problem->sites[job->site];
    job->running = case_chance(random, 0.2);
    job->suspended = !job->running && case_chance(random, 0.15);
    bool tied = job->running || case_chance(random, 0.1);
    job->group = tied ? case_number(random, 0, site->group_count - 1) : -1;
    job->level = job->running ? case_number(random, 0, job->level_count - 1) : 0;
    if (job->running && case_chance(random, 0.3))
        job->hold_until_ms =
            site->slots[0].start_ms + (int64_t)(case_uniform(random, -1, 3) * 3600e3);
    job->restart_ms = case_chance(random, 0.5) ? (int64_t)case_uniform(random, 0, 900e3) : 0;
    job->can_suspend = case_chance(random, 0.5);
    job->min_run_ms = case_chance(random, 0.5) ? 1800000 : 0;
    job->data_gb = case_chance(random, 0.5) ? case_uniform(random, 0, 500) : 0;
}

static inline void case_random_job(struct problem *problem, uint64_t *random)
{
    double span_h =
        (double)(problem_end_ms(problem) - problem->sites[0].slots[0].start_ms) / 3600e3;
    struct problem_job *job = case_job(problem, case_uniform(random, 0.1, span_h / 2), 0);
    job->job_class = (enum job_class)case_number(random, 0, JOB_CLASSES - 1);
    job->levels[0].power_w = case_uniform(random, 5e3, case_chance(random, 0.05) ? 500e3 : 60e3);
    job->site = case_number(random, 0, problem->site_count - 1);
    case_random_levels(job, random);
    case_random_state(problem, job, random);
    job->release_ms = problem->sites[0].slots[0].start_ms;
    if (case_chance(random, 0.5))
        job->release_ms += (int64_t)(case_uniform(random, 0, 1.1 * span_h) * 3600e3);
    job->deadline_ms =
        job->release_ms + (int64_t)(case_uniform(random, -0.2, 1.5) * span_h * 3600e3);
    if (case_chance(random, 0.1))
        job->deadline_ms = JOB_NO_DEADLINE;
    if (case_chance(random, 0.02))
        job->remaining_ms = 0;
}

static inline void case_random_prices(struct problem_prices *prices, uint64_t *random)
{
    prices->peak_per_kw = case_chance(random, 0.5) ? case_uniform(random, 0, 10) : 0;
    prices->carbon_per_t = case_uniform(random, 0, 100);
    prices->delay_per_mwh_h = case_chance(random, 0.7) ? 1 : 0;
    prices->churn = case_chance(random, 0.7) ? 0.3 : 0;
    prices->change_gain = case_chance(random, 0.3) ? 0.1 : 0;
    for (int c = 0; c < JOB_CLASSES; c++)
        prices->lateness_per_mwh_h[c] = case_chance(random, 0.5) ? case_uniform(random, 0, 100) : 0;
    if (case_chance(random, 0.7))
        prices->unserved_per_mwh[JOB_SCAVENGER] = case_uniform(random, 0, 120);
    prices->lateness_per_mwh[JOB_SCAVENGER] = prices->lateness_per_mwh_h[JOB_SCAVENGER] = 0;
}

/* Anything a site may look like, and several of them, on mixed slots or hours. */
static inline struct problem *case_random(uint64_t seed)
{
    uint64_t random = seed * 7919 + 13;
    case_uniform(&random, 0, 1);
    struct problem *problem =
        case_sites(case_chance(&random, 0.6) ? 1 : case_number(&random, 2, 3));
    int32_t hours = case_number(&random, 2, problem->site_count == 1 ? 30 : 14);
    problem->issue_ms = CASE_START_MS + (int64_t)case_uniform(&random, 0, 3600e3);
    if (case_chance(&random, 0.3))
        problem_slots(problem, problem->issue_ms, &(struct problem_grid){0, 0, hours});
    else
        problem_slots(problem, problem->issue_ms, &(struct problem_grid){1, 8, hours});
    for (int32_t s = 0; s < problem->site_count; s++)
        case_random_site(problem, s, &random);
    case_random_links(problem, &random);
    case_random_prices(&problem->prices, &random);
    if (case_chance(&random, 0.3))
        case_random_scenarios(problem, &random);
    int32_t jobs = case_chance(&random, 0.1) ? 0 : case_number(&random, 1, 30);
    while (problem->job_count < jobs)
        case_random_job(problem, &random);
    return problem;
}

#endif
