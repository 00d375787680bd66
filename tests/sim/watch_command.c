/* See watch.h: what may be commanded. */
#include <math.h>

#include "controller/base/utc.h"
#include "tests/sim/watch_private.h"

static const double TOLERANCE_W = 200, SET_TOLERANCE_W = 1, SET_TOLERANCE_K = 0.05;

/* ---- jobs ---- */

static void judge_place(struct sim *sim, const struct job *job, int32_t feeder, int32_t group,
                        double power_w)
{
    struct watch *watch = &sim->watch;
    const struct watch_moment *now = watch_past(watch, 0);
    for (int b = 0; b < watch_branches(sim); b++) {
        if (!watch_on_branch(sim, feeder, group, b))
            continue;
        if (!now->branch_known[b])
            watch_violation(sim, RULE_START, "%s where a meter is silent", job->name);
        watch->branch_starting_w[b] += power_w;
        double load_w = now->branch_w[b] + watch->branch_starting_w[b];
        if (load_w > watch_branch_limit_w(sim, b) + TOLERANCE_W)
            watch_violation(sim, RULE_START, "%s takes branch %d to %.1f of %.1f kW", job->name, b,
                            load_w / 1e3, watch_branch_limit_w(sim, b) / 1e3);
    }
}

/* `power_w`: what it adds. */
static void judge_rise(struct sim *sim, const struct job *job, int32_t feeder, int32_t group,
                       double power_w)
{
    struct watch *watch = &sim->watch;
    const struct watch_moment *now = watch_past(watch, 0);
    if (!now->site_known)
        watch_violation(sim, RULE_START, "%s while the site's meter is silent", job->name);
    if (isnan(faults_grid_limit_w(&sim->faults, sim->now_ms)))
        watch_violation(sim, RULE_START, "%s while the grid's master is silent", job->name);
    watch->starting_w += power_w;
    if (now->net_w + watch->starting_w > now->limit_w + TOLERANCE_W)
        watch_violation(sim, RULE_START, "%s takes the import from %.1f to %.1f of %.1f kW",
                        job->name, now->net_w / 1e3, (now->net_w + watch->starting_w) / 1e3,
                        now->limit_w / 1e3);
    judge_place(sim, job, feeder, group, power_w);
}

static void judge_job(struct sim *sim, const struct command *command)
{
    const struct job *job = batch_find(&sim->batch, command->job_id);
    if (!job) {
        watch_violation(sim, RULE_START, "job %lld is not known", (long long)command->job_id);
        return;
    }
    double power_w = job_level_power_w(job, command->level);
    if (command->verb == VERB_JOB_START) {
        if (job->state != JOB_QUEUED || job->release_ms > sim->now_ms)
            watch_violation(sim, RULE_START, "%s is %s, released at %.2f h", job->name,
                            job_state_name(job->state),
                            (double)(job->release_ms - sim->setup.start_ms) / HOUR_MS);
        judge_rise(sim, job, command->feeder, batch_group(sim->config->topology, command), power_w);
    } else if (command->verb == VERB_JOB_RESUME) {
        judge_rise(sim, job, job->feeder, job->group, power_w);
    } else if (command->verb == VERB_JOB_LEVEL && power_w > job_power_w(job)) {
        judge_rise(sim, job, job->feeder, job->group, power_w - job_power_w(job));
    } else if (command->verb == VERB_JOB_SUSPEND &&
               (job->job_class <= JOB_GUARANTEED || !job->can_suspend)) {
        watch_violation(sim, RULE_SUSPEND, "%s is %s", job->name, job_class_name(job->job_class));
    }
}

/* ---- set-points ---- */

static bool rises(double set_w, double present_w)
{
    return set_w < fmin(present_w, 0) - SET_TOLERANCE_W ||
           set_w > fmax(present_w, 0) + SET_TOLERANCE_W;
}

/* Load that the meters may not show yet. */
static double unmetered_w(const struct sim *sim)
{
    double sum_w = sim->watch.starting_w;
    int64_t settled_ms = sim->now_ms - sim->cycle_config.guard.settle_ms;
    for (int j = 0; j < sim->batch.submitted; j++) {
        const struct job *job = &sim->batch.jobs[j];
        if (job->state == JOB_STARTING || job->state == JOB_RESUMING ||
            (job->state == JOB_RUNNING && job->state_ms >= settled_ms))
            sum_w += job_power_w(job);
    }
    return sum_w * sim->cycle_config.guard.overhead_ratio_max;
}

