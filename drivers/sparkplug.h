/* Sparkplug B as an input: which metric has which value now, and when that is not known any more.
 *
 * Sparkplug reports by exception and names metrics by aliases that only a birth explains, so one
 * lost message makes every later value of the node doubtful. A node's session is sound from an
 * NBIRTH (seq 0) on, as long as each message's seq follows the last one's (0..255, then 0 again).
 * Any other seq, an alias nobody was told of, data before a birth or a payload that cannot be read
 * ends it: all points of the node turn BAD/SEQUENCE_GAP, nothing more is taken from it, and a
 * rebirth is asked for (not more often than SPARKPLUG_REBIRTH_MS) until an NBIRTH comes. An NDEATH
 * counts only with the bdSeq of the birth: a will can overtake a rebirth.
 *
 * Pure: bytes and the time in; samples and publications out through the sink. One thread. */
#ifndef TIDEWATT_DRIVERS_SPARKPLUG_H
#define TIDEWATT_DRIVERS_SPARKPLUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/base/error.h"
#include "controller/plant/sample.h"

enum {
    SPARKPLUG_METRIC = 96,        /* bytes of a watched metric's name, with the NUL */
    SPARKPLUG_REBIRTH_MS = 10000, /* between two rebirth requests to one node */
    SPARKPLUG_COMMAND = 64,       /* bytes that a rebirth request fits in */
};

/* A metric that is a point of ours. */
struct sparkplug_watch {
    int32_t point;
    char group[LIMIT_NAME], node[LIMIT_NAME];
    char device[LIMIT_NAME]; /* "": a metric of the node itself */
    char metric[SPARKPLUG_METRIC];
    double factor, offset; /* metric * factor + offset = base unit of the point */
};

struct sparkplug_sink {
    void *context;
    /* A new verdict about a watched point. GOOD values carry the metric's own time. */
    void (*sample)(void *context, const struct sample *sample);
    /* To be published, QoS 0 and not retained: NCMD "Node Control/Rebirth". */
    void (*command)(void *context, const char *topic, const void *payload, size_t length);
};

struct sparkplug;

/* Reads "group/node" or "group/node/device" into a watch. */
int sparkplug_watch_address(struct sparkplug_watch *watch, const char *address,
                            struct error *error);

/* The watches are copied. ERROR_INVALID: a name is no part of a topic, or a metric is watched by
 * the same point twice; ERROR_FULL: more than LIMIT_SPARKPLUG_NODES nodes. */
int sparkplug_create(const struct sparkplug_watch *watches, int count,
                     const struct sparkplug_sink *sink, struct sparkplug **ret_sparkplug,
                     struct error *error);
void sparkplug_destroy(struct sparkplug *sparkplug);

/* What to subscribe to (QoS 1), index 0.. until false: two filters a node. */
bool sparkplug_subscription(const struct sparkplug *sparkplug, int index, char *ret_filter,
                            size_t size);
bool sparkplug_is_topic(const char *topic); /* "spBv1.0/..." */

/* The verdict about a whole message; those about points go to the sink while this runs. */
enum sparkplug_verdict {
    SPARKPLUG_TAKEN,
    SPARKPLUG_IGNORED,   /* none of our nodes, a command, an outdated will, before a birth */
    SPARKPLUG_GAPPED,    /* it showed that messages are missing */
    SPARKPLUG_MALFORMED, /* the text says what is wrong (without the topic) */
};
enum sparkplug_verdict sparkplug_take(struct sparkplug *sparkplug, const char *topic,
                                      const void *payload, size_t length, bool retained,
                                      int64_t now_ms, struct error *ret_error);

/* The subscriptions stand (again): messages may have been missed, so every node is asked to be
 * born again. Values keep the verdicts they have; they age by themselves. */
void sparkplug_connected(struct sparkplug *sparkplug, int64_t now_ms);
/* Asks again where a rebirth is due; call about once a second while connected. */
void sparkplug_tick(struct sparkplug *sparkplug, int64_t now_ms);

struct sparkplug_health {
    int32_t nodes, born;        /* watched; in a sound session */
    uint64_t gaps, rebirths;    /* sessions ended by a gap; requests sent */
    uint64_t values, malformed; /* GOOD values out; messages that could not be read */
};
void sparkplug_health(const struct sparkplug *sparkplug, struct sparkplug_health *ret_health);

/* The payload of a rebirth request; its length. */
size_t sparkplug_encode_rebirth(int64_t now_ms, uint8_t ret_payload[SPARKPLUG_COMMAND]);

#endif
