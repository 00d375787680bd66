/* Site days in which anything goes wrong that may, and no safety limit is crossed.
 *
 *   test_random_days FROM TO    the days of these seeds; the last line is "N passed, N failed"
 *   test_random_days SEED       one day, with its faults and what became of it */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "controller/base/utc.h"
#include "tests/sim/scenario.h"

static struct sim sim;

static void run_day(uint64_t seed, bool told)
{
    struct sim_setup setup = sim_setup_default;
    setup.site_path = seed % 2 == 0 ? FULL_SITE_FILE : SITE_FILE;
    scenario_setup(seed, &setup);
    sim_start(&sim, &setup);
    scenario_fill(&sim, seed);
    if (told)
        scenario_print(&sim);
    sim_run(&sim, setup.start_ms + DAY_MS);
    sim_account(&sim);
    watch_day(&sim);
}

static void add_up(const struct sim_totals *day, struct sim_totals *sum)
{
    sum->plans += day->plans;
    sum->starts += day->starts;
    sum->suspensions += day->suspensions;
    sum->levels += day->levels;
    sum->accounts += day->accounts;
    sum->unknown_accounts += day->unknown_accounts;
    sum->longest_over_limit_s = fmax(sum->longest_over_limit_s, day->longest_over_limit_s);
}

static void print_totals(const struct sim_totals *t)
{
    printf("%d plans, %d starts, %d suspensions, %d changes of level, %d of %d quarter hours "
           "unknown\n",
           t->plans, t->starts, t->suspensions, t->levels, t->unknown_accounts, t->accounts);
}

int main(int argc, char **argv)
{
    uint64_t from = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    uint64_t to = argc > 2 ? strtoull(argv[2], NULL, 10) : from;
    struct sim_totals sum = {0};
    int failed = 0;
    if (from == 0 || to < from) {
        fprintf(stderr, "test_random_days FROM [TO]: seeds from 1\n");
        return EXIT_FAILURE;
    }
    for (uint64_t seed = from; seed <= to; seed++) {
        run_day(seed, argc == 2);
        add_up(&sim.totals, &sum);
        if (sim.watch.violations > 0) {
            failed++;
            fprintf(stderr, "again: %s %llu\n", argv[0], (unsigned long long)seed);
        }
        sim_finish(&sim);
    }
    print_totals(&sum);
    printf("%d passed, %d failed\n", (int)(to - from + 1) - failed, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
