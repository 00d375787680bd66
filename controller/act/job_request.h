/* A request for a new job, from wherever it comes. */
#ifndef TIDEWATT_ACT_JOB_REQUEST_H
#define TIDEWATT_ACT_JOB_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/error.h"
#include "controller/base/limits.h"
#include "controller/plant/job.h"

struct job_request {
    char name[LIMIT_NAME];
    char owner[LIMIT_NAME];
    enum job_class job_class;
    double power_w;
    struct job_level levels[LIMIT_LEVELS]; /* as in struct job; 0 is {power_w, 1, accelerators} */
    int32_t level_count;           /* 0 or 1: it runs in full or not at all */
    uint32_t accelerator_classes;  /* bit mask */
    int64_t restart_ms;            /* work that a resumption by checkpoint adds */
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
    char level_command[LIMIT_JOB_COMMAND]; /* shell command that changes the level */
};

/* What each field allows by itself may still not fit together. ERROR_INVALID: what is wrong and
 * what to do. */
int job_request_check(const struct job_request *request, struct error *error);

#endif
