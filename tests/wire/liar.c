/* The servers are one process with one poll loop: dozens of lines lie at the same time, and each at
 * its exact moment. What is to be said later waits in the line's queue; while it waits, the line
 * takes no other request, as units on a bus answer one after the other. */
#include "tests/wire/liar.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    FIRST_MET = 4, /* of the reads */
    FRAME_MOST = 300,
    SAYINGS = 32,
    TCP_REQUEST = 12, /* bytes of the requests that are known here */
    RTU_REQUEST = 8,
    MBAP = 7, /* bytes before the PDU */
    EXCEPTION_BIT = 0x80,
    /* ms */
    SPLIT_MS = 1,
    DRIP_MS = 60,
    REPEATED_MS = 20, /* the driver has the reply and asks nobody */
    OVERTAKEN_MS = 30,
};

enum { READ_COILS = 1, READ_DISCRETE = 2, READ_HOLDING = 3, WRITE_ONE = 6 };

struct frame {
    uint8_t bytes[FRAME_MOST];
    size_t length;
};

struct request {
    uint16_t transaction, address, count; /* or the value of a write */
    uint8_t unit, function;
};

/* What the process knows of a line. */
struct talk {
    struct liar_line *line;
    int fd; /* the connection or the pty; -1: none */
    struct frame heard;
    struct saying {
        int64_t due_ms;
        struct frame frame;
    } sayings[SAYINGS];
    int first, said;
    struct frame held; /* the late reply */
    bool holds;
    bool slow; /* the next reply leaves time for another one to be taken for it */
    uint16_t setpoint;
    bool written;
    int reads;
};

