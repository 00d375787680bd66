/* RTU frames carry no transaction number and no length: what is believed rests on the check sum, on
 * silence, and on the order in which units answer.
 *
 * Junk before a sound frame or behind it does no harm: lines without bias resistors make some each
 * time a driver lets go of them. Two sound frames in the place of one leave no telling which of
 * them was meant: neither counts. A second, unasked reply that comes a little later would be taken
 * for that to the next request, where both look the same: the pause between such requests leaves it
 * little room. */
#include "drivers/modbus_bus.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controller/base/clock.h"
#include "drivers/modbus_rtu_codec.h"

enum {
    QUIET_MS = 50, /* silence after which a garbled line is at a frame boundary again: USB
                      adapters deliver in pieces 16 ms apart */
    PAUSE_MS = 30, /* between requests whose replies look the same */
    FAST_BAUD = 19200,
    FAST_SILENCE_US = 1750, /* between frames above that speed; 3.5 characters below */
    FRAME_EXTRA = 3,        /* bytes around a PDU */
};

static const int64_t MS_NS = 1000000;
static const int64_t SECOND_NS = 1000000000;

enum hush {
    HUSH_SILENT,
    HUSH_NEVER,
    HUSH_LOST, /* the line is gone, or not wanted */
};

/* What a unit is asked: the caller's request, or the question before it. */
struct asking {
    struct modbus_request request;
    const uint16_t *values; /* NULL for reads */
    int64_t timeout_ms;
    int64_t sent_ns; /* 0: it never went out */
    uint16_t *registers;
    uint8_t *exception;
};

/* ---- waiting and reading ------------------------------------------------------------------- */

enum modbus_bus_waking modbus_bus_wait(struct modbus_bus *bus, int64_t until_ns)
{
    struct pollfd fds[] = {{.fd = bus->fd, .events = POLLIN},
                           {.fd = bus->owner.wake_fd, .events = POLLIN}};
    int64_t left_ns = until_ns - clock_mono_ns();
    uint64_t count;

    if (left_ns < 0)
        left_ns = 0;
    const struct timespec left = {left_ns / SECOND_NS, left_ns % SECOND_NS};
    if (ppoll(fds, 2, &left, NULL) < 0)
        return errno == EINTR ? BUS_TOLD : BUS_LOST;
    if (fds[1].revents & POLLIN) {
        if (read(bus->owner.wake_fd, &count, sizeof(count)) < 0)
            assert(errno == EAGAIN);
        return BUS_TOLD;
    }
    if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL))
        return BUS_LOST;
    return fds[0].revents & POLLIN ? BUS_BYTES : BUS_TIME;
}

/* false: the line is gone. */
static bool read_line(struct modbus_bus *bus)
{
    assert(bus->length < sizeof(bus->heard));
    ssize_t count = read(bus->fd, bus->heard + bus->length, sizeof(bus->heard) - bus->length);

    if (count <= 0)
        return count < 0 && (errno == EAGAIN || errno == EINTR);
    bus->length += (size_t)count;
    bus->busy_ns = clock_mono_ns();
    return true;
}

/* As modbus_bus_wait, and reads what there is. */
static enum modbus_bus_waking wait_and_read(struct modbus_bus *bus, int64_t until_ns)
{
    enum modbus_bus_waking waking = modbus_bus_wait(bus, until_ns);
    bool lost = (waking == BUS_BYTES && !read_line(bus)) ||
                (waking == BUS_TOLD && !bus->owner.wanted(bus->owner.context));

    return lost ? BUS_LOST : waking;
}

/* ---- frames that nobody asked for ---------------------------------------------------------- */

/* Passes over what is no answer: a sound frame of `used` bytes, or else one byte of junk. false:
 * nothing explains it. A unit that says something unasked may say it again, so that it has to
 * answer a question before its next reply is believed. */
static bool pass_over(struct modbus_bus *bus, size_t used)
{
    const int64_t now_ns = clock_mono_ns();
    const uint8_t unit = bus->heard[0];
    bool explained = used > 0 && rtu_owed_any(&bus->owed, unit, now_ns);

    if (used > 0) {
        atomic_fetch_add(&bus->strays, 1);
        if (!explained)
            rtu_owed_request(&bus->owed, unit, now_ns);
    }
    bus->length -= used > 0 ? used : 1;
    memmove(bus->heard, bus->heard + (used > 0 ? used : 1), bus->length);
    return explained;
}

