/* The devices of the twin: which profile each speaks, on which port, and what of the plant it
 * shows or takes. */
#ifndef TIDEWATT_TWIN_DEVICES_H
#define TIDEWATT_TWIN_DEVICES_H

#include "controller/plant/point.h"
#include "tools/twin/exogenous.h"
#include "tools/twin/physics.h"

enum { TWIN_DEVICES = 18, TWIN_UNIT = 1 };

struct twin_device {
    const char *name;
    const char *profile; /* file name in the profile folder, without ".cfg" */
    int rack;            /* of a rack PDU, else -1 */
};

/* Device i listens on the base port + 1 + i. */
extern const struct twin_device twin_devices[TWIN_DEVICES];

int twin_device_find(const char *name); /* -1: none */

/* The present value in the point's base unit; NAN when the device has no such point. Counters
 * started long before the twin did. */
double twin_device_value(const struct plant *plant, const struct outside *outside, int device,
                         enum point_kind kind);

/* Takes a set-point that was written. False when the device has no such set-point. */
bool twin_device_set(struct plant *plant, int device, enum point_kind kind, double value);

#endif
