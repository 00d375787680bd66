/* Prologue, rounds and set-points of one Modbus device. */
#include "drivers/modbus_unit.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/log.h"
#include "drivers/modbus_pdu.h"
#include "drivers/tcp_link.h"

enum {
    READ_BACK_MS = 100, /* between two looks at a register that settles */
    BUSY_MS = 500,      /* before a device that was busy is asked again for a set-point */
    FOUND_TEXT = 96,
};

static const int64_t MS_NS = 1000000;

static const struct profile_row *row_of(const struct modbus_unit *unit, int row)
{
    return &unit->plan->profile->rows[row];
}

/* What the sink is told */

static void tell_sample(struct modbus_unit *unit, struct moment now, int row,
                        const struct sample *verdict)
{
    struct sample sample = *verdict;
    sample.point = unit->first_point + row;
    sample.source_ms = sample.receive_ms = now.site_ms;
    unit->sink->sample(unit->sink->context, &sample);
}

static void tell_missing(struct modbus_unit *unit, struct moment now, int row, enum reason reason)
{
    const struct sample sample = {
        .quality = QUALITY_MISSING, .reason = reason, .value = (double)NAN};
    tell_sample(unit, now, row, &sample);
}

/* `registers` begin at `address` and hold all that the row needs. */
static void tell_row(struct modbus_unit *unit, struct moment now, int row,
                     const uint16_t *registers, uint16_t address)
{
    const struct profile_row *r = row_of(unit, row);
    struct sample sample = {.value = (double)NAN};
    sample.quality = profile_decode(unit->plan->profile, r, registers + (r->address - address),
                                    &sample.value, &sample.reason);
    tell_sample(unit, now, row, &sample);
}

static void tell_block(struct modbus_unit *unit, struct moment now, const struct poll_block *block,
                       enum reason reason)
{
    for (int i = 0; i < block->rows; i++)
        tell_missing(unit, now, unit->plan->order[block->first + i], reason);
}

static void tell_absent(struct modbus_unit *unit, struct moment now)
{
    for (int row = 0; row < unit->plan->profile->row_count; row++)
        if (row_of(unit, row)->absent)
            tell_missing(unit, now, row, REASON_NOT_OFFERED);
}

static void tell_written(struct modbus_unit *unit, const struct unit_write *write,
                         enum reason reason)
{
    unit->sink->written(unit->sink->context, unit->first_point + write->row, write->value, reason);
}

static void set_link(struct modbus_unit *unit, struct moment now, enum link_state link,
                     enum reason reason)
{
    struct device_health *health = &unit->health;
    bool changed = !unit->told || health->link != link;
    health->link = link;
    health->reason = reason;
    if (!changed)
        return;
    unit->told = true;
    health->up_since_ms = now.site_ms;
    unit->sink->link(unit->sink->context, unit->device, link, reason);
}

/* Set-points: queue and outcome */

/* How it is written is decided when it is about to be: a table that was not yet bound, or is bound
 * anew, says neither where the register is nor how it is scaled. */
static void begin_write(struct modbus_unit *unit)
{
    unit->step = TASK_ENCODE;
    unit->sent = false;
    unit->busy = 0;
    unit->wait_ns = 0;
}

static void remove_write(struct modbus_unit *unit, int place)
{
    unit->queued--;
    memmove(unit->queue + place, unit->queue + place + 1,
            sizeof(unit->queue[0]) * (size_t)(unit->queued - place));
    if (place == 0)
        begin_write(unit);
}

static void end_write(struct modbus_unit *unit, enum reason reason)
{
    struct unit_write write = unit->queue[0];
    remove_write(unit, 0);
    tell_written(unit, &write, reason);
}

/* The first write ends without an answer: of what never left that is certain. */
static void end_unanswered(struct modbus_unit *unit)
{
    end_write(unit, unit->sent ? REASON_WRITE_UNANSWERED : REASON_WRITE_FAILED);
}

static bool writes(const struct modbus_unit *unit)
{
    return unit->out &&
           (unit->task == TASK_SCALE || unit->task == TASK_WRITE || unit->task == TASK_VERIFY);
}

