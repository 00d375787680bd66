/* One page to see how the parts meet: tick() is the live form of what a backtest does in a loop. */
#include "controller/core/daemon.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "controller/base/log.h"
#include "controller/base/utc.h"
#include "controller/core/daemon_private.h"
#include "controller/core/service.h"

enum {
    SAFE_STATE_MS = 2000, /* real time for the last writes at shutdown */
};

/* ---- what drivers deliver ---- */

static void take_sample(void *context, const struct sample *sample)
{
    struct daemon *daemon = context;
    image_apply(&daemon->live, sample);
}

static void take_link(void *context, int32_t device, enum link_state link, enum reason reason)
{
    struct daemon *daemon = context;
    struct device_link *known = &daemon->links[device];
    bool was_up = known->link == LINK_UP, is_up = link == LINK_UP;
    known->link = link;
    known->reason = reason;
    if (was_up == is_up || (!is_up && !known->told_up))
        return;
    known->told_up = is_up;
    struct cycle_event event = {.kind = is_up ? EVENT_DEVICE_FOUND : EVENT_DEVICE_LOST};
    snprintf(event.subject, sizeof event.subject, "%s",
             daemon->config->topology->devices[device].name);
    snprintf(event.text, sizeof event.text, "%s", reason_text(reason));
    daemon_event(daemon, &event);
    cycle_replan(daemon->cycle);
}

/* At shutdown: one of the safe set-points, not an earlier write that was still on its way. */
static bool is_safe_write(const struct daemon *daemon, int32_t point, double value)
{
    for (int i = 0; i < daemon->safe_wanted; i++) {
        const struct command *command = &daemon->output->decisions[i].command;
        if (command->point == point && command->value == value)
            return true;
    }
    return false;
}

static void take_written(void *context, int32_t point, double value, enum reason reason)
{
    struct daemon *daemon = context;
    struct cycle_event event;
    bool news = cycle_written(daemon->cycle, point, value, reason, daemon->now_ms, &event);
    if (news)
        daemon_event(daemon, &event);
    if (news || reason != REASON_WRITE_FAILED) /* what never left is told once, not every tick */
        store_post_write(daemon->store, daemon->now_ms, point, value, reason);
    if (reason == REASON_WRITE_CONFIRMED && is_safe_write(daemon, point, value) &&
        ++daemon->safe_confirmed == daemon->safe_wanted)
        uv_stop(&daemon->loop);
}

void daemon_event(struct daemon *daemon, const struct cycle_event *event)
{
    store_post_event(daemon->store, daemon->now_ms, event);
    enum severity severity = event_severity(event->kind);
    enum log_level level = severity == SEVERITY_ALARM     ? LOG_LEVEL_ERROR
                           : severity == SEVERITY_WARNING ? LOG_LEVEL_WARNING
                                                          : LOG_LEVEL_INFO;
    char now[UTC_TEXT];
    log_line(level, "%s %s %s: %s", utc_format(daemon->now_ms, now), event_name(event->kind),
             event->subject, event->text);
}

/* ---- commands ---- */

static struct device_link *link_of(struct daemon *daemon, int32_t point)
{
    return &daemon->links[daemon->config->topology->points[point].device];
}

static void write_setpoint(struct daemon *daemon, const struct command *command)
{
    struct error error = {""};
    struct driver *driver = link_of(daemon, command->point)->driver;
    if (!driver)
        error_set(&error, ERROR_INVALID, "no driver takes it");
    else if (driver_write(driver, command->point, command->value, &error) == 0)
        return;
    char name[2 * LIMIT_NAME];
    topology_point_name(daemon->config->topology, command->point, name, sizeof name);
    log_warning("set-point %s not written: %s", name, error.text);
    take_written(daemon, command->point, command->value, REASON_WRITE_FAILED);
}

static void execute(struct daemon *daemon, const struct command *command)
{
    if (command->verb == VERB_SETPOINT) {
        write_setpoint(daemon, command);
        return;
    }
    struct error error = {""};
    int result = daemon->batch->verbs->command(daemon->batch, command, daemon->now_ms, &error);
    if (result == 0)
        return;
    struct cycle_event event = {.kind = EVENT_COMMAND_FAILED};
    snprintf(event.subject, sizeof event.subject, "job %lld", (long long)command->job_id);
    snprintf(event.text, sizeof event.text, "%s: %s", verb_name(command->verb),
             result < 0 ? error.text : reason_text((enum reason)result));
    daemon_event(daemon, &event);
}

