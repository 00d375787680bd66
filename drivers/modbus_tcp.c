/* Rounds, transactions and writes of Modbus TCP devices: one connection and one transaction in
 * flight per device, so that replies cannot be confused and no device waits for another.
 *
 * A round reads what is due; writes go first, each followed by its read-back. The deadline bounds
 * the whole reply. Whatever leaves doubt about the byte stream closes the connection, and every
 * point that was to be read is told missing, with the reason. */
#include "drivers/modbus_tcp.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "drivers/modbus_codec.h"
#include "drivers/poll_plan.h"
#include "drivers/tcp_link.h"

enum {
    CONNECT_LEAST_MS = 1000,
    GRACE_MS = 1,
    ILLEGAL_ADDRESS = 2,
    READ_HOLDING = 3,
    READ_INPUT = 4,
    WORDS_MOST = 4, /* registers of one row */
};

enum phase {
    PHASE_IDLE,
    PHASE_WAITING, /* for a reply */
    PHASE_RESTING, /* between requests */
};

enum task { TASK_READ, TASK_WRITE, TASK_VERIFY };

struct pending_write {
    int row;
    double value;
    uint16_t registers[WORDS_MOST];
};

struct slave {
    struct modbus_tcp *driver;
    struct modbus_device config;
    struct tcp_link *link;
    uv_timer_t timer; /* end of the reply or of the rest */
    struct poll_plan plan;

    enum phase phase;
    enum task task;                /* of the transaction in flight */
    int block;                     /* that TASK_READ reads */
    struct pending_write write;    /* that TASK_WRITE and TASK_VERIFY are about */
    bool verify_due;               /* the next transaction reads `write` back */
    struct modbus_request request; /* in flight, else its transaction is the next number */
    bool grace;                    /* the deadline passed, a last look at the socket follows */
    uint64_t sent_ns;

    struct pending_write queue[POINT_KINDS]; /* oldest first, each row once */
    int queued;

    struct device_health health;
    bool told;      /* the sink knows the link state */
    bool connected; /* at least once */
};

struct modbus_tcp {
    struct driver driver; /* first: what callers hold */
    uv_loop_t *loop;
    const struct clock *clock;
    const struct topology *topology;
    struct driver_sink sink;
    int32_t *slave_of; /* by topology device; -1: not ours */
    uint8_t frame[MODBUS_ADU_MOST];
    uint16_t registers[MODBUS_READ_MOST];
    int open_timers;
    int count;
    struct slave slaves[];
};

static void advance(struct slave *slave);

/* What the sink is told */

static void tell_sample(struct slave *slave, int row, const struct sample *verdict)
{
    struct sample sample = *verdict;
    const struct device *device = &slave->driver->topology->devices[slave->config.device];
    sample.point = device->first_point + row;
    sample.source_ms = sample.receive_ms = clock_now_ms(slave->driver->clock);
    slave->driver->sink.sample(slave->driver->sink.context, &sample);
}

static void tell_row(struct slave *slave, int row, const uint16_t *registers)
{
    struct sample sample = {.value = (double)NAN};
    sample.quality = profile_decode(slave->config.profile, &slave->config.profile->rows[row],
                                    registers, &sample.value, &sample.reason);
    tell_sample(slave, row, &sample);
}

static void tell_missing(struct slave *slave, const struct poll_block *block, enum reason reason)
{
    const struct sample sample = {
        .quality = QUALITY_MISSING, .reason = reason, .value = (double)NAN};
    for (int i = 0; i < block->rows; i++)
        tell_sample(slave, slave->plan.order[block->first + i], &sample);
}

static void tell_written(struct slave *slave, const struct pending_write *write, enum reason reason)
{
    const struct device *device = &slave->driver->topology->devices[slave->config.device];
    slave->driver->sink.written(slave->driver->sink.context, device->first_point + write->row,
                                write->value, reason);
}

