/* The interface's requests are proposals: each passes the same rules as the planner's, carries
 * the asker into the ledger and is answered with a reason. */
#include "controller/core/daemon_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct snapshot *answer_snapshot(void *context)
{
    struct daemon *daemon = context;
    return cycle_snapshot(daemon->cycle);
}

static const struct plan *answer_plan(void *context)
{
    struct daemon *daemon = context;
    return cycle_plan(daemon->cycle);
}

static int answer_jobs(void *context, const struct job **ret_jobs)
{
    struct daemon *daemon = context;
    return daemon->batch->verbs->jobs(daemon->batch, ret_jobs);
}

static const char *link_name(enum link_state link)
{
    static const char *const names[] = {"down", "connecting", "up"};
    return names[link];
}

/* A point that this device does not have says nothing about its health. */
static void count_verdict(const struct sample *sample, struct api_device *device)
{
    if (sample->reason == REASON_NOT_OFFERED) {
        device->absent_points++;
        return;
    }
    bool good = sample->quality == QUALITY_GOOD || sample->quality == QUALITY_ESTIMATED;
    device->good_points += good;
    device->bad_points += !good;
    if (sample->quality > device->worst) {
        device->worst = sample->quality;
        device->worst_reason = sample->reason;
    }
}

static void describe_device(const struct daemon *daemon, int32_t d, struct api_device *ret_device)
{
    const struct device *device = &daemon->config->topology->devices[d];
    *ret_device = (struct api_device){.points = device->point_count};
    snprintf(ret_device->name, sizeof ret_device->name, "%s", device->name);
    snprintf(ret_device->role, sizeof ret_device->role, "%s", device_role_name(device->role));
    struct device_health health = {.link = daemon->links[d].link,
                                   .reason = daemon->links[d].reason};
    for (int i = 0; i < daemon->driver_count; i++) {
        if (driver_health(daemon->drivers[i], d, &health))
            break;
    }
    snprintf(ret_device->link, sizeof ret_device->link, "%s", link_name(health.link));
    ret_device->reason = health.reason;
    ret_device->round_trip_ms = health.round_trip_ms;
    ret_device->requests = health.requests;
    ret_device->timeouts = health.timeouts;
    ret_device->mismatches = health.mismatches;
    ret_device->worst_reason = REASON_FRESH;
    for (int32_t p = 0; p < device->point_count; p++)
        count_verdict(image_sample(&daemon->frozen, device->first_point + p), ret_device);
}

static int answer_devices(void *context, struct api_device *ret_devices, int most)
{
    struct daemon *daemon = context;
    int count = 0;
    for (int32_t d = 0; d < daemon->config->topology->device_count && count < most; d++)
        describe_device(daemon, d, &ret_devices[count++]);
    return count;
}

static void answer_point(void *context, int32_t p, struct api_point *ret_point)
{
    struct daemon *daemon = context;
    const struct point *point = &daemon->config->topology->points[p];
    const struct sample *sample = image_sample(&daemon->frozen, p);
    struct setpoint_note set;
    struct counter_note counter;
    cycle_setpoint(daemon->cycle, p, &set);
    cycle_counter(daemon->cycle, p, &counter);
    *ret_point =
        (struct api_point){.unit = unit_name(point_kind_unit(point->kind)),
                           .value = NAN,
                           .quality = sample->quality,
                           .reason = sample->reason,
                           .source_ms = sample->source_ms,
                           .receive_ms = sample->receive_ms,
                           .counter_reason = counter.reason,
                           .counter_ms = counter.at_ms,
                           .writable = point_kind_class(point->kind) == POINT_CLASS_SETPOINT,
                           .set_value = set.value,
                           .set_outcome = set.outcome,
                           .set_ms = set.at_ms,
                           .writes = set.life_writes,
                           .lifetime = point->write.lifetime};
    image_value(&daemon->frozen, p, &ret_point->value);
    snprintf(ret_point->name, sizeof ret_point->name, "%s", point_kind_name(point->kind));
}

