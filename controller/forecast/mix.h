/* Carbon intensity from the sources that are to be expected. Private. */
#ifndef TIDEWATT_FORECAST_MIX_H
#define TIDEWATT_FORECAST_MIX_H

#include "controller/forecast/tracks.h"

struct mix {
    double total, others, fossil; /* W; others: all but the fossil ones */
};

/* Intensity of the mix in g/kWh as far as `others` tell it, and as `fossil` says; NAN: unknown.
 * `known_before`: hours from this one on do not go into what fossil production brings. */
void mix_intensity(const struct tracks *tracks, int64_t hour, int64_t known_before,
                   const struct mix *mix, double *ret_from_others, double *ret_from_fossil);
/* What the regressions expect of one hour, so many days ahead. */
void mix_expected(struct tracks *tracks, int64_t hour, int lead_day, struct mix *ret_mix);

#endif
