/* The cold store: it may always help, but it takes chiller power only while the racks are cold
 * enough and everything about it is known. */
#include "controller/act/guard_private.h"

#include <math.h>
#include <stddef.h>

static const double full_pct = 100;

static double in_force(const struct guard_tick *tick)
{
    const struct guard_setpoint *tank = &tick->guard->tank;
    return tank->written ? tank->last : guard_value(tick->image, tick->guard->inputs.tank_set);
}

/* Why it must not charge at all now; NONE: it may. */
static enum reason find_ban(const struct guard_tick *tick)
{
    if (tick->guard->inlet_breached)
        return REASON_LIMIT_COOLING;
    return tick->guard->breached ? REASON_LIMIT_IMPORT : REASON_NONE;
}

/* Charging (negative) takes cold from the racks and power from the chiller: not while the racks are
 * too hot or the import limit is crossed, and no more than now while either is unknown. */
static struct bounded make_safe(const struct guard_tick *tick, const struct command *command,
                                double present_w)
{
    const struct guard *guard = tick->guard;
    struct bounded safe = {command->value, command->reason};
    double soc_pct = guard_value(tick->image, guard->inputs.tank_soc);
    double inlet_c = guard_value(tick->image, guard->inputs.inlet_temp);
    if (!isfinite(safe.value))
        safe = (struct bounded){0, REASON_LIMIT_RANGE};
    bound_low(&safe, -guard->config.tank_charge_max_w, REASON_LIMIT_RANGE);
    bound_high(&safe, guard->config.tank_discharge_max_w, REASON_LIMIT_RANGE);
    if (tick->fail_safe_reason != REASON_NONE)
        bound_low(&safe, isnan(present_w) ? 0 : fmin(present_w, 0), tick->fail_safe_reason);
    if (isnan(soc_pct) || isnan(inlet_c))
        bound_low(&safe, 0, REASON_FAIL_SAFE_STALE);
    if (isnan(soc_pct) || soc_pct <= 0)
        bound_high(&safe, 0, isnan(soc_pct) ? REASON_FAIL_SAFE_STALE : REASON_LIMIT_RANGE);
    if (soc_pct >= full_pct)
        bound_low(&safe, 0, REASON_LIMIT_RANGE);
    if (find_ban(tick) != REASON_NONE)
        bound_low(&safe, 0, find_ban(tick));
    return safe;
}

static struct command *demand(struct guard_tick *tick, enum reason reason)
{
    struct command *command = guard_add(tick, SUBSYSTEM_COOLING, VERB_SETPOINT);
    if (!command)
        return NULL;
    command->point = tick->guard->inputs.tank_set;
    command->reason = reason;
    return command;
}

void guard_tank(struct guard_tick *tick)
{
    struct guard *guard = tick->guard;
    if (guard->inputs.tank_set < 0)
        return;
    struct setpoint_rules rules = {
        .deadband = guard->config.tank_deadband_w,
        .writes_per_hour = guard->config.tank_write_per_hour,
        .rounding = guard->config.tank_deadband_w / 2,
    };
    setpoint_rules_init(&rules, tick, guard->inputs.tank_set);
    rules.refresh_ms = guard->config.tank_refresh_ms;
    rules.revert_ms = rules.refresh_ms > 0 ? 2 * rules.refresh_ms : INT64_MAX;
    if (!guard->acts[SUBSYSTEM_COOLING])
        setpoint_let_go(&guard->tank);
    setpoint_elapse(&guard->tank, &rules, tick->elapsed_ms);
    setpoint_watch(tick, &guard->tank, &rules);
    double present_w = in_force(tick);
    bool forced = find_ban(tick) != REASON_NONE && present_w < 0;
    struct command *command = setpoint_command(tick, guard->inputs.tank_set);
    if (!command && forced)
        command = demand(tick, find_ban(tick));
    if (!command)
        return;
    struct bounded safe = make_safe(tick, command, present_w);
    setpoint_settle(tick, &guard->tank, &rules, command, &safe, present_w, forced);
}
