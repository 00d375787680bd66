/* The regression finds what made its series; residuals; the mix of sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "controller/base/utc.h"
#include "controller/forecast/mix.h"
#include "tests/unit/forecast/blocks.h"

static const struct regression_form by_sun = {
    .terms = {WEATHER_OF_SUN}, .lead_days = LEAD_DAYS, .order = 24, .half_life_days = 90};
static const struct regression_form by_sun_and_lags = {.terms = {WEATHER_OF_SUN, .lags = true},
                                                       .lead_days = 1,
                                                       .order = 24,
                                                       .half_life_days = 180,
                                                       .by_hours = true};

static struct weather weather;
static struct hourly self;
static struct noise noise;

/* Irradiance and temperature of each hour; forecasts are right, for four days ahead. */
static double ghi_at(int64_t hour)
{
    struct noise own = {(uint64_t)hour * 77 + 5};
    noise_uniform(&own);
    return 300.0 + 200.0 * noise_uniform(&own);
}

static void say_day(int64_t day)
{
    static const int32_t tracks[] = {SERIES_TEMP, INPUT_DEW_POINT, INPUT_WIND_SPEED, INPUT_GHI};
    for (int i = 0; i < 4; i++) {
        struct weather_intake unused;
        struct forecast_block block =
            block_of(tracks[i], BLOCK_FORECAST, day * DAY_STEPS, day * DAY_STEPS, 110, 10.0);
        for (int hour = 0; hour < 110; hour++)
            if (tracks[i] == INPUT_GHI)
                block.value[hour] = (float)ghi_at(day * 24 + hour);
        weather_take(&weather, (enum weather_kind)weather_kind_of(tracks[i]), &block, &unused);
    }
}

static int64_t hour_number(int64_t hour)
{
    return step_ms(hour * HOUR_STEPS) / HOUR_MS;
}

typedef double value_at(int64_t hour);

static void learn(struct regression *regression, value_at *value, int64_t days)
{
    weather_init(&weather);
    hourly_init(&self);
    for (int64_t hour = 0; hour < days * 24; hour++) {
        if (hour % 24 == 0)
            say_day(hour / 24);
        double now = value(hour);
        int64_t closed;
        for (int i = 0; i < HOUR_STEPS; i++)
            if (hourly_add(&self, hour_number(hour) * HOUR_STEPS + i, now, &closed))
                regression_learn(regression, &weather, &self, closed, NULL);
    }
    say_day(days);
}

static struct regression regression;

static void *begin(const struct regression_form *form)
{
    void *room = malloc(regression_room(form));
    regression_init(&regression, form, room);
    noise = (struct noise){3};
    return room;
}

static double sunny(int64_t hour)
{
    return 50.0 + 0.4 * ghi_at(hour);
}

static void coefficients_come_back(void **state)
{
    (void)state;
    void *room = begin(&by_sun);
    assert_true(isnan(regression_value(&regression, &weather, &self, hour_number(5), 0)));
    learn(&regression, sunny, 80);
    for (int day = 0; day < 3; day++)
        for (int64_t hour = (80 + day) * 24; hour < (81 + day) * 24; hour++)
            assert_near(regression_value(&regression, &weather, &self, hour_number(hour), day),
                        sunny(hour), 8.0); /* of 80 that the sun makes; the ridge draws a little */
    free(room);
}

/* A large load that moves by a thousandth: what moves it is found all the same. */
static double large(int64_t hour)
{
    return 1e10 + 1e7 * (sunny(hour) - 210.0) / 25.0;
}

static void large_and_steady(void **state)
{
    (void)state;
    void *room = begin(&by_sun_and_lags);
    learn(&regression, large, 80);
    for (int64_t hour = 80 * 24; hour < 81 * 24; hour++)
        assert_near(regression_value(&regression, &weather, &self, hour_number(hour), 0),
                    large(hour), 0.5e7); /* of +- 3e7 */
    free(room);
}

/* Each day goes on from the one before: nothing but its own past tells it. */
static double daily_level;
static double wandering(int64_t hour)
{
    if (hour % 24 == 0)
        daily_level += 5e6 * noise_normal(&noise);
    return 1e10 + daily_level;
}

static void lags_of_the_large(void **state)
{
    (void)state;
    void *room = begin(&by_sun_and_lags);
    daily_level = 0.0;
    learn(&regression, wandering, 120);
    double mean = 0.0;
    for (int i = 0; i < HOURLY_KEPT; i++)
        mean += (double)self.value[i] / HOURLY_KEPT;
    double level = 1e10 + daily_level;
    double said = regression_value(&regression, &weather, &self, hour_number(120 * 24), 0);
    assert_true(fabs(level - mean) > 1e7); /* it has gone far */
    if (!(fabs(said - level) < 0.3 * fabs(level - mean)))
        fail_msg("said %g, was %g, mean %g", said, level, mean);
    free(room);
}

