/* See exogenous.h. The generator is a mild inland climate and a power market with much sun: cheap
 * and clean around noon, dear and dirty on still evenings. It has its own sun on purpose: the
 * twin must not share a mistake with the controller's forecast. */
#include "tools/twin/exogenous.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "controller/base/utc.h"

static const double DAYS_PER_YEAR = 365.2425;
static const double HUB_PER_10_M = 1.34; /* wind speed at hub height, power law 0.14 to 80 m */
static const int64_t LOCAL_AHEAD_MS =
    HOUR_MS; /* price data: Central European Time, no summer time */
static const int64_t IRRADIANCE_BLOCK_MS = 3 * HOUR_MS;
static const int64_t LINE_MOST_MS = 48 * HOUR_MS; /* a straight line stands in for so long */
static const int64_t HOLD_MOST_MS = 12 * HOUR_MS; /* and an irradiance held */
static const double TWILIGHT_W_M2 = 20;           /* clearness means nothing below */

static const struct {
    int64_t step_ms, memory_ms;
} NOISE_KINDS[NOISES] = {
    [NOISE_TEMPERATURE] = {HOUR_MS, 36 * HOUR_MS},
    [NOISE_SKY] = {HOUR_MS, 20 * HOUR_MS},
    [NOISE_CLOUDS] = {2 * MINUTE_MS, 15 * MINUTE_MS},
    [NOISE_WIND] = {QUARTER_MS, 9 * HOUR_MS},
    [NOISE_GUSTS] = {MINUTE_MS, 4 * MINUTE_MS},
    [NOISE_REGION] = {HOUR_MS, 24 * HOUR_MS},
    [NOISE_PRICE] = {HOUR_MS, 6 * HOUR_MS},
    [NOISE_BASE] = {QUARTER_MS, 2 * HOUR_MS},
    [NOISE_BASE_FAST] = {MINUTE_MS, 5 * MINUTE_MS},
    [NOISE_FREQUENCY] = {10 * SECOND_MS, MINUTE_MS},
    [NOISE_DRYNESS] = {HOUR_MS, 30 * HOUR_MS},
    [NOISE_REALTIME] = {QUARTER_MS, 3 * HOUR_MS},
};

static double clamp(double value, double low, double high)
{
    return fmin(high, fmax(low, value));
}

/* Solar time in hours, 0 <= h < 24. */
static double solar_hour(double longitude_deg, int64_t time_ms)
{
    int64_t solar_ms = time_ms + (int64_t)(longitude_deg / 15 * HOUR_MS);

    return (double)(solar_ms - utc_floor(solar_ms, DAY_MS)) / HOUR_MS;
}

/* Angle in the year, 0 at its start. */
static double year_angle(int64_t time_ms)
{
    return 2 * M_PI * (utc_day_of_year(time_ms) - 1) / DAYS_PER_YEAR;
}

/* 1 at `peak` hours, falling like a bell, on the circle of the day. */
static double bell(double hour, double peak, double width)
{
    double away = remainder(hour - peak, 24);

    return exp(-away * away / (2 * width * width));
}

static bool is_weekend(int64_t time_ms)
{
    int64_t day = utc_floor(time_ms, DAY_MS) / DAY_MS; /* 1970-01-01 was a Thursday */

    return ((day % 7) + 7 + 3) % 7 >= 5;
}

double exogenous_clear_sky_w_m2(double latitude_deg, double longitude_deg, int64_t time_ms)
{
    double declination = -0.4093 * cos(year_angle(time_ms) + 2 * M_PI * 10 / DAYS_PER_YEAR);
    double latitude = latitude_deg * M_PI / 180;
    double hour_angle = (solar_hour(longitude_deg, time_ms) - 12) * M_PI / 12;
    double sine =
        sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * cos(hour_angle);

    /* Haurwitz 1945 */
    return sine > 0 ? 1098 * sine * exp(-0.057 / sine) : 0;
}

static double noise(struct exogenous *exogenous, enum exogenous_noise kind, int64_t time_ms)
{
    return noise_at(&exogenous->noise[kind], time_ms);
}

static double temperature_c(struct exogenous *exogenous, double hour, int64_t time_ms)
{
    double season = -cos(year_angle(time_ms) - 2 * M_PI * 25 / DAYS_PER_YEAR); /* 1 in late July */
    double swing_k = 5 + 1.5 * season;

    return 13.5 + 9 * season + swing_k * cos((hour - 15) * M_PI / 12) +
           2.8 * noise(exogenous, NOISE_TEMPERATURE, time_ms);
}

