/* From the plan to commands, through the guard, to decisions. Nothing here talks to a device. */
#include "controller/core/cycle_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "controller/act/cooling.h"

static int32_t device_point(const struct cycle *cycle, int32_t device, enum point_kind kind)
{
    return device < 0 ? -1 : topology_find_point(cycle->config.topology, device, kind);
}

/* A group that may carry all that its feeder does has no limit of its own. */
static void fill_groups(const struct cycle *cycle, struct guard_config *guard)
{
    const struct topology *topology = cycle->config.topology;
    guard->group_count = topology->group_count;
    for (int g = 0; g < topology->group_count; g++) {
        const struct rack_group *group = &topology->groups[g];
        bool own = group->limit_w < topology->feeders[group->feeder].limit_w;
        guard->group_limit_w[g] = own ? group->limit_w : INFINITY;
        guard->group_metered[g] = cycle->group_metered[g];
        memcpy(guard->group_accelerators[g], group->accelerators, sizeof group->accelerators);
    }
}

void cycle_act_init(struct cycle *cycle)
{
    const struct cycle_config *config = &cycle->config;
    int32_t battery = config->battery_device;
    int32_t utility = topology_next(config->topology, ROLE_UTILITY, 0);
    const struct guard_inputs inputs = {
        .utility_power = device_point(cycle, utility, POINT_POWER),
        .battery_power = device_point(cycle, battery, POINT_POWER),
        .battery_soc = device_point(cycle, battery, POINT_SOC),
        .battery_charge_max = device_point(cycle, battery, POINT_POWER_CHARGE_MAX),
        .battery_discharge_max = device_point(cycle, battery, POINT_POWER_DISCHARGE_MAX),
        .battery_set = device_point(cycle, battery, POINT_POWER_SET),
        .battery_revert = device_point(cycle, battery, POINT_POWER_SET_REVERT),
        .supply_set = device_point(cycle, config->chiller_device, POINT_TEMP_SUPPLY_SET),
        .inlet_temp = device_point(cycle, config->inlet_device, POINT_TEMP_INLET),
        .tank_soc = device_point(cycle, config->tank_device, POINT_SOC),
        .tank_set = device_point(cycle, config->tank_device, POINT_POWER_COOLING_SET),
    };
    struct guard_config guard = config->guard;
    fill_groups(cycle, &guard);
    guard_init(&cycle->guard, &guard, &inputs);
    cycle->battery_set = inputs.battery_set;
    cycle->supply_set = inputs.supply_set;
    cycle->tank_set = inputs.tank_set;
}

struct command *cycle_add(struct commands *commands, enum subsystem subsystem, enum verb verb,
                          enum reason reason)
{
    if (commands->count == LIMIT_COMMANDS)
        return NULL;
    struct command *command = &commands->list[commands->count++];
    *command = (struct command){.subsystem = subsystem,
                                .verb = verb,
                                .feeder = -1,
                                .group = -1,
                                .point = -1,
                                .reason = reason,
                                .asker = "planner",
                                .apply = true};
    return command;
}

void cycle_add_setpoint(struct commands *commands, enum subsystem subsystem, int32_t point,
                        double value, enum reason reason)
{
    struct command *command = cycle_add(commands, subsystem, VERB_SETPOINT, reason);
    if (!command)
        return;
    command->point = point;
    command->value = command->wanted = value;
}

/* ---- cooling ---- */

