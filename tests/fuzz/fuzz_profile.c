/* Any text as a profile: refused with a text or loaded with every field inside its bounds. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drivers/poll_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

static void check(const struct profile *profile)
{
    static struct poll_plan plan;
    poll_plan_init(&plan, profile);
    require(plan.block_count <= profile->row_count);
    for (int i = 0; i < plan.block_count; i++)
        require(plan.blocks[i].count >= 1 && plan.blocks[i].count <= profile->max_registers);
    for (int i = 0; i < profile->row_count; i++) {
        const struct profile_row *row = &profile->rows[i];
        const uint16_t registers[4] = {0x7FF0, 0x8000, 0xFFFF, 1};
        uint16_t encoded[4];
        double value;
        enum reason reason;
        require(row->address + register_type_words(row->type) <= 65536);
        profile_decode(NULL, row, registers, &value, &reason);
        profile_encode(row, row->write.high, 0, encoded, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    static struct profile profile;
    int fd = memfd_create("profile", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    struct error error;
    if (profile_load(path, &profile, &error, NULL, NULL) == 0)
        check(&profile);
    else
        require(error.text[0] != '\0');
    close(fd);
    return 0;
}
