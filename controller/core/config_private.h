/* What the files of the configuration share. */
#ifndef TIDEWATT_CORE_CONFIG_PRIVATE_H
#define TIDEWATT_CORE_CONFIG_PRIVATE_H

#include "controller/core/config.h"

/* config_check.c: notes what does not fit together. Only for files that are sound so far. */
void config_check_whole(struct conf_node *top, const struct config *config);

#endif
