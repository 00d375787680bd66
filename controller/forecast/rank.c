/* Spearman's correlation is Pearson's of the ranks. */
#include "controller/forecast/rank.h"

#include <math.h>

/* From -1 to 1 around the middle, times the number of hours. */
static void centred_ranks(const float value[RANKED_HOURS], double ret_rank[RANKED_HOURS])
{
    for (int i = 0; i < RANKED_HOURS; i++) {
        ret_rank[i] = 0.0;
        for (int j = 0; j < RANKED_HOURS; j++)
            ret_rank[i] += (value[i] > value[j]) - (value[i] < value[j]);
    }
}

double rank_correlation(const float said[RANKED_HOURS], const float came[RANKED_HOURS])
{
    double a[RANKED_HOURS], b[RANKED_HOURS], ab = 0.0, aa = 0.0, bb = 0.0;
    for (int i = 0; i < RANKED_HOURS; i++)
        if (isnan(said[i]) || isnan(came[i]))
            return NAN;
    centred_ranks(said, a);
    centred_ranks(came, b);
    for (int i = 0; i < RANKED_HOURS; i++) {
        ab += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    return aa > 0.0 && bb > 0.0 ? ab / sqrt(aa * bb) : (double)NAN;
}
