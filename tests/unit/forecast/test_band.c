/* Bands keep their promise on errors that no distribution fits and that change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "controller/forecast/band.h"
#include "controller/forecast/by_hour.h"
#include "tests/unit/forecast/series.h"

enum { ERRORS = 12000, WARM = 400, SAMPLE = 10 };

/* Heavy tails: normal over the root of a uniform one, as Student's with two degrees. */
static double heavy(struct noise *noise)
{
    double over = fmax(1e-4, noise_uniform(noise));
    return noise_normal(noise) / sqrt(over);
}

typedef double error_at(int i, struct noise *noise);

static double heavy_tails(int i, struct noise *noise)
{
    (void)i;
    return heavy(noise);
}

/* Their size swings by a factor of nine within a quarter of a year of eight a day. */
static double breathing(int i, struct noise *noise)
{
    return exp(1.1 * sin(2.0 * M_PI * i / 700.0)) * noise_normal(noise);
}

/* Larger by a third each month. */
static double growing(int i, struct noise *noise)
{
    return exp(i / 800.0) * noise_normal(noise);
}

static double skewed(int i, struct noise *noise)
{
    (void)i;
    double normal = noise_normal(noise);
    return exp(normal) - 1.0;
}

static void covers(error_at *error, double least, double most)
{
    static struct band band;
    static float offset[FORECAST_STEPS][QUANTILES];
    struct noise noise = {11};
    int inside = 0;
    band = (struct band){0};
    for (int i = 0; i < ERRORS; i++) {
        band_offsets(&band, 1.0, 0, offset);
        const float *at = offset[lead_sample_step[SAMPLE]];
        double came = error(i, &noise);
        for (int q = 1; q < QUANTILES; q++)
            assert_true(at[q] >= at[q - 1]);
        inside += i >= WARM && came >= (double)at[1] && came <= (double)at[QUANTILES - 2];
        band_learn(&band, SAMPLE, came, at);
    }
    double share = (double)inside / (ERRORS - WARM);
    if (share < least || share > most)
        fail_msg("P10-P90 covers %.4f", share);
}

static void whatever_comes(void **state)
{
    (void)state;
    covers(heavy_tails, 0.78, 0.82);
    covers(breathing, 0.78, 0.82);
    covers(growing, 0.78, 0.82);
    covers(skewed, 0.78, 0.82);
}

/* Nothing learnt: as assumed, with the root of the lead; what is old is as unsure as what is far.
 */
static void assumed(void **state)
{
    (void)state;
    static float offset[FORECAST_STEPS][QUANTILES], old[FORECAST_STEPS][QUANTILES];
    static const struct band none;
    band_offsets(&none, 10.0, 0, offset);
    assert_near(offset[95][1], -12.82, 0.01);
    assert_near(offset[383][5], 25.64, 0.02);
    band_offsets(&none, 10.0, 96, old);
    assert_near(old[95][5], 12.82 * sqrt(2.0), 0.2);
    assert_true(old[383][6] > offset[383][6]);
}

/* Evenings are three times as unsure as other hours: the unit follows, drawn towards the mean. */
static void unsure_hours(void **state)
{
    (void)state;
    static struct by_hour by_hour;
    assert_true(by_hour_scale(&by_hour, 0) == 1.0f);
    for (int64_t step = 0; step < 96 * 120; step += 4)
        by_hour_learn(&by_hour, step, step / 4 % 24 == 18 ? -30.0 : 10.0);
    double mean = (23 * 10.0 + 30.0) / 24.0, all = 0.0;
    assert_true(fabs((double)by_hour_scale(&by_hour, 18 * 4 + 3) - (0.3 + 0.7 * 30.0 / mean)) <
                0.02);
    assert_true(fabs((double)by_hour_scale(&by_hour, -5) - (0.3 + 0.7 * 10.0 / mean)) < 0.02);
    for (int64_t hour = 0; hour < 24; hour++)
        all += (double)by_hour_scale(&by_hour, hour * 4) / 24.0;
    assert_true(fabs(all - 1.0) < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_comes),
        cmocka_unit_test(assumed),
        cmocka_unit_test(unsure_hours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
