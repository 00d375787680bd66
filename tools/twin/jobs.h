/* The jobs that really run, as learnt from their retained MQTT messages, and the power they put
 * on the racks. A job's power is spread evenly over the racks of its feeder (over all racks when
 * it names none). A suspended job draws nothing: its accelerators' idle power is part of the base
 * load. */
#ifndef TIDEWATT_TWIN_JOBS_H
#define TIDEWATT_TWIN_JOBS_H

#include <stddef.h>
#include <stdint.h>

#include "controller/base/error.h"
#include "tools/twin/physics.h"

struct drawing_job {
    int64_t id;
    double power_w;
    int feeder; /* 0: A, 1: B, -1: both */
};

/* Only jobs that draw power are kept. */
struct jobs {
    struct drawing_job table[LIMIT_JOBS];
    int count;
};

/* A message on tidewatt/{site}/jobs/{id}; an empty payload means the job is gone. ERROR_INVALID
 * leaves the table as it was and says what is wrong with topic or payload. */
int jobs_apply(struct jobs *jobs, const char *topic, const char *payload, size_t length,
               struct error *error);

void jobs_rack_power(const struct jobs *jobs, double ret_rack_w[PLANT_RACKS]);

#endif
