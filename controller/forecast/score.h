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

enum { LEADS_IN_TURN = 13 }; /* from here on, and never into a class of shorter leads */
/* Every second sampled lead is judged model by model. */
enum { JUDGED_LEADS = LEAD_SAMPLES / 2, MEMORY_ISSUES = FORECAST_STEPS / STEPS_A_MEMORY };
static inline bool lead_is_judged(int lead_sample)
{
    return lead_sample % 2 == 1;
}

/* Step of a sampled lead in an issue: later ones lie at all hours of the day in turn, because
 * issues are remembered at the same eight for ever. */
static inline int32_t lead_step(int lead_sample, int64_t start_step)
{
    int64_t turn = start_step / STEPS_A_MEMORY % (STEPS_A_MEMORY / STEPS_AN_HOUR);
    int32_t step = lead_sample_step[lead_sample];
    return lead_sample >= LEADS_IN_TURN ? step - (int32_t)turn * STEPS_AN_HOUR : step;
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

/* The issue whose sampled lead is this step; NULL: none. */
const struct remembered_issue *memory_of_step(const struct memory *memory, int lead_sample,
                                              int64_t step);

struct score_sum {
    int64_t count, inside, inside_80;
    double absolute, error, pinball;
};

void score_add(struct score_sum *sum, const float quantile[QUANTILES], double observed);
void score_read(const struct score_sum *sum, enum forecast_series series, int lead,
                struct forecast_score *ret_score);

#endif
