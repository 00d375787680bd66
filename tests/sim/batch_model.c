/* See batch_model.h. */
#include "tests/sim/batch_model.h"

#include <assert.h>
#include <stddef.h>

void batch_add(struct batch_model *batch, const struct job *job, const struct batch_nature *nature)
{
    static const struct batch_nature EXEMPLARY = {.due_ms = 0};
    assert(batch->count < BATCH_JOBS);
    int place = batch->count++;
    for (; place > 0 && batch->jobs[place - 1].submitted_ms > job->submitted_ms; place--) {
        batch->jobs[place] = batch->jobs[place - 1];
        batch->nature[place] = batch->nature[place - 1];
    }
    batch->jobs[place] = *job;
    batch->nature[place] = nature ? *nature : EXEMPLARY;
}

static void apply(struct job *job, enum job_input input, enum reason reason, int64_t now_ms)
{
    enum job_action action;
    (void)job_apply(job, input, reason, now_ms, &action);
}

/* Changes take effect between ticks, so that meters and states tell the same. */
static void begin(struct batch_nature *nature, enum job_input due, int64_t due_ms)
{
    nature->under_way = true;
    nature->due = due;
    nature->due_ms = due_ms;
}

static void finish_change(struct job *job, struct batch_nature *nature, int64_t now_ms)
{
    if (!nature->under_way || now_ms < nature->due_ms)
        return;
    nature->under_way = false;
    if (job->level_asked != job->level)
        job_settle_level(job, true, job->reason, now_ms);
    else
        apply(job, nature->due, job->reason, now_ms);
}

static void finish_work(struct job *job, const struct batch_nature *nature, int64_t now_ms)
{
    int64_t ran_ms = job_ran_ms(job, now_ms);
    int64_t needed_ms = job->work_ms + nature->outrun_ms + job->restarts * job->restart_ms;
    if (job->state != JOB_RUNNING)
        return;
    if (nature->dies_ms > 0 && ran_ms >= nature->dies_ms)
        apply(job, JOB_INPUT_EXIT_BAD, REASON_EXITED_NONZERO, now_ms);
    else if (ran_ms >= needed_ms)
        apply(job, JOB_INPUT_EXIT_OK, REASON_EXITED_ZERO, now_ms);
}

void batch_advance(struct batch_model *batch, int64_t now_ms)
{
    while (batch->submitted < batch->count && batch->jobs[batch->submitted].submitted_ms <= now_ms)
        batch->submitted++;
    for (int j = 0; j < batch->submitted; j++) {
        finish_change(&batch->jobs[j], &batch->nature[j], now_ms);
        finish_work(&batch->jobs[j], &batch->nature[j], now_ms);
    }
}

int32_t batch_group(const struct topology *topology, const struct command *command)
{
    bool fits = command->group >= 0 && topology->groups[command->group].feeder == command->feeder;
    return fits ? command->group : topology_only_group(topology, command->feeder);
}

static void suspend(struct job *job, struct batch_nature *nature, enum reason reason,
                    int64_t now_ms)
{
    bool fails = nature->failing_stops > 0;
    apply(job, JOB_INPUT_SUSPEND, reason, now_ms);
    nature->failing_stops -= fails;
    begin(nature, fails ? JOB_INPUT_RUNS : JOB_INPUT_STOPPED, now_ms + nature->stop_ms);
}

static void run(struct job *job, struct batch_nature *nature, enum job_input input,
                const struct command *command, int64_t now_ms)
{
    job_preset_level(job, command->level);
    apply(job, input, command->reason, now_ms);
    begin(nature, JOB_INPUT_RUNS, now_ms + nature->start_ms);
}

void batch_take(struct batch_model *batch, const struct topology *topology,
                const struct command *command, int64_t now_ms)
{
    struct job *job = NULL;
    for (int j = 0; !job && j < batch->submitted; j++)
        job = batch->jobs[j].id == command->job_id ? &batch->jobs[j] : NULL;
    if (!job)
        return;
    struct batch_nature *nature = &batch->nature[job - batch->jobs];
    if (command->verb == VERB_JOB_START) {
        job->feeder = command->feeder;
        job->group = batch_group(topology, command);
        run(job, nature, JOB_INPUT_START, command, now_ms);
    } else if (command->verb == VERB_JOB_RESUME) {
        run(job, nature, JOB_INPUT_RESUME, command, now_ms);
    } else if (command->verb == VERB_JOB_SUSPEND) {
        suspend(job, nature, command->reason, now_ms);
    } else if (command->verb == VERB_JOB_LEVEL &&
               job_ask_level(job, command->level, command->reason, now_ms) == 0) {
        begin(nature, JOB_INPUT_RUNS, now_ms + nature->start_ms);
    }
    finish_change(job, nature, now_ms);
}

const struct job *batch_find(const struct batch_model *batch, int64_t id)
{
    for (int j = 0; j < batch->submitted; j++) {
        if (batch->jobs[j].id == id)
            return &batch->jobs[j];
    }
    return NULL;
}

double batch_draw_w(const struct batch_model *batch, int job)
{
    const struct job *known = &batch->jobs[job];
    if (!job_state_draws_power(known->state))
        return 0;
    return job_power_w(known) * (1 + batch->nature[job].overdraw);
}
