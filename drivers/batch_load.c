/* What a former daemon left in the spool. Places and classes are names there: the configuration may
 * have been edited since. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/batch_runner.h"

enum { SPOOL_MOST = 4096 };

static int32_t find_group(const struct batch_local_config *config, const char *name)
{
    for (int32_t g = 0; g < config->group_count; g++)
        if (strcmp(config->groups[g].name, name) == 0)
            return g;
    return -1;
}

/* The feeder follows from the group. Numbers are from before groups had names, or there were any.
 */
static void settle_place(const struct runner *runner, struct spool_job *loaded)
{
    const struct batch_local_config *config = &runner->config;
    struct job *job = &loaded->job;
    if (*loaded->group)
        job->group = find_group(config, loaded->group);
    if (job->group >= config->group_count)
        job->group = -1;
    for (int32_t g = 0; job->group < 0 && job->feeder >= 0 && g < config->group_count; g++)
        if (config->groups[g].feeder == job->feeder)
            job->group = g;
    job->feeder = job->group < 0 ? -1 : config->groups[job->group].feeder;
}

/* Of an ended job nobody needs to know. */
static void tell_lost_names(struct runner *runner, const struct spool_job *loaded)
{
    const struct job *job = &loaded->job;
    struct error trouble;
    if (job_state_ended(job->state))
        return;
    if (*loaded->group && job->group < 0) {
        error_set(&trouble, ERROR_INVALID,
                  "job %" PRId64 ": its rack group \"%s\" is not in the configuration, so that its "
                  "load counts to no group: put the group back and restart, or cancel the job",
                  job->id, loaded->group);
        runner_trouble(runner, &trouble);
    }
    if (*loaded->unknown_class) {
        error_set(&trouble, ERROR_INVALID,
                  "job %" PRId64 ": its accelerator class \"%s\" is not in the configuration, so "
                  "that it can have none of it: put the class back and restart, or cancel the job",
                  job->id, loaded->unknown_class);
        runner_trouble(runner, &trouble);
    }
}

static void take_loaded(struct runner *runner, struct spool_job *loaded)
{
    settle_place(runner, loaded);
    struct entry *entry = runner_add(runner, &loaded->job, loaded->checkpoints, false);
    if (loaded->job.group < 0) /* kept, for it may come back */
        memcpy(entry->lost_group, loaded->group, sizeof(entry->lost_group));
    tell_lost_names(runner, loaded);
}

int runner_load(struct runner *runner, struct error *error)
{
    int64_t *ids = malloc(SPOOL_MOST * sizeof(ids[0]));
    if (!ids)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    int count = spool_list(&runner->spool, ids, SPOOL_MOST, error);
    for (int i = 0; i < count && runner->count < LIMIT_JOBS; i++) {
        struct error cause;
        struct spool_job loaded;
        if (spool_load(&runner->spool, ids[i], &loaded, &cause) < 0) {
            error_prefix(&cause, ERROR_INVALID, "job %" PRId64 " is left alone", ids[i]);
            runner_trouble(runner, &cause);
        } else {
            take_loaded(runner, &loaded);
        }
    }
    free(ids);
    if (count > 0 && runner->count == LIMIT_JOBS && count > LIMIT_JOBS)
        return error_set(error, ERROR_FULL, "%s: more than %d jobs; move ended ones to %s/ended",
                         runner->spool.path, LIMIT_JOBS, runner->spool.path);
    return count < 0 ? count : 0;
}
