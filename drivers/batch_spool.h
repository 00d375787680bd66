/* The spool directory of the local runner: jobs as JSON files, ids, and what survives a restart. */
#ifndef TIDEWATT_DRIVERS_BATCH_SPOOL_H
#define TIDEWATT_DRIVERS_BATCH_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "controller/act/job_request.h"
#include "controller/base/error.h"
#include "controller/plant/job.h"

struct spool {
    char path[LIMIT_PATH]; /* absolute */
    int fd;                /* of the directory */
    int lock_fd;           /* held: one runner a spool */
    int64_t next_id;
    const char (*classes)[LIMIT_NAME]; /* names of the accelerator classes, by a job's bits */
    int32_t class_count;
};

/* What the spool knows of a job. */
struct spool_job {
    struct job job;         /* `group` and `feeder` are only set by a state that has no name */
    bool checkpoints;       /* it has a checkpoint command */
    char group[LIMIT_NAME]; /* name of its rack group; empty: none */
    char unknown_class[LIMIT_NAME]; /* the first that has no name here; empty: all have */
};

/* Creates what is missing and takes the spool for this process (waits a second for one that just
 * died). Half-submitted jobs of a crash are removed: their submit never returned. The names of the
 * classes are the caller's to set before jobs are submitted or loaded. */
int spool_open(struct spool *spool, const char *path, struct error *error);
void spool_close(struct spool *spool);

/* The ids of the jobs there, ascending; returns their number, or negative. */
int spool_list(const struct spool *spool, int64_t *ret_ids, int most, struct error *error);

/* Writes a new job durably and gives it its id (`job->id`). */
int spool_submit(struct spool *spool, struct job *job, const struct job_request *request,
                 struct error *error);

/* The job as last saved. Errors name the file. */
int spool_load(const struct spool *spool, int64_t id, struct spool_job *ret_job,
               struct error *error);
/* What it takes to run the job: command, directory, checkpoint (other fields stay empty). */
int spool_load_command(const struct spool *spool, int64_t id, struct job_request *ret_request,
                       struct error *error);

/* `group`: name of its rack group; empty: none. */
int spool_save(const struct spool *spool, const struct job *job, const char *group, bool durable,
               struct error *error);

/* Moves an ended job out of the way to SPOOL/ended/ID. */
int spool_retire(const struct spool *spool, int64_t id, struct error *error);

/* "ID", relative to spool->fd. */
const char *spool_directory(int64_t id, char *buffer, size_t size);

#endif
