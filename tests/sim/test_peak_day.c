/* Peak shaving: metered import stays under the contracted capacity whenever the battery's energy
 * allows, with a plan and without one; where it does not, that is named and the reserve stays. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "tests/sim/closed_loop.h"

static const double DEADBAND_W = 2500; /* of the set-point, with rounding */

/* What an observer keeps of a day. */
struct peak_day {
    double threshold_w;
    double before_w;   /* import without battery in the tick before */
    double worst_w;    /* most import above what the battery could hold */
    int held_ticks;    /* in which the battery was needed and able */
    int reserve_ticks; /* in which it was needed and at its reserve */
    int named_ticks;   /* of those, with the reserve as the recorded reason */
    bool reserve_told; /* it is the battery's last recorded reason */
};

static void note_reason(const struct sim *sim, struct peak_day *day)
{
    for (int i = 0; i < sim->output.decision_count; i++) {
        const struct command *command = &sim->output.decisions[i].command;
        if (command->verb == VERB_SETPOINT && command->subsystem == SUBSYSTEM_BATTERY)
            day->reserve_told = command->reason == REASON_LIMIT_SOC_RESERVE;
    }
}

/* The step that just ended was run with the set-point of the tick before. */
static void observe(struct sim *sim, void *context)
{
    struct peak_day *day = context;
    const struct battery *battery = &sim->plant.battery;
    double import_w = sim->plant.power_w[FLOW_IMPORT] - sim->plant.power_w[FLOW_EXPORT];
    double without_w = import_w + battery->power_w;
    double reserve_pct = sim->cycle_config.guard.soc_min_pct;
    bool needed = without_w > day->threshold_w && day->before_w > day->threshold_w;
    bool able = battery_soc_pct(battery) > reserve_pct + 0.2 &&
                battery_discharge_max_w(battery) > without_w - day->threshold_w;
    if (needed && able) {
        day->held_ticks++;
        day->worst_w =
            fmax(day->worst_w, import_w - fmax(without_w - day->before_w, 0) - day->threshold_w);
    }
    if (needed && battery_soc_pct(battery) <= reserve_pct) {
        day->reserve_ticks++;
        day->named_ticks += day->reserve_told;
    }
    note_reason(sim, day);
    day->before_w = without_w;
}

struct range {
    double low, sum, high;
    int count;
};

static void add(struct range *range, double value)
{
    range->low = range->count == 0 ? value : fmin(range->low, value);
    range->high = range->count == 0 ? value : fmax(range->high, value);
    range->sum += value;
    range->count++;
}

static void print_range(const char *name, const struct range *range)
{
    print_message("  %-10s %8.1f %8.1f %8.1f\n", name, range->low / 1e3,
                  range->sum / range->count / 1e3, range->high / 1e3);
}

/* The four series as the ledger has them, quarter hours in kW. Returns the highest import. */
static double print_series(const struct sim *sim)
{
    static const double PER_H = (double)HOUR_MS / QUARTER_MS;
    struct range facility = {0}, import = {0}, battery = {0}, threshold = {0};
    for (int q = 1; q < SIM_QUARTERS; q++) {
        const struct account *account = &sim->accounts[q];
        const struct balance *balance = &account->balance;
        if (account->end_ms == 0)
            continue;
        add(&facility, balance->facility.wh * PER_H);
        add(&import, balance->import.wh * PER_H);
        add(&battery, (balance->discharge.wh - balance->charge.wh) * PER_H);
        add(&threshold, account->threshold_w);
    }
    print_message("  kW              low     mean     high\n");
    print_range("facility", &facility);
    print_range("import", &import);
    print_range("battery", &battery);
    print_range("threshold", &threshold);
    return import.high;
}

