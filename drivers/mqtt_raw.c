/* The queue of whole messages of the MQTT edge; see mqtt_raw.h. */
#include "drivers/mqtt_raw.h"

#include <stdlib.h>
#include <string.h>

#include "controller/base/limits.h"

void raw_init(struct raw_queue *queue)
{
    *queue = (struct raw_queue){.end = &queue->first};
}

struct raw_message *raw_take(struct raw_queue *queue, int most)
{
    struct raw_message *taken = queue->first, **end = &queue->first;

    for (; most > 0 && *end; most--, end = &(*end)->next) {
        queue->count--;
        queue->bytes -= (*end)->length;
    }
    if (end == &queue->first)
        return NULL;
    queue->first = *end;
    *end = NULL;
    if (!queue->first)
        queue->end = &queue->first;
    return taken;
}

void raw_finish(struct raw_queue *queue)
{
    struct raw_message *message = raw_take(queue, LIMIT_RAW_MESSAGES), *next;

    for (; message; message = next) {
        next = message->next;
        free(message);
    }
}

static void shed_oldest(struct raw_queue *queue)
{
    free(raw_take(queue, 1));
    queue->shed++;
}

static struct raw_message *message_create(const char *topic, const void *payload, size_t length,
                                          bool retained)
{
    const size_t topic_size = strlen(topic) + 1;
    struct raw_message *message;
    char *text;

    if (topic_size > LIMIT_TOPIC || length > LIMIT_RAW_PAYLOAD)
        return NULL;
    message = malloc(sizeof(*message) + topic_size + length);
    if (!message)
        return NULL;
    text = (char *)(message + 1);
    *message = (struct raw_message){
        .topic = memcpy(text, topic, topic_size),
        .payload = text + topic_size,
        .length = length,
        .retained = retained,
    };
    if (length > 0)
        memcpy(text + topic_size, payload, length);
    return message;
}

void raw_put(struct raw_queue *queue, const char *topic, const void *payload, size_t length,
             bool retained)
{
    struct raw_message *message = message_create(topic, payload, length, retained);

    if (!message) {
        queue->shed++;
        return;
    }
    while (queue->first &&
           (queue->count >= LIMIT_RAW_MESSAGES || queue->bytes + length > (size_t)LIMIT_RAW_BYTES))
        shed_oldest(queue);
    *queue->end = message;
    queue->end = &message->next;
    queue->count++;
    queue->bytes += length;
}
