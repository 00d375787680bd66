/* The nodes and metrics that are watched: made once from the configuration, found by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/sparkplug_private.h"

/* ---- names --------------------------------------------------------------- */

int sparkplug_compare_name(const char *own, const void *said, size_t length)
{
    size_t own_length = strlen(own);
    int order = memcmp(own, said, own_length < length ? own_length : length);

    return order ? order : (own_length > length) - (own_length < length);
}

static int compare_metrics(const void *a, const void *b)
{
    const struct sparkplug_watch *x = &((const struct metric *)a)->watch;
    const struct sparkplug_watch *y = &((const struct metric *)b)->watch;
    int order = strcmp(x->group, y->group);

    if (order == 0)
        order = strcmp(x->node, y->node);
    if (order == 0)
        order = strcmp(x->device, y->device);
    if (order == 0)
        order = strcmp(x->metric, y->metric);
    return order ? order : (x->point > y->point) - (x->point < y->point);
}

bool sparkplug_same_metric(const struct metric *a, const struct metric *b)
{
    return strcmp(a->watch.device, b->watch.device) == 0 &&
           strcmp(a->watch.metric, b->watch.metric) == 0;
}

static int compare_watch(const struct sparkplug_watch *watch, const char *device,
                         size_t device_length, const void *name, size_t name_length)
{
    int order = sparkplug_compare_name(watch->device, device, device_length);

    return order ? order : sparkplug_compare_name(watch->metric, name, name_length);
}

