/* The embedded batch system: real processes on this machine, spooled in a directory so that
 * neither a crash nor a restart loses or doubles a job.
 *
 * SPOOL/next-id, SPOOL/ID/{job.json,state.json,lock,pid,exit,output}: a job is on disk before
 * submit returns; the start is guarded by a lock that the running job's supervisor (the program
 * tidewatt-jobexec) holds, so a job is never started twice; the supervisor writes pid and exit
 * status durably, so an orphan's end is not lost. job.json never changes; state.json is what the
 * runner last thought (not synced: pid, exit and lock overrule it). Jobs stay known for a day of
 * site time after their end; then their directory moves to SPOOL/ended/ID and is kept there.
 *
 * Each command runs in a process group of its own, as the daemon's user, with TIDEWATT_JOB_ID,
 * TIDEWATT_SPEED and TIDEWATT_OUTPUT; what is left of the group when the command ends is killed.
 * Suspend is SIGSTOP/SIGCONT to the group, or the job's checkpoint command, run by `sh -c` with
 * TIDEWATT_PID beside the others (it must make the command end with status 85: the job then counts
 * as suspended and is started again to resume). A job with levels finds the one it starts at in
 * TIDEWATT_LEVEL (0 is full) and TIDEWATT_POWER_W; while it runs, its level command, run like the
 * checkpoint command with both, changes the level and ends with status 0 once that is done (within
 * a minute; else the job stays at the level before). It also runs once after each start at a lower
 * level than 0: until it has, the job counts as of level 0. After a restart of the daemon in the
 * midst of it, it runs again. Cancel is SIGTERM, after 10 s SIGKILL.
 *
 * Rack groups and classes of accelerators are kept by their names, so that an edited configuration
 * moves no job; a name that is gone leaves the job without a place, and is a trouble. */
#ifndef TIDEWATT_DRIVERS_BATCH_LOCAL_H
#define TIDEWATT_DRIVERS_BATCH_LOCAL_H

#include "controller/plant/point.h"
#include "drivers/batch.h"

struct batch_local_config {
    char spool[LIMIT_PATH]; /* created when missing, mode 0700 */
    double speed;           /* site seconds per real second, told to jobs as TIDEWATT_SPEED */
    /* IT watts that jobs may take, for its own policy. */
    double feeder_limit_w[LIMIT_FEEDERS];
    int feeder_count;                       /* 0: one feeder without limit */
    struct rack_group groups[LIMIT_GROUPS]; /* their names differ */
    int group_count;                        /* 0: every feeder is one, named by its number */
    char accelerators[LIMIT_ACCELERATORS][LIMIT_NAME]; /* names of the classes */
    int accelerator_count;
    char jobexec[LIMIT_PATH]; /* the supervisor program; empty: tidewatt-jobexec in the
                                 directory of the running program */
};

/* Begins with hold = true: nothing starts unasked. Jobs found in the spool are looked at by the
 * first verb that brings a time. */
int batch_local_create(const struct batch_local_config *config, struct batch **ret_batch,
                       struct error *error);

/* Takes the oldest trouble that no call could return: an unreadable spool file (its job is left
 * alone, the others go on), a state that could not be saved, a supervisor that failed. False:
 * none. Ask after create and after each poll; more than BATCH_LOCAL_TROUBLES waiting are dropped.
 */
enum { BATCH_LOCAL_TROUBLES = 32 };
bool batch_local_trouble(struct batch *batch, struct error *ret_error);

#endif
