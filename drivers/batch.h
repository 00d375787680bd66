/* What every batch system is to the controller: jobs in, notes about them out. */
#ifndef TIDEWATT_DRIVERS_BATCH_H
#define TIDEWATT_DRIVERS_BATCH_H

#include "controller/base/error.h"
#include "controller/act/command.h"
#include "controller/act/job_fsm.h"
#include "controller/act/job_request.h"
#include "controller/plant/job.h"

/* Something that happened to a job, as the batch system saw it. */
struct job_note {
    struct job job;                /* as it is after the change */
    enum job_input input;
    enum reason reason;
    int64_t at_ms;                 /* site time */
};

struct batch;

struct batch_verbs {
    const char *name;
    /* Takes a new job durably before it returns; its id goes to `ret_id`. */
    int (*submit)(struct batch *batch, const struct job_request *request, int64_t now_ms,
                  int64_t *ret_id, struct error *error);
    /* Job verbs of command.h; idempotent. Positive: enum reason of a refusal (UNKNOWN_JOB, ...). */
    int (*command)(struct batch *batch, const struct command *command, int64_t now_ms,
                   struct error *error);
    /* true: jobs start only when commanded. false: the system's own policy (first come, first
     * served, first feeder with room) starts them. */
    void (*hold)(struct batch *batch, bool hold);
    /* Looks for changes; fills notes, returns their number. Never blocks. */
    int (*poll)(struct batch *batch, int64_t now_ms, struct job_note *ret_notes, int most);
    /* All jobs known, in the order of their ids; valid until the next call of any verb. */
    int (*jobs)(const struct batch *batch, const struct job **ret_jobs);
    void (*destroy)(struct batch *batch); /* leaves running jobs running */
};

struct batch {
    const struct batch_verbs *verbs;
};

#endif
