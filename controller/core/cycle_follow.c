/* What the plan's slot of this second means for jobs, battery and cold store; and what holds
 * without a plan. The guard has the last word. */
#include "controller/core/cycle_private.h"

#include <math.h>
#include <stdio.h>

#include "controller/act/dispatch.h"
#include "controller/act/fallback.h"

/* ---- jobs ---- */

static struct command *add_job(struct commands *commands, const struct job *job, enum verb verb,
                               enum reason reason)
{
    struct command *command = cycle_add(commands, SUBSYSTEM_JOBS, verb, reason);
    if (!command)
        return NULL;
    command->job_id = job->id;
    command->group = job->group;
    command->feeder = job->feeder;
    command->level = job->level;
    return command;
}

/* Does the plan run the job again after this time? A job that outlives its planned end is not
 * suspended: it is about to finish. */
static bool runs_later(const struct plan_job *planned, int64_t now_ms)
{
    return planned->run_count > 0 && planned->runs[planned->run_count - 1].end_ms > now_ms;
}

/* A start that failed is not repeated every tick. */
static bool start_is_due(const struct job *job, int64_t now_ms)
{
    return job->reason != REASON_START_FAILED || now_ms - job->state_ms >= MINUTE_MS;
}

static void start_job(const struct cycle *cycle, const struct job *job,
                      const struct plan_job *planned, int32_t level, enum reason reason,
                      struct commands *commands)
{
    const struct topology *topology = cycle->config.topology;
    struct command *command = add_job(commands, job, VERB_JOB_START, reason);
    if (!command || planned->group < 0 || planned->group >= topology->group_count)
        return;
    command->group = planned->group;
    command->feeder = topology->groups[planned->group].feeder;
    command->level = level;
}

/* So does a level command that failed. */
static bool level_is_due(const struct job *job, int32_t level, int64_t now_ms)
{
    return job->state == JOB_RUNNING && job->level_asked == job->level && level != job->level &&
           (job->level_ms == 0 || now_ms - job->level_ms >= MINUTE_MS);
}

static void plan_job_command(const struct cycle *cycle, const struct job *job,
                             const struct plan_job *planned, int64_t now_ms,
                             struct commands *commands)
{
    const struct plan_run *run = plan_run_at(planned, now_ms);
    enum reason reason = plan_reason_at(cycle->plan, planned, now_ms);
    int32_t level = run ? job_valid_level(job, run->level) : 0;
    struct command *command = NULL;
    if (run && job->state == JOB_QUEUED && start_is_due(job, now_ms))
        start_job(cycle, job, planned, level, reason, commands);
    else if (run && job->state == JOB_SUSPENDED && start_is_due(job, now_ms))
        command = add_job(commands, job, VERB_JOB_RESUME, reason);
    else if (run && level_is_due(job, level, now_ms))
        command = add_job(commands, job, VERB_JOB_LEVEL, reason);
    else if (!run && job->state == JOB_RUNNING && job->can_suspend && runs_later(planned, now_ms))
        add_job(commands, job, VERB_JOB_SUSPEND, reason);
    if (command)
        command->level = level;
}

static void plan_jobs(const struct cycle *cycle, const struct tick_input *input,
                      struct commands *commands)
{
    int32_t cursor = 0;
    for (int j = 0; j < input->job_count; j++) {
        const struct job *job = &input->jobs[j];
        if (job_state_ended(job->state))
            continue;
        const struct plan_job *planned = plan_find_job(cycle->plan, job->id, &cursor);
        if (planned) /* else it is newer: the next plan, already asked for, decides */
            plan_job_command(cycle, job, planned, input->now_ms, commands);
    }
}

/* ---- battery and cold store ---- */

/* What import is shaved to. A contracted capacity holds in every second, by as much as corrections
 * leave undone, unless the plan found that the battery's energy does not last (or that the month
 * has paid for more already) and means to exceed it in this slot. `slot` NULL: there is no plan. */
