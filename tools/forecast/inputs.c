/* See inputs.h. */
#include "tools/forecast/inputs.h"

#include <math.h>
#include <stddef.h>

#include "controller/base/utc.h"

static const double W_PER_MW = 1e6;

/* A column of generation is an input, and as a series an example of what a site may have. */
struct power_column {
    const char *name;
    int32_t tracks[2]; /* -1: none */
};
static const struct power_column power_columns[] = {
    {"solar_mw", {INPUT_GRID_SOLAR, SERIES_PV}}, {"wind_mw", {INPUT_GRID_WIND, SERIES_WIND}},
    {"hydro_mw", {INPUT_GRID_HYDRO, -1}},        {"nuclear_mw", {INPUT_GRID_NUCLEAR, -1}},
    {"fossil_mw", {INPUT_GRID_FOSSIL, -1}},      {"total_mw", {INPUT_GRID_TOTAL, SERIES_BASE_IT}},
};
enum { POWER_COLUMNS = sizeof power_columns / sizeof power_columns[0] };

static int load_power(const char *path, const char *column, struct track *ret_track,
                      struct error *error)
{
    int result = track_load_power(ret_track, path, column, error);
    for (int32_t i = 0; i < ret_track->hours; i++)
        ret_track->value[i] *= W_PER_MW;
    return result;
}

static int load_grid(const struct evaluation_paths *paths, struct evaluation_inputs *inputs,
                     struct error *error)
{
    const char *carbon =
        paths->lifecycle ? "carbon_lifecycle_g_per_kwh" : "carbon_direct_g_per_kwh";
    int result = track_load_carbon(&inputs->measured[SERIES_CARBON], paths->grid, carbon, error);
    for (int i = 0; i < POWER_COLUMNS; i++)
        for (int k = 0; k < 2 && result == 0 && power_columns[i].tracks[k] >= 0; k++)
            result = load_power(paths->grid, power_columns[i].name,
                                &inputs->measured[power_columns[i].tracks[k]], error);
    return result;
}

/* The files of day-ahead markets have 24 rows a day, whatever the clock did: plain hours. */
static int load_price(const char *path, struct evaluation_inputs *inputs, struct error *error)
{
    static const struct track_clock plain = {0, false};
    static const char note[] = "knows forecasts of load and generation that are not in the file";
    static const char *const peers[EVALUATION_PEERS][2] = {{"peer_lear_ensemble", "LEAR ensemble"},
                                                           {"peer_dnn_ensemble", "DNN ensemble"}};
    int result =
        track_load_price(&inputs->measured[SERIES_PRICE], path, "price_eur_per_mwh", &plain, error);
    for (int i = 0; i < EVALUATION_PEERS && result == 0; i++)
        if (track_file_has(path, peers[i][0]))
            result = peer_load_day_ahead(&inputs->peers[SERIES_PRICE][i], path, peers[i][0],
                                         peers[i][1], note, error);
    return result;
}

int evaluation_inputs_load(const struct evaluation_paths *paths, struct evaluation_inputs *ret_in,
                           struct error *error)
{
    struct track *carbon = &ret_in->measured[SERIES_CARBON];
    int result = 0;
    *ret_in = (struct evaluation_inputs){.weather.path = NULL};
    if (paths->grid)
        result = load_grid(paths, ret_in, error);
    if (result == 0 && paths->price)
        result = load_price(paths->price, ret_in, error);
    if (result == 0 && paths->weather)
        result = weather_load(&ret_in->weather, paths->weather, error);
    if (result == 0 && paths->weather)
        result = weather_first_days(&ret_in->weather, &ret_in->measured[SERIES_TEMP], error);
    if (result == 0 && paths->peer)
        result = peer_load(&ret_in->peers[SERIES_CARBON][0], paths->peer, carbon, error);
    return result;
}

void evaluation_inputs_finish(struct evaluation_inputs *inputs)
{
    for (int32_t i = 0; i < FORECAST_TRACKS; i++)
        track_finish(&inputs->measured[i]);
    for (int i = 0; i < FORECAST_SERIES * EVALUATION_PEERS; i++)
        peer_finish(&inputs->peers[i / EVALUATION_PEERS][i % EVALUATION_PEERS]);
    weather_finish(&inputs->weather);
}

void evaluation_inputs_span(const struct evaluation_inputs *inputs, int64_t *ret_from_ms,
                            int64_t *ret_to_ms)
{
    *ret_from_ms = INT64_MAX;
    *ret_to_ms = INT64_MIN;
    for (int32_t i = 0; i < FORECAST_TRACKS; i++) {
        const struct track *track = &inputs->measured[i];
        int64_t end_ms = track->start_ms + track->hours * (int64_t)HOUR_MS;
        if (track->hours > 0 && track->start_ms < *ret_from_ms)
            *ret_from_ms = track->start_ms;
        if (track->hours > 0 && end_ms > *ret_to_ms)
            *ret_to_ms = end_ms;
    }
}

/* ---- another future ---- */

/* Backwards, and twice as much: neither level nor order stay. */
static void shift_track(struct track *track, int32_t first)
{
    for (int32_t i = first, k = track->hours - 1; i <= k; i++, k--) {
        double early = track->value[i], late = track->value[k];
        track->value[i] = 2 * late;
        track->value[k] = 2 * early;
    }
}

void evaluation_inputs_shift(struct evaluation_inputs *inputs, int64_t at_ms)
{
    for (int32_t i = 0; i < FORECAST_TRACKS; i++) {
        struct track *track = &inputs->measured[i];
        int64_t past = utc_floor(at_ms - track->start_ms, HOUR_MS) / HOUR_MS;
        shift_track(track, past > 0 ? (int32_t)past : 0);
    }
    for (int32_t i = 0; i < inputs->weather.count; i++) {
        struct weather_issue *issue = &inputs->weather.issues[i];
        for (int value = 0; value < WEATHER_VALUES && issue->issue_ms > at_ms; value++)
            for (int lead = 0; lead < WEATHER_LEADS; lead++)
                issue->value[value][lead] = 40.0f - 2.0f * issue->value[value][lead];
    }
}
