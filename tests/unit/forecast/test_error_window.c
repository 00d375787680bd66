/* The ordered window of errors against a plain sort of the last ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "controller/forecast/error_window.h"
#include "tests/unit/forecast/series.h"

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void stays_sorted_and_forgets_the_oldest(void **state)
{
    (void)state;
    enum { ERRORS = 3 * ERROR_WINDOW };
    static struct error_window window;
    static float all[ERRORS], last[ERROR_WINDOW];
    struct noise noise = {7};
    for (int i = 0; i < ERRORS; i++) {
        all[i] = (float)floor(20.0 * noise_normal(&noise)); /* many ties */
        error_window_add(&window, all[i]);
        if (i % 97 != 0)
            continue;
        int count = i + 1 < ERROR_WINDOW ? i + 1 : ERROR_WINDOW;
        assert_int_equal(window.count, count);
        memcpy(last, &all[i + 1 - count], (size_t)count * sizeof(last[0]));
        qsort(last, (size_t)count, sizeof(last[0]), compare);
        assert_memory_equal(last, window.sorted, (size_t)count * sizeof(last[0]));
    }
}

static void quantiles_of_few(void **state)
{
    (void)state;
    struct error_window window = {0};
    error_window_add(&window, 4.0f);
    for (double p = 0.05; p < 1.0; p += 0.05)
        assert_true(error_window_quantile(&window, p) == 4.0);
    error_window_add(&window, 8.0f);
    error_window_add(&window, 6.0f);
    assert_true(error_window_quantile(&window, 0.05) == 4.0);
    assert_true(error_window_quantile(&window, 0.50) == 6.0);
    assert_near(error_window_quantile(&window, 0.625), 7.0, 1e-9);
    assert_true(error_window_quantile(&window, 0.95) == 8.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stays_sorted_and_forgets_the_oldest),
        cmocka_unit_test(quantiles_of_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
