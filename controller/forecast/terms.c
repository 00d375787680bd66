/* Terms are scaled to the order of 1 to 10, so that sums of their products keep their precision.
 *
 * Weather speaks through the hour itself, hours around it (the wind of a region arrives before or
 * after that of its mean) and the day around it. Hinges bend the line where wind power begins,
 * rises and saturates, and where heating ends and cooling begins. */
#include "controller/forecast/terms.h"

#include <math.h>
#include <stddef.h>

#include "controller/base/utc.h"

enum { HOURS_A_WEEK = 7 * HOURS_A_DAY };
static const double HOURS_A_YEAR = 8766.0;
static const double WIND_HINGE_M_S[] = {3.0, 5.0, 7.0, 10.0};
static const double COOLING_ABOVE_C = 18.0, HOT_DAY_C = 20.0, HEATING_BELOW_C = 16.0;

struct fill {
    const struct term_form *form;
    const struct term_source *source;
    double *term;
    int32_t count;
};

static void put(struct fill *fill, double value)
{
    fill->term[fill->count++] = value;
}

static double weather_of(const struct fill *fill, enum weather_kind kind, int64_t hour)
{
    return weather_at(fill->source->weather, kind, hour, fill->source->lead_day);
}

static double day_mean(const struct fill *fill, enum weather_kind kind, int64_t hour)
{
    return weather_day_mean(fill->source->weather, kind, hour, fill->source->lead_day);
}

static double around(const struct fill *fill, enum weather_kind kind, int64_t hour)
{
    return weather_around(fill->source->weather, kind, hour, fill->source->lead_day);
}

/* Of an hour at the edge of what is known the nearest known one within half a day. */
static double near(const struct fill *fill, enum weather_kind kind, int64_t hour, int64_t towards)
{
    double value = weather_of(fill, kind, hour);
    for (int32_t i = 0; i < HOURS_A_DAY / 2 && isnan(value) && hour != towards; i++) {
        hour += hour < towards ? 1 : -1;
        value = weather_of(fill, kind, hour);
    }
    return value;
}

static void put_season(struct fill *fill, int64_t hour)
{
    double angle = 2.0 * M_PI * fmod((double)hour, HOURS_A_YEAR) / HOURS_A_YEAR;
    put(fill, sin(angle));
    put(fill, cos(angle));
}

static void put_weekday(struct fill *fill, int64_t hour)
{
    int64_t since_monday = utc_floor(hour, HOURS_A_DAY) / HOURS_A_DAY + 3; /* 1970: a Thursday */
    int64_t day = since_monday - utc_floor(since_monday, 7);
    put(fill, day == 5);
    put(fill, day == 6);
    put(fill, day == 0);
}

/* All that is told of the weather at the hour that the lags are of, too. */
static void put_basic(struct fill *fill, int64_t hour)
{
    double wind = around(fill, WEATHER_WIND_SPEED, hour);
    double temp = weather_of(fill, WEATHER_TEMP, hour);
    put(fill, wind);
    put(fill, wind * wind / 10.0);
    put(fill, day_mean(fill, WEATHER_WIND_SPEED, hour));
    put(fill, weather_of(fill, WEATHER_GHI, hour) / 100.0);
    put(fill, day_mean(fill, WEATHER_GHI, hour) / 100.0);
    put(fill, fmax(temp - COOLING_ABOVE_C, 0.0));
    put(fill, fmax(HEATING_BELOW_C - temp, 0.0));
}

static void put_general(struct fill *fill, int64_t hour)
{
    put_basic(fill, hour);
    put(fill, day_mean(fill, WEATHER_TEMP, hour) / 10.0);
    put(fill, weather_of(fill, WEATHER_DEW_POINT, hour) / 10.0);
}

static void put_near(struct fill *fill, enum weather_kind kind, int64_t hour, const int32_t *apart,
                     size_t count, double scale)
{
    for (size_t i = 0; i < count; i++)
        put(fill, near(fill, kind, hour + apart[i], hour) / scale);
}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void put_rich(struct fill *fill, int64_t hour)
{
    static const int32_t six[] = {-6, 6}, three[] = {-3, 3};
    put_general(fill, hour);
    put(fill, fmax(around(fill, WEATHER_WIND_SPEED, hour) - WIND_HINGE_M_S[1], 0.0));
    put(fill, fmax(day_mean(fill, WEATHER_TEMP, hour) - HOT_DAY_C, 0.0));
    put_near(fill, WEATHER_WIND_SPEED, hour, six, COUNT(six), 1.0);
    put_near(fill, WEATHER_TEMP, hour, six, COUNT(six), 10.0);
    put_near(fill, WEATHER_GHI, hour, three, COUNT(three), 100.0);
}

