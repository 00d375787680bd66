/* The process image. Every value passes its checks here before anybody may use it; one that fails
 * is kept out of reach as NAN, so that a caller who forgets its quality computes NAN and not a
 * plausible number. */
#include "controller/plant/image.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int allocate(struct image *image, size_t points)
{
    image->values = calloc(points, sizeof(*image->values));
    image->memory = calloc(points, sizeof(*image->memory));
    image->lapses = calloc(points, sizeof(*image->lapses));
    if (image->values && image->memory && image->lapses)
        return 0;
    image_finish(image);
    return ERROR_SYSTEM;
}

int image_init(struct image *image, const struct topology *topology, struct error *error)
{
    struct image made = {.topology = topology};
    if (allocate(&made, (size_t)topology->point_count + 1) < 0)
        return error_set(error, ERROR_SYSTEM, "out of memory for %d points", topology->point_count);
    for (int32_t i = 0; i < topology->point_count; i++) {
        made.values[i] = (struct sample){.point = i,
                                         .quality = QUALITY_MISSING,
                                         .reason = REASON_NEVER_READ,
                                         .value = (double)NAN};
        value_forget(&made.memory[i]);
    }
    *image = made;
    return 0;
}

void image_finish(struct image *image)
{
    free(image->values);
    free(image->memory);
    free(image->lapses);
    image->values = NULL;
    image->memory = NULL;
    image->lapses = NULL;
}

static bool usable(enum quality quality)
{
    return quality == QUALITY_GOOD || quality == QUALITY_ESTIMATED;
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

static int64_t gap_ms(const struct topology *topology, int32_t point)
{
    const struct point *entry = &topology->points[point];
    return topology->devices[entry->device].stale_after_ms + entry->every_ms;
}

/* The verdict's reason; the sample is judged against what is held. */
static enum reason take(struct image *image, const struct sample *sample)
{
    struct sample *held = &image->values[sample->point];
    struct value_memory *memory = &image->memory[sample->point];
    if (sample->receive_ms < held->receive_ms - LIMIT_LATE_MS) {
        held->source_ms = 0; /* our clock stepped back: times from before compare with none */
        value_forget(memory);
    }
    if (!usable(sample->quality))
        return disown(held, sample->quality, sample->reason, sample->receive_ms);
    if (sample->source_ms < memory->seen_ms)
        return REASON_TOO_OLD; /* overtaken on its way */

    enum reason verdict = value_check(memory, &image->topology->points[sample->point],
                                      gap_ms(image->topology, sample->point), sample);
    if (verdict != REASON_FRESH)
        return disown(held, QUALITY_BAD, verdict, sample->receive_ms);
    *held = *sample;
    /* A good value says more only where older ones had to give way to it. */
    if (sample->quality == QUALITY_GOOD && sample->reason != REASON_OVERLOAD)
        held->reason = REASON_FRESH;
    return held->reason;
}

/* What was held against the point is over before a freeze may have shown it. */
static void note_lapse(struct lapse *lapse, const struct sample *before, const struct sample *now)
{
    if (usable(before->quality) || before->reason == REASON_NEVER_READ ||
        (before->quality == now->quality && before->reason == now->reason))
        return;
    *lapse = (struct lapse){.at_ms = before->receive_ms,
                            .quality = before->quality,
                            .reason = before->reason,
                            .count = lapse->count + 1};
}

enum reason image_apply(struct image *image, const struct sample *sample)
{
    assert(sample->point >= 0 && sample->point < image->topology->point_count);
    const struct sample before = image->values[sample->point];
    enum reason reason = take(image, sample);
    note_lapse(&image->lapses[sample->point], &before, &image->values[sample->point]);
    return reason;
}

static void judge_age(struct sample *held, int64_t stale_after_ms, int64_t skew_ms, int64_t now_ms)
{
    if (!usable(held->quality))
        return;
    if (held->source_ms > now_ms + skew_ms) {
        disown(held, QUALITY_BAD, REASON_CLOCK_SKEW, held->receive_ms);
    } else if (now_ms - held->source_ms > stale_after_ms) {
        held->quality = QUALITY_STALE;
        held->reason = REASON_TOO_OLD;
    }
}

void image_freeze(struct image *frozen, struct image *live, int64_t now_ms)
{
    const struct topology *topology = live->topology;
    size_t points = (size_t)topology->point_count;
    assert(frozen->topology == topology);
    memcpy(frozen->values, live->values, points * sizeof(*live->values));
    memcpy(frozen->lapses, live->lapses, points * sizeof(*live->lapses));
    memset(live->lapses, 0, points * sizeof(*live->lapses));
    frozen->frozen_ms = now_ms;
    for (int32_t p = 0; p < topology->point_count; p++)
        judge_age(&frozen->values[p], gap_ms(topology, p), value_skew_ms(&topology->points[p]),
                  now_ms);
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
