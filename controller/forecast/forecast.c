/* Reading a forecast: values at a time and means over an interval. */
#include "controller/forecast/forecast.h"

#include <assert.h>
#include <string.h>

const double forecast_quantiles[QUANTILES] = {0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95};

static const char *const names[FORECAST_TRACKS] = {
    [SERIES_PV] = "pv_w",
    [SERIES_WIND] = "wind_w",
    [SERIES_PRICE] = "price_per_mwh",
    [SERIES_CARBON] = "carbon_g_per_kwh",
    [SERIES_BASE_IT] = "base_it_w",
    [SERIES_TEMP] = "temp_outdoor_c",
    [SERIES_PRICE_RT] = "price_realtime_per_mwh",
    [SERIES_WET_BULB] = "wet_bulb_c",
    [SERIES_COP] = "chiller_cop",
    [SERIES_OVERHEAD] = "overhead_w",
    [INPUT_DEW_POINT] = "dew_point_c",
    [INPUT_GHI] = "ghi_w_m2",
    [INPUT_WIND_SPEED] = "wind_speed_m_s",
    [INPUT_GRID_SOLAR] = "grid_solar_w",
    [INPUT_GRID_WIND] = "grid_wind_w",
    [INPUT_GRID_HYDRO] = "grid_hydro_w",
    [INPUT_GRID_NUCLEAR] = "grid_nuclear_w",
    [INPUT_GRID_FOSSIL] = "grid_fossil_w",
    [INPUT_GRID_TOTAL] = "grid_total_w",
};

const char *forecast_track_name(int32_t track)
{
    assert(track >= 0 && track < FORECAST_TRACKS);
    return names[track];
}

const char *forecast_series_name(enum forecast_series series)
{
    assert(series >= 0 && series < FORECAST_SERIES);
    return names[series];
}

int32_t forecast_track_find(const char *name)
{
    for (int32_t track = 0; track < FORECAST_TRACKS; track++)
        if (strcmp(names[track], name) == 0)
            return track;
    return -1;
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