/* The newest value of a point is the one that counts; one that was sent has worn the register. */
static void forget_older(struct modbus_unit *unit, int row)
{
    for (int i = unit->queued - 1; i >= (writes(unit) ? 1 : 0); i--) {
        if (unit->queue[i].row != row)
            continue;
        if (i == 0 && unit->sent)
            end_write(unit, REASON_WRITE_REPLACED);
        else
            remove_write(unit, i);
    }
}

/* A newer value of its point waits behind the first write. */
static bool is_outdated(const struct modbus_unit *unit)
{
    for (int i = 1; i < unit->queued; i++)
        if (unit->queue[i].row == unit->queue[0].row)
            return true;
    return false;
}

static int make_room(struct modbus_unit *unit, struct error *error)
{
    if (unit->queued < unit->room)
        return 0;
    int room = unit->room == 0 ? 4 : 2 * unit->room;
    struct unit_write *queue = realloc(unit->queue, sizeof(*queue) * (size_t)room);
    if (queue == NULL)
        return error_set(error, ERROR_SYSTEM, "%s: out of memory", unit->name);
    unit->queue = queue;
    unit->room = room;
    return 0;
}

static bool is_aside(const struct modbus_unit *unit, struct moment now)
{
    return now.real_ns < unit->aside_ns;
}

int unit_write(struct modbus_unit *unit, struct moment now, int row, double value, bool reachable,
               struct error *error)
{
    const struct profile_row *r = row_of(unit, row);
    const struct unit_write write = {.row = row, .value = value};
    uint16_t registers[4];
    /* Whether a value fits its register is known when the register and its scale are. */
    bool unbound = unit->profile->sunspec && unit->stage != UNIT_READY;
    bool later = (unbound || r->scaled) && r->write.allowed && value >= r->write.low &&
                 value <= r->write.high;
    if (!later && profile_encode(r, value, 0, registers, error) < 0)
        return error_prefix(error, ERROR_INVALID, "%s", unit->name);
    if (!reachable || is_aside(unit, now)) {
        tell_written(unit, &write, REASON_WRITE_FAILED);
        return 0;
    }
    forget_older(unit, row);
    int result = make_room(unit, error);
    if (result < 0)
        return result;
    unit->queue[unit->queued++] = write;
    if (unit->queued == 1)
        begin_write(unit);
    return 0;
}

/* The end of being reachable */

static void fail_pending(struct modbus_unit *unit, struct moment now, enum reason reason)
{
    struct poll_block block;
    while (poll_next(unit->poll, &block)) {
        poll_failed(unit->poll, &block);
        tell_block(unit, now, &block, reason);
    }
}

static void fail_writes(struct modbus_unit *unit)
{
    for (int left = unit->queued; left > 0; left--)
        end_unanswered(unit);
}

/* What was asked will not be answered. */
static void give_up(struct modbus_unit *unit, struct moment now, enum reason reason)
{
    unit->out = false;
    set_link(unit, now, LINK_DOWN, reason);
    fail_writes(unit);
    fail_pending(unit, now, reason);
}

void unit_lost(struct modbus_unit *unit, struct moment now, enum reason reason)
{
    unit->stage = UNIT_OFF;
    /* A device that is left alone for what it did is not better for being
     * disconnected. */
    give_up(unit, now, is_aside(unit, now) ? unit->health.reason : reason);
}

static void begin_prologue(struct modbus_unit *unit)
{
    unit->identity = 0;
    if (unit->profile->sunspec)
        sunspec_walk_begin(unit->walk);
    unit->stage = unit->profile->identity_count > 0 ? UNIT_IDENTITY
                  : unit->profile->sunspec          ? UNIT_WALK
                                                    : UNIT_READY;
}

void unit_set_aside(struct modbus_unit *unit, struct moment now, enum reason reason)
{
    unit->aside_ns = now.real_ns + tcp_link_backoff_ms(unit->attempts++, &unit->random) * MS_NS;
    begin_prologue(unit);
    give_up(unit, now, reason);
}

void unit_up(struct modbus_unit *unit, struct moment now)
{
    unit->health.reconnects += unit->connected;
    unit->connected = true;
    unit->tried = false;
    unit->rest_ns = now.real_ns + unit->profile->connect_delay_ms * MS_NS;
    begin_prologue(unit);
}

