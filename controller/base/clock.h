/* Site time: UTC in milliseconds since 1970, which may run faster than real time.
 *
 * site = site_epoch + (wall - wall_epoch) * speed. Programs that are given the same epochs and
 * speed share one time. At speed 1 without epochs, site time is the system's UTC clock. */
#ifndef TIDEWATT_BASE_CLOCK_H
#define TIDEWATT_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/error.h"

struct clock {
    bool scaled;           /* false: plain CLOCK_REALTIME */
    double speed;          /* site seconds per real second */
    int64_t site_epoch_ms; /* site time at the wall epoch */
    int64_t mono_epoch_ns; /* CLOCK_MONOTONIC at the wall epoch */
};

void clock_init_real(struct clock *clock);

/* `site_epoch_ms` as UTC ms, `wall_epoch_ms` as real UTC ms, speed in (0, 100000]. */
int clock_init_scaled(struct clock *clock, int64_t site_epoch_ms, int64_t wall_epoch_ms,
                      double speed, struct error *error);

/* Reads the form "SITE_ISO/WALL_UNIX_SECONDS/SPEED", e.g. "2026-06-15T00:00:00Z/1763764000.5/720".
 */
int clock_parse(struct clock *clock, const char *text, struct error *error);

int64_t clock_now_ms(const struct clock *clock); /* site time, UTC ms */
int64_t clock_mono_ns(void);                     /* real, monotonic */
/* Real milliseconds that pass while `site_ms` of site time pass; at least 1 for any positive. */
int64_t clock_real_ms(const struct clock *clock, int64_t site_ms);

#endif