/* Passes over everything but the beginning of a frame; whether there was a sound frame. */
static bool pass_over_all(struct modbus_bus *bus)
{
    static const struct modbus_request NONE = {.unit = 0, .function = 3, .count = 1};
    uint16_t registers[MODBUS_READ_MOST];
    uint8_t exception;
    bool any = false;

    for (;;) {
        size_t used;
        enum modbus_verdict verdict =
            modbus_rtu_decode(&NONE, NULL, bus->heard, bus->length, &used, registers, &exception);
        if (verdict == MODBUS_INCOMPLETE)
            return any;
        any |= used > 0;
        pass_over(bus, used);
    }
}

/* Hears the line out until it has been silent for `silence_ns`. */
static enum hush hear_out(struct modbus_bus *bus, int64_t silence_ns, int64_t deadline_ns,
                          bool *ret_frame)
{
    bool frame = false;

    for (;;) {
        frame |= pass_over_all(bus);
        enum modbus_bus_waking waking = wait_and_read(bus, bus->busy_ns + silence_ns);
        bool never = clock_mono_ns() > deadline_ns;
        if (waking != BUS_TIME && waking != BUS_LOST && !never)
            continue;
        bus->length = 0; /* a frame that never became whole */
        *ret_frame = frame;
        return waking == BUS_LOST ? HUSH_LOST : waking == BUS_TIME ? HUSH_SILENT : HUSH_NEVER;
    }
}

static enum hush await_silence(struct modbus_bus *bus, int64_t least_ns, int64_t most_ms)
{
    int64_t silence_ns = bus->garbled ? QUIET_MS * MS_NS : least_ns;
    bool frame;
    enum hush hush =
        hear_out(bus, silence_ns, clock_mono_ns() + (QUIET_MS + most_ms) * MS_NS, &frame);

    if (hush == HUSH_SILENT)
        bus->garbled = false;
    return hush;
}

bool modbus_bus_hear(struct modbus_bus *bus)
{
    return await_silence(bus, bus->silence_ns, 0) != HUSH_LOST;
}

/* ---- one exchange -------------------------------------------------------------------------- */

/* A reply has come. What follows it at once decides whether it is believed. */
static enum port_result take_reply(struct modbus_bus *bus, enum port_result result, size_t used)
{
    bool frame;
    const int64_t deadline_ns = clock_mono_ns() + 2 * QUIET_MS * MS_NS;

    bus->length -= used;
    memmove(bus->heard, bus->heard + used, bus->length);
    enum hush hush = hear_out(bus, bus->silence_ns, deadline_ns, &frame);
    if (frame || hush == HUSH_NEVER)
        return PORT_MISMATCH;
    return result; /* a line that was lost behind it is found so by the next wait */
}

static enum port_result receive(struct modbus_bus *bus, const struct asking *asking,
                                int64_t deadline_ns)
{
    bool junk = false, over = false;

    for (;;) {
        size_t used;
        enum modbus_verdict verdict =
            modbus_rtu_decode(&asking->request, asking->values, bus->heard, bus->length, &used,
                              asking->registers, asking->exception);
        if (verdict == MODBUS_REPLY || verdict == MODBUS_EXCEPTION)
            return take_reply(bus, verdict == MODBUS_REPLY ? PORT_REPLY : PORT_EXCEPTION, used);
        if (verdict != MODBUS_INCOMPLETE) {
            junk |= !pass_over(bus, used);
            continue;
        }
        if (over)
            return junk ? PORT_MISMATCH : PORT_TIMEOUT;
        over = clock_mono_ns() >= deadline_ns; /* one more look at the line then */
        int64_t quiet_ns = bus->busy_ns + QUIET_MS * MS_NS;
        bool hurry = junk && quiet_ns < deadline_ns; /* that was all it had to say */
        enum modbus_bus_waking waking = wait_and_read(bus, hurry ? quiet_ns : deadline_ns);
        if (waking == BUS_LOST)
            return PORT_LOST;
        over |= waking == BUS_TIME;
    }
}

/* false: the line is gone, or stuck. */
static bool send_request(struct modbus_bus *bus, struct asking *asking, int64_t *ret_deadline_ns)
{
    uint8_t bytes[1 + MODBUS_PDU_MOST] = {asking->request.unit};
    size_t length = 1 + modbus_pdu_encode(&asking->request, asking->values, bytes + 1);
    size_t expected = modbus_pdu_reply_length(&asking->request, asking->request.function);
    int64_t out_ns = (int64_t)(length + FRAME_EXTRA - 1) * bus->character_ns;
    int64_t back_ns = (int64_t)(expected + FRAME_EXTRA) * bus->character_ns;

    asking->sent_ns = clock_mono_ns();
    bus->busy_ns = asking->sent_ns + out_ns;
    *ret_deadline_ns = bus->busy_ns + back_ns + asking->timeout_ms * MS_NS;
    return bus->owner.send(bus->owner.context, bytes, length);
}

