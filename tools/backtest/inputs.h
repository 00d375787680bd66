/* Everything that a backtest reads: series by the hour, and jobs. */
#ifndef TIDEWATT_TOOLS_BACKTEST_INPUTS_H
#define TIDEWATT_TOOLS_BACKTEST_INPUTS_H

#include "controller/forecast/forecast.h"
#include "tools/backtest/site.h"
#include "tools/backtest/track.h"
#include "tools/forecast/weather.h"

struct trace_job {
    int64_t arrival_ms; /* from the start of a window */
    int64_t length_ms, wait_ms;
    double cpus;
    bool is_long; /* which of the two queues */
    int line;     /* of the file */
};

/* The grid's generation by source, and in all; columns that the file does not have are left out. */
enum { GRID_SOURCES = 6 };
struct grid_column {
    const char *name;
    int32_t track;
};
extern const struct grid_column grid_columns[GRID_SOURCES];

struct inputs {
    struct track carbon, solar_mw, wind_mw, price, temp_c;
    struct track grid_mw[GRID_SOURCES];
    struct weather weather; /* forecasts as they were issued */
    const char *jobs_path;
    struct trace_job *jobs; /* owned, by arrival */
    int32_t job_count;
    int64_t short_mean_ms, long_mean_ms; /* lengths of the two queues */
};

struct input_paths {
    const char *grid, *weather, *price, *jobs; /* NULL: not given */
};

int inputs_load(const struct input_paths *paths, const struct backtest_site *site,
                struct inputs *ret_inputs, struct error *error);
void inputs_finish(struct inputs *inputs);

/* ERROR_INVALID, naming the hour, when a series has a gap inside [from, to). */
int inputs_check(const struct inputs *inputs, int64_t from_ms, int64_t to_ms, struct error *error);

/* The longest time from a window's start to the latest deadline, in whole hours. */
int64_t inputs_span_ms(const struct inputs *inputs);

#endif
