/* The feeds' thread and what crosses over from it; see feed.h. */
#include "drivers/feed.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"
#include "controller/forecast/forecast.h"
#include "drivers/feed_document.h"
#include "drivers/feed_file.h"
#include "drivers/feed_http.h"
#include "drivers/feed_mail.h"
#include "drivers/feed_watch.h"

enum {
    RETRY_FIRST_MS = 30000, /* real time after a failed pull, twice that after the next, ... */
    RETRY_MOST_MS = HOUR_MS,
    LOOK_LEAST_MS = 50, /* real time between two looks, however fast site time runs */
    IDLE_MS = 60000,
};

/* The thread's own part of a feed. */
struct source {
    const struct feed_config *config;
    struct feed_file file;
    int64_t due_ms;                    /* real, monotonic; INT64_MAX: under way, or handed in */
    int64_t retry_ms;                  /* real; 0: the last pull was sound */
    uint64_t print[LIMIT_FEED_TRACKS]; /* of what each track said last */
};

struct feeds {
    const struct clock *clock;
    struct source sources[LIMIT_FEEDS];
    int count;
    struct feed_http *http;
    uint32_t random;
    pthread_t thread;
    bool running;

    pthread_mutex_t mutex; /* over all that follows */
    pthread_cond_t room;   /* blocks were taken, or it is the end */
    struct feed_watch watches[LIMIT_FEEDS];
    struct feed_mail mail;
    struct forecast_block *blocks; /* a ring of LIMIT_BLOCKS */
    int first, waiting;
    bool stopping;
};

/* ---- blocks on their way ---- */

struct delivery {
    struct feeds *feeds;
    struct source *source;
    uint64_t print[LIMIT_FEED_TRACKS];
    bool fresh[LIMIT_FEED_TRACKS]; /* says something else than the document before */
};

static uint64_t mix(uint64_t print, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i++)
        print = (print ^ at[i]) * UINT64_C(0x100000001b3);
    return print;
}

/* A track may be mapped twice, by kind. */
static int find_track(const struct feed_mapping *mapping, const struct forecast_block *block)
{
    int found = 0;
    for (int t = 0; t < mapping->count; t++)
        if (mapping->tracks[t].track == block->track && mapping->tracks[t].kind == block->kind)
            found = t;
    return found;
}

/* An issue time that is only the time of arrival is no news. */
static void print_block(void *context, const struct forecast_block *block)
{
    struct delivery *delivery = context;
    const struct feed_mapping *mapping = &delivery->source->config->mapping;
    int t = find_track(mapping, block);
    uint64_t *print = &delivery->print[t];
    if (*mapping->tracks[t].issue)
        *print = mix(*print, &block->issue_ms, sizeof block->issue_ms);
    *print = mix(*print, &block->start_ms, sizeof block->start_ms);
    *print = mix(*print, &block->step_ms, sizeof block->step_ms);
    *print = mix(*print, block->value, (size_t)block->count * sizeof *block->value);
}

static void deliver_block(void *context, const struct forecast_block *block)
{
    struct delivery *delivery = context;
    struct feeds *feeds = delivery->feeds;
    if (!delivery->fresh[find_track(&delivery->source->config->mapping, block)])
        return;
    pthread_mutex_lock(&feeds->mutex);
    while (feeds->waiting == LIMIT_BLOCKS && !feeds->stopping)
        pthread_cond_wait(&feeds->room, &feeds->mutex);
    if (!feeds->stopping)
        feeds->blocks[(feeds->first + feeds->waiting++) % LIMIT_BLOCKS] = *block;
    pthread_mutex_unlock(&feeds->mutex);
}

int feeds_take(struct feeds *feeds, struct forecast_block *ret_blocks, int most)
{
    int taken = 0;
    int64_t measured_ms = 0;
    pthread_mutex_lock(&feeds->mutex);
    for (; taken < most && feeds->waiting > 0 &&
           measured_ms < LIMIT_MEASURED * (int64_t)FORECAST_STEP_MS;
         taken++) {
        const struct forecast_block *block = &ret_blocks[taken];
        ret_blocks[taken] = feeds->blocks[feeds->first];
        if (block->kind == BLOCK_MEASURED)
            measured_ms += block->count * (int64_t)block->step_ms;
        feeds->first = (feeds->first + 1) % LIMIT_BLOCKS;
        feeds->waiting--;
    }
    pthread_cond_signal(&feeds->room);
    pthread_mutex_unlock(&feeds->mutex);
    return taken;
}

