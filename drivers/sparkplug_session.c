/* Sessions of Sparkplug edge nodes. A node is born and its messages follow one another, or nothing
 * it says is taken: everything here serves that one rule. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/mqtt_mapping.h"
#include "drivers/sparkplug_private.h"

enum {
    SEQUENCES = 256,
    TOPIC_PARTS = 4,
};

enum message { NBIRTH, NDEATH, DBIRTH, DDEATH, NDATA, DDATA, MESSAGES };

static const char *const message_names[] = {"NBIRTH", "NDEATH", "DBIRTH",
                                            "DDEATH", "NDATA",  "DDATA"};

/* One message being taken in. */
struct intake {
    struct sparkplug *sparkplug;
    struct node *node;
    const char *device;
    size_t device_length;
    const struct sparkplug_payload *payload;
    int64_t now_ms;
    struct error *error;
};

static bool is_name(const struct sparkplug_metric *said, const char *wanted)
{
    return said->name_length > 0 &&
           sparkplug_compare_name(wanted, said->name, said->name_length) == 0;
}

/* In the device of the message. */
static int32_t find_metric(const struct intake *in, const struct sparkplug_metric *said)
{
    return sparkplug_find_metric(in->sparkplug, in->node, in->device, in->device_length, said->name,
                                 said->name_length);
}

/* ---- verdicts out -------------------------------------------------------- */

static void tell(struct sparkplug *sparkplug, const struct metric *metric, enum quality quality,
                 enum reason reason, double value, int64_t source_ms, int64_t now_ms)
{
    struct sample sample = {.point = metric->watch.point,
                            .quality = quality,
                            .reason = reason,
                            .value = value * metric->watch.factor + metric->watch.offset,
                            .source_ms = source_ms,
                            .receive_ms = now_ms};

    if (quality == QUALITY_GOOD && !isfinite(sample.value)) {
        sample.quality = QUALITY_BAD;
        sample.reason = REASON_NOT_FINITE;
    }
    if (sample.quality == QUALITY_GOOD)
        sparkplug->health.values++;
    else
        sample.value = (double)NAN;
    sparkplug->sink.sample(sparkplug->sink.context, &sample);
}

/* No value: for all metrics of a device, or of the whole node (NULL). */
static void tell_all(struct sparkplug *sparkplug, struct node *node, const struct intake *device,
                     enum reason reason, int64_t now_ms)
{
    for (int32_t i = node->first; i < node->first + node->count; i++) {
        struct metric *metric = &sparkplug->metrics[i];

        if (device && sparkplug_compare_name(metric->watch.device, device->device,
                                             device->device_length) != 0)
            continue;
        metric->born = false;
        tell(sparkplug, metric, QUALITY_BAD, reason, (double)NAN, now_ms, now_ms);
    }
}

static void ask_rebirth(struct sparkplug *sparkplug, struct node *node, int64_t now_ms)
{
    char topic[LIMIT_TOPIC];
    uint8_t payload[SPARKPLUG_COMMAND];
    int64_t since_ms = now_ms - node->asked_ms;

    node->wants_birth = true;
    if (node->asked && since_ms >= 0 && since_ms < SPARKPLUG_REBIRTH_MS)
        return;
    node->asked = true;
    node->asked_ms = now_ms;
    sparkplug->health.rebirths++;
    snprintf(topic, sizeof(topic), SPARKPLUG_NAMESPACE "%s/NCMD/%s", node->group, node->name);
    sparkplug->sink.command(sparkplug->sink.context, topic, payload,
                            sparkplug_encode_rebirth(now_ms, payload));
}

/* Something is missing: what the node said last may not hold any more. */
static void lose_session(struct intake *in)
{
    if (in->node->born) {
        in->node->born = false;
        in->sparkplug->health.gaps++;
        tell_all(in->sparkplug, in->node, NULL, REASON_SEQUENCE_GAP, in->now_ms);
    }
    ask_rebirth(in->sparkplug, in->node, in->now_ms);
}