static bool is_alike(const struct modbus_request *one, const struct modbus_request *other)
{
    return one->unit == other->unit && one->function == other->function &&
           one->count == other->count;
}

static enum port_result exchange(struct modbus_bus *bus, struct asking *asking)
{
    int64_t deadline_ns;
    bool alike = is_alike(&bus->last, &asking->request);
    int64_t silence_ns =
        alike && bus->silence_ns < PAUSE_MS * MS_NS ? PAUSE_MS * MS_NS : bus->silence_ns;
    enum hush hush = await_silence(bus, silence_ns, asking->timeout_ms);

    if (hush != HUSH_SILENT)
        return hush == HUSH_LOST ? PORT_LOST : PORT_MISMATCH;
    bus->last = asking->request;
    if (!send_request(bus, asking, &deadline_ns))
        return PORT_LOST;
    enum port_result result = receive(bus, asking, deadline_ns);
    if (result == PORT_TIMEOUT || result == PORT_MISMATCH)
        bus->garbled = true; /* the rest of it may follow */
    return result;
}

/* ---- one transaction ----------------------------------------------------------------------- */

static bool is_sound(enum port_result result)
{
    return result == PORT_REPLY || result == PORT_EXCEPTION;
}

/* The unit is to say something that can only be said now; anything older is over then. */
static enum port_result ask_question(struct modbus_bus *bus, const struct port_request *before)
{
    uint16_t registers[MODBUS_READ_MOST];
    uint8_t exception;
    struct asking question = {
        .request = {.unit = before->unit,
                    .function = rtu_owed_function(&bus->owed, before->unit),
                    .address = before->address,
                    .count = 1},
        .timeout_ms = before->timeout_ms,
        .registers = registers,
        .exception = &exception,
    };
    enum port_result result = exchange(bus, &question);

    if (is_sound(result))
        rtu_owed_question_answered(&bus->owed, before->unit);
    else if (question.sent_ns != 0)
        rtu_owed_question(&bus->owed, before->unit, question.sent_ns);
    return result;
}

enum port_result modbus_bus_transact(struct modbus_bus *bus, const struct port_request *request,
                                     uint16_t *ret_registers, uint8_t *ret_exception)
{
    enum port_result result = PORT_REPLY;
    struct asking asking = {
        .request = {.unit = request->unit,
                    .function = request->function,
                    .address = request->address,
                    .count = request->count},
        .values = request->values,
        .timeout_ms = request->timeout_ms,
        .registers = ret_registers,
        .exception = ret_exception,
    };

    if (rtu_owed_must_ask(&bus->owed, request->unit, clock_mono_ns()))
        result = ask_question(bus, request);
    if (!is_sound(result))
        return result;
    result = exchange(bus, &asking);
    if (is_sound(result))
        rtu_owed_request_answered(&bus->owed, request->unit);
    else if (asking.sent_ns != 0)
        rtu_owed_request(&bus->owed, request->unit, asking.sent_ns);
    return result;
}

/* ---- life ---------------------------------------------------------------------------------- */

bool modbus_bus_known_baud(int baud)
{
    static const int KNOWN[] = {1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200};

    for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++)
        if (KNOWN[i] == baud)
            return true;
    return false;
}

void modbus_bus_init(struct modbus_bus *bus, const struct modbus_serial_config *config,
                     const struct modbus_bus_owner *owner)
{
    /* start, eight data bits, parity, stop */
    const int bits = 9 + (config->parity != PARITY_NONE) + config->stop_bits;
    const int baud = modbus_bus_known_baud(config->baud) ? config->baud : FAST_BAUD;

    memset(bus, 0, sizeof(*bus));
    atomic_init(&bus->strays, 0);
    bus->owner = *owner;
    bus->fd = -1;
    bus->character_ns = bits * SECOND_NS / baud;
    bus->silence_ns =
        baud > FAST_BAUD ? FAST_SILENCE_US * INT64_C(1000) : bus->character_ns * 7 / 2;
}

void modbus_bus_open(struct modbus_bus *bus, int fd)
{
    bus->fd = fd;
    bus->length = 0;
    bus->garbled = true; /* there is no knowing who speaks */
    bus->busy_ns = clock_mono_ns();
}

void modbus_bus_close(struct modbus_bus *bus)
{
    bus->fd = -1;
}
