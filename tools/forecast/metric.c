/* See metric.h. */
#include "tools/forecast/metric.h"

#include <assert.h>
#include <math.h>

static double pinball_mean(const struct outcome *outcome)
{
    double sum = 0;
    for (int q = 0; q < QUANTILES; q++) {
        double above = outcome->came - outcome->quantile[q];
        sum += fmax(forecast_quantiles[q] * above, (forecast_quantiles[q] - 1) * above);
    }
    return sum / QUANTILES;
}

void metric_add(struct metric *metric, const struct outcome *outcome)
{
    const double *quantile = outcome->quantile;
    double came = outcome->came, error = fabs(quantile[QUANTILE_MEDIAN] - came);
    metric->count++;
    metric->error += error;
    metric->share += error / fabs(came);
    metric->pinball += pinball_mean(outcome);
    if (outcome->banded) {
        metric->banded++;
        metric->in_80 += came >= quantile[1] && came <= quantile[QUANTILES - 2];
        metric->in_90 += came >= quantile[0] && came <= quantile[QUANTILES - 1];
    }
    for (int i = 0; i < RIVALS; i++) {
        struct duel *duel = &metric->duels[i];
        double theirs = fabs(outcome->rivals[i] - came);
        if (isnan(theirs))
            continue;
        duel->count++;
        duel->ours += error;
        duel->theirs += theirs;
        duel->ours_share += error / fabs(came);
        duel->theirs_share += theirs / fabs(came);
    }
}

static double mean(double sum, int64_t count)
{
    return count > 0 ? sum / (double)count : (double)NAN;
}

double metric_mae(const struct metric *metric)
{
    return mean(metric->error, metric->count);
}

double metric_mape(const struct metric *metric)
{
    return mean(metric->share, metric->count);
}

double metric_pinball(const struct metric *metric)
{
    return mean(metric->pinball, metric->count);
}

double metric_coverage_80(const struct metric *metric)
{
    return mean((double)metric->in_80, metric->banded);
}

double metric_coverage_90(const struct metric *metric)
{
    return mean((double)metric->in_90, metric->banded);
}

double metric_ratio(const struct metric *metric, enum rival rival)
{
    const struct duel *duel = &metric->duels[rival];
    return duel->theirs > 0 ? duel->ours / duel->theirs : (double)NAN;
}

/* ---- ranks ---- */

static void rank(const double *values, int count, double *ret_ranks)
{
    for (int i = 0; i < count; i++) {
        int below = 0, same = 0;
        for (int k = 0; k < count; k++) {
            below += values[k] < values[i];
            same += values[k] == values[i];
        }
        ret_ranks[i] = below + (same - 1) / 2.0;
    }
}

double spearman(const double *one, const double *other, int count)
{
    double a[SPEARMAN_MOST], b[SPEARMAN_MOST], middle = (count - 1) / 2.0;
    double together = 0, alone_a = 0, alone_b = 0;
    assert(count <= SPEARMAN_MOST);
    rank(one, count, a);
    rank(other, count, b);
    for (int i = 0; i < count; i++) {
        together += (a[i] - middle) * (b[i] - middle);
        alone_a += (a[i] - middle) * (a[i] - middle);
        alone_b += (b[i] - middle) * (b[i] - middle);
    }
    return alone_a > 0 && alone_b > 0 ? together / sqrt(alone_a * alone_b) : (double)NAN;
}
