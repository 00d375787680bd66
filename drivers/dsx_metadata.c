/* The metadata that a building-management system has published, point by point. It is written by
 * people at many sites: whatever is wrong with a message costs that point and is named. */
#include "drivers/dsx_metadata.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "drivers/dsx_private.h"

#define METADATA "BMS/v1/PUB/Metadata/"

/* ---- topics -------------------------------------------------------------- */

static bool is_plain(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    }
    return true;
}

/* The part after "BMS/v1/PUB/Metadata/", NULL: no topic of metadata. */
static const char *rest_of(const char *topic)
{
    const char *rest = topic + strlen(METADATA);
    const char *point, *tag;

    if (strncmp(topic, METADATA, strlen(METADATA)) != 0)
        return NULL;
    point = strchr(rest, '/');
    tag = point ? strchr(point + 1, '/') : NULL;
    if (!tag || point == rest || tag == point + 1 || !tag[1] || strpbrk(topic, "+#") ||
        !is_plain(topic))
        return NULL;
    return rest;
}

static int check_topic(const char *topic, struct error *error)
{
    if (!rest_of(topic))
        return error_set(error, ERROR_INVALID,
                         "no topic of metadata: it must be " METADATA
                         "{objectType}/{pointType}/{tagPath}");
    if (strlen(topic) >= LIMIT_TOPIC)
        return error_set(error, ERROR_INVALID, "the topic has more than %d bytes", LIMIT_TOPIC - 1);
    return 0;
}

int dsx_value_topic(const char *metadata_topic, const char *integration, char *ret_topic,
                    size_t size, struct error *error)
{
    const char *publisher = *integration ? integration : "PUB";
    char topic[2 * LIMIT_TOPIC];
    int rc = check_topic(metadata_topic, error);
    int length;

    if (rc < 0)
        return rc;
    if (strpbrk(publisher, "/+#"))
        return error_set(error, ERROR_INVALID, "integration \"%s\" is no part of a topic",
                         publisher);
    length =
        snprintf(topic, sizeof(topic), "BMS/v1/%s/Value/%s", publisher, rest_of(metadata_topic));
    if (length >= (int)size || length >= LIMIT_TOPIC)
        return error_set(error, ERROR_INVALID, "the topic of its values is too long");
    strcpy(ret_topic, topic);
    return 0;
}

/* ---- one payload --------------------------------------------------------- */

/* A text of the payload: at most once wrong, then the fault says how. */
static void get_text(struct dsx_entry *entry, const json_t *root, const char *key, bool needed,
                     char *ret_text, size_t size)
{
    const json_t *value = json_object_get(root, key);
    const char *text = json_string_value(value);

    if (*entry->fault || (!value && !needed))
        return;
    if (!text || !*text)
        snprintf(entry->fault, sizeof(entry->fault), "\"%s\" %s", key,
                 value ? "must be a text that is not empty" : "is absent");
    else if (strlen(text) >= size)
        snprintf(entry->fault, sizeof(entry->fault), "\"%s\" has more than %zu bytes", key,
                 size - 1);
    else if (!is_plain(text))
        snprintf(entry->fault, sizeof(entry->fault), "\"%s\" has control characters", key);
    else
        strcpy(ret_text, text);
}

static bool get_flag(struct dsx_entry *entry, const json_t *root, const char *key)
{
    const json_t *value = json_object_get(root, key);

    if (value && !json_is_boolean(value) && !*entry->fault)
        snprintf(entry->fault, sizeof(entry->fault), "\"%s\" must be true or false", key);
    return json_is_true(value);
}

/* objectType and pointType are in the topic as well. */
static void get_type(struct dsx_entry *entry, const json_t *root, const char *key,
                     const char *segment, char ret_type[DSX_TYPE])
{
    size_t length = strcspn(segment, "/");

    get_text(entry, root, key, true, ret_type, DSX_TYPE);
    if (*entry->fault || (strlen(ret_type) == length && memcmp(ret_type, segment, length) == 0))
        return;
    snprintf(entry->fault, sizeof(entry->fault), "\"%s\" is \"%s\", the topic says \"%.*s\"", key,
             ret_type, (int)(length < DSX_TYPE ? length : DSX_TYPE), segment);
}

/* An object by its own name, or a part of one that is named. */
static void get_object(struct dsx_entry *entry, const json_t *root)
{
    bool rack = strcmp(entry->object_type, "Rack") == 0;

    entry->part = !rack && json_object_get(root, "associateId");
    if (entry->part && (json_object_get(root, "objectId") || json_object_get(root, "servesId"))) {
        if (!*entry->fault)
            snprintf(entry->fault, sizeof(entry->fault),
                     "\"associateId\" excludes \"objectId\" and \"servesId\"");
        return;
    }
    if (entry->part) {
        get_text(entry, root, "associateId", true, entry->object_id, DSX_ID);
        return;
    }
    get_text(entry, root, rack ? "rackLocationId" : "objectId", true, entry->object_id, DSX_ID);
    get_text(entry, root, rack ? "rackLocationName" : "objectName", true, entry->object_name,
             DSX_ID);
}

