/* Faults on order: a device that falls silent for a while of site time. */
#ifndef TIDEWATT_TWIN_FAULTS_H
#define TIDEWATT_TWIN_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/error.h"
#include "tools/twin/options.h"

struct fault {
    int device;
    int64_t from_ms, to_ms;
};

struct faults {
    struct fault table[OPTION_LIST_MOST];
    int count;
};

/* Each text is NAME:silent:FROM:TO with ISO times in UTC. */
int faults_parse(struct faults *faults, const struct option_list *texts, struct error *error);

bool faults_silent(const struct faults *faults, int device, int64_t site_ms);

#endif
