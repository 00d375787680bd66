/* A batch system in miniature: jobs that take their time to start and to stop, outrun their
 * estimate, die early, draw other than declared, and sometimes do not stop at all. */
#ifndef TIDEWATT_TESTS_SIM_BATCH_MODEL_H
#define TIDEWATT_TESTS_SIM_BATCH_MODEL_H

#include "controller/act/command.h"
#include "controller/act/job_fsm.h"
#include "controller/plant/point.h"

enum { BATCH_JOBS = 128 };

/* What nobody declared; all 0: an exemplary job. */
struct batch_nature {
    int64_t outrun_ms;         /* work beyond the estimate; negative: done earlier */
    int64_t dies_ms;           /* of work, after which it fails; 0: it does not */
    int64_t start_ms, stop_ms; /* how long it takes; a stopping one still draws power */
    double overdraw;           /* share of the declared power: 0.05 is 5 % more */
    int failing_stops;         /* suspensions that do not take */
    int64_t due_ms;            /* when the change under way is through */
    enum job_input due;
    bool under_way;
};

struct batch_model {
    struct job jobs[BATCH_JOBS]; /* by the time of submission */
    struct batch_nature nature[BATCH_JOBS];
    int count, submitted;
};

/* A full table refuses: the caller's mistake. */
void batch_add(struct batch_model *batch, const struct job *job, const struct batch_nature *nature);
/* Up to now: submissions, what is under way, ends. */
void batch_advance(struct batch_model *batch, int64_t now_ms);
/* Does what a job command asks. */
void batch_take(struct batch_model *batch, const struct topology *topology,
                const struct command *command, int64_t now_ms);
/* Where a start puts the job. */
int32_t batch_group(const struct topology *topology, const struct command *command);
const struct job *batch_find(const struct batch_model *batch, int64_t id); /* NULL: none */
double batch_draw_w(const struct batch_model *batch, int job);             /* truly drawn now */

#endif
