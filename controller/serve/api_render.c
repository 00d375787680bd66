/* Rendering of status, plan and jobs for the local interface; see api_render.h. */
#include "controller/serve/api_render.h"

#include <math.h>
#include <stdlib.h>

#include "controller/base/utc.h"

/* ---- leaves --------------------------------------------------------------------------------- */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *number_if(bool known, double value)
{
    return known ? number(value) : json_null();
}

/* Names came in as checked text; one that was damaged since must not take the reply with it. */
static json_t *text(const char *value)
{
    json_t *result = json_string(value);

    return result ? result : json_string("(not UTF-8)");
}

static json_t *when(int64_t ms)
{
    char buffer[UTC_TEXT];

    return ms > 0 && ms < INT64_MAX ? json_string(utc_format(ms, buffer)) : json_null();
}

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static void set_integer(json_t *object, const char *key, int64_t value)
{
    set(object, key, json_integer(value));
}

static void set_number(json_t *object, const char *key, double value)
{
    set(object, key, number(value));
}

/* ---- status --------------------------------------------------------------------------------- */

static json_t *render_pue(const struct pue *pue)
{
    const bool known = pue->quality == QUALITY_GOOD || pue->quality == QUALITY_ESTIMATED;
    json_t *object = json_object();

    set(object, "start", when(pue->start_ms));
    set(object, "end", when(pue->end_ms));
    set_integer(object, "category", pue->category);
    set(object, "value", number_if(known, pue->value));
    set(object, "facility_wh", number_if(known, pue->facility_wh));
    set(object, "it_wh", number_if(known, pue->it_wh));
    set_number(object, "coverage", pue->coverage);
    set(object, "interim", json_boolean(pue->interim));
    set(object, "quality", text(quality_name(pue->quality)));
    return object;
}

static const char *plan_status_name(enum plan_status status)
{
    switch (status) {
    case PLAN_NONE:
        return "none";
    case PLAN_COMPLETE:
        return "complete";
    case PLAN_BREACHING:
        return "breaching";
    }
    return "none";
}

static json_t *render_plan_head(const struct snapshot *now)
{
    json_t *object;

    if (now->plan_id == 0)
        return json_null();
    object = json_object();
    set_integer(object, "id", now->plan_id);
    set(object, "issue", when(now->plan_issue_ms));
    set(object, "expires", when(now->plan_expires_ms));
    set(object, "status", text(plan_status_name(now->plan_status)));
    set_number(object, "gap", now->plan_gap);
    set_number(object, "solve_ms", now->plan_solve_ms);
    return object;
}

static json_t *render_power(const struct snapshot *now)
{
    json_t *object = json_object();

    set_number(object, "import_w", now->import_w);
    set_number(object, "export_w", now->export_w);
    set_number(object, "pv_w", now->pv_w);
    set_number(object, "wind_w", now->wind_w);
    set_number(object, "battery_w", now->battery_w);
    set_number(object, "facility_w", now->facility_w);
    set_number(object, "it_w", now->it_w);
    return object;
}

static void render_counts(json_t *status, const struct snapshot *now)
{
    json_t *modes = json_object(), *jobs = json_object(), *points = json_object();

    for (int i = 0; i < SUBSYSTEMS; i++)
        set(modes, subsystem_name((enum subsystem)i), text(mode_name(now->modes[i])));
    for (int i = 0; i < JOB_STATES; i++)
        set_integer(jobs, job_state_name((enum job_state)i), now->jobs_by_state[i]);
    for (int i = 0; i <= QUALITY_MISSING; i++)
        set_integer(points, quality_name((enum quality)i), now->points_by_quality[i]);
    set(status, "modes", modes);
    set(status, "jobs", jobs);
    set(status, "points", points);
    set_integer(status, "verdicts_withheld", (int64_t)now->verdicts_withheld);
}

static json_t *render_device(const struct api_device *device)
{
    json_t *object = json_object();

    set(object, "name", text(device->name));
    set(object, "role", text(device->role));
    set(object, "link", text(device->link));
    set(object, "reason", text(reason_name(device->reason)));
    set(object, "reason_text", text(reason_text(device->reason)));
    set(object, "round_trip_ms", number_if(device->round_trip_ms > 0, device->round_trip_ms));
    set_integer(object, "requests", (int64_t)device->requests);
    set_integer(object, "timeouts", (int64_t)device->timeouts);
    set_integer(object, "mismatches", (int64_t)device->mismatches);
    set_integer(object, "points", device->points);
    set_integer(object, "good_points", device->good_points);
    set_integer(object, "bad_points", device->bad_points);
    set_integer(object, "absent_points", device->absent_points);
    set(object, "worst", text(quality_name(device->worst)));
    set(object, "worst_reason", text(reason_name(device->worst_reason)));
    set(object, "worst_reason_text", text(reason_text(device->worst_reason)));
    return object;
}

