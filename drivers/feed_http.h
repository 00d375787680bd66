/* Documents by HTTP(S), several at once; the only user of libcurl. All on one thread, but for
 * feed_http_wake.
 *
 * Certificates and names are checked; only http and https; from https only to https; a pull with a
 * key follows no redirect, because it would take the key along. A document is as old as its ETag
 * and Last-Modified say: what has not changed is not sent again. */
#ifndef TIDEWATT_DRIVERS_FEED_HTTP_H
#define TIDEWATT_DRIVERS_FEED_HTTP_H

#include "drivers/feed.h"

struct feed_http;

int feed_http_create(const struct feed_config *configs, int count, struct feed_http **ret_http,
                     struct error *error);
void feed_http_destroy(struct feed_http *http);

/* Begins to pull one of the feeds; not twice at once. The outcome comes from feed_http_take. */
void feed_http_start(struct feed_http *http, int feed);
/* Waits until something happens, feed_http_wake or so long of real time. */
void feed_http_wait(struct feed_http *http, int wait_ms);
void feed_http_wake(struct feed_http *http);

struct feed_answer {
    int feed;
    enum reason reason; /* NONE: a document; FEED_DUPLICATE: as before; else what is wrong */
    struct error cause;
    const char *bytes; /* until the next call for this feed */
    size_t length;
    int64_t source_ms; /* Last-Modified, else Date; 0: unknown */
    int64_t wait_ms;   /* real time that the source asks us to wait; 0: it does not say */
};
bool feed_http_take(struct feed_http *http, struct feed_answer *ret_answer);
/* Takes the key of the last pull, and parts of it, out of a text about its document. */
void feed_http_hide(const struct feed_http *http, int feed, struct error *text);
/* The document was not usable: it is to be sent again. */
void feed_http_forget(struct feed_http *http, int feed);

#endif
