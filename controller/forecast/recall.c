/* Kept by the hour and computed when asked, because what came is in the history anyway. */
#include "controller/forecast/recall.h"

#include <math.h>

#include "controller/base/utc.h"

static int64_t position(int64_t start_step)
{
    int64_t issue = start_step / STEPS_A_MEMORY;
    return issue - utc_floor(issue, RECALL_ISSUES);
}

static float hour_mean(const float *step)
{
    float sum = 0.0f;
    for (int i = 0; i < STEPS_AN_HOUR; i++)
        sum += step[i];
    return sum / STEPS_AN_HOUR;
}

void recall_keep(struct recall *recall, int64_t start_step, const struct outlook *outlook)
{
    if (start_step % STEPS_A_MEMORY != 0)
        return;
    struct recalled *kept = &recall->outlook[position(start_step)];
    kept->held = true;
    kept->start_step = start_step;
    for (int32_t hour = 0; hour < OUTLOOK_HOURS; hour++) {
        kept->point[hour] = hour_mean(&outlook->point[hour * STEPS_AN_HOUR]);
        kept->spread[hour] = hour_mean(&outlook->spread[hour * STEPS_AN_HOUR]);
    }
}

bool recall_errors(const struct recall *recall, const struct history *history, int64_t start_step,
                   float ret_error[OUTLOOK_HOURS])
{
    const struct recalled *said = &recall->outlook[position(start_step)];
    if (!said->held || said->start_step != start_step)
        return false;
    bool known = false;
    for (int32_t hour = 0; hour < OUTLOOK_HOURS; hour++) {
        float came[STEPS_AN_HOUR];
        for (int i = 0; i < STEPS_AN_HOUR; i++)
            came[i] = history_at(history, start_step + hour * STEPS_AN_HOUR + i);
        float error = (hour_mean(came) - said->point[hour]) / said->spread[hour];
        known |= isfinite(error);
        ret_error[hour] = isfinite(error) ? error : 0.0f; /* a gap, or certain: the sun is down */
    }
    return known;
}
