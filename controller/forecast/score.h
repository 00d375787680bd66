/* What was believed about each quarter hour, and how it compared with what came. Private. */
#ifndef TIDEWATT_FORECAST_SCORE_H
#define TIDEWATT_FORECAST_SCORE_H

#include "controller/forecast/band.h"

/* What one issue said about one sampled lead. */
struct belief {
    float point, spread;
    float quantile[QUANTILES];
};

struct remembered_issue {
    bool held;
    bool issued;    /* told to the caller, so it is scored; false: a replay of the history */
    bool learnable; /* by the series' own model; a stand-in's errors say nothing about it */
    int64_t start_step;
    struct belief belief[LEAD_SAMPLES];
};

/* The issues of the last 96 h, one a start step; a second one of the same step replaces it. */
struct memory {
    struct remembered_issue issue[FORECAST_STEPS];
};

struct remembered_issue *memory_slot(struct memory *memory, int64_t start_step);
/* NULL: no issue started there. */
const struct remembered_issue *memory_find(const struct memory *memory, int64_t start_step);

struct score_sum {
    int64_t count, inside;
    double absolute, error, pinball;
};

void score_add(struct score_sum *sum, const struct belief *belief, double observed);
void score_read(const struct score_sum *sum, enum forecast_series series, int lead,
                struct forecast_score *ret_score);

#endif
