/* Which regression looks at what. Capacity of wind and sun grows within months, so their past fades
 * sooner than that of people's habits. */
#include "controller/forecast/tracks.h"

#include <math.h>

#include "controller/forecast/mix.h"

static const struct regression_form by_weather = {
    .terms = {WEATHER_GENERAL, false}, .lead_days = LEAD_DAYS, .order = 24, .half_life_days = 120};
static const struct regression_form by_weather_lags = {
    .terms = {WEATHER_GENERAL, true}, .lead_days = 1, .order = 24, .half_life_days = 180};
static const struct regression_form by_wind = {
    .terms = {WEATHER_OF_WIND, false}, .lead_days = LEAD_DAYS, .order = 12, .half_life_days = 180};
static const struct regression_form by_wind_lags = {
    .terms = {WEATHER_OF_WIND, true}, .lead_days = 1, .order = 12, .half_life_days = 365};
static const struct regression_form by_sun = {
    .terms = {WEATHER_OF_SUN, false}, .lead_days = LEAD_DAYS, .order = 24, .half_life_days = 30};
static const struct regression_form by_sun_lags = {.terms = {WEATHER_OF_SUN, true},
                                                   .lead_days = 1,
                                                   .order = 24,
                                                   .half_life_days = 90,
                                                   .by_hours = true};
static const struct regression_form by_lags = {
    .terms = {WEATHER_NONE, true}, .lead_days = 1, .order = 24, .half_life_days = 180};
static const struct regression_form by_market_lags = {
    .terms = {WEATHER_NONE, true}, .lead_days = 1, .order = 24, .half_life_days = 365, .by_hours = true};

static const struct regression_form by_carbon = {
    .terms = {WEATHER_RICH, .mix = true, .logarithm = true},
    .lead_days = LEAD_DAYS,
    .order = 24,
    .half_life_days = 90};
static const struct regression_form by_carbon_lags = {
    .terms = {WEATHER_RICH, .lags = true, .mix = true, .logarithm = true},
    .lead_days = 1,
    .order = 24,
    .half_life_days = 180,
    .by_hours = true};

static const struct regression_form by_carbon_level = {
    .terms = {WEATHER_RICH}, .lead_days = LEAD_DAYS, .order = 24, .half_life_days = 90};

struct track_forms {
    const struct regression_form *form[REGRESSION_KINDS];
};

static const struct track_forms forms[FORECAST_TRACKS] = {
    [SERIES_PV] = {{&by_sun, &by_sun_lags, &by_lags}},
    [SERIES_WIND] = {{&by_wind, &by_wind_lags, &by_lags}},
    [SERIES_PRICE] = {{&by_weather, &by_weather_lags, &by_market_lags}},
    [SERIES_CARBON] = {{&by_carbon, &by_carbon_lags, &by_lags, &by_carbon_level}},
    [SERIES_BASE_IT] = {{&by_weather, &by_weather_lags, &by_lags}},
    [SERIES_TEMP] = {{&by_weather, NULL, &by_lags}},
    [SERIES_PRICE_RT] = {{&by_weather, &by_weather_lags, &by_lags}},
    [SERIES_WET_BULB] = {{&by_weather, NULL, &by_lags}},
    [SERIES_COP] = {{&by_weather, NULL, &by_lags}},
    [SERIES_OVERHEAD] = {{&by_weather, &by_weather_lags, &by_lags}},
    [INPUT_GRID_SOLAR] = {{&by_sun, &by_sun_lags}},
    [INPUT_GRID_WIND] = {{&by_wind, &by_wind_lags}},
    [INPUT_GRID_HYDRO] = {{&by_weather, &by_weather_lags}},
    [INPUT_GRID_NUCLEAR] = {{&by_weather, &by_weather_lags}},
    [INPUT_GRID_FOSSIL] = {{&by_weather, &by_weather_lags}},
    [INPUT_GRID_TOTAL] = {{&by_weather, &by_weather_lags}},
};

/* A scarce hour costs many times the usual, and says nothing of the same hour tomorrow. */
static const double MARKET_ROOM = 0.01;

static size_t aligned(size_t bytes)
{
    return (bytes + 15) / 16 * 16;
}

