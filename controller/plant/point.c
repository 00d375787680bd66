/* The catalogue of point names and the topology: which devices a site has and what each can tell.
 * Built once from configuration, read-only afterwards. */
#include "controller/plant/point.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kind_row {
    const char *name;
    enum unit unit;
    enum point_class point_class;
    const char *text;
};

static const struct kind_row kinds[POINT_KINDS] = {
#define POINT(id, name, unit, class, text)                                                         \
    [POINT_##id] = {name, UNIT_##unit, POINT_CLASS_##class, text},
#include "schema/points.def"
#undef POINT
};

static const char *const unit_names[] = {
    [UNIT_NONE] = "",     [UNIT_W] = "W",     [UNIT_VAR] = "var",      [UNIT_VA] = "VA",
    [UNIT_WH] = "Wh",     [UNIT_V] = "V",     [UNIT_A] = "A",          [UNIT_HZ] = "Hz",
    [UNIT_PCT] = "%",     [UNIT_S] = "s",     [UNIT_DEGC] = "degC",    [UNIT_L_MIN] = "l/min",
    [UNIT_W_M2] = "W/m2", [UNIT_M_S] = "m/s", [UNIT_PER_MWH] = "/MWh", [UNIT_G_PER_KWH] = "g/kWh",
};

static const char *const role_names[DEVICE_ROLES] = {
    [ROLE_NONE] = "none",           [ROLE_UTILITY] = "utility", [ROLE_PV] = "pv",
    [ROLE_WIND] = "wind",           [ROLE_BATTERY] = "battery", [ROLE_UPS] = "ups",
    [ROLE_RACK_PDU] = "rack_pdu",   [ROLE_IT] = "it",           [ROLE_COOLING] = "cooling",
    [ROLE_AUXILIARY] = "auxiliary", [ROLE_WEATHER] = "weather", [ROLE_MARKET] = "market",
};

static const struct kind_row *kind_row(enum point_kind kind)
{
    assert((unsigned)kind < POINT_KINDS);
    return &kinds[kind];
}

const char *point_kind_name(enum point_kind kind)
{
    return kind_row(kind)->name;
}

const char *point_kind_text(enum point_kind kind)
{
    return kind_row(kind)->text;
}

enum unit point_kind_unit(enum point_kind kind)
{
    return kind_row(kind)->unit;
}

enum point_class point_kind_class(enum point_kind kind)
{
    return kind_row(kind)->point_class;
}

const char *unit_name(enum unit unit)
{
    assert((unsigned)unit < sizeof(unit_names) / sizeof(unit_names[0]));
    return unit_names[unit];
}

int point_kind_find(const char *name, enum point_kind *ret_kind)
{
    for (int i = 0; i < POINT_KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *ret_kind = (enum point_kind)i;
            return 0;
        }
    }
    return ERROR_INVALID;
}

const char *device_role_name(enum device_role role)
{
    assert((unsigned)role < DEVICE_ROLES);
    return role_names[role];
}

int device_role_find(const char *name, enum device_role *ret_role)
{
    for (int i = 0; i < DEVICE_ROLES; i++) {
        if (strcmp(role_names[i], name) == 0) {
            *ret_role = (enum device_role)i;
            return 0;
        }
    }
    return ERROR_INVALID;
}

struct topology *topology_create(void)
{
    struct topology *topology = calloc(1, sizeof(*topology));
    if (!topology)
        return NULL;
    topology->devices = calloc(LIMIT_DEVICES, sizeof(*topology->devices));
    topology->points = calloc(LIMIT_POINTS, sizeof(*topology->points));
    if (!topology->devices || !topology->points) {
        topology_destroy(topology);
        return NULL;
    }
    return topology;
}

void topology_destroy(struct topology *topology)
{
    if (!topology)
        return;
    free(topology->devices);
    free(topology->points);
    free(topology);
}

/* Names become parts of MQTT topics, point names and SQL keys: letters, digits, '_' and '-'. */
static int check_name(const char *what, const char *name, struct error *error)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t length = strlen(name);
    if (length == 0 || length >= LIMIT_NAME)
        return error_set(error, ERROR_INVALID, "%s name \"%.60s\": use 1 to %d characters", what,
                         name, LIMIT_NAME - 1);
    if (strspn(name, allowed) != length)
        return error_set(error, ERROR_INVALID,
                         "%s name \"%s\": use only letters, digits, '_' and '-'", what, name);
    return 0;
}

/* Feeders and groups share one set of names, since a feeder may stand for its only group. A group
 * may bear its own feeder's name. */
