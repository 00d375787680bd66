/* What one series was: a ring of quarter-hour means, addressed by step number. Private. */
#ifndef TIDEWATT_FORECAST_HISTORY_H
#define TIDEWATT_FORECAST_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/limits.h"

enum {
    STEPS_A_DAY = 96,
    STEPS_AN_HOUR = 4,
    /* Issues at 0, 3, 6 ... UTC are remembered, to learn from them and to score them: those of the
     * hours between go wrong in the same way. */
    STEPS_A_MEMORY = 3 * STEPS_AN_HOUR,
};

/* A step is a quarter hour, numbered since 1970; NAN marks a gap. */
struct history {
    bool started;
    int64_t newest_step;
    float value[LIMIT_HISTORY_SLOTS];
};

int64_t step_of(int64_t at_ms);

void history_init(struct history *history);
/* Only steps newer than the newest. */
bool history_accepts(const struct history *history, int64_t step);
void history_add(struct history *history, int64_t step, double value);
/* A step that is kept already; an older one is left alone. */
void history_correct(struct history *history, int64_t step, double value);
/* NAN: a gap, too old or not yet known. */
float history_at(const struct history *history, int64_t step);
/* The highest known value; NAN: nothing is known. */
float history_most(const struct history *history);
/* Copies the steps [end_step - LIMIT_HISTORY_SLOTS, end_step) and returns how many are known.
 * Nothing at or after `end_step` is copied: this is where peeking becomes impossible. */
int32_t history_before(const struct history *history, int64_t end_step,
                       float ret_value[LIMIT_HISTORY_SLOTS]);

#endif