size_t tracks_room(void)
{
    size_t bytes = 0;
    for (int32_t track = 0; track < FORECAST_TRACKS; track++)
        for (int kind = 0; kind < REGRESSION_KINDS; kind++)
            if (forms[track].form[kind])
                bytes +=
                    aligned(sizeof(struct regression)) + regression_room(forms[track].form[kind]);
    return bytes;
}

void tracks_init(struct tracks *tracks, void *room)
{
    char *next = room;
    weather_init(&tracks->weather);
    tracks->mix_known = false;
    for (int32_t track = 0; track < FORECAST_TRACKS; track++) {
        hourly_init(&tracks->hourly[track]);
        if (track == SERIES_PRICE || track == SERIES_PRICE_RT)
            tracks->hourly[track].room = MARKET_ROOM;
        for (int kind = 0; kind < REGRESSION_KINDS; kind++) {
            const struct regression_form *form = forms[track].form[kind];
            tracks->regression[track][kind] = form ? (struct regression *)next : NULL;
            if (!form)
                continue;
            next += aligned(sizeof(struct regression));
            regression_init(tracks->regression[track][kind], form, next);
            next += regression_room(form);
        }
    }
}

/* Logarithms of what the mix makes of an hour; 0 for all hours while there is no mix. */
static void mix_terms(struct tracks *tracks, int64_t hour, int64_t known_before, int lead_day,
                      double ret_term[MIX_TERMS])
{
    ret_term[0] = ret_term[1] = 0.0;
    if (!tracks->mix_known)
        return;
    struct mix mix;
    mix_expected(tracks, hour, lead_day, &mix);
    mix_intensity(tracks, hour, known_before, &mix, &ret_term[0], &ret_term[1]);
    for (int i = 0; i < MIX_TERMS; i++)
        ret_term[i] = log(ret_term[i]);
}

/* What was learnt without the mix would bend what is learnt with it. */
static void begin_with_mix(struct tracks *tracks, int64_t hour)
{
    double term[MIX_TERMS];
    if (tracks->mix_known)
        return;
    tracks->mix_known = true;
    mix_terms(tracks, hour, hour, 0, term);
    tracks->mix_known = isfinite(term[0]) && isfinite(term[1]);
    for (int kind = 0; tracks->mix_known && kind < REGRESSION_KINDS; kind++) {
        struct regression *regression = tracks->regression[SERIES_CARBON][kind];
        if (regression && regression->form->terms.mix)
            regression_init(regression, regression->form, regression->sums);
    }
}

static void learn(struct tracks *tracks, int32_t track, int64_t hour)
{
    double mix[LEAD_DAYS][MIX_TERMS];
    if (track == SERIES_CARBON) {
        begin_with_mix(tracks, hour);
        for (int day = 0; day < LEAD_DAYS; day++)
            mix_terms(tracks, hour, hour - (int64_t)day * HOURS_A_DAY, day, mix[day]);
    }
    for (int kind = 0; kind < REGRESSION_KINDS; kind++)
        if (tracks->regression[track][kind])
            regression_learn(tracks->regression[track][kind], &tracks->weather,
                             &tracks->hourly[track], hour, mix);
}

void tracks_add(struct tracks *tracks, int32_t track, int64_t step, double value)
{
    int64_t hour;
    if (hourly_add(&tracks->hourly[track], step, value, &hour))
        learn(tracks, track, hour);
}

bool tracks_predict(struct tracks *tracks, int32_t track, enum regression_kind kind,
                    int64_t first_hour, double part, double ret_hour[REGRESSION_AHEAD])
{
    struct regression *regression = tracks->regression[track][kind];
    if (!regression)
        return false;
    double mix[REGRESSION_AHEAD][MIX_TERMS];
    for (int32_t i = 0; regression->form->terms.mix && i < REGRESSION_AHEAD; i++) {
        int day = i / HOURS_A_DAY < LEAD_DAYS ? i / HOURS_A_DAY : LEAD_DAYS - 1;
        mix_terms(tracks, first_hour + i, first_hour, day, mix[i]);
    }
    return regression_predict(regression, &tracks->weather, &tracks->hourly[track], first_hour,
                              part, mix, ret_hour);
}
