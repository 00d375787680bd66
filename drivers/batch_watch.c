/* What became of a job's processes: lock, pid and exit files are the evidence, and overrule what
 * the runner last thought. The same look serves after a restart and in every poll. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "controller/base/clock.h"
#include "drivers/batch_runner.h"

/* Our own child is asked for by waitpid; somebody else's is alive while it holds the lock. */
static bool supervisor_lives(struct runner *runner, int index)
{
    struct entry *entry = &runner->entries[index];
    int status;
    struct error error;
    if (entry->supervisor > 0) {
        enum child child = batch_process_reap(entry->supervisor, &status);
        if (child == CHILD_RUNS)
            return true;
        if (child == CHILD_ENDED && status != 0) {
            error_set(&error, ERROR_SYSTEM, "job %" PRId64 ": its supervisor failed (status %#x)",
                      runner->jobs[index].id, (unsigned)status);
            runner_trouble(runner, &error);
        }
        entry->supervisor = 0;
    }
    char directory[LIMIT_NAME];
    spool_directory(runner->jobs[index].id, directory, sizeof(directory));
    int fd = spool_lock(runner->spool.fd, directory, &error);
    if (fd >= 0)
        close(fd);
    else if (fd != SPOOL_HELD)
        runner_trouble(runner, &error);
    return fd < 0; /* not known to be gone: taken as alive */
}

/* 1: known, 0: the command certainly did not run, negative: unreadable. */
static int learn_pid(struct runner *runner, int index)
{
    struct entry *entry = &runner->entries[index];
    if (entry->command.pid > 0)
        return 1;
    char directory[LIMIT_NAME];
    struct error error;
    spool_directory(runner->jobs[index].id, directory, sizeof(directory));
    int r = spool_read_pid(runner->spool.fd, directory, &entry->command, &error);
    if (r < 0)
        runner_trouble(runner, &error);
    return r < 0 ? r : r == 0;
}

enum { STATUS_NOT_STARTED = 127 }; /* as a shell says it */

static bool is_stopped(const struct entry *entry)
{
    return process_state(&entry->command) == 'T';
}

static void report(struct runner *runner, int index, enum job_input input, enum reason reason)
{
    runner_report(runner, index, input, reason, runner->now_ms);
}

/* The start is confirmed; the reason stays that of whoever asked for it. */
static void report_runs(struct runner *runner, int index)
{
    struct job *job = &runner->jobs[index];
    const struct entry *entry = &runner->entries[index];
    int64_t at_ms = runner->now_ms;
    if (job->state == JOB_QUEUED || job->state == JOB_STARTING || entry->checkpoints)
        at_ms = runner_site_ms(runner, entry->command.at_ms);
    runner_report(runner, index, JOB_INPUT_RUNS, job->reason, at_ms);
}

/* The command was told its level, but only the level command is sure to bring it there: until that
 * is done, the job counts as of level 0. In the same write as its start, so that the next daemon
 * knows. */
static void report_opening(struct runner *runner, int index)
{
    struct job *job = &runner->jobs[index];
    struct entry *entry = &runner->entries[index];
    bool fresh = job->state != JOB_RESUMING || entry->checkpoints;
    int32_t level = job->level;
    if (fresh && level > 0) {
        job_preset_level(job, 0);
        job->level_asked = level;
        job->level_ms = runner->now_ms;
        entry->level_opens = true;
    }
    report_runs(runner, index);
}

/* ---- while the supervisor lives ---- */

static void watch_helper(struct runner *runner, int index)
{
    struct entry *entry = &runner->entries[index];
    int status = 0;
    if (entry->helper == 0)
        return;
    if (clock_mono_ns() > entry->helper_until_ns)
        kill(-entry->helper, SIGKILL);
    if (batch_process_reap(entry->helper, &status) == CHILD_RUNS)
        return;
    entry->helper = 0;
    if (entry->helper_levels)
        runner_settle_level(runner, index, status == 0);
    else
        entry->helper_failed = status != 0;
}

