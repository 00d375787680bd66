/* The proposal in words, and as text for a configuration file. What others wrote is quoted so that
 * it stays one string of one line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/dsx_private.h"

typedef void writer(FILE *out, const struct dsx_proposal *proposal);

static char *write_text(writer *write, const struct dsx_proposal *proposal)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    int failed;

    if (!out)
        return NULL;
    write(out, proposal);
    failed = ferror(out);
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}

/* ---- for people ---------------------------------------------------------- */

static void write_point(FILE *out, const struct dsx_point *point)
{
    fprintf(out, "    %-24s", point_kind_name(point->kind));
    if (*point->topic)
        fprintf(out, " from %s", point->topic);
    if (*point->write_topic)
        fprintf(out, "%s written to %s", *point->topic ? "," : "", point->write_topic);
    if (*point->unit)
        fprintf(out, " (%s)", point->unit);
    fprintf(out, "\n");
}

static void write_device(FILE *out, const struct dsx_proposal *proposal,
                         const struct dsx_device *device)
{
    fprintf(out, "  %s: %s, role %s: %s", device->name, device->object_type,
            device_role_name(device->role), device->why);
    if (device->fed_by >= 0)
        fprintf(out, "; fed by %s", proposal->devices[device->fed_by].name);
    fprintf(out, "\n");
    for (int32_t i = 0; i < device->points; i++)
        write_point(out, &proposal->points[device->first_point + i]);
}

static void write_heartbeat(FILE *out, const char *what, const char *topic)
{
    fprintf(out, "  %-24s %s\n", what, *topic ? topic : "none");
}

static void write_people(FILE *out, const struct dsx_proposal *proposal)
{
    const struct dsx_heartbeats *heartbeats = &proposal->heartbeats;

    fprintf(out, "Building management describes %d objects with %d points that Tidewatt knows.\n",
            proposal->device_count, proposal->point_count);
    for (int32_t i = 0; i < proposal->device_count; i++)
        write_device(out, proposal, &proposal->devices[i]);
    fprintf(out, "Heartbeats\n");
    write_heartbeat(out, "of the BMS", heartbeats->bms);
    write_heartbeat(out, "ours", heartbeats->ours);
    write_heartbeat(out, "our echo of the BMS", heartbeats->echo_of_bms);
    write_heartbeat(out, "the BMS's echo of us", heartbeats->echo_of_us);
    if (proposal->unmapped_count > 0)
        fprintf(out, "Points that are not used\n");
    for (int32_t i = 0; i < proposal->unmapped_count; i++)
        fprintf(out, "  %s: %s\n", proposal->unmapped[i].topic, proposal->unmapped[i].why);
    if (proposal->finding_count > 0)
        fprintf(out, "To be looked at\n");
    for (int32_t i = 0; i < proposal->finding_count; i++)
        fprintf(out, "  %s\n", proposal->findings[i].text);
}

char *dsx_render_text(const struct dsx_proposal *proposal)
{
    return write_text(write_people, proposal);
}

/* ---- for a configuration ------------------------------------------------- */

static void write_string(FILE *out, const char *key, const char *text)
{
    fprintf(out, "%s = \"", key);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fprintf(out, "\"; ");
}

/* With a point, as libconfig tells a float from an integer. */
static void write_number(FILE *out, const char *key, double value)
{
    char text[40];

    snprintf(text, sizeof(text), "%.15g", value);
    fprintf(out, "%s = %s%s; ", key, text, strpbrk(text, ".e") ? "" : ".0");
}

static void write_config_point(FILE *out, const struct dsx_point *point, bool last)
{
    fprintf(out, "      { ");
    write_string(out, "point", point_kind_name(point->kind));
    if (*point->unit)
        write_string(out, "unit", point->unit);
    if (point->scale != 1)
        write_number(out, "scale", point->scale);
    if (point->offset != 0)
        write_number(out, "offset", point->offset);
    if (*point->topic)
        write_string(out, "topic", point->topic);
    if (*point->write_topic)
        write_string(out, "write_topic", point->write_topic);
    fprintf(out, "}%s\n", last ? "" : ",");
}

static void write_config_device(FILE *out, const struct dsx_proposal *proposal,
                                const struct dsx_device *device)
{
    fprintf(out, "  { ");
    write_string(out, "name", device->name);
    write_string(out, "role", device_role_name(device->role));
    write_string(out, "stale_after", "250 s"); /* an unchanged value comes again every 100 s */
    fprintf(out, "# %s \"%s\": %s\n    points: (\n", device->object_type, device->object_id,
            device->why);
    for (int32_t i = 0; i < device->points; i++)
        write_config_point(out, &proposal->points[device->first_point + i],
                           i + 1 == device->points);
    fprintf(out, "    ); }");
}

static void write_config(FILE *out, const struct dsx_proposal *proposal)
{
    bool first = true;

    fprintf(out,
            "# Proposed from the metadata of the building-management system: check each role.\n"
            "devices: (\n");
    for (int32_t i = 0; i < proposal->device_count; i++) {
        if (proposal->devices[i].points == 0)
            continue;
        fprintf(out, "%s", first ? "" : ",\n");
        write_config_device(out, proposal, &proposal->devices[i]);
        first = false;
    }
    fprintf(out, "\n);\n");
}

char *dsx_render_config(const struct dsx_proposal *proposal)
{
    return write_text(write_config, proposal);
}
