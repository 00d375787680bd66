/* The elastic part of a job's spool files. Not for others than batch_spool.c. */
#ifndef TIDEWATT_DRIVERS_BATCH_SPOOL_LEVELS_H
#define TIDEWATT_DRIVERS_BATCH_SPOOL_LEVELS_H

#include <jansson.h>

#include "controller/base/error.h"
#include "controller/plant/job.h"

json_t *spool_levels_to_json(const struct job *job); /* NULL: out of memory */
int spool_levels_from_json(const json_t *json, struct job *job);
/* Reads what fits; the levels must be there already. */
void spool_level_state_from_json(const json_t *json, struct job *job);

#endif
