/* The heart of the energy ledger. All sums are whole milliwatt-hours, so that intervals add up to
 * the counter's difference exactly, over any number of rollovers, gaps and restarts. */
#include "controller/plant/meter.h"

#include <assert.h>
#include <math.h>

#include "controller/base/utc.h"

/* Below 2^53: a double counter is exact to the milliwatt-hour (9 TWh). */
static const double MOST_MILLIWH = 9e15;

enum { NO_SUSPECT = -1 };

/* How a stretch between two readings went. */
struct stretch {
    int64_t at_ms;   /* its end: the new reading */
    int64_t milliwh; /* unrolled counter there */
    bool gap;        /* too long to count as observed */
    enum quality quality;
    enum reason reason;
};

static void open_interval(struct meter *meter, int64_t start_ms, int64_t start_milliwh)
{
    meter->boundary_ms = start_ms;
    meter->boundary_milliwh = start_milliwh;
    meter->observed_ms = 0;
    meter->quality = meter->integrates ? QUALITY_ESTIMATED : QUALITY_GOOD;
    meter->reason = meter->integrates ? REASON_INTEGRATED_POWER : REASON_FRESH;
}

void meter_init(struct meter *meter, int32_t point, int64_t interval_ms, int64_t gap_ms,
                int64_t rollover_milliwh, bool integrates, double power_most_w)
{
    assert(interval_ms > 0 && gap_ms > 0 && rollover_milliwh >= 0 && power_most_w >= 0);
    *meter = (struct meter){
        .point = point,
        .interval_ms = interval_ms,
        .gap_ms = gap_ms,
        .rollover_milliwh = rollover_milliwh,
        .power_most_w = power_most_w > 0 ? power_most_w : (double)INFINITY,
        .suspect_raw_milliwh = NO_SUSPECT,
        .integrates = integrates,
        .last_power_w = (double)NAN,
    };
}

static void start(struct meter *meter, int64_t at_ms, int64_t milliwh, int64_t raw_milliwh)
{
    meter->started = true;
    meter->last_ms = at_ms;
    meter->last_milliwh = milliwh;
    meter->last_raw_milliwh = raw_milliwh;
    meter->moved_ms = at_ms - meter->interval_ms; /* unknown: maybe it is about to move */
    open_interval(meter, at_ms, milliwh);
}

void meter_resume(struct meter *meter, int64_t end_ms, int64_t end_milliwh, int64_t raw_milliwh)
{
    assert(!meter->started);
    start(meter, end_ms, end_milliwh, raw_milliwh);
}

int64_t meter_raw_at(const struct meter *meter, int64_t unrolled_milliwh)
{
    return meter->last_raw_milliwh - (meter->last_milliwh - unrolled_milliwh);
}

/* ---- closing intervals ---- */

static int weight(enum quality quality, enum reason reason)
{
    int within = reason == REASON_COUNTER_RESET      ? 3
                 : reason == REASON_COUNTER_ROLLOVER ? 2
                 : reason == REASON_GAP              ? 1
                                                     : 0;
    return 4 * (int)quality + within;
}

/* The gravest verdict about any part of it is the interval's. */
static void mark(struct meter *meter, enum quality quality, enum reason reason)
{
    if (weight(quality, reason) <= weight(meter->quality, meter->reason))
        return;
    meter->quality = quality;
    meter->reason = reason;
}

/* Takes the part of the stretch up to `until_ms` into the open interval. */
static void cover(struct meter *meter, const struct stretch *stretch, int64_t until_ms)
{
    int64_t from_ms = meter->last_ms > meter->boundary_ms ? meter->last_ms : meter->boundary_ms;
    if (until_ms <= from_ms)
        return;
    mark(meter, stretch->quality, stretch->reason);
    if (!stretch->gap) {
        meter->observed_ms += until_ms - from_ms;
        return;
    }
    /* A gap inside one interval leaves its energy exact; one across a boundary is split by guess.
     */
    bool split = from_ms > meter->last_ms || until_ms < stretch->at_ms;
    if (meter->integrates)
        mark(meter, QUALITY_MISSING, REASON_GAP);
    else
        mark(meter, split ? QUALITY_ESTIMATED : QUALITY_GOOD, REASON_GAP);
}

static int64_t interpolate(const struct meter *meter, const struct stretch *stretch, int64_t at_ms)
{
    __extension__ typedef __int128 wide; /* milliwatt-hours x milliseconds exceed 63 bits */
    wide step = stretch->milliwh - meter->last_milliwh;
    return meter->last_milliwh +
           (int64_t)(step * (at_ms - meter->last_ms) / (stretch->at_ms - meter->last_ms));
}

static void close_interval(struct meter *meter, const struct stretch *stretch, int64_t end_ms,
                           struct energy_interval *ret_interval)
{
    int64_t end_milliwh = interpolate(meter, stretch, end_ms);
    cover(meter, stretch, end_ms);
    *ret_interval = (struct energy_interval){
        .point = meter->point,
        .start_ms = meter->boundary_ms,
        .end_ms = end_ms,
        .start_milliwh = meter->boundary_milliwh,
        .end_milliwh = end_milliwh,
        .coverage = (double)meter->observed_ms / (double)(end_ms - meter->boundary_ms),
        .quality = meter->quality,
        .reason = meter->reason,
    };
    open_interval(meter, end_ms, end_milliwh);
}

