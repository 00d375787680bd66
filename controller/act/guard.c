/* One tick of the guard: which import limit is in force, then jobs, battery, shedding, cooling.
 * Jobs are judged before the battery so that its charging leaves room for what starts now. */
#include "controller/act/guard_private.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const int64_t first_elapsed_ms = 1000;

void guard_init(struct guard *guard, const struct guard_config *config,
                const struct guard_inputs *inputs)
{
    assert(config->feeder_count >= 0 && config->feeder_count <= LIMIT_FEEDERS);
    assert(config->group_count >= 0 && config->group_count <= LIMIT_GROUPS);
    memset(guard, 0, sizeof(*guard));
    guard->config = *config;
    guard->inputs = *inputs;
    guard->import_limit_w = fmin(config->import_limit_w, config->import_fail_safe_w);
    for (int i = 0; i < SUBSYSTEMS; i++)
        guard->acts[i] = true;
    guard->known_charge_max_w = INFINITY;
    guard->known_discharge_max_w = INFINITY;
    guard->revert_seen_s = (double)NAN;
    setpoint_init(&guard->battery);
    setpoint_init(&guard->revert);
    setpoint_init(&guard->supply);
    setpoint_init(&guard->tank);
}

static struct guard_setpoint *find_setpoint(struct guard *guard, int32_t point)
{
    if (point < 0)
        return NULL;
    return point == guard->inputs.battery_set      ? &guard->battery
           : point == guard->inputs.battery_revert ? &guard->revert
           : point == guard->inputs.supply_set     ? &guard->supply
           : point == guard->inputs.tank_set       ? &guard->tank
                                                   : NULL;
}

void guard_resume_writes(struct guard *guard, int32_t point, int64_t count)
{
    struct guard_setpoint *setpoint = find_setpoint(guard, point);
    if (setpoint)
        setpoint->life_writes = (double)count;
}

void guard_written(struct guard *guard, int32_t point, enum reason outcome)
{
    struct guard_setpoint *setpoint = find_setpoint(guard, point);
    if (setpoint)
        setpoint_answered(setpoint, &guard->config, outcome, guard->last_ms);
    if (setpoint == &guard->revert && outcome == REASON_WRITE_FAILED)
        guard->revert_due_ms = 0; /* nothing was tried: the next set-point needs it as well */
    if (setpoint == &guard->revert && outcome == REASON_WRITE_CONFIRMED)
        guard->revert.failures = 0; /* it may not be readable later */
}

double guard_value(const struct image *image, int32_t point)
{
    double value;
    return image_value(image, point, &value) ? value : (double)NAN;
}

void guard_event(struct guard_tick *tick, enum event_kind kind, int32_t branch, int32_t point,
                 double value, double limit)
{
    assert(tick->event_count < GUARD_EVENTS);
    tick->events[tick->event_count++] = (struct guard_event){
        .kind = kind, .branch = branch, .value = value, .limit = limit, .point = point};
}

void guard_watch(struct guard_tick *tick, bool *breached, bool now, int32_t branch, int32_t point,
                 double value, double limit)
{
    if (*breached == now)
        return;
    *breached = now;
    guard_event(tick, now ? EVENT_LIMIT_BREACHED : EVENT_LIMIT_RESTORED, branch, point, value,
                limit);
}

struct command *guard_add(struct guard_tick *tick, enum subsystem subsystem, enum verb verb)
{
    if (tick->count >= tick->room)
        return NULL;
    struct command *command = &tick->commands[tick->count++];
    memset(command, 0, sizeof(*command));
    command->subsystem = subsystem;
    command->verb = verb;
    command->feeder = command->group = -1;
    command->point = -1;
    command->apply = tick->guard->acts[subsystem];
    snprintf(command->asker, sizeof(command->asker), "guard");
    return command;
}

static enum reason judge_inputs(const struct guard_tick *tick)
{
    if (isnan(tick->external_limit_w))
        return REASON_FAIL_SAFE_GRID_SILENT;
    if (isnan(tick->import_w))
        return REASON_FAIL_SAFE_STALE;
    return REASON_NONE;
}

