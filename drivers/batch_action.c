/* Start, suspend, resume, cancel. Load rises only after the intent is saved; falling load is never
 * held back by a spool that cannot be written. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "controller/base/clock.h"
#include "drivers/batch_runner.h"

static const int64_t kill_after_ns = 10LL * 1000 * 1000 * 1000;
static const int64_t checkpoint_within_ns = 300LL * 1000 * 1000 * 1000;
static const int64_t level_within_ns = 60LL * 1000 * 1000 * 1000;

/* Saves the wish before anything rises; the job is changed only if that worked. */
static int intend(struct runner *runner, int index, enum job_input input, int32_t group,
                  int32_t level, enum reason reason, struct error *error)
{
    enum job_action action;
    struct job next = runner->jobs[index];
    int r = job_apply(&next, input, reason, runner->now_ms, &action);
    if (r < 0)
        return REASON_WRONG_STATE;
    if (action == JOB_ACTION_NONE)
        return 0;
    next.group = group;
    next.feeder = group < 0 ? -1 : runner->config.groups[group].feeder;
    job_preset_level(&next, level);
    r = runner_write(runner, index, &next, false, error);
    if (r < 0)
        return r;
    runner->jobs[index] = next;
    runner->entries[index].saved_ms = runner->now_ms;
    runner_note(runner, index, input, reason);
    return 0;
}

static int remove_traces(const struct runner *runner, int64_t id, struct error *error)
{
    static const char *const names[] = {"pid",
                                        "exit"}; /* this order: a pid without exit is a loss */
    for (int i = 0; i < 2; i++) {
        char path[LIMIT_NAME];
        snprintf(path, sizeof(path), "%" PRId64 "/%s", id, names[i]);
        if (unlinkat(runner->spool.fd, path, 0) < 0 && errno != ENOENT)
            return error_set(error, ERROR_SYSTEM, "%s/%s: cannot remove: %s", runner->spool.path,
                             path, strerror(errno));
    }
    return 0;
}

static int launch_locked(struct runner *runner, int index, int lock_fd, struct error *error)
{
    struct job_request request;
    struct entry *entry = &runner->entries[index];
    int64_t id = runner->jobs[index].id;
    int r = spool_load_command(&runner->spool, id, &request, error);
    if (r == 0)
        r = remove_traces(runner, id, error);
    if (r == 0)
        r = batch_process_start(&runner->process, &runner->jobs[index], &request, lock_fd,
                                &entry->supervisor, error);
    if (r < 0)
        return r;
    entry->watched = true;
    entry->command.pid = 0;
    return 0;
}

/* Hands the job and its lock to a supervisor. */
static int launch(struct runner *runner, int index, struct error *error)
{
    char directory[LIMIT_NAME];
    int64_t id = runner->jobs[index].id;
    spool_directory(id, directory, sizeof(directory));
    int lock_fd = spool_lock(runner->spool.fd, directory, error);
    if (lock_fd == SPOOL_HELD)
        return error_set(error, ERROR_INVALID, "job %" PRId64 " already has a supervisor", id);
    if (lock_fd < 0)
        return lock_fd;
    int r = launch_locked(runner, index, lock_fd, error);
    close(lock_fd);
    return r;
}

int runner_start(struct runner *runner, int index, int32_t group, int32_t level, enum reason reason,
                 struct error *error)
{
    struct job *job = &runner->jobs[index];
    bool waited = job->state == JOB_QUEUED;
    int r =
        intend(runner, index, JOB_INPUT_START, waited ? group : job->group, level, reason, error);
    if (r != 0 || !waited)
        return r;
    r = launch(runner, index, error);
    if (r < 0)
        runner_report(runner, index, JOB_INPUT_NOT_STARTED, REASON_START_FAILED, runner->now_ms);
    return r;
}

/* Runs the job's checkpoint or level command. */
static int run_helper(struct runner *runner, int index, bool levels, int64_t within_ns,
                      struct error *error)
{
    struct job_request request;
    struct entry *entry = &runner->entries[index];
    const struct job *job = &runner->jobs[index];
    int r = spool_load_command(&runner->spool, job->id, &request, error);
    if (r == 0)
        r = batch_process_help(&runner->process, job,
                               levels ? request.level_command : request.checkpoint,
                               entry->command.pid, &entry->helper, error);
    entry->helper_levels = levels;
    entry->helper_failed = false;
    entry->helper_until_ns = clock_mono_ns() + within_ns;
    return r;
}

static int run_checkpoint(struct runner *runner, int index, struct error *error)
{
    return run_helper(runner, index, false, checkpoint_within_ns, error);
}

/* ---- levels ---- */

/* The wish is saved before the command can have an effect, so that the next daemon knows of it. */
static int ask_level(struct runner *runner, int index, int32_t level, enum reason reason,
                     struct error *error)
{
    struct job *job = &runner->jobs[index], asked = *job;
    if (job_ask_level(&asked, level, reason, runner->now_ms) < 0)
        return REASON_WRONG_STATE;
    bool rises = level < job->level;
    int r = rises ? runner_write(runner, index, &asked, false, error) : 0;
    if (r < 0)
        return r;
    *job = asked;
    if (!rises)
        runner_save(runner, index, false);
    return 0;
}

int runner_level(struct runner *runner, int index, int32_t level, enum reason reason,
                 struct error *error)
{
    struct job *job = &runner->jobs[index];
    struct entry *entry = &runner->entries[index];
    if (job->state == JOB_RUNNING && job->level_asked == level)
        return 0;
    if (entry->command.pid == 0 || entry->helper != 0 || level < 0 || level >= job->level_count)
        return REASON_WRONG_STATE;
    int r = ask_level(runner, index, level, reason, error);
    if (r != 0)
        return r;
    r = run_helper(runner, index, true, level_within_ns, error);
    if (r < 0) {
        job_settle_level(job, false, reason, runner->now_ms);
        runner_save(runner, index, false);
    }
    runner_note(runner, index, JOB_INPUT_RUNS, reason);
    return r;
}

