/* How a feed does: when it counts as lost, and as back. A single failure is tried again in silence;
 * the second in a row, or nothing new for too long, is told once. Time is an argument. Pure. */
#ifndef TIDEWATT_DRIVERS_FEED_WATCH_H
#define TIDEWATT_DRIVERS_FEED_WATCH_H

#include "drivers/feed.h"

struct feed_watch {
    int64_t silent_after_ms;
    int64_t since_ms; /* of the last news, or of the start */
    int failures;     /* in a row */
    bool lost, silent;
    bool usable, invalid;         /* of the last document something was taken; of none anything */
    bool disputed, disputed_told; /* the present issue said otherwise before */
    struct feed_health health;
};

void feed_watch_init(struct feed_watch *watch, int64_t silent_after_ms, int64_t now_ms);
/* A look that brought a document with something new, or found that nothing has changed. */
void feed_watch_news(struct feed_watch *watch, const struct feed_health *seen, int64_t now_ms);
void feed_watch_unchanged(struct feed_watch *watch);
void feed_watch_failed(struct feed_watch *watch, enum reason reason, const struct error *cause);
void feed_watch_judged(struct feed_watch *watch, enum reason reason);

/* True when there is something to tell: at most one thing a call. */
bool feed_watch_turn(struct feed_watch *watch, int64_t now_ms, enum feed_turn *ret_turn,
                     struct error *ret_text);

#endif
