/* Random series that are a pure function of seed and time: any moment can be asked for, in any
 * order, and a restarted twin meets the same weather. */
#ifndef TIDEWATT_TWIN_NOISE_H
#define TIDEWATT_TWIN_NOISE_H

#include <stdbool.h>
#include <stdint.h>

/* First-order autoregressive noise of mean 0 and variance 1 on a grid of `step_ms`, straight
 * lines in between. The two knots around the last asked time are kept; the value never depends
 * on what was asked before. */
struct noise {
    uint64_t seed;
    int64_t step_ms;
    double memory; /* correlation of neighbouring knots */
    int terms;     /* innovations that still matter */
    bool primed;
    int64_t knot; /* index of at[0] */
    double at[2];
};

/* `memory_ms`: time after which the correlation has fallen to 1/e. */
void noise_init(struct noise *noise, uint64_t seed, uint32_t stream, int64_t step_ms,
                int64_t memory_ms);
double noise_at(struct noise *noise, int64_t time_ms);

uint64_t noise_hash(uint64_t seed, uint64_t index);  /* 64 well mixed bits */
double noise_uniform(uint64_t seed, uint64_t index); /* in (0, 1) */
double noise_share(double gauss); /* standard normal distribution function: gauss -> (0, 1) */

#endif