void runner_pursue_level(struct runner *runner, int index)
{
    struct job *job = &runner->jobs[index];
    struct error error;
    if (job->state != JOB_RUNNING || job->level_asked == job->level ||
        runner->entries[index].helper != 0)
        return;
    if (run_helper(runner, index, true, level_within_ns, &error) < 0) {
        runner_trouble(runner, &error);
        runner_settle_level(runner, index, false);
    }
}

/* What a former daemon's command did is not known, so that a failure to repeat it leaves the larger
 * of the two: the lower level. */
void runner_settle_level(struct runner *runner, int index, bool reached)
{
    struct job *job = &runner->jobs[index];
    struct entry *entry = &runner->entries[index];
    struct error error;
    if (job->state != JOB_RUNNING || job->level_asked == job->level)
        return; /* stopped or ended meanwhile */
    int32_t restarts = job->restarts;
    bool raised = entry->level_doubted && job->level_asked < job->level;
    job_settle_level(job, reached || raised, job->reason, runner->now_ms);
    if (entry->level_opens)
        job->restarts = restarts;
    entry->level_opens = entry->level_doubted = false;
    if (!reached) {
        error_set(&error, ERROR_SYSTEM,
                  "job %" PRId64 ": its level command failed; it counts as of level %d", job->id,
                  job->level);
        runner_trouble(runner, &error);
    }
    runner_save(runner, index, false);
    runner_note(runner, index, JOB_INPUT_RUNS, job->reason);
}

/* ---- suspension ---- */

int runner_suspend(struct runner *runner, int index, enum reason reason, struct error *error)
{
    struct job *job = &runner->jobs[index];
    struct entry *entry = &runner->entries[index];
    if (!job->can_suspend)
        return REASON_WRONG_STATE;
    enum job_state next;
    enum job_action action;
    if (job_next(job->state, JOB_INPUT_SUSPEND, &next, &action) < 0)
        return REASON_WRONG_STATE;
    runner_report(runner, index, JOB_INPUT_SUSPEND, reason, runner->now_ms);
    if (action == JOB_ACTION_NONE)
        return 0;
    if (!entry->checkpoints) {
        batch_process_signal(&entry->command, SIGSTOP);
        return 0;
    }
    entry->checkpoint_waits = entry->helper != 0;
    if (entry->checkpoint_waits) {
        kill(-entry->helper, SIGKILL);
        return 0;
    }
    int r = run_checkpoint(runner, index, error);
    if (r < 0)
        runner_report(runner, index, JOB_INPUT_RUNS, reason, runner->now_ms);
    return r;
}

/* A stopped process goes on; one that ended at a checkpoint is started again. */
static int revive(struct runner *runner, int index, struct error *error)
{
    struct entry *entry = &runner->entries[index];
    if (!entry->watched)
        return launch(runner, index, error);
    batch_process_signal(&entry->command, SIGCONT);
    return 0;
}

int runner_resume(struct runner *runner, int index, int32_t level, enum reason reason,
                  struct error *error)
{
    struct job *job = &runner->jobs[index];
    bool acts = job->state == JOB_SUSPENDED || job->state == JOB_SUSPENDING;
    /* Stopped by a signal it goes on as it was; what read a checkpoint back was told the level. */
    int r = intend(runner, index, JOB_INPUT_RESUME, job->group,
                   runner->entries[index].watched ? job->level : level, reason, error);
    if (r != 0 || !acts)
        return r;
    r = revive(runner, index, error);
    if (r < 0)
        runner_report(runner, index, JOB_INPUT_NOT_STARTED, REASON_START_FAILED, runner->now_ms);
    return r;
}

/* SIGCONT after SIGTERM, so that a stopped command can put its house in order. */
static void terminate(struct entry *entry)
{
    if (entry->command.pid == 0)
        return; /* repeated as soon as there is one */
    batch_process_signal(&entry->command, SIGTERM);
    batch_process_signal(&entry->command, SIGCONT);
    entry->kill_at_ns = clock_mono_ns() + kill_after_ns;
}

int runner_cancel(struct runner *runner, int index)
{
    struct entry *entry = &runner->entries[index];
    enum job_state next;
    enum job_action action;
    if (job_next(runner->jobs[index].state, JOB_INPUT_CANCEL, &next, &action) < 0)
        return REASON_WRONG_STATE;
    runner_report(runner, index, JOB_INPUT_CANCEL, REASON_CANCELLED, runner->now_ms);
    if (action != JOB_ACTION_KILL)
        return 0;
    if (entry->watched)
        terminate(entry);
    else
        runner_report(runner, index, JOB_INPUT_GONE, REASON_CANCELLED, runner->now_ms);
    return 0;
}

void runner_repeat(struct runner *runner, int index)
{
    struct entry *entry = &runner->entries[index];
    struct error error;
    enum job_state state = runner->jobs[index].state;
    if (state == JOB_CANCELLING) {
        terminate(entry);
    } else if (state == JOB_RESUMING) {
        batch_process_signal(&entry->command, SIGCONT);
    } else if (state == JOB_SUSPENDING && !entry->checkpoints) {
        batch_process_signal(&entry->command, SIGSTOP);
    } else if (state == JOB_SUSPENDING && run_checkpoint(runner, index, &error) < 0) {
        runner_trouble(runner, &error);
        runner_report(runner, index, JOB_INPUT_RUNS, runner->jobs[index].reason, runner->now_ms);
    }
}
