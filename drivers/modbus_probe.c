/* Reads of one device that wait for their end: see modbus_probe.h. */
#include "drivers/modbus_probe.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <uv.h>

struct modbus_probe {
    struct modbus_probe_config config;
    uv_loop_t loop;
    uv_timer_t timer;
    struct modbus_port *port;
    bool rang;      /* the timer */
    bool went_down; /* the wire, since the present wait began */
    bool fresh;     /* connected, nothing asked yet */
    bool ended;     /* the read that is out */
    enum port_result result;
    uint16_t *registers, count; /* where its reply goes */
    uint8_t exception;
};

/* Waiting */

static void on_timer(uv_timer_t *timer)
{
    struct modbus_probe *probe = timer->data;
    probe->rang = true;
}

static void set_timer(struct modbus_probe *probe, int64_t ms)
{
    probe->rang = false;
    uv_timer_start(&probe->timer, on_timer, (uint64_t)ms, 0);
}

static void pause_ms(struct modbus_probe *probe, int64_t ms)
{
    if (ms == 0)
        return;
    set_timer(probe, ms);
    while (!probe->rang)
        uv_run(&probe->loop, UV_RUN_ONCE);
}

static bool is_up(const struct modbus_probe *probe)
{
    return probe->port->verbs->state(probe->port) == PORT_UP;
}

/* Waits until the wire is up, its next attempt has failed or the time is over. */
static bool wait_up(struct modbus_probe *probe)
{
    probe->went_down = false;
    set_timer(probe, probe->config.connect_timeout_ms);
    while (!is_up(probe) && !probe->went_down && !probe->rang)
        uv_run(&probe->loop, UV_RUN_ONCE);
    uv_timer_stop(&probe->timer);
    return is_up(probe);
}

/* Events of the port */

static void on_up(void *context)
{
    struct modbus_probe *probe = context;
    probe->fresh = true;
}

static void on_down(void *context, enum reason reason)
{
    struct modbus_probe *probe = context;
    (void)reason; /* the kind of end is told by the read that it ended */
    probe->went_down = true;
}

static void on_done(void *context, enum port_result result, const uint16_t *registers,
                    uint8_t exception)
{
    struct modbus_probe *probe = context;
    if (result == PORT_REPLY)
        memcpy(probe->registers, registers, sizeof(*registers) * probe->count);
    probe->ended = true;
    probe->result = result;
    probe->exception = exception;
}

static const struct port_events EVENTS = {on_up, on_down, on_done};

/* Life */

static int explain_serial(const struct modbus_serial_config *serial, struct error *error)
{
    if (access(serial->path, R_OK | W_OK) < 0)
        return error_set(error, ERROR_UNREACHABLE, "%s cannot be opened: %s", serial->path,
                         strerror(errno));
    return error_set(error, ERROR_UNREACHABLE,
                     "%s cannot be set up as a serial line: is it one, and used by nobody else?",
                     serial->path);
}

/* What the system says to one more attempt, on the spot: the wire's own does not tell. */
static int connect_again(const struct modbus_probe *probe, const struct addrinfo *address)
{
    const int64_t wait_ms = probe->config.connect_timeout_ms;
    const struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int code = 0;

    if (fd < 0)
        return errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
        code = errno;
    close(fd);
    return code;
}

static int explain_stream(const struct modbus_probe *probe, struct error *error)
{
    const struct modbus_stream_config *stream = &probe->config.wire.stream;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char service[8];

    if (probe->rang)
        return error_set(error, ERROR_UNREACHABLE,
                         "%s port %u does not answer within %.3g s: check address, power, network "
                         "and firewall",
                         stream->host, stream->port,
                         (double)probe->config.connect_timeout_ms / 1000);
    snprintf(service, sizeof(service), "%u", stream->port);
    int code = getaddrinfo(stream->host, service, &hints, &found);
    if (code != 0)
        return error_set(error, ERROR_UNREACHABLE, "the host \"%s\" is not known: %s", stream->host,
                         gai_strerror(code));
    code = connect_again(probe, found);
    freeaddrinfo(found);
    if (code == ECONNREFUSED)
        return error_set(error, ERROR_UNREACHABLE,
                         "%s port %u refuses the connection: nobody listens there; check the port "
                         "and whether Modbus is switched on",
                         stream->host, stream->port);
    return error_set(error, ERROR_UNREACHABLE, "no connection to %s port %u: %s", stream->host,
                     stream->port, code ? strerror(code) : "it was closed at once; try again");
}

static struct modbus_port *create_port(struct modbus_probe *probe)
{
    struct modbus_wire *wire = &probe->config.wire;

    /* Our own wait ends first, so that a slow peer is told from one that refuses. */
    wire->stream.connect_timeout_ms = 2 * probe->config.connect_timeout_ms;
    return wire->is_serial ? modbus_serial_create(&probe->loop, &wire->serial, &EVENTS, probe)
                           : modbus_stream_create(&probe->loop, &wire->stream, &EVENTS, probe);
}

int modbus_probe_open(const struct modbus_probe_config *config, struct modbus_probe **ret_probe,
                      struct error *error)
{
    struct modbus_probe *probe = calloc(1, sizeof(*probe));

    if (!probe)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    probe->config = *config;
    if (uv_loop_init(&probe->loop) != 0) {
        free(probe);
        return error_set(error, ERROR_SYSTEM, "no event loop: too many open files?");
    }
    uv_timer_init(&probe->loop, &probe->timer);
    probe->timer.data = probe;
    probe->port = create_port(probe);
    int code = 0;
    if (!probe->port)
        code = error_set(error, ERROR_SYSTEM, "out of memory");
    else if (!wait_up(probe))
        code = config->wire.is_serial ? explain_serial(&config->wire.serial, error)
                                      : explain_stream(probe, error);
    if (code < 0)
        modbus_probe_close(probe);
    else
        *ret_probe = probe;
    return code;
}

void modbus_probe_close(struct modbus_probe *probe)
{
    if (probe->port)
        probe->port->verbs->destroy(probe->port);
    uv_close((uv_handle_t *)&probe->timer, NULL);
    uv_run(&probe->loop, UV_RUN_DEFAULT);
    int code = uv_loop_close(&probe->loop);
    assert(code == 0);
    (void)code;
    free(probe);
}

/* Reading */

static void settle(struct modbus_probe *probe)
{
    const struct port_verbs *verbs = probe->port->verbs;

    if (probe->result == PORT_REPLY || probe->result == PORT_EXCEPTION)
        verbs->proven(probe->port);
    else if (is_up(probe))
        verbs->drop(probe->port);
}

enum port_result modbus_probe_read(struct modbus_probe *probe, int function, uint16_t address,
                                   uint16_t count, uint16_t *ret_registers, uint8_t *ret_exception)
{
    const struct port_request request = {
        .unit = probe->config.unit,
        .function = (uint8_t)function,
        .address = address,
        .count = count,
        .timeout_ms = probe->config.reply_timeout_ms,
    };

    assert(function == 3 || function == 4);
    if (!is_up(probe) && !wait_up(probe))
        return PORT_LOST;
    pause_ms(probe, probe->fresh ? probe->config.connect_delay_ms : probe->config.inter_request_ms);
    if (!is_up(probe))
        return PORT_LOST;
    probe->fresh = probe->ended = false;
    probe->registers = ret_registers;
    probe->count = count;
    probe->port->verbs->request(probe->port, &request);
    while (!probe->ended)
        uv_run(&probe->loop, UV_RUN_ONCE);
    settle(probe);
    if (probe->result == PORT_EXCEPTION)
        *ret_exception = probe->exception;
    return probe->result;
}