void unit_poll(struct modbus_unit *unit, struct moment now, bool reachable)
{
    bool overrun = poll_begin(unit->poll, now.site_ms);
    if (reachable && !is_aside(unit, now)) {
        unit->health.overruns += overrun;
        return;
    }
    enum reason reason = unit->health.reason;
    fail_pending(unit, now, reason == REASON_NONE ? REASON_DISCONNECTED : reason);
}

/* Requests */

static uint8_t read_function(enum register_table table)
{
    return table == TABLE_HOLDING ? MODBUS_READ_HOLDING : MODBUS_READ_INPUT;
}

static bool next_walk(struct modbus_unit *unit, struct port_request *request)
{
    unit->task = TASK_WALK;
    request->function = MODBUS_READ_HOLDING;
    return sunspec_walk_next(unit->walk, &request->address, &request->count);
}

/* With the scale that the device has now; a value that its row cannot hold is not sent. */
static void encode_write(struct modbus_unit *unit, int scale)
{
    const struct unit_write *write = &unit->queue[0];
    struct error error;
    if (profile_encode(row_of(unit, write->row), write->value, scale, unit->written, &error) == 0) {
        unit->step = TASK_WRITE;
        return;
    }
    log_warning("%s: %s", unit->name, error.text);
    end_write(unit, REASON_WRITE_FAILED);
}

/* Of a device whose table is bound by now: what it does not offer is nowhere to be written. */
static void start_writes(struct modbus_unit *unit)
{
    while (unit->queued > 0 && unit->step == TASK_ENCODE) {
        const struct profile_row *row = row_of(unit, unit->queue[0].row);
        if (row->absent)
            end_write(unit, REASON_WRITE_FAILED);
        else if (row->scaled)
            unit->step = TASK_SCALE;
        else
            encode_write(unit, 0);
    }
}

static void request_scale(struct modbus_unit *unit, const struct profile_row *row,
                          struct port_request *request)
{
    request->address = row->scale_address;
    request->count = 1;
    if (!row->write.write_only)
        poll_plan_row(unit->plan, unit->queue[0].row, &request->address, &request->count);
}

static bool next_write(struct modbus_unit *unit, struct moment now, struct port_request *request)
{
    if (unit->queued == 0 || now.real_ns < unit->wait_ns)
        return false;
    const struct profile_row *row = row_of(unit, unit->queue[0].row);
    unit->task = unit->step;
    request->function = read_function(row->table);
    if (unit->step == TASK_SCALE) {
        request_scale(unit, row, request);
    } else if (unit->step == TASK_VERIFY) {
        poll_plan_row(unit->plan, unit->queue[0].row, &request->address, &request->count);
    } else {
        request->function = (uint8_t)row->write.function;
        request->address = row->address;
        request->count = (uint16_t)register_type_words(row->type);
        request->values = unit->written;
    }
    unit->block.address = request->address;
    return true;
}

static bool next_read(struct modbus_unit *unit, struct port_request *request)
{
    if (!poll_next(unit->poll, &unit->block))
        return false;
    unit->task = TASK_READ;
    request->function = read_function(unit->block.table);
    request->address = unit->block.address;
    request->count = unit->block.count;
    return true;
}

static bool next_request(struct modbus_unit *unit, struct moment now, bool urgent,
                         struct port_request *request)
{
    const struct profile_identity *identity = &unit->profile->identities[unit->identity];
    switch (unit->stage) {
    case UNIT_OFF:
        return false;
    case UNIT_IDENTITY:
        unit->task = TASK_IDENTITY;
        request->function = read_function(identity->table);
        request->address = identity->address;
        request->count = identity->count;
        return !urgent;
    case UNIT_WALK:
        return !urgent && next_walk(unit, request);
    case UNIT_READY:
        break;
    }
    start_writes(unit);
    return next_write(unit, now, request) || (!urgent && next_read(unit, request));
}