/* The series comes back after a silence as long as all that is kept of it. */
static void after_a_long_silence(void **state)
{
    (void)state;
    double hour[REGRESSION_AHEAD];
    void *room = begin(&by_sun);
    learn(&regression, sunny, 60);
    int64_t day = 60 + HOURLY_KEPT / 24 + 3, closed;
    for (int i = -4; i <= 0; i++)
        say_day(day + i);
    hourly_add(&self, hour_number(day * 24) * HOUR_STEPS, 100.0, &closed);
    assert_true(regression_predict(&regression, &weather, &self, hour_number(day * 24), (double)NAN,
                                   NULL, hour));
    for (int i = 0; i < 90; i++)
        assert_near(hour[i], sunny(day * 24 + i), 20.0);
    free(room);
}

static double error_of(const void *context, int64_t hour)
{
    const double *error = context;
    return hour >= 0 ? error[hour] : (double)NAN;
}

/* Errors that halve each hour, begun anew at noon. */
static void residuals(void **state)
{
    (void)state;
    enum { HOURS = 90 * 24 };
    static struct residual residual;
    static double error[HOURS];
    noise = (struct noise){9};
    double ahead[24];
    for (int hour = 1; hour < HOURS; hour++) {
        error[hour] = hour % 24 == 12 ? 10.0 * noise_normal(&noise) : 0.5 * error[hour - 1];
        residual_learn(&residual, error_of, error, hour, 180.0);
    }
    int64_t first = HOURS - 24 + 14;
    for (int hour = HOURS - 24; hour < HOURS; hour++)
        error[hour] = hour < HOURS - 12 ? 0.0 : 16.0 * pow(0.5, hour - (HOURS - 12));
    assert_true(residual_predict(&residual, error_of, error, first, ahead));
    assert_near(ahead[0], 4.0, 1.0);
    assert_near(ahead[1], 2.0, 0.7);
    assert_near(ahead[8], 0.0, 0.5);
    static struct residual fresh;
    assert_false(residual_predict(&fresh, error_of, error, first, ahead));
}

static void terms_fit(void **state)
{
    (void)state;
    static const struct term_form most = {WEATHER_RICH, true, true, true};
    assert_true(terms_count(&most) <= RIDGE_TERMS);
    assert_int_equal(terms_count(&by_sun.terms), 1 + 2 + 5);
    assert_int_equal(terms_count(&(struct term_form){.weather = WEATHER_NONE, .lags = true}),
                     1 + 2 + 3 + 6 + 3);
}

/* Ten of thirty are fossil at 900 g: 300; with twenty of others left for the fossil ones, too. */
static void intensity_of_a_mix(void **state)
{
    (void)state;
    struct tracks *tracks = calloc(1, sizeof *tracks);
    void *room = malloc(tracks_room());
    double others, fossil;
    tracks_init(tracks, room);
    for (int64_t step = 0; step < 8 * DAY_STEPS; step++) {
        tracks_add(tracks, INPUT_GRID_TOTAL, step, 30.0);
        tracks_add(tracks, INPUT_GRID_FOSSIL, step, 10.0);
        tracks_add(tracks, SERIES_CARBON, step, 300.0);
    }
    struct mix mix = {.total = 30.0, .others = 25.0, .fossil = 15.0};
    mix_intensity(tracks, 8 * 24, 8 * 24, &mix, &others, &fossil);
    assert_near(others, 150.0, 1e-3);
    assert_near(fossil, 450.0, 1e-3);
    mix.others = 40.0; /* more than all: some fossil plants run all the same */
    mix_intensity(tracks, 8 * 24, 8 * 24, &mix, &others, &fossil);
    assert_near(others, 45.0, 1e-3);
    mix_intensity(tracks, 30 * 24, 30 * 24, &mix, &others, &fossil);
    assert_true(isnan(others) && isnan(fossil)); /* nothing is known of the last days */
    free(room);
    free(tracks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coefficients_come_back),
        cmocka_unit_test(large_and_steady),
        cmocka_unit_test(lags_of_the_large),
        cmocka_unit_test(after_a_long_silence),
        cmocka_unit_test(residuals),
        cmocka_unit_test(terms_fit),
        cmocka_unit_test(intensity_of_a_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