/* ---- values -------------------------------------------------------------- */

/* The metric's own time, else the payload's, else that of reception: the message is a live one. */
static int64_t time_of(const struct intake *in, const struct sparkplug_metric *said)
{
    uint64_t at_ms = said->has_time          ? said->time_ms
                     : in->payload->has_time ? in->payload->time_ms
                                             : (uint64_t)in->now_ms;

    return at_ms <= INT64_MAX ? (int64_t)at_ms : INT64_MAX;
}

static enum reason judge(struct metric *metric, const struct sparkplug_metric *said,
                         int64_t source_ms, double *ret_value, struct error *error)
{
    if (!mqtt_time_plausible((double)source_ms)) {
        error_set(error, ERROR_INVALID,
                  "metric \"%s\": %" PRId64 " ms is no time from 2000 to 2199",
                  metric->watch.metric, source_ms);
        return REASON_MALFORMED;
    }
    if (said->is_null)
        return REASON_SOURCE_SAYS_BAD;
    if ((said->datatype && said->datatype != metric->datatype) ||
        !sparkplug_number(said, metric->datatype, ret_value)) {
        error_set(error, ERROR_INVALID,
                  "metric \"%s\": the value is no number of its birth's type %" PRIu32,
                  metric->watch.metric, metric->datatype);
        return REASON_MALFORMED;
    }
    if (!isfinite(*ret_value))
        return REASON_NOT_FINITE;
    return metric->bad ? REASON_SOURCE_SAYS_BAD : REASON_FRESH;
}

/* False: it could not be read, the text says why. */
static bool take_value(const struct intake *in, struct metric *metric,
                       const struct sparkplug_metric *said)
{
    int64_t source_ms = time_of(in, said);
    double value = (double)NAN;
    enum quality quality;
    enum reason reason;

    if (said->is_historical)
        return true;
    if (said->quality != QUALITY_UNSAID)
        metric->bad = said->quality == QUALITY_SAID_BAD;
    reason = judge(metric, said, source_ms, &value, in->error);
    quality = reason == REASON_FRESH                        ? QUALITY_GOOD
              : said->is_null && reason != REASON_MALFORMED ? QUALITY_MISSING
                                                            : QUALITY_BAD;
    if (reason == REASON_MALFORMED)
        source_ms = in->now_ms;
    tell(in->sparkplug, metric, quality, reason, value, source_ms, in->now_ms);
    return reason != REASON_MALFORMED;
}

/* To every point that watches the metric. */
static bool take_values(const struct intake *in, int32_t first, const struct sparkplug_metric *said)
{
    struct sparkplug *sparkplug = in->sparkplug;
    int32_t end = in->node->first + in->node->count;
    bool sound = true;

    for (int32_t i = first; i < end; i++) {
        if (!sparkplug_same_metric(&sparkplug->metrics[first], &sparkplug->metrics[i]))
            break;
        sound = take_value(in, &sparkplug->metrics[i], said) && sound;
    }
    return sound;
}

/* ---- births -------------------------------------------------------------- */

static int compare_aliases(const void *a, const void *b)
{
    const struct alias *x = a, *y = b;

    if (x->alias != y->alias)
        return x->alias < y->alias ? -1 : 1;
    return (x->birth < y->birth) - (x->birth > y->birth);
}

/* Sorts and keeps the newest meaning of each. ERROR_INVALID: one birth gives two meanings. */
static int settle_aliases(struct node *node, struct error *error)
{
    int32_t kept = 0;

    qsort(node->aliases, (size_t)node->alias_count, sizeof(*node->aliases), compare_aliases);
    for (int32_t i = 0; i < node->alias_count; i++) {
        const struct alias *last = kept > 0 ? &node->aliases[kept - 1] : NULL;

        if (!last || last->alias != node->aliases[i].alias)
            node->aliases[kept++] = node->aliases[i];
        else if (last->birth == node->aliases[i].birth)
            return error_set(error, ERROR_INVALID, "alias %" PRIu64 " has two names in one birth",
                             last->alias);
    }
    node->alias_count = kept;
    return 0;
}