static int check_free(const struct topology *topology, const char *what, const char *name,
                      int32_t own_feeder, int32_t own_group, struct error *error)
{
    int32_t feeder = topology_find_feeder(topology, name);
    int32_t group = topology_find_group(topology, name);
    if (feeder >= 0 && feeder != own_feeder)
        return error_set(error, ERROR_INVALID, "%s name \"%s\" is already taken by a feeder", what,
                         name);
    if (group >= 0 && group != own_group)
        return error_set(error, ERROR_INVALID, "%s name \"%s\" is already taken by a rack group",
                         what, name);
    return 0;
}

static void begin_group(struct topology *topology, int32_t group, const char *name, int32_t feeder,
                        double limit_w)
{
    topology->groups[group] = (struct rack_group){.feeder = feeder, .limit_w = limit_w};
    snprintf(topology->groups[group].name, LIMIT_NAME, "%s", name);
}

int topology_add_feeder(struct topology *topology, const char *name, double limit_w,
                        struct error *error)
{
    int rc = check_name("feeder", name, error);
    if (rc == 0)
        rc = check_free(topology, "feeder", name, -1, -1, error);
    if (rc < 0)
        return rc;
    if (!(limit_w > 0)) /* also refuses NaN */
        return error_set(error, ERROR_INVALID, "feeder \"%s\": the limit must be above 0 W", name);
    if (topology->feeder_count == LIMIT_FEEDERS)
        return error_set(error, ERROR_FULL, "feeder \"%s\": a site has at most %d feeders", name,
                         LIMIT_FEEDERS);

    if (topology->group_count == LIMIT_GROUPS)
        return error_set(error, ERROR_FULL, "feeder \"%s\": a site has at most %d rack groups",
                         name, LIMIT_GROUPS);
    struct feeder *feeder = &topology->feeders[topology->feeder_count];
    strcpy(feeder->name, name);
    feeder->limit_w = limit_w;
    begin_group(topology, topology->group_count, name, topology->feeder_count, limit_w);
    topology->groups[topology->group_count++].whole = true;
    return topology->feeder_count++;
}

int32_t topology_only_group(const struct topology *topology, int32_t feeder)
{
    int32_t found = -1;
    for (int32_t g = 0; g < topology->group_count; g++) {
        if (topology->groups[g].feeder != feeder)
            continue;
        if (found >= 0)
            return -1;
        found = g;
    }
    return found;
}

/* The group that came with the feeder, while it is the only one; -1: there are others. */
static int32_t stand_in(const struct topology *topology, int32_t feeder)
{
    int32_t group = topology_only_group(topology, feeder);
    return group >= 0 && topology->groups[group].whole ? group : -1;
}

int topology_add_group(struct topology *topology, const char *name, int32_t feeder, double limit_w,
                       struct error *error)
{
    assert(feeder >= 0 && feeder < topology->feeder_count);
    int32_t place = stand_in(topology, feeder);
    int rc = check_name("group", name, error);
    if (rc == 0)
        rc = check_free(topology, "group", name, feeder, place, error);
    if (rc < 0)
        return rc;
    if (!(limit_w > 0)) /* also refuses NaN */
        return error_set(error, ERROR_INVALID, "group \"%s\": the limit must be above 0 W", name);
    if (place < 0 && topology->group_count == LIMIT_GROUPS)
        return error_set(error, ERROR_FULL, "group \"%s\": a site has at most %d rack groups", name,
                         LIMIT_GROUPS);
    if (place < 0)
        place = topology->group_count++;
    begin_group(topology, place, name, feeder, limit_w);
    return place;
}

int topology_add_accelerators(struct topology *topology, int32_t group, const char *class_name,
                              int32_t count, struct error *error)
{
    assert(group >= 0 && group < topology->group_count);
    int rc = check_name("accelerator class", class_name, error);
    if (rc < 0)
        return rc;
    int32_t class = topology_find_accelerator(topology, class_name);
    if (class < 0 && topology->accelerator_count == LIMIT_ACCELERATORS)
        return error_set(error, ERROR_FULL, "class \"%s\": a site has at most %d of accelerators",
                         class_name, LIMIT_ACCELERATORS);
    if (class < 0) {
        class = topology->accelerator_count++;
        strcpy(topology->accelerators[class], class_name);
    }
    if (topology->groups[group].accelerators[class] > 0)
        return error_set(error, ERROR_INVALID,
                         "class \"%s\" is there twice in group \"%s\": say it once, with the sum",
                         class_name, topology->groups[group].name);
    topology->groups[group].accelerators[class] = count;
    return 0;
}

