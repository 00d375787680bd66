/* The supply advice: finds the warmest safe set-point of a simple hall and stays there. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "controller/act/cooling.h"

#define UNKNOWN ((double)NAN)

static const struct cooling_config config = {
    .inlet_limit_c = 27, .margin_k = 1, .supply_min_c = 14, .supply_max_c = 24, .step_k = 0.5};

static void test_unknown_changes_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct cooling_input input = {25, 20, 20};
        *(i ? &input.inlet_c : &input.supply_c) = UNKNOWN;
        enum reason reason;
        assert_true(cooling_advise(&config, &input, &reason) == 20);
        assert_int_equal(reason, REASON_FAIL_SAFE_STALE);
    }
}

static void test_up_slowly_down_promptly(void **state)
{
    (void)state;
    enum reason reason;
    struct cooling_input input = {20, 18, 18};
    assert_true(cooling_advise(&config, &input, &reason) == 18.5);
    assert_int_equal(reason, REASON_PLANNED);
    input.supply_c = 15; /* still on its way: no further step up ... */
    assert_true(cooling_advise(&config, &input, &reason) == 18);
    assert_int_equal(reason, REASON_UNCHANGED);
    input.inlet_c = 28; /* ... but one down does not wait */
    assert_true(cooling_advise(&config, &input, &reason) == 17.5);
    assert_int_equal(reason, REASON_LIMIT_COOLING);
}

/* Inlet = supply + rise, supply follows the set-point; the rise is drawn at random. */
static void test_settles_at_the_margin(void **state)
{
    (void)state;
    srand(3);
    for (int round = 0; round < 200; round++) {
        double rise_k = 1 + 10.0 * rand() / RAND_MAX, supply_c = 16, set_c = 16;
        for (int i = 0; i < 100; i++) {
            enum reason reason;
            struct cooling_input input = {supply_c + rise_k, supply_c, set_c};
            double advised_c = cooling_advise(&config, &input, &reason);
            assert_true(fabs(advised_c - set_c) <= config.step_k + 1e-9);
            assert_true(advised_c >= config.supply_min_c && advised_c <= config.supply_max_c);
            set_c = advised_c;
            supply_c += 0.7 * (set_c - supply_c);
            assert_true(supply_c + rise_k < config.inlet_limit_c);
        }
        double best_c = fmin(config.supply_max_c, config.inlet_limit_c - config.margin_k - rise_k);
        assert_true(fabs(set_c - best_c) < 0.25);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_changes_nothing),
        cmocka_unit_test(test_up_slowly_down_promptly),
        cmocka_unit_test(test_settles_at_the_margin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
