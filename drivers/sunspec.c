/* SunSpec discovery and binding: see sunspec.h. Whatever a device answers, the walk goes up the
 * address range and ends; a chain is data from outside and is believed register by register. */
#include "drivers/sunspec.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    ADDRESSES = 65536,
    HEADER_WORDS = 2,     /* a model's id and length; also the marker */
    MARKER_HIGH = 0x5375, /* "Su" */
    MARKER_LOW = 0x6E53,  /* "nS" */
    END_ID = 0xFFFF,
};

static const uint16_t BASES[] = {40000, 0, 50000};
enum { BASE_COUNT = sizeof(BASES) / sizeof(BASES[0]) };

/* The walk */

void sunspec_walk_begin(struct sunspec_walk *walk)
{
    *walk = (struct sunspec_walk){0};
}

bool sunspec_walk_next(const struct sunspec_walk *walk, uint16_t *ret_address, uint16_t *ret_count)
{
    if (walk->done || walk->failed)
        return false;
    *ret_address = walk->marker_found ? walk->next : BASES[walk->base];
    *ret_count = HEADER_WORDS;
    return true;
}

static void note(struct sunspec_walk *walk, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends to the walk's text. */
static void note(struct sunspec_walk *walk, const char *format, ...)
{
    size_t length = strlen(walk->error.text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(walk->error.text + length, sizeof(walk->error.text) - length, format, arguments);
    va_end(arguments);
}

static void take_marker(struct sunspec_walk *walk, const uint16_t *registers)
{
    uint16_t base = BASES[walk->base];

    if (registers && registers[0] == MARKER_HIGH && registers[1] == MARKER_LOW) {
        walk->marker_found = true;
        walk->chain.base = base;
        walk->next = (uint16_t)(base + HEADER_WORDS);
        walk->error.text[0] = '\0';
        return;
    }
    note(walk, walk->base == 0 ? "no SunSpec marker: " : ", ");
    if (registers)
        note(walk, "register %u holds 0x%04X%04X", base, registers[0], registers[1]);
    else
        note(walk, "register %u is refused", base);
    if (++walk->base == BASE_COUNT)
        walk->failed = true;
}

/* The end of the chain. Without any model there is nothing to go on with. */
static void finish(struct sunspec_walk *walk)
{
    walk->done = walk->chain.count > 0;
    walk->failed = !walk->done;
    if (walk->failed && walk->error.text[0] == '\0')
        note(walk, "the chain at register %u is empty", walk->chain.base);
}

static void keep_model(struct sunspec_walk *walk, uint16_t id, uint16_t length)
{
    walk->chain.models[walk->chain.count++] =
        (struct sunspec_model){.id = id, .address = walk->next, .length = length};
    uint32_t next = (uint32_t)walk->next + HEADER_WORDS + length;
    if (next + HEADER_WORDS > ADDRESSES) {
        note(walk, "the chain runs to register %d without its end mark", ADDRESSES - 1);
        finish(walk);
        return;
    }
    walk->next = (uint16_t)next;
}

static void take_model(struct sunspec_walk *walk, const uint16_t *registers)
{
    if (!registers) {
        note(walk, "the chain breaks off: register %u, where a model should begin, is refused",
             walk->next);
        finish(walk);
        return;
    }
    uint16_t id = registers[0], length = registers[1];
    if (id == END_ID) {
        finish(walk);
    } else if (id == 0 || length == 0) {
        note(walk, "the chain breaks off: register %u says model %u with %u registers", walk->next,
             id, length);
        finish(walk);
    } else if ((uint32_t)walk->next + HEADER_WORDS + length > ADDRESSES) {
        note(walk, "the chain breaks off: model %u at register %u has %u registers, beyond %d", id,
             walk->next, length, ADDRESSES - 1);
        finish(walk);
    } else if (walk->chain.count == SUNSPEC_MODELS) {
        note(walk, "more than %d models: those from register %u on are not looked at",
             SUNSPEC_MODELS, walk->next);
        finish(walk);
    } else {
        keep_model(walk, id, length);
    }
}

void sunspec_walk_take(struct sunspec_walk *walk, const uint16_t *registers)
{
    assert(!walk->done && !walk->failed);
    if (walk->marker_found)
        take_model(walk, registers);
    else
        take_marker(walk, registers);
}

/* The table */

struct model_row {
    uint16_t id, layout;
    const char *name;
};

static const struct model_row MODELS[] = {
#define SUNSPEC_MODEL(id, name, layout) {id, layout, name},
#define SUNSPEC_POINT(layout, name, offset, words, type, scale, constant, unit, writable)
#include "schema/modbus/sunspec.def"
#undef SUNSPEC_MODEL
#undef SUNSPEC_POINT
};
enum { MODEL_COUNT = sizeof(MODELS) / sizeof(MODELS[0]) };

static const struct sunspec_point POINTS[] = {
#define SUNSPEC_MODEL(id, name, layout)
#define SUNSPEC_POINT(layout, name, offset, words, type, scale, constant, unit, writable)          \
    {layout, name, offset, words, type, scale, constant, unit, writable},
#include "schema/modbus/sunspec.def"
#undef SUNSPEC_MODEL
#undef SUNSPEC_POINT
};
enum { POINT_COUNT = sizeof(POINTS) / sizeof(POINTS[0]) };

static const struct model_row *find_model(uint16_t id)
{
    for (int i = 0; i < MODEL_COUNT; i++)
        if (MODELS[i].id == id)
            return &MODELS[i];
    return NULL;
}

const char *sunspec_model_name(uint16_t model)
{
    const struct model_row *row = find_model(model);
    return row ? row->name : NULL;
}

const struct sunspec_point *sunspec_model_points(uint16_t model, int *ret_count)
{
    const struct model_row *row = find_model(model);
    int first = 0, end;

    *ret_count = 0;
    if (!row)
        return NULL;
    while (first < POINT_COUNT && POINTS[first].layout != row->layout)
        first++;
    for (end = first; end < POINT_COUNT && POINTS[end].layout == row->layout;)
        end++;
    *ret_count = end - first;
    return &POINTS[first];
}

const struct sunspec_point *sunspec_point_find(uint16_t model, const char *name)
{
    int count;
    const struct sunspec_point *points = sunspec_model_points(model, &count);

    for (int i = 0; i < count; i++)
        if (strcmp(points[i].name, name) == 0)
            return &points[i];
    return NULL;
}

/* What the types of the models are to us, with the patterns that mean "not implemented" (an
 * accumulator's 0 is "not accumulated", and all ones is what devices fill gaps with). Strings are
 * no numbers, scale factors are part of others. */
static const struct type_row {
    const char *name;
    enum register_type type;
    int invalid_count;
    uint64_t invalids[2];
} TYPES[] = {
    {"int16", TYPE_I16, 1, {0x8000}},
    {"uint16", TYPE_U16, 1, {0xFFFF}},
    {"count", TYPE_U16, 1, {0xFFFF}},
    {"acc16", TYPE_U16, 2, {0, 0xFFFF}},
    {"enum16", TYPE_U16, 1, {0xFFFF}},
    {"bitfield16", TYPE_U16, 2, {0xFFFF, 0x8000}},
    {"int32", TYPE_I32, 1, {0x80000000}},
    {"uint32", TYPE_U32, 1, {0xFFFFFFFF}},
    {"acc32", TYPE_U32, 2, {0, 0xFFFFFFFF}},
    {"enum32", TYPE_U32, 1, {0xFFFFFFFF}},
    {"bitfield32", TYPE_U32, 2, {0xFFFFFFFF, 0x80000000}},
    {"int64", TYPE_I64, 1, {0x8000000000000000}},
    {"uint64", TYPE_U64, 1, {0xFFFFFFFFFFFFFFFF}},
    {"acc64", TYPE_U64, 2, {0, 0xFFFFFFFFFFFFFFFF}},
    {"float32", TYPE_F32, 1, {0x7FC00000}},
    {"float64", TYPE_F64, 1, {0x7FF8000000000000}},
};
enum { TYPE_COUNT = sizeof(TYPES) / sizeof(TYPES[0]) };

static const struct type_row *find_type(const char *name)
{
    for (int i = 0; i < TYPE_COUNT; i++)
        if (strcmp(TYPES[i].name, name) == 0)
            return &TYPES[i];
    return NULL;
}

/* Units as the models print them, where they are not written as ours: every share ("% WMax",
 * "%WHRtg", "Pct") is a percentage, but no share in time is. */
static const char *own_unit(const char *unit)
{
    static const char *const SPELLINGS[][2] = {
        {"WH", "Wh"},
        {"Var", "var"},
        {"Secs", "s"},
        {"Pct", "%"},
    };

    for (size_t i = 0; i < sizeof(SPELLINGS) / sizeof(SPELLINGS[0]); i++)
        if (strcmp(unit, SPELLINGS[i][0]) == 0)
            return SPELLINGS[i][1];
    return unit[0] == '%' && !strchr(unit, '/') ? "%" : unit;
}

/* Binding */

static bool inside(const struct sunspec_model *model, const struct sunspec_point *point)
{
    return point->offset + point->words <= HEADER_WORDS + model->length;
}

bool sunspec_point_place(const struct sunspec_model *model, const struct sunspec_point *point,
                         struct profile_row *ret_row)
{
    const struct type_row *type = find_type(point->type);
    const struct sunspec_point *scale =
        point->scale ? sunspec_point_find(model->id, point->scale) : NULL;

    if (!type || !inside(model, point) || (scale && !inside(model, scale)))
        return false;
    ret_row->table = TABLE_HOLDING;
    ret_row->address = (uint16_t)(model->address + point->offset);
    ret_row->type = type->type;
    ret_row->order = ORDER_ABCD;
    ret_row->factor = pow(10, point->scale_constant);
    ret_row->scaled = scale != NULL;
    ret_row->scale_address = scale ? (uint16_t)(model->address + scale->offset) : 0;
    ret_row->nan_invalid = register_type_is_float(type->type);
    ret_row->invalid_count = type->invalid_count;
    memcpy(ret_row->invalids, type->invalids, sizeof(type->invalids));
    return true;
}

/* The row read as `point` of `model`; false when the device does not offer that. */
static bool bind_row(const struct profile *profile, const struct sunspec_model *model,
                     const struct sunspec_point *point, struct profile_row *row)
{
    struct profile_row bound = *row;
    double unit;
    uint16_t address, count;

    if (!sunspec_point_place(model, point, &bound) ||
        point_unit_factor(row->point, own_unit(point->unit), &unit, NULL) < 0 ||
        (row->write.allowed && !point->writable))
        return false;
    profile_row_span(&bound, &address, &count);
    if (count > profile->max_registers)
        return false;
    bound.factor *= row->factor * unit;
    if (bound.write.allowed && register_type_words(bound.type) > 1)
        bound.write.function = 16;
    *row = bound;
    return true;
}

static bool has_layout(const struct sunspec_model *model, uint16_t layout)
{
    const struct model_row *row = find_model(model->id);
    return row && row->layout == layout;
}

static bool bind_first(const struct sunspec_chain *chain, const struct profile *profile,
                       struct profile_row *row)
{
    for (int i = 0; i < row->sunspec_count; i++) {
        const struct profile_sunspec *wanted = &row->sunspec[i];
        const struct sunspec_point *point = sunspec_point_find(wanted->model, wanted->point);
        for (int m = 0; point && m < chain->count; m++)
            if (has_layout(&chain->models[m], point->layout) &&
                bind_row(profile, &chain->models[m], point, row))
                return true;
    }
    return false;
}

int sunspec_bind(const struct sunspec_chain *chain, const struct profile *profile,
                 struct profile *ret_bound)
{
    int offered = 0;

    *ret_bound = *profile;
    for (int i = 0; i < profile->row_count; i++) {
        struct profile_row *row = &ret_bound->rows[i];
        if (row->sunspec_count > 0)
            row->absent = !bind_first(chain, profile, row);
        offered += !row->absent;
    }
    return offered;
}

/* Checking a profile */

static int check_point(const struct profile_row *row, const struct profile_sunspec *wanted,
                       struct error *error)
{
    const struct sunspec_point *point = sunspec_point_find(wanted->model, wanted->point);
    double factor;

    if (!sunspec_model_name(wanted->model))
        return error_set(error, ERROR_INVALID, "model %u is not in schema/modbus/sunspec.def",
                         wanted->model);
    if (!point)
        return error_set(error, ERROR_INVALID, "model %u has no point \"%s\"", wanted->model,
                         wanted->point);
    if (!find_type(point->type))
        return error_set(error, ERROR_INVALID, "a %s is no number", point->type);
    if (row->write.allowed && !point->writable)
        return error_set(error, ERROR_INVALID, "the model does not let it be written");
    return point_unit_factor(row->point, own_unit(point->unit), &factor, error);
}

int sunspec_check(const struct profile *profile, struct error *error)
{
    for (int i = 0; i < profile->row_count; i++) {
        const struct profile_row *row = &profile->rows[i];
        for (int s = 0; s < row->sunspec_count; s++)
            if (check_point(row, &row->sunspec[s], error) < 0)
                return error_prefix(error, ERROR_INVALID, "%s: %u.%s", point_kind_name(row->point),
                                    row->sunspec[s].model, row->sunspec[s].point);
    }
    return 0;
}
