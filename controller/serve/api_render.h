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
json_t *render_jobs(const struct api_core *core, bool with_ended);

#endif
