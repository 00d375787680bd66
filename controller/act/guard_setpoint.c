/* What is common to all set-points: ramp, dead band, write budget, refresh, and that there is one
 * writer. Registers wear out (one heat pump allows 100,000 writes in its life), so a write must be
 * worth it, and two controllers that correct each other wear them out fastest. */
#include "controller/act/guard_private.h"

#include <math.h>
#include <stddef.h>

static const double burst_share = 0.1; /* of the hourly budget */
static const double almost = 0.999;    /* a step of exactly the dead band counts, rounded or not */
static const double life_share = 0.95; /* of a register's life; the rest is for hard limits */

void setpoint_init(struct guard_setpoint *setpoint)
{
    setpoint->tokens = 1;
}

static double stricter(double configured, double own)
{
    return own > 0 && (configured <= 0 || own < configured) ? own : configured;
}

void setpoint_rules_init(struct setpoint_rules *rules, const struct guard_tick *tick, int32_t point)
{
    const struct guard_config *config = &tick->guard->config;
    const struct point_write *own = &tick->image->topology->points[point].write;
    rules->point = point;
    rules->ramp_per_s = stricter(rules->ramp_per_s, own->ramp_per_s);
    if (own->per_hour > 0)
        rules->writes_per_hour = fmin(rules->writes_per_hour, own->per_hour);
    rules->lifetime = own->lifetime;
    rules->settle_ms = config->settle_ms;
    rules->refresh_ms = config->refresh_ms;
    /* A register that wears out keeps its value; only a device that reverts needs the refresh. */
    if (own->lifetime > 0 && tick->guard->inputs.battery_revert < 0)
        rules->refresh_ms = 0;
    rules->revert_ms = rules->refresh_ms > 0 ? 2 * rules->refresh_ms : INT64_MAX;
}

void setpoint_let_go(struct guard_setpoint *setpoint)
{
    setpoint->written = setpoint->ours = false;
    setpoint->contests = 0;
    setpoint->yield_until_ms = 0;
    setpoint->failures = 0;
}

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
    double earned = isinf(rules->writes_per_hour) /* no budget: in no time as well */
                        ? rules->writes_per_hour
                        : rules->writes_per_hour * (double)elapsed_ms / 3600000;
    setpoint->tokens = fmin(setpoint->tokens + earned, burst);
}

/* ---- writes that fail ---- */

static int64_t retry_most_ms(bool unsent)
{
    return unsent ? LIMIT_RETRY_UNSENT_MS : LIMIT_RETRY_MOST_MS;
}

static int64_t retry_wait_ms(const struct guard_setpoint *setpoint)
{
    int64_t most_ms = retry_most_ms(setpoint->unsent);
    int64_t wait_ms = LIMIT_RETRY_MS;
    for (int i = 1; i < setpoint->failures && wait_ms < most_ms; i++)
        wait_ms *= 2;
    return wait_ms < most_ms ? wait_ms : most_ms;
}

/* Counted as far as it makes the wait longer. */
static void note_failure(struct guard_setpoint *setpoint, bool unsent)
{
    setpoint->failed = setpoint->last;
    setpoint->unsent = unsent;
    if (setpoint->failures == 0 || retry_wait_ms(setpoint) < retry_most_ms(unsent))
        setpoint->failures++;
}

/* The device took it for longer than the next retry would have waited. */
static void forget_failures(const struct guard_tick *tick, struct guard_setpoint *setpoint,
                            const struct setpoint_rules *rules)
{
    if (setpoint->written && setpoint->ours &&
        tick->now_ms - setpoint->written_ms > rules->settle_ms + retry_wait_ms(setpoint))
        setpoint->failures = 0;
}

/* A device that is gone, or that never holds the value, would take one write a tick for ever.
 * Another value, of a limit that changed, is worth a try at once as long as the budget lasts. */
static bool waits_for_retry(const struct guard_tick *tick, const struct guard_setpoint *setpoint,
                            const struct setpoint_rules *rules, double value)
{
    int64_t waited_ms = tick->now_ms - setpoint->written_ms;
    if (setpoint->failures == 0 || waited_ms >= retry_wait_ms(setpoint))
        return false;
    bool same =
        value == 0 ? setpoint->failed == 0 : fabs(value - setpoint->failed) <= rules->deadband;
    return same || (setpoint->tokens < 1 && waited_ms < LIMIT_RETRY_UNSENT_MS);
}

/* ---- one writer ---- */

static void note_contest(struct guard_setpoint *setpoint, const struct guard_config *config,
                         int64_t now_ms)
{
    setpoint->ours = false;
    if (setpoint->contests == 0 || now_ms - setpoint->contest_ms > config->contest_window_ms) {
        setpoint->contests = 0;
        setpoint->contest_ms = now_ms;
    }
    setpoint->contests++;
}

void setpoint_answered(struct guard_setpoint *setpoint, const struct guard_config *config,
                       enum reason outcome, int64_t now_ms)
{
    if (outcome != REASON_WRITE_FAILED) /* that one never reached the register */
        setpoint->life_writes++;
    if (outcome == REASON_WRITE_CONFIRMED || outcome == REASON_WRITE_REPLACED)
        return;
    setpoint->written = false;
    note_failure(setpoint, outcome == REASON_WRITE_FAILED);
    if (outcome == REASON_WRITE_NOT_HELD)
        note_contest(setpoint, config, now_ms);
}