/* ---- documents ---- */

static int64_t real_ms(void)
{
    return clock_mono_ns() / 1000000;
}

static struct feed_watch *lock_watch(struct feeds *feeds, const struct source *source)
{
    pthread_mutex_lock(&feeds->mutex);
    return &feeds->watches[source - feeds->sources];
}

static bool find_fresh(struct delivery *delivery)
{
    struct source *source = delivery->source;
    bool any = false;
    for (int t = 0; t < source->config->mapping.count; t++) {
        delivery->fresh[t] = delivery->print[t] != 0 && delivery->print[t] != source->print[t];
        any |= delivery->fresh[t];
        if (delivery->fresh[t])
            source->print[t] = delivery->print[t];
    }
    return any;
}

/* Twice through the document: whether it says anything new is known before the first block goes. */
static enum reason take_document(struct feeds *feeds, struct source *source,
                                 const struct feed_arrival *arrival)
{
    const struct feed_config *config = source->config;
    struct delivery delivery = {.feeds = feeds, .source = source};
    struct feed_summary summary;
    feed_document_read(&config->mapping, config->name, arrival, print_block, &delivery, &summary);
    feed_http_hide(feeds->http, (int)(source - feeds->sources), &summary.cause);
    bool usable = summary.reason != REASON_FEED_MALFORMED;
    bool fresh = usable && find_fresh(&delivery);
    const struct feed_health seen = {
        .reason = summary.reason, .cause = summary.cause, .issue_ms = summary.issue_ms};
    struct feed_watch *watch = lock_watch(feeds, source);
    watch->health.documents += !source->file.again;
    watch->health.malformed += !source->file.again && !usable;
    if (!usable)
        feed_watch_failed(watch, summary.reason, &summary.cause);
    else if (fresh)
        feed_watch_news(watch, &seen, arrival->now_ms);
    else
        feed_watch_unchanged(watch);
    pthread_mutex_unlock(&feeds->mutex);
    if (fresh)
        feed_document_read(&config->mapping, config->name, arrival, deliver_block, &delivery,
                           &summary);
    return summary.reason;
}

static void note_look(struct feeds *feeds, struct source *source, enum reason reason,
                      const struct error *cause)
{
    struct feed_watch *watch = lock_watch(feeds, source);
    if (reason == REASON_FEED_DUPLICATE)
        feed_watch_unchanged(watch);
    else
        feed_watch_failed(watch, reason, cause);
    pthread_mutex_unlock(&feeds->mutex);
}

/* ---- files ---- */

static int64_t every_real_ms(const struct feeds *feeds, const struct source *source)
{
    int64_t every_ms = clock_real_ms(feeds->clock, source->config->every_ms);
    return every_ms > LOOK_LEAST_MS ? every_ms : LOOK_LEAST_MS;
}

static void look_at_file(struct feeds *feeds, struct source *source)
{
    struct error cause = {""};
    struct feed_file *file = &source->file;
    int64_t every_ms = every_real_ms(feeds, source);
    enum reason reason = feed_file_look(file, source->config->path, every_ms, &cause);
    source->due_ms = real_ms() + every_ms;
    if (reason == REASON_NONE) {
        const struct feed_arrival arrival = {.bytes = file->bytes,
                                             .length = file->length,
                                             .now_ms = clock_now_ms(feeds->clock),
                                             .source_ms = file->modified_ms};
        if (take_document(feeds, source, &arrival) == REASON_FEED_MALFORMED)
            feed_file_forget(file);
    } else if (reason != REASON_FEED_PARTIAL) {
        note_look(feeds, source, reason, &cause);
    }
}

/* ---- HTTP ---- */

