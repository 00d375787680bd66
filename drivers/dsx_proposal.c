/* From metadata point by point to devices: points are gathered by object, the graph says what the
 * objects are, and names are made that a topology takes. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/dsx_private.h"

enum { NAMING_ROUNDS = 16 };

/* A proposal in the making. Objects, and devices, are in the order of their ids. */
struct draft {
    const struct dsx *dsx;
    struct dsx_proposal *proposal;
    const struct dsx_entry **entries; /* sound ones but heartbeats, by object */
    int32_t entry_count;
    struct dsx_object *objects;
    int32_t *first_entry; /* by object, one more than objects */
    int32_t object_count;
    struct dsx_edge *edges;
    int32_t edge_count;
    uint64_t more_findings;
};

static void note(void *context, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(void *context, const char *format, ...)
{
    struct draft *draft = context;
    struct dsx_proposal *proposal = draft->proposal;
    va_list arguments;

    if (proposal->finding_count == DSX_FINDINGS) {
        draft->more_findings++;
        return;
    }
    va_start(arguments, format);
    vsnprintf(proposal->findings[proposal->finding_count].text, LIMIT_ERROR_TEXT, format,
              arguments);
    va_end(arguments);
    proposal->finding_count++;
}

static void leave_out(struct draft *draft, const struct dsx_entry *entry, const char *why)
{
    struct dsx_unmapped *unmapped = &draft->proposal->unmapped[draft->proposal->unmapped_count++];

    strcpy(unmapped->topic, entry->topic);
    snprintf(unmapped->why, sizeof(unmapped->why), "%s", why);
}

/* ---- objects ------------------------------------------------------------- */

/* By object, its own points before those of its parts. */
static int compare_entries(const void *a, const void *b)
{
    const struct dsx_entry *x = *(const struct dsx_entry *const *)a;
    const struct dsx_entry *y = *(const struct dsx_entry *const *)b;
    int order = strcmp(x->object_id, y->object_id);

    if (order == 0)
        order = (x->part > y->part) - (x->part < y->part);
    return order ? order : strcmp(x->topic, y->topic);
}

static void gather_entries(struct draft *draft)
{
    for (int32_t i = 0; i < draft->dsx->count; i++) {
        const struct dsx_entry *entry = draft->dsx->entries[i];

        if (*entry->fault)
            note(draft, "topic %s: %s", entry->topic, entry->fault);
        else if (strcmp(entry->object_type, "System") != 0)
            draft->entries[draft->entry_count++] = entry;
    }
    qsort(draft->entries, (size_t)draft->entry_count, sizeof(*draft->entries), compare_entries);
}

static void check_entry(struct draft *draft, const struct dsx_entry *own,
                        const struct dsx_entry *entry)
{
    if (strcmp(entry->object_type, own->object_type) != 0)
        note(draft, "topic %s: object \"%s\" is of type %s here and %s in topic %s", entry->topic,
             entry->object_id, entry->object_type, own->object_type, own->topic);
    else if (strcmp(entry->object_name, own->object_name) != 0)
        note(draft, "topic %s: object \"%s\" is named \"%s\" here and \"%s\" in topic %s",
             entry->topic, entry->object_id, entry->object_name, own->object_name, own->topic);
    if (entry->has_serves && own->has_serves &&
        (entry->serves_size != own->serves_size ||
         (own->serves_size && memcmp(entry->serves, own->serves, own->serves_size) != 0)))
        note(draft, "topic %s: object \"%s\" serves others here than in topic %s: all are taken",
             entry->topic, entry->object_id, own->topic);
}

/* The first entry of an object decides what it is. */
static void add_object(struct draft *draft, int32_t first, int32_t end)
{
    const struct dsx_entry *own = draft->entries[first];
    struct dsx_object *object = &draft->objects[draft->object_count];

    *object = (struct dsx_object){.id = own->object_id,
                                  .type = own->object_type,
                                  .name = own->object_name,
                                  .kind = dsx_kind_of(own->object_type)};
    if (own->part)
        note(draft, "topic %s: \"associateId\" names \"%s\", which has no metadata of its own",
             own->topic, own->object_id);
    for (int32_t i = first; i < end; i++) {
        if (draft->entries[i]->part && !own->part)
            object->parts |= 1u << dsx_kind_of(draft->entries[i]->object_type);
        else if (!own->part)
            check_entry(draft, own, draft->entries[i]);
    }
    draft->first_entry[draft->object_count++] = first;
    draft->first_entry[draft->object_count] = end;
}

static void gather_objects(struct draft *draft)
{
    for (int32_t first = 0, end; first < draft->entry_count; first = end) {
        end = first + 1;
        while (end < draft->entry_count &&
               strcmp(draft->entries[end]->object_id, draft->entries[first]->object_id) == 0)
            end++;
        add_object(draft, first, end);
    }
}

static int32_t find_object(const struct draft *draft, const char *id)
{
    int32_t low = 0, high = draft->object_count;

    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        int order = strcmp(draft->objects[middle].id, id);

        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* ---- the graph ----------------------------------------------------------- */

/* Most points of an object say the same; what the one before said is not said again. */
static void add_edges(struct draft *draft, int32_t object, const struct dsx_entry *before,
                      const struct dsx_entry *entry)
{
    const char *id = entry->serves;

    if (before && before->serves_size == entry->serves_size && entry->serves_size &&
        memcmp(before->serves, entry->serves, entry->serves_size) == 0)
        return;
    for (int i = 0; i < entry->serves_count; i++, id += strlen(id) + 1) {
        int32_t to = find_object(draft, id);

        if (to < 0)
            note(draft, "topic %s: \"servesId\" names \"%s\", which has no metadata", entry->topic,
                 id);
        else
            draft->edges[draft->edge_count++] = (struct dsx_edge){object, to};
    }
}

static int gather_edges(struct draft *draft)
{
    size_t most = 1;

    for (int32_t i = 0; i < draft->entry_count; i++)
        most += (size_t)draft->entries[i]->serves_count;
    draft->edges = malloc(most * sizeof(*draft->edges));
    if (!draft->edges)
        return ERROR_SYSTEM;
    for (int32_t o = 0; o < draft->object_count; o++) {
        for (int32_t i = draft->first_entry[o]; i < draft->first_entry[o + 1]; i++)
            add_edges(draft, o, i > draft->first_entry[o] ? draft->entries[i - 1] : NULL,
                      draft->entries[i]);
    }
    draft->edge_count = dsx_sort_edges(draft->edges, draft->edge_count);
    return 0;
}

/* ---- points -------------------------------------------------------------- */

static struct dsx_point *find_point(const struct draft *draft, int32_t first, enum point_kind kind)
{
    for (int32_t i = first; i < draft->proposal->point_count; i++) {
        if (draft->proposal->points[i].kind == kind)
            return &draft->proposal->points[i];
    }
    return NULL;
}

/* A set-point may be written on one topic and said back on another: one point of ours. */
static bool join(struct dsx_point *held, const struct dsx_point *point)
{
    bool fits = strcmp(held->unit, point->unit) == 0 && held->scale == point->scale &&
                (*held->topic ? *point->write_topic : *point->topic);

    if (!fits)
        return false;
    strcpy(*held->topic ? held->write_topic : held->topic,
           *held->topic ? point->write_topic : point->topic);
    return true;
}

static int map_topic(const struct draft *draft, const struct dsx_entry *entry,
                     struct dsx_point *point, struct error *error)
{
    bool ours =
        *draft->dsx->integration && strcmp(entry->integration, draft->dsx->integration) == 0;

    if (ours && point_kind_class(point->kind) != POINT_CLASS_SETPOINT)
        return error_set(error, ERROR_INVALID, "we should publish it, but it is no set-point");
    if (ours && point->offset != 0)
        return error_set(error, ERROR_INVALID, "we should publish it, but not in %s", entry->unit);
    return dsx_value_topic(entry->topic, entry->integration,
                           ours ? point->write_topic : point->topic, LIMIT_TOPIC, error);
}

static void add_point(struct draft *draft, int32_t object, int32_t first,
                      const struct dsx_entry *entry)
{
    struct dsx_point point = {.device = object};
    struct dsx_point *held;
    struct error why;

    if (!entry->part && strcmp(entry->object_type, draft->objects[object].type) != 0) {
        leave_out(draft, entry, "its object is of another type elsewhere");
        return;
    }
    if (dsx_map_point(entry, &point, &why) < 0 || map_topic(draft, entry, &point, &why) < 0) {
        leave_out(draft, entry, why.text);
        return;
    }
    held = find_point(draft, first, point.kind);
    if (!held) {
        draft->proposal->points[draft->proposal->point_count++] = point;
    } else if (!join(held, &point)) {
        error_set(&why, 0, "the device has its %s from %s", point_kind_name(point.kind),
                  *held->topic ? held->topic : held->write_topic);
        leave_out(draft, entry, why.text);
    }
}

static void gather_points(struct draft *draft)
{
    struct dsx_proposal *proposal = draft->proposal;

    for (int32_t o = 0; o < draft->object_count; o++) {
        struct dsx_object *object = &draft->objects[o];
        int32_t first = proposal->point_count;

        for (int32_t i = draft->first_entry[o]; i < draft->first_entry[o + 1]; i++)
            add_point(draft, o, first, draft->entries[i]);
        proposal->devices[o].first_point = first;
        proposal->devices[o].points = proposal->point_count - first;
        object->has_power =
            find_point(draft, first, POINT_POWER) || find_point(draft, first, POINT_ENERGY_IMPORT);
        object->is_outdoor = find_point(draft, first, POINT_TEMP_OUTDOOR);
    }
}

/* ---- devices ------------------------------------------------------------- */

static void name_device(struct dsx_device *device, const char *id)
{
    size_t length = 0;

    for (; *id && length < LIMIT_NAME - 1; id++) {
        bool fits = isalnum((unsigned char)*id) || *id == '_' || *id == '-';

        device->name[length++] = fits ? *id : '_';
    }
    device->name[length] = '\0';
}

struct named {
    const char *name;
    int32_t device;
};

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : (x->device > y->device) - (x->device < y->device);
}

/* True: some were alike, and all but one of them have got their number. */
static bool number_alike(struct dsx_proposal *proposal, struct named *names)
{
    size_t count = (size_t)proposal->device_count;
    bool alike = false;

    for (size_t i = 0; i < count; i++)
        names[i] = (struct named){proposal->devices[i].name, (int32_t)i};
    qsort(names, count, sizeof(*names), compare_named);
    for (size_t i = count; i-- > 1;) {
        char *name = proposal->devices[names[i].device].name;
        char number[16];

        if (strcmp(names[i].name, names[i - 1].name) != 0)
            continue;
        alike = true;
        snprintf(number, sizeof(number), "_%d", names[i].device);
        if (strlen(name) + strlen(number) >= LIMIT_NAME)
            name[LIMIT_NAME - 1 - strlen(number)] = '\0';
        strcat(name, number);
    }
    return alike;
}

/* Ids may differ only in what a name cannot have, or far behind; a numbered one may look like yet
 * another. */
static int make_names_unique(struct dsx_proposal *proposal)
{
    struct named *names = calloc((size_t)proposal->device_count + 1, sizeof(*names));

    if (!names)
        return ERROR_SYSTEM;
    for (int round = 0; round < NAMING_ROUNDS && number_alike(proposal, names); round++)
        ;
    free(names);
    return 0;
}

static void fill_devices(struct draft *draft)
{
    draft->proposal->device_count = draft->object_count;
    for (int32_t i = 0; i < draft->object_count; i++) {
        const struct dsx_object *object = &draft->objects[i];
        struct dsx_device *device = &draft->proposal->devices[i];

        name_device(device, object->id);
        strcpy(device->object_type, object->type);
        strcpy(device->object_id, object->id);
        strcpy(device->object_name, object->name);
        strcpy(device->why, object->why);
        device->role = object->role;
        device->fed_by = object->fed_by;
    }
}

/* ---- the whole ----------------------------------------------------------- */

static struct dsx_proposal *proposal_create(size_t points)
{
    struct dsx_proposal *proposal = calloc(1, sizeof(*proposal));

    if (!proposal)
        return NULL;
    proposal->devices = calloc(points + 1, sizeof(*proposal->devices));
    proposal->points = calloc(points + 1, sizeof(*proposal->points));
    proposal->unmapped = calloc(points + 1, sizeof(*proposal->unmapped));
    proposal->findings = calloc(DSX_FINDINGS + 1, sizeof(*proposal->findings));
    if (!proposal->devices || !proposal->points || !proposal->unmapped || !proposal->findings) {
        dsx_proposal_destroy(proposal);
        return NULL;
    }
    return proposal;
}

void dsx_proposal_destroy(struct dsx_proposal *proposal)
{
    if (!proposal)
        return;
    free(proposal->devices);
    free(proposal->points);
    free(proposal->unmapped);
    free(proposal->findings);
    free(proposal);
}

static int compose(struct draft *draft)
{
    int rc;

    gather_entries(draft);
    gather_objects(draft);
    rc = gather_edges(draft);
    if (rc < 0)
        return rc;
    gather_points(draft);
    rc = dsx_judge_roles(draft->objects, draft->object_count, draft->edges, draft->edge_count, note,
                         draft);
    if (rc < 0)
        return rc;
    fill_devices(draft);
    rc = make_names_unique(draft->proposal);
    if (draft->dsx->refused > 0)
        note(draft, "%llu metadata messages found no room",
             (unsigned long long)draft->dsx->refused);
    if (draft->object_count > LIMIT_DEVICES)
        note(draft, "%d objects: a site has at most %d devices", draft->object_count,
             LIMIT_DEVICES);
    if (draft->more_findings > 0)
        snprintf(draft->proposal->findings[draft->proposal->finding_count++].text, LIMIT_ERROR_TEXT,
                 "and %llu more", (unsigned long long)draft->more_findings);
    return rc;
}

struct dsx_proposal *dsx_propose(const struct dsx *dsx)
{
    size_t count = (size_t)dsx->count;
    struct draft draft = {.dsx = dsx, .proposal = proposal_create(count)};

    draft.entries = calloc(count + 1, sizeof(*draft.entries));
    draft.objects = calloc(count + 1, sizeof(*draft.objects));
    draft.first_entry = calloc(count + 1, sizeof(*draft.first_entry));
    if (!draft.proposal || !draft.entries || !draft.objects || !draft.first_entry ||
        compose(&draft) < 0) {
        dsx_proposal_destroy(draft.proposal);
        draft.proposal = NULL;
    } else {
        dsx_find_heartbeats(dsx, &draft.proposal->heartbeats);
    }
    free(draft.entries);
    free(draft.objects);
    free(draft.first_entry);
    free(draft.edges);
    return draft.proposal;
}