static json_t *render_devices(const struct api_core *core)
{
    struct api_device *devices = calloc(LIMIT_DEVICES, sizeof(*devices));
    json_t *array = json_array();
    int count;

    if (!devices)
        return array;
    count = core->devices(core->context, devices, LIMIT_DEVICES);
    for (int i = 0; i < count; i++)
        json_array_append_new(array, render_device(&devices[i]));
    free(devices);
    return array;
}

static json_t *text_or_null(const char *value)
{
    return value[0] ? text(value) : json_null();
}

static json_t *render_store(const struct api_totals *totals)
{
    json_t *object = json_object();

    set(object, "path", text(totals->store_path));
    set_integer(object, "written", (int64_t)totals->store_written);
    set_integer(object, "refused", (int64_t)totals->store_refused);
    set_integer(object, "waiting", (int64_t)totals->store_waiting);
    set(object, "full", json_boolean(totals->store_full));
    set(object, "error", text_or_null(totals->store_error));
    return object;
}

static json_t *render_sparkplug(const struct api_totals *totals)
{
    json_t *object;

    if (totals->sparkplug_nodes == 0)
        return json_null();
    object = json_object();
    set_integer(object, "nodes", totals->sparkplug_nodes);
    set_integer(object, "born", totals->sparkplug_born);
    set_integer(object, "gaps", (int64_t)totals->sparkplug_gaps);
    set_integer(object, "rebirths", (int64_t)totals->sparkplug_rebirths);
    return object;
}

static json_t *render_broker(const struct api_totals *totals)
{
    json_t *object;

    if (!totals->broker_host[0])
        return json_null();
    object = json_object();
    set(object, "host", text(totals->broker_host));
    set(object, "link", text(totals->broker_link));
    set(object, "cause", text_or_null(totals->broker_cause));
    set(object, "bms_silent", json_boolean(totals->bms_silent));
    set_integer(object, "messages", (int64_t)totals->broker_messages);
    set_integer(object, "malformed", (int64_t)totals->broker_malformed);
    set_integer(object, "dropped", (int64_t)totals->broker_dropped);
    set_integer(object, "takeovers", (int64_t)totals->broker_takeovers);
    set_integer(object, "subscriptions_refused", (int64_t)totals->broker_refused);
    set(object, "sparkplug", render_sparkplug(totals));
    return object;
}

static json_t *render_pues(const struct snapshot *now)
{
    json_t *object = json_object();

    set(object, "last_quarter", render_pue(&now->last_quarter));
    set(object, "last_hour", render_pue(&now->last_hour));
    set(object, "last_day", render_pue(&now->last_day));
    set(object, "today", render_pue(&now->today));
    return object;
}

json_t *render_status(const struct api_core *core)
{
    const struct snapshot *now = core->snapshot(core->context);
    struct api_totals totals = {0};
    json_t *status = json_object();

    core->totals(core->context, &totals);
    set(status, "ok", json_true());
    set(status, "site", text(core->site));
    set(status, "version", text(core->version));
    set(status, "now", when(now->now_ms));
    set_number(status, "speed", core->speed);
    set(status, "currency", text(core->currency));
    render_counts(status, now);
    set(status, "power", render_power(now));
    set_number(status, "soc_pct", now->soc_pct);
    set_number(status, "price_per_mwh", now->price_per_mwh);
    set_number(status, "carbon_g_per_kwh", now->carbon_g_per_kwh);
    set_number(status, "temp_outdoor_c", now->temp_outdoor_c);
    set_number(status, "import_limit_w", now->import_limit_w);
    set_number(status, "peak_import_w", now->peak_import_w);
    set(status, "fail_safe", json_boolean(now->fail_safe));
    set(status, "pue", render_pues(now));
    set(status, "plan", render_plan_head(now));
    set(status, "devices", render_devices(core));
    set(status, "store", render_store(&totals));
    set(status, "broker", render_broker(&totals));
    return status;
}

/* ---- points --------------------------------------------------------------------------------- */

