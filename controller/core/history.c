/* A new site has no past in the database; meters and weather services usually have one. */
#include "controller/core/history.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"

struct row {
    enum forecast_series series;
    int64_t step_ms;
    double value;
};

static int find_series(const char *name, enum forecast_series *ret_series, struct error *error)
{
    int32_t track = forecast_track_find(name);
    if (track >= 0 && track < FORECAST_SERIES) {
        *ret_series = (enum forecast_series)track;
        return 0;
    }
    char known[LIMIT_ERROR_TEXT] = "";
    for (int s = 0; s < FORECAST_SERIES; s++) {
        size_t length = strlen(known);
        snprintf(known + length, sizeof known - length, " %s",
                 forecast_series_name((enum forecast_series)s));
    }
    return error_set(error, ERROR_INVALID, "unknown series \"%.40s\": known are%s", name, known);
}

static int parse_row(char *line, struct row *ret_row, struct error *error)
{
    line[strcspn(line, "\r\n")] = '\0';
    char *rest = line;
    const char *time = strsep(&rest, ",");
    const char *series = strsep(&rest, ",");
    const char *number = strsep(&rest, ",");
    if (!time || !series || !number || rest)
        return error_set(error, ERROR_INVALID, "write time_utc,series,value");
    if (utc_parse(time, &ret_row->step_ms, error) < 0)
        return ERROR_INVALID;
    if (ret_row->step_ms % FORECAST_STEP_MS != 0)
        return error_set(error, ERROR_INVALID, "%s is not the start of a quarter hour", time);
    if (find_series(series, &ret_row->series, error) < 0)
        return ERROR_INVALID;
    char *end;
    ret_row->value = strtod(number, &end);
    if (end == number || *end || !isfinite(ret_row->value))
        return error_set(error, ERROR_INVALID, "\"%s\" is not a number", number);
    return 0;
}

int history_import(const char *path,
                   void (*take)(void *context, enum forecast_series series, int64_t step_start_ms,
                                double value),
                   void *context, struct error *error)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return error_set(error, ERROR_SYSTEM, "%s: %s: correct forecast.history or leave it out",
                         path, strerror(errno));
    char line[256];
    int number = 0, taken = 0, result = 0;
    while (result == 0 && fgets(line, sizeof line, file)) {
        number++;
        struct row row;
        if (number == 1 && strncmp(line, "time_utc,", 9) == 0)
            continue;
        result = parse_row(line, &row, error);
        if (result < 0) {
            error_prefix(error, result, "%s:%d", path, number);
        } else {
            take(context, row.series, row.step_ms, row.value);
            taken++;
        }
    }
    fclose(file);
    return result < 0 ? result : taken;
}
