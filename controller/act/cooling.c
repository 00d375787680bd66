/* Slow on the way up, prompt on the way down. */
#include "controller/act/cooling.h"

#include <math.h>
#include <stdbool.h>

static const double gain = 0.5; /* of the distance to the goal in one advice */
static const double close_enough_k = 0.2;
static const double follows_within_k = 1.0;

double cooling_advise(const struct cooling_config *config, const struct cooling_input *input,
                      enum reason *ret_reason)
{
    if (isnan(input->inlet_c) || isnan(input->supply_c) || isnan(input->set_c)) {
        *ret_reason = REASON_FAIL_SAFE_STALE;
        return input->set_c;
    }
    double room_k = config->inlet_limit_c - config->margin_k - input->inlet_c;
    /* While the supply is still on its way the inlet does not yet show the last advice. */
    bool settling = room_k > 0 && fabs(input->supply_c - input->set_c) > follows_within_k;
    if (fabs(room_k) < close_enough_k || settling) {
        *ret_reason = REASON_UNCHANGED;
        return input->set_c;
    }
    double step_k = fmin(fmax(gain * room_k, -config->step_k), config->step_k);
    double wanted_c = input->set_c + step_k;
    double advised_c = fmin(fmax(wanted_c, config->supply_min_c), config->supply_max_c);
    if (advised_c == input->set_c)
        *ret_reason = REASON_UNCHANGED;
    else if (advised_c != wanted_c)
        *ret_reason = REASON_LIMIT_RANGE;
    else
        *ret_reason = step_k < 0 ? REASON_LIMIT_COOLING : REASON_PLANNED;
    return advised_c;
}