static json_t *render_counter(const struct api_point *point)
{
    json_t *object;

    if (point->counter_reason == REASON_NONE)
        return json_null();
    object = json_object();
    set(object, "reason", text(reason_name(point->counter_reason)));
    set(object, "at", when(point->counter_ms));
    return object;
}

static json_t *render_set(const struct api_point *point)
{
    const bool written = point->set_outcome != REASON_NONE;
    json_t *object;

    if (!point->writable)
        return json_null();
    object = json_object();
    set(object, "value", number_if(written, point->set_value));
    set(object, "outcome", written ? text(reason_name(point->set_outcome)) : json_null());
    set(object, "at", when(point->set_ms));
    set_integer(object, "writes", point->writes);
    set(object, "lifetime", number_if(point->lifetime > 0, point->lifetime));
    return object;
}

static json_t *age(int64_t now_ms, int64_t at_ms)
{
    return at_ms > 0 ? json_integer(now_ms - at_ms) : json_null();
}

static json_t *render_point(const struct api_point *point, int64_t now_ms)
{
    json_t *object = json_object();

    set(object, "name", text(point->name));
    set(object, "value", number(point->value));
    set(object, "unit", text(point->unit));
    set(object, "quality", text(quality_name(point->quality)));
    set(object, "reason", text(reason_name(point->reason)));
    set(object, "reason_text", text(reason_text(point->reason)));
    set(object, "age_ms", age(now_ms, point->source_ms));
    set(object, "heard_ms", age(now_ms, point->receive_ms));
    set(object, "counter", render_counter(point));
    set(object, "set", render_set(point));
    return object;
}

json_t *render_points(const struct api_core *core, int32_t device)
{
    const struct device *entry = &core->topology->devices[device];
    const int64_t now_ms = core->snapshot(core->context)->now_ms;
    json_t *reply = json_object(), *array = json_array();

    for (int32_t p = entry->first_point; p < entry->first_point + entry->point_count; p++) {
        struct api_point point = {.unit = ""};

        core->point(core->context, p, &point);
        json_array_append_new(array, render_point(&point, now_ms));
    }
    set(reply, "ok", json_true());
    set(reply, "now", when(now_ms));
    set(reply, "device", text(entry->name));
    set(reply, "points", array);
    return reply;
}

/* ---- plan ----------------------------------------------------------------------------------- */

static json_t *feeder_label(const struct api_core *core, int32_t feeder)
{
    if (feeder < 0)
        return json_null();
    if (core->topology && feeder < core->topology->feeder_count)
        return text(core->topology->feeders[feeder].name);
    return json_integer(feeder);
}

static json_t *render_slot(const struct problem_slot *frame, const struct plan_slot *slot)
{
    json_t *object = json_object();
    double it_jobs_w = 0;

    for (int i = 0; i < LIMIT_FEEDERS; i++)
        it_jobs_w += slot->it_jobs_w[i];
    set(object, "start", when(frame->start_ms));
    set_integer(object, "length_ms", frame->length_ms);
    set_number(object, "import_w", slot->import_w);
    set_number(object, "export_w", slot->export_w);
    set_number(object, "pv_w", slot->pv_used_w);
    set_number(object, "wind_w", slot->wind_used_w);
    set_number(object, "charge_w", slot->charge_w);
    set_number(object, "discharge_w", slot->discharge_w);
    set_number(object, "soc_wh", slot->soc_end_wh);
    set_number(object, "it_jobs_w", it_jobs_w);
    set_number(object, "facility_w", slot->facility_w);
    set_number(object, "breach_w", slot->breach_w);
    set_number(object, "price_per_mwh", frame->price_import_per_mwh);
    set_number(object, "carbon_g_per_kwh", frame->carbon_g_per_kwh);
    set_number(object, "marginal_per_mwh", slot->marginal_per_mwh);
    set(object, "battery_reason", text(reason_name(slot->battery_reason)));
    return object;
}

static json_t *render_plan_job(const struct api_core *core, const struct plan_job *job)
{
    json_t *object = json_object(), *runs = json_array();

    for (int i = 0; i < job->run_count; i++) {
        json_t *run = json_object();

        set(run, "start", when(job->runs[i].start_ms));
        set(run, "end", when(job->runs[i].end_ms));
        json_array_append_new(runs, run);
    }
    set_integer(object, "id", job->id);
    set(object, "feeder", feeder_label(core, job->feeder));
    set(object, "runs", runs);
    set(object, "finish", when(job->finish_ms));
    set(object, "late", json_boolean(job->late));
    set(object, "reason", text(reason_name(job->reason)));
    set(object, "reason_text", text(reason_text(job->reason)));
    return object;
}

