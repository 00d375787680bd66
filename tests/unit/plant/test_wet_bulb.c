/* Wet-bulb temperature against the paper's own example and known states of the air. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "controller/plant/wet_bulb.h"

static void test_the_paper_is_met(void **state)
{
    (void)state;
    assert_float_equal(wet_bulb_c(20, 50), 13.7, 0.05); /* its worked example */
    assert_float_equal(wet_bulb_c(30, 80), 27.1, 0.7);  /* psychrometric chart */
    assert_float_equal(wet_bulb_c(35, 20), 18.9, 0.7);
}

static void test_it_lies_below_the_dry_bulb(void **state)
{
    (void)state;
    for (int temp_c = -15; temp_c <= 50; temp_c++) {
        double before_c = -100;
        for (int rh = 5; rh <= 100; rh++) {
            double wet_c = wet_bulb_c(temp_c, rh);
            if (isnan(wet_c))
                continue;
            assert_true(wet_c <= temp_c + 0.7);
            assert_true(wet_c >= before_c - 0.7); /* rises with the humidity */
            before_c = wet_c;
        }
    }
    assert_true(wet_bulb_c(8, 100) == 8);
}

static void test_what_the_fit_does_not_cover_is_unknown(void **state)
{
    (void)state;
    static const double outside[][2] = {{20, 4},   {20, 101}, {51, 50},          {-21, 80},
                                        {-15, 20}, {20, -1},  {(double)NAN, 50}, {20, (double)NAN}};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        assert_true(isnan(wet_bulb_c(outside[i][0], outside[i][1])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_paper_is_met),
        cmocka_unit_test(test_it_lies_below_the_dry_bulb),
        cmocka_unit_test(test_what_the_fit_does_not_cover_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
