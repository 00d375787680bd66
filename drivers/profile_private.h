/* Between the files that load a profile: profile.c has the file and what concerns all rows,
 * profile_row.c one row. */
#ifndef TIDEWATT_DRIVERS_PROFILE_PRIVATE_H
#define TIDEWATT_DRIVERS_PROFILE_PRIVATE_H

#include "drivers/profile.h"

enum {
    PROFILE_ADDRESS_MOST = 65535,
    PROFILE_READ_MOST = 125,
    PROFILE_PAUSE_MOST_MS = 60000,
};

/* How the document counts registers. */
enum profile_addressing {
    ADDRESSING_WIRE,      /* from 0, as in the frame */
    ADDRESSING_ONE_BASED, /* from 1 */
    ADDRESSING_MODICON, /* 30001 or 300001 the first input register, 40001 the first holding one */
};

/* By enum register_type, NULL at the end. */
extern const char *const profile_type_names[];

struct profile_loader {
    struct profile *profile;
    enum profile_addressing addressing;
};

struct register_place {
    enum register_table table;
    uint16_t address;
};

/* Where a group says its registers are (`table` and `address`). */
void profile_load_place(const struct profile_loader *loader, struct conf_node *group,
                        struct register_place *ret_place);

/* "0x..." of at most so many bits; ERROR_INVALID without a note. */
int profile_parse_pattern(const char *text, int bits, uint64_t *ret_pattern);

/* One item of `points`; its labels join those of the profile. ERROR_INVALID when not even its point
 * is known; other mistakes are noted and the row is complete enough to be checked further. */
int profile_load_row(const struct profile_loader *loader, struct conf_node *node,
                     struct profile_row *ret_row);

#endif