void daemon_execute(struct daemon *daemon)
{
    const struct tick_output *output = daemon->output;
    for (int i = 0; i < output->decision_count; i++) {
        if (output->decisions[i].command.apply)
            execute(daemon, &output->decisions[i].command);
    }
}

/* ---- jobs ---- */

static void publish(struct daemon *daemon, const struct publication *publication)
{
    if (daemon->mqtt)
        mqtt_publish(daemon->mqtt, publication->topic, publication->payload, publication->qos,
                     publication->retain);
}

void daemon_tell_job(struct daemon *daemon, const struct job *job, enum reason reason,
                     int64_t at_ms)
{
    struct publication publication;
    store_post_job(daemon->store, job, reason, at_ms);
    publish_job(daemon->config->site, daemon->config->topology, job, at_ms, &publication);
    publish(daemon, &publication);
    if (job_state_ended(job->state)) {
        publish_job_clear(daemon->config->site, job->id, &publication);
        publish(daemon, &publication);
    }
}

/* What happened to jobs since the last look; a new set of jobs asks for a new plan. */
static void poll_jobs(struct daemon *daemon)
{
    int count =
        daemon->batch->verbs->poll(daemon->batch, daemon->now_ms, daemon->notes, LIMIT_JOB_NOTES);
    for (int i = 0; i < count; i++) {
        daemon_tell_job(daemon, &daemon->notes[i].job, daemon->notes[i].reason, daemon->now_ms);
        if (job_state_ended(daemon->notes[i].job.state))
            cycle_replan(daemon->cycle);
    }
    struct error trouble;
    while (batch_local_trouble(daemon->batch, &trouble))
        log_warning("jobs: %s", trouble.text);
}

/* ---- the tick ---- */

static void record(struct daemon *daemon)
{
    const struct tick_output *output = daemon->output;
    store_post_tick(daemon->store, daemon->now_ms, output);
    if (daemon->now_ms - daemon->raw_posted_ms >= (int64_t)daemon->config->values.raw_every_ms) {
        store_post_image(daemon->store, &daemon->frozen);
        daemon->raw_posted_ms = daemon->now_ms;
    }
    for (int i = 0; i < output->event_count; i++)
        daemon_event(daemon, &output->events[i]);
    for (int i = 0; i < output->observation_count; i++)
        store_post_history(daemon->store, daemon->now_ms, output->observations[i].series,
                           output->observations[i].step_start_ms, output->observations[i].value);
    store_post_tick_plan(daemon->store, output);
    if (output->hour_count > 0)
        store_post_judgement(daemon->store, daemon->now_ms, cycle_forecaster(daemon->cycle));
}

static void tell(struct daemon *daemon, enum event_kind kind, const char *subject, const char *text)
{
    struct cycle_event event = {.kind = kind};
    snprintf(event.subject, sizeof event.subject, "%s", subject);
    snprintf(event.text, sizeof event.text, "%s", text);
    daemon_event(daemon, &event);
}

static void watch_store(struct daemon *daemon)
{
    struct store_health health;
    store_health(daemon->store, &health);
    if (health.full == daemon->store_full)
        return;
    daemon->store_full = health.full;
    tell(daemon, health.full ? EVENT_STORE_FULL : EVENT_STORE_BACK, "store",
         health.full ? health.last.text : "records are written again");
}

/* A broker that comes back may have forgotten what was published: live jobs are told again. */
static void watch_broker(struct daemon *daemon, const struct mqtt_health *health)
{
    bool up = health->link == LINK_UP;
    if (health->link == LINK_CONNECTING || health->link == daemon->broker_told)
        return;
    daemon->broker_told = health->link;
    tell(daemon, up ? EVENT_BROKER_FOUND : EVENT_BROKER_LOST, daemon->config->mqtt.host,
         up ? "connected" : health->cause.text);
    const struct job *jobs;
    int count = up ? daemon->batch->verbs->jobs(daemon->batch, &jobs) : 0;
    for (int i = 0; i < count; i++) {
        struct publication publication;
        publish_job(daemon->config->site, daemon->config->topology, &jobs[i], daemon->now_ms,
                    &publication);
        if (!job_state_ended(jobs[i].state))
            publish(daemon, &publication);
    }
}

static void watch_bms(struct daemon *daemon, bool silent)
{
    if (silent == daemon->bms_told_silent)
        return;
    daemon->bms_told_silent = silent;
    tell(daemon, silent ? EVENT_BMS_SILENT : EVENT_BMS_FOUND, daemon->config->mqtt.host,
         silent ? "no heartbeat for 30 s: its values count as unknown" : "it is heard again");
}

