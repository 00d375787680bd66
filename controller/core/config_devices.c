/* Device lists and profiles become the topology and what the drivers need to know. */
#include "controller/core/config_private.h"

#include <stdio.h>
#include <string.h>

#include "controller/base/utc.h"

struct device_reader {
    struct config *config;
    struct conf_node *node;
    char profile_folder[LIMIT_PATH];
    config_note note;
    void *context;
    char refused[LIMIT_PROFILES][LIMIT_NAME]; /* profiles whose errors were told */
    int refused_count;
};

/* ---- Modbus ---- */

static void forward_note(void *context, const char *text)
{
    const struct device_reader *reader = context;
    reader->note(reader->context, text);
}

static bool was_refused(const struct device_reader *reader, const char *name)
{
    for (int i = 0; i < reader->refused_count; i++)
        if (strcmp(reader->refused[i], name) == 0)
            return true;
    return false;
}

static const struct profile *refuse(struct device_reader *reader, const char *name)
{
    if (reader->refused_count < LIMIT_PROFILES)
        snprintf(reader->refused[reader->refused_count++], LIMIT_NAME, "%s", name);
    return NULL;
}

/* The profile of that name, loaded (or found unusable) once however many devices use it. */
static const struct profile *find_profile(struct device_reader *reader, const char *name)
{
    struct config *config = reader->config;
    for (int i = 0; i < config->profile_count; i++) {
        if (strcmp(config->profiles[i].name, name) == 0)
            return &config->profiles[i];
    }
    if (was_refused(reader, name))
        return NULL;
    if (config->profile_count == LIMIT_PROFILES) {
        conf_error(reader->node, "more than %d profiles", LIMIT_PROFILES);
        return NULL;
    }
    char path[LIMIT_PATH + LIMIT_NAME + 8];
    snprintf(path, sizeof path, "%s/%s.cfg", reader->profile_folder, name);
    struct profile *profile = &config->profiles[config->profile_count];
    struct error error;
    if (profile_load(path, profile, &error, forward_note, reader) < 0) {
        conf_error(reader->node, "profile \"%s\" cannot be used (%s)", name, error.text);
        return refuse(reader, name);
    }
    if (strcmp(profile->name, name) != 0) {
        conf_error(reader->node, "profile file %s names itself \"%s\": make both the same", path,
                   profile->name);
        return refuse(reader, name);
    }
    config->profile_count++;
    return profile;
}

static struct point point_of(const struct profile_row *row)
{
    struct point point = {.kind = row->point,
                          .low = row->low,
                          .high = row->high,
                          .rollover_milliwh = row->rollover_milliwh,
                          .every_ms = row->every_ms,
                          .rate_per_s = row->rate_per_s,
                          .frozen_after_ms = row->frozen_after_ms};
    if (row->write.allowed)
        point.write = (struct point_write){.low = row->write.low,
                                           .high = row->write.high,
                                           .ramp_per_s = row->write.ramp_per_s,
                                           .per_hour = row->write.per_hour,
                                           .lifetime = row->write.lifetime};
    return point;
}

static void read_modbus(struct device_reader *reader, int32_t device)
{
    struct config *config = reader->config;
    struct modbus_device *out = &config->modbus_devices[config->modbus_count];
    *out = (struct modbus_device){.device = device};
    const char *name = conf_string_required(reader->node, "profile");
    out->profile = *name ? find_profile(reader, name) : NULL;
    config_read_wire(reader->node, config, out);
    for (int r = 0; out->profile && r < out->profile->row_count; r++) {
        struct point point = point_of(&out->profile->rows[r]);
        struct error error;
        if (topology_add_point(config->topology, &point, &error) < 0)
            conf_error(reader->node, "%s", error.text);
    }
    config->modbus_count++;
}

/* ---- any device ---- */

static enum device_role read_role(struct conf_node *node)
{
    const char *name = conf_string(node, "role", "none");
    enum device_role role = ROLE_NONE;
    if (device_role_find(name, &role) < 0)
        conf_error(node,
                   "unknown role \"%s\": utility, pv, wind, battery, ups, rack_pdu, it, "
                   "cooling, auxiliary, weather, market or none",
                   name);
    return role;
}

