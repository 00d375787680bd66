/* The newest word on an hour by the days before, its means, and what a block is worth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "controller/base/utc.h"
#include "controller/forecast/weather.h"
#include "tests/unit/forecast/blocks.h"

static struct weather weather;
static struct weather_intake intake;

static double at(int64_t step, int lead_day)
{
    return weather_at(&weather, WEATHER_GHI, step_ms(step) / HOUR_MS, lead_day);
}

static void take(const struct forecast_block *block)
{
    weather_take(&weather, WEATHER_GHI, block, &intake);
}

static void say(int64_t issue, int64_t start, int32_t hours, double value)
{
    struct forecast_block block = block_of(INPUT_GHI, BLOCK_FORECAST, issue, start, hours, value);
    take(&block);
}

/* Each day ahead keeps what was said so long before; a later word is not seen by those who look
 * from earlier. */
static void days_ahead(void **state)
{
    (void)state;
    weather_init(&weather);
    assert_true(isnan(at(0, 0)));
    for (int day = 0; day < 5; day++)
        say(day * DAY_STEPS, day * DAY_STEPS, 120, 100.0 + day);
    int64_t noon = 4 * DAY_STEPS + DAY_STEPS / 2;
    assert_near(at(noon, 0), 104.0, 1e-6);
    assert_near(at(noon, 1), 103.0, 1e-6);
    assert_near(at(noon, 2), 102.0, 1e-6);
    assert_near(at(noon, 3), 101.0, 1e-6);                 /* of those beyond, the newest */
    assert_near(at(noon + 2 * DAY_STEPS, 0), 104.0, 1e-6); /* nobody spoke later */
}

static void late_words_fill(void **state)
{
    (void)state;
    weather_init(&weather);
    say(8, 8, 3, 5.0);
    say(4, 4, 10, 7.0);
    assert_int_equal(intake.late, 3);
    assert_int_equal(intake.fresh, 7);
    assert_near(at(8, 0), 5.0, 1e-6);
    assert_near(at(20, 0), 7.0, 1e-6);
}

static void same_and_other(void **state)
{
    (void)state;
    weather_init(&weather);
    struct forecast_block block = block_of(INPUT_GHI, BLOCK_FORECAST, 0, 0, 96, 0.0);
    block.step_ms = FORECAST_STEP_MS;
    for (int i = 0; i < 96; i++)
        block.value[i] = (float)(10 * i);
    take(&block);
    assert_int_equal(intake.fresh, 24);
    assert_near(at(8, 0), 95.0, 1e-4);
    take(&block); /* quarter hours are no contradiction to their mean */
    assert_int_equal(intake.same, 24);
    assert_int_equal(intake.other + intake.fresh + intake.late, 0);
    block.value[9] = 50.0f;
    take(&block);
    assert_int_equal(intake.same, 23);
    assert_int_equal(intake.other, 1);
    assert_near(at(8, 0), 85.0, 1e-4);
}

static void halves_of_an_hour(void **state)
{
    (void)state;
    weather_init(&weather);
    struct forecast_block block = block_of(INPUT_GHI, BLOCK_FORECAST, 0, 0, 2, 10.0);
    block.step_ms = FORECAST_STEP_MS;
    take(&block);
    assert_near(at(0, 0), 10.0, 1e-6);
    block = block_of(INPUT_GHI, BLOCK_FORECAST, 0, 2, 2, 20.0);
    block.step_ms = FORECAST_STEP_MS;
    take(&block);
    assert_int_equal(intake.fresh, 1);
    assert_near(at(0, 0), 15.0, 1e-6);
}

/* What is far away does not hide what is near. */
static void far_away(void **state)
{
    (void)state;
    weather_init(&weather);
    say(0, 0, 48, 1.0);
    say(0, -WEATHER_HOURS * HOUR_STEPS, 48, 2.0);
    say(0, WEATHER_HOURS * HOUR_STEPS, 48, 3.0);
    say(-WEATHER_HOURS * HOUR_STEPS, -WEATHER_HOURS * HOUR_STEPS, 48, 4.0); /* an old issue */
    assert_int_equal(intake.late, 48);
    for (int hour = 0; hour < 24; hour++)
        assert_near(at(hour * HOUR_STEPS, 0), 1.0, 1e-6);
    say(0, 0, LIMIT_BLOCK, 5.0); /* more than is kept */
    assert_near(at(0, 0), 5.0, 1e-6);
}

static double day_mean(int64_t step, int lead_day)
{
    return weather_day_mean(&weather, WEATHER_GHI, step_ms(step) / HOUR_MS, lead_day);
}

static void means_follow(void **state)
{
    (void)state;
    weather_init(&weather);
    int64_t noon = DAY_STEPS + DAY_STEPS / 2;
    assert_true(isnan(day_mean(noon, 0)));
    say(0, 0, 96, 100.0);
    assert_near(day_mean(noon, 0), 100.0, 1e-4);
    say(DAY_STEPS, DAY_STEPS, 12, 200.0); /* the morning, said a day later */
    assert_near(day_mean(noon, 0), 150.0, 1e-4);
    assert_near(day_mean(noon, 1), 100.0, 1e-4); /* from the day before it was not known */
    int64_t hour = step_ms(DAY_STEPS + 12 * HOUR_STEPS) / HOUR_MS;
    assert_near(weather_around(&weather, WEATHER_GHI, hour, 0), (2 * 200.0 + 3 * 100.0) / 5, 1e-4);
    assert_near(day_mean(3 * DAY_STEPS + 90, 0), 100.0, 1e-4); /* its last hours stand for more */
    assert_true(isnan(day_mean(5 * DAY_STEPS, 0)));
}

static void what_is_possible(void **state)
{
    (void)state;
    assert_true(weather_possible(WEATHER_TEMP, -40.0));
    assert_false(weather_possible(WEATHER_TEMP, 288.0)); /* kelvin */
    assert_true(weather_possible(WEATHER_GHI, 1300.0));
    assert_false(weather_possible(WEATHER_GHI, 1e6));
    assert_false(weather_possible(WEATHER_WIND_SPEED, -1.0));
    assert_false(weather_possible(WEATHER_DEW_POINT, (double)NAN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_ahead),       cmocka_unit_test(late_words_fill),
        cmocka_unit_test(same_and_other),   cmocka_unit_test(halves_of_an_hour),
        cmocka_unit_test(far_away),         cmocka_unit_test(means_follow),
        cmocka_unit_test(what_is_possible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
