/* What the parts of the local runner share. Not for others: they see batch_local.h. */
#ifndef TIDEWATT_DRIVERS_BATCH_RUNNER_H
#define TIDEWATT_DRIVERS_BATCH_RUNNER_H

#include "drivers/batch_local.h"
#include "drivers/batch_process.h"
#include "drivers/batch_spool.h"

enum {
    RUNNER_NOTES = 2 * LIMIT_JOBS, /* waiting to be polled */
    NOTES_PER_JOB = 4,             /* most that one look at a job can make */
};

/* What the runner knows of a job beside struct job. */
struct entry {
    bool adopted;       /* looked at since the start of this process */
    bool watched;       /* it has, or may have, a supervisor */
    bool checkpoints;   /* suspends by its checkpoint command */
    bool unsaved;       /* the last save failed */
    bool level_opens;   /* the change of level is that of a start: nothing is read back */
    bool level_doubted; /* a former daemon may have run the command of the change already */
    char lost_group[LIMIT_NAME]; /* name of its rack group that the configuration does not have */
    pid_t supervisor;            /* our child; 0: none, or a former daemon's */
    pid_t helper;                /* running checkpoint or level command; 0: none */
    bool helper_levels;          /* it is a level command */
    bool checkpoint_waits;       /* for the end of a helper that was killed for it */
    struct spool_pid command;
    bool helper_failed;
    int64_t helper_until_ns; /* monotonic: then it has failed */
    int64_t kill_at_ns;      /* monotonic: then a cancelled command is killed; 0: not yet asked */
    int64_t saved_ms;        /* site time */
};

struct runner {
    struct batch base;
    struct batch_local_config config;
    struct batch_process_config process;
    struct spool spool;
    bool hold;
    struct job jobs[LIMIT_JOBS]; /* by ascending id */
    struct entry entries[LIMIT_JOBS];
    int count;
    struct job_note notes[RUNNER_NOTES]; /* a ring */
    int first_note, note_count;
    struct error troubles[BATCH_LOCAL_TROUBLES]; /* a ring */
    int first_trouble, trouble_count;
    int64_t now_ms;  /* site time of the present call */
    int64_t real_ms; /* real UTC of it */
};

/* Site time of a real one, not after now. */
int64_t runner_site_ms(const struct runner *runner, int64_t real_ms);
void runner_trouble(struct runner *runner, const struct error *error);
bool runner_has_note_room(const struct runner *runner);
void runner_note(struct runner *runner, int index, enum job_input input, enum reason reason);
/* Saves the job; a failure is a trouble, and tried again at the next poll. */
void runner_save(struct runner *runner, int index, bool durable);

/* Applies an input, saves, notes. Inputs that are not possible now change nothing. */
void runner_report(struct runner *runner, int index, enum job_input input, enum reason reason,
                   int64_t at_ms);
/* Writes the job, as it is or will be, with its group's name. */
int runner_write(const struct runner *runner, int index, const struct job *job, bool durable,
                 struct error *error);

struct entry *runner_add(struct runner *runner, const struct job *job, bool checkpoints,
                         bool known);

/* batch_load.c: fills the table from the spool. */
int runner_load(struct runner *runner, struct error *error);

/* batch_action.c: what commands do to processes. 0, a positive enum reason of a refusal, or
 * negative. */
int runner_start(struct runner *runner, int index, int32_t group, int32_t level, enum reason reason,
                 struct error *error);
int runner_suspend(struct runner *runner, int index, enum reason reason, struct error *error);
int runner_resume(struct runner *runner, int index, int32_t level, enum reason reason,
                  struct error *error);
int runner_level(struct runner *runner, int index, int32_t level, enum reason reason,
                 struct error *error);
int runner_cancel(struct runner *runner, int index);
/* Runs the level command of a change that waits for it. */
void runner_pursue_level(struct runner *runner, int index);
/* The end of the level command. One that failed left the job as it was. */
void runner_settle_level(struct runner *runner, int index, bool reached);
/* Repeats what a former daemon may not have finished. */
void runner_repeat(struct runner *runner, int index);

/* batch_policy.c: what starts while nobody commands. */
void runner_policy(struct runner *runner);
bool runner_fits_ever(const struct runner *runner, double power_w);

/* batch_watch.c: what has become of the processes. */
void runner_watch(struct runner *runner, int index);

#endif
