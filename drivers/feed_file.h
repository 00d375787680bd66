/* A document in a file that others write: taken once it has come to rest. */
#ifndef TIDEWATT_DRIVERS_FEED_FILE_H
#define TIDEWATT_DRIVERS_FEED_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "controller/base/reason.h"
#include "drivers/feed.h"

struct feed_file {
    struct feed_mark {
        dev_t device;
        ino_t inode;
        off_t size;
        int64_t modified_ns; /* 0: there was no file */
    } seen, taken, refused;
    bool again;  /* the last document had been taken and refused before */
    char *bytes; /* of the last document, allocated */
    size_t length;
    int64_t modified_ms;
};

/* NONE: a document is in `bytes`; FEED_DUPLICATE: nothing new; FEED_PARTIAL: not at rest yet;
 * else what is wrong. `rest_ms`: a file that is older than that needs no second look. */
enum reason feed_file_look(struct feed_file *file, const char *path, int64_t rest_ms,
                           struct error *ret_cause);
/* The document was not usable: the same file is to be read again. */
void feed_file_forget(struct feed_file *file);
void feed_file_finish(struct feed_file *file);

#endif
