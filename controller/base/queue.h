/* A bounded queue of equal-sized entries between threads. Refuses when full and counts. A closed
 * queue takes no more entries (counted as refused); those in it can still be taken out. */
#ifndef TIDEWATT_BASE_QUEUE_H
#define TIDEWATT_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue;

struct queue *queue_create(size_t entry_size, size_t capacity); /* NULL: out of memory */
void queue_destroy(struct queue *queue);

bool queue_push(struct queue *queue, const void *entry); /* false: full, counted */
/* Drops the oldest entry when full (counted); always takes the new one. */
void queue_push_shedding(struct queue *queue, const void *entry);
size_t queue_pop(struct queue *queue, void *ret_entries,
                 size_t most); /* entries taken; never waits */
/* As queue_pop, but waits until there is one, `timeout_ms` passed, or the queue was closed. */
size_t queue_wait(struct queue *queue, void *ret_entries, size_t most, int timeout_ms);
void queue_close(struct queue *queue); /* wakes the waiter for good */
bool queue_closed(struct queue *queue);
size_t queue_length(struct queue *queue);
uint64_t queue_refused(struct queue *queue); /* refused or dropped so far */

#endif
