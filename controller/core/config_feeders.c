/* Feeders, the rack groups under them and their accelerators; and which of them a device is behind.
 */
#include "controller/core/config_private.h"

enum { ACCELERATORS_MOST = 1000000 };
static const double power_most_w = 1e9;

/* Where each name was given, to be told beside the place that gives it again. */
struct places {
    const struct conf_node *feeders[LIMIT_FEEDERS], *groups[LIMIT_GROUPS];
};

static void refuse_name(struct conf_node *node, const struct topology *topology,
                        const struct places *places, const char *name, const struct error *error)
{
    char where[LIMIT_PATH + 16]; /* FILE:LINE */
    int32_t feeder = topology_find_feeder(topology, name);
    int32_t group = topology_find_group(topology, name);
    const struct conf_node *first = group >= 0 ? places->groups[group] : NULL;
    if (!first && feeder >= 0)
        first = places->feeders[feeder];
    if (first)
        conf_error(node, "%s (%s): choose another", error->text,
                   conf_where(first, where, sizeof(where)));
    else
        conf_error(node, "%s", error->text);
}

static void read_accelerators(struct conf_node *node, struct config *config, int32_t group)
{
    struct conf_node *list = conf_list(node, "accelerators", false);
    for (size_t i = 0; i < conf_length(list); i++) {
        struct conf_node *item = conf_item(list, i);
        const char *name = conf_string_required(item, "class");
        int32_t count = (int32_t)conf_integer(item, "count", 0, 1, ACCELERATORS_MOST);
        struct error error;
        if (!conf_has(item, "count"))
            conf_error(item, "'count' is missing: how many of class \"%s\"?", name);
        if (*name && topology_add_accelerators(config->topology, group, name, count, &error) < 0)
            conf_error(item, "%s", error.text);
    }
}

static void read_group(struct conf_node *node, struct config *config, struct places *places,
                       int32_t feeder)
{
    const struct feeder *above = &config->topology->feeders[feeder];
    const char *name = conf_string_required(node, "name");
    double limit_w = conf_quantity_required(node, "limit", DIMENSION_POWER, 1, power_most_w);
    struct error error;
    if (!*name)
        return;
    int32_t group = topology_add_group(config->topology, name, feeder, limit_w, &error);
    if (group < 0) {
        refuse_name(node, config->topology, places, name, &error);
        return;
    }
    places->groups[group] = node;
    if (limit_w > above->limit_w)
        conf_error(node, "group \"%s\": its limit is above that of its feeder \"%s\"", name,
                   above->name);
    read_accelerators(node, config, group);
}

/* Accelerators stand with the racks: in the groups, or, without any, with the feeder. */
static void read_groups(struct conf_node *node, struct config *config, struct places *places,
                        int32_t feeder)
{
    struct conf_node *list = conf_list(node, "groups", false);
    if (conf_length(list) == 0) {
        read_accelerators(node, config, topology_only_group(config->topology, feeder));
        return;
    }
    for (size_t i = 0; i < conf_length(list); i++)
        read_group(conf_item(list, i), config, places, feeder);
    if (conf_has(node, "accelerators"))
        conf_error(node, "'accelerators' belongs to the groups of this feeder");
    conf_leave(node, "accelerators");
}

void config_read_feeders(struct conf_node *top, struct config *config)
{
    struct conf_node *list = conf_list(top, "feeders", true);
    struct places places = {0};
    for (size_t i = 0; i < conf_length(list); i++) {
        struct conf_node *node = conf_item(list, i);
        const char *name = conf_string_required(node, "name");
        double limit_w = conf_quantity_required(node, "limit", DIMENSION_POWER, 1, power_most_w);
        struct error error;
        int32_t feeder = topology_add_feeder(config->topology, name, limit_w, &error);
        if (feeder < 0 && *name)
            refuse_name(node, config->topology, &places, name, &error);
        if (feeder < 0)
            continue;
        places.feeders[feeder] = node;
        read_groups(node, config, &places, feeder);
    }
    if (list && conf_length(list) == 0)
        conf_error(list, "no feeder: name at least one, with its limit");
}

void config_place_device(struct conf_node *node, struct config *config)
{
    const struct topology *topology = config->topology;
    const struct device *device = &topology->devices[topology->device_count - 1];
    const char *name = conf_string(node, "group", "");
    int32_t group = topology_find_group(topology, name);
    if (!*name)
        return;
    if (group < 0)
        conf_error(node, "no group \"%s\": declare it under a feeder's groups", name);
    else if (device->feeder >= 0 && device->feeder != topology->groups[group].feeder)
        conf_error(node, "group \"%s\" is behind feeder \"%s\", not \"%s\"", name,
                   topology->feeders[topology->groups[group].feeder].name,
                   topology->feeders[device->feeder].name);
    else
        topology_place_device(config->topology, group);
}
