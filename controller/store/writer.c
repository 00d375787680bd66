/* Collect, commit, repeat. What cannot be written now waits here and behind here in the queue; what
 * finds the queue full is refused and counted, and the ledger says so as soon as it can.
 *
 * Records are committed in the order in which they were posted, so that after any crash the ledger
 * holds a prefix of them. */
#include "controller/store/writer.h"

#include <stdio.h>
#include <stdlib.h>

#include "controller/base/clock.h"
#include "controller/base/log.h"

enum {
    BATCH_MS = 250, /* real time over which records are collected */
    BATCH_RECORDS = 256,
    RETRY_FIRST_MS = 100,
    RETRY_LONGEST_MS = 5000,
    NAP_MS = 20,
    GIVE_UP_MS = 3000, /* trouble for so long at the end, and the rest is lost */
};

struct batch {
    struct record *records[BATCH_RECORDS];
    int count;
    bool durable;
    int64_t oldest_ms, newest_ms; /* of all records */
    int64_t oldest_image_ms, newest_image_ms;
    uint64_t rejected; /* by the schema, in the present attempt */
};

/* ---- collecting ---- */

static void weigh(struct batch *batch)
{
    batch->durable = false;
    batch->newest_ms = batch->newest_image_ms = INT64_MIN;
    batch->oldest_ms = batch->oldest_image_ms = INT64_MAX;
    for (int i = 0; i < batch->count; i++) {
        const struct record *record = batch->records[i];
        batch->durable = batch->durable || record->durable;
        if (record->kind == RECORD_HISTORY || record->kind == RECORD_PLAN)
            continue; /* their time is not the time of the record */
        if (record->at_ms > batch->newest_ms)
            batch->newest_ms = record->at_ms;
        if (record->at_ms < batch->oldest_ms)
            batch->oldest_ms = record->at_ms;
        if (record->kind != RECORD_IMAGE)
            continue;
        if (record->at_ms > batch->newest_image_ms)
            batch->newest_image_ms = record->at_ms;
        if (record->at_ms < batch->oldest_image_ms)
            batch->oldest_image_ms = record->at_ms;
    }
}

/* False when the queue is closed and empty. Who posts patiently waits for the room that a commit
 * makes: then more is not waited for. */
static bool collect(struct queue *queue, struct batch *batch, bool patient)
{
    batch->count = 0;
    while (batch->count == 0) {
        batch->count = (int)queue_wait(queue, batch->records, BATCH_RECORDS, 1000);
        if (batch->count == 0 && queue_closed(queue))
            return false;
    }
    int64_t end_ns = clock_mono_ns() + (patient ? 0 : BATCH_MS * 1000000LL);
    while (batch->count < BATCH_RECORDS && !queue_closed(queue)) {
        int64_t left_ms = (end_ns - clock_mono_ns()) / 1000000;
        if (left_ms <= 0)
            break;
        batch->count += (int)queue_wait(queue, batch->records + batch->count,
                                        (size_t)(BATCH_RECORDS - batch->count), (int)left_ms);
    }
    weigh(batch);
    return true;
}

/* ---- one attempt ---- */

static enum db_result set_durability(struct writer *writer, bool durable)
{
    if (writer->durable == durable)
        return DB_DONE;
    enum db_result result =
        db_script(writer->db, durable           ? "PRAGMA synchronous = FULL"
                              : writer->patient ? "PRAGMA synchronous = OFF"
                                                : "PRAGMA synchronous = NORMAL");
    writer->durable = result == DB_DONE ? durable : -1;
    return result;
}

static const char *remedy(enum db_result result)
{
    switch (result) {
    case DB_FULL:
        return "records wait in memory: free space on this disk";
    case DB_BUSY:
        return "records wait in memory: end the program that holds the write lock";
    case DB_REJECTED:
        return "one record was left out: report this as an error of the program";
    case DB_DONE:
    case DB_ROW:
    case DB_BROKEN:
        break;
    }
    return "records wait in memory: check the file and its disk";
}

static void remember(struct writer *writer, enum db_result result)
{
    pthread_mutex_lock(&writer->flow->mutex);
    error_set(&writer->flow->last, ERROR_SYSTEM, "%s: %s: %s", writer->path, db_message(writer->db),
              remedy(result));
    pthread_mutex_unlock(&writer->flow->mutex);
}

/* A record that the schema refuses goes alone; those around it stay. */
static enum db_result write_record(struct writer *writer, struct batch *batch,
                                   const struct record *record)
{
    enum db_result result = db_script(writer->db, "SAVEPOINT record");
    if (result == DB_DONE)
        result = ledger_write(writer->ledger, record);
    if (result == DB_REJECTED) {
        remember(writer, result);
        batch->rejected++;
        result = db_script(writer->db, "ROLLBACK TO record");
    }
    return result == DB_DONE ? db_script(writer->db, "RELEASE record") : result;
}

/* A hole in the ledger is never silent. */
static enum db_result tell_refused(struct writer *writer, uint64_t refused, int64_t now_ms)
{
    if (refused == writer->refused_told)
        return DB_DONE;
    struct cycle_event event = {.kind = EVENT_QUEUE_OVERFLOW, .subject = "store"};
    snprintf(event.text, sizeof event.text, "%llu records were refused and are not in the ledger",
             (unsigned long long)(refused - writer->refused_told));
    return ledger_write_event(writer->ledger, now_ms, &event);
}

