/* Which registers one device is asked for, and when: rows of a profile joined into as few reads as
 * the device allows. Pure.
 *
 * Rows of one table and period join while a block stays within max_registers, over holes of at
 * most fill_holes registers. Where the device refuses a block as an illegal address (registers in
 * a hole may not exist), the block is split between rows, and the split is remembered. */
#ifndef TIDEWATT_DRIVERS_POLL_PLAN_H
#define TIDEWATT_DRIVERS_POLL_PLAN_H

#include "drivers/profile.h"

struct poll_block {
    enum register_table table;
    uint16_t address, count;     /* registers */
    uint16_t first, rows;        /* its rows are order[first] .. order[first + rows - 1] */
    int64_t due_ms;              /* site time of the next read */
    bool pending;                /* to be read in this round */
};

struct poll_plan {
    const struct profile *profile; /* outlives the plan */
    uint16_t order[LIMIT_PROFILE_ROWS]; /* rows by table, period and address; write-only ones not */
    struct poll_block blocks[LIMIT_PROFILE_ROWS];
    int block_count;
    int64_t last_ms;             /* of the last round; 0: none */
};

void poll_plan_init(struct poll_plan *plan, const struct profile *profile);

/* Begins a round: marks pending what is due at the round nearest to its time, so that a tick that
 * comes a little early does not halve the rate. Returns the number of pending blocks. */
int poll_plan_begin(struct poll_plan *plan, int64_t now_ms);

int poll_plan_next(const struct poll_plan *plan); /* first pending block, -1: the round is over */

/* Splits a block in two between rows, both pending. false: it has only one row. Blocks behind it
 * move up. */
bool poll_plan_split(struct poll_plan *plan, int block);

#endif
