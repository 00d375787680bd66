/* Energy per interval from cumulative counters. Pure.
 *
 * A counter is read at irregular times; an interval's energy is the difference of the counter at
 * its two ends, the ends interpolated between the neighbouring readings in whole milliwatt-hours.
 * What is rounded off one interval falls to the next, so that adjacent intervals always add up to
 * the counter's own difference, exactly: end of one == start of the next. Intervals end on
 * multiples of `interval_ms`; only the very first one starts at the first reading instead.
 *
 * A step to a reading is plausible when it is forward and needs no more than `power_most_w` over
 * the time since the last reading, plus METER_JITTER_MS, plus the time (at most one interval) that
 * the counter has stood still before: a coarse counter waits for its next digit.
 * METER_DIGIT_MILLIWH is always allowed. Without a known power every step forward is plausible.
 *
 * Verdicts about a reading, in this order:
 *   return        a reset or rollover was taken at most METER_RETURN_MS ago, the reading is a
 *                 plausible step from the last one before it, and the counter either has not moved
 *                 since or could not have come here from its last reading: there was no restart (a
 *                 booting meter or gateway said 0). The sum goes on from before it, by the true
 *                 difference; ESTIMATED/COUNTER_RESET: the energy may have moved to a neighbour
 *   plausible     the difference counts
 *   else, once    ignored: a misread value or a dip of the last digit. Nothing is lost, because the
 *                 next reading counts from the last one taken
 *   else, again   the following reading is a plausible step from it: the counter did restart
 *     ROLLOVER    down; a maximum is known and the way through it is plausible and under a tenth of
 *                 the range: the sum continues exactly; GOOD
 *     RESET       anything else. Counted from the new zero if that is plausible and the counter is
 *                 under a tenth of what it was, else (another meter, a preset) only the progress
 *                 seen since it changed. The energy between the last reading and the reset is
 *                 unknown: ESTIMATED
 * A return takes back what was counted since the restart, except from intervals that are closed
 * already. Zeros count as nothing, so after them the sum is exact.
 *
 * A gap of readings longer than `gap_ms` still yields the exact energy over the gap. Inside one
 * interval it only lowers the coverage (GOOD/GAP); across a boundary its split is a guess and the
 * intervals it touches are ESTIMATED/GAP.
 *
 * Without a counter, power readings are integrated by the trapezoid (feed with
 * meter_feed_power): always ESTIMATED/INTEGRATED_POWER, and a gap adds nothing: MISSING/GAP. */
#ifndef TIDEWATT_PLANT_METER_H
#define TIDEWATT_PLANT_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/plant/sample.h"

struct energy_interval {
    int32_t point;            /* the counter's (or the power's) point index */
    int64_t start_ms, end_ms; /* site time */
    int64_t start_milliwh;    /* unrolled counter at the start */
    int64_t end_milliwh;      /* unrolled counter at the end */
    double coverage;          /* observed share of the interval, 0..1 */
    enum quality quality;     /* GOOD, ESTIMATED or MISSING */
    enum reason reason;
};

/* What the last reset or rollover taken would be undone to. */
struct meter_restart {
    int64_t until_ms;           /* a return is possible up to then; 0: no restart */
    enum reason reason;         /* COUNTER_RESET or COUNTER_ROLLOVER */
    int64_t raw_milliwh;        /* the first counter taken after it */
    int64_t before_raw_milliwh; /* the last reading before it ... */
    int64_t before_milliwh;     /* ... unrolled ... */
    int64_t before_ms;          /* ... and since when a step from there had time */
};

struct meter {
    int32_t point;
    int64_t interval_ms;      /* 900000 */
    int64_t gap_ms;           /* longest distance of two readings that counts as observed */
    int64_t rollover_milliwh; /* 0: unknown */
    double power_most_w;      /* INFINITY: unknown */
    bool integrates;          /* fed with power instead of a counter */
    bool started;
    int64_t last_ms;             /* time of the last reading */
    int64_t last_raw_milliwh;    /* as the device said it */
    int64_t moved_ms;            /* when the counter last changed */
    int64_t suspect_raw_milliwh; /* an implausible reading, not yet confirmed; -1: none */
    int64_t suspect_ms;          /* when it was read: the same reading again confirms nothing */
    struct meter_restart restart;
    int64_t last_milliwh;     /* unrolled */
    int64_t boundary_ms;      /* start of the open interval */
    int64_t boundary_milliwh; /* unrolled counter there */
    int64_t observed_ms;      /* observed part of the open interval */
    enum quality quality;     /* of the open interval so far */
    enum reason reason;
    double last_power_w;  /* integration only */
    double carry_milliwh; /* integration only: fraction not yet in the sum */
};

/* `power_most_w` is the largest plausible power through the meter; INFINITY or 0: unknown. One that
 * is too small makes true energy implausible: it should lie far above the normal. */
void meter_init(struct meter *meter, int32_t point, int64_t interval_ms, int64_t gap_ms,
                int64_t rollover_milliwh, bool integrates, double power_most_w);

/* Goes on after a restart from the last interval stored; before any reading. Nothing is counted
 * twice or lost: the first reading is taken against `raw_milliwh`, the raw counter that belongs to
 * `end_milliwh` (meter_raw_at when the interval closed). A pause longer than `gap_ms` is a gap. */
void meter_resume(struct meter *meter, int64_t end_ms, int64_t end_milliwh, int64_t raw_milliwh);

/* A reading. Closed intervals go to `ret_intervals`, older ones first; `most` is at least 1, and
 * where more than `most` would close they become one long interval. Readings not newer than the
 * last, not finite or (counters) negative are ignored. Returns the number closed. */
int meter_feed_counter(struct meter *meter, int64_t at_ms, double counter_wh,
                       struct energy_interval *ret_intervals, int most);
int meter_feed_power(struct meter *meter, int64_t at_ms, double power_w,
                     struct energy_interval *ret_intervals, int most);

/* The raw counter that belongs to an unrolled one, counted from the present zero of the device: to
 * be stored with the end of an interval just closed. Negative for an end before the last rollover
 * or reset; meter_resume takes it as it is. */
int64_t meter_raw_at(const struct meter *meter, int64_t unrolled_milliwh);

enum {
    METER_BACK_SHARE = 10,           /* the tenths of the verdicts above */
    METER_MOST_POWER_W = 1000000000, /* a larger power is no reading of one meter */
    METER_JITTER_MS = 1000,          /* between the counting and the time of the reading */
    METER_DIGIT_MILLIWH = 10000000,  /* 10 kWh: the last digit of a coarse counter */
    METER_RETURN_MS = 3600000,       /* no meter or gateway boots longer */
};

#endif
