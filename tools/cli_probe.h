/* `tidewatt probe`: what its two ways of looking at a device share. Reads only. */
#ifndef TIDEWATT_TOOLS_CLI_PROBE_H
#define TIDEWATT_TOOLS_CLI_PROBE_H

#include <jansson.h>

#include "drivers/modbus_probe.h"
#include "drivers/profile.h"
#include "drivers/sunspec.h"
#include "tools/cli.h"

enum { CLI_READ_ROOM = 125 }; /* registers of one read at most */

/* How one read ended. */
struct cli_read {
    enum port_result result;
    uint8_t exception;
};

/* A device under examination. It is given up when it has not answered a few times in a row. */
struct cli_probe {
    struct modbus_probe *device;
    bool json;
    bool heard;     /* it has answered at least once */
    int unanswered; /* in a row */
    bool given_up;
    struct cli_read last; /* what it was given up for */
};

/* Reads with the function of the table. A gateway's word that the unit is silent is no answer. */
struct cli_read cli_probe_read(struct cli_probe *probe, enum register_table table, uint16_t address,
                               uint16_t count, uint16_t *ret_registers);

/* "02 illegal data address", "no answer", ...; "" for a reply. */
const char *cli_read_text(struct cli_read read, char buffer[CLI_TEXT_ROOM]);
/* "00FF 8001" */
enum { CLI_RAW_ROOM = 5 * 4 + 1 };
const char *cli_raw_text(const uint16_t *registers, int count, char buffer[CLI_RAW_ROOM]);
json_t *cli_raw_json(const uint16_t *registers, int count);

/* Looks for the chain of SunSpec models; it is neither done nor failed when the device is given up.
 */
void cli_probe_walk(struct cli_probe *probe, struct sunspec_walk *ret_walk);

/* Each prints what the device says and returns the exit code. */
int cli_probe_profile(struct cli_probe *probe, const struct profile *profile);
int cli_probe_sunspec(struct cli_probe *probe);

#endif
