/* A request for a new job, from wherever it comes. */
#ifndef TIDEWATT_ACT_JOB_REQUEST_H
#define TIDEWATT_ACT_JOB_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/limits.h"
#include "controller/plant/job.h"

struct job_request {
    char name[LIMIT_NAME];
    char owner[LIMIT_NAME];
    enum job_class job_class;
    double power_w;
    int64_t work_ms;
    int64_t release_ms;            /* 0: at once */
    int64_t deadline_ms;           /* JOB_NO_DEADLINE */
    int64_t min_run_ms;
    bool can_suspend;
    char directory[LIMIT_PATH];    /* working directory of the command */
    int argc;
    char command[LIMIT_JOB_COMMAND]; /* argc words, each ended by a NUL */
    int command_length;
    char checkpoint[LIMIT_JOB_COMMAND]; /* shell command that suspends by checkpoint; empty: signals */
};

#endif