/* Goes on to the end of the stretch; closes every interval that ends on the way. */
static int advance(struct meter *meter, const struct stretch *stretch,
                   struct energy_interval *ret_intervals, int most)
{
    assert(most > 0);
    int64_t interval_ms = meter->interval_ms;
    int64_t end_ms = utc_floor(meter->boundary_ms, interval_ms) + interval_ms;
    int64_t last_end_ms = utc_floor(stretch->at_ms, interval_ms);
    int closed = 0;

    if (last_end_ms >= end_ms && (last_end_ms - end_ms) / interval_ms >= most)
        end_ms = last_end_ms; /* one long interval instead of more than fit */
    for (; end_ms <= last_end_ms; end_ms += interval_ms)
        close_interval(meter, stretch, end_ms, &ret_intervals[closed++]);
    cover(meter, stretch, stretch->at_ms);
    meter->last_ms = stretch->at_ms;
    meter->last_milliwh = stretch->milliwh;
    return closed;
}

/* ---- counters ---- */

static bool plausible(const struct meter *meter, int64_t step_milliwh, int64_t elapsed_ms)
{
    double time_ms = (double)(elapsed_ms + METER_JITTER_MS);
    return step_milliwh >= 0 &&
           (double)step_milliwh <= meter->power_most_w * time_ms / 3600 + METER_DIGIT_MILLIWH;
}

/* Since when a step from the last reading had time. */
static int64_t last_since_ms(const struct meter *meter)
{
    int64_t stood_ms = meter->last_ms - meter->moved_ms;
    return meter->last_ms - (stood_ms < meter->interval_ms ? stood_ms : meter->interval_ms);
}

/* The counter stands where a young restart put it: it proved nothing yet. */
static bool restart_is_unproven(const struct meter *meter, int64_t at_ms)
{
    return at_ms <= meter->restart.until_ms &&
           meter->last_raw_milliwh == meter->restart.raw_milliwh;
}

/* Back on the counter from before the restart, as if there had been none. */
static bool returns(const struct meter *meter, int64_t at_ms, int64_t raw_milliwh)
{
    const struct meter_restart *restart = &meter->restart;
    int64_t last = meter->last_raw_milliwh, before = restart->before_raw_milliwh;
    if (at_ms > restart->until_ms ||
        !plausible(meter, raw_milliwh - before, at_ms - restart->before_ms))
        return false;
    if (restart_is_unproven(meter, at_ms) && last < before)
        return true;
    return !plausible(meter, raw_milliwh - last, at_ms - last_since_ms(meter));
}

/* Closed intervals stay as they are, so the sum cannot go back before the open one. Returns the
 * energy to the reading. */
static int64_t undo_restart(struct meter *meter, int64_t raw_milliwh)
{
    struct meter_restart *restart = &meter->restart;
    int64_t to_milliwh = restart->before_milliwh + raw_milliwh - restart->before_raw_milliwh;
    if (to_milliwh < meter->boundary_milliwh)
        to_milliwh = meter->boundary_milliwh;
    if (to_milliwh < meter->last_milliwh)
        meter->last_milliwh = to_milliwh;
    *restart = (struct meter_restart){0};
    return to_milliwh - meter->last_milliwh;
}

/* Energy since the last reading of a counter that restarted, and how it did. */
static int64_t restart_step(const struct meter *meter, int64_t at_ms, int64_t raw_milliwh,
                            enum reason *ret_reason)
{
    int64_t last = meter->last_raw_milliwh, range = meter->rollover_milliwh;
    int64_t elapsed_ms = at_ms - last_since_ms(meter);
    int64_t through = range - last + raw_milliwh;
    if (raw_milliwh < last && last <= range && through < range / METER_BACK_SHARE &&
        plausible(meter, through, elapsed_ms)) {
        *ret_reason = REASON_COUNTER_ROLLOVER;
        return through;
    }
    *ret_reason = REASON_COUNTER_RESET;
    if (raw_milliwh <= last / METER_BACK_SHARE && plausible(meter, raw_milliwh, elapsed_ms))
        return raw_milliwh;
    return raw_milliwh - meter->suspect_raw_milliwh;
}

/* A counter that restarts again before it has moved is still compared with the first. */
static void remember_restart(struct meter *meter, int64_t at_ms, int64_t raw_milliwh,
                             enum reason reason)
{
    struct meter_restart *restart = &meter->restart;
    if (!restart_is_unproven(meter, at_ms)) {
        restart->before_raw_milliwh = meter->last_raw_milliwh;
        restart->before_milliwh = meter->last_milliwh;
        restart->before_ms = last_since_ms(meter);
    }
    restart->raw_milliwh = raw_milliwh;
    restart->reason = reason;
    restart->until_ms = at_ms + METER_RETURN_MS;
}

