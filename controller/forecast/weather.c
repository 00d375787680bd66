/* A forecast of tomorrow is not one of today: coefficients are learnt for each day ahead, from what
 * was known so long before. Kept is the newest word by target hour and days ahead, so that late and
 * partial issues only fill what newer ones leave open. */
#include "controller/forecast/weather.h"

#include <math.h>
#include <string.h>

#include "controller/base/utc.h"

enum { MINUTES_AN_HOUR = 60, MINUTES_A_DAY = 1440 };
/* Hours of an issue that are taken: fewer than are kept. */
enum { DAYS_BACK = 5, DAYS_AHEAD = 16 };
_Static_assert((DAYS_BACK + DAYS_AHEAD) * HOURS_A_DAY <= WEATHER_HOURS, "none hides another");
static const int64_t MS_A_MINUTE = 60000, MS_AN_HOUR = 3600000;

void weather_init(struct weather *weather)
{
    *weather = (struct weather){.newest_issue_ms = 0};
    for (int kind = 0; kind < WEATHER_KINDS; kind++)
        for (int i = 0; i < WEATHER_HOURS; i++)
            for (int day = 0; day < LEAD_DAYS; day++) {
                weather->cell[kind][i][day].value = NAN;
                weather->mean[kind][i][day] = (struct weather_mean){NAN, NAN, 0};
            }
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

/* What a value of an hour can be: squares of the impossible, a wrong unit, would spoil sums of
 * products for ever. */
bool weather_possible(enum weather_kind kind, double value)
{
    static const struct {
        double least, most;
    } range[WEATHER_KINDS] = {[WEATHER_TEMP] = {-100.0, 70.0},
                              [WEATHER_DEW_POINT] = {-120.0, 50.0},
                              [WEATHER_GHI] = {-50.0, 2000.0},
                              [WEATHER_WIND_SPEED] = {0.0, 150.0}};
    return value >= range[kind].least && value <= range[kind].most;
}

/* Of one hour in a block. */
struct said_hour {
    int64_t hour;
    double sum;
    int32_t parts; /* quarter hours */
};

static bool alike(double a, double b)
{
    return fabs(a - b) <= 1e-3 * (1.0 + fabs(b));
}

/* A newer issue speaks instead of an older one; of one issue parts of an hour add up. */
static void write_cell(struct weather_cell *cell, const struct said_hour *said, int32_t issue_min,
                       struct weather_intake *intake)
{
    double mean = said->sum / said->parts, value = (double)cell->value;
    int32_t parts = said->parts;
    bool any = !isnan(value), held = any && cell->hour == (int32_t)said->hour;
    bool same_issue = held && cell->issue_min == issue_min;
    if ((any && cell->hour > (int32_t)said->hour) || (held && cell->issue_min > issue_min)) {
        intake->late++;
        return;
    }
    if (same_issue && alike(mean, value)) {
        intake->same++;
        return;
    }
    bool adds = same_issue && cell->parts + parts <= STEPS_AN_HOUR;
    if (adds) {
        mean = (value * cell->parts + said->sum) / (cell->parts + parts);
        parts += cell->parts;
    }
    *(same_issue && !adds ? &intake->other : &intake->fresh) += 1;
    *cell = (struct weather_cell){.value = (float)mean,
                                  .issue_min = issue_min,
                                  .hour = (int32_t)said->hour,
                                  .parts = (int16_t)parts};
}

/* Times far from the issue would take the place of those that are asked for. */
static void write_hour(struct weather *weather, enum weather_kind kind,
                       const struct said_hour *said, int32_t issue_min,
                       struct weather_intake *intake)
{
    int64_t ahead_min = said->hour * MINUTES_AN_HOUR - issue_min;
    int64_t day = utc_floor(ahead_min, MINUTES_A_DAY) / MINUTES_A_DAY;
    if (said->parts == 0 || day < -DAYS_BACK || day >= DAYS_AHEAD)
        return;
    day = day < 0 ? 0 : day >= LEAD_DAYS ? LEAD_DAYS - 1 : day;
    write_cell(&weather->cell[kind][position(said->hour)][day], said, issue_min, intake);
}

/* ---- means ---- */

enum { HALF_DAY = HOURS_A_DAY / 2, DAY_LEAST_KNOWN = 8, AROUND = 2, AROUND_LEAST_KNOWN = 3 };

static double mean_of(const double *value, int32_t count, int32_t least)
{
    double sum = 0.0;
    int32_t known = 0;
    for (int32_t i = 0; i < count; i++) {
        if (isnan(value[i]))
            continue;
        sum += value[i];
        known++;
    }
    return known >= least ? sum / known : (double)NAN;
}

static void renew_means(struct weather *weather, enum weather_kind kind, int64_t hour, int lead_day)
{
    double value[HOURS_A_DAY];
    for (int32_t i = 0; i < HOURS_A_DAY; i++)
        value[i] = weather_at(weather, kind, hour - HALF_DAY + i, lead_day);
    weather->mean[kind][position(hour)][lead_day] = (struct weather_mean){
        .around = (float)mean_of(&value[HALF_DAY - AROUND], 2 * AROUND + 1, AROUND_LEAST_KNOWN),
        .day = (float)mean_of(value, HOURS_A_DAY, DAY_LEAST_KNOWN),
        .hour = (int32_t)hour,
    };
}

static const struct weather_mean *mean_at(const struct weather *weather, enum weather_kind kind,
                                          int64_t hour, int lead_day)
{
    static const struct weather_mean unknown = {NAN, NAN, 0};
    const struct weather_mean *mean = &weather->mean[kind][position(hour)][lead_day];
    return mean->hour == (int32_t)hour ? mean : &unknown;
}

double weather_around(const struct weather *weather, enum weather_kind kind, int64_t hour,
                      int lead_day)
{
    return (double)mean_at(weather, kind, hour, lead_day)->around;
}

double weather_day_mean(const struct weather *weather, enum weather_kind kind, int64_t hour,
                        int lead_day)
{
    return (double)mean_at(weather, kind, hour, lead_day)->day;
}

/* Of all hours that look at those of the block. */
static void renew_around(struct weather *weather, enum weather_kind kind,
                         const struct forecast_block *block)
{
    int64_t issue = block->issue_ms / MS_AN_HOUR;
    int64_t least = issue - DAYS_BACK * HOURS_A_DAY, most = issue + DAYS_AHEAD * HOURS_A_DAY;
    int64_t first = block->start_ms / MS_AN_HOUR;
    int64_t last = (block->start_ms + block->count * (int64_t)block->step_ms - 1) / MS_AN_HOUR;
    first = (first > least ? first : least) - HALF_DAY;
    last = (last < most ? last : most) + HALF_DAY;
    for (int64_t hour = first; hour <= last; hour++)
        for (int lead_day = 0; lead_day < LEAD_DAYS; lead_day++)
            renew_means(weather, kind, hour, lead_day);
}

void weather_take(struct weather *weather, enum weather_kind kind,
                  const struct forecast_block *block, struct weather_intake *ret_intake)
{
    int32_t issue_min = (int32_t)(block->issue_ms / MS_A_MINUTE);
    int64_t end_ms = block->start_ms + block->count * (int64_t)block->step_ms;
    struct said_hour said = {0};
    *ret_intake = (struct weather_intake){0};
    for (int64_t at = block->start_ms; at < end_ms; at += FORECAST_STEP_MS) {
        float value = block->value[(at - block->start_ms) / block->step_ms];
        int64_t hour = utc_floor(at, MS_AN_HOUR) / MS_AN_HOUR;
        if (hour != said.hour) {
            write_hour(weather, kind, &said, issue_min, ret_intake);
            said = (struct said_hour){.hour = hour};
        }
        if (isnan(value))
            continue;
        said.sum += (double)value;
        said.parts++;
    }
    write_hour(weather, kind, &said, issue_min, ret_intake);
    if (ret_intake->fresh + ret_intake->other > 0)
        renew_around(weather, kind, block);
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