static void require(bool truth, const char *what)
{
    if (truth)
        return;
    perror(what);
    abort();
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* ---- frames ---------------------------------------------------------------------------------- */

static void put8(struct frame *frame, int value)
{
    frame->bytes[frame->length++] = (uint8_t)value;
}

static void put16(struct frame *frame, int value)
{
    put8(frame, value >> 8);
    put8(frame, value);
}

static uint16_t get16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint16_t check_sum(const uint8_t *bytes, size_t length)
{
    uint16_t sum = 0xFFFF;
    for (size_t i = 0; i < length; i++) {
        sum ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            sum = (uint16_t)(sum & 1 ? sum >> 1 ^ 0xA001 : sum >> 1);
    }
    return sum;
}

static bool is_tcp(const struct talk *talk)
{
    return talk->line->framing == LIAR_TCP;
}

static struct frame seal(const struct talk *talk, int transaction, int unit,
                         const struct frame *pdu)
{
    struct frame frame = {.length = 0};
    if (is_tcp(talk)) {
        put16(&frame, transaction);
        put16(&frame, 0);
        put16(&frame, (int)pdu->length + 1);
    }
    put8(&frame, unit);
    memcpy(frame.bytes + frame.length, pdu->bytes, pdu->length);
    frame.length += pdu->length;
    if (!is_tcp(talk)) {
        uint16_t sum = check_sum(frame.bytes, frame.length);
        put8(&frame, sum & 0xFF);
        put8(&frame, sum >> 8);
    }
    return frame;
}

static uint16_t value_of(const struct talk *talk, const struct request *request, int place)
{
    uint16_t address = (uint16_t)(request->address + place);
    bool written = request->unit == LIAR_UNIT && address == LIAR_SETPOINT && talk->written;
    return written ? talk->setpoint : (uint16_t)(3 * address + 1);
}

static struct frame echo(const struct request *request)
{
    struct frame pdu = {.length = 0};
    put8(&pdu, request->function);
    put16(&pdu, request->address);
    put16(&pdu, request->count);
    return pdu;
}

static bool is_of_bits(const struct request *request)
{
    return request->function == READ_COILS || request->function == READ_DISCRETE;
}

static struct frame right_pdu(const struct talk *talk, const struct request *request)
{
    struct frame pdu = {.length = 0};
    if (request->function == WRITE_ONE)
        return echo(request);
    put8(&pdu, request->function);
    if (is_of_bits(request)) {
        put8(&pdu, 1);
        put8(&pdu, 0);
        return pdu;
    }
    put8(&pdu, 2 * request->count);
    for (int i = 0; i < request->count; i++)
        put16(&pdu, value_of(talk, request, i));
    return pdu;
}

/* What must not be believed: a read of wrong values with `more` registers, a perfect echo. */
static struct frame wrong_pdu(const struct request *request, int more)
{
    struct frame pdu = {.length = 0};
    if (request->function == WRITE_ONE) {
        pdu = echo(request);
        for (int i = 0; i < more; i++)
            put16(&pdu, LIAR_WRONG);
        pdu.length -= more < 0 ? 2 : 0;
        return pdu;
    }
    put8(&pdu, request->function);
    put8(&pdu, 2 * (request->count + more));
    for (int i = 0; i < request->count + more; i++)
        put16(&pdu, LIAR_WRONG);
    return pdu;
}

/* ---- saying ---------------------------------------------------------------------------------- */

static void say(struct talk *talk, const struct frame *frame, int64_t pause_ms)
{
    int64_t from_ms = now_ms();
    if (talk->said > 0) {
        int64_t last_ms = talk->sayings[(talk->first + talk->said - 1) % SAYINGS].due_ms;
        from_ms = last_ms > from_ms ? last_ms : from_ms;
    }
    require(talk->said < SAYINGS, "too much to say");
    talk->sayings[(talk->first + talk->said++) % SAYINGS] =
        (struct saying){from_ms + pause_ms, *frame};
}

static void say_slowly(struct talk *talk, const struct frame *frame, int64_t pause_ms)
{
    for (size_t i = 0; i < frame->length; i++) {
        const struct frame byte = {.bytes = {frame->bytes[i]}, .length = 1};
        say(talk, &byte, pause_ms);
    }
}

/* A transparent gateway says late bytes to whoever is connected then. */
static void speak(struct talk *talk)
{
    while (talk->said > 0 && talk->sayings[talk->first].due_ms <= now_ms()) {
        const struct frame *frame = &talk->sayings[talk->first].frame;
        if (talk->fd >= 0 && write(talk->fd, frame->bytes, frame->length) < 0)
            require(errno == EPIPE || errno == ECONNRESET || errno == EIO, "write");
        talk->first = (talk->first + 1) % SAYINGS;
        talk->said--;
    }
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void open_pty(struct liar_line *line)
{
    char other[160];
    struct termios raw = {0};
    cfmakeraw(&raw);
    require(openpty(&line->far, &line->listener, other, &raw, NULL) == 0, "openpty");
    char name[160];
    snprintf(name, sizeof(name), "%s.new", line->path);
    require(symlink(other, name) == 0 && rename(name, line->path) == 0, "symlink");
}

static void forget(struct talk *talk)
{
    talk->fd = -1;
    talk->heard.length = 0;
    if (is_tcp(talk))
        talk->said = 0;
}

static void hang_up(struct talk *talk, bool reset)
{
    const struct linger linger = {.l_onoff = reset, .l_linger = 0};
    if (talk->line->framing != LIAR_SERIAL) {
        setsockopt(talk->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        close(talk->fd);
        forget(talk);
        return;
    }
    int far = talk->line->far, near = talk->line->listener;
    open_pty(talk->line);
    close(far);
    close(near);
    talk->fd = talk->line->far;
    talk->heard.length = 0;
}

/* The newest connection counts. */
static void take_connection(struct talk *talk)
{
    const int on = 1;
    int fd = accept(talk->line->listener, NULL, NULL);
    require(fd >= 0, "accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (talk->fd >= 0)
        close(talk->fd);
    forget(talk);
    talk->fd = fd;
}

/* ---- lies ------------------------------------------------------------------------------------ */

/* Lies that are the right reply with something else around it, or nothing but the truth. */
static void tell_right(struct talk *talk, const struct request *request, struct frame right)
{
    const struct frame wrong_frame = wrong_pdu(request, 0);
    const struct frame wrong = seal(talk, request->transaction, request->unit, &wrong_frame);
    const struct frame before = {.bytes = {0x00, 0xFF}, .length = 2};
    const struct frame after = {.bytes = {0x00}, .length = 1};
    const enum lie lie = talk->line->lie;

    if (lie == LIE_OVERTAKEN) {
        bool tcp = is_tcp(talk);
        const struct frame old =
            seal(talk, request->transaction - 1, request->unit + (tcp ? 0 : 1), &wrong_frame);
        say(talk, &old, 0);
        say(talk, &right, OVERTAKEN_MS);
        return;
    }
    if (lie == LIE_SPLIT) {
        say_slowly(talk, &right, SPLIT_MS);
        return;
    }
    if (lie == LIE_JUNK_BEFORE) { /* as lines without bias resistors have */
        right.length += before.length;
        memmove(right.bytes + before.length, right.bytes, right.length - before.length);
        memcpy(right.bytes, before.bytes, before.length);
    }
    const struct frame *behind = lie == LIE_DUPLICATE ? &wrong : &after;
    if (lie == LIE_DUPLICATE || lie == LIE_JUNK_AFTER) {
        memcpy(right.bytes + right.length, behind->bytes, behind->length);
        right.length += behind->length;
    }
    say(talk, &right, 0);
    if (lie == LIE_REPEATED)
        say(talk, &wrong, REPEATED_MS);
}

/* A frame that is wrong in one place. */
static struct frame one_wrong(const struct talk *talk, const struct request *request)
{
    const struct liar_line *line = talk->line;
    int more = line->lie == LIE_COUNT ? line->parameter : 0;
    int transaction = request->transaction + (line->lie == LIE_TRANSACTION ? 7 : 0);
    struct frame pdu = wrong_pdu(request, more);

    if (line->lie == LIE_FUNCTION)
        pdu.bytes[0]++;
    if (line->lie == LIE_ECHO_ADDRESS)
        pdu.bytes[2] ^= 1;
    if (line->lie == LIE_ECHO_VALUE)
        pdu.bytes[4] ^= 1;
    if (line->lie == LIE_BYTES)
        pdu.bytes[1] = (uint8_t)(pdu.bytes[1] + line->parameter);
    if (line->lie == LIE_EXCEPTION)
        pdu = (struct frame){{request->function | EXCEPTION_BIT, (uint8_t)line->parameter}, 2};
    struct frame frame =
        seal(talk, transaction, request->unit + (line->lie == LIE_UNIT ? 1 : 0), &pdu);
    if (line->lie == LIE_PROTOCOL)
        frame.bytes[3] = 1;
    if (line->lie == LIE_LENGTH)
        frame.bytes[5] = (uint8_t)(frame.bytes[5] + line->parameter);
    if (line->lie == LIE_CHECK)
        frame.bytes[frame.length - 1] ^= 1;
    frame.length -= line->lie == LIE_CUT ? 1 : 0;
    return frame;
}

static void say_garbage(struct talk *talk)
{
    struct frame frame = {.length = FRAME_MOST};
    uint32_t random = 0x9e3779b9u + (uint32_t)talk->line->met;
    for (size_t i = 0; i < frame.length; i++) {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        frame.bytes[i] = (uint8_t)(random >> 11);
    }
    say(talk, &frame, 0);
}

static void tell_lie(struct talk *talk, const struct request *request, const struct frame *right)
{
    struct frame wrong = one_wrong(talk, request);
    switch (talk->line->lie) {
    case LIE_LATE:
        talk->held = wrong;
        talk->holds = true;
        break;
    case LIE_DRIP:
        say_slowly(talk, &wrong, DRIP_MS);
        break;
    case LIE_RESET:
    case LIE_CLOSE:
        hang_up(talk, talk->line->lie == LIE_RESET);
        break;
    case LIE_HALF_OPEN:
        forget(talk); /* its descriptor stays open */
        break;
    case LIE_SILENCE:
        break;
    case LIE_GARBAGE:
        say_garbage(talk);
        break;
    case LIE_NONE:
    case LIE_OVERTAKEN:
    case LIE_DUPLICATE:
    case LIE_REPEATED:
    case LIE_SPLIT:
    case LIE_JUNK_BEFORE:
    case LIE_JUNK_AFTER:
    case LIE_NOT_TAKEN:
        tell_right(talk, request, *right);
        break;
    case LIE_TRANSACTION:
    case LIE_UNIT:
    case LIE_FUNCTION:
    case LIE_PROTOCOL:
    case LIE_CHECK:
    case LIE_LENGTH:
    case LIE_BYTES:
    case LIE_COUNT:
    case LIE_CUT:
    case LIE_EXCEPTION:
    case LIE_ECHO_VALUE:
    case LIE_ECHO_ADDRESS:
        say(talk, &wrong, 0);
        break;
    }
}

/* ---- requests -------------------------------------------------------------------------------- */

int liar_meets(const struct liar_line *line)
{
    bool once = line->moment != LIAR_READ || line->lie == LIE_HALF_OPEN;
    return line->lie == LIE_NONE ? 0 : once ? 1 : LIAR_READS_MET;
}

static bool meets_fault(struct talk *talk, const struct request *request)
{
    struct liar_line *line = talk->line;
    bool reads = request->function == READ_HOLDING;
    if (line->met >= liar_meets(line))
        return false;
    switch (line->moment) {
    case LIAR_READ:
        talk->reads += reads;
        return reads && talk->reads >= FIRST_MET;
    case LIAR_WRITE:
        return request->function == WRITE_ONE;
    case LIAR_READ_BACK:
        return reads && talk->written && request->address == LIAR_SETPOINT;
    case LIAR_MOMENTS:
        break;
    }
    abort();
}

static bool takes_write(const struct liar_line *line)
{
    return line->lie != LIE_EXCEPTION && line->lie != LIE_NOT_TAKEN;
}

/* Of the unit that lies. */
static void answer_liar(struct talk *talk, const struct request *request)
{
    struct liar_line *line = talk->line;
    static const struct frame nothing;
    bool faulty = meets_fault(talk, request);

    if (request->function == WRITE_ONE && (!faulty || takes_write(line))) {
        talk->setpoint = request->count;
        talk->written = true;
    }
    const struct frame pdu = right_pdu(talk, request);
    const struct frame right = seal(talk, request->transaction, request->unit, &pdu);
    if (talk->holds)
        say(talk, &talk->held, 0);
    if (talk->holds || talk->slow)
        say(talk, &nothing, OVERTAKEN_MS);
    talk->holds = false;
    talk->slow = faulty && line->lie == LIE_REPEATED;
    if (faulty) {
        tell_lie(talk, request, &right);
        line->met++;
    } else {
        say(talk, &right, 0);
    }
}

static void answer(struct talk *talk, const uint8_t *pdu, uint16_t transaction)
{
    const struct request request = {.transaction = transaction,
                                    .unit = pdu[0],
                                    .function = pdu[1],
                                    .address = get16(pdu + 2),
                                    .count = get16(pdu + 4)};
    if (request.unit == LIAR_UNIT) {
        answer_liar(talk, &request);
    } else if (request.unit == LIAR_UNIT + 1) {
        const struct frame right = right_pdu(talk, &request);
        const struct frame frame = seal(talk, transaction, request.unit, &right);
        say(talk, &frame, 0);
    }
}

static void drop_heard(struct talk *talk, size_t count)
{
    talk->heard.length -= count;
    memmove(talk->heard.bytes, talk->heard.bytes + count, talk->heard.length);
}

static void take_requests(struct talk *talk)
{
    const size_t size = is_tcp(talk) ? TCP_REQUEST : RTU_REQUEST;
    while (talk->said == 0 && talk->heard.length >= size) {
        uint8_t request[TCP_REQUEST];
        memcpy(request, talk->heard.bytes, size);
        if (!is_tcp(talk) && check_sum(request, size) != 0) {
            drop_heard(talk, 1);
            continue;
        }
        drop_heard(talk, size);
        if (is_tcp(talk))
            answer(talk, request + MBAP - 1, get16(request));
        else
            answer(talk, request, 0);
        speak(talk);
    }
}

static void hear(struct talk *talk)
{
    struct frame *heard = &talk->heard;
    ssize_t count = read(talk->fd, heard->bytes + heard->length, FRAME_MOST - heard->length);
    if (count > 0) {
        heard->length += (size_t)count;
    } else if (talk->line->framing != LIAR_SERIAL) {
        close(talk->fd);
        forget(talk);
    }
}

/* ---- the process ----------------------------------------------------------------------------- */

static int until_due_ms(const struct talk *talks, int count)
{
    int64_t least_ms = 1000, now = now_ms();
    for (int i = 0; i < count; i++)
        if (talks[i].said > 0 && talks[i].sayings[talks[i].first].due_ms - now < least_ms)
            least_ms = talks[i].sayings[talks[i].first].due_ms - now;
    return least_ms < 0 ? 0 : (int)least_ms;
}

static void turn(struct talk *talks, int count)
{
    struct pollfd fds[2 * LIAR_LINES];
    for (int i = 0; i < count; i++) {
        bool serial = talks[i].line->framing == LIAR_SERIAL;
        bool full = talks[i].heard.length == FRAME_MOST;
        fds[2 * i] = (struct pollfd){serial ? -1 : talks[i].line->listener, POLLIN, 0};
        fds[2 * i + 1] = (struct pollfd){full ? -1 : talks[i].fd, POLLIN, 0};
    }
    require(poll(fds, (nfds_t)(2 * count), until_due_ms(talks, count)) >= 0, "poll");
    for (int i = 0; i < count; i++) {
        if (fds[2 * i + 1].revents)
            hear(&talks[i]);
        if (fds[2 * i].revents)
            take_connection(&talks[i]);
        speak(&talks[i]);
        take_requests(&talks[i]);
    }
}

static void serve(struct liar *liar)
{
    struct talk *talks = calloc((size_t)liar->count, sizeof(*talks));
    require(talks != NULL, "calloc");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < liar->count; i++) {
        talks[i].line = &liar->lines[i];
        talks[i].fd = liar->lines[i].framing == LIAR_SERIAL ? liar->lines[i].far : -1;
    }
    for (;;)
        turn(talks, liar->count);
}

static void listen_for(struct liar_line *line)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    line->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(line->listener >= 0 &&
                bind(line->listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                getsockname(line->listener, (struct sockaddr *)&address, &size) == 0 &&
                listen(line->listener, 8) == 0,
            "listen");
    line->port = ntohs(address.sin_port);
}

void liar_init(struct liar *liar)
{
    *liar = (struct liar){.folder = "/tmp/liar.XXXXXX"};
    require(mkdtemp(liar->folder) != NULL, "mkdtemp");
    liar->lines = mmap(NULL, LIAR_LINES * sizeof(*liar->lines), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    require(liar->lines != MAP_FAILED, "mmap");
}

const struct liar_line *liar_add(struct liar *liar, enum lie lie, int parameter,
                                 enum liar_framing framing, enum liar_moment moment)
{
    struct liar_line *line = &liar->lines[liar->count];
    require(liar->count < LIAR_LINES, "too many lines");
    line->lie = lie;
    line->parameter = parameter;
    line->framing = framing;
    line->moment = moment;
    if (framing == LIAR_SERIAL) {
        snprintf(line->path, sizeof(line->path), "%s/%d", liar->folder, liar->count);
        open_pty(line);
    } else {
        listen_for(line);
    }
    liar->count++;
    return line;
}

void liar_start(struct liar *liar)
{
    liar->pid = fork();
    require(liar->pid >= 0, "fork");
    if (liar->pid == 0)
        serve(liar);
    for (int i = 0; i < liar->count; i++) {
        close(liar->lines[i].listener);
        if (liar->lines[i].framing == LIAR_SERIAL)
            close(liar->lines[i].far);
    }
}

void liar_stop(struct liar *liar)
{
    kill(liar->pid, SIGKILL);
    waitpid(liar->pid, NULL, 0);
    for (int i = 0; i < liar->count; i++)
        if (liar->lines[i].framing == LIAR_SERIAL)
            unlink(liar->lines[i].path);
    rmdir(liar->folder);
    munmap(liar->lines, LIAR_LINES * sizeof(*liar->lines));
}
