/* Site days of the whole controller against the twin's physics: energy adds up, limits hold under
 * faults, control pays, and every seed is reproducible. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "tests/sim/scenario.h"

#define START_MS sim_setup_default.start_ms

static void add_jobs(struct sim *sim, uint64_t seed)
{
    struct dice dice = {seed};
    for (int j = 0; j < 40; j++) {
        double submit_h = dice_between(&dice, 0, 14), work_h = dice_between(&dice, 0.5, 5);
        struct job job = {
            .id = j + 1,
            .job_class = j % 8 == 0   ? JOB_GUARANTEED
                         : j % 8 == 1 ? JOB_SCAVENGER
                                      : JOB_DEFERRABLE,
            .power_w = dice_between(&dice, 10e3, 50e3),
            .work_ms = (int64_t)(work_h * HOUR_MS),
            .release_ms = START_MS + (int64_t)(submit_h * HOUR_MS),
            .min_run_ms = 30 * MINUTE_MS,
            .can_suspend = j % 8 != 0,
            .feeder = -1,
            .group = -1,
        };
        job.submitted_ms = job.release_ms;
        job.deadline_ms =
            job.release_ms + job.work_ms + (int64_t)(dice_between(&dice, 2, 8) * HOUR_MS);
        snprintf(job.name, sizeof job.name, "job-%d", j + 1);
        batch_add(&sim->batch, &job, NULL);
    }
}

static double true_pue(const struct sim *sim)
{
    return sim->plant.energy_wh[FLOW_FACILITY] / sim->plant.energy_wh[FLOW_IT];
}

static int late_jobs(const struct sim *sim)
{
    int late = 0;
    for (int j = 0; j < sim->batch.count; j++) {
        const struct job *job = &sim->batch.jobs[j];
        bool in_time = job->state == JOB_COMPLETED && job->ended_ms <= job->deadline_ms;
        late += !in_time;
        if (!in_time)
            print_message("  late: %s %s %s, %d suspensions, %s\n", job->name,
                          job_class_name(job->job_class), job_state_name(job->state),
                          job->suspensions, reason_name(job->reason));
    }
    return late;
}

static void start_day(struct sim *sim, enum mode mode, uint64_t seed)
{
    struct sim_setup setup = sim_setup_default;
    setup.site_path = SITE_FILE;
    setup.mode = mode;
    setup.seed = seed;
    sim_start(sim, &setup);
    add_jobs(sim, seed);
}

static void a_calm_day(void **state)
{
    (void)state;
    static struct sim sim;
    start_day(&sim, MODE_CONTROL, 1);
    sim_run(&sim, START_MS + DAY_MS);
    sim_account(&sim);
    print_message("%d plans, %d starts, %d suspensions, PUE %.4f (true %.4f), cost %.0f\n",
                  sim.totals.plans, sim.totals.starts, sim.totals.suspensions,
                  sim.totals.facility_wh / sim.totals.it_wh, true_pue(&sim), sim.totals.cost);
    assert_true(sim.totals.plans >= 40);
    assert_int_equal(sim.totals.rejected, 0);
    assert_int_equal(sim.totals.accounts, 96);
    assert_int_equal(sim.totals.unknown_accounts, 1); /* the first reading comes after its start */
    assert_true(fabs(sim.totals.facility_wh / sim.totals.it_wh / true_pue(&sim) - 1) < 0.002);
    assert_true(sim.totals.longest_over_limit_s < 60);
    assert_true(sim.totals.worst_feeder_w < 5e3);
    assert_true(sim.totals.least_soc_pct > 19.5);
    assert_int_equal(late_jobs(&sim), 0);
    sim_finish(&sim);
}

/* Lost meters, a lost battery, a limit cut and a silent grid master at random times. */
static void add_faults(struct sim *sim, uint64_t seed)
{
    static const char *const devices[] = {"utility", "pv", "battery", "pdu-a2", "market"};
    struct dice dice = {seed};
    for (int f = 0; f < 5; f++) {
        int64_t from = START_MS + (int64_t)(dice_between(&dice, 1, 21) * HOUR_MS);
        int64_t minutes = (int64_t)dice_between(&dice, 2, 90);
        const struct site_fault fault = {
            .device = devices[f], .from_ms = from, .to_ms = from + minutes * MINUTE_MS};
        faults_add(&sim->faults, &fault);
    }
    int64_t cut = START_MS + (int64_t)(dice_between(&dice, 1, 12) * HOUR_MS);
    const struct site_fault limit = {.kind = FAULT_GRID_LIMIT,
                                     .from_ms = cut,
                                     .to_ms = cut + 2 * (int64_t)HOUR_MS,
                                     .value = dice_between(&dice, 260e3, 360e3)};
    faults_add(&sim->faults, &limit);
    const struct site_fault silent = {.kind = FAULT_GRID_SILENT,
                                      .from_ms = cut + 5 * (int64_t)HOUR_MS,
                                      .to_ms = cut + 6 * (int64_t)HOUR_MS};
    faults_add(&sim->faults, &silent);
}

static void faults_cross_no_limit(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SIM_SEEDS; seed++) {
        static struct sim sim;
        start_day(&sim, MODE_CONTROL, seed);
        add_faults(&sim, seed * 977);
        sim_run(&sim, START_MS + DAY_MS);
        sim_account(&sim);
        print_message("seed %d: over limit %.0f s, feeder %+.1f kW, SoC >= %.1f %%, late %d, "
                      "unknown quarters %d\n",
                      (int)seed, sim.totals.longest_over_limit_s, sim.totals.worst_feeder_w / 1e3,
                      sim.totals.least_soc_pct, late_jobs(&sim), sim.totals.unknown_accounts);
        assert_int_equal(sim.totals.rejected, 0);
        assert_false(sim.totals.rose_unknown);
        assert_true(sim.totals.longest_over_limit_s <= 2 * SIM_TICK_MS / 1e3);
        assert_true(sim.totals.worst_feeder_w < 5e3);
        assert_true(sim.totals.least_soc_pct > 19.5);
        /* Counters lose no energy however long their device was silent. */
        assert_true(sim.totals.unknown_accounts <= 1);
        assert_true(fabs(sim.totals.facility_wh / sim.totals.it_wh / true_pue(&sim) - 1) < 0.005);
        sim_finish(&sim);
    }
}

static void the_same_seed_is_the_same_day(void **state)
{
    (void)state;
    double cost[2];
    for (int run = 0; run < 2; run++) {
        static struct sim sim;
        start_day(&sim, MODE_CONTROL, 5);
        sim_run(&sim, START_MS + 6 * (int64_t)HOUR_MS);
        sim_account(&sim);
        cost[run] = sim.totals.cost;
        sim_finish(&sim);
    }
    assert_true(cost[0] == cost[1]);
}

static void observing_touches_nothing(void **state)
{
    (void)state;
    static struct sim sim;
    start_day(&sim, MODE_OBSERVE, 2);
    sim_run(&sim, START_MS + 4 * (int64_t)HOUR_MS);
    assert_int_equal(sim.totals.starts, 0);
    assert_true(sim.plant.energy_wh[FLOW_CHARGE] == 0);
    assert_true(sim.plant.energy_wh[FLOW_DISCHARGE] == 0);
    assert_true(sim.totals.plans > 0);
    sim_finish(&sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_calm_day),
        cmocka_unit_test(faults_cross_no_limit),
        cmocka_unit_test(the_same_seed_is_the_same_day),
        cmocka_unit_test(observing_touches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
