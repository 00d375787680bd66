/* A serial bus with one worker thread: the control thread hands a request over and is told its end
 * through the loop.
 *
 * libmodbus opens and sets the line and sends the frames. It does not receive here: its receiving
 * selects (and aborts on large descriptors), cannot be broken off, takes a late reply for the next
 * one, and restarts its time-out with every piece. modbus_bus.c does that. */
#include "drivers/modbus_serial.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <modbus/modbus.h>
#include <uv.h>

#include "controller/base/clock.h"
#include "controller/base/error.h"
#include "controller/base/log.h"
#include "drivers/modbus_bus.h"
#include "drivers/modbus_pdu.h"
#include "drivers/tcp_link.h"

enum {
    DESTROY_MS = 1000, /* the control thread waits no longer for the worker */
    CHECK_BYTES = 2,   /* of a frame, added by the library */
};

static const int64_t MS_NS = 1000000;

struct serial {
    struct modbus_port port; /* first: what callers hold */
    atomic_int holders;      /* control side and worker; the last one frees */

    /* Fixed after creation. */
    struct modbus_serial_config config;
    int wake_fd;

    /* Control thread only. */
    uv_async_t async;
    const struct port_events *events;
    void *context;
    bool told_up; /* what the caller was told last */
    unsigned falls_told;
    struct error logged; /* the trouble that the log knows of */
    bool destroyed;

    /* Under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t end_reached;
    enum port_state state;
    unsigned falls;       /* times the line was lost or could not be opened */
    struct error trouble; /* why, the last time */
    unsigned drops;       /* asked for by the caller: what the worker finds out before it has
                             followed is of no interest any more */
    int attempts;         /* since the bus was proven */
    bool asked, answered; /* a request is out, and has found its end */
    struct port_request request;
    uint16_t values[MODBUS_WRITE_MOST];
    enum port_result result;
    uint16_t registers[MODBUS_READ_MOST];
    uint8_t exception;
    bool stopping;  /* the worker is to end */
    bool listening; /* the async handle is open */
    bool ended;     /* the worker is through with the line */

    /* Worker only. */
    modbus_t *modbus; /* NULL: no line */
    unsigned drops_followed;
    uint32_t random;
    struct modbus_bus bus; /* but its strays */
};

static const struct port_verbs VERBS;

/* ---- shared -------------------------------------------------------------------------------- */

static struct serial *serial_of(const struct modbus_port *port)
{
    assert(port->verbs == &VERBS);
    return (struct serial *)(uintptr_t)port;
}

static void release(struct serial *serial)
{
    if (atomic_fetch_sub(&serial->holders, 1) != 1)
        return;
    close(serial->wake_fd);
    pthread_cond_destroy(&serial->end_reached);
    pthread_mutex_destroy(&serial->mutex);
    free(serial);
}

/* Under the mutex. */
static void tell_control(struct serial *serial)
{
    if (serial->listening)
        uv_async_send(&serial->async);
}

/* Under the mutex. */
static void answer(struct serial *serial, enum port_result result)
{
    serial->answered = true;
    serial->result = result;
    tell_control(serial);
}

/* ---- worker: the bus --------------------------------------------------------------------- */

static bool is_unwanted(struct serial *serial)
{
    pthread_mutex_lock(&serial->mutex);
    bool unwanted = serial->stopping || serial->drops != serial->drops_followed;
    pthread_mutex_unlock(&serial->mutex);
    return unwanted;
}

static bool is_wanted_still(void *context)
{
    return !is_unwanted(context);
}

static bool send_frame(void *context, const uint8_t *bytes, size_t length)
{
    struct serial *serial = context;

    return modbus_send_raw_request(serial->modbus, bytes, (int)length) == (int)length + CHECK_BYTES;
}

/* Nobody else may speak on the bus: we could not tell the answers apart. */
static int claim_line(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? EBUSY : errno;
    return ioctl(fd, TIOCEXCL) < 0 ? errno : 0;
}

static void close_line(struct serial *serial)
{
    if (serial->modbus == NULL)
        return;
    int fd = modbus_get_socket(serial->modbus);
    modbus_bus_close(&serial->bus);
    if (fd >= 0) {
        tcflush(fd, TCIOFLUSH); /* closing would wait for bytes that do not leave */
        ioctl(fd, TIOCNXCL);
        modbus_close(serial->modbus);
    }
    modbus_free(serial->modbus);
    serial->modbus = NULL;
}

