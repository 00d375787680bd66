/* The queue of whole messages of the MQTT edge; see mqtt_raw.h. */
#include "drivers/mqtt_raw.h"

#include <stdlib.h>
#include <string.h>

#include "controller/base/limits.h"

void raw_init(struct raw_queue *queue)
{
    *queue = (struct raw_queue){.end = &queue->first};
}

struct raw_message *raw_take_all(struct raw_queue *queue)
{
    struct raw_message *all = queue->first;

    queue->first = NULL;
    queue->end = &queue->first;
    queue->count = 0;
    queue->bytes = 0;
    return all;
}

void raw_finish(struct raw_queue *queue)
{
    struct raw_message *message = raw_take_all(queue), *next;

    for (; message; message = next) {
        next = message->next;
        free(message);
    }
}

static void shed_oldest(struct raw_queue *queue)
{
    struct raw_message *message = queue->first;

    queue->first = message->next;
    if (!queue->first)
        queue->end = &queue->first;
    queue->count--;
    queue->bytes -= message->length;
    queue->shed++;
    free(message);
}

void raw_put(struct raw_queue *queue, const char *topic, const void *payload, size_t length,
             bool retained)
{
    size_t topic_size = strlen(topic) + 1;
    struct raw_message *message = malloc(sizeof(*message) + topic_size + length);
    char *text = (char *)(message + 1);

    if (!message) {
        queue->shed++;
        return;
    }
    while (queue->first &&
           (queue->count >= LIMIT_RAW_MESSAGES || queue->bytes + length > (size_t)LIMIT_RAW_BYTES))
        shed_oldest(queue);
    *message = (struct raw_message){
        .topic = memcpy(text, topic, topic_size),
        .payload = text + topic_size,
        .length = length,
        .retained = retained,
    };
    if (length > 0)
        memcpy(text + topic_size, payload, length);
    *queue->end = message;
    queue->end = &message->next;
    queue->count++;
    queue->bytes += length;
}
