/* Deviations from the typical day are an autoregressive process of hours, of up to two days: it
 * sees at once what fades in hours, what lasts for days, and the part of yesterday's course that
 * comes again today. Its coefficients follow from the autocovariance of the past (Yule-Walker,
 * solved by Levinson's recursion): such a process is always stable, whatever the past was, and its
 * forecasts run smoothly from hour to hour, which coefficients fitted for each lead do not; a plan
 * that looks for the cheapest hour would chase their noise.
 *
 * Hours are those of the clock: market prices and grid data are constant within them. How far the
 * newest value tells the rest of its hour is learnt too: all of it there, little for a noisy load.
 * Gaps count as the usual day. */
#include "controller/forecast/deviation.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "controller/base/utc.h"

enum {
    HISTORY_HOURS = LIMIT_HISTORY_SLOTS / STEPS_AN_HOUR + 2, /* first and last may be cut */
    AHEAD_HOURS = HISTORY_HOURS + FORECAST_STEPS / STEPS_AN_HOUR,
    ORDER_MOST = DEVIATION_HOURS_MOST,
    LAGS = 52,               /* 0 to ORDER_MOST, rounded up: a loop of fixed length runs in lanes */
    HOURS_A_COEFFICIENT = 8, /* known, to dare one more */
    LEAST_KNOWN = 3 * STEPS_A_DAY,
};

/* Half-life of 8.6 h: assumed until the past is long enough to tell. */
static const double FADE_UNFITTED = 0.922;
/* Below this share of the variance there is nothing left to explain but rounding. */
static const double LEAST_UNEXPLAINED = 1e-9;

struct process {
    int32_t order;
    double weight[ORDER_MOST]; /* of the hour before, of the one before that, ... */
};

struct hours {
    int64_t first;                          /* hour number of the first */
    int32_t count;                          /* up to that of the present value */
    double deviation[HISTORY_HOURS + LAGS]; /* 0 from `count` on */
    double within;                          /* what is left of one a quarter later in its hour */
};

static int64_t hour_of(int64_t step)
{
    return utc_floor(step, STEPS_AN_HOUR) / STEPS_AN_HOUR;
}

static double present_deviation(const struct daily_profile *profile,
                                const struct forecast_view *view)
{
    return view->present - daily_profile_at(profile, day_walk_from(view->present_step));
}

/* Sums of the quarters' deviations by hour, and how many went in. */
static void add_up(struct hours *hours, int32_t known[HISTORY_HOURS],
                   const struct daily_profile *profile, const struct forecast_view *view)
{
    int64_t step = forecast_view_step(view, 0);
    struct day_walk walk = day_walk_from(step);
    int32_t quarter = (int32_t)(step - hours->first * STEPS_AN_HOUR);
    double before = (double)NAN, product = 0.0, square = 0.0;
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++, quarter++, day_walk_on(&walk)) {
        double deviation = (double)view->past[i] - daily_profile_at(profile, walk);
        if (quarter % STEPS_AN_HOUR != 0 && !isnan(before) && !isnan(deviation)) {
            product += before * deviation;
            square += before * before;
        }
        before = deviation;
        if (isnan(deviation))
            continue;
        hours->deviation[quarter / STEPS_AN_HOUR] += deviation;
        known[quarter / STEPS_AN_HOUR]++;
    }
    hours->within = square > 0.0 ? fmin(1.0, fmax(0.0, product / square)) : 1.0;
}

/* The hour of the present value: what is known of it, and the rest as that value tells. */
static void complete_newest(struct hours *hours, int32_t known[HISTORY_HOURS],
                            const struct daily_profile *profile, const struct forecast_view *view)
{
    int64_t after = (hours->first + hours->count) * STEPS_AN_HOUR;
    double rest = present_deviation(profile, view);
    int64_t place = LIMIT_HISTORY_SLOTS - (view->end_step - view->present_step);
    bool counted = place < LIMIT_HISTORY_SLOTS && !isnan(view->past[place]);
    for (int64_t step = view->present_step; step < after; step++, rest *= hours->within) {
        if (step == view->present_step && counted)
            continue;
        hours->deviation[hours->count - 1] += rest;
        known[hours->count - 1]++;
    }
}