/* How far the wet bulb stays below the air: afternoons are dry, fog is not. */
static double wet_bulb_depression_k(struct exogenous *exogenous, int64_t site_ms)
{
    double hour = solar_hour(exogenous->config.longitude_deg, site_ms);

    return fmax(0, 4.5 + 2.5 * cos((hour - 15) * M_PI / 12) +
                       1.8 * noise(exogenous, NOISE_DRYNESS, site_ms));
}

/* Irradiance relative to a cloudless sky. */
static double clearness(struct exogenous *exogenous, int64_t time_ms)
{
    double overcast = pow(noise_share(noise(exogenous, NOISE_SKY, time_ms)), 2.5);
    double clouds = noise(exogenous, NOISE_CLOUDS, time_ms);

    /* single clouds matter most under a broken sky */
    return clamp(1 - 0.75 * overcast + 0.35 * overcast * (1 - overcast) * 2 * clouds, 0.08, 1.1);
}

static double wind_speed_m_s(struct exogenous *exogenous, int64_t time_ms)
{
    double season = cos(year_angle(time_ms));
    double share = noise_share(noise(exogenous, NOISE_WIND, time_ms));
    double scale_m_s = 6.8 + 0.7 * season; /* Weibull with shape 2 */
    double mean_m_s = scale_m_s * sqrt(-log1p(-share));

    return fmax(0, mean_m_s * (1 + 0.08 * noise(exogenous, NOISE_GUSTS, time_ms)));
}

/* Demand of the region that sun and wind leave to other plants, about 0 to 1. */
static double residual_load(struct exogenous *exogenous, double hour, int64_t time_ms)
{
    double clear_w_m2 = exogenous_clear_sky_w_m2(exogenous->config.latitude_deg,
                                                 exogenous->config.longitude_deg, time_ms);
    double sky = pow(noise_share(noise(exogenous, NOISE_SKY, time_ms)), 2.5);
    double demand = 0.46 + 0.15 * bell(hour, 13, 4) + 0.16 * bell(hour, 8.5, 1.6) +
                    0.40 * bell(hour, 20, 2.2) - (is_weekend(time_ms) ? 0.07 : 0);
    double solar = 0.58 * (1 - 0.45 * sky) * clear_w_m2 / 1000;
    double wind = 0.24 * noise_share(noise(exogenous, NOISE_REGION, time_ms));

    return clamp(demand - solar - wind, 0.01, 1);
}

static double base_it_w(struct exogenous *exogenous, double hour, int64_t time_ms)
{
    double users = 1 + 0.2 * cos((hour - 15) * M_PI / 12) - (is_weekend(time_ms) ? 0.06 : 0);

    return 250e3 * (users + 0.03 * noise(exogenous, NOISE_BASE, time_ms) +
                    0.01 * noise(exogenous, NOISE_BASE_FAST, time_ms));
}

static void generate(struct exogenous *exogenous, int64_t time_ms, struct outside *ret)
{
    double hour = solar_hour(exogenous->config.longitude_deg, time_ms);
    double residual = residual_load(exogenous, hour, time_ms);

    ret->temp_outdoor_c = temperature_c(exogenous, hour, time_ms);
    ret->irradiance_w_m2 = clearness(exogenous, time_ms) *
                           exogenous_clear_sky_w_m2(exogenous->config.latitude_deg,
                                                    exogenous->config.longitude_deg, time_ms);
    ret->wind_m_s = wind_speed_m_s(exogenous, time_ms);
    ret->price_per_mwh =
        14 + 118 * pow(residual, 1.25) + 6 * noise(exogenous, NOISE_PRICE, time_ms);
    ret->carbon_g_per_kwh = 45 + 310 * residual;
    ret->base_it_w = base_it_w(exogenous, hour, time_ms);
    ret->frequency_hz = 50 + 0.02 * noise(exogenous, NOISE_FREQUENCY, time_ms);
}

/* Measured series */

static int64_t year_start_ms(int64_t time_ms)
{
    return utc_floor(time_ms, DAY_MS) - (utc_day_of_year(time_ms) - 1) * (int64_t)DAY_MS;
}

