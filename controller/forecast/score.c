/* Scores are sums over the life of the forecaster: whoever wants them by day takes differences. */
#include "controller/forecast/score.h"

#include <math.h>
#include <stddef.h>

#include "controller/base/utc.h"

const int forecast_lead_h[SCORE_LEADS] = {1, 3, 6, 12, 24, 48, 96};

static int64_t position(int64_t start_step)
{
    int64_t issue = utc_floor(start_step, STEPS_A_MEMORY) / STEPS_A_MEMORY;
    return issue - utc_floor(issue, MEMORY_ISSUES);
}

struct remembered_issue *memory_slot(struct memory *memory, int64_t start_step)
{
    return start_step % STEPS_A_MEMORY == 0 ? &memory->issue[position(start_step)] : NULL;
}

const struct remembered_issue *memory_find(const struct memory *memory, int64_t start_step)
{
    const struct remembered_issue *issue = &memory->issue[position(start_step)];
    return issue->held && issue->start_step == start_step ? issue : NULL;
}

const struct remembered_issue *memory_of_step(const struct memory *memory, int lead_sample,
                                              int64_t step)
{
    int64_t first = step - lead_sample_step[lead_sample];
    int64_t last = lead_sample >= LEADS_IN_TURN ? first + STEPS_A_MEMORY - STEPS_AN_HOUR : first;
    for (int64_t start = first; start <= last; start += STEPS_AN_HOUR)
        if (start % STEPS_A_MEMORY == 0 && start + lead_step(lead_sample, start) == step)
            return memory_find(memory, start);
    return NULL;
}

/* Mean pinball loss over the quantiles: proper, so only honest quantiles minimise it. */
static double pinball(const float quantile[QUANTILES], double observed)
{
    double sum = 0.0;
    for (int q = 0; q < QUANTILES; q++) {
        double over = observed - (double)quantile[q];
        sum += over >= 0.0 ? forecast_quantiles[q] * over : (forecast_quantiles[q] - 1.0) * over;
    }
    return sum / QUANTILES;
}

/* From the outermost quantiles (0) or the ones next to them (1). */
static bool is_inside(const float quantile[QUANTILES], int from, double observed)
{
    return observed >= (double)quantile[from] && observed <= (double)quantile[QUANTILES - 1 - from];
}

void score_add(struct score_sum *sum, const float quantile[QUANTILES], double observed)
{
    double error = (double)quantile[QUANTILE_MEDIAN] - observed;
    sum->count++;
    sum->absolute += fabs(error);
    sum->error += error;
    sum->pinball += pinball(quantile, observed);
    sum->inside += is_inside(quantile, 0, observed);
    sum->inside_80 += is_inside(quantile, 1, observed);
}

void score_read(const struct score_sum *sum, enum forecast_series series, int lead,
                struct forecast_score *ret_score)
{
    double count = (double)sum->count;
    *ret_score = (struct forecast_score){
        .series = series,
        .lead = lead,
        .count = sum->count,
        .mae = sum->absolute / count,
        .bias = sum->error / count,
        .pinball = sum->pinball / count,
        .coverage = (double)sum->inside / count,
        .coverage_80 = (double)sum->inside_80 / count,
        .rank = NAN,
    };
}
