/* See onboard.h. Gathering runs on an event loop of its own, before that of the daemon exists; the
 * watch only compares, so that a message that says nothing new costs next to nothing. */
#include "controller/core/onboard.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "controller/base/clock.h"
#include "drivers/spool_file.h"

enum {
    LOOK_MS = 20,                /* between two looks while gathering */
    QUIET_MS = 1000,             /* nothing came for so long: that was all */
    CALM_MS = 10000,             /* the watch judges when nothing changed for so long ... */
    JUDGE_MS = 60000,            /* ... and not more often than this, since that takes some time */
    TELL_MS = 600000,            /* between two tellings */
    SEEN = 2 * LIMIT_DSX_POINTS, /* slots for topics, a power of two */
};

/* ---- gathering ---- */

struct gathering {
    uv_loop_t loop;
    uv_timer_t timer;
    struct driver *driver;
    struct dsx *dsx;
    uint64_t end_ms, last_ms; /* uv_now */
    int messages;
};

static void take_metadata(void *context, const char *topic, const void *payload, size_t length,
                          bool retained)
{
    struct gathering *gathering = context;
    (void)retained;
    /* what is wrong with a message becomes a finding of the proposal */
    (void)dsx_take(gathering->dsx, topic, payload, length, NULL);
    gathering->messages++;
    gathering->last_ms = uv_now(&gathering->loop);
}

static void look(uv_timer_t *timer)
{
    struct gathering *gathering = timer->data;
    uint64_t now_ms = uv_now(timer->loop);
    bool all = gathering->messages > 0 && now_ms - gathering->last_ms >= QUIET_MS;
    driver_poll(gathering->driver, 0);
    if (all || now_ms >= gathering->end_ms)
        uv_stop(timer->loop);
}

/* Not the daemon's own name: the broker would end the daemon's connection for ours. No will, no
 * heartbeats: nobody is to take us for it. */
static struct mqtt_config listener_of(const struct mqtt_config *own)
{
    struct mqtt_config mqtt = *own;
    snprintf(mqtt.client_id, sizeof mqtt.client_id, "%.30s-%lld", own->client_id,
             (long long)(clock_mono_ns() / 1000 % 1000000000));
    mqtt.will_topic[0] = mqtt.integration[0] = '\0';
    memset(mqtt.raw, 0, sizeof mqtt.raw);
    snprintf(mqtt.raw[0], sizeof mqtt.raw[0], "%s", DSX_METADATA_FILTER);
    return mqtt;
}

static int conclude(const struct config *config, const struct gathering *gathering,
                    struct error *error)
{
    struct mqtt_health health;
    if (gathering->messages > 0)
        return 0;
    mqtt_health(gathering->driver, &health);
    if (health.link == LINK_UP)
        return error_set(error, ERROR_UNREACHABLE,
                         "broker %s:%u has no metadata under " DSX_METADATA_FILTER
                         " yet: building management tells it every 100 s",
                         config->mqtt.host, config->mqtt.port);
    return error_set(error, ERROR_UNREACHABLE, "broker %s:%u cannot be reached: %s",
                     config->mqtt.host, config->mqtt.port,
                     *health.cause.text ? health.cause.text : "no answer in time");
}

static int run(struct gathering *gathering, const struct config *config, int64_t most_ms,
               struct error *error)
{
    const struct mqtt_config mqtt = listener_of(&config->mqtt);
    const struct mqtt_listener listener = {take_metadata, gathering};
    const struct driver_sink unused = {0}; /* without points there is nothing to deliver */
    struct topology *none = topology_create();
    struct clock clock;
    clock_init_real(&clock);
    int result = none ? mqtt_create(&gathering->loop, &clock, none, &mqtt, NULL, 0, &unused,
                                    &gathering->driver, error)
                      : error_set(error, ERROR_SYSTEM, "out of memory");
    if (result == 0) {
        mqtt_listen(gathering->driver, &listener);
        gathering->end_ms = uv_now(&gathering->loop) + (uint64_t)most_ms;
        uv_timer_start(&gathering->timer, look, 0, LOOK_MS);
        uv_run(&gathering->loop, UV_RUN_DEFAULT);
        result = conclude(config, gathering, error);
        driver_destroy(gathering->driver);
    }
    uv_close((uv_handle_t *)&gathering->timer, NULL);
    uv_run(&gathering->loop, UV_RUN_DEFAULT);
    topology_destroy(none);
    return result;
}

int onboard_gather(const struct config *config, int64_t most_ms, struct dsx *dsx,
                   struct error *error)
{
    struct gathering gathering = {.dsx = dsx};
    int code = uv_loop_init(&gathering.loop);
    if (code < 0)
        return error_set(error, ERROR_SYSTEM, "event loop: %s", uv_strerror(code));
    uv_timer_init(&gathering.loop, &gathering.timer);
    gathering.timer.data = &gathering;
    int result = run(&gathering, config, most_ms, error);
    uv_loop_close(&gathering.loop);
    return result;
}

/* ---- the file ---- */

