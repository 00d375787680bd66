/* The bounded outbox of the MQTT edge; see mqtt_outbox.h. */
#include "drivers/mqtt_outbox.h"

#include <stdlib.h>
#include <string.h>

#include "controller/base/error.h"

void outbox_init(struct outbox *outbox)
{
    *outbox = (struct outbox){.end = &outbox->first};
}

void outbox_finish(struct outbox *outbox)
{
    struct outbox_message *message;

    while ((message = outbox_take(outbox)))
        free(message);
}

/* FNV-1a: only narrows the search, equality is by strcmp. */
static uint64_t topic_hash(const char *topic)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (; *topic; topic++)
        hash = (hash ^ (unsigned char)*topic) * 0x100000001b3;
    return hash;
}

static struct outbox_message *message_create(const char *topic, const void *payload, size_t length,
                                             int qos, bool retain)
{
    size_t topic_size = strlen(topic) + 1;
    struct outbox_message *message = malloc(sizeof(*message) + topic_size + length + 1);
    char *text = (char *)(message + 1);

    if (!message)
        return NULL;
    *message = (struct outbox_message){
        .hash = topic_hash(topic),
        .topic = memcpy(text, topic, topic_size),
        .payload = memcpy(text + topic_size, payload, length),
        .payload_length = length,
        .qos = qos,
        .retain = retain,
    };
    text[topic_size + length] = '\0';
    return message;
}

static void unlink_at(struct outbox *outbox, struct outbox_message **place)
{
    struct outbox_message *message = *place;

    *place = message->next;
    if (!*place)
        outbox->end = place;
    outbox->length--;
}

static void remove_retained(struct outbox *outbox, const struct outbox_message *newer)
{
    for (struct outbox_message **place = &outbox->first; *place; place = &(*place)->next) {
        struct outbox_message *message = *place;

        if (message->retain && message->hash == newer->hash &&
            !strcmp(message->topic, newer->topic)) {
            unlink_at(outbox, place);
            free(message);
            return;
        }
    }
}

static int put(struct outbox *outbox, const char *topic, const void *payload, size_t length,
               int qos, bool retain)
{
    struct outbox_message *message;

    if (strlen(topic) >= LIMIT_TOPIC || length > LIMIT_PAYLOAD)
        return ERROR_INVALID;
    message = message_create(topic, payload, length, qos, retain);
    if (!message)
        return ERROR_SYSTEM;
    if (retain)
        remove_retained(outbox, message);
    if (outbox->length >= LIMIT_OUTBOX) {
        free(message);
        return ERROR_FULL;
    }
    *outbox->end = message;
    outbox->end = &message->next;
    outbox->length++;
    return 0;
}

int outbox_put(struct outbox *outbox, const char *topic, const char *payload, int qos, bool retain)
{
    return outbox_put_bytes(outbox, topic, payload, strlen(payload), qos, retain);
}

int outbox_put_bytes(struct outbox *outbox, const char *topic, const void *payload, size_t length,
                     int qos, bool retain)
{
    int result = put(outbox, topic, payload, length, qos, retain);

    if (result < 0)
        outbox->dropped++;
    return result;
}

struct outbox_message *outbox_take(struct outbox *outbox)
{
    struct outbox_message *message = outbox->first;

    if (message)
        unlink_at(outbox, &outbox->first);
    return message;
}

void outbox_drop_transient(struct outbox *outbox)
{
    struct outbox_message **place = &outbox->first;

    while (*place) {
        struct outbox_message *message = *place;

        if (message->retain) {
            place = &message->next;
            continue;
        }
        unlink_at(outbox, place);
        free(message);
        outbox->dropped++;
    }
}