static void set_link(struct slave *slave, enum link_state link, enum reason reason)
{
    struct device_health *health = &slave->health;
    bool changed = !slave->told || health->link != link;
    health->link = link;
    health->reason = reason;
    if (!changed)
        return;
    slave->told = true;
    health->up_since_ms = clock_now_ms(slave->driver->clock);
    slave->driver->sink.link(slave->driver->sink.context, slave->config.device, link, reason);
}

/* The end of a connection */

static void fail_pending(struct slave *slave, enum reason reason)
{
    for (int i = poll_plan_next(&slave->plan); i >= 0; i = poll_plan_next(&slave->plan)) {
        slave->plan.blocks[i].pending = false;
        tell_missing(slave, &slave->plan.blocks[i], reason);
    }
}

static void fail_writes(struct slave *slave)
{
    bool in_flight = slave->phase == PHASE_WAITING && slave->task != TASK_READ;
    if (in_flight || slave->verify_due)
        tell_written(slave, &slave->write, REASON_WRITE_FAILED);
    slave->verify_due = false;
    int queued = slave->queued;
    slave->queued = 0;
    for (int i = 0; i < queued; i++)
        tell_written(slave, &slave->queue[i], REASON_WRITE_FAILED);
}

/* The link is down: nothing that was asked will be answered. */
static void lost(struct slave *slave, enum reason reason)
{
    uv_timer_stop(&slave->timer);
    fail_writes(slave);
    slave->phase = PHASE_IDLE;
    slave->request.transaction++;
    set_link(slave, LINK_DOWN, reason);
    fail_pending(slave, reason);
}

static void give_up(struct slave *slave, enum reason reason)
{
    tcp_link_drop(slave->link);
    lost(slave, reason);
}

/* Transactions */

static void on_timer(uv_timer_t *timer)
{
    struct slave *slave = timer->data;
    if (slave->phase == PHASE_RESTING) {
        slave->phase = PHASE_IDLE;
        advance(slave);
    } else if (!slave->grace) {
        /* When this process itself was late, the reply may lie in the socket unread: the loop
         * runs timers first. One more turn looks. */
        slave->grace = true;
        uv_timer_start(timer, on_timer, GRACE_MS, 0);
    } else {
        slave->health.timeouts++;
        give_up(slave, REASON_TIMEOUT);
    }
}

static void start(struct slave *slave, enum task task, uint8_t function, uint16_t address,
                  uint16_t count)
{
    struct modbus_tcp *driver = slave->driver;
    slave->task = task;
    slave->request.function = function;
    slave->request.address = address;
    slave->request.count = count;
    size_t length = modbus_encode(
        &slave->request, task == TASK_WRITE ? slave->write.registers : NULL, driver->frame);
    slave->phase = PHASE_WAITING;
    slave->grace = false;
    slave->sent_ns = uv_hrtime();
    slave->health.requests++;
    if (!tcp_link_send(slave->link, driver->frame, length)) {
        give_up(slave, REASON_DISCONNECTED);
        return;
    }
    uv_update_time(driver->loop); /* the deadline counts from now, not from the loop's last turn */
    uv_timer_start(&slave->timer, on_timer, (uint64_t)slave->config.profile->reply_timeout_ms, 0);
}

static uint8_t read_function(enum register_table table)
{
    return table == TABLE_HOLDING ? READ_HOLDING : READ_INPUT;
}

static void start_write(struct slave *slave)
{
    slave->write = slave->queue[0];
    slave->queued--;
    memmove(slave->queue, slave->queue + 1, sizeof(slave->queue[0]) * (size_t)slave->queued);
    const struct profile_row *row = &slave->config.profile->rows[slave->write.row];
    slave->health.writes++;
    start(slave, TASK_WRITE, (uint8_t)row->write.function, row->address,
          (uint16_t)register_type_words(row->type));
}

static void start_verify(struct slave *slave)
{
    const struct profile_row *row = &slave->config.profile->rows[slave->write.row];
    slave->verify_due = false;
    start(slave, TASK_VERIFY, read_function(row->table), row->address,
          (uint16_t)register_type_words(row->type));
}

