/* PV: the clear sky's irradiance x what the plant makes of it at that time of day x how clear it is
 * now.
 *
 * The yield (W per clear-sky W/m2) is learnt by time of day, which also carries orientation,
 * shading and the usual clouds of that time. The clearness of the last sunny hour, relative to that
 * yield, fades to the usual one. */
#include "controller/forecast/forecast_model.h"

#include <math.h>

/* A time of day with this much sun (W/m2 x steps) counts as much as the mean of all times. */
static const double YIELD_PRIOR_SUN = 200.0;
/* Least sun in the past that says anything about the plant: about an hour after sunrise. */
static const double LEAST_SUN = 200.0;
/* Sun (W/m2 x steps) over which "how clear it is now" is averaged: two quarter hours at noon. */
static const double CLEARNESS_SUN = 1000.0;
/* Part of the spread that does not follow the sun (W/m2): at dawn and dusk the geometry is off by
 * as much, and errors in shares of almost nothing would drown those of the day. */
static const double DAWN_SUN = 30.0;
static const double CLEARNESS_MOST = 2.5;
/* Chosen, not fitted: grid-wide PV (NL and California, 2020) did better with 24 h than with 3, 6 or
 * 12, but averages out the clouds that pass over one site, so a site gets a shorter memory. */
static const double CLEARNESS_FADE_STEPS = 12.0 * STEPS_AN_HOUR;

/* Yields change with leaves, dust and season: older days are not looked at. */
enum { YIELD_STEPS = 21 * STEPS_A_DAY };

struct plant {
    double yield[STEPS_A_DAY]; /* W per clear-sky W/m2 */
    double mean_yield;
};

static int32_t time_of_day(int64_t step)
{
    int64_t in_day = step % STEPS_A_DAY;
    return (int32_t)(in_day < 0 ? in_day + STEPS_A_DAY : in_day);
}

/* The instant value counts too: in the first quarter hour after a start it is all there is. */
static bool learn(struct plant *plant, const struct forecast_view *view)
{
    double sun[STEPS_A_DAY] = {0}, power[STEPS_A_DAY] = {0};
    double all_sun = 0.0, all_power = 0.0;
    if (view->present_step >= view->end_step) {
        all_sun = sun_table_clear_sky_w_m2(view->sun, view->present_step);
        all_power = all_sun > 0.0 ? view->present : 0.0;
    }
    for (int32_t i = LIMIT_HISTORY_SLOTS - YIELD_STEPS; i < LIMIT_HISTORY_SLOTS; i++) {
        if (isnan(view->past[i]))
            continue;
        int64_t step = forecast_view_step(view, i);
        double clear = sun_table_clear_sky_w_m2(view->sun, step);
        int32_t time = time_of_day(step);
        sun[time] += clear;
        power[time] += clear > 0.0 ? (double)view->past[i] : 0.0;
    }
    for (int32_t time = 0; time < STEPS_A_DAY; time++) {
        all_sun += sun[time];
        all_power += power[time];
    }
    if (all_sun < LEAST_SUN || !(all_power > 0.0))
        return false;
    plant->mean_yield = all_power / all_sun;
    for (int32_t time = 0; time < STEPS_A_DAY; time++)
        plant->yield[time] =
            (power[time] + YIELD_PRIOR_SUN * plant->mean_yield) / (sun[time] + YIELD_PRIOR_SUN);
    return true;
}

/* Clearness of the newest sun within a day, relative to the usual; its time goes to `ret_step`. */
static double recent_clearness(const struct plant *plant, const struct forecast_view *view,
                               int64_t *ret_step)
{
    double sun = sun_table_clear_sky_w_m2(view->sun, view->present_step);
    double usual = sun * plant->yield[time_of_day(view->present_step)];
    double power = sun > 0.0 ? view->present : 0.0;
    int64_t newest = view->present_step;
    for (int32_t i = LIMIT_HISTORY_SLOTS - 1;
         i >= LIMIT_HISTORY_SLOTS - STEPS_A_DAY && sun < CLEARNESS_SUN; i--) {
        int64_t step = forecast_view_step(view, i);
        double clear = sun_table_clear_sky_w_m2(view->sun, step);
        if (isnan(view->past[i]) || step == view->present_step || !(clear > 0.0))
            continue;
        newest = sun > 0.0 ? newest : step;
        sun += clear;
        usual += clear * plant->yield[time_of_day(step)];
        power += (double)view->past[i];
    }
    *ret_step = newest;
    return usual > 0.0 ? fmin(CLEARNESS_MOST, power / usual) : 1.0;
}

static bool predict(const struct forecast_view *view, struct outlook *ret_outlook)
{
    struct plant plant;
    if (!learn(&plant, view))
        return false;
    int64_t seen_step;
    double excess = recent_clearness(&plant, view, &seen_step) - 1.0;
    double fade = exp(-1.0 / CLEARNESS_FADE_STEPS);
    excess *= pow(fade, (double)(view->end_step - seen_step));
    for (int32_t i = 0; i < FORECAST_STEPS; i++) {
        int64_t step = view->end_step + i;
        double clear = sun_table_clear_sky_w_m2(view->sun, step);
        double usual = clear * plant.yield[time_of_day(step)];
        ret_outlook->point[i] = (float)(usual * (1.0 + excess));
        ret_outlook->spread[i] = clear > 0.0 ? (float)(usual + DAWN_SUN * plant.mean_yield) : 0.0f;
        excess *= fade;
    }
    return true;
}

const struct forecast_model clear_sky_model = {.name = "clear_sky", .predict = predict};
