/* Measured series of the Spanish grid with weather forecasts ($TIDEWATT_DATA, else ../shared/data
 * beside the sources), a part of them: a whole history would take long under sanitizers. */
#ifndef TIDEWATT_TESTS_UNIT_FORECAST_MEASURED_H
#define TIDEWATT_TESTS_UNIT_FORECAST_MEASURED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/base/utc.h"
#include "tests/unit/forecast/source_root.h"
#include "tools/forecast/inputs.h"

static inline void measured_cut(struct evaluation_inputs *inputs, int64_t from_ms, int32_t hours)
{
    for (int32_t i = 0; i < FORECAST_TRACKS; i++) {
        struct track *track = &inputs->measured[i];
        int64_t first = (from_ms - track->start_ms) / HOUR_MS;
        if (track->hours == 0)
            continue;
        assert_true(first >= 0 && first + hours <= track->hours);
        memmove(track->value, track->value + first, (size_t)hours * sizeof *track->value);
        track->start_ms = from_ms;
        track->hours = hours;
    }
}

/* Skips the test when the series are not there. */
static inline void measured_load(struct evaluation_inputs *ret_inputs, const char *from,
                                 int32_t days)
{
    const char *data = getenv("TIDEWATT_DATA");
    char grid[LIMIT_PATH], weather[LIMIT_PATH];
    struct error error = {""};
    int64_t from_ms;
    data = data ? data : SOURCE_ROOT "/../shared/data";
    snprintf(grid, sizeof grid, "%s/grid/ES.csv", data);
    snprintf(weather, sizeof weather, "%s/weather/ES.csv", data);
    if (access(grid, R_OK) != 0 || access(weather, R_OK) != 0) {
        print_message("skipped: no measured series in %s: set TIDEWATT_DATA\n", data);
        skip();
    }
    if (evaluation_inputs_load(&(struct evaluation_paths){.grid = grid, .weather = weather},
                               ret_inputs, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(utc_parse(from, &from_ms, NULL), 0);
    measured_cut(ret_inputs, from_ms, days * 24);
}

#endif