/* Starts the next transaction when there is one and the device is free. */
static void advance(struct slave *slave)
{
    if (slave->phase != PHASE_IDLE || tcp_link_state(slave->link) != TCP_LINK_UP)
        return;
    if (slave->verify_due) {
        start_verify(slave);
    } else if (slave->queued > 0) {
        start_write(slave);
    } else if ((slave->block = poll_plan_next(&slave->plan)) >= 0) {
        const struct poll_block *block = &slave->plan.blocks[slave->block];
        start(slave, TASK_READ, read_function(block->table), block->address, block->count);
    }
}

static void rest(struct slave *slave)
{
    int64_t pause_ms = slave->config.profile->inter_request_ms;
    slave->request.transaction++;
    if (pause_ms > 0) {
        slave->phase = PHASE_RESTING;
        uv_timer_start(&slave->timer, on_timer, (uint64_t)pause_ms, 0);
        return;
    }
    uv_timer_stop(&slave->timer);
    slave->phase = PHASE_IDLE;
    advance(slave);
}

/* Replies */

static void succeed(struct slave *slave, const uint16_t *registers)
{
    const struct profile *profile = slave->config.profile;
    const struct pending_write *write = &slave->write;

    if (slave->task == TASK_READ) {
        struct poll_block *block = &slave->plan.blocks[slave->block];
        block->pending = false;
        for (int i = 0; i < block->rows; i++) {
            int row = slave->plan.order[block->first + i];
            tell_row(slave, row, registers + (profile->rows[row].address - block->address));
        }
    } else if (slave->task == TASK_WRITE) {
        slave->verify_due = !profile->rows[write->row].write.write_only;
        if (!slave->verify_due)
            tell_written(slave, write, REASON_WRITE_CONFIRMED);
    } else {
        size_t bytes = 2u * slave->request.count;
        bool same = memcmp(registers, write->registers, bytes) == 0;
        tell_row(slave, write->row, registers);
        tell_written(slave, write, same ? REASON_WRITE_CONFIRMED : REASON_WRITE_FAILED);
    }
}

static void fail(struct slave *slave, enum reason reason)
{
    if (slave->task == TASK_READ) {
        struct poll_block *block = &slave->plan.blocks[slave->block];
        block->pending = false;
        tell_missing(slave, block, reason);
    } else {
        tell_written(slave, &slave->write, REASON_WRITE_FAILED);
    }
}

static void refuse(struct slave *slave, uint8_t exception)
{
    slave->health.exceptions++;
    if (slave->task == TASK_READ && exception == ILLEGAL_ADDRESS &&
        poll_plan_split(&slave->plan, slave->block))
        return; /* its parts are asked in this round */
    fail(slave, REASON_DEVICE_EXCEPTION);
}

static void count_reply(struct slave *slave)
{
    struct device_health *health = &slave->health;
    double took_ms = (double)(uv_hrtime() - slave->sent_ns) / 1e6;
    health->replies++;
    health->round_trip_ms += (took_ms - health->round_trip_ms) / (health->replies == 1 ? 1 : 8);
    tcp_link_proven(slave->link);
    set_link(slave, LINK_UP, REASON_FRESH);
}

/* A late or repeated reply is harmless; a number that was never sent is not. */
static bool is_old(const struct slave *slave, const uint8_t *frame)
{
    uint16_t transaction = (uint16_t)(frame[0] << 8 | frame[1]);
    return (uint16_t)(slave->request.transaction - transaction) < 0x8000;
}

