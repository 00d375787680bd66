/* Reading a forecast: values at a time and means over an interval. */
#include "controller/forecast/forecast.h"

#include <assert.h>

const double forecast_quantiles[QUANTILES] = {0.05, 0.25, 0.50, 0.75, 0.95};

const char *forecast_series_name(enum forecast_series series)
{
    static const char *const names[FORECAST_SERIES] = {
        [SERIES_PV] = "pv_w",
        [SERIES_WIND] = "wind_w",
        [SERIES_PRICE] = "price_per_mwh",
        [SERIES_CARBON] = "carbon_g_per_kwh",
        [SERIES_BASE_IT] = "base_it_w",
        [SERIES_TEMP] = "temp_outdoor_c",
    };
    assert(series >= 0 && series < FORECAST_SERIES);
    return names[series];
}

/* Step that speaks for the time: the first before the start, the last after the end. */
static int32_t step_at(const struct forecast *forecast, int64_t at_ms)
{
    if (at_ms <= forecast->start_ms)
        return 0;
    int64_t step = (at_ms - forecast->start_ms) / FORECAST_STEP_MS;
    return step < forecast->steps ? (int32_t)step : forecast->steps - 1;
}

bool forecast_at(const struct forecast *forecast, int64_t at_ms, int q, double *ret_value)
{
    assert(q >= 0 && q < QUANTILES);
    if (forecast->steps <= 0)
        return false;
    *ret_value = (double)forecast->value[step_at(forecast, at_ms)][q];
    return true;
}

bool forecast_mean(const struct forecast *forecast, int64_t start_ms, int64_t end_ms, int q,
                   double *ret_value)
{
    assert(q >= 0 && q < QUANTILES);
    if (forecast->steps <= 0)
        return false;
    if (end_ms <= start_ms)
        return forecast_at(forecast, start_ms, q, ret_value);
    int32_t first = step_at(forecast, start_ms), last = step_at(forecast, end_ms - 1);
    double sum = 0.0;
    int64_t from_ms = start_ms;
    for (int32_t step = first; step <= last; step++) {
        int64_t until_ms = forecast->start_ms + (int64_t)(step + 1) * FORECAST_STEP_MS;
        if (step == last || until_ms > end_ms)
            until_ms = end_ms;
        sum += (double)forecast->value[step][q] * (double)(until_ms - from_ms);
        from_ms = until_ms;
    }
    *ret_value = sum / (double)(end_ms - start_ms);
    return true;
}
