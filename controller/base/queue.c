/* The one way in which threads talk: a ring of fixed size under a mutex. Full means refused and
 * counted, so that a slow reader never grows memory and never holds the writer. */
#include "controller/base/queue.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t filled; /* an entry arrived, or the queue was closed */
    size_t entry_size, capacity;
    size_t first, length; /* oldest entry and number of entries */
    uint64_t refused;
    bool closed;
    unsigned char *entries;
};

static void init_condition(pthread_cond_t *condition)
{
    /* Monotonic: a step of the system clock must not shorten or stretch a wait. */
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct queue *queue_create(size_t entry_size, size_t capacity)
{
    assert(entry_size > 0 && capacity > 0);
    struct queue *queue = calloc(1, sizeof(*queue));
    if (!queue)
        return NULL;
    queue->entries = calloc(capacity, entry_size);
    if (!queue->entries) {
        free(queue);
        return NULL;
    }
    queue->entry_size = entry_size;
    queue->capacity = capacity;
    pthread_mutex_init(&queue->mutex, NULL);
    init_condition(&queue->filled);
    return queue;
}

void queue_destroy(struct queue *queue)
{
    if (!queue)
        return;
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->mutex);
    free(queue->entries);
    free(queue);
}

static void append(struct queue *queue, const void *entry)
{
    size_t slot = (queue->first + queue->length) % queue->capacity;
    memcpy(queue->entries + slot * queue->entry_size, entry, queue->entry_size);
    queue->length++;
    pthread_cond_signal(&queue->filled);
}

bool queue_push(struct queue *queue, const void *entry)
{
    pthread_mutex_lock(&queue->mutex);
    bool taken = !queue->closed && queue->length < queue->capacity;
    if (taken)
        append(queue, entry);
    else
        queue->refused++;
    pthread_mutex_unlock(&queue->mutex);
    return taken;
}

void queue_push_shedding(struct queue *queue, const void *entry)
{
    pthread_mutex_lock(&queue->mutex);
    if (queue->closed) {
        queue->refused++;
    } else {
        if (queue->length == queue->capacity) {
            queue->first = (queue->first + 1) % queue->capacity;
            queue->length--;
            queue->refused++;
        }
        append(queue, entry);
    }
    pthread_mutex_unlock(&queue->mutex);
}

static size_t take(struct queue *queue, void *ret_entries, size_t most)
{
    size_t count = queue->length < most ? queue->length : most;
    size_t until_wrap = queue->capacity - queue->first;
    size_t head = count < until_wrap ? count : until_wrap;
    unsigned char *target = ret_entries;

    if (count == 0)
        return 0;
    memcpy(target, queue->entries + queue->first * queue->entry_size, head * queue->entry_size);
    memcpy(target + head * queue->entry_size, queue->entries, (count - head) * queue->entry_size);
    queue->first = (queue->first + count) % queue->capacity;
    queue->length -= count;
    return count;
}

size_t queue_pop(struct queue *queue, void *ret_entries, size_t most)
{
    pthread_mutex_lock(&queue->mutex);
    size_t count = take(queue, ret_entries, most);
    pthread_mutex_unlock(&queue->mutex);
    return count;
}

static struct timespec monotonic_after(int timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (timeout_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    return until;
}

size_t queue_wait(struct queue *queue, void *ret_entries, size_t most, int timeout_ms)
{
    struct timespec until = monotonic_after(timeout_ms > 0 ? timeout_ms : 0);
    int rc = 0;

    pthread_mutex_lock(&queue->mutex);
    while (queue->length == 0 && !queue->closed && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&queue->filled, &queue->mutex, &until);
    size_t count = take(queue, ret_entries, most);
    pthread_mutex_unlock(&queue->mutex);
    return count;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->closed = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_mutex_unlock(&queue->mutex);
}

bool queue_closed(struct queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    bool closed = queue->closed;
    pthread_mutex_unlock(&queue->mutex);
    return closed;
}

size_t queue_length(struct queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    size_t length = queue->length;
    pthread_mutex_unlock(&queue->mutex);
    return length;
}

uint64_t queue_refused(struct queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    uint64_t refused = queue->refused;
    pthread_mutex_unlock(&queue->mutex);
    return refused;
}
