/* How elastic a job is, from the words of the command line into a request. */
#ifndef TIDEWATT_TOOLS_CLI_LEVELS_H
#define TIDEWATT_TOOLS_CLI_LEVELS_H

#include <jansson.h>

#include "tools/cli_options.h"

/* "4.5kW=85%" or "4.5kW=85%:6" each. ERROR_INVALID with a text; what fits together is the daemon's
 * to judge. */
int cli_levels(const struct cli_list *levels, json_t *request, struct error *error);
/* "h100,a100:8", at most once. ERROR_INVALID with a text. */
int cli_accelerators(const struct cli_list *list, json_t *request, struct error *error);

#endif
