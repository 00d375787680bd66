/* A weather or market document into blocks, whatever is in it. Pure: bytes and mapping in, blocks
 * out. Documents come from the network: each oddity is a reason and a text, never a crash, and a
 * value of which it is not clear what it says is left out. */
#ifndef TIDEWATT_DRIVERS_FEED_DOCUMENT_H
#define TIDEWATT_DRIVERS_FEED_DOCUMENT_H

#include "controller/base/reason.h"
#include "drivers/feed_mapping.h"

struct feed_arrival {
    const char *bytes;
    size_t length;
    int64_t now_ms;    /* when it came, UTC */
    int64_t source_ms; /* when it was made, by HTTP or the file; 0: not known */
    bool stored;       /* the broker had kept it: made at any time before */
};

struct feed_summary {
    enum reason reason; /* NONE: whole; FEED_PARTIAL; FEED_MALFORMED: nothing was usable */
    struct error cause; /* the first thing that was wrong, without the name of the feed */
    int tracks;         /* that came with values */
    int values;         /* usable ones */
    int left_out;       /* those of which it was not clear what they say */
    int64_t issue_ms;   /* the newest; 0: none */
};

typedef void (*feed_emit)(void *context, const struct forecast_block *block);

/* `source` is the name of the feed in the blocks. */
void feed_document_read(const struct feed_mapping *mapping, const char *source,
                        const struct feed_arrival *arrival, feed_emit emit, void *context,
                        struct feed_summary *ret_summary);

#endif