static void read_back(struct guard_tick *tick, struct guard_setpoint *setpoint,
                      const struct setpoint_rules *rules)
{
    double held = guard_value(tick->image, rules->point);
    int64_t read_ms = image_sample(tick->image, rules->point)->source_ms;
    if (!setpoint->written || isnan(held) || read_ms <= setpoint->written_ms + rules->settle_ms)
        return;
    /* Idle is exact in every register: the last watts would drain the reserve. */
    double rounding = setpoint->last == 0 ? 0 : rules->rounding;
    if (fabs(held - setpoint->last) <= rounding)
        return;
    if (setpoint->ours && read_ms - setpoint->written_ms < rules->revert_ms) {
        note_contest(setpoint, &tick->guard->config, tick->now_ms);
        note_failure(setpoint, false);
        if (setpoint->yield_until_ms == 0) /* else it was said */
            guard_event(tick, EVENT_SETPOINT_MOVED, -1, rules->point, held, setpoint->last);
    }
    setpoint->ours = false;
    setpoint->last = held;
}

/* Two controllers that correct each other never end: we do. */
static void judge_contests(struct guard_tick *tick, struct guard_setpoint *setpoint,
                           const struct setpoint_rules *rules)
{
    const struct guard_config *config = &tick->guard->config;
    double held = guard_value(tick->image, rules->point);
    if (setpoint->yield_until_ms != 0 && tick->now_ms >= setpoint->yield_until_ms) {
        setpoint->yield_until_ms = 0;
        setpoint->contests = 0;
        guard_event(tick, EVENT_SETPOINT_RETAKEN, -1, rules->point, held, setpoint->last);
    }
    if (setpoint->yield_until_ms == 0 && config->contest_hold_ms > 0 &&
        setpoint->contests > config->contest_rewrites) {
        setpoint->yield_until_ms = tick->now_ms + config->contest_hold_ms;
        guard_event(tick, EVENT_SETPOINT_YIELDED, -1, rules->point, held, setpoint->last);
    }
}

void setpoint_watch(struct guard_tick *tick, struct guard_setpoint *setpoint,
                    const struct setpoint_rules *rules)
{
    read_back(tick, setpoint, rules);
    forget_failures(tick, setpoint, rules);
    judge_contests(tick, setpoint, rules);
}

/* ---- what becomes of a command ---- */

void setpoint_withhold(struct command *command, double in_force, enum reason reason)
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

static bool is_worn(struct guard_tick *tick, struct guard_setpoint *setpoint,
                    const struct setpoint_rules *rules)
{
    if (rules->lifetime <= 0 || setpoint->life_writes < rules->lifetime * life_share)
        return false;
    if (!setpoint->worn)
        guard_event(tick, EVENT_REGISTER_WORN, -1, rules->point, setpoint->life_writes,
                    rules->lifetime);
    setpoint->worn = true;
    return true;
}

/* Why a write that no hard limit demands is not made; NONE: it is. */
static enum reason find_objection(struct guard_tick *tick, struct guard_setpoint *setpoint,
                                  const struct setpoint_rules *rules, const struct command *command,
                                  double value, double in_force)
{
    bool first = command->apply && !setpoint->written; /* whatever the device was left with */
    if (!first && !worth_writing(setpoint, rules, value, in_force, tick->now_ms))
        return REASON_UNCHANGED;
    if (setpoint->yield_until_ms != 0)
        return REASON_OTHER_WRITER;
    if (is_worn(tick, setpoint, rules))
        return REASON_LIMIT_LIFETIME;
    return setpoint->tokens < 1 ? REASON_LIMIT_WRITE_BUDGET : REASON_NONE;
}

void setpoint_settle(struct guard_tick *tick, struct guard_setpoint *setpoint,
                     const struct setpoint_rules *rules, struct command *command,
                     const struct bounded *safe, double in_force, bool forced)
{
    const struct point *point = &tick->image->topology->points[rules->point];
    double value = point_write_nearest(point, safe->value);
    command->value = value;
    command->reason = value == safe->value ? safe->reason : REASON_LIMIT_RANGE;
    enum reason objection = !forced
                                ? find_objection(tick, setpoint, rules, command, value, in_force)
                            : waits_for_retry(tick, setpoint, rules, value) ? REASON_LIMIT_RETRY
                                                                            : REASON_NONE;
    if (objection != REASON_NONE) {
        setpoint_withhold(command, in_force, objection);
        return;
    }
    if (!command->apply)
        return;
    setpoint->tokens = fmax(setpoint->tokens - 1, 0);
    setpoint->step = fmax(setpoint->step - fabs(value - in_force), 0);
    setpoint->last = value;
    setpoint->written = setpoint->ours = true;
    setpoint->written_ms = tick->now_ms;
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
            setpoint_withhold(command, command->value, REASON_UNCHANGED);
        else
            first = command;
    }
    return first;
}
