/* Weather forecasts as issued: a file with issue_utc, lead_h (0 to 96, every 3 h), temp_c,
 * dewpoint_c, ghi_w_m2 and wind_m_s. Temperatures and wind are instants at the lead. Irradiance is
 * the mean since the last multiple of 6 h: of 3 h at leads 3, 9, 15 ..., of 6 h at 6, 12, 18 ....
 */
#ifndef TIDEWATT_TOOLS_FORECAST_WEATHER_H
#define TIDEWATT_TOOLS_FORECAST_WEATHER_H

#include "controller/forecast/forecast.h"
#include "tools/backtest/track.h"

enum { WEATHER_STEP_H = 3, WEATHER_LEADS = 33, WEATHER_VALUES = 4 };

struct weather_issue {
    int64_t issue_ms;
    float value[WEATHER_VALUES][WEATHER_LEADS]; /* NAN: not in the file */
};

struct weather {
    const char *path; /* NULL: there is none */
    int32_t count, room;
    struct weather_issue *issues; /* owned, rising */
};

/* The track of each value. */
extern const int32_t weather_tracks[WEATHER_VALUES];

/* Finish the weather also after an error. */
int weather_load(struct weather *ret_weather, const char *path, struct error *error);
void weather_finish(struct weather *weather);

/* The air temperature of each issue until the next one, a day at most: the nearest to a measurement
 * that the file has. Its forecasts of the first day cannot be judged by it. */
int weather_first_days(const struct weather *weather, struct track *ret_temp_c,
                       struct error *error);

/* One value of an issue as a feed would bring it: means of an hour, irradiance of three. */
void weather_block(const struct weather_issue *issue, int value, struct forecast_block *ret_block);

#endif
