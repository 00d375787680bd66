/* What comes to the site from outside: weather, market and the users' base load, at any site
 * time. From a deterministic generator, any part replaced by measured series. Reads no clock;
 * loading series is the only I/O. */
#ifndef TIDEWATT_TWIN_EXOGENOUS_H
#define TIDEWATT_TWIN_EXOGENOUS_H

#include <stddef.h>
#include <stdint.h>

#include "controller/base/error.h"
#include "tools/twin/noise.h"
#include "tools/twin/series.h"

struct outside {
    double temp_outdoor_c, temp_wet_bulb_c, irradiance_w_m2, wind_m_s; /* wind at hub height */
    double price_per_mwh, price_realtime_per_mwh, carbon_g_per_kwh;
    double base_it_w;
    double frequency_hz;
};

struct exogenous_config {
    uint64_t seed;
    double latitude_deg, longitude_deg;
    /* CSV files in the forms of the shared reference data; NULL: generated */
    const char *grid_path, *price_path, *weather_path;
    int64_t start_ms;      /* site time that the series must cover */
    int64_t data_shift_ms; /* data time - site time */
};

enum exogenous_noise {
    NOISE_TEMPERATURE,
    NOISE_SKY,    /* overcast or clear days */
    NOISE_CLOUDS, /* single clouds */
    NOISE_WIND,
    NOISE_GUSTS,
    NOISE_REGION, /* the region's wind, which moves price and carbon */
    NOISE_PRICE,
    NOISE_BASE,
    NOISE_BASE_FAST,
    NOISE_FREQUENCY,
    NOISE_DRYNESS,  /* of the air */
    NOISE_REALTIME, /* what the day-ahead market did not foresee */
    NOISES
};

struct exogenous {
    struct exogenous_config config;
    struct noise noise[NOISES];
    struct series price, carbon, temp_c, wind_m_s, irradiance_w_m2; /* empty: generated */
    int64_t price_year_ms; /* start of the whole year of the price series that is used */
};

int exogenous_init(struct exogenous *exogenous, const struct exogenous_config *config,
                   struct error *error);
void exogenous_finish(struct exogenous *exogenous);

/* The first gap of each measured series after the start, which its neighbours bridge; "" when there
 * is none. */
const char *exogenous_bridged(const struct exogenous *exogenous, char *buffer, size_t size);

/* Pure in time: the same moment always gives the same values. */
void exogenous_at(struct exogenous *exogenous, int64_t site_ms, struct outside *ret_outside);

/* Cloudless irradiance on the horizontal. */
double exogenous_clear_sky_w_m2(double latitude_deg, double longitude_deg, int64_t time_ms);

#endif
