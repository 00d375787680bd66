/* What the operator runs before a restart: all problems at once, then what the site looks like. */
#include "controller/core/check.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "controller/core/config.h"

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
    fprintf(out, "PUE category %d; devices by role:\n", (int)config->values.pue_category);
    print_roles(topology, out);
}

static void print_json(const struct config *config, const struct problems *problems)
{
    json_t *reply = json_pack("{s:b, s:O}", "ok", config != NULL, "problems", problems->list);
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
