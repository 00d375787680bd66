/* A backtest: one site, one set of inputs, some windows, several policies side by side. */
#ifndef TIDEWATT_TOOLS_BACKTEST_BACKTEST_H
#define TIDEWATT_TOOLS_BACKTEST_BACKTEST_H

#include "tools/backtest/engine.h"

enum { BACKTEST_WINDOWS = 64 };

struct backtest {
    struct backtest_site site;
    struct inputs inputs;
    enum outlook_kind outlook;
    enum policy policies[POLICIES];
    int policy_count;
    int64_t from_ms[BACKTEST_WINDOWS]; /* rising */
    int window_count;
    int64_t to_ms;           /* of the one window; 0: when the last deadline has passed */
    const char *database;    /* NULL: none */
    const atomic_bool *stop; /* see engine.h */
};

/* Windows, series and policies fit together: ERROR_INVALID with what does not. */
int backtest_check(const struct backtest *backtest, struct error *error);

/* A result for each policy, in their order. */
int backtest_run(const struct backtest *backtest, struct result *ret_results, struct error *error);

/* Where the database of a policy goes: "run.db" gives "run-tidewatt.db". */
void backtest_database_path(const struct backtest *backtest, enum policy policy, char *ret_path,
                            size_t size);

#endif