/* 0, or an error number. */
static int try_line(struct serial *serial)
{
    const struct modbus_serial_config *config = &serial->config;

    serial->modbus =
        modbus_new_rtu(config->path, config->baud, "NEO"[config->parity], 8, config -> stop_bits);
    if (serial->modbus == NULL || modbus_connect(serial->modbus) < 0)
        return errno;
    int fd = modbus_get_socket(serial->modbus);
    int code = claim_line(fd);
    if (code != 0)
        return code;
    tcflush(fd, TCIOFLUSH);
    modbus_bus_open(&serial->bus, fd);
    return 0;
}

static bool open_line(struct serial *serial, struct error *error)
{
    const struct modbus_serial_config *config = &serial->config;
    int code;

    if (!modbus_bus_known_baud(config->baud)) { /* the library would take 9600 instead */
        error_set(error, ERROR_INVALID,
                  "%s: no serial line runs at %d baud: take the devices' (1200, 2400, 4800, 9600, "
                  "19200, 38400, 57600 or 115200)",
                  config->path, config->baud);
        return false;
    }
    code = try_line(serial);
    if (code == 0)
        return true;
    error_set(error, ERROR_SYSTEM, "%s: cannot be opened as a serial line: %s%s", config->path,
              strerror(code), code == EBUSY ? " (another program holds it)" : "");
    close_line(serial);
    return false;
}

/* false: the caller has given this line up, or the port. */
static bool enter_state(struct serial *serial, enum port_state state)
{
    pthread_mutex_lock(&serial->mutex);
    bool wanted = !serial->stopping && serial->drops == serial->drops_followed;
    if (wanted) {
        serial->state = state;
        if (state == PORT_UP)
            tell_control(serial);
    }
    pthread_mutex_unlock(&serial->mutex);
    return wanted;
}

static void fall(struct serial *serial, const struct error *trouble)
{
    pthread_mutex_lock(&serial->mutex);
    if (serial->drops == serial->drops_followed) {
        serial->state = PORT_WAITING;
        serial->trouble = *trouble;
        serial->falls++;
        if (serial->asked && !serial->answered)
            answer(serial, PORT_LOST);
        tell_control(serial);
    }
    pthread_mutex_unlock(&serial->mutex);
}

/* Waits before the next attempt. */
static void pause_attempts(struct serial *serial)
{
    pthread_mutex_lock(&serial->mutex);
    int64_t pause_ms = tcp_link_backoff_ms(serial->attempts, &serial->random);
    serial->attempts++;
    serial->drops_followed = serial->drops;
    pthread_mutex_unlock(&serial->mutex);

    int64_t until_ns = clock_mono_ns() + pause_ms * MS_NS;
    while (clock_mono_ns() < until_ns && !is_unwanted(serial))
        modbus_bus_wait(&serial->bus, until_ns);
}

static bool take_request(struct serial *serial, struct port_request *ret_request, uint16_t *values)
{
    pthread_mutex_lock(&serial->mutex);
    bool taken = serial->asked && !serial->answered;
    if (taken) {
        *ret_request = serial->request;
        memcpy(values, serial->values, sizeof(serial->values));
        ret_request->values = serial->request.values ? values : NULL;
    }
    pthread_mutex_unlock(&serial->mutex);
    return taken;
}

/* false: the line is gone, or not wanted. */
static bool serve_request(struct serial *serial)
{
    struct port_request request;
    uint16_t values[MODBUS_WRITE_MOST], registers[MODBUS_READ_MOST];
    uint8_t exception = 0;

    if (!take_request(serial, &request, values))
        return true;
    enum port_result result = modbus_bus_transact(&serial->bus, &request, registers, &exception);
    if (result == PORT_LOST)
        return false; /* told with the fall */
    pthread_mutex_lock(&serial->mutex);
    if (serial->drops == serial->drops_followed) {
        if (result == PORT_REPLY && !request.values)
            memcpy(serial->registers, registers, sizeof(registers[0]) * request.count);
        serial->exception = exception;
        answer(serial, result);
    }
    pthread_mutex_unlock(&serial->mutex);
    return true;
}

