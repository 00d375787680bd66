/* Points that are told over MQTT: where a value stands in a message, what is plausible, and how a
 * set-point is written back. */
#include "controller/core/config_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"
#include "drivers/mqtt_writeback.h"

static const double PLAUSIBLE = 1e15;

static const char *const formats[] = {"dsx", "json", "plain", "sparkplug", NULL};
static const char *const time_forms[] = {"ms", "s", "iso8601", NULL};

/* A text into a field of fixed size; what is absent leaves the field alone. */
static void take_text(struct conf_node *node, const char *name, char *ret_text, size_t size)
{
    const char *text = conf_string(node, name, ret_text);
    if (strlen(text) >= size)
        conf_error(node, "'%s' is longer than %zu bytes: shorten it", name, size - 1);
    else if (text != ret_text)
        snprintf(ret_text, size, "%s", text);
}

/* ---- how a payload is read ---- */

/* "on = 1": the text may have a '=' itself, the number has none. */
static void read_word(struct conf_node *list, size_t index, struct mqtt_word *word)
{
    const char *text = conf_item_string(list, index);
    const char *equals = text ? strrchr(text, '=') : NULL;
    char *end = NULL;
    if (!text)
        return;
    size_t length = equals ? (size_t)(equals - text) : 0;
    while (length > 0 && text[length - 1] == ' ')
        length--;
    if (equals)
        word->value = strtod(equals + 1, &end);
    if (length == 0 || length >= sizeof word->text || end == equals + 1 || *end)
        conf_error(list, "\"%s\": write a text of at most %zu bytes and its number, \"on = 1\"",
                   text, sizeof word->text - 1);
    else
        memcpy(word->text, text, length);
}

static void read_words(struct conf_node *node, struct mqtt_mapping *mapping)
{
    struct conf_node *list = conf_list(node, "words", false);
    if (conf_length(list) > MQTT_WORDS) {
        conf_error(list, "more than %d words", MQTT_WORDS);
        return;
    }
    for (size_t i = 0; i < conf_length(list); i++)
        read_word(list, i, &mapping->words[i]);
}

static void read_mapping(struct conf_node *node, struct mqtt_mapping *mapping)
{
    mqtt_mapping_init(mapping, (enum mqtt_format)conf_choice(node, "format", formats, MQTT_DSX));
    take_text(node, "value", mapping->value, sizeof mapping->value);
    take_text(node, "time", mapping->time, sizeof mapping->time);
    mapping->time_form =
        (enum mqtt_time_form)conf_choice(node, "time_form", time_forms, MQTT_TIME_MS);
    take_text(node, "quality", mapping->quality, sizeof mapping->quality);
    take_text(node, "quality_good", mapping->quality_good, sizeof mapping->quality_good);
    take_text(node, "metric", mapping->metric, sizeof mapping->metric);
    mapping->number_as_text = conf_flag(node, "number_as_text", false);
    take_text(node, "suffix", mapping->suffix, sizeof mapping->suffix);
    read_words(node, mapping);
    if (conf_has(node, "time_form") && !*mapping->time)
        conf_error(node, "time_form without time: say where in the payload the time stands");
}

/* The payload's number times `scale` counts in `unit`; `offset` is in the point's own unit. */
static void read_scale(struct conf_node *node, enum point_kind kind, struct mqtt_mapping *mapping)
{
    struct error error;
    double factor = 1;
    if (point_unit_factor(kind, conf_string(node, "unit", ""), &factor, &error) < 0)
        conf_error(node, "unit %s: %s", conf_has(node, "unit") ? "does not fit" : "is missing",
                   error.text);
    mapping->factor = factor * conf_number(node, "scale", 1, -1e12, 1e12);
    mapping->offset = conf_number(node, "offset", 0, -PLAUSIBLE, PLAUSIBLE);
}

/* ---- where it is ---- */

