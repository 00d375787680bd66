/* Feeds of weather and market data: whence, how often, and where in the document what stands.
 * Options of the mapping may stand at the feed, for all of its tracks, or at a track. */
#include "controller/core/config_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "controller/base/utc.h"

static const char *const forms[FEED_FORMS + 1] = {"arrays", "rows", "positions", "csv", NULL};
static const char *const time_forms[FEED_TIME_FORMS + 1] = {"iso8601", "s", "ms", NULL};
static const char *const value_names[FEED_VALUES + 1] = {"mean", "mean_before", "instant", NULL};
static const char *const kinds[] = {"forecast", "settled", "measured", NULL};

static void copy_text(struct conf_node *node, const char *name, const char *text, char *ret_text,
                      size_t size)
{
    if (strlen(text) >= size)
        conf_error(node, "'%s' is longer than %zu bytes: shorten it", name, size - 1);
    else
        snprintf(ret_text, size, "%s", text);
}

/* ---- tracks ---- */

struct place {
    const char *name;
    size_t offset;
};

#define PLACE(field)                                                                               \
    {                                                                                              \
#field, offsetof(struct feed_track, field)                                                 \
    }
static const struct place places[] = {PLACE(each),     PLACE(rows),      PLACE(time),  PLACE(value),
                                      PLACE(start),    PLACE(end),       PLACE(issue), PLACE(lead),
                                      PLACE(position), PLACE(resolution)};
enum { PLACES = sizeof places / sizeof *places };

/* What stands at the feed is where its tracks start from. */
static void read_places(struct conf_node *node, struct feed_track *track)
{
    for (int i = 0; i < PLACES; i++) {
        char *place = (char *)track + places[i].offset;
        if (conf_has(node, places[i].name))
            copy_text(node, places[i].name, conf_string(node, places[i].name, ""), place,
                      FEED_PLACE);
    }
}

static int choose(struct conf_node *node, const char *name, const char *const *names, int fallback)
{
    return conf_has(node, name) ? conf_choice(node, name, names, fallback) : fallback;
}

static const struct feed_zone *find_zone(struct conf_node *node, struct config *config,
                                         const char *name)
{
    struct error error;
    for (int i = 0; i < config->feed_zone_count; i++)
        if (strcmp(config->feed_zones[i].name, name) == 0)
            return &config->feed_zones[i];
    if (config->feed_zone_count == LIMIT_FEEDS)
        conf_error(node, "more than %d time zones", LIMIT_FEEDS);
    else if (feed_zone_load(&config->feed_zones[config->feed_zone_count], name, &error) < 0)
        conf_error(node, "%s", error.text);
    else
        return &config->feed_zones[config->feed_zone_count++];
    return NULL;
}

static void read_common(struct conf_node *node, struct config *config, struct feed_track *track)
{
    read_places(node, track);
    track->form = (enum feed_form)choose(node, "format", forms, (int)track->form);
    track->time_form =
        (enum feed_time_form)choose(node, "time_form", time_forms, (int)track->time_form);
    track->values = (enum feed_values)choose(node, "values", value_names, (int)track->values);
    track->kind = (enum block_kind)choose(node, "kind", kinds, (int)track->kind);
    track->step_ms =
        (int64_t)conf_quantity(node, "step", DIMENSION_DURATION, (double)track->step_ms, 0, DAY_MS);
    if (conf_has(node, "timezone"))
        track->zone = find_zone(node, config, conf_string(node, "timezone", ""));
}

static enum dimension dimension_of(int32_t track)
{
    switch (track) {
    case SERIES_PRICE:
    case SERIES_PRICE_RT:
        return DIMENSION_PRICE;
    case SERIES_CARBON:
        return DIMENSION_CARBON;
    case SERIES_TEMP:
    case SERIES_WET_BULB:
    case INPUT_DEW_POINT:
        return DIMENSION_TEMPERATURE;
    case SERIES_COP:
        return DIMENSION_COUNT;
    case INPUT_GHI:
        return DIMENSION_IRRADIANCE;
    case INPUT_WIND_SPEED:
        return DIMENSION_SPEED;
    default:
        return DIMENSION_POWER;
    }
}

