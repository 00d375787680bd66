/* A Modbus wire over TCP. One request is out at a time; its deadline bounds the whole reply.
 *
 * Modbus TCP frames carry transaction numbers: a late or repeated reply is dropped by its number,
 * and whatever leaves no frame boundary (or a number that was never sent) ends the connection.
 * RTU frames carry none: there, a garbled stream must fall silent before the next request, and a
 * unit that owes a reply is asked a question that tells late from new (rtu_owed.h). What remains
 * and cannot be told is a second, unasked reply that arrives while a request of the same unit,
 * function and count is out; the pause between two such requests leaves it little room. */
#include "drivers/modbus_stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "drivers/alarm.h"
#include "drivers/modbus_codec.h"
#include "drivers/modbus_rtu_codec.h"
#include "drivers/rtu_owed.h"
#include "drivers/tcp_link.h"

enum {
    GRACE_MS = 1,
    QUIET_MS = 50,   /* silence after which a garbled RTU stream is at a frame boundary again */
    PAUSE_MS = 30,   /* between RTU requests whose replies look the same */
    REPLY_LEAST = 5, /* bytes of an RTU frame */
    FRAME_MOST = MODBUS_ADU_MOST,
};

static const int64_t MS_NS = 1000000;

enum stage {
    STAGE_FREE,
    STAGE_HELD, /* the request waits for silence */
    STAGE_OUT,  /* the request, or the question before it, waits for its reply */
};

struct stream {
    struct modbus_port port; /* first: what callers hold */
    const struct port_events *events;
    void *context;
    struct tcp_link *link;
    struct alarm alarm; /* of the stage: its deadline, or the end of the silence */
    enum modbus_framing framing;
    enum stage stage;
    bool grace;                    /* the deadline passed, a last look at the socket follows */
    int64_t deadline_ns;           /* of the stage */
    int64_t timeout_ms;            /* of the request */
    struct modbus_request request; /* of the caller; its transaction is the present or next one */
    uint16_t values[MODBUS_WRITE_MOST];
    bool writes;
    uint64_t strays;

    /* RTU frames only */
    struct rtu_owed *owed;
    bool asks;                 /* the question is out, the request follows */
    bool alike;                /* the request's reply looks like the one before it */
    bool garbled;              /* bytes are thrown away until the stream falls silent */
    int64_t sent_ns, heard_ns; /* last bytes out and in */
};

static void send_request(struct stream *stream);

static int64_t now_ns(void)
{
    return (int64_t)uv_hrtime();
}

/* The ends of a request */

static void note_owed(struct stream *stream)
{
    if (stream->asks)
        rtu_owed_question(stream->owed, stream->request.unit, stream->sent_ns);
    else
        rtu_owed_request(stream->owed, stream->request.unit, stream->sent_ns);
}

static void end(struct stream *stream, enum port_result result, const uint16_t *registers,
                uint8_t exception)
{
    bool answered = result == PORT_REPLY || result == PORT_EXCEPTION;
    if (stream->owed != NULL && stream->stage == STAGE_OUT && !answered)
        note_owed(stream);
    stream->stage = STAGE_FREE;
    stream->asks = false;
    stream->request.transaction++;
    stream->events->done(stream->context, result, registers, exception);
}

/* The connection is gone; whoever waits is told `result`. */
static void gone(struct stream *stream, enum port_result result, enum reason reason)
{
    if (stream->stage != STAGE_FREE)
        end(stream, result, NULL, 0);
    stream->events->down(stream->context, reason);
}

static void give_up(struct stream *stream, enum port_result result, enum reason reason)
{
    tcp_link_drop(stream->link);
    gone(stream, result, reason);
}

/* There is no frame boundary before the next silence. */
static void garble(struct stream *stream)
{
    stream->garbled = true;
    stream->heard_ns = now_ns();
}

