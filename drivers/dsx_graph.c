/* What an object is to the energy balance, from who serves whom. Everything follows from two sets
 * per object: what can be reached from it along electrical edges, and what it can be reached from.
 * Both only grow, so they are found by passing changes on until there are none; circles cannot
 * trap that. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/dsx_private.h"

/* Beside the kinds, as bits of the sets. */
enum {
    BIT_COOLING_METER = DSX_KINDS, /* a meter that has all of some cooling, and nothing else */
    BIT_RACK_METER,                /* a meter of racks */
};

enum {
    REACH_BUDGET = 4000000, /* edges followed to compare candidates for the utility meter */
    PATH_SHOWN = 5,         /* objects of a circle that are named */
};

static unsigned bit(int kind)
{
    return 1u << kind;
}

struct graph {
    struct dsx_object *objects;
    int32_t object_count;
    const struct dsx_edge *out; /* by `from` */
    struct dsx_edge *in;        /* by `to` */
    int32_t edge_count;
    int32_t *first_out, *first_in; /* by object, one more than objects */
    unsigned *down, *up;
    unsigned *direct_up; /* kinds that serve it directly */
    bool *circular;
    int32_t *list; /* room for object_count + 1 */
    bool *listed;
};

enum dsx_kind dsx_kind_of(const char *object_type)
{
    static const struct {
        const char *type;
        enum dsx_kind kind;
    } rows[] = {
        {"PowerMeter", DSX_METER},     {"Rack", DSX_RACK},           {"UPS", DSX_UPS},
        {"BESS", DSX_BATTERY},         {"Generator", DSX_GENERATOR}, {"ATS", DSX_SWITCH},
        {"Shunt", DSX_SWITCH},         {"Breaker", DSX_SWITCH},      {"CDU", DSX_COOLING},
        {"CoolingTower", DSX_COOLING}, {"HX", DSX_COOLING},          {"CRAH", DSX_COOLING},
        {"CRAC", DSX_COOLING},         {"AHU", DSX_COOLING},         {"Chiller", DSX_COOLING},
        {"Valve", DSX_COOLING},        {"Pump", DSX_COOLING},        {"Fan", DSX_COOLING},
        {"Damper", DSX_COOLING},       {"Tank", DSX_COOLING},        {"Sensor", DSX_SENSOR},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].type, object_type) == 0)
            return rows[i].kind;
    }
    return DSX_OTHER;
}

/* Beyond a cooling device it is heat that flows, not power. */
static bool is_electrical(const struct graph *graph, const struct dsx_edge *edge)
{
    enum dsx_kind kind = graph->objects[edge->from].kind;

    return kind == DSX_METER || kind == DSX_UPS || kind == DSX_BATTERY || kind == DSX_GENERATOR ||
           kind == DSX_SWITCH;
}

/* ---- the edges in order -------------------------------------------------- */