static void watch_checkpoint(struct runner *runner, int index)
{
    struct entry *entry = &runner->entries[index];
    struct error error;
    if (entry->checkpoint_waits) {
        entry->checkpoint_waits = entry->helper != 0;
        if (!entry->checkpoint_waits)
            runner_repeat(runner, index);
        return;
    }
    bool late = clock_mono_ns() > entry->helper_until_ns;
    if (!late && !entry->helper_failed)
        return;
    entry->helper_failed = false;
    error_set(&error, ERROR_SYSTEM, "job %" PRId64 ": its checkpoint command %s; it keeps running",
              runner->jobs[index].id, late ? "did not end the job in time" : "failed");
    runner_trouble(runner, &error);
    report(runner, index, JOB_INPUT_RUNS, runner->jobs[index].reason);
}

/* A leader caught inside vfork waits for its stopped child and cannot stop itself: the group goes
 * on for one poll and is stopped again. */
static void watch_stopping(struct runner *runner, int index)
{
    const struct entry *entry = &runner->entries[index];
    char state = process_state(&entry->command);
    if (state == 'T')
        report(runner, index, JOB_INPUT_STOPPED, runner->jobs[index].reason);
    else
        batch_process_signal(&entry->command, state == 'D' ? SIGCONT : SIGSTOP);
}

static void watch_living(struct runner *runner, int index)
{
    struct job *job = &runner->jobs[index];
    struct entry *entry = &runner->entries[index];
    if (learn_pid(runner, index) != 1)
        return;
    if (job->state == JOB_QUEUED || job->state == JOB_STARTING)
        report_opening(runner, index);
    else if (job->state == JOB_RESUMING && !is_stopped(entry))
        report_opening(runner, index);
    else if (job->state == JOB_SUSPENDING && !entry->checkpoints)
        watch_stopping(runner, index);
    else if (job->state == JOB_CANCELLING && entry->kill_at_ns == 0)
        runner_repeat(runner, index); /* cancelled before it had a pid */
    else if (job->state == JOB_CANCELLING && clock_mono_ns() > entry->kill_at_ns)
        batch_process_signal(&entry->command, SIGKILL);
    if (entry->checkpoints && job->state == JOB_SUSPENDING)
        watch_checkpoint(runner, index);
    runner_pursue_level(runner, index);
}

/* ---- when it is gone ---- */

static void unwatch(struct entry *entry)
{
    entry->watched = false;
    entry->command.pid = 0;
    entry->kill_at_ns = 0;
}

static enum job_input judge_exit(const struct runner *runner, int index,
                                 const struct spool_exit *ending, enum reason *ret_reason)
{
    bool cancelling = runner->jobs[index].state == JOB_CANCELLING;
    *ret_reason = REASON_EXITED_ZERO;
    if (ending->end == SPOOL_EXITED && ending->value == 0)
        return JOB_INPUT_EXIT_OK;
    *ret_reason = runner->jobs[index].reason;
    if (ending->end == SPOOL_EXITED && ending->value == SPOOL_CHECKPOINTED && !cancelling &&
        runner->entries[index].checkpoints)
        return JOB_INPUT_STOPPED;
    *ret_reason = ending->end == SPOOL_EXITED ? REASON_EXITED_NONZERO : REASON_KILLED;
    if (ending->end == SPOOL_NOT_STARTED)
        *ret_reason = REASON_START_FAILED;
    if (cancelling)
        *ret_reason = REASON_CANCELLED;
    return ending->end == SPOOL_NOT_STARTED ? JOB_INPUT_START_FAILED : JOB_INPUT_EXIT_BAD;
}

static int exit_status(const struct spool_exit *ending)
{
    switch (ending->end) {
    case SPOOL_EXITED:
        return ending->value;
    case SPOOL_SIGNALLED:
        return -ending->value;
    case SPOOL_NOT_STARTED:
        break;
    }
    return STATUS_NOT_STARTED;
}

