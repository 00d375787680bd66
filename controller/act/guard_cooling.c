/* The cooling set-point: colder when the racks get too hot, never warmer on what is not known. */
#include "controller/act/guard_private.h"

#include <math.h>
#include <stddef.h>

static const double deadband_k = 0.25; /* less is not worth a write of a budgeted register */
static const double rounding_k = 0.5; /* registers of whole kelvins */

static double in_force(const struct guard_tick *tick)
{
    const struct guard *guard = tick->guard;
    if (guard->supply.written)
        return guard->supply.last;
    return guard_value(tick->image, guard->inputs.supply_set);
}

/* What must hold now whatever is asked: the set-point may not be above. */
static struct bounded find_ceiling(const struct guard_tick *tick, double inlet_c)
{
    const struct guard_config *config = &tick->guard->config;
    if (isnan(inlet_c))
        return (struct bounded){config->supply_fail_safe_c, REASON_FAIL_SAFE_STALE};
    if (inlet_c > config->inlet_limit_c)
        return (struct bounded){config->supply_min_c, REASON_LIMIT_COOLING};
    return (struct bounded){config->supply_max_c, REASON_LIMIT_RANGE};
}

static struct bounded make_safe(const struct guard_tick *tick, const struct command *command,
                                const struct bounded *ceiling, double present_c, double inlet_c)
{
    const struct guard_config *config = &tick->guard->config;
    struct bounded safe = {command->value, command->reason};
    if (!isfinite(safe.value))
        safe = (struct bounded){config->supply_fail_safe_c, REASON_LIMIT_RANGE};
    bound_high(&safe, ceiling->value, ceiling->reason);
    if (isnan(inlet_c) && !isnan(present_c))
        bound_high(&safe, present_c, REASON_FAIL_SAFE_STALE);
    if (isnan(present_c)) /* nothing to ramp from: the way up begins at the safe value */
        bound_high(&safe, config->supply_fail_safe_c, REASON_FAIL_SAFE_STALE);
    if (config->supply_ramp_k_per_s > 0 && !isnan(present_c)) {
        bound_low(&safe, present_c - tick->guard->supply.step, REASON_LIMIT_RAMP);
        bound_high(&safe, present_c + tick->guard->supply.step, REASON_LIMIT_RAMP);
    }
    bound_high(&safe, config->supply_max_c, REASON_LIMIT_RANGE);
    bound_low(&safe, config->supply_min_c, REASON_LIMIT_RANGE);
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

void guard_cooling(struct guard_tick *tick)
{
    struct guard *guard = tick->guard;
    const struct guard_config *config = &guard->config;
    if (guard->inputs.supply_set < 0)
        return;
    const struct setpoint_rules rules = {
        .ramp_per_s = config->supply_ramp_k_per_s,
        .deadband = deadband_k,
        .writes_per_hour = config->cooling_write_per_hour,
        .rounding = rounding_k,
        .settle_ms = config->settle_ms,
        .refresh_ms = config->refresh_ms,
    };
    if (!guard->acts[SUBSYSTEM_COOLING])
        guard->supply.written = false;
    setpoint_elapse(&guard->supply, &rules, tick->elapsed_ms);
    double inlet_c = guard_value(tick->image, guard->inputs.inlet_temp);
    if (!isnan(inlet_c))
        guard_watch(tick, &guard->inlet_breached, inlet_c > config->inlet_limit_c, -1,
                    guard->inputs.inlet_temp, inlet_c, config->inlet_limit_c);
    setpoint_read_back(tick, &guard->supply, &rules, guard->inputs.supply_set);
    double present_c = in_force(tick);
    struct bounded ceiling = find_ceiling(tick, inlet_c);
    /* The smallest step of a ramp on its way down is a dead band, so as not to wear the register.
     */
    bool forced = ceiling.reason != REASON_LIMIT_RANGE && !(present_c <= ceiling.value) &&
                  (guard->supply.step >= deadband_k || config->supply_ramp_k_per_s <= 0);
    struct command *command = setpoint_command(tick, guard->inputs.supply_set);
    if (!command && forced)
        command = demand(tick, &ceiling);
    if (!command)
        return;
    struct bounded safe = make_safe(tick, command, &ceiling, present_c, inlet_c);
    setpoint_settle(&guard->supply, &rules, command, &safe, present_c, forced, tick->now_ms);
}
