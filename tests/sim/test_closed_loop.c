/* Site days of the whole controller against the twin's physics: energy adds up, limits hold under
 * faults, control pays, and every seed is reproducible. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "tests/sim/closed_loop.h"

static const int64_t START_MS = INT64_C(1781481600000); /* 2026-06-15T00:00:00Z */

static uint32_t roll(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static double between(uint64_t *state, double low, double high)
{
    return low + (high - low) * roll(state) / 2147483648.0;
}

static void add_jobs(struct sim *sim, uint64_t seed)
{
    for (int j = 0; j < 40; j++) {
        double submit_h = between(&seed, 0, 14), work_h = between(&seed, 0.5, 5);
        struct job job = {
            .id = j + 1,
            .job_class = j % 8 == 0   ? JOB_GUARANTEED
                         : j % 8 == 1 ? JOB_SCAVENGER
                                      : JOB_DEFERRABLE,
            .power_w = between(&seed, 10e3, 50e3),
            .work_ms = (int64_t)(work_h * HOUR_MS),
            .release_ms = START_MS + (int64_t)(submit_h * HOUR_MS),
            .min_run_ms = 30 * MINUTE_MS,
            .can_suspend = j % 8 != 0,
            .feeder = -1,
        };
        job.submitted_ms = job.release_ms;
        job.deadline_ms = job.release_ms + job.work_ms + (int64_t)(between(&seed, 2, 8) * HOUR_MS);
        snprintf(job.name, sizeof job.name, "job-%d", j + 1);
        sim_add_job(sim, &job);
    }
}

static double true_pue(const struct sim *sim)
{
    return sim->plant.energy_wh[FLOW_FACILITY] / sim->plant.energy_wh[FLOW_IT];
}

static int late_jobs(const struct sim *sim)
{
    int late = 0;
    for (int j = 0; j < sim->job_count; j++) {
        const struct job *job = &sim->jobs[j];
        bool in_time = job->state == JOB_COMPLETED && job->ended_ms <= job->deadline_ms;
        late += !in_time;
        if (!in_time)
            print_message("  late: %s %s %s, %d suspensions, %s\n", job->name,
                          job_class_name(job->job_class), job_state_name(job->state),
                          job->suspensions, reason_name(job->reason));
    }
    return late;
}

static void a_calm_day(void **state)
{
    (void)state;
    static struct sim sim;
    sim_start(&sim, SITE_FILE, MODE_CONTROL, 1, START_MS);
    add_jobs(&sim, 1);
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
    for (int f = 0; f < 5; f++) {
        int64_t from = START_MS + (int64_t)(between(&seed, 1, 21) * HOUR_MS);
        struct sim_fault fault = {devices[f], from,
                                  from + (int64_t)between(&seed, 2, 90) * MINUTE_MS, 0};
        sim_add_fault(sim, &fault);
    }
    int64_t cut = START_MS + (int64_t)(between(&seed, 1, 12) * HOUR_MS);
    struct sim_fault limit = {NULL, cut, cut + 2 * (int64_t)HOUR_MS, between(&seed, 260e3, 360e3)};
    sim_add_fault(sim, &limit);
    struct sim_fault silent = {NULL, cut + 5 * (int64_t)HOUR_MS, cut + 6 * (int64_t)HOUR_MS,
                               (double)NAN};
    sim_add_fault(sim, &silent);
}

static void faults_cross_no_limit(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SIM_SEEDS; seed++) {
        static struct sim sim;
        sim_start(&sim, SITE_FILE, MODE_CONTROL, seed, START_MS);
        add_jobs(&sim, seed);
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
        sim_start(&sim, SITE_FILE, MODE_CONTROL, 5, START_MS);
        add_jobs(&sim, 5);
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
    sim_start(&sim, SITE_FILE, MODE_OBSERVE, 2, START_MS);
    add_jobs(&sim, 2);
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