static void find_supply_wish(struct cycle *cycle, const struct tick_input *input)
{
    const struct guard_config *limits = &cycle->config.guard;
    const struct cooling_config config = {
        .inlet_limit_c = limits->inlet_limit_c,
        .margin_k = cycle->config.cooling_margin_k,
        .supply_min_c = limits->supply_min_c,
        .supply_max_c = limits->supply_max_c,
        .step_k = cycle->config.cooling_step_k,
    };
    struct cooling_input state = {NAN, NAN, NAN};
    const struct image *image = input->image;
    image_device_value(image, cycle->config.inlet_device, POINT_TEMP_INLET, &state.inlet_c);
    image_device_value(image, cycle->config.chiller_device, POINT_TEMP_SUPPLY, &state.supply_c);
    image_value(image, cycle->supply_set, &state.set_c);
    cycle->supply_wish_c = cooling_advise(&config, &state, &cycle->supply_reason);
    if (cycle->supply_reason == REASON_UNCHANGED || cycle->supply_reason == REASON_FAIL_SAFE_STALE)
        cycle->supply_wish_c = NAN;
}

/* A wish is found at the hall's slow pace and repeated every tick: the ramp takes several. */
static void advise_cooling(struct cycle *cycle, const struct tick_input *input,
                           struct commands *commands)
{
    if (cycle->supply_set < 0)
        return;
    image_value(input->image, cycle->supply_set, &cycle->supply_in_force_c);
    if (input->now_ms >= cycle->cooling_due_ms) {
        cycle->cooling_due_ms = input->now_ms + cycle->config.cooling_every_ms;
        find_supply_wish(cycle, input);
    }
    if (isfinite(cycle->supply_wish_c))
        cycle_add_setpoint(commands, SUBSYSTEM_COOLING, cycle->supply_set, cycle->supply_wish_c,
                           cycle->supply_reason);
}

/* After a start the inlet temperature gets as long to arrive as it may be old later; only then is
 * it unknown and cooling goes to its fail-safe value. */
static bool inlet_is_awaited(struct cycle *cycle, const struct tick_input *input)
{
    double inlet_c;
    int32_t inlet = cycle->config.inlet_device;
    if (cycle->inlet_seen || inlet < 0)
        return false;
    cycle->inlet_seen = image_device_value(input->image, inlet, POINT_TEMP_INLET, &inlet_c);
    return !cycle->inlet_seen &&
           input->now_ms <
               cycle->first_tick_ms + cycle->config.topology->devices[inlet].stale_after_ms;
}

/* ---- guard and modes ---- */

/* An observed subsystem is left alone altogether; an advised one keeps its commands as advice. */
static void apply_modes(const struct cycle *cycle, struct commands *commands)
{
    int kept = 0;
    for (int i = 0; i < commands->count; i++) {
        struct command *command = &commands->list[i];
        enum mode mode = cycle->config.modes[command->subsystem];
        if (mode == MODE_OBSERVE)
            continue;
        command->apply = command->apply && mode == MODE_CONTROL;
        commands->list[kept++] = *command;
    }
    commands->count = kept;
}

static const char *guard_subject(const struct cycle *cycle, const struct guard_event *event,
                                 char *buffer, int size)
{
    const struct topology *topology = cycle->config.topology;
    if (event->branch >= LIMIT_FEEDERS)
        snprintf(buffer, (size_t)size, "group %s",
                 topology->groups[event->branch - LIMIT_FEEDERS].name);
    else if (event->branch >= 0)
        snprintf(buffer, (size_t)size, "feeder %s", topology->feeders[event->branch].name);
    else if (event->point >= 0)
        topology_point_name(topology, event->point, buffer, size);
    else
        snprintf(buffer, (size_t)size, "grid master");
    return buffer;
}

static bool is_about_setpoint(enum event_kind kind)
{
    return kind == EVENT_SETPOINT_MOVED || kind == EVENT_SETPOINT_YIELDED ||
           kind == EVENT_SETPOINT_RETAKEN;
}

static void tell_guard(const struct cycle *cycle, const struct guard_event *events, int count,
                       struct tick_output *output)
{
    for (int i = 0; i < count; i++) {
        const struct guard_event *event = &events[i];
        char subject[LIMIT_NAME];
        guard_subject(cycle, event, subject, (int)sizeof subject);
        if (event->kind == EVENT_REGISTER_WORN)
            cycle_event(output, event->kind, subject, "%.0f of %.0f writes", event->value,
                        event->limit);
        else if (is_about_setpoint(event->kind))
            cycle_event(output, event->kind, subject, "reads %g, written %g", event->value,
                        event->limit);
        else if (isnan(event->value))
            cycle_event(output, event->kind, subject, "value unknown, limit %.0f", event->limit);
        else
            cycle_event(output, event->kind, subject, "value %.1f, limit %.1f", event->value,
                        event->limit);
    }
}

