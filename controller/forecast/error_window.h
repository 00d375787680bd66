/* The latest forecast errors of one lead, kept in order so that any quantile is a look-up. Private.
 */
#ifndef TIDEWATT_FORECAST_ERROR_WINDOW_H
#define TIDEWATT_FORECAST_ERROR_WINDOW_H

#include <stdint.h>

enum { ERROR_WINDOW = 280 }; /* five weeks of eight a day: old weather leaves, tails stay known */

struct error_window {
    int32_t count, next;
    float arrived[ERROR_WINDOW]; /* ring in order of arrival */
    float sorted[ERROR_WINDOW];
};

/* Drops the oldest when full. `error` must be finite. */
void error_window_add(struct error_window *window, float error);
/* Ascending in `probability`; outside what so few errors can tell: the smallest or the largest.
 * The window must not be empty. */
double error_window_quantile(const struct error_window *window, double probability);

#endif
