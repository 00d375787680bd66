/* Feeds: their blocks go into the next tick, what becomes of them is told once. */
#include <stdio.h>
#include <stdlib.h>

#include "controller/core/daemon_private.h"

int daemon_open_feeds(struct daemon *daemon, struct error *error)
{
    const struct config *config = daemon->config;
    if (config->feed_count == 0)
        return 0;
    daemon->blocks = calloc(LIMIT_BLOCKS, sizeof *daemon->blocks);
    if (!daemon->blocks)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    return feeds_create(daemon->clock, config->feeds, config->feed_count, &daemon->feeds, error);
}

void daemon_close_feeds(struct daemon *daemon)
{
    feeds_destroy(daemon->feeds);
    free(daemon->blocks);
}

void daemon_gather_blocks(struct daemon *daemon)
{
    if (daemon->feeds)
        daemon->block_count = feeds_take(daemon->feeds, daemon->blocks, LIMIT_BLOCKS);
}

void daemon_watch_feeds(struct daemon *daemon)
{
    static const enum event_kind events[] = {[FEED_TURN_LOST] = EVENT_FEED_LOST,
                                             [FEED_TURN_BACK] = EVENT_FEED_BACK,
                                             [FEED_TURN_DISPUTED] = EVENT_FEED_DISPUTED};
    struct feed_news news;
    for (int b = 0; b < daemon->block_count; b++)
        feeds_judged(daemon->feeds, &daemon->blocks[b], daemon->output->block_verdicts[b]);
    while (daemon->feeds && feeds_news(daemon->feeds, daemon->now_ms, &news)) {
        struct cycle_event event = {.kind = events[news.turn]};
        snprintf(event.subject, sizeof event.subject, "%s", daemon->config->feeds[news.feed].name);
        snprintf(event.text, sizeof event.text, "%s", news.text.text);
        daemon_event(daemon, &event);
    }
}

int daemon_describe_feeds(void *context, struct api_feed *ret_feeds, int most)
{
    static const char *const ways[] = {
        [FEED_FILE] = "file", [FEED_HTTP] = "http", [FEED_MQTT] = "mqtt"};
    const struct daemon *daemon = context;
    int count = 0;
    for (; count < most && count < daemon->config->feed_count; count++) {
        const struct feed_config *config = &daemon->config->feeds[count];
        struct api_feed *feed = &ret_feeds[count];
        struct feed_health health;
        feeds_health(daemon->feeds, count, &health);
        *feed = (struct api_feed){.way = ways[config->way],
                                  .alive = health.alive,
                                  .reason = health.reason,
                                  .issue_ms = health.issue_ms,
                                  .news_ms = health.news_ms,
                                  .documents = health.documents,
                                  .malformed = health.malformed,
                                  .dropped = health.dropped};
        snprintf(feed->name, sizeof feed->name, "%s", config->name);
        snprintf(feed->cause, sizeof feed->cause, "%s", health.cause.text);
    }
    return count;
}
