/* The battery's set-point inside import and export limits, the SoC band and what the device
 * offers. Signs: discharge positive; a meter's import positive. */
#include "controller/act/guard_private.h"

#include <math.h>
#include <stddef.h>

/* Ranges of the set-point. `hard` is what may not be broken at all, `target` is what is aimed at
 * (it keeps headroom, so that noise does not break the hard one). */
struct battery_bounds {
    double target_low, hard_low;
    enum reason low_reason;
    double high;
    enum reason high_reason;
};

/* NAN: unknown. */
static double in_force(const struct guard_tick *tick)
{
    const struct guard *guard = tick->guard;
    if (guard->battery.written)
        return guard->battery.last;
    return isnan(tick->battery_w) ? guard_value(tick->image, guard->inputs.battery_set)
                                  : tick->battery_w;
}

/* An offer that is no longer known does not return to the full rating. */
static double device_limit(const struct guard_tick *tick, double configured_w, int32_t point,
                           double *known_w)
{
    double offered_w = guard_value(tick->image, point);
    if (!isnan(offered_w))
        *known_w = fmax(offered_w, 0);
    return fmin(configured_w, *known_w);
}

static void raise_low(struct battery_bounds *bounds, double target, double hard, enum reason reason)
{
    if (target > bounds->target_low) {
        bounds->target_low = target;
        bounds->low_reason = reason;
    }
    bounds->hard_low = fmax(bounds->hard_low, hard);
}

static void lower_high(struct battery_bounds *bounds, double high, enum reason reason)
{
    if (high < bounds->high) {
        bounds->high = high;
        bounds->high_reason = reason;
    }
}

/* The import that there would be without the battery, with the load that starts in this tick. */
static double import_without_battery(const struct guard_tick *tick)
{
    return tick->import_w + tick->battery_w + tick->rising_w;
}

/* Charging stays under the limit less headroom; above the limit the battery discharges until the
 * rest of the site is under the limit less headroom again. */
static void bound_import(struct guard_tick *tick, struct battery_bounds *bounds)
{
    struct guard *guard = tick->guard;
    double without_w = import_without_battery(tick);
    double hard_w = without_w - guard->import_limit_w;
    double target_w = hard_w + guard->config.headroom_w;
    if (hard_w > 0)
        guard->holding = true;
    else if (target_w <= 0)
        guard->holding = false;
    if (!guard->holding)
        target_w = fmin(target_w, 0);
    raise_low(bounds, target_w, hard_w, REASON_LIMIT_IMPORT);
}

static void bound_export(const struct guard_tick *tick, struct battery_bounds *bounds)
{
    double without_w = tick->import_w + tick->battery_w;
    double most_w = without_w + tick->guard->config.export_limit_w;
    lower_high(bounds, fmax(most_w, 0), REASON_LIMIT_EXPORT);
}

/* Without the balance of the meters only the direction is sure: what adds to a crossing stops. */
static void bound_blind(const struct guard_tick *tick, struct battery_bounds *bounds)
{
    const struct guard *guard = tick->guard;
    if (tick->supposed_import_w > guard->import_limit_w)
        raise_low(bounds, 0, 0, REASON_LIMIT_IMPORT);
    if (tick->supposed_import_w < -guard->config.export_limit_w)
        lower_high(bounds, 0, REASON_LIMIT_EXPORT);
}

static void bound_charge_state(const struct guard_tick *tick, struct battery_bounds *bounds)
{
    const struct guard_config *config = &tick->guard->config;
    if (isnan(tick->soc_pct)) {
        raise_low(bounds, fmax(bounds->target_low, 0), 0, REASON_FAIL_SAFE_STALE);
        lower_high(bounds, 0, REASON_FAIL_SAFE_STALE);
        return;
    }
    if (tick->soc_pct >= config->soc_max_pct)
        raise_low(bounds, fmax(bounds->target_low, 0), 0, REASON_LIMIT_SOC_MAX);
    if (tick->soc_pct <= config->soc_min_pct)
        lower_high(bounds, 0, REASON_LIMIT_SOC_RESERVE);
}

static struct battery_bounds find_bounds(struct guard_tick *tick)
{
    struct guard *guard = tick->guard;
    const struct guard_config *config = &guard->config;
    double charge_w = device_limit(tick, config->battery_charge_max_w,
                                   guard->inputs.battery_charge_max, &guard->known_charge_max_w);
    double discharge_w =
        device_limit(tick, config->battery_discharge_max_w, guard->inputs.battery_discharge_max,
                     &guard->known_discharge_max_w);
    struct battery_bounds bounds = {
        .target_low = -charge_w,
        .hard_low = -charge_w,
        .low_reason = REASON_LIMIT_DEVICE,
        .high = discharge_w,
        .high_reason = REASON_LIMIT_DEVICE,
    };
    if (!isnan(tick->import_w) && !isnan(tick->battery_w)) {
        bound_import(tick, &bounds);
        bound_export(tick, &bounds);
    } else {
        guard->holding = false;
        bound_blind(tick, &bounds);
    }
    bound_charge_state(tick, &bounds);
    return bounds;
}