static void get_area(struct dsx_entry *entry, const json_t *root)
{
    const json_t *words = json_object_get(root, "processArea");
    size_t used = 0;

    if (words && !json_is_array(words) && !*entry->fault)
        snprintf(entry->fault, sizeof(entry->fault), "\"processArea\" must be a list of texts");
    for (size_t i = 0; i < json_array_size(words) && !*entry->fault; i++) {
        const char *word = json_string_value(json_array_get(words, i));

        if (!word || !is_plain(word) || used + strlen(word) + 2 > DSX_AREA) {
            snprintf(entry->fault, sizeof(entry->fault),
                     "\"processArea\" must be a list of texts of together at most %d bytes",
                     DSX_AREA - 2);
            return;
        }
        used +=
            (size_t)snprintf(entry->area + used, DSX_AREA - used, "%s%s", used ? " " : "", word);
    }
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A bad id in the list costs the point, because the graph would be wrong without it. */
static int pack_serves(struct dsx_entry *entry, const char **ids, size_t count)
{
    qsort(ids, count, sizeof(*ids), compare_texts);
    for (size_t i = 0; i < count; i++)
        entry->serves_size += strlen(ids[i]) + 1;
    entry->serves = malloc(entry->serves_size + 1);
    if (!entry->serves)
        return ERROR_SYSTEM;
    entry->serves_size = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(ids[i], ids[i - 1]) == 0)
            continue;
        strcpy(entry->serves + entry->serves_size, ids[i]);
        entry->serves_size += strlen(ids[i]) + 1;
        entry->serves_count++;
    }
    return 0;
}

static int get_serves(struct dsx_entry *entry, const json_t *root)
{
    const json_t *list = json_object_get(root, "servesId");
    size_t count = json_array_size(list);
    const char **ids;
    int rc = 0;

    entry->has_serves = list != NULL;
    if (!list || *entry->fault)
        return 0;
    ids = calloc(count + 1, sizeof(*ids));
    if (!ids)
        return ERROR_SYSTEM;
    for (size_t i = 0; i < count; i++) {
        ids[i] = json_string_value(json_array_get(list, i));
        if (!ids[i] || !*ids[i] || strlen(ids[i]) >= DSX_ID || !is_plain(ids[i]))
            break;
        rc++;
    }
    if (!json_is_array(list) || (size_t)rc < count)
        snprintf(entry->fault, sizeof(entry->fault),
                 "\"servesId\" must be a list of objectIds of 1 to %d bytes", DSX_ID - 1);
    rc = *entry->fault ? 0 : pack_serves(entry, ids, count);
    free(ids);
    return rc;
}

static int read_entry(struct dsx_entry *entry, const json_t *root)
{
    const char *rest = rest_of(entry->topic);

    if (!json_is_object(root))
        strcpy(entry->fault, "the payload is no JSON object");
    get_type(entry, root, "objectType", rest, entry->object_type);
    get_type(entry, root, "pointType", strchr(rest, '/') + 1, entry->point_type);
    get_object(entry, root);
    get_text(entry, root, "engUnit", false, entry->unit, sizeof(entry->unit));
    get_text(entry, root, "phase", false, entry->phase, sizeof(entry->phase));
    get_text(entry, root, "integration", false, entry->integration, sizeof(entry->integration));
    get_area(entry, root);
    entry->is_setpoint = get_flag(entry, root, "isSetpoint");
    entry->has_states = json_object_get(root, "stateText") != NULL;
    if (entry->has_states && *entry->unit && !*entry->fault)
        strcpy(entry->fault, "\"engUnit\" and \"stateText\" exclude each other");
    return get_serves(entry, root);
}

static void parse_entry(struct dsx_entry *entry, const void *payload, size_t length, int *ret_rc)
{
    json_error_t why;
    json_t *root;

    *ret_rc = 0;
    if (length > LIMIT_PAYLOAD) {
        snprintf(entry->fault, sizeof(entry->fault), "%zu bytes are more than the %d that are read",
                 length, LIMIT_PAYLOAD);
        return;
    }
    root = json_loadb(payload, length, JSON_REJECT_DUPLICATES, &why);
    if (root)
        *ret_rc = read_entry(entry, root);
    else
        snprintf(entry->fault, sizeof(entry->fault), "no JSON at byte %d", why.position);
    json_decref(root);
}

/* ---- the registry -------------------------------------------------------- */

struct dsx *dsx_create(const char *integration)
{
    struct dsx *dsx = calloc(1, sizeof(*dsx));

