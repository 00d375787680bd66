/* A ring beside a sorted array: one binary search and one memmove of at most 2.7 kB for each error,
 * against sorting 28 windows a series for every issue. */
#include "controller/forecast/error_window.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* First position whose entry is not below `error`. */
static int32_t lower_bound(const struct error_window *window, float error)
{
    int32_t low = 0, high = window->count;
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (window->sorted[middle] < error)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void drop_oldest(struct error_window *window)
{
    int32_t at = lower_bound(window, window->arrived[window->next]);
    window->count--;
    memmove(&window->sorted[at], &window->sorted[at + 1],
            (size_t)(window->count - at) * sizeof(window->sorted[0]));
}

void error_window_add(struct error_window *window, float error)
{
    assert(isfinite(error));
    if (window->count == ERROR_WINDOW)
        drop_oldest(window);
    int32_t at = lower_bound(window, error);
    memmove(&window->sorted[at + 1], &window->sorted[at],
            (size_t)(window->count - at) * sizeof(window->sorted[0]));
    window->sorted[at] = error;
    window->count++;
    window->arrived[window->next] = error;
    window->next = (window->next + 1) % ERROR_WINDOW;
}

/* The k-th of n errors stands for the probability k / (n + 1): the next error falls below it so
 * often when all are alike, however few they are. */
double error_window_quantile(const struct error_window *window, double probability)
{
    assert(window->count > 0);
    double place = probability * (window->count + 1) - 1.0;
    if (place <= 0.0)
        return (double)window->sorted[0];
    if (place >= window->count - 1)
        return (double)window->sorted[window->count - 1];
    int32_t below = (int32_t)place;
    double part = place - below;
    return (1.0 - part) * (double)window->sorted[below] + part * (double)window->sorted[below + 1];
}
