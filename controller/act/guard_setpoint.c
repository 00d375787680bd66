/* What is common to all set-points: ramp, dead band, write budget, refresh. Registers wear out
 * (one heat pump allows 100,000 writes in its life), so a write must be worth it. */
#include "controller/act/guard_private.h"

#include <math.h>
#include <stddef.h>

static const double burst_share = 0.1; /* of the hourly budget */
static const double almost = 0.999;    /* a step of exactly the dead band counts, rounded or not */

void bound_low(struct bounded *bounded, double low, enum reason reason)
{
    if (bounded->value < low)
        *bounded = (struct bounded){low, reason};
}

void bound_high(struct bounded *bounded, double high, enum reason reason)
{
    if (bounded->value > high)
        *bounded = (struct bounded){high, reason};
}

void setpoint_elapse(struct guard_setpoint *setpoint, const struct setpoint_rules *rules,
                     int64_t elapsed_ms)
{
    double grown = rules->ramp_per_s * (double)elapsed_ms / 1000;
    /* Unused steps add up only as far as it takes to leave the dead band: waiting long must not
     * allow a jump. */
    setpoint->step = fmin(setpoint->step + grown, fmax(grown, rules->deadband));
    double burst = fmax(1, rules->writes_per_hour * burst_share);
    double earned = rules->writes_per_hour * (double)elapsed_ms / 3600000;
    setpoint->tokens = fmin(setpoint->tokens + earned, burst);
}

void setpoint_read_back(const struct guard_tick *tick, struct guard_setpoint *setpoint,
                        const struct setpoint_rules *rules, int32_t point)
{
    double held = guard_value(tick->image, point);
    if (!setpoint->written || isnan(held) ||
        image_sample(tick->image, point)->source_ms <= setpoint->written_ms + rules->settle_ms)
        return;
    /* Idle is exact in every register: the last watts would drain the reserve. */
    double rounding = setpoint->last == 0 ? 0 : rules->rounding;
    if (fabs(held - setpoint->last) > rounding)
        setpoint->last = held;
}

static void withhold(struct command *command, double in_force, enum reason reason)
{
    command->value = in_force;
    command->reason = reason;
    command->apply = false;
}

static bool worth_writing(const struct guard_setpoint *setpoint, const struct setpoint_rules *rules,
                          double value, double in_force, int64_t now_ms)
{
    if (isnan(in_force) || (value == 0 && in_force != 0)) /* idle is idle, not the last watts */
        return true;
    if (value != in_force && fabs(value - in_force) >= rules->deadband * almost)
        return true;
    return setpoint->written && rules->refresh_ms > 0 &&
           now_ms - setpoint->written_ms >= rules->refresh_ms;
}

void setpoint_settle(struct guard_setpoint *setpoint, const struct setpoint_rules *rules,
                     struct command *command, const struct bounded *safe, double in_force,
                     bool forced, int64_t now_ms)
{
    command->value = safe->value;
    command->reason = safe->reason;
    bool first = command->apply && !setpoint->written; /* whatever the device was left with */
    if (!forced && !first && !worth_writing(setpoint, rules, safe->value, in_force, now_ms)) {
        withhold(command, in_force, REASON_UNCHANGED);
        return;
    }
    if (!forced && setpoint->tokens < 1) {
        withhold(command, in_force, REASON_LIMIT_WRITE_BUDGET);
        return;
    }
    if (!command->apply)
        return;
    setpoint->tokens = fmax(setpoint->tokens - 1, 0);
    setpoint->step = fmax(setpoint->step - fabs(safe->value - in_force), 0);
    setpoint->last = safe->value;
    setpoint->written = true;
    setpoint->written_ms = now_ms;
}

static bool is_setpoint(const struct command *command, int32_t point)
{
    return command->verb == VERB_SETPOINT && command->point == point;
}

struct command *setpoint_command(struct guard_tick *tick, int32_t point)
{
    struct command *first = NULL;
    for (int i = 0; i < tick->count; i++) {
        struct command *command = &tick->commands[i];
        if (!is_setpoint(command, point))
            continue;
        if (first)
            withhold(command, command->value, REASON_UNCHANGED);
        else
            first = command;
    }
    return first;
}
