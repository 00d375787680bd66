/* See onboard.h. Gathering runs on an event loop of its own, before that of the daemon exists; the
 * watch only compares, so that a message that says nothing new costs next to nothing. */
#include "controller/core/onboard.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "controller/base/clock.h"
#include "drivers/spool_file.h"

enum {
    LOOK_MS = 20,                 /* between two looks while gathering */
    QUIET_MS = 1000,              /* nothing came for so long: that was all */
    CALM_MS = 10000,              /* the watch judges when nothing changed for so long */
    TELL_MS = 600000,             /* between two tellings */
    SLOTS = 2 * LIMIT_DSX_POINTS, /* for topics */
};

/* Opens the file of onboarded devices, with the number of the description that they are from. */
#define SUM_LINE "# metadata "

/* ---- what is described ---- */

/* What a topic says; both hashed, topic 0: a free slot, payload 0: nothing. */
struct said {
    uint64_t topic, payload;
};

/* All that building management says, as one number: whatever the order in which it came. */
struct description {
    struct said *said;
    int32_t count;
    uint64_t sum; /* 0: nothing */
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

static int description_init(struct description *description, struct error *error)
{
    *description = (struct description){.said = calloc(SLOTS, sizeof *description->said)};
    return description->said ? 0 : error_set(error, ERROR_SYSTEM, "out of memory");
}

static void description_finish(struct description *description)
{
    free(description->said);
}

static uint64_t share(const struct said *said)
{
    return said->payload ? hash(said, sizeof *said) : 0;
}

/* True: it says something else than before. A full table takes no new topic, as the registry takes
 * no new point. */
static bool description_take(struct description *description, const char *topic,
                             const void *payload, size_t length)
{
    const struct said now = {hash(topic, strlen(topic)), length ? hash(payload, length) : 0};
    uint64_t slot = now.topic % SLOTS;
    while (description->said[slot].topic && description->said[slot].topic != now.topic)
        slot = (slot + 1) % SLOTS;
    struct said *held = &description->said[slot];
    if (!held->topic && description->count == LIMIT_DSX_POINTS)
        return false;
    description->count += !held->topic;
    bool news = held->payload != now.payload;
    description->sum ^= share(held) ^ share(&now);
    *held = now;
    return news;
}

/* ---- gathering ---- */

struct gathering {
    uv_loop_t loop;
    uv_timer_t timer;
    struct driver *driver;
    struct dsx *dsx;
    struct description *description;
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
    (void)description_take(gathering->description, topic, payload, length);
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

static int gather(const struct config *config, int64_t most_ms, struct dsx *dsx,
                  struct description *description, struct error *error)
{
    struct gathering gathering = {.dsx = dsx, .description = description};
    int code = uv_loop_init(&gathering.loop);
    if (code < 0)
        return error_set(error, ERROR_SYSTEM, "event loop: %s", uv_strerror(code));
    uv_timer_init(&gathering.loop, &gathering.timer);
    gathering.timer.data = &gathering;
    int result = run(&gathering, config, most_ms, error);
    uv_loop_close(&gathering.loop);
    return result;
}

static int propose(const struct config *config, int64_t most_ms, struct dsx_proposal **ret_proposal,
                   uint64_t *ret_sum, struct error *error)
{
    struct description description;
    struct dsx *dsx = dsx_create(config->mqtt.integration);
    int result = description_init(&description, error);
    if (result == 0)
        result = dsx ? gather(config, most_ms, dsx, &description, error)
                     : error_set(error, ERROR_SYSTEM, "out of memory");
    struct dsx_proposal *proposal = result == 0 ? dsx_propose(dsx) : NULL;
    if (result == 0 && !proposal)
        result = error_set(error, ERROR_SYSTEM, "out of memory");
    if (result == 0) {
        *ret_proposal = proposal;
        *ret_sum = description.sum;
    }
    description_finish(&description);
    dsx_destroy(dsx);
    return result;
}

int onboard_discover(const struct config *config, int64_t most_ms,
                     struct dsx_proposal **ret_proposal, struct error *error)
{
    uint64_t sum;
    return propose(config, most_ms, ret_proposal, &sum, error);
}

/* ---- the file ---- */

static int write_text(const struct config *config, const char *text, struct error *error)
{
    char path[LIMIT_PATH];
    configuration_onboarded_path(config, path, sizeof path);
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return spool_write(AT_FDCWD, slash ? path : ".", slash ? slash + 1 : path, text, strlen(text),
                       true, error);
}

static int write_proposal(const struct config *config, const struct dsx_proposal *proposal,
                          uint64_t sum, struct error *error)
{
    char *devices = dsx_render_config(proposal), *text = NULL;
    int result = error_set(error, ERROR_SYSTEM, "out of memory");
    if (devices && asprintf(&text, SUM_LINE "%016" PRIx64 "\n%s", sum, devices) >= 0) {
        result = write_text(config, text, error);
        free(text);
    }
    free(devices);
    return result;
}

int onboard_renew(const struct config *config, struct error *ret_told)
{
    struct dsx_proposal *proposal = NULL;
    uint64_t sum = 0;
    int result = propose(config, (int64_t)config->values.onboard_ms, &proposal, &sum, ret_told);
    if (result < 0)
        return result;
    result = write_proposal(config, proposal, sum, ret_told);
    if (result == 0)
        error_set(ret_told, 0,
                  "building management describes %d devices with %d points; %d points are not "
                  "used, %d findings: tidewatt check --discover shows them",
                  proposal->device_count, proposal->point_count, proposal->unmapped_count,
                  proposal->finding_count);
    dsx_proposal_destroy(proposal);
    return result;
}

/* ---- the watch ---- */

struct onboard_watch {
    struct description now;
    uint64_t in_force, told;     /* sums; told 0: none yet */
    bool doubtful;               /* something changed since it was judged last */
    int64_t changed_ms, tell_ms; /* real: last change, next telling */
};

/* 0: there is no file, or it does not say. */
static uint64_t read_sum(const struct config *config)
{
    char path[LIMIT_PATH], line[sizeof SUM_LINE + 32] = "";
    configuration_onboarded_path(config, path, sizeof path);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    bool says = read && strncmp(line, SUM_LINE, strlen(SUM_LINE)) == 0;
    return says ? strtoull(line + strlen(SUM_LINE), NULL, 16) : 0;
}

int onboard_watch_create(const struct config *config, struct onboard_watch **ret_watch,
                         struct error *error)
{
    struct onboard_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    if (description_init(&watch->now, error) < 0) {
        free(watch);
        return ERROR_SYSTEM;
    }
    watch->in_force = read_sum(config);
    *ret_watch = watch;
    return 0;
}

void onboard_watch_destroy(struct onboard_watch *watch)
{
    if (!watch)
        return;
    description_finish(&watch->now);
    free(watch);
}

void onboard_watch_take(struct onboard_watch *watch, const char *topic, const void *payload,
                        size_t length, int64_t real_ms)
{
    if (!description_take(&watch->now, topic, payload, length))
        return;
    watch->doubtful = true;
    watch->changed_ms = real_ms;
}

bool onboard_watch_changed(struct onboard_watch *watch, int64_t real_ms)
{
    uint64_t sum = watch->now.sum;
    if (!watch->doubtful || real_ms - watch->changed_ms < CALM_MS || real_ms < watch->tell_ms)
        return false;
    watch->doubtful = false;
    if (sum == watch->in_force || sum == watch->told)
        return false;
    watch->told = sum;
    watch->tell_ms = real_ms + TELL_MS;
    return true;
}