static int write_proposal(const struct config *config, const struct dsx_proposal *proposal,
                          struct error *ret_told)
{
    char path[LIMIT_PATH];
    configuration_onboarded_path(config, path, sizeof path);
    char *text = dsx_render_config(proposal);
    if (!text)
        return error_set(ret_told, ERROR_SYSTEM, "out of memory");
    char *name = strrchr(path, '/');
    if (name)
        *name++ = '\0';
    int result = spool_write(AT_FDCWD, name ? path : ".", name ? name : path, text, strlen(text),
                             true, ret_told);
    free(text);
    if (result == 0)
        error_set(ret_told, 0,
                  "building management describes %d devices with %d points; %d points are not "
                  "used, %d findings: tidewatt check --discover shows them",
                  proposal->device_count, proposal->point_count, proposal->unmapped_count,
                  proposal->finding_count);
    return result;
}

int onboard_renew(const struct config *config, struct error *ret_told)
{
    struct dsx *dsx = dsx_create(config->mqtt.integration);
    if (!dsx)
        return error_set(ret_told, ERROR_SYSTEM, "out of memory");
    int result = onboard_gather(config, (int64_t)config->values.onboard_ms, dsx, ret_told);
    struct dsx_proposal *proposal = result == 0 ? dsx_propose(dsx) : NULL;
    if (proposal)
        result = write_proposal(config, proposal, ret_told);
    else if (result == 0)
        result = error_set(ret_told, ERROR_SYSTEM, "out of memory");
    dsx_proposal_destroy(proposal);
    dsx_destroy(dsx);
    return result;
}

/* ---- the watch ---- */

/* What a topic said last; both hashed, topic 0: a free slot. */
struct seen {
    uint64_t topic, payload;
};

struct onboard_watch {
    struct dsx *dsx;
    struct seen *seen;
    int32_t seen_count;
    uint64_t in_force, told;               /* hashes of descriptions; told 0: none yet */
    bool doubtful;                         /* something changed since it was judged last */
    int64_t changed_ms, judge_ms, tell_ms; /* real: last change, next judgement, next telling */
};

/* FNV-1a; never 0. */
static uint64_t hash(const void *data, size_t length)
{
    const unsigned char *bytes = data;
    uint64_t value = 14695981039346656037u;
    for (size_t i = 0; i < length; i++)
        value = (value ^ bytes[i]) * 1099511628211u;
    return value ? value : 1;
}

static uint64_t hash_file(const char *path)
{
    size_t length = 0;
    char *text = NULL;
    FILE *file = fopen(path, "r");
    if (file && getdelim(&text, &length, '\0', file) < 0)
        text[0] = '\0';
    if (file)
        fclose(file);
    uint64_t value = text ? hash(text, strlen(text)) : 1;
    free(text);
    return value;
}

int onboard_watch_create(const struct config *config, struct onboard_watch **ret_watch,
                         struct error *error)
{
    char path[LIMIT_PATH];
    struct onboard_watch *watch = calloc(1, sizeof *watch);
    if (watch) {
        watch->dsx = dsx_create(config->mqtt.integration);
        watch->seen = calloc(SEEN, sizeof *watch->seen);
    }
    if (!watch || !watch->dsx || !watch->seen) {
        onboard_watch_destroy(watch);
        return error_set(error, ERROR_SYSTEM, "out of memory");
    }
    configuration_onboarded_path(config, path, sizeof path);
    watch->in_force = hash_file(path);
    *ret_watch = watch;
    return 0;
}

void onboard_watch_destroy(struct onboard_watch *watch)
{
    if (!watch)
        return;
    dsx_destroy(watch->dsx);
    free(watch->seen);
    free(watch);
}

/* Whether the topic said something else before; remembers it. A full table takes no new topic, as
 * the registry takes no new point. */
static bool is_news(struct onboard_watch *watch, const char *topic, const void *payload,
                    size_t length)
{
    const struct seen now = {hash(topic, strlen(topic)), hash(payload, length)};
    uint64_t slot = now.topic % SEEN;
    while (watch->seen[slot].topic && watch->seen[slot].topic != now.topic)
        slot = (slot + 1) % SEEN;
    if (watch->seen[slot].topic == 0 && watch->seen_count++ >= LIMIT_DSX_POINTS) {
        watch->seen_count--;
        return false;
    }
    bool news = watch->seen[slot].payload != now.payload;
    watch->seen[slot] = now;
    return news;
}

void onboard_watch_take(struct onboard_watch *watch, const char *topic, const void *payload,
                        size_t length, int64_t real_ms)
{
    if (!is_news(watch, topic, payload, length))
        return;
    (void)dsx_take(watch->dsx, topic, payload, length, NULL);
    watch->doubtful = true;
    watch->changed_ms = real_ms;
}

static uint64_t hash_proposal(const struct dsx *dsx)
{
    struct dsx_proposal *proposal = dsx_propose(dsx);
    char *text = proposal ? dsx_render_config(proposal) : NULL;
    uint64_t value = text ? hash(text, strlen(text)) : 0;
    free(text);
    dsx_proposal_destroy(proposal);
    return value;
}

bool onboard_watch_changed(struct onboard_watch *watch, int64_t real_ms)
{
    bool calm = real_ms - watch->changed_ms >= CALM_MS;
    if (!watch->doubtful || !calm || real_ms < watch->judge_ms || real_ms < watch->tell_ms)
        return false;
    watch->doubtful = false;
    watch->judge_ms = real_ms + JUDGE_MS;
    uint64_t described = hash_proposal(watch->dsx);
    if (described == 0 || described == watch->in_force || described == watch->told)
        return false;
    watch->told = described;
    watch->tell_ms = real_ms + TELL_MS;
    return true;
}