static json_t *render_costs(const struct plan *plan)
{
    json_t *object = json_object();

    set_number(object, "energy", plan->energy_cost);
    set_number(object, "carbon", plan->carbon_cost);
    set_number(object, "peak", plan->peak_cost);
    set_number(object, "wear", plan->wear_cost);
    set_number(object, "lateness", plan->lateness_cost);
    set_number(object, "breach", plan->breach_cost);
    set_number(object, "delay", plan->delay_cost);
    set_number(object, "churn", plan->churn_cost);
    set_number(object, "end_value", plan->end_value);
    return object;
}

static json_t *render_plan_body(const struct api_core *core, const struct plan *plan)
{
    json_t *object = json_object(), *slots = json_array(), *jobs = json_array();

    for (int32_t i = 0; i < plan->slot_count; i++)
        json_array_append_new(slots, render_slot(&plan->frame[i], &plan->slots[i]));
    for (int32_t i = 0; i < plan->job_count; i++)
        json_array_append_new(jobs, render_plan_job(core, &plan->jobs[i]));
    set_integer(object, "id", plan->id);
    set(object, "issue", when(plan->issue_ms));
    set(object, "expires", when(plan->expires_ms));
    set(object, "status", text(plan_status_name(plan->status)));
    set_number(object, "objective", plan->objective);
    set_number(object, "bound", plan->bound);
    set_number(object, "gap", plan->gap);
    set_number(object, "solve_ms", plan->solve_ms);
    set_number(object, "peak_import_w", plan->peak_import_w);
    set_integer(object, "late_jobs", plan->late_jobs);
    set(object, "costs", render_costs(plan));
    set(object, "slots", slots);
    set(object, "jobs", jobs);
    return object;
}

json_t *render_plan(const struct api_core *core)
{
    const struct plan *plan = core->plan(core->context);
    json_t *reply = json_object();

    set(reply, "ok", json_true());
    set(reply, "now", when(core->snapshot(core->context)->now_ms));
    set(reply, "currency", text(core->currency));
    set(reply, "plan", plan ? render_plan_body(core, plan) : json_null());
    return reply;
}

/* ---- jobs ----------------------------------------------------------------------------------- */

static const struct plan_job *planned(const struct plan *plan, int64_t id)
{
    for (int32_t i = 0; plan && i < plan->job_count; i++) {
        if (plan->jobs[i].id == id)
            return &plan->jobs[i];
    }
    return NULL;
}

/* What the plan has in mind for the job: its present or next stretch. */
static json_t *render_intent(const struct plan_job *job, int64_t now_ms)
{
    json_t *object;
    int64_t next_ms = 0;

    if (!job)
        return json_null();
    for (int i = job->run_count - 1; i >= 0; i--) {
        if (job->runs[i].end_ms > now_ms)
            next_ms = job->runs[i].start_ms;
    }
    object = json_object();
    set(object, "start", when(next_ms));
    set(object, "finish", when(job->finish_ms));
    set(object, "late", json_boolean(job->late));
    set(object, "reason", text(reason_name(job->reason)));
    set(object, "reason_text", text(reason_text(job->reason)));
    return object;
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
    set(object, "reason", text(reason_name(job->reason)));
    set(object, "reason_text", text(reason_text(job->reason)));
    set_number(object, "power_w", job->power_w);
    set_integer(object, "work_ms", job->work_ms);
    set_integer(object, "ran_ms", job_ran_ms(job, now_ms));
    set_integer(object, "remaining_ms", job_remaining_ms(job, now_ms));
    set_integer(object, "min_run_ms", job->min_run_ms);
    set(object, "can_suspend", json_boolean(job->can_suspend));
    set_integer(object, "suspensions", job->suspensions);
    set(object, "feeder", feeder_label(core, job->feeder));
    set(object, "release", when(job->release_ms));
    set(object, "deadline", when(job->deadline_ms));
    set(object, "submitted", when(job->submitted_ms));
    set(object, "started", when(job->started_ms));
    set(object, "ended", when(job->ended_ms));
    set(object, "exit_status", ended ? json_integer(job->exit_status) : json_null());
    set(object, "planned", render_intent(planned(core->plan(core->context), job->id), now_ms));
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