static void put_wind(struct fill *fill, int64_t hour)
{
    static const int32_t wind_near[] = {-9, -6, -3, 3, 6, 9}, temp_near[] = {-12, -6, 6, 12};
    double wind = around(fill, WEATHER_WIND_SPEED, hour);
    put(fill, wind);
    for (size_t i = 0; i < COUNT(WIND_HINGE_M_S); i++)
        put(fill, fmax(wind - WIND_HINGE_M_S[i], 0.0));
    put(fill, day_mean(fill, WEATHER_WIND_SPEED, hour));
    put(fill, weather_of(fill, WEATHER_TEMP, hour) / 10.0);
    put(fill, weather_of(fill, WEATHER_DEW_POINT, hour) / 10.0);
    put_near(fill, WEATHER_WIND_SPEED, hour, wind_near, COUNT(wind_near), 1.0);
    put_near(fill, WEATHER_TEMP, hour, temp_near, COUNT(temp_near), 10.0);
    int64_t before = hour - HOURS_A_DAY;
    double wind_before = around(fill, WEATHER_WIND_SPEED, before);
    put(fill, wind_before);
    put(fill, wind_before * wind_before / 10.0);
    put(fill, day_mean(fill, WEATHER_WIND_SPEED, before));
    put(fill, weather_of(fill, WEATHER_TEMP, before) / 10.0);
    put(fill, weather_of(fill, WEATHER_DEW_POINT, before) / 10.0);
}

static void put_sun(struct fill *fill, int64_t hour)
{
    put(fill, weather_of(fill, WEATHER_GHI, hour) / 100.0);
    put(fill, around(fill, WEATHER_GHI, hour) / 100.0);
    put(fill, day_mean(fill, WEATHER_GHI, hour) / 100.0);
    put(fill, weather_of(fill, WEATHER_TEMP, hour) / 10.0);
    put(fill, weather_of(fill, WEATHER_DEW_POINT, hour) / 10.0);
}

static void put_weather(struct fill *fill, enum weather_terms terms, int64_t hour)
{
    if (terms == WEATHER_GENERAL)
        put_general(fill, hour);
    if (terms == WEATHER_RICH)
        put_rich(fill, hour);
    if (terms == WEATHER_OF_WIND)
        put_wind(fill, hour);
    if (terms == WEATHER_OF_SUN)
        put_sun(fill, hour);
}

/* Below it the logarithm of a track that comes near 0 would say more of rounding than of it. */
static const double LOGARITHM_LEAST = 1.0;

double terms_transform(const struct term_form *form, const struct hourly *self, double value)
{
    return form->logarithm ? log(fmax(value, LOGARITHM_LEAST)) : value - self->reference;
}

double terms_restore(const struct term_form *form, const struct hourly *self, double value)
{
    return form->logarithm ? exp(value) : value + self->reference;
}

static double own(const struct fill *fill, int64_t hour)
{
    double value = hourly_at(fill->source->self, hour);
    return isnan(value) ? value : terms_transform(fill->form, fill->source->self, value);
}

static double own_mean(const struct fill *fill, int64_t last, int32_t count, int32_t stride)
{
    double sum = 0.0;
    int32_t known = 0;
    for (int32_t i = 0; i < count; i++) {
        double value = own(fill, last - (int64_t)i * stride);
        if (isnan(value))
            continue;
        sum += value;
        known++;
    }
    return 2 * known >= count ? sum / known : (double)NAN;
}

static void put_lags(struct fill *fill, int64_t hour)
{
    int64_t before = hour - HOURS_A_DAY;
    put(fill, own(fill, before));
    put(fill, own(fill, before - HOURS_A_DAY));
    put(fill, own(fill, hour - HOURS_A_WEEK));
    put(fill, own_mean(fill, before, HOURS_A_DAY, 1));
    put(fill, own_mean(fill, before, HOURS_A_WEEK, 1));
    put(fill, own_mean(fill, before, 7, HOURS_A_DAY));
    put_weekday(fill, before);
}

static void put_all(struct fill *fill)
{
    const struct term_form *form = fill->form;
    int64_t hour = fill->source->hour;
    put(fill, 1.0);
    put_season(fill, hour);
    if (form->weather != WEATHER_OF_WIND && form->weather != WEATHER_OF_SUN)
        put_weekday(fill, hour);
    put_weather(fill, form->weather, hour);
    for (int i = 0; form->mix && i < MIX_TERMS; i++)
        put(fill, fill->source->mix[i]);
    if (!form->lags)
        return;
    put_lags(fill, hour);
    if (form->weather != WEATHER_NONE && form->weather != WEATHER_OF_WIND)
        put_basic(fill, hour - HOURS_A_DAY);
}

int32_t terms_count(const struct term_form *form)
{
    static const struct weather nowhere;
    static const struct hourly never;
    static const double mix[MIX_TERMS];
    double term[2 * RIDGE_TERMS];
    struct fill fill = {form, &(struct term_source){&nowhere, &never, 0, 0, mix}, term, 0};
    put_all(&fill);
    return fill.count;
}

bool terms_fill(const struct term_form *form, const struct term_source *source,
                double ret_term[RIDGE_TERMS])
{
    struct fill fill = {form, source, ret_term, 0};
    put_all(&fill);
    for (int32_t i = 0; i < fill.count; i++)
        if (!isfinite(ret_term[i]))
            return false;
    return true;
}
