/* The cooling set-point: colder when the racks get too hot, never warmer on what is not known. */
#include "controller/act/guard_private.h"

#include <math.h>
#include <stddef.h>

static const double deadband_k = 0.25; /* less is not worth a write of a budgeted register */
static const double rounding_k = 0.5;  /* registers of whole kelvins */

static double in_force(const struct guard_tick *tick)
{
    const struct guard *guard = tick->guard;
    if (guard->supply.written)
        return guard->supply.last;
    return guard_value(tick->image, guard->inputs.supply_set);
}

/* The configured temperatures as far as the register takes them. */
struct supply_limits {
    double min_c, max_c, fail_safe_c;
};

static struct supply_limits find_limits(const struct guard_tick *tick)
{
    const struct guard_config *config = &tick->guard->config;
    const struct point *set = &tick->image->topology->points[tick->guard->inputs.supply_set];
    return (struct supply_limits){point_write_nearest(set, config->supply_min_c),
                                  point_write_nearest(set, config->supply_max_c),
                                  point_write_nearest(set, config->supply_fail_safe_c)};
}

/* What must hold now whatever is asked: the set-point may not be above. */
static struct bounded find_ceiling(const struct guard_tick *tick,
                                   const struct supply_limits *limits, double inlet_c)
{
    if (isnan(inlet_c))
        return (struct bounded){limits->fail_safe_c, REASON_FAIL_SAFE_STALE};
    if (inlet_c > tick->guard->config.inlet_limit_c)
        return (struct bounded){limits->min_c, REASON_LIMIT_COOLING};
    return (struct bounded){limits->max_c, REASON_LIMIT_RANGE};
}

static struct bounded make_safe(const struct guard_tick *tick, const struct command *command,
                                const struct setpoint_rules *rules,
                                const struct supply_limits *limits, const struct bounded *ceiling,
                                double present_c, double inlet_c)
{
    struct bounded safe = {command->value, command->reason};
    if (!isfinite(safe.value))
        safe = (struct bounded){limits->fail_safe_c, REASON_LIMIT_RANGE};
    bound_high(&safe, ceiling->value, ceiling->reason);
    if (isnan(inlet_c) && !isnan(present_c))
        bound_high(&safe, present_c, REASON_FAIL_SAFE_STALE);
    if (isnan(present_c)) /* nothing to ramp from: the way up begins at the safe value */
        bound_high(&safe, limits->fail_safe_c, REASON_FAIL_SAFE_STALE);
    if (rules->ramp_per_s > 0 && !isnan(present_c)) {
        bound_low(&safe, present_c - tick->guard->supply.step, REASON_LIMIT_RAMP);
        bound_high(&safe, present_c + tick->guard->supply.step, REASON_LIMIT_RAMP);
    }
    bound_high(&safe, limits->max_c, REASON_LIMIT_RANGE);
    bound_low(&safe, limits->min_c, REASON_LIMIT_RANGE);
    return safe;
}

static struct command *demand(struct guard_tick *tick, const struct bounded *ceiling)
{
    struct command *command = guard_add(tick, SUBSYSTEM_COOLING, VERB_SETPOINT);
    if (!command)
        return NULL;
    command->point = tick->guard->inputs.supply_set;
    command->value = ceiling->value;
    command->wanted = ceiling->value;
    command->reason = ceiling->reason;
    return command;
}

void guard_watch_inlet(struct guard_tick *tick)
{
    struct guard *guard = tick->guard;
    double inlet_c = guard_value(tick->image, guard->inputs.inlet_temp);
    double limit_c = guard->config.inlet_limit_c;
    if (!isnan(inlet_c))
        guard_watch(tick, &guard->inlet_breached, inlet_c > limit_c, -1, guard->inputs.inlet_temp,
                    inlet_c, limit_c);
}

void guard_cooling(struct guard_tick *tick)
{
    struct guard *guard = tick->guard;
    const struct guard_config *config = &guard->config;
    if (guard->inputs.supply_set < 0)
        return;
    struct setpoint_rules rules = {
        .ramp_per_s = config->supply_ramp_k_per_s,
        .deadband = deadband_k,
        .writes_per_hour = config->cooling_write_per_hour,
        .rounding = rounding_k,
    };
    setpoint_rules_init(&rules, tick, guard->inputs.supply_set);
    const struct supply_limits limits = find_limits(tick);
    if (!guard->acts[SUBSYSTEM_COOLING])
        setpoint_let_go(&guard->supply);
    setpoint_elapse(&guard->supply, &rules, tick->elapsed_ms);
    double inlet_c = guard_value(tick->image, guard->inputs.inlet_temp);
    setpoint_watch(tick, &guard->supply, &rules);
    double present_c = in_force(tick);
    struct bounded ceiling = find_ceiling(tick, &limits, inlet_c);
    /* The smallest step of a ramp on its way down is a dead band, so as not to wear the register.
     */
    bool forced = ceiling.reason != REASON_LIMIT_RANGE && !(present_c <= ceiling.value) &&
                  (guard->supply.step >= deadband_k || rules.ramp_per_s <= 0);
    struct command *command = setpoint_command(tick, guard->inputs.supply_set);
    if (!command && forced)
        command = demand(tick, &ceiling);
    if (!command)
        return;
    struct bounded safe = make_safe(tick, command, &rules, &limits, &ceiling, present_c, inlet_c);
    setpoint_settle(tick, &guard->supply, &rules, command, &safe, present_c, forced);
}
