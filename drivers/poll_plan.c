/* Joins register rows into blocks and keeps their due times. */
#include "drivers/poll_plan.h"

#include <assert.h>
#include <string.h>

static bool row_before(const struct profile_row *a, const struct profile_row *b)
{
    if (a->table != b->table)
        return a->table < b->table;
    if (a->every_ms != b->every_ms)
        return a->every_ms < b->every_ms;
    return a->address < b->address;
}

static int row_end(const struct profile_row *row)
{
    return row->address + register_type_words(row->type);
}

static const struct profile_row *row_at(const struct poll_plan *plan, int place)
{
    return &plan->profile->rows[plan->order[place]];
}

static int sort_rows(struct poll_plan *plan)
{
    const struct profile_row *rows = plan->profile->rows;
    int count = 0;
    for (int row = 0; row < plan->profile->row_count; row++) {
        if (rows[row].write.write_only)
            continue;
        int place = count++;
        for (; place > 0 && row_before(&rows[row], row_at(plan, place - 1)); place--)
            plan->order[place] = plan->order[place - 1];
        plan->order[place] = (uint16_t)row;
    }
    return count;
}

/* Sets what a block reads: `rows` rows of the order, from `first`. */
static void cover(const struct poll_plan *plan, struct poll_block *block, int first, int rows)
{
    const struct profile_row *head = row_at(plan, first);
    block->table = head->table;
    block->address = head->address;
    block->count = (uint16_t)(row_end(row_at(plan, first + rows - 1)) - head->address);
    block->first = (uint16_t)first;
    block->rows = (uint16_t)rows;
}

static bool row_joins(const struct poll_plan *plan, const struct poll_block *block, int place)
{
    const struct profile_row *head = row_at(plan, block->first);
    const struct profile_row *row = row_at(plan, place);
    return row->table == head->table && row->every_ms == head->every_ms &&
           row->address - (block->address + block->count) <= plan->profile->fill_holes &&
           row_end(row) - block->address <= plan->profile->max_registers;
}

void poll_plan_init(struct poll_plan *plan, const struct profile *profile)
{
    memset(plan, 0, sizeof(*plan));
    plan->profile = profile;
    int count = sort_rows(plan);
    struct poll_block *block = NULL;
    for (int place = 0; place < count; place++) {
        if (block != NULL && row_joins(plan, block, place)) {
            cover(plan, block, block->first, block->rows + 1);
        } else {
            block = &plan->blocks[plan->block_count++];
            cover(plan, block, place, 1);
        }
    }
}

/* Due when this round is nearer to the due time than the next one will be. */
static bool block_due(struct poll_block *block, int64_t every_ms, int64_t now_ms, int64_t round_ms)
{
    if (block->due_ms > now_ms + round_ms / 2)
        return false;
    block->due_ms += every_ms;
    if (block->due_ms <= now_ms)
        block->due_ms = now_ms + every_ms;
    return true;
}

int poll_plan_begin(struct poll_plan *plan, int64_t now_ms)
{
    int64_t round_ms = plan->last_ms == 0 ? 0 : now_ms - plan->last_ms;
    int pending = 0;
    for (int i = 0; i < plan->block_count; i++) {
        struct poll_block *block = &plan->blocks[i];
        block->pending = block_due(block, row_at(plan, block->first)->every_ms, now_ms, round_ms);
        pending += block->pending;
    }
    plan->last_ms = now_ms;
    return pending;
}

int poll_plan_next(const struct poll_plan *plan)
{
    for (int i = 0; i < plan->block_count; i++)
        if (plan->blocks[i].pending)
            return i;
    return -1;
}

bool poll_plan_split(struct poll_plan *plan, int block)
{
    assert(block >= 0 && block < plan->block_count);
    struct poll_block *low = &plan->blocks[block];
    int rows = low->rows;
    if (rows == 1)
        return false;
    assert(plan->block_count < LIMIT_PROFILE_ROWS); /* never more blocks than rows */
    struct poll_block *high = low + 1;
    memmove(high, low, sizeof(*low) * (size_t)(plan->block_count - block));
    plan->block_count++;
    cover(plan, low, low->first, rows / 2);
    cover(plan, high, low->first + rows / 2, rows - rows / 2);
    low->pending = high->pending = true;
    return true;
}
