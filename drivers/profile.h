/* Device profiles: register tables as data, loaded from config/profiles/NAME.cfg.
 *
 * profile: {
 *   name = "acme-bms"; maker = "Acme"; model = "BMS 2"; source = "Acme BMS 2 manual, rev 3";
 *   grade = "vendor-document";
 *   addressing = "wire";           # or "one-based", "modicon" as the document counts
 *   max_registers = 125;           # longest read the device answers
 *   fill_holes = 8;                # unused registers worth reading to join two blocks
 *   connect_delay = "1 s"; inter_request = "20 ms"; reply_timeout = "500 ms";
 *   identity = ( { address = 0; type = "u16"; equals = "0x4142"; } );
 *   blocks = ( { address = 8; count = 20; } );
 *   points: (
 *     { point = "power_w"; table = "holding"; address = 8; type = "i16"; order = "ABCD";
 *       scale_register = 9; unit = "W"; invalid = [ "0x8000" ]; low = -3e6; high = 3e6;
 *       rate_per_s = 1e6; frozen_after = "10 min"; every = "1 s"; },
 *     { point = "state"; address = 10; type = "u16"; bits = "3..5";
 *       labels = [ "0 = off", "3 = running" ]; },
 *     { point = "power_set_w"; address = 20; type = "i32"; unit = "W";
 *       write = { low = -1e6; high = 1e6; settle = "2 s"; ramp_per_s = 5e4; }; }
 *   );
 * };
 * `scale` counts in `unit`; `offset`, `low`, `high`, rates and the write range are in the point's
 * own unit, the one in its name. Overlapping rows of one table, unknown keys, units that do not fit
 * the point and addresses beyond 65535 are errors with file and line. Every key and its default:
 * config/profiles/README.md. */
#ifndef TIDEWATT_DRIVERS_PROFILE_H
#define TIDEWATT_DRIVERS_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/base/conf.h"
#include "controller/plant/point.h"
#include "controller/plant/sample.h"

enum register_table { TABLE_HOLDING, TABLE_INPUT };
enum register_type {
    TYPE_U16, TYPE_I16, TYPE_U32, TYPE_I32, TYPE_U64, TYPE_I64, TYPE_F32, TYPE_F64,
};
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
    PROFILE_IDENTITIES = 2,
    PROFILE_IDENTITY_REGISTERS = 32,
    PROFILE_SCALE_MOST = 10,     /* a scale register says -10 to 10; all else is "not available" */
    PROFILE_TEXT = 64,
};

/* One meaning of a raw number of a STATE row. */
struct profile_label {
    uint32_t raw;
    char text[LIMIT_NAME];
};

struct profile_write {
    bool allowed;
    bool write_only;             /* never read, so a write is confirmed by the device's echo */
    int function;                /* 6 or 16 */
    double low, high;            /* base unit */
    int64_t settle_ms;           /* real: the register may take so long to read back as written */
    double ramp_per_s;           /* base unit a second; 0: none */
    double per_hour;             /* writes; 0: no budget */
    double lifetime;             /* writes the register bears in its life; 0: no bound */
};

/* A point of a SunSpec model, "103.W". */
struct profile_sunspec {
    uint16_t model;
    char point[24];
};

struct profile_row {
    enum point_kind point;
    enum register_table table;
    uint16_t address;              /* wire address */
    uint8_t first_bit, bit_count;  /* a field of the raw number; bit_count 0: all of it */
    enum register_type type;
    enum word_order order;         /* of the scale and sign registers too */
    double factor;                 /* raw * factor * 10^scale + offset = value in the base unit */
    double offset;
    uint16_t scale_address, sign_address;
    bool scaled;                   /* 10^(signed number in register scale_address of its table) */
    bool sign_apart;               /* negative while bit sign_bit of register sign_address is set */
    uint8_t sign_bit;
    bool nan_invalid;              /* floats: every NaN means "not available" too */
    uint64_t invalids[PROFILE_INVALIDS]; /* raw patterns that mean "not available" */
    uint8_t invalid_count;
    uint8_t first_label, label_count; /* in the profile; a number without label is UNKNOWN_STATE */
    bool absent;                   /* this device does not offer it: MISSING/NOT_OFFERED */
    uint8_t sunspec_count;         /* 0: the row has an address of its own */
    struct profile_sunspec sunspec[PROFILE_SUNSPEC]; /* where the address comes from, best first */
    double low, high;              /* plausible range in the base unit */
    double rate_per_s;             /* largest plausible change, base unit a second; 0: unchecked */
    int64_t frozen_after_ms;       /* site time after which an unchanging value is BAD; 0: never */
    int64_t every_ms;              /* site time between reads; 0: every tick */
    int64_t rollover_milliwh;      /* counters */
    struct profile_write write;
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
    struct profile_identity identities[PROFILE_IDENTITIES];
    int identity_count;
    struct profile_block blocks[PROFILE_BLOCKS];
    int block_count;
    struct profile_row rows[LIMIT_PROFILE_ROWS];
    int row_count;
    struct profile_label labels[PROFILE_LABELS];
    int label_count;
};

int register_type_words(enum register_type type); /* 1, 2 or 4 */
const char *register_type_name(enum register_type type); /* "u16" */
bool register_type_is_float(enum register_type type);
bool register_type_is_signed(enum register_type type); /* of the integers */

/* Loads a file. On failure the first problem is in `error` and every one goes to `note` (may be
 * NULL) as a line "FILE:LINE: path: text". */
int profile_load(const char *path, struct profile *ret_profile, struct error *error,
                 void (*note)(void *context, const char *text), void *context);

const char *profile_grade_name(enum profile_grade grade); /* "vendor-document" */

/* What a row needs from one read: its own registers, and those of its scale and sign. */
void profile_row_span(const struct profile_row *row, uint16_t *ret_address, uint16_t *ret_count);

/* Raw registers to a value. `registers`: the row's own first register, inside a read that covers
 * its whole span. QUALITY_GOOD with the value, or BAD/MISSING with the reason (SENTINEL, also
 * where the scale register says none; NOT_FINITE, OUT_OF_RANGE, UNKNOWN_STATE, NOT_OFFERED); value
 * untouched then. `profile` carries the labels; NULL for rows without. */
enum quality profile_decode(const struct profile *profile, const struct profile_row *row,
                            const uint16_t *registers, double *ret_value, enum reason *ret_reason);
/* A value to raw registers (of integers the nearest that is inside the write range); `scale`: the
 * exponent that the scale register holds, 0 for rows without one. ERROR_INVALID when it does not
 * fit the type or the write range. A field of a register is set with zeros around it. */
int profile_encode(const struct profile_row *row, double value, int scale, uint16_t *ret_registers,
                   struct error *error);

/* What the integer of a row can say: from its least number to below the first one too many. */
void profile_row_numbers(const struct profile_row *row, double *ret_least, double *ret_beyond);

/* Text of a value of a labelled row, NULL when it has none. */
const char *profile_label_text(const struct profile *profile, int row, double value);

/* Whether the device is the one the profile is for; `found` gets what it said, for the message. */
bool profile_identity_matches(const struct profile_identity *identity, const uint16_t *registers,
                              char *ret_found, size_t size);

#endif
