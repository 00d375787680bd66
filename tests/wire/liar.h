/* A process full of Modbus servers that lie, one line each: a TCP port (frames of Modbus TCP, or
 * of RTU as serial gateways pass them through) or a pty. Built on nothing of the driver.
 *
 * On each line live units LIAR_UNIT, which meets the fault of the line, and the one after it, which
 * is honest; all others are silent. Register a holds (3 a + 1) mod 65536 until it is written. Wrong
 * values are LIAR_WRONG in every register. */
#ifndef TIDEWATT_TESTS_WIRE_LIAR_H
#define TIDEWATT_TESTS_WIRE_LIAR_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    LIAR_UNIT = 7,
    LIAR_WRONG = 0xDEAD,
    LIAR_SETPOINT = 300, /* the register whose writes and read-backs meet faults */
    LIAR_READS_MET = 3,  /* reads that meet the fault: the fourth to the sixth */
};

enum lie {
    LIE_NONE,
    LIE_LATE,        /* a wrong reply when the next request is out, and then the right one */
    LIE_OVERTAKEN,   /* another's reply comes first: an old transaction, or another unit's */
    LIE_DUPLICATE,   /* at once, the second one wrong */
    LIE_REPEATED,    /* the second one wrong, when nobody waits */
    LIE_TRANSACTION, /* that was never sent */
    LIE_UNIT,
    LIE_FUNCTION,
    LIE_PROTOCOL,
    LIE_CHECK,  /* sum */
    LIE_LENGTH, /* the field of Modbus TCP is off by the parameter */
    LIE_BYTES,  /* the byte count of a read is */
    LIE_COUNT,  /* a well-formed reply with so many registers more */
    LIE_SPLIT,  /* single bytes */
    LIE_DRIP,   /* single bytes beyond the deadline */
    LIE_CUT,
    LIE_RESET, /* a serial line hangs up */
    LIE_CLOSE,
    LIE_HALF_OPEN, /* nothing is taken from this connection ever again; it stays open */
    LIE_SILENCE,
    LIE_EXCEPTION, /* the parameter is its code */
    LIE_GARBAGE,
    LIE_JUNK_BEFORE,
    LIE_JUNK_AFTER,
    LIE_ECHO_VALUE, /* of a write */
    LIE_ECHO_ADDRESS,
    LIE_NOT_TAKEN, /* a write is confirmed, and the register stays as it is */
};

enum liar_framing { LIAR_TCP, LIAR_RTU_TCP, LIAR_SERIAL };

/* The requests that meet the fault. */
enum liar_moment {
    LIAR_READ,
    LIAR_WRITE,     /* the first write of LIAR_SETPOINT */
    LIAR_READ_BACK, /* the first read of it after that */
    LIAR_MOMENTS,
};

struct liar_line {
    enum lie lie;
    int parameter;
    enum liar_framing framing;
    enum liar_moment moment;
    uint16_t port;  /* found by liar_add, as is */
    char path[128]; /* that of a serial line */
    atomic_int met; /* requests that have met the fault */
    int listener;   /* or the pty's near end */
    int far;        /* the pty's far end */
};

enum { LIAR_LINES = 160 };

struct liar {
    pid_t pid;
    char folder[64];         /* of the serial lines' names */
    struct liar_line *lines; /* shared with the process */
    int count;
};

/* First init, then the lines, then start; all abort on trouble of the system. */
void liar_init(struct liar *liar);
const struct liar_line *liar_add(struct liar *liar, enum lie lie, int parameter,
                                 enum liar_framing framing, enum liar_moment moment);
void liar_start(struct liar *liar);
void liar_stop(struct liar *liar);

/* How many requests of the line are to meet its fault. */
int liar_meets(const struct liar_line *line);

#endif
