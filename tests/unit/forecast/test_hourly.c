/* Hours from quarters, and what is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "controller/forecast/hourly.h"
#include "tests/unit/forecast/series.h"

static struct hourly hourly;

static int64_t add_hour(int64_t hour, double value)
{
    int64_t closed = -1;
    for (int i = 0; i < STEPS_AN_HOUR; i++)
        if (!hourly_add(&hourly, hour * STEPS_AN_HOUR + i, value, &closed))
            closed = -1;
    return closed;
}

static void means_and_gaps(void **state)
{
    (void)state;
    int64_t closed;
    hourly_init(&hourly);
    for (int i = 0; i < 3; i++)
        assert_false(hourly_add(&hourly, 400 + i, i, &closed));
    assert_true(isnan(hourly_at(&hourly, 100))); /* not over */
    assert_true(hourly_add(&hourly, 403, 9.0, &closed));
    assert_int_equal(closed, 100);
    assert_near(hourly_at(&hourly, 100), 3.0, 1e-6);
    assert_false(hourly_add(&hourly, 408, 5.0, &closed)); /* hour 102; its others never come */
    assert_true(hourly_add(&hourly, 415, 6.0, &closed));  /* in 103 */
    assert_int_equal(closed, 102);
    assert_near(hourly_at(&hourly, 102), 5.0, 1e-6);
    assert_true(isnan(hourly_at(&hourly, 101)));
    add_hour(104, 1.0);
    assert_near(hourly_at(&hourly, 103), 6.0, 1e-6);
    add_hour(104 + HOURLY_KEPT, 2.0); /* after a long silence all before is gone */
    assert_true(isnan(hourly_at(&hourly, 104)));
    assert_true(isnan(hourly_at(&hourly, 105)));
    assert_near(hourly_at(&hourly, 104 + HOURLY_KEPT), 2.0, 1e-6);
}

/* Thirty days of a daily wave. */
static int64_t ordinary(void)
{
    hourly_init(&hourly);
    for (int64_t hour = 0; hour < 720; hour++)
        add_hour(hour, diurnal(hour * 4, 100.0, 20.0));
    return 720;
}

static void spike_is_cut(void **state)
{
    (void)state;
    int64_t hour = ordinary();
    add_hour(hour, 1e6);
    assert_true(hourly_at(&hourly, hour) < 200.0);
    add_hour(hour + 1, -1e6);
    assert_true(hourly_at(&hourly, hour + 1) > 0.0);
    add_hour(hour + 2, 100.0);
    assert_near(hourly_at(&hourly, hour + 2), 100.0, 1e-3);
}

static void extremes_pass(void **state)
{
    (void)state;
    int64_t hour = ordinary();
    add_hour(hour, 135.0);
    assert_near(hourly_at(&hourly, hour), 135.0, 1e-3);
}

static void what_lasts_passes(void **state)
{
    (void)state;
    int64_t hour = ordinary(), end = hour + 24;
    for (; hour < end; hour++)
        add_hour(hour, 50e3);
    assert_near(hourly_at(&hourly, end - 1), 50e3, 1.0);
}

/* No deviation was ever seen: a plant that begins, a load that stood still. */
static void what_stood_still_moves(void **state)
{
    (void)state;
    static const double levels[][2] = {{0.0, 3e5}, {100.0, 300.0}, {5.0, -80.0}};
    for (size_t k = 0; k < sizeof levels / sizeof levels[0]; k++) {
        hourly_init(&hourly);
        for (int64_t hour = 0; hour < 800; hour++)
            add_hour(hour, levels[k][0]);
        for (int64_t hour = 800; hour < 824; hour++)
            add_hour(hour, levels[k][1]);
        assert_near(hourly_at(&hourly, 823), levels[k][1], 1e-6 * fabs(levels[k][1]));
    }
}

/* An hour of sun a day lies many mean deviations from the mean of the day. */
static void short_days(void **state)
{
    (void)state;
    hourly_init(&hourly);
    for (int64_t hour = 0; hour < 90 * 24; hour++) {
        add_hour(hour, hour % 24 == 12 ? 1000.0 : 0.0);
        assert_near(hourly_at(&hourly, hour), hour % 24 == 12 ? 1000.0 : 0.0, 1e-3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_and_gaps),         cmocka_unit_test(spike_is_cut),
        cmocka_unit_test(extremes_pass),          cmocka_unit_test(what_lasts_passes),
        cmocka_unit_test(what_stood_still_moves), cmocka_unit_test(short_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
