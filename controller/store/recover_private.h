/* What the files that read after a restart share. */
#ifndef TIDEWATT_STORE_RECOVER_PRIVATE_H
#define TIDEWATT_STORE_RECOVER_PRIVATE_H

#include "controller/store/store_private.h"

struct reader {
    const struct store *store;
    const struct store_recovery *calls;
    struct db *db;
    int64_t now_ms;
    int64_t unaccounted_ms; /* start of the first quarter hour that may lack its account */
    int32_t point;          /* whose rows are read; -1: none */
    struct plan *plan;      /* that is read */
    struct error *error;
};

typedef void (*take_row)(struct reader *reader, struct db_statement *row);

/* Every row of a query. */
int recover_each(struct reader *reader, take_row take, const char *sql,
                 const struct db_value *values, int count);
/* Ends a query: 0 when all its rows were read. */
int recover_finish(struct reader *reader, struct db_statement *statement, enum db_result result);
int recover_belief(struct reader *reader);
int recover_plan(struct reader *reader);

#endif