static int compare_out(const void *a, const void *b)
{
    const struct dsx_edge *x = a, *y = b;

    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

static int compare_in(const void *a, const void *b)
{
    const struct dsx_edge *x = a, *y = b;

    if (x->to != y->to)
        return x->to < y->to ? -1 : 1;
    return (x->from > y->from) - (x->from < y->from);
}

int32_t dsx_sort_edges(struct dsx_edge *edges, int32_t count)
{
    int32_t kept = 0;

    qsort(edges, (size_t)count, sizeof(*edges), compare_out);
    for (int32_t i = 0; i < count; i++) {
        if (kept == 0 || compare_out(&edges[kept - 1], &edges[i]) != 0)
            edges[kept++] = edges[i];
    }
    return kept;
}

static void graph_finish(struct graph *graph)
{
    free(graph->in);
    free(graph->first_out);
    free(graph->first_in);
    free(graph->down);
    free(graph->up);
    free(graph->direct_up);
    free(graph->circular);
    free(graph->list);
    free(graph->listed);
}

static int graph_init(struct graph *graph, struct dsx_object *objects, int32_t object_count,
                      const struct dsx_edge *edges, int32_t edge_count)
{
    size_t room = (size_t)object_count + 2;

    *graph = (struct graph){
        .objects = objects, .object_count = object_count, .out = edges, .edge_count = edge_count};
    graph->in = calloc((size_t)edge_count + 1, sizeof(*graph->in));
    graph->first_out = calloc(room, sizeof(*graph->first_out));
    graph->first_in = calloc(room, sizeof(*graph->first_in));
    graph->down = calloc(room, sizeof(*graph->down));
    graph->up = calloc(room, sizeof(*graph->up));
    graph->direct_up = calloc(room, sizeof(*graph->direct_up));
    graph->circular = calloc(room, sizeof(*graph->circular));
    graph->list = calloc(room, sizeof(*graph->list));
    graph->listed = calloc(room, sizeof(*graph->listed));
    if (!graph->in || !graph->first_out || !graph->first_in || !graph->down || !graph->up ||
        !graph->direct_up || !graph->circular || !graph->list || !graph->listed) {
        graph_finish(graph);
        return ERROR_SYSTEM;
    }
    memcpy(graph->in, edges, (size_t)edge_count * sizeof(*edges));
    qsort(graph->in, (size_t)edge_count, sizeof(*edges), compare_in);
    for (int32_t e = 0; e < edge_count; e++) {
        graph->first_out[edges[e].from + 1]++;
        graph->first_in[edges[e].to + 1]++;
    }
    for (int32_t i = 0; i < object_count; i++) {
        graph->first_out[i + 1] += graph->first_out[i];
        graph->first_in[i + 1] += graph->first_in[i];
    }
    return 0;
}

/* ---- what is reached ----------------------------------------------------- */

/* What an object adds to the sets of those it is connected with. */
static unsigned own_bits(const struct dsx_object *object)
{
    if (object->kind == DSX_METER)
        return object->has_power ? bit(DSX_METER) | object->parts : object->parts;
    return bit(object->kind) | object->parts;
}

static void push(struct graph *graph, int32_t *length, int32_t object)
{
    if (!graph->listed[object]) {
        graph->listed[object] = true;
        graph->list[(*length)++] = object;
    }
}

static void unlist_all(struct graph *graph)
{
    for (int32_t i = 0; i < graph->object_count; i++)
        graph->listed[i] = false;
}

/* `gives` is what each object hands on beside its own set; towards the sources or the loads. */
static void spread(struct graph *graph, unsigned *sets, const unsigned *gives, bool to_sources)
{
    const struct dsx_edge *edges = to_sources ? graph->in : graph->out;
    const int32_t *first = to_sources ? graph->first_in : graph->first_out;
    int32_t length = 0;

    for (int32_t i = 0; i < graph->object_count; i++)
        push(graph, &length, i);
    while (length > 0) {
        int32_t object = graph->list[--length];

        graph->listed[object] = false;
        for (int32_t e = first[object]; e < first[object + 1]; e++) {
            int32_t other = to_sources ? edges[e].from : edges[e].to;
            unsigned set = sets[other] | sets[object] | gives[object];

            if (!is_electrical(graph, &edges[e]) || set == sets[other])
                continue;
            sets[other] = set;
            push(graph, &length, other);
        }
    }
}

/* ---- circles ------------------------------------------------------------- */

/* Takes away, again and again, what nothing leads to (or what leads to nothing). */
static void peel(struct graph *graph, bool from_sources)
{
    const struct dsx_edge *forth = from_sources ? graph->out : graph->in;
    const int32_t *first = from_sources ? graph->first_out : graph->first_in;
    const struct dsx_edge *back = from_sources ? graph->in : graph->out;
    const int32_t *first_back = from_sources ? graph->first_in : graph->first_out;
    unsigned *left = graph->direct_up; /* not needed yet */
    int32_t length = 0;

    for (int32_t i = 0; i < graph->object_count; i++) {
        left[i] = 0;
        for (int32_t e = first_back[i]; e < first_back[i + 1]; e++)
            left[i] += graph->circular[from_sources ? back[e].from : back[e].to];
        if (graph->circular[i] && left[i] == 0)
            graph->list[length++] = i;
    }
    while (length > 0) {
        int32_t object = graph->list[--length];

        graph->circular[object] = false;
        for (int32_t e = first[object]; e < first[object + 1]; e++) {
            int32_t other = from_sources ? forth[e].to : forth[e].from;

            if (graph->circular[other] && --left[other] == 0)
                graph->list[length++] = other;
        }
    }
}

static int32_t next_in_circle(const struct graph *graph, int32_t object)
{
    for (int32_t e = graph->first_out[object]; e < graph->first_out[object + 1]; e++) {
        if (graph->circular[graph->out[e].to])
            return graph->out[e].to;
    }
    return -1;
}

/* Whatever of the circles is entered is followed once, and told once. */
static void tell_circles(struct graph *graph, dsx_note *note, void *context)
{
    for (int32_t i = 0; i < graph->object_count; i++) {
        char path[LIMIT_ERROR_TEXT / 2];
        size_t used = 0;
        int shown = 0;

        if (!graph->circular[i] || graph->listed[i])
            continue;
        for (int32_t at = i; at >= 0 && !graph->listed[at]; at = next_in_circle(graph, at)) {
            graph->listed[at] = true;
            if (shown++ < PATH_SHOWN && used < sizeof(path))
                used += (size_t)snprintf(path + used, sizeof(path) - used, "%s%s",
                                         used ? " > " : "", graph->objects[at].id);
        }
        note(context, "servesId goes in a circle: %s%s > ...; nothing there can be the source",
             path, shown > PATH_SHOWN ? " > ..." : "");
    }
    unlist_all(graph);
}

static void find_circles(struct graph *graph, dsx_note *note, void *context)
{
    for (int32_t i = 0; i < graph->object_count; i++)
        graph->circular[i] = true;
    peel(graph, true);
    peel(graph, false);
    tell_circles(graph, note, context);
    for (int32_t i = 0; i < graph->object_count; i++)
        graph->direct_up[i] = 0;
}

/* ---- roles --------------------------------------------------------------- */

static void decide(struct dsx_object *object, enum device_role role, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void decide(struct dsx_object *object, enum device_role role, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    object->role = role;
    vsnprintf(object->why, sizeof(object->why), format, arguments);
    va_end(arguments);
}

/* The loads behind it; meters and switches are only on the way. */
static unsigned loads_of(const struct graph *graph, int32_t i)
{
    return graph->down[i] & ~(bit(DSX_METER) | bit(DSX_SWITCH) | bit(DSX_SENSOR));
}

static bool is_power_meter(const struct dsx_object *object)
{
    return object->kind == DSX_METER && object->has_power;
}

/* Parts that say what a meter measures. */
static unsigned parts_that_tell(const struct dsx_object *meter)
{
    return meter->parts & (bit(DSX_UPS) | bit(DSX_BATTERY) | bit(DSX_COOLING) | bit(DSX_GENERATOR));
}

static enum device_role generator_by_name(const struct dsx_object *object)
{
    static const char *const sun[] = {"pv", "solar", "photovoltaic", NULL};
    static const char *const wind[] = {"wind", "turbine", NULL};

    if (dsx_has_word(object->id, sun) || dsx_has_word(object->name, sun))
        return ROLE_PV;
    if (dsx_has_word(object->id, wind) || dsx_has_word(object->name, wind))
        return ROLE_WIND;
    return ROLE_NONE;
}

/* Nobody but a generator or a generator's switch serves it. */
static bool is_on_top(const struct graph *graph, int32_t i)
{
    const struct dsx_object *object = &graph->objects[i];
    unsigned others = ~(bit(DSX_GENERATOR) | bit(DSX_SWITCH));

    return is_power_meter(object) && !graph->circular[i] && !(graph->up[i] & others) &&
           !parts_that_tell(object) && generator_by_name(object) == ROLE_NONE;
}

static int32_t count_reached(struct graph *graph, int32_t from, int32_t *budget)
{
    int32_t length = 0, next = 0;

    unlist_all(graph);
    push(graph, &length, from);
    while (next<length && * budget> 0) {
        int32_t object = graph->list[next++];

        for (int32_t e = graph->first_out[object]; e < graph->first_out[object + 1]; e++) {
            (*budget)--;
            if (is_electrical(graph, &graph->out[e]))
                push(graph, &length, graph->out[e].to);
        }
    }
    unlist_all(graph);
    return length - 1;
}

/* The meter on top behind which most lies; -1: none. Prefers those that feed IT. */
static int32_t find_utility(struct graph *graph, int *ret_candidates)
{
    const unsigned it = bit(DSX_RACK) | bit(DSX_UPS);
    int32_t best = -1, best_reach = 0, budget = REACH_BUDGET;
    bool best_feeds_it = false;

    *ret_candidates = 0;
    for (int32_t i = 0; i < graph->object_count && budget > 0; i++) {
        bool feeds_it = loads_of(graph, i) & it;
        int32_t reach;

        if (!is_on_top(graph, i) || (best_feeds_it && !feeds_it))
            continue;
        reach = count_reached(graph, i, &budget);
        if (feeds_it && !best_feeds_it) {
            best_feeds_it = true;
            *ret_candidates = 0;
            best_reach = 0;
        }
        *ret_candidates += reach > 0;
        if (reach > best_reach) {
            best = i;
            best_reach = reach;
        }
    }
    return best;
}

static bool feeds_only(const struct graph *graph, int32_t i, int kind)
{
    return loads_of(graph, i) == bit(kind);
}

static void judge_part_of_meter(struct dsx_object *meter)
{
    if (meter->parts & bit(DSX_UPS))
        decide(meter, ROLE_UPS,
               "a UPS is part of this meter (associateId): taken as its output, check that");
    else if (meter->parts & bit(DSX_BATTERY))
        decide(meter, ROLE_BATTERY,
               "a BESS is part of this meter (associateId): check that discharge counts positive");
    else if (meter->parts & bit(DSX_COOLING))
        decide(meter, ROLE_COOLING, "cooling equipment is part of this meter (associateId)");
    else
        decide(meter, ROLE_NONE, "a generator is part of this meter: read and stored only");
}

static void judge_by_loads(const struct graph *graph, int32_t i)
{
    struct dsx_object *meter = &graph->objects[i];
    unsigned loads = loads_of(graph, i);

    if (feeds_only(graph, i, DSX_RACK) && !(graph->down[i] & bit(DSX_METER)))
        decide(meter, ROLE_RACK_PDU, "feeds racks only, with no meter between%s",
               graph->direct_up[i] & bit(DSX_UPS) ? "; it is the output of a UPS, too" : "");
    else if (graph->direct_up[i] & bit(DSX_UPS) && loads)
        decide(meter, ROLE_UPS, "a UPS serves it: this is its output");
    else if (loads & bit(DSX_UPS))
        decide(meter, ROLE_NONE, "feeds a UPS: its input, which holds the losses");
    else if (feeds_only(graph, i, DSX_BATTERY))
        decide(meter, ROLE_BATTERY,
               "feeds a BESS only; such a meter counts charging positive: set scale = -1.0");
    else if (feeds_only(graph, i, DSX_RACK))
        decide(meter, ROLE_NONE, "feeds racks that are metered again below");
    else if (feeds_only(graph, i, DSX_COOLING))
        decide(meter, ROLE_COOLING, "feeds cooling only");
    else if ((loads & bit(DSX_RACK)) && (loads & bit(DSX_COOLING)))
        decide(meter, ROLE_NONE, "feeds racks and cooling together: no part of its own");
    else if (loads == bit(DSX_OTHER))
        decide(meter, ROLE_AUXILIARY, "feeds neither IT nor cooling");
    else
        decide(meter, ROLE_NONE, loads ? "feeds several kinds of loads" : "feeds nothing known");
}

static void judge_meter(const struct graph *graph, int32_t i, int32_t utility)
{
    struct dsx_object *meter = &graph->objects[i];
    enum device_role by_name = generator_by_name(meter);

    if (!meter->has_power)
        decide(meter, ROLE_NONE, "its power is not measured");
    else if (graph->circular[i])
        decide(meter, ROLE_NONE, "servesId goes in a circle here");
    else if (i == utility)
        decide(meter, ROLE_UTILITY, "at the top of the power path: nobody serves it, and %s",
               loads_of(graph, i) & (bit(DSX_RACK) | bit(DSX_UPS)) ? "the racks are behind it"
                                                                   : "most lies behind it");
    else if (by_name != ROLE_NONE)
        decide(meter, by_name, "by its name; check that production counts positive");
    else if (parts_that_tell(meter))
        judge_part_of_meter(meter);
    else
        judge_by_loads(graph, i);
}

/* Energy is counted once: below a cooling meter the next one is only read. */
static void judge_nested_cooling(struct graph *graph, unsigned *gives)
{
    for (int32_t i = 0; i < graph->object_count; i++)
        gives[i] = graph->objects[i].kind == DSX_METER && graph->objects[i].role == ROLE_COOLING
                       ? bit(BIT_COOLING_METER)
                       : 0;
    spread(graph, graph->up, gives, false);
    for (int32_t i = 0; i < graph->object_count; i++) {
        if (gives[i] && graph->up[i] & bit(BIT_COOLING_METER))
            decide(&graph->objects[i], ROLE_NONE, "behind another meter of the same cooling");
        gives[i] = graph->objects[i].role == ROLE_RACK_PDU ? bit(BIT_RACK_METER) : 0;
    }
    spread(graph, graph->up, gives, false);
}

static bool serves_meter_of_role(const struct graph *graph, int32_t i, enum device_role role)
{
    for (int32_t e = graph->first_out[i]; e < graph->first_out[i + 1]; e++) {
        if (graph->objects[graph->out[e].to].role == role)
            return true;
    }
    return false;
}

static bool served_by_role(const struct graph *graph, int32_t i, enum device_role role)
{
    for (int32_t e = graph->first_in[i]; e < graph->first_in[i + 1]; e++) {
        if (graph->objects[graph->in[e].from].role == role)
            return true;
    }
    return false;
}

static void judge_rack(const struct graph *graph, int32_t i)
{
    struct dsx_object *rack = &graph->objects[i];

    if (!rack->has_power)
        decide(rack, ROLE_NONE, "its power is not measured here");
    else if (graph->up[i] & bit(BIT_RACK_METER))
        decide(rack, ROLE_IT, "measured at the rack, behind a meter of its own");
    else
        decide(rack, ROLE_RACK_PDU, "the rack's own power, with no meter of racks before it");
}

/* Of equipment, which may be metered by itself or by a meter beside it. */
static void judge_equipment(const struct graph *graph, int32_t i, enum device_role role,
                            bool metered)
{
    struct dsx_object *object = &graph->objects[i];

    if (object->has_power && metered)
        decide(object, ROLE_NONE, "a meter has its power already: counted once");
    else if (object->has_power)
        decide(object, role, "%s: measures its own power", object->type);
    else if (role == ROLE_COOLING)
        decide(object, role, "%s: its power is %s", object->type,
               metered ? "in a meter before it" : "not measured by itself");
    else
        decide(object, ROLE_NONE, "%s: does not measure its power", object->type);
}

static void judge_other(const struct graph *graph, int32_t i)
{
    struct dsx_object *object = &graph->objects[i];

    if (object->kind == DSX_RACK)
        judge_rack(graph, i);
    else if (object->kind == DSX_COOLING)
        judge_equipment(graph, i, ROLE_COOLING, graph->up[i] & bit(BIT_COOLING_METER));
    else if (object->kind == DSX_UPS)
        judge_equipment(graph, i, ROLE_UPS,
                        serves_meter_of_role(graph, i, ROLE_UPS) ||
                            serves_meter_of_role(graph, i, ROLE_RACK_PDU));
    else if (object->kind == DSX_BATTERY)
        judge_equipment(graph, i, ROLE_BATTERY, served_by_role(graph, i, ROLE_BATTERY));
    else if (object->is_outdoor)
        decide(object, ROLE_WEATHER, "measures outdoors");
    else
        decide(object, ROLE_NONE, "%s: has no part in the energy balance", object->type);
}

static void find_sources(struct graph *graph)
{
    for (int32_t e = 0; e < graph->edge_count; e++) {
        struct dsx_object *to = &graph->objects[graph->in[e].to];

        if (!is_electrical(graph, &graph->in[e]))
            continue;
        graph->direct_up[graph->in[e].to] |= own_bits(&graph->objects[graph->in[e].from]);
        if (to->fed_by < 0)
            to->fed_by = graph->in[e].from;
    }
}

static void judge_all(struct graph *graph, unsigned *gives, dsx_note *note, void *context)
{
    int candidates;
    int32_t utility = find_utility(graph, &candidates);

    if (utility < 0)
        note(context, "no meter is at the top of the power path with anything behind it: which one "
                      "is the utility meter must be said by hand");
    else if (candidates > 1)
        note(context,
             "%d meters are at the top of the power path; \"%s\" is proposed as the utility meter "
             "because most lies behind it: a site has one point of common coupling",
             candidates, graph->objects[utility].id);
    for (int32_t i = 0; i < graph->object_count; i++) {
        if (graph->objects[i].kind == DSX_METER)
            judge_meter(graph, i, utility);
    }
    judge_nested_cooling(graph, gives);
    for (int32_t i = 0; i < graph->object_count; i++) {
        if (graph->objects[i].kind != DSX_METER)
            judge_other(graph, i);
    }
}

int dsx_judge_roles(struct dsx_object *objects, int32_t object_count, const struct dsx_edge *edges,
                    int32_t edge_count, dsx_note *note, void *context)
{
    unsigned *gives = calloc((size_t)object_count + 1, sizeof(*gives));
    struct graph graph;

    if (!gives || graph_init(&graph, objects, object_count, edges, edge_count) < 0) {
        free(gives);
        return ERROR_SYSTEM;
    }
    for (int32_t i = 0; i < object_count; i++) {
        objects[i].fed_by = -1;
        gives[i] = own_bits(&objects[i]);
    }
    find_circles(&graph, note, context);
    find_sources(&graph);
    spread(&graph, graph.down, gives, true);
    spread(&graph, graph.up, gives, false);
    judge_all(&graph, gives, note, context);
    graph_finish(&graph);
    free(gives);
    return 0;
}
