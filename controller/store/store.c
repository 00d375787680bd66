/* The door of the ledger: opening with clear refusals, posting without waiting, health. */
#include "controller/store/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "controller/base/clock.h"
#include "controller/store/migrate.h"
#include "controller/store/store_private.h"

/* ---- opening ---- */

static int refuse_path(const char *path, struct error *error)
{
    char folder[LIMIT_PATH];
    int cause = errno;
    snprintf(folder, sizeof folder, "%s", path);
    if (cause == ENOENT)
        return error_set(error, ERROR_SYSTEM,
                         "%s: the folder %s does not exist: create it or set another store path",
                         path, dirname(folder));
    if (cause == EACCES || cause == EROFS || cause == EPERM)
        return error_set(error, ERROR_SYSTEM,
                         "%s: cannot be written (%s): give this user the right to write the file "
                         "and its folder, or set another store path",
                         path, strerror(cause));
    return error_set(error, ERROR_SYSTEM, "%s: cannot be opened: %s", path, strerror(cause));
}

/* The descriptor is kept for its lock, and closed only after SQLite: closing any descriptor of a
 * file drops the locks that SQLite holds on it. */
static int lock_file(struct store *store, struct error *error)
{
    const char *path = store->config.path;
    store->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (store->file < 0)
        return refuse_path(path, error);
    if (flock(store->file, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return error_set(error, ERROR_SYSTEM,
                     "%s: another controller writes this ledger: stop it or set another store path",
                     path);
}

/* Adds what belongs to the whole ledger, or finds that it is the ledger of something else. */
static int claim(struct store *store, const char *key, const char *value, struct error *error)
{
    struct db_statement *read = db_prepare(store->db, "SELECT value FROM meta WHERE key = ?");
    if (!read)
        return error_set(error, ERROR_SYSTEM, "%s: %s", store->config.path, db_message(store->db));
    db_bind(read, DB_VALUES(db_text(key)));
    bool exists = db_next(read) == DB_ROW;
    int rc = 0;
    if (exists && strcmp(db_column_text(read, 0), value) != 0)
        rc =
            error_set(error, ERROR_INVALID,
                      "%s: this is a ledger with %s \"%s\", the configuration says \"%s\": correct "
                      "it or set another store path",
                      store->config.path, key, db_column_text(read, 0), value);
    db_finalize(read);
    if (exists)
        return rc;
    if (db_once(store->db, "INSERT INTO meta (key, value) VALUES (?, ?)",
                DB_VALUES(db_text(key), db_text(value))) == DB_DONE)
        return 0;
    return error_set(error, ERROR_SYSTEM, "%s: %s", store->config.path, db_message(store->db));
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Looks at how the last run ended and enters this one. */
static int begin_run(struct store *store, struct error *error)
{
    struct db_statement *last =
        db_prepare(store->db, "SELECT clean, last_ms FROM run WHERE last_ms IS NOT NULL OR clean"
                              " ORDER BY run_id DESC LIMIT 1");
    if (last && db_next(last) == DB_ROW) {
        store->unclean = !db_column_integer(last, 0);
        store->unclean_ms = db_column_integer(last, 1);
    }
    db_finalize(last);
    struct db_statement *enter = db_prepare(
        store->db, "INSERT INTO run (version, wall_start_ms) VALUES (?, ?) RETURNING run_id");
    if (enter) {
        db_bind(enter, DB_VALUES(db_text(store->config.version), db_integer(wall_ms())));
        if (db_next(enter) == DB_ROW)
            store->writer.run_id = db_column_integer(enter, 0);
    }
    bool entered = enter && store->writer.run_id > 0 && db_next(enter) == DB_DONE;
    db_finalize(enter);
    return entered ? 0
                   : error_set(error, ERROR_SYSTEM, "%s: %s", store->config.path,
                               db_message(store->db));
}

static int open_ledger(struct store *store, const struct topology *topology, struct error *error)
{
    const struct store_config *config = &store->config;
    int rc = lock_file(store, error);
    if (rc == 0)
        rc = db_open(config->path, DB_WRITE, &store->db, error);
    if (rc == 0)
        rc = migrate(store->db, config->path, config->version, error);
    if (rc == 0 && db_write_ahead(store->db) != DB_DONE)
        rc = error_set(error, ERROR_SYSTEM, "%s: %s", config->path, db_message(store->db));
    if (rc == 0)
        rc = claim(store, "site", config->site, error);
    if (rc == 0)
        rc = claim(store, "currency", config->currency, error);
    if (rc == 0)
        rc = identity_init(&store->identity, store->db, topology, error);
    return rc == 0 ? begin_run(store, error) : rc;
}

static int start_writer(struct store *store, struct error *error)
{
    struct writer *writer = &store->writer;
    const struct rollup_keep keep = {.raw_ms = store->config.raw_keep_ms,
                                     .minute_ms = store->config.minute_keep_ms,
                                     .quarter_ms = store->config.quarter_keep_ms};
    writer->path = store->config.path;
    writer->db = store->db;
    writer->flow = &store->flow;
    writer->durable = -1;
    writer->patient = store->config.patient;
    writer->ledger = ledger_create(store->db, &store->identity, error);
    if (!writer->ledger)
        return error_prefix(error, ERROR_INVALID, "%s", store->config.path);
    writer->rollup = rollup_create(store->db, &keep, error);
    if (!writer->rollup)
        return error_prefix(error, ERROR_INVALID, "%s", store->config.path);
    store->flow.queue = queue_create(sizeof(struct record *), LIMIT_STORE_QUEUE);
    if (!store->flow.queue)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    int cause = pthread_create(&store->thread, NULL, writer_main, writer);
    if (cause != 0)
        return error_set(error, ERROR_SYSTEM, "cannot start the store's thread: %s",
                         strerror(cause));
    store->started = true;
    return 0;
}

int store_open(const struct store_config *config, const struct topology *topology,
               struct store **ret_store, struct error *error)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    store->config = *config;
    store->file = -1;
    pthread_mutex_init(&store->flow.mutex, NULL);
    store->seen = calloc((size_t)topology->point_count + 1, sizeof *store->seen);
    int rc = store->seen ? open_ledger(store, topology, error)
                         : error_set(error, ERROR_SYSTEM, "out of memory");
    if (rc == 0)
        rc = start_writer(store, error);
    if (rc != 0) {
        store_close(store);
        return rc;
    }
    *ret_store = store;
    return 0;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    if (store->started) {
        queue_close(store->flow.queue);
        pthread_join(store->thread, NULL);
    }
    queue_destroy(store->flow.queue);
    rollup_destroy(store->writer.rollup);
    ledger_destroy(store->writer.ledger);
    identity_finish(&store->identity);
    db_close(store->db);
    if (store->file >= 0)
        close(store->file);
    pthread_mutex_destroy(&store->flow.mutex);
    free(store->seen);
    free(store);
}

enum { NAP_NS = 1000000 };
static const int64_t PATIENCE_NS = 10 * 1000000000LL;

/* Waits while `busy` says so. False: commits have failed for too long. A slow disk is no failure.
 */
static bool wait_while(struct store *store, bool (*busy)(struct store *store, size_t bytes),
                       size_t bytes)
{
    uint64_t written = atomic_load(&store->flow.written);
    uint64_t retried = atomic_load(&store->flow.retried);
    int64_t moved_ns = clock_mono_ns();
    while (busy(store, bytes)) {
        nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
        bool moved = atomic_load(&store->flow.written) != written;
        if (moved || atomic_load(&store->flow.retried) == retried) {
            written = atomic_load(&store->flow.written);
            retried = atomic_load(&store->flow.retried);
            moved_ns = clock_mono_ns();
        }
        if (clock_mono_ns() - moved_ns > PATIENCE_NS)
            return false;
    }
    return true;
}

static bool is_uncommitted(struct store *store, size_t bytes)
{
    (void)bytes;
    return atomic_load(&store->flow.bytes) > 0;
}

int store_flush(struct store *store, struct error *error)
{
    if (wait_while(store, is_uncommitted, 0))
        return 0;
    struct store_health health;
    store_health(store, &health);
    return error_set(error, ERROR_SYSTEM, "%zu records are not written: %s", health.waiting,
                     health.last.text);
}

/* ---- posting ---- */

static bool refuse(struct store *store)
{
    atomic_fetch_add(&store->flow.refused, 1);
    return false;
}

/* Half of the room is kept for records that nobody can make again. */
enum { RESERVE_SHARE = 2 };

static bool has_spare_room(struct store *store, size_t bytes)
{
    return atomic_load(&store->flow.bytes) + bytes <= LIMIT_STORE_BYTES / RESERVE_SHARE &&
           queue_length(store->flow.queue) < LIMIT_STORE_QUEUE / RESERVE_SHARE;
}

static bool is_spare(enum record_kind kind)
{
    return kind == RECORD_IMAGE || kind == RECORD_SCORES || kind == RECORD_STANDINGS ||
           kind == RECORD_BLOCK;
}

/* A record that is larger than the room goes when nothing else waits. */
static bool lacks_room(struct store *store, size_t bytes)
{
    return !has_spare_room(store, bytes) && is_uncommitted(store, bytes);
}

/* Takes ownership of the record. The bytes bound the memory, whatever the records' size. */
bool store_post(struct store *store, void *posted)
{
    struct record *record = posted;
    if (!record)
        return refuse(store);
    if (store->config.patient)
        wait_while(store, lacks_room, record->size);
    bool welcome = !is_spare(record->kind) || has_spare_room(store, record->size);
    size_t bytes = atomic_fetch_add(&store->flow.bytes, record->size) + record->size;
    if (welcome && bytes <= LIMIT_STORE_BYTES && queue_push(store->flow.queue, &record))
        return true;
    atomic_fetch_sub(&store->flow.bytes, record->size);
    free(record);
    return refuse(store);
}

static void see(struct store *store, const struct image *image)
{
    for (int32_t p = 0; p < image->topology->point_count; p++) {
        const struct sample *sample = &image->values[p];
        store->seen[p] = (struct seen){.source_ms = sample->source_ms,
                                       .reason = (int16_t)sample->reason,
                                       .quality = (int8_t)sample->quality,
                                       .known = true};
    }
}

bool store_post_image(struct store *store, const struct image *image)
{
    assert(image->topology->point_count == store->identity.point_count);
    bool empty;
    struct record *record = record_image(image, store->seen, &empty);
    if (empty)
        return true;
    if (!store_post(store, record))
        return false;
    see(store, image);
    return true;
}

static bool is_empty(const struct tick_output *output)
{
    return output->decision_count == 0 && output->interval_count == 0 &&
           output->account_count == 0 && output->hour_count == 0 && output->day_count == 0 &&
           output->verdict_count == 0;
}

bool store_post_tick(struct store *store, int64_t now_ms, const struct tick_output *output)
{
    if (store->config.patient)
        wait_while(store, lacks_room, RECORD_FORECASTS_SIZE);
    bool forecasts = output->forecasts_issued && has_spare_room(store, RECORD_FORECASTS_SIZE);
    bool left_out = output->forecasts_issued && !forecasts;
    if (left_out)
        refuse(store);
    if (is_empty(output) && !forecasts)
        return !left_out;
    return store_post(store, record_tick(now_ms, output, forecasts));
}

bool store_post_plan(struct store *store, const struct plan *plan)
{
    return store_post(store, record_plan(plan));
}

bool store_post_tick_plan(struct store *store, const struct tick_output *output)
{
    if (output->adopted)
        return store_post_plan(store, output->adopted);
    return !output->extended ||
           store_post(store, record_extension(output->extended, output->extended_from));
}

bool store_post_job(struct store *store, const struct job *job, enum reason reason, int64_t at_ms)
{
    struct record_job *record = record_create(RECORD_JOB, true, at_ms, sizeof *record);
    if (record) {
        record->job = *job;
        record->reason = reason;
    }
    return store_post(store, record);
}

bool store_post_event(struct store *store, int64_t at_ms, const struct cycle_event *event)
{
    struct record_event *record = record_create(RECORD_EVENT, false, at_ms, sizeof *record);
    if (record)
        record->event = *event;
    return store_post(store, record);
}

bool store_post_write(struct store *store, int64_t at_ms, int32_t point, double value,
                      enum reason outcome)
{
    struct record_write *record = record_create(RECORD_WRITE, true, at_ms, sizeof *record);
    if (record) {
        record->point = point;
        record->value = value;
        record->outcome = outcome;
    }
    return store_post(store, record);
}

bool store_post_mode(struct store *store, int64_t at_ms, enum subsystem subsystem, enum mode mode,
                     const char *asker)
{
    struct record_mode *record = record_create(RECORD_MODE, true, at_ms, sizeof *record);
    if (record) {
        record->subsystem = subsystem;
        record->mode = mode;
        snprintf(record->asker, sizeof record->asker, "%s", asker);
    }
    return store_post(store, record);
}

/* ---- health ---- */

void store_health(const struct store *store, struct store_health *ret_health)
{
    /* Looking is const for the caller; the lock and the queue's own state are not. */
    struct store_flow *flow = &((struct store *)(uintptr_t)store)->flow;
    *ret_health = (struct store_health){.written = atomic_load(&flow->written),
                                        .refused = atomic_load(&flow->refused),
                                        .retried = atomic_load(&flow->retried),
                                        .waiting = queue_length(flow->queue),
                                        .full = atomic_load(&flow->full),
                                        .last_commit_ms = atomic_load(&flow->last_commit_ms)};
    pthread_mutex_lock(&flow->mutex);
    ret_health->last = flow->last;
    pthread_mutex_unlock(&flow->mutex);
}
