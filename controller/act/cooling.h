/* Advice of a supply temperature: the warmest that keeps the racks cold enough, because every
 * kelvin of supply saves compressor energy. Pure.
 *
 * An integrating controller with a bounded step, called at a slow cadence (minutes: the hall's
 * thermal time). It only looks for the optimum; keeping the limit is the guard's. */
#ifndef TIDEWATT_ACT_COOLING_H
#define TIDEWATT_ACT_COOLING_H

#include "controller/base/reason.h"

struct cooling_config {
    double inlet_limit_c;  /* rack inlet limit */
    double margin_k;       /* distance kept from it */
    double supply_min_c, supply_max_c;
    double step_k;         /* largest change of one advice */
};

struct cooling_input {     /* NAN: unknown */
    double inlet_c;        /* warmest rack inlet */
    double supply_c;       /* measured supply */
    double set_c;          /* present set-point */
};

/* The advised set-point. Returns the present one unchanged when an input is unknown
 * (FAIL_SAFE_STALE), when the plant has not yet followed the last advice or is close enough
 * (UNCHANGED); else LIMIT_COOLING (colder), LIMIT_RANGE (at an end) or PLANNED (warmer). */
double cooling_advise(const struct cooling_config *config, const struct cooling_input *input,
                      enum reason *ret_reason);

#endif
