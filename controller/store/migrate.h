/* Brings a database to the schema that this program knows: schema/sql, embedded at build time. */
#ifndef TIDEWATT_STORE_MIGRATE_H
#define TIDEWATT_STORE_MIGRATE_H

#include "controller/store/db.h"

struct migration {
    int version; /* 1, 2, 3... */
    const char *name, *sql;
};

extern const struct migration migrations[];
extern const int migration_count;

/* Applies what is missing, each migration in a transaction of its own. ERROR_NEWER when a newer
 * program wrote the file, ERROR_INVALID when it is no ledger. `path` is for the texts. */
int migrate(struct db *db, const char *path, const char *program_version, struct error *error);

#endif