static void take_message(void *context, const char *topic, const void *payload, size_t length,
                          bool retained)
{
    struct daemon *daemon = context;
    if (daemon->feeds && feeds_message(daemon->feeds, topic, payload, length, retained))
        return;
    if (daemon->onboard)
        onboard_watch_take(daemon->onboard, topic, payload, length, clock_mono_ns() / 1000000);
}

static void watch_metadata(struct daemon *daemon)
{
    if (daemon->onboard && onboard_watch_changed(daemon->onboard, clock_mono_ns() / 1000000))
        tell(daemon, EVENT_METADATA_CHANGED, "mqtt",
             "building management describes other devices: restart to take them in "
             "(tidewatt check --discover shows them)");
}

void daemon_tell_onboarding(struct daemon *daemon, bool renewed, const char *text)
{
    tell(daemon, renewed ? EVENT_ONBOARDED : EVENT_ONBOARDING_FAILED, "mqtt", text);
}

static void watch_mqtt(struct daemon *daemon)
{
    if (!daemon->mqtt)
        return;
    struct mqtt_health health;
    mqtt_health(daemon->mqtt, &health);
    watch_broker(daemon, &health);
    watch_bms(daemon, health.bms_silent);
    watch_metadata(daemon);
    if (health.malformed > daemon->malformed_told) {
        struct error last;
        mqtt_malformed(daemon->mqtt, &last);
        tell(daemon, EVENT_PAYLOAD_MALFORMED, "mqtt", last.text);
    }
    uint64_t dropped = health.samples_dropped + health.publications_dropped;
    if (dropped > daemon->dropped_told)
        tell(daemon, EVENT_QUEUE_OVERFLOW, "mqtt", "values or publications were dropped");
    daemon->malformed_told = health.malformed;
    daemon->dropped_told = dropped;
}

static void run_cycle(struct daemon *daemon)
{
    const struct job *jobs;
    int job_count = daemon->batch->verbs->jobs(daemon->batch, &jobs);
    struct planner_result result = {0};
    bool solved = planner_take(daemon->planner, &result);
    struct tick_input input = {
        .now_ms = daemon->now_ms,
        .image = &daemon->frozen,
        .jobs = jobs,
        .job_count = job_count,
        .arrived = result.plan,
        .arrived_problem = result.plan ? result.problem : NULL,
        .solve_failed = solved && !result.plan,
        .blocks = daemon->blocks,
        .block_count = daemon->block_count,
        .external_limit_w = INFINITY,
    };
    if (input.solve_failed) {
        log_warning("no plan: %s", result.error.text);
        problem_destroy(result.problem);
    }
    cycle_tick(daemon->cycle, &input, daemon->output);
    store_post_blocks(daemon->store, &input, daemon->output);
    if (daemon->output->problem && !planner_submit(daemon->planner, daemon->output->problem))
        problem_destroy(daemon->output->problem);
}

static void tick(struct daemon *daemon)
{
    daemon->now_ms = clock_now_ms(daemon->clock);
    image_freeze(&daemon->frozen, &daemon->live, daemon->now_ms);
    poll_jobs(daemon);
    daemon_gather_blocks(daemon);
    run_cycle(daemon);
    daemon_execute(daemon);
    record(daemon);
    watch_store(daemon);
    watch_mqtt(daemon);
    daemon_watch_feeds(daemon);
    for (int d = 0; d < daemon->driver_count; d++)
        driver_poll(daemon->drivers[d], daemon->now_ms);
    service_alive(daemon->store_full ? "running, the disk is full" : "running");
}

static void on_timer(uv_timer_t *timer);

