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

enum profile_grade {
    GRADE_COMMUNITY,             /* a published table that others use */
    GRADE_VENDOR_DOCUMENT,       /* the maker's document, not compared with a device */
    GRADE_HARDWARE_TESTED,       /* compared with the device itself */
    GRADE_SIMULATED,             /* a device of the twin, tested in this repository */
};

enum {
    PROFILE_INVALIDS = 4,
    PROFILE_LABELS = 64,         /* of all rows of a profile */
    PROFILE_BLOCKS = 16,
    PROFILE_SUNSPEC = 4,         /* alternatives of one row */
    PROFILE_TEXT = 64,
};

/* One meaning of a raw number of a STATE row. */
struct profile_label {
    uint16_t row;
    uint32_t raw;
    char text[LIMIT_NAME];
};

struct profile_write {
    bool allowed;
    double low, high;            /* base unit */
    int function;                /* 6 or 16 */
    bool write_only;             /* never read, so a write is confirmed by the device's echo */
    int64_t settle_ms;           /* real: the register may take so long to read back as written */
    double ramp_per_s;           /* base unit a second; 0: none */
    double per_hour;             /* writes; 0: no budget */
    double lifetime;             /* writes the register bears in its life; 0: no bound */
};

/* A point of a SunSpec model, "103.W". */
struct profile_sunspec {
    uint16_t model;
    char point[LIMIT_NAME];
};

struct profile_row {
    enum point_kind point;
    enum register_table table;
    uint16_t address;              /* wire address */
    enum register_type type;
    enum word_order order;
    uint8_t first_bit, bit_count;  /* a field of the raw number; bit_count 0: all of it */
    double factor;                 /* raw * factor * 10^scale + offset = value in the base unit */
    double offset;
    bool scaled;                   /* 10^(signed number in register scale_address of its table) */
    uint16_t scale_address;
    bool sign_apart;               /* negative while bit sign_bit of register sign_address is set */
    uint16_t sign_address;
    uint8_t sign_bit;
    uint64_t invalids[PROFILE_INVALIDS]; /* raw patterns that mean "not available" */
    int invalid_count;
    bool labelled;                 /* a raw number without a label is BAD/UNKNOWN_STATE */
    double low, high;              /* plausible range in the base unit */
    double rate_per_s;             /* largest plausible change, base unit a second; 0: unchecked */
    int64_t frozen_after_ms;       /* site time after which an unchanging value is BAD; 0: never */
    int64_t every_ms;              /* site time between reads; 0: every tick */
    int64_t rollover_milliwh;      /* counters */
    struct profile_write write;
    struct profile_sunspec sunspec[PROFILE_SUNSPEC]; /* where the address comes from, best first */
    int sunspec_count;             /* 0: the row has an address of its own */
    bool absent;                   /* this device does not offer it: MISSING/NOT_OFFERED */
};

/* What the device must say of itself before a value of it is believed. */
struct profile_identity {
    enum register_table table;
    uint16_t address, count;
    bool is_text;
    char text[PROFILE_TEXT];       /* what its ASCII begins with */
    uint64_t number;               /* up to 4 registers, most significant word first */
};

/* Registers that the device serves only together, or must be read together. */
struct profile_block {
    enum register_table table;
    uint16_t address, count;
};

struct profile {
    char name[LIMIT_NAME];
    char maker[PROFILE_TEXT], model[PROFILE_TEXT], source[128];
    enum profile_grade grade;
    int max_registers, fill_holes;
    int64_t connect_delay_ms;      /* real, between the connection and the first request */
    int64_t inter_request_ms;      /* real */
    int64_t reply_timeout_ms;      /* real, for the whole reply */
    bool sunspec;                  /* rows are bound to the model chain that the device offers */
    struct profile_identity identities[2];
    int identity_count;
    struct profile_block blocks[PROFILE_BLOCKS];
    int block_count;
    struct profile_row rows[LIMIT_PROFILE_ROWS];
    int row_count;
    struct profile_label labels[PROFILE_LABELS];
    int label_count;
};

int register_type_words(enum register_type type); /* 1, 2 or 4 */

/* Loads a file. On failure the first problem is in `error` and every one goes to `note` (may be
 * NULL) as a line "FILE:LINE: path: text". */
int profile_load(const char *path, struct profile *ret_profile, struct error *error,
                 void (*note)(void *context, const char *text), void *context);

/* What a row needs from one read: its own registers, and those of its scale and sign. */
void profile_row_span(const struct profile_row *row, uint16_t *ret_address, uint16_t *ret_count);

/* Raw registers to a value. `registers`: the row's own first register, inside a read that covers
 * its whole span. QUALITY_GOOD with the value, or BAD/MISSING with the reason (SENTINEL,
 * NOT_FINITE, OUT_OF_RANGE, UNKNOWN_STATE); value untouched then. `profile` carries the labels; NULL
 * for rows without. */
enum quality profile_decode(const struct profile *profile, const struct profile_row *row,
                            const uint16_t *registers, double *ret_value, enum reason *ret_reason);
/* A value to raw registers (of integers the nearest that is inside the write range); `scale`: the
 * exponent that the scale register holds, 0 for rows without one. ERROR_INVALID when it does not
 * fit the type or the write range. */
int profile_encode(const struct profile_row *row, double value, int scale, uint16_t *ret_registers,
                   struct error *error);

/* Text of a value of a labelled row, NULL when it has none. */
const char *profile_label_text(const struct profile *profile, int row, double value);

/* Whether the device is the one the profile is for; `found` gets what it said, for the message. */
bool profile_identity_matches(const struct profile_identity *identity, const uint16_t *registers,
                              char *ret_found, size_t size);

#endif