static void guard_commands(struct cycle *cycle, const struct tick_input *input,
                           struct commands *commands, struct tick_output *output)
{
    for (int s = 0; s < SUBSYSTEMS; s++)
        cycle->guard.acts[s] = cycle->config.modes[s] == MODE_CONTROL;
    if (inlet_is_awaited(cycle, input))
        cycle->guard.acts[SUBSYSTEM_COOLING] = false;
    struct guard_event events[GUARD_EVENTS];
    int event_count = 0;
    commands->count =
        guard_apply(&cycle->guard, input->image, input->now_ms, input->external_limit_w,
                    input->jobs, input->job_count, cycle->loads.feeder_w, cycle->loads.group_w,
                    commands->list, commands->count, LIMIT_COMMANDS, events, &event_count);
    tell_guard(cycle, events, event_count, output);
}

/* ---- decisions ---- */

static double news_step(const struct cycle *cycle, const struct command *command)
{
    static const double SUPPLY_STEP_K = 0.1;
    if (command->subsystem == SUBSYSTEM_BATTERY)
        return cycle->config.guard.battery_deadband_w;
    return command->point == cycle->tank_set ? cycle->config.guard.tank_deadband_w : SUPPLY_STEP_K;
}

/* True when the verdict differs from the last one about the same subject. */
static bool is_news(struct cycle *cycle, const struct command *command)
{
    bool setpoint = command->verb == VERB_SETPOINT;
    int64_t subject = setpoint ? -(int64_t)command->point - 1 : command->job_id;
    enum { ROOM = sizeof cycle->verdicts / sizeof *cycle->verdicts };
    struct verdict *last = &cycle->verdicts[(uint64_t)subject % ROOM];
    const struct verdict now = {.subject = subject,
                                .verb = command->verb,
                                .reason = command->reason,
                                .apply = command->apply,
                                .group = command->group,
                                .level = command->level,
                                .value = command->value};
    bool same = last->subject == now.subject && last->verb == now.verb &&
                last->reason == now.reason && last->apply == now.apply &&
                last->group == now.group && last->level == now.level;
    if (same && (!setpoint || fabs(now.value - last->value) <= news_step(cycle, command)))
        return false;
    *last = now;
    return true;
}

void cycle_decide(struct tick_output *output, const struct cycle *cycle, int64_t now_ms,
                  const struct command *command)
{
    if (output->decision_count == LIMIT_COMMANDS)
        return;
    output->decisions[output->decision_count++] = (struct decision){
        .command = *command,
        .at_ms = now_ms,
        .plan_id = cycle->plan ? cycle->plan->id : 0,
        .mode = cycle->config.modes[command->subsystem],
    };
}

/* What is executed is always recorded; what is withheld or advised, when it changes. */
static void decide(struct cycle *cycle, const struct tick_input *input,
                   const struct commands *commands, struct tick_output *output)
{
    for (int i = 0; i < commands->count; i++) {
        const struct command *command = &commands->list[i];
        bool news = is_news(cycle, command);
        if (command->apply || (news && command->reason != REASON_UNCHANGED))
            cycle_decide(output, cycle, input->now_ms, command);
    }
}

/* After the guard, so that starts it withholds take no other's place. What is left out here is
 * asked for again in the next tick. */
static void limit_starts(struct commands *commands)
{
    int kept = 0, starts = 0;
    for (int i = 0; i < commands->count; i++) {
        const struct command *command = &commands->list[i];
        bool starts_now = command->verb == VERB_JOB_START && command->apply;
        if (!starts_now || ++starts <= LIMIT_STARTS)
            commands->list[kept++] = *command;
    }
    commands->count = kept;
}

