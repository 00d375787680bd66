/* What was believed about each quarter hour, and how it compared with what came. Private. */
#ifndef TIDEWATT_FORECAST_SCORE_H
#define TIDEWATT_FORECAST_SCORE_H

#include "controller/forecast/band.h"
#include "controller/forecast/history.h"

/* What one issue said about one sampled lead. */
struct belief {
    float point, spread;
    float offset[QUANTILES]; /* of the quantiles, in units of the spread */
};

/* Every second sampled lead is judged model by model. */
enum { JUDGED_LEADS = LEAD_SAMPLES / 2, MEMORY_ISSUES = FORECAST_STEPS / STEPS_A_MEMORY };
static inline bool lead_is_judged(int lead_sample)
{
    return lead_sample % 2 == 1;
}

struct remembered_issue {
    bool held;
    bool issued;    /* told to the caller, so it is scored; false: a replay of the history */
    bool learnable; /* a stand-in's errors say nothing about a model, nor those of an old past */
    int64_t start_step;
    struct belief belief[LEAD_SAMPLES];
    float contender[JUDGED_LEADS][FORECAST_MODELS]; /* points; NAN: had nothing to say */
};

/* The issues of the last 96 h that are remembered; a second one of the same step replaces it. */
struct memory {
    struct remembered_issue issue[MEMORY_ISSUES];
};

/* NULL: issues of this step are not remembered. */
struct remembered_issue *memory_slot(struct memory *memory, int64_t start_step);
/* NULL: no issue started there. */
const struct remembered_issue *memory_find(const struct memory *memory, int64_t start_step);

struct score_sum {
    int64_t count, inside, inside_80;
    double absolute, error, pinball;
};

void score_add(struct score_sum *sum, const float quantile[QUANTILES], double observed);
void score_read(const struct score_sum *sum, enum forecast_series series, int lead,
                struct forecast_score *ret_score);

#endif
