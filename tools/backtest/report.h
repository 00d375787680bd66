/* Results side by side: a table for people, CSV for programs. */
#ifndef TIDEWATT_TOOLS_BACKTEST_REPORT_H
#define TIDEWATT_TOOLS_BACKTEST_REPORT_H

#include <stdio.h>

#include "tools/backtest/result.h"

void report_table(const struct result *results, int count, const struct backtest_site *site,
                  FILE *out);
void report_csv(const struct result *results, int count, const struct backtest_site *site,
                FILE *out);

#endif
