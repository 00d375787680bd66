/* The shape of the day is a mean by time of day of what stands out from the mean of the 24 h
 * around it. A plain mean by time of day would not do: hours that have already passed today have
 * one day more than those to come, and a step between them would stand just where the forecast
 * begins. Older days count less. The deviation from level and shape is an AR(1) process whose
 * memory is fitted to the same past. All is computed afresh for every issue: some microseconds
 * buy models without state, which cannot drift or peek. */
#include "controller/forecast/daily_profile.h"

#include <math.h>

enum {
    HISTORY_DAYS = LIMIT_HISTORY_SLOTS / STEPS_A_DAY,
    LEAST_KNOWN = 2 * STEPS_A_DAY,
    AROUND_LEAST_KNOWN = STEPS_A_DAY * 3 / 4,
    /* The memory is read off at this lag, because what matters is what is left after hours; at
     * one step an hourly series held for four quarters looks more persistent than it is. */
    PHI_LAG = 3 * STEPS_AN_HOUR,
    PHI_LEAST_KNOWN = 3 * STEPS_A_DAY,
    WEEKEND_LEAST_KNOWN = 4 * STEPS_A_DAY,
};

/* An assumption (half-life of 8.6 h), used only until the past is long enough to fit it. */
static const double PHI_UNFITTED = 0.98;
static const double PHI_MOST = 0.999;

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static enum day_kind kind_of(int64_t step)
{
    int64_t day = floor_div(step, STEPS_A_DAY) + 3; /* 1970-01-01 was a Thursday; 0 is Monday */
    return day - floor_div(day, 7) * 7 >= 5 ? DAY_WEEKEND : DAY_WEEKDAY;
}

static int32_t bin_of(const struct daily_profile *profile, int64_t step)
{
    int64_t in_day = step - floor_div(step, STEPS_A_DAY) * STEPS_A_DAY;
    return (int32_t)in_day / profile->form.steps_per_bin;
}

/* Mean of the 24 h around each step of the past; NAN where too little of them is known. */
static void means_around(const struct forecast_view *view, double ret_mean[LIMIT_HISTORY_SLOTS])
{
    enum { HALF = STEPS_A_DAY / 2 };
    double sum = 0.0;
    int32_t known = 0;
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS + HALF; i++) {
        if (i < LIMIT_HISTORY_SLOTS && !isnan(view->past[i])) {
            sum += (double)view->past[i];
            known++;
        }
        if (i >= STEPS_A_DAY && !isnan(view->past[i - STEPS_A_DAY])) {
            sum -= (double)view->past[i - STEPS_A_DAY];
            known--;
        }
        if (i >= HALF)
            ret_mean[i - HALF] = known >= AROUND_LEAST_KNOWN ? sum / known : (double)NAN;
    }
}

struct weighted {
    double weight, sum;
};

static void join(struct weighted *to, struct weighted other)
{
    to->weight += other.weight;
    to->sum += other.sum;
}

static struct weighted weigh(double weight, double value)
{
    return (struct weighted){.weight = weight, .sum = weight * value};
}

static double weighted_mean(const struct weighted *of, double fallback)
{
    return of->weight > 0.0 ? of->sum / of->weight : fallback;
}

struct day_sums {
    struct weighted level;
    struct weighted shape[STEPS_A_DAY];
    int32_t known;
};

static void add_up(const struct daily_profile *profile, const struct forecast_view *view,
                   struct day_sums ret_days[DAY_KINDS])
{
    double around[LIMIT_HISTORY_SLOTS];
    means_around(view, around);
    double younger = pow(2.0, 1.0 / profile->form.half_life_days);
    double weight = pow(younger, -HISTORY_DAYS);
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++) {
        if (i % STEPS_A_DAY == 0)
            weight *= younger;
        if (isnan(view->past[i]))
            continue;
        int64_t step = forecast_view_step(view, i);
        struct day_sums *day = &ret_days[kind_of(step)];
        day->known++;
        join(&day->level, weigh(weight, (double)view->past[i]));
        if (!isnan(around[i]))
            join(&day->shape[bin_of(profile, step)],
                 weigh(weight, (double)view->past[i] - around[i]));
    }
}

static void join_weekend(struct day_sums days[DAY_KINDS])
{
    struct day_sums *all = &days[DAY_WEEKDAY];
    join(&all->level, days[DAY_WEEKEND].level);
    for (int32_t bin = 0; bin < STEPS_A_DAY; bin++)
        join(&all->shape[bin], days[DAY_WEEKEND].shape[bin]);
    days[DAY_WEEKEND] = *all;
}

static double fit_phi(const struct daily_profile *profile, const struct forecast_view *view)
{
    if (view->known < PHI_LEAST_KNOWN)
        return PHI_UNFITTED;
    double deviation[LIMIT_HISTORY_SLOTS];
    double variance = 0.0, covariance = 0.0;
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++) {
        deviation[i] =
            (double)view->past[i] - daily_profile_at(profile, forecast_view_step(view, i));
        if (i < PHI_LAG || isnan(deviation[i]) || isnan(deviation[i - PHI_LAG]))
            continue;
        covariance += deviation[i] * deviation[i - PHI_LAG];
        variance += deviation[i - PHI_LAG] * deviation[i - PHI_LAG];
    }
    if (!(variance > 0.0))
        return PHI_UNFITTED;
    return fmin(PHI_MOST, pow(fmax(0.0, covariance / variance), 1.0 / PHI_LAG));
}

bool daily_profile_fit(struct daily_profile *profile, const struct daily_profile_form *form,
                       const struct forecast_view *view)
{
    if (view->known < LEAST_KNOWN)
        return false;
    struct day_sums days[DAY_KINDS] = {0};
    profile->form = *form;
    add_up(profile, view, days);
    if (!form->weekend_apart || days[DAY_WEEKDAY].known < WEEKEND_LEAST_KNOWN ||
        days[DAY_WEEKEND].known < WEEKEND_LEAST_KNOWN)
        join_weekend(days);
    for (int kind = 0; kind < DAY_KINDS; kind++) {
        profile->level[kind] = weighted_mean(&days[kind].level, 0.0);
        for (int32_t bin = 0; bin < STEPS_A_DAY; bin++)
            profile->shape[kind][bin] = weighted_mean(&days[kind].shape[bin], 0.0);
    }
    profile->phi = fit_phi(profile, view);
    return true;
}

double daily_profile_at(const struct daily_profile *profile, int64_t step)
{
    enum day_kind kind = kind_of(step);
    return profile->level[kind] + profile->shape[kind][bin_of(profile, step)];
}

void daily_profile_project(const struct daily_profile *profile, const struct forecast_view *view,
                           struct outlook *ret_outlook)
{
    double deviation = view->present - daily_profile_at(profile, view->present_step);
    deviation *= pow(profile->phi, (double)(view->end_step - view->present_step));
    for (int32_t i = 0; i < FORECAST_STEPS; i++) {
        ret_outlook->point[i] = (float)(daily_profile_at(profile, view->end_step + i) + deviation);
        ret_outlook->spread[i] = 1.0f;
        deviation *= profile->phi;
    }
}