static void read_node(struct conf_node *node, struct mqtt_point *point)
{
    struct sparkplug_watch watch;
    struct error error;
    conf_string_required(node, "node");
    take_text(node, "node", point->topic, sizeof point->topic);
    if (*point->topic && sparkplug_watch_address(&watch, point->topic, &error) < 0)
        conf_error(node, "%s", error.text);
}

static void read_topic(struct conf_node *node, const char *name, char *topic)
{
    take_text(node, name, topic, LIMIT_TOPIC);
    if (strpbrk(topic, "+#"))
        conf_error(node, "%s \"%s\": name one topic, without the wildcards + and #", name, topic);
}

static void read_place(struct conf_node *node, struct mqtt_point *point)
{
    if (point->mapping.format == MQTT_SPARKPLUG) {
        if (conf_has(node, "topic"))
            conf_error(node,
                       "format \"sparkplug\" has a node, \"group/node/device\", and no topic");
        conf_string(node, "topic", "");
        read_node(node, point);
        return;
    }
    if (!conf_has(node, "write_topic"))
        conf_string_required(node, "topic");
    read_topic(node, "topic", point->topic);
}

/* ---- what is plausible ---- */

static int64_t read_ms(struct conf_node *node, const char *name, double least, double most)
{
    return (int64_t)conf_quantity(node, name, DIMENSION_DURATION, 0, least, most);
}

static void read_checks(struct conf_node *node, struct point *point)
{
    enum point_class class = point_kind_class(point->kind);
    point->low = conf_number(node, "low", -PLAUSIBLE, -PLAUSIBLE, PLAUSIBLE);
    point->high = conf_number(node, "high", PLAUSIBLE, -PLAUSIBLE, PLAUSIBLE);
    point->rate_per_s = conf_number(node, "rate_per_s", 0, 0, PLAUSIBLE);
    point->frozen_after_ms = read_ms(node, "frozen_after", SECOND_MS, 30.0 * DAY_MS);
    point->skew_ms = read_ms(node, "skew", 1, HOUR_MS);
    if (point->low >= point->high)
        conf_error(node, "low is not below high: no value would ever be plausible");
    if (class != POINT_CLASS_GAUGE && point->rate_per_s > 0)
        conf_error(node, "rate_per_s belongs to an instant measurement, %s is none",
                   point_kind_name(point->kind));
    if (class != POINT_CLASS_GAUGE && class != POINT_CLASS_COUNTER && point->frozen_after_ms > 0)
        conf_error(node, "frozen_after belongs to a measurement, %s is none",
                   point_kind_name(point->kind));
}

/* ---- how it is written ---- */

static void read_rules(struct conf_node *write, struct point *point, struct mqtt_write *out)
{
    if (!conf_has(write, "low") || !conf_has(write, "high"))
        conf_error(write, "low or high is missing: say what range may be written");
    point->write.low = conf_number(write, "low", 0, -PLAUSIBLE, PLAUSIBLE);
    point->write.high = conf_number(write, "high", 0, -PLAUSIBLE, PLAUSIBLE);
    point->write.ramp_per_s = conf_number(write, "ramp_per_s", 0, 0, PLAUSIBLE);
    point->write.per_hour = conf_number(write, "writes_per_hour", 0, 0, 36000);
    point->write.lifetime = conf_number(write, "writes_lifetime", 0, 0, 1e12);
    out->tolerance = conf_number(write, "tolerance", 0, 0, PLAUSIBLE);
    out->answer_ms = (int)read_ms(write, "answer", SECOND_MS, HOUR_MS);
    if (point->write.low > point->write.high)
        conf_error(write, "low is above high: nothing could be written");
}

static void read_write(struct conf_node *node, struct point *point, struct mqtt_write *out)
{
    read_topic(node, "write_topic", out->topic);
    struct conf_node *write = conf_group(node, "write", false);
    if (*out->topic && point_kind_class(point->kind) != POINT_CLASS_SETPOINT)
        conf_error(node, "write_topic: %s is no set-point", point_kind_name(point->kind));
    if (*out->topic && !write)
        conf_error(node, "a write_topic needs write: { low = ...; high = ...; }, the range that "
                         "may be written");
    if (!*out->topic && write)
        conf_error(write, "without a write_topic nothing is written: add it, or remove write");
    if (write)
        read_rules(write, point, out);
}

