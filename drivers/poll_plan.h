/* Which registers a device is asked for, and when: rows of a profile joined
 * into as few reads as the device allows. Pure.
 *
 * Rows of one table and period join while a block stays within max_registers,
 * over holes of at most fill_holes registers. Registers that the profile says
 * are served only together are one block, of which no other is a part. The plan
 * is shared by all devices of a profile; what differs between them is small:
 * when what is due, and where a device refused a block so that it was split
 * between rows. */
#ifndef TIDEWATT_DRIVERS_POLL_PLAN_H
#define TIDEWATT_DRIVERS_POLL_PLAN_H

#include "drivers/profile.h"

/* A set of places in the plan's order. */
struct poll_set {
    uint64_t words[LIMIT_PROFILE_ROWS / 64];
};

struct poll_plan {
    const struct profile *profile;     /* outlives the plan */
    int place_count;                   /* rows that are read; write-only and absent ones are not */
    uint8_t order[LIMIT_PROFILE_ROWS]; /* rows by table, period and address */
    struct poll_place {
        uint16_t address, count; /* registers that the row needs */
        int8_t together;         /* index in the profile's blocks, -1: none */
        int64_t every_ms;        /* the shortest of the rows that are read together */
    } places[LIMIT_PROFILE_ROWS];
    struct poll_set begins; /* where a block begins, before a device has refused any */
};

/* One read. */
struct poll_block {
    enum register_table table;
    uint16_t address, count; /* registers */
    uint16_t first, rows;    /* its rows are order[first] .. order[first + rows - 1] */
};

void poll_plan_init(struct poll_plan *plan, const struct profile *profile);

/* The blocks of a device that has refused none yet. */
int poll_plan_block_count(const struct poll_plan *plan);
struct poll_block poll_plan_block(const struct poll_plan *plan, int block);

/* The registers to read for one row alone. */
void poll_plan_row(const struct poll_plan *plan, int row, uint16_t *ret_address,
                   uint16_t *ret_count);

/* What one device still has to be asked. */
struct poll_state {
    const struct poll_plan *plan;
    int64_t last_ms;   /* of the last round; 0: none */
    int64_t learnt_ms; /* when a block was split last; 0: none is */
    uint32_t phase;  /* of its slow blocks, so that not all devices read theirs at
                        once */
    int probe;       /* a row that is tried alone out of a refused block, -1: none */
    int probes;      /* so far */
    struct poll_set begins;
    struct poll_set pending; /* blocks, by their first place, to be read in this round */
    struct poll_due {
        int64_t due_ms;   /* site time of the next read; 0: at once */
        uint8_t refusals; /* of the row alone, one after the other */
    } due[];              /* by place; of a block that of its first one */
};

/* NULL: out of memory. Freed with free(). */
struct poll_state *poll_state_create(const struct poll_plan *plan, uint32_t phase);

/* Begins a round: marks pending what is due at the round nearest to its time,
 * so that a tick that comes a little early does not halve the rate. What the
 * round before has left stays pending. Returns whether any of that was due
 * again: the device is slower than asked for. */
bool poll_begin(struct poll_state *state, int64_t now_ms);

/* The next read, the one whose rows are due again soonest; false: the round is
 * over. */
bool poll_next(const struct poll_state *state, struct poll_block *ret_block);

/* The ends of a read. Those that failed leave in `block` the rows that have got
 * no value. */
void poll_read(struct poll_state *state, const struct poll_block *block);
void poll_failed(struct poll_state *state, struct poll_block *block); /* asked again next round */
/* The device answered with an exception. true: the block was split between
 * rows, or one row of it is tried alone, and no row is without value yet. A row
 * that is refused alone is asked rarely. */
bool poll_refused(struct poll_state *state, struct poll_block *block, uint8_t exception,
                  int64_t now_ms);

#endif