int32_t sparkplug_find_metric(const struct sparkplug *sparkplug, const struct node *node,
                              const char *device, size_t device_length, const void *name,
                              size_t name_length)
{
    int32_t low = node->first, end = low + node->count, high = end;

    if (name_length == 0)
        return NOT_OURS;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;

        if (compare_watch(&sparkplug->metrics[middle].watch, device, device_length, name,
                          name_length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == end || compare_watch(&sparkplug->metrics[low].watch, device, device_length, name,
                                    name_length) != 0)
        return NOT_OURS;
    return low;
}

struct node *sparkplug_find_node(struct sparkplug *sparkplug, const char *group,
                                 size_t group_length, const char *name, size_t name_length)
{
    for (int32_t low = 0, high = sparkplug->node_count; low < high;) {
        struct node *node = &sparkplug->nodes[low + (high - low) / 2];
        int order = sparkplug_compare_name(node->group, group, group_length);

        if (order == 0)
            order = sparkplug_compare_name(node->name, name, name_length);
        if (order == 0)
            return node;
        if (order < 0)
            low = (int32_t)(node - sparkplug->nodes) + 1;
        else
            high = (int32_t)(node - sparkplug->nodes);
    }
    return NULL;
}

/* ---- the life of it ------------------------------------------------------ */

static int take_part(const char **at, const char *what, char part[LIMIT_NAME], struct error *error)
{
    size_t length = strcspn(*at, "/");

    if (length == 0 || length >= LIMIT_NAME || memchr(*at, '+', length) || memchr(*at, '#', length))
        return error_set(error, ERROR_INVALID,
                         "the %s must have 1 to %d characters without + and #: write "
                         "GROUP/NODE or GROUP/NODE/DEVICE",
                         what, LIMIT_NAME - 1);
    memcpy(part, *at, length);
    part[length] = '\0';
    *at += length;
    *at += **at == '/' && (*at)[1];
    return 0;
}

int sparkplug_watch_address(struct sparkplug_watch *watch, const char *address, struct error *error)
{
    struct sparkplug_watch read = *watch;
    int rc = take_part(&address, "group", read.group, error);

    if (rc == 0)
        rc = take_part(&address, "node", read.node, error);
    read.device[0] = '\0';
    if (rc == 0 && *address)
        rc = take_part(&address, "device", read.device, error);
    if (rc == 0 && *address)
        rc = error_set(error, ERROR_INVALID, "nothing follows the device: \"%s\" is too much",
                       address);
    if (rc == 0)
        *watch = read;
    return rc;
}

static bool fit_for_topic(const char *part)
{
    return *part && !strpbrk(part, "/+#");
}

static int check_metrics(const struct sparkplug *sparkplug, struct error *error)
{
    for (int32_t i = 0; i < sparkplug->metric_count; i++) {
        const struct sparkplug_watch *watch = &sparkplug->metrics[i].watch;

        if (!fit_for_topic(watch->group) || !fit_for_topic(watch->node) ||
            (*watch->device && !fit_for_topic(watch->device)) || !*watch->metric)
            return error_set(error, ERROR_INVALID,
                             "Sparkplug metric \"%s\" of %s/%s/%s: every name but the device's is "
                             "needed, and none of a topic may contain \"/\", \"+\" or \"#\"",
                             watch->metric, watch->group, watch->node, watch->device);
        if (i > 0 && compare_metrics(&sparkplug->metrics[i - 1], &sparkplug->metrics[i]) == 0)
            return error_set(error, ERROR_INVALID,
                             "Sparkplug metric \"%s\" of %s/%s/%s is read twice into one point",
                             watch->metric, watch->group, watch->node, watch->device);
    }
    return 0;
}

/* The metrics are sorted: each node's are in one piece. */
static int find_nodes(struct sparkplug *sparkplug, struct error *error)
{
    struct node *node = NULL;

    for (int32_t i = 0; i < sparkplug->metric_count; i++) {
        const struct sparkplug_watch *watch = &sparkplug->metrics[i].watch;

        if (!node || strcmp(node->group, watch->group) != 0 ||
            strcmp(node->name, watch->node) != 0) {
            if (sparkplug->node_count == LIMIT_SPARKPLUG_NODES)
                return error_set(error, ERROR_FULL, "more than %d Sparkplug nodes",
                                 LIMIT_SPARKPLUG_NODES);
            node = &sparkplug->nodes[sparkplug->node_count++];
            *node = (struct node){.group = watch->group, .name = watch->node, .first = i};
            node->aliases = calloc(LIMIT_SPARKPLUG_METRICS, sizeof(*node->aliases));
            if (!node->aliases)
                return error_set(error, ERROR_SYSTEM, "out of memory for Sparkplug nodes");
        }
        node->count++;
    }
    return 0;
}

static int fill(struct sparkplug *sparkplug, const struct sparkplug_watch *watches, int count,
                struct error *error)
{
    size_t room = count > 0 ? (size_t)count : 1;
    int rc;

    sparkplug->metrics = calloc(room, sizeof(*sparkplug->metrics));
    sparkplug->nodes = calloc(LIMIT_SPARKPLUG_NODES, sizeof(*sparkplug->nodes));
    sparkplug->codec = sparkplug_codec_create();
    if (!sparkplug->metrics || !sparkplug->nodes || !sparkplug->codec)
        return error_set(error, ERROR_SYSTEM, "out of memory for %d Sparkplug metrics", count);
    for (int i = 0; i < count; i++)
        sparkplug->metrics[i].watch = watches[i];
    sparkplug->metric_count = count;
    qsort(sparkplug->metrics, (size_t)count, sizeof(*sparkplug->metrics), compare_metrics);
    rc = check_metrics(sparkplug, error);
    return rc < 0 ? rc : find_nodes(sparkplug, error);
}

int sparkplug_create(const struct sparkplug_watch *watches, int count,
                     const struct sparkplug_sink *sink, struct sparkplug **ret_sparkplug,
                     struct error *error)
{
    struct sparkplug *sparkplug = calloc(1, sizeof(*sparkplug));
    int rc;

    if (!sparkplug)
        return error_set(error, ERROR_SYSTEM, "out of memory for Sparkplug");
    sparkplug->sink = *sink;
    rc = fill(sparkplug, watches, count, error);
    if (rc < 0) {
        sparkplug_destroy(sparkplug);
        return rc;
    }
    *ret_sparkplug = sparkplug;
    return 0;
}

void sparkplug_destroy(struct sparkplug *sparkplug)
{
    if (!sparkplug)
        return;
    for (int32_t i = 0; i < sparkplug->node_count; i++)
        free(sparkplug->nodes[i].aliases);
    sparkplug_codec_destroy(sparkplug->codec);
    free(sparkplug->nodes);
    free(sparkplug->metrics);
    free(sparkplug);
}

bool sparkplug_subscription(const struct sparkplug *sparkplug, int index, char *ret_filter,
                            size_t size)
{
    const struct node *node = &sparkplug->nodes[index / 2];

    if (index / 2 >= sparkplug->node_count)
        return false;
    snprintf(ret_filter, size, SPARKPLUG_NAMESPACE "%s/+/%s%s", node->group, node->name,
             index % 2 ? "/+" : "");
    return true;
}

void sparkplug_health(const struct sparkplug *sparkplug, struct sparkplug_health *ret_health)
{
    *ret_health = sparkplug->health;
    ret_health->nodes = sparkplug->node_count;
    for (int32_t i = 0; i < sparkplug->node_count; i++)
        ret_health->born += sparkplug->nodes[i].born;
}
