/* Sums of a rolling-origin evaluation, and the figures that come of them. */
#ifndef TIDEWATT_TOOLS_FORECAST_METRIC_H
#define TIDEWATT_TOOLS_FORECAST_METRIC_H

#include "controller/forecast/forecast.h"

/* Who else forecast the same hours. */
enum rival {
    RIVAL_DAY,  /* the same hour of the last whole day */
    RIVAL_WEEK, /* the same hour seven days earlier */
    RIVAL_PEER, /* the peers in their order */
    RIVALS = RIVAL_PEER + 2,
};

/* Both of the hours that the rival spoke of. */
struct duel {
    int64_t count;
    double ours, theirs;             /* sums of absolute errors */
    double ours_share, theirs_share; /* of absolute errors / |what came| */
};

struct metric {
    int64_t count;
    double error, share; /* sums: absolute errors; the same / |what came| */
    double pinball;      /* sum of the means over the quantiles */
    int64_t banded, in_80, in_90;
    struct duel duels[RIVALS];
};

/* One hour: quantiles as said and what came. */
struct outcome {
    double quantile[QUANTILES], came;
    bool banded;           /* its band is to be judged */
    double rivals[RIVALS]; /* NAN: said nothing */
};

void metric_add(struct metric *metric, const struct outcome *outcome);

/* NAN where nothing was counted. */
double metric_mae(const struct metric *metric);
double metric_mape(const struct metric *metric);
double metric_pinball(const struct metric *metric);
double metric_coverage_80(const struct metric *metric);
double metric_coverage_90(const struct metric *metric);
double metric_ratio(const struct metric *metric, enum rival rival); /* our MAE / theirs */

/* Rank correlation of two rows, ties at their mean rank. NAN when one does not move. */
enum { SPEARMAN_MOST = 48 };
double spearman(const double *one, const double *other, int count);

#endif