/* Until the line is gone or not wanted. */
static void serve_line(struct serial *serial)
{
    while (!is_unwanted(serial) && serve_request(serial)) {
        enum modbus_bus_waking waking = modbus_bus_wait(&serial->bus, INT64_MAX);
        if (waking == BUS_LOST || (waking == BUS_BYTES && !modbus_bus_hear(&serial->bus)))
            return;
    }
}

static void attempt_line(struct serial *serial)
{
    struct error trouble = {""};

    if (!enter_state(serial, PORT_CONNECTING))
        return;
    if (open_line(serial, &trouble) && enter_state(serial, PORT_UP)) {
        serve_line(serial);
        error_set(&trouble, ERROR_SYSTEM, "%s: the serial line is gone", serial->config.path);
    }
    close_line(serial);
    fall(serial, &trouble);
}

static void *worker_main(void *argument)
{
    struct serial *serial = argument;

    for (;;) {
        attempt_line(serial);
        pthread_mutex_lock(&serial->mutex);
        bool stopping = serial->stopping;
        pthread_mutex_unlock(&serial->mutex);
        if (stopping)
            break;
        pause_attempts(serial);
    }
    pthread_mutex_lock(&serial->mutex);
    serial->ended = true;
    pthread_cond_signal(&serial->end_reached);
    pthread_mutex_unlock(&serial->mutex);
    release(serial);
    return NULL;
}

/* ---- control thread ------------------------------------------------------------------------ */

/* What the worker has to say, taken out at once. */
struct news {
    bool up, answered;
    unsigned falls, drops;
    struct error trouble;
    enum port_result result;
    uint16_t registers[MODBUS_READ_MOST];
    uint8_t exception;
};

static void take_news(struct serial *serial, struct news *ret_news)
{
    pthread_mutex_lock(&serial->mutex);
    ret_news->up = serial->state == PORT_UP;
    ret_news->answered = serial->answered;
    ret_news->falls = serial->falls;
    ret_news->drops = serial->drops;
    ret_news->trouble = serial->trouble;
    ret_news->result = serial->result;
    ret_news->exception = serial->exception;
    memcpy(ret_news->registers, serial->registers, sizeof(serial->registers));
    if (serial->answered)
        serial->asked = serial->answered = false;
    pthread_mutex_unlock(&serial->mutex);
}

/* The log is told each trouble once, not at each attempt. */
static void log_trouble(struct serial *serial, const struct error *trouble)
{
    if (strcmp(trouble->text, serial->logged.text) == 0)
        return;
    serial->logged = *trouble;
    log_warning("%s", trouble->text);
}

static void log_up(struct serial *serial)
{
    if (serial->logged.text[0] == '\0')
        return;
    serial->logged.text[0] = '\0';
    log_info("%s: the serial line is open", serial->config.path);
}

/* The caller may have dropped or destroyed the port in what it was told before. */
static bool is_over(struct serial *serial, const struct news *news)
{
    if (serial->destroyed)
        return true;
    pthread_mutex_lock(&serial->mutex);
    bool dropped = serial->drops != news->drops;
    pthread_mutex_unlock(&serial->mutex);
    return dropped;
}

static void on_async(uv_async_t *async)
{
    struct serial *serial = async->data;
    struct news news;

    if (serial->destroyed)
        return;
    take_news(serial, &news);
    if (news.answered)
        serial->events->done(serial->context, news.result,
                             news.result == PORT_REPLY ? news.registers : NULL, news.exception);
    if (is_over(serial, &news))
        return;
    if (news.falls != serial->falls_told) {
        serial->falls_told = news.falls;
        serial->told_up = false;
        log_trouble(serial, &news.trouble);
        serial->events->down(serial->context, REASON_DISCONNECTED);
    }
    if (is_over(serial, &news) || !news.up || serial->told_up)
        return;
    serial->told_up = true;
    log_up(serial);
    serial->events->up(serial->context);
}

static void wake_worker(const struct serial *serial)
{
    const uint64_t one = 1;

    if (write(serial->wake_fd, &one, sizeof(one)) < 0)
        assert(errno == EAGAIN); /* it has been woken often enough */
}

static enum port_state serial_state(const struct modbus_port *port)
{
    struct serial *serial = serial_of(port);

