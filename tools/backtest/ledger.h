/* The database of a backtested policy: the live schema, written by the live store. */
#ifndef TIDEWATT_TOOLS_BACKTEST_LEDGER_H
#define TIDEWATT_TOOLS_BACKTEST_LEDGER_H

#include "controller/store/store.h"
#include "tools/backtest/world.h"

/* ERROR_INVALID: no database can begin here. It must not exist: two runs in one database would be
 * one site's past. */
int ledger_check(const char *path, struct error *error);
int ledger_open(const char *path, const struct world *world, struct store **ret_store,
                struct error *error);
/* Everything of a tick; waits for the writer where a live site would refuse. ERROR_SYSTEM with what
 * to do: the disk is full, or some record did not reach the database, now or before. */
int ledger_tick(struct store *store, const struct tick_input *input,
                const struct tick_output *output, const struct cycle *cycle, struct error *error);
/* Closes what is complete; after an error it is to be discarded. */
int ledger_close(struct store *store, struct error *error);
/* Of a run that did not come to its end: half a run is no run. */
void ledger_discard(struct store *store, const char *path);

#endif
