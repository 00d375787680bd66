/* The verbs of the local runner: its table of jobs, notes, time, and its own policy. */
#include "drivers/batch_local.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/quantity.h"
#include "controller/base/utc.h"
#include "drivers/batch_runner.h"

enum { SAVE_EVERY_MS = 5 * MINUTE_MS, SAVE_EVERY_REAL_MS = 10 * SECOND_MS };

static struct runner *runner_of(struct batch *batch)
{
    return (struct runner *)batch;
}

/* ---- what the parts share ---- */

int64_t runner_site_ms(const struct runner *runner, int64_t real_ms)
{
    int64_t ago_ms = runner->real_ms - real_ms;
    return ago_ms > 0 ? runner->now_ms - (int64_t)((double)ago_ms * runner->process.speed)
                      : runner->now_ms;
}

void runner_trouble(struct runner *runner, const struct error *error)
{
    if (runner->trouble_count == BATCH_LOCAL_TROUBLES)
        return;
    int place = (runner->first_trouble + runner->trouble_count++) % BATCH_LOCAL_TROUBLES;
    runner->troubles[place] = *error;
}

bool runner_has_note_room(const struct runner *runner)
{
    return runner->note_count + NOTES_PER_JOB <= RUNNER_NOTES;
}

void runner_note(struct runner *runner, int index, enum job_input input, enum reason reason)
{
    int place = (runner->first_note + runner->note_count++) % RUNNER_NOTES;
    runner->notes[place] = (struct job_note){.job = runner->jobs[index],
                                             .input = input,
                                             .reason = reason,
                                             .at_ms = runner->jobs[index].updated_ms};
}

int runner_write(const struct runner *runner, int index, const struct job *job, bool durable,
                 struct error *error)
{
    const char *group = job->group >= 0 ? runner->config.groups[job->group].name
                                        : runner->entries[index].lost_group;
    return spool_save(&runner->spool, job, group, durable, error);
}

void runner_save(struct runner *runner, int index, bool durable)
{
    struct error error;
    struct entry *entry = &runner->entries[index];
    bool failed = runner_write(runner, index, &runner->jobs[index], durable, &error) < 0;
    if (failed && !entry->unsaved)
        runner_trouble(runner, &error);
    entry->unsaved = failed;
    entry->saved_ms = runner->now_ms;
}

/* Ends that no exit file tells must be on the disk, or the job would run again after a power
 * failure. */
static bool only_known_here(const struct job *job)
{
    return job->state == JOB_CANCELLED || job->state == JOB_LOST;
}

void runner_report(struct runner *runner, int index, enum job_input input, enum reason reason,
                   int64_t at_ms)
{
    enum job_action action;
    struct job *job = &runner->jobs[index];
    struct entry *entry = &runner->entries[index];
    enum job_state before = job->state;
    int32_t asked = job->level_asked;
    if (job_apply(job, input, reason, at_ms, &action) < 0 || job->state == before)
        return;
    if (before == JOB_RUNNING) { /* a change under way is over; a raise may have come through */
        job->level = job->level_asked = asked < job->level ? asked : job->level;
        entry->level_opens = entry->level_doubted = false;
    }
    if (job->state == JOB_QUEUED) {
        job->feeder = job->group = -1;
        entry->lost_group[0] = '\0';
    }
    runner_save(runner, index, only_known_here(job));
    runner_note(runner, index, input, reason);
}

/* ---- the table ---- */

