/* Rendering of status and points for the local interface; see api_render.h. */
#include "controller/serve/api_render.h"

#include <stdlib.h>

#include "controller/serve/api_leaf.h"

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

/* NULL where there is no tank, or nothing is known of it. */
static json_t *render_tank(const struct snapshot *now)
{
    json_t *object;

    if (!isfinite(now->tank_soc_pct) && !isfinite(now->tank_heat_w))
        return json_null();
    object = json_object();
    set_number(object, "soc_pct", now->tank_soc_pct);
    set_number(object, "heat_w", now->tank_heat_w);
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
    set_reason(object, device->reason);
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

static json_t *age(int64_t now_ms, int64_t at_ms)
{
    return at_ms > 0 ? json_integer(now_ms - at_ms) : json_null();
}

static json_t *render_feed(const struct api_feed *feed, int64_t now_ms)
{
    json_t *object = json_object();
    set(object, "name", text(feed->name));
    set(object, "way", text(feed->way));
    set(object, "alive", json_boolean(feed->alive));
    set(object, "reason", text(reason_name(feed->reason)));
    set(object, "cause", text_or_null(feed->cause));
    set(object, "issue_age_ms", age(now_ms, feed->issue_ms));
    set(object, "news_age_ms", age(now_ms, feed->news_ms));
    set_integer(object, "documents", (int64_t)feed->documents);
    set_integer(object, "malformed", (int64_t)feed->malformed);
    set_integer(object, "dropped", (int64_t)feed->dropped);
    return object;
}

static json_t *render_feeds(const struct api_core *core, int64_t now_ms)
{
    struct api_feed feeds[LIMIT_FEEDS];
    json_t *array = json_array();
    int count = core->feeds ? core->feeds(core->context, feeds, LIMIT_FEEDS) : 0;
    for (int i = 0; i < count; i++)
        json_array_append_new(array, render_feed(&feeds[i], now_ms));
    return array;
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
    set_number(status, "threshold_w", now->threshold_w);
    set(status, "tank", render_tank(now));
    set(status, "fail_safe", json_boolean(now->fail_safe));
    set(status, "pue", render_pues(now));
    set(status, "plan", render_plan_head(now));
    set(status, "devices", render_devices(core));
    set(status, "store", render_store(&totals));
    set(status, "broker", render_broker(&totals));
    set(status, "feeds", render_feeds(core, now->now_ms));
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

static json_t *render_point(const struct api_point *point, int64_t now_ms)
{
    json_t *object = json_object();

    set(object, "name", text(point->name));
    set(object, "value", number(point->value));
    set(object, "unit", text(point->unit));
    set(object, "quality", text(quality_name(point->quality)));
    set_reason(object, point->reason);
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
