/* Raw readings into minutes, minutes into quarters, quarters into hours; and the end of what is
 * kept for a limited time. Used by the writer thread only. */
#ifndef TIDEWATT_STORE_ROLLUP_H
#define TIDEWATT_STORE_ROLLUP_H

#include "controller/store/db.h"

struct rollup;

struct rollup_keep {
    int64_t raw_ms, minute_ms, quarter_ms; /* 0: for ever */
};

struct rollup *rollup_create(struct db *db, const struct rollup_keep *keep, struct error *error);
void rollup_destroy(struct rollup *rollup);

/* Closes every step that ended by `newest_ms`, inside the caller's transaction. `oldest_ms` is the
 * oldest reading since the last call: steps that a clock set back has reopened are done again. */
enum db_result rollup_close(struct rollup *rollup, int64_t oldest_ms, int64_t newest_ms);

/* Deletes one slice of what is too old at `now_ms`, in a transaction of its own that is short
 * enough to delay nobody. */
enum db_result rollup_retain(struct rollup *rollup, int64_t now_ms);

#endif
