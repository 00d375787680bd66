/* Documents that were handed in, on their way to the feeds' thread: first in, first out, bounded by
 * number and bytes; the oldest give way. Not locked: the owner does. */
#ifndef TIDEWATT_DRIVERS_FEED_MAIL_H
#define TIDEWATT_DRIVERS_FEED_MAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/base/limits.h"

struct feed_letter {
    struct feed_letter *next;
    int feed;
    bool stored;
    size_t length;
    char bytes[];
};

struct feed_mail {
    struct feed_letter *first, **end;
    int count;
    size_t bytes;
};

void feed_mail_init(struct feed_mail *mail);
void feed_mail_finish(struct feed_mail *mail);
/* The number of documents that this cost: itself, as it is too long, or older ones. */
int feed_mail_put(struct feed_mail *mail, int feed, const void *bytes, size_t length, bool stored);
struct feed_letter *feed_mail_take(struct feed_mail *mail); /* to be freed; NULL: none */

#endif
