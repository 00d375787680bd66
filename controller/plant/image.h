/* The process image: the last verdict and value of every point, frozen once a tick. Pure.
 *
 * Drivers' samples go into the live image; image_freeze judges ages and hands out a copy that
 * does not change during the tick. Reading a value forces the caller to face its quality. */
#ifndef TIDEWATT_PLANT_IMAGE_H
#define TIDEWATT_PLANT_IMAGE_H

#include <stdbool.h>

#include "controller/plant/point.h"
#include "controller/plant/sample.h"

struct image {
    const struct topology *topology; /* not owned */
    struct sample *values;           /* by point index */
    int64_t frozen_ms;               /* site time of the freeze; 0 in a live image */
};

/* All points MISSING/NEVER_READ. ERROR_SYSTEM: out of memory. */
int image_init(struct image *image, const struct topology *topology, struct error *error);
void image_finish(struct image *image);

/* Takes a sample in after the value checks (finite, range, source time not more than
 * `CLOCK_SKEW_MS` ahead of its reception). One with a source time older than that held is ignored
 * (TOO_OLD), unless it was received before that one: then our clock stepped back and the times held
 * say nothing any more. A sample that is or turns out BAD or MISSING puts the value out of reach
 * and keeps the source time; the next one that is good and not older restores it. Returns the
 * verdict's reason. */
enum reason image_apply(struct image *image, const struct sample *sample);

/* Copies `live` into `frozen` (same topology); GOOD values older than their device's
 * stale_after_ms at `now_ms` become STALE/TOO_OLD; those more than `CLOCK_SKEW_MS` ahead of it, as
 * after a step back of the clock, BAD/CLOCK_SKEW: their age is unknown. */
void image_freeze(struct image *frozen, const struct image *live, int64_t now_ms);

/* True and the value only when the quality is GOOD or ESTIMATED. `point` may be -1: false. */
bool image_value(const struct image *image, int32_t point, double *ret_value);
/* The same by device and kind. */
bool image_device_value(const struct image *image, int32_t device, enum point_kind kind,
                        double *ret_value);
/* The whole entry, whatever its quality. */
const struct sample *image_sample(const struct image *image, int32_t point);

enum { CLOCK_SKEW_MS = 5000 };

#endif
