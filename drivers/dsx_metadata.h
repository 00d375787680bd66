/* Self-onboarding from a DSX building-management system: its retained metadata tells which objects
 * there are, which points they have and which object feeds which. From that, devices with points
 * and roles are proposed, for a person to take over. Nothing here acts on its own.
 *
 * Pure: topics and payloads in, a proposal and texts out. schema/mqtt/README.md is the contract. */
#ifndef TIDEWATT_DRIVERS_DSX_METADATA_H
#define TIDEWATT_DRIVERS_DSX_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/base/error.h"
#include "controller/plant/point.h"

#define DSX_METADATA_FILTER "BMS/v1/PUB/Metadata/#" /* retained; again every 100 s */

enum {
    DSX_ID = 96,      /* bytes of an objectId or objectName, with the NUL */
    DSX_TYPE = 40,    /* bytes of an objectType or pointType, with the NUL */
    DSX_REASON = 192, /* bytes of a text that says why, with the NUL */
};

/* ---- the registry ------------------------------------------------------- */

struct dsx;

/* `integration` is our own name in the contract; "": we write nothing back. NULL: out of memory. */
struct dsx *dsx_create(const char *integration);
void dsx_destroy(struct dsx *dsx);

/* A metadata message; the newest one of a topic counts, an empty payload removes its point. Returns
 * 0, ERROR_INVALID (also kept as a finding in place of the point) or ERROR_FULL (a finding, too).
 * Topics that are not of metadata are ERROR_INVALID and leave no finding. */
int dsx_take(struct dsx *dsx, const char *topic, const void *payload, size_t length,
             struct error *error);
int32_t dsx_point_count(const struct dsx *dsx);

/* "BMS/v1/PUB/Metadata/..." to the topic of its values; `integration` is "" for the BMS's own. */
int dsx_value_topic(const char *metadata_topic, const char *integration, char *ret_topic,
                    size_t size, struct error *error);

/* ---- the proposal ------------------------------------------------------- */

/* What the object is in the contract is its type; what it is to the energy balance, its role. */
struct dsx_device {
    char name[LIMIT_NAME]; /* fit for a topology, unique in the proposal */
    char object_type[DSX_TYPE];
    char object_id[DSX_ID], object_name[DSX_ID];
    enum device_role role;
    char why[DSX_REASON];        /* of the role, in words */
    int32_t first_point, points; /* of the proposal's points */
    int32_t fed_by;              /* a device of the proposal that serves it, -1: none known */
};

struct dsx_point {
    int32_t device;
    enum point_kind kind;
    char unit[DSX_TYPE];           /* as the configuration writes it; "": a plain number */
    double scale, offset;          /* value * scale + offset is in that unit */
    char topic[LIMIT_TOPIC];       /* of its values; "": it is only written */
    char write_topic[LIMIT_TOPIC]; /* we publish it there; "": it is only read */
};

/* A point of the contract that is no point of ours, or none that can be used. */
struct dsx_unmapped {
    char topic[LIMIT_TOPIC]; /* of the metadata */
    char why[DSX_REASON];
};

/* What contradicts itself or the contract, and what to do. */
struct dsx_finding {
    char text[LIMIT_ERROR_TEXT];
};

/* Value topics of the heartbeats that concern us; "" where the BMS has none. */
struct dsx_heartbeats {
    char bms[LIMIT_TOPIC];         /* its time, to be read */
    char ours[LIMIT_TOPIC];        /* our time, to be published every 10 s */
    char echo_of_bms[LIMIT_TOPIC]; /* its time back, to be published by us */
    char echo_of_us[LIMIT_TOPIC];  /* our time back, to be read */
};

struct dsx_proposal {
    struct dsx_device *devices;
    int32_t device_count;
    struct dsx_point *points; /* by device */
    int32_t point_count;
    struct dsx_unmapped *unmapped;
    int32_t unmapped_count;
    struct dsx_finding *findings;
    int32_t finding_count;
    struct dsx_heartbeats heartbeats;
};

void dsx_find_heartbeats(const struct dsx *dsx, struct dsx_heartbeats *ret_heartbeats);

/* NULL: out of memory. */
struct dsx_proposal *dsx_propose(const struct dsx *dsx);
void dsx_proposal_destroy(struct dsx_proposal *proposal);

/* Lines for people, and the `devices` list of a configuration file (libconfig); NULL: out of
 * memory. To be freed. */
char *dsx_render_text(const struct dsx_proposal *proposal);
char *dsx_render_config(const struct dsx_proposal *proposal);

#endif