static void gather(struct hours *hours, const struct daily_profile *profile,
                   const struct forecast_view *view)
{
    int32_t known[HISTORY_HOURS] = {0};
    memset(hours->deviation, 0, sizeof(hours->deviation));
    hours->first = hour_of(forecast_view_step(view, 0));
    hours->count = (int32_t)(hour_of(view->present_step) - hours->first) + 1;
    add_up(hours, known, profile, view);
    complete_newest(hours, known, profile, view);
    for (int32_t i = 0; i < HISTORY_HOURS; i++)
        if (known[i] > 1)
            hours->deviation[i] /= known[i];
}

/* Faded out towards long lags, so that few data do not make distant hours look related. */
static void autocovariance(const struct hours *hours, double ret_at[ORDER_MOST + 1])
{
    double sum[LAGS] = {0};
    for (int32_t i = 0; i < hours->count; i++)
        for (int32_t lag = 0; lag < LAGS; lag++)
            sum[lag] += hours->deviation[i] * hours->deviation[i + lag];
    for (int32_t lag = 0; lag <= ORDER_MOST; lag++) {
        double far = (double)lag / ORDER_MOST;
        ret_at[lag] = sum[lag] * exp(-0.5 * far * far);
    }
}

static void levinson(struct process *process, const double covariance[ORDER_MOST + 1],
                     int32_t order)
{
    double unexplained = covariance[0];
    for (int32_t n = 0; n < order && unexplained > LEAST_UNEXPLAINED * covariance[0]; n++) {
        double rest = covariance[n + 1], before[ORDER_MOST];
        for (int32_t i = 0; i < n; i++)
            rest -= process->weight[i] * covariance[n - i];
        double reflection = rest / unexplained;
        memcpy(before, process->weight, sizeof(before));
        for (int32_t i = 0; i < n; i++)
            process->weight[i] = before[i] - reflection * before[n - 1 - i];
        process->weight[n] = reflection;
        process->order = n + 1;
        unexplained *= 1.0 - reflection * reflection;
    }
}

static void fit(struct process *process, const struct forecast_view *view,
                const struct hours *hours, int32_t order_most)
{
    double covariance[ORDER_MOST + 1];
    int32_t order = view->known / STEPS_AN_HOUR / HOURS_A_COEFFICIENT;
    order = order > order_most ? order_most : order;
    *process = (struct process){.order = 1, .weight = {FADE_UNFITTED}};
    if (view->known < LEAST_KNOWN)
        return;
    autocovariance(hours, covariance);
    if (covariance[0] > 0.0)
        levinson(process, covariance, order);
}

/* Deviations of the hours [present, present + count). */
static void run_on(const struct process *process, const struct hours *hours, int32_t count,
                   double ret_deviation[AHEAD_HOURS])
{
    double course[ORDER_MOST + AHEAD_HOURS] = {0}; /* the last ORDER_MOST hours, then the future */
    int32_t past = hours->count < ORDER_MOST ? hours->count : ORDER_MOST;
    memcpy(&course[ORDER_MOST - past], &hours->deviation[hours->count - past],
           (size_t)past * sizeof(course[0]));
    for (int32_t i = ORDER_MOST; i < ORDER_MOST + count - 1; i++)
        for (int32_t lag = 0; lag < process->order; lag++)
            course[i] += process->weight[lag] * course[i - 1 - lag];
    memcpy(ret_deviation, &course[ORDER_MOST - 1], (size_t)count * sizeof(course[0]));
}

void deviation_project(const struct daily_profile *profile, const struct forecast_view *view,
                       int32_t order, struct outlook *ret_outlook)
{
    assert(order >= 1 && order <= ORDER_MOST);
    struct hours hours;
    struct process process;
    double deviation[AHEAD_HOURS];
    gather(&hours, profile, view);
    fit(&process, view, &hours, order);
    int64_t present_hour = hours.first + hours.count - 1;
    int64_t last_step = view->end_step + FORECAST_STEPS - 1;
    run_on(&process, &hours, (int32_t)(hour_of(last_step) - present_hour) + 1, deviation);
    int32_t quarter = (int32_t)(view->end_step - present_hour * STEPS_AN_HOUR);
    double left = present_deviation(profile, view) *
                  pow(hours.within, (double)(view->end_step - view->present_step));
    struct day_walk walk = day_walk_from(view->end_step);
    for (int32_t i = 0; i < FORECAST_STEPS; i++, quarter++, day_walk_on(&walk)) {
        double beside = quarter < STEPS_AN_HOUR ? left : deviation[quarter / STEPS_AN_HOUR];
        ret_outlook->point[i] = (float)(daily_profile_at(profile, walk) + beside);
        ret_outlook->spread[i] = 1.0f;
        left *= hours.within;
    }
}
