/* The one thread that writes the ledger. */
#ifndef TIDEWATT_STORE_WRITER_H
#define TIDEWATT_STORE_WRITER_H

#include <stdatomic.h>
#include <pthread.h>

#include "controller/base/queue.h"
#include "controller/store/ledger.h"
#include "controller/store/rollup.h"

/* What the posting threads and the writer share. */
struct store_flow {
    struct queue *queue; /* of struct record * */
    atomic_size_t bytes; /* of all records posted and not yet committed */
    atomic_uint_fast64_t written, refused, retried;
    atomic_bool full;
    atomic_int_fast64_t last_commit_ms;
    pthread_mutex_t mutex; /* of `last` */
    struct error last;
};

struct writer {
    const char *path; /* for texts */
    struct db *db;
    struct ledger *ledger;
    struct rollup *rollup;
    struct store_flow *flow;
    int64_t run_id;
    bool patient;          /* nothing waits for the disk */
    bool run_began;        /* the run's first record is in */
    int durable;           /* present setting: 1 FULL, 0 less, -1 not set yet */
    uint64_t refused_told; /* refusals that the ledger already speaks of */
};

/* Writes until the queue is closed and empty, then ends the run. For pthread_create. */
void *writer_main(void *writer);

#endif
