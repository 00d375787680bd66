/* Self-onboarding: the retained metadata of a building-management system becomes devices.
 *
 * The topology is fixed while the process runs. So metadata is gathered once, before the topology
 * is built, and the devices proposed from it are kept in a configuration file beside the store.
 * configuration_load adds the devices of that file to those of the site's own. While the broker is
 * away, the file of the last time stands. What is learnt later is told, and taken in at the next
 * start. Onboarded devices are only read; roles are proposals (mqtt.onboard_roles). */
#ifndef TIDEWATT_CORE_ONBOARD_H
#define TIDEWATT_CORE_ONBOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/config.h"
#include "drivers/dsx_metadata.h"

/* Gathers what the broker of the configuration has retained, and what comes meanwhile: until
 * nothing came for a second, at most `most_ms` of real time. Waits for that long: not for the
 * control thread. ERROR_UNREACHABLE: there was no connection, or no metadata came. */
int onboard_discover(const struct config *config, int64_t most_ms,
                     struct dsx_proposal **ret_proposal, struct error *error);

/* Gathers, and writes the file if anything came. Whatever the outcome, `ret_told` says it in
 * words; negative: the file of the last time, if there is one, stands as it was. */
int onboard_renew(const struct config *config, struct error *ret_told);

/* Metadata that comes while the process runs. The control thread's; times are real ms. */
struct onboard_watch;
int onboard_watch_create(const struct config *config, struct onboard_watch **ret_watch,
                         struct error *error);
void onboard_watch_destroy(struct onboard_watch *watch);
void onboard_watch_take(struct onboard_watch *watch, const char *topic, const void *payload,
                        size_t length, int64_t real_ms);
/* True when the metadata is not what the file was made from; once for each such description. */
bool onboard_watch_changed(struct onboard_watch *watch, int64_t real_ms);

#endif
