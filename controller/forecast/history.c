/* The ring keeps absolute positions (step modulo its length), so that gaps cost nothing but NANs
 * and a look-up needs no search. */
#include "controller/forecast/history.h"

#include <assert.h>
#include <math.h>

#include "controller/base/utc.h"
#include "controller/forecast/forecast.h"

static int32_t position(int64_t step)
{
    int64_t rest = step % LIMIT_HISTORY_SLOTS;
    return (int32_t)(rest < 0 ? rest + LIMIT_HISTORY_SLOTS : rest);
}

int64_t step_of(int64_t at_ms)
{
    return utc_floor(at_ms, FORECAST_STEP_MS) / FORECAST_STEP_MS;
}

static void forget_all(struct history *history)
{
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++)
        history->value[i] = NAN;
}

void history_init(struct history *history)
{
    history->started = false;
    history->newest_step = 0;
    forget_all(history);
}

bool history_accepts(const struct history *history, int64_t step)
{
    return !history->started || step > history->newest_step;
}

void history_add(struct history *history, int64_t step, double value)
{
    assert(history_accepts(history, step));
    if (!history->started || step - history->newest_step >= LIMIT_HISTORY_SLOTS) {
        forget_all(history);
    } else {
        for (int64_t gap = history->newest_step + 1; gap < step; gap++)
            history->value[position(gap)] = NAN;
    }
    history->value[position(step)] = (float)value;
    history->newest_step = step;
    history->started = true;
}

static bool is_kept(const struct history *history, int64_t step)
{
    return history->started && step <= history->newest_step &&
           step > history->newest_step - LIMIT_HISTORY_SLOTS;
}

void history_correct(struct history *history, int64_t step, double value)
{
    if (is_kept(history, step))
        history->value[position(step)] = (float)value;
}

float history_at(const struct history *history, int64_t step)
{
    return is_kept(history, step) ? history->value[position(step)] : NAN;
}

float history_most(const struct history *history)
{
    float most = NAN;
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++)
        most = fmaxf(most, history->value[i]); /* of a number and NAN, the number */
    return most;
}

int32_t history_before(const struct history *history, int64_t end_step,
                       float ret_value[LIMIT_HISTORY_SLOTS])
{
    int32_t known = 0;
    int64_t oldest_kept = history->newest_step - LIMIT_HISTORY_SLOTS + 1;
    int64_t step = end_step - LIMIT_HISTORY_SLOTS;
    int32_t from = position(step);
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++, step++) {
        bool kept = history->started && step >= oldest_kept && step <= history->newest_step;
        ret_value[i] = kept ? history->value[from] : NAN;
        known += !isnan(ret_value[i]);
        from = from + 1 == LIMIT_HISTORY_SLOTS ? 0 : from + 1;
    }
    return known;
}
