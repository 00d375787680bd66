/* See registers.h. */
#include "tools/twin/registers.h"

#include <math.h>

void registers_init(struct registers *registers, const struct profile *profile)
{
    int end[REGISTER_TABLES] = {0};

    *registers = (struct registers){.profile = profile};
    for (int i = 0; i < profile->row_count; i++) {
        const struct profile_row *row = &profile->rows[i];
        int row_end = row->address + register_type_words(row->type);

        if (end[row->table] == 0 || row->address < registers->start[row->table])
            registers->start[row->table] = row->address;
        if (row_end > end[row->table])
            end[row->table] = row_end;
    }
    for (int table = 0; table < REGISTER_TABLES; table++)
        registers->count[table] = end[table] - registers->start[table];
}

/* The counter as far as its register can count. */
static double wrapped(const struct profile_row *row, double value)
{
    double span = (double)row->rollover_milliwh / 1000;

    if (row->type == TYPE_F32 || row->type == TYPE_F64)
        return value;
    if (span == 0)
        span = ldexp(row->factor, 16 * register_type_words(row->type));
    return fmod(floor(value / row->factor) * row->factor, span);
}

void registers_show(struct registers *registers, int row_index, double value)
{
    /* the device's side of the row: it may say whatever the type holds */
    struct profile_row row = registers->profile->rows[row_index];
    struct error ignored;

    row.write.allowed = true;
    row.write.low = -HUGE_VAL;
    row.write.high = HUGE_VAL;
    if (point_kind_class(row.point) == POINT_CLASS_COUNTER)
        value = wrapped(&row, value);
    (void)profile_encode(&row, value, 0,
                         registers->words[row.table] + row.address - registers->start[row.table],
                         &ignored);
}

static const struct profile_row *writable_row_at(const struct profile *profile, int address)
{
    for (int i = 0; i < profile->row_count; i++)
        if (profile->rows[i].write.allowed && profile->rows[i].address == address)
            return &profile->rows[i];
    return NULL;
}

static bool value_accepted(const struct profile_row *row, const uint16_t *words)
{
    enum reason reason;
    double value;

    return profile_decode(NULL, row, words, &value, &reason) == QUALITY_GOOD &&
           value >= row->write.low && value <= row->write.high;
}

int registers_check_write(const struct registers *registers, int address, int count,
                          const uint16_t *words)
{
    for (int done = 0; done < count;) {
        const struct profile_row *row = writable_row_at(registers->profile, address + done);

        if (row == NULL || done + register_type_words(row->type) > count)
            return REGISTERS_BAD_ADDRESS;
        if (!value_accepted(row, words + done))
            return REGISTERS_BAD_VALUE;
        done += register_type_words(row->type);
    }
    return REGISTERS_OK;
}

bool registers_written(const struct registers *registers, int row_index, int address, int count,
                       double *ret_value)
{
    const struct profile_row *row = &registers->profile->rows[row_index];
    enum reason reason;

    if (!row->write.allowed || row->address < address || row->address >= address + count)
        return false;
    return profile_decode(NULL, row,
                          registers->words[row->table] + row->address -
                              registers->start[row->table],
                          ret_value, &reason) == QUALITY_GOOD;
}
