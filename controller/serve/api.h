/* The local interface: requests and replies as JSON lines over a Unix socket with file
 * permissions. It renders the tick's snapshot; requests are proposals that pass to the core with
 * the asker's identity (the peer's user name, from the socket's credentials).
 *
 * One request a line: {"do":"status"} | {"do":"points","device":"pdu-a"} | {"do":"plan"[,"job":7]}
 * |
 * {"do":"jobs"[,"all":true]} | {"do":"submit",...} |
 * {"do":"cancel","id":7} | {"do":"mode","subsystem":"jobs","mode":"control"} | {"do":"version"}
 * One reply a line: {"ok":true, ...} or {"ok":false,"reason":"invalid","error":"text"}. */
#ifndef TIDEWATT_SERVE_API_H
#define TIDEWATT_SERVE_API_H

#include <stddef.h>
#include <stdint.h>

#include "controller/act/job_request.h"
#include "controller/core/cycle.h"

struct uv_loop_s;

/* A device's line in status; filled by the core from the drivers. */
struct api_device {
    char name[LIMIT_NAME];
    char role[LIMIT_NAME];
    char link[16]; /* "up", "down", "connecting" */
    enum reason reason;
    double round_trip_ms;
    uint64_t requests, timeouts, mismatches;
    int points;         /* in its profile; of these ... */
    int good_points;    /* ... trustworthy now */
    int bad_points;     /* ... not trustworthy */
    int absent_points;  /* ... not offered by this device */
    enum quality worst; /* of those that it offers */
    enum reason worst_reason;
};

/* A point's line in points; filled by the core. */
struct api_point {
    char name[LIMIT_NAME]; /* without the device: "power_w" */
    const char *unit;
    double value; /* NAN: unknown */
    enum quality quality;
    enum reason reason;
    int64_t source_ms, receive_ms; /* when it was true and when it came; 0: never */
    enum reason counter_reason;    /* the last restart of a counter; NONE: none seen */
    int64_t counter_ms;
    bool writable;
    double set_value; /* the last one written, and what became of it; NONE: not yet */
    enum reason set_outcome;
    int64_t set_ms;
    int64_t writes;  /* that its register has had */
    double lifetime; /* that it bears; 0: no bound known */
};

struct api_totals { /* of the store, the broker and queues, for status */
    uint64_t store_written, store_refused;
    size_t store_waiting;
    bool store_full;
    char store_path[LIMIT_PATH];
    char store_error[LIMIT_ERROR_TEXT];
    char broker_host[LIMIT_NAME]; /* empty: no broker is configured */
    char broker_link[16];
    char broker_cause[LIMIT_ERROR_TEXT]; /* why it is not up */
    bool bms_silent;                     /* building management sends no heartbeat */
    uint64_t broker_messages, broker_malformed, broker_dropped;
    uint64_t broker_takeovers;           /* by other clients of our name */
    uint64_t broker_refused;             /* subscriptions, by its access rules */
    int sparkplug_nodes, sparkplug_born; /* edge nodes with points here; in a sound session */
    uint64_t sparkplug_gaps, sparkplug_rebirths; /* sessions lost by a gap; births asked for */
};

/* A feed's line in status; filled by the core. */
struct api_feed {
    char name[LIMIT_NAME];
    const char *way; /* "file", "http", "mqtt" */
    bool alive;
    enum reason reason;           /* of the last document; NONE: all is well */
    char cause[LIMIT_ERROR_TEXT]; /* in words */
    int64_t issue_ms, news_ms;    /* of the newest issue; when it came; 0: none yet */
    uint64_t documents, malformed, dropped;
};

/* What the core offers to the interface; all called on the control thread. */
struct api_core {
    const struct snapshot *(*snapshot)(void *context);
    const struct plan *(*plan)(void *context); /* NULL: none */
    int (*jobs)(void *context, const struct job **ret_jobs);
    int (*devices)(void *context, struct api_device *ret_devices, int most);
    void (*point)(void *context, int32_t point, struct api_point *ret_point);
    int (*feeds)(void *context, struct api_feed *ret_feeds, int most); /* NULL: no feeds */
    void (*totals)(void *context, struct api_totals *ret_totals);
    /* These three: 0 or REASON_ACCEPTED, another positive enum reason (a refusal; its text goes to
     * the asker unless `error` says more), or a negative error. */
    int (*submit)(void *context, const struct job_request *request, int64_t *ret_id,
                  struct error *error);
    int (*cancel)(void *context, int64_t job_id, const char *asker, struct error *error);
    int (*set_mode)(void *context, enum subsystem subsystem, enum mode mode, const char *asker,
                    struct error *error);
    void *context;
    const struct topology *topology; /* for names; NULL: no points, feeders by number */
    const char *site;
    const char *currency;
    const char *version;
    double speed;
};

/* Pure: one request line (no newline needed) to one reply line (malloc'd, ends with newline). */
char *api_answer(const struct api_core *core, const char *asker, const char *line);

struct api_server;
/* Listens at `path` (created with `mode`, an old socket nobody listens on is replaced). A client
 * that sends more than 64 KiB without a newline, or does not read, is dropped. */
int api_server_create(struct uv_loop_s *loop, const char *path, unsigned mode,
                      const struct api_core *core, struct api_server **ret_server,
                      struct error *error);
void api_server_destroy(struct api_server *server);

/* Client side (the CLI): sends one line, returns the reply line (malloc'd). */
int api_call(const char *path, const char *line, char **ret_reply, struct error *error);

#endif
