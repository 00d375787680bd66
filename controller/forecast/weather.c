/* A forecast of tomorrow is not one of today: coefficients are learnt for each day ahead, from what
 * was known so long before. Kept is the newest word by target hour and days ahead, so that late and
 * partial issues only fill what newer ones leave open. */
#include "controller/forecast/weather.h"

#include <math.h>
#include <string.h>

#include "controller/base/utc.h"

enum { MINUTES_A_DAY = 1440 };
static const int64_t MS_A_MINUTE = 60000, MS_AN_HOUR = 3600000;

void weather_init(struct weather *weather)
{
    *weather = (struct weather){.newest_issue_ms = 0};
    for (int kind = 0; kind < WEATHER_KINDS; kind++)
        for (int i = 0; i < WEATHER_HOURS; i++)
            for (int day = 0; day < LEAD_DAYS; day++)
                weather->cell[kind][i][day].value = NAN;
}

int weather_kind_of(int32_t track)
{
    switch (track) {
    case SERIES_TEMP:
        return WEATHER_TEMP;
    case INPUT_DEW_POINT:
        return WEATHER_DEW_POINT;
    case INPUT_GHI:
        return WEATHER_GHI;
    case INPUT_WIND_SPEED:
        return WEATHER_WIND_SPEED;
    default:
        return -1;
    }
}

_Static_assert((WEATHER_HOURS & (WEATHER_HOURS - 1)) == 0, "a mask finds the place");

static int32_t position(int64_t hour)
{
    return (int32_t)(hour & (WEATHER_HOURS - 1));
}

/* The mean of the hour so far, or from the beginning when a newer issue speaks. */
static void add_part(struct weather_cell *cell, int64_t hour, int32_t issue_min, float value,
                     struct weather_intake *intake)
{
    bool held = !isnan(cell->value) && cell->hour == (int32_t)hour;
    if (held && cell->issue_min > issue_min) {
        intake->late++;
        return;
    }
    if (!held || cell->issue_min < issue_min) {
        *cell = (struct weather_cell){
            .value = value, .issue_min = issue_min, .hour = (int32_t)hour, .parts = 1};
        intake->fresh++;
        return;
    }
    if (cell->parts < STEPS_AN_HOUR) {
        cell->value += (value - cell->value) / (float)++cell->parts;
        intake->fresh++;
        return;
    }
    bool same = fabsf(cell->value - value) <= 1e-3f * (1.0f + fabsf(value));
    intake->same += same;
    intake->other += !same;
    if (!same) /* the new word counts from its first quarter on */
        *cell = (struct weather_cell){
            .value = value, .issue_min = issue_min, .hour = (int32_t)hour, .parts = 1};
}

/* Quarter hours of one step of the block; steps of an hour or more fill whole hours at once. */
static void take_step(struct weather *weather, enum weather_kind kind, int64_t from_ms,
                      int64_t to_ms, int64_t issue_ms, float value, struct weather_intake *intake)
{
    int32_t issue_min = (int32_t)(issue_ms / MS_A_MINUTE);
    for (int64_t at = from_ms; at < to_ms; at += FORECAST_STEP_MS) {
        int64_t hour = utc_floor(at, MS_AN_HOUR) / MS_AN_HOUR;
        int64_t day = utc_floor(at / MS_A_MINUTE - issue_min, MINUTES_A_DAY) / MINUTES_A_DAY;
        day = day < 0 ? 0 : day >= LEAD_DAYS ? LEAD_DAYS - 1 : day;
        add_part(&weather->cell[kind][position(hour)][day], hour, issue_min, value, intake);
    }
}

void weather_take(struct weather *weather, enum weather_kind kind,
                  const struct forecast_block *block, struct weather_intake *ret_intake)
{
    *ret_intake = (struct weather_intake){0};
    for (int32_t i = 0; i < block->count; i++) {
        if (isnan(block->value[i]))
            continue;
        int64_t from_ms = block->start_ms + i * (int64_t)block->step_ms;
        take_step(weather, kind, from_ms, from_ms + block->step_ms, block->issue_ms,
                  block->value[i], ret_intake);
    }
    if (ret_intake->fresh > 0 && block->issue_ms > weather->newest_issue_ms)
        weather->newest_issue_ms = block->issue_ms;
}

double weather_at(const struct weather *weather, enum weather_kind kind, int64_t hour, int lead_day)
{
    const struct weather_cell *cell = weather->cell[kind][position(hour)];
    for (int day = lead_day; day < LEAD_DAYS; day++)
        if (!isnan(cell[day].value) && cell[day].hour == (int32_t)hour)
            return (double)cell[day].value;
    return (double)NAN;
}