static enum db_result note_run(struct writer *writer, const struct batch *batch)
{
    enum db_result result = DB_DONE;
    if (!writer->run_began)
        result = identity_in_use(writer->db, batch->oldest_ms);
    if (result != DB_DONE)
        return result;
    return db_once(writer->db,
                   "UPDATE run SET first_ms = coalesce(first_ms, ?1),"
                   " last_ms = max(coalesce(last_ms, ?2), ?2) WHERE run_id = ?3",
                   DB_VALUES(db_integer(batch->oldest_ms), db_integer(batch->newest_ms),
                             db_integer(writer->run_id)));
}

static enum db_result write_all(struct writer *writer, struct batch *batch, uint64_t refused)
{
    enum db_result result = DB_DONE;
    batch->rejected = 0;
    for (int i = 0; result == DB_DONE && i < batch->count; i++)
        result = write_record(writer, batch, batch->records[i]);
    if (result == DB_DONE && batch->newest_image_ms != INT64_MIN)
        result = rollup_close(writer->rollup, batch->oldest_image_ms, batch->newest_image_ms);
    if (result == DB_DONE && batch->newest_ms != INT64_MIN)
        result = note_run(writer, batch);
    if (result == DB_DONE && batch->newest_ms != INT64_MIN)
        result = tell_refused(writer, refused, batch->newest_ms);
    return result;
}

static enum db_result commit_once(struct writer *writer, struct batch *batch)
{
    uint64_t refused = atomic_load(&writer->flow->refused);
    enum db_result result = set_durability(writer, batch->durable && !writer->patient);
    if (result == DB_DONE)
        result = db_script(writer->db, "BEGIN IMMEDIATE");
    if (result == DB_DONE)
        result = write_all(writer, batch, refused);
    if (result == DB_DONE)
        result = db_script(writer->db, "COMMIT");
    if (result != DB_DONE) {
        remember(writer, result);
        db_rollback(writer->db);
        return result;
    }
    if (batch->newest_ms != INT64_MIN) {
        writer->run_began = true;
        writer->refused_told = refused;
        atomic_store(&writer->flow->last_commit_ms, batch->newest_ms);
    }
    return DB_DONE;
}

/* ---- until it is in ---- */

/* Sleeps in short naps; returns early when the queue is being closed. */
static void back_off(struct queue *queue, int ms)
{
    for (int slept_ms = 0; slept_ms < ms; slept_ms += NAP_MS) {
        if (queue_closed(queue) && slept_ms >= RETRY_FIRST_MS)
            return;
        nanosleep(&(struct timespec){.tv_nsec = NAP_MS * 1000000L}, NULL);
    }
}

/* True when the batch is committed, false when it is given up because the program ends. */
static bool commit(struct writer *writer, struct batch *batch)
{
    struct store_flow *flow = writer->flow;
    int wait_ms = RETRY_FIRST_MS;
    int64_t closing_ns = 0;
    enum db_result result;
    while ((result = commit_once(writer, batch)) != DB_DONE) {
        atomic_fetch_add(&flow->retried, (uint64_t)batch->count);
        atomic_store(&flow->full, result == DB_FULL);
        if (wait_ms == RETRY_FIRST_MS)
            log_warning("store: %s", flow->last.text);
        if (queue_closed(flow->queue)) {
            closing_ns = closing_ns ? closing_ns : clock_mono_ns();
            if (clock_mono_ns() - closing_ns > GIVE_UP_MS * 1000000LL)
                return false;
        }
        back_off(flow->queue, wait_ms);
        wait_ms = wait_ms * 2 < RETRY_LONGEST_MS ? wait_ms * 2 : RETRY_LONGEST_MS;
    }
    atomic_store(&flow->full, false);
    return true;
}

static void release(struct store_flow *flow, struct batch *batch, bool committed)
{
    uint64_t lost = committed ? batch->rejected : (uint64_t)batch->count;
    atomic_fetch_add(&flow->written, (uint64_t)batch->count - lost);
    atomic_fetch_add(&flow->refused, lost);
    for (int i = 0; i < batch->count; i++) {
        atomic_fetch_sub(&flow->bytes, batch->records[i]->size);
        free(batch->records[i]);
    }
}

/* The mark of a clean end, and one file instead of two. */
static void end_run(struct writer *writer)
{
    set_durability(writer, true);
    if (db_once(writer->db, "UPDATE run SET clean = 1 WHERE run_id = ?",
                DB_VALUES(db_integer(writer->run_id))) != DB_DONE)
        log_warning("store: %s: the end of this run is not recorded", db_message(writer->db));
    db_script(writer->db, "PRAGMA wal_checkpoint(TRUNCATE)");
}

void *writer_main(void *argument)
{
    struct writer *writer = argument;
    struct batch batch;
    bool gave_up = false;
    while (collect(writer->flow->queue, &batch, writer->patient)) {
        bool committed = !gave_up && commit(writer, &batch);
        gave_up = gave_up || !committed;
        release(writer->flow, &batch, committed);
        if (committed && batch.newest_image_ms != INT64_MIN && !queue_closed(writer->flow->queue) &&
            set_durability(writer, false) == DB_DONE)
            rollup_retain(writer->rollup, batch.newest_image_ms);
    }
    if (gave_up)
        log_error("store: %llu records are lost: %s",
                  (unsigned long long)atomic_load(&writer->flow->refused), writer->flow->last.text);
    end_run(writer);
    return NULL;
}