/* When the next RTU request may go out, should nothing be heard until then. */
static int64_t silent_ns(const struct stream *stream)
{
    int64_t pause_ms = stream->garbled ? QUIET_MS : stream->alike ? PAUSE_MS : 0;
    return stream->heard_ns + pause_ms * MS_NS;
}

static void on_late(struct stream *stream)
{
    if (stream->stage == STAGE_HELD) { /* it never fell silent */
        give_up(stream, PORT_MISMATCH, REASON_REPLY_MISMATCH);
        return;
    }
    bool truncated = tcp_link_discard(stream->link);
    if (truncated && stream->framing == FRAMING_TCP) {
        give_up(stream, PORT_TIMEOUT, REASON_TIMEOUT);
        return;
    }
    if (truncated)
        garble(stream); /* the rest may follow */
    end(stream, PORT_TIMEOUT, NULL, 0);
}

static void on_alarm(struct alarm *alarm, int64_t now)
{
    struct stream *stream = alarm->context;
    if (stream->stage == STAGE_FREE)
        return;
    if (stream->stage == STAGE_HELD && now >= silent_ns(stream)) {
        send_request(stream);
    } else if (now < stream->deadline_ns) {
        alarm_set(&stream->alarm,
                  stream->stage == STAGE_HELD ? silent_ns(stream) : stream->deadline_ns);
    } else if (!stream->grace) {
        /* When this process itself was late, the reply may lie in the socket unread: the loop
         * runs timers first. One more turn looks. */
        stream->grace = true;
        alarm_set(&stream->alarm, now + GRACE_MS * MS_NS);
    } else {
        on_late(stream);
    }
}

/* Requests */

static void send_frame(struct stream *stream, const uint8_t *frame, size_t length)
{
    stream->stage = STAGE_OUT;
    stream->grace = false;
    stream->sent_ns = now_ns();
    stream->deadline_ns = stream->sent_ns + stream->timeout_ms * MS_NS;
    if (tcp_link_send(stream->link, frame, length))
        alarm_set(&stream->alarm, stream->deadline_ns);
    else
        give_up(stream, PORT_LOST, REASON_DISCONNECTED);
}

/* What is out or goes out next. */
static struct modbus_request present(const struct stream *stream)
{
    struct modbus_request request = stream->request;
    if (stream->asks) {
        request.function = rtu_owed_function(stream->owed, request.unit);
        request.count = 1;
    }
    return request;
}

static void send_request(struct stream *stream)
{
    const uint16_t *values = stream->writes ? stream->values : NULL;
    uint8_t frame[FRAME_MOST];
    if (stream->framing == FRAMING_TCP) {
        send_frame(stream, frame, modbus_encode(&stream->request, values, frame));
        return;
    }
    stream->garbled = false;
    stream->asks = rtu_owed_must_ask(stream->owed, stream->request.unit, now_ns());
    const struct modbus_request request = present(stream);
    send_frame(stream, frame, modbus_rtu_encode(&request, stream->asks ? NULL : values, frame));
}

/* Sends, or waits for silence. */
static void send_when_silent(struct stream *stream)
{
    int64_t now = now_ns();
    if (now >= silent_ns(stream)) {
        send_request(stream);
        return;
    }
    stream->stage = STAGE_HELD;
    stream->grace = false;
    stream->deadline_ns = now + (stream->timeout_ms + QUIET_MS) * MS_NS;
    alarm_set(&stream->alarm, silent_ns(stream));
}

static void stream_request(struct modbus_port *port, const struct port_request *request)
{
    struct stream *stream = (struct stream *)port;
    struct modbus_request *own = &stream->request;
    assert(stream->stage == STAGE_FREE && tcp_link_state(stream->link) == TCP_LINK_UP);
    stream->alike = own->unit == request->unit && own->function == request->function &&
                    own->count == request->count;
    own->unit = request->unit;
    own->function = request->function;
    own->address = request->address;
    own->count = request->count;
    stream->timeout_ms = request->timeout_ms;
    stream->writes = request->values != NULL;
    if (stream->writes)
        memcpy(stream->values, request->values, sizeof(stream->values[0]) * request->count);
    if (stream->framing == FRAMING_TCP)
        send_request(stream);
    else
        send_when_silent(stream);
}

