/* What store.c and recover.c share. */
#ifndef TIDEWATT_STORE_STORE_PRIVATE_H
#define TIDEWATT_STORE_STORE_PRIVATE_H

#include "controller/store/store.h"
#include "controller/store/writer.h"

struct store {
    struct store_config config;
    int file; /* holds the lock that keeps a second controller out */
    struct db *db;
    struct identity identity;
    struct seen *seen; /* by point: the reading posted last */
    struct store_flow flow;
    struct writer writer;
    pthread_t thread;
    bool started;
    bool unclean;       /* the run before this one did not end by itself */
    int64_t unclean_ms; /* its newest record */
};

/* Takes ownership of the record; NULL counts as refused. */
bool store_post(struct store *store, void *record);

#endif