static int find_index(const struct runner *runner, int64_t id)
{
    int low = 0, high = runner->count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (runner->jobs[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < runner->count && runner->jobs[low].id == id ? low : -1;
}

static void forget(struct runner *runner, int index)
{
    size_t after = (size_t)(runner->count - index - 1);
    memmove(&runner->jobs[index], &runner->jobs[index + 1], after * sizeof(runner->jobs[0]));
    memmove(&runner->entries[index], &runner->entries[index + 1],
            after * sizeof(runner->entries[0]));
    runner->count--;
}

struct entry *runner_add(struct runner *runner, const struct job *job, bool checkpoints, bool known)
{
    struct entry *entry = &runner->entries[runner->count];
    runner->jobs[runner->count] = *job;
    *entry = (struct entry){
        .adopted = known,
        .watched = !known && !job_state_ended(job->state),
        .checkpoints = checkpoints,
        .level_doubted = job->level_asked != job->level,
        .saved_ms = job->updated_ms,
    };
    runner->count++;
    return entry;
}

/* ---- time ---- */

/* Every verb begins here. Jobs of a former daemon are looked at before anything else happens. */
static void begin(struct runner *runner, int64_t now_ms)
{
    runner->now_ms = now_ms > runner->now_ms ? now_ms : runner->now_ms;
    runner->real_ms = real_now_ms();
    for (int i = 0; i < runner->count && runner_has_note_room(runner); i++)
        if (runner->entries[i].watched && !runner->entries[i].adopted)
            runner_watch(runner, i);
}

/* A crash loses nothing: what ran on is known from the time. This bounds what a reboot loses. */
static void save_progress(struct runner *runner, int index)
{
    struct job *job = &runner->jobs[index];
    struct entry *entry = &runner->entries[index];
    double every_ms = fmax(SAVE_EVERY_MS, SAVE_EVERY_REAL_MS * runner->process.speed);
    bool due = job->state == JOB_RUNNING && (double)(runner->now_ms - entry->saved_ms) >= every_ms;
    if (!due && !entry->unsaved)
        return;
    job->ran_ms = job_ran_ms(job, runner->now_ms);
    job->updated_ms = runner->now_ms > job->updated_ms ? runner->now_ms : job->updated_ms;
    runner_save(runner, index, only_known_here(job));
}

/* True when the job left the table. */
static bool retire(struct runner *runner, int index)
{
    struct error error;
    const struct job *job = &runner->jobs[index];
    if (!job_state_ended(job->state) || runner->now_ms - job->ended_ms < DAY_MS)
        return false;
    if (spool_retire(&runner->spool, job->id, &error) < 0)
        runner_trouble(runner, &error);
    forget(runner, index);
    return true;
}

/* ---- verbs ---- */

static int check_request(const struct runner *runner, const struct job_request *request,
                         struct error *error)
{
    int words = 0;
    char power[32];
    bool sized =
        request->command_length > 0 && request->command_length <= (int)sizeof(request->command);
    for (int i = 0; sized && i < request->command_length; i++)
        words += request->command[i] == '\0';
    if (!sized || request->argc < 1 || request->argc > LIMIT_JOB_ARGS || words != request->argc ||
        request->command[request->command_length - 1] != '\0')
        return error_set(error, ERROR_INVALID, "the command needs 1 to %d words in %d bytes",
                         LIMIT_JOB_ARGS, LIMIT_JOB_COMMAND);
    if (!isfinite(request->power_w) || request->power_w <= 0)
        return error_set(error, ERROR_INVALID, "the power must be above 0 W");
    if (request->work_ms <= 0)
        return error_set(error, ERROR_INVALID, "the work must be above 0 s");
    if (!runner->hold && !runner_fits_ever(runner, request->power_w))
        return error_set(
            error, ERROR_INVALID,
            "%s is more than any rack group carries beside jobs.base_reserve: split the "
            "job",
            quantity_format(request->power_w, DIMENSION_POWER, power, (int)sizeof(power)));
    return job_request_check(request, error);
}

static int submit(struct batch *batch, const struct job_request *request, int64_t now_ms,
                  int64_t *ret_id, struct error *error)
{
    struct runner *runner = runner_of(batch);
    begin(runner, now_ms);
    int r = check_request(runner, request, error);
    if (r < 0)
        return r;
    if (runner->count == LIMIT_JOBS)
        return error_set(error, ERROR_FULL,
                         "%d jobs are known already; ended ones leave a day after their end",
                         LIMIT_JOBS);
    struct job job = {
        .job_class = request->job_class,
        .state = JOB_QUEUED,
        .reason = REASON_SUBMITTED,
        .power_w = request->power_w,
        .work_ms = request->work_ms,
        .release_ms = request->release_ms > 0 ? request->release_ms : runner->now_ms,
        .deadline_ms = request->deadline_ms,
        .min_run_ms = request->min_run_ms,
        .can_suspend = request->can_suspend,
        .level_count = request->level_count,
        .accelerator_classes = request->accelerator_classes,
        .restart_ms = request->restart_ms,
        .feeder = -1,
        .group = -1,
        .submitted_ms = runner->now_ms,
        .updated_ms = runner->now_ms,
        .state_ms = runner->now_ms,
    };
    memcpy(job.name, request->name, sizeof(job.name));
    memcpy(job.owner, request->owner, sizeof(job.owner));
    memcpy(job.levels, request->levels, sizeof(job.levels));
    r = spool_submit(&runner->spool, &job, request, error);
    if (r < 0)
        return r;
    runner_add(runner, &job, request->checkpoint[0] != '\0', true);
    *ret_id = job.id;
    return 0;
}

static int command(struct batch *batch, const struct command *command, int64_t now_ms,
                   struct error *error)
{
    struct runner *runner = runner_of(batch);
    begin(runner, now_ms);
    int index = find_index(runner, command->job_id);
    if (index < 0)
        return REASON_UNKNOWN_JOB;
    if (!runner_has_note_room(runner))
        return error_set(error, ERROR_FULL, "too many job changes wait to be polled");
    switch (command->verb) {
    case VERB_JOB_START:
        if (command->group < 0 || command->group >= runner->config.group_count)
            return REASON_INVALID;
        return runner_start(runner, index, command->group, command->level, command->reason, error);
    case VERB_JOB_SUSPEND:
        return runner_suspend(runner, index, command->reason, error);
    case VERB_JOB_RESUME:
        return runner_resume(runner, index, command->level, command->reason, error);
    case VERB_JOB_CANCEL:
        return runner_cancel(runner, index);
    case VERB_JOB_LEVEL:
        return runner_level(runner, index, command->level, command->reason, error);
    case VERB_SETPOINT:
        break;
    }
    return REASON_INVALID;
}

static void hold(struct batch *batch, bool held)
{
    runner_of(batch)->hold = held;
}

static int take_notes(struct runner *runner, struct job_note *ret_notes, int most)
{
    int taken = 0;
    while (taken < most && runner->note_count > 0) {
        ret_notes[taken++] = runner->notes[runner->first_note];
        runner->first_note = (runner->first_note + 1) % RUNNER_NOTES;
        runner->note_count--;
    }
    return taken;
}

static int poll_jobs(struct batch *batch, int64_t now_ms, struct job_note *ret_notes, int most)
{
    struct runner *runner = runner_of(batch);
    begin(runner, now_ms);
    for (int i = 0; i < runner->count && runner_has_note_room(runner);) {
        runner_watch(runner, i);
        save_progress(runner, i);
        if (!retire(runner, i))
            i++;
    }
    if (!runner->hold)
        runner_policy(runner);
    return take_notes(runner, ret_notes, most);
}

static int jobs(const struct batch *batch, const struct job **ret_jobs)
{
    const struct runner *runner = (const struct runner *)batch;
    *ret_jobs = runner->jobs;
    return runner->count;
}

static void destroy(struct batch *batch)
{
    struct runner *runner = runner_of(batch);
    spool_close(&runner->spool);
    free(runner);
}

static const struct batch_verbs local_verbs = {
    .name = "local",
    .submit = submit,
    .command = command,
    .hold = hold,
    .poll = poll_jobs,
    .jobs = jobs,
    .destroy = destroy,
};

/* Without groups every feeder is one; without feeders there is one of no limit. */
static void settle_groups(struct batch_local_config *config)
{
    if (config->group_count > 0)
        return;
    if (config->feeder_count == 0)
        config->feeder_limit_w[config->feeder_count++] = (double)INFINITY;
    config->group_count = config->feeder_count;
    for (int32_t f = 0; f < config->feeder_count; f++) {
        config->groups[f] = (struct rack_group){.feeder = f, .limit_w = config->feeder_limit_w[f]};
        snprintf(config->groups[f].name, LIMIT_NAME, "%d", f);
    }
}

int batch_local_create(const struct batch_local_config *config, struct batch **ret_batch,
                       struct error *error)
{
    struct runner *runner = calloc(1, sizeof(*runner));
    if (!runner)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    runner->base.verbs = &local_verbs;
    runner->config = *config;
    settle_groups(&runner->config);
    runner->process.spool = &runner->spool;
    runner->process.speed = config->speed > 0 ? config->speed : 1;
    runner->hold = true;
    int r = batch_process_find(config->jobexec, runner->process.jobexec, error);
    if (r == 0)
        r = spool_open(&runner->spool, config->spool, error);
    if (r < 0) {
        free(runner);
        return r;
    }
    runner->spool.classes = (const char(*)[LIMIT_NAME])runner->config.accelerators;
    runner->spool.class_count = runner->config.accelerator_count;
    r = runner_load(runner, error);
    if (r < 0) {
        destroy(&runner->base);
        return r;
    }
    *ret_batch = &runner->base;
    return 0;
}

bool batch_local_trouble(struct batch *batch, struct error *ret_error)
{
    struct runner *runner = runner_of(batch);
    if (runner->trouble_count == 0)
        return false;
    *ret_error = runner->troubles[runner->first_trouble];
    runner->first_trouble = (runner->first_trouble + 1) % BATCH_LOCAL_TROUBLES;
    runner->trouble_count--;
    return true;
}