/* Ticks keep to the grid of site time, however long one took. */
static void arm(struct daemon *daemon)
{
    int64_t tick_ms = (int64_t)daemon->config->values.tick_ms;
    int64_t now_ms = clock_now_ms(daemon->clock);
    int64_t wait_ms = utc_floor(now_ms, tick_ms) + tick_ms - now_ms;
    uv_timer_start(&daemon->timer, on_timer, (uint64_t)clock_real_ms(daemon->clock, wait_ms), 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    tick(daemon);
    arm(daemon);
}

/* ---- shutdown ---- */

static void on_safe_state_written(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct daemon *daemon = handle->data;
    if (daemon->stopping) {
        uv_stop(handle->loop);
        return;
    }
    daemon->stopping = true;
    service_stopping();
    log_info("%s: bringing the plant into its safe state",
             number == SIGTERM ? "SIGTERM" : "SIGINT");
    daemon->now_ms = clock_now_ms(daemon->clock);
    struct tick_output *output = daemon->output;
    tick_output_clear(output);
    for (int s = 0; s < SUBSYSTEMS; s++)
        output->decision_count +=
            cycle_release(daemon->cycle, (enum subsystem)s, REASON_SHUTDOWN, "tidewattd",
                          daemon->now_ms, &output->decisions[output->decision_count]);
    daemon->safe_wanted = output->decision_count;
    daemon_execute(daemon);
    store_post_tick(daemon->store, daemon->now_ms, output);
    uv_timer_start(&daemon->timer, on_safe_state_written,
                   output->decision_count > 0 ? SAFE_STATE_MS : 1, 0);
}

void daemon_run(struct daemon *daemon)
{
    uv_signal_start(&daemon->terminate, on_signal, SIGTERM);
    uv_signal_start(&daemon->interrupt, on_signal, SIGINT);
    for (int d = 0; d < daemon->driver_count; d++)
        driver_poll(daemon->drivers[d], daemon->now_ms);
    arm(daemon);
    service_ready();
    uv_run(&daemon->loop, UV_RUN_DEFAULT);
    daemon->now_ms = clock_now_ms(daemon->clock);
    char text[128];
    snprintf(text, sizeof text, "%d of %d safe set-points confirmed, jobs left as they are",
             daemon->safe_confirmed, daemon->safe_wanted);
    tell(daemon, EVENT_STOPPED, "tidewattd", text);
}

/* ---- creation ---- */

/* What jobs may take by the batch system's own policy, beside the reserve for other load. */
static void fill_limits(const struct config *config, struct batch_local_config *local)
{
    const struct topology *topology = config->topology;
    double groups_w[LIMIT_FEEDERS] = {0};
    for (int f = 0; f < topology->feeder_count; f++)
        local->feeder_limit_w[f] =
            fmax(topology->feeders[f].limit_w - config->values.base_reserve_w, 0);
    for (int g = 0; g < topology->group_count; g++)
        groups_w[topology->groups[g].feeder] += topology->groups[g].limit_w;
    for (int g = 0; g < topology->group_count; g++) {
        struct rack_group *group = &local->groups[g];
        *group = topology->groups[g];
        double share = group->limit_w / groups_w[group->feeder];
        group->limit_w = fmax(group->limit_w - config->values.base_reserve_w * share, 0);
    }
    local->feeder_count = topology->feeder_count;
    local->group_count = topology->group_count;
    memcpy(local->accelerators, topology->accelerators, sizeof local->accelerators);
    local->accelerator_count = topology->accelerator_count;
}

static int open_batch(struct daemon *daemon, struct error *error)
{
    const struct config *config = daemon->config;
    struct batch_local_config local = {.speed = daemon->clock->speed};
    snprintf(local.spool, sizeof local.spool, "%s", config->spool_path);
    snprintf(local.jobexec, sizeof local.jobexec, "%s", config->supervisor_path);
    fill_limits(config, &local);
    if (batch_local_create(&local, &daemon->batch, error) < 0)
        return error_prefix(error, ERROR_SYSTEM, "jobs");
    return 0;
}

static int open_mqtt(struct daemon *daemon, const struct driver_sink *sink, struct error *error)
{
    const struct config *config = daemon->config;
    const struct mqtt_listener listener = {take_message, daemon};
    if (config->values.onboard_ms > 0 && onboard_watch_create(config, &daemon->onboard, error) < 0)
        return ERROR_SYSTEM;
    if (mqtt_create(&daemon->loop, daemon->clock, config->topology, &config->mqtt,
                    config->mqtt_points, config->mqtt_point_count, sink, &daemon->mqtt, error) < 0)
        return ERROR_SYSTEM;
    if (daemon->onboard || daemon->feeds)
        mqtt_listen(daemon->mqtt, &listener);
    for (int p = 0; p < config->mqtt_point_count; p++)
        link_of(daemon, config->mqtt_points[p].point)->driver = daemon->mqtt;
    daemon->drivers[daemon->driver_count++] = daemon->mqtt;
    return 0;
}

static int open_drivers(struct daemon *daemon, struct error *error)
{
    const struct config *config = daemon->config;
    const struct driver_sink sink = {take_sample, take_link, take_written, daemon};
    if (config->modbus_count > 0) {
        if (modbus_master_create(&daemon->loop, daemon->clock, config->topology,
                                 config->modbus_wires, config->wire_count, config->modbus_devices,
                                 config->modbus_count, &sink,
                                 &daemon->drivers[daemon->driver_count], error) < 0)
            return error_prefix(error, ERROR_SYSTEM, "modbus");
        for (int m = 0; m < config->modbus_count; m++)
            daemon->links[config->modbus_devices[m].device].driver =
                daemon->drivers[daemon->driver_count];
        daemon->driver_count++;
    }
    return *config->mqtt.host ? open_mqtt(daemon, &sink, error) : 0;
}

static int open_store(struct daemon *daemon, struct error *error)
{
    const struct config *config = daemon->config;
    struct store_config store = {
        .raw_keep_ms = (int64_t)config->values.raw_keep_ms,
        .minute_keep_ms = (int64_t)config->values.minute_keep_ms,
        .quarter_keep_ms = (int64_t)config->values.quarter_keep_ms,
    };
    snprintf(store.path, sizeof store.path, "%s", config->store_path);
    snprintf(store.site, sizeof store.site, "%s", config->site);
    snprintf(store.currency, sizeof store.currency, "%s", config->currency);
    snprintf(store.version, sizeof store.version, "%s", TIDEWATT_VERSION);
    return store_open(&store, config->topology, &daemon->store, error);
}

static void open_loop(struct daemon *daemon)
{
    uv_loop_init(&daemon->loop);
    uv_timer_init(&daemon->loop, &daemon->timer);
    uv_signal_init(&daemon->loop, &daemon->terminate);
    uv_signal_init(&daemon->loop, &daemon->interrupt);
    daemon->timer.data = daemon->terminate.data = daemon->interrupt.data = daemon;
    daemon->loop_open = true;
}

static int open_all(struct daemon *daemon, struct error *error)
{
    const struct config *config = daemon->config;
    struct cycle_config cycle_config;
    configuration_cycle(config, &cycle_config);
    open_loop(daemon);
    if (image_init(&daemon->live, config->topology, error) < 0 ||
        image_init(&daemon->frozen, config->topology, error) < 0 || open_store(daemon, error) < 0)
        return ERROR_SYSTEM;
    daemon->cycle = cycle_create(&cycle_config, error);
    daemon->planner = planner_create(LIMIT_PLAN_MS, error);
    if (!daemon->cycle || !daemon->planner || open_batch(daemon, error) < 0)
        return ERROR_SYSTEM;
    if (daemon_recover(daemon, error) < 0 || daemon_open_feeds(daemon, error) < 0 ||
        open_drivers(daemon, error) < 0)
        return ERROR_SYSTEM;
    return daemon_open_interface(daemon, error);
}

int daemon_create(const struct config *config, const struct clock *clock,
                  struct daemon **ret_daemon, struct error *error)
{
    struct daemon *daemon = calloc(1, sizeof *daemon);
    if (daemon) {
        daemon->config = config;
        daemon->clock = clock;
        daemon->now_ms = clock_now_ms(clock);
        daemon->broker_told = LINK_CONNECTING; /* neither is news yet */
        daemon->output = calloc(1, sizeof *daemon->output);
        daemon->notes = calloc(LIMIT_JOB_NOTES, sizeof *daemon->notes);
        daemon->links = calloc((size_t)config->topology->device_count + 1, sizeof *daemon->links);
    }
    if (!daemon || !daemon->output || !daemon->notes || !daemon->links) {
        daemon_destroy(daemon);
        return error_set(error, ERROR_SYSTEM, "out of memory");
    }
    int result = open_all(daemon, error);
    if (result < 0) {
        daemon_destroy(daemon);
        return result;
    }
    *ret_daemon = daemon;
    return 0;
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void close_loop(struct daemon *daemon)
{
    if (!daemon->loop_open)
        return;
    uv_walk(&daemon->loop, close_handle, NULL);
    uv_run(&daemon->loop, UV_RUN_DEFAULT);
    uv_loop_close(&daemon->loop);
}

void daemon_destroy(struct daemon *daemon)
{
    if (!daemon)
        return;
    if (daemon->server)
        api_server_destroy(daemon->server);
    for (int d = 0; d < daemon->driver_count; d++)
        driver_destroy(daemon->drivers[d]);
    onboard_watch_destroy(daemon->onboard);
    if (daemon->batch)
        daemon->batch->verbs->destroy(daemon->batch);
    planner_destroy(daemon->planner);
    store_close(daemon->store);
    daemon_close_feeds(daemon); /* last: a file on a server that is gone may hold its thread up */
    cycle_destroy(daemon->cycle);
    image_finish(&daemon->live);
    image_finish(&daemon->frozen);
    close_loop(daemon);
    free(daemon->output);
    free(daemon->notes);
    free(daemon->links);
    free(daemon);
}