/* Replies in Modbus TCP frames */

/* A late or repeated reply is harmless; a number that was never sent is not. */
static bool is_old(const struct stream *stream, const uint8_t *frame)
{
    uint16_t transaction = (uint16_t)(frame[0] << 8 | frame[1]);
    return (uint16_t)(stream->request.transaction - transaction) < 0x8000;
}

static void judge_tcp(struct stream *stream, enum modbus_verdict verdict, const uint8_t *frame,
                      const uint16_t *registers, uint8_t exception)
{
    bool waits = stream->stage == STAGE_OUT;
    stream->strays += verdict == MODBUS_OTHER_TRANSACTION || !waits;
    if (verdict == MODBUS_OTHER_TRANSACTION && is_old(stream, frame))
        return;
    if (!waits || verdict == MODBUS_OTHER_TRANSACTION || verdict == MODBUS_WRONG_PROTOCOL ||
        verdict == MODBUS_WRONG_LENGTH)
        give_up(stream, PORT_MISMATCH, REASON_REPLY_MISMATCH);
    else if (verdict == MODBUS_REPLY)
        end(stream, PORT_REPLY, registers, 0);
    else if (verdict == MODBUS_EXCEPTION)
        end(stream, PORT_EXCEPTION, NULL, exception);
    else
        end(stream, PORT_MISMATCH, NULL, 0);
}

static size_t receive_tcp(struct stream *stream, const uint8_t *bytes, size_t length)
{
    size_t used = 0;
    while (tcp_link_state(stream->link) == TCP_LINK_UP) {
        uint16_t registers[MODBUS_READ_MOST];
        uint8_t exception = 0;
        size_t frame;
        enum modbus_verdict verdict = modbus_decode(&stream->request, stream->values, bytes + used,
                                                    length - used, &frame, registers, &exception);
        if (verdict == MODBUS_INCOMPLETE)
            break;
        judge_tcp(stream, verdict, bytes + used, registers, exception);
        used += frame;
    }
    return used;
}

/* Replies in RTU frames */

/* The frame answers what is out. */
static void take_rtu(struct stream *stream, enum modbus_verdict verdict, const uint16_t *registers,
                     uint8_t exception)
{
    if (stream->asks) {
        rtu_owed_question_answered(stream->owed, stream->request.unit);
        send_when_silent(stream); /* the request itself */
    } else {
        rtu_owed_request_answered(stream->owed, stream->request.unit);
        end(stream, verdict == MODBUS_REPLY ? PORT_REPLY : PORT_EXCEPTION, registers, exception);
    }
}

/* Returns how many bytes are done with. */
static size_t judge_rtu(struct stream *stream, const uint8_t *bytes, size_t length)
{
    const struct modbus_request request = present(stream);
    uint16_t registers[MODBUS_READ_MOST];
    uint8_t exception = 0;
    size_t used;
    enum modbus_verdict verdict =
        modbus_rtu_decode(&request, stream->values, bytes, length, &used, registers, &exception);
    bool sound = verdict == MODBUS_REPLY || verdict == MODBUS_EXCEPTION;
    bool waits = stream->stage == STAGE_OUT;
    if (verdict == MODBUS_INCOMPLETE && waits)
        return 0;
    if (waits && sound && length - used < REPLY_LEAST) {
        if (used < length)
            garble(stream); /* by what follows */
        take_rtu(stream, verdict, registers, exception);
        return length;
    }
    bool late = !sound && rtu_owed_any(stream->owed, bytes[0], stream->heard_ns);
    if (used > 0 && (late || !waits)) {
        stream->strays++;
        return used;
    }
    /* No frame, or one that nobody asked for, or two where one was asked for. */
    stream->strays += sound || !waits;
    garble(stream);
    if (waits)
        end(stream, PORT_MISMATCH, NULL, 0);
    return length;
}

