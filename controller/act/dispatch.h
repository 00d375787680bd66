/* From the plan's slot to the battery set-point of this second. Pure.
 *
 * The plan rests on forecasts; the meter tells what came. Three corrections follow the meter:
 * green surplus that would be exported or curtailed is charged, discharge stops at zero import
 * unless export was planned, and import above the planned peak is shaved. */
#ifndef TIDEWATT_ACT_DISPATCH_H
#define TIDEWATT_ACT_DISPATCH_H

#include "controller/base/reason.h"

struct dispatch_input {
    double planned_w; /* battery, discharge positive */
    double planned_export_w;
    double peak_w;    /* charged import peak to stay under; INFINITY: none */
    double net_w;     /* measured import - export, the battery's part included */
    double battery_w; /* measured, discharge positive */
    enum reason planned_reason;
};

/* The wanted set-point (discharge positive, W) and its reason. NAN in net_w or battery_w: the
 * plan's value towards idle only, i.e. no charging on unknown import. */
double dispatch_battery(const struct dispatch_input *input, enum reason *ret_reason);

#endif
