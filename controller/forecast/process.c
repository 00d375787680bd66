/* Deviations from what is usual are an autoregressive process of hours, of up to two days: it sees
 * at once what fades in hours, what lasts for days, and the part of yesterday's course that comes
 * again today. Its coefficients follow from the autocovariance of the past (Yule-Walker, solved by
 * Levinson's recursion): such a process is always stable, whatever the past was, and its forecasts
 * run smoothly from hour to hour, which coefficients fitted for each lead do not; a plan that looks
 * for the cheapest hour would chase their noise. Gaps count as the usual. */
#include "controller/forecast/process.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    ORDER_MOST = PROCESS_ORDER_MOST,
    HOURS_A_COEFFICIENT = 8, /* known, to dare one more */
    LEAST_KNOWN_HOURS = 72,
    LANES = 8, /* lags at once: a loop of fixed length runs in lanes */
};

/* Half-life of 8.6 h: assumed until the past is long enough to tell. */
static const double FADE_UNFITTED = 0.922;
/* Below this share of the variance there is nothing left to explain but rounding. */
static const double LEAST_UNEXPLAINED = 1e-9;

struct process {
    int32_t order;
    double weight[ORDER_MOST]; /* of the hour before, of the one before that, ... */
};

/* Faded out towards long lags, so that few data do not make distant hours look related. */
static void autocovariance(const struct deviations *past, int32_t order,
                           double ret_at[ORDER_MOST + 1])
{
    double sum[PROCESS_LAGS] = {0};
    for (int32_t first = 0; first <= order; first += LANES)
        for (int32_t i = 0; i < past->count; i++)
            for (int32_t lag = first; lag < first + LANES; lag++)
                sum[lag] += past->value[i] * past->value[i + lag];
    for (int32_t lag = 0; lag <= order; lag++) {
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

static void fit(struct process *process, const struct deviations *past, int32_t order_most)
{
    double covariance[ORDER_MOST + 1];
    int32_t order = past->known / HOURS_A_COEFFICIENT;
    order = order > order_most ? order_most : order;
    *process = (struct process){.order = 1, .weight = {FADE_UNFITTED}};
    if (past->known < LEAST_KNOWN_HOURS)
        return;
    autocovariance(past, order, covariance);
    if (covariance[0] > 0.0)
        levinson(process, covariance, order);
}

void process_project(const struct deviations *past, int32_t order_most, int32_t count,
                     double ret_deviation[PROCESS_AHEAD_MOST])
{
    assert(order_most >= 1 && order_most <= ORDER_MOST);
    assert(past->count >= 1 && past->count <= PROCESS_HOURS_MOST);
    assert(count >= 1 && count <= PROCESS_AHEAD_MOST);
    struct process process;
    fit(&process, past, order_most);
    double course[ORDER_MOST + PROCESS_AHEAD_MOST] = {0}; /* the newest hours, then the future */
    int32_t newest = past->count < ORDER_MOST ? past->count : ORDER_MOST;
    memcpy(&course[ORDER_MOST - newest], &past->value[past->count - newest],
           (size_t)newest * sizeof(course[0]));
    for (int32_t i = ORDER_MOST; i < ORDER_MOST + count - 1; i++)
        for (int32_t lag = 0; lag < process.order; lag++)
            course[i] += process.weight[lag] * course[i - 1 - lag];
    memcpy(ret_deviation, &course[ORDER_MOST - 1], (size_t)count * sizeof(course[0]));
}
