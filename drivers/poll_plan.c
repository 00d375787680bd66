/* Joins register rows into blocks, keeps their due times, and learns what a
 * device refuses. */
#include "drivers/poll_plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/modbus_pdu.h"

enum {
    REFUSED_MS = 5000, /* until a row that was refused alone is asked again; doubles */
    REFUSED_MOST_MS = 30 * 60 * 1000,
    TROUBLE_MS = 10000,              /* after an exception that may pass */
    LEARNT_MS = 24 * 60 * 60 * 1000, /* what was refused so long ago is tried joined again: the
                                        device may only have been starting */
};

/* Sets */

static bool set_has(const struct poll_set *set, int place)
{
    return set->words[place / 64] >> place % 64 & 1;
}

static void set_add(struct poll_set *set, int place)
{
    set->words[place / 64] |= UINT64_C(1) << place % 64;
}

static void set_drop(struct poll_set *set, int place)
{
    set->words[place / 64] &= ~(UINT64_C(1) << place % 64);
}

/* The first member at or behind `from`, `end` when there is none. */
static int set_next(const struct poll_set *set, int from, int end)
{
    for (int word = from / 64; from < end; word++, from = 64 * word) {
        uint64_t rest = set->words[word] >> from % 64;
        if (rest != 0) {
            int place = from + __builtin_ctzll(rest);
            return place < end ? place : end;
        }
    }
    return end;
}

/* The plan */

static int end_of(const struct poll_place *place)
{
    return place->address + place->count;
}

static const struct profile_row *row_at(const struct poll_plan *plan, int place)
{
    return &plan->profile->rows[plan->order[place]];
}

static int find_together(const struct profile *profile, enum register_table table,
                         const struct poll_place *place)
{
    for (int i = 0; i < profile->block_count; i++) {
        const struct profile_block *block = &profile->blocks[i];
        if (block->table == table && place->address >= block->address &&
            end_of(place) <= block->address + block->count)
            return i;
    }
    return -1;
}

static struct poll_place place_of(const struct profile *profile, const struct profile_row *row)
{
    struct poll_place place = {.every_ms = row->every_ms};
    profile_row_span(row, &place.address, &place.count);
    place.together = (int8_t)find_together(profile, row->table, &place);
    return place;
}

/* Rows that are read together all have the period of the fastest. */
static int64_t common_every_ms(const struct profile *profile, const struct poll_place *place)
{
    int64_t every_ms = place->every_ms;
    for (int row = 0; row < profile->row_count; row++) {
        struct poll_place other = place_of(profile, &profile->rows[row]);
        if (place->together >= 0 && other.together == place->together && other.every_ms < every_ms)
            every_ms = other.every_ms;
    }
    return every_ms;
}

/* Rows that are read together stay together. */
static bool place_before(const struct poll_plan *plan, const struct profile_row *row,
                         const struct poll_place *place, int at)
{
    const struct profile_row *other_row = row_at(plan, at);
    const struct poll_place *other = &plan->places[at];
    if (row->table != other_row->table)
        return row->table < other_row->table;
    if (place->every_ms != other->every_ms)
        return place->every_ms < other->every_ms;
    if (place->together != other->together)
        return place->together < other->together;
    return place->address < other->address;
}

static void insert_row(struct poll_plan *plan, int row)
{
    const struct profile_row *r = &plan->profile->rows[row];
    struct poll_place place = place_of(plan->profile, r);
    place.every_ms = common_every_ms(plan->profile, &place);
    int at = plan->place_count++;
    for (; at > 0 && place_before(plan, r, &place, at - 1); at--) {
        plan->order[at] = plan->order[at - 1];
        plan->places[at] = plan->places[at - 1];
    }
    plan->order[at] = (uint8_t)row;
    plan->places[at] = place;
}

static struct poll_block block_of(const struct poll_plan *plan, int first, int rows)
{
    const struct poll_place *head = &plan->places[first];
    struct poll_block block = {
        .table = row_at(plan, first)->table, .first = (uint16_t)first, .rows = (uint16_t)rows};
    if (head->together >= 0) {
        block.address = plan->profile->blocks[head->together].address;
        block.count = plan->profile->blocks[head->together].count;
        return block;
    }
    int end = 0;
    for (int i = first; i < first + rows; i++)
        if (end_of(&plan->places[i]) > end)
            end = end_of(&plan->places[i]);
    block.address = head->address;
    block.count = (uint16_t)(end - head->address);
    return block;
}