int topology_add_device(struct topology *topology, const char *name, enum device_role role,
                        int32_t feeder, int64_t stale_after_ms, struct error *error)
{
    assert((unsigned)role < DEVICE_ROLES);
    assert(feeder >= -1 && feeder < topology->feeder_count);
    int rc = check_name("device", name, error);
    if (rc < 0)
        return rc;
    if (topology_find_device(topology, name) >= 0)
        return error_set(error, ERROR_INVALID, "device name \"%s\" is already taken", name);
    if (stale_after_ms <= 0)
        return error_set(error, ERROR_INVALID,
                         "device \"%s\": the age at which values turn stale must be above 0", name);
    if (topology->device_count == LIMIT_DEVICES)
        return error_set(error, ERROR_FULL, "device \"%s\": a site has at most %d devices", name,
                         LIMIT_DEVICES);

    struct device *device = &topology->devices[topology->device_count];
    strcpy(device->name, name);
    device->role = role;
    device->feeder = feeder;
    device->group = feeder < 0 ? -1 : topology_only_group(topology, feeder);
    device->first_point = topology->point_count;
    device->point_count = 0;
    device->stale_after_ms = stale_after_ms;
    return topology->device_count++;
}

void topology_place_device(struct topology *topology, int32_t group)
{
    assert(topology->device_count > 0 && group >= 0 && group < topology->group_count);
    struct device *device = &topology->devices[topology->device_count - 1];
    device->group = group;
    device->feeder = topology->groups[group].feeder;
}

int topology_add_point(struct topology *topology, const struct point *point, struct error *error)
{
    assert(topology->device_count > 0);
    int32_t device_index = topology->device_count - 1;
    struct device *device = &topology->devices[device_index];
    const char *kind_name = point_kind_name(point->kind);

    if (topology_find_point(topology, device_index, point->kind) >= 0)
        return error_set(error, ERROR_INVALID, "%s.%s is defined twice", device->name, kind_name);
    if (!(point->low <= point->high))
        return error_set(error, ERROR_INVALID, "%s.%s: low must not be above high", device->name,
                         kind_name);
    if (topology->point_count == LIMIT_POINTS)
        return error_set(error, ERROR_FULL, "%s.%s: a site has at most %d points", device->name,
                         kind_name, LIMIT_POINTS);

    struct point *added = &topology->points[topology->point_count];
    *added = *point;
    added->device = device_index;
    device->point_count++;
    return topology->point_count++;
}

int32_t topology_find_device(const struct topology *topology, const char *name)
{
    for (int32_t i = 0; i < topology->device_count; i++)
        if (strcmp(topology->devices[i].name, name) == 0)
            return i;
    return -1;
}

int32_t topology_find_feeder(const struct topology *topology, const char *name)
{
    for (int32_t i = 0; i < topology->feeder_count; i++)
        if (strcmp(topology->feeders[i].name, name) == 0)
            return i;
    return -1;
}

int32_t topology_find_group(const struct topology *topology, const char *name)
{
    for (int32_t i = 0; i < topology->group_count; i++)
        if (strcmp(topology->groups[i].name, name) == 0)
            return i;
    return -1;
}

int32_t topology_find_accelerator(const struct topology *topology, const char *class_name)
{
    for (int32_t i = 0; i < topology->accelerator_count; i++)
        if (strcmp(topology->accelerators[i], class_name) == 0)
            return i;
    return -1;
}

int32_t topology_find_point(const struct topology *topology, int32_t device, enum point_kind kind)
{
    if (device < 0)
        return -1;
    assert(device < topology->device_count);
    const struct device *owner = &topology->devices[device];
    for (int32_t i = owner->first_point; i < owner->first_point + owner->point_count; i++)
        if (topology->points[i].kind == kind)
            return i;
    return -1;
}

int32_t topology_next(const struct topology *topology, enum device_role role, int32_t from)
{
    for (int32_t i = from < 0 ? 0 : from; i < topology->device_count; i++)
        if (topology->devices[i].role == role)
            return i;
    return -1;
}

double point_write_nearest(const struct point *point, double value)
{
    const struct point_write *write = &point->write;
    if (write->low >= write->high)
        return value;
    return value < write->low ? write->low : value > write->high ? write->high : value;
}

const char *topology_point_name(const struct topology *topology, int32_t point, char *buffer,
                                int size)
{
    assert(point >= 0 && point < topology->point_count && size > 0);
    const struct point *entry = &topology->points[point];
    snprintf(buffer, (size_t)size, "%s.%s", topology->devices[entry->device].name,
             point_kind_name(entry->kind));
    return buffer;
}