/* false: the connection was given up. */
static bool judge(struct slave *slave, enum modbus_verdict verdict, const uint8_t *frame,
                  uint8_t exception)
{
    bool sound = verdict == MODBUS_REPLY || verdict == MODBUS_EXCEPTION;
    if (!sound || slave->phase != PHASE_WAITING)
        slave->health.mismatches++;
    if (verdict == MODBUS_OTHER_TRANSACTION && is_old(slave, frame))
        return true;
    if (slave->phase != PHASE_WAITING || verdict == MODBUS_OTHER_TRANSACTION ||
        verdict == MODBUS_WRONG_PROTOCOL || verdict == MODBUS_WRONG_LENGTH) {
        give_up(slave, REASON_REPLY_MISMATCH);
        return false;
    }
    if (sound)
        count_reply(slave);
    if (verdict == MODBUS_REPLY)
        succeed(slave, slave->driver->registers);
    else if (verdict == MODBUS_EXCEPTION)
        refuse(slave, exception);
    else
        fail(slave, REASON_REPLY_MISMATCH);
    rest(slave);
    return tcp_link_state(slave->link) == TCP_LINK_UP;
}

static size_t on_received(void *context, const uint8_t *bytes, size_t length)
{
    struct slave *slave = context;
    size_t used = 0;
    for (;;) {
        size_t frame;
        uint8_t exception = 0;
        enum modbus_verdict verdict =
            modbus_decode(&slave->request, slave->write.registers, bytes + used, length - used,
                          &frame, slave->driver->registers, &exception);
        if (verdict == MODBUS_INCOMPLETE || !judge(slave, verdict, bytes + used, exception))
            return used;
        used += frame;
    }
}

static void on_up(void *context)
{
    struct slave *slave = context;
    slave->health.reconnects += slave->connected;
    slave->connected = true;
    advance(slave);
}

static void on_down(void *context)
{
    lost(context, REASON_DISCONNECTED);
}

static const struct tcp_link_events LINK_EVENTS = {on_up, on_down, on_received};

/* Verbs */

static void slave_poll(struct slave *slave, int64_t now_ms)
{
    if (poll_plan_next(&slave->plan) >= 0) {
        slave->health.overruns++;
        return;
    }
    if (poll_plan_begin(&slave->plan, now_ms) == 0)
        return;
    if (tcp_link_state(slave->link) == TCP_LINK_WAITING)
        fail_pending(slave, slave->health.reason);
    else
        advance(slave);
}

static void modbus_poll(struct driver *base, int64_t now_ms)
{
    struct modbus_tcp *driver = (struct modbus_tcp *)base;
    for (int i = 0; i < driver->count; i++)
        slave_poll(&driver->slaves[i], now_ms);
}

static struct slave *slave_find(const struct modbus_tcp *driver, int32_t device)
{
    bool known = device >= 0 && device < driver->topology->device_count;
    int32_t index = known ? driver->slave_of[device] : -1;
    return index < 0 ? NULL : (struct slave *)(uintptr_t)&driver->slaves[index];
}

static void enqueue(struct slave *slave, const struct pending_write *write)
{
    int place = 0;
    while (place < slave->queued && slave->queue[place].row != write->row)
        place++;
    assert(place < POINT_KINDS); /* a profile has each point once */
    slave->queue[place] = *write;
    slave->queued += place == slave->queued;
}

static int modbus_write(struct driver *base, int32_t point, double value, struct error *error)
{
    struct modbus_tcp *driver = (struct modbus_tcp *)base;
    const struct topology *topology = driver->topology;
    bool known = point >= 0 && point < topology->point_count;
    struct slave *slave = known ? slave_find(driver, topology->points[point].device) : NULL;
    if (slave == NULL)
        return error_set(error, ERROR_INVALID, "point %d is of no Modbus TCP device", point);

    const struct device *device = &topology->devices[slave->config.device];
    struct pending_write write = {.row = point - device->first_point, .value = value};
    int result =
        profile_encode(&slave->config.profile->rows[write.row], value, 0, write.registers, error);
    if (result < 0)
        return error_prefix(error, result, "%s", device->name);
    if (tcp_link_state(slave->link) == TCP_LINK_WAITING) {
        tell_written(slave, &write, REASON_WRITE_FAILED);
        return 0;
    }
    enqueue(slave, &write);
    advance(slave);
    return 0;
}