static void bear(struct intake *in, int32_t first, const struct sparkplug_metric *said)
{
    struct metric *metrics = in->sparkplug->metrics;

    for (int32_t i = first; i < in->node->first + in->node->count; i++) {
        if (!sparkplug_same_metric(&metrics[first], &metrics[i]))
            return;
        metrics[i].born = true;
        metrics[i].bad = false;
        metrics[i].has_alias = said->has_alias;
        metrics[i].alias = said->alias;
        metrics[i].datatype = said->datatype;
    }
}

static void unbear_device(struct intake *in)
{
    for (int32_t i = in->node->first; i < in->node->first + in->node->count; i++) {
        struct metric *metric = &in->sparkplug->metrics[i];

        if (sparkplug_compare_name(metric->watch.device, in->device, in->device_length) == 0)
            metric->born = false;
    }
}

static int learn_name(struct intake *in, const struct sparkplug_metric *said)
{
    struct node *node = in->node;
    int32_t first = find_metric(in, said);

    if (said->name_length == 0)
        return error_set(in->error, ERROR_INVALID, "a metric of the birth has no name");
    if (first >= 0 && in->sparkplug->metrics[first].born)
        return error_set(in->error, ERROR_INVALID, "metric \"%s\" is twice in one birth",
                         in->sparkplug->metrics[first].watch.metric);
    if (first >= 0)
        bear(in, first, said);
    if (!said->has_alias)
        return 0;
    if (node->alias_count == LIMIT_SPARKPLUG_METRICS)
        return error_set(in->error, ERROR_FULL, "more than %d aliases in one node",
                         LIMIT_SPARKPLUG_METRICS);
    node->aliases[node->alias_count++] =
        (struct alias){.alias = said->alias, .metric = first, .birth = node->births};
    return 0;
}

/* What the names, aliases and types of a device (or of the node itself) are from now on. */
static int learn_names(struct intake *in)
{
    unbear_device(in);
    in->node->births++;
    for (size_t i = 0; i < in->payload->count; i++) {
        int rc = learn_name(in, &in->payload->metrics[i]);

        if (rc < 0)
            return rc;
    }
    return settle_aliases(in->node, in->error);
}

static enum sparkplug_verdict take_birth_values(struct intake *in)
{
    struct metric *metrics = in->sparkplug->metrics;
    bool sound = true;

    for (size_t i = 0; i < in->payload->count; i++) {
        int32_t first = find_metric(in, &in->payload->metrics[i]);

        if (first >= 0)
            sound = take_values(in, first, &in->payload->metrics[i]) && sound;
    }
    for (int32_t i = in->node->first; i < in->node->first + in->node->count; i++) {
        if (!metrics[i].born &&
            sparkplug_compare_name(metrics[i].watch.device, in->device, in->device_length) == 0)
            tell(in->sparkplug, &metrics[i], QUALITY_MISSING, REASON_NOT_OFFERED, (double)NAN,
                 in->now_ms, in->now_ms);
    }
    return sound ? SPARKPLUG_TAKEN : SPARKPLUG_MALFORMED;
}

static enum sparkplug_verdict take_birth(struct intake *in)
{
    if (learn_names(in) < 0) {
        lose_session(in);
        return SPARKPLUG_MALFORMED;
    }
    return take_birth_values(in);
}

static bool find_death_number(const struct sparkplug_payload *payload, uint64_t *ret_number)
{
    for (size_t i = 0; i < payload->count; i++) {
        const struct sparkplug_metric *said = &payload->metrics[i];

        if (!is_name(said, "bdSeq"))
            continue;
        *ret_number = said->whole;
        return said->carrier == CARRIER_INT || said->carrier == CARRIER_LONG;
    }
    return false;
}

