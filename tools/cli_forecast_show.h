/* The tables of `tidewatt forecast`, on the standard output. */
#ifndef TIDEWATT_TOOLS_CLI_FORECAST_SHOW_H
#define TIDEWATT_TOOLS_CLI_FORECAST_SHOW_H

#include <jansson.h>
#include <stdint.h>

void forecast_show_now(const json_t *all, int64_t at_ms);
void forecast_show_series(const json_t *object);
void forecast_show_moment(const json_t *all, int64_t at_ms, int64_t about_ms);
void forecast_show_scores(const json_t *object); /* and standings */

#endif
