/* What the parts of the self-onboarding share: dsx_metadata.c keeps what the BMS said, dsx_points.c
 * knows which points of the contract are points of ours, dsx_graph.c what an object is to the
 * energy balance, dsx_proposal.c puts it together and dsx_render.c writes it down. */
#ifndef TIDEWATT_DRIVERS_DSX_PRIVATE_H
#define TIDEWATT_DRIVERS_DSX_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/dsx_metadata.h"

enum {
    DSX_AREA = 128,       /* bytes of all words of a processArea, with the NUL */
    DSX_BYTES = 48 << 20, /* of all metadata */
    DSX_FINDINGS = 256,   /* the rest is only counted */
};

/* ---- dsx_metadata.c ------------------------------------------------------ */

/* The metadata of one point. */
struct dsx_entry {
    char topic[LIMIT_TOPIC];
    char fault[DSX_REASON]; /* why it cannot be used; then only the topic is set */
    char object_type[DSX_TYPE], point_type[DSX_TYPE];
    char unit[DSX_TYPE];
    char phase[DSX_TYPE];
    char integration[LIMIT_NAME];
    char object_id[DSX_ID], object_name[DSX_ID];
    char area[DSX_AREA]; /* the words of processArea, with blanks between */
    bool part;           /* object_id is an associateId: a part of that object */
    bool is_setpoint, has_states;
    bool has_serves;
    char *serves; /* each with its NUL, sorted, no two alike */
    int serves_count;
    size_t serves_size;
};

struct dsx {
    char integration[LIMIT_NAME];
    struct dsx_entry **entries; /* by topic */
    int32_t count;
    size_t bytes;
    uint64_t refused; /* for want of room */
};

/* ---- dsx_points.c -------------------------------------------------------- */

/* ERROR_INVALID: no point of ours; the text says why. Topics and device are left alone. */
int dsx_map_point(const struct dsx_entry *entry, struct dsx_point *ret_point, struct error *error);
/* Whether one of the words is in the text, as a word of its own or part of CamelCase. */
bool dsx_has_word(const char *text, const char *const *words);

/* ---- dsx_graph.c --------------------------------------------------------- */

enum dsx_kind {
    DSX_METER,
    DSX_RACK,
    DSX_UPS,
    DSX_BATTERY,
    DSX_GENERATOR,
    DSX_SWITCH, /* ATS, shunt, breaker: power passes through */
    DSX_COOLING,
    DSX_SENSOR,
    DSX_OTHER,
    DSX_KINDS
};

struct dsx_object {
    const char *id, *type, *name;
    enum dsx_kind kind;
    unsigned parts;  /* kinds of what is associated with it, as bits */
    bool has_power;  /* its power or energy is measured */
    bool is_outdoor; /* it measures the weather */
    /* Outcome. */
    enum device_role role;
    char why[DSX_REASON];
    int32_t fed_by;
};

/* `from` serves `to`; indices of objects. */
struct dsx_edge {
    int32_t from, to;
};

typedef void dsx_note(void *context, const char *format, ...) __attribute__((format(printf, 2, 3)));

enum dsx_kind dsx_kind_of(const char *object_type);
/* Sorts them and drops those that are there already; the number left. */
int32_t dsx_sort_edges(struct dsx_edge *edges, int32_t count);
/* Sets role, reason and source of all objects, and notes what contradicts itself; the edges must
 * be sorted. ERROR_SYSTEM: out of memory. */
int dsx_judge_roles(struct dsx_object *objects, int32_t object_count, const struct dsx_edge *edges,
                    int32_t edge_count, dsx_note *note, void *context);

#endif
