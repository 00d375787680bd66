/* What the parts of the Sparkplug input share: sparkplug.c turns bytes into plain structs,
 * sparkplug_session.c judges messages, and sparkplug_nodes.c keeps the nodes and their metrics. */
#ifndef TIDEWATT_DRIVERS_SPARKPLUG_PRIVATE_H
#define TIDEWATT_DRIVERS_SPARKPLUG_PRIVATE_H

#include "drivers/sparkplug.h"

#define SPARKPLUG_NAMESPACE "spBv1.0/"

/* ---- sparkplug.c: the only user of protobuf-c ----------------------------- */

enum sparkplug_carrier { CARRIER_NONE, CARRIER_INT, CARRIER_LONG, CARRIER_REAL, CARRIER_BOOLEAN };

enum sparkplug_said { QUALITY_UNSAID, QUALITY_SAID_GOOD, QUALITY_SAID_BAD };

/* A metric as a message has it. */
struct sparkplug_metric {
    const uint8_t *name;
    size_t name_length; /* 0: none */
    bool has_alias, has_time, is_historical, is_null;
    uint64_t alias;
    uint64_t time_ms;
    uint32_t datatype; /* 0: not said */
    enum sparkplug_said quality;
    enum sparkplug_carrier carrier;
    uint64_t whole;
    double real;
};

struct sparkplug_payload {
    bool has_time, has_seq;
    uint64_t time_ms, seq;
    struct sparkplug_metric *metrics;
    size_t count;
};

struct sparkplug_codec;
struct sparkplug_codec *sparkplug_codec_create(void); /* NULL: out of memory */
void sparkplug_codec_destroy(struct sparkplug_codec *codec);

/* Holds until the next call; NULL with an error: no payload. */
const struct sparkplug_payload *sparkplug_unpack(struct sparkplug_codec *codec, const void *bytes,
                                                 size_t length, struct error *error);
/* False: the value does not fit the type of its birth, or the type is no number. */
bool sparkplug_number(const struct sparkplug_metric *said, uint32_t datatype, double *ret_value);

/* ---- sparkplug_nodes.c ---------------------------------------------------- */

/* A watch and what its last birth said about it. */
struct metric {
    struct sparkplug_watch watch;
    bool born;
    bool has_alias;
    bool bad; /* the source's quality: reported by exception, so it stands until another comes */
    uint64_t alias;
    uint32_t datatype;
};

/* Every alias of a node, so that one that nobody was told of is known as such. */
struct alias {
    uint64_t alias;
    int32_t metric; /* the first of that name, or NOT_OURS */
    uint32_t birth; /* the newest birth that names an alias decides */
};

struct node {
    const char *group, *name;
    int32_t first, count; /* of the metrics */
    bool born, wants_birth;
    bool has_death_number;
    uint64_t death_number; /* bdSeq of the birth */
    uint64_t next_seq;
    bool asked;
    int64_t asked_ms;
    uint32_t births;
    struct alias *aliases; /* sorted */
    int32_t alias_count;
};

struct sparkplug {
    struct sparkplug_sink sink;
    struct metric *metrics; /* sorted by group, node, device, metric */
    int32_t metric_count;
    struct node *nodes; /* sorted */
    int32_t node_count;
    struct sparkplug_health health;
    struct sparkplug_codec *codec;
};

enum { NOT_OURS = -1, UNTOLD = -2 };

/* As strcmp, of a name of ours and one of a message. */
int sparkplug_compare_name(const char *own, const void *said, size_t length);
struct node *sparkplug_find_node(struct sparkplug *sparkplug, const char *group,
                                 size_t group_length, const char *name, size_t name_length);
/* Index of the first metric of that name in a device of the node, or NOT_OURS. Those that other
 * points watch by the same name follow it. */
int32_t sparkplug_find_metric(const struct sparkplug *sparkplug, const struct node *node,
                              const char *device, size_t device_length, const void *name,
                              size_t name_length);
bool sparkplug_same_metric(const struct metric *a, const struct metric *b);

#endif
