/* The proof that no forecast peeks: the future is made another, and what was issued before it must
 * stay what it was, bit for bit. */
#ifndef TIDEWATT_TOOLS_FORECAST_FUTURE_H
#define TIDEWATT_TOOLS_FORECAST_FUTURE_H

#include <stdio.h>

#include "tools/forecast/evaluate.h"

/* Runs twice: as it was, and with all that comes after the middle issue of the test changed (in
 * `inputs`, for good). Says how many forecasts are the same; ERROR_INVALID, naming the first, when
 * one is not, or when nothing changed at all. */
int future_check(struct evaluation_inputs *inputs, const struct evaluation_request *request,
                 FILE *out, struct error *error);

#endif
