/* See faults.h. */
#include "tests/sim/faults.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "controller/base/utc.h"

void faults_add(struct fault_list *faults, const struct site_fault *fault)
{
    assert(faults->count < FAULTS);
    faults->list[faults->count++] = *fault;
}

static bool holds(const struct site_fault *fault, enum fault_kind kind, int64_t now_ms)
{
    return fault->kind == kind && now_ms >= fault->from_ms && now_ms < fault->to_ms;
}

bool faults_silence(const struct fault_list *faults, const char *device, int64_t now_ms)
{
    for (int f = 0; f < faults->count; f++) {
        if (holds(&faults->list[f], FAULT_SILENT, now_ms) &&
            strcmp(faults->list[f].device, device) == 0)
            return true;
    }
    return false;
}

double faults_known_limit_w(const struct fault_list *faults, int64_t now_ms)
{
    double limit_w = INFINITY;
    for (int f = 0; f < faults->count; f++) {
        if (holds(&faults->list[f], FAULT_GRID_LIMIT, now_ms))
            limit_w = fmin(limit_w, faults->list[f].value);
    }
    return limit_w;
}

double faults_grid_limit_w(const struct fault_list *faults, int64_t now_ms)
{
    for (int f = 0; f < faults->count; f++) {
        if (holds(&faults->list[f], FAULT_GRID_SILENT, now_ms))
            return NAN;
    }
    return faults_known_limit_w(faults, now_ms);
}

static void move(const struct site_fault *fault, struct outside *outside)
{
    if (fault->series == SERIES_PV)
        outside->irradiance_w_m2 *= fault->value;
    else if (fault->series == SERIES_WIND)
        outside->wind_m_s *= fault->value;
    else if (fault->series == SERIES_PRICE)
        outside->price_per_mwh += fault->value;
    else if (fault->series == SERIES_CARBON)
        outside->carbon_g_per_kwh = fmax(outside->carbon_g_per_kwh + fault->value, 0);
    else if (fault->series == SERIES_BASE_IT)
        outside->base_it_w = fmax(outside->base_it_w + fault->value, 0);
    else
        outside->temp_outdoor_c += fault->value;
}

void faults_move_outside(const struct fault_list *faults, int64_t now_ms, struct outside *outside)
{
    for (int f = 0; f < faults->count; f++) {
        if (holds(&faults->list[f], FAULT_OUTSIDE, now_ms))
            move(&faults->list[f], outside);
    }
}

static void fade(struct fault_list *faults, struct site_fault *fault, struct battery *battery)
{
    double lost_wh = fmin(fault->value * battery_capacity_wh, battery->soc_wh);
    battery->soc_wh -= lost_wh;
    faults->faded_wh += lost_wh;
    fault->struck = true;
}

void faults_strike_plant(struct fault_list *faults, int64_t now_ms, struct plant *plant)
{
    struct battery *battery = &plant->battery;
    battery->offer_share = 1;
    plant->cooling.leak_k = 0;
    for (int f = 0; f < faults->count; f++) {
        struct site_fault *fault = &faults->list[f];
        if (holds(fault, FAULT_DERATED, now_ms))
            battery->offer_share = fmin(battery->offer_share, fault->value);
        if (holds(fault, FAULT_LEAK, now_ms))
            plant->cooling.leak_k += fault->value;
        if (holds(fault, FAULT_FADED, now_ms) && !fault->struck)
            fade(faults, fault, battery);
    }
}

static void provide(const struct site_fault *fault, int64_t now_ms, struct forecast *ret_forecast)
{
    *ret_forecast = (struct forecast){
        .series = fault->series,
        .issue_ms = now_ms,
        .start_ms = utc_floor(now_ms, FORECAST_STEP_MS),
        .steps = FORECAST_STEPS,
        .model = "provided",
    };
    for (int step = 0; step < FORECAST_STEPS; step++) {
        for (int q = 0; q < QUANTILES; q++)
            ret_forecast->value[step][q] = (float)fault->value;
    }
}

void faults_provide(struct fault_list *faults, int64_t now_ms)
{
    faults->provided_count = 0;
    for (int f = 0; f < faults->count && faults->provided_count < FORECAST_SERIES; f++) {
        if (holds(&faults->list[f], FAULT_FORECAST, now_ms))
            provide(&faults->list[f], now_ms, &faults->provided[faults->provided_count++]);
    }
}

void fault_describe(const struct site_fault *fault, int64_t start_ms, char *ret_text, size_t size)
{
    static const char *const names[FAULT_KINDS] = {
        "silent",   "grid limit",      "grid master silent", "outside",
        "forecast", "battery derated", "hot air leaks",      "battery faded"};
    bool about_series = fault->kind == FAULT_OUTSIDE || fault->kind == FAULT_FORECAST;
    snprintf(ret_text, size, "%5.2f h to %5.2f h  %s %s %.6g",
             (double)(fault->from_ms - start_ms) / HOUR_MS,
             (double)(fault->to_ms - start_ms) / HOUR_MS, names[fault->kind],
             fault->device  ? fault->device
             : about_series ? forecast_series_name(fault->series)
                            : "",
             fault->value);
}
