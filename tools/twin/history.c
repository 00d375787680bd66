/* See history.h. */
#include "tools/twin/history.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controller/base/utc.h"
#include "controller/forecast/forecast.h"
#include "tools/twin/physics.h"

static void add_moment(struct exogenous *exogenous, int64_t time_ms, double sum[FORECAST_SERIES])
{
    struct outside now;

    exogenous_at(exogenous, time_ms, &now);
    sum[SERIES_PV] += pv_power_w(now.irradiance_w_m2, now.temp_outdoor_c);
    sum[SERIES_WIND] += wind_power_w(now.wind_m_s);
    sum[SERIES_PRICE] += now.price_per_mwh;
    sum[SERIES_CARBON] += now.carbon_g_per_kwh;
    sum[SERIES_BASE_IT] += now.base_it_w;
    sum[SERIES_TEMP] += now.temp_outdoor_c;
    sum[SERIES_WET_BULB] += now.temp_wet_bulb_c;
    sum[SERIES_PRICE_RT] += now.price_realtime_per_mwh;
}

static void write_quarter(FILE *file, struct exogenous *exogenous, int64_t start_ms)
{
    static const enum forecast_series known[] = {SERIES_PV,       SERIES_WIND,    SERIES_PRICE,
                                                 SERIES_CARBON,   SERIES_BASE_IT, SERIES_TEMP,
                                                 SERIES_WET_BULB, SERIES_PRICE_RT};
    const int moments = QUARTER_MS / MINUTE_MS;
    double sum[FORECAST_SERIES] = {0};
    char time[UTC_TEXT];

    for (int i = 0; i < moments; i++)
        add_moment(exogenous, start_ms + i * (int64_t)MINUTE_MS + MINUTE_MS / 2, sum);
    utc_format(start_ms, time);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        fprintf(file, "%s,%s,%.6g\n", time, forecast_series_name(known[i]),
                sum[known[i]] / moments);
}

int history_write(const char *path, struct exogenous *exogenous, int64_t end_ms, int64_t days,
                  struct error *error)
{
    int64_t last_ms = utc_floor(end_ms, QUARTER_MS);
    FILE *file = fopen(path, "we");

    if (file == NULL)
        return error_set(error, ERROR_SYSTEM, "--history %s: %s", path, strerror(errno));
    fputs("time_utc,series,value\n", file);
    for (int64_t at_ms = last_ms - days * DAY_MS; at_ms < last_ms; at_ms += QUARTER_MS)
        write_quarter(file, exogenous, at_ms);
    if (fclose(file) != 0)
        return error_set(error, ERROR_SYSTEM, "--history %s: %s", path, strerror(errno));
    return 0;
}
