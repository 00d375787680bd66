/* What a deviation from the typical day becomes: known processes in, their best forecasts out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "controller/forecast/despike.h"
#include "controller/forecast/deviation.h"
#include "tests/unit/forecast/series.h"

enum { HOURS = LIMIT_HISTORY_SLOTS / STEPS_AN_HOUR };
static struct forecast_view view;
static struct outlook outlook;
static const struct daily_profile_form form = {
    .steps_per_bin = 1, .half_life_days = 28.0, .weekend_apart = false};

/* The view whose hours are `level` + `deviation`, constant within each. */
static void look_back_on(const double deviation[HOURS], double level)
{
    view.end_step = step_of(step_ms(0));
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++)
        view.past[i] = (float)(level + deviation[i / STEPS_AN_HOUR]);
    view.known = LIMIT_HISTORY_SLOTS;
    view.present_step = view.end_step - 1;
    view.present = (double)view.past[LIMIT_HISTORY_SLOTS - 1];
}

static struct daily_profile predict(int32_t hours)
{
    struct daily_profile profile;
    assert_true(daily_profile_fit(&profile, &form, &view));
    deviation_project(&profile, &view, hours, &outlook);
    return profile;
}

static double deviation_at(const struct daily_profile *profile, int32_t step)
{
    return (double)outlook.point[step] -
           daily_profile_at(profile, day_walk_from(view.end_step + step));
}

static void fades_as_it_used_to(void **state)
{
    (void)state;
    static double deviation[HOURS];
    struct noise noise = {3};
    for (int32_t hour = 1; hour < HOURS; hour++)
        deviation[hour] = 0.9 * deviation[hour - 1] + noise_normal(&noise);
    deviation[HOURS - 1] = 12.0;
    look_back_on(deviation, 300.0);
    struct daily_profile profile = predict(PROCESS_ORDER_MOST);
    double now = 300.0 + 12.0 - daily_profile_at(&profile, day_walk_from(view.present_step));
    for (int32_t hour = 1; hour <= 12; hour++)
        assert_near(deviation_at(&profile, 4 * (hour - 1)), now * pow(0.9, hour), 0.2 * now);
    assert_near(deviation_at(&profile, FORECAST_STEPS - 1), 0.0, 0.1 * now);
}

/* What was unusual at this hour of yesterday comes again, though it is over now. */
static void yesterday_comes_again(void **state)
{
    (void)state;
    static double deviation[HOURS];
    struct noise noise = {4};
    for (int32_t hour = 24; hour < HOURS; hour++)
        deviation[hour] = 0.85 * deviation[hour - 24] + 4.0 * noise_normal(&noise);
    for (int32_t hour = HOURS - 24; hour < HOURS; hour++)
        deviation[hour] = hour >= HOURS - 18 && hour < HOURS - 12 ? 20.0 : 0.0;
    look_back_on(deviation, 300.0);
    struct daily_profile profile = predict(PROCESS_ORDER_MOST);
    double same = 0.0, others = 0.0;
    for (int32_t hour = 0; hour < 24; hour++)
        *(hour >= 6 && hour < 12 ? &same : &others) += deviation_at(&profile, 4 * hour);
    assert_true(same / 6.0 > 8.0);
    assert_near(others / 18.0, 0.0, 2.0);
}

/* Minutes of a broken feed are forgotten, a new level is not. */
static void spikes_are_forgotten(void **state)
{
    (void)state;
    static double deviation[HOURS];
    struct noise noise = {5};
    for (int32_t hour = 0; hour < HOURS; hour++)
        deviation[hour] = 10.0 * noise_normal(&noise);
    look_back_on(deviation, 300.0);
    predict(PROCESS_ORDER_MOST);
    static struct outlook clean;
    clean = outlook;
    for (int32_t i = 100; i < LIMIT_HISTORY_SLOTS; i += 700)
        view.past[i] = view.past[i + 1] = i % 3 ? 1e9f : -2e4f;
    despike(&view);
    assert_int_equal(view.known, LIMIT_HISTORY_SLOTS - 2 * 8);
    predict(PROCESS_ORDER_MOST);
    for (int32_t i = 0; i < FORECAST_STEPS; i++)
        assert_near(outlook.point[i], clean.point[i], 2.0);
}

static void new_levels_are_believed(void **state)
{
    (void)state;
    static double deviation[HOURS];
    struct noise noise = {6};
    for (int32_t hour = 0; hour < HOURS; hour++)
        deviation[hour] = noise_normal(&noise) + (hour >= HOURS - 12 ? 1000.0 : 0.0);
    deviation[HOURS - 100] = deviation[HOURS - 99] = deviation[HOURS - 98] = 500.0; /* was true */
    look_back_on(deviation, 300.0);
    despike(&view);
    assert_int_equal(view.known, LIMIT_HISTORY_SLOTS);
    predict(3);
    assert_true(outlook.point[0] > 1150.0f);
    assert_true(outlook.point[24] > 700.0f); /* six hours on */
}

/* Half past the hour, at a height that the next quarters of a noisy series have never kept. */
static void noisy_quarters_tell_little(void **state)
{
    (void)state;
    static const double deviation[HOURS];
    struct noise noise = {7};
    look_back_on(deviation, 300.0);
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++)
        view.past[i] += (float)noise_normal(&noise);
    view.end_step += 2;
    view.present_step = view.end_step;
    view.present = 305.0;
    predict(PROCESS_ORDER_MOST);
    assert_near(outlook.point[0], 305.0, 1e-3);
    for (int32_t i = 1; i < FORECAST_STEPS; i++)
        assert_near(outlook.point[i], 300.0, 1.0);
}

static void gaps_are_the_usual_day(void **state)
{
    (void)state;
    static double deviation[HOURS];
    for (int32_t hour = 0; hour < HOURS; hour++)
        deviation[hour] = hour % 24 < 12 ? 50.0 : -50.0;
    look_back_on(deviation, 300.0);
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS - 1; i++)
        if (i % 7 < 3 || i / 900 == 2) {
            view.past[i] = NAN;
            view.known--;
        }
    predict(PROCESS_ORDER_MOST);
    for (int32_t i = 0; i < FORECAST_STEPS; i++)
        assert_near(outlook.point[i], i / 4 % 24 < 12 ? 350.0 : 250.0, 3.0);
}

static void constants_stay(void **state)
{
    (void)state;
    static const double deviation[HOURS];
    look_back_on(deviation, 412.5);
    predict(PROCESS_ORDER_MOST);
    for (int32_t i = 0; i < FORECAST_STEPS; i++)
        assert_near(outlook.point[i], 412.5, 1e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fades_as_it_used_to),
        cmocka_unit_test(yesterday_comes_again),
        cmocka_unit_test(spikes_are_forgotten),
        cmocka_unit_test(new_levels_are_believed),
        cmocka_unit_test(noisy_quarters_tell_little),
        cmocka_unit_test(gaps_are_the_usual_day),
        cmocka_unit_test(constants_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
