/* SunSpec information models: where a device keeps which model, and what a model's points are.
 * Pure; facts from the SunSpec Alliance's model definitions are the table
 * schema/modbus/sunspec.def.
 *
 * A device begins its models with "SunS" at 40000, 0 or 50000 (in the order tried); each has an id,
 * a length and its registers; id 0xFFFF ends the chain. Rows of a profile that name points
 * ("103.W") get their address, type, scale register, sentinel and unit from the model found. */
#ifndef TIDEWATT_DRIVERS_SUNSPEC_H
#define TIDEWATT_DRIVERS_SUNSPEC_H

#include "drivers/profile.h"

enum { SUNSPEC_MODELS = 48 }; /* of one device */

struct sunspec_model {
    uint16_t id;
    uint16_t address; /* wire address of the register that holds the id */
    uint16_t length;  /* registers behind id and length */
};

struct sunspec_chain {
    uint16_t base;
    struct sunspec_model models[SUNSPEC_MODELS];
    int count;
};

/* One discovery: asks for reads of holding registers one after the other. */
struct sunspec_walk {
    struct sunspec_chain chain;
    int base;      /* which start is tried */
    uint16_t next; /* wire address of the next model's id; 0 while the marker is sought */
    bool marker_found, done, failed;
    /* failed: what was found where. done: empty, or why the chain ends before its end mark; the
     * models in front of that place are sound and kept. */
    struct error error;
};

void sunspec_walk_begin(struct sunspec_walk *walk);
/* The next read; false when the walk is over (done or failed). */
bool sunspec_walk_next(const struct sunspec_walk *walk, uint16_t *ret_address, uint16_t *ret_count);
/* What the read gave; NULL when the device refused it. */
void sunspec_walk_take(struct sunspec_walk *walk, const uint16_t *registers);

/* A point as the models define it. Of a repeating group only the first repetition is known, as
 * "group.name" ("module.DCW" of model 160). */
struct sunspec_point {
    uint16_t layout;        /* lowest id of the models that share these registers (101 for 103) */
    const char *name;       /* "W" */
    uint16_t offset, words; /* registers from the model's id register */
    const char *type;       /* "int16", "acc32", "sunssf", "enum16", "string", ... */
    const char *scale;      /* name of the scale-factor point of the model, NULL: none */
    int scale_constant;     /* exponent where the scale is fixed */
    const char *unit;       /* as printed in the models, "" for none */
    bool writable;
};
const struct sunspec_point *sunspec_point_find(uint16_t model, const char *name);
/* Points of a model in order of their offset; NULL and 0 when the model is not in the table. */
const struct sunspec_point *sunspec_model_points(uint16_t model, int *ret_count);
const char *sunspec_model_name(uint16_t model); /* NULL: not in the table */

/* Where and how a point is read: table, address, type, factor (in the model's unit), scale register
 * and sentinel of `ret_row`, whose other fields stay. false: not a number (a string), or the
 * model as the device has it is too short for the point or its scale factor. */
bool sunspec_point_place(const struct sunspec_model *model, const struct sunspec_point *point,
                         struct profile_row *ret_row);

/* Whether each SunSpec row of the profile names points of the table, of a type and unit that fit
 * what the row is for. ERROR_INVALID names the row and the point. */
int sunspec_check(const struct profile *profile, struct error *error);

/* Writes into `bound` (a copy of `profile`) where each SunSpec row's first offered alternative is;
 * rows that the device does not offer become absent, and so do those that need a longer read than
 * max_registers. Returns how many rows are offered. Models of one layout stand for each other
 * ("103.W" also finds model 101); of several in a chain the first counts.
 *
 * A row's factor (its `scale`, 1 unless given; negative where the device counts the other way)
 * multiplies the point's own scale and unit; its offset, ranges and checks stay as they are.
 * Sentinels are those of the type; an accumulator of 0 says "not accumulated", hence is unknown
 * until it first counts. Where accumulators roll over stays unknown (their scale is in a register):
 * a counter that goes back is taken as restarted. */
int sunspec_bind(const struct sunspec_chain *chain, const struct profile *profile,
                 struct profile *ret_bound);

#endif
