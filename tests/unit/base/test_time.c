/* UTC text and scaled clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "controller/base/clock.h"
#include "controller/base/reason.h"
#include "controller/base/utc.h"

static void known_moments(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } known[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-22T06:00:00Z", INT64_C(1795327200000)},
        {"2000-02-29T23:59:59Z", INT64_C(951868799000)},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2024-12-31 12:30Z", INT64_C(1735648200000)},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        int64_t ms;
        assert_int_equal(utc_parse(known[i].text, &ms, NULL), 0);
        assert_true(ms == known[i].ms);
    }
}

/* Text and number are one: random moments round-trip and agree with the C library. */
static void round_trip(void **state)
{
    (void)state;
    srandom(7);
    for (int i = 0; i < 20000; i++) {
        int64_t ms = (int64_t)random() * 1977 % INT64_C(253402300799000);
        char text[UTC_TEXT], expected[UTC_TEXT];
        int64_t back = -1;
        assert_int_equal(utc_parse(utc_format(ms, text), &back, NULL), 0);
        assert_true(back == ms);
        time_t seconds = ms / 1000;
        struct tm parts;
        gmtime_r(&seconds, &parts);
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &parts);
        assert_memory_equal(text, expected, strlen(expected));
        assert_int_equal(utc_day_of_year(ms), parts.tm_yday + 1);
    }
}

static void wrong_times_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",         "2026-11-22T06:00:00",    "2026-11-22T06:00:00+01:00", "2026-13-01T00:00Z",
        "tomorrow", "2026-02-29T00:00:00Z",   "2026-11-22T24:00:00Z",      "2026-11-22T06:00:60Z",
        "26-1-1",   "2026-11-22T06:00:00.5Z", "2026-11-22T06:00:00Z ",     "2026-00-10T00:00Z"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error error = {""};
        int64_t ms = 42;
        assert_true(utc_parse(wrong[i], &ms, &error) < 0);
        assert_true(ms == 42);
        assert_true(strlen(error.text) > 0);
    }
}

static void floors_go_down(void **state)
{
    (void)state;
    assert_true(utc_floor(899999, QUARTER_MS) == 0);
    assert_true(utc_floor(900000, QUARTER_MS) == QUARTER_MS);
    assert_true(utc_floor(-1, QUARTER_MS) == -QUARTER_MS);
}

static void scaled_clock_runs_faster(void **state)
{
    (void)state;
    struct clock clock;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t wall_ms = now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
    assert_int_equal(clock_init_scaled(&clock, 1000000, wall_ms - 10000, 100, NULL), 0);
    int64_t site_ms = clock_now_ms(&clock) - 1000000;
    assert_true(site_ms >= 10000 * 100 - 200);
    assert_true(clock_real_ms(&clock, 1000) == 10);
    assert_true(clock_real_ms(&clock, 1) == 1);
    assert_true(clock_real_ms(&clock, 0) == 0);
}

static void clock_text(void **state)
{
    (void)state;
    struct clock clock;
    struct error error;
    assert_int_equal(clock_parse(&clock, "2026-06-15T00:00:00Z/1763764000.5/720", &error), 0);
    assert_true(clock.speed == 720);
    static const char *const wrong[] = {"",
                                        "2026-06-15T00:00:00Z",
                                        "x/1/1",
                                        "2026-06-15T00:00:00Z/1/0",
                                        "2026-06-15T00:00:00Z/1/-3",
                                        "2026-06-15T00:00:00Z/a/3",
                                        "2026-06-15T00:00:00Z/1/3x",
                                        "2026-06-15T00:00:00Z/nan/3"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_true(clock_parse(&clock, wrong[i], &error) < 0);
}

/* Every reason and event has its own number, name and text. */
static void catalogues_are_sound(void **state)
{
    (void)state;
    enum reason a, b;
    for (int i = 0; reason_catalogue(i, &a); i++) {
        assert_true(strlen(reason_text(a)) > 0);
        for (int j = 0; j < i && reason_catalogue(j, &b); j++) {
            assert_true(a != b);
            assert_string_not_equal(reason_name(a), reason_name(b));
        }
    }
    enum event_kind e, f;
    for (int i = 0; event_catalogue(i, &e); i++) {
        for (int j = 0; j < i && event_catalogue(j, &f); j++) {
            assert_true(e != f);
            assert_string_not_equal(event_name(e), event_name(f));
        }
    }
    assert_string_equal(reason_name((enum reason)9999), "unknown");
}

static void errors_keep_their_context(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(error_set(&error, ERROR_FULL, "no room for %d", 7), ERROR_FULL);
    assert_int_equal(error_prefix(&error, ERROR_INVALID, "file %s", "x"), ERROR_INVALID);
    assert_string_equal(error.text, "file x: no room for 7");
    assert_int_equal(error_set(NULL, ERROR_SYSTEM, "unheard"), ERROR_SYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_moments),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(wrong_times_are_refused),
        cmocka_unit_test(floors_go_down),
        cmocka_unit_test(scaled_clock_runs_faster),
        cmocka_unit_test(clock_text),
        cmocka_unit_test(catalogues_are_sound),
        cmocka_unit_test(errors_keep_their_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
