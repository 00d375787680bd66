/* Points and devices: the names by which every other part speaks of the plant.
 *
 * A point is one value of one device ("utility.power_w"). Points have a dense index that is
 * fixed while the process runs; storage keys them by name. Pure. */
#ifndef TIDEWATT_PLANT_POINT_H
#define TIDEWATT_PLANT_POINT_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/error.h"
#include "controller/base/limits.h"

enum unit {
    UNIT_NONE,
    UNIT_W,
    UNIT_VAR,
    UNIT_VA,
    UNIT_WH,
    UNIT_V,
    UNIT_A,
    UNIT_HZ,
    UNIT_PCT,
    UNIT_S,
    UNIT_DEGC,
    UNIT_L_MIN,
    UNIT_W_M2,
    UNIT_M_S,
    UNIT_PER_MWH,
    UNIT_G_PER_KWH,
};

enum point_class {
    POINT_CLASS_GAUGE,
    POINT_CLASS_COUNTER,
    POINT_CLASS_STATE,
    POINT_CLASS_SETPOINT
};

enum point_kind {
#define POINT(id, name, unit, class, text) POINT_##id,
#include "schema/points.def"
#undef POINT
    POINT_KINDS
};

const char *point_kind_name(enum point_kind kind);
const char *point_kind_text(enum point_kind kind);
enum unit point_kind_unit(enum point_kind kind);
enum point_class point_kind_class(enum point_kind kind);
const char *unit_name(enum unit unit); /* "W", "Wh", "degC", "" for NONE */
int point_kind_find(const char *name, enum point_kind *ret_kind); /* ERROR_INVALID if unknown */

/* Factor from a unit as written in profiles and configurations ("kW", "" for states) to the
 * point's base unit. ERROR_INVALID, naming the units that fit, when it is of another dimension.
 * Implemented in point_unit.c. */
int point_unit_factor(enum point_kind kind, const char *unit, double *ret_factor,
                      struct error *error);

/* What a device is to the energy balance. */
enum device_role {
    ROLE_NONE,    /* read and stored only */
    ROLE_UTILITY, /* the utility meter at the point of common coupling */
    ROLE_PV,
    ROLE_WIND,
    ROLE_BATTERY,
    ROLE_UPS,       /* its output is PUE category 1 */
    ROLE_RACK_PDU,  /* its output is PUE category 2 */
    ROLE_IT,        /* metering at the IT input: PUE category 3 */
    ROLE_COOLING,   /* chiller, CDU, pumps, fans, towers */
    ROLE_AUXILIARY, /* lighting, offices, security */
    ROLE_WEATHER,   /* outdoor conditions */
    ROLE_MARKET,    /* price and carbon intensity */
    DEVICE_ROLES
};

const char *device_role_name(enum device_role role);
int device_role_find(const char *name, enum device_role *ret_role);

struct device {
    char name[LIMIT_NAME];
    enum device_role role;
    int32_t feeder;      /* index of the feeder that supplies it, -1: none */
    int32_t group;       /* and of the rack group, -1: the feeder as a whole, or none */
    int32_t first_point; /* its points are contiguous */
    int32_t point_count;
    int64_t stale_after_ms; /* age at which its values turn STALE */
};

/* What a set-point's register takes and bears; all zero where nothing is known. */
struct point_write {
    double low, high;  /* what may be written; equal: unknown */
    double ramp_per_s; /* base unit a second; 0: none */
    double per_hour;   /* writes; 0: no budget */
    double lifetime;   /* writes in its life (flash wears out); 0: no bound */
};

struct point {
    int32_t device;
    enum point_kind kind;
    double low, high;         /* plausible range; values outside are BAD */
    int64_t rollover_milliwh; /* counters: value at which it starts again at 0; 0: unknown */
    int64_t every_ms;         /* read only so often: its values may be so much older */
    double rate_per_s;        /* largest plausible change a second; 0: unchecked; not of counters */
    int64_t frozen_after_ms;  /* an unchanging value is BAD after so long; 0: never */
    int64_t skew_ms;          /* how far its source's clock may be ahead; 0: CLOCK_SKEW_MS */
    struct point_write write;
};

struct feeder {
    char name[LIMIT_NAME];
    double limit_w; /* hard limit of the IT load behind it */
};

/* Racks behind one limit; jobs run on one group. */
struct rack_group {
    char name[LIMIT_NAME];
    int32_t feeder;
    double limit_w;                           /* hard limit of its IT load */
    bool whole;                               /* nobody named it: it stands for its feeder */
    int32_t accelerators[LIMIT_ACCELERATORS]; /* of each class */
};

struct topology {
    struct device *devices;
    int32_t device_count;
    struct point *points;
    int32_t point_count;
    struct feeder feeders[LIMIT_FEEDERS];
    int32_t feeder_count;
    struct rack_group groups[LIMIT_GROUPS]; /* every feeder has at least one */
    int32_t group_count;
    char accelerators[LIMIT_ACCELERATORS][LIMIT_NAME]; /* names of the classes */
    int32_t accelerator_count;
};

/* Room for so many devices and points, at most those of limits.h. NULL: out of memory. */
struct topology *topology_create(void);
void topology_destroy(struct topology *topology);

/* Index of the new device, feeder or group, or ERROR_FULL / ERROR_INVALID (name taken, or other
 * than letters, digits, '_' and '-', since names become parts of topics). Feeders and groups share
 * one set of names; only its own feeder's is free to a group. A feeder comes with one
 * group of its own name and limit, whose place is taken by the first that is added to it. */
int topology_add_feeder(struct topology *topology, const char *name, double limit_w,
                        struct error *error);
int topology_add_group(struct topology *topology, const char *name, int32_t feeder, double limit_w,
                       struct error *error);
/* Gives a group so many accelerators of a class, once. 0, ERROR_FULL or ERROR_INVALID. */
int topology_add_accelerators(struct topology *topology, int32_t group, const char *class_name,
                              int32_t count, struct error *error);
int topology_add_device(struct topology *topology, const char *name, enum device_role role,
                        int32_t feeder, int64_t stale_after_ms, struct error *error);
/* Says which rack group the device that was added last is behind (before: the feeder's only one, or
 * none), and with it which feeder. */
void topology_place_device(struct topology *topology, int32_t group);
/* Adds a point to the device that was added last (`point->device` is not read). Index, or
 * ERROR_FULL / ERROR_INVALID (twice). */
int topology_add_point(struct topology *topology, const struct point *point, struct error *error);

int32_t topology_find_device(const struct topology *topology, const char *name); /* -1: none */
int32_t topology_find_feeder(const struct topology *topology, const char *name); /* -1: none */
int32_t topology_find_group(const struct topology *topology, const char *name);  /* -1: none */
int32_t topology_find_accelerator(const struct topology *topology, const char *class_name);
/* The only group of a feeder, -1 when it has several. */
int32_t topology_only_group(const struct topology *topology, int32_t feeder);
int32_t topology_find_point(const struct topology *topology, int32_t device, enum point_kind kind);
/* First device of a role at or after `from`, -1 when there is none: for loops over a role. */
int32_t topology_next(const struct topology *topology, enum device_role role, int32_t from);
/* The nearest value that may be written to the point. */
double point_write_nearest(const struct point *point, double value);
/* "device.point" into the buffer. */
const char *topology_point_name(const struct topology *topology, int32_t point, char *buffer,
                                int size);

#endif