/* An external limit that is known holds beside the fail-safe one: unknown never loosens. */
static void find_limit(struct guard_tick *tick)
{
    struct guard *guard = tick->guard;
    double limit_w = fmin(guard->config.import_limit_w, tick->external_limit_w); /* NAN: ignored */
    tick->fail_safe_reason = judge_inputs(tick);
    bool fail_safe = tick->fail_safe_reason != REASON_NONE;
    if (fail_safe)
        limit_w = fmin(limit_w, guard->config.import_fail_safe_w);
    guard->import_limit_w = limit_w;
    if (fail_safe == guard->fail_safe)
        return;
    guard->fail_safe = fail_safe;
    bool grid = isnan(tick->external_limit_w);
    guard_event(tick, fail_safe ? EVENT_FAIL_SAFE_ENTERED : EVENT_FAIL_SAFE_LEFT, -1,
                grid ? -1 : guard->inputs.utility_power, tick->import_w, limit_w);
}

static void watch_import(struct guard_tick *tick)
{
    struct guard *guard = tick->guard;
    if (isnan(tick->import_w))
        return; /* not known to be kept again */
    bool over = tick->import_w > guard->import_limit_w;
    if (over && !guard->breached)
        guard->breached_ms = tick->now_ms;
    guard_watch(tick, &guard->breached, over, -1, guard->inputs.utility_power, tick->import_w,
                guard->import_limit_w);
}

/* A set-point that could move the plant and that no limit here covers is not let through. */
static void withhold_unguarded(struct guard_tick *tick)
{
    for (int i = 0; i < tick->count; i++) {
        struct command *command = &tick->commands[i];
        if (command->verb != VERB_SETPOINT || command->point == tick->guard->inputs.battery_set ||
            command->point == tick->guard->inputs.supply_set ||
            (command->point == tick->guard->inputs.tank_set && command->point >= 0))
            continue;
        command->reason = REASON_LIMIT_RANGE;
        command->apply = false;
    }
}

/* Only with a new reading: an old one that still counts knows nothing of what changed since. */
static void note_known(struct guard_tick *tick)
{
    struct guard *guard = tick->guard;
    if (isnan(tick->import_w))
        return;
    int64_t read_ms = image_sample(tick->image, guard->inputs.utility_power)->source_ms;
    tick->new_reading = read_ms != guard->known_ms;
    if (!tick->new_reading)
        return;
    guard->known_ms = read_ms;
    guard->known_import_w = tick->import_w;
    guard->known_battery_w = tick->battery_w;
}

static void read_inputs(struct guard_tick *tick)
{
    const struct guard_inputs *inputs = &tick->guard->inputs;
    tick->import_w = guard_value(tick->image, inputs->utility_power);
    tick->battery_w = guard_value(tick->image, inputs->battery_power);
    tick->soc_pct = guard_value(tick->image, inputs->battery_soc);
    note_known(tick);
    tick->meter_ms = tick->guard->known_ms;
}

static int64_t elapsed_since_last(struct guard *guard, int64_t now_ms)
{
    int64_t elapsed_ms = guard->started ? now_ms - guard->last_ms : first_elapsed_ms;
    guard->started = true;
    guard->last_ms = now_ms;
    return elapsed_ms > 0 ? elapsed_ms : 0;
}

int guard_apply(struct guard *guard, const struct image *image, int64_t now_ms,
                double external_limit_w, const struct job *jobs, int job_count,
                const double *feeder_load_w, const double *group_load_w, struct command *commands,
                int count, int room, struct guard_event *ret_events, int *ret_event_count)
{
    struct guard_tick tick = {
        .guard = guard,
        .image = image,
        .now_ms = now_ms,
        .elapsed_ms = elapsed_since_last(guard, now_ms),
        .external_limit_w = external_limit_w,
        .jobs = jobs,
        .job_count = job_count,
        .feeder_load_w = feeder_load_w,
        .group_load_w = group_load_w,
        .commands = commands,
        .count = count,
        .room = room,
        .events = ret_events,
    };
    read_inputs(&tick);
    find_limit(&tick);
    watch_import(&tick);
    withhold_unguarded(&tick);
    guard_jobs(&tick);
    guard_battery(&tick);
    guard_shed(&tick);
    if (guard->inputs.supply_set >= 0 || guard->inputs.tank_set >= 0)
        guard_watch_inlet(&tick);
    guard_cooling(&tick);
    guard_tank(&tick);
    *ret_event_count = tick.event_count;
    return tick.count;
}
