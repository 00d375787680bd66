/* The database of a backtested policy: the live schema, written by the live store. */
#ifndef TIDEWATT_TOOLS_BACKTEST_LEDGER_H
#define TIDEWATT_TOOLS_BACKTEST_LEDGER_H

#include "controller/store/store.h"
#include "tools/backtest/world.h"

/* `path` must not exist: two runs in one database would be one site's past. */
int ledger_open(const char *path, const struct world *world, struct store **ret_store,
                struct error *error);
/* Everything of a tick; waits for the writer where a live site would refuse. */
void ledger_tick(struct store *store, const struct world *world, const struct image *image,
                 const struct tick_output *output, const struct cycle *cycle);
int ledger_close(struct store *store, struct error *error);

#endif