static bool modbus_health(const struct driver *base, int32_t device,
                          struct device_health *ret_health)
{
    const struct slave *slave = slave_find((const struct modbus_tcp *)base, device);
    if (slave == NULL)
        return false;
    *ret_health = slave->health;
    if (slave->health.link != LINK_UP && tcp_link_state(slave->link) != TCP_LINK_WAITING)
        ret_health->link = LINK_CONNECTING;
    return true;
}

static void driver_free(struct modbus_tcp *driver)
{
    free(driver->slave_of);
    free(driver);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct slave *slave = handle->data;
    if (--slave->driver->open_timers == 0)
        driver_free(slave->driver);
}

static void modbus_destroy(struct driver *base)
{
    struct modbus_tcp *driver = (struct modbus_tcp *)base;
    if (driver->count == 0)
        driver_free(driver);
    else
        for (int i = 0, count = driver->count; i < count; i++) {
            tcp_link_destroy(driver->slaves[i].link);
            uv_close((uv_handle_t *)&driver->slaves[i].timer, on_timer_closed);
        }
}

static const struct driver_verbs VERBS = {
    .name = "modbus-tcp",
    .poll = modbus_poll,
    .write = modbus_write,
    .health = modbus_health,
    .destroy = modbus_destroy,
};

/* Creation */

static int slave_init(struct modbus_tcp *driver, struct slave *slave,
                      const struct modbus_device *config, struct error *error)
{
    assert(config->device >= 0 && config->device < driver->topology->device_count);
    const struct device *device = &driver->topology->devices[config->device];
    assert(device->point_count == config->profile->row_count);
    if (config->host[0] == '\0' || config->port == 0)
        return error_set(error, ERROR_INVALID, "%s: a Modbus TCP device needs a host and a port",
                         device->name);

    int64_t timeout_ms = config->profile->reply_timeout_ms;
    struct tcp_link_config link = {
        .port = config->port,
        .connect_timeout_ms = timeout_ms > CONNECT_LEAST_MS ? timeout_ms : CONNECT_LEAST_MS,
        .seed = 0x9e3779b9u * (uint32_t)(config->device + 1) ^ config->port,
        .events = &LINK_EVENTS,
        .context = slave,
    };
    memcpy(link.host, config->host, sizeof(link.host));
    slave->driver = driver;
    slave->config = *config;
    slave->request.unit = config->unit;
    poll_plan_init(&slave->plan, config->profile);
    slave->link = tcp_link_create(driver->loop, &link);
    if (slave->link == NULL)
        return error_set(error, ERROR_SYSTEM, "%s: out of memory", device->name);
    uv_timer_init(driver->loop, &slave->timer);
    slave->timer.data = slave;
    driver->open_timers++;
    driver->slave_of[config->device] = driver->count++;
    return 0;
}

int modbus_tcp_create(uv_loop_t *loop, const struct clock *clock, const struct topology *topology,
                      const struct modbus_device *devices, int count,
                      const struct driver_sink *sink, struct driver **ret_driver,
                      struct error *error)
{
    struct modbus_tcp *driver =
        calloc(1, sizeof(*driver) + sizeof(driver->slaves[0]) * (size_t)count);
    int32_t *slave_of = malloc(sizeof(*slave_of) * (size_t)(topology->device_count + 1));
    if (driver == NULL || slave_of == NULL) {
        free(slave_of);
        free(driver);
        return error_set(error, ERROR_SYSTEM, "Modbus TCP driver: out of memory");
    }
    for (int32_t i = 0; i < topology->device_count; i++)
        slave_of[i] = -1;
    driver->driver.verbs = &VERBS;
    driver->loop = loop;
    driver->clock = clock;
    driver->topology = topology;
    driver->sink = *sink;
    driver->slave_of = slave_of;
    for (int i = 0; i < count; i++) {
        int result = slave_init(driver, &driver->slaves[i], &devices[i], error);
        if (result < 0) {
            modbus_destroy(&driver->driver);
            return result;
        }
    }
    *ret_driver = &driver->driver;
    return 0;
}