static double shaving_target(const struct cycle *cycle, const struct plan_slot *slot)
{
    static const double ROUNDING_W = 1;
    const struct cycle_config *config = &cycle->config;
    if (config->threshold_w > 0)
        return slot && slot->import_w > config->threshold_w + ROUNDING_W
                   ? slot->import_w
                   : config->threshold_w - config->guard.battery_deadband_w;
    if (!slot || config->prices.peak_per_kw <= 0)
        return INFINITY;
    return fmax(cycle->plan->sites[0].peak_import_w, cycle->peak_w);
}

static void dispatch(const struct cycle *cycle, const struct tick_input *input,
                     struct dispatch_input *wish, const char *asker, struct commands *commands)
{
    enum reason reason;
    wish->net_w = cycle_role_power(cycle, input->image, ROLE_UTILITY);
    wish->battery_w = cycle_device_value(input->image, cycle->config.battery_device, POINT_POWER);
    double value_w = dispatch_battery(wish, &reason);
    int before = commands->count;
    cycle_add_setpoint(commands, SUBSYSTEM_BATTERY, cycle->battery_set, value_w, reason);
    if (commands->count > before)
        snprintf(commands->list[before].asker, sizeof commands->list[before].asker, "%s", asker);
}

static void plan_battery(const struct cycle *cycle, const struct tick_input *input,
                         struct commands *commands)
{
    const struct plan_slot *slot = plan_slot_at(cycle->plan, 0, input->now_ms);
    if (cycle->battery_set < 0 || !slot)
        return;
    struct dispatch_input wish = {
        .planned_w = slot->discharge_w - slot->charge_w,
        .planned_export_w = slot->export_w,
        .peak_w = shaving_target(cycle, slot),
        /* A plan without a battery: its charge was unknown. */
        .planned_reason =
            slot->battery_reason == REASON_NONE ? REASON_FAIL_SAFE_STALE : slot->battery_reason,
    };
    dispatch(cycle, input, &wish, "planner", commands);
}

static void plan_tank(const struct cycle *cycle, const struct tick_input *input,
                      struct commands *commands)
{
    const struct plan_slot *slot = plan_slot_at(cycle->plan, 0, input->now_ms);
    if (cycle->tank_set < 0 || !slot)
        return;
    cycle_add_setpoint(
        commands, SUBSYSTEM_COOLING, cycle->tank_set, slot->tank_discharge_w - slot->tank_charge_w,
        slot->tank_reason == REASON_NONE ? REASON_FAIL_SAFE_STALE : slot->tank_reason);
}

void cycle_follow_plan(struct cycle *cycle, const struct tick_input *input,
                       struct commands *commands)
{
    plan_battery(cycle, input, commands);
    plan_tank(cycle, input, commands);
    plan_jobs(cycle, input, commands);
}

/* ---- without a plan ---- */

/* The battery idles but for the contracted capacity: surplus is left alone. */
static void hold_threshold(const struct cycle *cycle, const struct tick_input *input,
                           struct commands *commands)
{
    struct dispatch_input wish = {
        .planned_export_w = INFINITY,
        .peak_w = shaving_target(cycle, NULL),
        .planned_reason = REASON_FALLBACK_POLICY,
    };
    dispatch(cycle, input, &wish, "fallback", commands);
}

void cycle_follow_fallback(const struct cycle *cycle, const struct tick_input *input,
                           struct commands *commands)
{
    const struct topology *topology = cycle->config.topology;
    bool shaves = cycle->battery_set >= 0 && cycle->config.threshold_w > 0;
    const struct fallback_input state = {
        .jobs = input->jobs,
        .job_count = input->job_count,
        .feeder_count = topology->feeder_count,
        .feeder_limit_w = cycle->config.guard.feeder_limit_w,
        .feeder_load_w = cycle->loads.feeder_w,
        .group_count = topology->group_count,
        .groups = topology->groups,
        .group_load_w = cycle->loads.group_w,
        .battery_set = shaves ? -1 : cycle->battery_set,
        .tank_set = cycle->tank_set,
        .now_ms = input->now_ms,
        .lead_ms = cycle->config.plan_every_ms,
    };
    if (shaves)
        hold_threshold(cycle, input, commands);
    commands->count += fallback_commands(&state, &commands->list[commands->count],
                                         LIMIT_COMMANDS - commands->count);
}
