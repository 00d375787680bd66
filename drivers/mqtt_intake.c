/* What becomes of a message that arrived: samples of the points on its topic, a step of a Sparkplug
 * session, or a raw message handed on. Runs on the connection thread, knows no connection. */
#include <stdlib.h>
#include <string.h>

#include "drivers/mqtt_private.h"

enum { SLOTS_A_TOPIC = 4 }; /* at least: a quarter full at most, so that look-ups are short */

static int no_memory(struct error *error)
{
    return error_set(error, ERROR_SYSTEM, "mqtt: out of memory");
}

/* ---- topics of points -------------------------------------------------- */

/* FNV-1a: only narrows the search, equality is by strcmp. */
static uint64_t hash_of(const char *topic)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (; *topic; topic++)
        hash = (hash ^ (unsigned char)*topic) * 0x100000001b3;
    return hash ^ hash >> 32;
}

static const struct topic *find_topic(const struct mqtt *m, const char *name)
{
    const uint64_t hash = hash_of(name);

    for (uint64_t slot = hash & m->topic_mask; m->topic_slots[slot] >= 0;
         slot = (slot + 1) & m->topic_mask) {
        const struct topic *topic = &m->topics[m->topic_slots[slot]];

        if (topic->hash == hash && !strcmp(topic->name, name))
            return topic;
    }
    return NULL;
}

static int build_slots(struct mqtt *m, struct error *error)
{
    uint64_t size = 8;

    while (size < (uint64_t)m->topic_count * SLOTS_A_TOPIC)
        size *= 2;
    m->topic_mask = size - 1;
    m->topic_slots = malloc(size * sizeof(*m->topic_slots));
    if (!m->topic_slots)
        return no_memory(error);
    memset(m->topic_slots, 0xff, size * sizeof(*m->topic_slots)); /* -1 */
    for (int32_t i = 0; i < m->topic_count; i++) {
        uint64_t slot = m->topics[i].hash & m->topic_mask;

        while (m->topic_slots[slot] >= 0)
            slot = (slot + 1) & m->topic_mask;
        m->topic_slots[slot] = i;
    }
    return 0;
}

static int compare_points(const void *a, const void *b)
{
    const struct mqtt_point *left = a, *right = b;
    int order = strcmp(left->topic, right->topic);

    return order ? order : (left->point > right->point) - (left->point < right->point);
}

static bool has_topic(const struct mqtt_point *point)
{
    return point->topic[0] && point->mapping.format != MQTT_SPARKPLUG;
}

/* Lays the topics over the sorted points. */
static int index_topics(struct mqtt *m, struct error *error)
{
    const struct topic *last = NULL;

    for (int32_t i = 0; i < m->point_count; i++) {
        const struct mqtt_point *point = &m->points[i];

        if (!has_topic(point))
            continue;
        if (!mqtt_topic_in_full(point->topic))
            return error_set(error, ERROR_INVALID,
                             "mqtt: topic \"%s\" must be given in full, without + and #",
                             point->topic);
        if (!last || strcmp(last->name, point->topic) != 0) {
            m->topics[m->topic_count] =
                (struct topic){.name = point->topic, .hash = hash_of(point->topic), .first = i};
            last = &m->topics[m->topic_count++];
        }
        m->topics[m->topic_count - 1].count = i + 1 - last->first;
    }
    return build_slots(m, error);
}

/* ---- samples ----------------------------------------------------------- */

void intake_flush(struct mqtt *m)
{
    pthread_mutex_lock(&m->mutex);
    m->health.messages += m->uncounted;
    for (int i = 0; i < m->batch_count; i++)
        inbox_put(&m->inbox, &m->batch[i]);
    pthread_mutex_unlock(&m->mutex);
    m->news = m->news || m->batch_count > 0;
    m->uncounted = 0;
    m->batch_count = 0;
}

