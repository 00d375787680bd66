/* Rendering of the jobs for the local interface; see api_render.h. */
#include "controller/serve/api_render.h"

#include "controller/serve/api_leaf.h"

/* What the plan has in mind for the job: its present or next stretch. */
static json_t *render_intent(const struct plan *plan, int64_t job_id, int64_t now_ms)
{
    const int32_t index = planned_index(plan, job_id);
    const struct plan_job *job;
    const struct plan_run *next = NULL;
    json_t *object;

    if (index < 0)
        return json_null();
    job = &plan->jobs[index];
    for (int i = job->run_count - 1; i >= 0; i--) {
        if (job->runs[i].end_ms > now_ms)
            next = &job->runs[i];
    }
    object = json_object();
    set(object, "start", next ? when(next->start_ms) : json_null());
    set(object, "level", next ? json_integer(next->level) : json_null());
    set(object, "finish", when(job->finish_ms));
    set(object, "late", json_boolean(job->late));
    set_reason(object, job->reason);
    return object;
}

static json_t *render_levels(const struct job *job)
{
    json_t *array = json_array();

    for (int32_t i = 0; i < job->level_count; i++) {
        json_t *level = json_object();

        set_number(level, "power_w", job->levels[i].power_w);
        set_number(level, "speed", job->levels[i].speed);
        set_integer(level, "accelerators", job->levels[i].accelerators);
        json_array_append_new(array, level);
    }
    return array;
}

static void set_level(json_t *object, const struct job *job)
{
    set_number(object, "power_w", job_power_w(job)); /* as it runs, or would run */
    set_number(object, "full_power_w", job->power_w);
    set_integer(object, "level", job->level);
    set(object, "level_asked",
        job->level_asked != job->level ? json_integer(job->level_asked) : json_null());
    set_number(object, "speed", job_level_speed(job, job->level));
    set(object, "levels", render_levels(job));
}

static json_t *render_job(const struct api_core *core, const struct job *job, int64_t now_ms)
{
    const bool ended = job_state_ended(job->state);
    json_t *object = json_object();

    set_integer(object, "id", job->id);
    set(object, "name", text(job->name));
    set(object, "owner", text(job->owner));
    set(object, "class", text(job_class_name(job->job_class)));
    set(object, "state", text(job_state_name(job->state)));
    set_reason(object, job->reason);
    set_level(object, job);
    set_integer(object, "work_ms", job->work_ms);
    set_integer(object, "ran_ms", job_ran_ms(job, now_ms));
    set_integer(object, "remaining_ms", job_remaining_ms(job, now_ms));
    set_integer(object, "restart_ms", job->restart_ms);
    set_integer(object, "restarts", job->restarts);
    set_integer(object, "min_run_ms", job->min_run_ms);
    set(object, "can_suspend", json_boolean(job->can_suspend));
    set_integer(object, "suspensions", job->suspensions);
    set(object, "feeder", feeder_label(core, job->feeder));
    set(object, "group", group_label(core, 0, job->group));
    set(object, "release", when(job->release_ms));
    set(object, "deadline", when(job->deadline_ms));
    set(object, "submitted", when(job->submitted_ms));
    set(object, "started", when(job->started_ms));
    set(object, "ended", when(job->ended_ms));
    set(object, "exit_status", ended ? json_integer(job->exit_status) : json_null());
    set(object, "planned", render_intent(core->plan(core->context), job->id, now_ms));
    return object;
}

json_t *render_jobs(const struct api_core *core, bool with_ended)
{
    const int64_t now_ms = core->snapshot(core->context)->now_ms;
    const struct job *jobs = NULL;
    const int count = core->jobs(core->context, &jobs);
    json_t *reply = json_object(), *array = json_array();

    for (int i = 0; i < count; i++) {
        if (with_ended || !job_state_ended(jobs[i].state))
            json_array_append_new(array, render_job(core, &jobs[i], now_ms));
    }
    set(reply, "ok", json_true());
    set(reply, "now", when(now_ms));
    set(reply, "jobs", array);
    return reply;
}
