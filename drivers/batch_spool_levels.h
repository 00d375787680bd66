/* The elastic part of a job's spool files. Not for others than batch_spool.c. */
#ifndef TIDEWATT_DRIVERS_BATCH_SPOOL_LEVELS_H
#define TIDEWATT_DRIVERS_BATCH_SPOOL_LEVELS_H

#include <jansson.h>

#include "drivers/batch_spool.h"

json_t *spool_levels_to_json(const struct job *job); /* NULL: out of memory */
json_t *spool_classes_to_json(const struct spool *spool, const struct job *job);
int spool_levels_from_json(const struct spool *spool, const json_t *json,
                           struct spool_job *ret_job);
/* Reads what fits; the levels must be there already. */
void spool_level_state_from_json(const json_t *json, struct spool_job *ret_job);

#endif
