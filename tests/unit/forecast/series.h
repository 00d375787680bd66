/* Synthetic series for the tests of this folder: what a site could look like, from a fixed seed. */
#ifndef TIDEWATT_TESTS_UNIT_FORECAST_SERIES_H
#define TIDEWATT_TESTS_UNIT_FORECAST_SERIES_H

#include <math.h>
#include <stdint.h>

#include "controller/forecast/forecast.h"

enum { DAY_STEPS = 96 };
static const int64_t MONDAY_MS = 1781481600000; /* 2026-06-15T00:00Z */

/* cmocka's own compares as float. */
#define assert_near(a, b, most) assert_true(fabs((double)(a) - (double)(b)) <= (most))

struct noise {
    uint64_t state;
};

static inline double noise_uniform(struct noise *noise) /* [0, 1) */
{
    noise->state = noise->state * 6364136223846793005u + 1442695040888963407u;
    return (double)(noise->state >> 11) / 9007199254740992.0;
}

static inline double noise_normal(struct noise *noise)
{
    double sum = 0.0;
    for (int i = 0; i < 12; i++)
        sum += noise_uniform(noise);
    return sum - 6.0;
}

static inline int64_t step_ms(int64_t step)
{
    return MONDAY_MS + step * FORECAST_STEP_MS;
}

/* A daily wave around `level`. */
static inline double diurnal(int64_t step, double level, double swing)
{
    return level + swing * sin(2.0 * M_PI * (double)(step % DAY_STEPS) / DAY_STEPS);
}

#endif
