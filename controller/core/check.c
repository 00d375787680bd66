/* What the operator runs before a restart: all problems at once, then what the site looks like. */
#include "controller/core/check.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "controller/core/config.h"
#include "controller/core/onboard.h"

enum { DISCOVER_MS = 5000 };

struct problems {
    json_t *list;
    FILE *out;
    bool json;
};

static void note(void *context, const char *text)
{
    struct problems *problems = context;
    json_array_append_new(problems->list, json_string(text));
    if (!problems->json)
        fprintf(problems->out, "%s\n", text);
}

static const char *mode_words(const struct config *config, char *buffer, size_t size)
{
    snprintf(buffer, size, "jobs %s, battery %s, cooling %s",
             mode_name(config->modes[SUBSYSTEM_JOBS]), mode_name(config->modes[SUBSYSTEM_BATTERY]),
             mode_name(config->modes[SUBSYSTEM_COOLING]));
    return buffer;
}

static void print_roles(const struct topology *topology, FILE *out)
{
    for (int r = 0; r < DEVICE_ROLES; r++) {
        int32_t d = topology_next(topology, (enum device_role)r, 0);
        if (d < 0)
            continue;
        fprintf(out, "  %-10s", device_role_name((enum device_role)r));
        for (; d >= 0; d = topology_next(topology, (enum device_role)r, d + 1))
            fprintf(out, " %s", topology->devices[d].name);
        fputc('\n', out);
    }
}

/* ---- how the meters would give PUE ---- */

static int32_t count_role(const struct topology *topology, enum device_role role)
{
    int32_t count = 0;
    for (int32_t d = topology_next(topology, role, 0); d >= 0;
         d = topology_next(topology, role, d + 1))
        count++;
    return count;
}

/* Counters are exact; power is integrated, which is only an estimate; without both there is
 * nothing to add up. */
static void print_energy_source(const struct topology *topology, enum device_role role, FILE *out)
{
    for (int32_t d = topology_next(topology, role, 0); d >= 0;
         d = topology_next(topology, role, d + 1)) {
        if (topology_find_point(topology, d, POINT_ENERGY_IMPORT) >= 0)
            continue;
        if (topology_find_point(topology, d, POINT_POWER) >= 0)
            fprintf(out, "  %s has no energy counter: its power is added up, as an estimate\n",
                    topology->devices[d].name);
        else
            fprintf(out, "  %s tells neither energy nor power: PUE stays unknown\n",
                    topology->devices[d].name);
    }
}

static void print_pue(const struct config *config, FILE *out)
{
    static const enum device_role it_roles[] = {ROLE_UPS, ROLE_RACK_PDU, ROLE_IT};
    static const char *const places[] = {"UPS output", "PDU output", "IT input"};
    const struct topology *topology = config->topology;
    int category = (int)config->values.pue_category;
    enum device_role it = it_roles[category - 1];
    int32_t count = count_role(topology, it);
    fprintf(out, "PUE category %d: IT energy at the %s, from %d device%s with role %s\n", category,
            places[category - 1], count, count == 1 ? "" : "s", device_role_name(it));
    if (count == 0)
        fprintf(out, "  no such device: PUE stays unknown; name the meters of IT, or change "
                     "pue.category\n");
    print_energy_source(topology, ROLE_UTILITY, out);
    print_energy_source(topology, it, out);
}

static void print_onboarded(const struct config *config, FILE *out)
{
    int32_t count = config->topology->device_count - config->own_devices;
    if (config->values.onboard_ms <= 0)
        return;
    fprintf(out, "%d of the devices are onboarded from building management, %s\n", count,
            config->onboard_roles ? "with the roles proposed"
                                  : "without a role (mqtt.onboard_roles)");
    if (config->onboard_left_out > 0)
        fprintf(out, "  there was no room for %d more\n", config->onboard_left_out);
}

static void print_warning(void *context, const char *text)
{
    fprintf(context, "warning: %s\n", text);
}

static void print_site(const struct config *config, FILE *out)
{
    char modes[128], buffer[32];
    const struct topology *topology = config->topology;
    fprintf(out, "%s: sound\n", config->path);
    fprintf(out, "site %s: %d devices, %d points, modes: %s\n", config->site,
            topology->device_count, topology->point_count, mode_words(config, modes, sizeof modes));
    for (int f = 0; f < topology->feeder_count; f++)
        fprintf(out, "feeder %s: limit %s\n", topology->feeders[f].name,
                quantity_format(topology->feeders[f].limit_w, DIMENSION_POWER, buffer,
                                (int)sizeof buffer));
    fprintf(out, "devices by role:\n");
    print_roles(topology, out);
    print_onboarded(config, out);
    print_pue(config, out);
    configuration_warn(config, print_warning, out);
}

static void collect_warning(void *context, const char *text)
{
    json_array_append_new(context, json_string(text));
}

static void print_json(const struct config *config, const struct problems *problems)
{
    json_t *warnings = json_array();
    json_t *reply = json_pack("{s:b, s:O, s:o}", "ok", config != NULL, "problems", problems->list,
                              "warnings", warnings);
    if (config)
        configuration_warn(config, collect_warning, warnings);
    if (config)
        json_object_update_new(reply, json_pack("{s:s, s:i, s:i, s:i}", "site", config->site,
                                                "devices", (int)config->topology->device_count,
                                                "points", (int)config->topology->point_count,
                                                "feeders", (int)config->topology->feeder_count));
    json_dumpf(reply, problems->out, JSON_INDENT(2));
    fputc('\n', problems->out);
    json_decref(reply);
}

int core_check(const char *path, FILE *out, bool json)
{
    struct problems problems = {.list = json_array(), .out = out, .json = json};
    struct config *config = NULL;
    struct error error;
    int result = configuration_load(path, &config, note, &problems, &error);
    if (json)
        print_json(config, &problems);
    else if (result == 0)
        print_site(config, out);
    int count = (int)json_array_size(problems.list);
    json_decref(problems.list);
    configuration_destroy(config);
    return result < 0 && count == 0 ? 1 : count;
}

/* ---- what building management describes ---- */

static int print_proposal(const struct dsx_proposal *proposal, bool as_config, FILE *out)
{
    char *text = as_config ? dsx_render_config(proposal) : dsx_render_text(proposal);
    fputs(text ? text : "out of memory\n", out);
    int problems = text ? 0 : 1;
    free(text);
    return problems;
}

static int discover(const struct config *config, int64_t most_ms, bool as_config, FILE *out)
{
    struct dsx_proposal *proposal;
    struct error error;
    if (onboard_discover(config, most_ms, &proposal, &error) < 0) {
        fprintf(out, "%s\n", error.text);
        return 1;
    }
    int problems = print_proposal(proposal, as_config, out);
    dsx_proposal_destroy(proposal);
    return problems;
}

int core_discover(const char *path, int64_t most_ms, bool as_config, FILE *out)
{
    struct problems told = {.list = json_array(), .out = out};
    struct config *config = NULL;
    struct error error;
    int result = configuration_load_broker(path, &config, note, &told, &error);
    int problems = (int)json_array_size(told.list);
    if (result == 0) {
        if (most_ms <= 0)
            most_ms = (int64_t)config->values.onboard_ms;
        problems = discover(config, most_ms > 0 ? most_ms : DISCOVER_MS, as_config, out);
    }
    json_decref(told.list);
    configuration_destroy(config);
    return problems;
}