static void conclude_exit(struct runner *runner, int index, const struct spool_exit *ending)
{
    struct job *job = &runner->jobs[index];
    enum reason reason;
    bool unconfirmed =
        job->state == JOB_QUEUED || job->state == JOB_STARTING || job->state == JOB_RESUMING;
    if (job->state == JOB_QUEUED)
        report(runner, index, JOB_INPUT_START, REASON_ADOPTED);
    if (unconfirmed && ending->end != SPOOL_NOT_STARTED && learn_pid(runner, index) == 1)
        report_runs(runner, index);
    enum job_input input = judge_exit(runner, index, ending, &reason);
    if (input != JOB_INPUT_STOPPED)
        job->exit_status = exit_status(ending);
    unwatch(&runner->entries[index]);
    runner_report(runner, index, input, reason, runner_site_ms(runner, ending->at_ms));
}

/* It left neither a lock nor a status. What may be left of it is killed: nothing runs unseen. */
static void conclude_vanished(struct runner *runner, int index)
{
    struct job *job = &runner->jobs[index];
    enum reason reason = job->state == JOB_CANCELLING ? REASON_CANCELLED : REASON_VANISHED;
    batch_process_signal(&runner->entries[index].command, SIGKILL);
    unwatch(&runner->entries[index]);
    report(runner, index, JOB_INPUT_GONE, reason);
}

/* No pid file: nothing was executed since the last start was intended. */
static void conclude_not_started(struct runner *runner, int index)
{
    struct job *job = &runner->jobs[index];
    struct entry *entry = &runner->entries[index];
    bool waits = job->state == JOB_QUEUED || (job->state == JOB_SUSPENDED && entry->checkpoints);
    bool intended = job->state == JOB_STARTING || job->state == JOB_CANCELLING ||
                    (job->state == JOB_RESUMING && entry->checkpoints);
    unwatch(entry);
    if (waits)
        return;
    enum reason reason = intended ? REASON_START_FAILED : REASON_VANISHED;
    if (job->state == JOB_CANCELLING)
        reason = REASON_CANCELLED;
    report(runner, index, intended ? JOB_INPUT_NOT_STARTED : JOB_INPUT_GONE, reason);
}

static void conclude(struct runner *runner, int index)
{
    char directory[LIMIT_NAME];
    struct error error;
    struct spool_exit ending;
    spool_directory(runner->jobs[index].id, directory, sizeof(directory));
    int exit = spool_read_exit(runner->spool.fd, directory, &ending, &error);
    int pid = exit < 0 ? exit : learn_pid(runner, index);
    if (exit < 0)
        runner_trouble(runner, &error);
    if (exit < 0 || pid < 0)
        unwatch(&runner->entries[index]); /* unreadable: left alone */
    else if (exit == 0)
        conclude_exit(runner, index, &ending);
    else if (pid == 1)
        conclude_vanished(runner, index);
    else
        conclude_not_started(runner, index);
}

/* ---- after a restart ---- */

static void adopt_living(struct runner *runner, int index)
{
    struct job *job = &runner->jobs[index];
    struct entry *entry = &runner->entries[index];
    if (learn_pid(runner, index) != 1)
        return;
    bool stopped = is_stopped(entry);
    if (job->state == JOB_RUNNING && stopped)
        report(runner, index, JOB_INPUT_STOPPED, REASON_ADOPTED);
    else if (job->state == JOB_SUSPENDED && !stopped)
        report(runner, index, JOB_INPUT_RUNS, REASON_ADOPTED);
    else
        runner_note(runner, index, stopped ? JOB_INPUT_STOPPED : JOB_INPUT_RUNS, REASON_ADOPTED);
    runner_repeat(runner, index);
}

void runner_watch(struct runner *runner, int index)
{
    struct entry *entry = &runner->entries[index];
    watch_helper(runner, index);
    if (!entry->watched)
        return;
    bool lives = supervisor_lives(runner, index);
    bool adopts = !entry->adopted;
    entry->adopted = true;
    if (lives && adopts)
        adopt_living(runner, index);
    if (lives)
        watch_living(runner, index);
    else
        conclude(runner, index);
}