bool unit_next(struct modbus_unit *unit, struct moment now, bool urgent,
               struct port_request *ret_request)
{
    if (unit->out || now.real_ns < unit->rest_ns || is_aside(unit, now))
        return false;
    struct port_request request = {.unit = unit->address,
                                   .timeout_ms = unit->profile->reply_timeout_ms};
    if (!next_request(unit, now, urgent, &request))
        return false;
    unit->out = true;
    unit->sent_ns = now.real_ns;
    unit->health.requests++;
    unit->health.writes += unit->task == TASK_WRITE;
    unit->sent |= unit->task == TASK_WRITE;
    *ret_request = request;
    return true;
}

int64_t unit_next_ns(const struct modbus_unit *unit)
{
    struct poll_block block;
    int64_t free_ns = unit->rest_ns > unit->aside_ns ? unit->rest_ns : unit->aside_ns;
    if (unit->stage == UNIT_OFF || unit->out)
        return INT64_MAX;
    if (unit->stage != UNIT_READY || poll_next(unit->poll, &block))
        return free_ns;
    if (unit->queued == 0)
        return INT64_MAX;
    return unit->wait_ns > free_ns ? unit->wait_ns : free_ns;
}

/* Answers of the prologue */

static void not_the_device(struct modbus_unit *unit, struct moment now, const char *text)
{
    if (unit->health.reason != REASON_IDENTITY_MISMATCH)
        log_warning("%s: %s", unit->name, text);
    unit_set_aside(unit, now, REASON_IDENTITY_MISMATCH);
    for (int row = 0; row < unit->profile->row_count; row++)
        tell_missing(unit, now, row, REASON_IDENTITY_MISMATCH);
}

static void take_identity(struct modbus_unit *unit, struct moment now, const uint16_t *registers)
{
    const struct profile_identity *identity = &unit->profile->identities[unit->identity];
    char found[FOUND_TEXT] = "refuses to be read";
    struct error error;
    if (registers == NULL || !profile_identity_matches(identity, registers, found, sizeof(found))) {
        error_set(&error, ERROR_INVALID,
                  "not the device of profile \"%s\": register %u holds %s; check "
                  "address, unit and "
                  "profile",
                  unit->profile->name, identity->address, found);
        not_the_device(unit, now, error.text);
        return;
    }
    if (++unit->identity == unit->profile->identity_count)
        unit->stage = unit->profile->sunspec ? UNIT_WALK : UNIT_READY;
}

/* Changes over to the table that the device offers; what was learnt of the same
 * one stays. */
static bool bind(struct modbus_unit *unit, struct moment now)
{
    struct profile *bound = malloc(sizeof(*bound));
    const struct poll_plan *plan = NULL;
    if (bound != NULL) {
        sunspec_bind(&unit->walk->chain, unit->profile, bound);
        plan = poll_tables_take_copy(unit->tables, bound);
        free(bound);
    }
    if (plan == NULL)
        return false;
    if (plan == unit->plan) {
        poll_tables_release(unit->tables, plan);
        return true;
    }
    struct poll_state *poll = poll_state_create(plan, (uint32_t)unit->device);
    if (poll == NULL) {
        poll_tables_release(unit->tables, plan);
        return false;
    }
    poll_tables_release(unit->tables, unit->plan);
    free(unit->poll);
    unit->plan = plan;
    unit->poll = poll;
    poll_begin(poll, now.site_ms);
    return true;
}

static void take_walk(struct modbus_unit *unit, struct moment now, const uint16_t *registers)
{
    uint16_t address, count;
    sunspec_walk_take(unit->walk, registers);
    if (sunspec_walk_next(unit->walk, &address, &count))
        return;
    if (unit->walk->failed) {
        struct error error = unit->walk->error;
        not_the_device(unit, now, error.text);
        return;
    }
    if (!bind(unit, now)) {
        unit_set_aside(unit, now, REASON_DISCONNECTED); /* out of memory: again later */
        return;
    }
    unit->stage = UNIT_READY;
    tell_absent(unit, now);
}

/* Answers to reads and writes */

static void take_read(struct modbus_unit *unit, struct moment now, const uint16_t *registers)
{
    const struct poll_block block = unit->block;
    poll_read(unit->poll, &block);
    for (int i = 0; i < block.rows; i++)
        tell_row(unit, now, unit->plan->order[block.first + i], registers, block.address);
}