/* Prices come from other years than the rest: the same place in the year is used. */
static double measured_price(const struct exogenous *exogenous, int64_t data_ms)
{
    int64_t local_ms = data_ms + LOCAL_AHEAD_MS;
    int64_t of_year_ms = local_ms - year_start_ms(local_ms);

    return series_hold(&exogenous->price, exogenous->price_year_ms + of_year_ms);
}

/* The 3 h mean, shaped inside by the cloudless sky. */
static double measured_irradiance(const struct exogenous *exogenous, int64_t data_ms)
{
    double latitude_deg = exogenous->config.latitude_deg;
    double longitude_deg = exogenous->config.longitude_deg;
    int64_t block_ms = utc_floor(data_ms, IRRADIANCE_BLOCK_MS);
    double mean_w_m2 = series_hold(&exogenous->irradiance_w_m2, data_ms), clear_w_m2 = 0;

    for (int i = 0; i < 12; i++)
        clear_w_m2 += exogenous_clear_sky_w_m2(latitude_deg, longitude_deg,
                                               block_ms + (2 * i + 1) * QUARTER_MS / 2) /
                      12;
    if (clear_w_m2 < TWILIGHT_W_M2)
        return mean_w_m2;
    return clamp(mean_w_m2 / clear_w_m2, 0, 1.1) *
           exogenous_clear_sky_w_m2(latitude_deg, longitude_deg, data_ms);
}

void exogenous_at(struct exogenous *exogenous, int64_t site_ms, struct outside *ret_outside)
{
    int64_t data_ms = site_ms + exogenous->config.data_shift_ms;

    generate(exogenous, site_ms, ret_outside);
    if (exogenous->price.count > 0)
        ret_outside->price_per_mwh = measured_price(exogenous, data_ms);
    if (exogenous->carbon.count > 0)
        ret_outside->carbon_g_per_kwh = series_linear(&exogenous->carbon, data_ms);
    if (exogenous->temp_c.count > 0) {
        ret_outside->temp_outdoor_c = series_linear(&exogenous->temp_c, data_ms);
        ret_outside->wind_m_s = HUB_PER_10_M * series_linear(&exogenous->wind_m_s, data_ms);
        ret_outside->irradiance_w_m2 = measured_irradiance(exogenous, data_ms);
    }
    ret_outside->temp_wet_bulb_c =
        ret_outside->temp_outdoor_c - wet_bulb_depression_k(exogenous, site_ms);
    ret_outside->price_realtime_per_mwh =
        ret_outside->price_per_mwh + 9 * noise(exogenous, NOISE_REALTIME, site_ms);
}

/* The last year that the series covers from its first to its last day. */
static int find_price_year(struct exogenous *exogenous, struct error *error)
{
    const struct series *price = &exogenous->price;
    int64_t last_ms = price->time_ms[price->count - 1];
    int64_t year_ms = year_start_ms(last_ms + DAY_MS);

    if (last_ms + DAY_MS < year_ms + 365 * (int64_t)DAY_MS)
        year_ms = year_start_ms(year_ms - 1);
    if (price->time_ms[0] > year_ms)
        return error_set(error, ERROR_INVALID, "%s: holds no whole calendar year",
                         exogenous->config.price_path);
    exogenous->price_year_ms = year_ms;
    return 0;
}

static int load(struct exogenous *exogenous, struct error *error)
{
    const struct exogenous_config *config = &exogenous->config;
    int result = 0;

    if (config->grid_path != NULL)
        result = series_load(&exogenous->carbon, config->grid_path, "time_utc",
                             "carbon_direct_g_per_kwh", error);
    if (result == 0 && config->price_path != NULL)
        result = series_load(&exogenous->price, config->price_path, "time_local",
                             "price_eur_per_mwh", error);
    if (result == 0 && config->price_path != NULL)
        result = find_price_year(exogenous, error);
    if (result == 0 && config->weather_path != NULL)
        result = series_load_weather(&exogenous->temp_c, &exogenous->wind_m_s,
                                     &exogenous->irradiance_w_m2, config->weather_path, error);
    return result;
}

/* Prices repeat every year; the other series must hold the start. */
static int check_cover(const struct exogenous *exogenous, const struct series *series,
                       const char *path, struct error *error)
{
    int64_t data_ms = exogenous->config.start_ms + exogenous->config.data_shift_ms;
    char first[UTC_TEXT], last[UTC_TEXT], asked[UTC_TEXT];

    if (series->count == 0 ||
        (data_ms >= series->time_ms[0] && data_ms <= series->time_ms[series->count - 1]))
        return 0;
    return error_set(error, ERROR_INVALID,
                     "%s: has values from %s to %s, not for %s: choose the time in the series "
                     "with --data-from",
                     path, utc_format(series->time_ms[0], first),
                     utc_format(series->time_ms[series->count - 1], last),
                     utc_format(data_ms, asked));
}