    pthread_mutex_lock(&serial->mutex);
    enum port_state state = serial->state;
    pthread_mutex_unlock(&serial->mutex);
    if (serial->told_up)
        return PORT_UP; /* until the caller is told the fall, a request is told PORT_LOST */
    return state == PORT_UP ? PORT_CONNECTING : state;
}

static void serial_request(struct modbus_port *port, const struct port_request *request)
{
    struct serial *serial = serial_of(port);

    pthread_mutex_lock(&serial->mutex);
    assert(serial->told_up && !serial->asked);
    serial->asked = true;
    serial->request = *request;
    if (request->values != NULL)
        memcpy(serial->values, request->values, sizeof(serial->values[0]) * request->count);
    if (serial->state != PORT_UP || serial->falls != serial->falls_told)
        answer(serial, PORT_LOST);
    pthread_mutex_unlock(&serial->mutex);
    wake_worker(serial);
}

static void serial_drop(struct modbus_port *port)
{
    struct serial *serial = serial_of(port);

    pthread_mutex_lock(&serial->mutex);
    serial->drops++;
    serial->state = PORT_WAITING;
    serial->asked = serial->answered = false;
    serial->falls_told = serial->falls;
    pthread_mutex_unlock(&serial->mutex);
    serial->told_up = false;
    wake_worker(serial);
}

static void serial_proven(struct modbus_port *port)
{
    struct serial *serial = serial_of(port);

    pthread_mutex_lock(&serial->mutex);
    serial->attempts = 0;
    pthread_mutex_unlock(&serial->mutex);
}

static uint64_t serial_strays(const struct modbus_port *port)
{
    return atomic_load(&serial_of(port)->bus.strays);
}

static void on_async_closed(uv_handle_t *handle)
{
    release(handle->data);
}

/* The worker may sit in an open or close of an adapter that has hung up: it is left behind then,
 * and frees everything when it comes back. */
static void serial_destroy(struct modbus_port *port)
{
    struct serial *serial = serial_of(port);
    struct timespec until;
    int code = 0;

    serial->destroyed = true;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += DESTROY_MS / 1000;
    pthread_mutex_lock(&serial->mutex);
    serial->stopping = true;
    serial->listening = false;
    wake_worker(serial);
    while (!serial->ended && code == 0)
        code = pthread_cond_timedwait(&serial->end_reached, &serial->mutex, &until);
    pthread_mutex_unlock(&serial->mutex);
    uv_close((uv_handle_t *)&serial->async, on_async_closed);
}

static const struct port_verbs VERBS = {
    .state = serial_state,
    .request = serial_request,
    .drop = serial_drop,
    .proven = serial_proven,
    .strays = serial_strays,
    .destroy = serial_destroy,
};

/* ---- creation ------------------------------------------------------------------------------ */

static void init_lock(struct serial *serial)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&serial->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&serial->end_reached, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* Signals are for the control thread. */
static bool start_worker(struct serial *serial)
{
    pthread_t thread;
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&thread, NULL, worker_main, serial);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0)
        return false;
    pthread_detach(thread);
    return true;
}

static bool start(struct serial *serial, uv_loop_t *loop)
{
    serial->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (serial->wake_fd < 0 || uv_async_init(loop, &serial->async, on_async) < 0) {
        release(serial);
        return false;
    }
    const struct modbus_bus_owner owner = {serial->wake_fd, is_wanted_still, send_frame, serial};
    modbus_bus_init(&serial->bus, &serial->config, &owner);
    serial->async.data = serial;
    serial->listening = true;
    atomic_store(&serial->holders, 2);
    if (start_worker(serial))
        return true;
    atomic_store(&serial->holders, 1); /* only the control side, and its handle has to be closed */
    serial->destroyed = true;
    uv_close((uv_handle_t *)&serial->async, on_async_closed);
    return false;
}

struct modbus_port *modbus_serial_create(uv_loop_t *loop, const struct modbus_serial_config *config,
                                         const struct port_events *events, void *context)
{
    struct serial *serial = calloc(1, sizeof(*serial));
    if (serial == NULL)
        return NULL;
    serial->port.verbs = &VERBS;
    serial->config = *config;
    serial->events = events;
    serial->context = context;
    serial->random = config->seed | 1; /* 0 would stay 0 */
    serial->state = PORT_CONNECTING;
    atomic_init(&serial->holders, 1);
    init_lock(serial);
    return start(serial, loop) ? &serial->port : NULL;
}
