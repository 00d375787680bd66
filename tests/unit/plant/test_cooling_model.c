/* Cooling gets dearer with the heat outdoors, and never free nor absurd. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "controller/plant/cooling_model.h"

static const struct cooling_model usual = {
    .cop = 4.5, .cop_per_k = 0.024, .free_below_c = 8, .free_above_c = 16, .free_cop = 20};

static void the_rating_holds_at_25_degrees(void **state)
{
    (void)state;
    assert_true(cooling_model_cop(&usual, 25) == 4.5);
    assert_true(fabs(cooling_model_cop(&usual, 35) - 4.5 * exp(-0.24)) < 1e-9);
}

static void warmer_is_never_better(void **state)
{
    (void)state;
    for (double t = -60; t < 80; t += 0.5) {
        double here = cooling_model_cop(&usual, t), warmer = cooling_model_cop(&usual, t + 0.5);
        assert_true(warmer <= here && warmer >= 1 && here <= COOLING_COP_MOST);
        double free = cooling_model_free_share(&usual, t);
        assert_true(cooling_model_free_share(&usual, t + 0.5) <= free);
        assert_true(free >= 0 && free <= 1);
    }
}

static void free_cooling_fades_between_its_bounds(void **state)
{
    (void)state;
    assert_true(cooling_model_free_share(&usual, 8) == 1);
    assert_true(cooling_model_free_share(&usual, 12) == 0.5);
    assert_true(cooling_model_free_share(&usual, 16) == 0);
    const struct cooling_model edge = {.free_below_c = 10, .free_above_c = 10};
    assert_true(cooling_model_free_share(&edge, 9.9) == 1);
    assert_true(cooling_model_free_share(&edge, 10) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rating_holds_at_25_degrees),
        cmocka_unit_test(warmer_is_never_better),
        cmocka_unit_test(free_cooling_fades_between_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