static void describe_broker(const struct daemon *daemon, struct api_totals *ret_totals)
{
    struct mqtt_health health;
    if (!daemon->mqtt)
        return;
    mqtt_health(daemon->mqtt, &health);
    snprintf(ret_totals->broker_host, sizeof ret_totals->broker_host, "%s",
             daemon->config->mqtt.host);
    snprintf(ret_totals->broker_link, sizeof ret_totals->broker_link, "%s", link_name(health.link));
    snprintf(ret_totals->broker_cause, sizeof ret_totals->broker_cause, "%s", health.cause.text);
    ret_totals->bms_silent = health.bms_silent;
    ret_totals->broker_messages = health.messages;
    ret_totals->broker_malformed = health.malformed;
    ret_totals->broker_dropped =
        health.samples_dropped + health.raw_dropped + health.publications_dropped;
    ret_totals->broker_takeovers = health.takeovers;
    ret_totals->broker_refused = health.subscriptions_refused;
    ret_totals->sparkplug_nodes = health.sparkplug.nodes;
    ret_totals->sparkplug_born = health.sparkplug.born;
    ret_totals->sparkplug_gaps = health.sparkplug.gaps;
    ret_totals->sparkplug_rebirths = health.sparkplug.rebirths;
}

static void answer_totals(void *context, struct api_totals *ret_totals)
{
    struct daemon *daemon = context;
    struct store_health health;
    store_health(daemon->store, &health);
    *ret_totals = (struct api_totals){.store_written = health.written,
                                      .store_refused = health.refused,
                                      .store_waiting = health.waiting,
                                      .store_full = health.full};
    snprintf(ret_totals->store_path, sizeof ret_totals->store_path, "%s",
             daemon->config->store_path);
    snprintf(ret_totals->store_error, sizeof ret_totals->store_error, "%s", health.last.text);
    describe_broker(daemon, ret_totals);
}

static bool has_accelerators(const struct rack_group *group, const struct job_request *request)
{
    int64_t count = 0;
    for (int c = 0; c < LIMIT_ACCELERATORS; c++)
        if (request->accelerator_classes & (UINT32_C(1) << c))
            count += group->accelerators[c];
    return request->accelerator_classes == 0 || count >= request->levels[0].accelerators;
}

static bool fits_a_group(const struct daemon *daemon, const struct job_request *request)
{
    const struct topology *topology = daemon->config->topology;
    for (int g = 0; g < topology->group_count; g++) {
        const struct rack_group *group = &topology->groups[g];
        if (request->power_w <= group->limit_w &&
            request->power_w <= topology->feeders[group->feeder].limit_w &&
            has_accelerators(group, request))
            return true;
    }
    return false;
}

static bool fits_a_feeder(const struct topology *topology, double power_w)
{
    for (int f = 0; f < topology->feeder_count; f++)
        if (power_w <= topology->feeders[f].limit_w)
            return true;
    return false;
}

/* The whole request is too large for every rack group, if not for every feeder. */
static int refuse_large(const struct topology *topology, const struct job_request *request,
                        struct error *error)
{
    char power[32], accelerators[64] = "";
    if (request->accelerator_classes != 0)
        snprintf(accelerators, sizeof accelerators, " with %d accelerators of its classes",
                 request->levels[0].accelerators);
    error_set(error, REASON_TOO_LARGE, "%s%s is more than any %s can carry: split the job",
              quantity_format(request->power_w, DIMENSION_POWER, power, (int)sizeof power),
              accelerators, fits_a_feeder(topology, request->power_w) ? "rack group" : "feeder");
    return REASON_TOO_LARGE;
}

/* At once: a job that waits for days has not changed its state, and nobody else tells of it. */
static void tell_submitted(struct daemon *daemon, int64_t id)
{
    const struct job *jobs;
    int count = daemon->batch->verbs->jobs(daemon->batch, &jobs);
    for (int i = count - 1; i >= 0 && jobs[i].id >= id; i--) {
        if (jobs[i].id == id)
            daemon_tell_job(daemon, &jobs[i], REASON_SUBMITTED, jobs[i].submitted_ms);
    }
}