/* The measured series without a value in each of their rows, and how long they may be. */
struct bridge {
    const struct series *series;
    const char *path, *column;
    int64_t step_ms, most_ms;
};

enum { BRIDGES = 4 };

static void list_bridges(const struct exogenous *exogenous, struct bridge bridges[BRIDGES])
{
    const char *grid = exogenous->config.grid_path, *weather = exogenous->config.weather_path;

    bridges[0] = (struct bridge){&exogenous->carbon, grid, "carbon", HOUR_MS, LINE_MOST_MS};
    bridges[1] = (struct bridge){&exogenous->temp_c, weather, "temp_c", 3 * HOUR_MS, LINE_MOST_MS};
    bridges[2] =
        (struct bridge){&exogenous->wind_m_s, weather, "wind_m_s", 3 * HOUR_MS, LINE_MOST_MS};
    bridges[3] = (struct bridge){&exogenous->irradiance_w_m2, weather, "ghi_w_m2", 3 * HOUR_MS,
                                 HOLD_MOST_MS};
}

/* The first gap longer than that after the start. */
static bool find_gap(const struct exogenous *exogenous, const struct bridge *bridge,
                     int64_t longer_ms, struct series_gap *ret_gap)
{
    int64_t since_ms = exogenous->config.start_ms + exogenous->config.data_shift_ms;

    return bridge->series->count > 0 && series_gap(bridge->series, since_ms, longer_ms, ret_gap);
}

static int check_gaps(const struct exogenous *exogenous, struct error *error)
{
    struct bridge bridges[BRIDGES];
    struct series_gap gap;
    char from[UTC_TEXT], to[UTC_TEXT];

    list_bridges(exogenous, bridges);
    for (int i = 0; i < BRIDGES; i++)
        if (find_gap(exogenous, &bridges[i], bridges[i].most_ms, &gap))
            return error_set(error, ERROR_INVALID,
                             "%s: has no %s from %s to %s, more than the %d h that can be bridged: "
                             "choose another time in the series with --data-from",
                             bridges[i].path, bridges[i].column, utc_format(gap.from_ms, from),
                             utc_format(gap.to_ms, to), (int)(bridges[i].most_ms / HOUR_MS));
    return 0;
}

const char *exogenous_bridged(const struct exogenous *exogenous, char *buffer, size_t size)
{
    struct bridge bridges[BRIDGES];
    struct series_gap gap;
    char from[UTC_TEXT], to[UTC_TEXT];
    size_t used = 0;

    buffer[0] = '\0';
    list_bridges(exogenous, bridges);
    for (int i = 0; i < BRIDGES && used < size; i++)
        if (find_gap(exogenous, &bridges[i], bridges[i].step_ms, &gap))
            used += (size_t)snprintf(buffer + used, size - used, "%s%s has no %s from %s to %s",
                                     used > 0 ? "; " : "", bridges[i].path, bridges[i].column,
                                     utc_format(gap.from_ms, from), utc_format(gap.to_ms, to));
    return buffer;
}

int exogenous_init(struct exogenous *exogenous, const struct exogenous_config *config,
                   struct error *error)
{
    int result;

    *exogenous = (struct exogenous){.config = *config};
    for (uint32_t i = 0; i < NOISES; i++)
        noise_init(&exogenous->noise[i], config->seed, i, NOISE_KINDS[i].step_ms,
                   NOISE_KINDS[i].memory_ms);
    result = load(exogenous, error);
    if (result == 0)
        result = check_cover(exogenous, &exogenous->carbon, config->grid_path, error);
    if (result == 0)
        result = check_cover(exogenous, &exogenous->temp_c, config->weather_path, error);
    if (result == 0)
        result = check_gaps(exogenous, error);
    if (result < 0)
        exogenous_finish(exogenous);
    return result;
}

void exogenous_finish(struct exogenous *exogenous)
{
    series_finish(&exogenous->price);
    series_finish(&exogenous->carbon);
    series_finish(&exogenous->temp_c);
    series_finish(&exogenous->wind_m_s);
    series_finish(&exogenous->irradiance_w_m2);
}
