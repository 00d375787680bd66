/* The life of a connection: WAITING -> look-up -> CONNECTING -> UP -> WAITING ... */
#include "drivers/tcp_link.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

enum {
    BACKOFF_FIRST_MS = 250,
    BACKOFF_MOST_MS = 30000,
    BUFFER = 512,       /* more than a frame */
    ADDRESSES_MOST = 8, /* of a name, tried in turn */
};

struct tcp_link {
    struct tcp_link_config config;
    uv_loop_t *loop;
    uv_tcp_t tcp;
    uv_timer_t timer; /* end of an attempt, or start of the next */
    uv_connect_t connect;
    uv_getaddrinfo_t lookup;
    enum tcp_link_state state;
    bool tcp_open;   /* the handle belongs to the loop */
    bool looking_up; /* the request belongs to the loop */
    bool destroyed;
    int attempts; /* since the link was proven */
    uint32_t random;
    size_t length;
    char bytes[BUFFER];
};

static void start_attempt(uv_timer_t *timer);

/* Back-off */

static uint32_t random_next(uint32_t *random)
{
    uint32_t x = *random; /* xorshift32 */
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *random = x;
}

int64_t tcp_link_backoff_ms(int attempt, uint32_t *random)
{
    int64_t base_ms = BACKOFF_FIRST_MS;
    for (int i = 0; i < attempt && base_ms < BACKOFF_MOST_MS; i++)
        base_ms *= 2;
    if (base_ms > BACKOFF_MOST_MS)
        base_ms = BACKOFF_MOST_MS;
    int64_t spread_ms = base_ms / 2;
    return base_ms - spread_ms / 2 + random_next(random) % (spread_ms + 1);
}

static void wait_for_next(struct tcp_link *link)
{
    int64_t wait_ms = tcp_link_backoff_ms(link->attempts, &link->random);
    link->attempts++;
    uv_timer_start(&link->timer, start_attempt, (uint64_t)wait_ms, 0);
}

/* Closing */

/* Frees the link when nothing of it belongs to the loop any more. */
static void release(struct tcp_link *link)
{
    if (link->destroyed && !link->tcp_open && !link->looking_up && link->timer.data == NULL)
        free(link);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct tcp_link *link = handle->data;
    handle->data = NULL;
    release(link);
}

static void on_tcp_closed(uv_handle_t *handle)
{
    struct tcp_link *link = handle->data;
    link->tcp_open = false;
    if (link->destroyed)
        release(link);
    else
        wait_for_next(link);
}

static void close_socket(struct tcp_link *link)
{
    link->state = TCP_LINK_WAITING;
    link->length = 0;
    uv_timer_stop(&link->timer);
    uv_close((uv_handle_t *)&link->tcp, on_tcp_closed);
}

static void fail(struct tcp_link *link)
{
    close_socket(link);
    link->config.events->down(link->config.context);
}

/* Receiving */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    (void)suggested;
    struct tcp_link *link = handle->data;
    *ret_buf = uv_buf_init(link->bytes + link->length, (unsigned)(BUFFER - link->length));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    (void)buf;
    struct tcp_link *link = stream->data;
    if (count == 0)
        return;
    if (count < 0) {
        fail(link);
        return;
    }
    link->length += (size_t)count;
    size_t used =
        link->config.events->received(link->config.context, (uint8_t *)link->bytes, link->length);
    if (link->state != TCP_LINK_UP)
        return; /* dropped by the receiver */
    assert(used <= link->length && link->length - used < BUFFER);
    link->length -= used;
    memmove(link->bytes, link->bytes + used, link->length);
}

/* Connecting */

static void on_attempt_late(uv_timer_t *timer)
{
    struct tcp_link *link = timer->data;
    if (link->tcp_open) {
        fail(link);
        return;
    }
    link->state = TCP_LINK_WAITING; /* a look-up cannot be stopped: its end goes on from here */
    link->config.events->down(link->config.context);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct tcp_link *link = request->handle->data;
    if (uv_is_closing((uv_handle_t *)request->handle))
        return;
    if (status < 0 || uv_read_start((uv_stream_t *)&link->tcp, on_alloc, on_read) < 0) {
        fail(link);
        return;
    }
    uv_timer_stop(&link->timer);
    uv_tcp_nodelay(&link->tcp, 1);
    link->state = TCP_LINK_UP;
    link->config.events->up(link->config.context);
}

