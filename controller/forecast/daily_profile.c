/* The shape of the day is a mean by time of day of what stands out from the mean of the 24 h
 * around it. A plain mean by time of day would not do: hours that have already passed today have
 * one day more than those to come, and a step between them would stand just where the forecast
 * begins. Older days count less. What weekends change is learnt from all of the past alike,
 * because a fortnight holds only four of their days.
 *
 * All is computed afresh for every issue: some microseconds buy models without state, which cannot
 * drift or peek. */
#include "controller/forecast/daily_profile.h"

#include <math.h>

#include "controller/base/utc.h"

enum {
    HISTORY_DAYS = LIMIT_HISTORY_SLOTS / STEPS_A_DAY, /* whole ones, back from the present */
    LEAST_KNOWN = 2 * STEPS_A_DAY,
    HALF_DAY = STEPS_A_DAY / 2,
    HALF_LEAST_KNOWN = STEPS_A_DAY / 4, /* of each half of the 24 h around a step */
    WEEKEND_LEAST_KNOWN = 4 * STEPS_A_DAY,
};

struct day_walk day_walk_from(int64_t step)
{
    int64_t day = utc_floor(step, STEPS_A_DAY) / STEPS_A_DAY;
    int64_t since_monday = day + 3; /* 1970-01-01 was a Thursday */
    return (struct day_walk){.time = (int32_t)(step - day * STEPS_A_DAY),
                             .weekday = (int32_t)(since_monday - utc_floor(since_monday, 7))};
}

struct weighted {
    double weight, sum;
};

static void weigh(struct weighted *to, double weight, double value)
{
    to->weight += weight;
    to->sum += weight * value;
}

static struct weighted together(struct weighted a, struct weighted b)
{
    return (struct weighted){.weight = a.weight + b.weight, .sum = a.sum + b.sum};
}

static double weighted_mean(struct weighted of)
{
    return of.weight > 0.0 ? of.sum / of.weight : 0.0;
}

/* One mean for each bin of the day, given to all of its steps. */
static void pool_bins(struct weighted by_time[STEPS_A_DAY], int32_t steps_per_bin)
{
    for (int32_t first = 0; first < STEPS_A_DAY; first += steps_per_bin) {
        struct weighted bin = {0};
        for (int32_t i = first; i < first + steps_per_bin; i++)
            bin = together(bin, by_time[i]);
        for (int32_t i = first; i < first + steps_per_bin; i++)
            by_time[i] = bin;
    }
}

/* Mean of each kind of day less the mean of all days, by time of day. */
static void learn_week(struct daily_profile *profile, const struct daily_profile_form *form,
                       const struct forecast_view *view)
{
    struct weighted days[DAY_KINDS][STEPS_A_DAY] = {0};
    struct day_walk walk = day_walk_from(forecast_view_step(view, 0));
    int32_t known[DAY_KINDS] = {0};
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++, day_walk_on(&walk)) {
        if (isnan(view->past[i]))
            continue;
        known[day_walk_kind(walk)]++;
        weigh(&days[day_walk_kind(walk)][walk.time], 1.0, (double)view->past[i]);
    }
    if (known[DAY_WEEKDAY] < WEEKEND_LEAST_KNOWN || known[DAY_WEEKEND] < WEEKEND_LEAST_KNOWN)
        return;
    for (int kind = 0; kind < DAY_KINDS; kind++)
        pool_bins(days[kind], form->steps_per_bin);
    for (int32_t time = 0; time < STEPS_A_DAY; time++) {
        double all = weighted_mean(together(days[DAY_WEEKDAY][time], days[DAY_WEEKEND][time]));
        for (int kind = 0; kind < DAY_KINDS; kind++)
            if (days[kind][time].weight > 0.0)
                profile->weekly[kind][time] = weighted_mean(days[kind][time]) - all;
    }
}

/* The past as if all days were of one kind; NAN: gap. */
static void without_week(const struct daily_profile *profile, const struct forecast_view *view,
                         double ret_value[LIMIT_HISTORY_SLOTS])
{
    struct day_walk walk = day_walk_from(forecast_view_step(view, 0));
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++, day_walk_on(&walk)) {
        ret_value[i] = isnan(view->past[i]) ? (double)NAN
                                            : (double)view->past[i] -
                                                  profile->weekly[day_walk_kind(walk)][walk.time];
    }
}

/* Mean of the 24 h around each step of the past; NAN where too little of them is known. */
static void means_around(const double past[LIMIT_HISTORY_SLOTS],
                         double ret_mean[LIMIT_HISTORY_SLOTS])
{
    double sum[LIMIT_HISTORY_SLOTS + 1] = {0}; /* of all before */
    int32_t known[LIMIT_HISTORY_SLOTS + 1] = {0};
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++) {
        bool gap = isnan(past[i]);
        sum[i + 1] = sum[i] + (gap ? 0.0 : past[i]);
        known[i + 1] = known[i] + !gap;
    }
    for (int32_t i = 0; i < LIMIT_HISTORY_SLOTS; i++) {
        int32_t from = i < HALF_DAY ? 0 : i - HALF_DAY;
        int32_t to = i + HALF_DAY > LIMIT_HISTORY_SLOTS ? LIMIT_HISTORY_SLOTS : i + HALF_DAY;
        bool enough =
            known[i] - known[from] >= HALF_LEAST_KNOWN && known[to] - known[i] >= HALF_LEAST_KNOWN;
        ret_mean[i] = enough ? (sum[to] - sum[from]) / (known[to] - known[from]) : (double)NAN;
    }
}

static void learn_day(struct daily_profile *profile, const struct daily_profile_form *form,
                      const struct forecast_view *view)
{
    double past[LIMIT_HISTORY_SLOTS], around[LIMIT_HISTORY_SLOTS];
    struct weighted level = {0}, shape[STEPS_A_DAY] = {0};
    without_week(profile, view, past);
    means_around(past, around);
    struct day_walk walk = day_walk_from(forecast_view_step(view, 0));
    for (int32_t day = 0; day < HISTORY_DAYS; day++) {
        double weight = exp2((day + 1 - HISTORY_DAYS) / form->half_life_days);
        double sum = 0.0;
        int32_t known = 0;
        for (int32_t i = day * STEPS_A_DAY; i < (day + 1) * STEPS_A_DAY; i++, day_walk_on(&walk)) {
            if (isnan(past[i]))
                continue;
            sum += past[i];
            known++;
            if (!isnan(around[i]))
                weigh(&shape[walk.time], weight, past[i] - around[i]);
        }
        level = together(level, (struct weighted){.weight = weight * known, .sum = weight * sum});
    }
    pool_bins(shape, form->steps_per_bin);
    profile->level = weighted_mean(level);
    for (int32_t time = 0; time < STEPS_A_DAY; time++)
        profile->shape[time] = weighted_mean(shape[time]);
}

bool daily_profile_fit(struct daily_profile *profile, const struct daily_profile_form *form,
                       const struct forecast_view *view)
{
    if (view->known < LEAST_KNOWN)
        return false;
    *profile = (struct daily_profile){0};
    if (form->weekend_apart)
        learn_week(profile, form, view);
    learn_day(profile, form, view);
    return true;
}