/* ---- messages ------------------------------------------------------------ */

static enum sparkplug_verdict take_nbirth(struct intake *in)
{
    struct node *node = in->node;

    if (!in->payload->has_seq || in->payload->seq != 0) {
        error_set(in->error, ERROR_INVALID, "the seq of an NBIRTH must be 0");
        lose_session(in);
        return SPARKPLUG_MALFORMED;
    }
    for (int32_t i = node->first; i < node->first + node->count; i++)
        in->sparkplug->metrics[i].born = false;
    node->has_death_number = find_death_number(in->payload, &node->death_number);
    node->alias_count = 0;
    node->next_seq = 1;
    node->born = true;
    node->wants_birth = false;
    return take_birth(in);
}

/* Where a bdSeq is unknown any will ends the session: too early is safe, too late is not. */
static enum sparkplug_verdict take_ndeath(struct intake *in)
{
    struct node *node = in->node;
    uint64_t number;

    if (!node->born)
        return SPARKPLUG_IGNORED;
    if (node->has_death_number && find_death_number(in->payload, &number) &&
        number != node->death_number)
        return SPARKPLUG_IGNORED;
    node->born = false;
    node->wants_birth = false;
    tell_all(in->sparkplug, node, NULL, REASON_SOURCE_DEAD, in->now_ms);
    return SPARKPLUG_TAKEN;
}

