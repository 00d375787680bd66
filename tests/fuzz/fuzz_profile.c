/* Any text as a profile: refused with a text or loaded with every field inside its bounds; and
 * whatever the device then says, a value is GOOD only where it is finite and plausible. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drivers/poll_plan.h"
#include "drivers/profile_lint.h"

enum { READ_MOST = 125, ANSWERS = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

/* Bytes of the text as answers of the device, among patterns with a meaning. */
static void answer(const uint8_t *data, size_t size, size_t start, uint16_t registers[READ_MOST])
{
    static const uint16_t PATTERNS[] = {0, 1, 0x7FC0, 0x7F80, 0x7FF0, 0x8000, 0xFFFF, 0xFFF6};
    for (size_t i = 0; i < READ_MOST; i++) {
        uint8_t byte = data[(start + i) % size];
        registers[i] =
            byte < 96 ? PATTERNS[byte % 8] : (uint16_t)(byte << 8 | (byte * start & 255));
    }
}

static void check_values(const struct profile *profile, int index, const uint8_t *data, size_t size)
{
    const struct profile_row *row = &profile->rows[index];
    uint16_t registers[READ_MOST], first, count;
    enum reason reason;
    double value = 0;

    profile_row_span(row, &first, &count);
    require(count <= profile->max_registers && first + count <= 65536);
    for (size_t i = 0; i < ANSWERS; i++) {
        answer(data, size, 7 * i + 31 * (size_t)index, registers);
        if (profile_decode(profile, row, registers + (row->address - first), &value, &reason) !=
            QUALITY_GOOD)
            continue;
        require(isfinite(value) && value >= row->low && value <= row->high);
        if (row->label_count > 0)
            require(profile_label_text(profile, index, value) != NULL);
    }
}

static void check_write(const struct profile_row *row)
{
    uint16_t registers[4];
    struct error error;
    for (int scale = -12; scale <= 12; scale += 4)
        if (profile_encode(row, row->write.high, scale, registers, &error) < 0)
            require(error.text[0] != '\0');
        else
            require(row->write.allowed && abs(scale) <= PROFILE_SCALE_MOST);
}

static void check_identities(const struct profile *profile, const uint8_t *data, size_t size)
{
    uint16_t registers[READ_MOST];
    char found[2 * PROFILE_IDENTITY_REGISTERS + 3];
    answer(data, size, 1, registers);
    for (int i = 0; i < profile->identity_count; i++)
        profile_identity_matches(&profile->identities[i], registers, found, sizeof(found));
}

static void ignore_note(void *context, enum lint_severity severity, const char *text)
{
    (void)context;
    (void)severity;
    require(text[0] != '\0');
}

static void check(const struct profile *profile, const uint8_t *data, size_t size)
{
    static struct poll_plan plan;
    for (int i = 0; i < profile->row_count; i++) {
        if (profile->rows[i].sunspec_count == 0)
            check_values(profile, i, data, size);
        check_write(&profile->rows[i]);
    }
    check_identities(profile, data, size);
    profile_lint(profile, ignore_note, NULL);
    if (profile->sunspec)
        return; /* planned when it is bound to what a device offers */
    poll_plan_init(&plan, profile);
    require(poll_plan_block_count(&plan) <= profile->row_count);
    for (int i = 0; i < poll_plan_block_count(&plan); i++) {
        int count = poll_plan_block(&plan, i).count;
        require(count >= 1 && count <= profile->max_registers);
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
        check(&profile, data, size);
    else
        require(error.text[0] != '\0');
    close(fd);
    return 0;
}
