/* The process image: the last verdict and value of every point, frozen once a tick. Pure.
 *
 * Drivers' samples go into the live image; image_freeze judges ages and hands out a copy that
 * does not change during the tick. Reading a value forces the caller to face its quality. */
#ifndef TIDEWATT_PLANT_IMAGE_H
#define TIDEWATT_PLANT_IMAGE_H

#include <stdbool.h>

#include "controller/plant/point.h"
#include "controller/plant/sample.h"
#include "controller/plant/value_check.h"

/* A verdict against a point that came and went between two freezes. */
struct lapse {
    int64_t at_ms; /* when the sample that earned it was received */
    enum quality quality;
    enum reason reason;
    int32_t count; /* how many there were; the last is described; 0: none */
};

struct image {
    const struct topology *topology; /* not owned */
    struct sample *values;           /* by point index */
    int64_t frozen_ms;               /* site time of the freeze; 0 in a live image */
    struct value_memory *memory;     /* by point index; of a live image */
    struct lapse *lapses;            /* by point index; NULL: not watched */
};

/* All points MISSING/NEVER_READ. ERROR_SYSTEM: out of memory. */
int image_init(struct image *image, const struct topology *topology, struct error *error);
void image_finish(struct image *image);

/* Takes a sample in after the value checks (value_check.h). One with a source time older than that
 * known is ignored (TOO_OLD), unless it was received more than LIMIT_LATE_MS before that one: then
 * our clock stepped back and the times and values held say nothing any more. A sample that is or
 * turns out BAD or MISSING puts the value out of reach and keeps the source time; the next one that
 * is good and not older restores it. Returns the verdict's reason. */
enum reason image_apply(struct image *image, const struct sample *sample);

/* Copies `live` into `frozen` (same topology); GOOD values older than their device's
 * stale_after_ms at `now_ms` become STALE/TOO_OLD; those further ahead of it than their source's
 * clock may be, as after a step back of the clock, BAD/CLOCK_SKEW: their age is unknown. The lapses
 * since the last freeze move over. */
void image_freeze(struct image *frozen, struct image *live, int64_t now_ms);

/* True and the value only when the quality is GOOD or ESTIMATED. `point` may be -1: false. */
bool image_value(const struct image *image, int32_t point, double *ret_value);
/* The same by device and kind. */
bool image_device_value(const struct image *image, int32_t device, enum point_kind kind,
                        double *ret_value);
/* The whole entry, whatever its quality. */
const struct sample *image_sample(const struct image *image, int32_t point);

#endif
