/* See watch.h: the moments, and what the plant may never do. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "controller/base/utc.h"
#include "tests/sim/watch_private.h"

enum { TOLD_MOST = 4 };

static const double COOLING_PER_IT = 1.15; /* W at the meter per W of a job, about */
static const double TOLERANCE_W = 200;
static const double DEADBAND_W = 2500; /* of the battery's set-point, with rounding */
static const double STANDBY_W = 1;
static const double TANK_STANDBY_W = 1000;
static const double INLET_EXCESS_K = 1;

const char *watch_rule_name(enum watch_rule rule)
{
    static const char *const names[RULES] = {
        [RULE_BATTERY_HELPS] = "battery helps",
        [RULE_IMPORT_SHED] = "import limit: jobs are shed",
        [RULE_BRANCH_SHED] = "feeder or group limit: jobs are shed",
        [RULE_START] = "job start",
        [RULE_SUSPEND] = "job suspension",
        [RULE_RESERVE] = "battery reserve",
        [RULE_BAND] = "battery band",
        [RULE_BATTERY_BLIND] = "battery on unknown values",
        [RULE_RAMP] = "battery ramp",
        [RULE_EXPORT] = "export limit",
        [RULE_INLET] = "inlet temperature",
        [RULE_COOLING_BLIND] = "cooling on an unknown inlet",
        [RULE_TANK] = "tank",
        [RULE_ACCELERATORS] = "accelerators",
        [RULE_PLAN] = "plan check",
        [RULE_BALANCE] = "balance of energy and heat",
        [RULE_ACCOUNT] = "accounts",
    };
    return names[rule];
}

