/* The tick's snapshot as JSON. Unknown is null, never 0; times are ISO 8601 UTC; every number has
 * its unit in its key. Pure. */
#ifndef TIDEWATT_SERVE_API_RENDER_H
#define TIDEWATT_SERVE_API_RENDER_H

#include <stdbool.h>

#include <jansson.h>

#include "controller/serve/api.h"

/* New references; NULL: out of memory. */
json_t *render_status(const struct api_core *core);
/* The points of one device. */
json_t *render_points(const struct api_core *core, int32_t device);
json_t *render_plan(const struct api_core *core);
/* One job of the plan, and why it runs or waits at each time; `ret_known` false: NULL, the plan (or
 * the lack of one) knows no such job. */
json_t *render_plan_of_job(const struct api_core *core, int64_t job_id, bool *ret_known);
json_t *render_jobs(const struct api_core *core, bool with_ended);

#endif
