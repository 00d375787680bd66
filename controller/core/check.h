/* `tidewatt check`: validates a configuration and its profiles without starting anything. */
#ifndef TIDEWATT_CORE_CHECK_H
#define TIDEWATT_CORE_CHECK_H

#include <stdbool.h>
#include <stdio.h>

/* Prints every problem with file, line and remedy, or a summary of the site. Returns the number
 * of problems. */
int core_check(const char *path, FILE *out, bool json);

#endif