/* A change beyond the ramp goes towards 0, or discharges to hold an import limit. */
static bool may_jump(const struct sim *sim, double set_w, double present_w)
{
    const struct watch_moment *now = watch_past(&sim->watch, 0);
    double room_w =
        now->limit_w - sim->cycle_config.guard.headroom_w - now->net_w - unmetered_w(sim);
    bool holds_import = set_w > present_w && room_w < SET_TOLERANCE_W;
    return !rises(set_w, present_w) || holds_import;
}

static void judge_battery_set(struct sim *sim, double set_w)
{
    struct watch *watch = &sim->watch;
    const struct watch_moment *now = watch_past(watch, 0);
    const struct guard_config *limits = &sim->cycle_config.guard;
    bool fail_safe = isnan(faults_grid_limit_w(&sim->faults, sim->now_ms));
    double present_w = watch->set_known ? watch->set_w : now->battery_w;
    double step_w = fmax(limits->battery_ramp_w_per_s * (double)sim->setup.tick_ms / 1000,
                         limits->battery_deadband_w);
    watch->set_known = now->battery_hears;
    watch->set_w = set_w;
    if (!now->battery_hears)
        return;
    if (!now->site_known && rises(set_w, present_w))
        watch_violation(sim, RULE_BATTERY_BLIND, "from %.1f to %.1f kW", present_w / 1e3,
                        set_w / 1e3);
    if (fail_safe && set_w < fmin(present_w, 0) - SET_TOLERANCE_W)
        watch_violation(sim, RULE_BATTERY_BLIND, "from %.1f to %.1f kW, grid master silent",
                        present_w / 1e3, set_w / 1e3);
    if (fabs(set_w - present_w) > step_w + SET_TOLERANCE_W && !may_jump(sim, set_w, present_w))
        watch_violation(sim, RULE_RAMP, "from %.1f to %.1f kW, %.1f kW allowed", present_w / 1e3,
                        set_w / 1e3, step_w / 1e3);
}

static void judge_supply_set(struct sim *sim, double set_c)
{
    const struct watch_moment *now = watch_past(&sim->watch, 0);
    double held_c = now->supply_set_c;
    if (now->chiller_hears && set_c > held_c + SET_TOLERANCE_K && !now->inlet_known)
        watch_violation(sim, RULE_COOLING_BLIND, "from %.1f to %.1f C", held_c, set_c);
    if (now->chiller_hears && set_c > held_c + SET_TOLERANCE_K &&
        now->inlet_c > sim->cycle_config.guard.inlet_limit_c)
        watch_violation(sim, RULE_INLET, "the supply rises from %.1f to %.1f C at %.2f C", held_c,
                        set_c, now->inlet_c);
}

/* Charging is negative. */
static void judge_tank_set(struct sim *sim, double set_w)
{
    const struct watch_moment *now = watch_past(&sim->watch, 0);
    bool more = set_w < fmin(now->tank_set_w, 0) - TOLERANCE_W;
    bool blind = !now->site_known || !now->inlet_known ||
                 isnan(faults_grid_limit_w(&sim->faults, sim->now_ms));
    if (now->tank_hears && more && blind)
        watch_violation(sim, RULE_TANK,
                        "from %.1f to %.1f kW while site, grid master or racks are "
                        "unknown",
                        now->tank_set_w / 1e3, set_w / 1e3);
}

void watch_command(struct sim *sim, const struct command *command)
{
    if (command->verb != VERB_SETPOINT) {
        judge_job(sim, command);
        return;
    }
    const struct point *point = &sim->config->topology->points[command->point];
    if (point->device == sim->cycle_config.battery_device && point->kind == POINT_POWER_SET)
        judge_battery_set(sim, command->value);
    else if (point->kind == POINT_POWER_COOLING_SET)
        judge_tank_set(sim, command->value);
    else if (point->kind == POINT_TEMP_SUPPLY_SET)
        judge_supply_set(sim, command->value);
}
