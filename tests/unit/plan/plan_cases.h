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

/* `hours` slots of an hour at 100 /MWh on one feeder of 100 kW: no base load, battery or green
 * power, and every price but that of lateness is 0. */
static inline struct problem *case_plain(int32_t hours)
{
    struct problem *problem = problem_create(64);
    assert(problem);
    problem->issue_ms = CASE_START_MS;
    problem->slot_count = hours;
    for (int32_t t = 0; t < hours; t++)
        problem->slots[t] = (struct problem_slot){.start_ms = CASE_START_MS + t * CASE_HOUR_MS,
                                                  .length_ms = CASE_HOUR_MS,
                                                  .price_import_per_mwh = 100,
                                                  .import_limit_w = 1e6,
                                                  .export_limit_w = 1e6};
    problem->feeder_count = 1;
    problem->feeders[0].limit_w = 100e3;
    for (int c = 0; c < JOB_CLASSES; c++) {
        problem->prices.lateness_per_mwh[c] = 1000;
        problem->prices.unserved_per_mwh[c] = 5000;
    }
    problem->prices.breach_per_mwh = 5000;
    return problem;
}

/* Adds a deferrable job of 10 kW that is released at once. */
static inline struct problem_job *case_job(struct problem *problem, double work_h,
                                           double deadline_h)
{
    assert(problem->job_count < problem->job_room);
    struct problem_job *job = &problem->jobs[problem->job_count++];
    *job = (struct problem_job){.id = problem->job_count,
                                .job_class = JOB_DEFERRABLE,
                                .power_w = 10e3,
                                .remaining_ms = (int64_t)(work_h * (double)CASE_HOUR_MS),
                                .release_ms = CASE_START_MS,
                                .deadline_ms =
                                    CASE_START_MS + (int64_t)(deadline_h * (double)CASE_HOUR_MS),
                                .feeder = -1};
    return job;
}

static inline void case_battery(struct problem *problem)
{
    problem->battery = (struct problem_battery){.capacity_wh = 100e3,
                                                .soc_wh = 20e3,
                                                .soc_min_wh = 20e3,
                                                .soc_max_wh = 90e3,
                                                .charge_max_w = 50e3,
                                                .discharge_max_w = 50e3,
                                                .charge_efficiency = 0.95,
                                                .discharge_efficiency = 0.95};
}

static inline void case_random_slots(struct problem *problem, uint64_t *random)
{
    bool odd_prices = case_chance(random, 0.2); /* below 0, or fed in dearer than bought */
    bool no_export = case_chance(random, 0.2), tight_import = case_chance(random, 0.2);
    bool overload = case_chance(random, 0.1);
    double pv_w = case_chance(random, 0.3) ? 0 : 200e3, wind_w = case_chance(random, 0.3) ? 0 : 1e5;
    for (int32_t t = 0; t < problem->slot_count; t++) {
        struct problem_slot *slot = &problem->slots[t];
        slot->pv_w = pv_w * case_uniform(random, 0, 1);
        slot->wind_w = wind_w * case_uniform(random, 0, 1);
        for (int32_t f = 0; f < problem->feeder_count; f++)
            slot->base_it_w[f] =
                problem->feeders[f].limit_w * case_uniform(random, 0.2, overload ? 1.2 : 0.7);
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

static inline void case_random_job(struct problem *problem, uint64_t *random)
{
    double span_h = (double)(problem_end_ms(problem) - problem->slots[0].start_ms) / 3600e3;
    struct problem_job *job = case_job(problem, case_uniform(random, 0.1, span_h / 2), 0);
    job->job_class = (enum job_class)case_uniform(random, 0, JOB_CLASSES);
    job->power_w = case_uniform(random, 5e3, case_chance(random, 0.05) ? 500e3 : 60e3);
    job->running = case_chance(random, 0.2);
    bool tied = job->running || case_chance(random, 0.1);
    job->feeder = tied ? (int32_t)case_uniform(random, 0, problem->feeder_count) : -1;
    job->release_ms = problem->slots[0].start_ms;
    if (case_chance(random, 0.5))
        job->release_ms += (int64_t)(case_uniform(random, 0, 1.1 * span_h) * 3600e3);
    job->deadline_ms =
        job->release_ms + (int64_t)(case_uniform(random, -0.2, 1.5) * span_h * 3600e3);
    if (case_chance(random, 0.1))
        job->deadline_ms = JOB_NO_DEADLINE;
    job->can_suspend = case_chance(random, 0.5);
    job->min_run_ms = case_chance(random, 0.5) ? 1800000 : 0;
}

static inline struct problem *case_random(uint64_t seed)
{
    uint64_t random = seed * 7919 + 13;
    struct problem *problem = case_plain(1);
    problem->feeder_count = case_chance(&random, 0.5) ? 1 : 2;
    problem->feeders[0].limit_w = problem->feeders[1].limit_w = 150e3;
    problem->issue_ms = CASE_START_MS + (int64_t)case_uniform(&random, 0, 3600e3);
    problem_slots(problem, problem->issue_ms, (int32_t)case_uniform(&random, 2, 30));
    case_random_slots(problem, &random);
    if (!case_chance(&random, 0.2)) {
        case_battery(problem);
        problem->battery.soc_wh = case_uniform(&random, 0, 100e3);
        problem->battery.wear_per_mwh = case_chance(&random, 0.5) ? 10 : 0;
        problem->battery.end_value_per_mwh = 60;
    }
    problem->peak_so_far_w = case_uniform(&random, 0, 300e3);
    problem->prices.peak_per_kw = case_chance(&random, 0.5) ? case_uniform(&random, 0, 10) : 0;
    problem->prices.carbon_per_t = case_uniform(&random, 0, 100);
    problem->prices.delay_per_mwh_h = case_chance(&random, 0.7) ? 1 : 0;
    problem->prices.churn = case_chance(&random, 0.7) ? 0.3 : 0;
    int32_t jobs = case_chance(&random, 0.1) ? 0 : (int32_t)case_uniform(&random, 1, 30);
    while (problem->job_count < jobs)
        case_random_job(problem, &random);
    return problem;
}

#endif
