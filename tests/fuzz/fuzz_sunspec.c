/* Any registers as a SunSpec device: the walk ends, what it keeps lies one behind the other inside
 * the address range, and every row that is bound lies inside its model and can be decoded.
 *
 * Input: a byte that chooses the base (3: no marker), a byte after how many registers one is
 * refused (0: none), then registers from behind the marker on; what follows is refused. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/sunspec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MOST = 3 + SUNSPEC_MODELS + 1, READ_MOST = 125 };

struct server {
    const uint8_t *bytes;
    size_t count; /* registers behind the marker */
    uint32_t base;
    unsigned period; /* every so many registers one is refused */
};

static void require(int truth)
{
    if (!truth)
        abort();
}

static bool register_at(const struct server *server, uint32_t address, uint16_t *ret_value)
{
    static const uint16_t MARKER[] = {0x5375, 0x6E53};

    if (address < server->base || address - server->base >= server->count + 2)
        return false;
    uint32_t place = address - server->base;
    if (place < 2) {
        *ret_value = MARKER[place];
        return true;
    }
    const uint8_t *bytes = server->bytes + 2 * (size_t)(place - 2);
    *ret_value = (uint16_t)(bytes[0] << 8 | bytes[1]);
    return server->period == 0 || place % server->period != 0;
}

static bool server_read(const struct server *server, uint32_t address, int count,
                        uint16_t *ret_registers)
{
    require(address + (uint32_t)count <= 65536 && count <= READ_MOST);
    for (int i = 0; i < count; i++)
        if (!register_at(server, address + (uint32_t)i, &ret_registers[i]))
            return false;
    return true;
}

static void walk_server(const struct server *server, struct sunspec_walk *walk)
{
    uint16_t address, count, registers[READ_MOST];
    int steps = 0;

    sunspec_walk_begin(walk);
    while (sunspec_walk_next(walk, &address, &count)) {
        require(++steps <= STEPS_MOST);
        bool read = server_read(server, address, count, registers);
        sunspec_walk_take(walk, read ? registers : NULL);
    }
    require(walk->done != walk->failed);
    require(walk->done ? walk->chain.count > 0 : walk->error.text[0] != '\0');
}

static void check_chain(const struct sunspec_chain *chain)
{
    uint32_t from = chain->base + 2u;

    for (int i = 0; i < chain->count; i++) {
        require(chain->models[i].address == from && chain->models[i].length > 0);
        from += 2u + chain->models[i].length;
        require(from <= 65536);
    }
}

/* Rows for all points of a model, whatever they mean to us: as states they need no unit. */
static void fill_profile(uint16_t model, struct profile *profile)
{
    int count;
    const struct sunspec_point *points = sunspec_model_points(model, &count);

    profile->row_count = count < LIMIT_PROFILE_ROWS ? count : LIMIT_PROFILE_ROWS;
    for (int i = 0; i < profile->row_count; i++) {
        struct profile_row *row = &profile->rows[i];
        *row = (struct profile_row){.point = i % 2 ? POINT_POWER : POINT_STATE,
                                    .factor = 1,
                                    .low = -HUGE_VAL,
                                    .high = HUGE_VAL,
                                    .sunspec_count = 1};
        row->sunspec[0].model = model;
        snprintf(row->sunspec[0].point, sizeof(row->sunspec[0].point), "%s", points[i].name);
    }
}

static void check_row(const struct server *server, const struct sunspec_chain *chain,
                      const struct profile_row *row)
{
    uint16_t address, count, registers[READ_MOST];
    double value = (double)NAN;
    enum reason reason;
    int inside = 0;

    profile_row_span(row, &address, &count);
    for (int i = 0; i < chain->count; i++) {
        const struct sunspec_model *model = &chain->models[i];
        inside += address > model->address && address + count <= model->address + 2 + model->length;
    }
    require(inside == 1);
    if (server_read(server, address, count, registers) &&
        profile_decode(NULL, row, registers + (row->address - address), &value, &reason) ==
            QUALITY_GOOD)
        require(isfinite(value));
}

static bool seen_before(const struct sunspec_chain *chain, int model)
{
    for (int i = 0; i < model; i++)
        if (chain->models[i].id == chain->models[model].id)
            return true;
    return sunspec_model_name(chain->models[model].id) == NULL;
}

static void check_models(const struct server *server, const struct sunspec_chain *chain)
{
    static struct profile profile, bound;

    profile.sunspec = true;
    profile.max_registers = READ_MOST;
    for (int m = 0; m < chain->count; m++) {
        if (seen_before(chain, m))
            continue;
        fill_profile(chain->models[m].id, &profile);
        int offered = sunspec_bind(chain, &profile, &bound);
        for (int i = 0; i < bound.row_count; i++) {
            if (bound.rows[i].absent)
                continue;
            check_row(server, chain, &bound.rows[i]);
            offered--;
        }
        require(offered == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t BASES[] = {40000, 0, 50000, 1234};
    struct sunspec_walk walk;

    if (size < 2)
        return 0;
    struct server server = {
        .bytes = data + 2, .count = (size - 2) / 2, .base = BASES[data[0] % 4], .period = data[1]};
    walk_server(&server, &walk);
    check_chain(&walk.chain);
    check_models(&server, &walk.chain);
    return 0;
}
