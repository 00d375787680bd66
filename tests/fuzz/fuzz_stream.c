/* Any order of requests, answers, losses, noise, pieces, time and broken connections, at a wire of
 * frames of Modbus TCP or RTU: a request has one end, and a reply is only taken from the device's
 * answer to that very request. Connection, timer and clock are played here.
 *
 * The device holds 3 a + 1 in register a. Behind RTU frames it answers in the order of its
 * requests, or never, but not after RTU_OWED_MS; behind Modbus TCP in any order and repeatedly. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "drivers/alarm.h"
#include "drivers/modbus_codec.h"
#include "drivers/modbus_rtu_codec.h"
#include "drivers/modbus_stream.h"
#include "drivers/rtu_owed.h"
#include "drivers/tcp_link.h"

enum { FRAMES = 32, WIRE = 2048, NOISE_LEAST = 0xF0, MS_NS = 1000000 };

struct tcp_link {
    struct tcp_link_config config;
    enum tcp_link_state state;
};

/* A frame that the device has heard. */
struct asked {
    uint8_t frame[MODBUS_ADU_MOST];
    int64_t sent_ns;
    int serial; /* of the caller's request for which it was sent */
};

static struct played {
    bool rtu;
    int64_t now_ns;
    struct tcp_link link;
    struct alarm *alarm;
    struct modbus_port *port;
    struct asked asked[FRAMES]; /* oldest first */
    int asked_count;
    uint8_t wire[WIRE]; /* on the way to the driver; the first ones were offered and kept */
    size_t length, kept;
    int64_t oldest_ns; /* of the requests that these bytes answer */
    int serial, ends;
    bool out, answered; /* a request; by the device, that request itself */
    struct port_request request;
    uint16_t value;
} played;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

/* ---- clock, timer and connection, in the place of the real ones --------------------------------
 */

uint64_t uv_hrtime(void)
{
    return (uint64_t)played.now_ns;
}

void alarm_init(struct alarm *alarm, uv_loop_t *loop,
                void (*ring)(struct alarm *alarm, int64_t now_ns), void *context)
{
    (void)loop;
    *alarm = (struct alarm){.ring = ring, .context = context};
    played.alarm = alarm;
}

void alarm_set(struct alarm *alarm, int64_t due_ns)
{
    if (alarm->due_ns == 0 || due_ns < alarm->due_ns)
        alarm->due_ns = due_ns;
}

void alarm_close(struct alarm *alarm, void (*closed)(uv_handle_t *handle), void *data)
{
    uv_handle_t handle = {.data = data};
    (void)alarm;
    closed(&handle);
}

struct tcp_link *tcp_link_create(uv_loop_t *loop, const struct tcp_link_config *config)
{
    (void)loop;
    played.link = (struct tcp_link){*config, TCP_LINK_CONNECTING};
    return &played.link;
}

void tcp_link_destroy(struct tcp_link *link)
{
    link->state = TCP_LINK_WAITING;
}

enum tcp_link_state tcp_link_state(const struct tcp_link *link)
{
    return link->state;
}

void tcp_link_proven(struct tcp_link *link)
{
    (void)link;
}

void tcp_link_drop(struct tcp_link *link)
{
    require(link->state == TCP_LINK_UP);
    link->state = TCP_LINK_WAITING;
}

bool tcp_link_discard(struct tcp_link *link)
{
    bool any = played.kept > 0;
    (void)link;
    played.length -= played.kept;
    memmove(played.wire, played.wire + played.kept, played.length);
    played.kept = 0;
    return any;
}

bool tcp_link_send(struct tcp_link *link, const uint8_t *bytes, size_t length)
{
    require(link->state == TCP_LINK_UP && length <= MODBUS_ADU_MOST);
    if (played.asked_count == FRAMES) { /* forgotten: never answered */
        memmove(played.asked, played.asked + 1, sizeof(played.asked[0]) * (FRAMES - 1));
        played.asked_count--;
    }
    struct asked *asked = &played.asked[played.asked_count++];
    memcpy(asked->frame, bytes, length);
    asked->sent_ns = played.now_ns;
    asked->serial = played.serial;
    return true;
}

/* ---- the device ------------------------------------------------------------------------------ */

static size_t answer_pdu(const uint8_t *request, uint8_t *pdu)
{
    int address = request[1] << 8 | request[2], count = request[3] << 8 | request[4];
    memcpy(pdu, request, 5);
    if (request[0] == MODBUS_WRITE_ONE)
        return 5;
    bool bits = request[0] <= MODBUS_READ_DISCRETE;
    pdu[1] = (uint8_t)(bits ? (count + 7) / 8 : 2 * count);
    for (int i = 0; i < count && !bits; i++) {
        int value = 3 * (address + i) + 1;
        pdu[2 + 2 * i] = (uint8_t)(value >> 8);
        pdu[3 + 2 * i] = (uint8_t)value;
    }
    return 2u + pdu[1];
}

static void put(const uint8_t *bytes, size_t length)
{
    if (played.length + length > WIRE)
        return;
    memcpy(played.wire + played.length, bytes, length);
    played.length += length;
}

static void say_answer(const struct asked *asked)
{
    uint8_t frame[MODBUS_ADU_MOST];
    size_t head = played.rtu ? 1 : 7;
    size_t length = head + answer_pdu(asked->frame + head, frame + head);
    memcpy(frame, asked->frame, head);
    if (played.rtu) {
        uint16_t check = modbus_rtu_check(frame, length);
        frame[length++] = (uint8_t)check;
        frame[length++] = (uint8_t)(check >> 8);
    } else {
        frame[4] = 0;
        frame[5] = (uint8_t)(length - 6);
    }
    bool of_request = !played.rtu || asked->frame[1] > MODBUS_READ_DISCRETE;
    if (played.length == 0)
        played.oldest_ns = asked->sent_ns;
    played.answered |= asked->serial == played.serial && of_request;
    put(frame, length);
}