static void take_read_back(struct modbus_unit *unit, struct moment now, const uint16_t *registers)
{
    const struct unit_write *write = &unit->queue[0];
    const struct profile_row *row = row_of(unit, write->row);
    const uint16_t *own = registers + (row->address - unit->block.address);
    bool same = memcmp(own, unit->written, 2u * (size_t)register_type_words(row->type)) == 0;
    tell_row(unit, now, write->row, registers, unit->block.address);
    if (same)
        end_write(unit, REASON_WRITE_CONFIRMED);
    else if (now.real_ns >= unit->settled_ns)
        end_write(unit, REASON_WRITE_NOT_HELD);
    else if (is_outdated(unit))
        end_write(unit, REASON_WRITE_REPLACED);
    else
        unit->wait_ns = now.real_ns + READ_BACK_MS * MS_NS;
}

static void begin_verify(struct modbus_unit *unit, struct moment now, int64_t settle_ms)
{
    unit->step = TASK_VERIFY;
    unit->busy = 0;
    unit->settled_ns = now.real_ns + settle_ms * MS_NS;
}

static void take_echo(struct modbus_unit *unit, struct moment now)
{
    const struct profile_row *row = row_of(unit, unit->queue[0].row);
    if (row->write.write_only)
        end_write(unit, REASON_WRITE_CONFIRMED);
    else
        begin_verify(unit, now, row->write.settle_ms);
}

/* Accepted, and it takes the device long: only the register tells how it ended. */
static void take_acknowledge(struct modbus_unit *unit, struct moment now)
{
    const struct profile_row *row = row_of(unit, unit->queue[0].row);
    if (row->write.write_only)
        end_write(unit, REASON_WRITE_UNANSWERED);
    else
        begin_verify(unit, now,
                     row->write.settle_ms > LIMIT_ACKNOWLEDGED_MS ? row->write.settle_ms
                                                                  : LIMIT_ACKNOWLEDGED_MS);
}

static int scale_of(const struct modbus_unit *unit, const uint16_t *registers)
{
    const struct profile_row *row = row_of(unit, unit->queue[0].row);
    uint16_t word = registers[row->scale_address - unit->block.address];
    bool swapped = row->order == ORDER_BADC || row->order == ORDER_DCBA;
    return (int16_t)(swapped ? word << 8 | word >> 8 : word);
}

static void take_reply(struct modbus_unit *unit, struct moment now, const uint16_t *registers)
{
    switch (unit->task) {
    case TASK_IDENTITY:
        take_identity(unit, now, registers);
        break;
    case TASK_WALK:
        take_walk(unit, now, registers);
        break;
    case TASK_READ:
        take_read(unit, now, registers);
        break;
    case TASK_SCALE:
        encode_write(unit, scale_of(unit, registers));
        break;
    case TASK_ENCODE:
        break;
    case TASK_WRITE:
        take_echo(unit, now);
        break;
    case TASK_VERIFY:
        take_read_back(unit, now, registers);
        break;
    }
}

/* A refusal that says that there is no such register; others may pass. */
static bool is_illegal(uint8_t exception)
{
    return exception <= MODBUS_ILLEGAL_VALUE;
}

/* The device is there and has no time: says nothing about what it was asked for. */
static bool is_busy(uint8_t exception)
{
    return exception == MODBUS_ACKNOWLEDGE || exception == MODBUS_DEVICE_BUSY;
}

static void take_read_exception(struct modbus_unit *unit, struct moment now, uint8_t exception)
{
    struct poll_block block = unit->block;
    if (is_busy(exception))
        poll_failed(unit->poll, &block);
    else if (poll_refused(unit->poll, &block, exception, now.site_ms))
        return;
    tell_block(unit, now, &block, REASON_DEVICE_EXCEPTION);
}