static void add_job(struct sim *sim, enum job_class class, double power_w, double start_h,
                    double work_h)
{
    struct job job = {
        .id = sim->batch.count + 1,
        .job_class = class,
        .power_w = power_w,
        .work_ms = (int64_t)(work_h * HOUR_MS),
        .submitted_ms = sim->setup.start_ms + (int64_t)(start_h * HOUR_MS),
        .can_suspend = class >= JOB_DEFERRABLE,
        .feeder = -1,
        .group = -1,
    };
    job.release_ms = job.submitted_ms;
    job.deadline_ms = job.release_ms + job.work_ms + 6 * (int64_t)HOUR_MS;
    snprintf(job.name, sizeof job.name, "job-%d", (int)job.id);
    batch_add(&sim->batch, &job, NULL);
}

static void contract(struct cycle_config *config, const void *context)
{
    const struct peak_day *day = context;
    config->threshold_w = day->threshold_w;
}

/* Guaranteed jobs make the evening's peak, deferrable ones could lie beside it. */
static double run(struct sim *sim, struct peak_day *day, double soc_share, bool planner_fails)
{
    struct sim_setup setup = sim_setup_default;
    setup.site_path = SITE_FILE;
    setup.seed = 4;
    setup.adjust = contract;
    setup.context = day;
    setup.soc_share = soc_share;
    setup.planner_fails = planner_fails;
    sim_start(sim, &setup);
    sim->observer = observe;
    sim->observer_context = day;
    for (int j = 0; j < 3; j++)
        add_job(sim, JOB_GUARANTEED, 45e3, 18 + 0.1 * j, 4);
    for (int j = 0; j < 8; j++)
        add_job(sim, JOB_DEFERRABLE, 40e3, 2.0 * j, 2);
    sim_run(sim, setup.start_ms + DAY_MS);
    sim_account(sim);
    return print_series(sim);
}

static void finish(struct sim *sim, const struct peak_day *day)
{
    print_message("  needed and able in %d ticks, worst %+.1f kW; needed at the reserve in %d, "
                  "named in %d\n",
                  day->held_ticks, day->worst_w / 1e3, day->reserve_ticks, day->named_ticks);
    assert_true(sim->totals.least_soc_pct > sim->cycle_config.guard.soc_min_pct - 0.15);
    assert_int_equal(sim->totals.rejected, 0);
    assert_int_equal(sim->watch.violations, 0);
    sim_finish(sim);
}

static void energy_allows_and_import_is_held(void **state)
{
    (void)state;
    static struct sim sim;
    struct peak_day day = {.threshold_w = 400e3};
    double highest_w = run(&sim, &day, 0.6, false);
    assert_true(day.held_ticks > 300);
    assert_true(day.worst_w <= DEADBAND_W);
    assert_true(highest_w <= day.threshold_w);
    assert_int_equal(day.reserve_ticks, 0);
    finish(&sim, &day);
}

static void without_a_plan_it_is_held_as_well(void **state)
{
    (void)state;
    static struct sim sim;
    struct peak_day day = {.threshold_w = 430e3};
    double highest_w = run(&sim, &day, 0.6, true);
    assert_int_equal(sim.totals.plans, 0);
    assert_true(day.held_ticks > 300);
    assert_true(day.worst_w <= DEADBAND_W);
    assert_true(highest_w <= day.threshold_w);
    finish(&sim, &day);
}

static void an_empty_battery_is_named_and_keeps_its_reserve(void **state)
{
    (void)state;
    static struct sim sim;
    struct peak_day day = {.threshold_w = 320e3};
    run(&sim, &day, 0.3, true);
    assert_true(day.held_ticks > 300);
    assert_true(day.worst_w <= DEADBAND_W);
    assert_true(day.reserve_ticks > 100);
    assert_true(day.named_ticks >= day.reserve_ticks - 2);
    finish(&sim, &day);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energy_allows_and_import_is_held),
        cmocka_unit_test(without_a_plan_it_is_held_as_well),
        cmocka_unit_test(an_empty_battery_is_named_and_keeps_its_reserve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
