/* The live cycle at full speed over a window of history, from event to event: ticks on a grid, at
 * arrivals, ends, and planned starts and ends of jobs, each at its very millisecond. */
#ifndef TIDEWATT_TOOLS_BACKTEST_ENGINE_H
#define TIDEWATT_TOOLS_BACKTEST_ENGINE_H

#include <stdatomic.h>

#include "tools/backtest/outlook.h"
#include "tools/backtest/result.h"

struct store;

struct engine_config {
    const struct backtest_site *site;
    const struct inputs *inputs;
    enum policy policy;
    enum outlook_kind outlook;
    struct store *store;     /* NULL: no database */
    const atomic_bool *stop; /* set: the run ends at its next event; NULL: never */
};

/* Runs one window in a world that other windows may have used; adds to the result. `first_id` is
 * that of the window's first job. */
int engine_run(const struct engine_config *config, struct world *world, int64_t from_ms,
               int64_t to_ms, int64_t first_id, struct result *result, struct error *error);

/* What was best in hindsight: one plan over the whole window with all of it known, on an hourly
 * grid. */
int oracle_run(const struct engine_config *config, struct world *world, int64_t from_ms,
               int64_t to_ms, int64_t first_id, struct result *result, struct error *error);

/* ERROR_SYSTEM when it was asked to stop. */
int engine_stopped(const struct engine_config *config, struct error *error);

/* What comes after the window does not count, for us as for the oracle: nothing is kept for it. */
void engine_cut(struct problem *problem, int64_t to_ms);

/* A job of the trace as it arrives. */
struct job engine_job(const struct backtest_site *site, const struct trace_job *trace,
                      int64_t from_ms, int64_t id);

#endif