/* As at points over MQTT: number * scale * unit + offset. */
static void read_unit(struct conf_node *node, struct feed_track *track)
{
    enum dimension wanted = dimension_of(track->track), dimension = wanted;
    const char *unit = conf_string(node, "unit", "");
    double factor = 1;
    struct error error;
    bool known = !*unit || quantity_unit(unit, &dimension, &factor, &error) == 0;
    if (!known || dimension != wanted)
        conf_error(node, "%sunit \"%s\": %s is a %s (%s); for other units set scale and offset",
                   known ? "" : "unknown ", unit, forecast_track_name(track->track),
                   dimension_name(wanted), dimension_units(wanted));
    track->factor = factor * conf_number(node, "scale", 1, -1e12, 1e12);
    track->offset = conf_number(node, "offset", 0, -1e12, 1e12);
}

static void refuse_track(struct conf_node *node, const char *name)
{
    char names[LIMIT_ERROR_TEXT] = "";
    size_t used = 0;
    for (int32_t t = 0; t < FORECAST_TRACKS && used < sizeof names; t++)
        used += (size_t)snprintf(names + used, sizeof names - used, " %s", forecast_track_name(t));
    if (*name)
        conf_error(node, "there is no track \"%s\", but%s", name, names);
}

static void read_track(struct conf_node *node, struct config *config,
                       const struct feed_track *common, struct feed_mapping *mapping)
{
    struct feed_track *track = &mapping->tracks[mapping->count];
    const char *name = conf_string_required(node, "track");
    struct error error;
    *track = *common;
    track->track = forecast_track_find(name);
    read_common(node, config, track);
    if (track->track < 0) {
        refuse_track(node, name);
        return;
    }
    read_unit(node, track);
    if (feed_track_check(track, &error) < 0)
        conf_error(node, "%s", error.text);
    else
        mapping->count++;
}

/* Their texts would be each other's contradiction. */
static void check_twice(struct conf_node *list, const struct feed_mapping *mapping)
{
    for (int i = 0; i < mapping->count; i++)
        for (int j = 0; j < i; j++)
            if (mapping->tracks[i].track == mapping->tracks[j].track &&
                mapping->tracks[i].kind == mapping->tracks[j].kind)
                conf_error(list, "track %s comes twice: leave one out, or make it another kind",
                           forecast_track_name(mapping->tracks[i].track));
}

static void read_tracks(struct conf_node *node, struct config *config, struct feed_mapping *mapping)
{
    struct feed_track common = {.factor = 1};
    struct conf_node *list = conf_list(node, "tracks", true);
    if (!conf_has(node, "format"))
        conf_error(node, "'format' is needed: \"arrays\", \"rows\", \"positions\" or \"csv\"");
    read_common(node, config, &common);
    for (size_t i = 0; list && i < conf_length(list); i++) {
        if (mapping->count == LIMIT_FEED_TRACKS) {
            conf_error(list, "more than %d tracks: make it two feeds", LIMIT_FEED_TRACKS);
            return;
        }
        read_track(conf_item(list, i), config, &common, mapping);
    }
    check_twice(list, mapping);
}

/* ---- whence ---- */

static void read_path(struct conf_node *node, const struct config *config, const char *name,
                      char ret_path[LIMIT_PATH])
{
    if (config_resolve(config, conf_string(node, name, ""), ret_path, LIMIT_PATH) < 0)
        conf_error(node, "'%s': the path is too long", name);
}

static void read_key(struct conf_node *node, const struct config *config, struct feed_config *feed)
{
    const char *key_in = conf_string(node, "key_in", "");
    const char *colon = strchr(key_in, ':');
    read_path(node, config, "key_file", feed->key_file);
    if (strncmp(key_in, "header:", 7) == 0)
        feed->key_in = FEED_KEY_HEADER;
    else if (strncmp(key_in, "query:", 6) == 0)
        feed->key_in = FEED_KEY_QUERY;
    else if (*key_in)
        conf_error(node, "key_in \"%s\": write \"header:NAME\" or \"query:NAME\"", key_in);
    if (colon && feed->key_in != FEED_KEY_NONE)
        copy_text(node, "key_in", colon + 1, feed->key_name, sizeof feed->key_name);
}

static void read_way(struct conf_node *node, const struct config *config, struct feed_config *feed)
{
    int ways = conf_has(node, "file") + conf_has(node, "url") + conf_has(node, "topic");
    if (ways != 1)
        conf_error(node, "a feed has one of 'file', 'url' and 'topic'");
    feed->way = conf_has(node, "url") ? FEED_HTTP : conf_has(node, "topic") ? FEED_MQTT : FEED_FILE;
    read_path(node, config, "file", feed->path);
    copy_text(node, "url", conf_string(node, "url", ""), feed->url, sizeof feed->url);
    copy_text(node, "topic", conf_string(node, "topic", ""), feed->topic, sizeof feed->topic);
    if (feed->way == FEED_MQTT && !*config->mqtt.host)
        conf_error(node, "topic needs a broker: set mqtt.host");
}

