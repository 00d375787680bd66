/* A measured series read from CSV: times and values, rising in time. */
#ifndef TIDEWATT_TWIN_SERIES_H
#define TIDEWATT_TWIN_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/base/error.h"

struct series {
    int64_t *time_ms;
    double *value;
    size_t count, room;
};

void series_finish(struct series *series);
/* Rows not newer than the last are left out. ERROR_SYSTEM: out of memory. */
int series_add(struct series *series, int64_t time_ms, double value, struct error *error);

/* Before the first and after the last row their values hold; `series` must not be empty. */
double series_linear(const struct series *series, int64_t time_ms); /* straight lines */
double series_hold(const struct series *series, int64_t time_ms);   /* each row until the next */

struct series_gap {
    int64_t from_ms, to_ms; /* rows that follow each other */
};

/* The first gap longer than this that reaches beyond `since_ms`; `series` must not be empty. */
bool series_gap(const struct series *series, int64_t since_ms, int64_t longer_ms,
                struct series_gap *ret_gap);

/* Reads the columns named `time_column` and `value_column`; rows with an empty value are left
 * out. Times are "YYYY-MM-DDTHH:MM:SSZ", or "YYYY-MM-DD HH:MM:SS" of a local clock, which are
 * then taken as if UTC. Errors name file and line. */
int series_load(struct series *ret_series, const char *path, const char *time_column,
                const char *value_column, struct error *error);

/* Weather issued as blocks of leads (issue_utc, lead_h, temp_c, ghi_w_m2, wind_m_s): the first
 * day of each issue joined to one history. `ret_irradiance` holds means that begin at their row.
 * Empty cells are left out of their series; a column of nothing else is an error. */
int series_load_weather(struct series *ret_temp_c, struct series *ret_wind_m_s,
                        struct series *ret_irradiance_w_m2, const char *path, struct error *error);

#endif