void watch_violation(struct sim *sim, enum watch_rule rule, const char *format, ...)
{
    struct watch *watch = &sim->watch;
    watch->violations++;
    if (watch->by_rule[rule]++ > 0 || watch->quiet || watch->violations > TOLD_MOST)
        return;
    int64_t since_ms = sim->now_ms - sim->setup.start_ms;
    fprintf(stderr, "seed %llu, %02d:%02d (%.4f h): %s: ", (unsigned long long)sim->setup.seed,
            (int)(since_ms / HOUR_MS), (int)(since_ms / MINUTE_MS % 60), (double)since_ms / HOUR_MS,
            watch_rule_name(rule));
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* ---- branches ---- */

int watch_branches(const struct sim *sim)
{
    const struct topology *topology = sim->config->topology;
    return topology->feeder_count + topology->group_count;
}

double watch_branch_limit_w(const struct sim *sim, int branch)
{
    const struct topology *topology = sim->config->topology;
    return branch < topology->feeder_count
               ? topology->feeders[branch].limit_w
               : topology->groups[branch - topology->feeder_count].limit_w;
}

bool watch_on_branch(const struct sim *sim, int32_t feeder, int32_t group, int branch)
{
    int32_t feeders = sim->config->topology->feeder_count;
    return branch < feeders ? feeder == branch : group == branch - feeders;
}

static void see_branches(const struct sim *sim, struct watch_moment *moment)
{
    const struct topology *topology = sim->config->topology;
    int branches = watch_branches(sim);
    for (int b = 0; b < branches; b++)
        moment->branch_known[b] = true;
    for (int32_t d = topology_next(topology, ROLE_RACK_PDU, 0); d >= 0;
         d = topology_next(topology, ROLE_RACK_PDU, d + 1)) {
        const struct device *device = &topology->devices[d];
        int rack = twin_devices[twin_device_find(device->name)].rack;
        for (int b = 0; b < branches; b++) {
            if (!watch_on_branch(sim, device->feeder, device->group, b))
                continue;
            moment->branch_known[b] &= sim_hears(sim, d);
            moment->branch_w[b] += sim->plant.power_w[FLOW_RACK + rack];
        }
    }
    for (int b = 0; b < branches; b++) {
        moment->branch_own_w[b] = moment->branch_w[b];
        for (int j = 0; j < sim->batch.submitted; j++) {
            const struct job *job = &sim->batch.jobs[j];
            if (job_state_draws_power(job->state) &&
                watch_on_branch(sim, job->feeder, job->group, b))
                moment->branch_own_w[b] -= job_power_w(job);
        }
    }
}

/* ---- the moment ---- */

static double limit_in_force_w(const struct sim *sim, bool site_known)
{
    const struct guard_config *limits = &sim->cycle_config.guard;
    double grid_w = faults_grid_limit_w(&sim->faults, sim->now_ms);
    double limit_w = limits->import_limit_w;
    if (!isnan(grid_w))
        limit_w = fmin(limit_w, grid_w);
    if (isnan(grid_w) || !site_known)
        limit_w = fmin(limit_w, limits->import_fail_safe_w);
    return limit_w;
}

static double jobs_w(const struct sim *sim)
{
    double sum_w = 0;
    for (int j = 0; j < sim->batch.submitted; j++) {
        if (job_state_draws_power(sim->batch.jobs[j].state))
            sum_w += job_power_w(&sim->batch.jobs[j]);
    }
    return sum_w;
}

static void see_battery(const struct sim *sim, struct watch_moment *moment)
{
    const struct battery *battery = &sim->plant.battery;
    const struct guard_config *limits = &sim->cycle_config.guard;
    bool hears = sim_hears(sim, sim->cycle_config.battery_device);
    moment->battery_known = moment->battery_hears = moment->soc_known = hears;
    moment->battery_w = battery->power_w;
    moment->soc_pct = battery_soc_pct(battery);
    if (hears && moment->soc_pct > limits->soc_min_pct)
        moment->offer_w = fmin(battery_discharge_max_w(battery), limits->battery_discharge_max_w);
    if (!moment->site_known)
        moment->offer_w = fmin(moment->offer_w, fmax(moment->battery_w, 0));
}

/* Without its meter the site is what it was, moved by what jobs and battery are known to do. */
static double known_net_w(const struct watch *watch, const struct watch_moment *moment)
{
    if (moment->site_known || watch->ticks == 0)
        return moment->net_w;
    double battery_w = moment->battery_known ? moment->battery_w : watch->last_battery_w;
    double supposed_w = watch->last_net_w + moment->jobs_w - watch->last_jobs_w -
                        (battery_w - watch->last_battery_w);
    return fmin(moment->net_w, supposed_w);
}

static void see(struct sim *sim, struct watch_moment *moment)
{
    struct watch *watch = &sim->watch;
    const double *power_w = sim->plant.power_w;
    *moment = (struct watch_moment){
        .site_known = sim_hears(sim, topology_next(sim->config->topology, ROLE_UTILITY, 0)),
        .inlet_known = sim_hears(sim, sim->cycle_config.inlet_device),
        .chiller_hears = sim_hears(sim, sim->cycle_config.chiller_device),
        .net_w = power_w[FLOW_IMPORT] - power_w[FLOW_EXPORT],
        .jobs_w = jobs_w(sim),
        .tank_hears = sim_hears(sim, sim->cycle_config.tank_device),
        .inlet_c = sim->plant.cooling.inlet_c,
        .tank_heat_w = sim->plant.cooling.tank.heat_w,
        .tank_set_w = sim->plant.cooling.tank.set.value,
        .supply_set_c = sim->plant.cooling.supply_set_c,
    };
    moment->limit_w = limit_in_force_w(sim, moment->site_known);
    see_battery(sim, moment);
    moment->known_net_w = known_net_w(watch, moment);
    double without_w = moment->known_net_w + (moment->battery_known ? moment->battery_w : 0);
    double own_w = without_w - moment->jobs_w * COOLING_PER_IT;
    moment->need_w = own_w - moment->limit_w;
    see_branches(sim, moment);
    if (!moment->site_known)
        return;
    watch->last_net_w = moment->net_w;
    watch->last_jobs_w = moment->jobs_w;
    watch->last_battery_w = moment->battery_known ? moment->battery_w : 0;
}

/* ---- duties of the last step ---- */

/* The longest that something sheddable has been running; NULL: nothing is. */
static const struct job *find_spared(const struct sim *sim, int branch)
{
    int64_t since_ms = sim->now_ms - (WATCH_WINDOW - 1) * sim->setup.tick_ms;
    for (int j = 0; j < sim->batch.submitted; j++) {
        const struct job *job = &sim->batch.jobs[j];
        bool sheddable = job->job_class >= JOB_DEFERRABLE && job->can_suspend &&
                         job->state == JOB_RUNNING && job->level_asked == job->level;
        if (sheddable && job->state_ms <= since_ms && job->level_ms <= since_ms &&
            (branch < 0 || watch_on_branch(sim, job->feeder, job->group, branch)))
            return job;
    }
    return NULL;
}

/* By more load that is not ours, a lower limit, or a battery that offers less. */
static double grown_need_w(const struct watch *watch)
{
    const struct watch_moment *now = watch_past(watch, 0);
    double least_w = now->need_w, offered_w = now->offer_w;
    for (int64_t ago = 1; ago < WATCH_WINDOW; ago++) {
        least_w = fmin(least_w, watch_past(watch, ago)->need_w);
        offered_w = fmax(offered_w, watch_past(watch, ago)->offer_w);
    }
    return now->need_w - least_w + offered_w - now->offer_w;
}

static void judge_import(struct sim *sim)
{
    const struct watch_moment *now = watch_past(&sim->watch, 0);
    double excess_w = now->known_net_w - now->limit_w - TOLERANCE_W;
    const struct job *spared = excess_w > 0 ? find_spared(sim, -1) : NULL;
    if (!spared || excess_w <= grown_need_w(&sim->watch))
        return;
    watch_violation(sim, RULE_IMPORT_SHED,
                    "%.1f kW%s over %.1f kW, need grew by %.1f kW only, and %s of %.1f kW runs "
                    "since %.2f h",
                    now->known_net_w / 1e3, now->site_known ? "" : " (supposed)",
                    now->limit_w / 1e3, grown_need_w(&sim->watch) / 1e3, spared->name,
                    job_power_w(spared) / 1e3,
                    (double)(spared->state_ms - sim->setup.start_ms) / HOUR_MS);
}

static void judge_branch(struct sim *sim, int branch)
{
    const struct watch_moment *now = watch_past(&sim->watch, 0);
    double excess_w = now->branch_w[branch] - watch_branch_limit_w(sim, branch) - TOLERANCE_W;
    double least_own_w = INFINITY;
    bool known = now->branch_known[branch];
    for (int64_t ago = 1; ago < WATCH_WINDOW; ago++) {
        const struct watch_moment *past = watch_past(&sim->watch, ago);
        least_own_w = fmin(least_own_w, past->branch_own_w[branch]);
        known &= past->branch_known[branch];
    }
    double grown_w = fmax(now->branch_own_w[branch] - least_own_w, 0);
    if (!known || excess_w <= grown_w || !find_spared(sim, branch))
        return;
    watch_violation(sim, RULE_BRANCH_SHED, "branch %d is %.1f kW over, own load grew by %.1f kW",
                    branch, excess_w / 1e3, grown_w / 1e3);
}

static void judge_battery(struct sim *sim)
{
    const struct watch_moment *now = watch_past(&sim->watch, 0);
    const struct watch_moment *before = watch_past(&sim->watch, 1);
    const struct guard_config *limits = &sim->cycle_config.guard;
    double over_w = before->net_w - before->limit_w;
    double could_w = fmin(before->offer_w, sim->plant.battery.offer_share * battery_rated_w);
    double due_w = fmin(before->battery_w + over_w, could_w) - DEADBAND_W;
    if (!before->battery_hears)
        return;
    if (before->site_known && over_w > TOLERANCE_W && before->offer_w > 0 && now->battery_w < due_w)
        watch_violation(sim, RULE_BATTERY_HELPS,
                        "import was %.1f kW over %.1f kW; it gives %.1f kW of the %.1f kW due at "
                        "%.1f %%",
                        over_w / 1e3, before->limit_w / 1e3, now->battery_w / 1e3, due_w / 1e3,
                        now->soc_pct);
    if (before->soc_pct <= limits->soc_min_pct && now->battery_w > STANDBY_W)
        watch_violation(sim, RULE_RESERVE, "%.1f kW discharged at %.2f %%", now->battery_w / 1e3,
                        before->soc_pct);
    if (before->soc_pct >= limits->soc_max_pct && now->battery_w < -STANDBY_W)
        watch_violation(sim, RULE_BAND, "%.1f kW charged at %.2f %%", -now->battery_w / 1e3,
                        before->soc_pct);
    double lost_load_w = before->net_w + before->battery_w - now->net_w - now->battery_w;
    double export_w = -now->net_w - fmax(lost_load_w, 0);
    if (before->site_known && now->battery_w > DEADBAND_W &&
        export_w > limits->export_limit_w + DEADBAND_W)
        watch_violation(sim, RULE_EXPORT, "%.1f kW discharged into an export of %.1f kW",
                        now->battery_w / 1e3, -now->net_w / 1e3);
}

static void judge_inlet(struct sim *sim)
{
    const struct watch_moment *now = watch_past(&sim->watch, 0);
    const struct guard_config *limits = &sim->cycle_config.guard;
    bool warm = true;
    for (int64_t ago = 0; ago < 4; ago++) {
        const struct watch_moment *past = watch_past(&sim->watch, ago);
        warm &= past->inlet_known && past->chiller_hears && past->inlet_c > limits->inlet_limit_c;
    }
    if (warm && now->supply_set_c > limits->supply_min_c + 0.5 &&
        now->supply_set_c >= watch_past(&sim->watch, 3)->supply_set_c)
        watch_violation(sim, RULE_INLET, "%.2f C, and the supply stays at %.1f C", now->inlet_c,
                        now->supply_set_c);
    bool hears = now->inlet_known && now->chiller_hears;
    if (hears && sim->plant.cooling.leak_k == 0 &&
        now->inlet_c > limits->inlet_limit_c + INLET_EXCESS_K)
        watch_violation(sim, RULE_INLET, "%.2f C is far above %.1f C", now->inlet_c,
                        limits->inlet_limit_c);
}

/* Cold that is put aside costs power and cooling that are needed now. */
static void judge_tank(struct sim *sim)
{
    bool warm = true, over = true;
    for (int64_t ago = 0; ago < 4; ago++) {
        const struct watch_moment *past = watch_past(&sim->watch, ago);
        bool charges = past->tank_hears && past->tank_heat_w < -TANK_STANDBY_W;
        warm &=
            charges && past->inlet_known && past->inlet_c > sim->cycle_config.guard.inlet_limit_c;
        over &= charges && past->site_known && past->net_w > past->limit_w + TOLERANCE_W;
    }
    const struct watch_moment *now = watch_past(&sim->watch, 0);
    if (warm)
        watch_violation(sim, RULE_TANK, "charged with %.1f kW at %.2f C", -now->tank_heat_w / 1e3,
                        now->inlet_c);
    if (over)
        watch_violation(sim, RULE_TANK, "charged with %.1f kW while import is %.1f of %.1f kW",
                        -now->tank_heat_w / 1e3, now->net_w / 1e3, now->limit_w / 1e3);
}

/* Jobs that need some of these classes and nothing else fit into what there is of them. */
static void judge_accelerators(struct sim *sim, int32_t group, uint32_t classes)
{
    const struct topology *topology = sim->config->topology;
    int there = 0, used = 0;
    for (int32_t class = 0; class < topology->accelerator_count; class ++)
        there += classes & 1u << class ? topology->groups[group].accelerators[class] : 0;
    for (int j = 0; j < sim->batch.submitted; j++) {
        const struct job *job = &sim->batch.jobs[j];
        if (job_state_draws_power(job->state) && job->group == group &&
            job->accelerator_classes != 0 && (job->accelerator_classes & ~classes) == 0)
            used += job->levels[job->level].accelerators;
    }
    if (used > there)
        watch_violation(sim, RULE_ACCELERATORS, "%d of %d in use in %s (classes %x)", used, there,
                        topology->groups[group].name, classes);
}

static void judge_groups(struct sim *sim)
{
    const struct topology *topology = sim->config->topology;
    uint32_t all = (1u << topology->accelerator_count) - 1;
    for (int32_t group = 0; group < topology->group_count; group++) {
        for (uint32_t classes = 1; classes <= all; classes++)
            judge_accelerators(sim, group, classes);
    }
}

void watch_plant(struct sim *sim)
{
    struct watch *watch = &sim->watch;
    struct watch_moment moment;
    see(sim, &moment);
    watch->past[watch->ticks++ % WATCH_WINDOW] = moment;
    watch->starting_w = 0;
    for (int b = 0; b < WATCH_BRANCHES; b++)
        watch->branch_starting_w[b] = 0;
    if (watch->ticks < WATCH_WINDOW)
        return;
    judge_import(sim);
    for (int b = 0; b < watch_branches(sim); b++)
        judge_branch(sim, b);
    judge_battery(sim);
    judge_inlet(sim);
    judge_tank(sim);
    judge_groups(sim);
}