static void forget(int place)
{
    played.asked_count--;
    memmove(played.asked + place, played.asked + place + 1,
            sizeof(played.asked[0]) * (size_t)(played.asked_count - place));
}

static bool is_too_late(int64_t sent_ns)
{
    return played.now_ns - sent_ns >= RTU_OWED_MS * (int64_t)MS_NS;
}

static void answer(uint8_t choice, bool again)
{
    while (played.rtu && played.asked_count > 0 && is_too_late(played.asked[0].sent_ns))
        forget(0);
    if (played.asked_count == 0)
        return;
    int place = played.rtu ? 0 : choice % played.asked_count;
    say_answer(&played.asked[place]);
    if (played.rtu || !again)
        forget(place);
}

/* ---- the driver's side ----------------------------------------------------------------------- */

static void on_up(void *context)
{
    (void)context;
}

static void on_down(void *context, enum reason reason)
{
    (void)context, (void)reason;
    require(!played.out);
}

static void on_done(void *context, enum port_result result, const uint16_t *registers,
                    uint8_t exception)
{
    (void)context, (void)exception;
    require(played.out);
    played.out = false;
    played.ends++;
    require(result != PORT_EXCEPTION); /* the device never refuses */
    if (result != PORT_REPLY)
        return;
    require(played.answered);
    for (int i = 0; i < played.request.count && played.request.values == NULL; i++)
        require(registers[i] == (uint16_t)(3 * (played.request.address + i) + 1));
}

static void request(uint8_t choice)
{
    if (played.out || played.link.state != TCP_LINK_UP)
        return;
    bool writes = choice & 0x80;
    played.value++;
    played.request = (struct port_request){
        .unit = (uint8_t)(1 + (choice & 1)),
        .function = writes ? MODBUS_WRITE_ONE : MODBUS_READ_HOLDING,
        .address = (uint16_t)(choice >> 2 & 15),
        .count = (uint16_t)(writes || !(choice & 2) ? 1 : 2),
        .values = writes ? &played.value : NULL,
        .timeout_ms = 100,
    };
    played.serial++;
    played.answered = false;
    played.out = true;
    played.port->verbs->request(played.port, &played.request);
}

static void deliver(size_t count)
{
    size_t offered = played.kept + count < played.length ? played.kept + count : played.length;
    if (played.link.state != TCP_LINK_UP || offered == played.kept)
        return;
    size_t used =
        played.link.config.events->received(played.link.config.context, played.wire, offered);
    require(used <= offered);
    played.kept = offered - used;
    played.length -= used;
    memmove(played.wire, played.wire + used, played.length);
}

static void pass(int64_t ms)
{
    int64_t until_ns = played.now_ns + ms * MS_NS;
    while (played.alarm->due_ns != 0 && played.alarm->due_ns <= until_ns) {
        if (played.alarm->due_ns > played.now_ns)
            played.now_ns = played.alarm->due_ns;
        played.alarm->due_ns = 0;
        played.alarm->ring(played.alarm, played.now_ns);
    }
    played.now_ns = until_ns;
    if (played.rtu && is_too_late(played.oldest_ns))
        played.length = played.kept;
}

/* Of a gateway the device's late bytes go to the next connection. */
static void change_connection(void)
{
    if (played.link.state == TCP_LINK_UP) {
        played.link.state = TCP_LINK_WAITING;
        played.link.config.events->down(played.link.config.context);
        return;
    }
    played.link.state = TCP_LINK_UP;
    played.length = played.rtu ? played.length - played.kept : 0;
    memmove(played.wire, played.wire + played.kept, played.length);
    played.kept = 0;
    played.link.config.events->up(played.link.config.context);
}

static void say_noise(uint8_t choice)
{
    const uint8_t noise[] = {(uint8_t)(choice | NOISE_LEAST), 0xFF, 0xFE, 0xFD};
    put(noise, 1 + choice % sizeof(noise));
}

static void act(uint8_t action, uint8_t choice)
{
    switch (action % 8) {
    case 0:
    case 1:
        request(choice);
        break;
    case 2:
        answer(choice, action & 8);
        break;
    case 3:
        deliver(1 + choice % 16);
        break;
    case 4:
        deliver(WIRE);
        break;
    case 5:
        pass(1 + (choice & 0x80 ? (choice & 0x7F) * 400 : choice));
        break;
    case 6:
        if (choice < 64)
            say_noise(choice);
        else if (played.asked_count > 0 && choice < 128)
            forget(0); /* lost */
        break;
    default:
        if (choice < 32)
            change_connection();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct port_events EVENTS = {on_up, on_down, on_done};
    if (size < 1)
        return 0;
    memset(&played, 0, sizeof(played));
    played.rtu = data[0] & 1;
    played.now_ns = 1000 * (int64_t)MS_NS;
    const struct modbus_stream_config config = {
        .framing = played.rtu ? FRAMING_RTU : FRAMING_TCP, .seed = 1, .connect_timeout_ms = 100};
    played.port = modbus_stream_create(NULL, &config, &EVENTS, NULL);
    require(played.port != NULL);
    change_connection();
    for (size_t i = 1; i + 1 < size; i += 2)
        act(data[i], data[i + 1]);
    pass(1000);
    require(played.ends == played.serial && !played.out);
    played.port->verbs->destroy(played.port);
    return 0;
}
