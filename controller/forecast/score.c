/* Scores are sums over the life of the forecaster: whoever wants them by day takes differences. */
#include "controller/forecast/score.h"

#include <math.h>
#include <stddef.h>

const int forecast_lead_h[SCORE_LEADS] = {1, 3, 6, 12, 24, 48, 96};

static int64_t position(int64_t step)
{
    int64_t rest = step % FORECAST_STEPS;
    return rest < 0 ? rest + FORECAST_STEPS : rest;
}

struct remembered_issue *memory_slot(struct memory *memory, int64_t start_step)
{
    return &memory->issue[position(start_step)];
}

const struct remembered_issue *memory_find(const struct memory *memory, int64_t start_step)
{
    const struct remembered_issue *issue = &memory->issue[position(start_step)];
    return issue->held && issue->start_step == start_step ? issue : NULL;
}

/* Mean pinball loss over the quantiles: proper, so only honest quantiles minimise it. */
static double pinball(const struct belief *belief, double observed)
{
    double sum = 0.0;
    for (int q = 0; q < QUANTILES; q++) {
        double over = observed - (double)belief->quantile[q];
        sum += over >= 0.0 ? forecast_quantiles[q] * over : (forecast_quantiles[q] - 1.0) * over;
    }
    return sum / QUANTILES;
}

void score_add(struct score_sum *sum, const struct belief *belief, double observed)
{
    double error = (double)belief->quantile[QUANTILE_MEDIAN] - observed;
    sum->count++;
    sum->absolute += fabs(error);
    sum->error += error;
    sum->pinball += pinball(belief, observed);
    sum->inside += observed >= (double)belief->quantile[0] &&
                   observed <= (double)belief->quantile[QUANTILES - 1];
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
    };
}
