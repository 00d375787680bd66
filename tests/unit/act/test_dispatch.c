/* The battery follows the plan, corrected by what the meter says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "controller/act/dispatch.h"

static const struct dispatch_input calm = {.planned_w = 0,
                                           .planned_export_w = 0,
                                           .peak_w = (double)INFINITY,
                                           .net_w = 300e3,
                                           .battery_w = 0,
                                           .planned_reason = REASON_ARBITRAGE};

static double dispatch(struct dispatch_input input, enum reason *ret_reason)
{
    return dispatch_battery(&input, ret_reason);
}

static void follows_the_plan(void **state)
{
    (void)state;
    enum reason reason;
    struct dispatch_input input = calm;
    input.planned_w = 100e3;
    assert_true(dispatch(input, &reason) == 100e3);
    assert_int_equal(reason, REASON_ARBITRAGE);
    input.planned_w = -100e3;
    assert_true(dispatch(input, &reason) == -100e3);
}

static void takes_what_would_be_exported(void **state)
{
    (void)state;
    enum reason reason;
    struct dispatch_input input = calm;
    input.net_w = -50e3;
    assert_true(dispatch(input, &reason) == -50e3);
    assert_int_equal(reason, REASON_SURPLUS);
}

static void does_not_discharge_into_the_grid(void **state)
{
    (void)state;
    enum reason reason;
    struct dispatch_input input = calm;
    input.planned_w = 500e3;
    assert_true(dispatch(input, &reason) == 300e3);
    input.planned_export_w = 100e3;
    assert_true(dispatch(input, &reason) == 400e3);
}

static void shaves_the_peak(void **state)
{
    (void)state;
    enum reason reason;
    struct dispatch_input input = calm;
    input.peak_w = 250e3;
    assert_true(dispatch(input, &reason) == 50e3);
    assert_int_equal(reason, REASON_PEAK_SHAVING);
    input.planned_w = -100e3; /* charging gives way first */
    assert_true(dispatch(input, &reason) == 50e3);
}

static void unknown_meters_never_charge(void **state)
{
    (void)state;
    enum reason reason;
    struct dispatch_input input = calm;
    input.net_w = (double)NAN;
    input.planned_w = -100e3;
    assert_true(dispatch(input, &reason) == 0);
    assert_int_equal(reason, REASON_FAIL_SAFE_STALE);
}

/* Whatever comes: no export beyond the plan, and none above the peak without full use. */
static void never_exports_beyond_the_plan(void **state)
{
    (void)state;
    srandom(11);
    for (int i = 0; i < 20000; i++) {
        enum reason reason;
        double unit = 1e6 / RAND_MAX;
        struct dispatch_input input = {.planned_w = (double)random() * unit * 2 - 1e6,
                                       .planned_export_w =
                                           random() % 2 ? (double)random() * unit : 0,
                                       .peak_w = 200e3 + (double)random() * unit,
                                       .net_w = (double)random() * unit * 2 - 1e6,
                                       .battery_w = (double)random() * unit * 2 - 1e6};
        double net_then_w = input.net_w + input.battery_w - dispatch(input, &reason);
        assert_true(net_then_w >= -input.planned_export_w - 1e-6);
        assert_true(net_then_w <= fmax(input.peak_w, -input.planned_export_w) + 1e-6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_plan),
        cmocka_unit_test(takes_what_would_be_exported),
        cmocka_unit_test(does_not_discharge_into_the_grid),
        cmocka_unit_test(shaves_the_peak),
        cmocka_unit_test(unknown_meters_never_charge),
        cmocka_unit_test(never_exports_beyond_the_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