void cycle_act(struct cycle *cycle, const struct tick_input *input, struct tick_output *output)
{
    static_assert(sizeof(struct commands) < 65536, "the commands of a tick live on the stack");
    struct commands commands = {.count = 0};
    bool planned = cycle->plan && input->now_ms < cycle->plan->expires_ms;
    if (planned)
        cycle_follow_plan(cycle, input, &commands);
    else
        cycle_follow_fallback(cycle, input, &commands);
    advise_cooling(cycle, input, &commands);
    apply_modes(cycle, &commands);
    guard_commands(cycle, input, &commands, output);
    apply_modes(cycle, &commands); /* what the guard added obeys the modes as well */
    limit_starts(&commands);
    decide(cycle, input, &commands, output);
}

int cycle_release(struct cycle *cycle, enum subsystem subsystem, enum reason reason,
                  const char *asker, int64_t now_ms, struct decision *ret_decisions)
{
    struct commands commands = {.count = 0};
    if (cycle->config.modes[subsystem] != MODE_CONTROL)
        return 0;
    if (subsystem == SUBSYSTEM_BATTERY && cycle->battery_set >= 0)
        cycle_add_setpoint(&commands, subsystem, cycle->battery_set, 0, reason);
    if (subsystem == SUBSYSTEM_COOLING && cycle->supply_set >= 0)
        cycle_add_setpoint(&commands, subsystem, cycle->supply_set,
                           fmin(cycle->config.guard.supply_fail_safe_c, cycle->supply_in_force_c),
                           reason);
    if (subsystem == SUBSYSTEM_COOLING && cycle->tank_set >= 0)
        cycle_add_setpoint(&commands, subsystem, cycle->tank_set, 0, reason);
    for (int i = 0; i < commands.count; i++) {
        struct command *command = &commands.list[i];
        command->value =
            point_write_nearest(&cycle->config.topology->points[command->point], command->value);
        snprintf(command->asker, sizeof command->asker, "%s", asker);
        ret_decisions[i] = (struct decision){.command = *command,
                                             .at_ms = now_ms,
                                             .plan_id = cycle->plan ? cycle->plan->id : 0,
                                             .mode = MODE_CONTROL};
    }
    return commands.count;
}

/* ---- outcomes ---- */

void cycle_resume_writes(struct cycle *cycle, int32_t point, int64_t count)
{
    cycle->notes[point].write.life_writes = count;
    guard_resume_writes(&cycle->guard, point, count);
}

bool cycle_written(struct cycle *cycle, int32_t point, double value, enum reason outcome,
                   int64_t now_ms, struct cycle_event *ret_event)
{
    struct setpoint_note *note = &cycle->notes[point].write;
    enum reason before = note->outcome;
    note->life_writes += outcome != REASON_WRITE_FAILED;
    guard_written(&cycle->guard, point, outcome);
    if (outcome == REASON_WRITE_REPLACED)
        return false; /* how the device does is known with the newer one */
    bool good = outcome == REASON_WRITE_CONFIRMED;
    bool news =
        good ? before != REASON_WRITE_CONFIRMED && before != REASON_NONE : before != outcome;
    note->value = value;
    note->outcome = outcome;
    note->at_ms = now_ms;
    if (!news)
        return false;
    *ret_event = (struct cycle_event){.kind = good ? EVENT_WRITE_BACK : EVENT_WRITE_FAILING};
    topology_point_name(cycle->config.topology, point, ret_event->subject,
                        (int)sizeof ret_event->subject);
    snprintf(ret_event->text, sizeof ret_event->text, "%g: %s", value, reason_text(outcome));
    return true;
}

void cycle_setpoint(const struct cycle *cycle, int32_t point, struct setpoint_note *ret_note)
{
    *ret_note = cycle->notes[point].write;
}