static void read_times(struct conf_node *node, struct feed_config *feed)
{
    double every_ms = feed->way == FEED_FILE ? 10 * SECOND_MS : QUARTER_MS;
    feed->every_ms =
        (int64_t)conf_quantity(node, "every", DIMENSION_DURATION, every_ms, SECOND_MS, DAY_MS);
    feed->silent_after_ms = (int64_t)conf_quantity(node, "silent_after", DIMENSION_DURATION,
                                                   26.0 * HOUR_MS, MINUTE_MS, 400.0 * DAY_MS);
    feed->timeout_ms = (int)conf_quantity(node, "timeout", DIMENSION_DURATION, 30 * SECOND_MS,
                                          0.1 * SECOND_MS, 10 * MINUTE_MS);
}

static bool is_known(const struct config *config, const char *name)
{
    for (int i = 0; i < config->feed_count; i++)
        if (strcmp(config->feeds[i].name, name) == 0)
            return true;
    return false;
}

static void read_feed(struct conf_node *node, struct config *config)
{
    struct feed_config *feed = &config->feeds[config->feed_count];
    struct error error;
    copy_text(node, "name", conf_string_required(node, "name"), feed->name, sizeof feed->name);
    if (is_known(config, feed->name))
        conf_error(node, "feed \"%s\" is there already: choose another name", feed->name);
    read_way(node, config, feed);
    read_times(node, feed);
    read_key(node, config, feed);
    read_path(node, config, "ca_file", feed->ca_file);
    read_tracks(node, config, &feed->mapping);
    if (!conf_failed(node) && feed->mapping.count > 0 && feed_config_check(feed, &error) < 0)
        conf_error(node, "%s", error.text);
    config->feed_count++;
}

/* The broker hands on messages of a few filters; two feeds may share a topic. */
static void add_filter(struct conf_node *node, struct mqtt_config *mqtt, const char *topic)
{
    for (int i = 0; i < LIMIT_RAW_FILTERS; i++) {
        if (!*mqtt->raw[i])
            snprintf(mqtt->raw[i], sizeof mqtt->raw[i], "%s", topic);
        if (strcmp(mqtt->raw[i], topic) == 0)
            return;
    }
    conf_error(node, "more than %d topics: publish documents together", LIMIT_RAW_FILTERS);
}

static bool is_like_a_key(const char *parameter, size_t length)
{
    static const char *const parts[] = {"key", "token", "secret", "appid", "password"};
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
        for (size_t at = 0; at + strlen(parts[p]) <= length; at++)
            if (strncasecmp(parameter + at, parts[p], strlen(parts[p])) == 0)
                return true;
    return false;
}

/* Whoever may read the configuration reads its addresses. */
static void warn_url(const struct config *config, const struct feed_config *feed, config_note note,
                     void *context)
{
    char text[LIMIT_PATH + 512];
    for (const char *at = strchr(feed->url, '?'); at; at = strchr(at + 1, '&')) {
        int length = (int)strcspn(at + 1, "=&");
        if (!is_like_a_key(at + 1, (size_t)length))
            continue;
        snprintf(text, sizeof text,
                 "%s: feed \"%s\": \"%.*s\" in its url looks like a key: put it into a file, and "
                 "set key_file and key_in = \"query:%.*s\"",
                 config->path, feed->name, length, at + 1, length, at + 1);
        note(context, text);
    }
}

void config_warn_feeds(const struct config *config, config_note note, void *context)
{
    for (int i = 0; i < config->feed_count; i++) {
        const struct feed_config *feed = &config->feeds[i];
        if (*feed->key_file)
            config_warn_secret(feed->key_file, "the key of a feed", note, context);
        warn_url(config, feed, note, context);
    }
}

void config_read_feeds(struct conf_node *top, struct config *config)
{
    struct conf_node *list = conf_list(top, "feeds", false);
    for (size_t i = 0; list && i < conf_length(list); i++) {
        struct conf_node *node = conf_item(list, i);
        if (config->feed_count == LIMIT_FEEDS) {
            conf_error(list, "more than %d feeds", LIMIT_FEEDS);
            return;
        }
        read_feed(node, config);
        const struct feed_config *feed = &config->feeds[config->feed_count - 1];
        if (feed->way == FEED_MQTT && *feed->topic)
            add_filter(node, &config->mqtt, feed->topic);
    }
}
