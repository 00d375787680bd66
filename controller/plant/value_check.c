/* The value checks of a point. Whatever passes here is believed by everybody else. */
#include "controller/plant/value_check.h"

#include <math.h>

void value_forget(struct value_memory *memory)
{
    *memory = (struct value_memory){.value = (double)NAN, .seen_ms = INT64_MIN};
}

int64_t value_skew_ms(const struct point *point)
{
    return point->skew_ms > 0 ? point->skew_ms : CLOCK_SKEW_MS;
}

static bool is_too_fast(const struct value_memory *memory, const struct point *point,
                        const struct sample *sample)
{
    if (point->rate_per_s <= 0 || isnan(memory->value) ||
        point_kind_class(point->kind) == POINT_CLASS_COUNTER)
        return false;
    double elapsed_s = ((double)sample->source_ms - (double)memory->value_ms) / 1000;
    return fabs(sample->value - memory->value) > point->rate_per_s * elapsed_s;
}

static bool is_frozen(struct value_memory *memory, const struct point *point, int64_t gap_ms,
                      const struct sample *sample)
{
    if (isnan(memory->value) || sample->value != memory->value)
        memory->still_ms = 0;
    else if (sample->source_ms > memory->seen_ms + gap_ms)
        memory->still_ms += gap_ms;
    else
        memory->still_ms += sample->source_ms - memory->seen_ms;
    memory->seen_ms = sample->source_ms;
    return point->frozen_after_ms > 0 && memory->still_ms > point->frozen_after_ms;
}

enum reason value_check(struct value_memory *memory, const struct point *point, int64_t gap_ms,
                        const struct sample *sample)
{
    if (!isfinite(sample->value))
        return REASON_NOT_FINITE;
    if (sample->value < point->low || sample->value > point->high)
        return REASON_OUT_OF_RANGE;
    if (sample->source_ms > sample->receive_ms + value_skew_ms(point))
        return REASON_CLOCK_SKEW;
    if (is_too_fast(memory, point, sample))
        return REASON_TOO_FAST;
    if (is_frozen(memory, point, gap_ms, sample))
        return REASON_FROZEN;
    memory->value = sample->value;
    memory->value_ms = sample->source_ms;
    return REASON_FRESH;
}
