/* Processes of the local runner: supervisors, checkpoint commands, signals. */
#ifndef TIDEWATT_DRIVERS_BATCH_PROCESS_H
#define TIDEWATT_DRIVERS_BATCH_PROCESS_H

#include <sys/types.h>

#include "drivers/batch_spool.h"
#include "drivers/spool_file.h"

struct batch_process_config {
    const struct spool *spool;
    char jobexec[LIMIT_PATH];
    double speed;
};

/* Finds the supervisor program; ERROR_INVALID with a remedy when it cannot be run. */
int batch_process_find(const char *configured, char ret_path[LIMIT_PATH], struct error *error);

/* Starts the supervisor of a job, which inherits `lock_fd` and with it the lock. */
int batch_process_start(const struct batch_process_config *config, const struct job *job,
                        const struct job_request *request, int lock_fd, pid_t *ret_supervisor,
                        struct error *error);

/* Runs the job's checkpoint or level command beside it, in a process group of its own. */
int batch_process_help(const struct batch_process_config *config, const struct job *job,
                       const char *text, pid_t command, pid_t *ret_helper, struct error *error);

/* Has our child ended? Reaps it. Its status goes to `ret_status`. Never waits. */
enum child { CHILD_RUNS, CHILD_ENDED, CHILD_UNKNOWN };
enum child batch_process_reap(pid_t child, int *ret_status);

/* Signals the command's group, if it is still the very process of the record. */
void batch_process_signal(const struct spool_pid *command, int signal_number);

#endif
