/* The poll plans of a driver: one for each profile in use, shared by its
 * devices; and one for each way in which a SunSpec profile was bound to a chain
 * of models. */
#ifndef TIDEWATT_DRIVERS_POLL_TABLES_H
#define TIDEWATT_DRIVERS_POLL_TABLES_H

#include "drivers/poll_plan.h"

struct poll_tables {
    struct poll_table *first;
};

/* The plan of a profile that outlives it. NULL: out of memory. */
const struct poll_plan *poll_tables_take(struct poll_tables *tables, const struct profile *profile);

/* The plan of a profile that is copied, unless an equal one is there. NULL: out
 * of memory. */
const struct poll_plan *poll_tables_take_copy(struct poll_tables *tables,
                                              const struct profile *profile);

/* Frees the plan with its last user. */
void poll_tables_release(struct poll_tables *tables, const struct poll_plan *plan);

#endif
