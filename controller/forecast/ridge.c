/* Slopes come from the centred sums, so the ridge never draws at the level; each term is scaled by
 * its own deviation, so units do not matter. Terms that never moved get no slope. */
#include "controller/forecast/ridge.h"

#include <assert.h>
#include <lapacke.h>
#include <math.h>

static const double LEAST_VARIANCE = 1e-5; /* relative to the mean square */

static const float *row_of(const float *sums, int32_t terms, int32_t row)
{
    return sums + row * (terms + 1) - row * (row - 1) / 2 - row; /* [column], column >= row */
}

bool ridge_solve(const float *sums, int32_t terms, double prior, float ret_coefficient[RIDGE_TERMS])
{
    assert(terms >= 2 && terms <= RIDGE_TERMS);
    int32_t slopes = terms - 1;
    double matrix[(RIDGE_TERMS - 1) * (RIDGE_TERMS - 1)], right[RIDGE_TERMS - 1];
    double mean[RIDGE_TERMS + 1], scale[RIDGE_TERMS];
    double weight = (double)sums[0];
    if (!(weight > 0.0))
        return false;
    for (int32_t i = 0; i <= terms; i++)
        mean[i] = (double)sums[i] / weight;
    for (int32_t i = 1; i < terms; i++) {
        double square = (double)row_of(sums, terms, i)[i] / weight;
        double variance = square - mean[i] * mean[i];
        scale[i] = variance > LEAST_VARIANCE * square ? 1.0 / sqrt(variance) : 0.0;
    }
    for (int32_t i = 1; i < terms; i++) {
        const float *row = row_of(sums, terms, i);
        for (int32_t j = i; j < terms; j++)
            matrix[(i - 1) * slopes + j - 1] =
                ((double)row[j] / weight - mean[i] * mean[j]) * scale[i] * scale[j];
        matrix[(i - 1) * slopes + i - 1] = 1.0 + prior / weight;
        right[i - 1] = ((double)row[terms] / weight - mean[i] * mean[terms]) * scale[i];
    }
    /* Rows of ours are columns of LAPACK's: its lower triangle. No pivot that is NAN is accepted.
     */
    if (LAPACKE_dposv_work(LAPACK_COL_MAJOR, 'L', slopes, 1, matrix, slopes, right, slopes) != 0)
        return false;
    double constant = mean[terms];
    for (int32_t i = 1; i < terms; i++) {
        double slope = right[i - 1] * scale[i];
        constant -= slope * mean[i];
        ret_coefficient[i] = (float)slope;
    }
    ret_coefficient[0] = (float)constant;
    return true;
}
