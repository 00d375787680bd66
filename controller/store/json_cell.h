/* Columns that hold a short list: as JSON, so that SQL can take them apart again. Only numbers and
 * names of letters, digits, '_' and '-' go in: nothing needs escaping. */
#ifndef TIDEWATT_STORE_JSON_CELL_H
#define TIDEWATT_STORE_JSON_CELL_H

#include <stddef.h>

#include "controller/store/identity.h"
#include "controller/store/record.h"

enum { JSON_CELL = 1024 }; /* bytes that any of the first three takes at most */

/* [{"power_w":6500,"speed":1,"accelerators":8},...] */
const char *json_levels(const struct job *job, char buffer[JSON_CELL]);
/* ["h100","a100"] of a bit mask */
const char *json_classes(const struct identity *identity, uint32_t mask, char buffer[JSON_CELL]);
/* {"h100":64}, classes of which there are some */
const char *json_accelerators(const struct identity *identity,
                              const int32_t counts[LIMIT_ACCELERATORS], char buffer[JSON_CELL]);

/* [[start_ms,reason],...] of one job of a plan that keeps reasons, one entry a change. */
size_t json_why_size(const struct plan_extract *jobs);
const char *json_why(const struct plan_extract *jobs, int32_t job, char *buffer);

#endif
