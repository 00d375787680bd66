/* Noise as a truncated moving average over hashed innovations: x_k = s * sum a^j e(k-j). That is
 * an AR(1) process without a state that would have to be wound forward from some origin. */
#include "tools/twin/noise.h"

#include <math.h>

#include "controller/base/utc.h"

static const double NEGLIGIBLE = 0.005; /* weight below which an innovation is left out */

uint64_t noise_hash(uint64_t seed, uint64_t index)
{
    uint64_t z = seed + (index + 1) * UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

double noise_uniform(uint64_t seed, uint64_t index)
{
    return ((double)(noise_hash(seed, index) >> 11) + 0.5) / 9007199254740992.0;
}

static double gauss(uint64_t seed, int64_t knot)
{
    double radius = sqrt(-2 * log(noise_uniform(seed, 2 * (uint64_t)knot)));

    return radius * cos(2 * M_PI * noise_uniform(seed, 2 * (uint64_t)knot + 1));
}

double noise_share(double value)
{
    return 0.5 * erfc(-value / M_SQRT2);
}

void noise_init(struct noise *noise, uint64_t seed, uint32_t stream, int64_t step_ms,
                int64_t memory_ms)
{
    double memory = exp(-(double)step_ms / (double)memory_ms);

    *noise = (struct noise){
        .seed = noise_hash(seed, stream),
        .step_ms = step_ms,
        .memory = memory,
        .terms = (int)ceil(log(NEGLIGIBLE) / log(memory)),
    };
}

static double value_at_knot(const struct noise *noise, int64_t knot)
{
    double sum = 0;

    for (int j = noise->terms; j >= 0; j--)
        sum = sum * noise->memory + gauss(noise->seed, knot - j);
    return sum * sqrt(1 - noise->memory * noise->memory);
}

double noise_at(struct noise *noise, int64_t time_ms)
{
    int64_t start_ms = utc_floor(time_ms, noise->step_ms);
    int64_t knot = start_ms / noise->step_ms;
    double share = (double)(time_ms - start_ms) / (double)noise->step_ms;

    if (!noise->primed || knot != noise->knot) {
        bool next = noise->primed && knot == noise->knot + 1;

        noise->at[0] = next ? noise->at[1] : value_at_knot(noise, knot);
        noise->at[1] = value_at_knot(noise, knot + 1);
        noise->knot = knot;
        noise->primed = true;
    }
    return noise->at[0] + share * (noise->at[1] - noise->at[0]);
}