static void put_sample(void *context, const struct sample *sample)
{
    struct mqtt *m = context;

    if (m->batch_count == INTAKE_BATCH)
        intake_flush(m);
    m->batch[m->batch_count++] = *sample;
}

static void note_malformed(struct mqtt *m, const char *topic, struct error *why)
{
    error_prefix(why, 0, "topic %s", topic);
    pthread_mutex_lock(&m->mutex);
    m->health.malformed++;
    m->last_malformed = *why;
    pthread_mutex_unlock(&m->mutex);
}

/* The payload is parsed once, however many points read it. */
static void take_points(struct mqtt *m, const struct topic *topic, const void *payload,
                        size_t length, bool retained)
{
    struct mqtt_document document;
    bool malformed = false;
    struct error why;

    mqtt_document_open(&document, payload, length, retained, clock_now_ms(&m->clock));
    for (int32_t i = topic->first; i < topic->first + topic->count; i++) {
        struct sample sample;
        struct error bad;

        mqtt_document_read(&document, &m->points[i].mapping, &sample, &bad);
        sample.point = m->points[i].point;
        if (sample.reason == REASON_MALFORMED && !malformed) {
            malformed = true;
            why = bad;
        }
        put_sample(m, &sample);
    }
    mqtt_document_close(&document);
    if (malformed)
        note_malformed(m, topic->name, &why);
}

/* ---- Sparkplug --------------------------------------------------------- */

static void put_command(void *context, const char *topic, const void *payload, size_t length)
{
    struct mqtt *m = context;

    pthread_mutex_lock(&m->mutex);
    outbox_put_bytes(&m->outbox, topic, payload, length, 0, false);
    pthread_mutex_unlock(&m->mutex);
}

static int watch(const struct mqtt_point *point, struct sparkplug_watch *ret_watch,
                 struct error *error)
{
    *ret_watch = (struct sparkplug_watch){
        .point = point->point,
        .factor = point->mapping.factor,
        .offset = point->mapping.offset,
    };
    _Static_assert(sizeof(ret_watch->metric) >= sizeof(point->mapping.metric), "fits");
    strcpy(ret_watch->metric, point->mapping.metric);
    if (sparkplug_watch_address(ret_watch, point->topic, error) < 0)
        return error_prefix(error, ERROR_INVALID, "mqtt: Sparkplug point \"%s\"", point->topic);
    return 0;
}

static int create_sparkplug(struct mqtt *m, struct error *error)
{
    const struct sparkplug_sink sink = {.context = m, .sample = put_sample, .command = put_command};
    struct sparkplug_watch *watches = calloc((size_t)m->point_count + 1, sizeof(*watches));
    int count = 0, code = 0;

    if (!watches)
        return no_memory(error);
    for (int32_t i = 0; i < m->point_count && code == 0; i++) {
        if (m->points[i].mapping.format == MQTT_SPARKPLUG)
            code = watch(&m->points[i], &watches[count++], error);
    }
    if (code == 0 && count > 0)
        code = sparkplug_create(watches, count, &sink, &m->sparkplug, error);
    free(watches);
    return code;
}

static void take_sparkplug(struct mqtt *m, const char *topic, const void *payload, size_t length,
                           bool retained)
{
    struct error why;

    if (sparkplug_take(m->sparkplug, topic, payload, length, retained, clock_now_ms(&m->clock),
                       &why) == SPARKPLUG_MALFORMED)
        note_malformed(m, topic, &why);
}

void intake_subscribed(struct mqtt *m)
{
    if (m->sparkplug)
        sparkplug_connected(m->sparkplug, clock_now_ms(&m->clock));
}

void intake_tick(struct mqtt *m)
{
    struct sparkplug_health health;

    if (!m->sparkplug)
        return;
    sparkplug_tick(m->sparkplug, clock_now_ms(&m->clock));
    intake_flush(m);
    sparkplug_health(m->sparkplug, &health);
    pthread_mutex_lock(&m->mutex);
    m->health.sparkplug = health;
    pthread_mutex_unlock(&m->mutex);
}