static int32_t read_feeder(struct conf_node *node, const struct topology *topology)
{
    const char *name = conf_string(node, "feeder", "");
    int32_t feeder = *name ? topology_find_feeder(topology, name) : -1;
    if (*name && feeder < 0)
        conf_error(node, "no feeder \"%s\": declare it under feeders", name);
    return feeder;
}

static int64_t read_stale_ms(struct conf_node *node)
{
    return (int64_t)conf_quantity(node, "stale_after", DIMENSION_DURATION, 10 * (double)SECOND_MS,
                                  (double)SECOND_MS, (double)DAY_MS);
}

static void read_device(struct device_reader *reader)
{
    struct conf_node *node = reader->node;
    struct config *config = reader->config;
    const char *name = conf_string_required(node, "name");
    enum device_role role = read_role(node);
    int32_t feeder = read_feeder(node, config->topology);
    int64_t stale_ms = read_stale_ms(node);
    if (!*name)
        return;
    struct error error;
    int32_t device = topology_add_device(config->topology, name, role, feeder, stale_ms, &error);
    if (device < 0) {
        conf_error(node, "%s", error.text);
        return;
    }
    config_place_device(node, config);
    if (conf_has(node, "address") || conf_has(node, "bus") || conf_has(node, "profile"))
        read_modbus(reader, device);
    else if (conf_has(node, "points"))
        config_read_mqtt_points(node, config, device);
    else
        conf_error(node, "nothing says how it is read: add address (or bus) and profile for "
                         "Modbus, or points with topics for MQTT");
}

void config_read_devices(struct conf_node *top, struct config *config, config_note note,
                         void *context)
{
    struct device_reader reader = {.config = config, .note = note, .context = context};
    /* Profiles live in `profiles` beside the site file unless it says where. */
    if (config_resolve(config, conf_string(top, "profiles", "profiles"), reader.profile_folder,
                       sizeof reader.profile_folder) < 0)
        conf_error(top, "the path of the profiles folder is too long");
    struct conf_node *list = conf_list(top, "devices", true);
    if (conf_length(list) > LIMIT_DEVICES) {
        conf_error(list, "more than %d devices", LIMIT_DEVICES);
        return;
    }
    for (size_t i = 0; i < conf_length(list); i++) {
        reader.node = conf_item(list, i);
        read_device(&reader);
    }
    config->own_devices = config->topology->device_count;
}

/* ---- devices that building management described ---- */

/* The limit at the grid hangs on the utility meter: a person names that one. */
static enum device_role onboarded_role(struct conf_node *node, const struct config *config)
{
    enum device_role role = read_role(node);
    return !config->onboard_roles || role == ROLE_UTILITY ? ROLE_NONE : role;
}

static void read_onboarded_device(struct conf_node *node, struct config *config, int own_points)
{
    struct topology *topology = config->topology;
    const char *name = conf_string_required(node, "name");
    int points = config_count_unmapped(node, config, own_points);
    enum point_kind lacking;
    struct error error;
    if (points == 0 || topology_find_device(topology, name) >= 0)
        return;
    if (topology->device_count == LIMIT_DEVICES || topology->point_count + points > LIMIT_POINTS) {
        config->onboard_left_out++;
        return;
    }
    int32_t device = topology_add_device(topology, name, onboarded_role(node, config), -1,
                                         read_stale_ms(node), &error);
    if (device < 0) {
        conf_error(node, "%s", error.text);
        return;
    }
    config_read_unmapped(node, config, own_points);
    if (config_lacks_counter(topology, device, &lacking))
        topology->devices[device].role = ROLE_NONE;
}

void config_read_onboarded(struct conf_node *top, struct config *config)
{
    struct conf_node *list = conf_list(top, "devices", true);
    int own_points = config->mqtt_point_count;
    for (size_t i = 0; i < conf_length(list); i++)
        read_onboarded_device(conf_item(list, i), config, own_points);
}
