/* Typical day + process of the deviations from it.
 *
 * Hours are those of the clock: market prices and grid data are constant within them. How far the
 * newest value tells the rest of its hour is learnt too: all of it there, little for a noisy load.
 */
#include "controller/forecast/deviation.h"

#include <math.h>
#include <string.h>

#include "controller/base/utc.h"

struct hours {
    int64_t first;          /* hour number of the first */
    struct deviations past; /* up to that of the present value */
    double within;          /* what is left of one a quarter later in its hour */
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
static void add_up(struct hours *hours, int32_t known[PROCESS_HOURS_MOST],
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
        hours->past.value[quarter / STEPS_AN_HOUR] += deviation;
        known[quarter / STEPS_AN_HOUR]++;
    }
    hours->within = square > 0.0 ? fmin(1.0, fmax(0.0, product / square)) : 1.0;
}

/* The hour of the present value: what is known of it, and the rest as that value tells. */
static void complete_newest(struct hours *hours, int32_t known[PROCESS_HOURS_MOST],
                            const struct daily_profile *profile, const struct forecast_view *view)
{
    int64_t after = (hours->first + hours->past.count) * STEPS_AN_HOUR;
    double rest = present_deviation(profile, view);
    int64_t place = LIMIT_HISTORY_SLOTS - (view->end_step - view->present_step);
    bool counted = place < LIMIT_HISTORY_SLOTS && !isnan(view->past[place]);
    for (int64_t step = view->present_step; step < after; step++, rest *= hours->within) {
        if (step == view->present_step && counted)
            continue;
        hours->past.value[hours->past.count - 1] += rest;
        known[hours->past.count - 1]++;
    }
}

static void gather(struct hours *hours, const struct daily_profile *profile,
                   const struct forecast_view *view)
{
    int32_t known[PROCESS_HOURS_MOST] = {0};
    memset(&hours->past, 0, sizeof(hours->past));
    hours->first = hour_of(forecast_view_step(view, 0));
    hours->past.count = (int32_t)(hour_of(view->present_step) - hours->first) + 1;
    add_up(hours, known, profile, view);
    complete_newest(hours, known, profile, view);
    for (int32_t i = 0; i < PROCESS_HOURS_MOST; i++)
        if (known[i] > 1)
            hours->past.value[i] /= known[i];
    hours->past.known = view->known / STEPS_AN_HOUR;
}

void deviation_project(const struct daily_profile *profile, const struct forecast_view *view,
                       int32_t order, struct outlook *ret_outlook)
{
    struct hours hours;
    double deviation[PROCESS_AHEAD_MOST];
    gather(&hours, profile, view);
    int64_t present_hour = hours.first + hours.past.count - 1;
    int64_t last_step = view->end_step + FORECAST_STEPS - 1;
    process_project(&hours.past, order, (int32_t)(hour_of(last_step) - present_hour) + 1,
                    deviation);
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
