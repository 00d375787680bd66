/* Sun geometry against published and astronomical elevations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "controller/base/utc.h"
#include "controller/forecast/sun.h"
#include "tests/unit/forecast/series.h"

static double elevation(double latitude, double longitude, const char *at)
{
    int64_t at_ms;
    assert_int_equal(utc_parse(at, &at_ms, NULL), 0);
    return sun_elevation_deg(latitude, longitude, at_ms);
}

static void known_elevations(void **state)
{
    (void)state;
    /* The example of NREL's Solar Position Algorithm (TP-560-34302): zenith 50.11. */
    assert_near(elevation(39.742476, -105.1786, "2003-10-17T19:30:30Z"), 39.89, 0.05);
    /* Zenith over the equator at the March equinox of 2026, local noon at 0 E. */
    assert_near(elevation(0.0, 0.0, "2026-03-20T12:07:30Z"), 90.0, 0.2);
    /* Madrid at noon of the June solstice: 90 - 40.417 + 23.436. */
    assert_near(elevation(40.4168, -3.7038, "2026-06-21T12:16:45Z"), 73.02, 0.05);
    /* Sydney in the southern summer: 90 - 33.87 + 23.436. */
    assert_near(elevation(-33.87, 151.21, "2026-12-22T01:53:30Z"), 79.57, 0.05);
}

static void polar_day_and_night(void **state)
{
    (void)state;
    int64_t summer_ms, winter_ms;
    assert_int_equal(utc_parse("2026-06-21T00:00Z", &summer_ms, NULL), 0);
    assert_int_equal(utc_parse("2026-12-21T00:00Z", &winter_ms, NULL), 0);
    for (int64_t ms = 0; ms < DAY_MS; ms += HOUR_MS) {
        assert_true(sun_elevation_deg(69.65, 18.96, summer_ms + ms) > 0.0);
        assert_true(sun_elevation_deg(69.65, 18.96, winter_ms + ms) < 0.0);
    }
}

static void clear_sky_shape(void **state)
{
    (void)state;
    assert_true(sun_clear_sky_w_m2(0.0) == 0.0);
    assert_true(sun_clear_sky_w_m2(-30.0) == 0.0);
    assert_true(sun_clear_sky_w_m2((double)NAN) == 0.0);
    for (double elevation_deg = 1.0; elevation_deg <= 90.0; elevation_deg += 1.0)
        assert_true(sun_clear_sky_w_m2(elevation_deg) > sun_clear_sky_w_m2(elevation_deg - 1.0));
    assert_near(sun_clear_sky_w_m2(90.0), 1035.1, 0.1);
}

static void table_forgets_nothing_it_should_keep(void **state)
{
    (void)state;
    static struct sun_table table, fresh;
    sun_table_init(&table, 40.0, -4.0);
    for (int64_t step = -3000; step < 9000; step += 7) {
        double first = sun_table_clear_sky_w_m2(&table, step);
        sun_table_init(&fresh, 40.0, -4.0);
        assert_true(first == sun_table_clear_sky_w_m2(&fresh, step));
        assert_true(first == sun_table_clear_sky_w_m2(&table, step));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_elevations),
        cmocka_unit_test(polar_day_and_night),
        cmocka_unit_test(clear_sky_shape),
        cmocka_unit_test(table_forgets_nothing_it_should_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