/* 75 % to 125 %, so that sites do not ask in step. */
static int64_t jitter(struct feeds *feeds, int64_t wait_ms)
{
    feeds->random = feeds->random * 1664525u + 1013904223u;
    return wait_ms * 3 / 4 + (int64_t)((double)(feeds->random >> 8) / (1 << 24) * wait_ms / 2);
}

static int64_t shorter(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How long a pull that failed waits. */
static int64_t back_off(struct feeds *feeds, struct source *source, int64_t asked_ms)
{
    int64_t every_ms = every_real_ms(feeds, source);
    int64_t most_ms = shorter(every_ms, RETRY_MOST_MS);
    source->retry_ms = source->retry_ms ? shorter(2 * source->retry_ms, most_ms)
                                        : shorter(RETRY_FIRST_MS, most_ms);
    int64_t wait_ms = jitter(feeds, source->retry_ms);
    return asked_ms > wait_ms ? asked_ms : wait_ms;
}

static void take_answer(struct feeds *feeds, const struct feed_answer *answer)
{
    struct source *source = &feeds->sources[answer->feed];
    enum reason reason = answer->reason;
    if (reason == REASON_NONE) {
        const struct feed_arrival arrival = {.bytes = answer->bytes,
                                             .length = answer->length,
                                             .now_ms = clock_now_ms(feeds->clock),
                                             .source_ms = answer->source_ms};
        reason = take_document(feeds, source, &arrival);
        if (reason == REASON_FEED_MALFORMED)
            feed_http_forget(feeds->http, answer->feed);
    } else {
        note_look(feeds, source, reason, &answer->cause);
    }
    bool sound =
        reason == REASON_NONE || reason == REASON_FEED_DUPLICATE || reason == REASON_FEED_PARTIAL;
    if (sound)
        source->retry_ms = 0;
    source->due_ms = real_ms() + (sound ? every_real_ms(feeds, source)
                                        : back_off(feeds, source, answer->wait_ms));
}

/* ---- MQTT ---- */

bool feeds_message(struct feeds *feeds, const char *topic, const void *payload, size_t length,
                   bool retained)
{
    bool wanted = false;
    for (int i = 0; i < feeds->count; i++) {
        const struct feed_config *config = feeds->sources[i].config;
        if (config->way != FEED_MQTT || strcmp(config->topic, topic) != 0)
            continue;
        wanted = true;
        pthread_mutex_lock(&feeds->mutex);
        feeds->watches[i].health.dropped +=
            (uint64_t)feed_mail_put(&feeds->mail, i, payload, length, retained);
        pthread_mutex_unlock(&feeds->mutex);
    }
    if (wanted)
        feed_http_wake(feeds->http);
    return wanted;
}

/* An empty message clears what the broker has stored: it is no document. */
static void take_letters(struct feeds *feeds)
{
    struct feed_letter *letter;
    for (;;) {
        pthread_mutex_lock(&feeds->mutex);
        letter = feed_mail_take(&feeds->mail);
        pthread_mutex_unlock(&feeds->mutex);
        if (!letter)
            return;
        const struct feed_arrival arrival = {.bytes = letter->bytes,
                                             .length = letter->length,
                                             .now_ms = clock_now_ms(feeds->clock),
                                             .stored = letter->stored};
        if (letter->length > 0)
            take_document(feeds, &feeds->sources[letter->feed], &arrival);
        free(letter);
    }
}

/* ---- the thread ---- */

static void start_due(struct feeds *feeds)
{
    for (int i = 0; i < feeds->count; i++) {
        struct source *source = &feeds->sources[i];
        if (source->due_ms > real_ms())
            continue;
        if (source->config->way == FEED_FILE) {
            look_at_file(feeds, source);
        } else {
            source->due_ms = INT64_MAX;
            feed_http_start(feeds->http, i);
        }
    }
}

static int idle_ms(const struct feeds *feeds)
{
    int64_t now_ms = real_ms(), next_ms = now_ms + IDLE_MS;
    for (int i = 0; i < feeds->count; i++)
        next_ms = shorter(next_ms, feeds->sources[i].due_ms);
    return next_ms > now_ms ? (int)(next_ms - now_ms) : 0;
}

static bool is_stopping(struct feeds *feeds)
{
    pthread_mutex_lock(&feeds->mutex);
    bool stopping = feeds->stopping;
    pthread_mutex_unlock(&feeds->mutex);
    return stopping;
}

static void *run(void *context)
{
    struct feeds *feeds = context;
    struct feed_answer answer;
    while (!is_stopping(feeds)) {
        start_due(feeds);
        take_letters(feeds);
        while (feed_http_take(feeds->http, &answer))
            take_answer(feeds, &answer);
        feed_http_wait(feeds->http, idle_ms(feeds));
    }
    return NULL;
}

/* ---- news and health ---- */

void feeds_judged(struct feeds *feeds, const struct forecast_block *block, enum reason reason)
{
    for (int i = 0; i < feeds->count; i++) {
        if (strcmp(feeds->sources[i].config->name, block->source) != 0)
            continue;
        pthread_mutex_lock(&feeds->mutex);
        feed_watch_judged(&feeds->watches[i], reason);
        pthread_mutex_unlock(&feeds->mutex);
    }
}

bool feeds_news(struct feeds *feeds, int64_t now_ms, struct feed_news *ret_news)
{
    bool found = false;
    pthread_mutex_lock(&feeds->mutex);
    for (int i = 0; i < feeds->count && !found; i++) {
        ret_news->feed = i;
        found = feed_watch_turn(&feeds->watches[i], now_ms, &ret_news->turn, &ret_news->text);
    }
    pthread_mutex_unlock(&feeds->mutex);
    return found;
}

void feeds_health(struct feeds *feeds, int feed, struct feed_health *ret_health)
{
    pthread_mutex_lock(&feeds->mutex);
    *ret_health = feeds->watches[feed].health;
    pthread_mutex_unlock(&feeds->mutex);
}

/* ---- life ---- */

static int start(struct feeds *feeds, struct error *error)
{
    if (pthread_create(&feeds->thread, NULL, run, feeds) != 0)
        return error_set(error, ERROR_SYSTEM, "feeds: no thread");
    feeds->running = true;
    return 0;
}

int feeds_create(const struct clock *clock, const struct feed_config *configs, int count,
                 struct feeds **ret_feeds, struct error *error)
{
    struct feeds *feeds = calloc(1, sizeof *feeds);
    if (feeds) {
        pthread_mutex_init(&feeds->mutex, NULL);
        pthread_cond_init(&feeds->room, NULL);
        feed_mail_init(&feeds->mail);
        feeds->blocks = calloc(LIMIT_BLOCKS, sizeof *feeds->blocks);
        feeds->clock = clock;
        feeds->count = count;
        feeds->random = (uint32_t)clock_mono_ns();
    }
    if (!feeds || !feeds->blocks) {
        feeds_destroy(feeds);
        return error_set(error, ERROR_SYSTEM, "out of memory");
    }
    for (int i = 0; i < count; i++) {
        feeds->sources[i].config = &configs[i];
        feeds->sources[i].due_ms = configs[i].way == FEED_MQTT ? INT64_MAX : 0;
        feed_watch_init(&feeds->watches[i], configs[i].silent_after_ms, clock_now_ms(clock));
    }
    if (feed_http_create(configs, count, &feeds->http, error) < 0 || start(feeds, error) < 0) {
        feeds_destroy(feeds);
        return ERROR_SYSTEM;
    }
    *ret_feeds = feeds;
    return 0;
}

void feeds_destroy(struct feeds *feeds)
{
    if (!feeds)
        return;
    if (feeds->running) {
        pthread_mutex_lock(&feeds->mutex);
        feeds->stopping = true;
        pthread_cond_signal(&feeds->room);
        pthread_mutex_unlock(&feeds->mutex);
        feed_http_wake(feeds->http);
        pthread_join(feeds->thread, NULL);
    }
    if (feeds->http)
        feed_http_destroy(feeds->http);
    for (int i = 0; i < feeds->count; i++)
        feed_file_finish(&feeds->sources[i].file);
    feed_mail_finish(&feeds->mail);
    pthread_mutex_destroy(&feeds->mutex);
    pthread_cond_destroy(&feeds->room);
    free(feeds->blocks);
    free(feeds);
}