/* Registers that belong together are part of no other read. */
static bool crosses(const struct profile *profile, const struct poll_block *read)
{
    for (int i = 0; i < profile->block_count; i++) {
        const struct profile_block *block = &profile->blocks[i];
        if (block->table == read->table && block->address < read->address + read->count &&
            read->address < block->address + block->count)
            return true;
    }
    return false;
}

static bool joins(const struct poll_plan *plan, int first, int at)
{
    const struct poll_place *head = &plan->places[first], *place = &plan->places[at];
    if (row_at(plan, at)->table != row_at(plan, first)->table ||
        place->every_ms != head->every_ms || place->together != head->together)
        return false;
    if (head->together >= 0)
        return true;
    struct poll_block before = block_of(plan, first, at - first);
    struct poll_block with = block_of(plan, first, at - first + 1);
    return place->address - (before.address + before.count) <= plan->profile->fill_holes &&
           with.count <= plan->profile->max_registers && !crosses(plan->profile, &with);
}

void poll_plan_init(struct poll_plan *plan, const struct profile *profile)
{
    memset(plan, 0, sizeof(*plan));
    plan->profile = profile;
    for (int row = 0; row < profile->row_count; row++)
        if (!profile->rows[row].write.write_only && !profile->rows[row].absent)
            insert_row(plan, row);
    for (int at = 0, first = 0; at < plan->place_count; at++) {
        if (at > 0 && joins(plan, first, at))
            continue;
        first = at;
        set_add(&plan->begins, at);
    }
}

int poll_plan_block_count(const struct poll_plan *plan)
{
    int count = 0;
    for (int at = 0; at < plan->place_count; at++)
        count += set_has(&plan->begins, at);
    return count;
}

struct poll_block poll_plan_block(const struct poll_plan *plan, int block)
{
    int first = set_next(&plan->begins, 0, plan->place_count);
    for (; block > 0; block--)
        first = set_next(&plan->begins, first + 1, plan->place_count);
    assert(first < plan->place_count);
    return block_of(plan, first, set_next(&plan->begins, first + 1, plan->place_count) - first);
}

void poll_plan_row(const struct poll_plan *plan, int row, uint16_t *ret_address,
                   uint16_t *ret_count)
{
    const struct profile_row *r = &plan->profile->rows[row];
    struct poll_place place = place_of(plan->profile, r);
    bool together = place.together >= 0;
    const struct profile_block *block = &plan->profile->blocks[together ? place.together : 0];
    *ret_address = together ? block->address : place.address;
    *ret_count = together ? block->count : place.count;
}

/* One device */

struct poll_state *poll_state_create(const struct poll_plan *plan, uint32_t phase)
{
    struct poll_state *state =
        calloc(1, sizeof(*state) + sizeof(state->due[0]) * (size_t)plan->place_count);
    if (state == NULL)
        return NULL;
    state->plan = plan;
    state->phase = phase;
    state->probe = -1;
    state->begins = plan->begins;
    return state;
}

/* The block, as it is split by now, that the place is in. */
static struct poll_block block_around(const struct poll_state *state, int place)
{
    int first = place;
    while (!set_has(&state->begins, first))
        first--;
    return block_of(state->plan, first,
                    set_next(&state->begins, place + 1, state->plan->place_count) - first);
}

/* Slow blocks are read once at the start and then spread over their period. */
static int64_t first_wait_ms(const struct poll_state *state, int place, int64_t every_ms)
{
    uint32_t part = (state->phase + (uint32_t)place) * 2654435761u >> 16;
    return every_ms * (1 + part) / 65536;
}

static bool begin_block(struct poll_state *state, int place, int64_t now_ms, int64_t round_ms)
{
    int64_t every_ms = state->plan->places[place].every_ms;
    struct poll_due *due = &state->due[place];
    if (due->due_ms > now_ms + round_ms / 2)
        return false;
    if (due->due_ms == 0)
        due->due_ms = now_ms + first_wait_ms(state, place, every_ms);
    else
        due->due_ms += every_ms;
    if (due->due_ms <= now_ms)
        due->due_ms = now_ms + every_ms;
    set_add(&state->pending, place);
    return true;
}

/* When the clock was set back, so is what is due. */
static void follow_clock(struct poll_state *state, int64_t now_ms)
{
    if (now_ms >= state->last_ms)
        return;
    for (int i = 0; i < state->plan->place_count; i++)
        if (state->due[i].due_ms != 0)
            state->due[i].due_ms += now_ms - state->last_ms;
    if (state->learnt_ms != 0)
        state->learnt_ms += now_ms - state->last_ms;
    state->last_ms = now_ms;
}

