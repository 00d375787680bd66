/* What weather services said about each hour, by how long before. Private. */
#ifndef TIDEWATT_FORECAST_WEATHER_H
#define TIDEWATT_FORECAST_WEATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/forecast/forecast.h"
#include "controller/forecast/hourly.h"

enum weather_kind {
    WEATHER_TEMP,
    WEATHER_DEW_POINT,
    WEATHER_GHI,
    WEATHER_WIND_SPEED,
    WEATHER_KINDS,
    /* Days ahead: within 24 h, 48 h, 72 h, or longer. The newest word of each is kept. */
    LEAD_DAYS = 4,
    WEATHER_HOURS = 512, /* kept: those before that terms look at, and the days ahead */
};

struct weather_cell {
    float value; /* mean of the hour; NAN: nobody spoke of it */
    int32_t issue_min;
    int32_t hour;
    int16_t parts; /* quarter hours in it */
};

/* Means of the hours around one: all regressions ask for the same ones. */
struct weather_mean {
    float around, day;
    int32_t hour;
};

struct weather {
    struct weather_cell cell[WEATHER_KINDS][WEATHER_HOURS][LEAD_DAYS];
    struct weather_mean mean[WEATHER_KINDS][WEATHER_HOURS][LEAD_DAYS];
    int64_t newest_issue_ms; /* 0: none came yet */
};

void weather_init(struct weather *weather);
/* -1: the track is no weather. */
int weather_kind_of(int32_t track);

bool weather_possible(enum weather_kind kind, double value);

/* What came of a block, by hour or quarter hour; what lies too far from its issue is in none. */
struct weather_intake {
    int32_t fresh, late, same, other;
};
void weather_take(struct weather *weather, enum weather_kind kind,
                  const struct forecast_block *block, struct weather_intake *ret_intake);

/* The newest word on the hour that was spoken `lead_day` days before it or earlier; NAN: none. */
double weather_at(const struct weather *weather, enum weather_kind kind, int64_t hour,
                  int lead_day);
/* The same, mean of the five hours around; of the day around. Beyond the reach of a forecast its
 * last hours stand for what follows. */
double weather_around(const struct weather *weather, enum weather_kind kind, int64_t hour,
                      int lead_day);
double weather_day_mean(const struct weather *weather, enum weather_kind kind, int64_t hour,
                        int lead_day);

#endif
