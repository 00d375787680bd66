/* Records into rows: one prepared statement a table. Used by the writer thread only. */
#ifndef TIDEWATT_STORE_LEDGER_H
#define TIDEWATT_STORE_LEDGER_H

#include "controller/store/identity.h"
#include "controller/store/record.h"

struct ledger;

struct ledger *ledger_create(struct db *db, const struct identity *identity, struct error *error);
void ledger_destroy(struct ledger *ledger);

/* Inside the caller's transaction. DB_REJECTED: this record breaks a rule of the schema. */
enum db_result ledger_write(struct ledger *ledger, const struct record *record);
enum db_result ledger_write_event(struct ledger *ledger, int64_t at_ms,
                                  const struct cycle_event *event);

#endif
