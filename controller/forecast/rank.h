/* How well the hours of the next day are ranked: a plan shifts work by rank alone. Private. */
#ifndef TIDEWATT_FORECAST_RANK_H
#define TIDEWATT_FORECAST_RANK_H

#include <stdbool.h>
#include <stdint.h>

enum { RANKED_HOURS = 24 };

struct rank {
    bool held;
    int64_t first_hour;
    float said[RANKED_HOURS];
    int64_t days;
    double sum;
};

/* Spearman's correlation, ties at their mean rank. NAN: one side does not move, or a gap. */
double rank_correlation(const float said[RANKED_HOURS], const float came[RANKED_HOURS]);

#endif