static const struct alias *find_alias(const struct node *node, uint64_t alias)
{
    for (int32_t low = 0, high = node->alias_count; low < high;) {
        int32_t middle = low + (high - low) / 2;

        if (node->aliases[middle].alias == alias)
            return &node->aliases[middle];
        if (node->aliases[middle].alias < alias)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Index of the first metric of that name, NOT_OURS, or UNTOLD where no birth has told of it. */
static int32_t resolve(const struct intake *in, const struct sparkplug_metric *said)
{
    const struct metric *metrics = in->sparkplug->metrics;
    const struct alias *alias = said->has_alias ? find_alias(in->node, said->alias) : NULL;
    int32_t first = alias ? alias->metric : NOT_OURS;

    if (said->has_alias && !alias)
        return UNTOLD;
    if (!said->has_alias)
        first = find_metric(in, said);
    if (first < 0)
        return NOT_OURS;
    if (!metrics[first].born ||
        (alias && !(metrics[first].has_alias && metrics[first].alias == alias->alias)) ||
        sparkplug_compare_name(metrics[first].watch.device, in->device, in->device_length) != 0)
        return UNTOLD;
    return first;
}

static bool knows_all(const struct intake *in)
{
    for (size_t i = 0; i < in->payload->count; i++) {
        if (resolve(in, &in->payload->metrics[i]) == UNTOLD) {
            error_set(in->error, ERROR_INVALID, "a metric that no birth has told of");
            return false;
        }
    }
    return true;
}

static enum sparkplug_verdict take_data(struct intake *in)
{
    bool sound = true;

    if (!knows_all(in)) {
        lose_session(in);
        return SPARKPLUG_GAPPED;
    }
    for (size_t i = 0; i < in->payload->count; i++) {
        int32_t first = resolve(in, &in->payload->metrics[i]);

        if (first >= 0)
            sound = take_values(in, first, &in->payload->metrics[i]) && sound;
    }
    return sound ? SPARKPLUG_TAKEN : SPARKPLUG_MALFORMED;
}

/* What follows in a session: counted, and nothing of it counts when one is missing. */
static enum sparkplug_verdict take_next(struct intake *in, enum message message)
{
    struct node *node = in->node;

    if (!node->born) {
        ask_rebirth(in->sparkplug, node, in->now_ms);
        return SPARKPLUG_IGNORED;
    }
    if (!in->payload->has_seq || in->payload->seq != node->next_seq) {
        error_set(in->error, ERROR_INVALID, "seq %" PRId64 " where %" PRIu64 " follows",
                  in->payload->has_seq ? (int64_t)in->payload->seq : -1, node->next_seq);
        lose_session(in);
        return SPARKPLUG_GAPPED;
    }
    node->next_seq = (node->next_seq + 1) % SEQUENCES;
    if (message == DBIRTH)
        return take_birth(in);
    if (message != DDEATH)
        return take_data(in);
    tell_all(in->sparkplug, node, in, REASON_SOURCE_DEAD, in->now_ms);
    return SPARKPLUG_TAKEN;
}

static enum sparkplug_verdict dispatch(struct intake *in, enum message message)
{
    if (message == NBIRTH)
        return take_nbirth(in);
    if (message == NDEATH)
        return take_ndeath(in);
    return take_next(in, message);
}

/* ---- topics -------------------------------------------------------------- */

bool sparkplug_is_topic(const char *topic)
{
    return strncmp(topic, SPARKPLUG_NAMESPACE, strlen(SPARKPLUG_NAMESPACE)) == 0;
}

/* "group/TYPE/node[/device]" to its parts; their number, or 0 when there are too many. */
static int split(const char *topic, const char *parts[TOPIC_PARTS], size_t lengths[TOPIC_PARTS])
{
    int count = 0;

    for (;; topic++) {
        if (count == TOPIC_PARTS)
            return 0;
        parts[count] = topic;
        lengths[count] = strcspn(topic, "/");
        topic += lengths[count++];
        if (!*topic)
            return count;
    }
}

static enum message find_message(const char *name, size_t length, int parts)
{
    for (int i = 0; i < MESSAGES; i++) {
        bool of_device = message_names[i][0] == 'D';

        if (sparkplug_compare_name(message_names[i], name, length) == 0 &&
            parts == (of_device ? 4 : 3))
            return (enum message)i;
    }
    return MESSAGES;
}

enum sparkplug_verdict sparkplug_take(struct sparkplug *sparkplug, const char *topic,
                                      const void *payload, size_t length, bool retained,
                                      int64_t now_ms, struct error *ret_error)
{
    const char *parts[TOPIC_PARTS] = {NULL};
    size_t lengths[TOPIC_PARTS] = {0};
    int count =
        sparkplug_is_topic(topic) ? split(topic + strlen(SPARKPLUG_NAMESPACE), parts, lengths) : 0;
    struct intake in = {.sparkplug = sparkplug, .now_ms = now_ms, .error = ret_error, .device = ""};
    enum message message = count < 3 ? MESSAGES : find_message(parts[1], lengths[1], count);
    enum sparkplug_verdict verdict = SPARKPLUG_MALFORMED;

    if (message != MESSAGES)
        in.node = sparkplug_find_node(sparkplug, parts[0], lengths[0], parts[2], lengths[2]);
    if (!in.node || retained) /* a stored message says nothing about now */
        return SPARKPLUG_IGNORED;
    if (count == TOPIC_PARTS) {
        in.device = parts[3];
        in.device_length = lengths[3];
    }
    in.payload = sparkplug_unpack(sparkplug->codec, payload, length, ret_error);
    if (in.payload)
        verdict = dispatch(&in, message);
    else
        lose_session(&in);
    if (verdict == SPARKPLUG_MALFORMED)
        sparkplug->health.malformed++;
    return verdict;
}

/* ---- time ----------------------------------------------------------------- */

void sparkplug_connected(struct sparkplug *sparkplug, int64_t now_ms)
{
    for (int32_t i = 0; i < sparkplug->node_count; i++) {
        sparkplug->nodes[i].born = false;
        ask_rebirth(sparkplug, &sparkplug->nodes[i], now_ms);
    }
}

void sparkplug_tick(struct sparkplug *sparkplug, int64_t now_ms)
{
    for (int32_t i = 0; i < sparkplug->node_count; i++) {
        if (sparkplug->nodes[i].wants_birth)
            ask_rebirth(sparkplug, &sparkplug->nodes[i], now_ms);
    }
}
