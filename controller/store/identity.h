/* The ledger's own numbers for what the process knows by index, and the catalogues beside them.
 *
 * Indices change with the configuration; numbers in the ledger never do. */
#ifndef TIDEWATT_STORE_IDENTITY_H
#define TIDEWATT_STORE_IDENTITY_H

#include "controller/plant/point.h"
#include "controller/store/db.h"

struct identity {
    int64_t *point_ids; /* by point index */
    int32_t point_count;
    int64_t feeder_ids[LIMIT_FEEDERS];
    double feeder_limit_w[LIMIT_FEEDERS];
    int32_t feeder_count;
    int64_t group_ids[LIMIT_GROUPS];
    int32_t group_feeders[LIMIT_GROUPS]; /* index of each group's feeder */
    double group_limit_w[LIMIT_GROUPS];
    int32_t group_count;
    char accelerators[LIMIT_ACCELERATORS][LIMIT_NAME]; /* classes go by name in the ledger */
    int32_t accelerator_count;
};

/* Seeds the catalogues and registers every device, feeder, group and point, in one transaction. */
int identity_init(struct identity *identity, struct db *db, const struct topology *topology,
                  struct error *error);
void identity_finish(struct identity *identity);

/* NULL for an index that is not in the topology (-1: none). */
struct db_value identity_point(const struct identity *identity, int32_t point);
struct db_value identity_feeder(const struct identity *identity, int32_t feeder);
struct db_value identity_group(const struct identity *identity, int32_t group);
/* -1: not in the topology. */
int32_t identity_find_point(const struct identity *identity, int64_t point_id);
int32_t identity_find_feeder(const struct identity *identity, int64_t feeder_id);
int32_t identity_find_group(const struct identity *identity, int64_t group_id);
int32_t identity_find_accelerator(const struct identity *identity, const char *name);

/* The first record of a run gives the site time from which on its points are in use. */
enum db_result identity_in_use(struct db *db, int64_t since_ms);

#endif
