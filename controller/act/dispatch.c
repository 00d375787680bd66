/* Kept apart from the plan so that a forecast error of minutes does not wait for the next plan. */
#include "controller/act/dispatch.h"

#include <math.h>

double dispatch_battery(const struct dispatch_input *input, enum reason *ret_reason)
{
    *ret_reason = input->planned_reason;
    if (isnan(input->net_w) || isnan(input->battery_w)) {
        *ret_reason = input->planned_w < 0 ? REASON_FAIL_SAFE_STALE : input->planned_reason;
        return fmax(input->planned_w, 0);
    }
    double without_w = input->net_w + input->battery_w; /* net import if the battery idled */
    double wanted_w = input->planned_w;
    double most_discharge_w = fmax(without_w + input->planned_export_w, 0);
    if (wanted_w > most_discharge_w)
        wanted_w = most_discharge_w;
    double surplus_w = -(without_w - wanted_w) - input->planned_export_w;
    if (surplus_w > 0) {
        wanted_w -= surplus_w;
        *ret_reason = REASON_SURPLUS;
    }
    double excess_w = without_w - wanted_w - input->peak_w;
    if (excess_w > 0) {
        wanted_w += excess_w;
        *ret_reason = REASON_PEAK_SHAVING;
    }
    return wanted_w;
}
