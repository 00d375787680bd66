/* The forecaster's scenarios in the slots of the problem: how much sun and wind may come. Prices
 * and carbon stay the expectation in each of them: as their path is never known an hour later,
 * plans that count on learning it wait for it in vain. */
#include <math.h>

#include "controller/core/cycle_private.h"

/* The mean of one series over a slot; its last step holds on. NAN where it has no forecast. */
static double mean_of(const struct forecast_scenario *scenario, enum forecast_series series,
                      const struct problem_slot *slot)
{
    double sum = 0, weight = 0;
    int64_t end_ms = slot->start_ms + slot->length_ms;
    for (int64_t at_ms = slot->start_ms; at_ms < end_ms;) {
        int64_t next_ms = utc_floor(at_ms, FORECAST_STEP_MS) + FORECAST_STEP_MS;
        int64_t step = (at_ms - scenario->start_ms) / FORECAST_STEP_MS;
        double part = (double)((next_ms < end_ms ? next_ms : end_ms) - at_ms);
        step = step < 0 ? 0 : step >= scenario->steps ? scenario->steps - 1 : step;
        sum += part * (double)scenario->value[series][step];
        weight += part;
        at_ms = next_ms;
    }
    return sum / weight;
}

static double or_expected(double value, double expected)
{
    return fmax(isnan(value) ? expected : value, 0);
}

/* What is given from outside does not vary. */
static double green_w(const struct cycle *cycle, const struct forecast_scenario *from,
                      enum forecast_series series, const struct problem_slot *slot,
                      double expected_w)
{
    bool given = slot->start_ms + slot->length_ms <= cycle->provided_until_ms[series];
    return given ? expected_w : or_expected(mean_of(from, series, slot), expected_w);
}

static void fill(const struct cycle *cycle, const struct forecast_scenario *from,
                 const struct problem *problem, struct problem_scenario *to)
{
    to->weight = from->weight;
    for (int s = 0; s < problem->slot_count; s++) {
        const struct problem_slot *slot = &problem->sites[0].slots[s];
        to->outlook[0][s] = (struct problem_outlook){
            .pv_w = green_w(cycle, from, SERIES_PV, slot, slot->pv_w),
            .wind_w = green_w(cycle, from, SERIES_WIND, slot, slot->wind_w),
            .price_import_per_mwh = slot->price_import_per_mwh,
            .carbon_g_per_kwh = slot->carbon_g_per_kwh,
        };
    }
}

/* Without memory, or before there is a past to draw from, the expectation is all that is known. */
void cycle_scenarios(struct cycle *cycle, struct problem *problem)
{
    int most = cycle->config.scenarios;
    int count = most > 0 ? forecaster_scenarios(cycle->forecaster, problem->issue_ms,
                                                cycle->scenarios, most)
                         : 0;
    for (int i = 0; i < count; i++) {
        struct problem_scenario *scenario = problem_add_scenario(problem);
        if (!scenario) {
            problem->scenario_count = 0; /* weights of a part would not add up */
            return;
        }
        fill(cycle, &cycle->scenarios[i], problem, scenario);
    }
}
