/* A random site day by seed: its season, its jobs, and what goes wrong. */
#ifndef TIDEWATT_TESTS_SIM_SCENARIO_H
#define TIDEWATT_TESTS_SIM_SCENARIO_H

#include "tests/sim/closed_loop.h"

/* A plain generator, so that a seed means the same day on every machine. */
struct dice {
    uint64_t state;
};
double dice_between(struct dice *dice, double low, double high);
int dice_below(struct dice *dice, int count); /* 0 to count - 1 */
bool dice_happens(struct dice *dice, double share);

/* Minute ticks; season and charge depend on the seed. The site is left to the caller. */
void scenario_setup(uint64_t seed, struct sim_setup *setup);
/* After sim_start. */
void scenario_fill(struct sim *sim, uint64_t seed);
/* The jobs and faults on stdout. */
void scenario_print(const struct sim *sim);

#endif
