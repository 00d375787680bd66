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
    WEATHER_HOURS = 512, /* kept: 16 days back, the days ahead, and room */
};

struct weather_cell {
    float value; /* mean of the hour; NAN: nobody spoke of it */
    int32_t issue_min;
    int32_t hour;
    int16_t parts; /* quarter hours in it */
};

struct weather {
    struct weather_cell cell[WEATHER_KINDS][WEATHER_HOURS][LEAD_DAYS];
    int64_t newest_issue_ms; /* 0: none came yet */
};

void weather_init(struct weather *weather);
/* -1: the track is no weather. */
int weather_kind_of(int32_t track);

/* What a block says, taken quarter hour by quarter hour. */
struct weather_intake {
    int32_t fresh, late, same, other;
};
void weather_take(struct weather *weather, enum weather_kind kind,
                  const struct forecast_block *block, struct weather_intake *ret_intake);

/* The newest word on the hour that was spoken `lead_day` days before it or earlier; NAN: none. */
double weather_at(const struct weather *weather, enum weather_kind kind, int64_t hour,
                  int lead_day);

#endif