static void start_connect(struct tcp_link *link, const struct sockaddr *address)
{
    int result = uv_tcp_init(link->loop, &link->tcp);
    assert(result == 0); /* only sets fields: the socket is made by the connect */
    (void)result;
    link->tcp.data = link;
    link->tcp_open = true;
    link->state = TCP_LINK_CONNECTING;
    if (uv_tcp_connect(&link->connect, &link->tcp, address, on_connected) < 0)
        fail(link);
}

static const struct addrinfo *choose(const struct addrinfo *list, int attempts)
{
    int count = 0;
    for (const struct addrinfo *a = list; a != NULL && count < ADDRESSES_MOST; a = a->ai_next)
        count++;
    for (int skip = attempts % count; skip > 0; skip--)
        list = list->ai_next;
    return list;
}

static void on_looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct tcp_link *link = request->data;
    link->looking_up = false;
    if (link->destroyed) {
        release(link);
    } else if (status < 0 || list == NULL) {
        bool told = link->state == TCP_LINK_WAITING;
        link->state = TCP_LINK_WAITING;
        wait_for_next(link);
        if (!told)
            link->config.events->down(link->config.context);
    } else {
        uv_timer_start(&link->timer, on_attempt_late, (uint64_t)link->config.connect_timeout_ms, 0);
        start_connect(link, choose(list, link->attempts)->ai_addr);
    }
    uv_freeaddrinfo(list);
}

static void start_lookup(struct tcp_link *link)
{
    char service[8];
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    snprintf(service, sizeof(service), "%u", link->config.port);
    link->lookup.data = link;
    link->state = TCP_LINK_CONNECTING;
    link->looking_up = true;
    if (uv_getaddrinfo(link->loop, &link->lookup, on_looked_up, link->config.host, service,
                       &hints) < 0)
        on_looked_up(&link->lookup, UV_EAI_FAIL, NULL);
}

static void start_attempt(uv_timer_t *timer)
{
    struct tcp_link *link = timer->data;
    struct sockaddr_storage address;
    uv_timer_start(&link->timer, on_attempt_late, (uint64_t)link->config.connect_timeout_ms, 0);
    if (uv_ip4_addr(link->config.host, link->config.port, (struct sockaddr_in *)&address) == 0 ||
        uv_ip6_addr(link->config.host, link->config.port, (struct sockaddr_in6 *)&address) == 0)
        start_connect(link, (struct sockaddr *)&address);
    else
        start_lookup(link);
}

/* Public verbs */

struct tcp_link *tcp_link_create(uv_loop_t *loop, const struct tcp_link_config *config)
{
    struct tcp_link *link = calloc(1, sizeof(*link));
    if (link == NULL)
        return NULL;
    link->config = *config;
    link->loop = loop;
    link->random = config->seed | 1; /* 0 would stay 0 */
    link->state = TCP_LINK_CONNECTING;
    uv_timer_init(loop, &link->timer);
    link->timer.data = link;
    uv_timer_start(&link->timer, start_attempt, 0, 0);
    return link;
}

void tcp_link_destroy(struct tcp_link *link)
{
    link->destroyed = true;
    if (link->tcp_open && !uv_is_closing((uv_handle_t *)&link->tcp))
        close_socket(link);
    if (link->looking_up)
        uv_cancel((uv_req_t *)&link->lookup);
    uv_close((uv_handle_t *)&link->timer, on_timer_closed);
}

enum tcp_link_state tcp_link_state(const struct tcp_link *link)
{
    return link->state;
}

bool tcp_link_send(struct tcp_link *link, const uint8_t *bytes, size_t length)
{
    assert(link->state == TCP_LINK_UP);
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)length);
    return uv_try_write((uv_stream_t *)&link->tcp, &buf, 1) == (int)length;
}

bool tcp_link_discard(struct tcp_link *link)
{
    bool any = link->length > 0;
    link->length = 0;
    return any;
}

void tcp_link_drop(struct tcp_link *link)
{
    assert(link->state == TCP_LINK_UP);
    close_socket(link);
}

void tcp_link_proven(struct tcp_link *link)
{
    link->attempts = 0;
}
