/* The newest word on each quarter hour, by source. */
#include "controller/forecast/provided.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "controller/base/utc.h"

static const int64_t MS_A_MINUTE = 60000;
static const int64_t FORGOTTEN_MS = 14 * (int64_t)DAY_MS; /* of silence */
/* Of an issue: no more than are kept, or the far ones would hide those that are asked for. */
static const int64_t BACK_MS = DAY_MS, AHEAD_MS = 7 * (int64_t)DAY_MS;
_Static_assert(8 * STEPS_A_DAY <= PROVIDED_STEPS, "a day back and seven ahead");

static bool is_free(const struct provided *provided, int64_t issue_ms)
{
    return provided->source[0] == '\0' || issue_ms - provided->newest_issue_ms > FORGOTTEN_MS;
}

struct provided *provided_of(struct provided table[PROVIDERS], const char *source, int64_t issue_ms,
                             bool *ret_new)
{
    *ret_new = false;
    for (int i = 0; i < PROVIDERS; i++)
        if (strcmp(table[i].source, source) == 0)
            return &table[i];
    for (int i = 0; i < PROVIDERS; i++) {
        if (!is_free(&table[i], issue_ms))
            continue;
        table[i] = (struct provided){0};
        snprintf(table[i].source, sizeof(table[i].source), "%s", source);
        *ret_new = true;
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
    bool held = said->step == (int32_t)step;
    if (said->step > (int32_t)step || (held && said->issue_min > issue_min)) {
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
        if (from_ms < block->issue_ms - BACK_MS ||
            from_ms + block->step_ms > block->issue_ms + AHEAD_MS)
            continue;
        for (int64_t at = from_ms; at < from_ms + block->step_ms; at += FORECAST_STEP_MS)
            take_step(provided, step_of(at), (int32_t)(block->issue_ms / MS_A_MINUTE),
                      block->value[i], ret_intake);
    }
    if (ret_intake->fresh > 0 && block->issue_ms > provided->newest_issue_ms)
        provided->newest_issue_ms = block->issue_ms;
}

float provided_at(const struct provided *provided, int64_t step)
{
    int32_t at = position(step);
    return provided->said[at].step == (int32_t)step ? provided->said[at].value : NAN;
}
