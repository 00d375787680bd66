/* A device's registers as its profile lays them out: the very file by which the controller reads
 * them, so that both sides share one truth. Pure. */
#ifndef TIDEWATT_TWIN_REGISTERS_H
#define TIDEWATT_TWIN_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/profile.h"

enum { REGISTER_TABLES = 2 };

struct registers {
    const struct profile *profile;    /* not owned */
    uint16_t *words[REGISTER_TABLES]; /* by enum register_table; not owned */
    int start[REGISTER_TABLES];       /* wire address of words[0] */
    int count[REGISTER_TABLES];       /* 0: the table is empty */
};

/* Modbus exception codes. */
enum { REGISTERS_OK = 0, REGISTERS_BAD_ADDRESS = 2, REGISTERS_BAD_VALUE = 3 };

/* Sets start and count of both tables; the caller then provides `words`. */
void registers_init(struct registers *registers, const struct profile *profile);

/* Encodes a value in the point's base unit. Counters wrap as the register does and are cut, not
 * rounded, so that they never run ahead. A value that the register cannot say keeps the old. */
void registers_show(struct registers *registers, int row, double value);

/* May a client write `count` registers here? Only whole writable rows with values in range. */
int registers_check_write(const struct registers *registers, int address, int count,
                          const uint16_t *words);

/* True and the value when the row lies inside the written registers. */
bool registers_written(const struct registers *registers, int row, int address, int count,
                       double *ret_value);

#endif