    if (!dsx)
        return NULL;
    dsx->entries = calloc(LIMIT_DSX_POINTS, sizeof(struct dsx_entry *));
    if (!dsx->entries) {
        free(dsx);
        return NULL;
    }
    snprintf(dsx->integration, sizeof(dsx->integration), "%s", integration);
    return dsx;
}

static void entry_free(struct dsx_entry *entry)
{
    if (entry)
        free(entry->serves);
    free(entry);
}

void dsx_destroy(struct dsx *dsx)
{
    if (!dsx)
        return;
    for (int32_t i = 0; i < dsx->count; i++)
        entry_free(dsx->entries[i]);
    free(dsx->entries);
    free(dsx);
}

int32_t dsx_point_count(const struct dsx *dsx)
{
    return dsx->count;
}

/* Where the topic is, or belongs. */
static int32_t place_of(const struct dsx *dsx, const char *topic, bool *ret_found)
{
    int32_t low = 0, high = dsx->count;

    *ret_found = false;
    while (low < high && !*ret_found) {
        int32_t middle = low + (high - low) / 2;
        int order = strcmp(dsx->entries[middle]->topic, topic);

        if (order < 0)
            low = middle + 1;
        else
            high = middle;
        if (order == 0) {
            low = middle;
            *ret_found = true;
        }
    }
    return low;
}

static size_t size_of(const struct dsx_entry *entry)
{
    return sizeof(*entry) + entry->serves_size;
}

static void remove_at(struct dsx *dsx, int32_t place)
{
    dsx->bytes -= size_of(dsx->entries[place]);
    entry_free(dsx->entries[place]);
    dsx->count--;
    memmove(&dsx->entries[place], &dsx->entries[place + 1],
            (size_t)(dsx->count - place) * sizeof(*dsx->entries));
}

static int insert_at(struct dsx *dsx, int32_t place, struct dsx_entry *entry, struct error *error)
{
    if (dsx->count == LIMIT_DSX_POINTS || dsx->bytes + size_of(entry) > DSX_BYTES) {
        dsx->refused++;
        entry_free(entry);
        return error_set(error, ERROR_FULL, "no room for more than %d points or %d bytes",
                         LIMIT_DSX_POINTS, DSX_BYTES);
    }
    memmove(&dsx->entries[place + 1], &dsx->entries[place],
            (size_t)(dsx->count - place) * sizeof(*dsx->entries));
    dsx->entries[place] = entry;
    dsx->count++;
    dsx->bytes += size_of(entry);
    return *entry->fault ? error_set(error, ERROR_INVALID, "%s", entry->fault) : 0;
}

int dsx_take(struct dsx *dsx, const char *topic, const void *payload, size_t length,
             struct error *error)
{
    int rc = check_topic(topic, error);
    struct dsx_entry *entry;
    int32_t place;
    bool found;

    if (rc < 0)
        return rc;
    place = place_of(dsx, topic, &found);
    if (found)
        remove_at(dsx, place);
    if (length == 0)
        return 0;
    entry = calloc(1, sizeof(*entry));
    if (!entry)
        return error_set(error, ERROR_SYSTEM, "out of memory for metadata");
    strcpy(entry->topic, topic);
    parse_entry(entry, payload, length, &rc);
    if (rc < 0) {
        entry_free(entry);
        return error_set(error, rc, "out of memory for metadata");
    }
    return insert_at(dsx, place, entry, error);
}

/* ---- heartbeats ---------------------------------------------------------- */

static void note_heartbeat(const struct dsx *dsx, const struct dsx_entry *entry,
                           struct dsx_heartbeats *heartbeats)
{
    const char *us = dsx->integration;
    bool by_us = *us && strcmp(entry->integration, us) == 0;
    bool of_us = *us && strcmp(entry->object_id, us) == 0;
    const struct {
        const char *point_type;
        bool concerns_us;
        char *topic;
    } rows[] = {
        {"HeartbeatTimestampBms", true, heartbeats->bms},
        {"HeartbeatTimestampIntegration", by_us, heartbeats->ours},
        {"HeartbeatEchoIntegration", by_us, heartbeats->echo_of_bms},
        {"HeartbeatEchoBms", of_us, heartbeats->echo_of_us},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].concerns_us && !*rows[i].topic &&
            strcmp(entry->point_type, rows[i].point_type) == 0)
            dsx_value_topic(entry->topic, entry->integration, rows[i].topic, LIMIT_TOPIC, NULL);
    }
}

void dsx_find_heartbeats(const struct dsx *dsx, struct dsx_heartbeats *ret_heartbeats)
{
    *ret_heartbeats = (struct dsx_heartbeats){.bms = ""};
    for (int32_t i = 0; i < dsx->count; i++) {
        const struct dsx_entry *entry = dsx->entries[i];

        if (!*entry->fault && strcmp(entry->object_type, "System") == 0)
            note_heartbeat(dsx, entry, ret_heartbeats);
    }
}
