/* The battery's set-point inside import and export limits, the SoC band and what the device
 * offers. Signs: discharge positive; a meter's import positive. */
#include "controller/act/guard_private.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const double reversion_rounding_s = 1;
static const int64_t reversion_retry_ms = 300000;

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
    const struct point *set = &tick->image->topology->points[guard->inputs.battery_set];
    double charge_w = device_limit(tick, config->battery_charge_max_w,
                                   guard->inputs.battery_charge_max, &guard->known_charge_max_w);
    double discharge_w =
        device_limit(tick, config->battery_discharge_max_w, guard->inputs.battery_discharge_max,
                     &guard->known_discharge_max_w);
    double low_w = point_write_nearest(set, -charge_w);
    struct battery_bounds bounds = {
        .target_low = low_w,
        .hard_low = low_w,
        .low_reason = REASON_LIMIT_DEVICE,
        .high = point_write_nearest(set, discharge_w),
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
                                const struct setpoint_rules *rules,
                                const struct battery_bounds *bounds, double present_w)
{
    struct bounded safe = {command->value, command->reason};
    if (!isfinite(safe.value))
        safe = (struct bounded){0, REASON_LIMIT_RANGE};
    if (rules->ramp_per_s > 0) {
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

/* ---- reversion ---- */

/* Of what is about to be written the device would let go by itself if we died. A shorter time than
 * asked for will do: devices round it. */
static bool reads_reversion(const struct guard_tick *tick, double held_s)
{
    return held_s > 0 && held_s <= tick->guard->config.revert_s + reversion_rounding_s;
}

/* Devices round the time and keep their own idea of it: the same reading is not answered by the
 * same write at once. A register that cannot be read is written with the set-point. */
static bool reversion_is_due(const struct guard_tick *tick, double held_s, bool relied_on)
{
    const struct guard *guard = tick->guard;
    if (fabs(held_s - guard->config.revert_s) <= reversion_rounding_s ||
        (isnan(held_s) && !relied_on))
        return false;
    bool same = held_s == guard->revert_seen_s || (isnan(held_s) && isnan(guard->revert_seen_s));
    return !same || tick->now_ms >= guard->revert_due_ms;
}

/* The order of execution: before the set-point. */
static struct command *put_first(struct guard_tick *tick)
{
    struct command *added = guard_add(tick, SUBSYSTEM_BATTERY, VERB_SETPOINT);
    if (!added)
        return NULL;
    struct command command = *added;
    memmove(tick->commands + 1, tick->commands, (size_t)(tick->count - 1) * sizeof command);
    tick->commands[0] = command;
    return tick->commands;
}

static bool write_reversion(struct guard_tick *tick, const struct setpoint_rules *rules,
                            double held_s)
{
    struct guard *guard = tick->guard;
    struct command *command = put_first(tick);
    if (!command)
        return false;
    command->point = rules->point;
    command->wanted = guard->config.revert_s;
    const struct bounded safe = {guard->config.revert_s, REASON_PLANNED};
    guard->revert.written = false;
    setpoint_settle(tick, &guard->revert, rules, command, &safe, held_s, false);
    if (!command->apply)
        return false;
    guard->revert_seen_s = held_s;
    guard->revert_due_ms = tick->now_ms + reversion_retry_ms;
    return true;
}

/* Whether the device reverts by itself; where it does not, that is written now if it is due.
 * `relied_on`: a set-point is about to be. What was let through counts until the register can tell,
 * and after a failure not before it is answered. */
static bool ensure_reversion(struct guard_tick *tick, bool relied_on)
{
    struct guard *guard = tick->guard;
    int32_t point = guard->inputs.battery_revert;
    if (point < 0 || guard->config.revert_s <= 0)
        return true;
    struct setpoint_rules rules = {.writes_per_hour = guard->config.battery_write_per_hour};
    setpoint_rules_init(&rules, tick, point);
    setpoint_elapse(&guard->revert, &rules, tick->elapsed_ms);
    if (!guard->acts[SUBSYSTEM_BATTERY])
        return true;
    double held_s = guard_value(tick->image, point);
    bool wrote = reversion_is_due(tick, held_s, relied_on) && write_reversion(tick, &rules, held_s);
    if (reads_reversion(tick, held_s)) {
        guard->revert.failures = 0;
        return true;
    }
    int64_t read_ms = image_sample(tick->image, point)->source_ms;
    bool old = isnan(held_s) || read_ms <= guard->revert.written_ms + rules.settle_ms;
    return guard->revert.written && old && !(wrote && guard->revert.failures > 0);
}

/* A set-point that the device would hold for ever only goes towards 0, hard limits apart. */
static void hold_unreverted(const struct battery_bounds *bounds, double present_w,
                            struct bounded *safe)
{
    bound_low(safe, fmin(present_w, 0), REASON_LIMIT_REVERSION);
    bound_high(safe, fmax(present_w, 0), REASON_LIMIT_REVERSION);
    bound_low(safe, bounds->target_low, bounds->low_reason);
    bound_high(safe, bounds->high, bounds->high_reason);
}

/* ---- the set-point ---- */

static void settle(struct guard_tick *tick, const struct setpoint_rules *rules,
                   const struct battery_bounds *bounds, struct command *command, double present_w,
                   bool forced)
{
    bool relied_on = command->apply && (forced || command->value != 0);
    int before = tick->count;
    bool reverts = ensure_reversion(tick, relied_on);
    command += tick->count - before; /* what was added is in front of it */
    struct bounded safe = make_safe(tick, command, rules, bounds, present_w);
    if (!reverts)
        hold_unreverted(bounds, present_w, &safe);
    if (!reverts && !forced && safe.value != 0 && safe.value == present_w)
        setpoint_withhold(command, present_w, REASON_LIMIT_REVERSION);
    else
        setpoint_settle(tick, &tick->guard->battery, rules, command, &safe, present_w, forced);
    if (safe.reason == REASON_LIMIT_REVERSION && command->reason == REASON_UNCHANGED)
        command->reason = REASON_LIMIT_REVERSION; /* that is why nothing changes */
}

void guard_battery(struct guard_tick *tick)
{
    struct guard *guard = tick->guard;
    if (guard->inputs.battery_set < 0)
        return;
    struct setpoint_rules rules = {
        .ramp_per_s = guard->config.battery_ramp_w_per_s,
        .deadband = guard->config.battery_deadband_w,
        .writes_per_hour = guard->config.battery_write_per_hour,
        .rounding = guard->config.battery_deadband_w,
    };
    setpoint_rules_init(&rules, tick, guard->inputs.battery_set);
    if (!guard->acts[SUBSYSTEM_BATTERY])
        setpoint_let_go(&guard->battery);
    setpoint_elapse(&guard->battery, &rules, tick->elapsed_ms);
    setpoint_watch(tick, &guard->battery, &rules);
    double present_w = in_force(tick);
    struct battery_bounds bounds = find_bounds(tick);
    double worst_w = worst(tick, &bounds, present_w);
    bool forced = breaks(&bounds, worst_w);
    struct command *command = setpoint_command(tick, guard->inputs.battery_set);
    if (!command && forced)
        command = demand(tick, worst_w);
    if (command)
        settle(tick, &rules, &bounds, command, present_w, forced);
    else
        ensure_reversion(tick, false);
    if (guard->battery.written && !isnan(tick->battery_w))
        tick->battery_relief_w = guard->battery.last - tick->battery_w;
}
