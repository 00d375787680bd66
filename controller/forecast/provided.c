/* The newest word on each quarter hour, by source. */
#include "controller/forecast/provided.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const int64_t MS_A_MINUTE = 60000;

struct provided *provided_of(struct provided table[PROVIDERS], const char *source)
{
    for (int i = 0; i < PROVIDERS; i++) {
        if (table[i].source[0] == '\0')
            snprintf(table[i].source, sizeof(table[i].source), "%s", source);
        if (strcmp(table[i].source, source) == 0)
            return &table[i];
    }
    return NULL;
}

static int32_t position(int64_t step)
{
    int64_t rest = step % PROVIDED_STEPS;
    return (int32_t)(rest < 0 ? rest + PROVIDED_STEPS : rest);
}

static void take_step(struct provided *provided, int64_t step, int32_t issue_min, float value,
                      struct weather_intake *intake)
{
    typeof(provided->said[0]) *said = &provided->said[position(step)];
    bool held = said->step == (int32_t)step && step != 0;
    if (held && said->issue_min > issue_min) {
        intake->late++;
        return;
    }
    bool same = held && said->issue_min == issue_min;
    bool alike = same && fabsf(said->value - value) <= 1e-3f * (1.0f + fabsf(value));
    intake->same += alike;
    intake->other += same && !alike;
    intake->fresh += !same;
    said->value = value;
    said->step = (int32_t)step;
    said->issue_min = issue_min;
}

void provided_take(struct provided *provided, const struct forecast_block *block,
                   struct weather_intake *ret_intake)
{
    *ret_intake = (struct weather_intake){0};
    for (int32_t i = 0; i < block->count; i++) {
        if (isnan(block->value[i]))
            continue;
        int64_t from_ms = block->start_ms + i * (int64_t)block->step_ms;
        for (int64_t at = from_ms; at < from_ms + block->step_ms; at += FORECAST_STEP_MS)
            take_step(provided, step_of(at), (int32_t)(block->issue_ms / MS_A_MINUTE),
                      block->value[i], ret_intake);
    }
}

float provided_at(const struct provided *provided, int64_t step)
{
    int32_t at = position(step);
    return provided->said[at].step == (int32_t)step ? provided->said[at].value : NAN;
}
