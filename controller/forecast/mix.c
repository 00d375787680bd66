/* Fossil production is what all others leave of the total, and each unit of it brings as much as
 * lately at that hour of the day: intensity = factor x fossil / total. The factor also carries what
 * the sources in the table do not tell: coal or gas, biomass, imports. */
#include "controller/forecast/mix.h"

#include <math.h>
#include <stdlib.h>

enum { FACTOR_DAYS = 7 };
/* Some fossil plants always run, to hold the frequency. */
static const double FOSSIL_LEAST_SHARE = 0.05;

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of what fossil production brought at this hour of the last days; NAN: unknown. */
static double factor_of(const struct tracks *tracks, int64_t hour, int64_t known_before)
{
    double factor[FACTOR_DAYS];
    int count = 0;
    while (hour >= known_before)
        hour -= HOURS_A_DAY;
    for (int day = 0; day < FACTOR_DAYS; day++, hour -= HOURS_A_DAY) {
        double value = hourly_at(&tracks->hourly[SERIES_CARBON], hour) *
                       hourly_at(&tracks->hourly[INPUT_GRID_TOTAL], hour) /
                       hourly_at(&tracks->hourly[INPUT_GRID_FOSSIL], hour);
        if (isfinite(value))
            factor[count++] = value;
    }
    qsort(factor, (size_t)count, sizeof(factor[0]), by_size);
    return count > 0 ? factor[count / 2] : (double)NAN;
}

void mix_intensity(const struct tracks *tracks, int64_t hour, int64_t known_before,
                   const struct mix *mix, double *ret_from_others, double *ret_from_fossil)
{
    double factor = factor_of(tracks, hour, known_before);
    double left = 1.0 - mix->others / mix->total, fossil = mix->fossil / mix->total;
    *ret_from_others = isnan(left) ? left : factor * fmin(1.0, fmax(left, FOSSIL_LEAST_SHARE));
    *ret_from_fossil =
        isnan(fossil) ? fossil : factor * fmin(1.0, fmax(fossil, FOSSIL_LEAST_SHARE));
}

static double expected(struct tracks *tracks, int32_t track, int64_t hour, int lead_day)
{
    enum regression_kind kind = lead_day == 0 ? REGRESSION_WEATHER_LAGS : REGRESSION_WEATHER;
    return regression_value(tracks->regression[track][kind], &tracks->weather,
                            &tracks->hourly[track], hour, lead_day);
}

void mix_expected(struct tracks *tracks, int64_t hour, int lead_day, struct mix *ret_mix)
{
    static const int32_t others[] = {INPUT_GRID_SOLAR, INPUT_GRID_WIND, INPUT_GRID_HYDRO,
                                     INPUT_GRID_NUCLEAR};
    *ret_mix = (struct mix){
        .total = expected(tracks, INPUT_GRID_TOTAL, hour, lead_day),
        .fossil = expected(tracks, INPUT_GRID_FOSSIL, hour, lead_day),
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        double source = expected(tracks, others[i], hour, lead_day);
        ret_mix->others += isnan(source) ? source : fmax(source, 0.0);
    }
}
