/* The process image. Every check that a value must pass before anybody may use it is here; a value
 * that fails one is kept out of reach as NAN, so that a caller who forgets its quality computes
 * NAN and not a plausible number. */
#include "controller/plant/image.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int image_init(struct image *image, const struct topology *topology, struct error *error)
{
    size_t room = topology->point_count > 0 ? (size_t)topology->point_count : 1;
    struct sample *values = calloc(room, sizeof(*values));
    if (!values)
        return error_set(error, ERROR_SYSTEM, "out of memory for %d points", topology->point_count);
    for (int32_t i = 0; i < topology->point_count; i++)
        values[i] = (struct sample){.point = i,
                                    .quality = QUALITY_MISSING,
                                    .reason = REASON_NEVER_READ,
                                    .value = (double)NAN};
    *image = (struct image){.topology = topology, .values = values};
    return 0;
}

void image_finish(struct image *image)
{
    free(image->values);
    image->values = NULL;
}

static bool usable(enum quality quality)
{
    return quality == QUALITY_GOOD || quality == QUALITY_ESTIMATED;
}

/* Why a value that its driver vouches for must not be used; FRESH when it may. */
static enum reason judge(const struct point *point, const struct sample *sample)
{
    if (!isfinite(sample->value))
        return REASON_NOT_FINITE;
    if (sample->value < point->low || sample->value > point->high)
        return REASON_OUT_OF_RANGE;
    if (sample->source_ms > sample->receive_ms + CLOCK_SKEW_MS)
        return REASON_CLOCK_SKEW;
    return REASON_FRESH;
}

/* The source time stays: what the source said before it failed is still the newest it said. */
static enum reason disown(struct sample *held, enum quality quality, enum reason reason,
                          int64_t receive_ms)
{
    held->quality = quality;
    held->reason = reason;
    held->value = (double)NAN;
    held->receive_ms = receive_ms;
    return reason;
}

enum reason image_apply(struct image *image, const struct sample *sample)
{
    assert(sample->point >= 0 && sample->point < image->topology->point_count);
    struct sample *held = &image->values[sample->point];

    if (sample->receive_ms < held->receive_ms)
        held->source_ms = 0; /* our clock stepped back: times from before compare with none */
    if (!usable(sample->quality))
        return disown(held, sample->quality, sample->reason, sample->receive_ms);
    if (sample->source_ms < held->source_ms)
        return REASON_TOO_OLD; /* overtaken on its way */

    enum reason verdict = judge(&image->topology->points[sample->point], sample);
    if (verdict != REASON_FRESH)
        return disown(held, QUALITY_BAD, verdict, sample->receive_ms);
    *held = *sample;
    held->reason = sample->quality == QUALITY_GOOD ? REASON_FRESH : sample->reason;
    return held->reason;
}

static void judge_age(struct sample *held, int64_t stale_after_ms, int64_t now_ms)
{
    if (!usable(held->quality))
        return;
    if (held->source_ms > now_ms + CLOCK_SKEW_MS) {
        disown(held, QUALITY_BAD, REASON_CLOCK_SKEW, held->receive_ms);
    } else if (now_ms - held->source_ms > stale_after_ms) {
        held->quality = QUALITY_STALE;
        held->reason = REASON_TOO_OLD;
    }
}

static void judge_ages(struct image *frozen, const struct device *device, int64_t now_ms)
{
    for (int32_t p = device->first_point; p < device->first_point + device->point_count; p++)
        judge_age(&frozen->values[p],
                  device->stale_after_ms + frozen->topology->points[p].every_ms, now_ms);
}

void image_freeze(struct image *frozen, const struct image *live, int64_t now_ms)
{
    const struct topology *topology = live->topology;
    assert(frozen->topology == topology);
    memcpy(frozen->values, live->values, (size_t)topology->point_count * sizeof(*live->values));
    frozen->frozen_ms = now_ms;
    for (int32_t i = 0; i < topology->device_count; i++)
        judge_ages(frozen, &topology->devices[i], now_ms);
}

bool image_value(const struct image *image, int32_t point, double *ret_value)
{
    if (point < 0)
        return false;
    const struct sample *held = image_sample(image, point);
    if (!usable(held->quality))
        return false;
    *ret_value = held->value;
    return true;
}

bool image_device_value(const struct image *image, int32_t device, enum point_kind kind,
                        double *ret_value)
{
    return image_value(image, topology_find_point(image->topology, device, kind), ret_value);
}

const struct sample *image_sample(const struct image *image, int32_t point)
{
    assert(point >= 0 && point < image->topology->point_count);
    return &image->values[point];
}
