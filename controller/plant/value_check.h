/* Whether a value can be true, judged by the rules of its point and by what was believed before.
 * Pure.
 *
 * In this order: finite, inside the range, not from the future, not faster than it can change, not
 * frozen. Times are the source's, so that neither a queue nor a slow wire bends a rate.
 *
 *   TOO_FAST  a step beyond rate_per_s x the time since the last accepted value. It unlocks by
 *             itself: a true step is accepted after the time that it would have needed. Counters
 *             are left to the meter, which tells resets and rollovers from misread values.
 *   FROZEN    samples have kept saying exactly the same for longer than frozen_after_ms. Time
 *             without samples counts as one `gap_ms` at most: silence is no proof. The next other
 *             value ends it. A meter republished with fresh time stamps is exactly this case.
 *
 * A value that fails teaches nothing: neither the rate nor the frozen clock starts again. */
#ifndef TIDEWATT_PLANT_VALUE_CHECK_H
#define TIDEWATT_PLANT_VALUE_CHECK_H

#include "controller/plant/point.h"
#include "controller/plant/sample.h"

/* What the checks remember of one point. */
struct value_memory {
    double value;     /* the last one accepted; NAN: none, the next is not held against any */
    int64_t value_ms; /* its source time */
    int64_t seen_ms;  /* source time of the newest sample that said something believable */
    int64_t still_ms; /* how long samples have kept saying `value` */
};

void value_forget(struct value_memory *memory);

/* FRESH, or why the value must not be used. `gap_ms`: how long a value counts without a newer
 * one. */
enum reason value_check(struct value_memory *memory, const struct point *point, int64_t gap_ms,
                        const struct sample *sample);

/* How far the clock of the point's source may be ahead of ours. */
int64_t value_skew_ms(const struct point *point);

enum { CLOCK_SKEW_MS = 5000 };

#endif
