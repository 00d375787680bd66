/* The solver against cases solved by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "controller/forecast/ridge.h"
#include "tests/unit/forecast/series.h"

enum { MOST = 5 };

static void add(float *sums, int32_t terms, const double *sample)
{
    for (int32_t i = 0; i <= terms; i++)
        for (int32_t j = i; j <= terms; j++)
            *sums++ += (float)(sample[i] * sample[j]);
}

/* y = 2 + 3 x at x = 0, 1, 2, 3; a prior as heavy as the samples halves the slope, not the mean. */
static void line(void **state)
{
    (void)state;
    static const struct {
        double prior, slope;
    } cases[] = {{0.0, 3.0}, {4.0, 1.5}, {12.0, 0.75}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        float sums[MOST * MOST] = {0}, found[RIDGE_TERMS];
        for (int x = 0; x < 4; x++)
            add(sums, 2, (double[]){1.0, x, 2.0 + 3.0 * x});
        assert_true(ridge_solve(sums, 2, cases[k].prior, found));
        assert_near(found[1], cases[k].slope, 1e-5);
        assert_near((double)found[0] + 1.5 * (double)found[1], 6.5, 1e-5); /* through the mean */
    }
}

/* y = 1 + 2 a - b, a and b correlated: (0 0) (1 0) (1 1) (2 1). */
static void two_that_hang_together(void **state)
{
    (void)state;
    static const double a[] = {0, 1, 1, 2}, b[] = {0, 0, 1, 1};
    float sums[MOST * MOST] = {0}, found[RIDGE_TERMS];
    for (int i = 0; i < 4; i++)
        add(sums, 3, (double[]){1.0, a[i], b[i], 1.0 + 2.0 * a[i] - b[i]});
    assert_true(ridge_solve(sums, 3, 0.0, found));
    assert_near(found[0], 1.0, 1e-5);
    assert_near(found[1], 2.0, 1e-5);
    assert_near(found[2], -1.0, 1e-5);
}

/* A term that never moved gets no slope, whatever else there is; weights are those of the sums. */
static void what_never_moved(void **state)
{
    (void)state;
    float sums[MOST * MOST] = {0}, found[RIDGE_TERMS];
    for (int x = 0; x < 4; x++)
        add(sums, 3, (double[]){1.0, 7.0, x, 10.0 * x});
    assert_true(ridge_solve(sums, 3, 0.0, found));
    assert_true(found[1] == 0.0f);
    assert_near(found[2], 10.0, 1e-4);
}

static void nothing_or_nonsense(void **state)
{
    (void)state;
    float sums[MOST * MOST] = {0}, found[RIDGE_TERMS] = {42.0f};
    assert_false(ridge_solve(sums, 2, 1.0, found));
    add(sums, 2, (double[]){1.0, 2.0, 3.0});
    add(sums, 2, (double[]){1.0, NAN, 3.0});
    assert_false(ridge_solve(sums, 3, 1.0, found) && isnan(found[0]));
    assert_true(found[0] == 42.0f || isfinite(found[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line),
        cmocka_unit_test(two_that_hang_together),
        cmocka_unit_test(what_never_moved),
        cmocka_unit_test(nothing_or_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