static size_t receive_rtu(struct stream *stream, const uint8_t *bytes, size_t length)
{
    size_t used = 0;
    stream->heard_ns = now_ns();
    if (stream->garbled)
        return length;
    while (used < length && tcp_link_state(stream->link) == TCP_LINK_UP) {
        size_t done = judge_rtu(stream, bytes + used, length - used);
        if (done == 0)
            break;
        used += done;
    }
    return used;
}

/* Life */

static size_t on_received(void *context, const uint8_t *bytes, size_t length)
{
    struct stream *stream = context;
    return stream->framing == FRAMING_TCP ? receive_tcp(stream, bytes, length)
                                          : receive_rtu(stream, bytes, length);
}

static void on_up(void *context)
{
    struct stream *stream = context;
    stream->garbled = false;
    stream->events->up(stream->context);
}

static void on_down(void *context)
{
    gone(context, PORT_LOST, REASON_DISCONNECTED);
}

static const struct tcp_link_events LINK_EVENTS = {on_up, on_down, on_received};

static enum port_state stream_state(const struct modbus_port *port)
{
    switch (tcp_link_state(((const struct stream *)port)->link)) {
    case TCP_LINK_UP:
        return PORT_UP;
    case TCP_LINK_CONNECTING:
        return PORT_CONNECTING;
    case TCP_LINK_WAITING:
        break;
    }
    return PORT_WAITING;
}

static void stream_drop(struct modbus_port *port)
{
    struct stream *stream = (struct stream *)port;
    assert(stream->stage == STAGE_FREE);
    tcp_link_drop(stream->link);
}

static void stream_proven(struct modbus_port *port)
{
    tcp_link_proven(((struct stream *)port)->link);
}

static uint64_t stream_strays(const struct modbus_port *port)
{
    return ((const struct stream *)port)->strays;
}

static void on_alarm_closed(uv_handle_t *handle)
{
    struct stream *stream = handle->data;
    free(stream->owed);
    free(stream);
}

static void stream_destroy(struct modbus_port *port)
{
    struct stream *stream = (struct stream *)port;
    tcp_link_destroy(stream->link);
    alarm_close(&stream->alarm, on_alarm_closed, stream);
}

static const struct port_verbs VERBS = {
    .state = stream_state,
    .request = stream_request,
    .drop = stream_drop,
    .proven = stream_proven,
    .strays = stream_strays,
    .destroy = stream_destroy,
};

static struct tcp_link *open_link(uv_loop_t *loop, const struct modbus_stream_config *config,
                                  struct stream *stream)
{
    struct tcp_link_config link = {
        .port = config->port,
        .connect_timeout_ms = config->connect_timeout_ms,
        .seed = config->seed,
        .events = &LINK_EVENTS,
        .context = stream,
    };
    memcpy(link.host, config->host, sizeof(link.host));
    return tcp_link_create(loop, &link);
}

struct modbus_port *modbus_stream_create(uv_loop_t *loop, const struct modbus_stream_config *config,
                                         const struct port_events *events, void *context)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
        return NULL;
    stream->port.verbs = &VERBS;
    stream->events = events;
    stream->context = context;
    stream->framing = config->framing;
    if (config->framing == FRAMING_RTU)
        stream->owed = calloc(1, sizeof(*stream->owed));
    if (config->framing == FRAMING_TCP || stream->owed != NULL)
        stream->link = open_link(loop, config, stream);
    if (stream->link == NULL) {
        free(stream->owed);
        free(stream);
        return NULL;
    }
    alarm_init(&stream->alarm, loop, on_alarm, stream);
    return &stream->port;
}