/* Which point of the device says what became of a write; known when all of them are. */
static void read_feedback(struct conf_node *node, const struct config *config, int32_t device,
                          struct mqtt_point *point)
{
    struct conf_node *write = conf_group(node, "write", false);
    const char *name = conf_string(write, "feedback", "");
    enum point_kind kind;
    struct error error;
    if (*name) {
        int32_t found = point_kind_find(name, &kind) < 0
                            ? -1
                            : topology_find_point(config->topology, device, kind);
        point->write.has_feedback = found >= 0 && found != point->point;
        point->write.feedback = found;
        if (!point->write.has_feedback)
            conf_error(write, "feedback \"%s\": name another point of this device", name);
    }
    if (*point->write.topic && writeback_check(point, &error) < 0)
        conf_error(node, "%s", config_mqtt_text(&error));
}

/* ---- points of a device ---- */

enum access { READ_ONLY, READ_AND_WRITE };

static void read_point(struct conf_node *node, struct config *config, enum access access)
{
    struct point point = {.kind = 0};
    struct mqtt_point out = {.point = -1};
    struct error error;
    const char *name = conf_string_required(node, "point");
    read_mapping(node, &out.mapping);
    read_place(node, &out);
    if (point_kind_find(name, &point.kind) < 0) {
        conf_error(node, "unknown point \"%s\": the names are in schema/points.def", name);
        return;
    }
    read_scale(node, point.kind, &out.mapping);
    read_checks(node, &point);
    if (access == READ_AND_WRITE)
        read_write(node, &point, &out.write);
    if (mqtt_mapping_check(&out.mapping, &error) < 0)
        conf_error(node, "%s", error.text);
    out.point = topology_add_point(config->topology, &point, &error);
    if (out.point < 0)
        conf_error(node, "%s", error.text);
    else
        config->mqtt_points[config->mqtt_point_count++] = out;
}

void config_read_mqtt_points(struct conf_node *device_node, struct config *config, int32_t device)
{
    struct conf_node *list = conf_list(device_node, "points", true);
    int first = config->mqtt_point_count;
    size_t count = conf_length(list);
    if (count > (size_t)(LIMIT_POINTS - first)) {
        conf_error(list, "more than %d MQTT points", LIMIT_POINTS);
        return;
    }
    for (size_t i = 0; i < count; i++)
        read_point(conf_item(list, i), config, READ_AND_WRITE);
    for (size_t i = 0; i < count && config->mqtt_point_count - first == (int)count; i++)
        read_feedback(conf_item(list, i), config, device, &config->mqtt_points[first + (int)i]);
    if (config->mqtt.host[0] == '\0')
        conf_error(device_node, "points with topics need a broker: set mqtt.host");
}

/* ---- onboarded points ---- */

/* True: it has a topic, and the site's own file does not read that. */
static bool is_unmapped(struct conf_node *node, const struct config *config, int own_points)
{
    const char *topic = conf_string(node, "topic", "");
    for (int i = 0; *topic && i < own_points; i++) {
        if (strcmp(config->mqtt_points[i].topic, topic) == 0)
            return false;
    }
    return *topic;
}

int config_count_unmapped(struct conf_node *device_node, const struct config *config,
                          int own_points)
{
    struct conf_node *list = conf_list(device_node, "points", true);
    int count = 0;
    for (size_t i = 0; i < conf_length(list); i++)
        count += is_unmapped(conf_item(list, i), config, own_points);
    return count;
}

void config_read_unmapped(struct conf_node *device_node, struct config *config, int own_points)
{
    struct conf_node *list = conf_list(device_node, "points", true);
    for (size_t i = 0; i < conf_length(list); i++) {
        if (is_unmapped(conf_item(list, i), config, own_points))
            read_point(conf_item(list, i), config, READ_ONLY);
    }
}
