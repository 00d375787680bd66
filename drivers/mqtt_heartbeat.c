/* DSX heartbeats; see mqtt_heartbeat.h. */
#include "drivers/mqtt_heartbeat.h"

#include <string.h>

#include "drivers/mqtt_mapping.h"
#include "drivers/mqtt_writeback.h"

#define BMS_VALUES "BMS/v1/PUB/Value/System/HeartbeatTimestampBms/"
#define METADATA "BMS/v1/PUB/Metadata/System/Heartbeat"

static bool begins(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

int heartbeat_init(struct heartbeat *heartbeat, const char *integration, struct error *error)
{
    *heartbeat = (struct heartbeat){0};
    if (!integration[0])
        return 0;
    heartbeat->metadata = dsx_create(integration);
    return heartbeat->metadata ? 0 : error_set(error, ERROR_SYSTEM, "mqtt: out of memory");
}

void heartbeat_finish(struct heartbeat *heartbeat)
{
    if (heartbeat->metadata)
        dsx_destroy(heartbeat->metadata);
    heartbeat->metadata = NULL;
}

const char *heartbeat_filter(int index)
{
    static const char *const filters[] = {
        BMS_VALUES "#",
        METADATA "TimestampBms/#",
        METADATA "TimestampIntegration/#",
        METADATA "EchoIntegration/#",
        NULL,
    };

    return filters[index];
}

void heartbeat_listen(struct heartbeat *heartbeat, int64_t real_ms)
{
    heartbeat->heard_ms = real_ms;
}

static void take_metadata(struct heartbeat *heartbeat, const char *topic, const void *payload,
                          size_t length)
{
    struct error error;

    dsx_take(heartbeat->metadata, topic, payload, length, &error); /* told by whoever onboards */
    heartbeat->news = true;
    if (dsx_point_count(heartbeat->metadata) <= LIMIT_HEARTBEATS)
        return;
    dsx_take(heartbeat->metadata, topic, NULL, 0, &error); /* there was no room for the newcomer */
    heartbeat->refused++;
}

void heartbeat_settle(struct heartbeat *heartbeat)
{
    if (heartbeat->news)
        dsx_find_heartbeats(heartbeat->metadata, &heartbeat->topics);
    heartbeat->news = false;
}

static void take_value(struct heartbeat *heartbeat, const void *payload, size_t length,
                       int64_t now_ms, int64_t real_ms)
{
    struct mqtt_document document;
    struct mqtt_mapping mapping;
    struct sample sample;
    struct error error;

    mqtt_mapping_init(&mapping, MQTT_DSX);
    mqtt_document_open(&document, payload, length, false, now_ms);
    if (mqtt_document_read(&document, &mapping, &sample, &error) == QUALITY_GOOD &&
        (sample.source_ms != heartbeat->source_ms || sample.value != heartbeat->value)) {
        heartbeat->value = sample.value;
        heartbeat->source_ms = sample.source_ms;
        heartbeat->heard_ms = real_ms;
        heartbeat->to_echo = true;
        heartbeat->lost = false;
    }
    mqtt_document_close(&document);
}

void heartbeat_take(struct heartbeat *heartbeat, const char *topic, const void *payload,
                    size_t length, bool retained, int64_t now_ms, int64_t real_ms)
{
    const char *known = heartbeat->topics.bms;

    if (!heartbeat->metadata)
        return;
    if (begins(topic, METADATA))
        take_metadata(heartbeat, topic, payload, length);
    else if (!retained && begins(topic, BMS_VALUES) && (!known[0] || !strcmp(topic, known)))
        take_value(heartbeat, payload, length, now_ms, real_ms);
}

bool heartbeat_next(struct heartbeat *heartbeat, int64_t now_ms, int64_t real_ms,
                    const char **ret_topic, char ret_payload[HEARTBEAT_PAYLOAD])
{
    const struct dsx_heartbeats *topics = &heartbeat->topics;

    if (!heartbeat->metadata)
        return false;
    if (heartbeat->to_echo && topics->echo_of_bms[0]) {
        heartbeat->to_echo = false;
        *ret_topic = topics->echo_of_bms;
        dsx_encode(heartbeat->value, now_ms, ret_payload, HEARTBEAT_PAYLOAD);
        return true;
    }
    if (topics->ours[0] && (!heartbeat->said_ms || real_ms - heartbeat->said_ms >= HEARTBEAT_MS)) {
        heartbeat->said_ms = real_ms;
        *ret_topic = topics->ours;
        dsx_encode((double)now_ms, now_ms, ret_payload, HEARTBEAT_PAYLOAD);
        return true;
    }
    return false;
}

bool heartbeat_lost(struct heartbeat *heartbeat, int64_t real_ms)
{
    if (heartbeat->metadata && real_ms - heartbeat->heard_ms > HEARTBEAT_SILENCE_MS)
        heartbeat->lost = true;
    return heartbeat->lost;
}
