/* A value is out of reach when it lies more than ten mean deviations from the mean. It becomes a
 * gap only when the series was back within two hours: a new load or a price crisis stays, because
 * what lasts is true. Without this, one misplaced decimal point would be remembered for eight
 * weeks. */
#include "controller/forecast/despike.h"

#include <math.h>

enum {
    SPIKE_MOST = 2 * STEPS_AN_HOUR,
    PASSES = 3, /* a large spike hides smaller ones */
};
static const double REACH_DEVIATIONS = 10.0;

struct reach {
    double mean, most;
    bool all_within;
};

static struct reach reach_of(const struct forecast_view *view)
{
    double sum = 0.0, deviations = 0.0, farthest = 0.0;
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++)
        sum += isnan(view->past[i]) ? 0.0 : (double)view->past[i];
    double mean = sum / view->known;
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++) {
        double deviation = isnan(view->past[i]) ? 0.0 : fabs((double)view->past[i] - mean);
        deviations += deviation;
        farthest = deviation > farthest ? deviation : farthest;
    }
    double most = REACH_DEVIATIONS * deviations / view->known;
    return (struct reach){.mean = mean, .most = most, .all_within = farthest <= most};
}

static void forget(struct forecast_view *view, int32_t first, int32_t end)
{
    for (int32_t i = first; i < end; i++) {
        view->known -= !isnan(view->past[i]);
        view->past[i] = NAN;
    }
}

static void forget_spikes(struct forecast_view *view, const struct reach *reach)
{
    int32_t first_out = -1;
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++) {
        if (isnan(view->past[i]))
            continue;
        bool out = fabs((double)view->past[i] - reach->mean) > reach->most;
        if (out && first_out < 0)
            first_out = i;
        if (out)
            continue;
        if (first_out >= 0 && i - first_out <= SPIKE_MOST)
            forget(view, first_out, i);
        first_out = -1;
    }
}

void despike(struct forecast_view *view)
{
    for (int pass = 0; pass < PASSES && view->known > 0; pass++) {
        struct reach reach = reach_of(view);
        if (reach.all_within)
            return;
        forget_spikes(view, &reach);
    }
}