/* ---- everything -------------------------------------------------------- */

static bool is_raw(const struct mqtt *m, const char *topic)
{
    for (int32_t i = m->filter_count - 1; i >= 0 && m->filters[i].raw; i--) {
        if (mqtt_filter_matches(m->filters[i].text, topic))
            return true;
    }
    return false;
}

void intake_message(struct mqtt *m, const char *topic, const void *payload, size_t length,
                    bool retained)
{
    const struct topic *known = find_topic(m, topic);

    m->arrivals++;
    m->uncounted++;
    if (known)
        take_points(m, known, payload, length, retained);
    else if (m->sparkplug && sparkplug_is_topic(topic))
        take_sparkplug(m, topic, payload, length, retained);
    if (!is_raw(m, topic))
        return;
    pthread_mutex_lock(&m->mutex);
    raw_put(&m->raw, topic, payload, length, retained);
    pthread_mutex_unlock(&m->mutex);
    m->news = true;
}

/* ---- subscriptions ----------------------------------------------------- */

static int add_filter(struct mqtt *m, const char *text, bool raw, struct error *error)
{
    struct filter *more = realloc(m->filters, ((size_t)m->filter_count + 1) * sizeof(*m->filters));

    if (!more)
        return no_memory(error);
    m->filters = more;
    m->filters[m->filter_count] = (struct filter){.text = strdup(text), .raw = raw};
    if (!m->filters[m->filter_count].text)
        return no_memory(error);
    m->filter_count++;
    return 0;
}

/* A message that came twice would look like a gap in its node's sequence. */
static int check_raw(const struct mqtt *m, const char *filter, struct error *error)
{
    if (!mqtt_filter_valid(filter))
        return error_set(error, ERROR_INVALID, "mqtt.raw: \"%s\" is no topic filter", filter);
    if (m->sparkplug && (strchr("#+", filter[0]) || !strncmp(filter, "spBv1.0/", 8)))
        return error_set(error, ERROR_INVALID,
                         "mqtt.raw: \"%s\" takes in Sparkplug messages, which are read as points",
                         filter);
    return 0;
}

/* Those whose messages are handed on stand last. */
static int list_filters(struct mqtt *m, struct error *error)
{
    char text[LIMIT_TOPIC];
    int code = 0;

    for (int32_t i = 0; i < m->topic_count && code == 0; i++)
        code = add_filter(m, m->topics[i].name, false, error);
    for (int i = 0;
         m->sparkplug && code == 0 && sparkplug_subscription(m->sparkplug, i, text, sizeof(text));
         i++)
        code = add_filter(m, text, false, error);
    for (int i = 0; m->config.integration[0] && heartbeat_filter(i) && code == 0; i++)
        code = add_filter(m, heartbeat_filter(i), true, error);
    for (int i = 0; i < LIMIT_RAW_FILTERS && m->config.raw[i][0] && code == 0; i++) {
        code = check_raw(m, m->config.raw[i], error);
        if (code == 0)
            code = add_filter(m, m->config.raw[i], true, error);
    }
    return code;
}

int intake_create(struct mqtt *m, struct error *error)
{
    int code;

    if (m->point_count > 0)
        qsort(m->points, (size_t)m->point_count, sizeof(*m->points), compare_points);
    m->topics = calloc((size_t)m->point_count + 1, sizeof(*m->topics));
    if (!m->topics)
        return no_memory(error);
    code = index_topics(m, error);
    if (code == 0)
        code = create_sparkplug(m, error);
    return code < 0 ? code : list_filters(m, error);
}

void intake_destroy(struct mqtt *m)
{
    for (int32_t i = 0; i < m->filter_count; i++)
        free(m->filters[i].text);
    free(m->filters);
    if (m->sparkplug)
        sparkplug_destroy(m->sparkplug);
    free(m->topic_slots);
    free(m->topics);
}