/* A first implausible reading proves nothing: it may be a misread or a dip of the last digit. A
 * later one that goes on from there does. */
static bool confirms_restart(struct meter *meter, int64_t at_ms, int64_t raw_milliwh)
{
    bool suspected = meter->suspect_raw_milliwh != NO_SUSPECT;
    if (suspected && at_ms <= meter->suspect_ms)
        return false;
    if (suspected &&
        plausible(meter, raw_milliwh - meter->suspect_raw_milliwh, at_ms - meter->suspect_ms))
        return true;
    meter->suspect_raw_milliwh = raw_milliwh;
    meter->suspect_ms = at_ms;
    return false;
}

/* The verdict about a reading newer than the last. False: it is not taken. */
static bool judge_step(struct meter *meter, int64_t at_ms, int64_t raw_milliwh,
                       int64_t *ret_milliwh, enum reason *ret_reason)
{
    int64_t step_milliwh = raw_milliwh - meter->last_raw_milliwh;
    if (returns(meter, at_ms, raw_milliwh)) {
        *ret_milliwh = undo_restart(meter, raw_milliwh);
        *ret_reason = REASON_COUNTER_RESET;
    } else if (plausible(meter, step_milliwh, at_ms - last_since_ms(meter))) {
        *ret_milliwh = step_milliwh;
        *ret_reason = REASON_FRESH;
    } else if (confirms_restart(meter, at_ms, raw_milliwh)) {
        *ret_milliwh = restart_step(meter, at_ms, raw_milliwh, ret_reason);
        remember_restart(meter, at_ms, raw_milliwh, *ret_reason);
    } else {
        return false;
    }
    return true;
}

static bool counter_milliwh(double counter_wh, int64_t *ret_milliwh)
{
    double milliwh = counter_wh * 1000;
    if (!(milliwh >= 0 && milliwh <= MOST_MILLIWH)) /* also refuses NaN */
        return false;
    *ret_milliwh = llround(milliwh);
    return true;
}

int meter_feed_counter(struct meter *meter, int64_t at_ms, double counter_wh,
                       struct energy_interval *ret_intervals, int most)
{
    assert(!meter->integrates);
    int64_t raw_milliwh, step_milliwh;
    enum reason reason;
    if (!counter_milliwh(counter_wh, &raw_milliwh))
        return 0;
    if (!meter->started) {
        start(meter, at_ms, raw_milliwh, raw_milliwh);
        return 0;
    }
    if (at_ms <= meter->last_ms || !judge_step(meter, at_ms, raw_milliwh, &step_milliwh, &reason))
        return 0;

    struct stretch stretch = {
        .at_ms = at_ms,
        .milliwh = meter->last_milliwh + step_milliwh,
        .gap = at_ms - meter->last_ms > meter->gap_ms,
        .quality = reason == REASON_COUNTER_RESET ? QUALITY_ESTIMATED : QUALITY_GOOD,
        .reason = reason,
    };
    meter->suspect_raw_milliwh = NO_SUSPECT;
    int closed = advance(meter, &stretch, ret_intervals, most);
    if (raw_milliwh != meter->last_raw_milliwh)
        meter->moved_ms = at_ms;
    meter->last_raw_milliwh = raw_milliwh;
    return closed;
}

/* ---- power ---- */

/* Whole milliwatt-hours of the trapezoid; the fraction is carried to the next. */
static int64_t trapezoid(struct meter *meter, int64_t at_ms, double power_w)
{
    double mean_w = (meter->last_power_w + power_w) / 2;
    double milliwh = mean_w * (double)(at_ms - meter->last_ms) / 3600 + meter->carry_milliwh;
    double whole = floor(milliwh);
    meter->carry_milliwh = milliwh - whole;
    return (int64_t)whole;
}

int meter_feed_power(struct meter *meter, int64_t at_ms, double power_w,
                     struct energy_interval *ret_intervals, int most)
{
    assert(meter->integrates);
    if (!(fabs(power_w) <= METER_MOST_POWER_W)) /* also refuses NaN */
        return 0;
    if (!meter->started)
        start(meter, at_ms, 0, 0);
    if (at_ms <= meter->last_ms) {
        if (at_ms == meter->last_ms)
            meter->last_power_w = power_w;
        return 0;
    }
    /* After a restart the power before the first reading is unknown, however short the pause. */
    bool gap = at_ms - meter->last_ms > meter->gap_ms || isnan(meter->last_power_w);
    struct stretch stretch = {
        .at_ms = at_ms,
        .milliwh = meter->last_milliwh + (gap ? 0 : trapezoid(meter, at_ms, power_w)),
        .gap = gap,
        .quality = QUALITY_ESTIMATED,
        .reason = REASON_INTEGRATED_POWER,
    };
    int closed = advance(meter, &stretch, ret_intervals, most);
    meter->last_raw_milliwh = meter->last_milliwh;
    meter->last_power_w = power_w;
    return closed;
}
