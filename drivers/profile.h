/* Device profiles: register tables as data, loaded from config/profiles/NAME.cfg.
 *
 * profile: {
 *   name = "twin-battery"; maker = "..."; model = "..."; source = "..."; grade = "tested";
 *   address_base = 0;              # 1 where the document counts from 1
 *   max_registers = 125;           # longest read the device answers
 *   fill_holes = 8;                # unused registers worth reading to join two blocks
 *   inter_request = "0 ms"; reply_timeout = "500 ms";
 *   points: (
 *     { point = "power_w"; table = "holding"; address = 8; type = "i32"; order = "ABCD";
 *       scale = 1.0; unit = "W"; invalid = [ "0x80000000" ]; low = -3e6; high = 3e6;
 *       every = "1 s"; },
 *     { point = "energy_import_wh"; table = "input"; address = 12; type = "u32"; scale = 0.1;
 *       unit = "kWh"; rollover = "429496729.6 kWh"; },
 *     { point = "power_set_w"; table = "holding"; address = 20; type = "i32"; unit = "W";
 *       write = { low = -1000000.0; high = 1000000.0; function = 16; readable = true; };  },
 *   );
 * };
 * Addresses are wire addresses plus address_base. `scale` counts in `unit`; `offset`, `low`,
 * `high` and the write range are in the point's own unit, the one in its name. Overlapping rows of
 * one table, unknown keys, units that do not fit the point and addresses beyond 65535 are errors
 * with file and line. Every key and its default: config/profiles/README.md. */
#ifndef TIDEWATT_DRIVERS_PROFILE_H
#define TIDEWATT_DRIVERS_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/conf.h"
#include "controller/plant/point.h"
#include "controller/plant/sample.h"

enum register_table { TABLE_HOLDING, TABLE_INPUT };
enum register_type { TYPE_U16, TYPE_I16, TYPE_U32, TYPE_I32, TYPE_U64, TYPE_I64, TYPE_F32, TYPE_F64 };
/* Byte order on the wire of a 32-bit value whose bytes are A (most significant) to D. 64-bit values
 * follow suit: CDAB least significant word first, BADC bytes swapped in each word, DCBA both. */
enum word_order { ORDER_ABCD, ORDER_CDAB, ORDER_BADC, ORDER_DCBA };

enum { PROFILE_INVALIDS = 4 };

struct profile_row {
    enum point_kind point;
    enum register_table table;
    uint16_t address;              /* wire address */
    enum register_type type;
    enum word_order order;
    double factor;                 /* raw * factor + offset = value in the point's base unit */
    double offset;
    uint64_t invalids[PROFILE_INVALIDS]; /* raw patterns that mean "not available" */
    int invalid_count;
    double low, high;              /* plausible range in the base unit */
    int64_t every_ms;              /* site time between reads; 0: every tick */
    int64_t rollover_milliwh;      /* counters */
    bool writable;
    double write_low, write_high;
    int write_function;            /* 6 or 16 */
    bool write_only;               /* never read, so a write is confirmed by the device's echo */
};

struct profile {
    char name[LIMIT_NAME];
    char source[128];
    char grade[LIMIT_NAME];
    int max_registers, fill_holes;
    int64_t inter_request_ms;      /* real */
    int64_t reply_timeout_ms;      /* real, for the whole reply */
    struct profile_row rows[LIMIT_PROFILE_ROWS];
    int row_count;
};

int register_type_words(enum register_type type); /* 1, 2 or 4 */

/* Loads a file. On failure the first problem is in `error` and every one goes to `note` (may be
 * NULL) as a line "FILE:LINE: path: text". */
int profile_load(const char *path, struct profile *ret_profile, struct error *error,
                 void (*note)(void *context, const char *text), void *context);

/* Raw registers (host order, as many as the type needs) to a value. QUALITY_GOOD with the value,
 * or BAD/MISSING with the reason (SENTINEL, NOT_FINITE, OUT_OF_RANGE); value untouched then. */
enum quality profile_decode(const struct profile_row *row, const uint16_t *registers,
                            double *ret_value, enum reason *ret_reason);
/* A value to raw registers (of integers the nearest that is inside the write range);
 * ERROR_INVALID when it does not fit the type or the write range. */
int profile_encode(const struct profile_row *row, double value, uint16_t *ret_registers,
                   struct error *error);

#endif
