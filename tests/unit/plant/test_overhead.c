/* The learnt overhead finds the plant's own line, and stays sane on nonsense. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "controller/plant/overhead.h"

static void starts_with_the_prior(void **state)
{
    (void)state;
    struct overhead overhead;
    overhead_init(&overhead, 20e3, 0.25);
    assert_true(fabs(overhead_ratio(&overhead, 15) - 0.25) < 1e-9);
    assert_true(overhead_ratio(&overhead, 30) > overhead_ratio(&overhead, 5));
    assert_true(fabs(overhead_ratio(&overhead, (double)NAN) - 0.25) < 1e-9);
}

static void learns_the_line(void **state)
{
    (void)state;
    struct overhead overhead;
    overhead_init(&overhead, 20e3, 0.4);
    srandom(3);
    for (int i = 0; i < 2000; i++) {
        double temp_c = 5 + 25 * (double)random() / RAND_MAX;
        double it_w = 200e3 + 500e3 * (double)random() / RAND_MAX;
        double ratio = 0.12 + 0.006 * (temp_c - 15);
        overhead_learn(&overhead, temp_c, 20e3 + it_w * (1 + ratio), it_w);
    }
    assert_true(fabs(overhead_ratio(&overhead, 15) - 0.12) < 0.005);
    assert_true(fabs(overhead_ratio(&overhead, 30) - 0.21) < 0.01);
}

static void nonsense_teaches_nothing(void **state)
{
    (void)state;
    struct overhead overhead;
    overhead_init(&overhead, 20e3, 0.25);
    overhead_learn(&overhead, 20, 500e3, 0);
    overhead_learn(&overhead, (double)NAN, 500e3, 400e3);
    overhead_learn(&overhead, 20, (double)NAN, 400e3);
    assert_true(fabs(overhead_ratio(&overhead, 15) - 0.25) < 1e-9);
    for (int i = 0; i < 1000; i++)
        overhead_learn(&overhead, 20, 1e12, 1);
    assert_true(overhead_ratio(&overhead, 40) <= 1.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_with_the_prior),
        cmocka_unit_test(learns_the_line),
        cmocka_unit_test(nonsense_teaches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
