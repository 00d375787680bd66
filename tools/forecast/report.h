/* An evaluation for people and for programs. */
#ifndef TIDEWATT_TOOLS_FORECAST_REPORT_H
#define TIDEWATT_TOOLS_FORECAST_REPORT_H

#include <stdio.h>

#include "tools/forecast/evaluate.h"

void evaluation_print(const struct evaluation *evaluation, const struct evaluation_inputs *inputs,
                      const struct evaluation_request *request, FILE *out);
/* False: it could not be written. */
bool evaluation_print_json(const struct evaluation *evaluation,
                           const struct evaluation_inputs *inputs,
                           const struct evaluation_request *request, FILE *out);

/* NAN where some of what came was too near to 0 for shares of it. */
double evaluation_mape(const struct series_evaluation *series, double share);

#endif