static int answer_submit(void *context, const struct job_request *request, int64_t *ret_id,
                         struct error *error)
{
    struct daemon *daemon = context;
    if (!fits_a_group(daemon, request))
        return refuse_large(daemon->config->topology, request, error);
    int64_t now_ms = clock_now_ms(daemon->clock);
    int result = daemon->batch->verbs->submit(daemon->batch, request, now_ms, ret_id, error);
    if (result == ERROR_FULL)
        return REASON_FULL;
    if (result == ERROR_INVALID)
        return REASON_INVALID;
    if (result < 0)
        return result;
    tell_submitted(daemon, *ret_id);
    return REASON_ACCEPTED; /* the cycle sees it arrive and finds it a place */
}

/* Requests go into the ledger like the planner's own decisions. */
static void record_request(struct daemon *daemon, const struct command *command)
{
    struct tick_output *output = daemon->output;
    tick_output_clear(output);
    output->decision_count = 1;
    output->decisions[0] = (struct decision){
        .command = *command,
        .at_ms = daemon->now_ms,
        .mode = cycle_snapshot(daemon->cycle)->modes[command->subsystem],
    };
    store_post_tick(daemon->store, daemon->now_ms, output);
}

static int answer_cancel(void *context, int64_t job_id, const char *asker, struct error *error)
{
    struct daemon *daemon = context;
    struct command command = {.subsystem = SUBSYSTEM_JOBS,
                              .verb = VERB_JOB_CANCEL,
                              .job_id = job_id,
                              .feeder = -1,
                              .group = -1,
                              .point = -1,
                              .reason = REASON_OPERATOR,
                              .apply = true};
    snprintf(command.asker, sizeof command.asker, "%s", asker);
    int result =
        daemon->batch->verbs->command(daemon->batch, &command, clock_now_ms(daemon->clock), error);
    if (result != 0)
        return result;
    record_request(daemon, &command);
    cycle_replan(daemon->cycle);
    return REASON_ACCEPTED;
}

/* A set-point must not outlive the control that made it. */
static void let_go(struct daemon *daemon, enum subsystem subsystem, const char *asker)
{
    struct tick_output *output = daemon->output;
    tick_output_clear(output);
    output->decision_count = cycle_release(daemon->cycle, subsystem, REASON_OPERATOR, asker,
                                           daemon->now_ms, output->decisions);
    daemon_execute(daemon);
    store_post_tick(daemon->store, daemon->now_ms, output);
}

static int answer_mode(void *context, enum subsystem subsystem, enum mode mode, const char *asker,
                       struct error *error)
{
    (void)error;
    struct daemon *daemon = context;
    if (mode != MODE_CONTROL)
        let_go(daemon, subsystem, asker);
    cycle_set_mode(daemon->cycle, subsystem, mode);
    if (subsystem == SUBSYSTEM_JOBS)
        daemon->batch->verbs->hold(daemon->batch, mode == MODE_CONTROL);
    store_post_mode(daemon->store, daemon->now_ms, subsystem, mode, asker);
    struct cycle_event event = {.kind = EVENT_MODE_CHANGED};
    snprintf(event.subject, sizeof event.subject, "%s", subsystem_name(subsystem));
    snprintf(event.text, sizeof event.text, "%s, asked for by %s", mode_name(mode), asker);
    daemon_event(daemon, &event);
    return REASON_ACCEPTED;
}

int daemon_open_interface(struct daemon *daemon, struct error *error)
{
    daemon->api = (struct api_core){
        .snapshot = answer_snapshot,
        .plan = answer_plan,
        .jobs = answer_jobs,
        .devices = answer_devices,
        .point = answer_point,
        .feeds = daemon_describe_feeds,
        .totals = answer_totals,
        .submit = answer_submit,
        .cancel = answer_cancel,
        .set_mode = answer_mode,
        .context = daemon,
        .topology = daemon->config->topology,
        .site = daemon->config->site,
        .currency = daemon->config->currency,
        .version = TIDEWATT_VERSION,
        .speed = daemon->clock->speed,
    };
    return api_server_create(&daemon->loop, daemon->config->socket_path,
                             (unsigned)daemon->config->values.socket_mode, &daemon->api,
                             &daemon->server, error);
}
