/* What `tidewatt forecast` shows, from the ledger, as JSON: for programs as it is, for people
 * through cli_forecast.c. Each returns a new reference, or NULL with an error. */
#ifndef TIDEWATT_TOOLS_CLI_FORECAST_ASK_H
#define TIDEWATT_TOOLS_CLI_FORECAST_ASK_H

#include <jansson.h>

#include "controller/store/belief.h"

/* When the newest forecast was made; ERROR_INVALID: there is none yet. */
int forecast_newest(struct belief *belief, int64_t *ret_ms, struct error *error);

/* What was believed of a series at a time: what was measured last, model, reason, and each step of
 * [from, to) with its quantiles and what came. */
json_t *forecast_ask_series(struct belief *belief, enum forecast_series series, int64_t at_ms,
                            int64_t from_ms, int64_t to_ms, struct error *error);

/* What was believed about one moment: one step, and what providers had said. */
json_t *forecast_ask_moment(struct belief *belief, enum forecast_series series, int64_t at_ms,
                            int64_t about_ms, struct error *error);

/* Scores and standings of one series, or of all (-1). */
json_t *forecast_ask_scores(struct belief *belief, int32_t series, struct error *error);

#endif
