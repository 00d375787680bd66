/* What the files of the daemon share. */
#ifndef TIDEWATT_CORE_DAEMON_PRIVATE_H
#define TIDEWATT_CORE_DAEMON_PRIVATE_H

#include <uv.h>

#include "controller/core/daemon.h"
#include "controller/core/onboard.h"
#include "controller/core/planner.h"
#include "controller/serve/api.h"
#include "controller/serve/publish.h"
#include "controller/store/store.h"
#include "drivers/batch_local.h"

struct device_link {
    enum link_state link;
    enum reason reason;
    bool told_up;
    struct driver *driver; /* that takes its set-points, or NULL */
};

struct daemon {
    const struct config *config;
    const struct clock *clock;
    int64_t now_ms; /* site time of the tick */
    uv_loop_t loop;
    uv_timer_t timer;
    uv_signal_t terminate, interrupt;
    bool loop_open, stopping, store_full;
    enum link_state broker_told;
    bool bms_told_silent;
    uint64_t malformed_told, dropped_told;
    struct image live, frozen;
    struct device_link *links; /* by device */
    struct driver *drivers[2];
    int driver_count;
    struct driver *mqtt;           /* one of the drivers, or NULL */
    struct onboard_watch *onboard; /* NULL: not asked for */
    struct batch *batch;
    struct job_note *notes;
    struct store *store;
    struct cycle *cycle;
    struct tick_output *output;
    struct planner *planner;
    struct api_server *server;
    struct api_core api;
    struct feeds *feeds;           /* NULL: none is configured */
    struct forecast_block *blocks; /* what they brought since the last tick: LIMIT_BLOCKS */
    int block_count;
    int64_t raw_posted_ms;
    int safe_wanted, safe_confirmed; /* set-points of the safe state, at shutdown */
};

void daemon_execute(struct daemon *daemon); /* the decisions in `output` */
void daemon_event(struct daemon *daemon, const struct cycle_event *event);
void daemon_tell_job(struct daemon *daemon, const struct job *job, enum reason reason,
                     int64_t at_ms);

/* daemon_recover.c: takes up what the store and the batch system still know. */
int daemon_recover(struct daemon *daemon, struct error *error);

/* daemon_feeds.c: weather and market data on their way to the cycle. */
int daemon_open_feeds(struct daemon *daemon, struct error *error);
void daemon_close_feeds(struct daemon *daemon);
void daemon_gather_blocks(struct daemon *daemon); /* into `blocks`, before the cycle */
void daemon_watch_feeds(struct daemon *daemon);   /* after it: tells what changed */
int daemon_describe_feeds(void *context, struct api_feed *ret_feeds, int most);

/* daemon_api.c: what the interface may ask. */
int daemon_open_interface(struct daemon *daemon, struct error *error);

#endif
