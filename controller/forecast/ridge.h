/* Least squares with a ridge, from sums of products. The only user of LAPACK. Private. */
#ifndef TIDEWATT_FORECAST_RIDGE_H
#define TIDEWATT_FORECAST_RIDGE_H

#include <stdbool.h>
#include <stdint.h>

enum { RIDGE_TERMS = 44 }; /* most terms, the constant included */

/* `sums`: the packed upper triangle, row by row, of the weighted sums of products of (terms..., y);
 * the first term is the constant 1, so sums[0] is the weight of all samples. Slopes are drawn
 * towards 0 as if `prior` further samples of each term's own variance had shown none.
 * Single precision suffices: the prior keeps all that is divided by well above its rounding.
 * False, output untouched: too little is known. */
bool ridge_solve(const float *sums, int32_t terms, double prior,
                 float ret_coefficient[RIDGE_TERMS]);

static inline int32_t ridge_sums(int32_t terms)
{
    return (terms + 1) * (terms + 2) / 2;
}

#endif
