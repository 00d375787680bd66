/* The wiring of tidewattd: configuration, store, drivers, batch system, planner and interface
 * around the cycle, on one event loop. */
#ifndef TIDEWATT_CORE_DAEMON_H
#define TIDEWATT_CORE_DAEMON_H

#include "controller/base/clock.h"
#include "controller/core/config.h"

struct daemon;

/* Opens everything; errors name file, socket or device and what to do. `config` and `clock` must
 * outlive the daemon. */
int daemon_create(const struct config *config, const struct clock *clock,
                  struct daemon **ret_daemon, struct error *error);

/* What came of onboarding before the daemon was created; for the ledger. */
void daemon_tell_onboarding(struct daemon *daemon, bool renewed, const char *text);

/* Runs until SIGTERM or SIGINT, then brings the plant into its safe state. */
void daemon_run(struct daemon *daemon);
void daemon_destroy(struct daemon *daemon);

#endif