static bool nothing_pending(const struct poll_state *state)
{
    int count = state->plan->place_count;
    return state->probe < 0 && set_next(&state->pending, 0, count) == count;
}

static void forget_refusals(struct poll_state *state, int64_t now_ms)
{
    if (state->learnt_ms == 0 || now_ms - state->learnt_ms < LEARNT_MS || !nothing_pending(state))
        return;
    state->begins = state->plan->begins;
    state->learnt_ms = 0;
}

bool poll_begin(struct poll_state *state, int64_t now_ms)
{
    int count = state->plan->place_count;
    bool overrun = false;
    follow_clock(state, now_ms);
    forget_refusals(state, now_ms);
    int64_t round_ms = state->last_ms == 0 ? 0 : now_ms - state->last_ms;
    for (int i = set_next(&state->begins, 0, count); i < count;
         i = set_next(&state->begins, i + 1, count)) {
        bool left = set_has(&state->pending, i);
        overrun |= begin_block(state, i, now_ms, round_ms) && left;
    }
    state->last_ms = now_ms;
    return overrun;
}

bool poll_next(const struct poll_state *state, struct poll_block *ret_block)
{
    if (state->probe >= 0) {
        *ret_block = block_of(state->plan, state->probe, 1);
        return true;
    }
    int count = state->plan->place_count, best = -1;
    for (int i = set_next(&state->pending, 0, count); i < count;
         i = set_next(&state->pending, i + 1, count))
        if (best < 0 || state->due[i].due_ms < state->due[best].due_ms)
            best = i;
    if (best < 0)
        return false;
    *ret_block = block_of(state->plan, best, set_next(&state->begins, best + 1, count) - best);
    return true;
}

/* A block begins at `place`, with the times of the block that it was a part of.
 */
static void split_at(struct poll_state *state, int place)
{
    struct poll_block whole = block_around(state, place);
    state->due[place] = state->due[whole.first];
    state->learnt_ms = state->last_ms;
    set_add(&state->begins, place);
    set_add(&state->pending, place);
}

void poll_read(struct poll_state *state, const struct poll_block *block)
{
    if (state->probe >= 0) { /* it works alone: its neighbours are what is refused */
        struct poll_block whole = block_around(state, block->first);
        split_at(state, block->first);
        if (block->first + 1 < whole.first + whole.rows)
            split_at(state, block->first + 1);
        state->probe = -1;
    }
    set_drop(&state->pending, block->first);
    state->due[block->first].refusals = 0;
}

/* The end of a read without values: of a row that was tried alone, that of its
 * whole block. */
static void close_block(struct poll_state *state, struct poll_block *block)
{
    state->probe = -1;
    *block = block_around(state, block->first);
    set_drop(&state->pending, block->first);
}

void poll_failed(struct poll_state *state, struct poll_block *block)
{
    close_block(state, block);
    if (state->due[block->first].due_ms > state->last_ms)
        state->due[block->first].due_ms = state->last_ms;
}

static bool can_split(const struct poll_state *state, const struct poll_block *block)
{
    return block->rows > 1 && state->plan->places[block->first].together < 0;
}

static void ask_rarely(struct poll_state *state, const struct poll_block *block, uint8_t exception,
                       int64_t now_ms)
{
    struct poll_due *due = &state->due[block->first];
    int64_t wait_ms = REFUSED_MS;
    if (exception > MODBUS_ILLEGAL_VALUE) {
        if (due->due_ms > now_ms + TROUBLE_MS)
            due->due_ms = now_ms + TROUBLE_MS;
        return;
    }
    for (int i = 0; i < due->refusals && wait_ms < REFUSED_MOST_MS; i++)
        wait_ms *= 2;
    due->refusals += due->refusals < UINT8_MAX;
    due->due_ms = now_ms + (wait_ms < REFUSED_MOST_MS ? wait_ms : REFUSED_MOST_MS);
}

bool poll_refused(struct poll_state *state, struct poll_block *block, uint8_t exception,
                  int64_t now_ms)
{
    bool tried_alone = state->probe >= 0;
    if (!tried_alone && can_split(state, block)) {
        if (exception == MODBUS_ILLEGAL_ADDRESS || exception == MODBUS_ILLEGAL_VALUE) {
            split_at(state, block->first + block->rows / 2);
            return true;
        }
        if (exception == MODBUS_ILLEGAL_FUNCTION || exception == MODBUS_DEVICE_FAILURE) {
            state->probe = block->first + state->probes++ % block->rows;
            return true;
        }
    }
    close_block(state, block);
    ask_rarely(state, block, exception, now_ms);
    return false;
}
