/* `tidewatt check`: validates a configuration and its profiles without starting anything. */
#ifndef TIDEWATT_CORE_CHECK_H
#define TIDEWATT_CORE_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Prints every problem with file, line and remedy, or a summary of the site. Returns the number
 * of problems. */
int core_check(const char *path, FILE *out, bool json);

/* `tidewatt check --discover`: gathers what building management describes at the broker of the
 * configuration, for at most `most_ms` of real time (0: what the configuration says, else 5 s),
 * and prints it for people or as text for a configuration file. The rest of the configuration may
 * still be unfinished. Returns the number of problems. */
int core_discover(const char *path, int64_t most_ms, bool as_config, FILE *out);

#endif
