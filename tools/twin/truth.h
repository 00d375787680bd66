/* The ground truth for tests: a CSV row every site minute with the true cumulative energies in Wh,
 * of heat where the name says so.
 */
#ifndef TIDEWATT_TWIN_TRUTH_H
#define TIDEWATT_TWIN_TRUTH_H

#include <stdio.h>

#include "controller/base/error.h"
#include "tools/twin/physics.h"

struct truth {
    FILE *file; /* NULL: not wanted */
    const char *path;
};

/* Starts a new file with its header; `path` may be NULL. */
int truth_open(struct truth *truth, const char *path, struct error *error);

/* Writes the plant's present row and flushes it. Takes the plant's import peak. */
int truth_write(struct truth *truth, struct plant *plant, int jobs_running, struct error *error);

void truth_close(struct truth *truth);

#endif