/* No output rises while what limits it is unknown. */
static void bound_rise(const struct guard_tick *tick, struct bounded *safe, double present_w)
{
    enum reason reason = tick->fail_safe_reason;
    if (reason == REASON_NONE && (isnan(tick->battery_w) || isnan(tick->import_w)))
        reason = REASON_FAIL_SAFE_STALE;
    if (reason == REASON_NONE)
        return;
    bound_low(safe, fmin(present_w, 0), reason);
    bound_high(safe, fmax(present_w, 0), reason);
}

static struct bounded make_safe(const struct guard_tick *tick, const struct command *command,
                                const struct battery_bounds *bounds, double present_w)
{
    struct bounded safe = {command->value, command->reason};
    if (!isfinite(safe.value))
        safe = (struct bounded){0, REASON_LIMIT_RANGE};
    if (tick->guard->config.battery_ramp_w_per_s > 0) {
        bound_low(&safe, present_w - tick->guard->battery.step, REASON_LIMIT_RAMP);
        bound_high(&safe, present_w + tick->guard->battery.step, REASON_LIMIT_RAMP);
    }
    bound_rise(tick, &safe, present_w);
    bound_low(&safe, bounds->target_low, bounds->low_reason);
    bound_high(&safe, bounds->high, bounds->high_reason);
    return safe;
}

/* An unknown set-point keeps no limit. */
static bool breaks(const struct battery_bounds *bounds, double set_w)
{
    double hard_low_w = fmin(bounds->hard_low, bounds->high);
    return !(set_w >= hard_low_w && set_w <= bounds->high);
}

/* The set-point to be judged by the limits. Before the first write, and after one that failed, the
 * battery may rest while its register already holds what it will do next. */
static double worst(const struct guard_tick *tick, const struct battery_bounds *bounds,
                    double present_w)
{
    double held_w = guard_value(tick->image, tick->guard->inputs.battery_set);
    bool next = !tick->guard->battery.written && !isnan(held_w);
    return next && !breaks(bounds, present_w) ? held_w : present_w;
}

/* Nobody asked, but what is in force breaks a hard limit. */
static struct command *demand(struct guard_tick *tick, double set_w)
{
    struct command *command = guard_add(tick, SUBSYSTEM_BATTERY, VERB_SETPOINT);
    if (!command)
        return NULL;
    command->point = tick->guard->inputs.battery_set;
    command->value = isnan(set_w) ? 0 : set_w;
    command->wanted = command->value;
    command->reason = REASON_FAIL_SAFE_STALE; /* unless a limit moves it: it is not known */
    return command;
}

void guard_battery(struct guard_tick *tick)
{
    struct guard *guard = tick->guard;
    if (guard->inputs.battery_set < 0)
        return;
    const struct setpoint_rules rules = {
        .ramp_per_s = guard->config.battery_ramp_w_per_s,
        .deadband = guard->config.battery_deadband_w,
        .writes_per_hour = guard->config.battery_write_per_hour,
        .rounding = guard->config.battery_deadband_w,
        .settle_ms = guard->config.settle_ms,
        .refresh_ms = guard->config.refresh_ms,
    };
    if (!guard->acts[SUBSYSTEM_BATTERY])
        guard->battery.written = false; /* others move it meanwhile: only measured values count */
    setpoint_elapse(&guard->battery, &rules, tick->elapsed_ms);
    setpoint_read_back(tick, &guard->battery, &rules, guard->inputs.battery_set);
    double present_w = in_force(tick);
    struct battery_bounds bounds = find_bounds(tick);
    double worst_w = worst(tick, &bounds, present_w);
    bool forced = breaks(&bounds, worst_w);
    struct command *command = setpoint_command(tick, guard->inputs.battery_set);
    if (!command && forced)
        command = demand(tick, worst_w);
    if (command) {
        struct bounded safe = make_safe(tick, command, &bounds, present_w);
        setpoint_settle(&guard->battery, &rules, command, &safe, present_w, forced, tick->now_ms);
    }
    if (guard->battery.written && !isnan(tick->battery_w))
        tick->battery_relief_w = guard->battery.last - tick->battery_w;
}