/* Of a request of the first write. */
static void take_write_exception(struct modbus_unit *unit, struct moment now, uint8_t exception)
{
    if (unit->task == TASK_WRITE && exception == MODBUS_ACKNOWLEDGE) {
        take_acknowledge(unit, now);
        return;
    }
    bool again = is_busy(exception) && ++unit->busy < LIMIT_BUSY_TRIES;
    if (again && unit->task == TASK_WRITE)
        unit->sent = false; /* and was not taken */
    if (again)
        unit->wait_ns = now.real_ns + BUSY_MS * MS_NS;
    else if (unit->task == TASK_WRITE)
        end_write(unit, REASON_WRITE_REFUSED);
    else
        end_unanswered(unit);
}

static void take_exception(struct modbus_unit *unit, struct moment now, uint8_t exception)
{
    if (unit->stage != UNIT_READY && !is_illegal(exception)) {
        unit_set_aside(unit, now, REASON_DEVICE_EXCEPTION);
        return;
    }
    switch (unit->task) {
    case TASK_IDENTITY:
        take_identity(unit, now, NULL);
        break;
    case TASK_WALK:
        take_walk(unit, now, NULL);
        break;
    case TASK_READ:
        take_read_exception(unit, now, exception);
        break;
    case TASK_SCALE:
    case TASK_WRITE:
    case TASK_VERIFY:
        take_write_exception(unit, now, exception);
        break;
    case TASK_ENCODE:
        break;
    }
}

static void take_mismatch(struct modbus_unit *unit, struct moment now)
{
    struct poll_block block = unit->block;
    if (unit->stage != UNIT_READY) {
        unit_set_aside(unit, now, REASON_REPLY_MISMATCH);
    } else if (unit->task == TASK_READ) {
        poll_failed(unit->poll, &block);
        tell_block(unit, now, &block, REASON_REPLY_MISMATCH);
    } else {
        end_unanswered(unit);
    }
}

static void count_reply(struct modbus_unit *unit, struct moment now)
{
    struct device_health *health = &unit->health;
    double took_ms = (double)(now.real_ns - unit->sent_ns) / 1e6;
    health->replies++;
    health->round_trip_ms += (took_ms - health->round_trip_ms) / (health->replies == 1 ? 1 : 8);
}

static void note_ready(struct modbus_unit *unit, struct moment now)
{
    if (unit->stage != UNIT_READY)
        return;
    unit->attempts = 0;
    set_link(unit, now, LINK_UP, REASON_FRESH);
}

void unit_done(struct modbus_unit *unit, struct moment now, enum port_result result,
               const uint16_t *registers, uint8_t exception)
{
    unit->out = false;
    unit->rest_ns = now.real_ns + unit->profile->inter_request_ms * MS_NS;
    unit->health.timeouts += result == PORT_TIMEOUT;
    unit->health.mismatches += result == PORT_MISMATCH;
    unit->health.exceptions += result == PORT_EXCEPTION;
    if (result == PORT_MISMATCH)
        take_mismatch(unit, now);
    if (result != PORT_REPLY && result != PORT_EXCEPTION)
        return;
    count_reply(unit, now);
    note_ready(unit, now);
    if (result == PORT_REPLY)
        take_reply(unit, now, registers);
    else
        take_exception(unit, now, exception);
    note_ready(unit, now);
}

/* Life */

int unit_init(struct modbus_unit *unit, const char *name, int32_t device, int32_t first_point,
              uint8_t address, const struct profile *profile, struct poll_tables *tables,
              const struct driver_sink *sink, struct error *error)
{
    *unit = (struct modbus_unit){
        .tables = tables,
        .sink = sink,
        .name = name,
        .device = device,
        .first_point = first_point,
        .address = address,
        .profile = profile,
        .random = 0x9e3779b9u * (uint32_t)(device + 1) | 1,
    };
    unit->plan = poll_tables_take(tables, profile);
    if (unit->plan != NULL)
        unit->poll = poll_state_create(unit->plan, (uint32_t)device);
    if (profile->sunspec)
        unit->walk = malloc(sizeof(*unit->walk));
    if (unit->poll == NULL || (profile->sunspec && unit->walk == NULL))
        return error_set(error, ERROR_SYSTEM, "%s: out of memory", name);
    return 0;
}

void unit_finish(struct modbus_unit *unit)
{
    if (unit->plan != NULL)
        poll_tables_release(unit->tables, unit->plan);
    free(unit->poll);
    free(unit->walk);
    free(unit->queue);
}
