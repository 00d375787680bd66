/* Feeds: weather and market data by watched file, HTTP or MQTT, as blocks for the forecaster.
 *
 * One thread of its own looks at files, pulls by HTTP and reads documents: a slow disk, name server
 * or provider, or a large document, never holds up the control thread. Blocks and news cross over
 * through bounded queues; when blocks are not taken, the thread waits with the rest of a document,
 * and nothing is lost. What an MQTT broker sends is handed in by whoever listens to it.
 *
 * Keys are in files that are read at each pull. They never get into texts, the status or blocks. */
#ifndef TIDEWATT_DRIVERS_FEED_H
#define TIDEWATT_DRIVERS_FEED_H

#include "controller/base/clock.h"
#include "controller/base/reason.h"
#include "drivers/feed_mapping.h"

enum feed_way { FEED_FILE, FEED_HTTP, FEED_MQTT };
enum feed_key_in { FEED_KEY_NONE, FEED_KEY_HEADER, FEED_KEY_QUERY };
enum { FEED_URL = 2048, FEED_KEY_NAME = 64 }; /* bytes, with the NUL */

struct feed_config {
    char name[LIMIT_NAME];
    enum feed_way way;
    char path[LIMIT_PATH];   /* file */
    char url[FEED_URL];      /* HTTP: http:// or https://, without a key */
    char topic[LIMIT_TOPIC]; /* MQTT: one topic in full */
    int64_t every_ms;        /* file, HTTP: site time between two looks */
    int64_t silent_after_ms; /* site time without anything new: the feed is lost */
    int timeout_ms;          /* HTTP: real time for one answer */
    char ca_file[LIMIT_PATH];
    char key_file[LIMIT_PATH];
    enum feed_key_in key_in;
    char key_name[FEED_KEY_NAME]; /* of the header or the query's parameter */
    struct feed_mapping mapping;
};

/* ERROR_INVALID names the option that is wrong, and what to do. */
int feed_config_check(const struct feed_config *config, struct error *error);

struct feeds;

/* `configs` must outlive the feeds. */
int feeds_create(const struct clock *clock, const struct feed_config *configs, int count,
                 struct feeds **ret_feeds, struct error *error);
void feeds_destroy(struct feeds *feeds); /* NULL: nothing */

/* A message of an MQTT topic; those that no feed has are not ours. False: nobody wants it. */
bool feeds_message(struct feeds *feeds, const char *topic, const void *payload, size_t length,
                   bool retained);

/* The oldest blocks that wait, not all at once where they bring a long past (LIMIT_MEASURED);
 * returns the number. */
int feeds_take(struct feeds *feeds, struct forecast_block *ret_blocks, int most);

/* What the forecaster made of a block: FEED_CONTRADICTORY and FEED_INVALID are told. */
void feeds_judged(struct feeds *feeds, const struct forecast_block *block, enum reason reason);

/* What is to be told, once each; false: nothing more. Call it every tick. */
enum feed_turn { FEED_TURN_LOST, FEED_TURN_BACK, FEED_TURN_DISPUTED };
struct feed_news {
    int feed;
    enum feed_turn turn;
    struct error text;
};
bool feeds_news(struct feeds *feeds, int64_t now_ms, struct feed_news *ret_news);

struct feed_health {
    bool alive;
    enum reason reason; /* of the last document, or why there is none; NONE: all is well */
    struct error cause; /* in words; empty: nothing is wrong */
    int64_t issue_ms;   /* of the newest block; 0: none yet */
    int64_t news_ms;    /* when something new came last; 0: never */
    uint64_t documents; /* that came; of these ... */
    uint64_t malformed; /* ... nothing was usable of so many */
    uint64_t dropped;   /* MQTT messages too long, or faster than they were read */
};
void feeds_health(struct feeds *feeds, int feed, struct feed_health *ret_health);

#endif
